//! Collects sections and writes them as one file, in one pass.

use crate::container::{ALIGNMENT, ENTRY_LEN, FORMAT, HEADER_LEN, MAGIC, NAME_LEN};
use crate::{Error, Provenance};
use bytemuck::Pod;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Name of the section that holds the provenance as JSON.
pub const PROVENANCE: &str = "provenance";

struct Pending {
    item_bytes: u32,
    bytes: Vec<u8>,
}

/// Sections by name; the order of adding does not matter, the file is sorted by name.
#[derive(Default)]
pub struct SnapshotWriter {
    sections: BTreeMap<String, Pending>,
}

impl SnapshotWriter {
    pub fn new(provenance: &Provenance) -> SnapshotWriter {
        let mut writer = SnapshotWriter::default();
        writer.add(PROVENANCE, provenance.to_json().as_bytes());
        writer
    }

    /// Replaces the provenance: what is learned last has something to say too.
    pub fn set_provenance(&mut self, provenance: &Provenance) {
        self.sections.remove(PROVENANCE);
        self.add(PROVENANCE, provenance.to_json().as_bytes());
    }

    /// Adds an array. Empty arrays are left out: a reader takes an absent section for an empty one.
    pub fn add<T: Pod>(&mut self, name: &str, items: &[T]) {
        assert!(!name.is_empty() && name.len() <= NAME_LEN, "section name `{name}` does not fit");
        if items.is_empty() {
            return;
        }
        let bytes = bytemuck::cast_slice(items).to_vec();
        let pending = Pending { item_bytes: size_of::<T>() as u32, bytes };
        let before = self.sections.insert(name.to_owned(), pending);
        assert!(before.is_none(), "section `{name}` was added twice");
    }

    /// Takes a section out again, so that a test can write a damaged one in its place.
    #[cfg(test)]
    pub(crate) fn remove(&mut self, name: &str) {
        assert!(self.sections.remove(name).is_some(), "no section `{name}` to damage");
    }

    /// The whole file, for tests and for small snapshots held in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("writing to memory does not fail");
        bytes
    }

    /// The same in whole words, as a container keeps them, and the number of bytes.
    pub(crate) fn to_words(&self) -> (Vec<u64>, usize) {
        let padded = self.sections.values().map(|s| s.bytes.len().next_multiple_of(ALIGNMENT));
        let len = HEADER_LEN + padded.sum::<usize>() + self.sections.len() * ENTRY_LEN;
        let mut words = vec![0_u64; len.div_ceil(8)];
        let mut bytes: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut words)[..len];
        self.write_to(&mut bytes).expect("as much room as is written");
        (words, len)
    }

    /// Writes the file and makes it durable. The caller publishes it (see `SnapshotDir`).
    pub fn write_file(&self, path: &Path) -> Result<(), Error> {
        let file = File::create(path).map_err(Error::io("create", path))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        self.write_to(&mut out).map_err(Error::io("write", path))?;
        let file = out.into_inner().map_err(|error| Error::Io {
            action: "write",
            path: path.to_path_buf(),
            source: error.into_error(),
        })?;
        file.sync_all().map_err(Error::io("sync", path))
    }

    fn write_to(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut table = Vec::with_capacity(self.sections.len() * ENTRY_LEN);
        let mut offset = HEADER_LEN;
        for (name, section) in &self.sections {
            let mut entry = [0_u8; ENTRY_LEN];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            entry[32..36].copy_from_slice(&section.item_bytes.to_le_bytes());
            entry[40..48].copy_from_slice(&(offset as u64).to_le_bytes());
            entry[48..56].copy_from_slice(&(section.bytes.len() as u64).to_le_bytes());
            entry[56..64].copy_from_slice(&xxh3_64(&section.bytes).to_le_bytes());
            table.extend_from_slice(&entry);
            offset += section.bytes.len().next_multiple_of(ALIGNMENT);
        }
        let mut header = [0_u8; HEADER_LEN];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        header[12..16].copy_from_slice(&(self.sections.len() as u32).to_le_bytes());
        header[16..24].copy_from_slice(&(offset as u64).to_le_bytes());
        header[24..32].copy_from_slice(&((offset + table.len()) as u64).to_le_bytes());
        header[32..40].copy_from_slice(&xxh3_64(&table).to_le_bytes());
        out.write_all(&header)?;
        for section in self.sections.values() {
            out.write_all(&section.bytes)?;
            let padding = section.bytes.len().next_multiple_of(ALIGNMENT) - section.bytes.len();
            out.write_all(&[0_u8; ALIGNMENT][..padding])?;
        }
        out.write_all(&table)
    }
}
