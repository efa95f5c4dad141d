//! One row of numbers for each candidate: what the trees see, in training and live alike.
//!
//! NaN: not known (no customer, no price, no series of ids). Everything is from the snapshot and
//! the query; nothing of the moment's clock. Counts are taken per mille of all baskets, so that
//! trees learned on less data mean the same on more.

use super::recall::Recalled;
use super::tables::RankTables;
use crate::sources::Query;
use snapshot::Snapshot;
use snapshot::tables::NONE;

macro_rules! features {
    ($($name:ident = $text:literal,)*) => {
        /// Positions in a row.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Feature { $($name,)* }
        /// Names in the order of a row.
        pub const FEATURES: [&str; N_FEATURES] = [$($text,)*];
        pub const N_FEATURES: usize = [$(Feature::$name),*].len();
    };
}

features! {
    Blend = "blend",
    BlendRank = "blend_rank",
    Ease = "ease",
    EaseShare = "ease_share",
    EaseRank = "ease_rank",
    EaseMax = "ease_max",
    Recent = "recent",
    RecentShare = "recent_share",
    RecentRank = "recent_rank",
    RecentMax = "recent_max",
    Jaccard = "jaccard",
    JaccardSecond = "jaccard_second",
    JaccardSum = "jaccard_sum",
    JaccardRank = "jaccard_rank",
    Wilson = "wilson",
    Lift = "lift",
    G2 = "g2",
    Probability = "probability",
    BothMax = "both_max",
    PairShare = "pair_share",
    SignificantShare = "significant_share",
    After = "after",
    Neighbor = "neighbor",
    NeighborMax = "neighbor_max",
    NeighborRank = "neighbor_rank",
    Knn = "knn",
    KnnRank = "knn_rank",
    Taste = "taste",
    TasteRank = "taste_rank",
    HistoryJaccard = "history_jaccard",
    HistoryAfter = "history_after",
    Baskets = "baskets",
    Trend = "trend",
    TrendRatio = "trend_ratio",
    FirstAge = "first_age",
    LastAge = "last_age",
    BasketLn = "basket_ln",
    RepeatShare = "repeat_share",
    FirstAgeGap = "first_age_gap",
    CodeDistance = "code_distance",
    CodeNear = "code_near",
    CategoryShare = "category_share",
    PriceRatio = "price_ratio",
    PriceHabit = "price_habit",
    Context = "context",
    History = "history",
    BoughtShare = "bought_share",
    CustomerBaskets = "customer_baskets",
    CustomerLastAge = "customer_last_age",
    CustomerGap = "customer_gap",
    EaseLargest = "ease_largest",
    Weight = "weight",
    WeightRank = "weight_rank",
    Count = "count",
    CountShare = "count_share",
    BoughtAge = "bought_age",
    BoughtAgeGap = "bought_age_gap",
    SegmentTrend = "segment_trend",
    SegmentTrendRank = "segment_trend_rank",
    SegmentRatio = "segment_ratio",
}

/// Features that any shop has; those of segments stand behind them, and trees of shops without
/// segments do not know them.
pub const N_COMMON_FEATURES: usize = Feature::SegmentTrend as usize;

pub type Row = [f32; N_FEATURES];

/// Anchors and purchases looked at with their pairs; the newest context counts.
const MAX_HISTORY_PAIRS: usize = 12;
/// Older than this is old: data of a longer span must look alike.
const MAX_FIRST_AGE_DAYS: f32 = 200.0;
/// Codes at most so far apart are near.
const NEAR_CODE: u64 = 10;

/// Reusable memory of the features.
#[derive(Clone, Debug, Default)]
pub struct FeatureScratch {
    order: Vec<u64>,
    /// Which candidates were bought before.
    kinds: Vec<bool>,
    ease_rows: Vec<u32>,
    anchor_ages: Vec<f32>,
}

struct Maker<'a> {
    snapshot: &'a Snapshot,
    tables: &'a RankTables,
    query: &'a Query<'a>,
    recalled: &'a Recalled,
}

/// Fills one row for each recalled candidate, in order.
pub fn fill(
    snapshot: &Snapshot,
    tables: &RankTables,
    query: &Query<'_>,
    recalled: &Recalled,
    scratch: &mut FeatureScratch,
    rows: &mut Vec<Row>,
) {
    rows.clear();
    rows.resize(recalled.items().len(), [0.0; N_FEATURES]);
    scratch.kinds.clear();
    scratch.kinds.extend(recalled.items().iter().map(|&item| recalled.was_bought(item)));
    let maker = Maker { snapshot, tables, query, recalled };
    maker.ease(scratch, rows);
    maker.pairs(rows);
    maker.neighbors(rows);
    maker.history(rows);
    maker.items(scratch, rows);
    maker.of_query(rows);
    maker.segment(scratch, rows);
    for (of, to) in [
        (Feature::Ease, Feature::EaseRank),
        (Feature::Recent, Feature::RecentRank),
        (Feature::Jaccard, Feature::JaccardRank),
        (Feature::Neighbor, Feature::NeighborRank),
        (Feature::Knn, Feature::KnnRank),
        (Feature::Taste, Feature::TasteRank),
        (Feature::Weight, Feature::WeightRank),
    ] {
        rank(rows, of, to, &scratch.kinds, &mut scratch.order);
    }
}

#[inline]
fn at(row: &mut Row, feature: Feature) -> &mut f32 {
    &mut row[feature as usize]
}

#[inline]
fn raise(row: &mut Row, feature: Feature, value: f32) {
    let slot = at(row, feature);
    *slot = slot.max(value);
}

/// Places by value among those of the same kind (bought before, or new), best first; equals share
/// one, NaN stands last. All NaN where all of a kind are alike. By kind, so that what a customer
/// bought, which a shop may mask, changes nothing for what is new.
fn rank(rows: &mut [Row], of: Feature, to: Feature, kinds: &[bool], order: &mut Vec<u64>) {
    order.clear();
    // Kind, key and position in one word: integers sort several times as fast as floats.
    let keyed = rows.iter().zip(kinds).enumerate();
    order.extend(keyed.map(|(slot, (row, &kind))| {
        u64::from(kind) << KIND_SHIFT | falling_key(row[of as usize]) << SLOT_BITS | slot as u64
    }));
    order.sort_unstable();
    let n_new = order.partition_point(|word| word >> KIND_SHIFT == 0);
    for words in [&order[..n_new], &order[n_new..]] {
        let key_of = |word: Option<&u64>| word.map(|word| word >> SLOT_BITS);
        let is_flat = key_of(words.first()) == key_of(words.last());
        let (mut place, mut last) = (0, None);
        for (position, word) in words.iter().enumerate() {
            if key_of(Some(word)) != last {
                (place, last) = (position, key_of(Some(word)));
            }
            let slot = (word & ((1 << SLOT_BITS) - 1)) as usize;
            rows[slot][to as usize] = if is_flat { f32::NAN } else { place as f32 };
        }
    }
}

/// Candidates are few; the key has 32 bits, the kind one.
const SLOT_BITS: u32 = 16;
const KIND_SHIFT: u32 = SLOT_BITS + 32;

/// Smaller for larger values, the largest for NaN; 32 bits.
#[inline]
fn falling_key(value: f32) -> u64 {
    if value.is_nan() {
        return u64::from(u32::MAX);
    }
    // -0.0 and 0.0 are one value.
    let bits = (value + 0.0).to_bits();
    let rising = if bits >> 31 == 0 { bits | 1 << 31 } else { !bits };
    u64::from(!rising)
}

impl Maker<'_> {
    fn ease(&self, scratch: &mut FeatureScratch, rows: &mut [Row]) {
        if self.snapshot.has_sparse_weights() {
            self.sparse_weights(rows);
        } else {
            self.ease_rows(scratch, rows);
        }
        let mut largest = [[1e-6_f32; 2]; 2];
        for (row, &kind) in rows.iter().zip(&scratch.kinds) {
            let [ease, recent] = &mut largest[usize::from(kind)];
            *ease = ease.max(row[Feature::Ease as usize]);
            *recent = recent.max(row[Feature::Recent as usize]);
        }
        for (row, &kind) in rows.iter_mut().zip(&scratch.kinds) {
            let [ease, recent] = largest[usize::from(kind)];
            *at(row, Feature::RecentShare) = row[Feature::Recent as usize] / recent;
            *at(row, Feature::EaseShare) = row[Feature::Ease as usize] / ease;
            *at(row, Feature::EaseLargest) = ease;
        }
    }

    fn sparse_weights(&self, rows: &mut [Row]) {
        for &anchor in self.query.context {
            let (items, weights) = self.snapshot.sparse_weights(anchor);
            for (&item, &weight) in items.iter().zip(weights) {
                if let Some(slot) = self.recalled.slot(item) {
                    *at(&mut rows[slot], Feature::Ease) += weight;
                    raise(&mut rows[slot], Feature::EaseMax, weight);
                }
            }
        }
    }

    fn ease_rows(&self, scratch: &mut FeatureScratch, rows: &mut [Row]) {
        let snapshot = self.snapshot;
        scratch.ease_rows.clear();
        let row_of = |&item: &u32| snapshot.ease_row_idx(item).unwrap_or(NONE);
        scratch.ease_rows.extend(self.recalled.items().iter().map(row_of));
        for &anchor in self.query.context {
            let Some(anchor_row) = snapshot.ease_row_idx(anchor) else { continue };
            let Some(weights) = snapshot.ease_row(anchor) else { continue };
            let recent = self.tables.ease_row(snapshot.container(), anchor_row, weights.len());
            for (row, &column) in rows.iter_mut().zip(&scratch.ease_rows) {
                if column != NONE {
                    let weight = weights[column as usize];
                    *at(row, Feature::Ease) += weight;
                    raise(row, Feature::EaseMax, weight);
                    let recent = recent.get(column as usize).copied().unwrap_or(0.0);
                    *at(row, Feature::Recent) += recent;
                    raise(row, Feature::RecentMax, recent);
                }
            }
        }
    }

    fn pairs(&self, rows: &mut [Row]) {
        let per_mille = 1_000.0 / self.tables.n_baskets().max(1) as f32;
        let share = 1.0 / self.query.context.len().max(1) as f32;
        for &anchor in self.query.context {
            let (items, stats) = self.snapshot.pairs(anchor);
            for (&item, stats) in items.iter().zip(stats) {
                let Some(row) = self.recalled.slot(item).map(|slot| &mut rows[slot]) else {
                    continue;
                };
                let (best, value) = (row[Feature::Jaccard as usize], stats.jaccard);
                raise(row, Feature::JaccardSecond, value.min(best));
                raise(row, Feature::Jaccard, value);
                *at(row, Feature::JaccardSum) += value;
                raise(row, Feature::Wilson, stats.wilson_low);
                raise(row, Feature::Lift, stats.lift);
                raise(row, Feature::G2, stats.g2 * per_mille);
                raise(row, Feature::Probability, stats.probability);
                raise(row, Feature::BothMax, stats.n_both as f32 * per_mille);
                *at(row, Feature::PairShare) += share;
                *at(row, Feature::SignificantShare) += share * stats.is_significant as f32;
                raise(row, Feature::After, share_after(stats));
            }
        }
    }

    fn neighbors(&self, rows: &mut [Row]) {
        for &anchor in self.query.context {
            let (items, weights) = self.snapshot.neighbors(anchor);
            for (&item, &weight) in items.iter().zip(weights) {
                if let Some(slot) = self.recalled.slot(item) {
                    *at(&mut rows[slot], Feature::Neighbor) += weight;
                    raise(&mut rows[slot], Feature::NeighborMax, weight);
                }
            }
        }
    }

    /// What the customer bought: its likeness to the candidates, and the candidates among it.
    fn history(&self, rows: &mut [Row]) {
        for &(item, _) in self.query.history.iter().take(MAX_HISTORY_PAIRS) {
            let (others, stats) = self.snapshot.pairs(item);
            for (&other, stats) in others.iter().zip(stats) {
                if let Some(slot) = self.recalled.slot(other) {
                    raise(&mut rows[slot], Feature::HistoryJaccard, stats.jaccard);
                    raise(&mut rows[slot], Feature::HistoryAfter, share_after(stats));
                }
            }
        }
        for &(item, weight) in self.query.history {
            if let Some(slot) = self.recalled.slot(item) {
                *at(&mut rows[slot], Feature::Weight) += weight;
            }
        }
        let c = self.snapshot.container();
        let customer = self.query.customer.map(|customer| self.tables.customer(c, customer));
        for row in rows.iter_mut() {
            *at(row, Feature::BoughtAge) = f32::NAN;
            *at(row, Feature::BoughtAgeGap) = f32::NAN;
            let facts = customer.unwrap_or_default();
            let known = |value: f32| if facts.n_baskets > 0.0 { value } else { f32::NAN };
            *at(row, Feature::CustomerBaskets) = known(facts.n_baskets);
            *at(row, Feature::CustomerLastAge) = known(facts.last_age_days);
            *at(row, Feature::CustomerGap) = known(facts.gap_days);
        }
        let (Some(id), Some(facts)) = (self.query.customer, customer) else { return };
        let (items, purchases) = self.tables.purchases(c, id);
        for (&item, &[count, age_days]) in items.iter().zip(purchases) {
            let Some(slot) = self.recalled.slot(item) else { continue };
            let row = &mut rows[slot];
            *at(row, Feature::Count) = count;
            *at(row, Feature::CountShare) = count / facts.n_baskets.max(1.0);
            *at(row, Feature::BoughtAge) = age_days;
            *at(row, Feature::BoughtAgeGap) = age_days / facts.gap_days.max(1.0);
        }
    }

    /// What is known of the candidates themselves, and of them beside the cart.
    fn items(&self, scratch: &mut FeatureScratch, rows: &mut [Row]) {
        let snapshot = self.snapshot;
        let c = snapshot.container();
        let (price_cart, price_habit) =
            (self.mean_ln_price(self.query.context), self.mean_ln_price_of_history());
        let context = self.query.context;
        let share = 1.0 / context.len().max(1) as f32;
        scratch.anchor_ages.clear();
        let age_of = |&anchor: &u32| self.tables.item(c, anchor).first_age_days;
        scratch.anchor_ages.extend(context.iter().map(age_of));
        for (slot, (&item, row)) in self.recalled.items().iter().zip(rows).enumerate() {
            let facts = self.tables.item(c, item);
            let (n_baskets, trend) = (snapshot.n_item_baskets(item) as f32, snapshot.trend(item));
            *at(row, Feature::Blend) = self.recalled.blend(slot);
            *at(row, Feature::BlendRank) = self.recalled.blend_rank(slot);
            *at(row, Feature::Knn) = self.recalled.knn(slot);
            *at(row, Feature::Taste) = self.recalled.taste(slot);
            let trend = trend / self.tables.trend_sum() * 1_000.0;
            let n_baskets = n_baskets.max(1.0) / self.tables.n_baskets().max(1) as f32 * 1_000.0;
            *at(row, Feature::Baskets) = n_baskets;
            *at(row, Feature::Trend) = trend;
            *at(row, Feature::TrendRatio) = trend / n_baskets;
            *at(row, Feature::FirstAge) = facts.first_age_days.min(MAX_FIRST_AGE_DAYS);
            *at(row, Feature::FirstAgeGap) = f32::NAN;
            *at(row, Feature::LastAge) = facts.last_age_days;
            *at(row, Feature::BasketLn) = facts.basket_ln;
            *at(row, Feature::RepeatShare) = facts.repeat_share;
            let category = snapshot.category_of(item);
            let mut nearest: Option<u64> = None;
            for (&anchor, age_days) in context.iter().zip(&scratch.anchor_ages) {
                let apart = (age_days - facts.first_age_days).abs();
                // `min` takes the number where the other is NaN.
                *at(row, Feature::FirstAgeGap) = row[Feature::FirstAgeGap as usize].min(apart);
                if let Some(distance) = self.tables.code_distance(anchor, item) {
                    nearest = Some(nearest.map_or(distance, |nearest| nearest.min(distance)));
                    *at(row, Feature::CodeNear) += f32::from(u8::from(distance <= NEAR_CODE));
                }
                if category.is_some() && snapshot.category_of(anchor) == category {
                    *at(row, Feature::CategoryShare) += share;
                }
            }
            *at(row, Feature::CodeDistance) = nearest.map_or(f32::NAN, |d| d as f32);
            let price = self.ln_price(item);
            *at(row, Feature::PriceRatio) = price - price_cart;
            *at(row, Feature::PriceHabit) = price - price_habit;
        }
    }

    /// What sells to customers like this one; not known of guests, nor where there are no segments.
    fn segment(&self, scratch: &mut FeatureScratch, rows: &mut [Row]) {
        let segments = self.snapshot.segments();
        let segment = self.query.customer.and_then(|customer| segments.of_customer(customer));
        for (&item, row) in self.recalled.items().iter().zip(&mut *rows) {
            let ratio = segment.map_or(f32::NAN, |segment| segments.ratio(segment, item));
            *at(row, Feature::SegmentRatio) = ratio;
            *at(row, Feature::SegmentTrend) = ratio * row[Feature::Trend as usize];
            *at(row, Feature::SegmentTrendRank) = f32::NAN;
        }
        if segment.is_some() {
            let (of, to) = (Feature::SegmentTrend, Feature::SegmentTrendRank);
            rank(rows, of, to, &scratch.kinds, &mut scratch.order);
        }
    }

    fn of_query(&self, rows: &mut [Row]) {
        let query = self.query;
        let n_context = query.context.len() as f32;
        let was_bought = |item: &&u32| self.recalled.was_bought(**item);
        let n_bought = query.context.iter().filter(was_bought).count() as f32;
        let bought_share = match query.history.is_empty() {
            true => f32::NAN,
            false => n_bought / n_context.max(1.0),
        };
        for row in rows {
            *at(row, Feature::Context) = n_context;
            *at(row, Feature::History) = query.history.len() as f32;
            *at(row, Feature::BoughtShare) = bought_share;
        }
    }

    fn ln_price(&self, item: u32) -> f32 {
        match self.snapshot.price(item) {
            Some(price) if price.0 > 0 => (price.0 as f32).ln(),
            _ => f32::NAN,
        }
    }

    fn mean_ln_price(&self, items: &[u32]) -> f32 {
        mean(items.iter().map(|&item| self.ln_price(item)))
    }

    fn mean_ln_price_of_history(&self) -> f32 {
        let history = self.query.history.iter().take(MAX_HISTORY_PAIRS);
        mean(history.map(|&(item, _)| self.ln_price(item)))
    }
}

/// Mean of the numbers among them; NaN of none.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let known = values.filter(|value| !value.is_nan());
    let (n, sum) = known.fold((0.0, 0.0), |(n, sum), value| (n + 1.0, sum + value));
    sum / n
}

/// Customers who bought the item after the anchor, of those who bought them apart; shrunk to half.
fn share_after(stats: &snapshot::tables::PairStats) -> f32 {
    (stats.n_after as f32 + 1.0) / ((stats.n_after + stats.n_before) as f32 + 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(values: &[f32], kinds: &[bool]) -> Vec<f32> {
        let mut rows = vec![[0.0; N_FEATURES]; values.len()];
        let pairs = rows.iter_mut().zip(values);
        pairs.for_each(|(row, value)| row[Feature::Ease as usize] = *value);
        rank(&mut rows, Feature::Ease, Feature::EaseRank, kinds, &mut Vec::new());
        rows.iter().map(|row| row[Feature::EaseRank as usize]).collect()
    }

    #[test]
    fn ranks_are_shared_by_equals_and_nan_stands_last() {
        let found = ranked(&[0.5, -1.0, f32::NAN, 7.0, 0.5, 0.0, -0.0, -2.0], &[false; 8]);
        assert_eq!(found, [1.0, 5.0, 7.0, 0.0, 1.0, 3.0, 3.0, 6.0]);
        assert!(ranked(&[2.0, 2.0], &[false; 2]).iter().all(|rank| rank.is_nan()));
        assert_eq!(ranked(&[], &[]), Vec::<f32>::new());
    }

    #[test]
    fn ranks_are_among_their_own_kind() {
        let values = [5.0, 9.0, 4.0, 8.0, 3.0];
        let kinds = [false, true, false, true, false];
        assert_eq!(ranked(&values, &kinds), [0.0, 0.0, 1.0, 1.0, 2.0]);
    }
}
