//! What became of answers, by placement, and of the offers in them, by relation.

use crate::facts::hash_of;
use events::Timestamp;
use events::time::DAY_US;
use hashbrown::{HashMap, HashSet};
use history::DecisionRecord;
use measure::assignment::{Unit, UnitId};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

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
pub(crate) struct Outcome {
    pub(crate) is_seen: bool,
    pub(crate) is_clicked: bool,
    pub(crate) is_dismissed: bool,
    pub(crate) is_added: bool,
    /// Named by an event since the trial began.
    pub(crate) is_named: bool,
    /// Clicked on, or named by a purchase.
    pub(crate) may_sell: bool,
    pub(crate) bought: f64,
    pub(crate) kept: f64,
    /// The first purchase was before this.
    pub(crate) bought_before_us: Option<i64>,
    /// By the hash of the item; few.
    items: Vec<(u64, ItemOutcome)>,
}

/// What came of one offer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ItemOutcome {
    pub(crate) is_clicked: bool,
    pub(crate) bought: f64,
    pub(crate) kept: f64,
}

impl Outcome {
    pub(crate) fn item(&mut self, item: u64) -> &mut ItemOutcome {
        let at = self.items.iter().position(|(known, _)| *known == item).unwrap_or_else(|| {
            self.items.push((item, ItemOutcome::default()));
            self.items.len() - 1
        });
        &mut self.items[at].1
    }

    /// Money that stayed; negative for what came back.
    pub(crate) fn keep(&mut self, item: u64, money: f64) {
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
    #[serde(borrow, default)]
    location_id: Option<Cow<'a, str>>,
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

/// An answer, as far as what comes of it asks.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) at_us: i64,
    /// Whose question it was.
    pub(crate) customer: Option<u32>,
    placement: Arc<str>,
    /// Items and relations; nothing for who was held out, whatever the record keeps.
    pub(crate) offers: Vec<(u64, Arc<str>)>,
}

/// Reads the records of decisions: what became of an answer that sold nothing is counted at once,
/// the others are kept until the orders are known.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) key: u64,
    /// Who was assigned.
    pub(crate) units: HashSet<UnitId>,
    /// Customers who were assigned before the time that is looked at.
    pub(crate) older: HashSet<u32>,
    pub(crate) since: Timestamp,
    pub(crate) funnels: Funnels,
    /// Those of the units that are a till for a day.
    pub(crate) tills: HashSet<UnitId>,
    pub(crate) kept: HashMap<u64, Answer>,
    pub(crate) names: HashSet<Arc<str>>,
}

impl Answers {
    pub(crate) fn take(&mut self, record: &DecisionRecord, outcomes: &mut HashMap<u64, Outcome>) {
        let name = hash_of(&record.recommendation_id);
        let Ok(decision) = serde_json::from_slice::<Recorded<'_>>(&record.payload) else {
            outcomes.remove(&name);
            return;
        };
        if let Some(location) = decision.location_id.as_deref() {
            let day = record.at.0.div_euclid(DAY_US);
            let unit = Unit::LocationDay(location, day).id(self.key);
            if self.units.contains(&unit) {
                self.tills.insert(unit);
            }
        }
        let is_older = |customer| self.older.contains(&customer);
        if record.at < self.since || record.customer_idx.is_some_and(is_older) {
            outcomes.remove(&name);
            return;
        }
        let is_held_out = decision.variant.as_deref() == Some("holdout");
        self.funnels.count(&decision, is_held_out);
        let Some(outcome) = outcomes.get(&name) else { return };
        let shown = if is_held_out { &[][..] } else { &decision.offers[..] };
        let answer = Answer {
            at_us: record.at.0,
            customer: record.customer_idx,
            placement: self.name(&decision.asked.placement),
            offers: shown.iter().map(|o| (hash_of(&o.item_id), self.name(&o.relation))).collect(),
        };
        if outcome.may_sell {
            self.kept.insert(name, answer);
        } else {
            self.funnels.add(&answer, outcome);
            outcomes.remove(&name);
        }
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        Arc::clone(self.names.get_or_insert_with(text, |text| text.into()))
    }
}

impl Funnels {
    fn count(&mut self, decision: &Recorded<'_>, is_held_out: bool) {
        let funnel = entry(&mut self.placements, &decision.asked.placement);
        funnel.n_decisions += 1;
        funnel.n_held_out += u64::from(is_held_out);
        funnel.n_empty += u64::from(decision.offers.is_empty());
    }

    /// Takes in what became of an answer.
    pub(crate) fn add(&mut self, answer: &Answer, outcome: &Outcome) {
        let funnel = entry(&mut self.placements, &answer.placement);
        funnel.n_seen += u64::from(outcome.is_seen);
        funnel.n_clicked += u64::from(outcome.is_clicked);
        funnel.n_dismissed += u64::from(outcome.is_dismissed);
        funnel.n_added += u64::from(outcome.is_added);
        funnel.n_bought += u64::from(outcome.bought > 0.0);
        funnel.bought += outcome.bought;
        funnel.kept += outcome.kept;
        for (item, relation) in answer.offers.iter().filter(|(_, name)| !name.is_empty()) {
            let funnel = entry(&mut self.relations, relation);
            funnel.n_seen += u64::from(outcome.is_seen);
            let own = outcome.items.iter().find(|(known, _)| known == item);
            let Some((_, own)) = own else { continue };
            funnel.n_clicked += u64::from(own.is_clicked);
            funnel.n_bought += u64::from(own.bought > 0.0);
            funnel.bought += own.bought;
            funnel.kept += own.kept;
        }
    }
}
