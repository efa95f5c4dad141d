//! Results as a table for people, and as JSON lines in `target/bench/NAME.jsonl` for machines.

use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

pub(crate) struct Report {
    bench: &'static str,
    commit: String,
    rows: Vec<Row>,
    /// What was left out, and why.
    notes: Vec<String>,
    /// A bar that was not reached, or results that differ.
    faults: Vec<String>,
}

struct Row {
    case: String,
    method: String,
    values: Vec<(String, f64)>,
}

impl Report {
    pub(crate) fn new(bench: &'static str, commit: String) -> Report {
        Report { bench, commit, rows: Vec::new(), notes: Vec::new(), faults: Vec::new() }
    }

    pub(crate) fn row(&mut self, case: &str, method: &str, values: &[(&str, f64)]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        self.rows.push(Row { case: case.to_owned(), method: method.to_owned(), values });
    }

    /// A row from all numbers of a JSON object.
    pub(crate) fn row_of(&mut self, case: &str, method: &str, answer: &Value) {
        let numbers = answer.as_object().into_iter().flatten();
        let values: Vec<(&str, f64)> =
            numbers.filter_map(|(name, value)| Some((name.as_str(), value.as_f64()?))).collect();
        self.row(case, method, &values);
    }

    pub(crate) fn note(&mut self, note: String) {
        println!("note: {note}");
        self.notes.push(note);
    }

    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// Holds a number against its bar.
    pub(crate) fn bar(&mut self, what: &str, value: f64, is_reached: bool) {
        if !is_reached {
            self.fault(format!("{what}: {}", number(value)));
        }
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }

    pub(crate) fn print(&self) {
        print!("{}", table(&self.rows));
        for note in &self.notes {
            println!("left out: {note}");
        }
        for fault in &self.faults {
            println!("NOT REACHED: {fault}");
        }
    }

    pub(crate) fn append_to(&self, folder: &Path) -> Result<()> {
        let path = folder.join(format!("{}.jsonl", self.bench));
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let at_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        for row in &self.rows {
            let mut line = Map::new();
            line.insert("bench".into(), json!(self.bench));
            line.insert("case".into(), json!(row.case));
            line.insert("method".into(), json!(row.method));
            for (name, value) in &row.values {
                line.insert(name.clone(), json!(value));
            }
            line.insert("commit".into(), json!(self.commit));
            line.insert("at_s".into(), json!(at_s));
            line.insert("machine".into(), json!(machine()));
            writeln!(file, "{}", Value::Object(line))?;
        }
        Ok(())
    }
}

/// The processor's name and the number of threads at hand.
fn machine() -> String {
    let n_threads = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    format!("{}, {n_threads} threads", name.unwrap_or("unknown processor"))
}

/// Columns are the names of all values, in the order in which they first come.
fn table(rows: &[Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.values) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let header = ["case", "method"].into_iter().chain(names.iter().copied());
    let mut lines: Vec<Vec<String>> = vec![header.map(str::to_owned).collect()];
    for row in rows {
        let value_of = |name: &&str| {
            let found = row.values.iter().find(|(own, _)| own == name);
            found.map_or(String::new(), |(_, value)| number(*value))
        };
        let fixed = [row.case.clone(), row.method.clone()];
        lines.push(fixed.into_iter().chain(names.iter().map(value_of)).collect());
    }
    let widths: Vec<usize> = (0..names.len() + 2)
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, &width))| {
                    if column < 2 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Three digits that count; whole numbers whole.
fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 || value.abs() >= 1_000.0 {
        return format!("{value:.0}");
    }
    match value.abs() {
        100.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::new("pairs", "abc".into());
        report.row("dense", "ours", &[("wall_s", 0.125), ("n_pairs", 3_751_037.0)]);
        report.row_of("dense", "scipy", &json!({"peak_mb": 389.97, "name": "x"}));
        report
    }

    #[test]
    fn the_table_lines_up() {
        let expected = "\
case   method  wall_s  n_pairs  peak_mb
dense  ours    0.1250  3751037
dense  scipy                      390.0
";
        assert_eq!(table(&report().rows), expected);
    }

    #[test]
    fn each_row_becomes_a_json_line() {
        let folder = tempfile::tempdir().unwrap();
        report().append_to(folder.path()).unwrap();
        report().append_to(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("pairs.jsonl")).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[0]["method"], &lines[0]["wall_s"]), (&json!("ours"), &json!(0.125)));
        assert_eq!(lines[3]["commit"], "abc");
    }

    #[test]
    fn a_bar_that_is_missed_is_a_fault() {
        let mut report = report();
        report.bar("times as fast", 6.0, true);
        assert!(report.is_ok());
        report.bar("times as fast", 4.5, false);
        assert_eq!(report.faults, ["times as fast: 4.50"]);
        assert!(!report.is_ok());
    }
}
