//! From facts to findings: what can be said, how surely, and what cannot.

use super::facts::{Doubts, Facts, Funnel};
use events::time::DAY_US;
use measure::displacement::{Origins, split};
use measure::lift::{Comparison, Effect, Lift, Metric, NoAnswer, compare};
use measure::power::{PowerQuestion, days_needed};
use measure::srm;
use measure::trial::{
    Arms, BEFORE, CAME_BACK, ELSEWHERE, FROM_OFFERS, ITEMS, MARGIN, ORDERS, ORDERS_WITH_OFFER,
};
use measure::winsor::Winsor;
use measure::{Moments, Sequence};
use serde::Serialize;

/// Chance that an interval ever leaves out the truth, however often one looks.
const ALPHA: f64 = 0.05;
/// An experiment is planned for four weeks: whole weeks, and two paydays for most.
const PLANNED_DAYS: f64 = 28.0;
/// Customers that an experiment is planned for at least.
const MIN_PLANNED: u64 = 1_000;
/// Share of buyers whose values are capped when one of them outweighs an arm.
const TAIL: f64 = 0.01;

/// Everything that is shown, and what `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    /// Plain sentences, the most important first.
    pub(crate) sentences: Vec<String>,
    /// First assignment and the moment of the report.
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) days: f64,
    pub(crate) currency: Option<String>,
    /// Customers and visits with offers and held out.
    pub(crate) n_offers: u64,
    pub(crate) n_holdout: u64,
    /// Seen in both arms; they count in their first.
    pub(crate) n_crossers: u64,
    /// p-value, for every look, of the arms having the sizes they were promised.
    pub(crate) sample_ratio_p: Option<f64>,
    /// What the offers earned in all, with its interval.
    pub(crate) incremental_revenue: Option<Estimate>,
    /// What peers would report: all that was bought from an offer or after a click on one.
    pub(crate) attributed_revenue: f64,
    /// The same net of what was sent back.
    pub(crate) attributed_kept: f64,
    /// Revenue a customer that would have come from elsewhere.
    pub(crate) displaced: Option<Estimate>,
    pub(crate) metrics: Vec<MetricFinding>,
    pub(crate) placements: Vec<PlacementFinding>,
    pub(crate) doubts: Doubts,
    /// How long until an effect of 2 % is seen.
    pub(crate) power: Option<String>,
    pub(crate) method: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// One number in both arms.
#[derive(Debug, Serialize)]
pub(crate) struct MetricFinding {
    pub(crate) name: &'static str,
    pub(crate) offers: Option<f64>,
    pub(crate) holdout: Option<f64>,
    pub(crate) difference: Option<Estimate>,
    pub(crate) relative: Option<Estimate>,
    /// Why there is no interval.
    pub(crate) no_answer: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PlacementFinding {
    pub(crate) placement: String,
    pub(crate) decisions: u64,
    pub(crate) held_out: u64,
    pub(crate) empty: u64,
    pub(crate) seen: u64,
    pub(crate) clicked: u64,
    pub(crate) dismissed: u64,
    pub(crate) added: u64,
    pub(crate) bought: u64,
    pub(crate) revenue: f64,
    pub(crate) kept: f64,
}

const METRICS: [(&str, Metric); 8] = [
    ("revenue a customer", Metric::Sum { columns: [FROM_OFFERS, ELSEWHERE] }),
    ("margin a customer", Metric::Mean { column: MARGIN }),
    ("orders a customer", Metric::Mean { column: ORDERS }),
    ("pieces an order", Metric::Ratio { numerator: ITEMS, denominator: ORDERS }),
    ("from offers, a customer", Metric::Mean { column: FROM_OFFERS }),
    ("from elsewhere, a customer", Metric::Mean { column: ELSEWHERE }),
    ("orders with an offer", Metric::Ratio { numerator: ORDERS_WITH_OFFER, denominator: ORDERS }),
    ("came back", Metric::Mean { column: CAME_BACK }),
];

pub(crate) fn of(facts: &Facts, treated_share: f64) -> Findings {
    let plain = facts.trial.arms(true, |_, value| value);
    let days = facts
        .trial
        .began_at_us()
        .map_or(0.0, |began| (facts.now.0 - began).max(0) as f64 / DAY_US as f64);
    let how = comparison(&plain, days, treated_share);
    let mut method = method_of(&how);
    let capped = capped_arms(facts, &plain, &how, &mut method);
    let arms = capped.as_ref().unwrap_or(&plain);
    let metrics: Vec<MetricFinding> =
        METRICS.iter().map(|&(name, metric)| finding(name, metric, arms, &how)).collect();
    let revenue = lift_of(METRICS[0].1, arms, &how);
    let n_treated = plain.offers.n() as f64;
    let incremental_revenue = revenue.as_ref().ok().map(|lift| {
        let Estimate { value, low, high } = estimate(&lift.difference);
        Estimate { value: value * n_treated, low: low * n_treated, high: high * n_treated }
    });
    let origins = Origins { offers: FROM_OFFERS, elsewhere: ELSEWHERE };
    let displaced = split(&arms.offers, &arms.holdout, origins, &how);
    let displaced = displaced.ok().map(|split| estimate(&split.displaced));
    let funnels = facts.placements.values();
    let mut findings = Findings {
        sentences: Vec::new(),
        from: facts.trial.began_at_us().map(|at| events::Timestamp(at).to_string()),
        to: facts.now.to_string(),
        days,
        currency: facts.currency.map(|currency| currency.as_str().to_owned()),
        n_offers: plain.offers.n(),
        n_holdout: plain.holdout.n(),
        n_crossers: facts.trial.n_crossers() as u64,
        sample_ratio_p: srm::check(
            &[plain.offers.n(), plain.holdout.n()],
            &[treated_share, 1.0 - treated_share],
        )
        .map(|ratio| ratio.p_always),
        incremental_revenue,
        attributed_revenue: funnels.clone().map(|funnel| funnel.bought).sum(),
        attributed_kept: funnels.map(|funnel| funnel.kept).sum(),
        displaced,
        metrics,
        placements: facts.placements.iter().map(placement).collect(),
        doubts: facts.doubts,
        power: revenue.as_ref().ok().and_then(|lift| power(lift, &how, days)),
        method,
    };
    if facts.trial.n_crossers() > 0 {
        let without = facts.trial.arms(false, |_, value| value);
        let name = "revenue a customer, without those seen in both arms";
        findings.metrics.push(finding(name, METRICS[0].1, &without, &how));
    }
    findings.sentences = super::text::sentences(&findings, revenue.err());
    findings
}

/// The period before takes noise out where somebody bought in it.
fn comparison(arms: &Arms, days: f64, treated_share: f64) -> Comparison {
    let n = arms.offers.n() + arms.holdout.n();
    let has_before = [&arms.offers, &arms.holdout].iter().all(|arm| arm.sum(BEFORE) != 0.0);
    // On the first day nobody knows how many will come: it counts as a whole one.
    let growth = (PLANNED_DAYS / days.max(1.0)).max(1.0);
    let planned = ((n as f64 * growth) as u64).max(MIN_PLANNED);
    Comparison {
        metric: METRICS[0].1,
        covariate: has_before.then_some(BEFORE),
        treated_share: Some(treated_share),
        sequence: Sequence::tightest_at(planned, ALPHA),
    }
}

fn lift_of(metric: Metric, arms: &Arms, how: &Comparison) -> Result<Lift, NoAnswer> {
    compare(&arms.offers, &arms.holdout, &Comparison { metric, ..*how })
}

/// The arms with the largest buyers capped, where one of them outweighs all others.
fn capped_arms(
    facts: &Facts,
    plain: &Arms,
    how: &Comparison,
    method: &mut Vec<String>,
) -> Option<Arms> {
    let Err(NoAnswer::OneCustomer { .. }) = lift_of(METRICS[0].1, plain, how) else { return None };
    let winsor = Winsor::from_period_before(&facts.trial.column(BEFORE), TAIL)?;
    let (low, high) = winsor.range();
    method.push(format!(
        "One customer outweighs an arm, so revenue is capped at {low:.2} and {high:.2} a customer \
         and origin (winsorised at the 99 % quantile of the time before)."
    ));
    Some(facts.trial.arms(true, |column, value| match column {
        FROM_OFFERS | ELSEWHERE | BEFORE => winsor.apply(value),
        _ => value,
    }))
}

fn finding(name: &'static str, metric: Metric, arms: &Arms, how: &Comparison) -> MetricFinding {
    let lift = lift_of(metric, arms, how);
    MetricFinding {
        name,
        offers: value_of(metric, &arms.offers),
        holdout: value_of(metric, &arms.holdout),
        difference: lift.as_ref().ok().map(|lift| estimate(&lift.difference)),
        relative: lift.as_ref().ok().and_then(|lift| lift.relative).map(|e| estimate(&e)),
        no_answer: lift.err().map(|error| match (metric, error) {
            (Metric::Mean { column: MARGIN }, NoAnswer::AllAlike) => {
                "no item has a cost".to_owned()
            }
            (Metric::Mean { column: CAME_BACK }, NoAnswer::AllAlike) => {
                "nobody came back yet".to_owned()
            }
            (_, error) => error.to_string(),
        }),
    }
}

/// The metric of one arm; `None` where there is nothing to divide by.
fn value_of<const D: usize>(metric: Metric, arm: &Moments<D>) -> Option<f64> {
    if arm.n() == 0 {
        return None;
    }
    match metric {
        Metric::Mean { column } => Some(arm.mean(column)),
        Metric::Sum { columns: [a, b] } => Some(arm.mean(a) + arm.mean(b)),
        Metric::Ratio { numerator, denominator } => {
            (arm.sum(denominator) > 0.0).then(|| arm.sum(numerator) / arm.sum(denominator))
        }
    }
}

fn estimate(effect: &Effect) -> Estimate {
    Estimate { value: effect.value, low: effect.low, high: effect.high }
}

fn placement((name, funnel): (&String, &Funnel)) -> PlacementFinding {
    PlacementFinding {
        placement: name.clone(),
        decisions: funnel.n_decisions,
        held_out: funnel.n_held_out,
        empty: funnel.n_empty,
        seen: funnel.n_seen,
        clicked: funnel.n_clicked,
        dismissed: funnel.n_dismissed,
        added: funnel.n_added,
        bought: funnel.n_bought,
        revenue: funnel.bought,
        kept: funnel.kept,
    }
}

fn power(lift: &Lift, how: &Comparison, days: f64) -> Option<String> {
    let relative = lift.relative?;
    let question = PowerQuestion {
        effect: 0.02,
        power: 0.8,
        days_so_far: days,
        n_customers: lift.n_treated + lift.n_control,
    };
    let power = days_needed(&relative, &how.sequence, &question)?;
    // Part of a day says little of the days to come.
    (days >= 1.0).then(|| {
        let visible = power.visible_now * 100.0;
        let sentence = power.sentence(&question);
        format!("Today an effect of {visible:.1} % would be seen; {sentence}.")
    })
}

fn method_of(how: &Comparison) -> Vec<String> {
    let mut method = vec![
        "Each customer (else each visit, else a location for a day) is assigned by a keyed hash; \
         the first assignment stands, whatever came later."
            .to_owned(),
        "Revenue is net of returns, from the first time somebody could have been shown an offer, \
         with the same clock in both arms."
            .to_owned(),
        "Intervals are of 95 % and hold however often one looks (asymptotic confidence sequence)."
            .to_owned(),
    ];
    if how.covariate.is_some() {
        method.push("Revenue of the 90 days before takes noise out (CUPED).".to_owned());
    }
    method
}
