//! Lines above the header of a delimited file: Excel's `sep=;`, titles and dates of reports,
//! comments.

use super::columns::{self, FileKind};
use super::delimited::{self, Dialect};

/// A header stands among so many lines.
const MAX_LINES: usize = 20;
/// As much of the text as is looked at for each of them.
const MAX_BYTES: usize = 64 << 10;
/// A line with so many known names is a header.
const MIN_KNOWN: usize = 2;

/// What stands above the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preamble {
    pub n_lines: u64,
    pub n_bytes: usize,
    /// What `sep=` says.
    pub delimiter: Option<u8>,
}

impl Preamble {
    pub(crate) fn of(text: &str, terminator: u8, kind: FileKind) -> Preamble {
        let mut ends = memchr::memchr_iter(terminator, text.as_bytes()).map(|end| end + 1);
        let first_end = ends.next().unwrap_or(text.len());
        if let Some(delimiter) = told_by_excel(&text[..first_end]) {
            return Preamble { n_lines: 1, n_bytes: first_end, delimiter: Some(delimiter) };
        }
        let (n_known, n_columns) = header_at(text, terminator, kind);
        if n_known > 0 {
            return Preamble::default();
        }
        let is_comment = text.trim_start().starts_with(['#', '\r', '\n']);
        let starts = std::iter::once(first_end).chain(ends).take(MAX_LINES);
        for (above, start) in starts.enumerate() {
            let Some(rest) = text.get(start..) else { break };
            // A blank line is above the header as well, and no header itself.
            let is_blank = rest.starts_with(['\r', '\n']);
            let (n_known, n_names) = header_at(rest, terminator, kind);
            if !is_blank && n_known >= MIN_KNOWN && (n_names > n_columns || is_comment) {
                return Preamble { n_lines: above as u64 + 1, n_bytes: start, delimiter: None };
            }
        }
        Preamble::default()
    }
}

/// `sep=;`, the first line of files for Excel.
fn told_by_excel(line: &str) -> Option<u8> {
    let line = line.trim_matches(['\r', '\n', ' ', '"', '\u{feff}']);
    let (name, sign) = line.split_at_checked(4)?;
    match sign.as_bytes() {
        [sign] if name.eq_ignore_ascii_case("sep=") => Some(*sign),
        _ => None,
    }
}

/// Known names and columns of the line that a text begins with.
fn header_at(text: &str, terminator: u8, kind: FileKind) -> (usize, usize) {
    let mut end = text.len().min(MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let of = |delimiter: u8| {
        let rows = delimited::first_rows(text, Dialect { delimiter, terminator }, 1);
        rows.first().map_or((0, 0), |names| (columns::n_known(kind, names), names.len()))
    };
    (*b",;\t|").into_iter().map(of).max().unwrap_or((0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn above(text: &str) -> (u64, &str, Option<u8>) {
        let preamble = Preamble::of(text, b'\n', FileKind::Orders);
        (preamble.n_lines, &text[preamble.n_bytes..], preamble.delimiter)
    }

    #[test]
    fn what_stands_above_the_header_is_found() {
        let table = "order_id,sku,date\n1,a,2026-01-02\n";
        for (title, n_lines) in [
            ("", 0),
            ("Sales report\n", 1),
            ("Sales report, all shops\r\nfrom 2026-01-01\r\n\r\n", 3),
            ("# made by a till\n# on Monday\n", 2),
            ("# a, comment, with, commas\n", 1),
            ("\n\nReport\n", 3),
        ] {
            let text = format!("{title}{table}");
            assert_eq!(above(&text), (n_lines, table, None), "for {text}");
        }
        assert_eq!(above("sep=;\r\nid;x\n"), (1, "id;x\n", Some(b';')));
        assert_eq!(above("\"SEP=\t\"\nid\tx\n"), (1, "id\tx\n", Some(b'\t')));
    }

    #[test]
    fn a_header_that_nobody_knows_is_one_all_the_same() {
        for text in ["a,b,c\n1,2,3\n", "x,y\norder_id,sku\n", "1,a,2026-01-02\n", "one\ntwo\n"] {
            assert_eq!(above(text).0, 0, "for {text}");
        }
    }
}
