//! Delimited text (RFC 4180 as people write it): where records and fields begin and end.
//!
//! A quote opens a quoted field only at the very start of the field; inside, `""` stands for one
//! quote, and delimiters and line ends are text. Anywhere else a quote is a letter (`12" RULER`).
//! These are the rules of the csv crate, which is the oracle in the tests. Here a record is found
//! by SIMD search over the whole block, and only records with quotes are walked byte by byte.

/// How fields and records are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub delimiter: u8,
    /// `\n` (a `\r` before it is dropped), or `\r` for files of old Macs.
    pub terminator: u8,
}

/// One record inside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// End of the record without its line end.
    pub end: usize,
    /// Start of the next record.
    pub next: usize,
    /// Holds quotes, so its fields may too.
    pub has_quote: bool,
    /// A quoted field is still open at the end of the block.
    pub is_open: bool,
}

/// Finds the record that starts at `start`, which is below `block.len()`.
#[inline]
pub(crate) fn next_record(block: &[u8], start: usize, dialect: Dialect) -> Record {
    match memchr::memchr2(dialect.terminator, b'"', &block[start..]) {
        None => finish(block, start, block.len(), false),
        Some(offset) if block[start + offset] == dialect.terminator => {
            finish(block, start, start + offset, false)
        }
        Some(offset) => next_quoted_record(block, start, start + offset, dialect),
    }
}

fn next_quoted_record(block: &[u8], start: usize, quote: usize, dialect: Dialect) -> Record {
    let mut at = quote;
    loop {
        // `at` is a quote outside of quoted text.
        if at == start || block[at - 1] == dialect.delimiter {
            match end_of_quoted(block, at + 1) {
                Some(end) => at = end,
                None => {
                    let n = block.len();
                    return Record { end: n, next: n, has_quote: true, is_open: true };
                }
            }
        } else {
            at += 1;
        }
        match memchr::memchr2(dialect.terminator, b'"', &block[at..]) {
            None => return finish(block, start, block.len(), true),
            Some(offset) if block[at + offset] == dialect.terminator => {
                return finish(block, start, at + offset, true);
            }
            Some(offset) => at += offset,
        }
    }
}

/// The position after the quote that closes text which begins at `from`.
pub(crate) fn end_of_quoted(block: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let quote = at + memchr::memchr(b'"', &block[at..])?;
        if block.get(quote + 1) != Some(&b'"') {
            return Some(quote + 1);
        }
        at = quote + 2;
    }
}

fn finish(block: &[u8], start: usize, end: usize, has_quote: bool) -> Record {
    let next = (end + 1).min(block.len());
    let end = if end > start && block[end - 1] == b'\r' { end - 1 } else { end };
    Record { end, next, has_quote, is_open: false }
}

/// The fields of one record: slices of the record, or of `unquoted` where quotes were undone.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    spans: Vec<Span>,
    unquoted: String,
    has_stray_quote: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
    is_unquoted: bool,
}

impl Fields {
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// A quoted field runs over a line end, and letters follow its closing quote: most likely a
    /// quote was opened on one line and the opening quote of another one closed it.
    #[inline]
    pub(crate) fn has_stray_quote(&self) -> bool {
        self.has_stray_quote
    }

    /// Field `idx` of `record`, the text that was split last.
    #[inline]
    pub(crate) fn get<'a>(&'a self, record: &'a str, idx: usize) -> Option<&'a str> {
        let span = self.spans.get(idx)?;
        let text = if span.is_unquoted { &self.unquoted } else { record };
        text.get(span.start as usize..span.end as usize)
    }

    /// Splits `record`, which is below 4 GiB (the limit is 1 MiB).
    #[inline]
    pub(crate) fn split(&mut self, record: &str, has_quote: bool, delimiter: u8) {
        self.spans.clear();
        self.has_stray_quote = false;
        if has_quote {
            return self.split_quoted(record, delimiter);
        }
        let mut start = 0;
        for end in memchr::memchr_iter(delimiter, record.as_bytes()) {
            self.spans.push(Span { start: start as u32, end: end as u32, is_unquoted: false });
            start = end + 1;
        }
        let end = record.len() as u32;
        self.spans.push(Span { start: start as u32, end, is_unquoted: false });
    }

    fn split_quoted(&mut self, record: &str, delimiter: u8) {
        self.unquoted.clear();
        let bytes = record.as_bytes();
        let mut start = 0;
        loop {
            let end = if bytes.get(start) == Some(&b'"') {
                self.push_quoted(record, start, delimiter)
            } else {
                let end = end_of_plain(bytes, start, delimiter);
                self.spans.push(Span { start: start as u32, end: end as u32, is_unquoted: false });
                end
            };
            if end >= bytes.len() {
                return;
            }
            start = end + 1;
        }
    }

    /// Pushes the field whose opening quote is at `open`; returns its end.
    fn push_quoted(&mut self, record: &str, open: usize, delimiter: u8) -> usize {
        let bytes = record.as_bytes();
        let from = self.unquoted.len();
        let close = end_of_quoted(bytes, open + 1);
        let inner_end = close.map_or(bytes.len(), |after| after - 1);
        let inner = &record[open + 1..inner_end];
        let rest_start = close.unwrap_or(bytes.len());
        let end = end_of_plain(bytes, rest_start, delimiter);
        let rest = &record[rest_start..end];
        if rest.is_empty() && !inner.contains('"') {
            let (start, end) = ((open + 1) as u32, inner_end as u32);
            self.spans.push(Span { start, end, is_unquoted: false });
            return rest_start;
        }
        self.has_stray_quote |= !rest.is_empty() && inner.contains(['\n', '\r']);
        let mut pieces = inner.split("\"\"");
        self.unquoted.push_str(pieces.next().unwrap_or(""));
        for piece in pieces {
            self.unquoted.push('"');
            self.unquoted.push_str(piece);
        }
        self.unquoted.push_str(rest);
        let (start, to) = (from as u32, self.unquoted.len() as u32);
        self.spans.push(Span { start, end: to, is_unquoted: true });
        end
    }
}

fn end_of_plain(bytes: &[u8], from: usize, delimiter: u8) -> usize {
    memchr::memchr(delimiter, &bytes[from..]).map_or(bytes.len(), |offset| from + offset)
}

/// `\r` when the sample has those and no `\n` at all.
pub(crate) fn detect_terminator(sample: &[u8]) -> u8 {
    let has = |byte| memchr::memchr(byte, sample).is_some();
    if !has(b'\n') && has(b'\r') { b'\r' } else { b'\n' }
}

/// The delimiter under which the first records are most alike: `None` when none gives columns.
///
/// `score_header` tells how many names of a header are known: known names outweigh everything,
/// since titles with commas can be as regular as columns.
pub(crate) fn detect_delimiter(
    sample: &str,
    terminator: u8,
    score_header: impl Fn(&[String]) -> usize,
) -> Option<u8> {
    let mut best: Option<(usize, usize, usize, u8)> = None;
    for delimiter in *b",;\t|" {
        let rows = first_rows(sample, Dialect { delimiter, terminator }, 200);
        let Some(header) = rows.first() else { continue };
        if header.len() < 2 {
            continue;
        }
        let n_alike = rows.iter().filter(|row| row.len() == header.len()).count();
        let permille = n_alike * 1000 / rows.len();
        let rank = (score_header(header), permille, header.len(), delimiter);
        if best.is_none_or(|found| (rank.0, rank.1, rank.2) > (found.0, found.1, found.2)) {
            best = Some(rank);
        }
    }
    best.map(|found| found.3)
}

/// Up to `limit` rows that are not blank.
pub(crate) fn first_rows(text: &str, dialect: Dialect, limit: usize) -> Vec<Vec<String>> {
    rows_with(text, dialect, limit, false)
}

/// As [`first_rows`], but of a row that a stray quote runs together with those after it only the
/// first line is lost, as when the file is read.
pub(crate) fn sample_rows(text: &str, dialect: Dialect, limit: usize) -> Vec<Vec<String>> {
    rows_with(text, dialect, limit, true)
}

fn rows_with(text: &str, dialect: Dialect, limit: usize, without_strays: bool) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut fields = Fields::default();
    let mut start = 0;
    while start < text.len() && rows.len() < limit {
        let record = next_record(text.as_bytes(), start, dialect);
        let line = &text[start..record.end];
        let line_end = start + memchr::memchr(dialect.terminator, line.as_bytes()).unwrap_or(0);
        let is_run_together = without_strays && line_end > start;
        if is_run_together && (record.is_open || line.len() > MAX_RECORD_BYTES) {
            start = line_end + 1;
            continue;
        }
        start = record.next;
        if line.trim().is_empty() || line.len() > MAX_RECORD_BYTES {
            continue;
        }
        fields.split(line, record.has_quote, dialect.delimiter);
        let is_ragged = rows.first().is_some_and(|header| header.len() != fields.len());
        if is_run_together && (is_ragged || fields.has_stray_quote()) {
            start = line_end + 1;
            continue;
        }
        rows.push((0..fields.len()).filter_map(|i| fields.get(line, i)).map(Into::into).collect());
    }
    rows
}

/// Longer records are set aside: nothing real needs them, and they must not eat the memory.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
