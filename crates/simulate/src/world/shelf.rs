//! What the bank and the restaurant sell, by name.

use super::{Facet, Nature, World, WorldKind};
use crate::catalog::{Catalog, Item};
use events::ItemKind;

/// Id, what it earns or costs in cents, weight, number of its complement if any.
type Entry = (&'static str, u32, f64, Option<u32>);

const BANK: [(&str, &[Entry]); 7] = [
    (
        "Accounts",
        &[
            ("current", 4_800, 8.0, Some(3)),
            ("current-plus", 9_600, 4.0, Some(4)),
            ("student", 1_200, 3.0, Some(3)),
        ],
    ),
    (
        "Cards",
        &[
            ("debit-gold", 2_400, 4.0, None),
            ("credit-card", 6_000, 6.0, Some(18)),
            ("travel-card", 4_200, 2.0, Some(18)),
        ],
    ),
    (
        "Saving",
        &[
            ("savings", 3_000, 7.0, Some(7)),
            ("fixed-deposit", 7_200, 3.0, Some(15)),
            ("building-saver", 5_400, 2.0, Some(12)),
        ],
    ),
    (
        "Credit",
        &[
            ("overdraft", 3_600, 4.0, None),
            ("consumer-loan", 24_000, 2.0, Some(19)),
            ("car-loan", 21_000, 1.5, Some(17)),
        ],
    ),
    (
        "Home",
        &[
            ("mortgage", 60_000, 1.0, Some(13)),
            ("home-insurance", 12_000, 2.0, Some(17)),
            ("renovation-loan", 30_000, 0.8, Some(13)),
        ],
    ),
    ("Investing", &[("fund-plan", 9_000, 3.0, Some(16)), ("share-depot", 8_400, 2.0, None)]),
    (
        "Insurance",
        &[
            ("liability", 6_600, 3.0, None),
            ("travel-insurance", 4_800, 2.5, None),
            ("life-insurance", 27_000, 1.0, None),
        ],
    ),
];

const RESTAURANT: [(&str, &[Entry]); 6] = [
    (
        "Burgers",
        &[
            ("hamburger", 450, 6.0, Some(5)),
            ("cheeseburger", 520, 6.0, Some(5)),
            ("chicken-burger", 590, 4.0, Some(6)),
            ("veggie-burger", 610, 2.0, Some(7)),
            ("double-burger", 790, 3.0, Some(5)),
        ],
    ),
    (
        "Sides",
        &[
            ("fries", 290, 8.0, Some(9)),
            ("wedges", 330, 3.0, Some(10)),
            ("side-salad", 390, 1.5, Some(11)),
            ("onion-rings", 350, 2.0, Some(9)),
        ],
    ),
    (
        "Drinks",
        &[
            ("cola", 280, 7.0, None),
            ("lemonade", 280, 4.0, None),
            ("water", 220, 3.0, None),
            ("coffee", 250, 3.0, Some(14)),
        ],
    ),
    (
        "Desserts",
        &[
            ("ice-cream", 230, 3.0, None),
            ("apple-pie", 260, 2.0, Some(12)),
            ("brownie", 290, 2.0, Some(12)),
        ],
    ),
    (
        "Menus",
        &[
            ("menu-classic", 890, 2.5, Some(13)),
            ("menu-chicken", 990, 2.0, Some(13)),
            ("menu-large", 1_190, 1.0, Some(15)),
        ],
    ),
    ("Breakfast", &[("muffin-egg", 390, 2.0, Some(12)), ("pancakes", 420, 1.5, Some(12))]),
];

/// Number of the menus among the groups, and what a menu holds.
const MENUS: u32 = 4;
const IN_A_MENU: [u32; 3] = [0, 1, 2];

pub(super) fn bank(nature: Nature, seed: u64) -> World {
    let facet = |_| Facet { kind: ItemKind::Account, cost_share: 0.35, replaces: Vec::new() };
    of(WorldKind::Bank, &BANK, facet, nature, seed)
}

pub(super) fn restaurant(nature: Nature, seed: u64) -> World {
    let facet = |group| Facet {
        kind: ItemKind::Menu,
        cost_share: 0.32,
        replaces: if group == MENUS { IN_A_MENU.to_vec() } else { Vec::new() },
    };
    of(WorldKind::Restaurant, &RESTAURANT, facet, nature, seed)
}

fn of(
    kind: WorldKind,
    shelves: &[(&str, &[Entry])],
    facet: impl Fn(u32) -> Facet,
    nature: Nature,
    seed: u64,
) -> World {
    let (mut items, mut weights, mut facets) = (Vec::new(), Vec::new(), Vec::new());
    for ((_, entries), group) in shelves.iter().zip(0..) {
        for &(item_id, price_cents, weight, complement) in *entries {
            let title = item_id.replace('-', " ").to_uppercase().into();
            items.push(Item { item_id: item_id.into(), title, price_cents, group, complement });
            weights.push(weight);
            facets.push(facet(group));
        }
    }
    World {
        kind,
        catalog: Catalog::of_items(items, &weights),
        facets,
        group_names: shelves.iter().map(|(name, _)| (*name).to_owned()).collect(),
        nature,
        seed,
    }
}
