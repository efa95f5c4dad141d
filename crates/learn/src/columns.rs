//! The catalogue's columns, as they go into the snapshot.

use crate::popularity::Categories;
use history::{HistoryView, ItemEntry};
use snapshot::tables::{FLAG_HIDDEN, FLAG_SENSITIVE, NO_AMOUNT, NONE, names, write_ids};
use snapshot::{Rows, SnapshotWriter, StringTable};

/// Writes ids, titles, pictures, kinds, flags, prices, stocks, families and categories.
pub fn write(writer: &mut SnapshotWriter, view: &HistoryView, categories: &Categories) {
    let items = &view.items;
    write_ids(writer, items.iter().map(|item| &*item.id));
    let text = |text: &Option<Box<str>>| -> String { text.as_deref().unwrap_or("").to_owned() };
    let titles: Vec<String> = items.iter().map(|item| text(&item.title)).collect();
    StringTable::write(writer, names::TITLES, titles.iter().map(String::as_str));
    let images: Vec<String> = items.iter().map(|item| text(&item.image_url)).collect();
    StringTable::write(writer, names::IMAGES, images.iter().map(String::as_str));
    let column = |of: &dyn Fn(&ItemEntry) -> i64| items.iter().map(of).collect::<Vec<i64>>();
    writer.add(names::PRICES, &column(&|item| item.price.map_or(NO_AMOUNT, |price| price.0)));
    writer.add(names::COSTS, &column(&|item| item.cost.map_or(NO_AMOUNT, |cost| cost.0)));
    writer.add(names::STOCKS, &column(&|item| item.stock.unwrap_or(NO_AMOUNT)));
    let kinds: Vec<u8> = items.iter().map(|item| item.kind as u8).collect();
    writer.add(names::KINDS, &kinds);
    let flags: Vec<u8> = items.iter().map(flags_of).collect();
    writer.add(names::FLAGS, &flags);
    let currencies: Vec<[u8; 4]> = items.iter().map(currency_of).collect();
    writer.add(names::CURRENCIES, &currencies);
    let families: Vec<u32> = items.iter().map(|item| item.variant_of.unwrap_or(NONE)).collect();
    writer.add(names::VARIANT_OF, &families);
    writer.add(names::CATEGORY_OF, &categories.of_item);
    StringTable::write(writer, names::CATEGORY_NAMES, categories.names.iter().map(|name| &**name));
    Rows::write(writer, names::CATEGORY_POPULAR, &categories.items, &categories.trends);
}

fn flags_of(item: &ItemEntry) -> u8 {
    (u8::from(item.hidden) * FLAG_HIDDEN) | (u8::from(item.sensitive) * FLAG_SENSITIVE)
}

fn currency_of(item: &ItemEntry) -> [u8; 4] {
    let mut code = [0; 4];
    if let Some(currency) = item.currency {
        code[..3].copy_from_slice(currency.as_str().as_bytes());
    }
    code
}
