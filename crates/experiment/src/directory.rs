//! The folder of experiments: `log.jsonl`, one line a change. What experiments are is what it
//! says (`history`); it is replaced whole by an atomic rename, so that after a crash a
//! change is there or not.

use crate::definition::{Definition, N_BUCKETS, buckets_of};
use crate::error::Error;
use crate::history::{Action, Change, Experiment, Phase, replay};
use events::Timestamp;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const LOG: &str = "log.jsonl";

/// Who changes, when and why.
#[derive(Clone, Debug)]
pub struct Signature {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
}

/// The experiments of one data directory.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentDir {
    path: PathBuf,
}

impl ExperimentDir {
    /// `experiments` in the data directory; it need not exist yet.
    pub fn in_dir(data_dir: &Path) -> ExperimentDir {
        ExperimentDir { path: data_dir.join("experiments") }
    }

    /// Changes whenever the log does; for who follows it.
    pub fn stamp(&self) -> Option<(SystemTime, u64)> {
        let meta = fs::metadata(self.path.join(LOG)).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    }

    /// All changes, oldest first.
    pub fn log(&self) -> Result<Vec<Change>, Error> {
        let path = self.path.join(LOG);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        let read = |(at, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", at + 1))
        };
        let changes: Result<Vec<Change>, String> = text.lines().enumerate().map(read).collect();
        changes.map_err(|detail| Error::Damaged { path, detail })
    }

    /// All experiments as they are now, in order of creation.
    pub fn all(&self) -> Result<Vec<Experiment>, Error> {
        let damaged = |detail| Error::Damaged { path: self.path.join(LOG), detail };
        replay(&self.log()?).map_err(damaged)
    }

    pub fn find(&self, name: &str) -> Result<Experiment, Error> {
        let all = self.all()?;
        let found = all.into_iter().find(|experiment| experiment.definition.name == name);
        found.ok_or_else(|| Error::Unknown { name: name.to_owned() })
    }

    /// Keeps a definition; nothing runs yet.
    pub fn create(&self, definition: Definition, signed: &Signature) -> Result<(), Error> {
        let name = definition.name.clone();
        self.change(&name, signed, |all| {
            if all.iter().any(|known| known.definition.name == name) {
                return Err(Error::Taken { name: name.clone() });
            }
            Ok(Action::Create { definition })
        })
    }

    /// Gives the experiment its part of the layer; a running server follows within a second.
    pub fn start(&self, name: &str, signed: &Signature) -> Result<(), Error> {
        self.change(name, signed, |all| {
            let experiment = find(all, name)?;
            match experiment.phase {
                Phase::Created => {}
                Phase::Running => return Err(wrong(name, "runs already", "nothing was changed")),
                // Units would come back to arms that were not theirs all the time.
                _ => {
                    let mend = "create it anew under another name";
                    return Err(wrong(name, "has ended", mend));
                }
            }
            let buckets = free_buckets(all, &experiment.definition, experiment.definition.share)?;
            Ok(Action::Start { buckets })
        })
    }

    /// Widens to a share of the layer, in percent; who is in stays in.
    pub fn widen(&self, name: &str, share: f64, signed: &Signature) -> Result<(), Error> {
        self.change(name, signed, |all| {
            let experiment = running(all, name)?;
            let wanted = buckets_of(share).map_err(|detail| Error::at("share_percent", detail))?;
            let more = usize::from(wanted).saturating_sub(experiment.buckets.len());
            if more == 0 {
                let mend = "a share only grows, so that who is in stays in; stop it instead";
                return Err(wrong(name, "has that share or more", mend));
            }
            let more = more as f64 * 100.0 / f64::from(N_BUCKETS);
            Ok(Action::Widen { buckets: free_buckets(all, &experiment.definition, more)? })
        })
    }

    /// Ends it, or one of its variants.
    pub fn stop(&self, name: &str, variant: Option<&str>, signed: &Signature) -> Result<(), Error> {
        self.change(name, signed, |all| {
            // One that has not begun is given up.
            if variant.is_none() && matches!(find(all, name)?.phase, Phase::Created) {
                return Ok(Action::Stop);
            }
            let experiment = running(all, name)?;
            let Some(variant) = variant else { return Ok(Action::Stop) };
            experiment.definition.variant(variant)?;
            let is_stopped = |name: &str| experiment.stopped_at(name).is_some();
            if is_stopped(variant) {
                return Err(wrong(name, "has stopped that variant", "nothing was changed"));
            }
            let left = experiment.definition.variants.iter().filter(|v| !is_stopped(&v.name));
            // With the control gone, or alone, there is nothing to compare.
            let is_end = experiment.definition.control().name == variant || left.count() <= 2;
            let variant = variant.to_owned();
            Ok(if is_end { Action::Stop } else { Action::StopVariant { variant } })
        })
    }

    /// Ends it, and serves everybody as the variant from now on.
    pub fn winner(&self, name: &str, variant: &str, signed: &Signature) -> Result<(), Error> {
        self.change(name, signed, |all| {
            let experiment = find(all, name)?;
            experiment.definition.variant(variant)?;
            match &experiment.phase {
                Phase::Created => return Err(wrong(name, "has not run yet", "start it first")),
                Phase::Stopped if experiment.started_at.is_none() => {
                    return Err(wrong(name, "has not run", "create it under another name"));
                }
                Phase::Won(_) => {
                    let mend = "its end stands; create it anew under another name to compare again";
                    return Err(wrong(name, "has a winner already", mend));
                }
                Phase::Running | Phase::Stopped => {}
            }
            Ok(Action::Winner { variant: variant.to_owned() })
        })
    }

    fn change(
        &self,
        name: &str,
        signed: &Signature,
        decide: impl FnOnce(&[Experiment]) -> Result<Action, Error>,
    ) -> Result<(), Error> {
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        let _lock = self.lock()?;
        let mut log = self.log()?;
        let action = decide(&self.all()?)?;
        let Signature { at, by, note } = signed.clone();
        log.push(Change { name: name.to_owned(), at_us: at.0, by, note, action });
        let line = |change: &Change| {
            serde_json::to_string(change).expect("texts and numbers always serialize") + "\n"
        };
        let text: String = log.iter().map(line).collect();
        self.replace(text.as_bytes())
    }

    fn lock(&self) -> Result<File, Error> {
        let path = self.path.join("lock");
        let lock = File::create(&path).map_err(Error::io("lock", &path))?;
        lock.lock().map_err(Error::io("lock", &path))?;
        Ok(lock)
    }

    /// Write beside, sync, rename, sync the folder.
    fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        let beside = self.path.join(format!("partial-{}", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &beside))?;
        fs::rename(&beside, self.path.join(LOG)).map_err(Error::io("rename", &beside))?;
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", &self.path))
    }
}

/// Whether a log of `n_changes` can be the one that had `n_known` once.
pub fn check_length(n_changes: u64, n_known: u64) -> Result<(), Error> {
    match n_changes < n_known {
        true => Err(Error::Cut { n_changes, n_known }),
        false => Ok(()),
    }
}

fn wrong(name: &str, state: &'static str, mend: &'static str) -> Error {
    Error::WrongPhase { name: name.to_owned(), state, mend }
}

fn find<'a>(all: &'a [Experiment], name: &str) -> Result<&'a Experiment, Error> {
    let found = all.iter().find(|experiment| experiment.definition.name == name);
    found.ok_or_else(|| Error::Unknown { name: name.to_owned() })
}

fn running<'a>(all: &'a [Experiment], name: &str) -> Result<&'a Experiment, Error> {
    let experiment = find(all, name)?;
    match experiment.is_running() {
        true => Ok(experiment),
        false => Err(wrong(name, "does not run", "nothing was changed")),
    }
}

/// Buckets of the layer that no running experiment has, the lowest first. A bucket means the same
/// units to all experiments of a layer, so what is taken excludes.
fn free_buckets(
    all: &[Experiment],
    definition: &Definition,
    share: f64,
) -> Result<Vec<u16>, Error> {
    let wanted = buckets_of(share).map_err(|detail| Error::at("share", detail))?;
    let in_layer =
        |other: &&Experiment| other.is_running() && other.definition.layer == definition.layer;
    let taken: Vec<u16> =
        all.iter().filter(in_layer).flat_map(|other| other.buckets.iter().copied()).collect();
    let free: Vec<u16> = (0..N_BUCKETS).filter(|bucket| !taken.contains(bucket)).collect();
    if free.len() < usize::from(wanted) {
        let percent = |n: usize| n as f64 * 100.0 / f64::from(N_BUCKETS);
        return Err(Error::LayerFull {
            layer: definition.layer.clone(),
            free_percent: percent(free.len()),
            wanted_percent: percent(usize::from(wanted)),
        });
    }
    Ok(free[..usize::from(wanted)].to_vec())
}

#[cfg(test)]
mod tests;
