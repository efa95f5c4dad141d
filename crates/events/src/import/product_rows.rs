//! Product exports of shop systems: one file holds products, their variants and their pictures.
//!
//! Items get the ids that the order exports of the same shop use: the SKU, and without one the
//! title as it stands on order lines. Rows must come one after the other.

use hashbrown::HashMap;

use super::cell::{Cell, Row};
use super::columns::{Field, Shape};
use super::field_read::{Fault, shown};
use super::plan::ImportPlan;
use super::records::Reader;
use crate::RejectReason;

/// What is remembered from row to row, and columns that no field stands for.
#[derive(Debug, Default)]
pub(crate) struct Products {
    options: Vec<usize>,
    tracker: Option<usize>,
    policy: Option<usize>,
    id: Option<usize>,
    /// The product read last and its first item.
    last: Option<(String, String)>,
    /// WooCommerce: items by the shop's own number, by which variants name their product.
    by_number: HashMap<String, String>,
}

impl Products {
    pub(crate) fn new(plan: &ImportPlan) -> Products {
        let position = |wanted: &str| {
            let fits = |name: &str| name.trim().eq_ignore_ascii_case(wanted);
            plan.columns.iter().position(|column| fits(&column.name))
        };
        let options = ["Option1 Value", "Option2 Value", "Option3 Value"];
        Products {
            options: options.into_iter().filter_map(position).collect(),
            tracker: position("Variant Inventory Tracker"),
            policy: position("Variant Inventory Policy"),
            id: position("ID"),
            ..Products::default()
        }
    }
}

/// Who an item is.
pub(crate) struct Identity {
    pub item_id: String,
    pub title: Option<String>,
    pub variant_of: Option<String>,
}

impl Reader<'_> {
    /// `None`: the row is a picture of a product and no item.
    pub(crate) fn identity<R: Row + ?Sized>(&mut self, row: &R) -> Result<Option<Identity>, Fault> {
        match self.plan.shape {
            Shape::ShopifyProducts => self.shopify_identity(row),
            Shape::WooProducts => self.woo_identity(row).map(Some),
            _ => Ok(Some(Identity {
                item_id: self.needed_id(row, Field::ItemId, RejectReason::MissingItem)?,
                title: self.text(row, Field::Title),
                variant_of: self.id(row, Field::VariantOf)?,
            })),
        }
    }

    fn shopify_identity<R: Row + ?Sized>(&mut self, row: &R) -> Result<Option<Identity>, Fault> {
        let sku = self.id(row, Field::ItemId)?;
        if sku.is_none() && self.cell(row, Field::UnitPrice).is_absent() {
            return Ok(None);
        }
        let mut title = self.text(row, Field::Title);
        let options = self.products.options.iter().map(|&column| row.cell(column));
        let options: Vec<&str> = options
            .filter_map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None })
            .filter(|text| *text != "Default Title")
            .collect();
        if let Some(title) = title.as_mut().filter(|_| !options.is_empty()) {
            *title = format!("{title} - {}", options.join(" / "));
        }
        let Some(item_id) = sku.or_else(|| title.clone()) else {
            return Err(Fault::new(
                RejectReason::MissingItem,
                "neither a SKU nor a title; write one of them".into(),
            ));
        };
        let product = self.id(row, Field::VariantOf)?;
        let variant_of = match (product, &self.products.last) {
            (Some(product), Some((last, first))) if product == *last => Some(first.clone()),
            (product, _) => {
                self.products.last = product.map(|product| (product, item_id.clone()));
                None
            }
        };
        Ok(Some(Identity { item_id, title, variant_of }))
    }

    fn woo_identity<R: Row + ?Sized>(&mut self, row: &R) -> Result<Identity, Fault> {
        let title = self.text(row, Field::Title);
        let Some(item_id) = self.id(row, Field::ItemId)?.or_else(|| title.clone()) else {
            return Err(Fault::new(
                RejectReason::MissingItem,
                "neither a SKU nor a name; write one of them".into(),
            ));
        };
        let mut buffer = String::new();
        if let Some(number) = self.products.id.and_then(|id| row.cell(id).text(&mut buffer)) {
            self.products.by_number.insert(number.to_owned(), item_id.clone());
        }
        let parent = self.id(row, Field::VariantOf)?;
        let variant_of = parent.map(|parent| match parent.strip_prefix("id:") {
            Some(number) => self.products.by_number.get(number).cloned().unwrap_or(parent),
            None => parent,
        });
        Ok(Identity { item_id, title, variant_of })
    }

    /// `Some(true)` when anything says that the item is not to be seen, `None` when nothing says
    /// anything.
    pub(crate) fn hidden<R: Row + ?Sized>(&self, row: &R) -> Result<Option<bool>, Fault> {
        let published = self.cell(row, Field::Published);
        // WooCommerce writes -1 for private.
        let is_private = matches!(published, Cell::Text("-1") | Cell::Int(-1));
        let is_one_of = |field: Field, words: &[&str]| match self.cell(row, field) {
            Cell::Text(text) => Some(words.iter().any(|word| text.eq_ignore_ascii_case(word))),
            _ => None,
        };
        let said = [
            self.truth(row, Field::Hidden)?,
            if is_private { Some(true) } else { published.truth().map(|published| !published) },
            is_one_of(Field::Visibility, &["hidden"]),
            is_one_of(Field::Status, &["draft", "archived", "unlisted"]),
        ];
        Ok(said.into_iter().flatten().reduce(|one, other| one || other))
    }

    /// Units at hand. An item that is said to be in stock, without a figure, has one at least.
    pub(crate) fn units_at_hand<R: Row + ?Sized>(
        &self,
        row: &R,
        counted: Option<i64>,
    ) -> Result<Option<i64>, Fault> {
        let cell = |column: Option<usize>| column.map_or(Cell::Absent, |column| row.cell(column));
        // Shopify writes 0 where it does not count.
        let is_counted =
            self.products.tracker.is_none() || !cell(self.products.tracker).is_absent();
        let counted = counted.filter(|_| is_counted);
        let sells_on = matches!(cell(self.products.policy), Cell::Text("continue"));
        let in_stock = match self.cell(row, Field::InStock) {
            _ if sells_on => Some(true),
            Cell::Absent => None,
            cell => {
                let said = match cell {
                    Cell::Text(text) => says_in_stock(text),
                    cell => cell.truth(),
                };
                Some(said.ok_or_else(|| {
                    let name = self.plan.column_name(Field::InStock);
                    let detail = format!("{name} is {}; write true or false", shown(cell));
                    Fault::new(RejectReason::BadValue, detail)
                })?)
            }
        };
        Ok(match (counted, in_stock) {
            (_, Some(false)) => Some(0),
            (counted, Some(true)) => Some(counted.unwrap_or(1).max(1)),
            (counted, None) => counted,
        })
    }
}

fn says_in_stock(text: &str) -> Option<bool> {
    let squeezed: String =
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match squeezed.as_str() {
        "instock" | "available" | "lowstock" | "backorder" | "onbackorder" | "preorder"
        | "limited" => Some(true),
        "outofstock" | "soldout" | "unavailable" | "discontinued" | "notinstock" => Some(false),
        _ => Cell::Text(text).truth(),
    }
}
