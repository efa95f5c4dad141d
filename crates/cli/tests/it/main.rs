//! The real binary, as a person at a terminal uses it.

mod arrivals;
mod bad_input;
mod decisions;
mod doubts;
mod experiments;
mod files;
mod imports;
mod intake;
mod joins;
mod journey;
mod marks;
mod policies;
mod proof;
mod relations;
mod responders;
mod shares;
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

    /// Runs, expects success, and reads the last line of standard output as JSON. A report is read
    /// both in memory and by way of temporary files: each says the same.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let told = self.json_once(args);
        if args[0] == "report" {
            let by_files = self.json_once(&[args, &["--memory", "0"]].concat());
            expect_alike(&told, &by_files, "report");
        }
        told
    }

    fn json_once(&self, args: &[&str]) -> Value {
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

/// The same but for the last digits of numbers: sums of floats depend on the order.
fn expect_alike(one: &Value, other: &Value, at: &str) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names = |object: &serde_json::Map<String, Value>| -> Vec<String> {
                object.keys().cloned().collect()
            };
            assert_eq!(names(one), names(other), "{at}");
            for (name, value) in one.iter().filter(|(name, _)| *name != "to" && *name != "days") {
                expect_alike(value, &other[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len(), "{at}: {one:?} and {other:?}");
            for (idx, (one, other)) in one.iter().zip(other).enumerate() {
                expect_alike(one, other, &format!("{at}[{idx}]"));
            }
        }
        (Value::Number(one), Value::Number(other)) => {
            let [one, other] = [one, other].map(|number| number.as_f64().expect("a number"));
            // Intervals depend a little on the days so far, and the clock goes on.
            let most = 1e-6 * (1.0 + one.abs().max(other.abs()));
            assert!((one - other).abs() <= most, "{at}: {one} and {other}");
        }
        (Value::String(one), Value::String(other)) => {
            assert_eq!(one.split(' ').count(), other.split(' ').count(), "{at}: {one} and {other}");
            let words = one.split(' ').zip(other.split(' '));
            for (one_word, other_word) in words.filter(|(one, other)| one != other) {
                assert!(are_rounded_alike(one_word, other_word), "{at}: {one} and {other}");
            }
        }
        _ => assert_eq!(one, other, "{at}"),
    }
}

/// Numbers within words that differ by one in the last place: half-way cases fall either way.
fn are_rounded_alike(one: &str, other: &str) -> bool {
    let number = |word: &str| -> Option<f64> {
        word.trim_matches(|c: char| !c.is_ascii_digit()).replace(',', "").parse().ok()
    };
    let n_places = one.rsplit_once('.').map_or(0, |(_, places)| places.len() as i32);
    let step = 10_f64.powi(-n_places);
    number(one).zip(number(other)).is_some_and(|(one, other)| (one - other).abs() <= step * 1.01)
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
