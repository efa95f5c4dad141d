//! From the rows of one partition to its orders: grouped by key, later files win, equal lines
//! added up, digests taken.

use events::LineKind;

use super::codes::ImportCodes;
use super::spill::{OrderEntry, Partition};
use crate::order_key::{OrderKey, OrderKeys};
use crate::orders::{
    LineRow, Merged, NO_CODE, OrderHead, OrderRow, OrderSet, credited_order, digest, merge_lines,
};

/// The mark of a row whose order a later file of the same import brings again.
const SUPERSEDED: u32 = u32::MAX;

/// The orders of a partition, the rows folded together, and the rows that a later file replaced.
pub(super) struct MergedPartition {
    pub(super) set: OrderSet,
    pub(super) merged: Merged,
    pub(super) n_rows_superseded: u64,
}

pub(super) fn merge(partition: Partition, codes: &ImportCodes, keys: OrderKeys) -> MergedPartition {
    let (mut orders, order_of_entry) = group_entries(&partition.entries);
    let (mut lines, ends, n_rows_superseded) = group_lines(&partition, &orders, &order_of_entry);
    let mut merged = Merged::default();
    let mut n_written = 0;
    let mut start = 0;
    for (order, &end) in orders.iter_mut().zip(&ends) {
        let n_kept = merge_lines(&mut lines[start..end], &mut merged);
        finish_order(order, &lines[start..start + n_kept], &partition.texts, codes, keys);
        lines.copy_within(start..start + n_kept, n_written);
        n_written += n_kept;
        start = end;
    }
    lines.truncate(n_written);
    let set = OrderSet { orders, lines, texts: partition.texts };
    MergedPartition { set, merged, n_rows_superseded }
}

/// One order for each key, in rising order; of several files the last one counts. Customer,
/// location and currency are the first that a row of that file names.
fn group_entries(entries: &[OrderEntry]) -> (Vec<OrderRow>, Vec<u32>) {
    let mut by_key: Vec<u32> = (0..entries.len() as u32).collect();
    by_key.sort_unstable_by_key(|&at| {
        let entry = &entries[at as usize];
        (entry.key, std::cmp::Reverse(entry.file_no), entry.first_row)
    });
    let mut orders: Vec<OrderRow> = Vec::new();
    let mut order_of_entry = vec![SUPERSEDED; entries.len()];
    let mut file_no = 0;
    for &at in &by_key {
        let entry = &entries[at as usize];
        match orders.last_mut() {
            Some(order) if order.key == entry.key => {
                if entry.file_no != file_no {
                    continue;
                }
                fill(&mut order.customer, entry.of.customer);
                fill(&mut order.location, entry.of.location);
                fill(&mut order.currency, entry.of.currency);
            }
            _ => {
                file_no = entry.file_no;
                orders.push(start_order(entry));
            }
        }
        order_of_entry[at as usize] = orders.len() as u32 - 1;
    }
    (orders, order_of_entry)
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
        source: 0,
        at_us: 0,
        n_lines: 0,
        refers: OrderKey::NONE,
    }
}

/// The lines of each order together (counting sort), the end of each group, and the number of rows
/// left out.
fn group_lines(
    partition: &Partition,
    orders: &[OrderRow],
    order_of_entry: &[u32],
) -> (Vec<LineRow>, Vec<usize>, u64) {
    let order_of = |row: usize| order_of_entry[partition.entry_of[row] as usize];
    let mut next = vec![0_usize; orders.len() + 1];
    let mut n_superseded = 0;
    for row in 0..partition.lines.len() {
        match order_of(row) {
            SUPERSEDED => n_superseded += 1,
            order => next[order as usize + 1] += 1,
        }
    }
    for order in 0..orders.len() {
        next[order + 1] += next[order];
    }
    let n_lines = next[orders.len()];
    let Some(&filler) = partition.lines.first() else {
        return (Vec::new(), Vec::new(), 0);
    };
    let mut lines = vec![filler; n_lines];
    for (row, &line) in partition.lines.iter().enumerate() {
        let order = order_of(row);
        if order != SUPERSEDED {
            let slot = &mut next[order as usize];
            lines[*slot] = line;
            *slot += 1;
        }
    }
    // Each cursor now stands at the end of its own group.
    next.truncate(orders.len());
    (lines, next, n_superseded)
}

fn finish_order(
    order: &mut OrderRow,
    lines: &[LineRow],
    texts: &[u8],
    codes: &ImportCodes,
    keys: OrderKeys,
) {
    order.n_lines = lines.len() as u32;
    order.at_us = lines.iter().map(|line| line.at_us).min().unwrap_or(events::lines::NO_TIME.0);
    let only_returns = lines.iter().all(|line| line.kind == LineKind::Return);
    if only_returns && order.customer == NO_CODE {
        let start = order.id_start as usize;
        let id = std::str::from_utf8(&texts[start..start + order.id_len as usize])
            .expect("order ids are copied from strings");
        order.refers = credited_order(id).map_or(OrderKey::NONE, |sale| keys.key(sale));
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
