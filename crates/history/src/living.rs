//! The living orders of a segment, read back for rewriting and export.

use std::path::Path;

use events::LineKind;
use hashbrown::HashSet;

use crate::error::{Error, Result};
use crate::id_table::IdTable;
use crate::manifest::{ManifestSegment, store_index};
use crate::order_key::OrderKey;
use crate::orders::{LineRow, NO_CODE, NO_PRICE, OrderRow, OrderSet};
use crate::segment::{
    self, RowGroup, SegmentReader, SegmentTexts, coded, coded_text, i64s, strings, u8s, u32s, u64s,
};

/// Codes of items and customers are dense indices of the store; those of location, currency and
/// source stand for the texts here, which grow from group to group.
pub(crate) struct LivingOrders<'a> {
    segment: &'a ManifestSegment,
    reader: SegmentReader,
    pub(crate) locations: IdTable,
    pub(crate) currencies: IdTable,
    pub(crate) sources: IdTable,
}

impl<'a> LivingOrders<'a> {
    pub(crate) fn open(segments: &Path, segment: &'a ManifestSegment) -> Result<LivingOrders<'a>> {
        Ok(LivingOrders {
            segment,
            reader: SegmentReader::open(segments, &segment.written.name)?,
            locations: IdTable::default(),
            currencies: IdTable::default(),
            sources: IdTable::default(),
        })
    }

    pub(crate) fn n_groups(&self) -> usize {
        self.reader.n_row_groups()
    }

    pub(crate) fn texts(&self) -> SegmentTexts {
        SegmentTexts::new(&self.locations, &self.currencies, &self.sources)
    }

    /// True when some living order is of the customer with this dense index.
    pub(crate) fn holds_customer(&self, customer_idx: u32) -> Result<bool> {
        let code = match self.segment.customer_map() {
            None => customer_idx,
            Some(map) => match map.iter().position(|&index| index == customer_idx) {
                Some(code) => code as u32,
                None => return Ok(false),
            },
        };
        for group in 0..self.n_groups() {
            let orders = self.reader.order_columns(group, &[segment::CUSTOMER])?;
            let customers = u32s(&orders.batch, segment::CUSTOMER);
            // Dead rows hold data of the customer as well.
            if customers.values().contains(&code) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The customers of all orders, by their dense indices; also of orders that count no more.
    pub(crate) fn add_customers(&self, customers: &mut HashSet<u32>) -> Result<()> {
        for group in 0..self.n_groups() {
            let orders = self.reader.order_columns(group, &[segment::CUSTOMER])?;
            let codes = u32s(&orders.batch, segment::CUSTOMER).values().iter();
            let map = self.segment.customer_map();
            let indices = codes.map(|&code| store_index(map, code));
            customers.extend(indices.filter(|&customer| customer != NO_CODE));
        }
        Ok(())
    }

    pub(crate) fn group(&mut self, group: usize) -> Result<OrderSet> {
        let columns: Vec<&str> =
            segment::ORDERS_SCHEMA.fields().iter().map(|field| field.name().as_str()).collect();
        let lines: Vec<&str> =
            segment::LINES_SCHEMA.fields().iter().map(|field| field.name().as_str()).collect();
        let rows = self.reader.row_group(group, &columns, &lines)?;
        let mut set = OrderSet::default();
        let mut start = 0;
        for row in 0..rows.orders.len() {
            let n_lines = u32s(&rows.orders.batch, segment::N_LINES).value(row);
            let end = start + n_lines as usize;
            if !self.segment.dead.contains(rows.orders.first_row + row) {
                let order = self.order(&rows, row, &mut set.texts)?;
                for line in start..end {
                    set.lines.push(self.line(&rows, line, order.at_us)?);
                }
                set.orders.push(order);
            }
            start = end;
        }
        Ok(set)
    }

    fn order(&mut self, rows: &RowGroup, row: usize, texts: &mut Vec<u8>) -> Result<OrderRow> {
        let batch = &rows.orders.batch;
        let word = |name: &str| u64s(batch, name).value(row);
        let id = strings(batch, segment::ORDER_ID).value(row);
        let id_start = texts.len() as u32;
        texts.extend_from_slice(id.as_bytes());
        let coded_in = |table: &mut IdTable, name: &str| {
            coded_text(coded(batch, name), row).map_or(Ok(NO_CODE), |text| table.intern(text))
        };
        Ok(OrderRow {
            key: OrderKey::from_halves(word(segment::ORDER_KEY_HIGH), word(segment::ORDER_KEY_LOW)),
            digest: word(segment::DIGEST),
            id_start,
            id_len: id.len() as u32,
            position: word(segment::POSITION),
            customer: store_index(
                self.segment.customer_map(),
                u32s(batch, segment::CUSTOMER).value(row),
            ),
            location: coded_in(&mut self.locations, segment::LOCATION)?,
            currency: coded_in(&mut self.currencies, segment::CURRENCY)?,
            source: coded_in(&mut self.sources, segment::SOURCE)?,
            at_us: i64s(batch, segment::AT).value(row),
            n_lines: u32s(batch, segment::N_LINES).value(row),
            refers: OrderKey::from_halves(word(segment::REFERS_HIGH), word(segment::REFERS_LOW)),
        })
    }

    fn line(&self, rows: &RowGroup, line: usize, order_at_us: i64) -> Result<LineRow> {
        let batch = &rows.lines;
        let code = u8s(batch, segment::KIND).value(line);
        let kind = LineKind::from_code(code).ok_or_else(|| Error::Corrupt {
            path: self.segment.written.name.clone().into(),
            detail: format!("line kind {code}"),
        })?;
        let prices = i64s(batch, segment::UNIT_PRICE);
        let has_price = arrow::array::Array::is_valid(prices, line);
        Ok(LineRow {
            item: store_index(self.segment.item_map(), u32s(batch, segment::ITEM).value(line)),
            kind,
            unit_price: if has_price { prices.value(line) } else { NO_PRICE },
            at_us: order_at_us.wrapping_add(i64s(batch, segment::AT_OFFSET).value(line)),
            quantity: i64s(batch, segment::QUANTITY).value(line),
        })
    }
}
