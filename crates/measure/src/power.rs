//! How long until an effect of a given size is seen?
//!
//! ```text
//! (k(f·n) + z_power) · se/√f ≤ δ        days needed = f · days so far
//! ```
//!
//! se: today's standard error of the relative difference, n: customers so far, k: the multiplier
//! of [`crate::sequence`], f: how many times today's customers are needed. The error is taken to
//! fall with the root of time, as it does while new customers keep coming at the same rate; where
//! the same customers come back, it is a little optimistic.

use crate::lift::{Effect, z_of};
use crate::sequence::Sequence;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerQuestion {
    /// Relative effect to be seen, .02 for 2 %.
    pub effect: f64,
    /// Chance of seeing it, .8 by habit.
    pub power: f64,
    pub days_so_far: f64,
    pub n_customers: u64,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Days from the beginning.
    pub days_needed: f64,
    /// Days from now; 0 when there are enough.
    pub days_more: f64,
    /// Smallest relative effect that would be seen today with that chance.
    pub visible_now: f64,
}

impl Power {
    /// In words, as `to see +2 % you need about 9 more days`.
    pub fn sentence(&self, question: &PowerQuestion) -> String {
        let effect = format!("{:+}", (question.effect * 1_000.0).round() / 10.0);
        match self.days_more.ceil() as u64 {
            0 => format!("{effect} % would be seen by now"),
            1 => format!("to see {effect} % you need about 1 more day"),
            days => format!("to see {effect} % you need about {days} more days"),
        }
    }
}

/// `None` when nothing was measured yet, or more than a million times today's customers are needed.
pub fn days_needed(
    relative: &Effect,
    sequence: &Sequence,
    question: &PowerQuestion,
) -> Option<Power> {
    let se = relative.standard_error;
    let is_known = se > 0.0 && question.days_so_far > 0.0 && question.n_customers > 0;
    let is_asked = question.effect > 0.0 && question.power > 0.0 && question.power < 1.0;
    if !(is_known && is_asked) {
        return None;
    }
    let z = z_of(question.power);
    let visible = |factor: f64| {
        let n = ((question.n_customers as f64 * factor) as u64).max(1);
        (sequence.multiplier(n) + z) * se / factor.sqrt()
    };
    let (mut enough, mut few) = (1.0, 1.0);
    while visible(enough) > question.effect {
        (few, enough) = (enough, enough * 2.0);
        if enough > 1e6 {
            return None;
        }
    }
    while few > 1e-6 && enough == 1.0 && visible(few) <= question.effect {
        few /= 2.0;
    }
    for _ in 0..50 {
        let middle = 0.5 * (few + enough);
        if visible(middle) > question.effect { few = middle } else { enough = middle }
    }
    let days_needed = enough * question.days_so_far;
    let days_more = (days_needed - question.days_so_far).max(0.0);
    Some(Power { days_needed, days_more, visible_now: visible(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(effect: f64) -> PowerQuestion {
        PowerQuestion { effect, power: 0.8, days_so_far: 10.0, n_customers: 10_000 }
    }

    #[test]
    fn four_times_the_customers_for_half_the_effect() {
        let sequence = Sequence::tightest_at(10_000, 0.05);
        let relative = Effect::new(0.01, 0.01_f64.powi(2), 10_000, &sequence);
        // Planned for today: (3.035 + .842) · .01 is seen today.
        let now = days_needed(&relative, &sequence, &question(0.038_8)).expect("an answer");
        assert!((now.visible_now - 0.038_77).abs() < 1e-4, "{now:?}");
        assert!(now.days_more == 0.0 && (now.days_needed - 10.0).abs() < 0.1, "{now:?}");
        let half = days_needed(&relative, &sequence, &question(0.019_4)).expect("an answer");
        // A little more than four times, since beyond its plan the sequence widens.
        assert!((40.0..46.0).contains(&half.days_needed), "{half:?}");
        assert!((half.days_more - (half.days_needed - 10.0)).abs() < 1e-9);
        let asked = question(0.019_4);
        let days = half.days_more.ceil();
        let expected = format!("to see +1.9 % you need about {days} more days");
        assert_eq!(half.sentence(&asked), expected);
        assert_eq!(now.sentence(&asked), "+1.9 % would be seen by now");
        let large = days_needed(&relative, &sequence, &question(0.1)).expect("an answer");
        assert!(large.days_more == 0.0 && large.days_needed < 4.0, "{large:?}");
    }

    /// Days after which experiments with that effect are in fact seen, by brute force: the share of
    /// normal estimates whose interval leaves 0 out.
    #[test]
    fn what_it_promises_is_the_power_of_the_interval() {
        let sequence = Sequence::tightest_at(40_000, 0.05);
        let relative = Effect::new(0.0, 0.02_f64.powi(2), 10_000, &sequence);
        let power = days_needed(&relative, &sequence, &question(0.05)).expect("an answer");
        let factor = power.days_needed / 10.0;
        let se = 0.02 / factor.sqrt();
        let edge = sequence.multiplier((10_000.0 * factor) as u64) * se;
        let seen = 1.0 - statrs::function::erf::erfc((0.05 - edge) / se / 2_f64.sqrt()) / 2.0;
        assert!((seen - 0.8).abs() < 0.005, "{seen}");
    }

    #[test]
    fn nothing_measured_no_promise() {
        let sequence = Sequence::tightest_at(10_000, 0.05);
        let nothing = Effect::new(0.0, 0.0, 10_000, &sequence);
        assert_eq!(days_needed(&nothing, &sequence, &question(0.02)), None);
        let vague = Effect::new(0.0, 1e12, 10_000, &sequence);
        assert_eq!(days_needed(&vague, &sequence, &question(0.02)), None);
        let relative = Effect::new(0.0, 1.0, 10_000, &sequence);
        let at_start = PowerQuestion { days_so_far: 0.0, ..question(0.02) };
        assert_eq!(days_needed(&relative, &sequence, &at_start), None);
    }
}
