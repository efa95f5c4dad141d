//! How a trial is read, the same way wherever it is read: the report, an experiment, a study of
//! worlds whose truth is known.
//!
//! The sequence of intervals is tightest after four weeks; the period before takes noise out where
//! somebody bought in it; where one customer outweighs an arm, revenue is capped ([`Winsor`]), and
//! the reading says so.

use crate::displacement::{Displacement, Origins, split};
use crate::lift::{Comparison, Effect, Lift, MAX_SHARE_OF_ONE, Metric, NoAnswer, compare, excess};
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
/// The same where the cap is that of both arms: the first that is enough. Of few buyers a hundredth
/// is one or two, and the next are as large.
const TAILS_OF_BOTH: [f64; 4] = [0.01, 0.02, 0.05, 0.1];
const DAY_US: f64 = 86_400_000_000.0;

/// Revenue a customer, of all origins.
pub const OF_REVENUE: Metric = Metric::Mean { column: REVENUE };
const OF_ELSEWHERE: Metric = Metric::Mean { column: ELSEWHERE };

/// A trial with all that its estimates need.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Sums as they are.
    pub plain: Arms,
    /// Since the first assignment.
    pub days: f64,
    how: Comparison,
    capped: Option<(Arms, Winsor, CapFrom)>,
}

/// Whose quantile a cap is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapFrom {
    /// Of who bought in the time before; else of who bought in the trial, both arms together, for
    /// too few bought before, or what they did cuts too little.
    pub is_of_before: bool,
    /// Share of buyers above it.
    pub tail: f64,
}

/// What is cut with a customer's revenue.
const CUT: [usize; 5] = [FROM_OFFERS, ELSEWHERE, MARGIN, REVENUE, BEFORE];

impl Reading {
    /// `treated_share`: who was to be shown offers; `None`: what the trial promised, and where it
    /// promised nothing, the sizes of the arms are not checked here.
    pub fn of(trial: &Trial, now_us: i64, treated_share: Option<f64>) -> Reading {
        let plain = trial.arms(true, |_| {});
        let began = trial.began_at_us();
        let days = began.map_or(0.0, |began| now_us.saturating_sub(began).max(0) as f64 / DAY_US);
        let mut reading = Reading::of_sums(plain, days, treated_share);
        reading.capped = capped_arms(trial, &reading.plain);
        reading
    }

    /// The same of sums alone, where nothing can be capped.
    pub fn of_sums(plain: Arms, days: f64, treated_share: Option<f64>) -> Reading {
        let how = comparison(&plain, days, treated_share);
        Reading { plain, days, how, capped: None }
    }

    /// The metric is read from capped values.
    pub fn is_capped(&self, metric: Metric) -> bool {
        let is_cut = match metric {
            Metric::Mean { column } => CUT.contains(&column),
            Metric::Sum { columns: [a, b] } => CUT.contains(&a) || CUT.contains(&b),
            Metric::Ratio { numerator, denominator } => {
                CUT.contains(&numerator) || CUT.contains(&denominator)
            }
        };
        is_cut && self.capped.is_some()
    }

    /// The sums that are compared: capped where they had to be.
    pub fn arms(&self) -> &Arms {
        self.capped.as_ref().map_or(&self.plain, |(arms, ..)| arms)
    }

    /// Where values are cut.
    pub fn cap(&self) -> Option<Winsor> {
        self.capped.as_ref().map(|(_, cap, _)| *cap)
    }

    pub fn cap_from(&self) -> Option<CapFrom> {
        self.capped.as_ref().map(|(.., from)| *from)
    }

    /// A row as it is compared.
    pub fn capped(&self, mut row: Row) -> Row {
        if let Some((_, cap, _)) = &self.capped {
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
        let treated_share = self.how.treated_share.or(arms.promised);
        let how = Comparison { metric, is_alike, treated_share, ..self.how };
        compare(&arms.offers, &arms.holdout, &how)
    }

    /// What the treated have above `factor` times the control ([`excess`]), of values as they are.
    pub fn excess(&self, metric: Metric, factor: f64) -> Result<Effect, NoAnswer> {
        let how = Comparison { metric, is_alike: is_alike(metric), ..self.how };
        excess(&self.plain.offers, &self.plain.holdout, &how, factor)
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

/// The arms with the largest buyers capped, where one of them could outweigh all others.
///
/// Asked of both arms together, as if all fell into the smaller one: a rule that looked at each arm
/// would cap when the held-out arm has a large buyer and leave everything when it lacks one, and so
/// find more than there is (in the shop of `simulate::study` 1.83 a customer instead of 1.17).
fn capped_arms(trial: &Trial, plain: &Arms) -> Option<(Arms, Winsor, CapFrom)> {
    let is_outweighed = |arms: &Arms, column: usize| {
        let mut both = arms.offers.clone();
        both.merge(&arms.holdout);
        let fewer = arms.offers.n().min(arms.holdout.n()).max(1);
        let one = both.share_of_one(column);
        // Beside the spread of so few others.
        let others = (1.0 - one) * fewer as f64 / both.n() as f64;
        one > MAX_SHARE_OF_ONE * (one + others)
    };
    let mut outweighed = [REVENUE, MARGIN, ELSEWHERE].to_vec();
    outweighed.retain(|&column| is_outweighed(plain, column));
    if outweighed.is_empty() {
        return None;
    }
    // What a cap on revenue does not mend, as one item's wrong cost, is no reason to cap it.
    let is_mended = |arms: &Arms| match outweighed.contains(&REVENUE) {
        true => !is_outweighed(arms, REVENUE),
        false => outweighed.iter().any(|&column| !is_outweighed(arms, column)),
    };
    let capped = |values: &[f64], tail: f64, is_of_before: bool| {
        let cap = Winsor::of_buyers(values, tail)?;
        let arms = trial.arms(true, |row| cut(row, &cap));
        is_mended(&arms).then_some((arms, cap, CapFrom { is_of_before, tail }))
    };
    let of_both = || {
        let values = trial.filled(REVENUE);
        TAILS_OF_BOTH.into_iter().find_map(|tail| capped(&values, tail, false))
    };
    capped(&trial.filled(BEFORE), TAIL, true).or_else(of_both)
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
mod tests;
