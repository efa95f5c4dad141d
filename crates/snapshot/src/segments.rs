//! What sells to each segment of customers: written from arrays, checked whole when opened.

use crate::container::{Container, Section};
use crate::rows::Rows;
use crate::{Error, SnapshotWriter, StringTable};
use sparse::Csr;

/// Section names.
mod names {
    pub(super) const NAMES: &str = "segment.name";
    pub(super) const OF_CUSTOMER: &str = "segment.of_customer";
    pub(super) const POPULAR: &str = "segment.popular";
    pub(super) const RATIOS: &str = "segment.ratio";
    pub(super) const BASE_RATIOS: &str = "segment.base_ratio";
}

/// What is written. One row, or number, a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentTables {
    pub names: Vec<Box<str>>,
    /// Segment of each customer; [`crate::tables::NONE`] for those of none, and beyond the end.
    pub of_customer: Vec<u32>,
    /// Items that sell best to the segment, best first, with their trend there.
    pub popular: Csr,
    pub popular_trends: Vec<f32>,
    /// Items that the segment bought, rising: share of the segment's purchases over that of all.
    pub ratios: Csr,
    pub ratio_values: Vec<f32>,
    /// The same of an item that the segment never bought.
    pub base_ratios: Vec<f32>,
}

impl SegmentTables {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        if self.names.is_empty() {
            return;
        }
        StringTable::write(writer, names::NAMES, self.names.iter().map(|name| &**name));
        writer.add(names::OF_CUSTOMER, &self.of_customer);
        Rows::write(writer, names::POPULAR, &self.popular, &self.popular_trends);
        Rows::write(writer, names::RATIOS, &self.ratios, &self.ratio_values);
        writer.add(names::BASE_RATIOS, &self.base_ratios);
    }
}

/// The sections of an opened snapshot; empty where no segments were learned of.
#[derive(Debug)]
pub(crate) struct SegmentSections {
    names: StringTable,
    of_customer: Section<u32>,
    popular: Rows<f32>,
    ratios: Rows<f32>,
    base_ratios: Section<f32>,
}

impl SegmentSections {
    pub(crate) fn open(c: &Container, n_items: usize) -> Result<SegmentSections, Error> {
        let table = StringTable::open(c, names::NAMES)?;
        let n_segments = table.len(c);
        let sections = SegmentSections {
            names: table,
            of_customer: c.section(names::OF_CUSTOMER)?,
            popular: Rows::open(c, names::POPULAR, n_segments, n_items)?,
            ratios: Rows::open(c, names::RATIOS, n_segments, n_items)?,
            base_ratios: c.section(names::BASE_RATIOS)?,
        };
        let of_customer = c.view(&sections.of_customer);
        let is_known = |&at: &u32| at == crate::tables::NONE || (at as usize) < n_segments;
        if !of_customer.iter().all(is_known) {
            return Err(c.corrupt("a customer belongs to a segment that is none".into()));
        }
        let base = c.view(&sections.base_ratios);
        let (offsets, items, ratios) = sections.ratios.parts(c);
        let trends = sections.popular.parts(c).2;
        let is_sound = base.iter().chain(ratios).chain(trends).all(|v| v.is_finite() && *v >= 0.0);
        let rises = |row: &[u64]| items[row[0] as usize..row[1] as usize].is_sorted();
        if base.len() != n_segments || !is_sound || !offsets.windows(2).all(rises) {
            return Err(c.corrupt("what sells to segments is out of range".into()));
        }
        Ok(sections)
    }

    #[inline]
    pub(crate) fn view<'a>(&'a self, container: &'a Container) -> Segments<'a> {
        Segments { container, sections: self }
    }
}

/// What a snapshot knows of segments.
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    container: &'a Container,
    sections: &'a SegmentSections,
}

impl<'a> Segments<'a> {
    pub fn is_empty(&self) -> bool {
        self.sections.names.is_empty(self.container)
    }

    pub fn len(&self) -> usize {
        self.sections.names.len(self.container)
    }

    pub fn name(&self, segment: u32) -> &'a str {
        self.sections.names.get(self.container, segment as usize)
    }

    /// The segment of a customer by their row.
    #[inline]
    pub fn of_customer(&self, customer: u32) -> Option<u32> {
        let of_customer = self.container.view(&self.sections.of_customer);
        let segment = of_customer.get(customer as usize).copied();
        segment.filter(|&segment| segment != crate::tables::NONE)
    }

    /// What sells best to a segment, best first, with its trend there.
    pub fn popular(&self, segment: u32) -> (&'a [u32], &'a [f32]) {
        self.sections.popular.row(self.container, segment as usize)
    }

    /// How many times as often the segment buys an item as all do.
    #[inline]
    pub fn ratio(&self, segment: u32, item: u32) -> f32 {
        let (items, ratios) = self.sections.ratios.row(self.container, segment as usize);
        match items.binary_search(&item) {
            Ok(at) => ratios[at],
            Err(_) => self.container.view(&self.sections.base_ratios)[segment as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::fixture::full_writer;
    use crate::tables::NONE;

    /// Two segments over the four items of the fixture.
    fn tables() -> SegmentTables {
        SegmentTables {
            names: vec!["new".into(), "regular".into()],
            of_customer: vec![1, NONE, 0],
            popular: [&[3, 0][..], &[1]].into_iter().collect(),
            popular_trends: vec![2.0, 1.5, 4.0],
            ratios: [&[0, 3][..], &[1]].into_iter().collect(),
            ratio_values: vec![1.5, 2.0, 1.25],
            base_ratios: vec![0.5, 0.75],
        }
    }

    fn opened(tables: &SegmentTables) -> Result<Snapshot, Error> {
        let mut writer = full_writer();
        tables.write(&mut writer);
        Snapshot::from_writer(&writer)
    }

    #[test]
    fn segments_come_back_as_written() {
        let snapshot = opened(&tables()).unwrap();
        let segments = snapshot.segments();
        assert_eq!((segments.len(), segments.name(1)), (2, "regular"));
        let of = |customer| segments.of_customer(customer);
        assert_eq!([of(0), of(1), of(2), of(3)], [Some(1), None, Some(0), None]);
        assert_eq!(segments.popular(0), (&[3, 0][..], &[2.0, 1.5][..]));
        let ratios = [0, 1, 2, 3].map(|item| segments.ratio(0, item));
        assert_eq!((ratios, segments.ratio(1, 1)), ([1.5, 0.5, 0.5, 2.0], 1.25));
        let without = opened(&SegmentTables::default()).unwrap();
        assert!(without.segments().is_empty() && without.segments().of_customer(0).is_none());
    }

    #[test]
    fn damaged_segments_are_refused() {
        let refused = |damage: &dyn Fn(&mut SegmentTables)| {
            let mut damaged = tables();
            damage(&mut damaged);
            let error = opened(&damaged).expect_err("a damaged table is refused").to_string();
            assert!(error.contains("segment"), "{error}");
        };
        refused(&|tables| tables.of_customer[0] = 2);
        refused(&|tables| tables.base_ratios = vec![1.0]);
        refused(&|tables| tables.ratio_values[1] = f32::NAN);
        refused(&|tables| tables.popular_trends[0] = -1.0);
        refused(&|tables| tables.popular.indices[0] = 4);
        refused(&|tables| tables.ratios.indices.swap(0, 1));
    }
}
