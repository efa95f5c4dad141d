//! Starts `alongside learn` as a child process, on a schedule or after enough new orders.
//!
//! A process of its own can neither block decisions nor take them down with it; the kernel gives
//! it what the server leaves over.

use crate::clock::Stopwatch;
use crate::ledger::LedgerFault;
use crate::state::{AppState, Inner, source_of};
use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// What is kept of the child's last words.
const MAX_WORDS: usize = 4_096;
const NICENESS: &str = "15";
/// Counting the orders reads the manifest.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// When to learn, and by which command.
#[derive(Clone, Debug)]
pub struct LearnSchedule {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub every: Option<Duration>,
    /// Orders in the store, imported ones too, that the snapshot in use does not know.
    pub after_orders: Option<NonZeroU64>,
}

/// How things stand when it is asked whether to learn.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// Of the snapshot in use; `None` before the first.
    snapshot_age: Option<Duration>,
    n_orders: u64,
    /// Of them, those that the snapshot in use knows.
    n_learned: u64,
    /// How long ago this process learned last, and how many orders there were then. A run that
    /// failed is not repeated at once.
    last_run: Option<(Duration, u64)>,
}

impl LearnSchedule {
    fn is_due(&self, standing: &Standing) -> bool {
        if standing.n_orders == 0 {
            return false;
        }
        let by_time = |every: Duration| {
            standing.snapshot_age.is_none_or(|age| every <= age)
                && standing.last_run.is_none_or(|(ago, _)| every <= ago)
        };
        let by_orders = |n: NonZeroU64| {
            let is_new_since = |before: u64| n.get() <= standing.n_orders.saturating_sub(before);
            is_new_since(standing.n_learned)
                && standing.last_run.is_none_or(|(_, before)| is_new_since(before))
        };
        self.every.is_some_and(by_time) || self.after_orders.is_some_and(by_orders)
    }
}

pub(super) async fn run(state: AppState, schedule: LearnSchedule) {
    let mut last_run: Option<(Stopwatch, u64)> = None;
    let mut was_fine = true;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let last = last_run.map(|(since, n_orders)| (since.elapsed(), n_orders));
        match standing_of(&state.inner, last).await {
            Ok(standing) => {
                was_fine = true;
                if schedule.is_due(&standing) {
                    last_run = Some((Stopwatch::start(), standing.n_orders));
                    learn_once(&state, &schedule).await;
                }
            }
            Err(fault) if was_fine => {
                was_fine = false;
                tracing::error!(%fault, "the orders of the store cannot be counted");
            }
            Err(_) => {}
        }
    }
}

/// From the store and the snapshot, not from what this process has counted: a restart forgets
/// nothing, and orders that another process imported count as well.
async fn standing_of(
    inner: &Inner,
    last_run: Option<(Duration, u64)>,
) -> Result<Standing, LedgerFault> {
    let n_orders = inner.ledger.n_orders().await?;
    let served = inner.served.load();
    let learned = ["orders_in_segments", "orders_in_tail"];
    let learned = learned.map(|name| source_of::<u64>(&served.world, name).unwrap_or(0));
    Ok(Standing {
        snapshot_age: inner.snapshot_age_s(&served).map(Duration::from_secs_f64),
        n_orders,
        n_learned: learned.iter().sum(),
        last_run,
    })
}

/// One run; the watcher of snapshots takes up what it publishes.
async fn learn_once(state: &AppState, schedule: &LearnSchedule) {
    let inner = &state.inner;
    inner.metrics.n_learn_runs.add(1);
    tracing::info!(program = %schedule.program.display(), "learning started");
    let stopwatch = Stopwatch::start();
    let outcome = match spawn(schedule) {
        Ok(child) => wait(child).await,
        Err(error) => Err(format!("cannot start {}: {error}", schedule.program.display())),
    };
    let seconds = stopwatch.elapsed().as_secs();
    match outcome {
        Ok(()) => {
            tracing::info!(seconds, "learning done");
            inner.health.learn_succeeded();
        }
        Err(detail) => {
            tracing::error!(seconds, detail, "learning failed; the old snapshot stays in use");
            inner.metrics.n_learn_failures.add(1);
            inner.health.learn_failed(inner.clock.now(), detail);
        }
    }
}

/// Through `nice` where there is one; without it at normal priority.
fn spawn(schedule: &LearnSchedule) -> std::io::Result<Child> {
    let mut nice = Command::new("nice");
    nice.arg("-n").arg(NICENESS).arg(&schedule.program);
    match start(nice, schedule) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            start(Command::new(&schedule.program), schedule)
        }
        started => started,
    }
}

fn start(mut command: Command, schedule: &LearnSchedule) -> std::io::Result<Child> {
    command
        .args(&schedule.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
}

async fn wait(mut child: Child) -> Result<(), String> {
    let mut words = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let mut buffer = [0; 1_024];
        while let Ok(n) = stderr.read(&mut buffer).await {
            if n == 0 {
                break;
            }
            words.extend_from_slice(&buffer[..n]);
            let n_over = words.len().saturating_sub(MAX_WORDS);
            words.drain(..n_over);
        }
    }
    let status = child.wait().await.map_err(|error| format!("cannot wait for it: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&words);
    let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{status}: {}", last.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestShop;

    fn schedule(script: &str) -> LearnSchedule {
        LearnSchedule {
            program: "sh".into(),
            arguments: vec!["-c".into(), script.into()],
            every: None,
            after_orders: None,
        }
    }

    #[tokio::test]
    async fn a_failed_run_turns_health_yellow_until_one_succeeds() {
        let shop = TestShop::new();
        learn_once(&shop.state, &schedule("echo one >&2; echo out of memory >&2; exit 3")).await;
        let health = &shop.state.inner.health;
        assert_eq!(health.details(), ["exit status: 3: out of memory"]);
        assert_eq!(shop.get("/health/ready").await.json()["status"], "yellow");
        learn_once(&shop.state, &schedule("exit 0")).await;
        assert_eq!(shop.get("/health/ready").await.json()["status"], "green");
        let lost = LearnSchedule { program: "/no/such/program".into(), ..schedule("") };
        learn_once(&shop.state, &lost).await;
        assert_eq!(shop.get("/health/ready").await.json()["status"], "yellow");
        let metrics = &shop.state.inner.metrics;
        assert_eq!((metrics.n_learn_runs.get(), metrics.n_learn_failures.get()), (3, 2));
    }

    #[tokio::test]
    async fn it_runs_at_low_priority() {
        let shop = TestShop::new();
        learn_once(&shop.state, &schedule("test $(nice) -ge 15")).await;
        assert_eq!(shop.state.inner.health.learn_failure(), None);
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn it_is_due_when_the_snapshot_is_old() {
        let hourly = LearnSchedule { every: Some(HOUR), ..schedule("") };
        let with = |snapshot_age, last_run| {
            hourly.is_due(&Standing { snapshot_age, last_run, n_orders: 9, n_learned: 9 })
        };
        assert!(with(None, None), "there is none yet");
        assert!(!with(Some(HOUR / 2), None), "a restart does not begin the hour anew");
        assert!(with(Some(HOUR), None));
        let just_now = Some((HOUR / 2, 9));
        assert!(!with(Some(HOUR * 2), just_now), "a run that failed is not repeated at once");
        assert!(with(Some(HOUR * 2), Some((HOUR, 9))));
        assert!(!hourly.is_due(&Standing::default()), "nothing can be learned from no orders");
        assert!(!schedule("").is_due(&Standing { n_orders: 9, ..Standing::default() }));
    }

    #[test]
    fn it_is_due_after_enough_orders() {
        let after = LearnSchedule { after_orders: NonZeroU64::new(2), ..schedule("") };
        let with = |n_orders, n_learned, last_run| {
            let snapshot_age = Some(Duration::ZERO);
            after.is_due(&Standing { snapshot_age, n_orders, n_learned, last_run })
        };
        assert!(!with(11, 10, None));
        assert!(with(12, 10, None));
        assert!(!with(12, 10, Some((HOUR, 12))), "the run that began then has not come into use");
        assert!(with(14, 10, Some((HOUR, 12))));
        assert!(!with(4, 10, None), "erased orders are no new ones");
    }

    #[tokio::test]
    async fn imported_orders_count_and_pages_do_not() {
        let shop = TestShop::new();
        shop.ledger.state().n_orders = 7;
        let claimed = r#"{"event_id":"1","event_name":"purchase","order_id":"o","items":["A"]}"#;
        shop.post("/v1/events", claimed).await;
        let standing = standing_of(&shop.state.inner, None).await.unwrap();
        assert_eq!((standing.n_orders, standing.n_learned), (7, 40));
        assert_eq!(standing.snapshot_age, Some(HOUR));
    }
}
