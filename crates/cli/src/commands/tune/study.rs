//! The files of a study, below `tuning/` of the data directory: `study.jsonl`, one line a trial
//! behind a line that says of what history, and `chosen.json`, what `learn` takes. docs/tune.md.

use anyhow::{Context, bail};
use learn::study::{CASES, Measured, Setting};
use serde_json::{Map, Value, json};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const FORMAT: u64 = 1;

/// What a study is of: trials on another history are not comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub n_orders: u64,
    pub n_lines: u64,
    pub n_items: u64,
    /// The newest order.
    pub to: String,
    pub seed: u64,
}

impl Header {
    fn to_json(&self) -> Value {
        json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "orders": self.n_orders,
            "lines": self.n_lines,
            "items": self.n_items,
            "to": self.to,
            "seed": self.seed,
        })
    }
}

/// An open study: trials are added at its end, each durable before the next begins.
#[derive(Debug)]
pub(crate) struct Study {
    path: PathBuf,
    file: File,
}

type Trial = (Setting, Measured);

fn folder(dir: &Path) -> PathBuf {
    dir.join("tuning")
}

impl Study {
    /// The study of this history with the trials made so far, or a new one. One of another history
    /// is put aside as `study-old.jsonl`.
    pub(crate) fn open(
        dir: &Path,
        header: &Header,
        restart: bool,
    ) -> anyhow::Result<(Study, Vec<Trial>)> {
        let folder = folder(dir);
        std::fs::create_dir_all(&folder).with_context(|| told("make", &folder))?;
        let path = folder.join("study.jsonl");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| told("read", &path)),
        };
        let header = header.to_json().to_string();
        let mut lines = text.split_inclusive('\n');
        let is_same = lines.next().is_some_and(|first| first.trim_end() == header);
        let mut trials = Vec::new();
        let mut n_kept = header.len() + 1;
        if is_same && !restart {
            // A line without an end was being written when the run was interrupted.
            for line in lines.filter(|line| line.ends_with('\n')) {
                trials.push(trial_of(line).with_context(|| {
                    format!("{}: line {} is no trial", path.display(), trials.len() + 2)
                })?);
                n_kept += line.len();
            }
        } else if !text.is_empty() {
            let old = folder.join("study-old.jsonl");
            std::fs::rename(&path, &old).with_context(|| told("rename", &path))?;
            let why = if is_same { "begun anew" } else { "the history has changed: begun anew" };
            crate::show::note(format!("{why}; the study before is kept as {}", old.display()));
        }
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| told("write", &path))?;
        let mut study = Study { path, file };
        if trials.is_empty() {
            study.file.set_len(0)?;
            study.append(&header)?;
        } else {
            study.file.set_len(n_kept as u64)?;
        }
        Ok((study, trials))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn add(&mut self, setting: &Setting, measured: &Measured) -> anyhow::Result<()> {
        let letters = |ranks: &Vec<u8>| -> String {
            ranks.iter().map(|&rank| char::from_digit(rank.into(), 11).unwrap_or('0')).collect()
        };
        let ranks = CASES.iter().zip(&measured.ranks);
        let ranks: Map<String, Value> =
            ranks.map(|(case, ranks)| ((*case).to_owned(), json!(letters(ranks)))).collect();
        let line = json!({ "values": values_json(setting.values()), "ranks": ranks });
        self.append(&line.to_string())
    }

    fn append(&mut self, line: &str) -> anyhow::Result<()> {
        use std::io::Seek;
        self.file.seek(std::io::SeekFrom::End(0))?;
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.and_then(|()| self.file.sync_data()).with_context(|| told("write", &self.path))
    }
}

fn told(what: &str, path: &Path) -> String {
    format!("cannot {what} {}", path.display())
}

pub(crate) fn values_json<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> Value {
    values.map(|(name, value)| (name.to_owned(), json!(value))).collect::<Map<_, _>>().into()
}

fn trial_of(line: &str) -> anyhow::Result<Trial> {
    let trial: Value = serde_json::from_str(line)?;
    let setting = setting_of(&trial["values"])?;
    let mut measured = Measured::default();
    for (case, ranks) in CASES.iter().zip(&mut measured.ranks) {
        let letters =
            trial["ranks"][case].as_str().with_context(|| format!("no ranks of {case}"))?;
        let digits = letters.chars().map(|letter| letter.to_digit(11).map(|rank| rank as u8));
        *ranks = digits.collect::<Option<Vec<u8>>>().context("a rank is none of 0 to a")?;
    }
    Ok((setting, measured))
}

fn setting_of(values: &Value) -> anyhow::Result<Setting> {
    let values = values.as_object().context("no values")?;
    let numbers = values.iter().map(|(name, value)| Some((name.as_str(), value.as_f64()?)));
    let numbers: Vec<(&str, f64)> =
        numbers.collect::<Option<_>>().context("a value is no number")?;
    match Setting::of(numbers) {
        Ok(setting) => Ok(setting),
        Err(name) => bail!("`{name}` is no parameter of this version, or has no such value"),
    }
}

/// What a study came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    pub setting: Setting,
    pub value: f64,
    pub gain: f64,
    pub gain_error: f64,
    pub n_trials: usize,
    pub is_done: bool,
    /// Lines of the history that it was found on.
    pub n_lines: u64,
    pub at: String,
}

impl Chosen {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "format": FORMAT,
            "at": self.at,
            "values": values_json(self.setting.values()),
            "changes": values_json(self.setting.changes()),
            "value": self.value,
            "gain": self.gain,
            "gain_error": self.gain_error,
            "trials": self.n_trials,
            "done": self.is_done,
            "lines": self.n_lines,
        })
    }

    /// Written beside and renamed, so that `learn` sees the old one or the new one.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let path = folder(dir).join("chosen.json");
        let unfinished = path.with_extension("unfinished");
        let text = serde_json::to_string_pretty(&self.to_json())?;
        std::fs::write(&unfinished, text).with_context(|| told("write", &unfinished))?;
        std::fs::rename(&unfinished, &path).with_context(|| told("write", &path))
    }

    /// What was found for this store; `None` where nothing was.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Option<Chosen>> {
        let path = folder(dir).join("chosen.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| told("read", &path)),
        };
        let chosen = Chosen::of(&text).with_context(|| {
            format!(
                "{} is not to be used: `alongside tune` writes it anew, `learn --untuned` does \
                 without it",
                path.display()
            )
        })?;
        Ok(Some(chosen))
    }

    fn of(text: &str) -> anyhow::Result<Chosen> {
        let chosen: Value = serde_json::from_str(text)?;
        if chosen["format"] != FORMAT {
            bail!("its format is {}, not {FORMAT}", chosen["format"]);
        }
        let number = |name: &str| chosen[name].as_f64().with_context(|| format!("no `{name}`"));
        Ok(Chosen {
            setting: setting_of(&chosen["values"])?,
            value: number("value")?,
            gain: number("gain")?,
            gain_error: number("gain_error")?,
            n_trials: number("trials")? as usize,
            is_done: chosen["done"] == true,
            n_lines: number("lines")? as u64,
            at: chosen["at"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(n_orders: u64) -> Header {
        Header { n_orders, n_lines: 10, n_items: 4, to: "2026-01-01T00:00:00Z".into(), seed: 42 }
    }

    fn trial(lambda: f64) -> Trial {
        let setting = Setting::of([("ease.lambda", lambda)]).expect("a value that is tried");
        (setting, Measured { ranks: [vec![0, 1, 10], vec![2, 9, 0], vec![], vec![5]] })
    }

    fn added(dir: &Path, trials: &[Trial]) {
        let (mut study, _) = Study::open(dir, &header(9), false).expect("a study");
        for (setting, measured) in trials {
            study.add(setting, measured).expect("room");
        }
    }

    #[test]
    fn a_study_goes_on_where_it_was_interrupted() {
        let dir = tempfile::tempdir().expect("a folder");
        let trials = [trial(5.0), trial(10.0)];
        added(dir.path(), &trials);
        // Interrupted in the middle of a line.
        let path = dir.path().join("tuning/study.jsonl");
        let mut text = std::fs::read_to_string(&path).expect("a study");
        text.push_str("{\"values\": {\"ease.la");
        std::fs::write(&path, text).expect("room");
        let (mut study, known) = Study::open(dir.path(), &header(9), false).expect("a study");
        assert_eq!(known, trials);
        let (setting, measured) = trial(20.0);
        study.add(&setting, &measured).expect("room");
        let (_, known) = Study::open(dir.path(), &header(9), false).expect("a study");
        assert_eq!(known, [trial(5.0), trial(10.0), trial(20.0)]);
    }

    #[test]
    fn another_history_or_a_restart_begins_anew_and_keeps_the_old() {
        let dir = tempfile::tempdir().expect("a folder");
        for (next, restart) in [(header(10), false), (header(9), true)] {
            added(dir.path(), &[trial(5.0)]);
            let (_, known) = Study::open(dir.path(), &next, restart).expect("a study");
            assert_eq!(known, []);
            let old = std::fs::read_to_string(dir.path().join("tuning/study-old.jsonl"));
            assert_eq!(old.expect("the old one").lines().count(), 2);
        }
    }

    #[test]
    fn what_is_no_trial_is_told_with_its_line() {
        let dir = tempfile::tempdir().expect("a folder");
        added(dir.path(), &[trial(5.0)]);
        let path = dir.path().join("tuning/study.jsonl");
        let text = std::fs::read_to_string(&path)
            .expect("a study")
            .replace("\"ease.lambda\":5", "\"ease.lambda\":6");
        std::fs::write(&path, text).expect("room");
        let refusal = Study::open(dir.path(), &header(9), false).expect_err("no such value");
        let said = format!("{refusal:#}");
        assert!(said.contains("line 2") && said.contains("ease.lambda"), "{said}");
    }

    #[test]
    fn what_was_chosen_is_read_as_it_was_written_or_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Chosen::read(dir.path()).expect("nothing is no fault"), None);
        std::fs::create_dir(dir.path().join("tuning")).expect("a folder");
        let chosen = Chosen {
            setting: trial(50.0).0,
            value: 0.25,
            gain: 0.01,
            gain_error: 0.002,
            n_trials: 7,
            is_done: false,
            n_lines: 1_000,
            at: "2026-01-01T00:00:00Z".into(),
        };
        chosen.write(dir.path()).expect("room");
        assert_eq!(Chosen::read(dir.path()).expect("it is sound"), Some(chosen));
        let path = dir.path().join("tuning/chosen.json");
        for bad in ["", "{}", "{\"format\": 2}", "{\"format\": 1, \"values\": {\"x\": 1}}"] {
            std::fs::write(&path, bad).expect("room");
            let refusal = format!("{:#}", Chosen::read(dir.path()).expect_err(bad));
            assert!(refusal.contains("--untuned"), "{refusal}");
        }
    }
}
