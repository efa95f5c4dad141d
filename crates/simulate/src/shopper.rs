//! What one customer wants on one visit, and the basket that comes of it.
//!
//! A visit has one to three needs, each a group of the catalogue. Part of a basket comes from the
//! needs, part is what everybody buys, and an item may bring its complement along. A known
//! customer's needs come half of the time from their three lasting tastes.

use crate::catalog::Catalog;
use crate::chance::{Chance, hash};

/// How baskets are filled.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Mean number of distinct items; sizes are geometric.
    pub mean_basket_size: f64,
    /// Share of picks that follow popularity alone.
    pub noise_share: f64,
    /// Probability that an item in the basket brings its complement.
    pub complement_share: f64,
}

impl Habits {
    /// A quarter of noise, complements taken three times in ten.
    pub fn with_mean(mean_basket_size: f64) -> Habits {
        Habits { mean_basket_size, noise_share: 0.25, complement_share: 0.3 }
    }
}

/// Baskets above this are cut: no customer carries more.
pub const MAX_BASKET: usize = 500;
const N_TASTES: u64 = 3;
const TASTE_SHARE: f64 = 0.5;

/// The groups that a visit is for.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    groups: [u32; 3],
    n: u32,
}

impl Needs {
    /// For a known customer (by number) or an unknown one.
    pub fn draw(catalog: &Catalog, customer: Option<u32>, seed: u64, chance: &mut Chance) -> Needs {
        let n = [1, 1, 1, 2, 2, 3][chance.below(6) as usize];
        let mut groups = [0; 3];
        for group in &mut groups[..n as usize] {
            *group = match customer {
                Some(customer) if chance.happens(TASTE_SHARE) => {
                    let which = chance.below(N_TASTES as u32);
                    taste(catalog, customer, u64::from(which), seed)
                }
                _ => catalog.draw_group(chance),
            };
        }
        Needs { groups, n }
    }

    pub fn groups(&self) -> &[u32] {
        &self.groups[..self.n as usize]
    }
}

/// A customer's `which`-th lasting taste: a group, by the group's share of sales.
pub fn taste(catalog: &Catalog, customer: u32, which: u64, seed: u64) -> u32 {
    let own_seed = hash(seed ^ hash(u64::from(customer) * N_TASTES + which));
    catalog.draw_group(&mut Chance::new(own_seed, 0))
}

/// Fills `basket` with distinct items. A small catalogue may give fewer than were wanted.
pub fn fill_basket(
    catalog: &Catalog,
    habits: &Habits,
    needs: &Needs,
    chance: &mut Chance,
    basket: &mut Vec<u32>,
) {
    basket.clear();
    let wanted = (chance.geometric(habits.mean_basket_size) as usize).min(MAX_BASKET);
    for _ in 0..wanted * 4 {
        if basket.len() >= wanted {
            break;
        }
        let Some(item) = pick(catalog, habits, needs, chance) else { continue };
        if basket.contains(&item) {
            continue;
        }
        basket.push(item);
        let brings = basket.len() < wanted && chance.happens(habits.complement_share);
        let complement = catalog.items[item as usize].complement;
        if let Some(complement) = complement.filter(|other| brings && !basket.contains(other)) {
            basket.push(complement);
        }
    }
}

fn pick(catalog: &Catalog, habits: &Habits, needs: &Needs, chance: &mut Chance) -> Option<u32> {
    if chance.happens(habits.noise_share) {
        return Some(catalog.draw(chance));
    }
    let group = needs.groups()[chance.below(needs.n) as usize];
    catalog.draw_in_group(group, chance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CatalogSpec;

    fn catalog(n_items: u32) -> Catalog {
        let spec = CatalogSpec { n_items, zipf_exponent: 0.8, mean_group_size: 20, seed: 9 };
        Catalog::new(&spec).unwrap()
    }

    #[test]
    fn baskets_hold_distinct_items_of_about_the_mean_size() {
        let catalog = catalog(3_000);
        let mut chance = Chance::new(1, 0);
        let mut basket = Vec::new();
        let mut n_items = 0;
        for _ in 0..2_000 {
            let needs = Needs::draw(&catalog, None, 1, &mut chance);
            fill_basket(&catalog, &Habits::with_mean(6.0), &needs, &mut chance, &mut basket);
            let mut sorted = basket.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), basket.len());
            n_items += basket.len();
        }
        // A little below the mean: a group may not hold enough distinct items.
        assert!((5.0..6.5).contains(&(n_items as f64 / 2_000.0)), "{n_items}");
    }

    #[test]
    fn complements_are_bought_because_of_their_anchor() {
        let catalog = catalog(500);
        let share_with_complement = |complement_share| {
            let habits = Habits { mean_basket_size: 4.0, noise_share: 1.0, complement_share };
            let mut chance = Chance::new(2, 0);
            let needs = Needs::draw(&catalog, None, 1, &mut chance);
            let (mut n_anchors, mut n_with) = (0, 0);
            let mut basket = Vec::new();
            for _ in 0..3_000 {
                fill_basket(&catalog, &habits, &needs, &mut chance, &mut basket);
                for &item in &basket {
                    if let Some(complement) = catalog.items[item as usize].complement {
                        n_anchors += 1;
                        n_with += u32::from(basket.contains(&complement));
                    }
                }
            }
            f64::from(n_with) / f64::from(n_anchors)
        };
        assert!(share_with_complement(0.5) > 4.0 * share_with_complement(0.0));
    }

    #[test]
    fn tastes_last_and_differ() {
        let catalog = catalog(3_000);
        let all: Vec<u32> = (0..200).map(|customer| taste(&catalog, customer, 0, 5)).collect();
        assert!((0..200).all(|customer| taste(&catalog, customer, 0, 5) == all[customer as usize]));
        let distinct: std::collections::HashSet<&u32> = all.iter().collect();
        assert!(distinct.len() > 40, "{}", distinct.len());
    }

    #[test]
    fn a_tiny_shop_fills_what_it_can() {
        let catalog = catalog(2);
        let mut chance = Chance::new(1, 0);
        let mut basket = Vec::new();
        for _ in 0..50 {
            let needs = Needs::draw(&catalog, Some(1), 1, &mut chance);
            fill_basket(&catalog, &Habits::with_mean(50.0), &needs, &mut chance, &mut basket);
            assert!((1..=2).contains(&basket.len()));
        }
    }
}
