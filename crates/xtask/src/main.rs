//! What developers and the continuous integration run: `cargo xtask test`, `tidy` and `bench`.
//!
//! Responsibility: one command each for all tests, all rules of the house, and the numbers of
//! docs/BENCHMARKS.md. Input: the workspace as it lies on disk. Output: text, an exit code, and
//! for benchmarks one JSON line a result under `target/bench/`.
//!
//! Invariants: imports nothing of ours, so it builds in seconds and can judge a workspace that does
//! not compile; installs nothing but what a benchmark's peers need, below `target/`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod run_tests;
mod tidy;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

const USAGE: &str = "\
cargo xtask test [ARGS…]           all tests (release); ARGS go to cargo test
cargo xtask tidy [--fast]          all rules of the house; --fast: only those that read text
cargo xtask bench [NAME] [ARGS…]   the list of benchmarks, or one of them";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let workspace = Workspace::find();
    let outcome = match args.split_first() {
        Some((task, rest)) => match task.as_str() {
            "test" => run_tests::run(&workspace, rest),
            "tidy" => tidy::run(&workspace, rest),
            "bench" => bench::run(&workspace, rest),
            "help" | "--help" | "-h" => {
                println!("{USAGE}");
                Ok(true)
            }
            other => Err(anyhow::anyhow!("no task named {other:?}\n\n{USAGE}")),
        },
        None => Err(anyhow::anyhow!("which task?\n\n{USAGE}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
