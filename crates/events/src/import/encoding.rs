//! Which bytes are which letters: UTF-8, UTF-16 by its mark, or Windows-1252.

use std::borrow::Cow;
use std::io::{self, Read};

/// How the text of a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The sample is plain ASCII. What comes later is judged block by block: see `BlockText`.
    Ascii,
    Utf8,
    /// Windows-1252, of which Latin-1 is a part.
    Windows1252,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Ascii => "ASCII",
            Encoding::Utf8 => "UTF-8",
            Encoding::Windows1252 => "Windows-1252 (Latin-1)",
            Encoding::Utf16Le => "UTF-16 (little endian)",
            Encoding::Utf16Be => "UTF-16 (big endian)",
        }
    }

    pub fn parse(text: &str) -> Option<Encoding> {
        match text.trim().to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "utf-8" | "utf8" => Some(Encoding::Utf8),
            "ascii" | "us-ascii" => Some(Encoding::Ascii),
            "windows-1252" | "cp1252" | "latin-1" | "latin1" | "iso-8859-1" => {
                Some(Encoding::Windows1252)
            }
            "utf-16" | "utf-16le" => Some(Encoding::Utf16Le),
            "utf-16be" => Some(Encoding::Utf16Be),
            _ => None,
        }
    }
}

/// UTF-16 by its byte order mark; without one, by what the bytes are.
pub(crate) fn detect_encoding(sample: &[u8]) -> Encoding {
    match sample {
        [0xff, 0xfe, ..] => Encoding::Utf16Le,
        [0xfe, 0xff, ..] => Encoding::Utf16Be,
        _ => {
            let marked = sample.starts_with(UTF8_MARK);
            match judge(sample) {
                Encoding::Ascii if marked => Encoding::Utf8,
                encoding => encoding,
            }
        }
    }
}

pub(crate) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The encoding that the non-ASCII parts speak for: UTF-8 unless invalid sequences outnumber the
/// valid ones, so that a UTF-8 file with a few broken rows stays UTF-8.
fn judge(bytes: &[u8]) -> Encoding {
    if bytes.is_ascii() {
        return Encoding::Ascii;
    }
    let (mut n_valid, mut n_invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        n_valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        n_invalid += usize::from(!chunk.invalid().is_empty());
    }
    if n_invalid > n_valid { Encoding::Windows1252 } else { Encoding::Utf8 }
}

/// How the rows of one block are turned into text.
///
/// A file whose sample is ASCII may hold its first accent after gigabytes. Each block (2 MiB, cut
/// at the same bytes in every run) is then judged on its own, so the outcome depends on the file
/// alone and not on the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockText {
    /// Rows that are no UTF-8 are rejected.
    Utf8,
    Windows1252,
}

impl BlockText {
    pub(crate) fn judge(planned: Encoding, block: &[u8]) -> BlockText {
        let encoding = if planned == Encoding::Ascii { judge(block) } else { planned };
        match encoding {
            Encoding::Windows1252 => BlockText::Windows1252,
            _ => BlockText::Utf8,
        }
    }

    /// The row as text, `None` when it is no text in this encoding.
    pub(crate) fn decode(self, row: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            BlockText::Utf8 => std::str::from_utf8(row).ok().map(Cow::Borrowed),
            BlockText::Windows1252 => {
                Some(encoding_rs::WINDOWS_1252.decode_without_bom_handling(row).0)
            }
        }
    }
}

/// Turns UTF-16 into UTF-8 as it is read; anything else passes through.
pub(crate) fn to_utf8(reader: Box<dyn Read + Send>, encoding: Encoding) -> Box<dyn Read + Send> {
    let decoder = match encoding {
        Encoding::Utf16Le => encoding_rs::UTF_16LE.new_decoder_with_bom_removal(),
        Encoding::Utf16Be => encoding_rs::UTF_16BE.new_decoder_with_bom_removal(),
        _ => return reader,
    };
    Box::new(Utf16Reader { reader, decoder, pending: Vec::new(), at: 0, ended: false })
}

struct Utf16Reader {
    reader: Box<dyn Read + Send>,
    decoder: encoding_rs::Decoder,
    pending: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Read for Utf16Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.pending.len() && !self.ended {
            self.refill()?;
        }
        let n = buffer.len().min(self.pending.len() - self.at);
        buffer[..n].copy_from_slice(&self.pending[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

impl Utf16Reader {
    fn refill(&mut self) -> io::Result<()> {
        let mut raw = [0_u8; 1 << 15];
        let n_read = self.reader.read(&mut raw)?;
        self.ended = n_read == 0;
        let needed = self
            .decoder
            .max_utf8_buffer_length(n_read)
            .ok_or_else(|| io::Error::other("UTF-16 block too large"))?;
        self.pending.resize(needed, 0);
        let (_, _, n_written, _) =
            self.decoder.decode_to_utf8(&raw[..n_read], &mut self.pending, self.ended);
        self.pending.truncate(n_written);
        self.at = 0;
        Ok(())
    }
}
