//! What became of answers, by placement, and of the offers in them, by relation.

use crate::facts::hash_of;
use crate::sale::Families;
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
    /// Of these, for whoever asked is not expected to respond.
    pub(crate) n_spared: u64,
    /// Stood on a page, and of these in view for a second.
    pub(crate) n_shown: u64,
    pub(crate) n_seen: u64,
    pub(crate) n_clicked: u64,
    pub(crate) n_dismissed: u64,
    pub(crate) n_added: u64,
    pub(crate) n_bought: u64,
    /// Revenue of what was bought from an offer, and what of it stayed.
    pub(crate) bought: f64,
    pub(crate) kept: f64,
    /// Revenue of what was bought from answers that were in view.
    pub(crate) bought_seen: f64,
    /// Revenue of what was bought within [`WINDOW_DAYS`] of a click on it.
    pub(crate) after_click: [f64; 3],
}

/// Clocks of browsers and servers differ by seconds: what is told to come first by less proves
/// nothing.
const CLOCKS_DIFFER_US: i64 = 60_000_000;

/// Usual reports count what is bought so many days after a click.
pub(crate) const WINDOW_DAYS: [i64; 3] = [1, 7, 28];

/// Of the offers of one relation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct RelationFunnel {
    /// Offers in answers that stood on a page, and that were in view there.
    pub(crate) n_shown: u64,
    pub(crate) n_seen: u64,
    pub(crate) n_clicked: u64,
    pub(crate) n_bought: u64,
    pub(crate) bought: f64,
    pub(crate) kept: f64,
}

/// What came of one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) is_shown: bool,
    pub(crate) is_seen: bool,
    /// By a click that names no item.
    pub(crate) is_clicked: bool,
    pub(crate) is_dismissed: bool,
    pub(crate) is_added: bool,
    /// Named by an event since the trial began.
    pub(crate) is_named: bool,
    /// Clicked on, or named by a purchase.
    pub(crate) may_sell: bool,
    /// The first time that it was shown or in view.
    pub(crate) shown_us: Option<i64>,
    /// The first click, dismissal or addition to a cart.
    pub(crate) acted_us: Option<i64>,
    pub(crate) bought: f64,
    pub(crate) kept: f64,
    pub(crate) after_click: [f64; 3],
    /// The first purchase was before this.
    pub(crate) bought_before_us: Option<i64>,
    /// By the hash of the item; few.
    pub(crate) items: Vec<(u64, ItemOutcome)>,
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

    /// Something was bought so long after a click on it.
    pub(crate) fn add_after_click(&mut self, age_us: i64, money: f64) {
        for (sum, days) in self.after_click.iter_mut().zip(WINDOW_DAYS) {
            *sum += if age_us <= days * DAY_US { money } else { 0.0 };
        }
    }

    fn is_marked(&self) -> bool {
        let is_item_clicked = self.items.iter().any(|(_, item)| item.is_clicked);
        self.is_shown || self.is_clicked || self.is_dismissed || self.is_added || is_item_clicked
    }

    /// Something was bought before this.
    pub(crate) fn bought_before(&mut self, end_us: i64) {
        let first = self.bought_before_us.map_or(end_us, |known| known.min(end_us));
        self.bought_before_us = Some(first);
    }

    /// Something came of the answer before it was given.
    fn is_before(&self, answer: &Answer) -> bool {
        let marks = [self.shown_us, self.acted_us].into_iter().flatten();
        let is_bought = self.bought_before_us.is_some_and(|before| before <= answer.at_us);
        is_bought || marks.min().is_some_and(|first| first < answer.at_us - CLOCKS_DIFFER_US)
    }

    /// Something came of the answer before it was shown.
    fn is_before_shown(&self) -> bool {
        let Some(shown_us) = self.shown_us else { return false };
        let first = [self.acted_us, self.bought_before_us].into_iter().flatten().min();
        first.is_some_and(|first| first < shown_us - CLOCKS_DIFFER_US)
    }

    /// Adds what was bought, as another reader of orders found it.
    pub(crate) fn add_bought(&mut self, other: &Outcome) {
        self.bought += other.bought;
        self.kept += other.kept;
        let windows = self.after_click.iter_mut().zip(other.after_click);
        windows.for_each(|(sum, money)| *sum += money);
        other.bought_before_us.into_iter().for_each(|end_us| self.bought_before(end_us));
        for (item, one) in &other.items {
            let own = self.item(*item);
            own.bought += one.bought;
            own.kept += one.kept;
        }
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
    pub(crate) doubts: MarkDoubts,
}

/// What events say of answers and cannot be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MarkDoubts {
    /// Answers without an offer that were seen, clicked or the like.
    pub(crate) n_empty: u64,
    /// The same of who was held out.
    pub(crate) n_held_out: u64,
    /// Items that were clicked in an answer which did not hold them.
    pub(crate) n_clicks_not_offered: u64,
    /// Answers of which something came before they were given, and before they were shown.
    pub(crate) n_before_answer: u64,
    pub(crate) n_before_shown: u64,
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
    #[serde(borrow, default)]
    bundles: Vec<Bundled<'a>>,
    #[serde(default)]
    spend: Option<Spend>,
}

/// Of whoever is not expected to respond.
#[derive(Deserialize)]
pub(crate) struct Spend {
    pub(crate) left_out: bool,
}

#[derive(Deserialize)]
struct Bundled<'a> {
    #[serde(borrow)]
    added: Vec<Cow<'a, str>>,
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
    is_held_out: bool,
    placement: Arc<str>,
    /// Items and relations; nothing for who was held out, whatever the record keeps.
    pub(crate) offers: Vec<(u64, Arc<str>)>,
}

impl Answer {
    /// As far as what it sold is asked.
    pub(crate) fn to_sell(at_us: i64, customer: Option<u32>, items: Vec<u64>) -> Answer {
        let none: Arc<str> = Arc::from("");
        let offers = items.into_iter().map(|item| (item, Arc::clone(&none))).collect();
        Answer { at_us, customer, is_held_out: false, placement: none, offers }
    }
}

/// Reads the records of decisions: what became of an answer that sold nothing is counted at once,
/// the others are kept until the orders are known.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Customers who were assigned before the time that is looked at.
    pub(crate) older: Customers,
    pub(crate) since: Timestamp,
    pub(crate) funnels: Funnels,
    pub(crate) kept: HashMap<u64, Answer>,
    pub(crate) names: HashSet<Arc<str>>,
}

/// What a record says of an answer, as far as the report asks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided<'a> {
    pub(crate) name: u64,
    /// `None`: the record cannot be read.
    pub(crate) said: Option<SaidOfAnswer<'a>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SaidOfAnswer<'a> {
    pub(crate) at: Timestamp,
    pub(crate) customer: Option<u32>,
    /// The unit of a till for a day.
    pub(crate) till: Option<UnitId>,
    pub(crate) is_held_out: bool,
    pub(crate) is_empty: bool,
    /// Nothing is offered, for whoever asked is not expected to respond.
    pub(crate) is_spared: bool,
    pub(crate) placement: Cow<'a, str>,
    /// Items and relations; nothing for who was held out, whatever the record keeps.
    pub(crate) offers: Vec<(u64, Cow<'a, str>)>,
}

impl<'a> Decided<'a> {
    /// `key`: of the pseudonyms of the store.
    pub(crate) fn read(record: &'a DecisionRecord, key: u64) -> Decided<'a> {
        let name = hash_of(&record.recommendation_id);
        let said = serde_json::from_slice::<Recorded<'a>>(&record.payload).ok().map(|decision| {
            let day = record.at.0.div_euclid(DAY_US);
            let till = |location: Cow<'_, str>| Unit::LocationDay(&location, day).id(key);
            let is_held_out = decision.variant.as_deref() == Some("holdout");
            let is_empty = decision.offers.is_empty() && decision.bundles.is_empty();
            let mut shown: Vec<(u64, Cow<'_, str>)> = decision
                .offers
                .into_iter()
                .map(|offer| (hash_of(&offer.item_id), offer.relation))
                .collect();
            // What stands in the slate too is an offer of its own.
            for item_id in decision.bundles.iter().flat_map(|bundle| &bundle.added) {
                let item = hash_of(item_id);
                if shown.iter().all(|(known, _)| *known != item) {
                    shown.push((item, Cow::Borrowed("bundle")));
                }
            }
            if is_held_out {
                shown.clear();
            }
            SaidOfAnswer {
                at: record.at,
                customer: record.customer_idx,
                till: decision.location_id.map(till),
                is_held_out,
                is_empty,
                is_spared: !is_held_out && decision.spend.is_some_and(|spend| spend.left_out),
                placement: decision.asked.placement,
                offers: shown,
            }
        });
        Decided { name, said }
    }
}

impl Answers {
    pub(crate) fn take(&mut self, decided: Decided<'_>, outcomes: &mut HashMap<u64, Outcome>) {
        let name = decided.name;
        let Some(said) = decided.said else {
            outcomes.remove(&name);
            return;
        };
        if said.at < self.since || said.customer.is_some_and(|one| self.older.contains(one)) {
            outcomes.remove(&name);
            return;
        }
        self.funnels.count(&said);
        let Some(outcome) = outcomes.get(&name) else { return };
        let answer = Answer {
            at_us: said.at.0,
            customer: said.customer,
            is_held_out: said.is_held_out,
            placement: self.name(&said.placement),
            offers: said.offers.iter().map(|(item, name)| (*item, self.name(name))).collect(),
        };
        if outcome.may_sell {
            self.kept.insert(name, answer);
        } else {
            // Without a click on an item nobody asks which are variants of it.
            self.funnels.add(&answer, outcome, &Families::default());
            outcomes.remove(&name);
        }
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        Arc::clone(self.names.get_or_insert_with(text, |text| text.into()))
    }
}

/// Customers, one bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Customers(Vec<u64>);

impl Customers {
    pub(crate) fn insert(&mut self, customer: u32) {
        let word = customer as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (customer % 64);
    }

    pub(crate) fn contains(&self, customer: u32) -> bool {
        self.0.get(customer as usize / 64).is_some_and(|word| word >> (customer % 64) & 1 == 1)
    }
}

impl Funnels {
    fn count(&mut self, said: &SaidOfAnswer<'_>) {
        let funnel = entry(&mut self.placements, &said.placement);
        funnel.n_decisions += 1;
        funnel.n_held_out += u64::from(said.is_held_out);
        funnel.n_empty += u64::from(said.is_empty);
        funnel.n_spared += u64::from(said.is_spared);
    }

    /// Takes in what became of an answer. What held nothing was not seen, whatever a page says.
    pub(crate) fn add(&mut self, answer: &Answer, outcome: &Outcome, families: &Families) {
        self.doubts.n_before_answer += u64::from(outcome.is_before(answer));
        self.doubts.n_before_shown += u64::from(outcome.is_before_shown());
        if answer.offers.is_empty() {
            let is_marked = u64::from(outcome.is_marked());
            let of = &mut self.doubts;
            *(if answer.is_held_out { &mut of.n_held_out } else { &mut of.n_empty }) += is_marked;
            return;
        }
        let holds = |item: u64| answer.offers.iter().any(|offer| families.are_one(offer.0, item));
        let clicked = outcome.items.iter().filter(|(_, item)| item.is_clicked);
        let (held, not_held): (Vec<u64>, Vec<u64>) =
            clicked.map(|(item, _)| *item).partition(|item| holds(*item));
        self.doubts.n_clicks_not_offered += not_held.len() as u64;
        let is_clicked = outcome.is_clicked || !held.is_empty();
        let funnel = entry(&mut self.placements, &answer.placement);
        funnel.n_shown += u64::from(outcome.is_shown);
        funnel.n_seen += u64::from(outcome.is_seen);
        funnel.n_clicked += u64::from(is_clicked);
        funnel.n_dismissed += u64::from(outcome.is_dismissed);
        funnel.n_added += u64::from(outcome.is_added);
        funnel.n_bought += u64::from(outcome.bought > 0.0);
        funnel.bought += outcome.bought;
        funnel.kept += outcome.kept;
        funnel.bought_seen += if outcome.is_seen { outcome.bought } else { 0.0 };
        let windows = funnel.after_click.iter_mut().zip(outcome.after_click);
        windows.for_each(|(sum, money)| *sum += money);
        for (item, relation) in answer.offers.iter().filter(|(_, name)| !name.is_empty()) {
            let funnel = entry(&mut self.relations, relation);
            funnel.n_shown += u64::from(outcome.is_shown);
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
