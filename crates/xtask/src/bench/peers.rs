//! The peers' side: Python packages in an environment of their own below `target/bench`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::commands::THREADS;

/// The versions that the numbers in docs/BENCHMARKS.md were measured with.
const PACKAGES: [&str; 5] =
    ["numpy==2.4.6", "scipy==1.17.1", "pyarrow==26.0.1", "duckdb==2.0.0", "polars==2.1.0"];

/// The interpreter of the peers' environment, which is made if it is missing.
pub(crate) fn python(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("peers");
    let python = environment.join("bin/python");
    let stamp = environment.join("installed.txt");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!("installing the peers into {}: {}", environment.display(), PACKAGES.join(" "));
    quiet(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    quiet(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    std::fs::write(&stamp, wanted).context("cannot write below target/bench")?;
    Ok(python)
}

fn quiet(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{:?}: {}", command.get_program(), said.lines().next_back().unwrap_or("failed"));
    }
    Ok(())
}

/// A script of ours that calls a peer, held to two threads.
pub(crate) fn script(python: &Path, script: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(script);
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"] {
        command.env(name, THREADS);
    }
    command
}
