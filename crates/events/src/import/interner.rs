//! Gives each distinct id of a batch a small code, in order of first appearance.

use hashbrown::HashTable;

use crate::lines::{IdColumn, NO_ID};

#[derive(Debug, Default)]
pub(crate) struct Interner {
    table: HashTable<Entry>,
    column: IdColumn,
    /// Code of the last id: the lines of one order follow each other.
    last: Option<u32>,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    code: u32,
}

impl Interner {
    #[inline]
    pub(crate) fn push(&mut self, id: Option<&str>) -> u32 {
        let code = match id {
            Some(id) => self.code(id),
            None => NO_ID,
        };
        self.column.codes.push(code);
        code
    }

    #[inline]
    fn code(&mut self, id: &str) -> u32 {
        let dictionary = &mut self.column.dictionary;
        if let Some(last) = self.last
            && *dictionary[last as usize] == *id
        {
            return last;
        }
        let hash = rapidhash::v3::rapidhash_v3(id.as_bytes());
        let same = |entry: &Entry| entry.hash == hash && *dictionary[entry.code as usize] == *id;
        let code = match self.table.find(hash, same) {
            Some(entry) => entry.code,
            None => {
                let code = dictionary.len() as u32;
                dictionary.push(id.into());
                self.table.insert_unique(hash, Entry { hash, code }, |entry| entry.hash);
                code
            }
        };
        self.last = Some(code);
        code
    }

    /// The column so far; the interner starts anew and keeps the memory of its table.
    pub(crate) fn take(&mut self) -> IdColumn {
        self.table.clear();
        self.last = None;
        let n_rows = self.column.codes.len();
        let column = std::mem::take(&mut self.column);
        // The next batch is about as long.
        self.column.codes.reserve(n_rows);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_for_ids_in_order_of_appearance() {
        let mut interner = Interner::default();
        for id in [Some("b"), Some("a"), None, Some("b"), Some("b"), Some("")] {
            interner.push(id);
        }
        let column = interner.take();
        assert_eq!(column.codes, [0, 1, NO_ID, 0, 0, 2]);
        assert_eq!(column.dictionary.iter().map(|id| &**id).collect::<Vec<_>>(), ["b", "a", ""]);
        interner.push(Some("a"));
        assert_eq!(interner.take().codes, [0], "a batch knows nothing of the one before");
    }
}
