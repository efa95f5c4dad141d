//! One process, measured from outside: wall time, processor time and peak memory of exactly this
//! process, as the kernel counted them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_mb: f64,
    pub(crate) stdout: String,
}

impl Finished {
    /// The JSON object of the last line.
    pub(crate) fn answer(&self) -> Result<Value> {
        let last = self.stdout.lines().next_back().unwrap_or_default();
        serde_json::from_str(last).with_context(|| format!("the last line is no JSON: {last:?}"))
    }
}

/// Runs it to its end. What it says on standard error goes to a file in `folder` and is quoted
/// when it fails.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Result<Finished> {
    let errors = folder.join("last-stderr.txt");
    let to = File::create(&errors).context("cannot write below target/bench")?;
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(to)
        .spawn()
        .with_context(|| format!("cannot start {:?}", command.get_program()))?;
    let mut stdout = String::new();
    let mut pipe = child.stdout.take().context("the child has no standard output")?;
    pipe.read_to_string(&mut stdout).context("the child wrote no UTF-8")?;
    let usage = wait(child)?;
    let wall_s = started.elapsed().as_secs_f64();
    if usage.exit_code != Some(0) {
        let said = std::fs::read_to_string(&errors).unwrap_or_default();
        let tail: Vec<&str> = said.lines().rev().take(3).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("{:?} failed: {}", command.get_program(), tail.join(" | "));
    }
    Ok(Finished { wall_s, cpu_s: usage.cpu_s, peak_mb: usage.peak_mb, stdout })
}

struct Usage {
    /// `None` when a signal ended it.
    exit_code: Option<i32>,
    cpu_s: f64,
    peak_mb: f64,
}

#[allow(unsafe_code)]
fn wait(child: Child) -> Result<Usage> {
    let pid = libc::pid_t::try_from(child.id()).context("a process id beyond pid_t")?;
    let mut status = 0;
    // SAFETY: an all-zero rusage is valid: it has integer fields only.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals of the types that wait4 writes. The process is our
    // child and nobody has waited for it: `child` came here by value and `Child` does not wait
    // when it is dropped.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    drop(child);
    if waited != pid {
        return Err(std::io::Error::last_os_error()).context("cannot wait for the child");
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    // Kilobytes on Linux, bytes on macOS.
    let unit = if cfg!(target_os = "macos") { 1e6 } else { 1e3 };
    Ok(Usage {
        exit_code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak_mb: usage.ru_maxrss as f64 / unit,
    })
}

/// The run with the median wall time, of those given. `None` without runs.
pub(crate) fn median(mut runs: Vec<Finished>) -> Option<Finished> {
    runs.sort_by(|a, b| a.wall_s.total_cmp(&b.wall_s));
    let middle = runs.len().checked_sub(1)? / 2;
    Some(runs.swap_remove(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Finished> {
        let folder = tempfile::tempdir().unwrap();
        run(Command::new("sh").args(["-c", script]), folder.path())
    }

    #[test]
    fn a_child_is_measured_and_its_last_line_read() {
        let finished = shell("echo first; echo '{\"n_pairs\": 3}'").unwrap();
        assert_eq!(finished.answer().unwrap()["n_pairs"], 3);
        assert!(finished.wall_s > 0.0 && finished.wall_s < 60.0);
        assert!(finished.peak_mb > 0.1 && finished.peak_mb < 1_000.0, "{}", finished.peak_mb);
        assert!(shell("echo no json").unwrap().answer().is_err());
    }

    #[test]
    fn a_child_that_fails_is_quoted() {
        let error = shell("echo one >&2; echo two >&2; exit 3").unwrap_err().to_string();
        assert!(error.ends_with("failed: one | two"), "{error}");
        assert!(shell("kill -9 $$").is_err());
    }

    #[test]
    fn the_median_is_a_run_that_was() {
        let run = |wall_s| Finished { wall_s, cpu_s: 0.0, peak_mb: 0.0, stdout: String::new() };
        assert_eq!(median([3.0, 1.0, 2.0].map(run).to_vec()).unwrap().wall_s, 2.0);
        assert_eq!(median([3.0, 1.0].map(run).to_vec()).unwrap().wall_s, 1.0);
        assert!(median(Vec::new()).is_none());
    }
}
