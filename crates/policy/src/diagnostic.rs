//! A fault or a remark about a policy file: where it stands, what is wrong, how to mend it.

use std::fmt::Write;
use std::ops::Range;

/// What of a long line is shown.
const MAX_SHOWN_CHARS: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not accepted.
    Error,
    /// It is accepted, and probably not what was meant.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Bytes of the file.
    pub span: Range<usize>,
    pub message: String,
    /// Empty when there is nothing to add.
    pub mend: String,
}

impl Diagnostic {
    pub fn error(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let message = message.into();
        Diagnostic { severity: Severity::Error, span, message, mend: String::new() }
    }

    pub fn warning(span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(span, message) }
    }

    #[must_use]
    pub fn mend(self, mend: impl Into<String>) -> Diagnostic {
        Diagnostic { mend: mend.into(), ..self }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Line and column of the beginning, both from 1; the column counts characters.
    pub fn place(&self, text: &str) -> (usize, usize) {
        let (line_at, line) = line_of(text, self.span.start);
        let n_before = self.span.start.min(text.len()) - line_at;
        let before = line.get(..n_before).unwrap_or(line);
        (text[..line_at].matches('\n').count() + 1, before.chars().count() + 1)
    }

    /// As a person reads it: place, message, the line with a caret below, how to mend it.
    pub fn render(&self, file: &str, text: &str) -> String {
        let (line_no, column) = self.place(text);
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut out = format!("{word}: {file}:{line_no}:{column}: {}", self.message);
        let (line_at, line) = line_of(text, self.span.start);
        let margin = line_no.to_string();
        let from = column.saturating_sub(MAX_SHOWN_CHARS / 2);
        let shown: String = line.chars().skip(from).take(MAX_SHOWN_CHARS).collect();
        let shown = shown.replace('\t', " ");
        let end = self.span.end.min(line_at + line.len());
        let marked = text.get(self.span.start.min(end)..end).unwrap_or_default();
        let n_carets = marked.chars().count().clamp(1, MAX_SHOWN_CHARS);
        let blanks = " ".repeat(column - 1 - from);
        // Writing to a string cannot fail.
        let _ = write!(out, "\n  {margin} | {}", shown.trim_end());
        let _ = write!(out, "\n  {} | {blanks}{}", " ".repeat(margin.len()), "^".repeat(n_carets));
        if !self.mend.is_empty() {
            let _ = write!(out, "\n  {} = {}", " ".repeat(margin.len()), self.mend);
        }
        out
    }
}

/// The line that holds a byte, and where it begins.
fn line_of(text: &str, at: usize) -> (usize, &str) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let from = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let to = text[at..].find('\n').map_or(text.len(), |end| at + end);
    (from, text[from..to].trim_end_matches('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_stands_below_what_is_meant() {
        let text = "a = 1\nüber = \"item.prise\"\n";
        let at = text.find("item").expect("there");
        let fault = Diagnostic::error(at..at + 10, "no such field").mend("did you mean `price`?");
        assert_eq!(fault.place(text), (2, 9));
        let expected = "error: shop.toml:2:9: no such field\n  2 | über = \"item.prise\"\n    | \
                        \u{20}       ^^^^^^^^^^\n    = did you mean `price`?";
        assert_eq!(fault.render("shop.toml", text), expected);
    }

    #[test]
    fn no_place_is_out_of_reach() {
        for (text, span) in [("", 0..0), ("ab", 7..9), ("ü", 1..1), ("a\r\n", 2..3), ("x\n", 2..2)]
        {
            let shown = Diagnostic::warning(span, "odd").render("f", text);
            assert!(shown.starts_with("warning: f:") && shown.contains('^'), "{shown}");
        }
        let long = "x".repeat(10_000);
        let shown = Diagnostic::error(9_000..9_001, "long").render("f", &long);
        assert!(shown.len() < 600, "{}", shown.len());
    }
}
