//! External ids seen by one import, numbered in order of appearance.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// Interned texts in one arena; codes are dense and rise by appearance.
#[derive(Debug, Default)]
pub(crate) struct IdTable {
    arena: String,
    ends: Vec<usize>,
    hashes: Vec<u64>,
    slots: HashTable<u32>,
}

impl IdTable {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, code: u32) -> &str {
        text_of(&self.arena, &self.ends, code)
    }

    /// XXH3-64 of the id: the same in every import, unlike its code.
    pub(crate) fn hash_of(&self, code: u32) -> u64 {
        self.hashes[code as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len() as u32).map(|code| self.get(code))
    }

    pub(crate) fn intern(&mut self, id: &str) -> Result<u32> {
        let hash = xxh3_64(id.as_bytes());
        let (arena, ends) = (&self.arena, &self.ends);
        if let Some(&code) = self.slots.find(hash, |&code| text_of(arena, ends, code) == id) {
            return Ok(code);
        }
        let code = self.ends.len() as u32;
        if code >= u32::MAX - 1 {
            return Err(Error::TooMany { what: "distinct ids", limit: u64::from(u32::MAX - 1) });
        }
        self.arena.push_str(id);
        self.ends.push(self.arena.len());
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.slots.insert_unique(hash, code, |&code| hashes[code as usize]);
        Ok(code)
    }
}

fn text_of<'a>(arena: &'a str, ends: &[usize], code: u32) -> &'a str {
    let code = code as usize;
    let start = if code == 0 { 0 } else { ends[code - 1] };
    &arena[start..ends[code]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ids_by_appearance() {
        let mut table = IdTable::default();
        let codes: Vec<u32> =
            ["b", "a", "b", "", "ä \"x\""].iter().map(|id| table.intern(id).unwrap()).collect();
        assert_eq!(codes, [0, 1, 0, 2, 3]);
        assert_eq!(table.iter().collect::<Vec<_>>(), ["b", "a", "", "ä \"x\""]);
        assert_eq!(table.hash_of(1), xxh3_64(b"a"));
    }
}
