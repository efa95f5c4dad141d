use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_FEATURES: usize = 8;
const LEARNERS: [Learner; 4] =
    [Learner::TLogistic, Learner::SLogistic, Learner::DrLogistic, Learner::SRelevance];

/// Four of eight features drive the outcome, one (times `slope`) the effect; one is constant.
fn world(n: usize, slope: f64, seed: u64) -> (Experiment, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = move || f64::from(rng.next_u32()) / 4_294_967_296.0;
    let (mut experiment, mut truth) = (Experiment::default(), Vec::new());
    experiment.features.n_columns = N_FEATURES;
    for _ in 0..n {
        let mut x: [f64; N_FEATURES] = std::array::from_fn(|_| 4.0 * uniform() - 2.0);
        x[7] = 3.0;
        let plain = -1.5 + 0.5 * x[0] - 0.4 * x[1] + 0.3 * x[2];
        let (with, without) = (sigmoid(plain + 0.3 + slope * x[3]), sigmoid(plain));
        let treated = uniform() < 0.4;
        experiment
            .outcome
            .push(f64::from(u8::from(uniform() < if treated { with } else { without })));
        experiment.treated.push(treated);
        experiment.features.values.extend(x);
        truth.push(with - without);
    }
    (experiment, truth)
}

fn predictions(learner: Learner, slope: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let (train, _) = world(20_000, slope, seed);
    let (test, truth) = world(2_000, slope, seed + 1_000);
    let model = fit(learner, &train).expect("enough responders");
    (test.features.iter().map(|row| model.predict(row)).collect(), truth)
}

fn squared_error(guess: &[f64], truth: &[f64]) -> f64 {
    guess.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / truth.len() as f64
}

#[test]
fn every_learner_finds_who_responds() {
    for learner in LEARNERS {
        let (guess, truth) = predictions(learner, 0.5, 1);
        let mean = truth.iter().sum::<f64>() / truth.len() as f64;
        let of_one_effect = squared_error(&vec![mean; truth.len()], &truth);
        let error = squared_error(&guess, &truth);
        // Of the variance of the effect, a straight line explains four fifths, the others more.
        assert!(error < 0.25 * of_one_effect, "{learner:?}: {error} of {of_one_effect}");
    }
}

#[test]
fn relevance_keeps_what_matters_and_drops_what_does_not() {
    let (mut plain, mut sparse) = (0.0, 0.0);
    for seed in 0..4 {
        for slope in [0.0, 0.5] {
            let (guess, truth) = predictions(Learner::TLogistic, slope, 10 * seed);
            plain += squared_error(&guess, &truth);
            let (guess, truth) = predictions(Learner::SRelevance, slope, 10 * seed);
            sparse += squared_error(&guess, &truth);
        }
    }
    assert!(sparse < 0.5 * plain, "{sparse} against {plain}");
}

#[test]
fn the_response_model_ranks_buyers_not_the_moved() {
    let (train, _) = world(20_000, 0.5, 3);
    let model = fit(Learner::Response, &train).expect("enough responders");
    let buyer = model.predict(&[2.0, -2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0]);
    let other = model.predict(&[-2.0, 2.0, -2.0, 0.0, 0.0, 0.0, 0.0, 3.0]);
    assert!(buyer > other + 0.3, "{buyer} {other}");
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let (whole, _) = world(2_000, 0.5, 4);
    for learner in LEARNERS {
        let mut silent = whole.clone();
        for (y, treated) in silent.outcome.iter_mut().zip(&silent.treated) {
            *y = if *treated { 0.0 } else { *y };
        }
        let error = fit(learner, &silent).expect_err("nobody treated responded");
        assert!(matches!(error, UpliftError::TooFewResponders { responders: 0, .. }), "{error}");
        let mut holey = whole.clone();
        holey.features.values[5] = f64::NAN;
        assert_eq!(fit(learner, &holey), Err(UpliftError::BadFeature));
        holey.features.values[5] = 1e200;
        assert_eq!(fit(learner, &holey), Err(UpliftError::BadFeature));
    }
    let nobody = fit(Learner::TLogistic, &Experiment::default());
    assert!(matches!(nobody, Err(UpliftError::TooFewResponders { customers: 0, .. })));
}
