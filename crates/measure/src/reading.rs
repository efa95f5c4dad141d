//! How a trial is read, the same way wherever it is read: the report, an experiment, a study of
//! worlds whose truth is known.
//!
//! The sequence of intervals is tightest after four weeks; the period before takes noise out where
//! somebody bought in it; where one customer outweighs an arm, revenue is capped ([`Winsor`]), and
//! the reading says so.

use crate::displacement::{Displacement, Origins, split};
use crate::lift::{Comparison, Effect, Lift, Metric, NoAnswer, compare};
use crate::sequence::Sequence;
use crate::trial::{
    Arms, BEFORE, ELSEWHERE, FROM_OFFERS, MARGIN, ORDERS_WITH_OFFER, REVENUE, Row, Trial,
};
use crate::winsor::Winsor;

/// Chance that an interval ever leaves out the truth, however often one looks.
pub const ALPHA: f64 = 0.05;
/// An experiment is planned for four weeks: whole weeks, and two paydays for most.
pub const PLANNED_DAYS: f64 = 28.0;
/// Customers that an experiment is planned for at least.
const MIN_PLANNED: u64 = 1_000;
/// Share of buyers whose values are capped when one of them outweighs an arm.
const TAIL: f64 = 0.01;
const DAY_US: f64 = 86_400_000_000.0;

/// Revenue a customer, of all origins.
pub const OF_REVENUE: Metric = Metric::Mean { column: REVENUE };
const OF_ELSEWHERE: Metric = Metric::Mean { column: ELSEWHERE };
const OF_MARGIN: Metric = Metric::Mean { column: MARGIN };

/// A trial with all that its estimates need.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Sums as they are.
    pub plain: Arms,
    /// Since the first assignment.
    pub days: f64,
    how: Comparison,
    capped: Option<(Arms, Winsor)>,
}

impl Reading {
    /// `treated_share`: who was to be shown offers; `None`: the sizes of the arms are not checked
    /// here.
    pub fn of(trial: &Trial, now_us: i64, treated_share: Option<f64>) -> Reading {
        let plain = trial.arms(true, |_| {});
        let began = trial.began_at_us();
        let days = began.map_or(0.0, |began| now_us.saturating_sub(began).max(0) as f64 / DAY_US);
        let how = comparison(&plain, days, treated_share);
        let capped = capped_arms(trial, &plain, &how);
        Reading { plain, days, how, capped }
    }

    /// The sums that are compared: capped where they had to be.
    pub fn arms(&self) -> &Arms {
        self.capped.as_ref().map_or(&self.plain, |(arms, _)| arms)
    }

    /// Where values are cut.
    pub fn cap(&self) -> Option<Winsor> {
        self.capped.as_ref().map(|(_, cap)| *cap)
    }

    /// A row as it is compared.
    pub fn capped(&self, mut row: Row) -> Row {
        if let Some((_, cap)) = &self.capped {
            cut(&mut row, cap);
        }
        row
    }

    pub fn has_covariate(&self) -> bool {
        self.how.covariate.is_some()
    }

    pub fn sequence(&self) -> &Sequence {
        &self.how.sequence
    }

    pub fn lift(&self, metric: Metric) -> Result<Lift, NoAnswer> {
        self.lift_in(self.arms(), metric)
    }

    /// The same of other sums, as of those without crossers.
    pub fn lift_in(&self, arms: &Arms, metric: Metric) -> Result<Lift, NoAnswer> {
        let is_alike = is_alike(metric);
        compare(&arms.offers, &arms.holdout, &Comparison { metric, is_alike, ..self.how })
    }

    /// −Δ(elsewhere): revenue a customer that would have come anyway.
    pub fn displaced(&self) -> Result<Effect, NoAnswer> {
        self.lift(OF_ELSEWHERE).map(|lift| lift.difference.negated())
    }

    pub fn displacement(&self) -> Result<Displacement, NoAnswer> {
        let origins = Origins { offers: FROM_OFFERS, elsewhere: ELSEWHERE };
        let arms = self.arms();
        let how = Comparison { is_alike: false, ..self.how };
        split(&arms.offers, &arms.holdout, origins, &how)
    }
}

/// Nobody buys from an offer who is shown none.
fn is_alike(metric: Metric) -> bool {
    let is_of_offers = |column| [FROM_OFFERS, ORDERS_WITH_OFFER].contains(&column);
    !match metric {
        Metric::Mean { column } => is_of_offers(column),
        Metric::Sum { columns: [a, b] } => is_of_offers(a) || is_of_offers(b),
        Metric::Ratio { numerator, .. } => is_of_offers(numerator),
    }
}

/// The period before takes noise out where somebody bought in it.
fn comparison(arms: &Arms, days: f64, treated_share: Option<f64>) -> Comparison {
    let n = arms.offers.n() + arms.holdout.n();
    let has_before = [&arms.offers, &arms.holdout].iter().all(|arm| arm.sum(BEFORE) != 0.0);
    // On the first day nobody knows how many will come: it counts as a whole one.
    let growth = (PLANNED_DAYS / days.max(1.0)).max(1.0);
    let planned = ((n as f64 * growth) as u64).max(MIN_PLANNED);
    Comparison {
        metric: OF_REVENUE,
        covariate: has_before.then_some(BEFORE),
        treated_share,
        is_alike: true,
        sequence: Sequence::tightest_at(planned, ALPHA),
    }
}

/// The arms with the largest buyers capped, where one of them outweighs all others.
fn capped_arms(trial: &Trial, plain: &Arms, how: &Comparison) -> Option<(Arms, Winsor)> {
    let is_outweighed = [OF_REVENUE, OF_MARGIN, OF_ELSEWHERE].into_iter().any(|metric| {
        let lift = compare(&plain.offers, &plain.holdout, &Comparison { metric, ..*how });
        matches!(lift, Err(NoAnswer::OneCustomer { .. }))
    });
    if !is_outweighed {
        return None;
    }
    let cap = Winsor::from_period_before(&trial.column(BEFORE), TAIL)?;
    Some((trial.arms(true, |row| cut(row, &cap)), cap))
}

/// Caps what a customer spent in all; where it came from, and its margin, keep their shares of it.
fn cut(row: &mut Row, cap: &Winsor) {
    let (spent, kept) = (row[REVENUE], cap.apply(row[REVENUE]));
    if kept != spent {
        for column in [FROM_OFFERS, ELSEWHERE, MARGIN] {
            row[column] *= kept / spent;
        }
        row[REVENUE] = kept;
    }
    row[BEFORE] = cap.apply(row[BEFORE]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::UnitId;
    use crate::trial::{Assigned, Purchase};

    /// 600 of 3,000 held out. Everybody spent 10 to 19 before, and does again; who is shown offers
    /// moves 2 of it there. Customer 7 spends a hundred thousand.
    fn trial(fortune: f64) -> Trial {
        let unit = |i: u64| Assigned {
            unit: UnitId(i),
            customer: None,
            is_held_out: i.is_multiple_of(5),
            first_at_us: 0,
        };
        let mut trial = Trial::new((0..3_000).map(unit).collect(), [], 100);
        for i in 0..3_000_u64 {
            let person = trial.find(None, Some(UnitId(i))).expect("assigned");
            let spends = 10.0 + (i / 5 % 10) as f64 + if i == 7 { fortune } else { 0.0 };
            let from_offers = if i.is_multiple_of(5) { 0.0 } else { 1.0 + (i % 3) as f64 };
            let before =
                Purchase { at_us: -50, elsewhere: spends.min(20.0), ..Purchase::default() };
            let after = Purchase {
                at_us: 50,
                from_offers,
                elsewhere: spends - from_offers,
                margin: spends / 2.0,
                n_items: 1.0,
                is_order: true,
            };
            trial.add(person, &before);
            trial.add(person, &after);
        }
        trial
    }

    #[test]
    fn one_customer_who_outweighs_all_is_capped_in_every_column() {
        let reading = Reading::of(&trial(1e5), 86_400_000_000, Some(0.8));
        let (_, high) = reading.cap().expect("capped").range();
        assert!(high < 20.5, "{high}");
        assert!((reading.lift(OF_REVENUE).expect("an answer").difference.value).abs() < 0.1);
        let displaced = reading.displaced().expect("an answer");
        assert!((displaced.value - 2.0).abs() < 0.1 && displaced.is_clear(), "{displaced:?}");
        assert!(reading.lift(OF_MARGIN).is_ok());
        let mut row = Row::default();
        (row[FROM_OFFERS], row[ELSEWHERE], row[REVENUE]) = (300.0, 100.0, 400.0);
        let row = reading.capped(row);
        assert!((row[FROM_OFFERS] / row[ELSEWHERE] - 3.0).abs() < 1e-9);
        assert!((row[FROM_OFFERS] + row[ELSEWHERE] - row[REVENUE]).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_capped_without_need() {
        let reading = Reading::of(&trial(0.0), 86_400_000_000, Some(0.8));
        assert_eq!(reading.cap().map(|cap| cap.range()), None);
        assert!(reading.has_covariate() && reading.days == 1.0);
        let split = reading.displacement().expect("an answer");
        assert!((split.displaced.value - 2.0).abs() < 0.1, "{split:?}");
        assert!((split.offers.difference.value - 2.0).abs() < 0.01);
    }
}
