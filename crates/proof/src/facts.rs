//! What the store says: who was in which arm, what they bought, and what became of each answer.
//!
//! Three readings, one after the other, none of which holds more than it must: events (what was
//! clicked, and which order a line came from), decisions (what an answer held, and where it was
//! shown; kept are those that may have sold something), orders (what was paid and sent back). Where
//! that is more than fits, `join` finds the same by way of temporary files.

use crate::arrivals::Arrivals;
use crate::attach::{Attachments, Catalog};
use crate::error::Result;
use crate::findings::Asked;
use crate::funnels::{Answers, Customers, Decided, Funnels, MarkDoubts};
use crate::heard::{Grain, Heard, Hearing};
use crate::join::{self, Kept};
use crate::ledger::{Basis, Ledger, Rules};
use events::time::DAY_US;
use events::{Amount, Currency, Timestamp};
use hashbrown::{HashMap, HashSet};
use history::{AssignedUnit, CatalogItem, LogCounts, PastOrder, Store};
use measure::assignment::{Unit, UnitId, key_of};
use measure::trial::{Assigned, HOLDOUT, OFFERS, Trial};
use std::sync::{Arc, Mutex};

/// Of the time before the first assignment, what takes noise out of the comparison.
const DAYS_BEFORE: i64 = 90;
/// Purchases of so many days before are heard too: a sender's clock may be wrong.
const SKEW_DAYS: i64 = 2;
/// What a reading may take where nothing is said.
pub const DEFAULT_MEMORY_BYTES: u64 = 1 << 30;
/// So many days a click counts where nothing is said.
pub const DEFAULT_WINDOW_DAYS: u32 = 28;

pub(crate) fn before_us() -> i64 {
    DAYS_BEFORE * DAY_US
}

/// Told while it goes on: the step, how much of it is done, and of how much (0: nobody knows).
pub type Telling<'a> = dyn FnMut(&'static str, u64, u64) + Send + 'a;

/// Everything that the findings are made from.
#[derive(Debug)]
pub struct Facts {
    pub trial: Trial,
    pub now: Timestamp,
    pub currency: Option<Currency>,
    /// Some item of the catalog has a cost.
    pub has_costs: bool,
    pub(crate) funnels: Funnels,
    pub doubts: Doubts,
    /// The persons of the trial, where they are in a file.
    pub(crate) kept: Option<Arc<Kept>>,
}

impl Facts {
    /// An error where the persons of the trial could not all be read: whatever was told of them
    /// since is not to be told.
    pub(crate) fn check(&self) -> Result<()> {
        self.kept.as_ref().map_or(Ok(()), |kept| kept.check())
    }
}

/// What could not be joined; each is shown, none is guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Doubts {
    /// Events that were read, since the first assignment.
    pub events: u64,
    /// Events whose `event_id` had come before: they count once. By the days (UTC) of the report.
    pub events_sent_again: u64,
    /// Came more than an hour after they happened.
    pub events_late: u64,
    pub longest_delay_minutes: u64,
    /// Bear a time more than an hour after the moment at which they came.
    pub events_ahead: u64,
    /// Of which nobody knows when they came: imported, or kept by an earlier version.
    pub events_of_unknown_arrival: u64,
    /// Answers that were clicked, dismissed, put in a cart or bought from before they were shown,
    /// as events say.
    pub outcomes_before_exposure: u64,
    /// Names of answers in events that no record is kept of.
    pub answers_without_record: u64,
    /// Orders, since the trial began, of people in no arm: no customer, no visit, or one that was
    /// never asked for.
    pub orders_of_nobody: u64,
    /// Assigned days of tills at which nobody is known: no order of theirs can be told from others.
    pub days_of_tills: u64,
    pub orders_in_other_currencies: u64,
    pub orders_without_time: u64,
    /// Made after the moment of the report, or after the end of the experiment.
    pub orders_in_the_future: u64,
    /// Lines of orders in the trial that count as nothing, for nobody said what was paid.
    pub lines_without_price: u64,
    /// Lines that name an answer which did not hold them, or was another customer's.
    pub lines_not_offered: u64,
    /// Refunds of more than was sold and had not come back; the rest of them counts.
    pub refunds_above_sale: u64,
    /// Refunds of orders that nobody knows, or that do not count: they take back nothing.
    pub refunds_of_unknown_orders: u64,
    /// Answers without an offer that were seen, clicked or the like, as events say; they count as
    /// not seen.
    pub marks_of_empty_answers: u64,
    /// The same of answers to who was held out.
    pub marks_of_held_out: u64,
    /// Items that were clicked in an answer which did not hold them; they count as not clicked.
    pub clicks_not_offered: u64,
    /// Answers that were shown, clicked or bought from before they were given: a sender's clock is
    /// wrong. They count by their own time, in both arms alike.
    pub outcomes_before_answer: u64,
    pub purchases_not_confirmed: u64,
}

impl Doubts {
    pub(crate) fn take_marks(&mut self, marks: &MarkDoubts) {
        self.marks_of_empty_answers = marks.n_empty;
        self.marks_of_held_out = marks.n_held_out;
        self.clicks_not_offered = marks.n_clicks_not_offered;
        self.outcomes_before_exposure = marks.n_before_shown;
        self.outcomes_before_answer = marks.n_before_answer;
    }
}

/// Names are compared by 64 bits of a hash: two of a million meet with a chance of 3 in 10^8.
pub fn hash_of(text: &str) -> u64 {
    key_of(text)
}

/// Who is in the trial.
#[derive(Clone, Debug)]
pub(crate) enum Units {
    /// Who was shown offers or held out, by the table of the store.
    OfReport,
    Given(Vec<Assigned>),
}

/// What is asked of the store.
#[derive(Debug)]
pub(crate) struct Question {
    /// Of the pseudonyms of the store.
    pub(crate) key: u64,
    pub(crate) units: Units,
    /// First assignment of all.
    pub(crate) began_us: i64,
    /// Who was assigned before is not looked at.
    pub(crate) since: Timestamp,
    /// Nothing that came later counts.
    pub(crate) until: Timestamp,
    pub(crate) memory_bytes: u64,
    /// A click counts for what is bought so many days after.
    pub(crate) window_days: u32,
    /// Whether what was bought was new to its customer, by all that the store remembers.
    pub(crate) asks_for_new_items: bool,
}

impl Question {
    pub(crate) fn window_us(&self) -> i64 {
        i64::from(self.window_days).saturating_mul(DAY_US)
    }

    pub(crate) fn hearing(&self) -> Hearing {
        Hearing { key: self.key, began_us: self.began_us }
    }

    pub(crate) fn heard_from(&self) -> Timestamp {
        Timestamp(self.began_us.saturating_sub(SKEW_DAYS * DAY_US))
    }

    /// Nothing before it is told of.
    pub(crate) fn told_from(&self) -> Timestamp {
        self.since.max(Timestamp(self.began_us))
    }

    pub(crate) fn orders_from(&self) -> Timestamp {
        Timestamp(self.began_us.saturating_sub(before_us()))
    }
}

/// What a report asks: those assigned first in the last so many days only, what the joins may take,
/// and how long a click counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) days: Option<u32>,
    pub(crate) memory_bytes: u64,
    pub(crate) window_days: u32,
}

impl Bounds {
    pub(crate) fn of(asked: &Asked<'_>) -> Bounds {
        Bounds {
            days: asked.days,
            memory_bytes: asked.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES),
            window_days: asked.window_days.unwrap_or(DEFAULT_WINDOW_DAYS),
        }
    }
}

pub(crate) async fn gather(
    store: &Store,
    now: Timestamp,
    bounds: Bounds,
    tell: &mut Telling<'_>,
) -> Result<Facts> {
    let Bounds { days, memory_bytes, window_days } = bounds;
    let since =
        days.map_or(i64::MIN, |days| now.0.saturating_sub(i64::from(days).saturating_mul(DAY_US)));
    let question = Question {
        key: key_of(&store.store_id().await?),
        units: Units::OfReport,
        began_us: store.first_assignment().await?.map_or(now.0, |first| first.0),
        since: Timestamp(since),
        until: now,
        memory_bytes,
        window_days,
        asks_for_new_items: true,
    };
    gather_of(store, question, tell).await
}

pub(crate) async fn gather_of(
    store: &Store,
    question: Question,
    tell: &mut Telling<'_>,
) -> Result<Facts> {
    let counts = store.log_counts(question.heard_from(), question.orders_from()).await?;
    let needed_bytes = join::needed_bytes(&counts);
    let told_from = question.told_from();
    let mut facts = if needed_bytes > 0 && needed_bytes > question.memory_bytes {
        join::gather(store, &question, &counts, tell).await?
    } else {
        gather_in_memory(store, question, &counts, tell).await?
    };
    facts.doubts.events_sent_again = store.n_repeated_events(told_from).await?;
    Ok(facts)
}

async fn gather_in_memory(
    store: &Store,
    mut question: Question,
    counts: &LogCounts,
    tell: &mut Telling<'_>,
) -> Result<Facts> {
    let assigned = match std::mem::replace(&mut question.units, Units::OfReport) {
        Units::Given(units) => units,
        Units::OfReport => assigned(store, question.key).await?,
    };
    let (hearing, since) = (question.hearing(), question.since);
    let (mut heard, mut arrivals) = (Heard::default(), Arrivals::since(question.told_from()));
    tell("reading events", 0, counts.n_events);
    let hear = |event| {
        arrivals.see(&event);
        hearing.hear(&event, |said| heard.take(said, &hearing));
    };
    store.each_event(question.heard_from(), hear).await?;
    let units: HashSet<UnitId> = assigned.iter().map(|unit| unit.unit).collect();
    let mut older = Customers::default();
    let before = assigned.iter().filter(|unit| unit.first_at_us < since.0);
    before.filter_map(|unit| unit.customer).for_each(|customer| older.insert(customer));
    let mut answers = Answers { older, since, ..Answers::default() };
    let mut tills: HashSet<UnitId> = HashSet::new();
    tell("reading decisions", 0, counts.n_decisions);
    store
        .each_decision(Timestamp(question.began_us), |record| {
            let decided = Decided::read(record, hearing.key);
            let till = decided.said.as_ref().and_then(|said| said.till);
            tills.extend(till.filter(|till| units.contains(till)));
            answers.take(decided, &mut heard.outcomes);
        })
        .await?;
    let Answers { mut funnels, kept, .. } = answers;
    let units = assigned.into_iter().filter(|unit| !tills.contains(&unit.unit)).collect();
    let trial = Trial::new(units, heard.links.drain(..), before_us()).since(since.0);
    let catalog = catalog(store).await?;
    let has_costs = catalog.items.iter().any(|item| item.cost.is_some());
    let rules = rules(store, &question, trial.began_at_us()).await?;
    let (currency, now) = (rules.currency, question.until);
    let asks_for_new_items = question.asks_for_new_items;
    let basis = Basis { trial, heard, answers: kept, catalog, rules, asks_for_new_items };
    tell("reading orders", 0, counts.n_orders);
    let mut ledger = read_orders(store, question.orders_from(), Ledger::new(basis)).await?;
    if ledger.bought.as_ref().is_some_and(|bought| !bought.is_empty()) {
        tell("reading older orders", 0, 0);
        let all = Timestamp(i64::MIN);
        ledger = each_order(store, all, ledger, Ledger::forget_known).await?;
        ledger.count_new_items();
    }
    let mut doubts = ledger.doubts;
    for (name, answer) in &ledger.answers {
        if let Some(outcome) = ledger.heard.outcomes.remove(name) {
            funnels.add(answer, &outcome, &ledger.families);
        }
    }
    doubts.take_marks(&funnels.doubts);
    arrivals.tell(&mut doubts);
    doubts.answers_without_record = ledger.heard.n_named();
    doubts.purchases_not_confirmed = ledger.heard.n_not_confirmed;
    doubts.days_of_tills = tills.len() as u64;
    Ok(Facts { trial: ledger.trial, now, currency, has_costs, funnels, doubts, kept: None })
}

async fn assigned(store: &Store, key: u64) -> Result<Vec<Assigned>> {
    let customers = customers_by_unit(store, key).await?;
    let mut units = Vec::new();
    store
        .each_assignment(|unit| {
            let assigned = assigned_of(&unit);
            let customer = assigned.customer.or_else(|| customers.get(&unit.unit).copied());
            units.push(Assigned { customer, ..assigned });
        })
        .await?;
    Ok(units)
}

pub(crate) fn assigned_of(unit: &AssignedUnit) -> Assigned {
    Assigned {
        unit: UnitId(unit.unit),
        customer: unit.customer_idx,
        arm: if unit.is_held_out { HOLDOUT } else { OFFERS },
        first_at_us: unit.first_at.0,
    }
}

/// Who had no order yet when first asked for may have one by now.
pub(crate) async fn customers_by_unit(store: &Store, key: u64) -> Result<HashMap<u64, u32>> {
    let mut units = HashMap::new();
    store
        .each_customer_id(|customer_idx, id| {
            units.insert(Unit::Customer(id).id(key).0, customer_idx);
        })
        .await?;
    Ok(units)
}

/// What is asked of an item, by dense index.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub hash: u64,
    pub cost: Option<Amount>,
    /// Index of the family's head, but for the head itself.
    pub family: Option<u32>,
}

pub(crate) async fn catalog(store: &Store) -> Result<Catalog> {
    let items = store.items_since(0).await?.0;
    let attachments = Attachments::of(&items, &store.declared_facts().await?);
    Ok(Catalog { items: known(&items), attachments })
}

fn known(items: &[CatalogItem]) -> Vec<Known> {
    let one = |item: &CatalogItem| Known {
        hash: hash_of(&item.entry.id),
        cost: item.entry.cost,
        family: item.entry.variant_of,
    };
    items.iter().map(one).collect()
}

/// What must be known of all orders before the first is counted.
pub(crate) async fn rules(
    store: &Store,
    question: &Question,
    began_us: Option<i64>,
) -> Result<Rules> {
    let counts: Arc<Mutex<(HashMap<Currency, u64>, Grain)>> = Arc::default();
    let shared = Arc::clone(&counts);
    store
        .each_order(question.orders_from(), move |order| {
            let (currencies, grain) = &mut *lock(&shared);
            order.currency.into_iter().for_each(|code| *currencies.entry(code).or_default() += 1);
            order.at.into_iter().for_each(|at| grain.see(at));
        })
        .await?;
    let (currencies, grain) = &*lock(&counts);
    let most = currencies
        .iter()
        .max_by_key(|(currency, n)| (**n, std::cmp::Reverse(currency.as_str().to_owned())));
    let currency = most.map(|(currency, _)| *currency);
    let (until, window_us) = (question.until, question.window_us());
    Ok(Rules { began_us, currency, grain: grain.clone(), until, window_us })
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Gives each order to the ledger.
async fn each_order(
    store: &Store,
    since: Timestamp,
    ledger: Ledger,
    take: fn(&mut Ledger, &PastOrder<'_>),
) -> Result<Ledger> {
    let shared = Arc::new(Mutex::new(ledger));
    let writer = Arc::clone(&shared);
    store.each_order(since, move |order| take(&mut lock(&writer), order)).await?;
    let ledger = Arc::into_inner(shared).expect("the reader is done, and its share gone with it");
    Ok(ledger.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

async fn read_orders(store: &Store, since: Timestamp, ledger: Ledger) -> Result<Ledger> {
    let mut ledger = each_order(store, since, ledger, Ledger::take).await?;
    ledger.take_back();
    ledger.close_checkouts();
    Ok(ledger)
}
