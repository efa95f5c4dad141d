//! Days between buyings, and what the days since the last one tell beyond the baskets since.
//!
//! Formulas: `score::next_basket::timing`.

use super::NextBasketTables;
use super::sequences::{Sequences, day, rows_of};
use history::HistoryView;
use score::next_basket::habit::{Habit, cell_of};
use score::next_basket::own::{Bought, NO_DAY};
use score::next_basket::timing::{N_AGES, age_cell, expected_gap};
use sparse::Csr;
use std::collections::HashMap;

/// M: gaps that stand for what is said one level up.
const GAP_SHRINKAGE: f64 = 5.0;
/// M'', in expected buyings.
const AGE_SHRINKAGE: f64 = 50.0;

/// What each customer bought how often, and when.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buyings {
    pub items: Csr,
    pub bought: Vec<[i32; 3]>,
    pub n_orders: Vec<u32>,
    /// See [`gap_days_of`].
    pub gap_days: Vec<f32>,
}

/// Sum and number of gaps.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    days: f64,
    n: f64,
}

impl Gaps {
    fn add(&mut self, other: Gaps) {
        self.days += other.days;
        self.n += other.n;
    }

    fn mean(&self, prior_days: f64) -> f64 {
        (self.days + GAP_SHRINKAGE * prior_days) / (self.n + GAP_SHRINKAGE)
    }
}

/// Gaps of all items so far.
struct ItemGaps {
    of_items: Vec<Gaps>,
    all: Gaps,
}

impl ItemGaps {
    fn new(n_items: usize) -> ItemGaps {
        ItemGaps { of_items: vec![Gaps::default(); n_items], all: Gaps::default() }
    }

    /// Takes in one customer's buyings of one item, with the day of each.
    fn add(&mut self, of_item: &[(u32, i32)]) -> Bought {
        let mut bought = Bought::default();
        of_item.iter().for_each(|&(_, day)| bought.add(day));
        let n_dated = of_item.iter().filter(|(_, day)| *day != NO_DAY).count();
        if n_dated > 1 {
            let found = Gaps { days: bought.span_days().into(), n: n_dated as f64 - 1.0 };
            self.of_items[of_item[0].0 as usize].add(found);
            self.all.add(found);
        }
        bought
    }

    fn days(&self, view: &HistoryView) -> Vec<f32> {
        if self.all.n > 0.0 { shrunk(view, &self.of_items, self.all) } else { Vec::new() }
    }
}

/// Days that usually lie between two buyings of each item; empty where nothing was bought twice at
/// known times.
pub fn gap_days_of(view: &HistoryView, sequences: &Sequences) -> Vec<f32> {
    let rows = sequences.view();
    let mut gaps = ItemGaps::new(view.n_items());
    let mut own: Vec<(u32, i32)> = Vec::new();
    for customer in 0..rows.n_customers() as u32 {
        own.clear();
        for row in rows.range(customer) {
            let day = sequences.days[row as usize];
            own.extend(rows.basket(row).iter().map(|&item| (item, day)));
        }
        own.sort_unstable();
        for of_item in own.chunk_by(|a, b| a.0 == b.0) {
            gaps.add(of_item);
        }
    }
    gaps.days(view)
}

impl Buyings {
    /// All baskets of all known customers. O(lines).
    pub fn of(view: &HistoryView) -> Buyings {
        let rows = view.baskets.items.view();
        let mut buyings = Buyings::default();
        let mut gaps = ItemGaps::new(view.n_items());
        let mut own: Vec<(u32, i32)> = Vec::new();
        let mut items = Vec::new();
        for baskets in rows_of(view) {
            own.clear();
            for &basket in &baskets {
                let day = day(&view.baskets, basket);
                own.extend(rows.row(basket as usize).iter().map(|&item| (item, day)));
            }
            own.sort_unstable();
            items.clear();
            for of_item in own.chunk_by(|a, b| a.0 == b.0) {
                items.push(of_item[0].0);
                buyings.bought.push(gaps.add(of_item).to_flat());
            }
            buyings.items.push_row(&items);
            buyings.n_orders.push(baskets.len() as u32);
        }
        buyings.gap_days = gaps.days(view);
        buyings
    }
}

/// Items to their categories, those to the whole shop.
fn shrunk(view: &HistoryView, gaps: &[Gaps], all: Gaps) -> Vec<f32> {
    let mean = all.days / all.n;
    let mut by_category: HashMap<&str, Gaps> = HashMap::new();
    for (item, found) in view.items.iter().zip(gaps) {
        if let Some(category) = &item.category {
            by_category.entry(category).or_default().add(*found);
        }
    }
    let prior = |category: &Option<Box<str>>| {
        let category = category.as_ref().and_then(|name| by_category.get(&**name));
        category.map_or(mean, |gaps| gaps.mean(mean))
    };
    let items = view.items.iter().zip(gaps);
    items.map(|(item, gaps)| gaps.mean(prior(&item.category)) as f32).collect()
}

/// f of each class of ages: buyings over what the hazard by baskets and the item's renewal
/// foretold.
pub fn age_factors(tables: &NextBasketTables, gap_days: &[f32]) -> [f32; N_AGES] {
    let (view, sequences) = (tables.view(), tables.sequences());
    let mut counts = [(0.0_f64, 0.0_f64); N_AGES];
    let mut own: HashMap<u32, (Habit, Bought)> = HashMap::new();
    for customer in 0..view.baskets.sequences.n_customers() as u32 {
        own.clear();
        for (at, row) in (0_u32..).zip(view.baskets.sequences.range(customer)) {
            let (basket, today) = (view.baskets.sequences.basket(row), day_of(sequences, row));
            for (&item, (habit, bought)) in &own {
                let Some(age_days) = bought.age_days(today) else { continue };
                let gap =
                    expected_gap(bought.n_bought, bought.span_days(), gap_days[item as usize]);
                let cell = &mut counts[age_cell(age_days as f32, gap)];
                let renewal = view.items[item as usize].renewal.factor();
                let hazard = view.hazard[cell_of(habit.n_bought, habit.elapsed(at))];
                cell.0 += f64::from(u8::from(basket.binary_search(&item).is_ok()));
                cell.1 += f64::from(hazard * renewal);
            }
            for &item in basket {
                let (habit, bought) = own.entry(item).or_default();
                habit.buy(at, at + 1, 0.0);
                bought.add(today.unwrap_or(NO_DAY));
            }
        }
    }
    counts.map(|(again, expected)| ((again + AGE_SHRINKAGE) / (expected + AGE_SHRINKAGE)) as f32)
}

pub(super) fn day_of(sequences: &Sequences, row: u32) -> Option<i32> {
    Some(sequences.days[row as usize]).filter(|&day| day != NO_DAY)
}
