//! From facts to findings: what can be said, how surely, and what cannot.

use crate::error::Result;
use crate::facts::{self, Bounds, Doubts, Facts, Telling};
use crate::funnels::{Funnel, RelationFunnel, WINDOW_DAYS};
use crate::promise::{self, HoldoutFinding};
use crate::segments::{self, SegmentFinding, Segments};
use events::Timestamp;
use history::Store;
use measure::Moments;
use measure::lift::{Effect, Lift, MIN_BUYERS, Metric, NoAnswer};
use measure::power::{PowerQuestion, days_needed};
use measure::reading::{OF_REVENUE, Reading};
use measure::srm::SampleRatio;
use measure::trial::{
    AGAIN, AGAIN_DAYS, ATTACHED, Arms, CAME_BACK, COVERABLE, ELSEWHERE, FROM_OFFERS, ITEMS, MARGIN,
    NEW_ITEMS, ORDERS, ORDERS_WITH_OFFER, RETURNED, REVENUE,
};
use measure::winsor::MIN_BUYERS as MIN_TO_CAP;
use serde::Serialize;

/// Everything that is shown, and what `--json` prints.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Findings {
    /// Plain sentences, the most important first.
    pub sentences: Vec<String>,
    /// First assignment and the moment of the report.
    pub from: Option<String>,
    pub to: String,
    pub days: f64,
    pub currency: Option<String>,
    /// Customers and visits with offers and held out.
    pub n_offers: u64,
    pub n_holdout: u64,
    /// Of these, first assigned while nobody, or everybody, was held out: compared with nobody.
    pub n_not_compared: u64,
    /// What was held out since when.
    pub holdout: Vec<HoldoutFinding>,
    /// Seen in both arms; they count in their first.
    pub n_crossers: u64,
    /// p-value, for every look, of the arms having the sizes they were promised.
    pub sample_ratio_p: Option<f64>,
    /// The arms do not have the sizes they were promised: no result is told then, only what helps
    /// to find what loses customers.
    pub is_sample_ratio_alarm: bool,
    /// Most that a customer's revenue counts for, where one outweighed all others.
    pub capped_at: Option<f64>,
    /// What the offers earned in all, with its interval; of capped revenue where there is a cap.
    pub incremental_revenue: Option<Estimate>,
    /// What peers would report: all that was bought from an offer or after a click on one.
    pub attributed_revenue: Option<f64>,
    /// The same net of what was sent back.
    pub attributed_kept: Option<f64>,
    /// Of what was bought from offers, that from answers which were in view for a second; `None`:
    /// no page tells what was.
    pub attributed_seen: Option<f64>,
    /// A click counts for what is bought of the item within so many days, where no origin is told.
    pub window_days: u32,
    /// What was bought of an offer within so many days of a click on it.
    pub after_click: Vec<AfterClick>,
    /// Revenue a customer that would have come from elsewhere.
    pub displaced: Option<Estimate>,
    pub metrics: Vec<MetricFinding>,
    pub placements: Vec<PlacementFinding>,
    pub relations: Vec<RelationFinding>,
    pub segments: Vec<SegmentFinding>,
    pub doubts: Doubts,
    /// How long until an effect of 2 % is seen.
    pub power: Option<String>,
    pub method: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What was bought of an offer so many days after a click on it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AfterClick {
    pub days: i64,
    pub revenue: f64,
}

/// One number in both arms.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct MetricFinding {
    pub name: &'static str,
    pub offers: Option<f64>,
    pub holdout: Option<f64>,
    pub difference: Option<Estimate>,
    pub relative: Option<Estimate>,
    /// Both values and their difference are of capped revenue.
    pub is_capped: bool,
    /// Why there is no interval.
    pub no_answer: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlacementFinding {
    pub placement: String,
    pub decisions: u64,
    pub held_out: u64,
    pub empty: u64,
    /// Of these, for whoever asked was not expected to respond (`spend_on` in the policies).
    pub spared: u64,
    /// Decisions that found something to offer, held out or not.
    pub eligible: u64,
    /// Answers that stood on a page, as events say.
    pub shown: u64,
    /// Of these, in view there: half of it for a second. `None`: no page tells it.
    pub seen: Option<u64>,
    pub clicked: u64,
    pub dismissed: u64,
    pub added: u64,
    /// These three not on a sample-ratio alarm.
    pub bought: Option<u64>,
    pub revenue: Option<f64>,
    pub kept: Option<f64>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RelationFinding {
    pub relation: String,
    /// Offers in answers that stood on a page.
    pub shown: u64,
    /// Of these, in view there; `None`: no page tells it.
    pub seen: Option<u64>,
    pub clicked: u64,
    pub bought: u64,
    pub revenue: f64,
    pub kept: f64,
}

const MARGIN_NAME: &str = "margin a customer";
const NEW_NAME: &str = "items a customer never bought before";

/// Of units sold that a plan or an accessory could go with, those that one was sold with.
const OF_ATTACHED: Metric = Metric::Ratio { numerator: ATTACHED, denominator: COVERABLE };

const METRICS: [(&str, Metric); 13] = [
    ("revenue a customer", OF_REVENUE),
    (MARGIN_NAME, Metric::Mean { column: MARGIN }),
    ("orders a customer", Metric::Mean { column: ORDERS }),
    ("revenue an order", Metric::Ratio { numerator: REVENUE, denominator: ORDERS }),
    ("pieces an order", Metric::Ratio { numerator: ITEMS, denominator: ORDERS }),
    ("from offers, a customer", Metric::Mean { column: FROM_OFFERS }),
    ("from elsewhere, a customer", Metric::Mean { column: ELSEWHERE }),
    ("orders with an offer", Metric::Ratio { numerator: ORDERS_WITH_OFFER, denominator: ORDERS }),
    ("attach rate", OF_ATTACHED),
    ("came back", Metric::Mean { column: CAME_BACK }),
    ("ordered again within 30 days", Metric::Mean { column: AGAIN[0] }),
    ("ordered again within 60 days", Metric::Mean { column: AGAIN[1] }),
    ("ordered again within 90 days", Metric::Mean { column: AGAIN[2] }),
];

/// What the arms are called in sentences.
pub const ARMS: [&str; 2] = ["the arm with offers", "the held-out arm"];

/// What is asked of a report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Of who was assigned first in the last so many days only.
    pub days: Option<u32>,
    /// Attribute of customers by whose values the effect is told; `None`: `segment`.
    pub by: Option<&'a str>,
    /// Share that was to be held out; `None`: what the store was told, at each time.
    pub holdout: Option<f64>,
    /// A click counts for what is bought within so many days; `None`: 28.
    pub window_days: Option<u32>,
    /// What the reading may take, beside what customers and the catalog take; `None`: as much as
    /// is usual. Where the joins need more, they go by way of temporary files.
    pub memory_bytes: Option<u64>,
}

/// Reads the store and tells what was found.
pub async fn read(store: &Store, now: Timestamp, asked: Asked<'_>) -> Result<Findings> {
    read_telling(store, now, asked, &mut |_, _, _| {}).await
}

/// The same, and tells how far it is.
pub async fn read_telling(
    store: &Store,
    now: Timestamp,
    asked: Asked<'_>,
    tell: &mut Telling<'_>,
) -> Result<Findings> {
    let bounds = Bounds::of(&asked);
    let mut facts = facts::gather(store, now, bounds, tell).await?;
    facts.trial.promise(promise::promise(store, asked.holdout).await?);
    let segments = segments::gather(store, &facts.trial, asked.by).await?;
    let findings = of(&facts, &segments, bounds.window_days);
    facts.check()?;
    Ok(findings)
}

fn of(facts: &Facts, segments: &Segments, window_days: u32) -> Findings {
    let reading = Reading::of(&facts.trial, facts.now.0, None);
    let sizes = facts.trial.sizes();
    let holdout = promise::findings(facts.trial.promised());
    let ratio = facts.trial.sample_ratio();
    let alarm = ratio.filter(SampleRatio::is_alarm);
    let mut findings = Findings {
        sentences: Vec::new(),
        from: facts.trial.began_at_us().map(|at| events::Timestamp(at).to_string()),
        to: facts.now.to_string(),
        days: reading.days,
        currency: facts.currency.map(|currency| currency.as_str().to_owned()),
        n_offers: sizes[0],
        n_holdout: sizes[1],
        n_not_compared: facts.trial.n_alone(),
        holdout,
        n_crossers: facts.trial.n_crossers() as u64,
        sample_ratio_p: ratio.map(|ratio| ratio.p_always),
        is_sample_ratio_alarm: alarm.is_some(),
        capped_at: None,
        incremental_revenue: None,
        attributed_revenue: None,
        attributed_kept: None,
        attributed_seen: None,
        window_days,
        after_click: Vec::new(),
        displaced: None,
        metrics: Vec::new(),
        placements: facts.funnels.placements.iter().map(placement).collect(),
        relations: Vec::new(),
        segments: Vec::new(),
        doubts: facts.doubts,
        power: None,
        method: method_of(&reading),
    };
    let revenue = match alarm {
        Some(ratio) => Err(NoAnswer::SampleRatio(ratio)),
        None => reading.lift(OF_REVENUE),
    };
    if alarm.is_some() {
        findings.placements.iter_mut().for_each(PlacementFinding::keep_counts);
    } else {
        findings.tell(facts, segments, &reading);
    }
    let of_arms = revenue.err().map(|why| reason(OF_REVENUE, why, &reading, ARMS));
    let (n, n_alone) = (sizes[0] + sizes[1], findings.n_not_compared);
    let why = promise::why_nothing(&findings.holdout, n, n_alone).or(of_arms);
    findings.method.extend(promise::method(&findings.holdout));
    findings.sentences = crate::words::sentences(&findings, why);
    findings
}

impl Findings {
    /// The results, of arms that are what was promised.
    fn tell(&mut self, facts: &Facts, segments: &Segments, reading: &Reading) {
        let revenue = reading.lift(OF_REVENUE).ok();
        let n_treated = reading.plain.offers.n() as f64;
        self.incremental_revenue = revenue.as_ref().map(|lift| {
            let Estimate { value, low, high } = estimate(&lift.difference);
            Estimate { value: value * n_treated, low: low * n_treated, high: high * n_treated }
        });
        let funnels = facts.funnels.placements.values();
        self.attributed_revenue =
            Some(funnels.clone().map(|funnel| funnel.bought).sum::<f64>() + 0.0);
        let windows = WINDOW_DAYS.into_iter().enumerate();
        self.after_click = windows
            .map(|(at, days)| {
                let sum = funnels.clone().map(|funnel| funnel.after_click[at]).sum::<f64>() + 0.0;
                AfterClick { days, revenue: sum }
            })
            .collect();
        self.attributed_kept = Some(funnels.clone().map(|funnel| funnel.kept).sum::<f64>() + 0.0);
        let has_views = funnels.clone().any(|funnel| funnel.n_seen > 0);
        self.attributed_seen =
            has_views.then(|| funnels.map(|funnel| funnel.bought_seen).sum::<f64>() + 0.0);
        self.capped_at = reading.cap().map(|cap| cap.range().1);
        self.displaced = reading.displaced().ok().map(|displaced| estimate(&displaced));
        let relations = facts.funnels.relations.iter();
        self.relations = relations.map(|one| relation(one, has_views)).collect();
        self.segments = segments::findings(&facts.trial, reading, segments);
        self.power = revenue.and_then(|lift| power(&lift, reading)).map(|(_, told)| told);
        self.metrics = metrics_of(reading, ARMS);
        let new = Metric::Mean { column: NEW_ITEMS };
        self.metrics.push(finding(NEW_NAME, new, reading.arms(), reading, ARMS));
        if self.capped_at.is_some() {
            let mut uncapped = finding(
                "revenue a customer, not capped",
                OF_REVENUE,
                &reading.plain,
                reading,
                ARMS,
            );
            uncapped.is_capped = false;
            uncapped.no_answer = Some("one customer outweighs all others".to_owned());
            self.metrics.push(uncapped);
        }
        if facts.trial.n_crossers() > 0 {
            let without = facts.trial.arms(false, |row| *row = reading.capped(*row));
            let name = "revenue a customer, without those seen in both arms";
            self.metrics.push(finding(name, OF_REVENUE, &without, reading, ARMS));
        }
        for metric in &mut self.metrics {
            let is_nothing = (metric.offers, metric.holdout) == (Some(0.0), Some(0.0));
            if metric.name == MARGIN_NAME && is_nothing && !facts.has_costs {
                metric.no_answer = Some("no item has a cost".to_owned());
            }
        }
    }
}

/// The numbers of both arms.
pub fn metrics_of(reading: &Reading, names: [&str; 2]) -> Vec<MetricFinding> {
    let arms = reading.arms();
    let mut found: Vec<MetricFinding> =
        METRICS.iter().map(|&(name, metric)| finding(name, metric, arms, reading, names)).collect();
    let first = METRICS.len() - AGAIN.len();
    for (finding, days) in found[first..].iter_mut().zip(AGAIN_DAYS) {
        // Both arms are cut off alike, but the level would be told too low.
        if reading.days < days as f64 {
            (finding.offers, finding.holdout) = (None, None);
            (finding.difference, finding.relative) = (None, None);
            finding.no_answer = Some(format!("nobody was seen for {days} days yet"));
        }
    }
    found
}

/// `names`: what the arms are called.
pub fn finding(
    name: &'static str,
    metric: Metric,
    arms: &Arms,
    reading: &Reading,
    names: [&str; 2],
) -> MetricFinding {
    let lift = reading.lift_in(arms, metric);
    MetricFinding {
        name,
        offers: value_of(metric, &arms.offers),
        holdout: value_of(metric, &arms.holdout),
        difference: lift.as_ref().ok().map(|lift| estimate(&lift.difference)),
        relative: lift.as_ref().ok().and_then(|lift| lift.relative).map(|e| estimate(&e)),
        is_capped: reading.is_capped(metric),
        no_answer: lift.err().map(|why| reason(metric, why, reading, names)),
    }
}

/// Why there is no answer, in the words of whoever reads a report.
pub fn reason(
    metric: Metric,
    why: NoAnswer,
    reading: &Reading,
    [offers, holdout]: [&str; 2],
) -> String {
    let is_of = |column| metric == Metric::Mean { column };
    match why {
        NoAnswer::NoDenominator if metric == OF_ATTACHED => {
            "nothing was sold that a plan or an accessory is declared for".to_owned()
        }
        NoAnswer::AllAlike if is_of(CAME_BACK) || AGAIN.into_iter().any(is_of) => {
            "nobody came back yet".to_owned()
        }
        NoAnswer::TooFewBuyers { treated, control } if is_of(FROM_OFFERS) => {
            format!(
                "{MIN_BUYERS} buyers from offers are needed; there are {}",
                treated.max(control)
            )
        }
        NoAnswer::TooFewBuyers { treated, control } => {
            let who = match () {
                () if metric == OF_ATTACHED => "buyers of a plan or an accessory",
                () if is_of(NEW_ITEMS) => "buyers of something new to them",
                () if is_of(CAME_BACK) || AGAIN.into_iter().any(is_of) => "who came back",
                () if is_of(RETURNED) => "who sent something back",
                () => "buyers",
            };
            let (arm, n) = if treated < control { (offers, treated) } else { (holdout, control) };
            format!(
                "{MIN_BUYERS} {who} in each arm are needed; {arm} has {n}: wait until there are \
                 more"
            )
        }
        NoAnswer::OneCustomer { share } if reading.is_capped(metric) => format!(
            "one customer makes up {:.0} % of what the difference varies by, though values are \
             capped: wait until more have bought",
            share * 100.0
        ),
        NoAnswer::OneCustomer { share } if metric == OF_REVENUE => format!(
            "one customer makes up {:.0} % of what the difference varies by: wait until more have \
             bought (of {MIN_TO_CAP} buyers on, the largest are capped)",
            share * 100.0
        ),
        why => why.to_string(),
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

pub fn estimate(effect: &Effect) -> Estimate {
    Estimate { value: effect.value, low: effect.low, high: effect.high }
}

fn relation((name, funnel): (&String, &RelationFunnel), has_views: bool) -> RelationFinding {
    RelationFinding {
        relation: name.clone(),
        shown: funnel.n_shown,
        seen: has_views.then_some(funnel.n_seen),
        clicked: funnel.n_clicked,
        bought: funnel.n_bought,
        revenue: funnel.bought,
        kept: funnel.kept,
    }
}

fn placement((name, funnel): (&String, &Funnel)) -> PlacementFinding {
    PlacementFinding {
        placement: name.clone(),
        decisions: funnel.n_decisions,
        held_out: funnel.n_held_out,
        empty: funnel.n_empty,
        spared: funnel.n_spared,
        eligible: funnel.n_decisions - funnel.n_empty,
        shown: funnel.n_shown,
        seen: (funnel.n_seen > 0).then_some(funnel.n_seen),
        clicked: funnel.n_clicked,
        dismissed: funnel.n_dismissed,
        added: funnel.n_added,
        bought: Some(funnel.n_bought),
        revenue: Some(funnel.bought),
        kept: Some(funnel.kept),
    }
}

impl PlacementFinding {
    /// Without what was bought.
    fn keep_counts(&mut self) {
        (self.bought, self.revenue, self.kept) = (None, None, None);
    }
}

/// Days in all until an effect of 2 % is seen, and the sentence about it.
pub(crate) fn power(lift: &Lift, reading: &Reading) -> Option<(f64, String)> {
    let days = reading.days;
    let relative = lift.relative?;
    let question = PowerQuestion {
        effect: 0.02,
        power: 0.8,
        days_so_far: days,
        n_customers: lift.n_treated + lift.n_control,
    };
    let power = days_needed(&relative, reading.sequence(), &question)?;
    // Part of a day says little of the days to come.
    (days >= 1.0).then(|| {
        let visible = power.visible_now * 100.0;
        let sentence = power.sentence(&question);
        let told = format!("Today an effect of {visible:.1} % would be seen; {sentence}.");
        (power.days_needed, told)
    })
}

fn method_of(reading: &Reading) -> Vec<String> {
    let mut method = vec![
        "Each customer (else each visit) is assigned by a keyed hash; the first assignment stands, \
         whatever came later."
            .to_owned(),
        "Revenue is net of returns, from the first time somebody could have been shown an offer, \
         with the same clock in both arms."
            .to_owned(),
        "Intervals are of 95 % and hold however often one looks (asymptotic confidence sequence)."
            .to_owned(),
    ];
    if reading.has_covariate() {
        method.push("Revenue of the 90 days before takes noise out (CUPED).".to_owned());
    }
    if let (Some(cap), Some(from)) = (reading.cap(), reading.cap_from()) {
        let (low, high) = cap.range();
        let whose = match from.is_of_before {
            true => "of the time before",
            false => "of who bought in either arm, taken without looking at the arm",
        };
        method.push(format!(
            "One customer outweighs all others, so revenue is capped at {low:.2} and {high:.2} a \
             customer (winsorised at the {:.0} % quantile {whose}); what is marked as capped is of \
             that, orders and pieces are as they were.",
            (1.0 - from.tail) * 100.0
        ));
    }
    method
}
