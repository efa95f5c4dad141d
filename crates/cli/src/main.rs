//! `alongside`: the one binary. The only place that reads configuration, environment and clock,
//! and wires the rest.
//!
//! Standard output is data (tables, JSON); progress and remarks go to standard error. Exit codes:
//! 0 done, 1 failed (the message says what, where and how to mend it), 2 wrong usage.

mod args;
mod clock;
mod commands;
mod languages;
mod show;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match args::Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    match commands::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            show::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// `alongside … | head` is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
