use super::*;
use crate::gram::BasketWeights;
use crate::pairs::{self, PairParams};
use events::time::DAY_US;
use events::{Amount, Timestamp};
use history::{Baskets, ItemEntry, NO_CUSTOMER};
use proptest::prelude::*;
use score::sessions::StepKind;
use std::collections::BTreeSet;

fn item(title: &str, category: &str, price: i64) -> ItemEntry {
    ItemEntry {
        id: title.into(),
        title: (!title.is_empty()).then(|| title.into()),
        category: (!category.is_empty()).then(|| category.into()),
        price: (price > 0).then_some(Amount(price * 1_000_000)),
        ..ItemEntry::default()
    }
}

fn view(items: Vec<ItemEntry>, rows: &[Vec<u32>]) -> HistoryView {
    HistoryView {
        items,
        baskets: Baskets {
            items: rows.iter().collect(),
            at: (0..rows.len()).map(|at| Timestamp(at as i64 * DAY_US / 20)).collect(),
            customers: vec![NO_CUSTOMER; rows.len()],
        },
        n_customers: 0,
        ..HistoryView::default()
    }
}

fn learned(view: &HistoryView, steps: &[StepRow]) -> RelationTable {
    let baskets_of = view.baskets.items.view().transpose(view.n_items());
    let weights = BasketWeights::new(&view.baskets, None, 100);
    let pairs = pairs::learn(&view.baskets, &baskets_of, &weights, 10.0, &PairParams::default());
    learn(view, steps, &baskets_of, &pairs, 100)
}

fn of(table: &RelationTable, a: u32, b: u32) -> Option<Relation> {
    let range = table.items.view().range(a as usize);
    let at = table.items.indices[range.clone()].iter().position(|&other| other == b)?;
    table.stats[range.start + at].relation()
}

const CUP: u32 = 0;
const SAUCER: u32 = 1;
const RED_HELMET: u32 = 2;
const BLUE_HELMET: u32 = 3;
const DEAR_HELMET: u32 = 4;
const LAMP: u32 = 5;

/// Cups are bought with saucers of the same set; each cyclist buys one helmet; lamps go with
/// anything.
fn shop() -> HistoryView {
    let items = vec![
        item("regency rose teacup", "", 5),
        item("regency rose saucer", "", 3),
        item("city bike helmet red", "", 40),
        item("city bike helmet blue", "", 40),
        item("city bike helmet black", "", 60),
        item("paper lamp", "", 8),
    ];
    let rows: Vec<Vec<u32>> = (0..600_u32)
        .map(|at| {
            let mut row = match at % 6 {
                0 | 1 => vec![CUP, SAUCER],
                2 => vec![CUP],
                3 => vec![RED_HELMET],
                4 => vec![BLUE_HELMET],
                _ => vec![DEAR_HELMET],
            };
            if at % 7 < 3 {
                row.push(LAMP);
            }
            row
        })
        .collect();
    view(items, &rows)
}

#[test]
fn what_is_bought_together_adds_and_what_is_alike_and_is_not_replaces() {
    let table = learned(&shop(), &[]);
    assert_eq!(of(&table, CUP, SAUCER), Some(Relation::Complement));
    assert_eq!(of(&table, SAUCER, CUP), Some(Relation::Complement));
    assert_eq!(of(&table, RED_HELMET, BLUE_HELMET), Some(Relation::Substitute));
    assert_eq!(of(&table, RED_HELMET, DEAR_HELMET), Some(Relation::Upgrade));
    assert_eq!(of(&table, DEAR_HELMET, RED_HELMET), Some(Relation::Substitute));
    assert_eq!((of(&table, LAMP, CUP), of(&table, CUP, RED_HELMET)), (None, None));
    // What replaces stands before what adds.
    let first = table.stats[table.items.view().range(CUP as usize).start];
    assert_eq!(first.relation(), Some(Relation::Complement));
    assert!(table.note.contains("1 upgrades") || table.note.contains("2 upgrades"));
}

#[test]
fn an_upgrade_costs_more_but_not_many_times_more() {
    let mut view = shop();
    let dear = DEAR_HELMET as usize;
    let relation = |view: &HistoryView| of(&learned(view, &[]), RED_HELMET, DEAR_HELMET);
    for (price, expected) in [(41, Relation::Substitute), (80, Relation::Upgrade)] {
        view.items[dear].price = Some(Amount(price * 1_000_000));
        assert_eq!(relation(&view), Some(expected), "{price}");
    }
    view.items[dear].price = Some(Amount(81_000_000));
    assert_eq!(relation(&view), None);
    for price in [None, Some(Amount(0)), Some(Amount(-60_000_000))] {
        view.items[dear].price = price;
        assert_eq!(relation(&view), Some(Relation::Substitute), "{price:?}");
    }
}

#[test]
fn a_leaf_whose_items_are_never_bought_together_is_one_need_whatever_the_titles() {
    let bikes = ["Mountain 200", "Trail Racer", "Vagabond", "Peak One"];
    let mut items: Vec<ItemEntry> =
        bikes.iter().map(|title| item(title, "Bikes > Mountain", 900)).collect();
    items.push(item("Bottle", "Accessories", 5));
    let rows: Vec<Vec<u32>> =
        (0..400_u32).map(|at| if at % 3 == 0 { vec![at % 4, 4] } else { vec![at % 4] }).collect();
    let table = learned(&view(items.clone(), &rows), &[]);
    assert_eq!(of(&table, 0, 2), Some(Relation::Substitute));
    assert_eq!(of(&table, 0, 4), None);
    // The same titles in two leaves are two needs.
    for (at, entry) in items.iter_mut().enumerate() {
        entry.category = Some(format!("leaf {at}").into());
        entry.title = Some("city bike".into());
    }
    let table = learned(&view(items, &rows), &[]);
    assert_eq!(of(&table, 0, 2), None);
}

/// Two helmets of which nobody goes from one to the other: each customer buys the cheaper and the
/// dearer one at times of their own, that many tenths on average, and a lamp with each.
fn indifferent_buyers(cheap_tenths: u64, dear_tenths: u64, cheap_is_first: bool) -> HistoryView {
    const N_CUSTOMERS: u32 = 12_000;
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        state >> 33
    };
    let mut bought: Vec<(u64, u32, u32)> = Vec::new();
    for customer in 0..N_CUSTOMERS {
        for (item, tenths) in [(0, cheap_tenths), (1, dear_tenths)] {
            let shift = if cheap_is_first && item == 1 { 1 << 40 } else { 0 };
            let n = (0..12).filter(|_| random() % 120 < tenths).count();
            bought.extend((0..n).map(|_| (random() + shift, customer, item)));
        }
    }
    bought.sort_unstable();
    let titles = ["city bike helmet red", "city bike helmet blue", "paper lamp", "rose saucer"];
    let items = titles.into_iter().zip([40, 60, 5, 5]).map(|(title, price)| item(title, "", price));
    let rows: Vec<Vec<u32>> = bought.iter().map(|&(.., item)| vec![item, 2]).collect();
    let mut view = view(items.collect(), &rows);
    view.baskets.customers = bought.iter().map(|&(_, customer, _)| customer).collect();
    view.n_customers = N_CUSTOMERS;
    view
}

#[test]
fn what_sells_better_is_not_what_is_bought_first() {
    for (cheap, dear) in [(30, 2), (2, 30), (10, 10)] {
        let view = indifferent_buyers(cheap, dear, false);
        let baskets_of = view.baskets.items.view().transpose(4);
        let (up, down) = chance::n_switched(&view.baskets, baskets_of.view(), 0, 1);
        let back = chance::n_switched(&view.baskets, baskets_of.view(), 1, 0);
        assert_eq!(back, (down, up));
        let share = f64::from(up) / f64::from(up + down);
        assert!((0.4..0.6).contains(&share), "{cheap} {dear}: {up} up, {down} down");
        assert_eq!(of(&learned(&view, &[]), 0, 1), Some(Relation::Upgrade), "{cheap} {dear}");
    }
}

#[test]
fn who_goes_from_the_dearer_to_the_cheaper_one_tells_that_it_is_no_upgrade() {
    let mut view = indifferent_buyers(10, 5, true);
    assert_eq!(of(&learned(&view, &[]), 0, 1), Some(Relation::Upgrade));
    // The same the other way round in time.
    let turned = |row: &[u32]| vec![1 - row[0], 2];
    let rows: Vec<Vec<u32>> = view.baskets.items.view().rows().map(turned).collect();
    view.baskets.items = rows.iter().collect();
    assert_eq!(of(&learned(&view, &[]), 0, 1), Some(Relation::Substitute));
}

proptest! {
    #[test]
    fn who_changed_is_what_a_double_loop_counts(
        bought in prop::collection::vec((0_u32..3, 0_u32..6, 0_u32..4), 0..60),
    ) {
        let mut bought = bought;
        bought.sort_unstable_by_key(|(.., at)| *at);
        let rows =
            bought.iter().map(|&(what, ..)| [vec![0], vec![1], vec![0, 1]][what as usize].clone());
        let rows: Vec<Vec<u32>> = rows.collect();
        let mut view = view(vec![item("", "", 0), item("", "", 0)], &rows);
        // The last number stands for nobody.
        view.baskets.customers =
            bought.iter().map(|&(_, c, _)| if c == 5 { NO_CUSTOMER } else { c }).collect();
        view.baskets.at = bought.iter().map(|&(.., at)| Timestamp(i64::from(at))).collect();
        let (mut up, mut down) = (0, 0);
        for customer in 0..5 {
            let of = |item: u32| -> Vec<u32> {
                let own = bought.iter().zip(&rows).filter(|((_, c, _), _)| *c == customer);
                own.filter(|(_, row)| row.contains(&item)).map(|((.., at), _)| *at).collect()
            };
            if let ([a], [b]) = (&of(0)[..], &of(1)[..]) {
                up += u32::from(a < b);
                down += u32::from(b < a);
            }
        }
        let baskets_of = view.baskets.items.view().transpose(2);
        prop_assert_eq!(chance::n_switched(&view.baskets, baskets_of.view(), 0, 1), (up, down));
    }
}

fn steps(visits: &[&[(u32, StepKind)]]) -> Vec<StepRow> {
    let rows = visits.iter().zip(0_u32..).flat_map(|(visit, session)| {
        visit.iter().zip(0_i64..).map(move |(&(item, kind), at_us)| StepRow {
            session,
            item,
            kind,
            at_us,
        })
    });
    rows.collect()
}

#[test]
fn what_is_seen_together_and_not_bought_together_replaces() {
    use StepKind::{Purchase, View};
    let items = |prices: [i64; 5]| prices.map(|price| item("", "", price)).to_vec();
    let rows: Vec<Vec<u32>> = (0..50).map(|at| vec![at % 5]).collect();
    let mut visits: Vec<&[(u32, StepKind)]> = vec![&[(2, View), (3, View), (4, View)]; 20];
    visits.extend([&[(0, View), (1, View), (1, Purchase)][..]; 3]);
    let view = view(items([10, 15, 10, 10, 10]), &rows);
    let table = learned(&view, &steps(&visits));
    assert_eq!(of(&table, 0, 1), Some(Relation::Upgrade));
    assert_eq!(of(&table, 1, 0), Some(Relation::Substitute));
    assert_eq!(of(&table, 2, 3), Some(Relation::Substitute));
    assert_eq!(of(&table, 0, 2), None);
    // Nobody bought it instead; and without visits nothing is known.
    let unbought: Vec<StepRow> =
        steps(&visits).into_iter().map(|row| StepRow { kind: View, ..row }).collect();
    assert_eq!(of(&learned(&view, &unbought), 0, 1), Some(Relation::Substitute));
    assert_eq!(of(&learned(&view, &[]), 0, 1), None);
}

#[test]
fn services_variants_and_fees_replace_nothing() {
    let mut view = shop();
    view.items[BLUE_HELMET as usize].variant_of = Some(RED_HELMET);
    view.items[DEAR_HELMET as usize].kind = ItemKind::Service;
    let table = learned(&view, &[]);
    assert_eq!(of(&table, RED_HELMET, BLUE_HELMET), None);
    assert_eq!(of(&table, RED_HELMET, DEAR_HELMET), None);
    assert_eq!(learned(&HistoryView::default(), &[]).items, [[0_u32; 0]; 0].iter().collect());
}

proptest! {
    #[test]
    fn counts_and_expectations_are_those_of_a_double_loop(
        rows in prop::collection::vec(prop::collection::btree_set(0_u32..7, 0..6), 0..60),
        many in 0_usize..60,
    ) {
        let rows: Vec<Vec<u32>> = rows
            .into_iter()
            .map(|row: BTreeSet<u32>| row.into_iter().collect())
            // One item far more frequent than the others, for the other way of merging.
            .chain((0..many).map(|_| vec![6]))
            .collect();
        let view = view((0..7).map(|_| item("", "", 0)).collect(), &rows);
        let baskets_of = view.baskets.items.view().transpose(7);
        let chance = Chance::of(&view.baskets, &baskets_of, 4);
        let counted: Vec<&Vec<u32>> = rows.iter().filter(|row| row.len() <= 4).collect();
        let mut within = 0.0;
        for a in 0..7 {
            for b in a + 1..7 {
                let n = counted.iter().filter(|row| row.contains(&a) && row.contains(&b)).count();
                prop_assert_eq!(chance.n_both(a, b) as usize, n);
                within += chance.expected(a, b);
            }
        }
        let together = chance.expected_within(&[0, 1, 2, 3, 4, 5, 6]);
        prop_assert!((together - within).abs() < 1e-9 * within.max(1.0));
        // Less than 30 days: one period.
        let pairs: f64 = counted.iter().map(|row| (row.len() * row.len()) as f64).sum();
        let lines: f64 = counted.iter().map(|row| row.len() as f64).sum();
        let n = |item: u32| counted.iter().filter(|row| row.contains(&item)).count() as f64;
        if lines > 0.0 && rows.len() < 300 {
            let expected = n(0) * n(1) * (pairs - lines) / (lines * lines);
            prop_assert!((chance.expected(0, 1) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn a_row_has_nothing_twice_and_what_replaces_does_so_both_ways(
        rows in prop::collection::vec(prop::collection::btree_set(0_u32..9, 1..4), 1..80),
    ) {
        let titles =
            ["red cup", "blue cup", "cup", "red plate", "plate", "lamp red", "x y", "", "z"];
        let items = titles.iter().map(|title| item(title, "", 10)).collect();
        let rows: Vec<Vec<u32>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
        let table = learned(&view(items, &rows), &[]);
        for (a, row) in (0_u32..).zip(table.items.view().rows()) {
            let distinct: BTreeSet<u32> = row.iter().copied().collect();
            prop_assert!(distinct.len() == row.len() && !distinct.contains(&a));
            for &b in row {
                let (there, back) = (of(&table, a, b), of(&table, b, a));
                let replaces = |of: Option<Relation>| of.is_some_and(Relation::replaces);
                prop_assert_eq!(replaces(there), replaces(back));
            }
        }
        prop_assert!(table.stats.iter().all(|stats| (0.0..=1.0).contains(&stats.confidence)));
    }
}
