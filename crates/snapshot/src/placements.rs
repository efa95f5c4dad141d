//! What sells at each placement: written from arrays, checked whole when opened.

use crate::container::Container;
use crate::rows::Rows;
use crate::{Error, SnapshotWriter, StringTable};
use sparse::Csr;

/// Section names.
mod names {
    pub(super) const NAMES: &str = "placement.name";
    pub(super) const RATIOS: &str = "placement.ratio";
}

/// What is written. One row a placement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlacementTables {
    /// By the names of the wire.
    pub names: Vec<Box<str>>,
    /// Items of which something is known there, rising: what comes of them when they are shown,
    /// over what comes of others that sell as well. Of all others it is 1.
    pub ratios: Csr,
    pub ratio_values: Vec<f32>,
}

impl PlacementTables {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        if self.names.is_empty() {
            return;
        }
        StringTable::write(writer, names::NAMES, self.names.iter().map(|name| &**name));
        Rows::write(writer, names::RATIOS, &self.ratios, &self.ratio_values);
    }
}

/// The sections of an opened snapshot; empty where nothing was learned of placements.
#[derive(Debug)]
pub(crate) struct PlacementSections {
    names: StringTable,
    ratios: Rows<f32>,
}

impl PlacementSections {
    pub(crate) fn open(c: &Container, n_items: usize) -> Result<PlacementSections, Error> {
        let names = StringTable::open(c, names::NAMES)?;
        let ratios: Rows<f32> = Rows::open(c, names::RATIOS, names.len(c), n_items)?;
        let (offsets, items, values) = ratios.parts(c);
        let is_sound = values.iter().all(|ratio| ratio.is_finite() && *ratio > 0.0);
        let rises = |row: &[u64]| items[row[0] as usize..row[1] as usize].is_sorted();
        if !is_sound || !offsets.windows(2).all(rises) {
            return Err(c.corrupt("what sells at placements is out of range".into()));
        }
        Ok(PlacementSections { names, ratios })
    }

    /// What sells at a placement, by its name.
    #[inline]
    pub(crate) fn at<'a>(&self, c: &'a Container, placement: &str) -> SellsHere<'a> {
        let is_it = |&at: &usize| self.names.get(c, at) == placement;
        let (items, ratios) = match (0..self.names.len(c)).find(is_it) {
            Some(at) => self.ratios.row(c, at),
            None => (&[][..], &[][..]),
        };
        SellsHere { items, ratios }
    }
}

/// What a snapshot knows of one placement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SellsHere<'a> {
    pub items: &'a [u32],
    pub ratios: &'a [f32],
}

impl SellsHere<'_> {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How much better an item does here than others that sell as well; 1 where nothing is known.
    #[inline]
    pub fn ratio(&self, item: u32) -> f32 {
        self.items.binary_search(&item).map_or(1.0, |at| self.ratios[at])
    }

    /// The largest that any item has, 1 at the least.
    pub fn largest(&self) -> f32 {
        self.ratios.iter().copied().fold(1.0, f32::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::fixture::full_writer;

    /// Two placements over the four items of the fixture.
    fn tables() -> PlacementTables {
        PlacementTables {
            names: vec!["checkout".into(), "home".into()],
            ratios: [&[0, 3][..], &[1]].into_iter().collect(),
            ratio_values: vec![1.5, 0.5, 0.25],
        }
    }

    fn opened(tables: &PlacementTables) -> Result<Snapshot, Error> {
        let mut writer = full_writer();
        tables.write(&mut writer);
        Snapshot::from_writer(&writer)
    }

    #[test]
    fn placements_come_back_as_written() {
        let snapshot = opened(&tables()).unwrap();
        let checkout = snapshot.sells_at("checkout");
        assert_eq!([0, 1, 2, 3].map(|item| checkout.ratio(item)), [1.5, 1.0, 1.0, 0.5]);
        assert_eq!(checkout.largest(), 1.5);
        let home = snapshot.sells_at("home");
        assert_eq!((home.ratio(1), home.largest(), home.is_empty()), (0.25, 1.0, false));
        assert!(snapshot.sells_at("email").is_empty());
        let none = opened(&PlacementTables::default()).unwrap();
        assert!(none.sells_at("home").is_empty() && none.sells_at("home").ratio(1) == 1.0);
    }

    #[test]
    fn damaged_placements_are_refused() {
        let refused = |damage: &dyn Fn(&mut PlacementTables)| {
            let mut damaged = tables();
            damage(&mut damaged);
            let error = opened(&damaged).expect_err("a damaged table is refused").to_string();
            assert!(error.contains("placement"), "{error}");
        };
        refused(&|tables| tables.ratio_values[1] = f32::NAN);
        refused(&|tables| tables.ratio_values[1] = 0.0);
        refused(&|tables| tables.ratios.indices[2] = 4);
        refused(&|tables| tables.ratios.indices.swap(0, 1));
        refused(&|tables| tables.names.push("pdp".into()));
    }
}
