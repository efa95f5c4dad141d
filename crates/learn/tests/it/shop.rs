//! Histories for tests.

use events::time::DAY_US;
use events::{ItemKind, Timestamp};
use history::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
use learn::{CheckedParams, Params};

/// One basket: items (rising), day, customer.
pub(crate) type Basket = (Vec<u32>, i64, u32);

/// Baskets in the order given; titles and categories absent.
pub(crate) fn view(n_items: usize, n_customers: u32, baskets: &[Basket]) -> HistoryView {
    let entry = |item: usize| ItemEntry {
        id: format!("item-{item}").into(),
        kind: ItemKind::Good,
        ..ItemEntry::default()
    };
    HistoryView {
        items: (0..n_items).map(entry).collect(),
        baskets: Baskets {
            items: baskets.iter().map(|(items, ..)| items).collect(),
            at: baskets.iter().map(|(_, day, _)| Timestamp(day * DAY_US)).collect(),
            customers: baskets.iter().map(|(.., customer)| *customer).collect(),
        },
        n_customers,
        ..HistoryView::default()
    }
}

pub(crate) const N_ITEMS: u32 = 48;
/// The last items of the catalogue were never sold.
const N_SOLD: u32 = 40;
const N_CUSTOMERS: u32 = 60;

const WORDS: [[&str; 6]; 2] = [
    ["lantern", "candle", "heart", "wicker", "lamp", "mirror"],
    ["teapot", "saucer", "spoon", "whisk", "apron", "grater"],
];

/// Two shops in one: even items, customers and baskets have nothing to do with odd ones.
pub(crate) fn checkerboard(n_baskets: u32) -> HistoryView {
    let baskets: Vec<Basket> = (0..n_baskets)
        .map(|b| {
            let world = b % 2;
            let of_world = (0..N_SOLD).filter(|item| item % 2 == world);
            let holds = |item: &u32| mix(b, *item) % 13 < 2 + u64::from(item / 2 % 3 == b / 2 % 3);
            let items = of_world.filter(holds).collect();
            let customer = N_CUSTOMERS / 2 * 2 - 2 - (b / 2 % (N_CUSTOMERS / 2)) * 2 + world;
            let is_anonymous = mix(b, 999).is_multiple_of(5);
            (items, i64::from(b / 4), if is_anonymous { NO_CUSTOMER } else { customer })
        })
        .filter(|(items, ..): &Basket| !items.is_empty())
        .collect();
    let mut view = view(N_ITEMS as usize, N_CUSTOMERS, &baskets);
    for (item, entry) in view.items.iter_mut().enumerate() {
        let words = WORDS[item % 2];
        let (first, second) = (words[item / 2 % 6], words[item / 3 % 5]);
        entry.title = Some(format!("{first} {second}").into());
        entry.category = Some(["even", "odd"][item % 2].into());
    }
    view
}

/// Any two numbers to one that looks like chance.
pub(crate) fn mix(a: u32, b: u32) -> u64 {
    let mut x = u64::from(a) << 32 | u64::from(b);
    for _ in 0..2 {
        x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    x >> 33
}

/// Parameters under which a run on a small history takes milliseconds.
pub(crate) fn quick() -> CheckedParams {
    Params { ease_max_items: 300, ..Params::default() }.check().unwrap()
}
