//! How often things are bought again, and by how many: counts of items and the pooled hazard.
//!
//! Formulas: `score::next_basket::habit`.

use score::next_basket::SequencesView;
use score::next_basket::habit::{Habit, N_CELLS, cell_of};
use score::next_basket::tables::ItemFacts;

/// Chances that are added to each cell of the hazard, bought at the pooled rate.
const CELL_SHRINKAGE: f64 = 50.0;

/// Counts of items and the pooled table h(n, e).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Habits {
    pub items: Vec<ItemFacts>,
    pub hazard: Vec<f32>,
    pub popular: Vec<u32>,
    pub newest: Vec<u32>,
}

impl Habits {
    /// Two walks over all sequences: the hazard first, then what it foretells of each item.
    pub fn learn(sequences: SequencesView<'_>, n_items: usize) -> Habits {
        let mut habits = Habits { items: vec![ItemFacts::default(); n_items], ..Habits::default() };
        let mut walk = Walk::new(n_items);
        let mut cells = [(0_u64, 0_u64); N_CELLS];
        for customer in 0..sequences.n_customers() as u32 {
            walk.all(&sequences.of(customer), |_item, cell, is_bought| {
                cells[cell].0 += u64::from(is_bought);
                cells[cell].1 += 1;
            });
        }
        habits.hazard = hazard_of(&cells);
        for customer in 0..sequences.n_customers() as u32 {
            let baskets = sequences.of(customer);
            let items = &mut habits.items;
            let own = walk.all(&baskets, |item, cell, is_bought| {
                let facts = &mut items[item as usize];
                facts.n_chances += 1;
                facts.renewal.expected += habits.hazard[cell];
                facts.renewal.n_again += if is_bought { 1.0 } else { 0.0 };
            });
            own.iter().for_each(|&item| items[item as usize].n_customers += 1);
            let count = |list: &[u32], of: &mut dyn FnMut(u32)| list.iter().for_each(|&i| of(i));
            for basket in &baskets {
                count(basket, &mut |item| items[item as usize].n_baskets += 1);
            }
            if let Some(newest) = baskets.last() {
                count(newest, &mut |item| items[item as usize].n_newest += 1);
            }
            if let [.., second, _] = baskets[..] {
                count(second, &mut |item| items[item as usize].n_second += 1);
            }
        }
        habits.rank();
        habits
    }

    fn rank(&mut self) {
        self.popular = ranking(&self.items, |facts| facts.n_baskets);
        self.newest = ranking(&self.items, |facts| facts.n_newest);
        let log_rank = |rank: usize| (1.0 + rank as f32).ln();
        let n_items = self.items.len();
        for facts in &mut self.items {
            (facts.log_rank, facts.log_newest_rank) = (log_rank(n_items), log_rank(n_items));
        }
        for (rank, &item) in self.popular.iter().enumerate() {
            self.items[item as usize].log_rank = log_rank(rank);
        }
        for (rank, &item) in self.newest.iter().enumerate() {
            self.items[item as usize].log_newest_rank = log_rank(rank);
        }
    }
}

/// Each cell's rate, shrunk to that of all.
fn hazard_of(cells: &[(u64, u64); N_CELLS]) -> Vec<f32> {
    let (n_again, n_chances) =
        cells.iter().fold((0, 0), |sums, cell| (sums.0 + cell.0, sums.1 + cell.1));
    let pooled = (n_again as f64 + 1.0) / (n_chances as f64 + 20.0);
    cells
        .iter()
        .map(|&(n_again, n_chances)| {
            let n_chances = n_chances as f64 + CELL_SHRINKAGE;
            ((n_again as f64 + CELL_SHRINKAGE * pooled) / n_chances) as f32
        })
        .collect()
}

/// Items with a count above 0, largest first, ties by the smaller index.
fn ranking(items: &[ItemFacts], count: impl Fn(&ItemFacts) -> u32) -> Vec<u32> {
    let mut ranking: Vec<u32> =
        (0..items.len() as u32).filter(|&item| count(&items[item as usize]) > 0).collect();
    ranking.sort_by_key(|&item| (std::cmp::Reverse(count(&items[item as usize])), item));
    ranking
}

/// Walks one customer's baskets and tells every chance to buy again.
struct Walk {
    habits: Vec<Habit>,
    own: Vec<u32>,
    in_basket: Vec<bool>,
}

impl Walk {
    fn new(n_items: usize) -> Walk {
        Walk {
            habits: vec![Habit::default(); n_items],
            own: Vec::new(),
            in_basket: vec![false; n_items],
        }
    }

    /// `visit(item, cell, is bought)` for each item that the customer had and each later basket.
    /// Tells the items of the customer.
    fn all(&mut self, baskets: &[&[u32]], mut visit: impl FnMut(u32, usize, bool)) -> &[u32] {
        for &item in &self.own {
            self.habits[item as usize] = Habit::default();
        }
        self.own.clear();
        let n_baskets = baskets.len() as u32;
        for (at, basket) in (0_u32..).zip(baskets) {
            basket.iter().for_each(|&item| self.in_basket[item as usize] = true);
            for &item in &self.own {
                let habit = &self.habits[item as usize];
                let cell = cell_of(habit.n_bought, habit.elapsed(at));
                visit(item, cell, self.in_basket[item as usize]);
            }
            for &item in *basket {
                self.in_basket[item as usize] = false;
                let habit = &mut self.habits[item as usize];
                if habit.n_bought == 0 {
                    self.own.push(item);
                }
                habit.buy(at, n_baskets, 0.0);
            }
        }
        &self.own
    }
}
