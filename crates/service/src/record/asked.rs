//! The question of a record, as it is read back.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) placement: String,
    pub(super) anchors: Vec<String>,
    /// How many anchors and cart lines were given, where fewer were read.
    pub(super) n_anchors: Option<usize>,
    pub(super) cart: Vec<AskedLine>,
    pub(super) n_cart: Option<usize>,
    pub(super) session: Vec<String>,
    pub(super) bought_since: Vec<String>,
    /// When and what.
    #[serde(default)]
    pub(super) orders_since: Vec<(i64, Vec<String>)>,
    pub(super) exclude: Vec<String>,
    #[serde(default)]
    pub(super) resting: Vec<String>,
    #[serde(default)]
    pub(super) held: Vec<String>,
    pub(super) customer: Option<u32>,
    pub(super) category: Option<String>,
    pub(super) count: Option<usize>,
    pub(super) filter: Option<AskedFilter>,
    pub(super) channel: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) location: Option<String>,
    pub(super) stage: Option<String>,
    pub(super) known: Option<AskedCustomer>,
    #[serde(default)]
    pub(super) incumbent: bool,
    #[serde(default)]
    pub(super) offered_anyway: bool,
}

/// What policies asked of the customer.
#[derive(Debug, Deserialize)]
pub(super) struct AskedCustomer {
    pub(super) consent: Option<bool>,
    pub(super) attributes: Vec<(Box<str>, Box<str>)>,
    pub(super) holdings: Option<Vec<Box<str>>>,
    #[serde(default)]
    pub(super) bought_is_partial: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct AskedLine {
    pub(super) item_id: String,
    pub(super) quantity: Option<f64>,
    pub(super) unit_price: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AskedFilter {
    pub(super) categories: Vec<String>,
    pub(super) price_min: Option<f64>,
    pub(super) price_max: Option<f64>,
    #[serde(default)]
    pub(super) relations: Vec<String>,
}
