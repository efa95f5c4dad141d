use super::*;
use crate::winsor::Winsor;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Smallest number of 2,000 intervals that a binomial test at 1 % lets pass for 95 %.
const AT_LEAST_OF_2000: usize = 1_877;

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (-2.0 * uniform(rng).ln()).sqrt() * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// Revenue as shops have it: one in five buys, for a skew amount.
fn revenue(rng: &mut ChaCha8Rng) -> f64 {
    if rng.next_u32().is_multiple_of(5) { (3.0 + 0.8 * normal(rng)).exp() } else { 0.0 }
}

/// Mean of [`revenue`]: e^(3 + .8²/2)/5.
const MEAN_REVENUE: f64 = 5.532_3;

fn plain(n_planned: u64) -> Comparison {
    Comparison {
        metric: Metric::Mean { column: 0 },
        covariate: None,
        treated_share: Some(0.5),
        is_alike: true,
        sequence: Sequence::tightest_at(n_planned, 0.05),
    }
}

/// What 30 daily looks at one experiment show.
#[derive(Clone, Copy, Default)]
struct Looks {
    is_ever_left_out: bool,
    /// By a plain z-test, which knows no minimum and looks from the first day on.
    is_ever_left_out_plain: bool,
    at_end: Option<Effect>,
}

const DAYS: u64 = 30;
const A_DAY: u64 = 100;

/// An experiment of 100 customers a day and arm; treated earn `gain` more.
fn experiment(seed: u64, gain: f64) -> Looks {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let how = plain(2 * A_DAY * DAYS);
    let mut arms = [Moments::<1>::default(), Moments::default()];
    let mut looks = Looks::default();
    for day in 1..=DAYS {
        for _ in 0..A_DAY {
            arms[0].push(&[revenue(&mut rng) + gain]);
            arms[1].push(&[revenue(&mut rng)]);
        }
        let variance: f64 = arms.iter().map(|a| a.covariance(0, 0) / a.n() as f64).sum();
        let z = (arms[0].mean(0) - arms[1].mean(0) - gain) / variance.sqrt();
        looks.is_ever_left_out_plain |= z.abs() > 1.959_964;
        let Ok(lift) = compare(&arms[0], &arms[1], &how) else { continue };
        looks.is_ever_left_out |= gain < lift.difference.low || lift.difference.high < gain;
        looks.at_end = (day == DAYS).then_some(lift.difference);
    }
    looks
}

#[test]
fn peeking_daily_raises_false_alarms_of_the_z_test_and_not_of_the_sequence() {
    let looks: Vec<Looks> = (0..4_000_u64).into_par_iter().map(|s| experiment(s, 0.0)).collect();
    let share = |of: &dyn Fn(&Looks) -> bool| {
        looks.iter().filter(|looks| of(looks)).count() as f64 / 4_000.0
    };
    let (always, plain) = (share(&|l| l.is_ever_left_out), share(&|l| l.is_ever_left_out_plain));
    println!("false alarms over 30 looks: sequence {always:.4}, z-test {plain:.4}");
    assert!(always <= 0.05, "{always}");
    assert!((0.27..0.31).contains(&plain), "{plain}");
}

#[test]
fn effects_are_covered_and_intervals_no_wider_than_1_6() {
    let looks: Vec<Looks> =
        (10_000..12_000_u64).into_par_iter().map(|s| experiment(s, 1.0)).collect();
    let always = looks.iter().filter(|looks| !looks.is_ever_left_out).count();
    let ends: Vec<Effect> = looks.iter().filter_map(|looks| looks.at_end).collect();
    assert!(ends.len() > 1_990, "{} of 2,000 have an answer at the end", ends.len());
    let fixed = ends.iter().filter(|e| e.low_fixed <= 1.0 && 1.0 <= e.high_fixed).count();
    println!(
        "covered of 2,000: at every look {always}; fixed at the end {fixed} of {}",
        ends.len()
    );
    assert!(always >= AT_LEAST_OF_2000 && fixed >= AT_LEAST_OF_2000, "{always}, {fixed}");
    for end in ends {
        let ratio = (end.high - end.low) / (end.high_fixed - end.low_fixed);
        assert!(ratio <= 1.6, "{ratio}");
    }
}

/// The default: 5 % held out, 50 of the 1,000 customers of a day. With looks before 200 are in, the
/// few buyers of the first days make it 4.0 % in place of 3.1 %.
#[test]
fn a_small_holdout_raises_no_more_false_alarms() {
    let n_alarms: usize = (20_000..22_000_u64)
        .into_par_iter()
        .map(|seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let how = Comparison { treated_share: Some(0.95), ..plain(1_000 * DAYS) };
            let mut arms = [Moments::<1>::default(), Moments::default()];
            let is_alarm = |arms: &[Moments<1>; 2]| {
                compare(&arms[0], &arms[1], &how).is_ok_and(|lift| lift.difference.is_clear())
            };
            let looks = (0..DAYS).map(|_| {
                (0..950).for_each(|_| arms[0].push(&[revenue(&mut rng)]));
                (0..50).for_each(|_| arms[1].push(&[revenue(&mut rng)]));
                usize::from(is_alarm(&arms))
            });
            looks.max().unwrap_or(0)
        })
        .sum();
    println!("false alarms of a 5 % holdout: {n_alarms} of 2,000");
    assert!(n_alarms <= 100, "{n_alarms} of 2,000");
}

/// Outcome and pre-period with correlation r, 2,000 customers an arm; `gain` for the treated.
fn correlated(seed: u64, r: f64, gain: f64) -> [Moments<2>; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut arms = [Moments::default(), Moments::default()];
    for (arm, gain) in arms.iter_mut().zip([gain, 0.0]) {
        for _ in 0..2_000 {
            let before = normal(&mut rng);
            let noise = normal(&mut rng) * (1.0 - r * r).sqrt();
            arm.push(&[10.0 + r * before + noise + gain, 20.0 + 3.0 * before]);
        }
    }
    arms
}

#[test]
fn cuped_takes_away_r_squared_of_the_variance() {
    let r = 0.8;
    let how = Comparison { covariate: Some(1), ..plain(4_000) };
    let (mut plain_square, mut cuped_square, mut removed) = (0.0, 0.0, 0.0);
    for seed in 0..1_000 {
        let [treated, control] = correlated(seed, r, 0.5);
        let without = compare(&treated, &control, &plain(4_000)).expect("enough");
        let with = compare(&treated, &control, &how).expect("enough");
        plain_square += (without.difference.value - 0.5).powi(2) / 1_000.0;
        cuped_square += (with.difference.value - 0.5).powi(2) / 1_000.0;
        removed += with.variance_removed / 1_000.0;
        let told = with.difference.standard_error / without.difference.standard_error;
        assert!((told * told - (1.0 - with.variance_removed)).abs() < 1e-9);
        assert_eq!(without.variance_removed, 0.0);
    }
    assert!((removed - r * r).abs() < 0.005, "told: {removed}");
    // The spread of a variance over 1,000 experiments is 4.5 %.
    let seen = cuped_square / plain_square;
    assert!((seen - (1.0 - r * r)).abs() < 0.15 * (1.0 - r * r), "seen: {seen}");
}

#[test]
fn a_relative_lift_is_that_of_arms_with_the_same_past() {
    let how = Comparison { covariate: Some(1), ..plain(4_000) };
    let mut covered = 0;
    for seed in 0..500 {
        let [treated, control] = correlated(seed, 0.8, 0.5);
        let lift = compare(&treated, &control, &how).expect("enough");
        let relative = lift.relative.expect("control is well above 0");
        covered += usize::from(relative.low_fixed <= 0.05 && 0.05 <= relative.high_fixed);
    }
    assert!(covered >= 463, "{covered} of 500");
}

/// Orders of a customer differ in number, and who orders often spends less each time.
fn baskets(seed: u64) -> Moments<2> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = Moments::default();
    for _ in 0..1_000 {
        let n_orders = rng.next_u32() % 4;
        let each = 50.0 - 8.0 * f64::from(n_orders) + 5.0 * normal(&mut rng);
        sums.push(&[each * f64::from(n_orders), f64::from(n_orders)]);
    }
    sums
}

#[test]
fn a_ratio_has_the_standard_error_that_repetition_shows() {
    let how = Comparison { metric: Metric::Ratio { numerator: 0, denominator: 1 }, ..plain(2_000) };
    let (mut squares, mut told) = (0.0, 0.0);
    for seed in 0..1_000 {
        let lift = compare(&baskets(2 * seed), &baskets(2 * seed + 1), &how).expect("enough");
        squares += lift.difference.value.powi(2) / 1_000.0;
        told += lift.difference.standard_error / 1_000.0;
    }
    let seen = squares.sqrt();
    assert!((told / seen - 1.0).abs() < 0.07, "told {told}, seen {seen}");
}

fn arm_of(values: impl IntoIterator<Item = f64>) -> Moments<1> {
    let mut sums = Moments::default();
    values.into_iter().for_each(|value| sums.push(&[value]));
    sums
}

fn some(n: u32) -> Moments<1> {
    arm_of((0..n).map(|i| f64::from(i % 10)))
}

fn refusal(treated: &Moments<1>, control: &Moments<1>) -> NoAnswer {
    compare(treated, control, &plain(2_000)).expect_err("there is no answer")
}

#[test]
fn without_customers_time_or_purchases_there_is_no_answer() {
    let nobody = Moments::default();
    assert_eq!(refusal(&nobody, &nobody), NoAnswer::TooFew { treated: 0, control: 0 });
    let one = arm_of([12.0]);
    assert_eq!(refusal(&some(900), &one), NoAnswer::TooFew { treated: 900, control: 1 });
    let no_purchase = arm_of([0.0; 500]);
    assert_eq!(refusal(&no_purchase, &no_purchase), NoAnswer::AllAlike);
    let mut no_orders = Moments::<2>::default();
    (0..300).for_each(|_| no_orders.push(&[0.0, 0.0]));
    let how = Comparison { metric: Metric::Ratio { numerator: 0, denominator: 1 }, ..plain(200) };
    assert_eq!(compare(&no_orders, &no_orders, &how), Err(NoAnswer::NoDenominator));
    assert!(NoAnswer::AllAlike.to_string().contains("no customer differs"));
}

#[test]
fn one_customer_with_half_of_the_revenue_is_an_answer_only_when_capped() {
    let others = || (0..999).map(|i| f64::from(i % 10));
    let half: f64 = others().sum();
    let treated = arm_of(others().chain([half]));
    let NoAnswer::OneCustomer { share } = refusal(&treated, &some(1_000)) else {
        panic!("one customer outweighs all others");
    };
    assert!(share > 0.99, "{share}");
    let before: Vec<f64> = others().collect();
    let winsor = Winsor::of_buyers(&before, 0.01).expect("buyers");
    let capped = arm_of(others().chain([half]).map(|value| winsor.apply(value)));
    let lift = compare(&capped, &some(1_000), &plain(2_000)).expect("capped, it is an answer");
    assert!(!lift.difference.is_clear(), "{lift:?}");
}

#[test]
fn refunds_above_the_sale_count_as_they_are() {
    let treated = arm_of((0..1_000).map(|i| if i % 3 == 0 { -9.0 } else { 3.0 }));
    let control = arm_of((0..1_000).map(|i| if i % 3 == 0 { -30.0 } else { 3.0 }));
    let lift = compare(&treated, &control, &plain(2_000)).expect("an answer");
    assert!(lift.control < 0.0 && lift.difference.low > 0.0, "{lift:?}");
    assert_eq!(lift.relative, None, "a share of a loss says nothing");
}

#[test]
fn arms_that_lost_customers_are_not_compared() {
    let NoAnswer::SampleRatio(ratio) = refusal(&some(1_000), &some(600)) else {
        panic!("1,000 and 600 are not halves");
    };
    assert!(ratio.p_always < 1e-9);
    let unchecked = Comparison { treated_share: None, ..plain(2_000) };
    assert!(compare(&some(1_000), &some(600), &unchecked).is_ok());
}

#[test]
fn the_mean_revenue_of_the_simulation_is_what_it_says() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mean = (0..400_000).map(|_| revenue(&mut rng)).sum::<f64>() / 400_000.0;
    assert!((mean - MEAN_REVENUE).abs() < 0.08, "{mean}");
}

/// Few of a small holdout buy, and some of those for a fortune: e^(4 + 1.3²/2) a buyer.
#[test]
fn a_small_holdout_borrows_the_spread_of_the_arm_that_has_seen_the_tail() {
    let n_covered = |is_alike: bool| {
        let covers = |seed: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut arm = |n: u32| {
                arm_of((0..n).map(|_| {
                    let buys = rng.next_u32().is_multiple_of(10);
                    if buys { (4.0 + 1.3 * normal(&mut rng)).exp() } else { 0.0 }
                }))
            };
            let (treated, control) = (arm(9_500), arm(500));
            let how = Comparison { treated_share: None, is_alike, ..plain(10_000) };
            let lift = compare(&treated, &control, &how).map(|lift| lift.difference);
            // A customer who outweighs the arm is told as such: no interval, none that is wrong.
            lift.map_or(true, |e| e.low_fixed <= 0.0 && 0.0 <= e.high_fixed)
        };
        (0..400_u64).into_par_iter().filter(|&seed| covers(seed)).count()
    };
    let (borrowed, own) = (n_covered(true), n_covered(false));
    println!("covered of 400: {borrowed}, with the holdout's own spread {own}");
    // 95 % of 400 less 2.33 standard errors.
    assert!(borrowed >= 370 && own < borrowed, "{borrowed}, {own}");
}

/// Returns over sales: 3 of 10 in both arms is no excess, whatever is sold; returns in one arm
/// alone are one, where a relative difference says nothing.
#[test]
fn an_excess_is_seen_over_a_control_that_has_nothing() {
    let arm = |sold: f64, returned: &dyn Fn(u32) -> f64| {
        let mut sums = Moments::<2>::default();
        (0..2_000).for_each(|i| sums.push(&[returned(i), sold + f64::from(i % 7)]));
        sums
    };
    let how = Comparison {
        metric: Metric::Ratio { numerator: 0, denominator: 1 },
        covariate: None,
        treated_share: None,
        is_alike: true,
        sequence: Sequence::tightest_at(4_000, 0.05),
    };
    let third = |i: u32| if i % 10 < 3 { 13.0 } else { 0.0 };
    let control = arm(10.0, &third);
    let more_sold = arm(20.0, &|i| third(i) * 23.0 / 13.0);
    let same = excess(&more_sold, &control, &how, 1.2).unwrap();
    assert!((same.value + 0.2 * 0.3).abs() < 0.001 && same.high < 0.02, "{same:?}");
    let (none, some) = (arm(10.0, &|_| 0.0), arm(10.0, &|i| f64::from(u8::from(i % 10 == 0))));
    let only = excess(&some, &none, &how, 1.2).unwrap();
    assert!(only.low > 0.0, "{only:?}");
    assert_eq!(compare(&some, &none, &how).unwrap().relative, None);
    // V = V_t + 1.44 V_c, by hand from the arms' own intervals.
    let own = |arm: &Moments<2>| excess(arm, arm, &how, 0.0).unwrap().standard_error.powi(2);
    let expected = (own(&more_sold) + 1.44 * own(&control)).sqrt();
    assert!((same.standard_error - expected).abs() < 1e-12);
}
