//! Order fields that stand on the first line of an order only (Shopify) are carried down to the
//! lines that follow under the same order id.

use super::cell::{Cell, Row};
use super::columns::Field;
use super::plan::ImportPlan;

const CARRIED: [Field; 7] = [
    Field::CustomerId,
    Field::Email,
    Field::LocationId,
    Field::Timestamp,
    Field::Currency,
    Field::Status,
    Field::CancelledAt,
];

/// The last order's fields.
pub(crate) struct Carry {
    order_column: Option<usize>,
    order_id: String,
    /// Column and value; empty where the order has none.
    values: Vec<(usize, String)>,
}

impl Carry {
    pub(crate) fn new(plan: &ImportPlan) -> Carry {
        let column = |field| plan.column_of(field);
        let values = CARRIED.into_iter().filter_map(column).map(|idx| (idx, String::new()));
        Carry {
            order_column: column(Field::OrderId),
            order_id: String::new(),
            values: values.collect(),
        }
    }

    pub(crate) fn update<R: Row>(&mut self, row: &R) {
        let mut buffer = String::new();
        let order = self.order_column.map_or(Cell::Absent, |column| row.cell(column));
        let order = order.text(&mut buffer).unwrap_or("");
        let is_same = order == self.order_id;
        self.order_id = order.to_owned();
        for (column, value) in &mut self.values {
            match row.cell(*column).text(&mut buffer) {
                Some(text) => text.clone_into(value),
                None if !is_same => value.clear(),
                None => {}
            }
        }
    }
}

/// A row whose gaps are filled from the order's first line.
pub(crate) struct CarriedRow<'r, R> {
    pub row: &'r R,
    pub carry: &'r Carry,
}

impl<R: Row> Row for CarriedRow<'_, R> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let own = self.row.cell(column);
        if !own.is_absent() {
            return own;
        }
        let carried = self.carry.values.iter().find(|(idx, _)| *idx == column);
        carried.map_or(Cell::Absent, |(_, value)| Cell::from_text(value))
    }
}
