//! The real binary, as a person at a terminal uses it.

mod bad_input;
mod decisions;
mod doubts;
mod experiments;
mod imports;
mod intake;
mod joins;
mod journey;
mod policies;
mod proof;
mod relations;
mod tuning;
mod words;

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a store and the files of one test.
pub(crate) struct Desk {
    folder: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in the temporary folder");
        path
    }

    /// `alongside --data-dir STORE ARGS…`
    pub(crate) fn alongside(&self, args: &[&str]) -> Command {
        self.alongside_at(&self.store(), args)
    }

    pub(crate) fn alongside_at(&self, store: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alongside"));
        command.arg("--data-dir").arg(store).args(args).env_remove("ALONGSIDE_DATA_DIR");
        command
    }

    /// Runs, expects success, and reads the last line of standard output as JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.alongside(args).assert().success().get_output().stdout.clone();
        let text = String::from_utf8(output).expect("UTF-8");
        serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
    }

    /// Runs, expects failure, and returns what it said on standard error.
    pub(crate) fn refusal(&self, args: &[&str]) -> String {
        let output = self.alongside(args).assert().failure().get_output().stderr.clone();
        let text = String::from_utf8(output).expect("UTF-8");
        assert!(!text.contains("panicked"), "{text}");
        text
    }
}

/// Orders of a made-up shop with planted pairs.
pub(crate) fn made_up_orders(desk: &Desk, rows: u32) -> PathBuf {
    let file = desk.path("orders.csv");
    let rows = rows.to_string();
    let name = file.to_str().expect("UTF-8");
    desk.alongside(&["simulate", "orders", name, "--rows", &rows, "--items", "120", "--customers"])
        .arg("60")
        .assert()
        .success();
    file
}
