//! Dependencies: each has a reason in the workspace Cargo.toml, and is used.

use super::finding::Finding;
use super::graph::Graph;
use super::source::{Source, find_word};
use crate::workspace::TextFile;

/// Named in a Cargo.toml for its version or features alone.
const NOT_NAMED_IN_CODE: [&str; 1] = ["private-gemm-x86"];

/// In the workspace manifest a comment stands above each dependency or its group (a group ends at
/// an empty line); the crates take theirs from there.
pub(crate) fn check_reasons(file: &TextFile) -> Vec<Finding> {
    let is_root = file.path == "Cargo.toml";
    let mut findings = Vec::new();
    let mut section = "";
    let mut has_reason = false;
    for (line, number) in file.text.lines().map(str::trim).zip(1..) {
        match line.as_bytes().first() {
            None => has_reason = false,
            Some(b'[') => {
                section = line.trim_matches(['[', ']']);
                has_reason = false;
            }
            Some(b'#') => has_reason |= line.trim_start_matches('#').trim().len() > 3,
            Some(_) if !section.ends_with("dependencies") => {}
            Some(_) => {
                let is_ours = line.contains("path = \"crates/");
                if is_root && !is_ours && !has_reason && !has_comment_behind(line) {
                    let what = format!("no reason for the dependency `{}`", name_of(line));
                    let mend = "Say in one line above it why it is worth its cost.";
                    findings.push(Finding::new(&file.path, number, what, mend));
                }
                if !is_root && !line.contains("workspace") {
                    let what = format!("`{}` has a version of its own", name_of(line));
                    let mend = "Add it to the workspace Cargo.toml and write `workspace = true`.";
                    findings.push(Finding::new(&file.path, number, what, mend));
                }
            }
        }
    }
    findings
}

fn name_of(line: &str) -> &str {
    line.split(['=', '.', ' ']).next().unwrap_or(line)
}

fn has_comment_behind(line: &str) -> bool {
    line.rsplit_once('#').is_some_and(|(_, reason)| !reason.contains('"') && reason.len() > 3)
}

/// Every dependency of a crate is named somewhere in its code.
pub(crate) fn check_unused(graph: &Graph, sources: &[Source<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, found) in &graph.crates {
        let own: Vec<&Source<'_>> =
            sources.iter().filter(|source| source.crate_name() == name).collect();
        for dependency in found.ours.iter().chain(&found.outside) {
            let word = dependency.replace('-', "_");
            let is_named = own.iter().any(|source| !find_word(&source.code, &word).is_empty());
            if !is_named && !NOT_NAMED_IN_CODE.contains(&dependency.as_str()) {
                let path = format!("crates/{name}/Cargo.toml");
                let what = format!("`{name}` does not use `{dependency}`");
                findings.push(Finding::new(&path, 1, what, "Take the dependency out."));
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

    fn check(path: &str, text: &str) -> Vec<String> {
        told(&check_reasons(&TextFile { path: path.into(), text: text.into() }))
    }

    #[test]
    fn a_reason_stands_above_or_behind_each_dependency_or_group() {
        let text = "\
[workspace]
members = []

[workspace.dependencies]
sparse = { path = \"crates/sparse\" }
bare = \"1\"
# Why we need these two.
one = \"1\"
two = { version = \"2\", features = [\"#\"] }

three = \"3\"
four = \"4\" # why we need it
#
five = \"5\"
[profile.release]
opt-level = 3
";
        assert_eq!(
            check("Cargo.toml", text),
            [
                "6: no reason for the dependency `bare`",
                "11: no reason for the dependency `three`",
                "14: no reason for the dependency `five`",
            ]
        );
    }

    #[test]
    fn crates_take_their_versions_from_the_workspace() {
        let text = "[package]\nname = \"a\"\n[dependencies]\none.workspace = true\ntwo = \"2\"\n\
                    three = { workspace = true }\n[dev-dependencies]\nfour = \"4\"\n";
        assert_eq!(
            check("crates/a/Cargo.toml", text),
            ["5: `two` has a version of its own", "8: `four` has a version of its own"]
        );
    }

    #[test]
    fn a_dependency_that_no_code_names_is_told() {
        let metadata = json!({"packages": [
            {"name": "a", "dependencies": [
                {"name": "used-here", "kind": null}, {"name": "in_comment", "kind": null},
                {"name": "elsewhere", "kind": null}, {"name": "private-gemm-x86", "kind": null},
            ]},
        ]});
        let graph = Graph::from_metadata(&metadata).unwrap();
        let sources = [
            Source::new("crates/a/src/lib.rs", "use used_here::x; // in_comment\n"),
            Source::new("crates/b/src/lib.rs", "use elsewhere::x;"),
        ];
        let found = check_unused(&graph, &sources);
        assert_eq!(
            told(&found),
            ["1: `a` does not use `elsewhere`", "1: `a` does not use `in_comment`"]
        );
    }
}
