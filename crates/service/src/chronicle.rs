//! What the live world was told, in the order in which it was told: the other half of a replay.
//!
//! A snapshot never changes, what stands beside it does: prices, stock, flags, new items, declared
//! relations, what came of offers. All that is told to a world is written here before it acts, as
//! one entry, into the file of an epoch (from one load of a snapshot to the next). A decision names
//! the epoch and how many of its entries were in force, some 30 bytes, and the world of that moment
//! can be made again from the snapshot and the entries. Nothing is written for a decision, and
//! nothing waits.
//!
//! Files: `live/EPOCH.zst`, one Zstandard frame an entry, JSON inside (docs/formats.md). A file
//! that breaks off (a crash, a full disk) ends before the entry that broke.

mod entry;
mod read;

pub(crate) use entry::Entry;
pub(crate) use read::{Lost, world_at};

use crate::recommendation_id::IdSource;
use entry::write_frame;
use events::{ItemRecord, RelationList, RelationRecord, Timestamp};
use score::Factor;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime};

/// Times that a decision is made anew because the world changed under it.
const MAX_TRIES: usize = 4;
/// What could not be written: from here on the epoch tells nothing.
const BROKEN: u64 = u64::MAX;
const SUFFIX: &str = ".zst";
/// How often open epochs are touched.
pub(crate) const TOUCH_EVERY: Duration = Duration::from_secs(6 * 3_600);
/// An epoch that nobody has touched for so long has ended, also that of a process that was killed.
const UNTOUCHED: Duration = Duration::from_secs(24 * 3_600);

/// Where chronicles lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChronicleDir {
    path: PathBuf,
}

impl ChronicleDir {
    pub fn in_dir(data_dir: &Path) -> ChronicleDir {
        ChronicleDir { path: data_dir.join("live") }
    }

    /// `None`: no name that an epoch has.
    pub(crate) fn file_of(&self, epoch: &str) -> Option<PathBuf> {
        let is_name = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_name.then(|| self.path.join(format!("{epoch}{SUFFIX}")))
    }

    /// Removes epochs that ended before a time, all but the last; how many. An epoch ends when the
    /// next one begins, or later: when its file was touched last.
    fn forget(&self, before: Timestamp, is_open: impl Fn(&Path) -> bool) -> io::Result<usize> {
        let mut names: Vec<String> = Vec::new();
        let listing = match std::fs::read_dir(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            listing => listing?,
        };
        for file in listing {
            let name = file?.file_name().to_string_lossy().into_owned();
            names.extend(name.strip_suffix(SUFFIX).map(str::to_owned));
        }
        // Names sort by time.
        names.sort();
        let first_kept = IdSource::first_at(before);
        let ended = names.windows(2).filter(|pair| pair[1].as_str() < first_kept.as_str());
        let touched_before = system_time(before) - UNTOUCHED;
        let mut n_removed = 0;
        for pair in ended {
            let path = self.path.join(format!("{}{SUFFIX}", pair[0]));
            if !is_open(&path) && std::fs::metadata(&path)?.modified()? < touched_before {
                std::fs::remove_file(&path)?;
                n_removed += 1;
            }
        }
        Ok(n_removed)
    }
}

/// How far the world behind it has come within its epoch. Shared by all that see the same catalog.
#[derive(Debug)]
pub(crate) struct LiveMark {
    pub(crate) epoch: Arc<str>,
    file: Arc<EpochFile>,
    /// Entries that may act.
    begun: AtomicU64,
    /// Entries that act.
    done: AtomicU64,
}

impl LiveMark {
    fn at(file: Arc<EpochFile>, n: u64) -> Arc<LiveMark> {
        let (begun, done) = (AtomicU64::new(n), AtomicU64::new(n));
        Arc::new(LiveMark { epoch: file.name.clone(), file, begun, done })
    }
}

/// What was decided, and how many entries were in force: `None` where nobody keeps them, or where
/// the world changed each time that it was looked at. `decide` is asked again then, a few times.
pub(crate) fn settled<R>(
    mark: Option<&LiveMark>,
    mut decide: impl FnMut() -> R,
) -> (R, Option<u64>) {
    let Some(mark) = mark else { return (decide(), None) };
    for _ in 1..MAX_TRIES {
        let before = mark.done.load(Acquire);
        let decided = decide();
        if mark.begun.load(Acquire) == before {
            return (decided, Some(before));
        }
        if mark.begun.load(Acquire) == BROKEN {
            return (decided, None);
        }
    }
    (decide(), None)
}

/// What a world was told while it was made.
#[derive(Debug, Default)]
pub(crate) struct Told(Vec<Entry>);

impl Told {
    pub(crate) fn attributes(&mut self) {
        self.0.push(Entry::Attributes);
    }

    pub(crate) fn items(&mut self, records: &[ItemRecord]) {
        self.0.push(Entry::items(records));
    }

    pub(crate) fn relations(&mut self, list: &RelationList) {
        self.0.push(Entry::relations(list));
    }

    pub(crate) fn changed_relations(&mut self, records: &[RelationRecord]) {
        self.0.push(Entry::changed_relations(records));
    }

    pub(crate) fn responses(&mut self, version: u64, factors: &[Factor]) {
        self.0.push(Entry::responses(version, factors));
    }

    pub(crate) fn extend(&mut self, told: Told) {
        self.0.extend(told.0);
    }
}

/// Begins epochs, one a world: that of the snapshot in force, and those that variants of
/// experiments are served from. Its owner changes one world at a time.
#[derive(Debug)]
pub(crate) struct Chronicle {
    dir: Option<ChronicleDir>,
    /// Weak: an epoch ends with the last world that is of it.
    begun: Mutex<Vec<Weak<EpochFile>>>,
}

/// The file of an epoch.
#[derive(Debug)]
struct EpochFile {
    name: Arc<str>,
    path: PathBuf,
    /// `None`: it could not be written, and tells nothing from there on.
    open: Mutex<Option<(File, u64)>>,
}

impl EpochFile {
    /// The number of entries after these; `None`: they could not be written.
    fn write(&self, entries: &[Entry]) -> Option<u64> {
        let mut open = self.lock();
        let (file, n) = open.as_mut()?;
        match entries.iter().try_for_each(|entry| write_frame(file, entry)) {
            Ok(()) => {
                *n += entries.len() as u64;
                Some(*n)
            }
            Err(error) => {
                tell_broken(&self.path, &error);
                *open = None;
                None
            }
        }
    }

    /// Says that it is of use until now: by this it is known later when the epoch ended.
    fn touch(&self, now: SystemTime) {
        if let Some((file, _)) = &*self.lock() {
            // At worst it is removed as if it had ended with its last entry.
            let _ = file.set_modified(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(File, u64)>> {
        self.open.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

impl Chronicle {
    /// Without a directory nothing is kept, and nothing can be replayed but by chance.
    pub(crate) fn new(dir: Option<ChronicleDir>) -> Chronicle {
        Chronicle { dir, begun: Mutex::default() }
    }

    /// A new epoch with all that was told so far of a snapshot's world.
    pub(crate) fn begin(
        &self,
        name: &str,
        snapshot_id: &str,
        told: &Told,
    ) -> Option<Arc<LiveMark>> {
        let dir = self.dir.as_ref()?;
        let path = dir.file_of(name)?;
        let begun = || -> io::Result<File> {
            std::fs::create_dir_all(&dir.path)?;
            let mut file = File::options().append(true).create_new(true).open(&path)?;
            write_frame(&mut file, &Entry::epoch(snapshot_id))?;
            told.0.iter().try_for_each(|entry| write_frame(&mut file, entry))?;
            file.flush()?;
            Ok(file)
        };
        match begun() {
            Ok(file) => {
                let n = told.0.len() as u64;
                let open = Mutex::new(Some((file, n)));
                let file = Arc::new(EpochFile { name: name.into(), path, open });
                let mut begun = self.lock();
                begun.retain(|file| file.strong_count() != 0);
                begun.push(Arc::downgrade(&file));
                Some(LiveMark::at(file, n))
            }
            Err(error) => {
                tell_broken(&path, &error);
                None
            }
        }
    }

    /// For a world made anew from that of `mark`, which stays as it is.
    pub(crate) fn follow(&self, mark: &LiveMark, told: &Told) -> Option<Arc<LiveMark>> {
        let n = mark.file.write(&told.0)?;
        Some(LiveMark::at(mark.file.clone(), n))
    }

    /// For a change in place: written, done, and in force for whoever looks at the mark.
    pub(crate) fn change(&self, mark: &LiveMark, entry: &Entry, change: impl FnOnce()) {
        // Whoever decides meanwhile sees that a change has begun, and decides anew.
        mark.begun.fetch_add(1, AcqRel);
        let written = mark.file.write(std::slice::from_ref(entry));
        change();
        match written {
            Some(n) => {
                mark.done.store(n, Release);
                mark.begun.store(n, Release);
            }
            None => mark.begun.store(BROKEN, Release),
        }
    }

    /// Says of the epochs that worlds are of that they have not ended; to be called every
    /// [`TOUCH_EVERY`].
    pub(crate) fn touch(&self, now: Timestamp) {
        self.open().iter().for_each(|file| file.touch(system_time(now)));
    }

    /// Removes epochs that ended before a time; how many.
    pub(crate) fn forget_before(&self, before: Timestamp) -> io::Result<usize> {
        let Some(dir) = &self.dir else { return Ok(0) };
        let open = self.open();
        dir.forget(before, |path| open.iter().any(|file| file.path == path))
    }

    fn open(&self) -> Vec<Arc<EpochFile>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<EpochFile>>> {
        self.begun.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(at.0).unwrap_or(0))
}

fn tell_broken(path: &Path, error: &io::Error) {
    tracing::error!(
        path = %path.display(), %error,
        "what changes in the catalog cannot be kept: decisions from now on cannot be replayed \
         exactly until the next snapshot is loaded"
    );
}

#[cfg(test)]
mod tests;
