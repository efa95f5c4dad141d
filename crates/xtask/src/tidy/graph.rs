//! Who imports whom: the crate table of ARCHITECTURE.md against `cargo metadata`, both ways, and
//! the outside crates that only some rooms may see.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::MAP;
use super::finding::Finding;

/// Outside crates and the only crates of ours that may use them. Elsewhere the code is pure.
const RESTRICTED: [(&[&str], &[&str]); 5] = [
    (&["tokio"], &["cli", "history", "service"]),
    (&["axum", "hyper", "hyper-util", "tower", "tower-http"], &["cli", "service"]),
    (&["sqlx", "libsqlite3-sys"], &["history"]),
    (&["anyhow"], &["cli", "xtask"]),
    (&["datafusion", "ballista"], &["cluster"]),
];

/// The crates of the workspace with what they depend on, development dependencies left out.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) crates: BTreeMap<String, Dependencies>,
}

#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) ours: BTreeSet<String>,
    pub(crate) outside: BTreeSet<String>,
}

impl Graph {
    pub(crate) fn from_metadata(metadata: &Value) -> Result<Graph> {
        let packages = metadata["packages"].as_array().context("metadata without packages")?;
        let name_of = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
        let ours: BTreeSet<String> = packages.iter().map(name_of).collect();
        let mut graph = Graph::default();
        for package in packages {
            let mut found = Dependencies::default();
            for dependency in package["dependencies"].as_array().into_iter().flatten() {
                if dependency["kind"] == "dev" {
                    continue;
                }
                let name = name_of(dependency);
                let side = if ours.contains(&name) { &mut found.ours } else { &mut found.outside };
                side.insert(name);
            }
            graph.crates.insert(name_of(package), found);
        }
        Ok(graph)
    }
}

/// One row of the crate table.
struct Row {
    line: usize,
    name: String,
    imports: BTreeSet<String>,
}

pub(crate) fn compare_with_map(graph: &Graph, map: Option<&str>) -> Vec<Finding> {
    let Some(map) = map else {
        return vec![Finding::new(MAP, 1, "there is no map of the house", "Write it.")];
    };
    let rows = parse_table(map);
    if rows.is_empty() {
        let mend = "Add a table `| crate | its one job | imports |`.";
        return vec![Finding::new(MAP, 1, "no crate table", mend)];
    }
    let mut findings = Vec::new();
    for row in &rows {
        match graph.crates.get(&row.name) {
            None => {
                let what = format!("`{}` stands in the crate table but is no crate", row.name);
                findings.push(Finding::new(MAP, row.line, what, "Take the row out."));
            }
            Some(found) => compare_row(row, found, &mut findings),
        }
    }
    for name in graph.crates.keys().filter(|name| rows.iter().all(|row| row.name != **name)) {
        let what = format!("the crate `{name}` is not in the crate table");
        findings.push(Finding::new(MAP, rows[0].line, what, "Add a row with its one job."));
    }
    findings
}

fn compare_row(row: &Row, found: &Dependencies, findings: &mut Vec<Finding>) {
    let name = &row.name;
    for import in found.ours.difference(&row.imports) {
        let path = format!("crates/{name}/Cargo.toml");
        let what = format!("`{name}` imports `{import}`, which {MAP} does not allow");
        let mend = "Do without it; a new edge is an architecture change.";
        findings.push(Finding::new(&path, 1, what, mend));
    }
    for import in row.imports.difference(&found.ours) {
        let what = format!("`{name}` does not import `{import}`, though the table says so");
        findings.push(Finding::new(MAP, row.line, what, "Take it out of the table."));
    }
}

/// Rows of the table whose header has the cells `crate` and `imports`.
fn parse_table(map: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = map.lines().zip(1..);
    let is_header = |line: &str| {
        let cells = cells(line);
        cells.first().is_some_and(|cell| cell == "crate") && cells.iter().any(|c| c == "imports")
    };
    let Some((header, _)) = lines.by_ref().find(|(line, _)| is_header(line)) else {
        return Vec::new();
    };
    let column = cells(header).iter().position(|cell| cell == "imports").unwrap_or(0);
    lines
        .skip(1)
        .take_while(|(line, _)| line.trim_start().starts_with('|'))
        .filter_map(|(line, number)| {
            let cells = cells(line);
            let name = quoted(&cells[0]).into_iter().next()?;
            let imports = cells.get(column).map(|cell| quoted(cell)).unwrap_or_default();
            Some(Row { line: number, name, imports: imports.into_iter().collect() })
        })
        .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

pub(crate) fn check_outside_crates(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, found) in &graph.crates {
        for (outside, allowed) in RESTRICTED {
            for import in outside.iter().filter(|import| found.outside.contains(**import)) {
                if !allowed.contains(&name.as_str()) {
                    let path = format!("crates/{name}/Cargo.toml");
                    let what = format!("`{import}` may be used in {} only", allowed.join(", "));
                    let mend = "Keep the inside pure: move what needs it to the edge.";
                    findings.push(Finding::new(&path, 1, what, mend));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;
    use serde_json::json;

    const MAP_TEXT: &str = "\
# Map
| other | table |
|---|---|
| `x` | y |

| crate | its one job | imports |
|---|---|---|
| `events` | what can happen, as `Event` | nothing of ours |
| `history` | what did happen | `events` |

| `late` | no row | `events` |
";

    fn graph(crates: &[(&str, &[&str])]) -> Graph {
        let packages: Vec<Value> = crates
            .iter()
            .map(|(name, dependencies)| {
                let list: Vec<Value> = dependencies
                    .iter()
                    .map(|dependency| match dependency.strip_prefix("dev:") {
                        Some(name) => json!({"name": name, "kind": "dev"}),
                        None => json!({"name": dependency, "kind": null}),
                    })
                    .collect();
                json!({"name": name, "dependencies": list})
            })
            .collect();
        Graph::from_metadata(&json!({ "packages": packages })).unwrap()
    }

    #[test]
    fn the_table_and_the_workspace_agree() {
        let same = graph(&[("events", &["serde"]), ("history", &["events", "sqlx", "dev:tokio"])]);
        assert!(compare_with_map(&same, Some(MAP_TEXT)).is_empty());
        assert!(check_outside_crates(&same).is_empty());
    }

    #[test]
    fn each_difference_is_told_either_way() {
        let other = graph(&[("events", &["history"]), ("history", &[]), ("score", &[])]);
        assert_eq!(
            told(&compare_with_map(&other, Some(MAP_TEXT))),
            [
                "1: `events` imports `history`, which ARCHITECTURE.md does not allow",
                "9: `history` does not import `events`, though the table says so",
                "8: the crate `score` is not in the crate table",
            ]
        );
        let fewer = graph(&[("events", &[])]);
        assert_eq!(
            told(&compare_with_map(&fewer, Some(MAP_TEXT))),
            ["9: `history` stands in the crate table but is no crate"]
        );
        assert_eq!(told(&compare_with_map(&fewer, Some("# no table"))), ["1: no crate table"]);
        assert_eq!(told(&compare_with_map(&fewer, None)), ["1: there is no map of the house"]);
    }

    #[test]
    fn outside_crates_stay_at_the_edge() {
        let found = check_outside_crates(&graph(&[
            ("learn", &["tokio", "faer"]),
            ("service", &["tokio", "axum", "sqlx"]),
            ("decide", &["dev:tokio", "anyhow"]),
        ]));
        assert_eq!(
            told(&found),
            [
                "1: `anyhow` may be used in cli, xtask only",
                "1: `tokio` may be used in cli, history, service only",
                "1: `sqlx` may be used in history only",
            ]
        );
    }
}
