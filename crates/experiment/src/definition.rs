//! The file that defines an experiment.
//!
//! ```toml
//! name = "more-in-the-cart"
//! layer = "cart"              # of one layer, a unit is in one experiment at most
//! share = 20.0                # percent of the layer's units; may be widened later
//! placements = ["cart"]       # where it applies; none named: everywhere
//!
//! [[variant]]                 # the first is what the others are held against
//! name = "four"
//! [[variant]]
//! name = "eight"
//! weight = 1.0
//! count = 8                   # or: offers = false, policy_version = 3, snapshot = "2026…"
//!
//! [guardrails]                # what stops a variant by itself; these are the defaults
//! conversion_percent = 2.0    # fewer customers who order, beyond so much
//! revenue_percent = 5.0
//! checkout_percent = 3.0      # fewer orders of the checkouts that are begun
//! refunds_percent = 20.0
//! latency_ms = 20.0
//! ```

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Parts into which a layer is cut: shares are told to a tenth of a percent.
pub const N_BUCKETS: u16 = 1_000;
const MAX_NAME: usize = 64;
const MAX_VARIANTS: usize = 16;

/// What is compared. Never changes once it was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    pub name: String,
    #[serde(default = "default_layer")]
    pub layer: String,
    /// Percent of the layer's units.
    #[serde(default = "everybody")]
    pub share: f64,
    #[serde(default)]
    pub placements: Vec<String>,
    #[serde(rename = "variant")]
    pub variants: Vec<Variant>,
    #[serde(default)]
    pub guardrails: Guardrails,
}

/// What is different in a variant; nothing, in most controls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    pub name: String,
    #[serde(default = "even")]
    pub weight: f64,
    /// False: nothing is shown, and the record keeps what would have been.
    #[serde(default = "shown")]
    pub offers: bool,
    /// Offers of a slate, where the request asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// A version of the policies in place of that in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
    /// A published snapshot in place of that in force, by its whole name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// How much worse than the control a variant may surely be before it is stopped by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guardrails {
    pub conversion_percent: f64,
    pub revenue_percent: f64,
    /// Of the checkouts that are begun, how many fewer lead to an order within a day.
    pub checkout_percent: f64,
    pub refunds_percent: f64,
    pub latency_ms: f64,
}

impl Default for Guardrails {
    fn default() -> Guardrails {
        Guardrails {
            conversion_percent: 2.0,
            revenue_percent: 5.0,
            checkout_percent: 3.0,
            refunds_percent: 20.0,
            latency_ms: 20.0,
        }
    }
}

fn default_layer() -> String {
    "default".to_owned()
}

fn everybody() -> f64 {
    100.0
}

fn even() -> f64 {
    1.0
}

fn shown() -> bool {
    true
}

impl Definition {
    /// Reads and checks a file. `placements` are the names that exist.
    pub fn read(text: &str, placements: &[&str]) -> Result<Definition, Error> {
        let definition: Definition = toml::from_str(text).map_err(|error| Error::Faulty {
            path: None,
            detail: error.to_string().trim_end().to_owned(),
        })?;
        definition.check(placements)?;
        Ok(definition)
    }

    /// Versions of the policies that its variants ask for.
    pub fn policy_versions(&self) -> impl Iterator<Item = u64> + '_ {
        self.variants.iter().filter_map(|variant| variant.policy_version)
    }

    /// Snapshots that its variants are served from.
    pub fn snapshots(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().filter_map(|variant| variant.snapshot.as_deref())
    }

    /// What was read from elsewhere than a file, with the fields of the file.
    pub fn check(&self, placements: &[&str]) -> Result<(), Error> {
        check_name("name", &self.name)?;
        if self.name == "holdout" {
            let detail = "name: `holdout` is that of the whole shop; take another";
            return Err(Error::at("name", detail));
        }
        check_name("layer", &self.layer)?;
        buckets_of(self.share).map_err(|detail| Error::at("share", detail))?;
        let is_unknown = |name: &String| !placements.contains(&name.as_str());
        if let Some(at) = self.placements.iter().position(is_unknown) {
            let (unknown, known) = (&self.placements[at], placements.join(", "));
            let detail = format!("placements: there is no {unknown:?}; there are {known}");
            return Err(Error::at(format!("placements[{at}]"), detail));
        }
        self.check_variants()?;
        let rails = &self.guardrails;
        for (name, value) in [
            ("conversion_percent", rails.conversion_percent),
            ("revenue_percent", rails.revenue_percent),
            ("checkout_percent", rails.checkout_percent),
            ("refunds_percent", rails.refunds_percent),
            ("latency_ms", rails.latency_ms),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                let path = format!("guardrails.{name}");
                return Err(Error::at(
                    &*path,
                    format!("{path} is {value}: give a number from 0 up"),
                ));
            }
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Error> {
        let n = self.variants.len();
        if !(2..=MAX_VARIANTS).contains(&n) {
            let detail = format!(
                "{n} variants: an experiment has 2 to {MAX_VARIANTS}, each a `[[variant]]`; the \
                 first is what the others are held against"
            );
            return Err(Error::at("variant", detail));
        }
        for (at, variant) in self.variants.iter().enumerate() {
            let path = |field: &str| format!("variant[{at}].{field}");
            check_name(&path("name"), &variant.name)?;
            let (name, weight) = (&variant.name, variant.weight);
            if self.variants[..at].iter().any(|other| other.name == *name) {
                let detail = format!("two variants have the name {name:?}");
                return Err(Error::at(path("name"), detail));
            }
            if !(0.001..=1_000.0).contains(&weight) {
                let detail = format!(
                    "variant {name:?} has weight {weight}: give a number from 0.001 to 1000"
                );
                return Err(Error::at(path("weight"), detail));
            }
            if variant.count.is_some_and(|count| !(1..=100).contains(&count)) {
                let detail = format!("variant {name:?}: give a count from 1 to 100");
                return Err(Error::at(path("count"), detail));
            }
            if let Some(snapshot) = &variant.snapshot {
                check_name(&path("snapshot"), snapshot)?;
            }
        }
        Ok(())
    }

    pub fn control(&self) -> &Variant {
        &self.variants[0]
    }

    pub fn variant(&self, name: &str) -> Result<&Variant, Error> {
        self.variants.iter().find(|variant| variant.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.variants.iter().map(|v| v.name.as_str()).collect();
            let (name, variant) = (self.name.clone(), name.to_owned());
            Error::UnknownVariant { name, variant, known: known.join(", ") }
        })
    }

    /// Planned shares of the variants, sum 1.
    pub fn shares(&self) -> Vec<f64> {
        let all: f64 = self.variants.iter().map(|variant| variant.weight).sum();
        self.variants.iter().map(|variant| variant.weight / all).collect()
    }
}

/// Percent as a number of buckets.
pub(crate) fn buckets_of(share: f64) -> Result<u16, String> {
    if !(0.1..=100.0).contains(&share) {
        return Err(format!("share is {share}: give percent from 0.1 to 100"));
    }
    Ok((share * f64::from(N_BUCKETS) / 100.0).round() as u16)
}

/// Names stand in records and file lines.
fn check_name(field: &str, name: &str) -> Result<(), Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
        // A name without an end says no more by its end.
        let shown: String = name.chars().take(MAX_NAME + 1).collect();
        let detail = format!(
            "{field} is {shown:?}: take 1 to {MAX_NAME} letters of a-z, A-Z, 0-9 and - _ ."
        );
        return Err(Error::at(field, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: [&str; 2] = ["cart", "home"];
    const GOOD: &str = "name = 'more'\nplacements = ['cart']\n[[variant]]\nname = 'four'\n\
                        [[variant]]\nname = 'eight'\ncount = 8\nweight = 3\n";

    #[test]
    fn a_file_is_read_with_its_defaults() {
        let read = Definition::read(GOOD, &PLACES).expect("sound");
        assert_eq!((read.layer.as_str(), read.share), ("default", 100.0));
        assert_eq!(read.shares(), [0.25, 0.75]);
        assert!(read.control().offers && read.control().count.is_none());
        assert_eq!(read.guardrails, Guardrails::default());
        assert!(read.variant("nine").expect_err("none").to_string().contains("four, eight"));
    }

    #[test]
    fn faults_are_told_with_what_to_do() {
        let one = "name = 'x'\n[[variant]]\nname = 'a'\n";
        for (text, told) in [
            ("name = 3", "name"),
            (one, "1 variants"),
            (&GOOD.replace("'eight'", "'four'"), "two variants"),
            (&GOOD.replace("'cart'", "'porch'"), "cart, home"),
            (&GOOD.replace("weight = 3", "weight = 0"), "0.001 to 1000"),
            (&GOOD.replace("weight = 3", "weight = 1e308"), "0.001 to 1000"),
            (&GOOD.replace("weight = 3", "weight = nan"), "0.001 to 1000"),
            (&GOOD.replace("count = 8", "count = 0"), "1 to 100"),
            (&GOOD.replace("count = 8", "cuont = 8"), "cuont"),
            (&GOOD.replace("'more'", "'a b'"), "letters"),
            (&GOOD.replace("'more'", "'holdout'"), "whole shop"),
            (&format!("share = 0.0\n{GOOD}"), "0.1 to 100"),
            (&format!("{GOOD}[guardrails]\nlatency_ms = -1.0\n"), "from 0 up"),
            (&format!("{GOOD}[guardrails]\ncheckout_percent = nan\n"), "from 0 up"),
        ] {
            let error = Definition::read(text, &PLACES).expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_fault_names_its_field() {
        for (text, field) in [
            (GOOD.replace("weight = 3", "weight = 0"), "variant[1].weight"),
            (GOOD.replace("'eight'", "'four'"), "variant[1].name"),
            (GOOD.replace("'cart'", "'porch'"), "placements[0]"),
            (GOOD.replace("'more'", "'a b'"), "name"),
            (format!("share = 0.0\n{GOOD}"), "share"),
            (format!("{GOOD}[guardrails]\nlatency_ms = -1.0\n"), "guardrails.latency_ms"),
        ] {
            let error = Definition::read(&text, &PLACES).expect_err(&text);
            let Error::Faulty { path, .. } = error else { panic!("{error}") };
            assert_eq!(path.as_deref(), Some(field));
        }
    }
}
