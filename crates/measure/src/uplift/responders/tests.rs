use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws in [0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

/// Customers with 1 to 8 orders in the days before. `effect` says what offers add by their number.
fn customers(n: usize, seed: u64, share: f64, effect: impl Fn(f64) -> f64) -> Vec<Watched> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let one = |_| {
        let orders = 1.0 + (8.0 * uniform(&mut rng)).floor();
        let revenue = orders * (10.0 + 20.0 * uniform(&mut rng));
        let days_since_order = 90.0 * uniform(&mut rng);
        let is_treated = uniform(&mut rng) < share;
        let noise = 40.0 * (uniform(&mut rng) - 0.5);
        let added = if is_treated { effect(orders) } else { 0.0 };
        let known = Known { orders, revenue, pieces: 2.0 * orders, days_since_order };
        let revenue = 30.0 + 4.0 * orders + noise + added;
        Watched { known, is_treated, share_treated: share, revenue }
    };
    (0..n).map(one).collect()
}

/// Seldom guests are moved, regulars are put off.
fn planted(orders: f64) -> f64 {
    12.0 - 4.0 * orders
}

#[test]
fn planted_groups_are_found_and_the_effect_is_of_the_right_size() {
    let found = learn(&customers(12_000, 1, 0.5, planted)).expect("a clear ranking");
    let of = |orders: f64| {
        found.uplift(&Known {
            orders,
            revenue: 20.0 * orders,
            pieces: 2.0 * orders,
            days_since_order: 45.0,
        })
    };
    // The truth at 1 is 8, at 8 it is −20; a line over logarithms cannot meet every point.
    assert!((3.0..14.0).contains(&of(1.0)), "{}", of(1.0));
    assert!((-24.0..-12.0).contains(&of(8.0)), "{}", of(8.0));
    let evidence = found.evidence;
    assert!(evidence.qini.low > 0.0 && evidence.uplift_at.low > 0.0, "{evidence:?}");
    let left_out = evidence.left_out.expect("watched");
    assert!(left_out.high < 0.0 && evidence.rest.expect("watched").low > 0.0, "{evidence:?}");
    assert_eq!(evidence.n_treated + evidence.n_control, 12_000);
}

#[test]
fn a_holdout_of_a_tenth_finds_them_too() {
    let found = learn(&customers(20_000, 2, 0.9, planted)).expect("a clear ranking");
    let of = |orders| {
        found.uplift(&Known {
            orders,
            revenue: 20.0 * orders,
            pieces: 2.0 * orders,
            days_since_order: 45.0,
        })
    };
    assert!(of(1.0) > 0.0 && of(8.0) < 0.0, "{} {}", of(1.0), of(8.0));
}

/// One and the same effect for all, or none: the ranking is one by chance. Of 200 such trials an
/// interval of 95 % lies above 0 in five.
#[test]
fn where_all_respond_alike_nothing_is_told() {
    let told = |effect: f64| {
        let is_told = |seed: &u64| learn(&customers(1_000, 100 + seed, 0.5, |_| effect)).is_ok();
        (0..200).filter(is_told).count()
    };
    for effect in [0.0, 5.0] {
        let n = told(effect);
        assert!(n <= 12, "{n} of 200 told at {effect}; 12 pass a binomial test at 1 %");
    }
}

#[test]
fn who_is_moved_all_the_same_is_not_left_out() {
    // All gain, and the many who gain least seem to lose only where the line bends: the group that
    // would be left out is checked by what it did.
    let study = |moved: f64| {
        let all = customers(4_000, 3, 0.5, |orders| if orders > 4.0 { moved } else { 20.0 });
        let revenues: Vec<f64> = all.iter().map(|one| one.revenue).collect();
        let cap = Winsor::of_buyers(&revenues, TAIL).expect("buyers");
        let study = Study::of(&all, &cap);
        let believed: Vec<f64> =
            all.iter().map(|one| if one.known.orders > 4.0 { -1.0 } else { 1.0 }).collect();
        study.evidence(&believed)
    };
    assert!(matches!(study(6.0), Err(NotTold::LeftOutAreMoved(_))), "{:?}", study(6.0));
    assert!(study(-1.0).is_ok(), "{:?}", study(-1.0));
}

#[test]
fn too_little_is_said_to_be_too_little() {
    assert_eq!(learn(&[]), Err(NotTold::TooFew));
    assert_eq!(learn(&customers(3_000, 4, 0.99, planted)), Err(NotTold::TooFew));
    let mut idle = customers(1_000, 5, 0.5, planted);
    idle.iter_mut().skip(50).for_each(|one| one.revenue = 0.0);
    let refused = learn(&idle).expect_err("50 buyers");
    assert_eq!(refused, NotTold::TooFewBuyers { n_buyers: 50 });
    assert!(refused.to_string().contains("100 must have bought since, and 50 did"), "{refused}");
}

#[test]
fn one_customer_with_half_of_all_revenue_changes_little() {
    let plain = learn(&customers(8_000, 6, 0.5, planted)).expect("a clear ranking");
    let mut heavy = customers(8_000, 6, 0.5, planted);
    heavy[17].revenue = 400_000.0;
    let heavy = learn(&heavy).expect("a clear ranking");
    let known = Known { orders: 2.0, revenue: 40.0, pieces: 4.0, days_since_order: 30.0 };
    let (one, other) = (plain.uplift(&known), heavy.uplift(&known));
    assert!((one - other).abs() < 0.5, "{one} {other}");
}

/// By hand: without features that differ, τ is the plain difference of the arms.
#[test]
fn without_features_the_effect_is_the_difference_of_means() {
    let known = Known { orders: 1.0, revenue: 10.0, pieces: 1.0, days_since_order: 5.0 };
    let one = |i: usize| {
        let is_treated = i.is_multiple_of(2);
        let revenue = if is_treated { 30.0 } else { 25.0 } + (i % 4) as f64;
        Watched { known, is_treated, share_treated: 0.5, revenue }
    };
    let all: Vec<Watched> = (0..2_000).map(one).collect();
    let cap = Winsor::of_buyers(&all.iter().map(|one| one.revenue).collect::<Vec<_>>(), TAIL);
    let model = Study::of(&all, &cap.expect("buyers")).fit(&|_| true).expect("a solution");
    // Treated: 30 and 32, others 26 and 28.
    assert!((model.predict(&known) - 4.0).abs() < 0.1, "{}", model.predict(&known));
}
