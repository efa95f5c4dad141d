//! The report for a terminal: sentences first, then numbers, then method.

use super::findings::{Estimate, Findings, MetricFinding, PlacementFinding, RelationFinding};
use super::segments::{self, SegmentFinding};
use crate::show;
use measure::lift::NoAnswer;

/// Of [`metric_cells`].
pub(crate) const METRIC_HEADS: [&str; 6] =
    ["", "with offers", "held out", "difference", "95 %", "in percent"];
/// Of [`placement_cells`].
pub(crate) const PLACEMENT_HEADS: [&str; 10] = [
    "placement",
    "decisions",
    "held out",
    "no offer",
    "seen",
    "clicked",
    "added",
    "bought",
    "revenue",
    "kept",
];

/// Of [`relation_cells`].
pub(crate) const RELATION_HEADS: [&str; 6] =
    ["relation", "seen", "clicked", "bought", "revenue", "kept"];
/// Of [`segment_cells`].
pub(crate) const SEGMENT_HEADS: [&str; 5] =
    ["customers", "with offers", "held out", "revenue a customer", "95 %"];

pub(crate) fn print(findings: &Findings) -> anyhow::Result<()> {
    for sentence in &findings.sentences {
        show::line(sentence)?;
    }
    if findings.n_offers + findings.n_holdout == 0 {
        return Ok(());
    }
    show::line("")?;
    let mut table = show::table(&METRIC_HEADS, &[1, 2, 3, 4, 5]);
    for metric in &findings.metrics {
        show::row(&mut table, &metric_cells(metric));
    }
    show::line(table)?;
    let mut table = show::table(&PLACEMENT_HEADS, &[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for placement in &findings.placements {
        show::row(&mut table, &placement_cells(placement));
    }
    show::line(table)?;
    if !findings.relations.is_empty() {
        let mut table = show::table(&RELATION_HEADS, &[1, 2, 3, 4, 5]);
        findings.relations.iter().for_each(|one| show::row(&mut table, &relation_cells(one)));
        show::line(table)?;
    }
    if !findings.segments.is_empty() {
        let mut table = show::table(&SEGMENT_HEADS, &[1, 2, 3]);
        findings.segments.iter().for_each(|one| show::row(&mut table, &segment_cells(one)));
        show::line(table)?;
    }
    for line in notes(findings) {
        show::line(line)?;
    }
    Ok(())
}

pub(crate) fn metric_cells(metric: &MetricFinding) -> [String; 6] {
    let value = |value: Option<f64>| value.map_or("–".to_owned(), number);
    let (difference, interval) = match (&metric.difference, &metric.no_answer) {
        (Some(found), _) => (signed(found.value), interval(found)),
        (None, why) => ("–".to_owned(), why.clone().unwrap_or_default()),
    };
    let percent = |e: Estimate| {
        format!("{:+.1} ({:+.1} to {:+.1})", e.value * 1e2, e.low * 1e2, e.high * 1e2)
    };
    [
        metric.name.to_owned(),
        value(metric.offers),
        value(metric.holdout),
        difference,
        interval,
        metric.relative.map(percent).unwrap_or_default(),
    ]
}

pub(crate) fn placement_cells(placement: &PlacementFinding) -> [String; 10] {
    let p = placement;
    let counts = [p.decisions, p.held_out, p.empty, p.seen, p.clicked, p.added, p.bought];
    let [decisions, held_out, empty, seen, clicked, added, bought] = counts.map(show::count);
    let name = p.placement.clone();
    let (revenue, kept) = (number(p.revenue), number(p.kept));
    [name, decisions, held_out, empty, seen, clicked, added, bought, revenue, kept]
}

pub(crate) fn relation_cells(found: &RelationFinding) -> [String; 6] {
    let [seen, clicked, bought] = [found.seen, found.clicked, found.bought].map(show::count);
    let (revenue, kept) = (number(found.revenue), number(found.kept));
    [found.relation.clone(), seen, clicked, bought, revenue, kept]
}

pub(crate) fn segment_cells(found: &SegmentFinding) -> [String; 5] {
    let [offers, holdout] = [found.offers, found.holdout].map(show::count);
    let (difference, interval) = match &found.difference {
        Some(found) => (signed(found.value), interval(found)),
        None => ("–".to_owned(), found.no_answer.clone().unwrap_or_default()),
    };
    [found.segment.clone(), offers, holdout, difference, interval]
}

/// Both ends with their signs.
pub(crate) fn signed_interval(found: &Estimate) -> String {
    interval(found)
}

/// What is behind the numbers, and what could not be joined.
pub(crate) fn notes(findings: &Findings) -> Vec<String> {
    let mut notes: Vec<String> = findings.power.iter().cloned().collect();
    let doubts = &findings.doubts;
    for (n, what) in [
        (findings.n_crossers, "customers were seen in both arms; they count in their first"),
        (doubts.answers_without_record, "answers named in events have no record"),
        (doubts.orders_of_nobody, "orders are of people in no arm"),
        (doubts.orders_in_other_currencies, "orders in other currencies are left out"),
        (doubts.orders_without_time, "orders have no time and are left out"),
        (doubts.orders_in_the_future, "orders lie in the future and are left out"),
        (
            doubts.outcomes_before_answer,
            "answers were bought from before they were given: a sender's clock is wrong",
        ),
        (doubts.purchases_not_confirmed, "purchases were claimed by a browser and never confirmed"),
    ] {
        if n > 0 {
            notes.push(format!("{} {what}.", show::count(n)));
        }
    }
    notes.extend(findings.method.iter().cloned());
    notes
}

/// What a merchant wants to know, in the order of asking.
pub(crate) fn sentences(findings: &Findings, no_answer: Option<NoAnswer>) -> Vec<String> {
    let n = findings.n_offers + findings.n_holdout;
    if n == 0 {
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
        (Some(earned), _) if earned.low > 0.0 => sentences.push(format!(
            "The offers earned {}{unit} that would not have come anyway ({} to {}).",
            number(earned.value),
            number(earned.low),
            number(earned.high)
        )),
        (Some(earned), _) if earned.high < 0.0 => sentences.push(format!(
            "The offers cost {}{unit}: customers without them bought more ({} to {}).",
            number(-earned.value),
            number(-earned.high),
            number(-earned.low)
        )),
        (Some(earned), _) => sentences.push(format!(
            "Whether the offers earned anything cannot be told yet: {}{unit}, and anything from {} \
             to {} fits what was seen.",
            number(earned.value),
            number(earned.low),
            number(earned.high)
        )),
        (None, Some(why)) => sentences.push(format!("Nothing can be told: {why}.")),
        (None, None) => {}
    }
    sentences.push(format!(
        "{} customers and visits could be shown offers, {} were held out, over {:.1} days.",
        show::count(findings.n_offers),
        show::count(findings.n_holdout),
        findings.days
    ));
    sentences.push(format!(
        "Bought from offers: {}{unit}, of which {}{unit} stayed. That is what usual reports call \
         success; part of it would have been bought anyway.",
        number(findings.attributed_revenue),
        number(findings.attributed_kept)
    ));
    if let Some(displaced) = findings.displaced.filter(|found| found.low > 0.0) {
        sentences.push(format!(
            "Offers took {}{unit} a customer from other sales ({} to {}).",
            number(displaced.value),
            number(displaced.low),
            number(displaced.high)
        ));
    }
    sentences.extend(segments::sentences(&findings.segments, &unit));
    sentences
}

fn interval(found: &Estimate) -> String {
    format!("{} to {}", signed(found.low), signed(found.high))
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

/// As many places as mean something: 1,234,567 and 12.35 and 0.0123.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let sign = if value < 0.0 { "−" } else { "" };
        return format!("{sign}{}", show::count(size.round() as u64));
    }
    let text = if size >= 1.0 || size == 0.0 { format!("{size:.2}") } else { format!("{size:.4}") };
    if value < 0.0 { format!("−{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        let texts = [0.0, 1_234_567.4, -1_000.0, 12.345, -0.0123].map(number);
        assert_eq!(texts, ["0.00", "1,234,567", "−1,000", "12.35", "−0.0123"]);
        assert_eq!(signed(2.0), "+2.00");
    }
}
