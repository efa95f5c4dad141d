//! A second copy of a store, taken while it works, and the way back.
//!
//! A backup is a directory: both databases as of one moment each, the segments that the manifest
//! names (linked where the file system allows: they never change), the API keys if there are any,
//! and `backup.json` with the size and XXH3-64 of every file. `backup.json` is written last:
//! without it there is no backup.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::{Database, FORMAT_VERSION};
use crate::decision_log;
use crate::disk::{Disk, RealDisk};
use crate::error::{Error, Result};
use crate::manifest::{self, ManifestSegment};
use crate::segment::Checksum;
use crate::store::{DATABASE, Job, SEGMENTS, SegmentsLock, Store, join, segment_paths};

const MANIFEST: &str = "backup.json";
/// Made and read by the service; without it every caller would be locked out after a restore.
const KEYS: &str = "keys.json";
/// Folders of small files that others make: versions of the policies and the log that names the one
/// in force; the log of experiments; languages.
const FOLDERS: [&str; 3] = [POLICIES, EXPERIMENTS, "languages"];
pub(crate) const POLICIES: &str = "policies";
pub(crate) const EXPERIMENTS: &str = "experiments";

/// The segments of one moment, in `dir`: that of a job, which goes with it, or where they always
/// are when nobody may change them.
pub(crate) struct HeldSegments {
    _job: Option<Job>,
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Vec<ManifestSegment>,
    files: Vec<PathBuf>,
}

/// What `backup.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    pub format_version: i64,
    pub at_us: i64,
    pub files: Vec<BackupFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Path within the backup, `/` between parts.
    pub path: String,
    pub n_bytes: u64,
    pub xxh3: String,
}

impl BackupManifest {
    pub fn n_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.n_bytes).sum()
    }
}

impl Store {
    /// Copies the store into `target`, a new or empty directory. Imports wait for the moment in
    /// which the segments are linked, everything else goes on. Snapshots are left out: they can be
    /// learned again. So are the rows that imports rejected: they are no part of the store, nor is
    /// one customer erased from them.
    pub async fn backup(&self, target: &Path, now: Timestamp) -> Result<BackupManifest> {
        make_empty(target)?;
        fs::create_dir_all(target.join(SEGMENTS))
            .map_err(Error::io("create the directory", target))?;
        let held = self.copy_and_hold(target).await?;
        copy_database(self.decisions(), &target.join(decision_log::DATABASE)).await?;
        let target = target.to_path_buf();
        let keys = self.dir().join(KEYS);
        let folders = FOLDERS.map(|name| (name, self.dir().join(name)));
        let task = tokio::task::spawn_blocking(move || {
            let mut files = Vec::new();
            if keys.is_file() {
                copy_private(&keys, &target.join(KEYS))?;
                files.push(describe(&target, KEYS.to_owned())?);
            }
            for (name, folder) in &folders {
                copy_folder(folder, name, &target, &mut files)?;
            }
            for name in [DATABASE, decision_log::DATABASE] {
                files.push(describe(&target, name.to_owned())?);
            }
            for source in &held.files {
                let name = file_name(source);
                link_or_copy(source, &target.join(SEGMENTS).join(&name))?;
                files.push(describe(&target, format!("{SEGMENTS}/{name}"))?);
            }
            drop(held);
            let manifest = BackupManifest { format_version: FORMAT_VERSION, at_us: now.0, files };
            write_manifest(&target, &manifest)?;
            Ok(manifest)
        });
        join(task).await
    }

    /// Copies the database and holds the segments that it names.
    async fn copy_and_hold(&self, target: &Path) -> Result<HeldSegments> {
        let lock = self.lock_segments_if_writable().await?;
        copy_database(self.database(), &target.join(DATABASE)).await?;
        self.hold(lock.as_ref()).await
    }

    /// Holds all segments as they are now.
    pub(crate) async fn hold_segments(&self) -> Result<HeldSegments> {
        let lock = self.lock_segments_if_writable().await?;
        self.hold(lock.as_ref()).await
    }

    /// Links all segments into a directory of their own, where they stay even when the store
    /// replaces them. Without a lock, where nothing can be written, they are read in place.
    async fn hold(&self, lock: Option<&SegmentsLock>) -> Result<HeldSegments> {
        let job = lock.map(|_| Job::start(&self.segments_dir())).transpose()?;
        let mut snapshot = self.database().snapshot().await?;
        let manifest =
            manifest::read(&mut snapshot).await.map_err(self.error("read the manifest"))?;
        let mut files = Vec::new();
        for segment in &manifest {
            for path in segment_paths(&self.segments_dir(), &segment.written.name) {
                match &job {
                    _ if !path.exists() => {}
                    None => files.push(path),
                    Some(job) => {
                        let to = job.dir.join(file_name(&path));
                        link_or_copy(&path, &to)?;
                        files.push(to);
                    }
                }
            }
        }
        let dir = job.as_ref().map_or_else(|| self.segments_dir(), |job| job.dir.clone());
        Ok(HeldSegments { _job: job, dir, manifest, files })
    }
}

/// Makes a store in `dir`, a new or empty directory, from a backup. Every file is checked before
/// and after it is copied; on an error `dir` is no store.
pub async fn restore(backup: &Path, dir: &Path) -> Result<BackupManifest> {
    let (from, to) = (backup.to_path_buf(), dir.to_path_buf());
    let task = tokio::task::spawn_blocking(move || {
        let manifest = read_manifest(&from)?;
        verify_files(&from, &manifest)?;
        make_empty(&to)?;
        for name in [SEGMENTS, "snapshots", "rejects"] {
            let path = to.join(name);
            fs::create_dir_all(&path).map_err(Error::io("create the directory", &path))?;
        }
        // The database comes last: before it, the directory is no store.
        let is_database = |file: &&BackupFile| file.path == DATABASE;
        let others = manifest.files.iter().filter(|file| !is_database(file));
        for file in others.chain(manifest.files.iter().filter(is_database)) {
            copy_checked(&from, &to, file)?;
        }
        for path in [to.join(SEGMENTS), to.clone()] {
            RealDisk.sync_dir(&path).map_err(Error::io("write to", &path))?;
        }
        Ok(manifest)
    });
    join(task).await
}

/// Reads a whole backup and compares it with what its manifest says.
pub async fn verify_backup(backup: &Path) -> Result<BackupManifest> {
    let backup = Arc::new(backup.to_path_buf());
    let task = tokio::task::spawn_blocking(move || {
        let manifest = read_manifest(&backup)?;
        verify_files(&backup, &manifest)?;
        Ok(manifest)
    });
    join(task).await
}

fn read_manifest(backup: &Path) -> Result<BackupManifest> {
    let path = backup.join(MANIFEST);
    let text = fs::read(&path).map_err(Error::io("read the manifest", &path))?;
    let manifest: BackupManifest = serde_json::from_slice(&text)
        .map_err(|error| Error::Corrupt { path: path.clone(), detail: error.to_string() })?;
    if manifest.format_version > FORMAT_VERSION {
        return Err(Error::FormatTooNew {
            path: backup.to_path_buf(),
            found: manifest.format_version,
            supported: FORMAT_VERSION,
        });
    }
    // A manifest names files below the backup and nothing else.
    let is_below = |path: &str| {
        path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
            && !path.contains(['\\', ':'])
    };
    match manifest.files.iter().find(|file| !is_below(&file.path)) {
        Some(file) => {
            Err(Error::Corrupt { path, detail: format!("it names the path {:?}", file.path) })
        }
        None => Ok(manifest),
    }
}

fn verify_files(backup: &Path, manifest: &BackupManifest) -> Result<()> {
    for file in &manifest.files {
        let found = describe(backup, file.path.clone())?;
        if found != *file {
            return Err(Error::Corrupt {
                path: backup.join(&file.path),
                detail: format!(
                    "{} bytes with checksum {}, {} with {} were backed up",
                    found.n_bytes, found.xxh3, file.n_bytes, file.xxh3
                ),
            });
        }
    }
    Ok(())
}

fn write_manifest(target: &Path, manifest: &BackupManifest) -> Result<()> {
    for path in [target.join(SEGMENTS), target.to_path_buf()] {
        RealDisk.sync_dir(&path).map_err(Error::io("write to", &path))?;
    }
    let path = target.join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest).expect("plain columns have a JSON form");
    let write = || -> io::Result<()> {
        let mut file = File::create(&path)?;
        file.write_all(&text)?;
        file.sync_all()?;
        RealDisk.sync_dir(target)
    };
    write().map_err(Error::io("write to", &path))
}

async fn copy_database(database: &Database, to: &Path) -> Result<()> {
    let target = to.to_string_lossy().into_owned();
    sqlx::query("VACUUM INTO ?1")
        .bind(target)
        .execute(&database.reader)
        .await
        .map_err(database.error("copy the database"))?;
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(Error::io("write to", to))
}

/// A link costs nothing and is as good as a copy for a file that never changes.
fn link_or_copy(from: &Path, to: &Path) -> Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let copied = fs::copy(from, to).and_then(|_| File::open(to)?.sync_all());
    copied.map_err(Error::io("write to", to))
}

/// The log first: whatever version it names is there by then, and stays.
fn copy_folder(
    from: &Path,
    folder: &str,
    target: &Path,
    files: &mut Vec<BackupFile>,
) -> Result<()> {
    let listing = match fs::read_dir(from) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::io("list", from)(source)),
    };
    let mut names: Vec<String> = listing
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".jsonl") || name.ends_with(".toml"))
        .collect();
    names.sort_unstable_by_key(|name| (name.ends_with(".toml"), name.clone()));
    let to = target.join(folder);
    fs::create_dir_all(&to).map_err(Error::io("create the directory", &to))?;
    for name in names {
        let target_file = to.join(&name);
        let copied = fs::copy(from.join(&name), &target_file)
            .and_then(|_| File::open(&target_file)?.sync_all());
        copied.map_err(Error::io("write to", &target_file))?;
        files.push(describe(target, format!("{folder}/{name}"))?);
    }
    Ok(())
}

/// A copy that its owner alone may read, whatever the original's medium kept of its mode.
fn copy_private(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).map_err(Error::io("read", from))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || -> io::Result<()> {
        let mut file = options.open(to)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write to", to))
}

fn copy_checked(from: &Path, to: &Path, file: &BackupFile) -> Result<()> {
    let (source, target) = (from.join(&file.path), to.join(&file.path));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(Error::io("create the directory", parent))?;
    }
    if file.path == KEYS {
        copy_private(&source, &target)?;
    } else {
        let copied = fs::copy(&source, &target).and_then(|_| File::open(&target)?.sync_all());
        copied.map_err(Error::io("write to", &target))?;
    }
    if describe(to, file.path.clone())? != *file {
        return Err(Error::Corrupt { path: target, detail: "the copy differs".to_owned() });
    }
    Ok(())
}

fn describe(base: &Path, path: String) -> Result<BackupFile> {
    let full = base.join(&path);
    let mut file = File::open(&full).map_err(Error::io("read", &full))?;
    let mut sum = Checksum::new(io::sink());
    let mut buffer = vec![0; 1 << 18];
    loop {
        let n_bytes = file.read(&mut buffer).map_err(Error::io("read", &full))?;
        if n_bytes == 0 {
            break;
        }
        sum.write_all(&buffer[..n_bytes]).map_err(Error::io("read", &full))?;
    }
    let (_, checksum, n_bytes) = sum.finish();
    Ok(BackupFile { path, n_bytes, xxh3: format!("{checksum:016x}") })
}

fn make_empty(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::io("create the directory", dir))?;
    let mut entries = fs::read_dir(dir).map_err(Error::io("list", dir))?;
    match entries.next() {
        Some(_) => Err(Error::NotEmpty { path: dir.to_path_buf() }),
        None => Ok(()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
