//! The folder of policies: `000001.toml`, `000002.toml`… as they were applied, and `log.jsonl`
//! with one line a change: which version came into force, when, by whom, why.
//!
//! The last line of the log names the version in force. A change writes the version first, then
//! replaces the log whole, by an atomic rename: after a crash the old version is in force, or the
//! new one.
//!
//! **Invariant:** a log that is damaged, emptied, cut or gone is never taken for "there are no
//! policies". Versions on disk tell that there were some, and so does whoever asks with
//! [`PolicyDir::knowing`], for the folder itself may be gone.

use crate::error::Error;
use crate::set::PolicySet;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const LOG: &str = "log.jsonl";

/// What brought a version into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    Apply,
    Rollback,
    /// One policy was taken out, or all.
    Disable,
}

impl ChangeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Apply => "apply",
            ChangeKind::Rollback => "rollback",
            ChangeKind::Disable => "disable",
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub version: u64,
    pub kind: ChangeKind,
    pub at_us: i64,
    pub by: String,
    /// The key of the API by which it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Of a log that was begun anew: the highest number that was given before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_before: Option<u64>,
}

impl Change {
    fn highest(&self) -> u64 {
        self.version.max(self.given_before.unwrap_or(0))
    }
}

/// Who changes, when and why.
#[derive(Clone, Debug)]
pub struct Signature {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
    pub key_id: Option<String>,
}

/// What a file does when it comes into force.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    pub kind: ChangeKind,
    /// The version that it is to take the place of, 0: none; `None`: whichever.
    pub expected: Option<u64>,
}

/// The policies of one data directory.
#[derive(Clone, Debug)]
pub struct PolicyDir {
    path: PathBuf,
    /// There was a version with this number, whatever the folder says; 0: nobody knows of one.
    known: u64,
}

impl PolicyDir {
    /// `policies` in the data directory; it need not exist yet.
    pub fn in_dir(data_dir: &Path) -> PolicyDir {
        PolicyDir { path: data_dir.join("policies"), known: 0 }
    }

    /// The same for somebody who knows that a version was in force at some time: a folder that has
    /// lost it is damaged, not empty.
    #[must_use]
    pub fn knowing(self, version: u64) -> PolicyDir {
        PolicyDir { known: self.known.max(version), ..self }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All changes, oldest first; none before the first.
    pub fn log(&self) -> Result<Vec<Change>, Error> {
        let path = self.path.join(LOG);
        let last_given = self.last_given()?;
        let damaged = |detail: String| Error::Damaged { path: path.clone(), detail };
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound && last_given == 0 => {
                return Ok(Vec::new());
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let detail = format!("it is gone, and there were versions up to {last_given}");
                return Err(damaged(detail));
            }
            read => read.map_err(Error::io("read", &path))?,
        };
        let text = str::from_utf8(&text).map_err(|error| damaged(error.to_string()))?;
        let changes: Result<Vec<Change>, _> = text.lines().map(serde_json::from_str).collect();
        let changes = changes.map_err(|error| damaged(error.to_string()))?;
        match changes.iter().map(Change::highest).max() {
            None => Err(damaged("it is empty".to_owned())),
            Some(highest) if highest < self.known => {
                Err(damaged(format!("it ends before version {}", self.known)))
            }
            Some(_) => Ok(changes),
        }
    }

    /// The log, and the highest number that a damaged one may have given: what can be read of that
    /// is kept, and a copy of the rest beside it.
    fn log_to_change(&self, at: Timestamp) -> Result<(Vec<Change>, Option<u64>), Error> {
        let fault = match self.log() {
            Ok(log) => return Ok((log, None)),
            Err(fault @ Error::Damaged { .. }) => fault,
            Err(fault) => return Err(fault),
        };
        let path = self.path.join(LOG);
        let aside = self.path.join(format!("damaged-{}.jsonl", at.0));
        match fs::copy(&path, &aside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
        let text = fs::read(&path).unwrap_or_default();
        let lines = text.split(|&byte| byte == b'\n');
        let log: Vec<Change> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok((log, Some(self.last_given()?)))
    }

    /// The highest number of a version that the files or the one who asks know of.
    fn last_given(&self) -> Result<u64, Error> {
        let files = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(self.known),
            files => files.map_err(Error::io("list", &self.path))?,
        };
        let mut last = self.known;
        for file in files {
            let name = file.map_err(Error::io("list", &self.path))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".toml")?.parse().ok());
            last = last.max(number.unwrap_or(0));
        }
        Ok(last)
    }

    /// The version in force; `None` before the first.
    pub fn current(&self) -> Result<Option<u64>, Error> {
        Ok(self.log()?.last().map(|change| change.version))
    }

    /// The version that was in force when this one was applied, so what stands behind it: twice
    /// back is two versions back, and what was withdrawn before it never comes again.
    pub fn before(&self, version: u64) -> Result<Option<u64>, Error> {
        Ok(before(&self.log()?, version))
    }

    /// The file of a version as it was applied.
    pub fn text(&self, version: u64) -> Result<String, Error> {
        let path = self.file_of(version);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.no_version(version)),
            read => read.map_err(Error::io("read", &path)),
        }
    }

    /// A version, checked again: it may have been written by hand since.
    pub fn load(&self, version: u64) -> Result<PolicySet, Error> {
        let text = self.text(version)?;
        let path = self.file_of(version);
        let (set, found) = PolicySet::read(&text);
        set.ok_or_else(|| {
            let file = path.display().to_string();
            let errors = found.iter().filter(|diagnostic| diagnostic.is_error());
            let detail: Vec<String> = errors.map(|error| error.render(&file, &text)).collect();
            Error::Damaged { path: path.clone(), detail: detail.join("\n") }
        })
    }

    /// Keeps a file that passed the check as the next version, and puts it in force. The text that
    /// is in force already makes no new version: `None`.
    pub fn apply(&self, text: &str, signature: &Signature) -> Result<Option<u64>, Error> {
        let over = Over { kind: ChangeKind::Apply, expected: None };
        self.apply_over(text, over, signature)
    }

    /// The same, unless another version came into force meanwhile.
    pub fn apply_over(
        &self,
        text: &str,
        over: Over,
        signature: &Signature,
    ) -> Result<Option<u64>, Error> {
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        let _lock = self.lock()?;
        let (log, given_before) = self.log_to_change(signature.at)?;
        let current = log.last().map_or(0, |change| change.version);
        if over.expected.is_some_and(|expected| expected != current) {
            return Err(Error::Overtaken { current });
        }
        if let (Some(change), None) = (log.last(), given_before)
            && self.text(change.version).is_ok_and(|known| known == text)
        {
            return Ok(None);
        }
        // What is in the folder is never written over: a crash may have left a version that no log
        // names, a damaged log may have forgotten some.
        let in_log = log.iter().map(Change::highest).max().unwrap_or(0);
        let version = in_log.max(self.last_given()?) + 1;
        self.replace(&self.file_of(version), text.as_bytes())?;
        self.enter(log, given_before, (version, over.kind), signature)?;
        Ok(Some(version))
    }

    /// Puts an earlier version in force again; without one, that before the present. A damaged log
    /// does not tell which that is: then the version must be named, and the log begins anew.
    pub fn rollback(&self, version: Option<u64>, signature: &Signature) -> Result<u64, Error> {
        let no_version = || Error::NoSuchVersion {
            version: version.map_or("before the present one".to_owned(), |v| v.to_string()),
            path: self.path.clone(),
        };
        if !self.path.is_dir() {
            return Err(no_version());
        }
        let _lock = self.lock()?;
        let (log, given_before) = match version {
            Some(_) => self.log_to_change(signature.at)?,
            None => (self.log()?, None),
        };
        let last = log.last().map(|change| change.version);
        let back = || before(&log, last?);
        let version = version.or_else(back).ok_or_else(no_version)?;
        self.load(version)?;
        self.enter(log, given_before, (version, ChangeKind::Rollback), signature)?;
        Ok(version)
    }

    fn enter(
        &self,
        mut log: Vec<Change>,
        given_before: Option<u64>,
        (version, kind): (u64, ChangeKind),
        signature: &Signature,
    ) -> Result<(), Error> {
        let Signature { at, by, note, key_id } = signature.clone();
        log.push(Change { version, kind, at_us: at.0, by, key_id, note, given_before });
        let line = |change: &Change| {
            serde_json::to_string(change).expect("texts and numbers always serialize") + "\n"
        };
        let text: String = log.iter().map(line).collect();
        self.replace(&self.path.join(LOG), text.as_bytes())
    }

    fn lock(&self) -> Result<File, Error> {
        let path = self.path.join("lock");
        let lock = File::create(&path).map_err(Error::io("lock", &path))?;
        lock.lock().map_err(Error::io("lock", &path))?;
        Ok(lock)
    }

    /// Write beside, sync, rename, sync the folder.
    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let beside = self.path.join(format!("partial-{}", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io("write", &beside))?;
        fs::rename(&beside, path).map_err(Error::io("rename", &beside))?;
        File::open(&self.path).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", &self.path))
    }

    fn file_of(&self, version: u64) -> PathBuf {
        self.path.join(format!("{version:06}.toml"))
    }

    fn no_version(&self, version: u64) -> Error {
        Error::NoSuchVersion { version: version.to_string(), path: self.path.clone() }
    }
}

/// The version in force when `version` was applied first.
fn before(log: &[Change], version: u64) -> Option<u64> {
    let is_its = |change: &Change| change.version == version && change.kind != ChangeKind::Rollback;
    let at = log.iter().position(is_its)?;
    log[..at].last().map(|change| change.version)
}

#[cfg(test)]
mod tests;
