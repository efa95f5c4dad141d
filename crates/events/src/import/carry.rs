//! Fields that stand on the first line of an order or a product only (Shopify) are carried down to
//! the lines that follow under the same id.

use super::cell::{Cell, Row};
use super::columns::{Field, FileKind};
use super::plan::ImportPlan;

const OF_ORDERS: &[Field] = &[
    Field::CustomerId,
    Field::Email,
    Field::LocationId,
    Field::Timestamp,
    Field::Currency,
    Field::Status,
    Field::CancelledAt,
];
const OF_PRODUCTS: &[Field] =
    &[Field::Title, Field::Category, Field::Published, Field::Status, Field::ImageUrl];

/// The fields of the last order or product.
pub(crate) struct Carry {
    order_column: Option<usize>,
    order_id: String,
    /// Column and value; empty where the order has none.
    values: Vec<(usize, String)>,
}

impl Carry {
    pub(crate) fn new(plan: &ImportPlan) -> Carry {
        let column = |field| plan.column_of(field);
        let (key, carried) = match plan.kind {
            FileKind::Items => (Field::VariantOf, OF_PRODUCTS),
            _ => (Field::OrderId, OF_ORDERS),
        };
        let columns = carried.iter().filter_map(|field| column(*field));
        let values = columns.map(|idx| (idx, String::new()));
        Carry { order_column: column(key), order_id: String::new(), values: values.collect() }
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

    fn written(&self, column: usize) -> &str {
        self.row.written(column)
    }
}
