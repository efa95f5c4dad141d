//! What came of an experiment: every variant against the first, by the estimators of the report.

use crate::error::{Error, Result};
use crate::facts::{self, Doubts, Facts, Question, Units, customers_by_unit};
use crate::findings::{MetricFinding, finding, metrics_of, power};
use crate::words::number;
use events::Timestamp;
use experiment::{Experiment, Guardrails};
use hashbrown::HashMap;
use history::{DecisionRecord, Store};
use measure::Moments;
use measure::assignment::{UnitId, key_of};
use measure::lift::{Effect, Metric};
use measure::reading::{OF_REVENUE, Reading};
use measure::trial::{Assigned, BEGUN, COMPLETED, CONVERTED, N_COLUMNS, RETURNED, SOLD};
use measure::{Comparison, compare, srm};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What came back, of what was sold.
const SENT_BACK: Metric = Metric::Ratio { numerator: RETURNED, denominator: SOLD };
/// Orders that came of the checkouts that were begun, within a day.
const CHECKED_OUT: Metric = Metric::Ratio { numerator: COMPLETED, denominator: BEGUN };
/// A decision counts as no slower than so many times the margin.
const MAX_STALL: f64 = 10.0;

/// What is shown, and what `--json` prints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Results {
    pub experiment: String,
    pub phase: &'static str,
    pub from: Option<String>,
    pub to: String,
    pub days: f64,
    pub control: String,
    pub arms: Vec<Arm>,
    /// p-value, for every look, of the variants having the sizes they were promised.
    pub sample_ratio_p: Option<f64>,
    pub is_sample_ratio_alarm: bool,
    /// Who was seen in two variants; they count in their first.
    pub n_crossers: usize,
    /// Of variants that the definition does not know: somebody changed the log by hand.
    pub n_of_unknown_variants: u64,
    pub contrasts: Vec<Contrast>,
    /// Days that it should run in all, whole weeks, so that every variant shows an effect of 2 % in
    /// revenue with a chance of 80 %; `None`: not known yet, or years.
    pub planned_days: Option<u32>,
    /// When these are over.
    pub planned_end: Option<String>,
    /// What was found, in the order of asking.
    pub sentences: Vec<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Arm {
    pub variant: String,
    pub n_units: u64,
    pub n_decisions: u64,
    pub mean_took_ms: f64,
}

/// A variant against the control.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Contrast {
    pub variant: String,
    /// What counts ends here: where the variant was stopped, or with the experiment, or now.
    pub until: String,
    pub metrics: Vec<MetricFinding>,
    pub power: Option<String>,
    /// From the beginning on, until an effect of 2 % is seen.
    pub days_needed: Option<f64>,
    pub doubts: Doubts,
    /// Guardrails that the variant surely breaks.
    pub breaches: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow, default)]
    experiments: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    unit: Option<u64>,
    #[serde(default)]
    took_us: u64,
}

/// What the decisions say of one unit.
#[derive(Clone, Copy, Debug)]
struct SeenUnit {
    first_at_us: i64,
    customer: Option<u32>,
    n_decisions: u64,
    /// Milliseconds of its decisions, none of them above the cap.
    took_ms: f64,
}

/// What the decisions say of one variant.
#[derive(Clone, Debug, Default)]
struct Seen {
    units: HashMap<u64, SeenUnit>,
    took_ms: Moments<1>,
}

impl Seen {
    fn n_until(&self, end: Timestamp) -> u64 {
        self.units.values().filter(|unit| unit.first_at_us <= end.0).count() as u64
    }

    /// Milliseconds of a decision, by unit: the decisions of one visit are alike.
    fn latency(&self, end: Timestamp) -> Moments<1> {
        let mut sums = Moments::default();
        for unit in self.units.values().filter(|unit| unit.first_at_us <= end.0) {
            sums.push(&[unit.took_ms / unit.n_decisions as f64]);
        }
        sums
    }
}

struct Sightings<'a> {
    experiment: &'a Experiment,
    seen: Vec<Seen>,
    until: Timestamp,
    n_unknown: u64,
}

impl Sightings<'_> {
    fn take(&mut self, record: &DecisionRecord) {
        if record.at > self.until {
            return;
        }
        let Ok(recorded) = serde_json::from_slice::<Recorded<'_>>(&record.payload) else { return };
        let definition = &self.experiment.definition;
        let is_ours = |(name, _): &&(Cow<'_, str>, Cow<'_, str>)| *name == definition.name;
        let Some((_, variant)) = recorded.experiments.iter().find(is_ours) else { return };
        let at = definition.variants.iter().position(|known| known.name == *variant);
        let (Some(at), Some(unit)) = (at, recorded.unit) else {
            self.n_unknown += 1;
            return;
        };
        let seen = &mut self.seen[at];
        let took_ms = recorded.took_us as f64 / 1e3;
        seen.took_ms.push(&[took_ms]);
        let unit = seen.units.entry(unit).or_insert(SeenUnit {
            first_at_us: record.at.0,
            customer: record.customer_idx,
            n_decisions: 0,
            took_ms: 0.0,
        });
        unit.first_at_us = unit.first_at_us.min(record.at.0);
        unit.customer = unit.customer.or(record.customer_idx);
        unit.n_decisions += 1;
        // One stall says nothing of the variant, and would hide whatever else there is.
        let cap = definition.guardrails.latency_ms.max(1.0) * MAX_STALL;
        unit.took_ms += took_ms.min(cap);
    }
}

pub async fn of(store: &Store, experiment: &Experiment, now: Timestamp) -> Result<Results> {
    let definition = &experiment.definition;
    let Some(from) = experiment.started_at else {
        return Err(Error::NotStarted { name: definition.name.clone() });
    };
    let until = experiment.ended_at.unwrap_or(now);
    let n_variants = definition.variants.len();
    let seen = vec![Seen::default(); n_variants];
    let mut sightings = Sightings { experiment, seen, until, n_unknown: 0 };
    store.each_decision(from, |record| sightings.take(record)).await?;
    let key = key_of(&store.store_id().await?);
    let customers = customers_by_unit(store, key).await?;
    for seen in &mut sightings.seen {
        for (unit, known) in &mut seen.units {
            known.customer = known.customer.or_else(|| customers.get(unit).copied());
        }
    }
    let Sightings { seen, n_unknown, .. } = sightings;
    // While a variant was stopped alone, the others went on: sizes are those until then.
    let ends: Vec<Timestamp> = definition
        .variants
        .iter()
        .map(|variant| experiment.stopped_at(&variant.name).map_or(until, |at| at.min(until)))
        .collect();
    let whole_until = ends.iter().copied().min().unwrap_or(until);
    let counts: Vec<u64> = seen.iter().map(|seen| seen.n_until(whole_until)).collect();
    let ratio = srm::check(&counts, &definition.shares());
    let mut contrasts: Vec<Option<Contrast>> = vec![None; n_variants];
    let mut n_crossers = 0;
    let mut by_end: Vec<Timestamp> = ends[1..].to_vec();
    by_end.sort_unstable();
    by_end.dedup();
    for end in by_end {
        let arms = Arms { experiment, seen: &seen, end };
        let mut facts = facts::gather_of(store, arms.question(key), &mut |_, _, _| {}).await?;
        n_crossers = facts.trial.n_crossers_of_all();
        for at in (1..n_variants).filter(|&at| ends[at] == end) {
            contrasts[at] = Some(arms.contrast(&mut facts, at));
        }
        facts.check()?;
    }
    let contrasts: Vec<Contrast> = contrasts.into_iter().flatten().collect();
    let needed: Vec<Option<f64>> = contrasts.iter().map(|one| one.days_needed).collect();
    let planned_days = planned_days(&needed);
    let planned_end = planned_days.map(|days| {
        let end = from.0.saturating_add(i64::from(days) * events::time::DAY_US);
        Timestamp(end).to_string()
    });
    let mut results = Results {
        experiment: definition.name.clone(),
        phase: experiment.phase.as_str(),
        from: Some(from.to_string()),
        to: until.to_string(),
        days: (until.0 - from.0).max(0) as f64 / events::time::DAY_US as f64,
        control: definition.control().name.clone(),
        arms: definition.variants.iter().zip(&seen).map(|(v, seen)| arm(&v.name, seen)).collect(),
        sample_ratio_p: ratio.map(|ratio| ratio.p_always),
        is_sample_ratio_alarm: ratio.is_some_and(|ratio| ratio.is_alarm()),
        n_crossers,
        n_of_unknown_variants: n_unknown,
        contrasts,
        planned_days,
        planned_end,
        sentences: Vec::new(),
    };
    results.sentences = sentences(&results);
    Ok(results)
}

/// Who buys on a Sunday is not who buys on a Tuesday: whole weeks.
const WEEK_DAYS: f64 = 7.0;
/// What takes longer is not planned but given up, or widened.
const LONGEST_DAYS: f64 = 730.0;

/// As long as the variant that needs longest; nothing while that is not known of each.
fn planned_days(needed: &[Option<f64>]) -> Option<u32> {
    let known: Option<Vec<f64>> = needed.iter().copied().collect();
    let longest = known?.into_iter().reduce(f64::max)?;
    (longest <= LONGEST_DAYS).then(|| ((longest / WEEK_DAYS).ceil().max(1.0) * WEEK_DAYS) as u32)
}

/// How long it is to run in all.
fn plan(results: &Results) -> Option<String> {
    if results.phase != "running" || results.contrasts.is_empty() {
        return None;
    }
    let days_needed = results.contrasts.iter().filter_map(|contrast| contrast.days_needed);
    let longest = days_needed.fold(0.0, f64::max);
    let what = "an effect of 2 % in revenue is seen in 8 of 10 cases";
    Some(match (results.planned_days, &results.planned_end) {
        (Some(days), Some(end)) => {
            let left = f64::from(days) - results.days;
            let more = match left > 0.0 {
                true => format!("{:.0} more", left.ceil()),
                false => "they are over".to_owned(),
            };
            let day = end.split('T').next().unwrap_or(end);
            format!("Plan: {days} days in all, until {day} ({more}); by then {what}.")
        }
        _ if longest > LONGEST_DAYS => format!(
            "Plan: at this rate it would take {:.0} years until {what}; widen it, or look for a \
             larger effect.",
            (longest / 365.0).ceil()
        ),
        _ => format!("Plan: how long it takes until {what} is not known yet."),
    })
}

fn arm(name: &str, seen: &Seen) -> Arm {
    Arm {
        variant: name.to_owned(),
        n_units: seen.units.len() as u64,
        n_decisions: seen.took_ms.n(),
        mean_took_ms: seen.took_ms.mean(0),
    }
}

/// All variants until a moment: what came later counts for none of them, nor does who came later,
/// for a variant that was stopped has nobody new while the others have.
struct Arms<'a> {
    experiment: &'a Experiment,
    seen: &'a [Seen],
    end: Timestamp,
}

impl Arms<'_> {
    fn units(&self) -> Vec<Assigned> {
        let of_arm = |(arm, seen): (usize, &Seen)| {
            let early = seen.units.iter().filter(|(_, unit)| unit.first_at_us <= self.end.0);
            let assigned = early.map(move |(&unit, seen)| Assigned {
                unit: UnitId(unit),
                customer: seen.customer,
                arm: arm as u16,
                first_at_us: seen.first_at_us,
            });
            assigned.collect::<Vec<_>>()
        };
        self.seen.iter().enumerate().flat_map(of_arm).collect()
    }

    fn question(&self, key: u64) -> Question {
        let units = self.units();
        let began_us = units.iter().map(|unit| unit.first_at_us).min().unwrap_or(self.end.0);
        Question {
            key,
            units: Units::Given(units),
            began_us,
            since: Timestamp(i64::MIN),
            until: self.end,
            memory_bytes: facts::DEFAULT_MEMORY_BYTES,
            window_days: facts::DEFAULT_WINDOW_DAYS,
            asks_for_new_items: false,
        }
    }

    /// A variant against the control.
    fn contrast(&self, facts: &mut Facts, at: usize) -> Contrast {
        let definition = &self.experiment.definition;
        facts.trial.compare_arms(at as u16, 0);
        let shares = definition.shares();
        let share = shares[at] / (shares[0] + shares[at]);
        let reading = Reading::of(&facts.trial, self.end.0, Some(share));
        let names = [at, 0].map(|at| definition.variants[at].name.as_str());
        let mut metrics = metrics_of(&reading, names);
        let of = |name, metric, arms| finding(name, metric, arms, &reading, names);
        let arms = reading.arms();
        metrics.push(of("ordered at all", Metric::Mean { column: CONVERTED }, arms));
        metrics.push(of("checkouts completed, of those begun", CHECKED_OUT, &reading.plain));
        metrics.push(of("sent back, a customer", Metric::Mean { column: RETURNED }, arms));
        metrics.push(of("sent back, of what was sold", SENT_BACK, &reading.plain));
        if facts.trial.n_crossers() > 0 {
            let without = facts.trial.arms(false, |row| *row = reading.capped(*row));
            let name = "revenue a customer, without those seen in several variants";
            metrics.push(of(name, OF_REVENUE, &without));
        }
        let revenue = reading.lift(OF_REVENUE).ok();
        let power = revenue.and_then(|lift| power(&lift, &reading));
        let latencies = [at, 0].map(|at| self.seen[at].latency(self.end));
        Contrast {
            variant: definition.variants[at].name.clone(),
            until: self.end.to_string(),
            metrics,
            days_needed: power.as_ref().map(|(days, _)| *days),
            power: power.map(|(_, told)| told),
            doubts: facts.doubts,
            breaches: breaches(&definition.guardrails, &reading, &latencies),
        }
    }
}

/// Guardrails that are surely broken: the whole interval for every look lies beyond the margin.
fn breaches(
    rails: &Guardrails,
    reading: &Reading,
    [treated, control]: &[Moments<1>; 2],
) -> Vec<String> {
    let relative = |metric| reading.lift(metric).ok().and_then(|lift| lift.relative);
    let mut found = Vec::new();
    let percent = |effect: &Effect| {
        format!(
            "{:+.1} % ({:+.1} to {:+.1})",
            effect.value * 1e2,
            effect.low * 1e2,
            effect.high * 1e2
        )
    };
    for (what, metric, margin) in [
        ("orders at all", Metric::Mean { column: CONVERTED }, rails.conversion_percent),
        ("revenue", OF_REVENUE, rails.revenue_percent),
        ("checkouts completed", CHECKED_OUT, rails.checkout_percent),
    ] {
        if let Some(effect) = relative(metric).filter(|effect| effect.high < -margin / 100.0) {
            found.push(format!("{what}: {}, at most −{margin} % is tolerated", percent(&effect)));
        }
    }
    // Who sells more gets more back: it is the share of what was sold that may not rise.
    let margin = rails.refunds_percent;
    let excess = reading.excess(SENT_BACK, 1.0 + margin / 100.0);
    if excess.is_ok_and(|effect| effect.low > 0.0) {
        let share = |arm: &Moments<N_COLUMNS>| 1e2 * arm.sum(RETURNED) / arm.sum(SOLD);
        found.push(format!(
            "sent back: {:.1} % of what was sold, {:.1} % in the control, at most {margin} % more \
             is tolerated",
            share(&reading.plain.offers),
            share(&reading.plain.holdout)
        ));
    }
    let how = Comparison {
        metric: Metric::Mean { column: 0 },
        covariate: None,
        treated_share: None,
        is_alike: false,
        sequence: *reading.sequence(),
    };
    let slower = compare(treated, control, &how).ok().map(|lift| lift.difference);
    if let Some(effect) = slower.filter(|effect| effect.low > rails.latency_ms) {
        found.push(format!(
            "time of a decision: {:+.1} ms ({:+.1} to {:+.1}), at most {} ms is tolerated",
            effect.value, effect.low, effect.high, rails.latency_ms
        ));
    }
    found
}

impl Results {
    /// With the sentences, as machines get it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("texts and numbers always serialize")
    }
}

/// What was found, in the order of asking.
fn sentences(results: &Results) -> Vec<String> {
    let mut told = Vec::new();
    if results.is_sample_ratio_alarm {
        told.push(format!(
            "The variants do not have the sizes they were promised (p = {:.1e}): find what loses \
             customers of one of them before reading any result.",
            results.sample_ratio_p.unwrap_or_default()
        ));
    }
    told.extend(results.contrasts.iter().map(|contrast| sentence(results, contrast)));
    for contrast in &results.contrasts {
        for breach in &contrast.breaches {
            told.push(format!("{} does harm: {breach}.", contrast.variant));
        }
    }
    told.extend(plan(results));
    told
}

/// What the variant earns more than the control.
fn sentence(results: &Results, contrast: &Contrast) -> String {
    let (variant, control) = (&contrast.variant, &results.control);
    let Some(revenue) = contrast.metrics.first() else { return String::new() };
    match (&revenue.difference, &revenue.no_answer) {
        (Some(found), _) => {
            let interval = format!("({} to {})", number(found.low), number(found.high));
            match () {
                () if found.low > 0.0 => format!(
                    "{variant} earns {} more a customer than {control} {interval}.",
                    number(found.value)
                ),
                () if found.high < 0.0 => format!(
                    "{variant} earns {} less a customer than {control} {interval}.",
                    number(-found.value)
                ),
                () => format!(
                    "Whether {variant} earns more than {control} cannot be told yet: {} a \
                     customer, and anything in {interval} fits what was seen.",
                    number(found.value)
                ),
            }
        }
        (None, why) => {
            let why = why.clone().unwrap_or_default();
            format!("Nothing can be told of {variant} yet: {why}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::planned_days;

    #[test]
    fn a_plan_is_of_whole_weeks_and_as_long_as_the_slowest_variant_needs() {
        assert_eq!(planned_days(&[Some(3.0)]), Some(7));
        assert_eq!(planned_days(&[Some(7.0), Some(20.1)]), Some(21));
        assert_eq!(planned_days(&[Some(8.0), None]), None, "of one it is not known yet");
        assert_eq!(planned_days(&[Some(731.0)]), None, "years");
        assert_eq!(planned_days(&[]), None);
    }
}
