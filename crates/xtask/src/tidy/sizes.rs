//! Sizes: what fits a screen is read whole (limits of STYLE.md, after TigerBeetle's).

use super::finding::Finding;
use super::source::Source;
use crate::workspace::TextFile;

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
const LIB_LINES: usize = 120;
const INLINE_TEST_LINES: usize = 150;
const WIDTH: usize = 100;
const MAP_LINES: usize = 200;

/// A size above its limit. The ratchet decides whether it is an old debt or a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(crate) rule: &'static str,
    /// What is too large: a path, or `path#function`.
    pub(crate) subject: String,
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) value: usize,
    pub(crate) limit: usize,
    pub(crate) mend: &'static str,
}

pub(crate) fn measure(sources: &[Source<'_>]) -> Vec<Excess> {
    let mut found = Vec::new();
    for source in sources {
        measure_file(source, &mut found);
        measure_functions(source, &mut found);
    }
    found
}

fn measure_file(source: &Source<'_>, found: &mut Vec<Excess>) {
    let mut check = |rule, value, limit, mend| {
        if value > limit {
            let (subject, path) = (source.path.to_owned(), source.path.to_owned());
            found.push(Excess { rule, subject, path, line: 1, value, limit, mend });
        }
    };
    let n_test = source.n_test_lines();
    let n_production = source.n_lines() - n_test;
    if !source.is_test_file() {
        check("file_lines", n_production, FILE_LINES, "Split it by the nouns that it defines.");
        let mend = "Move the unit tests to <file>/tests.rs.";
        check("inline_test_lines", n_test, INLINE_TEST_LINES, mend);
    }
    if source.path.ends_with("src/lib.rs") {
        let mend = "Keep only docs, modules and few re-exports.";
        check("lib_lines", n_production, LIB_LINES, mend);
    }
}

fn measure_functions(source: &Source<'_>, found: &mut Vec<Excess>) {
    for function in source.functions() {
        if function.n_lines > FUNCTION_LINES {
            found.push(Excess {
                rule: "function_lines",
                subject: format!("{}#{}", source.path, function.name),
                path: source.path.to_owned(),
                line: function.first_line,
                value: function.n_lines,
                limit: FUNCTION_LINES,
                mend: "Give its steps names and functions of their own.",
            });
        }
    }
}

/// rustfmt leaves long comments and literals alone. A line with a link may be long.
pub(crate) fn check_width(source: &Source<'_>) -> Vec<Finding> {
    let lines = source.text.lines().zip(1..);
    lines
        .map(|(line, number)| (line, number, line.chars().count()))
        .filter(|(line, _, width)| *width > WIDTH && !line.contains("://"))
        .map(|(_, number, width)| {
            let what = format!("{width} columns, the limit is {WIDTH}");
            Finding::new(source.path, number, what, "Break the line.")
        })
        .collect()
}

pub(crate) fn check_map_length(file: &TextFile) -> Option<Finding> {
    let n_lines = file.text.lines().count();
    let what = format!("{n_lines} lines, the limit is {MAP_LINES}");
    let mend = "A map shows the house, not the furniture: move details to docs/.";
    (n_lines > MAP_LINES).then(|| Finding::new(&file.path, n_lines, what, mend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;

    fn excesses(path: &str, text: &str) -> Vec<String> {
        measure(&[Source::new(path, text)])
            .iter()
            .map(|e| format!("{} {} {}:{} > {}", e.rule, e.subject, e.line, e.value, e.limit))
            .collect()
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let long = "// a line\n".repeat(501);
        let told = ["file_lines crates/a/src/b.rs 1:501 > 500"];
        assert_eq!(excesses("crates/a/src/b.rs", &long), told);
        assert!(excesses("crates/a/src/b.rs", &long[10..]).is_empty());
        assert!(excesses("crates/a/src/b/tests.rs", &long).is_empty());
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(147));
        assert!(excesses("crates/a/src/b.rs", &format!("{}{tests}", &long[10..])).is_empty());
    }

    #[test]
    fn long_inline_tests_must_move() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// x\n".repeat(148));
        let told = ["inline_test_lines crates/a/src/b.rs 1:151 > 150"];
        assert_eq!(excesses("crates/a/src/b.rs", &tests), told);
    }

    #[test]
    fn functions_and_crate_roots_have_their_own_limits() {
        let function = |n: usize| format!("\nfn f() {{\n{}}}\n", "    g();\n".repeat(n - 2));
        assert!(excesses("crates/a/src/b.rs", &function(70)).is_empty());
        let told = ["function_lines crates/a/src/b.rs#f 2:71 > 70"];
        assert_eq!(excesses("crates/a/src/b.rs", &function(71)), told);
        let told = ["lib_lines crates/a/src/lib.rs 1:121 > 120"];
        assert_eq!(excesses("crates/a/src/lib.rs", &"//! x\n".repeat(121)), told);
    }

    #[test]
    fn width_counts_characters_and_spares_links() {
        let text = format!(
            "// {}\n// {}\n// https://{}\n",
            "é".repeat(97),
            "é".repeat(98),
            "x".repeat(99)
        );
        let found = check_width(&Source::new("a.rs", &text));
        assert_eq!(told(&found), ["2: 101 columns, the limit is 100"]);
    }

    #[test]
    fn the_map_is_short() {
        let file = |n| TextFile { path: "ARCHITECTURE.md".into(), text: "x\n".repeat(n) };
        assert_eq!(check_map_length(&file(200)), None);
        assert_eq!(check_map_length(&file(201)).unwrap().line, 201);
    }
}
