//! What came of offers lately, as a server learns from it: read once from the logs, then what is
//! new, again and again.
//!
//! Each offer of an answer that was seen counts with the furthest step that it came to: a click, a
//! cart, a sale. Steps are joined by the name of the answer; where a line names none, by the last
//! click of the same person on the item. Kept are sums by kind of offer ([`measure::response`]),
//! in which what is old weighs less, the steps of open answers, and what each customer or visit
//! came to, by which what was learned is held against the incumbent.
//!
//! Old data: weight 2^(−age / 14 days), as forward decay (Cormode, Shkapenyuk, Srivastava, Xu,
//! ICDE 2009), so that sums need no second look. Memory: some 200 bytes an open answer, of which
//! there are at most 200,000, 60 a kind, 60 a customer or visit.

use crate::facts::hash_of;
use crate::heard::{Origin, Who, origin_of};
use events::time::DAY_US;
use events::{EventKind, Timestamp};
use hashbrown::{HashMap, HashSet};
use history::{DecisionRecord, PastEvent};
use measure::assignment::Unit;
use measure::response::{self, Seen};
use measure::{Lift, NoAnswer};
use std::collections::VecDeque;

mod once;
mod reading;
mod recorded;
mod step;
mod units;

pub use once::{AllShown, LeftOut, Shown};
pub use reading::Reader;
pub use step::Step;

use recorded::{Answered, Offered};
use units::{Counted, Key, Units};

/// So far back the logs are read at the start.
pub const READ_DAYS: i64 = 28;
/// After so many days half counts.
const HALF_LIFE_DAYS: f64 = 14.0;
/// An answer is open so long: what is bought later came too late to learn from.
const OPEN_DAYS: i64 = 7;
const MAX_OPEN: usize = 200_000;
const MAX_CLICKS: usize = 400_000;
/// Steps that wait for the record of their answer, which is written a moment later.
const MAX_EARLY: usize = 100_000;
/// Places that are told apart.
const MAX_POSITION: u8 = 11;
/// Kinds of offers of a placement that are learned from at once, those that were seen most: a look
/// takes a moment, however many items there are.
const MAX_CELLS: usize = 100_000;

/// A placement that learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    pub placement: u8,
    /// What is held against the incumbent begins here.
    pub since: Timestamp,
}

/// Offers of an answer; the item by the hash of its id.
#[derive(Clone, Copy, Debug)]
enum Which {
    All,
    /// As all, where nobody says which were seen: who takes one saw the others.
    Others,
    Item(u64),
}

/// When somebody did something, and who.
#[derive(Clone, Copy, Debug)]
struct By {
    at_us: i64,
    who: Option<Who>,
}

/// Of which offers a sum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    placement: u8,
    rung: u8,
    relation: u8,
    context: u8,
    position: u8,
    item: u32,
}

#[derive(Clone, Copy, Debug)]
struct OpenOffer {
    cell: Cell,
    score: f32,
    /// It is where it is by its score, which is learned from.
    is_ranked: bool,
    step: Option<Step>,
}

#[derive(Clone, Debug)]
struct OpenAnswer {
    at_us: i64,
    /// Where it is held against the incumbent.
    unit: Option<Key>,
    /// The customer that the record names, else who first did anything with it.
    who: Option<Who>,
    /// What was ranked together.
    list: u64,
    /// Its impressions say which offers were seen.
    is_itemized: bool,
    offers: Vec<OpenOffer>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: f64,
    score: f64,
    responses: f64,
    worth: f64,
    worth2: f64,
}

impl Sums {
    /// The offer comes as far as this, further than before.
    fn add(&mut self, offer: &OpenOffer, step: Step, weight: f64) {
        let before = offer.step.map_or(0.0, Step::worth);
        if offer.step.is_none() {
            self.n += weight;
            self.score += weight * f64::from(offer.score);
        }
        if step > Step::Seen && offer.step <= Some(Step::Seen) {
            self.responses += weight;
        }
        self.worth += weight * (step.worth() - before);
        self.worth2 += weight * (step.worth().powi(2) - before.powi(2));
    }
}

/// What was heard of answers so far.
#[derive(Clone, Debug)]
pub struct Outcomes {
    learning: Vec<Learning>,
    key: u64,
    landmark_us: i64,
    answers: HashMap<u64, OpenAnswer>,
    /// Answers by their time.
    order: VecDeque<(i64, u64)>,
    early: VecDeque<(u64, Which, Step, By)>,
    clicks: HashMap<(Who, u64), (i64, u64)>,
    sums: HashMap<Cell, Sums>,
    units: Units,
    /// Of each placement, as they were found last.
    positions: HashMap<u8, Vec<f64>>,
    item_ids: Vec<Box<str>>,
    items: HashMap<u64, u32>,
}

/// What was learned of one placement.
#[derive(Clone, Debug)]
pub struct Learned {
    pub placement: u8,
    pub factors: Vec<LearnedFactor>,
    pub positions: Vec<f64>,
    /// Offers that were seen, the old ones counted in part.
    pub n_seen: f64,
    pub versus: Versus,
}

/// What came of one kind of offers, times what was expected.
#[derive(Clone, Debug)]
pub struct LearnedFactor {
    pub relation: u8,
    pub item_id: Option<Box<str>>,
    pub context: Option<u8>,
    pub factor: f64,
}

/// With what was learned, against without: what came of the offers of one customer or visit.
#[derive(Clone, Debug)]
pub struct Versus {
    pub n_learned: u64,
    pub n_incumbent: u64,
    pub lift: Result<Lift, NoAnswer>,
}

impl Versus {
    /// Does what was learned surely do harm?
    pub fn is_harmful(&self) -> bool {
        self.lift.as_ref().is_ok_and(|lift| lift.difference.high < 0.0)
    }
}

impl Outcomes {
    /// `key` is that of the shop, by which visits are known.
    pub fn new(learning: Vec<Learning>, key: u64, now: Timestamp) -> Outcomes {
        Outcomes {
            learning,
            key,
            landmark_us: now.0,
            answers: HashMap::new(),
            order: VecDeque::new(),
            early: VecDeque::new(),
            clicks: HashMap::new(),
            sums: HashMap::new(),
            units: Units::default(),
            positions: HashMap::new(),
            item_ids: Vec::new(),
            items: HashMap::new(),
        }
    }

    /// Takes in an answer, if it is one to learn from.
    pub fn take(&mut self, record: &DecisionRecord) {
        let name = hash_of(&record.recommendation_id);
        if self.answers.contains_key(&name) {
            return;
        }
        let Some(read) = recorded::read(&record.payload) else { return };
        let is_it = |learning: &&Learning| learning.placement == read.placement;
        let Some(learning) = self.learning.iter().find(is_it).copied() else { return };
        let unit = read.unit.filter(|_| learning.since <= record.at);
        let mut unit = unit.map(|unit| (read.placement, unit));
        match unit.map(|unit| self.units.count(unit, read.is_incumbent, record.at)) {
            None | Some(Counted::Yes) => {}
            Some(Counted::Unknown) => unit = None,
            Some(Counted::TooMany) => return,
        }
        self.open(name, record, &read, unit);
        self.order.push_back((record.at.0, name));
        self.close_too_many();
    }

    fn open(&mut self, name: u64, record: &DecisionRecord, read: &Answered<'_>, unit: Option<Key>) {
        let offers = read.offers.iter().map(|offer| OpenOffer {
            cell: Cell {
                placement: read.placement,
                rung: offer.rung,
                relation: offer.relation,
                context: read.context,
                position: offer.position.min(MAX_POSITION),
                item: self.number_of(offer),
            },
            score: offer.score,
            is_ranked: offer.is_ranked,
            step: None,
        });
        let offers = offers.collect();
        let open = OpenAnswer {
            at_us: record.at.0,
            unit,
            who: record.customer_idx.map(Who::Customer),
            list: read.list,
            is_itemized: false,
            offers,
        };
        self.answers.insert(name, open);
    }

    fn close_too_many(&mut self) {
        while MAX_OPEN < self.order.len()
            && let Some((_, name)) = self.order.pop_front()
        {
            self.answers.remove(&name);
        }
    }

    fn number_of(&mut self, offer: &Offered<'_>) -> u32 {
        let next = self.item_ids.len() as u32;
        let number = *self.items.entry(hash_of(&offer.item_id)).or_insert(next);
        if number == next {
            self.item_ids.push(offer.item_id.as_ref().into());
        }
        number
    }

    /// Takes in what somebody did.
    pub fn hear(&mut self, event: &PastEvent) {
        let answer = event.recommendation_id.as_deref().map(hash_of);
        match event.kind {
            EventKind::RecommendationImpression
            | EventKind::RecommendationView
            | EventKind::RecommendationClick => {
                let Some(answer) = answer else { return };
                self.hear_shown(event, answer);
            }
            EventKind::AddToCart => self.hear_lines(event, answer, Step::Added),
            EventKind::Purchase if event.confirmed => self.hear_lines(event, answer, Step::Bought),
            _ => {}
        }
    }

    /// An impression that names items is of those, else of the whole slate.
    fn hear_shown(&mut self, event: &PastEvent, answer: u64) {
        let is_click = event.kind == EventKind::RecommendationClick;
        let by = self.by(event);
        if event.lines.is_empty() {
            self.step(answer, Which::All, Step::Seen, by);
        } else if is_click {
            self.step(answer, Which::Others, Step::Seen, by);
        }
        for line in &event.lines {
            let item = hash_of(&line.item_id);
            if is_click {
                self.remember_click(event, item, answer);
            }
            let step = if is_click { Step::Clicked } else { Step::Seen };
            self.step(answer, Which::Item(item), step, by);
        }
    }

    fn hear_lines(&mut self, event: &PastEvent, answer: Option<u64>, step: Step) {
        let by = self.by(event);
        for line in &event.lines {
            let item = hash_of(&line.item_id);
            let answer = match origin_of(line, answer) {
                Origin::Answer(answer) | Origin::Event(answer) => Some(answer),
                Origin::Untold => self.clicked(event, item),
                Origin::Elsewhere => None,
            };
            if let Some(answer) = answer {
                self.step(answer, Which::Others, Step::Seen, by);
                self.step(answer, Which::Item(item), step, by);
            }
        }
    }

    fn by(&self, event: &PastEvent) -> By {
        By { at_us: event.at.0, who: self.people(event).next() }
    }

    fn people(&self, event: &PastEvent) -> impl Iterator<Item = Who> + use<> {
        let session = event.session_id.as_deref();
        let visit = session.map(|session| Who::Visit(Unit::Session(session).id(self.key)));
        event.customer_idx.map(Who::Customer).into_iter().chain(visit)
    }

    fn remember_click(&mut self, event: &PastEvent, item: u64, answer: u64) {
        for who in self.people(event) {
            if let Some(known) = self.clicks.get_mut(&(who, item)) {
                *known = (*known).max((event.at.0, answer));
            } else if self.clicks.len() < MAX_CLICKS {
                self.clicks.insert((who, item), (event.at.0, answer));
            }
        }
    }

    /// The answer in which they clicked the item last, before this and not long before.
    fn clicked(&self, event: &PastEvent, item: u64) -> Option<u64> {
        let counts = |at_us: i64| (0..=OPEN_DAYS * DAY_US).contains(&(event.at.0 - at_us));
        let clicks = self.people(event).filter_map(|who| self.clicks.get(&(who, item)));
        clicks.filter(|click| counts(click.0)).max_by_key(|click| click.0).map(|click| click.1)
    }

    /// Offers of an answer came as far as this. What comes too late is of none.
    fn step(&mut self, answer: u64, which: Which, step: Step, by: By) {
        let Some(open) = self.answers.get_mut(&answer) else {
            if MAX_EARLY <= self.early.len() {
                self.early.pop_front();
            }
            self.early.push_back((answer, which, step, by));
            return;
        };
        if OPEN_DAYS * DAY_US < by.at_us.saturating_sub(open.at_us) {
            return;
        }
        open.who = open.who.or(by.who);
        let item = match which {
            Which::Others if open.is_itemized => return,
            Which::All | Which::Others => None,
            Which::Item(item) => Some(self.items.get(&item).copied().unwrap_or(u32::MAX)),
        };
        open.is_itemized |= item.is_some() && step == Step::Seen;
        let weight = weight_of(open.at_us - self.landmark_us);
        for offer in &mut open.offers {
            let is_it = item.is_none_or(|item| item == offer.cell.item);
            if !is_it || offer.step >= Some(step) {
                continue;
            }
            if let Some(unit) = open.unit {
                self.units.add(unit, step.worth() - offer.step.map_or(0.0, Step::worth));
            }
            if offer.is_ranked {
                self.sums.entry(offer.cell).or_default().add(offer, step, weight);
            }
            offer.step = Some(step);
        }
    }

    /// Steps that came before the record of their answer, once more. What waited for one whole
    /// round of reading belongs to answers that are none of ours.
    pub fn settle(&mut self) {
        for (answer, which, step, by) in std::mem::take(&mut self.early) {
            if self.answers.contains_key(&answer) {
                self.step(answer, which, step, by);
            }
        }
    }

    /// Closes what is too old.
    pub fn forget(&mut self, now: Timestamp) {
        let before = now.0.saturating_sub(OPEN_DAYS * DAY_US);
        while let Some(&(at_us, name)) = self.order.front()
            && at_us < before
        {
            self.answers.remove(&name);
            self.order.pop_front();
        }
        self.forget_clicks(now);
        self.units.forget(now);
        let scale = self.scale(now);
        self.sums.retain(|_, sums| sums.n * scale > 0.1);
    }

    fn forget_clicks(&mut self, now: Timestamp) {
        let before = now.0.saturating_sub(OPEN_DAYS * DAY_US);
        self.clicks.retain(|_, (at_us, _)| *at_us >= before);
    }

    /// What a weight of now is divided by.
    fn scale(&self, now: Timestamp) -> f64 {
        1.0 / weight_of(now.0 - self.landmark_us)
    }

    /// What was learned, of each placement that learns.
    pub fn learned(&mut self, now: Timestamp) -> Vec<Learned> {
        let placements: HashSet<u8> = self.learning.iter().map(|one| one.placement).collect();
        let mut placements: Vec<u8> = placements.into_iter().collect();
        placements.sort_unstable();
        placements.into_iter().map(|placement| self.learned_at(placement, now)).collect()
    }

    fn learned_at(&mut self, placement: u8, now: Timestamp) -> Learned {
        let cells = self.cells(placement, now);
        let start = self.positions.get(&placement).map_or(&[][..], Vec::as_slice);
        let fit = response::fit(&cells, start);
        self.positions.insert(placement, fit.positions.clone());
        let named = |item: Option<u32>| item.map(|item| self.item_ids[item as usize].clone());
        let factors = fit.factors.iter().map(|(kind, &factor)| LearnedFactor {
            relation: kind.relation,
            item_id: named(kind.item),
            context: kind.context,
            factor,
        });
        Learned {
            placement,
            factors: factors.collect(),
            positions: fit.positions,
            n_seen: fit.n_seen,
            versus: self.units.versus(placement),
        }
    }

    fn cells(&self, placement: u8, now: Timestamp) -> Vec<Seen> {
        let scale = self.scale(now);
        let own = self.sums.iter().filter(|(cell, _)| cell.placement == placement);
        let mut cells: Vec<Seen> = own
            .map(|(cell, sums)| Seen {
                rung: cell.rung,
                relation: cell.relation,
                item: cell.item,
                context: cell.context,
                position: cell.position,
                n: sums.n * scale,
                score: sums.score * scale,
                responses: sums.responses * scale,
                worth: sums.worth * scale,
                worth2: sums.worth2 * scale,
            })
            .collect();
        if MAX_CELLS < cells.len() {
            cells.select_nth_unstable_by(MAX_CELLS, |a, b| {
                b.n.total_cmp(&a.n).then_with(|| order_of(a).cmp(&order_of(b)))
            });
            cells.truncate(MAX_CELLS);
        }
        // Sums of floats depend on the order.
        cells.sort_by_key(order_of);
        cells
    }
}

fn order_of(cell: &Seen) -> (u8, u8, u32, u8, u8) {
    (cell.rung, cell.relation, cell.item, cell.context, cell.position)
}

fn weight_of(age_us: i64) -> f64 {
    (age_us as f64 / (HALF_LIFE_DAYS * DAY_US as f64)).exp2()
}

#[cfg(test)]
mod tests;
