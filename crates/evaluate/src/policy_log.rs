//! A log of impressions with the chances with which they were chosen, and policies by position.
//!
//! A policy is π(item | position). Two are at hand: `uniform`, which shows every item alike, and
//! that of another log, as its mean logged chance by item and position, made to sum to 1
//! (approximate: the policy knew more than the position, and a mean over what was shown leans to
//! moments when it was likely).

use crate::error::Error;
use crate::order_file::Codes;
use crate::table_file::TableFile;
use measure::skew::{SkewInterval, skew_interval};
use std::path::Path;

/// Level of all intervals.
pub(crate) const LEVEL: f64 = 0.95;

/// Which column is which.
#[derive(Clone, Debug, PartialEq)]
pub struct LogColumns {
    pub item: String,
    /// Without such a column all rows are of one position.
    pub position: String,
    pub reward: String,
    pub propensity: String,
    /// How many actions there were to choose from, named 0, 1… in `item`; without such a column
    /// all were there each time.
    pub n_actions: String,
}

impl Default for LogColumns {
    /// Those of the Open Bandit data.
    fn default() -> LogColumns {
        LogColumns {
            item: "item_id".into(),
            position: "position".into(),
            reward: "click".into(),
            propensity: "propensity_score".into(),
            n_actions: "n_arms".into(),
        }
    }
}

/// A log, over the items and positions of all logs read with the same [`LogNames`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyLog {
    pub items: Vec<u32>,
    pub positions: Vec<u32>,
    pub reward: Vec<f64>,
    pub propensity: Vec<f64>,
}

/// Items and positions by name.
#[derive(Default)]
pub struct LogNames {
    items: Codes,
    positions: Codes,
    /// Of each position, where the log tells it.
    n_actions: Vec<Option<usize>>,
}

impl LogNames {
    #[cfg(test)]
    pub(crate) fn of(items: &[&str], positions: &[&str]) -> LogNames {
        let mut names = LogNames::default();
        items.iter().for_each(|id| _ = names.items.code(id));
        positions.iter().for_each(|id| _ = names.positions.code(id));
        names
    }

    pub fn n_items(&self) -> usize {
        self.items.ids.len()
    }

    pub fn n_positions(&self) -> usize {
        self.positions.ids.len()
    }
}

impl PolicyLog {
    pub fn read(
        path: &Path,
        columns: &LogColumns,
        names: &mut LogNames,
    ) -> Result<PolicyLog, Error> {
        let table = TableFile::read(path)?;
        let code = |codes: &mut Codes, name: &str| -> Result<Vec<u32>, Error> {
            Ok(table.texts(name)?.iter().map(|text| codes.code(text)).collect())
        };
        let items = code(&mut names.items, &columns.item)?;
        let positions = if table.has(&columns.position) {
            code(&mut names.positions, &columns.position)?
        } else {
            vec![names.positions.code("1"); table.n_rows()]
        };
        let propensity = table.numbers(&columns.propensity)?;
        if let Some(row) = propensity.iter().position(|&p| !(p > 0.0 && p <= 1.0)) {
            return Err(table.bad(format!(
                "row {}: the chance {} in {} is not above 0 and at most 1; without it nothing can \
                 be told about another policy",
                row + 1,
                propensity[row],
                columns.propensity
            )));
        }
        let reward = table.numbers(&columns.reward)?;
        names.n_actions.resize(names.n_positions(), None);
        if table.has(&columns.n_actions) {
            for (&position, n) in positions.iter().zip(table.numbers(&columns.n_actions)?) {
                let known = &mut names.n_actions[position as usize];
                if known.is_some_and(|known| known as f64 != n) {
                    return Err(table.bad(format!(
                        "{} is not the same everywhere in one {}: name positions so that it is",
                        columns.n_actions, columns.position
                    )));
                }
                *known = Some(n as usize);
            }
        }
        Ok(PolicyLog { items, positions, reward, propensity })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Mean reward of the policy that made the log.
    pub fn own_value(&self) -> SkewInterval {
        skew_interval(&self.reward, LEVEL)
    }
}

/// π(item | position), and whether it is exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// By position, then item.
    pub(crate) chances: Vec<Vec<f64>>,
    pub is_approximate: bool,
}

impl Policy {
    pub fn uniform(names: &LogNames) -> Policy {
        let n_items = names.n_items();
        let row = |position: usize| match names.n_actions.get(position).copied().flatten() {
            None => vec![1.0 / n_items as f64; n_items],
            Some(n) => {
                let is_there = |id: &str| id.parse::<usize>().is_ok_and(|action| action < n);
                let chance = |id: &str| if is_there(id) { 1.0 / n as f64 } else { 0.0 };
                names.items.ids.iter().map(|id| chance(id)).collect()
            }
        };
        Policy { chances: (0..names.n_positions()).map(row).collect(), is_approximate: false }
    }

    /// Always the same action; `None`: the log never took it.
    pub fn always(names: &LogNames, action: &str) -> Option<Policy> {
        let at = names.items.ids.iter().position(|id| **id == *action)?;
        let mut row = vec![0.0; names.n_items()];
        row[at] = 1.0;
        Some(Policy { chances: vec![row; names.n_positions()], is_approximate: false })
    }

    /// Mean logged chance by item and position, made to sum to 1 in each position.
    pub fn of_log(log: &PolicyLog, names: &LogNames) -> Policy {
        let mut chances = vec![vec![0.0; names.n_items()]; names.n_positions()];
        let mut counts = vec![vec![0.0; names.n_items()]; names.n_positions()];
        for row in 0..log.len() {
            let (position, item) = (log.positions[row] as usize, log.items[row] as usize);
            chances[position][item] += log.propensity[row];
            counts[position][item] += 1.0;
        }
        for (chances, counts) in chances.iter_mut().zip(&counts) {
            chances.iter_mut().zip(counts).for_each(|(p, &n)| *p /= f64::max(n, 1.0));
            let sum: f64 = chances.iter().sum();
            chances.iter_mut().for_each(|p| *p /= sum.max(f64::MIN_POSITIVE));
        }
        Policy { chances, is_approximate: true }
    }

    pub(crate) fn chance(&self, position: u32, item: u32) -> f64 {
        self.chances[position as usize][item as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_of_zero_is_refused_with_its_row() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.csv");
        std::fs::write(&path, "item_id,click,propensity_score\na,0,0.5\nb,1,0\n").expect("a file");
        let mut names = LogNames::default();
        let error = PolicyLog::read(&path, &LogColumns::default(), &mut names);
        let text = error.expect_err("a chance of 0").to_string();
        assert!(text.contains("row 2: the chance 0 in propensity_score"), "{text}");
        std::fs::write(&path, "item_id,click,propensity_score\na,0,0.5\nb,1,0.1\n")
            .expect("a file");
        let log = PolicyLog::read(&path, &LogColumns::default(), &mut names).expect("sound");
        assert_eq!((log.positions.as_slice(), names.n_positions()), (&[0, 0][..], 1));
    }

    #[test]
    fn a_policy_chooses_among_the_actions_that_there_were() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.csv");
        let head = "item_id,position,n_arms,click,propensity_score\n";
        let rows = "0,two,2,0,0.5\n1,two,2,1,0.5\n2,three,3,0,0.2\n";
        std::fs::write(&path, format!("{head}{rows}")).expect("a file");
        let mut names = LogNames::default();
        PolicyLog::read(&path, &LogColumns::default(), &mut names).expect("sound");
        let uniform = Policy::uniform(&names);
        assert_eq!(uniform.chances, [vec![0.5, 0.5, 0.0], vec![1.0 / 3.0; 3]]);
        let first = Policy::always(&names, "0").expect("it was taken");
        assert_eq!(first.chances, [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]);
        assert!(Policy::always(&names, "7").is_none());
        std::fs::write(&path, format!("{head}{rows}2,two,3,0,0.2\n")).expect("a file");
        let error = PolicyLog::read(&path, &LogColumns::default(), &mut LogNames::default());
        let text = error.expect_err("two numbers of actions").to_string();
        assert!(text.contains("n_arms is not the same"), "{text}");
    }
}
