//! From the rows of one partition to its orders: grouped by key, later files win, equal lines
//! added up, digests taken.

use events::LineKind;
use events::import::{Doubt, Repeats};
use events::lines::NO_TIME;
use hashbrown::{HashMap, HashSet};

use super::codes::ImportCodes;
use super::spill::{OrderEntry, Partition, Sold};
use crate::order_key::{OrderKey, OrderKeys};
use crate::orders::{
    LineRow, Merged, NO_CODE, NO_PRICE, OrderHead, OrderRow, OrderSet, credited_order, digest,
    merge_lines,
};

/// The mark of a row whose order a later file of the same import brings again.
const SUPERSEDED: u32 = u32::MAX;
/// The mark of a row whose order the same file brings in a version sent earlier.
const REPEATED: u32 = u32::MAX - 1;
/// Orders named to a person as examples.
pub(super) const MAX_EXAMPLES: usize = 5;

/// The orders of a partition, the rows folded together, and the rows that were left out.
pub(super) struct MergedPartition {
    pub(super) set: OrderSet,
    pub(super) merged: Merged,
    pub(super) n_rows_superseded: u64,
    pub(super) n_rows_repeated: u64,
    /// Ids of orders of which an earlier file had items that the last one has not.
    pub(super) cut: Vec<String>,
    /// Lines whose price is in another currency than their order, and ids of such orders.
    pub(super) n_lines_other_currency: u64,
    pub(super) mixed: Vec<String>,
    /// Orders that seem to be several under one id.
    pub(super) repeats: Repeats,
}

pub(super) fn merge(partition: Partition, codes: &ImportCodes) -> MergedPartition {
    let Entries { mut orders, order_of_entry, sold } = group_entries(&partition.entries);
    let Grouped { mut lines, ends, other_currency } =
        group_lines(&partition, &orders, &order_of_entry);
    let left_out = LeftOut::of(&partition, &order_of_entry);
    let mut merged = Merged::default();
    let mut cut = Vec::new();
    let mut repeats = Repeats::default();
    let mut n_written = 0;
    let mut start = 0;
    for ((order, sold), &end) in orders.iter_mut().zip(&sold).zip(&ends) {
        if let Some(doubt) = doubt_of(sold, &lines[start..end]) {
            repeats.count(doubt, || id_of(order, &partition.texts).to_owned());
        }
        let n_kept = merge_lines(&mut lines[start..end], &mut merged);
        let own = &lines[start..start + n_kept];
        let at_us = own.iter().map(|line| line.at_us).min();
        order.at_us = at_us.unwrap_or(NO_TIME.0);
        // A line without an item only says that the order is taken back whole; it sorts last.
        let n_kept = own.partition_point(|line| line.item != NO_CODE);
        let own = &own[..n_kept];
        finish_order(order, own, &partition.texts, codes);
        if left_out.lacks(order.key, own) {
            cut.push(id_of(order, &partition.texts).to_owned());
        }
        lines.copy_within(start..start + n_kept, n_written);
        n_written += n_kept;
        start = end;
    }
    lines.truncate(n_written);
    let LeftOut { n_superseded: n_rows_superseded, n_repeated: n_rows_repeated, .. } = left_out;
    let set = OrderSet { orders, lines, texts: partition.texts };
    let n_lines_other_currency = other_currency.len() as u64;
    let mut mixed: Vec<String> =
        other_currency.iter().map(|&order| set.id_of(&set.orders[order as usize]).into()).collect();
    mixed.dedup();
    MergedPartition {
        set,
        merged,
        n_rows_superseded,
        n_rows_repeated,
        cut,
        n_lines_other_currency,
        mixed,
        repeats,
    }
}

/// What speaks against one order; `None` where nothing was sold.
fn doubt_of(sold: &Sold, lines: &[LineRow]) -> Option<Doubt> {
    let (mut first_us, mut last_us) = (i64::MAX, i64::MIN);
    for line in lines {
        if line.kind == LineKind::Sale && line.at_us != NO_TIME.0 {
            (first_us, last_us) = (first_us.min(line.at_us), last_us.max(line.at_us));
        }
    }
    let days = first_us <= last_us && Doubt::of_days(first_us, last_us);
    sold.is_any.then_some(Doubt { days, ..sold.doubt })
}

/// The entries of a partition, grouped.
struct Entries {
    orders: Vec<OrderRow>,
    order_of_entry: Vec<u32>,
    /// For each order what all of its rows say, those of earlier files too.
    sold: Vec<Sold>,
}

/// One order for each key, in rising order; of several files the last one counts, and within it the
/// version that was sent first. Customer, location and currency are the first that a row of that
/// version names.
fn group_entries(entries: &[OrderEntry]) -> Entries {
    let mut by_key: Vec<u32> = (0..entries.len() as u32).collect();
    by_key.sort_unstable_by_key(|&at| {
        let entry = &entries[at as usize];
        let rank = (std::cmp::Reverse(entry.file_no), entry.extra.sent_at_us);
        (entry.key, rank, entry.first_row)
    });
    let mut orders: Vec<OrderRow> = Vec::new();
    let mut sold: Vec<Sold> = Vec::new();
    let mut order_of_entry = vec![SUPERSEDED; entries.len()];
    let mut version = (0, 0);
    for &at in &by_key {
        let entry = &entries[at as usize];
        let this = (entry.file_no, entry.extra.sent_at_us);
        match orders.last_mut() {
            Some(order) if order.key == entry.key => {
                if this != version {
                    if entry.file_no == version.0 {
                        order_of_entry[at as usize] = REPEATED;
                    } else if let Some(known) = sold.last_mut() {
                        known.add(&entry.sold);
                    }
                    continue;
                }
                if let Some(known) = sold.last_mut() {
                    known.add(&entry.sold);
                }
                fill(&mut order.customer, entry.of.customer);
                fill(&mut order.location, entry.of.location);
                fill(&mut order.currency, entry.of.currency);
            }
            _ => {
                version = this;
                orders.push(start_order(entry));
                sold.push(entry.sold);
            }
        }
        order_of_entry[at as usize] = orders.len() as u32 - 1;
    }
    Entries { orders, order_of_entry, sold }
}

/// Rows that count for nothing, and the items of those that a later file replaced.
#[derive(Default)]
struct LeftOut {
    n_superseded: u64,
    n_repeated: u64,
    items: HashMap<OrderKey, HashSet<u32>>,
}

impl LeftOut {
    fn of(partition: &Partition, order_of_entry: &[u32]) -> LeftOut {
        let mut left_out = LeftOut::default();
        if !order_of_entry.iter().any(|&order| order >= REPEATED) {
            return left_out;
        }
        for (line, &entry) in partition.lines.iter().zip(&partition.entry_of) {
            match order_of_entry[entry as usize] {
                SUPERSEDED => {
                    left_out.n_superseded += 1;
                    let key = partition.entries[entry as usize].key;
                    left_out.items.entry(key).or_default().insert(line.item);
                }
                REPEATED => left_out.n_repeated += 1,
                _ => {}
            }
        }
        left_out
    }

    /// Did an earlier file have items of this order that are not among these lines?
    fn lacks(&self, key: OrderKey, lines: &[LineRow]) -> bool {
        let Some(items) = self.items.get(&key) else { return false };
        let has = |item: &u32| {
            *item == NO_CODE || lines.binary_search_by_key(item, |line| line.item).is_ok()
        };
        !items.iter().all(has)
    }
}

fn fill(slot: &mut u32, code: u32) {
    if *slot == NO_CODE {
        *slot = code;
    }
}

fn start_order(entry: &OrderEntry) -> OrderRow {
    OrderRow {
        key: entry.key,
        digest: 0,
        id_start: entry.id_start,
        id_len: entry.id_len,
        position: entry.first_row,
        customer: entry.of.customer,
        location: entry.of.location,
        currency: entry.of.currency,
        source: entry.extra.source,
        at_us: 0,
        n_lines: 0,
        refers: entry.extra.refers,
    }
}

/// The lines of each order together.
struct Grouped {
    lines: Vec<LineRow>,
    /// The end of each group.
    ends: Vec<usize>,
    /// For each line that lost its price, being in another currency than its order: the order.
    other_currency: Vec<u32>,
}

/// Counting sort. An order has one currency: a price in another one would be relabelled, so it
/// becomes unknown.
fn group_lines(partition: &Partition, orders: &[OrderRow], order_of_entry: &[u32]) -> Grouped {
    let order_of = |row: usize| order_of_entry[partition.entry_of[row] as usize];
    let mut next = vec![0_usize; orders.len() + 1];
    for row in 0..partition.lines.len() {
        let order = order_of(row);
        if order < REPEATED {
            next[order as usize + 1] += 1;
        }
    }
    for order in 0..orders.len() {
        next[order + 1] += next[order];
    }
    let n_lines = next[orders.len()];
    let mut other_currency = Vec::new();
    let Some(&filler) = partition.lines.first() else {
        return Grouped { lines: Vec::new(), ends: Vec::new(), other_currency };
    };
    let mut lines = vec![filler; n_lines];
    for (row, mut line) in partition.lines.iter().copied().enumerate() {
        let order = order_of(row);
        if order < REPEATED {
            let currency = partition.currency_of[row];
            let is_other = currency != NO_CODE && currency != orders[order as usize].currency;
            if is_other && line.unit_price != NO_PRICE {
                line.unit_price = NO_PRICE;
                other_currency.push(order);
            }
            let slot = &mut next[order as usize];
            lines[*slot] = line;
            *slot += 1;
        }
    }
    // Each cursor now stands at the end of its own group.
    next.truncate(orders.len());
    other_currency.sort_unstable();
    Grouped { lines, ends: next, other_currency }
}

fn id_of<'t>(order: &OrderRow, texts: &'t [u8]) -> &'t str {
    let start = order.id_start as usize;
    std::str::from_utf8(&texts[start..start + order.id_len as usize])
        .expect("order ids are copied from strings")
}

fn finish_order(order: &mut OrderRow, lines: &[LineRow], texts: &[u8], codes: &ImportCodes) {
    order.n_lines = lines.len() as u32;
    let only_returns = lines.iter().all(|line| line.kind == LineKind::Return);
    if only_returns && order.customer == NO_CODE && order.refers == OrderKey::NONE {
        let keys = || OrderKeys::new(codes.sources.get(order.source));
        let sale = credited_order(id_of(order, texts));
        order.refers = sale.map_or(OrderKey::NONE, |sale| keys().key(sale));
    }
    let head = OrderHead {
        customer_hash: codes.customers.hash_or_zero(order.customer),
        location_hash: codes.locations.hash_or_zero(order.location),
        currency_hash: codes.currencies.hash_or_zero(order.currency),
        at_us: order.at_us,
        position: order.position,
        refers: order.refers,
    };
    order.digest = digest(&head, lines, |item| codes.items.hash_of(item));
}
