//! Are learned relations what people take them for? Held against pairs labelled by one or two
//! readers.
//!
//! Where two readers labelled, only pairs on which they agree count, and their agreement is told
//! (Cohen's κ): no rule can be asked for more. `co_buy` is what one has without relations: what is
//! significantly bought together is a complement, all else is nothing.

use crate::error::Error;
use crate::table_file::TableFile;
use events::Relation;
use measure::agreement::Confusion;
use serde_json::{Value, json};
use snapshot::Snapshot;
use std::collections::BTreeMap;
use std::path::Path;

/// What a pair may be, in the order of all tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    Complement,
    Substitute,
    Unrelated,
}

const N_LABELS: usize = 3;

impl Label {
    pub const ALL: [Label; N_LABELS] = [Label::Complement, Label::Substitute, Label::Unrelated];

    pub fn as_str(self) -> &'static str {
        match self {
            Label::Complement => "complement",
            Label::Substitute => "substitute",
            Label::Unrelated => "unrelated",
        }
    }

    fn parse(text: &str) -> Option<Label> {
        match text.trim().to_lowercase().as_str() {
            "unrelated" | "none" => Some(Label::Unrelated),
            text => match Relation::parse(text)? {
                relation if relation.replaces() => Some(Label::Substitute),
                _ => Some(Label::Complement),
            },
        }
    }
}

/// Which column is which.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelColumns {
    pub item_a: String,
    pub item_b: String,
    pub label_1: String,
    /// Without such a column one reader labelled.
    pub label_2: String,
    /// Told apart where there is such a column.
    pub stratum: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Pair {
    a: Box<str>,
    b: Box<str>,
    labels: (Label, Label),
    stratum: Box<str>,
}

/// Labelled pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelFile {
    pairs: Vec<Pair>,
    has_two_readers: bool,
}

impl LabelFile {
    pub fn read(path: &Path, columns: &LabelColumns) -> Result<LabelFile, Error> {
        let table = TableFile::read(path)?;
        let labels = |name: &str| -> Result<Vec<Label>, Error> {
            let texts = table.texts(name)?;
            let label = |(at, text): (usize, &str)| {
                Label::parse(text).ok_or_else(|| {
                    table.bad(format!(
                        "row {}: {name} is {text:?}; write complement, substitute or unrelated",
                        at + 1
                    ))
                })
            };
            texts.iter().map(|text| &**text).enumerate().map(label).collect()
        };
        let (a, b) = (table.texts(&columns.item_a)?, table.texts(&columns.item_b)?);
        let first = labels(&columns.label_1)?;
        let has_two_readers = table.has(&columns.label_2);
        let second = if has_two_readers { labels(&columns.label_2)? } else { first.clone() };
        let strata = match table.has(&columns.stratum) {
            true => table.texts(&columns.stratum)?,
            false => vec!["".into(); a.len()],
        };
        let both = a.into_iter().zip(b).zip(first.into_iter().zip(second)).zip(strata);
        let pairs = both.map(|(((a, b), labels), stratum)| Pair { a, b, labels, stratum });
        Ok(LabelFile { pairs: pairs.collect(), has_two_readers })
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub n_pairs: usize,
    /// Pairs of which the snapshot lacks an item.
    pub n_unknown: usize,
    /// First reader by second; `None` with one reader.
    pub readers: Option<Confusion<N_LABELS>>,
    /// By method and stratum (empty: all): what the readers agree on by what was said.
    pub tables: BTreeMap<(&'static str, Box<str>), Confusion<N_LABELS>>,
}

/// Methods, ours first.
pub const METHODS: [&str; 2] = ["relations", "co_buy"];

pub fn judge(snapshot: &Snapshot, labels: &LabelFile) -> Verdict {
    let mut verdict = Verdict {
        n_pairs: labels.pairs.len(),
        n_unknown: 0,
        readers: labels.has_two_readers.then(Confusion::new),
        tables: BTreeMap::new(),
    };
    for pair in &labels.pairs {
        let (first, second) = pair.labels;
        if let Some(readers) = &mut verdict.readers {
            readers.add(first as usize, second as usize);
        }
        let Some((a, b)) = snapshot.item_idx(&pair.a).zip(snapshot.item_idx(&pair.b)) else {
            verdict.n_unknown += 1;
            continue;
        };
        if first != second {
            continue;
        }
        for (method, said) in
            METHODS.into_iter().zip([told(snapshot, a, b), co_buy(snapshot, a, b)])
        {
            let strata = [Box::from(""), pair.stratum.clone()];
            let n_strata = if pair.stratum.is_empty() { 1 } else { 2 };
            for stratum in strata.into_iter().take(n_strata) {
                let table = verdict.tables.entry((method, stratum)).or_default();
                table.add(first as usize, said as usize);
            }
        }
    }
    verdict
}

/// What the snapshot says of a pair, whichever of the two is the anchor.
fn told(snapshot: &Snapshot, a: u32, b: u32) -> Label {
    let relation = |anchor: u32, item: u32| {
        let (items, stats) = snapshot.relations(anchor);
        let at = items.iter().position(|&other| other == item)?;
        stats[at].relation()
    };
    match [relation(a, b), relation(b, a)] {
        both if both.iter().flatten().any(|of| of.replaces()) => Label::Substitute,
        [None, None] => Label::Unrelated,
        _ => Label::Complement,
    }
}

fn co_buy(snapshot: &Snapshot, a: u32, b: u32) -> Label {
    let is_significant = |anchor: u32, item: u32| {
        let (items, stats) = snapshot.pairs(anchor);
        let at = items.iter().position(|&other| other == item);
        at.is_some_and(|at| stats[at].is_significant != 0)
    };
    match is_significant(a, b) || is_significant(b, a) {
        true => Label::Complement,
        false => Label::Unrelated,
    }
}

impl Verdict {
    /// One object a method and stratum, after one of the readers.
    pub fn to_json(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        if let Some(readers) = &self.readers {
            lines.push(json!({
                "readers": readers.counts,
                "labels": Label::ALL.map(Label::as_str),
                "n_pairs": self.n_pairs,
                "n_agreed": readers.n_agreed(),
                "kappa": readers.kappa(),
                "n_unknown": self.n_unknown,
            }));
        }
        for ((method, stratum), table) in &self.tables {
            let classes: serde_json::Map<String, Value> = Label::ALL
                .into_iter()
                .map(|label| {
                    let class = label as usize;
                    let told = json!({
                        "n": table.n_first(class),
                        "said": table.n_second(class),
                        "right": table.counts[class][class],
                        "precision": table.precision(class),
                        "recall": table.recall(class),
                    });
                    (label.as_str().to_owned(), told)
                })
                .collect();
            lines.push(json!({
                "method": method,
                "stratum": stratum,
                "n": table.n(),
                "classes": classes,
                "confusion": table.counts,
            }));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};
    use learn::{Params, Silent};

    /// Helmets that nobody buys together, and a lamp bought with its bulb.
    fn snapshot() -> Snapshot {
        let titles = ["bike helmet red", "bike helmet blue", "lamp", "bulb", "spoon"];
        let entry = |title: &&str| ItemEntry {
            id: (*title).into(),
            title: Some((*title).into()),
            ..ItemEntry::default()
        };
        let rows: Vec<Vec<u32>> = (0..400_u32)
            .map(|at| match at % 4 {
                0 => vec![0],
                1 => vec![1],
                2 => vec![2, 3],
                _ => vec![4],
            })
            .collect();
        let view = HistoryView {
            items: titles.iter().map(entry).collect(),
            baskets: Baskets {
                at: vec![events::Timestamp(0); rows.len()],
                customers: vec![NO_CUSTOMER; rows.len()],
                items: rows.iter().collect(),
            },
            n_customers: 0,
            ..HistoryView::default()
        };
        let learned = learn::learn(&view, &Params::default().check().unwrap(), &Silent).unwrap();
        Snapshot::from_writer(&learned.writer).unwrap()
    }

    fn columns() -> LabelColumns {
        let name = str::to_owned;
        LabelColumns {
            item_a: name("item_a"),
            item_b: name("item_b"),
            label_1: name("label_1"),
            label_2: name("label_2"),
            stratum: name("stratum"),
        }
    }

    fn read(text: &str) -> Result<LabelFile, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        LabelFile::read(&path, &columns())
    }

    #[test]
    fn what_readers_agree_on_is_held_against_what_was_learned() {
        let labels = read(
            "item_a,item_b,label_1,label_2,stratum\n\
             bike helmet red,bike helmet blue,substitute,Substitute,none\n\
             lamp,bulb,complement,complement,many\n\
             lamp,spoon,unrelated,unrelated,none\n\
             bulb,spoon,complement,unrelated,none\n\
             lamp,nobody,unrelated,unrelated,none\n",
        );
        let verdict = judge(&snapshot(), &labels.unwrap());
        assert_eq!((verdict.n_pairs, verdict.n_unknown), (5, 1));
        assert_eq!(verdict.readers.as_ref().unwrap().n_agreed(), 4);
        let all = &verdict.tables[&("relations", Box::from(""))];
        assert_eq!(all.counts, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
        let before = &verdict.tables[&("co_buy", Box::from(""))];
        assert_eq!(before.counts, [[1, 0, 0], [0, 0, 1], [0, 0, 1]]);
        assert_eq!(verdict.tables[&("relations", Box::from("many"))].n(), 1);
        let json = verdict.to_json();
        assert_eq!((json[0]["n_agreed"].as_u64(), json.len()), (Some(4), 7));
    }

    #[test]
    fn one_reader_is_enough_and_a_wrong_label_is_named() {
        let verdict = judge(&snapshot(), &read("item_a,item_b,label_1\nlamp,bulb,none\n").unwrap());
        assert_eq!((verdict.readers, verdict.tables.len()), (None, 2));
        let wrong = read("item_a,item_b,label_1\nlamp,bulb,friend\n").unwrap_err().to_string();
        assert!(wrong.contains("row 1") && wrong.contains("friend"), "{wrong}");
        let absent = read("item_a,label_1\nlamp,none\n").unwrap_err().to_string();
        assert!(absent.contains("no column item_b"), "{absent}");
    }
}
