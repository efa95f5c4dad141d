//! The method `alongside` beside each other one: differences customer by customer, with paired
//! intervals.

use super::report::{FoldMeans, NAMES, NextBasketOutcome, Row};
use crate::customer_file::CustomerFile;
use measure::Interval;
use serde_json::{Map, Value, json};

/// Ours less theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Gain {
    pub over: String,
    /// In the order of [`NAMES`]; 95 % by bootstrap over customers, the same resamples for both.
    pub values: Vec<Interval>,
}

impl Gain {
    /// `None` with fewer than two customers.
    pub(super) fn of(
        file: &CustomerFile,
        asked: &[u32],
        ours: &NextBasketOutcome,
        theirs: &NextBasketOutcome,
    ) -> Option<Gain> {
        let less = |(ours, theirs): (&Option<Row>, &Option<Row>)| -> Option<Row> {
            let (ours, theirs) = (ours.as_ref()?, theirs.as_ref()?);
            Some(std::array::from_fn(|at| ours[at] - theirs[at]))
        };
        let rows: Vec<Option<Row>> = ours.rows.iter().zip(&theirs.rows).map(less).collect();
        let folds = FoldMeans::of(file, asked, &rows);
        let intervals = folds.intervals(&rows)?;
        let values = folds.means.iter().zip(intervals);
        let values = values.map(|(&mean, (low, high))| Interval { mean, low, high }).collect();
        Some(Gain { over: theirs.method.clone(), values })
    }

    pub fn get(&self, name: &str) -> Option<Interval> {
        let at = NAMES.iter().position(|&other| other == name)?;
        self.values.get(at).copied()
    }

    fn write(&self, line: &mut Map<String, Value>) {
        for (name, value) in NAMES.iter().zip(&self.values) {
            line.insert(format!("{name}_diff"), json!(value.mean));
            line.insert(format!("{name}_diff_low"), json!(value.low));
            line.insert(format!("{name}_diff_high"), json!(value.high));
        }
    }
}

impl NextBasketOutcome {
    /// The best of the others by NDCG@10.
    pub fn gain_over_best(&self) -> Option<&Gain> {
        let gain = |of: &Gain| of.get("NDCG@10").map_or(0.0, |gain| gain.mean);
        // Of equals the first.
        self.gains.iter().reduce(|best, next| if gain(next) < gain(best) { next } else { best })
    }

    /// `against` the best, and each by its name under `over`.
    pub(super) fn write_gains(&self, line: &mut Map<String, Value>) {
        let Some(best) = self.gain_over_best() else { return };
        line.insert("against".into(), json!(best.over));
        best.write(line);
        let each = self.gains.iter().map(|gain| {
            let mut fields = Map::new();
            gain.write(&mut fields);
            (gain.over.clone(), Value::Object(fields))
        });
        line.insert("over".into(), Value::Object(each.collect()));
    }
}
