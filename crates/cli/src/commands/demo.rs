//! `alongside demo`: real orders, learned and served in one go.

use super::import::{self, ImportArgs};
use super::learn::{self, LearnArgs};
use super::serve::{self, ServeArgs};
use crate::clock::Stopwatch;
use crate::show;
use anyhow::Context;
use clap::Args;
use history::{OpenMode, Store};
use snapshot::SnapshotDir;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The orders of a real shop for gifts, as it exported them.
static SAMPLE: &[u8] = include_bytes!("../../../../samples/online_retail/online_retail.csv.zst");
const ATTRIBUTION: &str = "Orders: Online Retail, D. Chen (2015), UCI Machine Learning \
    Repository, https://doi.org/10.24432/C5BW33, CC BY 4.0";
const DEFAULT_PORT: u16 = 8700;
/// Ports tried after the asked one.
const N_PORTS: u16 = 20;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Port of the shop on this machine.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Folder of the demo's store [default: alongside-demo in the folder for temporary files].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Import and learn again even when the folder holds a demo already.
    #[arg(long)]
    fresh: bool,
    /// Stands for the option of the other commands, which the demo refuses and does not list.
    #[arg(id = "data_dir", long = "data-dir", alias = "data", hide = true, value_name = "DIR")]
    _data_dir: Option<PathBuf>,
}

pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    serve::start_log();
    let watch = Stopwatch::start();
    let dir = args.dir.unwrap_or_else(|| std::env::temp_dir().join("alongside-demo"));
    if args.fresh && dir.join("alongside.db").exists() {
        std::fs::remove_dir_all(&dir)
            .with_context(|| format!("could not clear {}", dir.display()))?;
    }
    show::note(format!("The demo's store is {}", dir.display()));
    fill(&dir).await?;
    let (listener, address) = listen(args.port).await?;
    let serve_args = ServeArgs::of_demo(address);
    let ready = serve::prepare(&dir, &serve_args, Some(ATTRIBUTION.to_owned())).await?;
    show::note(format!("Ready after {:.1} s. {ATTRIBUTION}.", watch.elapsed().as_secs_f64()));
    show::line(format!("The shop:      http://{address}/"))?;
    show::line(format!("The dashboard: http://{address}/dashboard"))?;
    show::line(format!("The API:       http://{address}/docs"))?;
    show::note("Ctrl-C ends it.");
    serve::answer(ready, listener).await
}

/// Imports the sample and learns from it, unless that was done before.
async fn fill(dir: &Path) -> anyhow::Result<()> {
    let is_empty = match Store::open(dir, OpenMode::ReadOnly).await {
        Ok(store) => store.status().await?.n_orders == 0,
        Err(_) => true,
    };
    if is_empty {
        let name = format!("online_retail-{}.csv.zst", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, SAMPLE)
            .with_context(|| format!("could not write {}", file.display()))?;
        let imported = import::run(dir, ImportArgs::of_demo(file.clone())).await;
        // A leftover in the folder for temporary files harms nobody.
        let _ = std::fs::remove_file(&file);
        imported?;
    }
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let is_learned = SnapshotDir::new(store.snapshots_dir()).open_current().is_ok();
    store.close().await;
    if !is_learned {
        learn::run(dir, LearnArgs::default()).await?;
    }
    Ok(())
}

/// The asked port, or the next that is free, and says so.
async fn listen(port: u16) -> anyhow::Result<(tokio::net::TcpListener, SocketAddr)> {
    let at = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    for next in port..=port.saturating_add(N_PORTS) {
        match service::serve::listen(at(next), true).await {
            Ok(listener) => {
                if next != port {
                    show::note(format!("Port {port} is busy, the shop is at {next} instead."));
                }
                let address = listener.local_addr()?;
                return Ok((listener, address));
            }
            Err(service::error::Error::AddressInUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    anyhow::bail!(
        "ports {port} to {} are busy; name a free one with --port",
        port.saturating_add(N_PORTS)
    )
}
