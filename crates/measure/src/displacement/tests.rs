use super::*;
use crate::sequence::Sequence;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BOTH: Origins = Origins { offers: 0, elsewhere: 1 };
/// Of what is bought from an offer, so much would have been bought elsewhere.
const SUBSTITUTED: f64 = 0.4;
const FROM_OFFERS: f64 = 0.2 * 10.0;

fn how() -> Comparison {
    Comparison {
        metric: Metric::Mean { column: 0 },
        covariate: Some(2),
        treated_share: Some(0.5),
        is_alike: false,
        sequence: Sequence::tightest_at(4_000, 0.05),
    }
}

/// From offers, from elsewhere, before. One in five of the treated buys from an offer, and
/// two fifths of that stand in for a purchase elsewhere.
fn shop(seed: u64) -> [Moments<3>; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut arms = [Moments::default(), Moments::default()];
    for (at, arm) in arms.iter_mut().enumerate() {
        for _ in 0..2_000 {
            let habit = f64::from(rng.next_u32() % 100) / 10.0;
            let elsewhere = habit + f64::from(rng.next_u32() % 200) / 10.0;
            let responds = at == 0 && rng.next_u32().is_multiple_of(5);
            let offer = if responds { f64::from(rng.next_u32() % 201) / 10.0 } else { 0.0 };
            arm.push(&[offer, elsewhere - SUBSTITUTED * offer, habit]);
        }
    }
    arms
}

#[test]
fn the_parts_add_up_and_cover_the_truth() {
    let (mut displaced, mut total, mut share) = (0, 0, 0);
    let (mut share_told, mut share_squares) = (0.0, 0.0);
    for seed in 0..400 {
        let [treated, control] = shop(seed);
        let found = split(&treated, &control, BOTH, &how()).expect("enough customers");
        let (o, e) = (found.offers.difference, found.elsewhere.difference);
        assert!((found.total.difference.value - o.value - e.value).abs() < 1e-9);
        let covariance = found.correlation * o.standard_error * e.standard_error;
        let variance = o.standard_error.powi(2) + e.standard_error.powi(2) + 2.0 * covariance;
        let told = found.total.difference.standard_error;
        assert!((told - variance.sqrt()).abs() < 1e-9, "{told} and {}", variance.sqrt());
        assert!(found.correlation < 0.0, "what comes from offers is missing elsewhere");
        let covers = |effect: &Effect, truth: f64| {
            usize::from(effect.low_fixed <= truth && truth <= effect.high_fixed)
        };
        displaced += covers(&found.displaced, SUBSTITUTED * FROM_OFFERS);
        total += covers(&found.total.difference, (1.0 - SUBSTITUTED) * FROM_OFFERS);
        let part = found.share.expect("offers are clearly bought");
        share += covers(&part, SUBSTITUTED);
        share_told += part.standard_error / 400.0;
        share_squares += (part.value - SUBSTITUTED).powi(2) / 400.0;
    }
    // The spread of a standard deviation over 400 runs is 3.5 %.
    let ratio = share_told / share_squares.sqrt();
    assert!((ratio - 1.0).abs() < 0.1, "told {share_told}, {ratio} times what was seen");
    // A binomial test at 1 % lets 369 of 400 pass for 95 %.
    assert!(displaced.min(total).min(share) >= 369, "{displaced}, {total}, {share} of 400");
}

#[test]
fn without_sales_from_offers_there_is_no_answer() {
    let mut arms = [Moments::<3>::default(), Moments::default()];
    for i in 0..500 {
        arms.iter_mut().for_each(|arm| arm.push(&[0.0, f64::from(i % 7), f64::from(i % 7)]));
    }
    let [treated, control] = arms;
    assert_eq!(split(&treated, &control, BOTH, &how()), Err(NoAnswer::AllAlike));
}
