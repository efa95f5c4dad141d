//! The folder of policies: `000001.toml`, `000002.toml`… as they were applied, and `log.jsonl`
//! with one line a change: which version came into force, when, by whom, why.
//!
//! The last line of the log names the version in force. A change writes the version first, then
//! replaces the log whole, by an atomic rename: after a crash the old version is in force, or the
//! new one.

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
}

impl ChangeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Apply => "apply",
            ChangeKind::Rollback => "rollback",
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
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Who changes, when and why.
#[derive(Clone, Debug)]
pub struct Signature {
    pub at: Timestamp,
    pub by: String,
    pub note: String,
}

/// The policies of one data directory.
#[derive(Clone, Debug)]
pub struct PolicyDir {
    path: PathBuf,
}

impl PolicyDir {
    /// `policies` in the data directory; it need not exist yet.
    pub fn in_dir(data_dir: &Path) -> PolicyDir {
        PolicyDir { path: data_dir.join("policies") }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All changes, oldest first; none before the first.
    pub fn log(&self) -> Result<Vec<Change>, Error> {
        let path = self.path.join(LOG);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.no_log(path),
            Err(source) => return Err(Error::Io { action: "read", path, source }),
        };
        let read = |line: &str| serde_json::from_str(line);
        let changes: Result<Vec<Change>, _> = text.lines().map(read).collect();
        changes.map_err(|error| Error::Damaged { path, detail: error.to_string() })
    }

    /// A log that is lost while versions are there must not open the house.
    fn no_log(&self, path: PathBuf) -> Result<Vec<Change>, Error> {
        match self.file_of(1).exists() {
            true => Err(Error::Damaged { path, detail: "it is gone".to_owned() }),
            false => Ok(Vec::new()),
        }
    }

    /// The version in force; `None` before the first.
    pub fn current(&self) -> Result<Option<u64>, Error> {
        Ok(self.log()?.last().map(|change| change.version))
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
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        let _lock = self.lock()?;
        let log = self.log()?;
        if let Some(change) = log.last()
            && self.text(change.version).is_ok_and(|known| known == text)
        {
            return Ok(None);
        }
        let version = log.iter().map(|change| change.version).max().unwrap_or(0) + 1;
        self.replace(&self.file_of(version), text.as_bytes())?;
        self.enter(log, version, ChangeKind::Apply, signature)?;
        Ok(Some(version))
    }

    /// Puts an earlier version in force again; without one, that before the present.
    pub fn rollback(&self, version: Option<u64>, signature: &Signature) -> Result<u64, Error> {
        let no_version = || Error::NoSuchVersion {
            version: version.map_or("before the present one".to_owned(), |v| v.to_string()),
            path: self.path.clone(),
        };
        if !self.path.is_dir() {
            return Err(no_version());
        }
        let _lock = self.lock()?;
        let log = self.log()?;
        let version = version.or_else(|| before_last(&log)).ok_or_else(no_version)?;
        self.load(version)?;
        self.enter(log, version, ChangeKind::Rollback, signature)?;
        Ok(version)
    }

    fn enter(
        &self,
        mut log: Vec<Change>,
        version: u64,
        kind: ChangeKind,
        signature: &Signature,
    ) -> Result<(), Error> {
        let Signature { at, by, note } = signature.clone();
        log.push(Change { version, kind, at_us: at.0, by, note });
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

/// The version that was in force before the present one, walking back over rollbacks: twice back
/// is two versions back, not there and back again.
fn before_last(log: &[Change]) -> Option<u64> {
    let now = log.last()?.version;
    let older = log.iter().map(|change| change.version).filter(|&version| version < now);
    older.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[policy]]\nname = 'a'\nkind = 'exclude'\nitems = \"item.price < 1\"\n";
    const TWO: &str = "[[policy]]\nname = 'b'\nkind = 'exclude'\nitems = \"item.price < 2\"\n";

    fn signed(at: i64) -> Signature {
        Signature { at: Timestamp(at), by: "anna".to_owned(), note: String::new() }
    }

    #[test]
    fn versions_come_go_and_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = PolicyDir::in_dir(folder.path());
        assert_eq!((dir.current().expect("none"), dir.log().expect("none")), (None, vec![]));
        assert!(matches!(dir.rollback(None, &signed(0)), Err(Error::NoSuchVersion { .. })));
        assert_eq!(dir.apply(ONE, &signed(1)).expect("applied"), Some(1));
        assert_eq!(dir.apply(ONE, &signed(2)).expect("known"), None);
        assert_eq!(dir.apply(TWO, &signed(3)).expect("applied"), Some(2));
        assert_eq!(dir.rollback(None, &signed(4)).expect("back"), 1);
        assert_eq!(dir.current().expect("a version"), Some(1));
        assert!(matches!(dir.rollback(None, &signed(5)), Err(Error::NoSuchVersion { .. })));
        assert!(matches!(dir.rollback(Some(9), &signed(5)), Err(Error::NoSuchVersion { .. })));
        assert_eq!(
            dir.apply(TWO, &signed(6)).expect("applied"),
            Some(3),
            "numbers are never reused"
        );
        let log = dir.log().expect("a log");
        let told: Vec<_> = log.iter().map(|c| (c.version, c.kind.as_str(), c.at_us)).collect();
        let expected = [(1, "apply", 1), (2, "apply", 3), (1, "rollback", 4), (3, "apply", 6)];
        assert_eq!(told, expected);
        assert_eq!(dir.load(3).expect("sound").policies[0].name, "b");
    }

    #[test]
    fn what_is_damaged_or_lost_does_not_open_the_house() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = PolicyDir::in_dir(folder.path());
        dir.apply(ONE, &signed(1)).expect("applied");
        fs::write(dir.file_of(1), "[[policy]]\nname = 3\n").expect("written");
        let error = dir.load(1).expect_err("damaged").to_string();
        assert!(error.contains("000001.toml:2:8") && error.contains("rollback"), "{error}");
        fs::write(dir.path().join(LOG), "{").expect("written");
        assert!(matches!(dir.current(), Err(Error::Damaged { .. })));
        fs::remove_file(dir.path().join(LOG)).expect("removed");
        assert!(matches!(dir.current(), Err(Error::Damaged { .. })));
    }
}
