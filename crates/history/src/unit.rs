//! One pair of row groups (or the tail) turned into baskets that still know their quantities.

use std::path::Path;

use arrow::array::StringArray;
use events::LineKind;
use events::lines::NO_TIME;
use rayon::prelude::*;

use crate::error::Result;
use crate::manifest::{ManifestSegment, RowSet, store_index};
use crate::netting::ReturnLine;
use crate::order_key::OrderKey;
use crate::segment::{self, RowGroup, SegmentReader, i64s, strings, u8s, u32s, u64s};
use crate::tail::TailOrders;

/// The mark of an item that was taken back.
pub(crate) const REMOVED: u32 = u32::MAX;

/// Baskets in the order in which they lie in the segment.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    ids: Option<StringArray>,
    /// For each basket its row in `ids`.
    id_rows: Vec<u32>,
    pub(crate) at_us: Vec<i64>,
    pub(crate) customers: Vec<u32>,
    /// Filled only where an order may be without a time: (rank of the segment, first row).
    positions: Vec<u64>,
    /// Filled only when some return names its order.
    pub(crate) keys: Vec<OrderKey>,
    ends: Vec<u32>,
    /// Distinct rising dense indices a basket, or [`REMOVED`].
    pub(crate) items: Vec<u32>,
    /// Net quantities beside `items`, in millionths; filled only when there are returns.
    pub(crate) quantities: Vec<i64>,
    /// What was taken back here and did not come from the same order.
    pub(crate) returns: Vec<ReturnLine>,
}

impl Unit {
    pub(crate) fn range(&self, basket: u32) -> std::ops::Range<usize> {
        let basket = basket as usize;
        let start = if basket == 0 { 0 } else { self.ends[basket - 1] as usize };
        start..self.ends[basket] as usize
    }

    pub(crate) fn basket(&self, basket: u32) -> &[u32] {
        &self.items[self.range(basket)]
    }

    /// The place in order of appearance, 0 where there are times.
    pub(crate) fn position(&self, basket: u32) -> u64 {
        self.positions.get(basket as usize).copied().unwrap_or(0)
    }

    pub(crate) fn id(&self, basket: u32) -> &str {
        let row = self.id_rows[basket as usize] as usize;
        self.ids.as_ref().map_or("", |ids| ids.value(row))
    }
}

/// What is read, and of which items.
pub(crate) struct UnitReader<'a> {
    pub(crate) segments_dir: &'a Path,
    pub(crate) is_fee: &'a [bool],
    pub(crate) with_quantities: bool,
    pub(crate) with_keys: bool,
    /// Returns at or after this time are not seen.
    pub(crate) until_us: i64,
}

/// A segment and what is known of its rows.
struct Known<'a> {
    segment: &'a ManifestSegment,
    superseded: &'a RowSet,
    rank: u64,
}

/// The place of each segment among the versions of all: stays the same when one is rewritten.
fn version_ranks(manifest: &[ManifestSegment]) -> Vec<u64> {
    let mut versions: Vec<i64> = manifest.iter().map(|segment| segment.version).collect();
    versions.sort_unstable();
    versions.dedup();
    manifest
        .iter()
        .map(|segment| versions.partition_point(|&version| version < segment.version) as u64)
        .collect()
}

/// An order on its way into a unit.
struct OrderHead {
    id_row: u32,
    at_us: i64,
    customer: u32,
    position: u64,
    key: OrderKey,
    refers: OrderKey,
    is_whole_refund: bool,
}

impl UnitReader<'_> {
    pub(crate) fn read_all(
        &self,
        manifest: &[ManifestSegment],
        superseded: &[RowSet],
    ) -> Result<Vec<Unit>> {
        let readers = manifest
            .par_iter()
            .map(|segment| SegmentReader::open(self.segments_dir, &segment.written.name))
            .collect::<Result<Vec<_>>>()?;
        let groups: Vec<(usize, usize)> = readers
            .iter()
            .enumerate()
            .flat_map(|(place, reader)| (0..reader.n_row_groups()).map(move |group| (place, group)))
            .collect();
        let ranks = version_ranks(manifest);
        groups
            .into_par_iter()
            .with_max_len(1)
            .map(|(place, group)| {
                let segment = Known {
                    segment: &manifest[place],
                    superseded: &superseded[place],
                    rank: ranks[place],
                };
                self.read(&readers[place], group, &segment)
            })
            .collect()
    }

    fn read(&self, reader: &SegmentReader, group: usize, known: &Known<'_>) -> Result<Unit> {
        let segment = known.segment;
        let is_untimed = segment.written.first_at_us == NO_TIME.0;
        let has_refers = segment.written.n_refers > 0;
        let mut order_columns =
            vec![segment::ORDER_ID, segment::CUSTOMER, segment::AT, segment::N_LINES];
        if is_untimed {
            order_columns.push(segment::POSITION);
        }
        if self.with_keys {
            order_columns.extend([segment::ORDER_KEY_HIGH, segment::ORDER_KEY_LOW]);
        }
        if has_refers {
            order_columns.extend([segment::REFERS_HIGH, segment::REFERS_LOW]);
        }
        let mut line_columns = vec![segment::ITEM, segment::KIND];
        if self.with_quantities {
            line_columns.push(segment::QUANTITY);
        }
        let rows = reader.row_group(group, &order_columns, &line_columns)?;
        Ok(self.from_rows(&rows, known, (is_untimed, has_refers)))
    }

    fn from_rows(
        &self,
        rows: &RowGroup,
        known: &Known<'_>,
        (is_untimed, has_refers): (bool, bool),
    ) -> Unit {
        let segment = known.segment;
        let orders = &rows.orders.batch;
        let customers = u32s(orders, segment::CUSTOMER).values();
        let at_us = i64s(orders, segment::AT).values();
        let n_lines = u32s(orders, segment::N_LINES).values();
        let items = u32s(&rows.lines, segment::ITEM).values();
        let kinds = u8s(&rows.lines, segment::KIND).values();
        let quantities =
            self.with_quantities.then(|| i64s(&rows.lines, segment::QUANTITY).values());
        let positions = is_untimed.then(|| u64s(orders, segment::POSITION).values());
        let pair =
            |high: &str, low: &str| (u64s(orders, high).values(), u64s(orders, low).values());
        let keys = self.with_keys.then(|| pair(segment::ORDER_KEY_HIGH, segment::ORDER_KEY_LOW));
        let refers = has_refers.then(|| pair(segment::REFERS_HIGH, segment::REFERS_LOW));
        let mut unit =
            Unit { ids: Some(strings(orders, segment::ORDER_ID).clone()), ..Unit::default() };
        let mut basket = Vec::new();
        let mut start = 0;
        for row in 0..rows.orders.len() {
            let end = start + n_lines[row] as usize;
            let lines = start..end;
            start = end;
            let row_in_segment = rows.orders.first_row + row;
            if segment.dead.contains(row_in_segment) || known.superseded.contains(row_in_segment) {
                continue;
            }
            basket.clear();
            for line in lines {
                let item = store_index(segment.item_map(), items[line]);
                let quantity = quantities.map_or(1, |quantities| quantities[line]);
                self.add_line(&mut basket, item, kinds[line], quantity);
            }
            let head = OrderHead {
                id_row: row as u32,
                at_us: at_us[row],
                customer: store_index(segment.customer_map(), customers[row]),
                // Later files of no time follow earlier ones.
                position: positions.map_or(0, |positions| {
                    if at_us[row] == NO_TIME.0 { known.rank << 40 | positions[row] } else { 0 }
                }),
                key: keys.map_or(OrderKey::NONE, |(high, low)| key_of(high, low, row)),
                refers: refers.map_or(OrderKey::NONE, |(high, low)| key_of(high, low, row)),
                is_whole_refund: n_lines[row] == 0,
            };
            self.push(&mut unit, &head, &mut basket);
        }
        unit
    }

    /// The orders of the tail as one more unit.
    pub(crate) fn tail_unit(&self, tail: &TailOrders) -> Unit {
        let set = &tail.set;
        let ids = StringArray::from_iter_values(set.orders.iter().map(|order| set.id_of(order)));
        let mut unit = Unit { ids: Some(ids), ..Unit::default() };
        let mut basket = Vec::new();
        let mut rest = &set.lines[..];
        for (row, order) in set.orders.iter().enumerate() {
            let (own, others) = rest.split_at(order.n_lines as usize);
            rest = others;
            basket.clear();
            for line in own {
                self.add_line(&mut basket, line.item, line.kind as u8, line.quantity);
            }
            let head = OrderHead {
                id_row: row as u32,
                at_us: order.at_us,
                customer: order.customer,
                position: 0,
                key: order.key,
                refers: order.refers,
                is_whole_refund: own.is_empty(),
            };
            self.push(&mut unit, &head, &mut basket);
        }
        unit
    }

    /// Only sales and returns of what can be offered count.
    #[inline]
    fn add_line(&self, basket: &mut Vec<(u32, i64)>, item: u32, kind: u8, quantity: i64) {
        let counts = kind == LineKind::Sale as u8 || kind == LineKind::Return as u8;
        if counts && !self.is_fee.get(item as usize).copied().unwrap_or(false) {
            basket.push((item, quantity));
        }
    }

    /// Nets an order within itself; what is left over becomes a basket, returns, or both.
    fn push(&self, unit: &mut Unit, head: &OrderHead, basket: &mut [(u32, i64)]) {
        let is_seen = head.at_us < self.until_us;
        let mut take_back = |item: Option<u32>, quantity: i64| {
            unit.returns.push(ReturnLine {
                customer: head.customer,
                item,
                quantity,
                at_us: head.at_us,
                refers: head.refers,
            });
        };
        if head.is_whole_refund && head.refers != OrderKey::NONE && is_seen {
            take_back(None, 0);
        }
        basket.sort_unstable();
        let mut n_net = 0;
        for at in 0..basket.len() {
            let (item, quantity) = basket[at];
            if n_net > 0 && basket[n_net - 1].0 == item {
                basket[n_net - 1].1 = basket[n_net - 1].1.saturating_add(quantity);
            } else {
                basket[n_net] = (item, quantity);
                n_net += 1;
            }
        }
        let first_item = unit.items.len();
        for &(item, quantity) in &basket[..n_net] {
            if quantity > 0 {
                unit.items.push(item);
                if self.with_quantities {
                    unit.quantities.push(quantity);
                }
            } else if quantity < 0 && is_seen {
                take_back(Some(item), quantity.saturating_neg());
            }
        }
        if unit.items.len() == first_item {
            return;
        }
        unit.ends.push(unit.items.len() as u32);
        unit.id_rows.push(head.id_row);
        unit.at_us.push(head.at_us);
        unit.customers.push(head.customer);
        if head.at_us == NO_TIME.0 || !unit.positions.is_empty() {
            // Baskets before the first one without a time have position 0.
            unit.positions.resize(unit.at_us.len() - 1, 0);
            unit.positions.push(head.position);
        }
        if self.with_keys {
            unit.keys.push(head.key);
        }
    }
}

fn key_of(high: &[u64], low: &[u64], row: usize) -> OrderKey {
    OrderKey::from_halves(high[row], low[row])
}
