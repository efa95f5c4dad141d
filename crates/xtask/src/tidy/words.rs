//! Texts that must not be there: paths of one machine, unfinished work without an issue, tests
//! that check nothing.

use super::finding::Finding;
use super::source::Source;
use crate::workspace::TextFile;

/// Written in pieces, so that this file does not hold what it forbids. The last ones are the names
/// of tools that only some of our machines have.
const MACHINE_TEXTS: [&str; 9] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/tm", "p/"),
    concat!(".libr", "ary/"),
    concat!("issues ", "show"),
    concat!("issues ", "list"),
    concat!("farm", "-"),
];

/// A page, a license or data may well speak of these.
const SPARED: [&str; 2] = ["LICENSE", "Cargo.lock"];

pub(crate) fn check_machine_paths(file: &TextFile) -> Vec<Finding> {
    if SPARED.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let mend = "Say it so that it holds on every machine.";
    let mut findings = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        for text in MACHINE_TEXTS.iter().filter(|text| stands_alone(line, text)) {
            let what = format!("`{text}` belongs to one machine");
            findings.push(Finding::new(&file.path, number, what, mend));
        }
    }
    findings
}

/// Not the tail of a longer path or word, as in `/srv/work/` or `wheat-farm-`.
fn stands_alone(line: &str, text: &str) -> bool {
    line.match_indices(text).any(|(at, _)| {
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.'))
    })
}

/// `TODO(#12)` is fine. In Rust only comments are read.
pub(crate) fn check_todo(file: &TextFile) -> Vec<Finding> {
    let is_rust = file.path.ends_with(".rs");
    let is_code = [".py", ".sh", ".toml", ".html", ".js", ".css", ".sql", ".ci/run"];
    if !is_rust && !is_code.iter().any(|end| file.path.ends_with(end)) {
        return Vec::new();
    }
    let source = Source::new(&file.path, &file.text);
    let text = if is_rust { &source.comments } else { &file.text };
    let mut findings = Vec::new();
    for word in ["TODO", "FIXME", "XXX"] {
        for at in super::source::find_word(text, word) {
            if !has_issue(&text[at + word.len()..]) {
                let what = format!("{word} without an issue");
                let mend = "Open an issue and write TODO(#number), or do it now.";
                findings.push(Finding::new(&file.path, source.line_at(at), what, mend));
            }
        }
    }
    findings
}

fn has_issue(after: &str) -> bool {
    after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `matches!(…);` as a statement checks nothing: it wants an `assert!` around it.
pub(crate) fn check_idle_matches(source: &Source<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in source.find_word("matches!") {
        let before = source.code[..at].trim_end();
        let begins = before.is_empty() || before.ends_with(['{', '}', ';']);
        if begins && ends_as_statement(&source.code[at..]) {
            let what = "`matches!` whose answer nobody reads";
            let line = source.line_at(at);
            findings.push(Finding::new(source.path, line, what, "Write assert!(matches!(…))."));
        }
    }
    findings
}

fn ends_as_statement(code: &str) -> bool {
    let mut depth = 0_i32;
    for (at, byte) in code.bytes().enumerate() {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        if byte == b')' && depth == 0 {
            return code[at + 1..].trim_start().starts_with(';');
        }
    }
    false
}

pub(crate) fn check_ignored_tests(source: &Source<'_>) -> Vec<Finding> {
    let mend = "Make it fast, or let it say `skipped` when what it needs is missing.";
    let found = source.code.match_indices("#[ignore");
    found
        .map(|(at, _)| {
            Finding::new(source.path, source.line_at(at), "a test that never runs", mend)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.into(), text: text.into() }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        let text = format!(
            "see {}data\nsee /srv{}x\nrun {}\n",
            MACHINE_TEXTS[0], MACHINE_TEXTS[0], MACHINE_TEXTS[6]
        );
        let found = told(&check_machine_paths(&file("docs/a.md", &text)));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("1: `/wo") && found[1].starts_with("3: `issues"), "{found:?}");
        assert!(check_machine_paths(&file("LICENSE", &text)).is_empty());
    }

    #[test]
    fn unfinished_work_has_an_issue() {
        let text = "// TODO(#12): later\n// TODO: soon\nlet s = \"TODO\"; /* FIXME */\n// TODOS\n";
        let found = told(&check_todo(&file("a.rs", text)));
        assert_eq!(found, ["2: TODO without an issue", "3: FIXME without an issue"]);
        let found = told(&check_todo(&file("bench/a.py", "# TODO faster\n")));
        assert_eq!(found, ["1: TODO without an issue"]);
        assert!(check_todo(&file("README.md", "write TODO(#12)")).is_empty());
    }

    #[test]
    fn a_matches_that_nobody_reads_is_found() {
        let text = "\
fn f() {
    matches!(x, A);
    assert!(matches!(x, A));
    let y = matches!(x, A);
    g(); matches!(
        x, A(_)
    );
}
fn g() -> bool {
    matches!(x, B)
}
";
        let found = check_idle_matches(&Source::new("a.rs", text));
        let what = "`matches!` whose answer nobody reads";
        assert_eq!(told(&found), [format!("2: {what}"), format!("5: {what}")]);
    }

    #[test]
    fn ignored_tests_are_found() {
        let text = "#[test]\n#[ignore = \"slow\"]\nfn f() {}\n// #[ignore]\n";
        let found = check_ignored_tests(&Source::new("a.rs", text));
        assert_eq!(told(&found), ["2: a test that never runs"]);
    }
}
