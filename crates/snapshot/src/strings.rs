//! A column of strings: one block of UTF-8 and `n + 1` offsets.

use crate::container::{Container, Section};
use crate::{Error, SnapshotWriter};

/// Strings by position.
#[derive(Clone, Debug, Default)]
pub struct StringTable {
    offsets: Section<u64>,
    bytes: Section<u8>,
}

impl StringTable {
    /// Adds sections `<name>.offsets` and `<name>.bytes`.
    pub fn write<'a>(
        writer: &mut SnapshotWriter,
        name: &str,
        strings: impl Iterator<Item = &'a str>,
    ) {
        let mut offsets = vec![0_u64];
        let mut bytes = Vec::new();
        for string in strings {
            bytes.extend_from_slice(string.as_bytes());
            offsets.push(bytes.len() as u64);
        }
        writer.add(&format!("{name}.offsets"), &offsets);
        writer.add(&format!("{name}.bytes"), &bytes);
    }

    /// Checks offsets and UTF-8 of every string.
    pub fn open(container: &Container, name: &str) -> Result<StringTable, Error> {
        let table = StringTable {
            offsets: container.section(&format!("{name}.offsets"))?,
            bytes: container.section(&format!("{name}.bytes"))?,
        };
        let (offsets, bytes) = (container.view(&table.offsets), container.view(&table.bytes));
        let bad = || container.corrupt(format!("strings `{name}` are broken"));
        if offsets.is_empty() {
            return if bytes.is_empty() { Ok(table) } else { Err(bad()) };
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad())?;
        let in_order = offsets[0] == 0
            && offsets.last() == Some(&(bytes.len() as u64))
            && offsets.windows(2).all(|pair| pair[0] <= pair[1])
            && offsets.iter().all(|&offset| text.is_char_boundary(offset as usize));
        if in_order { Ok(table) } else { Err(bad()) }
    }

    pub fn len(&self, container: &Container) -> usize {
        container.view(&self.offsets).len().saturating_sub(1)
    }

    pub fn is_empty(&self, container: &Container) -> bool {
        self.len(container) == 0
    }

    #[inline]
    pub fn get<'a>(&self, container: &'a Container, at: usize) -> &'a str {
        let offsets = container.view(&self.offsets);
        let bytes = container.view(&self.bytes);
        let range = offsets[at] as usize..offsets[at + 1] as usize;
        // Cannot fail: boundaries were checked when the table was opened.
        std::str::from_utf8(&bytes[range]).unwrap_or_default()
    }
}
