//! Names: no grab-bags, and every crate says at its door what it is for.

use super::finding::Finding;
use super::source::Source;

const FORBIDDEN: [&str; 9] =
    ["common", "util", "utils", "helper", "helpers", "core", "types", "misc", "manager"];
const MEND: &str = "Name it for the noun that it defines.";

/// Folders and files below `crates/`.
pub(crate) fn check_path(path: &str) -> Option<Finding> {
    let inside = path.strip_prefix("crates/")?;
    let stem = |part: &str| part.split('.').next().unwrap_or(part).to_owned();
    let bad = inside.split('/').map(stem).find(|stem| FORBIDDEN.contains(&stem.as_str()))?;
    Some(Finding::new(path, 1, format!("`{bad}` says nothing as a name"), MEND))
}

/// Modules written inline.
pub(crate) fn check_modules(source: &Source<'_>) -> Vec<Finding> {
    source
        .find_word("mod")
        .into_iter()
        .filter_map(|at| {
            let name =
                source.code[at + 3..].split([' ', '{', ';']).find(|word| !word.is_empty())?;
            let what = format!("`{name}` says nothing as a name");
            let line = source.line_at(at);
            FORBIDDEN.contains(&name).then(|| Finding::new(source.path, line, what, MEND))
        })
        .collect()
}

/// A crate's root begins with `//!` of at least two lines with words.
pub(crate) fn check_head(source: &Source<'_>) -> Option<Finding> {
    let inside = source.path.strip_prefix("crates/")?;
    let (_, file) = inside.split_once('/')?;
    if !matches!(file, "src/lib.rs" | "src/main.rs") {
        return None;
    }
    let head = source.text.lines().take_while(|line| line.starts_with("//!"));
    let n_lines = head.filter(|line| line.len() > "//! ".len()).count();
    let mend =
        "Say its responsibility, input, output, invariants, and what is deliberately absent.";
    (n_lines < 2).then(|| Finding::new(source.path, 1, "the crate does not say what it is", mend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::told;

    #[test]
    fn grab_bags_are_refused_by_path() {
        let check = |path| check_path(path).map(|finding| finding.what);
        assert_eq!(check("crates/a/src/utils.rs").unwrap(), "`utils` says nothing as a name");
        assert_eq!(check("crates/core/src/x.rs").unwrap(), "`core` says nothing as a name");
        assert_eq!(check("crates/a/src/common/x.html").unwrap(), "`common` says nothing as a name");
        assert_eq!(check("crates/a/src/score.rs"), None);
        assert_eq!(check("docs/common.md"), None);
    }

    #[test]
    fn grab_bags_are_refused_inline() {
        let text = "pub mod helpers {\n}\nmod score;\n// mod misc;\nmod types;\nmod util_rate {}";
        let found = check_modules(&Source::new("crates/a/src/lib.rs", text));
        assert_eq!(
            told(&found),
            ["1: `helpers` says nothing as a name", "5: `types` says nothing as a name"]
        );
    }

    #[test]
    fn crates_say_what_they_are() {
        let check = |path, text| check_head(&Source::new(path, text)).is_some();
        assert!(check("crates/a/src/lib.rs", "//! Placeholder.\n"));
        assert!(check("crates/a/src/main.rs", "fn main() {}\n"));
        assert!(!check("crates/a/src/lib.rs", "//! What.\n//!\n//! Input: that.\n\nmod b;\n"));
        assert!(!check("crates/a/src/b.rs", "fn f() {}\n"));
        assert!(!check("crates/a/src/b/lib.rs", "fn f() {}\n"));
    }
}
