//! Finding the version of an order that counts so far.

use std::ops::Range;
use std::path::Path;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::manifest::{DeadRows, ManifestSegment};
use crate::order_key::OrderKey;
use crate::segment::{KeyCursor, KeyedRow};

/// An order that counts, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownOrder {
    /// Place in the manifest that was handed in.
    pub(crate) segment: usize,
    pub(crate) row: usize,
    pub(crate) n_lines: u32,
    pub(crate) digest: u64,
    pub(crate) at_us: i64,
}

/// The living orders of all segments, asked for in rising order of key.
pub(crate) struct Known<'a> {
    cursors: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    place: usize,
    segment: &'a ManifestSegment,
    keys: KeyCursor,
    /// The first order at or above the key asked for last; `None` at the end.
    next: Option<KeyedRow>,
}

impl<'a> Known<'a> {
    pub(crate) fn open(
        segments: &Path,
        manifest: &'a [ManifestSegment],
        partitions: Range<usize>,
    ) -> Result<Known<'a>> {
        let mut cursors = Vec::new();
        for (place, segment) in manifest.iter().enumerate() {
            let written = &segment.written;
            if written.last_partition < partitions.start
                || written.first_partition >= partitions.end
            {
                continue;
            }
            let mut keys = KeyCursor::open(segments, &written.name, partitions.start)?;
            let next = keys.seek(OrderKey::NONE)?;
            cursors.push(Cursor { place, segment, keys, next });
        }
        Ok(Known { cursors })
    }

    /// `key` must be above those asked for before.
    pub(crate) fn find(&mut self, key: OrderKey) -> Result<Option<KnownOrder>> {
        let mut found = None;
        for cursor in &mut self.cursors {
            if cursor.next.is_some_and(|next| next.key < key) {
                cursor.next = cursor.keys.seek(key)?;
            }
            let Some(next) = cursor.next else { continue };
            if next.key == key && !cursor.segment.dead.contains(next.row) {
                let KeyedRow { row, n_lines, digest, at_us, .. } = next;
                found = Some(KnownOrder { segment: cursor.place, row, n_lines, digest, at_us });
            }
        }
        Ok(found)
    }
}

/// Rows that a newer version replaces, by place of their segment in the manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Superseded {
    rows: BTreeMap<usize, DeadRows>,
}

impl Superseded {
    pub(crate) fn add(&mut self, order: &KnownOrder) {
        let dead = self.rows.entry(order.segment).or_default();
        dead.rows.push(order.row);
        dead.n_lines += u64::from(order.n_lines);
    }

    pub(crate) fn union<'b>(parts: impl Iterator<Item = &'b Superseded>) -> Superseded {
        let mut all = Superseded::default();
        for (&segment, rows) in parts.flat_map(|part| &part.rows) {
            let dead = all.rows.entry(segment).or_default();
            dead.rows.extend_from_slice(&rows.rows);
            dead.n_lines += rows.n_lines;
        }
        all
    }

    pub(crate) fn by_segment(&self) -> impl Iterator<Item = (usize, &DeadRows)> {
        self.rows.iter().map(|(&segment, dead)| (segment, dead))
    }
}
