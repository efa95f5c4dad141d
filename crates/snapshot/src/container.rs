//! The file: a header, aligned sections of plain numbers, and a table of what is where.
//!
//! ```text
//! offset 0    header, 64 bytes
//!             magic "ALONGSNP" | format u32 | n_sections u32 | table_offset u64 | file_len u64
//!             | table_checksum u64 | zeros
//! 64          sections, each at a multiple of 64 bytes, zeros between
//! table       n_sections entries of 64 bytes
//!             name [u8; 32] (zero padded) | item_bytes u32 | zeros u32 | offset u64 | len u64
//!             | checksum u64
//! ```
//!
//! All numbers are little endian. Checksums are XXH3-64. Sections are ordered by name.

use crate::{Error, SnapshotWriter};
use bytemuck::Pod;
use memmap2::Mmap;
use std::fs::File;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

pub const MAGIC: &[u8; 8] = b"ALONGSNP";
/// Raised when an old reader would misread a new file.
pub const FORMAT: u32 = 1;
pub const ALIGNMENT: usize = 64;
pub const HEADER_LEN: usize = 64;
/// Bytes of the header that say something; zeros follow.
const HEADER_USED: usize = 40;
pub const ENTRY_LEN: usize = 64;
pub const NAME_LEN: usize = 32;

#[cfg(target_endian = "big")]
compile_error!("snapshots are mapped as they lie: little endian only");

/// Where an array of `T` lies in the file. Cheap to copy; read with [`Container::view`].
#[derive(Debug)]
pub struct Section<T> {
    range: Range<usize>,
    item: PhantomData<fn() -> T>,
}

impl<T> Default for Section<T> {
    fn default() -> Self {
        Section { range: 0..0, item: PhantomData }
    }
}

impl<T> Clone for Section<T> {
    fn clone(&self) -> Self {
        Section { range: self.range.clone(), item: PhantomData }
    }
}

#[derive(Debug)]
struct SectionEntry {
    name: String,
    item_bytes: u32,
    range: Range<usize>,
    checksum: u64,
}

/// The bytes of a snapshot, mapped or held in memory; both begin at a multiple of eight.
#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    Held { words: Vec<u64>, len: usize },
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held { words, len } => &bytemuck::cast_slice(words)[..*len],
        }
    }
}

/// A snapshot's bytes whose checksums were found right.
#[derive(Debug)]
pub struct Container {
    path: PathBuf,
    map: Bytes,
    entries: Vec<SectionEntry>,
    /// XXH3-64 of the section table: names the content of the whole file.
    table_checksum: u64,
}

impl Container {
    /// Maps the file and checks header, table and every section's checksum.
    pub fn open(path: &Path) -> Result<Container, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let len = file.metadata().map_err(Error::io("read the size of", path))?.len();
        if len < HEADER_LEN as u64 {
            return Err(corrupt(path, format!("{len} bytes, shorter than a header")));
        }
        // SAFETY: the mapping is read only. Published snapshots are never written or truncated by
        // Alongside: they are made under a temporary name and renamed when complete, and removed
        // only by unlinking, which leaves mapped pages valid. A foreign process that truncates the
        // file would raise SIGBUS; the directory is documented as ours alone.
        #[allow(unsafe_code)]
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        Container::check(path, Bytes::Mapped(map))
    }

    /// The same checks for a snapshot that was never a file: tests, evaluation, the empty one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Container, Error> {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Container::from_words(words, bytes.len())
    }

    /// The same of what a writer holds, copied once: a large snapshot takes no more than it must.
    pub(crate) fn from_writer(writer: &SnapshotWriter) -> Result<Container, Error> {
        let (words, len) = writer.to_words();
        Container::from_words(words, len)
    }

    fn from_words(words: Vec<u64>, len: usize) -> Result<Container, Error> {
        let path = Path::new("(in memory)");
        if len < HEADER_LEN {
            return Err(corrupt(path, format!("{len} bytes, shorter than a header")));
        }
        Container::check(path, Bytes::Held { words, len })
    }

    fn check(path: &Path, map: Bytes) -> Result<Container, Error> {
        let (entries, table_checksum) = read_table(path, &map)?;
        check_gaps(path, &map, &entries)?;
        for entry in &entries {
            if xxh3_64(&map[entry.range.clone()]) != entry.checksum {
                return Err(corrupt(path, format!("section `{}` fails its checksum", entry.name)));
            }
        }
        Ok(Container { path: path.to_path_buf(), map, entries, table_checksum })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn len_bytes(&self) -> usize {
        self.map.len()
    }

    /// Names the content: equal for equal bytes.
    pub fn content_id(&self) -> u64 {
        self.table_checksum
    }

    /// Name and size in bytes of each section.
    pub fn sections(&self) -> impl Iterator<Item = (&str, usize)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), entry.range.len()))
    }

    /// The section of that name; an empty one when the file has none.
    pub fn section<T: Pod>(&self, name: &str) -> Result<Section<T>, Error> {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            return Ok(Section::default());
        };
        let size = size_of::<T>();
        if entry.item_bytes as usize != size || !entry.range.len().is_multiple_of(size) {
            return Err(corrupt(
                &self.path,
                format!("section `{name}` holds items of {} bytes, not {size}", entry.item_bytes),
            ));
        }
        Ok(Section { range: entry.range.clone(), item: PhantomData })
    }

    /// The array itself.
    #[inline]
    pub fn view<T: Pod>(&self, section: &Section<T>) -> &[T] {
        // Cannot fail: length was checked by `section`, offset by `read_table`, and the bytes
        // begin at a multiple of eight.
        bytemuck::cast_slice(&self.map[section.range.clone()])
    }

    pub(crate) fn corrupt(&self, what: String) -> Error {
        corrupt(&self.path, what)
    }
}

fn corrupt(path: &Path, what: String) -> Error {
    Error::Corrupt { path: path.to_path_buf(), what }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn read_table(path: &Path, bytes: &[u8]) -> Result<(Vec<SectionEntry>, u64), Error> {
    if &bytes[..8] != MAGIC {
        return Err(corrupt(path, "it does not begin with `ALONGSNP`".into()));
    }
    let format = u32_at(bytes, 8);
    if format == 0 {
        return Err(corrupt(path, "format 0 was never written".into()));
    }
    if format > FORMAT {
        return Err(Error::FormatTooNew {
            path: path.to_path_buf(),
            found: format,
            supported: FORMAT,
        });
    }
    let n_sections = u32_at(bytes, 12) as usize;
    let (table_offset, file_len) = (u64_at(bytes, 16), u64_at(bytes, 24));
    if file_len != bytes.len() as u64 {
        return Err(corrupt(path, format!("{} bytes instead of {file_len}", bytes.len())));
    }
    let table = usize::try_from(table_offset)
        .ok()
        .and_then(|start| Some(start..start.checked_add(n_sections.checked_mul(ENTRY_LEN)?)?))
        .and_then(|range| bytes.get(range))
        .ok_or_else(|| corrupt(path, "the section table lies outside the file".into()))?;
    let checksum = u64_at(bytes, 32);
    if xxh3_64(table) != checksum {
        return Err(corrupt(path, "the section table fails its checksum".into()));
    }
    let entries = table
        .chunks_exact(ENTRY_LEN)
        .map(|entry| read_entry(path, bytes.len(), entry))
        .collect::<Result<Vec<_>, Error>>()?;
    Ok((entries, checksum))
}

fn read_entry(path: &Path, file_len: usize, entry: &[u8]) -> Result<SectionEntry, Error> {
    let name_len = entry[..NAME_LEN].iter().position(|&byte| byte == 0).unwrap_or(NAME_LEN);
    let name = String::from_utf8_lossy(&entry[..name_len]).into_owned();
    let item_bytes = u32_at(entry, 32);
    let (offset, len) = (u64_at(entry, 40), u64_at(entry, 48));
    let end = offset.checked_add(len).filter(|&end| end <= file_len as u64);
    match end {
        Some(end) if offset.is_multiple_of(ALIGNMENT as u64) => Ok(SectionEntry {
            name,
            item_bytes,
            range: offset as usize..end as usize,
            checksum: u64_at(entry, 56),
        }),
        _ => Err(corrupt(path, format!("section `{name}` lies outside the file"))),
    }
}

/// What no checksum covers holds zeros: the rest of the header and what fills up each section. So
/// every changed byte is found, wherever it lies.
fn check_gaps(path: &Path, bytes: &[u8], entries: &[SectionEntry]) -> Result<(), Error> {
    let table_start = u64_at(bytes, 16) as usize;
    let table_end = table_start + entries.len() * ENTRY_LEN;
    let mut covered: Vec<Range<usize>> = entries.iter().map(|entry| entry.range.clone()).collect();
    covered.extend([0..HEADER_USED, table_start..table_end]);
    covered.sort_by_key(|range| range.start);
    let mut end = 0;
    for range in covered.into_iter().chain(std::iter::once(bytes.len()..bytes.len())) {
        let is_gap_zero = end >= range.start || bytes[end..range.start].iter().all(|&b| b == 0);
        if !is_gap_zero {
            return Err(corrupt(path, format!("bytes {end} to {} are not zeros", range.start)));
        }
        end = end.max(range.end);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
