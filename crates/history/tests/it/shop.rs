//! A small language for orders, and a store in a temporary directory.
//!
//! One order a line: `ORDER DAY CUSTOMER: ITEM [xQUANTITY] [@PRICE] [CURRENCY], …`, the day `d3`
//! for the third day or `-` for no time, the customer `-` for nobody. A quantity below 0 is a
//! return, a price of 0 an adjustment. Prices are in GBP where nothing else is said.

use std::path::Path;

use events::lines::NO_TIME;
use events::{Amount, Currency, IdColumn, LineKind, NO_ID, OrderLines, Timestamp};
use history::{HistoryView, ImportRequest, ImportSummary, ItemEntry, OpenMode, Store, ViewOptions};

pub(crate) const DAY_US: i64 = 86_400_000_000;

pub(crate) struct Shop {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Shop {
    pub(crate) async fn new() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), OpenMode::Create).await.unwrap();
        Shop { dir, store }
    }

    pub(crate) async fn import(&self, text: &str) -> ImportSummary {
        import_files(&self.store, "shop", &[text]).await
    }

    pub(crate) async fn baskets(&self) -> String {
        show(&self.store.view(&ViewOptions::default()).await.unwrap())
    }

    /// Files under the data directory that belong to no database, sorted.
    pub(crate) fn segment_files(&self) -> Vec<String> {
        names(&self.dir.path().join("segments"))
    }
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) async fn import_files(store: &Store, source: &str, texts: &[&str]) -> ImportSummary {
    let mut import = store.begin_orders(ImportRequest::new(source, Timestamp(0))).unwrap();
    for (number, text) in texts.iter().enumerate() {
        import.begin_file(&format!("file {number}"), "");
        import.push(&lines(text)).unwrap();
    }
    import.commit(&|_, _| None).await.unwrap()
}

/// Parses the language above.
pub(crate) fn lines(text: &str) -> OrderLines {
    let mut lines = OrderLines::default();
    for order in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (head, items) = order.split_once(':').unwrap();
        let [order_id, day, customer] = head.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("an order has an id, a day and a customer: {head}");
        };
        for item in items.split(',') {
            let mut words = item.split_whitespace();
            let item_id = words.next().unwrap();
            let (mut quantity, mut price) = (Amount::ONE, Amount::ONE);
            let mut currency = Currency::parse("GBP");
            for word in words {
                if let Some(named) = Currency::parse(word) {
                    currency = Some(named);
                    continue;
                }
                match word.split_at(1) {
                    ("x", number) => quantity = Amount::parse(number, b'.').unwrap(),
                    ("@", number) => price = Amount::parse(number, b'.').unwrap(),
                    _ => panic!("no quantity and no price: {word}"),
                }
            }
            push_line(&mut lines, (order_id, day, customer), item_id, quantity, price);
            lines.currency.push(currency);
        }
    }
    lines
}

fn push_line(
    lines: &mut OrderLines,
    (order_id, day, customer): (&str, &str, &str),
    item_id: &str,
    quantity: Amount,
    price: Amount,
) {
    intern(&mut lines.order_ids, Some(order_id));
    intern(&mut lines.item_ids, Some(item_id));
    intern(&mut lines.customer_ids, (customer != "-").then_some(customer));
    intern(&mut lines.location_ids, None);
    lines.kind.push(match () {
        () if quantity.is_negative() => LineKind::Return,
        () if price.0 <= 0 => LineKind::Adjustment,
        () => LineKind::Sale,
    });
    lines.at.push(match day.strip_prefix('d') {
        Some(number) => Timestamp(number.parse::<i64>().unwrap() * DAY_US),
        None => NO_TIME,
    });
    lines.quantity.push(quantity);
    lines.unit_price.push(Some(price));
}

fn intern(column: &mut IdColumn, id: Option<&str>) {
    let code = match id {
        None => NO_ID,
        Some(id) => match column.dictionary.iter().position(|known| &**known == id) {
            Some(at) => at as u32,
            None => {
                column.dictionary.push(id.into());
                column.dictionary.len() as u32 - 1
            }
        },
    };
    column.codes.push(code);
}

/// `d1 #0: bread butter` a basket: day, customer index, items by id.
pub(crate) fn show(view: &HistoryView) -> String {
    let baskets = &view.baskets;
    let items = baskets.items.view();
    let mut text = String::new();
    for (row, at) in baskets.at.iter().enumerate() {
        let day = if *at == NO_TIME { "-".to_owned() } else { format!("d{}", at.0 / DAY_US) };
        let customer = match baskets.customers[row] {
            history::NO_CUSTOMER => "-".to_owned(),
            index => format!("#{index}"),
        };
        let row = items.row(row);
        assert!(row.windows(2).all(|pair| pair[0] < pair[1]), "rows rise and are distinct");
        let ids: Vec<&str> = row.iter().map(|&item| &*view.items[item as usize].id).collect();
        text.push_str(&format!("{day} {customer}: {}\n", ids.join(" ")));
    }
    text
}

pub(crate) fn entry<'a>(view: &'a HistoryView, id: &str) -> &'a ItemEntry {
    view.items.iter().find(|item| &*item.id == id).unwrap()
}
