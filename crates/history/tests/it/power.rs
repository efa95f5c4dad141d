//! A machine whose power can be cut at any sync, and whose disk can be full.
//!
//! Files live where they are; beside them a *durable image* is kept: of each file its content as of
//! its last sync, of each directory its names as of its last sync. Segment files come through
//! [`Disk`], SQLite through a shim over its own VFS. When the chosen sync comes, the power goes:
//! that sync and all later ones fail, and the image no longer changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use history::disk::{Disk, DiskFile, RealDisk};
use history::store::Substrate;
use libsqlite3_sys as ffi;

#[derive(Debug, Default)]
struct State {
    n_syncs: usize,
    is_off: bool,
    is_full: bool,
    synced: BTreeMap<PathBuf, Vec<u8>>,
    names: BTreeSet<PathBuf>,
    /// Everything that was written when the power went, for a machine that only lost a process.
    written: BTreeMap<PathBuf, Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Power {
    dir: PathBuf,
    /// The number of the sync at which the power goes; 0: never.
    cut_at: usize,
    /// Whether that sync still reaches the medium (and the process does not learn of it).
    reaches: bool,
    state: Mutex<State>,
}

impl Power {
    pub(crate) fn new(dir: &Path, cut_at: usize, reaches: bool) -> Arc<Power> {
        Arc::new(Power { dir: dir.to_path_buf(), cut_at, reaches, state: Mutex::default() })
    }

    pub(crate) fn substrate(self: &Arc<Power>) -> Substrate {
        let disk = Arc::new(PoweredDisk(Arc::clone(self)));
        Substrate { disk, vfs: Some(register(Arc::clone(self))) }
    }

    pub(crate) fn n_syncs(&self) -> usize {
        self.state.lock().unwrap().n_syncs
    }

    /// False when fewer syncs came than `cut_at`: how many there are while connections close is
    /// not the same in every run.
    pub(crate) fn was_cut(&self) -> bool {
        self.state.lock().unwrap().is_off
    }

    pub(crate) fn set_full(&self, is_full: bool) {
        self.state.lock().unwrap().is_full = is_full;
    }

    fn is_full(&self) -> bool {
        self.state.lock().unwrap().is_full
    }

    /// Runs `keep` when the medium is reached; fails when the power is off.
    fn sync(&self, keep: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.is_off {
            return Err(io::Error::other("the power is off"));
        }
        state.n_syncs += 1;
        let is_cut = state.n_syncs == self.cut_at;
        if !is_cut || self.reaches {
            keep(&mut state);
        }
        if is_cut {
            state.is_off = true;
            state.written = read_all(&self.dir);
            return Err(io::Error::other("the power went off"));
        }
        Ok(())
    }

    fn sync_file(&self, path: &Path, names_too: bool) -> io::Result<()> {
        self.sync(|state| {
            state.synced.insert(path.to_path_buf(), fs::read(path).unwrap_or_default());
            if names_too {
                state.names.insert(path.to_path_buf());
            }
        })
    }

    /// What is found after the power comes back: only what was synced.
    pub(crate) fn write_synced_image(&self, to: &Path) {
        let state = self.state.lock().unwrap();
        for path in &state.names {
            let content = state.synced.get(path).cloned().unwrap_or_default();
            write_below(&self.dir, path, to, &content);
        }
    }

    /// What is found when only the process died at that moment.
    pub(crate) fn write_written_image(&self, to: &Path) {
        let state = self.state.lock().unwrap();
        for (path, content) in &state.written {
            write_below(&self.dir, path, to, content);
        }
    }
}

fn write_below(from: &Path, path: &Path, to: &Path, content: &[u8]) {
    let target = to.join(path.strip_prefix(from).unwrap());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::write(target, content).unwrap();
}

fn read_all(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(read_all(&path));
        } else if !path.to_string_lossy().ends_with("-shm") {
            // The index of the write-ahead log is memory: it dies with the machine and is made
            // anew by the first process that comes after.
            all.insert(path.clone(), fs::read(&path).unwrap_or_default());
        }
    }
    all
}

#[derive(Debug)]
struct PoweredDisk(Arc<Power>);

struct PoweredFile {
    power: Arc<Power>,
    path: PathBuf,
    file: File,
}

impl Write for PoweredFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.power.is_full() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DiskFile for PoweredFile {
    fn sync(&mut self) -> io::Result<()> {
        self.power.sync_file(&self.path, false)
    }
}

impl Disk for PoweredDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = File::create(path)?;
        Ok(Box::new(PoweredFile { power: Arc::clone(&self.0), path: path.to_path_buf(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync(|state| {
            state.names.retain(|name| name.parent() != Some(path));
            for entry in fs::read_dir(path).unwrap().flatten() {
                if entry.path().is_file() {
                    state.names.insert(entry.path());
                }
            }
        })
    }
}

// --- The shim. SQLite's own file objects are used as they are; only their table of methods is
// --- replaced by a copy in which three entries are ours.

struct OpenFile {
    power: Arc<Power>,
    path: PathBuf,
    /// Logs are synced together with their directory when SQLite makes them.
    is_log: bool,
    methods: &'static ffi::sqlite3_io_methods,
}

/// By the address of SQLite's file object.
static OPEN: LazyLock<Mutex<HashMap<usize, OpenFile>>> = LazyLock::new(Mutex::default);
/// By the address of the table that was copied.
static TABLES: LazyLock<Mutex<HashMap<usize, &'static ffi::sqlite3_io_methods>>> =
    LazyLock::new(Mutex::default);
static N_REGISTERED: AtomicUsize = AtomicUsize::new(0);

/// The name of a new VFS that belongs to one machine. It is never taken away: tests are short.
#[allow(unsafe_code)]
fn register(power: Arc<Power>) -> String {
    let name = format!("powered-{}", N_REGISTERED.fetch_add(1, Ordering::Relaxed));
    let name_in_c = CString::new(name.clone()).unwrap().into_raw();
    // SAFETY: SQLite is initialized by `sqlite3_initialize`; the default VFS lives as long as the
    // process, so a copy of its fields stays valid. Name, power and VFS are leaked on purpose, as
    // SQLite keeps pointers to them.
    unsafe {
        ffi::sqlite3_initialize();
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        let mut vfs = *default;
        vfs.zName = name_in_c;
        vfs.pNext = std::ptr::null_mut();
        vfs.pAppData = Box::into_raw(Box::new(power)).cast::<c_void>();
        vfs.xOpen = Some(open);
        let registered = ffi::sqlite3_vfs_register(Box::into_raw(Box::new(vfs)), 0);
        assert_eq!(registered, ffi::SQLITE_OK);
    }
    name
}

/// SAFETY: called by SQLite with a VFS made by [`register`] and a file object of the default VFS's
/// size (`szOsFile` was copied with the rest).
#[allow(unsafe_code)]
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: as above; the default VFS opens the file into the object that SQLite made for it.
    unsafe {
        let default = ffi::sqlite3_vfs_find(std::ptr::null());
        let opener = (*default).xOpen.unwrap();
        let code = opener(default, name, file, flags, out_flags);
        if code != ffi::SQLITE_OK || name.is_null() {
            return code;
        }
        let methods: &'static ffi::sqlite3_io_methods = &*(*file).pMethods;
        let power = Arc::clone(&*(*vfs).pAppData.cast::<Arc<Power>>());
        let path = PathBuf::from(CStr::from_ptr(name).to_str().unwrap());
        let is_log = flags & (ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL) != 0;
        let entry = OpenFile { power, path, is_log, methods };
        OPEN.lock().unwrap().insert(file as usize, entry);
        (*file).pMethods =
            *TABLES.lock().unwrap().entry(std::ptr::from_ref(methods) as usize).or_insert_with(
                || {
                    let mut own = *methods;
                    own.xSync = Some(sync);
                    own.xWrite = Some(write);
                    own.xClose = Some(close);
                    Box::leak(Box::new(own))
                },
            );
        code
    }
}

fn with_open<T>(file: *mut ffi::sqlite3_file, act: impl FnOnce(&OpenFile) -> T) -> T {
    act(OPEN.lock().unwrap().get(&(file as usize)).expect("the shim opened the file"))
}

/// SAFETY: called by SQLite with a file that [`open`] opened.
#[allow(unsafe_code)]
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    let (power, path, is_log) =
        with_open(file, |open| (Arc::clone(&open.power), open.path.clone(), open.is_log));
    match power.sync_file(&path, is_log) {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_FSYNC,
    }
}

/// SAFETY: as [`sync`].
#[allow(unsafe_code)]
unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    n_bytes: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (is_full, methods) = with_open(file, |open| (open.power.is_full(), open.methods));
    if is_full {
        return ffi::SQLITE_FULL;
    }
    // SAFETY: the arguments go on unchanged to the method that they are meant for.
    unsafe { methods.xWrite.unwrap()(file, bytes, n_bytes, offset) }
}

/// SAFETY: as [`sync`].
#[allow(unsafe_code)]
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let entry = OPEN.lock().unwrap().remove(&(file as usize)).expect("the shim opened the file");
    // SAFETY: as in `write`; the original table goes back first.
    unsafe {
        (*file).pMethods = entry.methods;
        entry.methods.xClose.unwrap()(file)
    }
}
