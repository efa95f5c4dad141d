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
/// Stands in a folder whose store the demo made: only such a folder is served or cleared.
const MARKER: &str = "demo.txt";
const MARKER_TEXT: &str = "The store in this folder was made by `alongside demo`, which clears it \
    when told --fresh.\n";
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
    make_room(&dir, args.fresh)?;
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

/// Sees to it that the folder holds a store of the demo or none; no other is touched.
fn make_room(dir: &Path, fresh: bool) -> anyhow::Result<()> {
    let is_store = Store::is_at(dir);
    if !dir.join(MARKER).is_file() {
        anyhow::ensure!(
            !is_store,
            "{} holds a store that the demo did not make, and it was not touched; name another \
             folder with --dir, or look at this one with `alongside serve --shop --data-dir {0}`",
            dir.display()
        );
        return Ok(());
    }
    // Without a store: clearing it was broken off.
    if fresh || !is_store {
        Store::remove(dir)?;
        for name in ["keys.json", "keys.lock", MARKER] {
            match std::fs::remove_file(dir.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let text = format!("could not remove {name} in {}", dir.display());
                    return Err(anyhow::Error::new(error).context(text));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Imports the sample and learns from it, unless that was done before.
async fn fill(dir: &Path) -> anyhow::Result<()> {
    if !Store::is_at(dir) {
        Store::open(dir, OpenMode::Create).await?.close().await;
        std::fs::write(dir.join(MARKER), MARKER_TEXT)
            .with_context(|| format!("could not write to {}", dir.display()))?;
    }
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
        // Ready in seconds: the ranker takes a minute more, and `learn` trains it.
        learn::run(dir, LearnArgs::without_ranker()).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_store_of_somebody_is_neither_cleared_nor_served() {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path(), OpenMode::Create).await.unwrap().close().await;
        let before = names(dir.path());
        for fresh in [false, true] {
            let refusal = make_room(dir.path(), fresh).unwrap_err().to_string();
            assert!(refusal.contains("--dir"), "{refusal}");
        }
        assert_eq!(names(dir.path()), before);
    }

    #[tokio::test]
    async fn a_demo_is_cleared_when_asked_and_strangers_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path(), OpenMode::Create).await.unwrap().close().await;
        std::fs::write(dir.path().join(MARKER), MARKER_TEXT).unwrap();
        std::fs::write(dir.path().join("holiday.jpg"), "x").unwrap();
        make_room(dir.path(), false).unwrap();
        assert!(Store::is_at(dir.path()));
        make_room(dir.path(), true).unwrap();
        assert_eq!(names(dir.path()), ["holiday.jpg"]);
    }
}
