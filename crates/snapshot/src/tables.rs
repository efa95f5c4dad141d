//! The tables of a snapshot, by name and type: what `learn` writes and `score` reads.

use crate::container::{Container, Section};
use crate::placements::{PlacementSections, SellsHere};
use crate::rows::Rows;
use crate::segments::{SegmentSections, Segments};
use crate::session_sections::{SessionArrays, SessionSections};
use crate::uplift::{Uplift, UpliftSections};
use crate::{Error, Provenance, RelationStats, SnapshotWriter, StringTable};
use bytemuck::{Pod, Zeroable};
use events::{Amount, Currency, ItemKind};
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// "No such index" in every table.
pub const NONE: u32 = u32::MAX;
/// "No such amount" in price and stock columns.
pub const NO_AMOUNT: i64 = i64::MIN;

pub const FLAG_HIDDEN: u8 = 1;
pub const FLAG_SENSITIVE: u8 = 2;

/// Items kept of one customer; a row of this length may have been cut.
pub const MAX_CUSTOMER_ITEMS: usize = 1_000;

/// What is known of an ordered pair (anchor → item); all counts are of baskets, unless said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct PairStats {
    /// Baskets with both.
    pub n_both: u32,
    /// Customers who bought the anchor first and the item in a later order, and the reverse.
    pub n_after: u32,
    pub n_before: u32,
    /// 1 when the pair passes the Benjamini–Hochberg gate and is seen more often than chance.
    pub is_significant: u32,
    /// Observed over expected count.
    pub lift: f32,
    /// Log-likelihood ratio G² of the 2 × 2 table.
    pub g2: f32,
    /// Lower 95 % Wilson bound of P(item | anchor).
    pub wilson_low: f32,
    /// P(item | anchor), shrunk towards P(item).
    pub probability: f32,
    /// Recency-weighted Jaccard index: what the pair source ranks by.
    pub jaccard: f32,
}

/// A snapshot, opened and found whole.
#[derive(Debug)]
pub struct Snapshot {
    container: Container,
    provenance: Provenance,
    n_items: usize,
    ids: StringTable,
    titles: StringTable,
    images: StringTable,
    category_names: StringTable,
    tokens: StringTable,
    id_slots: Section<u32>,
    kinds: Section<u8>,
    flags: Section<u8>,
    prices: Section<i64>,
    costs: Section<i64>,
    stocks: Section<i64>,
    currencies: Section<[u8; 4]>,
    variant_of: Section<u32>,
    category_of: Section<u32>,
    n_item_baskets: Section<u32>,
    trend: Section<f32>,
    popular: Section<u32>,
    category_popular: Rows<f32>,
    pairs: Rows<PairStats>,
    pair_totals: Section<u32>,
    neighbors: Rows<f32>,
    relations: Rows<RelationStats>,
    ease_row_of_item: Section<u32>,
    ease_item_of_row: Section<u32>,
    ease_weights: Section<f32>,
    sparse_inverse: Rows<f32>,
    postings: Rows<f32>,
    content: Rows<f32>,
    customers: Rows<f32>,
    blend: Section<f32>,
    sessions: SessionSections,
    segments: SegmentSections,
    uplift: UpliftSections,
    placements: PlacementSections,
}

mod item_weights;
/// Section names, in one place for writer and reader.
pub mod names;

impl Snapshot {
    /// Maps the file and checks checksums, lengths, offsets and every index.
    pub fn open(path: &Path) -> Result<Snapshot, Error> {
        Snapshot::from_container(Container::open(path)?)
    }

    /// A snapshot held in memory: evaluation and tests.
    pub fn from_writer(writer: &SnapshotWriter) -> Result<Snapshot, Error> {
        Snapshot::from_container(Container::from_writer(writer)?)
    }

    /// Nothing learned yet: no items, every row empty. A valid snapshot.
    pub fn empty() -> Snapshot {
        Snapshot::from_writer(&SnapshotWriter::new(&Provenance::default()))
            .expect("a file with a provenance alone passes every check")
    }

    pub(crate) fn from_container(container: Container) -> Result<Snapshot, Error> {
        let json = container.section::<u8>(crate::writer::PROVENANCE)?;
        let provenance = Provenance::from_json(container.view(&json))
            .map_err(|error| container.corrupt(format!("provenance: {error}")))?;
        let ids = StringTable::open(&container, names::IDS)?;
        let n_items = ids.len(&container);
        let category_names = StringTable::open(&container, names::CATEGORY_NAMES)?;
        let n_categories = category_names.len(&container);
        let tokens = StringTable::open(&container, names::TOKENS)?;
        let n_tokens = tokens.len(&container);
        let c = &container;
        let snapshot = Snapshot {
            titles: column(c, names::TITLES, n_items)?,
            images: column(c, names::IMAGES, n_items)?,
            id_slots: c.section(names::ID_SLOTS)?,
            kinds: sized(c, names::KINDS, n_items)?,
            flags: sized(c, names::FLAGS, n_items)?,
            prices: sized(c, names::PRICES, n_items)?,
            costs: sized(c, names::COSTS, n_items)?,
            stocks: sized(c, names::STOCKS, n_items)?,
            currencies: sized(c, names::CURRENCIES, n_items)?,
            variant_of: indices(c, names::VARIANT_OF, n_items, n_items)?,
            category_of: indices(c, names::CATEGORY_OF, n_items, n_categories)?,
            n_item_baskets: sized(c, names::N_BASKETS, n_items)?,
            trend: sized(c, names::TREND, n_items)?,
            popular: c.section(names::POPULAR)?,
            category_popular: Rows::open(c, names::CATEGORY_POPULAR, n_categories, n_items)?,
            pairs: Rows::open(c, names::PAIRS, n_items, n_items)?,
            pair_totals: c.section(names::PAIR_TOTALS)?,
            neighbors: Rows::open(c, names::NEIGHBORS, n_items, n_items)?,
            relations: Rows::open(c, names::RELATIONS, n_items, n_items)?,
            ease_row_of_item: c.section(names::EASE_ROW_OF_ITEM)?,
            ease_item_of_row: c.section(names::EASE_ITEM_OF_ROW)?,
            ease_weights: c.section(names::EASE_WEIGHTS)?,
            sparse_inverse: Rows::open(c, names::SPARSE_INVERSE, n_items, n_items)?,
            postings: Rows::open(c, names::POSTINGS, n_tokens, n_items)?,
            content: Rows::open(c, names::CONTENT, n_items, n_items)?,
            customers: Rows::open_any_rows(c, names::CUSTOMERS, n_items)?,
            blend: c.section(names::BLEND)?,
            sessions: SessionSections::open(c, n_items)?,
            segments: SegmentSections::open(c, n_items)?,
            uplift: UpliftSections::open(c)?,
            placements: PlacementSections::open(c, n_items)?,
            ids,
            category_names,
            tokens,
            n_items,
            provenance,
            container,
        };
        snapshot.check_loose_tables()?;
        Ok(snapshot)
    }

    /// What `open` cannot check column by column.
    fn check_loose_tables(&self) -> Result<(), Error> {
        let bad = |what: &str| Err(self.container.corrupt(what.to_owned()));
        let in_range = |items: &[u32]| items.iter().all(|&item| (item as usize) < self.n_items);
        let slots = self.container.view(&self.id_slots);
        let slots_fit = slots.len().is_power_of_two() && slots.len() > self.n_items;
        if !slots_fit && self.n_items > 0 {
            return bad("the id index has the wrong size");
        }
        if !slots.iter().all(|&slot| slot == NONE || (slot as usize) < self.n_items) {
            return bad("the id index points outside the catalogue");
        }
        // A full index would be probed forever.
        if slots.iter().filter(|&&slot| slot != NONE).count() != self.n_items {
            return bad("the id index has not one slot an item");
        }
        if !in_range(self.popular()) || !in_range(self.ease_items()) {
            return bad("a list of items points outside the catalogue");
        }
        let n_totals = self.container.view(&self.pair_totals).len();
        if n_totals > 0 && n_totals != self.n_items + 1 {
            return bad("the totals of the pairs do not fit the catalogue");
        }
        if !self.item_weights_fit() {
            return bad("the item weights do not fit the catalogue");
        }
        Ok(())
    }

    pub fn container(&self) -> &Container {
        &self.container
    }

    pub fn content_id(&self) -> u64 {
        self.container.content_id()
    }

    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    pub fn n_items(&self) -> usize {
        self.n_items
    }

    pub fn n_baskets(&self) -> u32 {
        self.provenance.n_baskets.try_into().unwrap_or(u32::MAX)
    }

    /// The dense index of an external id: one hash, no allocation.
    pub fn item_idx(&self, item_id: &str) -> Option<u32> {
        let slots = self.container.view(&self.id_slots);
        let mask = slots.len().checked_sub(1)?;
        let mut at = xxh3_64(item_id.as_bytes()) as usize & mask;
        // Ends: there are more slots than items, so one is free.
        loop {
            match slots[at] {
                NONE => return None,
                idx if self.item_id(idx) == item_id => return Some(idx),
                _ => at = (at + 1) & mask,
            }
        }
    }

    pub fn item_id(&self, item: u32) -> &str {
        self.ids.get(&self.container, item as usize)
    }

    /// Empty when the item has none.
    pub fn title(&self, item: u32) -> &str {
        self.titles.get(&self.container, item as usize)
    }

    pub fn image_url(&self, item: u32) -> &str {
        self.images.get(&self.container, item as usize)
    }

    pub fn kind(&self, item: u32) -> ItemKind {
        ItemKind::from_code(self.container.view(&self.kinds)[item as usize]).unwrap_or_default()
    }

    pub fn flags(&self, item: u32) -> u8 {
        self.container.view(&self.flags)[item as usize]
    }

    pub fn price(&self, item: u32) -> Option<Amount> {
        amount(self.container.view(&self.prices)[item as usize])
    }

    pub fn cost(&self, item: u32) -> Option<Amount> {
        amount(self.container.view(&self.costs)[item as usize])
    }

    /// Units at hand when the snapshot was made; `None`: not counted.
    pub fn stock(&self, item: u32) -> Option<i64> {
        let stock = self.container.view(&self.stocks)[item as usize];
        (stock != NO_AMOUNT).then_some(stock)
    }

    pub fn currency(&self, item: u32) -> Option<Currency> {
        let code = &self.container.view(&self.currencies)[item as usize][..3];
        std::str::from_utf8(code).ok().and_then(Currency::parse)
    }

    /// The head of the item's family of variants.
    pub fn variant_of(&self, item: u32) -> Option<u32> {
        some_idx(self.container.view(&self.variant_of)[item as usize])
    }

    pub fn category_of(&self, item: u32) -> Option<u32> {
        some_idx(self.container.view(&self.category_of)[item as usize])
    }

    pub fn n_categories(&self) -> usize {
        self.category_names.len(&self.container)
    }

    pub fn category_name(&self, category: u32) -> &str {
        self.category_names.get(&self.container, category as usize)
    }

    pub fn category_idx(&self, name: &str) -> Option<u32> {
        (0..self.n_categories() as u32).find(|&category| self.category_name(category) == name)
    }

    /// Baskets that hold the item.
    pub fn n_item_baskets(&self, item: u32) -> u32 {
        self.container.view(&self.n_item_baskets)[item as usize]
    }

    /// Baskets that hold the item, of those that pairs were counted in: what a pair's count is to
    /// be held against. Less than [`Snapshot::n_item_baskets`] where baskets were too long for
    /// pairs.
    pub fn n_pair_baskets_of(&self, item: u32) -> u32 {
        let totals = self.container.view(&self.pair_totals);
        totals.get(item as usize).copied().unwrap_or_else(|| self.n_item_baskets(item))
    }

    /// Baskets that pairs were counted in.
    pub fn n_pair_baskets(&self) -> u32 {
        self.container.view(&self.pair_totals).last().copied().unwrap_or_else(|| self.n_baskets())
    }

    /// Recency-weighted sales, the order of [`Snapshot::popular`].
    pub fn trend(&self, item: u32) -> f32 {
        self.container.view(&self.trend)[item as usize]
    }

    /// The trend of each item.
    #[inline]
    pub fn trends(&self) -> &[f32] {
        self.container.view(&self.trend)
    }

    /// Items that sell, best first.
    pub fn popular(&self) -> &[u32] {
        self.container.view(&self.popular)
    }

    pub fn category_popular(&self, category: u32) -> &[u32] {
        self.category_popular.row(&self.container, category as usize).0
    }

    /// Pairs of an anchor, highest weighted Jaccard index first.
    #[inline]
    pub fn pairs(&self, anchor: u32) -> (&[u32], &[PairStats]) {
        self.pairs.row(&self.container, anchor as usize)
    }

    /// Length- and recency-weighted co-purchase neighbors, heaviest first.
    #[inline]
    pub fn neighbors(&self, item: u32) -> (&[u32], &[f32]) {
        self.neighbors.row(&self.container, item as usize)
    }

    /// What is known of other items beside an anchor: first what takes its place, then what adds
    /// to it, the surest first.
    #[inline]
    pub fn relations(&self, anchor: u32) -> (&[u32], &[RelationStats]) {
        self.relations.row(&self.container, anchor as usize)
    }

    /// Items whose title or category holds the token, with BM25 weights, heaviest first.
    pub fn postings(&self, token: &str) -> Option<(&[u32], &[f32])> {
        let token = self.token_idx(token)?;
        Some(self.postings.row(&self.container, token))
    }

    /// Tokens from the first that begins with `prefix`, in order.
    pub fn tokens_from<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a [u32], &'a [f32])> + 'a {
        let n_tokens = self.tokens.len(&self.container);
        let first = partition_point(n_tokens, |at| self.tokens.get(&self.container, at) < prefix);
        (first..n_tokens)
            .map(|at| (at, self.tokens.get(&self.container, at)))
            .take_while(move |(_, token)| token.starts_with(prefix))
            .map(|(at, token)| {
                let (items, weights) = self.postings.row(&self.container, at);
                (token, items, weights)
            })
    }

    fn token_idx(&self, token: &str) -> Option<usize> {
        let n_tokens = self.tokens.len(&self.container);
        let at = partition_point(n_tokens, |at| self.tokens.get(&self.container, at) < token);
        (at < n_tokens && self.tokens.get(&self.container, at) == token).then_some(at)
    }

    /// Items alike in title and category, nearest first.
    pub fn content(&self, item: u32) -> (&[u32], &[f32]) {
        self.content.row(&self.container, item as usize)
    }

    pub fn n_customers(&self) -> usize {
        self.customers.n_rows(&self.container)
    }

    /// What a customer bought, with recency-weighted frequency (1 = once, on the last day).
    pub fn customer_items(&self, customer: u32) -> (&[u32], &[f32]) {
        if (customer as usize) < self.n_customers() {
            self.customers.row(&self.container, customer as usize)
        } else {
            (&[], &[])
        }
    }

    /// The session index and what goes with it; empty where there were no sessions.
    #[inline]
    pub fn sessions(&self) -> SessionArrays<'_> {
        self.sessions.view(&self.container)
    }

    /// What sells to segments of customers; empty where there are none.
    #[inline]
    pub fn segments(&self) -> Segments<'_> {
        self.segments.view(&self.container)
    }

    pub fn uplift(&self) -> Uplift<'_> {
        self.uplift.view(&self.container)
    }

    /// What sells at a placement among what is shown there (a category's, all's), by their names.
    #[inline]
    pub fn sells_at(&self, placement: &str, rung: &str) -> SellsHere<'_> {
        self.placements.at(&self.container, placement, rung)
    }

    /// Weights of the blend of sources; `score::blend` knows their order.
    pub fn blend(&self) -> &[f32] {
        self.container.view(&self.blend)
    }
}

/// The open-addressing index of ids that [`Snapshot::item_idx`] probes.
pub fn id_slots<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Vec<u32> {
    let n_slots = (ids.len() * 2 + 1).next_power_of_two();
    let mut slots = vec![NONE; n_slots];
    for (idx, id) in ids.enumerate() {
        let mut at = xxh3_64(id.as_bytes()) as usize & (n_slots - 1);
        while slots[at] != NONE {
            at = (at + 1) & (n_slots - 1);
        }
        slots[at] = idx as u32;
    }
    slots
}

/// Writes ids and their index.
pub fn write_ids<'a>(
    writer: &mut SnapshotWriter,
    ids: impl ExactSizeIterator<Item = &'a str> + Clone,
) {
    writer.add(names::ID_SLOTS, &id_slots(ids.clone()));
    StringTable::write(writer, names::IDS, ids);
}

fn partition_point(n: usize, is_before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn some_idx(idx: u32) -> Option<u32> {
    (idx != NONE).then_some(idx)
}

fn amount(micros: i64) -> Option<Amount> {
    (micros != NO_AMOUNT).then_some(Amount(micros))
}

fn column(container: &Container, name: &str, n: usize) -> Result<StringTable, Error> {
    let table = StringTable::open(container, name)?;
    if table.len(container) == n {
        Ok(table)
    } else {
        Err(container.corrupt(format!("`{name}` has not one entry an item")))
    }
}

fn sized<T: Pod>(container: &Container, name: &str, n: usize) -> Result<Section<T>, Error> {
    let section = container.section(name)?;
    if container.view::<T>(&section).len() == n {
        Ok(section)
    } else {
        Err(container.corrupt(format!("`{name}` has not one entry an item")))
    }
}

fn indices(
    container: &Container,
    name: &str,
    n: usize,
    limit: usize,
) -> Result<Section<u32>, Error> {
    let section = sized::<u32>(container, name, n)?;
    let fits = |&idx: &u32| idx == NONE || (idx as usize) < limit;
    if container.view(&section).iter().all(fits) {
        Ok(section)
    } else {
        Err(container.corrupt(format!("`{name}` points outside its table")))
    }
}

#[cfg(test)]
mod tests;
