//! Findings in words, and numbers as people read them.

use crate::facts::Doubts;
use crate::findings::{Estimate, Findings, MetricFinding, PlacementFinding, RelationFinding};
use crate::segments::{self, SegmentFinding};
use decide::words::grouped;

/// Of [`metric_rows`].
pub const METRIC_HEADS: [&str; 6] =
    ["", "with offers", "held out", "difference", "95 %", "in percent"];
/// Of [`placement_cells`].
pub const PLACEMENT_HEADS: [&str; 11] = [
    "placement",
    "decisions",
    "held out",
    "eligible",
    "shown",
    "seen",
    "clicked",
    "added",
    "bought",
    "revenue",
    "kept",
];

/// Of [`relation_cells`].
pub const RELATION_HEADS: [&str; 7] =
    ["relation", "shown", "seen", "clicked", "bought", "revenue", "kept"];
/// Of [`event_rows`].
pub const EVENT_HEADS: [&str; 3] = ["events", "number", "what is done with them"];
/// Of [`segment_cells`].
pub const SEGMENT_HEADS: [&str; 5] =
    ["customers", "with offers", "held out", "revenue a customer", "95 %"];

/// A row of cells a metric. Why there is no interval is said once, not in every row.
pub fn metric_rows(metrics: &[MetricFinding]) -> Vec<[String; 6]> {
    let mut said: Option<&str> = None;
    let mut rows = Vec::with_capacity(metrics.len());
    for metric in metrics {
        let mut cells = metric_cells(metric);
        if let Some(why) = metric.no_answer.as_deref() {
            if said == Some(why) {
                cells[4] = "as above".to_owned();
            }
            said = Some(why);
        }
        rows.push(cells);
    }
    rows
}

fn metric_cells(metric: &MetricFinding) -> [String; 6] {
    let value = |value: Option<f64>| value.map_or("–".to_owned(), number);
    let (difference, interval) = match (&metric.difference, &metric.no_answer) {
        (Some(found), _) => (signed(found.value), interval(found)),
        (None, why) => ("–".to_owned(), why.clone().unwrap_or_default()),
    };
    let percent = |e: Estimate| {
        format!("{:+.1} ({:+.1} to {:+.1})", e.value * 1e2, e.low * 1e2, e.high * 1e2)
    };
    let mark = if metric.is_capped { ", capped" } else { "" };
    [
        format!("{}{mark}", metric.name),
        value(metric.offers),
        value(metric.holdout),
        difference,
        interval,
        metric.relative.map(percent).unwrap_or_default(),
    ]
}

pub fn placement_cells(placement: &PlacementFinding) -> [String; 11] {
    let p = placement;
    let counts = [p.decisions, p.held_out, p.eligible, p.shown, p.clicked, p.added];
    let [decisions, held_out, eligible, shown, clicked, added] = counts.map(grouped);
    let name = p.placement.clone();
    let [seen, bought] = [p.seen, p.bought].map(|n| n.map_or("–".to_owned(), grouped));
    let [revenue, kept] = [p.revenue, p.kept].map(|sum| sum.map_or("–".to_owned(), number));
    [name, decisions, held_out, eligible, shown, seen, clicked, added, bought, revenue, kept]
}

pub fn relation_cells(found: &RelationFinding) -> [String; 7] {
    let [shown, clicked, bought] = [found.shown, found.clicked, found.bought].map(grouped);
    let seen = found.seen.map_or("–".to_owned(), grouped);
    let (revenue, kept) = (number(found.revenue), number(found.kept));
    [found.relation.clone(), shown, seen, clicked, bought, revenue, kept]
}

/// What is odd of events, also where there is none of it: that is a finding too.
pub fn event_rows(doubts: &Doubts) -> Vec<[String; 3]> {
    let known = doubts.events.saturating_sub(doubts.events_of_unknown_arrival);
    let is_known = known > 0 || doubts.events == 0;
    let read = match doubts.events_of_unknown_arrival {
        0 => "read".to_owned(),
        _ => format!("read; of {} it is known when they came", grouped(known)),
    };
    let (mut late, mut ahead) = (
        "count by the time they bear".to_owned(),
        "count by the time they bear: set the sender's clock".to_owned(),
    );
    if !is_known {
        late = "not known: they were imported, or kept by an earlier version".to_owned();
        ahead.clone_from(&late);
    } else if doubts.events_late > 0 {
        let delay = delay(doubts.longest_delay_minutes);
        late += &format!(": an earlier report told less; the latest by {delay}");
    }
    let rows = [
        ("since the first assignment", Some(doubts.events), &*read),
        (
            "sent again (same event_id)",
            Some(doubts.events_sent_again),
            "left out, each counts once; by whole days (UTC)",
        ),
        (
            "late: an hour or more after they happened",
            is_known.then_some(doubts.events_late),
            &late,
        ),
        (
            "ahead: bear a time an hour or more after they came",
            is_known.then_some(doubts.events_ahead),
            &ahead,
        ),
        (
            "outcomes before their exposure",
            Some(doubts.outcomes_before_exposure),
            "answers clicked or bought from before they were shown: they count",
        ),
        (
            "outcomes before their decision",
            Some(doubts.outcomes_before_answer),
            "answers shown, clicked or bought from before they were given: wrong clocks",
        ),
        (
            "outcomes without a decision",
            Some(doubts.answers_without_record),
            "answers named in events that have no record: they count for no placement",
        ),
    ];
    let cells = |(what, n, done): (&str, Option<u64>, &str)| {
        [what.to_owned(), n.map_or("–".to_owned(), grouped), done.to_owned()]
    };
    rows.map(cells).to_vec()
}

/// Of a delay: 3.2 days, 75 minutes.
fn delay(minutes: u64) -> String {
    let days = minutes as f64 / 1_440.0;
    if days >= 2.0 { format!("{days:.1} days") } else { format!("{} minutes", grouped(minutes)) }
}

pub fn segment_cells(found: &SegmentFinding) -> [String; 5] {
    let [offers, holdout] = [found.offers, found.holdout].map(grouped);
    let (difference, interval) = match &found.difference {
        Some(found) => (signed(found.value), interval(found)),
        None => ("–".to_owned(), found.no_answer.clone().unwrap_or_default()),
    };
    [found.segment.clone(), offers, holdout, difference, interval]
}

/// Both ends with their signs.
pub fn signed_interval(found: &Estimate) -> String {
    interval(found)
}

/// What is behind the numbers, and what could not be joined.
pub fn notes(findings: &Findings) -> Vec<String> {
    let mut notes: Vec<String> = findings.power.iter().cloned().collect();
    for (n, one, many) in counted(findings) {
        match n {
            0 => {}
            1 => notes.push(format!("1 {one}.")),
            n => notes.push(format!("{} {many}.", grouped(n))),
        }
    }
    notes.extend(findings.method.iter().cloned());
    notes
}

/// Of one, and of several.
fn counted(findings: &Findings) -> impl Iterator<Item = (u64, &'static str, &'static str)> {
    of_answers(findings).into_iter().chain(of_orders(&findings.doubts))
}

fn of_answers(findings: &Findings) -> [(u64, &'static str, &'static str); 6] {
    let doubts = &findings.doubts;
    [
        (
            findings.n_not_compared,
            "customer was first assigned when nobody or everybody was held out: not compared",
            "customers were first assigned when nobody or everybody was held out: not compared",
        ),
        (
            findings.n_crossers,
            "customer was seen in both arms, and counts in the first",
            "customers were seen in both arms; they count in their first",
        ),
        (
            doubts.marks_of_empty_answers,
            "answer without an offer was seen or clicked, as events say; it counts as not seen",
            "answers without an offer were seen or clicked, as events say; they count as not seen",
        ),
        (
            doubts.marks_of_held_out,
            "answer to somebody held out was seen or clicked, as events say: what was shown?",
            "answers to who was held out were seen or clicked, as events say: what was shown?",
        ),
        (
            doubts.clicks_not_offered,
            "item was clicked in an answer that did not hold it; it counts as not clicked",
            "items were clicked in answers that did not hold them; they count as not clicked",
        ),
        (
            doubts.lines_not_offered,
            "line names an answer that did not offer it to this customer",
            "lines name answers that did not offer them to these customers",
        ),
    ]
}

fn of_orders(doubts: &Doubts) -> [(u64, &'static str, &'static str); 9] {
    [
        (doubts.orders_of_nobody, "order is of nobody in an arm", "orders are of people in no arm"),
        (
            doubts.days_of_tills,
            "day of a till at which nobody is known is not compared",
            "days of tills at which nobody is known are not compared",
        ),
        (
            doubts.orders_in_other_currencies,
            "order in another currency is left out",
            "orders in other currencies are left out",
        ),
        (
            doubts.orders_without_time,
            "order has no time and is left out",
            "orders have no time and are left out",
        ),
        (
            doubts.orders_in_the_future,
            "order lies in the future and is left out",
            "orders lie in the future and are left out",
        ),
        (
            doubts.lines_without_price,
            "line of an order has no price and counts as nothing",
            "lines of orders have no price and count as nothing",
        ),
        (
            doubts.refunds_of_unknown_orders,
            "refund is of an order that is not known or does not count; it takes back nothing",
            "refunds are of orders that are not known or do not count; they take back nothing",
        ),
        (
            doubts.refunds_above_sale,
            "refund takes back more than was sold; it counts up to that",
            "refunds take back more than was sold; they count up to that",
        ),
        (
            doubts.purchases_not_confirmed,
            "purchase was claimed by a browser and never confirmed",
            "purchases were claimed by a browser and never confirmed",
        ),
    ]
}

/// What a merchant wants to know, in the order of asking.
pub fn sentences(findings: &Findings, no_answer: Option<String>) -> Vec<String> {
    let n = findings.n_offers + findings.n_holdout;
    if n == 0 {
        let why = crate::promise::why_nothing(&findings.holdout, 0, 0);
        if let Some(why) = why {
            return vec![format!("Nothing can be told: {why}.")];
        }
        return vec![
            "Nothing can be told yet: no customer or visit was assigned. `alongside serve` holds \
             out 5 % by itself; ask for offers with a `user_id` or a `session_id`, and send \
             purchases."
                .to_owned(),
        ];
    }
    let unit = findings.currency.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let mut sentences = Vec::new();
    match (&findings.incremental_revenue, no_answer) {
        (Some(earned), _) => sentences.push(headline(earned, &unit, findings.capped_at)),
        (None, Some(why)) => sentences.push(format!("Nothing can be told: {why}.")),
        (None, None) => {}
    }
    sentences.push(format!(
        "{} customers and visits could be shown offers, {} were held out, over {}.",
        grouped(findings.n_offers),
        grouped(findings.n_holdout),
        span(findings.days)
    ));
    if let (Some(bought), Some(kept)) = (findings.attributed_revenue, findings.attributed_kept) {
        sentences.push(format!(
            "Bought from offers: {}{unit}, of which {}{unit} stayed. That is what usual reports \
             call success; part of it would have been bought anyway.",
            number(bought),
            number(kept)
        ));
    }
    if let Some(seen) = findings.attributed_seen {
        sentences.push(format!(
            "Of what was bought from offers, {}{unit} was from offers that were in view for a \
             second, as pages say.",
            number(seen)
        ));
    }
    if let Some(displaced) = findings.displaced.filter(|found| found.low > 0.0) {
        let capped = if findings.capped_at.is_some() { ", capped" } else { "" };
        sentences.push(format!(
            "Offers took {}{unit} a customer from other sales ({} to {}{capped}).",
            number(displaced.value),
            number(displaced.low),
            number(displaced.high)
        ));
    }
    sentences.extend(segments::sentences(&findings.segments, &unit));
    sentences.extend(spared(&findings.placements));
    sentences
}

/// How much was kept from who is not expected to respond, where it was.
fn spared(placements: &[PlacementFinding]) -> Option<String> {
    let is_any = |placement: &&PlacementFinding| placement.spared > 0;
    let of = |placement: &PlacementFinding| {
        let [spared, all] = [placement.spared, placement.decisions].map(grouped);
        format!("{spared} of {all} answers at {}", placement.placement)
    };
    let told: Vec<String> = placements.iter().filter(is_any).map(of).collect();
    (!told.is_empty()).then(|| {
        format!(
            "Offers were kept from customers who are not expected to respond: {}.",
            told.join(", ")
        )
    })
}

/// What was earned; a cap stands in the same sentence.
fn headline(earned: &Estimate, unit: &str, capped_at: Option<f64>) -> String {
    let cap = capped_at.map_or(String::new(), |cap| {
        format!(
            " This is capped: one customer outweighs all others, so that nobody counts for more \
             than {}{unit}.",
            number(cap)
        )
    });
    let told = if earned.low > 0.0 {
        format!(
            "The offers earned {}{unit} that would not have come anyway ({} to {}).",
            number(earned.value),
            number(earned.low),
            number(earned.high)
        )
    } else if earned.high < 0.0 {
        format!(
            "The offers cost {}{unit}: customers without them bought more ({} to {}).",
            number(-earned.value),
            number(-earned.high),
            number(-earned.low)
        )
    } else {
        format!(
            "Whether the offers earned anything cannot be told yet: {}{unit}, and anything from {} \
             to {} fits what was seen.",
            number(earned.value),
            number(earned.low),
            number(earned.high)
        )
    };
    told + &cap
}

/// Of the trial so far: 3.5 days, 2.3 hours, 12 minutes.
fn span(days: f64) -> String {
    let (hours, minutes) = (days * 24.0, days * 24.0 * 60.0);
    if hours >= 24.0 {
        format!("{days:.1} days")
    } else if minutes >= 60.0 {
        format!("{hours:.1} hours")
    } else if minutes >= 1.5 {
        format!("{minutes:.0} minutes")
    } else {
        "about a minute".to_owned()
    }
}

fn interval(found: &Estimate) -> String {
    format!("{} to {}", signed(found.low), signed(found.high))
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// As many places as mean something: 1,234,567 and 12.35 and 0.0123.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", grouped(size.round() as u64));
    }
    let text = if size >= 1.0 || size == 0.0 { format!("{size:.2}") } else { format!("{size:.4}") };
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_nothing_can_be_told_is_said_once() {
        let metric = |name, why: Option<&str>| MetricFinding {
            name,
            offers: Some(1.0),
            holdout: None,
            difference: None,
            relative: None,
            is_capped: false,
            no_answer: why.map(str::to_owned),
        };
        let few = Some("too few");
        let all =
            [metric("a", few), metric("b", few), metric("c", Some("no cost")), metric("d", few)];
        let told: Vec<String> = metric_rows(&all).into_iter().map(|[.., why, _]| why).collect();
        assert_eq!(told, ["too few", "as above", "no cost", "too few"]);
    }

    #[test]
    fn how_late_events_came_is_not_known_of_imported_ones() {
        let row = |doubts: &Doubts, at: usize| event_rows(doubts)[at].join(" | ");
        let imported = Doubts { events: 9, events_of_unknown_arrival: 9, ..Doubts::default() };
        assert!(row(&imported, 2).contains("| – | not known"), "{}", row(&imported, 2));
        assert!(row(&imported, 3).contains("| – | not known"), "{}", row(&imported, 3));
        let mixed = Doubts {
            events: 9,
            events_of_unknown_arrival: 4,
            events_late: 2,
            longest_delay_minutes: 90,
            ..Doubts::default()
        };
        assert!(row(&mixed, 0).ends_with("| 9 | read; of 5 it is known when they came"));
        assert!(row(&mixed, 2).contains("| 2 |") && row(&mixed, 2).ends_with("by 90 minutes"));
        assert!(row(&Doubts::default(), 2).contains("| 0 |"));
    }

    #[test]
    fn numbers_as_people_read_them() {
        let texts = [0.0, 1_234_567.4, -1_000.0, 12.345, -0.0123].map(number);
        assert_eq!(texts, ["0.00", "1,234,567", "−1,000", "12.35", "−0.0123"]);
        assert_eq!(signed(2.0), "+2.00");
        let spans = [12.34, 0.5, 0.01, 0.0].map(span);
        assert_eq!(spans, ["12.3 days", "12.0 hours", "14 minutes", "about a minute"]);
    }
}
