use super::*;
use events::Timestamp;
use history::{Baskets, ItemEntry};

/// A fixed walk of numbers below a limit.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % limit
    }
}

const N_ITEMS: u32 = 20;

/// Each customer buys `n` items, one a basket; `own` tells of 10 how many are of the half of the
/// catalogue that belongs to the segment.
fn shop(n_customers: u32, n: usize, own: u64) -> HistoryView {
    let mut chance = Chance(7);
    let mut baskets: Vec<(u32, u32)> = Vec::new();
    for customer in 0..n_customers {
        for _ in 0..n {
            let is_own = chance.below(10) < own;
            let half = (customer + u32::from(!is_own)) % 2;
            baskets.push((customer, 2 * chance.below(u64::from(N_ITEMS / 2)) as u32 + half));
        }
    }
    let names = ["even", "odd"];
    let of = (0..n_customers).map(|customer| (customer, names[customer as usize % 2]));
    HistoryView {
        items: vec![ItemEntry::default(); N_ITEMS as usize],
        baskets: Baskets {
            items: baskets.iter().map(|&(_, item)| [item]).collect(),
            at: vec![Timestamp(0); baskets.len()],
            customers: baskets.iter().map(|&(customer, _)| customer).collect(),
        },
        n_customers,
        segments: CustomerSegments::of(of),
        ..HistoryView::default()
    }
}

fn learned(view: &HistoryView) -> LearnedSegments {
    let trend: Vec<f32> = (0..N_ITEMS)
        .map(|item| {
            view.baskets.items.indices.iter().filter(|&&other| other == item).count() as f32
        })
        .collect();
    learn(view, &vec![1.0; view.baskets.len()], &trend)
}

#[test]
fn each_segment_has_its_own_best_sellers() {
    let found = learned(&shop(200, 3, 9));
    let tables = &found.tables;
    assert_eq!(tables.names, ["even".into(), "odd".into()]);
    for segment in 0..2_u32 {
        let list = tables.popular.view().row(segment as usize);
        assert_eq!(list.len(), N_ITEMS as usize);
        assert!(list[..8].iter().all(|item| item % 2 == segment), "{segment}: {list:?}");
        let trends = &tables.popular_trends[tables.popular.view().range(segment as usize)];
        assert!(trends.is_sorted_by(|a, b| a >= b));
    }
    assert!(found.note.as_deref().is_some_and(|note| note.starts_with("2 segments, drawn to all")));
}

/// κ of many runs by chance alone is large or none: what is told is nearly what sells to all.
#[test]
fn segments_that_buy_alike_stay_near_all() {
    let mut n_none = 0;
    for n_customers in (200..240).step_by(2) {
        let found = learned(&shop(n_customers, 3, 5));
        if found.tables.names.is_empty() {
            assert!(found.note.unwrap().contains("buy alike"));
            n_none += 1;
            continue;
        }
        let far = found.tables.ratio_values.iter().map(|ratio| (ratio - 1.0).abs());
        let mean = far.clone().sum::<f32>() / far.count() as f32;
        assert!(mean < 0.1, "{n_customers}: {mean}");
    }
    assert!(n_none >= 5, "{n_none} of 20");
}

/// Who buys one thing every week has a habit, and says nothing of others: counted by basket, chance
/// alone would look like a taste of the segment.
#[test]
fn a_customer_counts_once_an_item() {
    let once = shop(100, 2, 5);
    let mut weekly = once.clone();
    let rows: Vec<Vec<u32>> = once.baskets.items.view().rows().map(<[u32]>::to_vec).collect();
    weekly.baskets.items = (0..10).flat_map(|_| rows.clone()).collect();
    weekly.baskets.at = once.baskets.at.repeat(10);
    weekly.baskets.customers = once.baskets.customers.repeat(10);
    let strength = |view: &HistoryView| {
        let weights = vec![1.0; view.baskets.len()];
        let purchases = purchases_of(view, &kept(view), &weights);
        Counts::of(&purchases, 2, N_ITEMS as usize).prior_strength()
    };
    assert_eq!(strength(&weekly), strength(&once));
}

/// Worked by hand: segment a buys item 0 three times and item 1 once, b the other way round.
#[test]
fn counts_and_ratios_are_those_worked_by_hand() {
    let purchases = [(0, 0, 3.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 3.0)];
    // Twelve purchases of weight 1 would have squares of 4 a segment.
    let mut counts = Counts::of(&purchases, 2, 3);
    counts.sums = vec![(4.0, 4.0), (4.0, 4.0)];
    assert_eq!(counts.shares, [0.5, 0.5, 0.0]);
    // T = 2 · (1 + 1) / 4 = 1, D = .5, c = .5, r = 1: ρ = (2 − 1) / (.5 · 3 · 2) = 1/3, κ = 2.
    let kappa = counts.prior_strength().unwrap();
    assert!((kappa - 2.0).abs() < 1e-9, "{kappa}");
    let segments = CustomerSegments { names: vec!["a".into(), "b".into()], of_customer: vec![] };
    let tables = tables_of(segments, &counts, kappa, &[10.0, 8.0, 1.0]);
    // (3/.5 + 2) / 6, (1/.5 + 2) / 6; what nobody bought: 2 / 6.
    let expected = [8.0 / 6.0, 4.0 / 6.0, 4.0 / 6.0, 8.0 / 6.0];
    for (found, expected) in tables.ratio_values.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{:?}", tables.ratio_values);
    }
    assert!((tables.base_ratios[0] - 2.0 / 6.0).abs() < 1e-6);
    assert_eq!(tables.popular.view().row(0), [0, 1, 2]);
    assert_eq!(tables.popular.view().row(1), [1, 0, 2]);
}

#[test]
fn small_segments_and_single_ones_are_none() {
    let mut view = shop(60, 2, 9);
    let of = (0..60_u32).map(|customer| (customer, if customer < 10 { "few" } else { "many" }));
    view.segments = CustomerSegments::of(of);
    assert_eq!(learned(&view), LearnedSegments::default());
    view.segments = CustomerSegments::of((0..60).map(|customer| (customer, "all")));
    assert_eq!(learned(&view), LearnedSegments::default());
    view.segments = CustomerSegments::default();
    assert_eq!(learned(&view), LearnedSegments::default());
}

#[test]
fn an_attribute_of_many_values_keeps_the_largest() {
    let n_customers = 40 * 25;
    let mut view = shop(n_customers, 1, 9);
    let names: Vec<String> = (0..40).map(|name| format!("s{name}")).collect();
    let of = (0..n_customers).map(|customer| (customer, &*names[customer as usize % 40]));
    view.segments = CustomerSegments::of(of);
    assert_eq!(kept(&view).names.len(), MAX_SEGMENTS);
}
