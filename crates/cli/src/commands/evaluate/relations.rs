//! `alongside evaluate relations`: learned relations against pairs that people labelled.

use crate::show;
use clap::Args;
use evaluate::relations::{Label, LabelColumns, LabelFile, METHODS, Verdict, judge};
use snapshot::SnapshotDir;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct RelationsArgs {
    /// Labelled pairs: two items and the labels of one or two readers, each `complement`,
    /// `substitute` or `unrelated`. Held against the snapshot in force of --data-dir.
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    #[arg(long, value_name = "COLUMN", default_value = "item_a")]
    item_a: String,
    #[arg(long, value_name = "COLUMN", default_value = "item_b")]
    item_b: String,
    /// Column of the first reader.
    #[arg(long, value_name = "COLUMN", default_value = "label_1")]
    label_1: String,
    /// Column of the second reader, if there is one.
    #[arg(long, value_name = "COLUMN", default_value = "label_2")]
    label_2: String,
    /// Column of groups that are told apart, if there is one.
    #[arg(long, value_name = "COLUMN", default_value = "stratum")]
    stratum: String,
    #[command(flatten)]
    output: crate::args::Output,
}

pub(super) fn relations(dir: &Path, args: &RelationsArgs) -> anyhow::Result<()> {
    let columns = LabelColumns {
        item_a: args.item_a.clone(),
        item_b: args.item_b.clone(),
        label_1: args.label_1.clone(),
        label_2: args.label_2.clone(),
        stratum: args.stratum.clone(),
    };
    let labels = LabelFile::read(&args.labels, &columns)?;
    let snapshot = SnapshotDir::new(dir.join("snapshots")).open_current()?;
    let verdict = judge(&snapshot, &labels);
    if args.output.json {
        return verdict.to_json().into_iter().try_for_each(show::line);
    }
    print(&verdict)
}

fn share(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{share:.3}"))
}

fn print(verdict: &Verdict) -> anyhow::Result<()> {
    if let Some(readers) = &verdict.readers {
        show::line(format!(
            "{} pairs, the readers agree on {} (Cohen's kappa {})",
            show::count(verdict.n_pairs as u64),
            show::count(readers.n_agreed()),
            share(readers.kappa())
        ))?;
    }
    if verdict.n_unknown > 0 {
        show::note(format!(
            "{} pairs name an item that the snapshot does not know; they are left out",
            show::count(verdict.n_unknown as u64)
        ));
    }
    let heads = ["method", "stratum", "label", "labelled", "said", "right", "precision", "recall"];
    let mut table = show::table(&heads, &[3, 4, 5, 6, 7]);
    for method in METHODS {
        for ((_, stratum), counts) in verdict.tables.iter().filter(|((of, _), _)| *of == method) {
            for label in Label::ALL {
                let class = label as usize;
                let stratum = if stratum.is_empty() { "all" } else { stratum };
                let mut cells: Vec<String> =
                    [method, stratum, label.as_str()].map(str::to_owned).to_vec();
                cells.extend(
                    [counts.n_first(class), counts.n_second(class), counts.counts[class][class]]
                        .map(show::count),
                );
                cells.extend([share(counts.precision(class)), share(counts.recall(class))]);
                show::row(&mut table, &cells);
            }
        }
    }
    show::line(table)
}
