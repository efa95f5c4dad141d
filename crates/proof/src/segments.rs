//! Who responds: the effect among parts of the customers that were known before any offer.

use crate::error::{Error, Result};
use crate::findings::{ARMS, Estimate, estimate, reason};
use crate::words::{number, signed_interval};
use hashbrown::HashMap;
use history::Store;
use measure::reading::{OF_REVENUE, Reading};
use measure::trial::{BEFORE, Person, Trial};
use serde::Serialize;

/// The attribute of customers that is looked at when none is named.
pub(crate) const DEFAULT_ATTRIBUTE: &str = "segment";
/// Values of it, the most frequent first.
const MAX_VALUES: usize = 20;

/// Parts of the customers.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    parts: Vec<(String, Part)>,
    /// By customer, the place of their value among the parts plus one; 0 for none of these.
    value_of: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// Who bought in the days before, or did not.
    Before(bool),
    Value(u8),
}

impl Segments {
    fn holds(&self, part: Part, person: &Person) -> bool {
        match part {
            Part::Before(has) => (person.row[BEFORE] != 0.0) == has,
            Part::Value(value) => {
                let of = person.customer.and_then(|one| self.value_of.get(one as usize));
                of == Some(&value)
            }
        }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SegmentFinding {
    pub(crate) segment: String,
    pub(crate) offers: u64,
    pub(crate) holdout: u64,
    /// Revenue a customer.
    pub(crate) difference: Option<Estimate>,
    pub(crate) no_answer: Option<String>,
}

/// Who bought in the days before and who did not, then the values of an attribute.
pub(crate) async fn gather(store: &Store, trial: &Trial, by: Option<&str>) -> Result<Segments> {
    let mut segments = Segments::default();
    let mut bought_before = false;
    trial.each(|person| bought_before |= person.row[BEFORE] != 0.0);
    if bought_before {
        let parts = &mut segments.parts;
        parts.push(("bought in the 90 days before".to_owned(), Part::Before(true)));
        parts.push(("did not buy in the 90 days before".to_owned(), Part::Before(false)));
    }
    let attribute = by.unwrap_or(DEFAULT_ATTRIBUTE);
    let Values { names, of_customer } = values(store, trial, by).await?;
    segments.value_of = of_customer;
    let parts = names.iter().map(|value| format!("{attribute}: {value}"));
    segments.parts.extend(parts.zip((1..).map(Part::Value)));
    Ok(segments)
}

/// The most frequent values of an attribute.
#[derive(Debug, Default)]
pub(crate) struct Values {
    names: Vec<String>,
    /// By customer, the place of their value among the names plus one; 0 for none of these.
    of_customer: Vec<u8>,
}

impl Values {
    pub(crate) fn of(&self, person: &Person) -> Option<&str> {
        let number = *self.of_customer.get(person.customer? as usize)?;
        self.names.get(usize::from(number).checked_sub(1)?).map(String::as_str)
    }
}

pub(crate) async fn values(store: &Store, trial: &Trial, by: Option<&str>) -> Result<Values> {
    let attribute = by.unwrap_or(DEFAULT_ATTRIBUTE);
    let mut n_of: HashMap<String, u64> = HashMap::new();
    store
        .each_attribute(attribute, |customer, value| {
            if trial.has(customer) {
                *n_of.entry_ref(value).or_default() += 1;
            }
        })
        .await?;
    if let (Some(by), true) = (by, n_of.is_empty()) {
        return Err(Error::UnknownAttribute { attribute: by.to_owned() });
    }
    let mut values: Vec<(String, u64)> = n_of.into_iter().collect();
    values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(MAX_VALUES);
    let numbers: HashMap<&str, u8> = values.iter().map(|(value, _)| &**value).zip(1..).collect();
    let mut value_of: Vec<u8> = Vec::new();
    store
        .each_attribute(attribute, |customer, value| {
            let Some(number) = numbers.get(value) else { return };
            let at = customer as usize;
            value_of.resize(value_of.len().max(at + 1), 0);
            value_of[at] = *number;
        })
        .await?;
    drop(numbers);
    let names = values.into_iter().map(|(value, _)| value).collect();
    Ok(Values { names, of_customer: value_of })
}

pub(crate) fn findings(
    trial: &Trial,
    reading: &Reading,
    segments: &Segments,
) -> Vec<SegmentFinding> {
    let of = |(name, part): &(String, Part)| {
        let is_in = |person: &Person| segments.holds(*part, person);
        let arms = trial.arms_of(is_in, |row| *row = reading.capped(*row));
        let lift = reading.lift_in(&arms, OF_REVENUE);
        SegmentFinding {
            segment: name.clone(),
            offers: arms.offers.n(),
            holdout: arms.holdout.n(),
            difference: lift.as_ref().ok().map(|lift| estimate(&lift.difference)),
            no_answer: lift.err().map(|why| reason(OF_REVENUE, why, reading, ARMS)),
        }
    };
    segments.parts.iter().map(of).collect()
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
