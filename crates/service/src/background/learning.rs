//! Starts `alongside learn` as a child process, on a schedule or after enough new orders.
//!
//! A process of its own can neither block decisions nor take them down with it; the kernel gives
//! it what the server leaves over.

use super::pause;
use crate::clock::Stopwatch;
use crate::state::AppState;
use events::EventKind;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// What is kept of the child's last words.
const MAX_WORDS: usize = 4_096;
const NICENESS: &str = "15";

/// When to learn, and by which command.
#[derive(Clone, Debug)]
pub struct LearnSchedule {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub every: Option<Duration>,
    /// Purchases acknowledged by this server since the last run.
    pub after_orders: Option<u64>,
}

impl LearnSchedule {
    fn is_due(&self, since_last: Duration, n_new_orders: u64) -> bool {
        self.every.is_some_and(|every| every <= since_last)
            || self.after_orders.is_some_and(|n| 0 < n && n <= n_new_orders)
    }
}

pub(super) async fn run(state: AppState, schedule: LearnSchedule) {
    let mut since = Stopwatch::start();
    let mut n_orders_before = n_orders(&state);
    loop {
        pause().await;
        let n_new = n_orders(&state).saturating_sub(n_orders_before);
        if schedule.is_due(since.elapsed(), n_new) {
            since = Stopwatch::start();
            n_orders_before = n_orders(&state);
            learn_once(&state, &schedule).await;
        }
    }
}

fn n_orders(state: &AppState) -> u64 {
    state.inner.metrics.n_events_of(EventKind::Purchase)
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

    #[test]
    fn it_is_due_after_a_time_or_after_enough_orders() {
        let never = schedule("");
        assert!(!never.is_due(Duration::MAX, u64::MAX));
        let hourly = LearnSchedule { every: Some(Duration::from_secs(3_600)), ..schedule("") };
        assert!(!hourly.is_due(Duration::from_secs(3_599), u64::MAX));
        assert!(hourly.is_due(Duration::from_secs(3_600), 0));
        let by_orders = LearnSchedule { after_orders: Some(2), ..schedule("") };
        assert!(!by_orders.is_due(Duration::MAX, 1));
        assert!(by_orders.is_due(Duration::ZERO, 2));
        let zero = LearnSchedule { after_orders: Some(0), ..schedule("") };
        assert!(!zero.is_due(Duration::ZERO, 0), "0 is never, not always");
    }
}
