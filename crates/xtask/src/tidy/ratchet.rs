//! The ratchet: sizes that are above their limit today, listed in `xtask-ratchet.txt`, one a line
//! (`rule subject value`). The list may only shrink: an entry must name the present value exactly,
//! so that an improvement is written down at once, and none may be new or larger than in the last
//! commits.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::finding::Finding;
use super::sizes::Excess;
use crate::workspace::Workspace;

const FILE: &str = "xtask-ratchet.txt";

/// (rule, subject) -> (value, line in the file).
type Entries = BTreeMap<(String, String), (usize, usize)>;

pub(crate) fn judge(workspace: &Workspace, excesses: Vec<Excess>) -> Result<Vec<Finding>> {
    let text = std::fs::read_to_string(workspace.root.join(FILE)).unwrap_or_default();
    let entries = parse(&text)?;
    let mut findings = compare(&entries, &excesses);
    for commit in ["HEAD", "HEAD~1"] {
        if let Some(before) = workspace.at_commit(commit, FILE) {
            findings.extend(check_only_shrinks(&entries, &parse(&before)?));
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn parse(text: &str) -> Result<Entries> {
    let mut entries = Entries::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split_whitespace();
        let entry = (|| {
            let key = (words.next()?.to_owned(), words.next()?.to_owned());
            Some((key, words.next()?.parse().ok()?))
        })();
        let (key, value) =
            entry.with_context(|| format!("{FILE}:{number}: not `rule subject value`: {line}"))?;
        entries.insert(key, (value, number));
    }
    Ok(entries)
}

fn compare(entries: &Entries, excesses: &[Excess]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut left = entries.clone();
    for excess in excesses {
        let key = (excess.rule.to_owned(), excess.subject.clone());
        let Excess { rule, subject, value, limit, .. } = excess;
        match left.remove(&key) {
            Some((allowed, _)) if *value == allowed => {}
            Some((allowed, line)) if *value < allowed => {
                let what = format!("{rule} of {subject} has come down from {allowed} to {value}");
                findings.push(Finding::new(FILE, line, what, "Write the new value here."));
            }
            found => {
                let listed = found.map_or(String::new(), |(at, _)| format!(" (ratchet: {at})"));
                let what = format!("{rule} of {subject} is {value}, the limit is {limit}{listed}");
                findings.push(Finding::new(&excess.path, excess.line, what, excess.mend));
            }
        }
    }
    for ((rule, subject), (_, line)) in left {
        let what = format!("{rule} of {subject} is within its limit, or gone");
        findings.push(Finding::new(FILE, line, what, "Delete this entry."));
    }
    findings
}

fn check_only_shrinks(now: &Entries, before: &Entries) -> Vec<Finding> {
    let mend = "The ratchet only shrinks: mend the code instead.";
    now.iter()
        .filter_map(|(key, &(value, line))| {
            let (rule, subject) = key;
            let what = match before.get(key) {
                None => format!("new entry: {rule} of {subject}"),
                Some(&(old, _)) if value > old => {
                    format!("{rule} of {subject} was raised from {old} to {value}")
                }
                Some(_) => return None,
            };
            Some(Finding::new(FILE, line, what, mend))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;

    fn excess(subject: &str, value: usize) -> Excess {
        Excess {
            rule: "file_lines",
            subject: subject.into(),
            path: subject.into(),
            line: 1,
            value,
            limit: 500,
            mend: "Split it.",
        }
    }

    #[test]
    fn entries_must_be_exact() {
        let entries =
            parse("# why\n\nfile_lines a.rs 600\nfile_lines b.rs 700\nfile_lines c.rs 510")
                .unwrap();
        let found =
            compare(&entries, &[excess("a.rs", 600), excess("b.rs", 650), excess("d.rs", 501)]);
        assert_eq!(
            told(&found),
            [
                "4: file_lines of b.rs has come down from 700 to 650",
                "1: file_lines of d.rs is 501, the limit is 500",
                "5: file_lines of c.rs is within its limit, or gone",
            ]
        );
        let grown = compare(&entries, &[excess("c.rs", 511)]);
        assert_eq!(
            told(&grown)[0],
            "1: file_lines of c.rs is 511, the limit is 500 (ratchet: 510)"
        );
    }

    #[test]
    fn the_list_only_shrinks() {
        let before = parse("file_lines a.rs 600\nfile_lines b.rs 700").unwrap();
        let now = parse("file_lines a.rs 601\nfile_lines b.rs 650\nfile_lines c.rs 510").unwrap();
        assert_eq!(
            told(&check_only_shrinks(&now, &before)),
            [
                "1: file_lines of a.rs was raised from 600 to 601",
                "3: new entry: file_lines of c.rs"
            ]
        );
    }

    #[test]
    fn a_line_that_is_no_entry_is_an_error() {
        let error = parse("file_lines a.rs many").unwrap_err().to_string();
        assert!(error.starts_with("xtask-ratchet.txt:1:"), "{error}");
    }
}
