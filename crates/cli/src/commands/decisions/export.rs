//! Explored places as a log of bandit feedback: what was drawn, with which chance, what came of it.

use crate::show;
use anyhow::Context;
use events::{EventKind, Timestamp};
use history::{DecisionRecord, Store};
use proof::arms::quoted;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const HEADS: &str = "recommendation_id,timestamp,placement,position,item_id,arm,n_arms,\
                     propensity_score,chance_of_best,shown,click,added,purchased,response";

/// One place that was drawn.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    recommendation_id: String,
    at: Timestamp,
    placement: String,
    place: u64,
    item_id: String,
    arm: u64,
    n_arms: u64,
    chance: f64,
    chance_of_best: f64,
    is_shown: bool,
    is_clicked: bool,
    is_added: bool,
    is_purchased: bool,
}

pub(super) async fn run(
    store: &Store,
    path: &Path,
    since: Timestamp,
    force: bool,
) -> anyhow::Result<()> {
    anyhow::ensure!(
        path.extension().is_some_and(|ending| ending == "csv"),
        "{}: the log is written as CSV; name a file that ends in .csv",
        path.display()
    );
    let mut rows: Vec<Row> = Vec::new();
    store.each_decision(since, |record| rows.extend(rows_of(record))).await?;
    anyhow::ensure!(
        !rows.is_empty(),
        "nothing was explored: no decision drew a place. Say `explore = 0.05` for a [[placement]] \
         of the policies (docs/policies.md)"
    );
    let mut by_offer: HashMap<(String, String), usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        by_offer.insert((row.recommendation_id.clone(), row.item_id.clone()), at);
    }
    store
        .each_event(since, |event| {
            // A line of an order names the answer that it came from, other events do as a whole.
            for line in event.lines {
                let Some(id) = line.origin.or_else(|| event.recommendation_id.clone()) else {
                    continue;
                };
                if let Some(&at) = by_offer.get(&(id, line.item_id)) {
                    rows[at].hear(event.kind);
                }
            }
        })
        .await?;
    let file = if force { File::create(path) } else { File::create_new(path) };
    let file = file.with_context(|| {
        format!("could not make {} (--force writes over a file that is there)", path.display())
    })?;
    let written = write(&rows, BufWriter::new(file));
    written.with_context(|| format!("could not write {}", path.display()))?;
    let n_other = rows.iter().filter(|row| row.arm > 0).count();
    show::line(format!(
        "{} places in {}; in {} another than the first stood there. Judge with `alongside evaluate \
         off-policy --data {} --item arm --reward response [--always 0]`",
        show::count(rows.len() as u64),
        path.display(),
        show::count(n_other as u64),
        path.display()
    ))
}

/// The places that a decision drew; none where nothing was shown.
fn rows_of(record: &DecisionRecord) -> Vec<Row> {
    let Ok(payload) = serde_json::from_slice::<Value>(&record.payload) else { return Vec::new() };
    let is_withheld = payload["variant"] == "holdout" || payload["withheld"] == true;
    if is_withheld {
        return Vec::new();
    }
    let placement = payload["asked"]["placement"].as_str().unwrap_or_default();
    let row_of = |drawn: &Value| {
        let place = drawn[0].as_u64()?;
        let item_id = payload["offers"][usize::try_from(place).ok()?.checked_sub(1)?]["item_id"]
            .as_str()?
            .to_owned();
        Some(Row {
            recommendation_id: record.recommendation_id.clone(),
            at: record.at,
            placement: placement.to_owned(),
            place,
            item_id,
            arm: drawn[1].as_u64()?,
            n_arms: drawn[2].as_u64()?,
            chance: drawn[3].as_f64()?,
            chance_of_best: drawn[4].as_f64()?,
            is_shown: false,
            is_clicked: false,
            is_added: false,
            is_purchased: false,
        })
    };
    payload["explored"]["places"].as_array().into_iter().flatten().filter_map(row_of).collect()
}

impl Row {
    fn hear(&mut self, kind: EventKind) {
        match kind {
            EventKind::RecommendationImpression | EventKind::RecommendationView => {
                self.is_shown = true;
            }
            EventKind::RecommendationClick => self.is_clicked = true,
            EventKind::AddToCart => self.is_added = true,
            EventKind::Purchase => self.is_purchased = true,
            _ => {}
        }
    }
}

/// Positions are told with the number of arms: a policy chooses among those that there were.
fn write(rows: &[Row], mut out: impl Write) -> std::io::Result<()> {
    writeln!(out, "{HEADS}")?;
    for row in rows {
        let is_any = row.is_clicked || row.is_added || row.is_purchased;
        let told = [row.is_shown, row.is_clicked, row.is_added, row.is_purchased, is_any];
        let told = told.map(|is_so| if is_so { "1" } else { "0" }).join(",");
        writeln!(
            out,
            "{},{},{},{}/{} of {},{},{},{},{},{},{told}",
            row.recommendation_id,
            row.at,
            row.placement,
            row.placement,
            row.place,
            row.n_arms,
            quoted(&row.item_id),
            row.arm,
            row.n_arms,
            row.chance,
            row.chance_of_best,
        )?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &str) -> DecisionRecord {
        DecisionRecord {
            recommendation_id: "r1".to_owned(),
            at: Timestamp(0),
            customer_idx: None,
            assignment: None,
            payload: payload.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_drawn_place_becomes_a_row_and_a_withheld_one_does_not() {
        let payload = r#"{"asked":{"placement":"pdp"},"variant":"offers",
            "offers":[{"item_id":"A"},{"item_id":"B, \"x\""}],
            "explored":{"seed":3,"places":[[2,1,8,0.0125,0.9]]}}"#;
        let mut rows = rows_of(&record(payload));
        rows[0].hear(EventKind::RecommendationImpression);
        rows[0].hear(EventKind::AddToCart);
        let mut out = Vec::new();
        write(&rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "r1,1970-01-01T00:00:00Z,pdp,pdp/2 of 8,\"B, \"\"x\"\"\",1,8,0.0125,0.9,\
                        1,0,1,0,1";
        assert_eq!(text.lines().nth(1), Some(expected));
        for payload in [
            payload.replace("\"offers\",", "\"holdout\","),
            payload.replace("[2,1,", "[3,1,"),
            payload.replace("\"explored\"", "\"unexplored\""),
            "no json".to_owned(),
        ] {
            assert_eq!(rows_of(&record(&payload)), [], "{payload}");
        }
    }
}
