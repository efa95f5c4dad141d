//! Walks the rows of a piece of text, delimited or JSON, and hands each to a parser.

use serde_json::Value;

use super::cell::{Cell, Row};
use super::chunk::Piece;
use super::delimited::{self, Dialect, Fields, MAX_RECORD_BYTES, Record};
use super::encoding::{BlockText, Encoding};
use super::field_read::Fault;
use super::json_lines::{JsonLayout, JsonRow};
use super::read::{reject, reject_piece, too_long};
use crate::{Reject, RejectReason};

/// What walking a piece counted, apart from what the parser made of its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walked {
    /// Rows that are not blank, the header left out.
    pub n_rows: u64,
    pub n_windows_1252: u64,
    pub rejects: Vec<Reject>,
}

/// One delimited row.
pub(crate) struct TextRow<'a> {
    pub record: &'a str,
    pub fields: &'a Fields,
}

impl Row for TextRow<'_> {
    #[inline]
    fn cell(&self, column: usize) -> Cell<'_> {
        self.fields.get(self.record, column).map_or(Cell::Absent, Cell::from_text)
    }

    fn written(&self, column: usize) -> &str {
        self.fields.get(self.record, column).unwrap_or("").trim()
    }
}

/// Walks delimited rows.
pub(crate) struct DelimitedRows {
    dialect: Dialect,
    n_columns: usize,
    encoding: Encoding,
    /// Lines of the file above its header.
    n_lines_above: u64,
    fields: Fields,
}

impl DelimitedRows {
    pub(crate) fn new(
        dialect: Dialect,
        n_columns: usize,
        encoding: Encoding,
        n_lines_above: u64,
    ) -> DelimitedRows {
        DelimitedRows { dialect, n_columns, encoding, n_lines_above, fields: Fields::default() }
    }

    /// Calls `parse` for each row, with the fault of one that has not the right number of fields.
    pub(crate) fn walk(
        &mut self,
        piece: &Piece,
        mut parse: impl FnMut(&TextRow<'_>, Option<Fault>) -> Result<(), Fault>,
    ) -> Walked {
        let mut walked = Walked::default();
        if let Some(fault) = piece.fault {
            walked.n_rows = 1;
            walked.rejects.push(reject_piece(piece, fault));
            return walked;
        }
        let block = &piece.bytes[..];
        // The whole block is checked at once; rows are decoded one by one only when it is not.
        let whole = std::str::from_utf8(block).ok();
        let judged = BlockText::judge(self.encoding, block);
        let whole = whole.filter(|_| judged == BlockText::Utf8 || block.is_ascii());
        let has_nul = memchr::memchr(0, block).is_some();
        let mut is_header = piece.is_first;
        let (mut start, mut line) = (0, piece.first_line);
        while start < block.len() {
            let record = delimited::next_record(block, start, self.dialect);
            let raw = &block[start..record.end];
            let (at, this_line) = (start, line);
            start = record.next;
            line += self.n_lines(block, at, record);
            let is_above = this_line <= self.n_lines_above;
            if is_above || raw.is_empty() || raw.trim_ascii().is_empty() {
                continue;
            }
            if std::mem::take(&mut is_header) {
                continue;
            }
            walked.n_rows += 1;
            let done = match whole.and_then(|text| text.get(at..record.end)) {
                Some(text) if !has_nul => self.parse_row(text, record, &mut parse),
                _ => self.parse_doubtful(raw, record, judged, &mut walked, &mut parse),
            };
            if let Err(fault) = done {
                let mut raw = raw;
                if let Some(end) = self.end_of_stray_line(block, at, record, &fault) {
                    (start, line) = (end + 1, this_line + 1);
                    raw = block[at..end].strip_suffix(b"\r").unwrap_or(&block[at..end]);
                }
                walked.rejects.push(reject(fault, this_line, raw));
            }
        }
        walked
    }

    /// Physical lines that the record covers.
    #[inline]
    fn n_lines(&self, block: &[u8], start: usize, record: Record) -> u64 {
        if !record.has_quote {
            return 1;
        }
        memchr::memchr_iter(self.dialect.terminator, &block[start..record.next]).count() as u64
    }

    /// A row that does not fit and runs over several lines most likely holds a stray quote: only
    /// its first line is set aside, and reading goes on with the next. The end of that line.
    fn end_of_stray_line(
        &self,
        block: &[u8],
        at: usize,
        record: Record,
        fault: &Fault,
    ) -> Option<usize> {
        let is_stray = fault.reason == RejectReason::RaggedRow;
        let end = memchr::memchr(self.dialect.terminator, &block[at..record.end]);
        end.filter(|_| is_stray).map(|offset| at + offset)
    }

    #[inline]
    fn parse_row(
        &mut self,
        text: &str,
        record: Record,
        parse: &mut impl FnMut(&TextRow<'_>, Option<Fault>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if text.len() > MAX_RECORD_BYTES {
            return Err(too_long(text.len() as u64));
        }
        self.fields.split(text, record.has_quote, self.dialect.delimiter);
        let is_doubtful = record.is_open || self.fields.has_stray_quote();
        let mut fault = None;
        if self.fields.len() != self.n_columns || is_doubtful {
            fault = self.width_fault(text, is_doubtful);
        }
        parse(&TextRow { record: text, fields: &self.fields }, fault)
    }

    /// Empty fields too many at the end do no harm.
    #[cold]
    fn width_fault(&self, text: &str, is_doubtful: bool) -> Option<Fault> {
        let (n_found, n_columns) = (self.fields.len(), self.n_columns);
        let is_blank = |idx| self.fields.get(text, idx).is_none_or(|field| field.trim().is_empty());
        if !is_doubtful && n_found >= n_columns && (n_columns..n_found).all(is_blank) {
            return None;
        }
        let detail = if is_doubtful || text.contains(['\n', '\r']) {
            format!(
                "a quoted field runs over the end of the line, and the row then has {n_found} \
                 fields in place of {n_columns}; look for a quote too many or too few"
            )
        } else {
            format!(
                "the row has {n_found} fields, the header {n_columns}; \
                 quote fields that hold the delimiter"
            )
        };
        Some(Fault::new(RejectReason::RaggedRow, detail))
    }

    #[cold]
    fn parse_doubtful(
        &mut self,
        raw: &[u8],
        record: Record,
        judged: BlockText,
        walked: &mut Walked,
        parse: &mut impl FnMut(&TextRow<'_>, Option<Fault>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if raw.contains(&0) {
            return Err(nul_fault());
        }
        let text = judged.decode(raw).ok_or_else(encoding_fault)?;
        walked.n_windows_1252 += u64::from(judged == BlockText::Windows1252 && !raw.is_ascii());
        self.parse_row(&text, record, parse)
    }
}

fn nul_fault() -> Fault {
    let detail = "the line holds NUL bytes; was the file cut off while it was written?";
    Fault::new(RejectReason::BadEncoding, detail.into())
}

fn encoding_fault() -> Fault {
    let detail = "the line is no UTF-8, though the rest of the file is; save the file as UTF-8";
    Fault::new(RejectReason::BadEncoding, detail.into())
}

/// Calls `parse` for each object of a piece of JSON lines.
pub(crate) fn walk_json(
    piece: &Piece,
    encoding: Encoding,
    mut parse: impl FnMut(&Value) -> Result<(), Fault>,
) -> Walked {
    let mut walked = Walked::default();
    if let Some(fault) = piece.fault {
        walked.n_rows = 1;
        walked.rejects.push(reject_piece(piece, fault));
        return walked;
    }
    let judged = BlockText::judge(encoding, &piece.bytes);
    for (line, raw) in (piece.first_line..).zip(piece.bytes.split(|byte| *byte == b'\n')) {
        let raw = raw.trim_ascii();
        if raw.is_empty() {
            continue;
        }
        walked.n_rows += 1;
        let done = match judged.decode(raw) {
            None => Err(encoding_fault()),
            Some(text) => match serde_json::from_str::<Value>(&text) {
                Ok(value) if value.is_object() => parse(&value),
                Ok(_) => Err(json_fault("the line is no JSON object".into())),
                Err(error) => Err(json_fault(format!("the line is no JSON: {error}"))),
            },
        };
        if let Err(fault) = done {
            walked.rejects.push(reject(fault, line, raw));
        }
    }
    walked
}

fn json_fault(detail: String) -> Fault {
    Fault::new(RejectReason::BadJson, detail)
}

/// The rows of one object: one for each of its lines, or the object itself where it has none.
pub(crate) fn rows_of<'v>(layout: &'v JsonLayout, object: &'v Value) -> Vec<JsonRow<'v>> {
    match layout.lines_of(object) {
        [] => vec![JsonRow { layout, object, line: None, refund: None, without: None }],
        lines => {
            let row =
                |line| JsonRow { layout, object, line: Some(line), refund: None, without: None };
            lines.iter().map(row).collect()
        }
    }
}
