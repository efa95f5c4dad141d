//! What a snapshot was made from and how.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Goes into the snapshot itself, so it holds nothing that changes from run to run (no wall clock,
/// no host): the same input, parameters and code give the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of the code that learned.
    pub code_version: String,
    /// First and last basket, RFC 3339.
    pub data_from: Option<String>,
    pub data_to: Option<String>,
    pub n_baskets: u64,
    pub n_lines: u64,
    pub n_items: u64,
    pub n_customers: u64,
    pub seed: u64,
    /// Parameters asked for and chosen (lambda, half-life…), and what was done where a limit was
    /// met, by learner.
    pub parameters: BTreeMap<String, String>,
    /// What the history view was made from (segments, versions).
    pub sources: BTreeMap<String, String>,
}

impl Provenance {
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain strings and numbers serialise")
    }

    pub fn from_json(bytes: &[u8]) -> Result<Provenance, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
