//! Where bytes come from, and what they are wrapped in: told by content, never by name.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::Error;

/// As much of the raw file as planning reads. A stream keeps it, so that reading starts anew.
const HEAD_BYTES: u64 = 4 << 20;
/// As much as planning looks at after unpacking.
const SAMPLE_BYTES: u64 = 8 << 20;

/// Bytes to import, opened by the caller.
pub struct Source {
    name: String,
    body: Body,
    consumed: Arc<AtomicU64>,
}

enum Body {
    File(File),
    Bytes(Bytes),
    Stream { head: Vec<u8>, rest: Box<dyn Read + Send> },
}

/// What a file is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub fn as_str(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

/// The beginning of a file, unpacked.
pub(crate) struct Sample {
    pub bytes: Vec<u8>,
    /// The sample is the whole file.
    pub complete: bool,
    pub compression: Compression,
}

/// The two things that Parquet can be read from.
pub(crate) enum Seekable {
    File(File),
    Bytes(Bytes),
}

impl Source {
    /// A file; anything that cannot seek (a named pipe) is read as a stream.
    pub fn file(name: &str, mut file: File) -> Source {
        let body = match file.seek(SeekFrom::Start(0)) {
            Ok(_) => Body::File(file),
            Err(_) => Body::Stream { head: Vec::new(), rest: Box::new(file) },
        };
        Source::new(name, body)
    }

    pub fn bytes(name: &str, bytes: impl Into<Bytes>) -> Source {
        Source::new(name, Body::Bytes(bytes.into()))
    }

    /// Standard input and the like: read once, never sought.
    pub fn stream(name: &str, reader: Box<dyn Read + Send>) -> Source {
        Source::new(name, Body::Stream { head: Vec::new(), rest: reader })
    }

    fn new(name: &str, body: Body) -> Source {
        Source { name: name.to_owned(), body, consumed: Arc::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes taken from the underlying (packed) file so far; lives on while the source is read.
    pub fn progress(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.consumed)
    }

    /// The first bytes as they stand in the file, and whether they are all of it.
    pub(crate) fn head(&mut self) -> Result<(Vec<u8>, bool), Error> {
        let mut head = Vec::new();
        let result = match &mut self.body {
            Body::Bytes(bytes) => {
                head.extend_from_slice(&bytes[..bytes.len().min(HEAD_BYTES as usize)]);
                Ok(())
            }
            Body::File(file) => read_head_of(file, &mut head),
            Body::Stream { head: kept, rest } => {
                let missing = HEAD_BYTES - kept.len() as u64;
                let read = rest.take(missing).read_to_end(kept);
                head.extend_from_slice(kept);
                read.map(|_| ())
            }
        };
        match result {
            Ok(()) => {
                let complete = (head.len() as u64) < HEAD_BYTES;
                Ok((head, complete))
            }
            Err(source) => Err(Error::Read { name: self.name.clone(), offset: 0, source }),
        }
    }

    /// The beginning, unpacked. Damage inside the sample is an error when the file ends there.
    pub(crate) fn sample(&mut self) -> Result<Sample, Error> {
        let (head, complete) = self.head()?;
        let compression = detect_compression(&head);
        let n_head = head.len() as u64;
        let mut bytes = Vec::new();
        let unpacked = unpack(Cursor::new(head), compression)
            .and_then(|reader| reader.take(SAMPLE_BYTES).read_to_end(&mut bytes));
        if let Err(error) = unpacked
            && complete
        {
            return Err(self.fault(compression, n_head, error));
        }
        let complete = complete && (bytes.len() as u64) < SAMPLE_BYTES;
        Ok(Sample { bytes, complete, compression })
    }

    /// The whole, unpacked, from the start.
    pub(crate) fn open(self, compression: Compression) -> Result<Box<dyn Read + Send>, Error> {
        let Source { name, body, consumed } = self;
        let read_error = |source| Error::Read { name: name.clone(), offset: 0, source };
        let raw: Box<dyn Read + Send> = match body {
            Body::Bytes(bytes) => Box::new(Cursor::new(bytes)),
            Body::File(mut file) => {
                file.seek(SeekFrom::Start(0)).map_err(read_error)?;
                Box::new(file)
            }
            Body::Stream { head, rest } => Box::new(Cursor::new(head).chain(rest)),
        };
        unpack(Counted { reader: raw, consumed }, compression).map_err(read_error)
    }

    pub(crate) fn seekable(self) -> Result<Seekable, Error> {
        match self.body {
            Body::File(file) => Ok(Seekable::File(file)),
            Body::Bytes(bytes) => Ok(Seekable::Bytes(bytes)),
            Body::Stream { .. } => Err(Error::UnknownFormat {
                name: self.name,
                found: "Parquet in a stream".into(),
                advice: "Parquet is read from its end: give it as a file".into(),
            }),
        }
    }

    pub(crate) fn try_clone(&self) -> Result<Source, Error> {
        let body = match &self.body {
            Body::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Body::File(file) => Body::File(file.try_clone().map_err(|source| Error::Read {
                name: self.name.clone(),
                offset: 0,
                source,
            })?),
            Body::Stream { .. } => Body::Stream { head: Vec::new(), rest: Box::new(io::empty()) },
        };
        Ok(Source { name: self.name.clone(), body, consumed: Arc::clone(&self.consumed) })
    }

    fn fault(&self, compression: Compression, offset: u64, error: io::Error) -> Error {
        explain_fault(&self.name, compression, offset, error)
    }
}

fn read_head_of(file: &mut File, head: &mut Vec<u8>) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD_BYTES).read_to_end(head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}

/// Which error an unpacking reader's failure is.
pub(crate) fn explain_fault(
    name: &str,
    compression: Compression,
    offset: u64,
    error: io::Error,
) -> Error {
    let name = name.to_owned();
    let container = compression.as_str();
    if compression == Compression::None || error.raw_os_error().is_some() {
        return Error::Read { name, offset, source: error };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Truncated { name, container, offset },
        _ => Error::Corrupt { name, container, offset, detail: error.to_string() },
    }
}

pub(crate) fn detect_compression(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        // A skippable frame may come first: pzstd and seekable zstd write them.
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

fn unpack<R: Read + Send + 'static>(
    raw: R,
    compression: Compression,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => {
            let buffered = io::BufReader::with_capacity(1 << 18, raw);
            Box::new(flate2::bufread::MultiGzDecoder::new(buffered))
        }
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
    })
}

/// Counts what is taken from the file, for the progress bar.
struct Counted<R> {
    reader: R,
    consumed: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.reader.read(buffer)?;
        self.consumed.fetch_add(n_read as u64, Ordering::Relaxed);
        Ok(n_read)
    }
}

/// Files that are neither text nor Parquet, by their first bytes.
pub(crate) fn foreign_format(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let known: [(&[u8], &str, &str); 7] = [
        (b"PK\x03\x04", "an Excel workbook or zip archive", "save the sheet as CSV, or unpack it"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
        (b"\xfd7zXZ", "packed with xz", "unpack it first"),
        (b"BZh", "packed with bzip2", "unpack it first"),
        (b"%PDF", "a PDF", "export the data as CSV"),
        (b"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
        (b"ORC", "an ORC file", "export it as Parquet or CSV"),
    ];
    known.iter().find(|(magic, _, _)| head.starts_with(magic)).map(|&(_, what, how)| (what, how))
}
