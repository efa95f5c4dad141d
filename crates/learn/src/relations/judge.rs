//! What one pair is.

use super::chance::{Chance, n_switched};
use super::kinds::Kinds;
use super::visits::Visits;
use super::{COMPLEMENT_CERTAINTY, MAX_DEARER, MIN_DEARER, MIN_LIKENESS, SUBSTITUTE_CERTAINTY};
use events::{ItemKind, Relation};
use history::HistoryView;
use measure::rate::{RatioBelief, chance_above_half};
use snapshot::RelationStats;

/// Baskets below which nobody can be said to buy an item.
const MIN_SOLD: u32 = 2;
/// Customers who went from one to the other, before their direction says anything.
const MIN_SWITCHED: u32 = 5;

/// All that pairs are judged by.
pub(super) struct Judge<'a> {
    pub view: &'a HistoryView,
    pub chance: &'a Chance<'a>,
    pub kinds: &'a Kinds,
    pub visits: &'a Visits,
    pub weight: f64,
}

/// A pair's common baskets, what chance would give, and what one would guess of their ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counted {
    pub n: f64,
    pub expected: f64,
    pub guess: f64,
}

impl Counted {
    pub(super) fn ln_chance(&self, weight: f64) -> f64 {
        RatioBelief::prior(self.guess, weight).ln_chance_of(self.n, self.expected)
    }
}

impl Judge<'_> {
    pub(super) fn counted(&self, a: u32, b: u32) -> Counted {
        Counted {
            n: f64::from(self.chance.n_both(a, b)),
            expected: self.chance.expected(a, b),
            guess: self.kinds.guessed_ratio(a, b),
        }
    }

    /// Goods do not replace services, nor variants their family: that has a gate of its own.
    pub(super) fn may_replace(&self, a: u32, b: u32) -> bool {
        let (one, other) = (&self.view.items[a as usize], &self.view.items[b as usize]);
        let head = |item: u32| self.view.items[item as usize].variant_of.unwrap_or(item);
        a != b
            && one.kind == other.kind
            && other.kind != ItemKind::Fee
            && head(a) != head(b)
            && self.kinds.same_leaf(a, b) != Some(false)
            && self.price_ratio(a, b).is_none_or(|r| (1.0 / MAX_DEARER..=MAX_DEARER).contains(&r))
    }

    /// That the two are bought together more often than by chance, by their own counts.
    fn certainty_of_more(&self, pair: &Counted) -> f64 {
        if pair.n < 2.0 {
            return 0.0;
        }
        1.0 - RatioBelief::ignorant().after(pair.n, pair.expected).chance_below(1.0)
    }

    /// Does `b` take the place of `a`, and is it better?
    pub(super) fn replacing(&self, a: u32, b: u32) -> Option<RelationStats> {
        let pair = self.counted(a, b);
        if self.certainty_of_more(&pair) >= COMPLEMENT_CERTAINTY || !self.is_of_one_need(a, b) {
            return None;
        }
        let belief = RatioBelief::prior(pair.guess, self.weight).after(pair.n, pair.expected);
        let certainty = belief.chance_below(1.0);
        if certainty < SUBSTITUTE_CERTAINTY {
            return None;
        }
        let relation = if self.is_upgrade(a, b) { Relation::Upgrade } else { Relation::Substitute };
        Some(RelationStats::new(relation, certainty as f32))
    }

    fn is_of_one_need(&self, a: u32, b: u32) -> bool {
        let is_same_leaf = self.kinds.same_leaf(a, b) == Some(true);
        if self.kinds.likeness(a, b) >= MIN_LIKENESS
            || (is_same_leaf && self.kinds.leaf_is_of_one_need(a, COMPLEMENT_CERTAINTY))
        {
            return true;
        }
        // One visit is little, but for two of one leaf.
        let seen = self.visits.together(a, b);
        seen.is_significant && (is_same_leaf || seen.n >= 2)
    }

    /// How many times the price of `a` the other one costs; `None` where that cannot be told.
    fn price_ratio(&self, a: u32, b: u32) -> Option<f64> {
        let (one, other) = (&self.view.items[a as usize], &self.view.items[b as usize]);
        let (price, dearer) = (one.price?, other.price?);
        let is_told = price.0 > 0 && dearer.0 > 0 && one.currency == other.currency;
        is_told.then(|| dearer.0 as f64 / price.0 as f64)
    }

    /// Dearer by a sane factor, and bought instead.
    fn is_upgrade(&self, a: u32, b: u32) -> bool {
        let is_dearer = |ratio: f64| (MIN_DEARER..=MAX_DEARER).contains(&ratio);
        if !self.price_ratio(a, b).is_some_and(is_dearer) || self.chance.n_of(b) < MIN_SOLD {
            return false;
        }
        if self.visits.has_seen(a) && self.visits.has_seen(b) {
            let seen = self.visits.together(a, b);
            if seen.n > 0 {
                return seen.n_instead > 0;
            }
        }
        // Who changes from the dearer to the cheaper one tells that it is none.
        let (up, down) = n_switched(&self.view.baskets, self.chance.baskets_of(), a, b);
        up + down < MIN_SWITCHED
            || chance_above_half(u64::from(down), u64::from(up + down)) < COMPLEMENT_CERTAINTY
    }
}
