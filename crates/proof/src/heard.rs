//! What the events said: who a visit was, what was clicked, and where the lines of an order came
//! from.

use crate::facts::hash_of;
use crate::funnels::Outcome;
use events::event::EventLine;
use events::time::DAY_US;
use events::{Amount, EventKind, Timestamp};
use hashbrown::HashMap;
use history::PastEvent;
use measure::assignment::{Unit, UnitId};
use measure::trial::Trial;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said.
    Untold,
    Elsewhere,
    /// From the answer that the line names.
    Answer(u64),
    /// The event names an answer: that of the lines which the answer held.
    Event(u64),
}

impl Origin {
    pub(crate) fn answer(self) -> Option<u64> {
        match self {
            Origin::Answer(answer) | Origin::Event(answer) => Some(answer),
            Origin::Untold | Origin::Elsewhere => None,
        }
    }
}

/// Pieces of an item, and where they came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToldPart {
    pub(crate) item: u64,
    pub(crate) price: Option<Amount>,
    pub(crate) pieces: f64,
    pub(crate) origin: Origin,
}

impl ToldPart {
    fn of(line: &EventLine, answer: Option<u64>) -> ToldPart {
        ToldPart {
            item: hash_of(&line.item_id),
            price: line.unit_price,
            pieces: number(line.quantity).abs(),
            origin: origin_of(line, answer),
        }
    }
}

/// What an event told of an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) visit: Option<UnitId>,
    /// Time of the purchase, which a file may know by its date only.
    pub(crate) at_us: Option<i64>,
    parts: Vec<ToldPart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Who {
    Customer(u32),
    Visit(UnitId),
}

impl Who {
    pub(crate) fn in_trial(self, trial: &Trial) -> Option<usize> {
        match self {
            Who::Customer(customer) => trial.find(Some(customer), None),
            Who::Visit(visit) => trial.find(None, Some(visit)),
        }
    }
}

/// What an event did to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It stood on a page.
    Shown,
    /// It was in view there: half of it for a second.
    Seen,
    Dismissed,
    /// It was clicked, nobody says on which item.
    Clicked,
    Added,
    /// This item was clicked in it.
    ItemClicked(u64),
    /// An order names it.
    Ordered,
    /// The same, before the trial began.
    OrderedBefore,
}

/// What events say, in parts that each concern one answer, one order, or one customer or visit.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Whose a visit is.
    Link(UnitId, u32),
    /// Of which answer, what, and when.
    Mark(u64, Mark, i64),
    Click(Click),
    Checkout(Who, i64),
    Purchase(ToldOrder),
    NotConfirmed,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Click {
    pub(crate) who: Who,
    pub(crate) item: u64,
    pub(crate) at_us: i64,
    pub(crate) answer: u64,
}

/// What one event says of an order.
#[derive(Clone, Debug)]
pub(crate) struct ToldOrder {
    pub(crate) order: u128,
    pub(crate) visit: Option<UnitId>,
    pub(crate) at_us: i64,
    pub(crate) parts: Vec<ToldPart>,
}

/// What is asked of every event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearing {
    /// Of the pseudonyms of the store.
    pub(crate) key: u64,
    /// Of what was before, purchases alone are heard.
    pub(crate) began_us: i64,
}

impl Hearing {
    pub(crate) fn hear(&self, event: &PastEvent, mut say: impl FnMut(Said)) {
        if event.at.0 < self.began_us && event.kind != EventKind::Purchase {
            return;
        }
        let visit = event.session_id.as_deref().map(|session| Unit::Session(session).id(self.key));
        if let (Some(visit), Some(customer)) = (visit, event.customer_idx) {
            say(Said::Link(visit, customer));
        }
        let answer = event.recommendation_id.as_deref().map(hash_of);
        let people = [event.customer_idx.map(Who::Customer), visit.map(Who::Visit)];
        let at_us = event.at.0;
        let mark = |mark| answer.map(|answer| Said::Mark(answer, mark, at_us));
        match event.kind {
            EventKind::RecommendationImpression => mark(Mark::Shown).into_iter().for_each(say),
            EventKind::RecommendationView => mark(Mark::Seen).into_iter().for_each(say),
            EventKind::RecommendationDismiss => mark(Mark::Dismissed).into_iter().for_each(say),
            EventKind::RecommendationClick => {
                let Some(answer) = answer else { return };
                if event.lines.is_empty() {
                    say(Said::Mark(answer, Mark::Clicked, at_us));
                }
                for line in &event.lines {
                    let item = hash_of(&line.item_id);
                    let clicks = people.into_iter().flatten();
                    clicks.for_each(|who| say(Said::Click(Click { who, item, at_us, answer })));
                    say(Said::Mark(answer, Mark::ItemClicked(item), at_us));
                }
            }
            EventKind::AddToCart => {
                for line in &event.lines {
                    if let Some(answer) = origin_of(line, answer).answer() {
                        say(Said::Mark(answer, Mark::Added, at_us));
                    }
                }
            }
            EventKind::BeginCheckout => {
                let who = people.into_iter().flatten().next();
                who.into_iter().for_each(|who| say(Said::Checkout(who, at_us)));
            }
            EventKind::Purchase if !event.confirmed => say(Said::NotConfirmed),
            EventKind::Purchase => {
                let Some(order) = event.order_key else { return };
                let parts = event.lines.iter().map(|line| ToldPart::of(line, answer)).collect();
                say(Said::Purchase(ToldOrder { order, visit, at_us, parts }));
            }
            _ => {}
        }
    }
}

/// What came of answers, as far as it is marked.
pub(crate) fn mark(outcomes: &mut HashMap<u64, Outcome>, (answer, at_us): (u64, i64), mark: Mark) {
    let outcome = outcomes.entry(answer).or_default();
    outcome.is_named |= mark != Mark::OrderedBefore;
    let first = match mark {
        Mark::Shown | Mark::Seen => Some(&mut outcome.shown_us),
        Mark::Dismissed | Mark::Clicked | Mark::Added | Mark::ItemClicked(_) => {
            Some(&mut outcome.acted_us)
        }
        Mark::Ordered | Mark::OrderedBefore => None,
    };
    if let Some(first) = first {
        *first = Some(first.map_or(at_us, |known| known.min(at_us)));
    }
    match mark {
        Mark::Shown => outcome.is_shown = true,
        Mark::Seen => (outcome.is_shown, outcome.is_seen) = (true, true),
        Mark::Dismissed => outcome.is_dismissed = true,
        Mark::Clicked => outcome.is_clicked = true,
        Mark::Added => outcome.is_added = true,
        Mark::ItemClicked(item) => {
            outcome.may_sell = true;
            outcome.item(item).is_clicked = true;
        }
        Mark::Ordered | Mark::OrderedBefore => outcome.may_sell = true,
    }
}

/// By person and item: when it was clicked, and in which answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clicks(HashMap<(Who, u64), Vec<(i64, u64)>>);

impl Clicks {
    pub(crate) fn add(&mut self, click: Click) {
        let clicks = self.0.entry((click.who, click.item)).or_default();
        // The first and the last click of an answer in a row say all that is asked.
        let of_answer = |known: &&(i64, u64)| known.1 == click.answer;
        if clicks.iter().rev().take_while(of_answer).count() >= 2 {
            clicks.pop();
        }
        clicks.push((click.at_us, click.answer));
    }

    /// The answer in which somebody clicked the item last before it was bought, at most `window_us`
    /// before, and how long before. The sale may have been as late as `latest_us`.
    pub(crate) fn last(
        &self,
        people: [Option<Who>; 2],
        item: u64,
        (latest_us, window_us): (i64, i64),
    ) -> Option<(u64, i64)> {
        people.into_iter().flatten().find_map(|who| {
            let clicks = self.0.get(&(who, item))?;
            let age =
                |at: i64| latest_us.checked_sub(at).filter(|age| (0..=window_us).contains(age));
            let aged = clicks.iter().filter_map(|(at, answer)| Some((*answer, age(*at)?)));
            aged.min_by_key(|(_, age)| *age)
        })
    }
}

/// When each began a checkout; what begins again within a day is the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checkouts(HashMap<Who, Vec<i64>>);

impl Checkouts {
    pub(crate) fn add(&mut self, who: Who, at_us: i64) {
        let begun = self.0.entry(who).or_default();
        if !begun.iter().any(|before| (0..DAY_US).contains(&(at_us - before))) {
            begun.push(at_us);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Who, &[i64])> {
        self.0.iter().map(|(who, begun)| (*who, &begun[..]))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) links: Vec<(UnitId, u32)>,
    pub(crate) outcomes: HashMap<u64, Outcome>,
    pub(crate) orders: HashMap<u128, Told>,
    pub(crate) clicks: Clicks,
    pub(crate) checkouts: Checkouts,
    pub(crate) n_not_confirmed: u64,
}

impl Heard {
    /// Answers that are left: what was bought before of an older answer is no concern of the trial.
    pub(crate) fn n_named(&self) -> u64 {
        self.outcomes.values().filter(|outcome| outcome.is_named).count() as u64
    }

    pub(crate) fn take(&mut self, said: Said, hearing: &Hearing) {
        match said {
            Said::Link(visit, customer) => self.links.push((visit, customer)),
            Said::Mark(answer, what, at_us) => mark(&mut self.outcomes, (answer, at_us), what),
            Said::Click(click) => self.clicks.add(click),
            Said::Checkout(who, at_us) => self.checkouts.add(who, at_us),
            Said::Purchase(told) => {
                let known = self.orders.entry(told.order).or_default();
                let outcomes = &mut self.outcomes;
                known.hear(told, hearing, |named, what| mark(outcomes, named, what));
            }
            Said::NotConfirmed => self.n_not_confirmed += 1,
        }
    }
}

impl Told {
    /// A later event of an order replaces what was told before, but for origins that it leaves out.
    pub(crate) fn hear(
        &mut self,
        told: ToldOrder,
        hearing: &Hearing,
        mut mark: impl FnMut((u64, i64), Mark),
    ) {
        let ToldOrder { visit, at_us, parts, .. } = told;
        self.visit = visit.or(self.visit);
        self.at_us = Some(at_us);
        let is_told = |parts: &[ToldPart], item: u64| {
            parts.iter().any(|part| part.item == item && part.origin != Origin::Untold)
        };
        let known = std::mem::take(&mut self.parts);
        let is_kept = |old: &&ToldPart| is_told(&known, old.item) && !is_told(&parts, old.item);
        let mut kept: Vec<ToldPart> = known.iter().filter(is_kept).copied().collect();
        let news = parts.iter().filter(|part| !kept.iter().any(|old| old.item == part.item));
        let news: Vec<ToldPart> = news.copied().collect();
        let is_before = at_us < hearing.began_us;
        let what = if is_before { Mark::OrderedBefore } else { Mark::Ordered };
        let named = news.iter().filter_map(|part| part.origin.answer());
        named.for_each(|answer| mark((answer, at_us), what));
        kept.extend(news);
        self.parts = kept;
    }

    /// The origins of a line of the order, each with its share of the line: by the lines of the
    /// event with the same item and price; by those with the same item where a file says another
    /// price.
    pub(crate) fn origins(&self, item: u64, price: Option<Amount>) -> Vec<(Origin, f64)> {
        let of_item = || self.parts.iter().filter(move |part| part.item == item);
        let of_price: Vec<&ToldPart> = of_item().filter(|part| part.price == price).collect();
        let parts = if of_price.is_empty() { of_item().collect() } else { of_price };
        let all: f64 = parts.iter().map(|part| part.pieces).sum();
        if !(all > 0.0) {
            return parts.first().map(|part| (part.origin, 1.0)).into_iter().collect();
        }
        parts.iter().map(|part| (part.origin, part.pieces / all)).collect()
    }
}

/// The line's own origin, where it has one, else the event's answer.
pub(crate) fn origin_of(line: &EventLine, answer: Option<u64>) -> Origin {
    match line.origin.as_deref() {
        Some(origin) if events::event::is_answer(origin) => Origin::Answer(hash_of(origin)),
        Some(_) => Origin::Elsewhere,
        None => answer.map_or(Origin::Untold, Origin::Event),
    }
}

pub(crate) fn number(amount: Amount) -> f64 {
    amount.0 as f64 / events::amount::MICROS as f64
}

/// How exact the times of orders are. A file may know the date only, and gives midnight, of its own
/// time zone: then more orders bear that time of the day than ever come at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grain {
    /// Orders by time of the day, where that is a whole quarter of an hour, as any midnight.
    by_quarter: HashMap<i64, u64>,
    n_orders: u64,
}

const SECOND_US: i64 = 1_000_000;
const QUARTER_US: i64 = 900 * SECOND_US;
/// Of this many orders one at the same quarter is a midnight, when there are so many of them.
const MIDNIGHT_SHARE: u64 = 50;
const MIN_AT_MIDNIGHT: u64 = 20;

impl Grain {
    pub(crate) fn see(&mut self, at: Timestamp) {
        self.n_orders += 1;
        if at.0.rem_euclid(QUARTER_US) == 0 {
            *self.by_quarter.entry(at.0.rem_euclid(DAY_US)).or_default() += 1;
        }
    }

    /// The true time is from `at_us` on, by less than this.
    pub(crate) fn of(&self, at_us: i64) -> i64 {
        let time = at_us.rem_euclid(DAY_US);
        let n = self.by_quarter.get(&time).copied().unwrap_or(0);
        let is_midnight = n >= MIN_AT_MIDNIGHT && n * MIDNIGHT_SHARE >= self.n_orders;
        if time == 0 || is_midnight {
            DAY_US
        } else if time % (60 * SECOND_US) == 0 {
            60 * SECOND_US
        } else if time % SECOND_US == 0 {
            SECOND_US
        } else {
            1
        }
    }

    /// When an order was made, and how exactly that is known: a time that was told live stands
    /// where a file says the same less exactly.
    pub(crate) fn resolve(&self, at_us: i64, live_us: Option<i64>) -> (i64, i64) {
        let own = self.of(at_us);
        // Midnight of a zone that few orders are of is known by the live time of the same day.
        let day = if at_us.rem_euclid(QUARTER_US) == 0 { DAY_US } else { own };
        match live_us {
            Some(live) if (0..day).contains(&live.saturating_sub(at_us)) => (live, self.of(live)),
            _ => (at_us, own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn midnight_is_known_by_how_many_orders_bear_it() {
        let mut grain = Grain::default();
        let two_hours = 2 * 3_600 * SECOND_US;
        (0..30).for_each(|day| grain.see(Timestamp(day * DAY_US - two_hours)));
        (0..400).for_each(|at| grain.see(Timestamp(at * 7_654_321)));
        assert_eq!(grain.of(5 * DAY_US - two_hours), DAY_US, "midnight of a zone east of here");
        assert_eq!(grain.of(5 * DAY_US), DAY_US);
        assert_eq!(grain.of(5 * DAY_US + two_hours), 60 * SECOND_US, "two o'clock is a time");
        assert_eq!(grain.of(7 * SECOND_US), SECOND_US);
        assert_eq!(grain.of(7 * SECOND_US + 1), 1);
    }

    #[test]
    fn a_live_time_stands_where_a_file_is_less_exact() {
        let grain = Grain::default();
        let live = 3 * DAY_US + 61 * SECOND_US + 5;
        assert_eq!(grain.resolve(3 * DAY_US, Some(live)), (live, 1), "the date");
        let minute = 3 * DAY_US + 60 * SECOND_US;
        assert_eq!(grain.resolve(minute, Some(live)), (live, 1), "the minute");
        let zone = 3 * DAY_US - 4 * QUARTER_US;
        assert_eq!(grain.resolve(zone, Some(live)), (live, 1), "the date of another zone");
        let other = 3 * DAY_US + 7 * SECOND_US + 3;
        assert_eq!(grain.resolve(other, Some(live)), (other, 1), "another time");
        assert_eq!(grain.resolve(3 * DAY_US, None), (3 * DAY_US, DAY_US));
        let next_day = 4 * DAY_US;
        assert_eq!(grain.resolve(next_day, Some(live)), (next_day, DAY_US));
    }
}
