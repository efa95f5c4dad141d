//! `cargo xtask test`: every test of the workspace, in the one profile that everything uses.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// What the test binaries said, summed up.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    n_passed: u64,
    n_failed: u64,
    n_ignored: u64,
    failed: BTreeSet<String>,
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<bool> {
    let started = Instant::now();
    let mut command = workspace.cargo();
    command.args(["test", "--release"]);
    if !names_a_package(args) {
        command.arg("--workspace");
    }
    if !args.iter().any(|arg| arg == "--no-run" || arg == "--no-fail-fast") {
        command.arg("--no-fail-fast");
    }
    command.args(args);
    match workspace.test_data() {
        Some(folder) => {
            println!("data sets: {}", folder.display());
            command.env("ALONGSIDE_TEST_DATA", folder);
        }
        None => println!(
            "data sets: none. Set ALONGSIDE_TEST_DATA to their folder; tests that need them are \
             skipped."
        ),
    }
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot run cargo test")?;
    let output = child.stdout.take().context("cargo test has no standard output")?;
    let tally = pass_on(BufReader::new(output), std::io::stdout().lock())?;
    let status = child.wait()?;
    print_summary(&tally, status.success(), started.elapsed().as_secs_f64());
    Ok(status.success())
}

/// `-p` and its like choose what is tested; without one it is everything.
fn names_a_package(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package") || arg == "--workspace")
}

/// Copies each line as it comes, and counts.
fn pass_on(output: impl BufRead, mut to: impl Write) -> Result<Tally> {
    let mut tally = Tally::default();
    for line in output.split(b'\n') {
        let line = line?;
        to.write_all(&line)?;
        to.write_all(b"\n")?;
        to.flush()?;
        tally.note(&String::from_utf8_lossy(&line));
    }
    Ok(tally)
}

impl Tally {
    fn note(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.n_passed += count_before(result, " passed");
            self.n_failed += count_before(result, " failed");
            self.n_ignored += count_before(result, " ignored");
        } else if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failed.insert(name.to_owned());
        }
    }
}

/// The number in front of `word`: 12 in `ok. 12 passed; 0 failed`.
fn count_before(text: &str, word: &str) -> u64 {
    text.split_once(word)
        .and_then(|(before, _)| before.rsplit(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn print_summary(tally: &Tally, is_ok: bool, seconds: f64) {
    for name in &tally.failed {
        println!("failed: {name}");
    }
    println!(
        "{}: {} tests passed, {} failed, {} ignored, in {seconds:.0} s",
        if is_ok { "ok" } else { "FAILED" },
        tally.n_passed,
        tally.n_failed,
        tally.n_ignored
    );
    if !is_ok && tally.n_failed == 0 {
        println!("no test failed: see the error of cargo or of the crashed test binary above");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_cargo_test_prints() {
        let output = "\
running 2 tests
test ranking::one ... ok
test ranking::two ... FAILED
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s
test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s
";
        let mut copy = Vec::new();
        let tally = pass_on(output.as_bytes(), &mut copy).unwrap();
        assert_eq!(copy, output.as_bytes());
        assert_eq!((tally.n_passed, tally.n_failed, tally.n_ignored), (13, 1, 3));
        assert_eq!(tally.failed.into_iter().collect::<Vec<_>>(), ["ranking::two"]);
    }

    #[test]
    fn a_package_named_by_the_caller_replaces_the_workspace() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(names_a_package(&args("-p events")));
        assert!(names_a_package(&args("--package=events --lib")));
        assert!(!names_a_package(&args("--lib")));
        assert!(!names_a_package(&args("-- -p")));
    }
}
