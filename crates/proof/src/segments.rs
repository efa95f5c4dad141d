//! Who responds: the effect among parts of the customers that were known before any offer.

use crate::error::{Error, Result};
use crate::findings::{ARMS, Estimate, estimate, reason};
use crate::words::{number, signed_interval};
use hashbrown::HashMap;
use history::Store;
use measure::reading::{OF_REVENUE, Reading};
use measure::trial::{BEFORE, Trial};
use serde::Serialize;

/// The attribute of customers that is looked at when none is named.
const DEFAULT_ATTRIBUTE: &str = "segment";
/// Values of it, the most frequent first.
const MAX_VALUES: usize = 20;

/// A part of the customers.
#[derive(Debug)]
pub struct Segment {
    name: String,
    /// By person of the trial.
    is_in: Vec<bool>,
}

#[derive(Debug, Serialize)]
pub struct SegmentFinding {
    pub(crate) segment: String,
    pub(crate) offers: u64,
    pub(crate) holdout: u64,
    /// Revenue a customer.
    pub(crate) difference: Option<Estimate>,
    pub(crate) no_answer: Option<String>,
}

/// Who bought in the days before and who did not, then the values of an attribute.
pub(crate) async fn gather(store: &Store, trial: &Trial, by: Option<&str>) -> Result<Vec<Segment>> {
    let before = trial.column(BEFORE);
    let mut segments = Vec::new();
    if before.iter().any(|&spent| spent != 0.0) {
        let part = |name: &str, has: bool| Segment {
            name: name.to_owned(),
            is_in: before.iter().map(|&spent| (spent != 0.0) == has).collect(),
        };
        segments.push(part("bought in the 90 days before", true));
        segments.push(part("did not buy in the 90 days before", false));
    }
    let attribute = by.unwrap_or(DEFAULT_ATTRIBUTE);
    let mut persons_of: HashMap<String, Vec<usize>> = HashMap::new();
    for customer in store.customers().await? {
        let Some(person) = trial.find(Some(customer.customer_idx), None) else { continue };
        let values = customer.attributes.into_iter().filter(|(name, _)| name == attribute);
        values.for_each(|(_, value)| persons_of.entry(value).or_default().push(person));
    }
    if let (Some(by), true) = (by, persons_of.is_empty()) {
        return Err(Error::UnknownAttribute { attribute: by.to_owned() });
    }
    let mut values: Vec<(String, Vec<usize>)> = persons_of.into_iter().collect();
    values.sort_unstable_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    values.truncate(MAX_VALUES);
    segments.extend(values.into_iter().map(|(value, persons)| {
        let mut is_in = vec![false; trial.n_persons()];
        persons.into_iter().for_each(|person| is_in[person] = true);
        Segment { name: format!("{attribute}: {value}"), is_in }
    }));
    Ok(segments)
}

pub(crate) fn findings(
    trial: &Trial,
    reading: &Reading,
    segments: &[Segment],
) -> Vec<SegmentFinding> {
    let of = |segment: &Segment| {
        let arms = trial.arms_of(|person| segment.is_in[person], |row| *row = reading.capped(*row));
        let lift = reading.lift_in(&arms, OF_REVENUE);
        SegmentFinding {
            segment: segment.name.clone(),
            offers: arms.offers.n(),
            holdout: arms.holdout.n(),
            difference: lift.as_ref().ok().map(|lift| estimate(&lift.difference)),
            no_answer: lift.err().map(|why| reason(OF_REVENUE, why, reading, ARMS)),
        }
    };
    segments.iter().map(of).collect()
}

/// What was learned about customers, in sentences.
pub(crate) fn sentences(findings: &[SegmentFinding], unit: &str) -> Vec<String> {
    let mut told = Vec::new();
    let known = findings.iter().filter_map(|found| Some((found, found.difference?)));
    for (found, effect) in known.clone() {
        let (value, interval) = (number(effect.value.abs()), signed_interval(&effect));
        let segment = &found.segment;
        if effect.low > 0.0 {
            told.push(format!(
                "Customers who respond ({segment}): {value}{unit} more each ({interval})."
            ));
        } else if effect.high < 0.0 {
            told.push(format!(
                "Customers who are put off ({segment}): {value}{unit} less each ({interval})."
            ));
        }
    }
    if told.is_empty() && known.count() > 0 {
        told.push(
            "No group of customers is known yet that surely responds, or is surely put off."
                .to_owned(),
        );
    }
    told
}
