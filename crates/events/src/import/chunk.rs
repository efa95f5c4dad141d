//! Cuts a stream of text at record boundaries, so that the pieces can be parsed side by side.
//!
//! Pieces depend on the bytes alone, not on how the reader hands them out. Only quotes are looked
//! at here (see `delimited` for their rules); no piece is larger than a piece and a record.

use std::io::{self, Read};

use super::delimited::{self, Dialect};

/// Aimed size of a piece: large enough that a batch's dictionaries pay, small enough for caches.
pub(crate) const PIECE_BYTES: usize = 2 << 20;
/// A nested order on one JSON line may hold 50,000 items.
const MAX_JSON_BYTES: usize = 16 << 20;
/// As much of a line as a reject keeps.
pub(crate) const MAX_RAW_BYTES: usize = 64 << 10;

/// How records are framed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Delimited(Dialect),
    /// One record a line, no quoting across lines.
    Lines,
}

impl Framing {
    fn terminator(self) -> u8 {
        match self {
            Framing::Delimited(dialect) => dialect.terminator,
            Framing::Lines => b'\n',
        }
    }

    pub(crate) fn max_record_bytes(self) -> usize {
        match self {
            Framing::Delimited(_) => delimited::MAX_RECORD_BYTES,
            Framing::Lines => MAX_JSON_BYTES,
        }
    }
}

/// Whole records, or one that cannot be used.
#[derive(Debug)]
pub(crate) struct Piece {
    pub bytes: Vec<u8>,
    pub first_line: u64,
    pub is_first: bool,
    pub fault: Option<PieceFault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PieceFault {
    TooLong { n_bytes: u64 },
    UnclosedQuote,
}

pub(crate) struct Chunker {
    reader: Box<dyn Read + Send>,
    framing: Framing,
    buffer: Vec<u8>,
    is_ended: bool,
    is_first: bool,
    next_line: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Cut {
    At(usize),
    /// The first line up to here opens a quote that nothing closes.
    UnclosedQuote(usize),
    NeedsMore,
}

impl Chunker {
    pub(crate) fn new(reader: Box<dyn Read + Send>, framing: Framing) -> Chunker {
        let buffer = Vec::new();
        Chunker { reader, framing, buffer, is_ended: false, is_first: true, next_line: 1 }
    }

    pub(crate) fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        let mut target = PIECE_BYTES;
        loop {
            self.fill(target)?;
            if self.buffer.is_empty() {
                return Ok(None);
            }
            let cut = match self.framing {
                Framing::Delimited(dialect) => cut_delimited(&self.buffer, dialect, self.is_ended),
                Framing::Lines => cut_lines(&self.buffer, self.is_ended),
            };
            match cut {
                Cut::At(end) => return Ok(Some(self.take(end, None))),
                Cut::UnclosedQuote(end) => {
                    return Ok(Some(self.take(end, Some(PieceFault::UnclosedQuote))));
                }
                Cut::NeedsMore if self.buffer.len() <= self.framing.max_record_bytes() => {
                    target = self.buffer.len() + PIECE_BYTES;
                }
                Cut::NeedsMore => return self.skip_long_line().map(Some),
            }
        }
    }

    fn fill(&mut self, target: usize) -> io::Result<()> {
        if self.is_ended || self.buffer.len() >= target {
            return Ok(());
        }
        let missing = target - self.buffer.len();
        self.buffer.reserve_exact(missing);
        let n_read = (&mut self.reader).take(missing as u64).read_to_end(&mut self.buffer)?;
        self.is_ended = n_read < missing;
        if self.is_first && self.buffer.starts_with(super::encoding::UTF8_MARK) {
            self.buffer.drain(..super::encoding::UTF8_MARK.len());
        }
        Ok(())
    }

    fn take(&mut self, end: usize, fault: Option<PieceFault>) -> Piece {
        let rest = self.buffer[end..].to_vec();
        self.buffer.truncate(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let first_line = self.next_line;
        self.next_line += memchr::memchr_iter(self.framing.terminator(), &bytes).count() as u64;
        let is_first = std::mem::take(&mut self.is_first);
        Piece { bytes, first_line, is_first, fault }
    }

    /// The buffer holds more than a record may have, and no boundary.
    fn skip_long_line(&mut self) -> io::Result<Piece> {
        let terminator = self.framing.terminator();
        let mut head = self.buffer[..MAX_RAW_BYTES.min(self.buffer.len())].to_vec();
        let mut n_bytes = 0_u64;
        loop {
            if let Some(end) = memchr::memchr(terminator, &self.buffer) {
                n_bytes += end as u64;
                head.truncate(n_bytes.min(MAX_RAW_BYTES as u64) as usize);
                self.buffer.drain(..=end);
                break;
            }
            n_bytes += self.buffer.len() as u64;
            self.buffer.clear();
            if self.is_ended {
                break;
            }
            self.fill(PIECE_BYTES)?;
        }
        let first_line = self.next_line;
        self.next_line += 1;
        let is_first = std::mem::take(&mut self.is_first);
        Ok(Piece {
            bytes: head,
            first_line,
            is_first,
            fault: Some(PieceFault::TooLong { n_bytes }),
        })
    }
}

fn cut_lines(buffer: &[u8], is_ended: bool) -> Cut {
    match memchr::memrchr(b'\n', buffer) {
        _ if is_ended => Cut::At(buffer.len()),
        Some(end) => Cut::At(end + 1),
        None => Cut::NeedsMore,
    }
}

fn cut_delimited(buffer: &[u8], dialect: Dialect, is_ended: bool) -> Cut {
    // Stretches outside of quoted text, in order; the buffer starts at a record boundary.
    let mut plain: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'"', &buffer[at..]) {
        let quote = at + offset;
        let opens = quote == 0
            || buffer[quote - 1] == dialect.delimiter
            || buffer[quote - 1] == dialect.terminator;
        if !opens {
            at = quote + 1;
            continue;
        }
        plain.push((from, quote));
        let close = delimited::end_of_quoted(buffer, quote + 1);
        let n_quoted = close.unwrap_or(buffer.len()) - quote;
        if n_quoted > delimited::MAX_RECORD_BYTES || (close.is_none() && is_ended) {
            return cut_before_open_quote(buffer, &plain, quote, dialect);
        }
        let Some(close) = close else {
            return last_boundary(buffer, &plain, dialect).map_or(Cut::NeedsMore, Cut::At);
        };
        (from, at) = (close, close);
    }
    if is_ended {
        return Cut::At(buffer.len());
    }
    plain.push((from, buffer.len()));
    last_boundary(buffer, &plain, dialect).map_or(Cut::NeedsMore, Cut::At)
}

fn last_boundary(buffer: &[u8], plain: &[(usize, usize)], dialect: Dialect) -> Option<usize> {
    plain.iter().rev().find_map(|&(from, to)| {
        memchr::memrchr(dialect.terminator, &buffer[from..to]).map(|offset| from + offset + 1)
    })
}

fn cut_before_open_quote(
    buffer: &[u8],
    plain: &[(usize, usize)],
    quote: usize,
    dialect: Dialect,
) -> Cut {
    match last_boundary(buffer, plain, dialect) {
        Some(end) => Cut::At(end),
        None => match memchr::memchr(dialect.terminator, &buffer[quote..]) {
            Some(offset) => Cut::UnclosedQuote(quote + offset + 1),
            None if buffer.len() > delimited::MAX_RECORD_BYTES => Cut::NeedsMore,
            None => Cut::UnclosedQuote(buffer.len()),
        },
    }
}

#[cfg(test)]
mod tests;
