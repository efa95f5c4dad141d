//! What came of an experiment: every variant against the first, by the estimators of the report.

use crate::commands::report::facts::{self, Doubts, customers_by_unit};
use crate::commands::report::findings::{MetricFinding, finding, metrics_of, power};
use events::Timestamp;
use experiment::Experiment;
use hashbrown::HashMap;
use history::{DecisionRecord, Store};
use measure::Moments;
use measure::assignment::{UnitId, key_of};
use measure::lift::{Effect, Metric};
use measure::reading::{ALPHA, OF_REVENUE, Reading};
use measure::trial::{Assigned, CONVERTED, RETURNED};
use measure::{Comparison, Sequence, compare, srm};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What is shown, and what `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) experiment: String,
    pub(crate) phase: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: String,
    pub(crate) days: f64,
    pub(crate) control: String,
    pub(crate) arms: Vec<Arm>,
    /// p-value, for every look, of the variants having the sizes they were promised.
    pub(crate) sample_ratio_p: Option<f64>,
    pub(crate) is_sample_ratio_alarm: bool,
    /// Who was seen in two variants; they count in their first.
    pub(crate) n_crossers: usize,
    /// Of variants that the definition does not know: somebody changed the log by hand.
    pub(crate) n_of_unknown_variants: u64,
    pub(crate) contrasts: Vec<Contrast>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Arm {
    pub(crate) variant: String,
    pub(crate) n_units: u64,
    pub(crate) n_decisions: u64,
    pub(crate) mean_took_ms: f64,
}

/// A variant against the control.
#[derive(Debug, Serialize)]
pub(crate) struct Contrast {
    pub(crate) variant: String,
    pub(crate) metrics: Vec<MetricFinding>,
    pub(crate) power: Option<String>,
    pub(crate) doubts: Doubts,
    /// Guardrails that the variant surely breaks.
    pub(crate) breaches: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow, default)]
    experiments: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    unit: Option<u64>,
    #[serde(default)]
    took_us: u64,
}

/// What the decisions say of one variant.
#[derive(Clone, Debug, Default)]
struct Seen {
    units: HashMap<u64, (i64, Option<u32>)>,
    took_ms: Moments<1>,
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
        let first = seen.units.entry(unit).or_insert((record.at.0, record.customer_idx));
        first.0 = first.0.min(record.at.0);
        first.1 = first.1.or(record.customer_idx);
        seen.took_ms.push(&[recorded.took_us as f64 / 1e3]);
    }
}

pub(crate) async fn of(
    store: &Store,
    experiment: &Experiment,
    now: Timestamp,
) -> anyhow::Result<Results> {
    let definition = &experiment.definition;
    let Some(from) = experiment.started_at else {
        anyhow::bail!(
            "{} has not run yet: `alongside experiment start {}`",
            definition.name,
            definition.name
        );
    };
    let until = experiment.ended_at.unwrap_or(now);
    let n_variants = definition.variants.len();
    let seen = vec![Seen::default(); n_variants];
    let mut sightings = Sightings { experiment, seen, until, n_unknown: 0 };
    store.each_decision(from, |record| sightings.take(record)).await?;
    let seen = &sightings.seen;
    let counts: Vec<u64> = seen.iter().map(|seen| seen.units.len() as u64).collect();
    // A variant that was stopped alone has fewer than were planned: nothing is promised then.
    let is_whole = experiment.stopped_variants.is_empty();
    let ratio = srm::check(&counts, &definition.shares()).filter(|_| is_whole);
    let customers = customers_by_unit(store, key_of(&store.store_id().await?)).await?;
    for seen in &mut sightings.seen {
        for (unit, (_, customer)) in &mut seen.units {
            *customer = customer.or_else(|| customers.get(unit).copied());
        }
    }
    let seen = &sightings.seen;
    let mut contrasts = Vec::new();
    let mut n_crossers = 0;
    for at in 1..n_variants {
        let (contrast, crossed) =
            contrast(store, experiment, [&seen[0], &seen[at]], at, until).await?;
        n_crossers += crossed;
        contrasts.push(contrast);
    }
    Ok(Results {
        experiment: definition.name.clone(),
        phase: experiment.phase.as_str(),
        from: Some(from.to_string()),
        to: until.to_string(),
        days: (until.0 - from.0).max(0) as f64 / events::time::DAY_US as f64,
        control: definition.control().name.clone(),
        arms: definition.variants.iter().zip(seen).map(|(v, seen)| arm(&v.name, seen)).collect(),
        sample_ratio_p: ratio.map(|ratio| ratio.p_always),
        is_sample_ratio_alarm: ratio.is_some_and(|ratio| ratio.is_alarm()),
        n_crossers,
        n_of_unknown_variants: sightings.n_unknown,
        contrasts,
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

fn units_of(seen: &Seen, is_control: bool) -> impl Iterator<Item = Assigned> + '_ {
    seen.units.iter().map(move |(&unit, &(first_at_us, customer))| Assigned {
        unit: UnitId(unit),
        customer,
        is_held_out: is_control,
        first_at_us,
    })
}

/// Control and variant as the two arms of a trial.
async fn contrast(
    store: &Store,
    experiment: &Experiment,
    [control, variant]: [&Seen; 2],
    at: usize,
    until: Timestamp,
) -> anyhow::Result<(Contrast, usize)> {
    let definition = &experiment.definition;
    let units = units_of(control, true).chain(units_of(variant, false)).collect();
    let key = key_of(&store.store_id().await?);
    let facts = facts::gather_of(store, key, units, (Timestamp(i64::MIN), until)).await?;
    let shares = definition.shares();
    let share = shares[at] / (shares[0] + shares[at]);
    let promised = experiment.stopped_variants.is_empty().then_some(share);
    let reading = Reading::of(&facts.trial, until.0, promised);
    let arms = reading.arms();
    let names = [at, 0].map(|at| definition.variants[at].name.as_str());
    let mut metrics = metrics_of(&reading, names);
    for (name, column) in [("ordered at all", CONVERTED), ("sent back, a customer", RETURNED)] {
        metrics.push(finding(name, Metric::Mean { column }, arms, &reading, names));
    }
    let revenue = reading.lift(OF_REVENUE).ok();
    let contrast = Contrast {
        variant: definition.variants[at].name.clone(),
        metrics,
        power: revenue.and_then(|lift| power(&lift, &reading)),
        doubts: facts.doubts,
        breaches: breaches(experiment, &reading, [control, variant]),
    };
    Ok((contrast, facts.trial.n_crossers()))
}

/// Guardrails that are surely broken: the whole interval for every look lies beyond the margin.
fn breaches(
    experiment: &Experiment,
    reading: &Reading,
    [control, variant]: [&Seen; 2],
) -> Vec<String> {
    let rails = &experiment.definition.guardrails;
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
    ] {
        if let Some(effect) = relative(metric).filter(|effect| effect.high < -margin / 100.0) {
            found.push(format!("{what}: {}, at most −{margin} % is tolerated", percent(&effect)));
        }
    }
    let returned = relative(Metric::Mean { column: RETURNED });
    if let Some(effect) = returned.filter(|e| e.low > rails.refunds_percent / 100.0) {
        let margin = rails.refunds_percent;
        found.push(format!("sent back: {}, at most +{margin} % is tolerated", percent(&effect)));
    }
    if let Some(effect) = latency(control, variant).filter(|e| e.low > rails.latency_ms) {
        found.push(format!(
            "time of a decision: {:+.1} ms ({:+.1} to {:+.1}), at most {} ms is tolerated",
            effect.value, effect.low, effect.high, rails.latency_ms
        ));
    }
    found
}

/// Milliseconds that a decision takes longer, over decisions.
fn latency(control: &Seen, variant: &Seen) -> Option<Effect> {
    let n = (control.took_ms.n() + variant.took_ms.n()).max(1_000);
    let how = Comparison {
        metric: Metric::Mean { column: 0 },
        covariate: None,
        treated_share: None,
        is_alike: false,
        sequence: Sequence::tightest_at(n, ALPHA),
    };
    compare(&variant.took_ms, &control.took_ms, &how).ok().map(|lift| lift.difference)
}
