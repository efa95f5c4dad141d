//! The data directory of one shop: opening, locks, leftovers of killed jobs.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashSet;

use crate::backup::{EXPERIMENTS, POLICIES};
use crate::database::{self, Database, DatabaseOptions};
use crate::decision_log;
use crate::disk::{Disk, RealDisk};
use crate::error::{Error, Result};
use crate::event_segment;
use crate::manifest;
use crate::segment;

pub(crate) const DATABASE: &str = "alongside.db";
pub(crate) const SEGMENTS: &str = "segments";
const SNAPSHOTS: &str = "snapshots";
const REJECTS: &str = "rejects";
const SEGMENTS_LOCK: &str = "segments.lock";
const JOB_PREFIX: &str = "tmp-";
const JOB_LOCK: &str = "lock";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The store must exist.
    ReadWrite,
    /// The store must exist; nothing is written, not even to mend.
    ReadOnly,
    /// Made where there is none yet.
    Create,
}

/// An open store: cheap to clone, to be shared by all tasks of a process. Several processes may
/// have the same store open.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: PathBuf,
    database: Database,
    decisions: Database,
    disk: Arc<dyn Disk>,
}

/// What tests replace below the store.
#[derive(Clone, Debug)]
pub struct Substrate {
    pub disk: Arc<dyn Disk>,
    /// Name of a registered SQLite VFS.
    pub vfs: Option<String>,
}

impl Default for Substrate {
    fn default() -> Substrate {
        Substrate { disk: Arc::new(RealDisk), vfs: None }
    }
}

impl Store {
    pub async fn open(dir: &Path, mode: OpenMode) -> Result<Store> {
        Store::open_on(dir, mode, Substrate::default()).await
    }

    #[doc(hidden)]
    pub async fn open_on(dir: &Path, mode: OpenMode, substrate: Substrate) -> Result<Store> {
        let path = dir.join(DATABASE);
        let is_there = path.is_file();
        match mode {
            OpenMode::Create => make_directories(dir, is_there)?,
            _ if !is_there => return Err(Error::NotAStore { path: dir.to_path_buf() }),
            _ => {}
        }
        let how = DatabaseOptions {
            path,
            is_read_only: mode == OpenMode::ReadOnly,
            create: mode == OpenMode::Create,
            vfs: substrate.vfs.clone(),
        };
        if mode != OpenMode::ReadOnly {
            check_writable(dir)?;
        }
        let database = Database::open(&how).await?;
        match (database::format_version(&database, dir).await?, mode) {
            (Some(database::FORMAT_VERSION), _) => {}
            (None, OpenMode::ReadWrite | OpenMode::ReadOnly) => {
                return Err(Error::NotAStore { path: dir.to_path_buf() });
            }
            (Some(found), OpenMode::ReadOnly) => {
                return Err(Error::FormatTooOld { path: dir.to_path_buf(), found });
            }
            _ => database::migrate(&database, dir, &random_name()?).await?,
        }
        let decisions = decision_log::open(dir, &how).await?;
        let store = Store {
            inner: Arc::new(Inner {
                dir: dir.to_path_buf(),
                database,
                decisions,
                disk: substrate.disk,
            }),
        };
        if mode != OpenMode::ReadOnly {
            // The names of the database files are durable before anything in them is promised.
            store.disk().sync_dir(dir).map_err(Error::io("write to", dir))?;
            store.sweep().await?;
        }
        Ok(store)
    }

    /// Does the directory hold a store already?
    pub fn is_at(dir: &Path) -> bool {
        dir.join(DATABASE).is_file()
    }

    /// Removes a store that nobody has open: its own files and nothing else in the directory.
    pub fn remove(dir: &Path) -> Result<()> {
        // The database first: without it, what is left is no store.
        for database in [DATABASE, decision_log::DATABASE] {
            for suffix in ["", "-wal", "-shm", "-journal"] {
                remove_if_there(&dir.join(format!("{database}{suffix}")), |path| {
                    fs::remove_file(path)
                })?;
            }
        }
        for name in [SEGMENTS, SNAPSHOTS, REJECTS, POLICIES, EXPERIMENTS] {
            remove_if_there(&dir.join(name), |path| fs::remove_dir_all(path))?;
        }
        remove_if_there(&dir.join(SEGMENTS_LOCK), |path| fs::remove_file(path))
    }

    /// Were API keys made for this store at some time? A key file that is missing is no open door
    /// then.
    pub async fn is_guarded(&self) -> Result<bool> {
        let mut snapshot = self.database().snapshot().await?;
        let guarded = database::counter(&mut snapshot, "guarded").await;
        guarded.map(|guarded| guarded > 0).map_err(self.error("read the store"))
    }

    /// Remembers that API keys were made, for ever.
    pub async fn set_guarded(&self) -> Result<()> {
        let mut transaction = self.database().begin().await?;
        sqlx::query("UPDATE counter SET value = 1 WHERE name = 'guarded'")
            .execute(&mut *transaction)
            .await
            .map_err(self.error("write to the store"))?;
        self.database().commit(transaction).await
    }

    /// Waits for connections to close. Dropping the store does the same without waiting.
    pub async fn close(self) {
        self.inner.database.close().await;
        self.inner.decisions.close().await;
    }

    pub fn is_read_only(&self) -> bool {
        self.inner.database.is_read_only
    }

    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Snapshots are made and read elsewhere; the store only gives them their place.
    pub fn snapshots_dir(&self) -> PathBuf {
        self.inner.dir.join(SNAPSHOTS)
    }

    pub fn rejects_dir(&self) -> PathBuf {
        self.inner.dir.join(REJECTS)
    }

    pub(crate) fn segments_dir(&self) -> PathBuf {
        self.inner.dir.join(SEGMENTS)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn decisions(&self) -> &Database {
        &self.inner.decisions
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.inner.disk
    }

    pub(crate) fn error(&self, action: &'static str) -> impl FnOnce(sqlx::Error) -> Error + use<> {
        self.inner.database.error(action)
    }

    /// The right to change which segments there are, for one process at a time. Live events,
    /// catalogue changes and readers need no such right.
    pub(crate) async fn lock_segments(&self) -> Result<SegmentsLock> {
        let path = self.inner.dir.join(SEGMENTS_LOCK);
        let task = tokio::task::spawn_blocking(move || {
            let file = open_lock(&path)?;
            file.lock().map_err(Error::io("lock", &path))?;
            Ok(SegmentsLock { _file: file })
        });
        join(task).await
    }

    /// The same, or `None` where nothing can be written.
    pub(crate) async fn lock_segments_if_writable(&self) -> Result<Option<SegmentsLock>> {
        match self.lock_segments().await {
            Err(Error::ReadOnly { .. }) => Ok(None),
            lock => lock.map(Some),
        }
    }

    /// Removes what a failed job left. That it fails as well is no news.
    pub(crate) async fn sweep_after_failure(&self) {
        if let Err(error) = self.sweep().await {
            tracing::warn!(%error, "what a failed job left could not be removed");
        }
    }

    /// Removes what killed jobs left: their directories, and segment files that no manifest names.
    /// Beside other processes: what a living job writes stays.
    pub async fn sweep(&self) -> Result<()> {
        let segments = self.segments_dir();
        // Listed before the locks are tried and the manifest is read: a job that commits in
        // between is either still locked or already in the manifest.
        let names = list(&segments)?;
        let mut living: HashSet<&str> = HashSet::new();
        // Locks of dead jobs stay ours until all is removed: nobody can start under their names.
        let mut held = Vec::new();
        for job in names.iter().filter_map(|name| name.strip_prefix(JOB_PREFIX)) {
            match take_over(&segments.join(format!("{JOB_PREFIX}{job}"))) {
                Some(lock) => held.push(lock),
                None => drop(living.insert(job)),
            }
        }
        let mut connection = self.database().snapshot().await?;
        let manifest =
            manifest::read(&mut connection).await.map_err(self.error("read the manifest"))?;
        let known: HashSet<&str> =
            manifest.iter().map(|segment| segment.written.name.as_str()).collect();
        for name in &names {
            let path = segments.join(name);
            if let Some(job) = name.strip_prefix(JOB_PREFIX) {
                if !living.contains(job) {
                    tracing::info!(job, "removing what a killed job left");
                    fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
                }
                continue;
            }
            let Some(segment) = name.split('.').next() else { continue };
            let job = segment.split('-').next().unwrap_or(segment);
            if !known.contains(segment) && !living.contains(job) {
                tracing::info!(file = name, "removing a segment that was never committed");
                self.disk().remove_file(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Removes the files of segments that are out of the manifest. Nothing depends on it: what
    /// stays is swept when the store is opened next.
    pub(crate) fn remove_segment_files(&self, names: &[String]) {
        let segments = self.segments_dir();
        for name in names {
            for path in segment_paths(&segments, name).into_iter().filter(|path| path.exists()) {
                if let Err(error) = self.disk().remove_file(&path) {
                    tracing::warn!(path = %path.display(), %error, "could not remove a file");
                }
            }
        }
    }
}

/// The files that a segment of either content may have.
pub(crate) fn segment_paths(segments: &Path, name: &str) -> [PathBuf; 3] {
    [
        segment::orders_path(segments, name),
        segment::lines_path(segments, name),
        event_segment::events_path(segments, name),
    ]
}

/// Held while the set of segments is being changed.
#[derive(Debug)]
pub(crate) struct SegmentsLock {
    _file: File,
}

/// The directory of a job that makes segments. As long as its lock is held, nobody sweeps the
/// directory or the segments that bear the name of the job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    _lock: File,
}

impl Job {
    pub(crate) fn start(segments: &Path) -> Result<Job> {
        loop {
            let name = random_name()?;
            let dir = segments.join(format!("{JOB_PREFIX}{name}"));
            fs::create_dir_all(&dir).map_err(Error::io("create the directory", &dir))?;
            let path = dir.join(JOB_LOCK);
            match open_lock(&path) {
                Ok(lock) => {
                    lock.lock().map_err(Error::io("lock", &path))?;
                    // A sweeper may have taken the directory before the lock was ours.
                    if path.exists() {
                        return Ok(Job { name, dir, _lock: lock });
                    }
                }
                Err(error) if error.is_missing_file() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "could not remove a directory");
        }
    }
}

/// Awaits blocking work; a panic in it goes on in the caller.
pub(crate) async fn join<T>(task: tokio::task::JoinHandle<Result<T>>) -> Result<T> {
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::WriterStopped { what: "segments" }),
        },
    }
}

pub(crate) fn random_name() -> Result<String> {
    let number = getrandom::u64().map_err(|error| Error::Io {
        action: "read random bytes for",
        path: PathBuf::from("a job name"),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(format!("{number:016x}"))
}

fn make_directories(dir: &Path, is_there: bool) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create the directory", dir))?;
    // What a start that was killed early can have left is no stranger.
    let is_ours = |name: &str| {
        name.starts_with(DATABASE)
            || name.starts_with(decision_log::DATABASE)
            || [SEGMENTS, SNAPSHOTS, REJECTS, SEGMENTS_LOCK].contains(&name)
    };
    if !is_there && list(dir)?.iter().any(|name| !is_ours(name)) {
        return Err(Error::NotEmpty { path: dir.to_path_buf() });
    }
    for name in [SEGMENTS, SNAPSHOTS, REJECTS] {
        let path = dir.join(name);
        fs::create_dir_all(&path).map_err(Error::io("create the directory", &path))?;
    }
    Ok(())
}

fn remove_if_there(path: &Path, remove: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result.map_err(Error::io("remove", path)),
    }
}

fn check_writable(dir: &Path) -> Result<()> {
    open_lock(&dir.join(SEGMENTS_LOCK)).map(drop)
}

fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::io("create the lock file", path))
}

/// The lock of a job whose process is gone; `None` while it runs, or when that cannot be told.
fn take_over(job: &Path) -> Option<File> {
    let path = job.join(JOB_LOCK);
    // A job killed between its directory and its lock file has an empty directory: making the
    // file here turns it into any other dead job. One that just starts notices and starts anew.
    let file = open_lock(&path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

fn list(dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}
