//! The folder of snapshots: publish, list, load the current one, roll back.
//!
//! Files are named `<time>-<content>.snapshot`, e.g. `20261122T184500Z-9f86d081884c7d65.snapshot`,
//! so their order by name is their order by age. The file `current` holds the name of the one in
//! force; it is replaced by an atomic rename, after the snapshot itself is durable. An empty file
//! `<id>.aside` marks what was never in force.

use crate::{Error, SnapshotWriter};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".snapshot";
const CURRENT: &str = "current";
const ASIDE: &str = ".aside";

/// One published snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// File name without the suffix.
    pub id: String,
    pub path: PathBuf,
    pub len_bytes: u64,
    pub is_current: bool,
}

#[derive(Clone, Debug)]
pub struct SnapshotDir {
    path: PathBuf,
}

impl SnapshotDir {
    pub fn new(path: impl Into<PathBuf>) -> SnapshotDir {
        SnapshotDir { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes, checks and publishes; `time` is `YYYYMMDDThhmmssZ`. Outcomes: the new snapshot is
    /// in force, or (on any error, or a crash at any moment) the old one still is.
    pub fn publish(&self, writer: &SnapshotWriter, time: &str) -> Result<Entry, Error> {
        let entry = self.write(writer, time)?;
        self.set_current(&entry.id)?;
        Ok(Entry { is_current: true, ..entry })
    }

    /// Writes, checks and publishes beside the one in force, which stays so.
    pub fn publish_aside(&self, writer: &SnapshotWriter, time: &str) -> Result<Entry, Error> {
        let entry = self.write(writer, time)?;
        let mark = self.aside_mark(&entry.id);
        File::create(&mark).map_err(Error::io("create", &mark))?;
        Ok(entry)
    }

    fn write(&self, writer: &SnapshotWriter, time: &str) -> Result<Entry, Error> {
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        let partial = self.path.join(format!("partial-{}", std::process::id()));
        let result = self.publish_from(writer, time, &partial);
        if result.is_err() {
            // Best effort: the error that matters is the one on its way out.
            let _ = fs::remove_file(&partial);
        }
        result
    }

    fn publish_from(
        &self,
        writer: &SnapshotWriter,
        time: &str,
        partial: &Path,
    ) -> Result<Entry, Error> {
        writer.write_file(partial)?;
        // Read back what was written before anybody else may.
        let written = crate::Snapshot::open(partial)?;
        let id = format!("{time}-{:016x}", written.content_id());
        drop(written);
        let path = self.path.join(format!("{id}{SUFFIX}"));
        fs::rename(partial, &path).map_err(Error::io("rename", partial))?;
        sync_dir(&self.path)?;
        self.entry(id, false)
    }

    /// Can a snapshot be published here? To be asked before hours of learning, not after.
    pub fn check_writable(&self) -> Result<(), Error> {
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        let probe = self.path.join(format!("probe-{}", std::process::id()));
        let written = File::create(&probe)
            .map_err(|source| Error::NotWritable { path: self.path.clone(), source });
        // What was made is taken away; that it stays would harm nobody.
        let _ = fs::remove_file(&probe);
        written.map(drop)
    }

    /// All published snapshots, oldest first.
    pub fn list(&self) -> Result<Vec<Entry>, Error> {
        let current = self.current_id()?;
        let listing = match fs::read_dir(&self.path) {
            Ok(listing) => listing,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(Error::Io { action: "list", path: self.path.clone(), source });
            }
        };
        let mut ids: Vec<String> = listing
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(SUFFIX)?.to_owned()))
            .collect();
        ids.sort_unstable();
        ids.into_iter()
            .map(|id| {
                let is_current = current.as_deref() == Some(id.as_str());
                self.entry(id, is_current)
            })
            .collect()
    }

    /// The id of the snapshot in force, `None` before the first.
    pub fn current_id(&self) -> Result<Option<String>, Error> {
        let path = self.path.join(CURRENT);
        match fs::read_to_string(&path) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Io { action: "read", path, source }),
        }
    }

    /// Opens and checks the snapshot in force.
    pub fn open_current(&self) -> Result<crate::Snapshot, Error> {
        let id = self.current_id()?.ok_or_else(|| Error::None { path: self.path.clone() })?;
        crate::Snapshot::open(&self.file_of(&id))
    }

    /// The file of an id; a beginning or an end of the id that no other has will do.
    pub fn find(&self, id: &str) -> Result<Entry, Error> {
        let is_it = |entry: &Entry| entry.id.starts_with(id) || entry.id.ends_with(id);
        let mut found: Vec<Entry> = self.list()?.into_iter().filter(is_it).collect();
        match found.len() {
            0 => Err(Error::Unknown { id: id.to_owned(), path: self.path.clone() }),
            1 => Ok(found.remove(0)),
            _ => {
                let found = found.into_iter().map(|entry| entry.id).collect();
                Err(Error::Ambiguous { id: id.to_owned(), found })
            }
        }
    }

    /// Puts another published snapshot in force: the given one, or the one before the present.
    /// It is opened and checked first.
    pub fn rollback(&self, id: Option<&str>) -> Result<Entry, Error> {
        let entry = match id {
            Some(id) => self.find(id)?,
            None => self.before_current()?,
        };
        crate::Snapshot::open(&entry.path)?;
        self.set_current(&entry.id)?;
        Ok(Entry { is_current: true, ..entry })
    }

    fn before_current(&self) -> Result<Entry, Error> {
        let list = self.list()?;
        let at = list.iter().position(|entry| entry.is_current).unwrap_or(list.len());
        // What was never in force is nothing to go back to.
        let before = list[..at].iter().rfind(|entry| !self.aside_mark(&entry.id).exists());
        before.cloned().ok_or_else(|| Error::Unknown {
            id: "before the current one".into(),
            path: self.path.clone(),
        })
    }

    /// Stands there for what was published and never put in force.
    fn aside_mark(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}{ASIDE}"))
    }

    /// Removes all but the newest `keep` snapshots; never the one in force, nor those that are
    /// needed otherwise.
    pub fn prune(&self, keep: usize, needed: &[String]) -> Result<usize, Error> {
        let list = self.list()?;
        let n_old = list.len().saturating_sub(keep.max(1));
        let mut n_removed = 0;
        let is_free = |entry: &&Entry| !entry.is_current && !needed.contains(&entry.id);
        for entry in list[..n_old].iter().filter(is_free) {
            fs::remove_file(&entry.path).map_err(Error::io("remove", &entry.path))?;
            let _ = fs::remove_file(self.aside_mark(&entry.id));
            n_removed += 1;
        }
        Ok(n_removed)
    }

    fn file_of(&self, id: &str) -> PathBuf {
        self.path.join(format!("{id}{SUFFIX}"))
    }

    fn entry(&self, id: String, is_current: bool) -> Result<Entry, Error> {
        let path = self.file_of(&id);
        let len_bytes = fs::metadata(&path).map_err(Error::io("read the size of", &path))?.len();
        Ok(Entry { id, path, len_bytes, is_current })
    }

    fn set_current(&self, id: &str) -> Result<(), Error> {
        let partial = self.path.join(format!("current-{}", std::process::id()));
        let write = |path: &Path| -> std::io::Result<()> {
            let mut file = File::create(path)?;
            file.write_all(id.as_bytes())?;
            file.sync_all()
        };
        write(&partial).map_err(Error::io("write", &partial))?;
        let current = self.path.join(CURRENT);
        fs::rename(&partial, &current).map_err(Error::io("rename", &partial))?;
        // Most were not aside.
        let _ = fs::remove_file(self.aside_mark(id));
        sync_dir(&self.path)
    }
}

fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", path))
}

#[cfg(test)]
mod tests;
