//! What became of answers, by placement, and of the offers in them, by relation.

use super::facts::hash_of;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// From decision to what was kept, of one placement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Funnel {
    pub(crate) n_decisions: u64,
    pub(crate) n_held_out: u64,
    /// Answers with nothing worth offering.
    pub(crate) n_empty: u64,
    pub(crate) n_seen: u64,
    pub(crate) n_clicked: u64,
    pub(crate) n_dismissed: u64,
    pub(crate) n_added: u64,
    pub(crate) n_bought: u64,
    /// Revenue of what was bought from an offer, and what of it stayed.
    pub(crate) bought: f64,
    pub(crate) kept: f64,
}

/// Of the offers of one relation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RelationFunnel {
    /// Offers in answers that were seen.
    pub(crate) n_seen: u64,
    pub(crate) n_clicked: u64,
    pub(crate) n_bought: u64,
    pub(crate) bought: f64,
    pub(crate) kept: f64,
}

/// What came of one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) is_seen: bool,
    pub(super) is_clicked: bool,
    pub(super) is_dismissed: bool,
    pub(super) is_added: bool,
    pub(super) bought: f64,
    pub(super) kept: f64,
    /// Time of the first purchase.
    pub(super) bought_at_us: Option<i64>,
    /// By the hash of the item; few.
    items: Vec<(u64, ItemOutcome)>,
}

/// What came of one offer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ItemOutcome {
    pub(super) is_clicked: bool,
    pub(super) bought: f64,
    pub(super) kept: f64,
}

impl Outcome {
    pub(super) fn item(&mut self, item: u64) -> &mut ItemOutcome {
        let at = self.items.iter().position(|(known, _)| *known == item).unwrap_or_else(|| {
            self.items.push((item, ItemOutcome::default()));
            self.items.len() - 1
        });
        &mut self.items[at].1
    }

    /// Money that stayed; negative for what came back.
    pub(super) fn keep(&mut self, item: u64, money: f64) {
        self.kept += money;
        self.item(item).kept += money;
    }
}

/// All answers, counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Funnels {
    pub(crate) placements: BTreeMap<String, Funnel>,
    pub(crate) relations: BTreeMap<String, RelationFunnel>,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    asked: Asked<'a>,
    #[serde(borrow, default)]
    variant: Option<Cow<'a, str>>,
    #[serde(borrow)]
    offers: Vec<Offered<'a>>,
}

#[derive(Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    placement: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Offered<'a> {
    #[serde(borrow, default)]
    item_id: Cow<'a, str>,
    #[serde(borrow, default)]
    relation: Cow<'a, str>,
}

fn entry<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    // A name is made once, not for each of millions of answers.
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("it was just put there")
}

impl Funnels {
    /// Takes in a record, with what became of its answer.
    pub(super) fn add(&mut self, payload: &[u8], outcome: Option<&Outcome>) {
        let Ok(decision) = serde_json::from_slice::<Recorded<'_>>(payload) else { return };
        let funnel = entry(&mut self.placements, &decision.asked.placement);
        funnel.n_decisions += 1;
        let is_held_out = decision.variant.as_deref() == Some("holdout");
        funnel.n_held_out += u64::from(is_held_out);
        funnel.n_empty += u64::from(decision.offers.is_empty());
        let Some(outcome) = outcome else { return };
        funnel.n_seen += u64::from(outcome.is_seen);
        funnel.n_clicked += u64::from(outcome.is_clicked);
        funnel.n_dismissed += u64::from(outcome.is_dismissed);
        funnel.n_added += u64::from(outcome.is_added);
        funnel.n_bought += u64::from(outcome.bought > 0.0);
        funnel.bought += outcome.bought;
        funnel.kept += outcome.kept;
        for offer in decision.offers.iter().filter(|offer| !offer.relation.is_empty()) {
            self.add_offer(offer, outcome);
        }
    }

    fn add_offer(&mut self, offer: &Offered<'_>, outcome: &Outcome) {
        let funnel = entry(&mut self.relations, &offer.relation);
        funnel.n_seen += u64::from(outcome.is_seen);
        let item = hash_of(&offer.item_id);
        let Some((_, own)) = outcome.items.iter().find(|(known, _)| *known == item) else { return };
        funnel.n_clicked += u64::from(own.is_clicked);
        funnel.n_bought += u64::from(own.bought > 0.0);
        funnel.bought += own.bought;
        funnel.kept += own.kept;
    }
}
