//! `alongside serve`: the HTTP API, the demo shop and the dashboard over one data directory.

use super::policy::policy_dir;
use super::retain::KeepArgs;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::Args;
use experiment::ExperimentDir;
use history::{OpenMode, Store};
use measure::assignment::key_of;
use service::holdout::HoldoutSettings;
use service::keys::KeyFile;
use service::ledger::StoreLedger;
use service::{AppState, Background, ChronicleDir, LearnSchedule, Settings, Upkeep};
use snapshot::SnapshotDir;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on. Beyond this machine only with keys (`alongside keys create`).
    #[arg(
        long,
        default_value = "127.0.0.1:8700",
        value_name = "ADDRESS",
        env = "ALONGSIDE_LISTEN"
    )]
    listen: SocketAddr,
    /// Pages of other sites that may call the API, like `https://shop.example`.
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    allowed_origins: Vec<String>,
    /// Names beside localhost by which this server is called while there are no keys.
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// Requests a second of one key.
    #[arg(long, value_name = "N")]
    per_key: Option<NonZeroU32>,
    /// Requests a second of one network address.
    #[arg(long, value_name = "N")]
    per_address: Option<NonZeroU32>,
    /// Believe X-Forwarded-For: only behind a proxy that sets it.
    #[arg(long)]
    trust_forwarded: bool,
    /// Learn anew when the snapshot is so many hours old.
    #[arg(long, value_name = "HOURS")]
    learn_every: Option<f64>,
    /// Learn anew when the store holds so many orders, live or imported, that the snapshot lacks.
    #[arg(long, value_name = "ORDERS")]
    learn_after: Option<NonZeroU64>,
    /// Percent of the customers (or visits, where nobody is known) that are shown nothing, so that
    /// `alongside report` can tell what the offers earn; 0: nobody [default: what this store was
    /// told last, 5 in a new one].
    #[arg(long, value_name = "PERCENT", env = "ALONGSIDE_HOLDOUT")]
    holdout: Option<f64>,
    /// Answers that are kept in memory, so that the same question is decided once while nothing
    /// changes; 0: none.
    #[arg(long, default_value_t = decide::memo::DEFAULT_CAPACITY, value_name = "N")]
    answers_kept: usize,
    /// Minutes between two looks at the guardrails of experiments: who harms is stopped; 0: never.
    #[arg(long, default_value_t = 15, value_name = "MINUTES")]
    guard_every: u32,
    #[command(flatten)]
    keep: KeepArgs,
    /// Serve the demo shop at /.
    #[arg(long)]
    shop: bool,
}

impl ServeArgs {
    /// The demo's shop at an address.
    pub(crate) fn of_demo(listen: SocketAddr) -> ServeArgs {
        ServeArgs {
            listen,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            per_key: None,
            per_address: None,
            trust_forwarded: false,
            learn_every: None,
            learn_after: NonZeroU64::new(500),
            // Who tries the shop out wants to see it.
            holdout: Some(0.0),
            answers_kept: decide::memo::DEFAULT_CAPACITY,
            guard_every: 0,
            keep: KeepArgs::default(),
            shop: true,
        }
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings {
            with_shop: self.shop,
            answers_kept: self.answers_kept,
            ..Settings::default()
        };
        settings.origins.allowed_origins.clone_from(&self.allowed_origins);
        settings.origins.allowed_hosts.clone_from(&self.allowed_hosts);
        settings.limits.trust_forwarded = self.trust_forwarded;
        if let Some(per_key) = self.per_key {
            settings.limits.per_key_per_second = per_key;
        }
        if let Some(per_address) = self.per_address {
            settings.limits.per_address_per_second = per_address;
        }
        settings
    }

    fn schedule(&self, dir: &Path) -> anyhow::Result<Option<LearnSchedule>> {
        if self.learn_every.is_none() && self.learn_after.is_none() {
            return Ok(None);
        }
        let every = match self.learn_every {
            Some(hours) if hours > 0.0 => {
                let every = Duration::try_from_secs_f64(hours * 3600.0);
                Some(every.with_context(|| format!("--learn-every {hours}: that is too long"))?)
            }
            Some(hours) => anyhow::bail!("--learn-every {hours}: give a number of hours above 0"),
            None => None,
        };
        let program = std::env::current_exe().context("could not find this program's own file")?;
        let arguments: Vec<OsString> =
            vec!["learn".into(), "--data-dir".into(), dir.as_os_str().to_owned(), "--nice".into()];
        Ok(Some(LearnSchedule { program, arguments, every, after_orders: self.learn_after }))
    }
}

/// A service that is ready to answer, with its background tasks.
pub(crate) struct Ready {
    pub state: AppState,
    store: Store,
    _background: Background,
}

/// Opens the store, loads the snapshot in force and starts what runs beside the requests.
pub(crate) async fn prepare(
    dir: &Path,
    args: &ServeArgs,
    attribution: Option<String>,
) -> anyhow::Result<Ready> {
    // What can be refused is refused before a store is made.
    let learn = args.schedule(dir)?;
    if let Some(percent) = args.holdout {
        anyhow::ensure!(
            (0.0..=100.0).contains(&percent),
            "--holdout {percent}: give a number of percent between 0 and 100"
        );
    }
    let keys = KeyFile::in_dir(dir);
    let mut settings = args.settings();
    settings.languages = crate::languages::read(dir)?;
    settings.attribution = attribution;
    settings.chronicle = Some(ChronicleDir::in_dir(dir));
    let mut ring = keys.load(settings.limits.per_key_per_second)?;
    let is_there = Store::is_at(dir);
    if !is_there {
        service::serve::check_address(args.listen, ring.is_open())?;
    }
    let store = Store::open(dir, OpenMode::Create).await?;
    if !is_there {
        show::note(format!(
            "{} held no store: a new one was made, and it is empty. Is --data-dir right?",
            dir.display()
        ));
    }
    if ring.is_open() && store.is_guarded().await? {
        show::note(format!(
            "{} is gone, so nobody gets in: bring it back from a backup, or make new keys with \
             `alongside keys create`.",
            keys.path().display()
        ));
        ring = ring.guarded();
    } else if !ring.is_open() {
        // Keys made by an older version.
        store.set_guarded().await?;
    }
    let holdout = holdout_of(&store, args.holdout).await?;
    if holdout > 0.0 {
        settings.holdout = HoldoutSettings::new(&store.store_id().await?, holdout);
    }
    settings.unit_key = key_of(&store.store_id().await?);
    let policies = policy_dir(&store).await?;
    if let Ok(Some(version)) = policies.current() {
        // Put in force by an older version of this program.
        store.remember_policy_version(version).await?;
    }
    let ledger = StoreLedger::start(store.clone())?;
    let state = AppState::new(Box::new(ledger), ring, service::clock::Clock::Wall, settings)?;
    let upkeep = Upkeep {
        snapshots: SnapshotDir::new(store.snapshots_dir()),
        keys,
        policies,
        experiments: ExperimentDir::in_dir(dir),
        learn,
        keep: args.keep.days(),
        guard: (args.guard_every > 0)
            .then(|| (store.clone(), Duration::from_secs(60 * u64::from(args.guard_every)))),
    };
    state.start(&upkeep).await?;
    let background = state.spawn_background(upkeep);
    Ok(Ready { state, store, _background: background })
}

/// The share that is held out from now on: what is asked for, else what the store was told last.
/// Kept for the report; a change is told, for it moves customers from one arm to the other.
async fn holdout_of(store: &Store, percent: Option<f64>) -> anyhow::Result<f64> {
    let before = store.holdout_share().await?;
    let share = match (percent, before) {
        (Some(percent), _) => percent / 100.0,
        (None, Some(before)) => before,
        (None, None) => proof::DEFAULT_HOLDOUT,
    };
    match before {
        Some(before) if (before - share).abs() > 1e-6 => show::note(format!(
            "The holdout was {} % and is {} % now: customers change arms. The report compares who \
             was first assigned under one share with each other; `alongside report --days` that \
             begins after the change leaves the others out.",
            before * 100.0,
            share * 100.0
        )),
        Some(before) if percent.is_none() && (before - proof::DEFAULT_HOLDOUT).abs() > 1e-6 => {
            show::note(format!(
                "{} % of the customers are held out, as this store was told before; --holdout \
                 changes it.",
                before * 100.0
            ));
        }
        _ => {}
    }
    store.set_holdout_share(share, clock::now()).await?;
    Ok(share)
}

/// Answers until told to stop, then lets requests finish and writes what was promised.
pub(crate) async fn answer(ready: Ready, listener: tokio::net::TcpListener) -> anyhow::Result<()> {
    let router = service::router(ready.state.clone());
    service::serve::serve(listener, router, stop_signal()).await;
    ready.state.flush().await;
    let store = ready.store.clone();
    drop(ready);
    store.close().await;
    Ok(())
}

pub(crate) async fn run(dir: &Path, args: ServeArgs) -> anyhow::Result<()> {
    start_log();
    let ready = prepare(dir, &args, None).await?;
    let listener = service::serve::listen(args.listen, ready.state.is_open()).await?;
    let address = listener.local_addr()?;
    if ready.state.is_open() {
        show::note(
            "There are no keys: everything on this machine may call. `alongside keys create` ends \
             that.",
        );
    }
    show::line(format!("listening on http://{address} (API page: http://{address}/docs)"))?;
    answer(ready, listener).await
}

/// Warnings and above to standard error; `RUST_LOG` says otherwise.
pub(crate) fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,service=info"));
    // A second call (tests) finds a log in place: that one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}

/// Resolves on Ctrl-C or a request to end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let mut terminate =
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(terminate) => terminate,
                Err(_) => {
                    let _ = interrupt.await;
                    return;
                }
            };
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupt.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_restart_holds_out_what_the_store_remembers() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let told = async {
            let store = Store::open(folder.path(), OpenMode::Create).await.expect("a new store");
            let mut told = Vec::new();
            for percent in [None, Some(50.0), None, Some(0.0), None] {
                told.push(holdout_of(&store, percent).await.expect("a share"));
            }
            (told, store.holdout_periods().await.expect("periods").len())
        };
        let told = tokio::runtime::Runtime::new().expect("a runtime").block_on(told);
        assert_eq!(told, (vec![0.05, 0.5, 0.5, 0.0, 0.0], 3));
    }
}
