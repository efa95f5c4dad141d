//! Answers over HTTP under `wrk`: 64 connections on loopback, keep-alive, varying requests, warmed
//! up; each case against a bare handler on the same stack that returns the same bytes.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::report::Report;
use super::{Bench, child, commands, history, http};

const CASES: [&str; 3] = ["pdp", "cart", "home"];
const N_BODIES: u32 = 10_000;
const WARM_UP_S: u64 = 3;
const PATH: &str = "/v1/recommend";
/// The bar: share of the bare handler's requests a second.
const SHARE: f64 = 0.5;

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let wrk = Command::new("wrk").arg("-v").output();
    if wrk.is_err() {
        report.note("serve: `wrk` is not in the PATH; install it (apt install wrk)".into());
        return Ok(());
    }
    let seconds = bench.number("--seconds", 20)?;
    let program = bench.alongside()?;
    let data = history::learned_sample(bench, &program)?;
    for case in CASES {
        let bodies = bench.folder.join(format!("requests-{case}.txt"));
        let made =
            child::run(&mut commands::requests(&program, &data, case, N_BODIES), &bench.folder)?;
        std::fs::write(&bodies, &made.stdout)?;
        let first = made.stdout.lines().next().context("no request bodies")?;

        let address = http::free_address()?;
        let ours = Server::start(commands::serve(&program, &data, &address))?;
        http::wait_until_up(&address, "GET", "/health/ready")?;
        let answer = http::ask(&address, "POST", PATH, first)?;
        let our_load = load(bench, &address, &bodies, seconds)?;
        let peak_mb = ours.peak_mb();
        drop(ours);

        let body = bench.folder.join("bare-body.json");
        std::fs::write(&body, &answer)?;
        let address = http::free_address()?;
        let bare = Server::start(commands::bare_server(&program, &body, &address))?;
        http::wait_until_up(&address, "POST", PATH)?;
        let bare_load = load(bench, &address, &bodies, seconds)?;
        drop(bare);
        tell(case, answer.len(), &our_load, &bare_load, peak_mb, report);
    }
    Ok(())
}

fn tell(
    case: &str,
    n_bytes: usize,
    ours: &Value,
    bare: &Value,
    peak_mb: Option<f64>,
    report: &mut Report,
) {
    let rate = |load: &Value| load["requests_per_s"].as_f64().unwrap_or(f64::NAN);
    let mut load = ours.clone();
    load["answer_bytes"] = n_bytes.into();
    load["peak_mb"] = peak_mb.into();
    load["share_of_bare"] = (rate(ours) / rate(bare)).into();
    report.row_of(case, "alongside", &load);
    report.row_of(case, "bare handler", bare);
    let share = rate(ours) / rate(bare);
    report.bar(&format!("{case}: share of the bare handler"), share, share >= SHARE);
    for (who, load) in [("alongside", ours), ("bare handler", bare)] {
        let n_errors = load["n_errors"].as_f64().unwrap_or(f64::NAN);
        report.bar(&format!("{case}: errors of {who}"), n_errors, n_errors == 0.0);
    }
}

/// Warm-up, then the run that counts. The script prints its summary as JSON.
fn load(bench: &Bench<'_>, address: &str, bodies: &Path, seconds: u64) -> Result<Value> {
    let run = |seconds: u64| {
        let mut command = Command::new("wrk");
        command.args(["-t2", "-c64", &format!("-d{seconds}s"), "-s"]);
        command.arg(bench.script("wrk/post.lua"));
        command.arg(format!("http://{address}{PATH}"));
        command.env("WRK_BODIES", bodies);
        child::run(&mut command, &bench.folder)
    };
    run(WARM_UP_S)?;
    run(seconds)?.answer()
}

/// A server that ends with its owner.
struct Server(Child);

impl Server {
    fn start(mut command: Command) -> Result<Server> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        Ok(Server(child))
    }

    /// The most memory it ever held, where the kernel tells (Linux).
    fn peak_mb(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kilobytes / 1e3)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it must be waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_bar_is_half_of_the_bare_handler_without_errors() {
        let load = |rate: u64, n_errors: u64| json!({"requests_per_s": rate, "n_errors": n_errors});
        let is_ok = |ours: Value, bare: Value| {
            let mut report = Report::new("serve", String::new());
            tell("cart", 900, &ours, &bare, Some(50.0), &mut report);
            report.is_ok()
        };
        assert!(is_ok(load(50, 0), load(100, 0)));
        assert!(!is_ok(load(49, 0), load(100, 0)));
        assert!(!is_ok(load(50, 1), load(100, 0)));
        assert!(!is_ok(json!({}), load(100, 0)));
    }

    #[test]
    fn a_server_is_ended_and_its_memory_told() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let server = Server::start(command).unwrap();
        let pid = server.0.id();
        if cfg!(target_os = "linux") {
            assert!(server.peak_mb().is_some_and(|peak| peak > 0.0));
        }
        let started = std::time::Instant::now();
        drop(server);
        assert!(started.elapsed().as_secs() < 30, "it was waited for, not ended");
        assert!(!Path::new(&format!("/proc/{pid}/status")).exists());
    }
}
