//! Shares that changed while a trial ran, and how its arms are compared all the same.
//!
//! Where half were held out at first and 5 % later, most of the held-out came early: they had more
//! time to buy, in another season. So persons are compared within the period of their first
//! assignment, and the periods weigh as many persons as they have (post-stratification; D. Holt, T.
//! Smith, JRSS A 142 (1979)):
//!
//! ```text
//! mean of arm a = Σ_k N_k/N · m_ka      as the plain mean of w_ka·y,  w_ka = (N_k/N)·(n_a/n_ka)
//! ```
//!
//! N_k: persons of period k, n_ka: those of them in arm a. The spread of w·y holds that between
//! periods as well, which the estimate does not have: intervals are a little wide, never short.
//! A period in which one arm is empty has nothing to compare with and is left out of both.

use super::{Arms, Person, Row, Trial};
use crate::moments::Moments;
use crate::srm::{self, SampleRatio};

/// Share that was to be treated, by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Promise(Vec<(i64, f64)>);

impl Promise {
    /// Since when which share; the first holds for what was before it too.
    pub fn new(mut since: Vec<(i64, f64)>) -> Promise {
        since.sort_by_key(|period| period.0);
        since.dedup_by(|later, earlier| later.1 == earlier.1);
        Promise(since)
    }

    pub fn periods(&self) -> &[(i64, f64)] {
        &self.0
    }

    fn period_of(&self, at_us: i64) -> usize {
        self.0.partition_point(|(since, _)| *since <= at_us).saturating_sub(1)
    }

    /// Of who was first assigned at that time; `None` where nothing was promised.
    pub fn share_at(&self, at_us: i64) -> Option<f64> {
        self.share(self.period_of(at_us))
    }

    fn share(&self, period: usize) -> Option<f64> {
        self.0.get(period).map(|period| period.1)
    }
}

/// Persons of one period, treated and control.
type Counts = [u64; 2];

fn is_compared(share: f64) -> bool {
    share > 0.0 && share < 1.0
}

/// What a row of each period and arm counts for.
struct Weights(Vec<[f64; 2]>);

impl Weights {
    fn of(counts: &[Counts], promise: &Promise) -> Weights {
        let is_counted = |(period, n): (usize, &Counts)| {
            promise.share(period).is_some_and(is_compared) && n.iter().all(|&n| n > 0)
        };
        let counted: Vec<bool> = counts.iter().enumerate().map(is_counted).collect();
        let of_arm = |arm: usize| {
            let own = counts.iter().zip(&counted).filter(|(_, counted)| **counted);
            own.map(|(n, _)| n[arm]).sum::<u64>() as f64
        };
        let arms = [of_arm(0), of_arm(1)];
        let all = arms[0] + arms[1];
        let weight =
            |n: &Counts, arm: usize| (n[0] + n[1]) as f64 / all * (arms[arm] / n[arm] as f64);
        let weights = counts.iter().zip(&counted).map(|(n, &is_counted)| match is_counted {
            true => [weight(n, 0), weight(n, 1)],
            false => [0.0; 2],
        });
        Weights(weights.collect())
    }
}

impl Trial {
    /// What each person was promised, by the time of their first assignment.
    pub fn promise(&mut self, promise: Promise) {
        self.promise = promise;
    }

    pub fn promised(&self) -> &Promise {
        &self.promise
    }

    /// Persons of the arms that are compared, treated and control, whatever their period.
    pub fn sizes(&self) -> [u64; 2] {
        let counts = self.counts(&|_| true);
        counts.iter().fold([0; 2], |all, n| [all[0] + n[0], all[1] + n[1]])
    }

    fn is_changing(&self) -> bool {
        self.promise.0.len() > 1 || self.promise.0.iter().any(|period| !is_compared(period.1))
    }

    /// Persons of periods in which only one arm was assigned: they are compared with nobody.
    pub fn n_alone(&self) -> u64 {
        if !self.is_changing() {
            return 0;
        }
        let counts = self.counts(&|_| true);
        let weights = Weights::of(&counts, &self.promise);
        let alone = counts.iter().zip(&weights.0).filter(|(_, weight)| weight[0] == 0.0);
        alone.map(|(n, _)| n[0] + n[1]).sum()
    }

    /// Do the arms have the sizes that they were promised? `None` where nothing was, or nobody is
    /// there of whom some were to be held out.
    pub fn sample_ratio(&self) -> Option<SampleRatio> {
        let counts = self.counts(&|_| true);
        let shares = counts.into_iter().zip(&self.promise.0).map(|(n, (_, share))| (n, *share));
        let compared: Vec<(Counts, f64)> =
            shares.filter(|(_, share)| is_compared(*share)).collect();
        srm::check_periods(&compared)
    }

    /// Every person that is compared with somebody.
    pub fn each_compared(&self, mut give: impl FnMut(&Person)) {
        let weights =
            self.is_changing().then(|| Weights::of(&self.counts(&|_| true), &self.promise));
        self.each(|person| {
            let period = self.promise.period_of(person.first_at_us);
            let counts = weights.as_ref().is_none_or(|weights| weights.0[period][0] > 0.0);
            if counts && self.is_compared(person) {
                give(person);
            }
        });
    }

    fn counts(&self, is_in: &dyn Fn(&Person) -> bool) -> Vec<Counts> {
        let mut counts = vec![[0; 2]; self.promise.0.len().max(1)];
        self.each(|person| {
            if self.is_compared(person) && is_in(person) {
                let arm = usize::from(person.arm != self.between[0]);
                counts[self.promise.period_of(person.first_at_us)][arm] += 1;
            }
        });
        counts
    }

    /// Sums of both arms, of some persons only, with every row changed by `cap`.
    pub fn arms_of(&self, is_in: impl Fn(&Person) -> bool, cap: impl Fn(&mut Row)) -> Arms {
        let is_changing = self.is_changing();
        let counts = if is_changing { self.counts(&is_in) } else { Vec::new() };
        let weights = is_changing.then(|| Weights::of(&counts, &self.promise));
        let promised = match &weights {
            Some(weights) => promised_in(&counts, weights, &self.promise),
            None => self.promise.share(0),
        };
        let mut arms = Arms { offers: Moments::default(), holdout: Moments::default(), promised };
        self.each(|person| {
            if !(self.is_compared(person) && is_in(person)) {
                return;
            }
            let mut row = person.row;
            cap(&mut row);
            let is_treated = person.arm == self.between[0];
            if let Some(Weights(weights)) = &weights {
                let period = self.promise.period_of(person.first_at_us);
                let weight = weights[period][usize::from(!is_treated)];
                if weight == 0.0 {
                    return;
                }
                row.iter_mut().for_each(|value| *value *= weight);
            }
            let arm = if is_treated { &mut arms.offers } else { &mut arms.holdout };
            arm.push(&row);
        });
        arms
    }
}

/// Share of the persons that are compared who were to be treated.
fn promised_in(counts: &[Counts], weights: &Weights, promise: &Promise) -> Option<f64> {
    let (mut expected, mut all) = (0.0, 0.0);
    for (period, (n, weight)) in counts.iter().zip(&weights.0).enumerate() {
        if weight[0] > 0.0 {
            let n = (n[0] + n[1]) as f64;
            expected += n * promise.share(period)?;
            all += n;
        }
    }
    (all > 0.0).then(|| expected / all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::UnitId;
    use crate::lift::Metric;
    use crate::reading::Reading;
    use crate::trial::{Assigned, Purchase, REVENUE};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const DAY_US: i64 = 86_400_000_000;

    /// 2,000 came while half were held out and buy for 30, 6,000 while one of twenty were and buy
    /// for 10; offers add 1.
    fn changed(seed: u64, later_share: f64) -> Trial {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = move || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let mut units = Vec::new();
        for i in 0..8_000_u64 {
            let is_early = i < 2_000;
            let share = if is_early { 0.5 } else { later_share };
            let first_at_us = if is_early { 0 } else { 10 * DAY_US };
            let arm = u16::from(uniform() < share);
            units.push(Assigned { unit: UnitId(i), customer: None, arm, first_at_us });
        }
        let mut trial = Trial::new(units.clone(), [], DAY_US);
        for unit in units {
            let person = trial.find(None, Some(unit.unit)).expect("assigned");
            let level = if unit.first_at_us == 0 { 30.0 } else { 10.0 };
            let elsewhere = level + f64::from(unit.arm) + 4.0 * uniform() - 2.0;
            let at_us = unit.first_at_us + 1;
            let purchase = Purchase { at_us, elsewhere, is_order: true, ..Purchase::default() };
            trial.add(person, &purchase);
        }
        trial.promise(Promise::new(vec![(0, 0.5), (10 * DAY_US, later_share)]));
        trial
    }

    #[test]
    fn who_came_under_another_share_is_compared_within_their_own_period() {
        let trial = changed(1, 0.95);
        let reading = Reading::of(&trial, 20 * DAY_US, None);
        let found = reading.lift(Metric::Mean { column: REVENUE }).expect("an answer").difference;
        assert!((found.value - 1.0).abs() < 0.2, "{found:?}; compared plainly it is −10");
        assert!(found.low_fixed < 1.0 && 1.0 < found.high_fixed, "{found:?}");
        assert!(!trial.sample_ratio().expect("customers").is_alarm());
        assert_eq!(trial.sizes().iter().sum::<u64>(), 8_000);
        assert_eq!(trial.n_alone(), 0);
        let mut told_wrong = trial.clone();
        told_wrong.promise(Promise::new(vec![(0, 0.95)]));
        assert!(told_wrong.sample_ratio().expect("customers").is_alarm());
        let wrong = Reading::of(&told_wrong, 20 * DAY_US, None);
        assert!(wrong.lift(Metric::Mean { column: REVENUE }).is_err(), "not by the newest share");
    }

    #[test]
    fn intervals_over_periods_hold() {
        let covers = |seed: u64| {
            let reading = Reading::of(&changed(seed, 0.9), 20 * DAY_US, None);
            let found = reading.lift(Metric::Mean { column: REVENUE }).expect("an answer");
            found.difference.low_fixed < 1.0 && 1.0 < found.difference.high_fixed
        };
        let n = (0..100).filter(|&seed| covers(seed)).count();
        assert!(n >= 89, "{n} of 100 covered, 89 pass a binomial test at 1 %");
    }

    #[test]
    fn a_period_in_which_everybody_was_held_out_is_left_out_and_counted() {
        let trial = changed(2, 0.0);
        let reading = Reading::of(&trial, 20 * DAY_US, None);
        assert_eq!(trial.n_alone(), 6_000);
        assert_eq!(reading.plain.offers.n() + reading.plain.holdout.n(), 2_000);
        let found = reading.lift(Metric::Mean { column: REVENUE }).expect("an answer").difference;
        assert!((found.value - 1.0).abs() < 0.3, "{found:?}");
        assert!(!trial.sample_ratio().expect("customers").is_alarm());
        let mut all = trial;
        all.promise(Promise::new(vec![(0, 0.0)]));
        assert_eq!((all.sample_ratio(), all.n_alone()), (None, 8_000));
    }

    #[test]
    fn shares_that_follow_each_other_alike_are_one_period() {
        let promise = Promise::new(vec![(50, 0.9), (0, 0.95), (20, 0.95)]);
        assert_eq!(promise.periods(), [(0, 0.95), (50, 0.9)]);
        assert_eq!([-5, 0, 49, 50].map(|at| promise.period_of(at)), [0, 0, 0, 1]);
    }
}
