//! The first rows of a file as a table of text, whatever its format.

use std::borrow::Cow;
use std::io::Read;

use serde_json::Value;

use super::cell::{Cell, Row};
use super::columns::{self, FileKind};
use super::delimited::{self, Dialect};
use super::encoding::{self, Encoding, UTF8_MARK};
use super::json_elements::{ElementLines, Elements};
use super::json_lines::JsonLayout;
use super::parquet_rows::{self, ParquetFile, TypedBatch};
use super::plan::{Format, PlanOptions};
use super::preamble::Preamble;
use super::source::{self, Compression, Sample, Source};
use super::text_rows::rows_of;
use crate::Error;

/// Rows that planning looks at; fewer where a row has many columns, for the sake of memory.
const MAX_ROWS: usize = 50_000;
const MAX_CELLS: usize = 2_000_000;

fn max_rows(n_columns: usize) -> usize {
    MAX_ROWS.min(MAX_CELLS / n_columns.max(1)).max(100)
}

/// The table and what was found out while making it.
pub(crate) struct SampleTable {
    pub format: Format,
    pub compression: Compression,
    pub encoding: Encoding,
    pub names: Vec<String>,
    /// Absent values are empty.
    pub rows: Vec<Vec<String>>,
    /// By column: the file types it as a time.
    pub is_time: Vec<bool>,
    pub json: Option<JsonLayout>,
    pub elements: Option<Elements>,
    /// Lines above the header, and the first of them.
    pub n_lines_above: u64,
    pub first_line: String,
}

impl SampleTable {
    fn new(format: Format, names: Vec<String>, rows: Vec<Vec<String>>) -> SampleTable {
        SampleTable {
            format,
            compression: Compression::None,
            encoding: Encoding::Utf8,
            is_time: vec![false; names.len()],
            names,
            rows,
            json: None,
            elements: None,
            n_lines_above: 0,
            first_line: String::new(),
        }
    }
}

impl SampleTable {
    pub(crate) fn of(
        source: &mut Source,
        kind: FileKind,
        options: &PlanOptions,
    ) -> Result<SampleTable, Error> {
        let (head, _) = source.head()?;
        let name = source.name().to_owned();
        if head.is_empty() {
            return Err(Error::Empty { name });
        }
        if parquet_rows::is_parquet(&head) {
            return of_parquet(source);
        }
        let foreign = |(found, advice): (&str, &str)| Error::UnknownFormat {
            name: name.clone(),
            found: found.into(),
            advice: advice.into(),
        };
        if let Some(found) = source::foreign_format(&head) {
            return Err(foreign(found));
        }
        let sample = source.sample()?;
        if parquet_rows::is_parquet(&sample.bytes) {
            return Err(foreign(("Parquet packed once more", "unpack it first")));
        }
        if let Some(found) = source::foreign_format(&sample.bytes) {
            return Err(foreign(found));
        }
        of_text(&name, sample, kind, options)
    }

    /// The values of a column that are there.
    pub(crate) fn values(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows
            .iter()
            .filter_map(move |row| row.get(column))
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }
}

fn of_parquet(source: &Source) -> Result<SampleTable, Error> {
    let mut file = ParquetFile::open(source.try_clone()?, None)?;
    let names = file.columns.clone();
    let mut rows = Vec::new();
    let mut is_time = vec![false; names.len()];
    while rows.len() < max_rows(names.len())
        && let Some(batch) = file.next_batch()?
    {
        let batch = TypedBatch::of(&batch, &names);
        for row in 0..batch.n_rows {
            let row = batch.row(row);
            for (column, is_time) in is_time.iter_mut().enumerate() {
                *is_time |= matches!(row.cell(column), Cell::Time { .. });
            }
            rows.push(texts(&row, names.len()));
        }
    }
    let name = source.name().to_owned();
    if file.n_rows == 0 {
        return Err(Error::HeaderOnly { name, header: names.join(", ") });
    }
    source.progress().store(0, std::sync::atomic::Ordering::Relaxed);
    let format = Format::Parquet { n_rows: file.n_rows };
    Ok(SampleTable { is_time, ..SampleTable::new(format, names, rows) })
}

fn texts<R: Row>(row: &R, n_columns: usize) -> Vec<String> {
    let mut buffer = String::new();
    (0..n_columns).map(|i| row.cell(i).text(&mut buffer).unwrap_or("").to_owned()).collect()
}

fn of_text(
    name: &str,
    sample: Sample,
    kind: FileKind,
    options: &PlanOptions,
) -> Result<SampleTable, Error> {
    let encoding = match options.encoding {
        Some(told) => told,
        None => encoding::detect_encoding(whole_lines(&sample)),
    };
    let text = decode(&sample, encoding);
    refuse_binary(name, &text)?;
    let body = text.trim_start();
    if body.is_empty() {
        return Err(Error::Empty { name: name.into() });
    }
    let compression = sample.compression;
    let is_list = |body: &str| body.strip_prefix('[').is_some_and(begins_with_object);
    let mut table = match body.starts_with('{') || is_list(body) {
        true => of_json(name, body, kind)?,
        false => of_delimited(name, &text, sample.complete, kind, options)?,
    };
    (table.compression, table.encoding) = (compression, encoding);
    Ok(table)
}

/// What stands in a JSON list; `[x]` may be a name of a column.
fn begins_with_object(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(['{', ']'])
}

/// The sample without the line that it cuts.
fn whole_lines(sample: &Sample) -> &[u8] {
    let end = match memchr::memrchr(b'\n', &sample.bytes) {
        Some(end) if !sample.complete => end + 1,
        _ => sample.bytes.len(),
    };
    &sample.bytes[..end]
}

fn decode(sample: &Sample, encoding: Encoding) -> String {
    let (sample, utf16) = match encoding {
        Encoding::Utf16Le => (&sample.bytes[..], Some(encoding_rs::UTF_16LE)),
        Encoding::Utf16Be => (&sample.bytes[..], Some(encoding_rs::UTF_16BE)),
        _ => (whole_lines(sample), None),
    };
    match (utf16, encoding) {
        (Some(utf16), _) => utf16.decode_with_bom_removal(sample).0.into_owned(),
        (None, Encoding::Windows1252) => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(sample).0.into_owned()
        }
        _ => {
            let sample = sample.strip_prefix(UTF8_MARK).unwrap_or(sample);
            String::from_utf8_lossy(sample).into_owned()
        }
    }
}

/// Some NUL bytes are an accident (their rows are rejected), many are no text.
fn refuse_binary(name: &str, text: &str) -> Result<(), Error> {
    let n_nul = memchr::memchr_iter(0, text.as_bytes()).count();
    if n_nul * 20 <= text.len() {
        return Ok(());
    }
    let is_wide = n_nul * 3 > text.len();
    let (found, advice) = if is_wide {
        ("UTF-16 without its mark, or no text", "tell it with --encoding utf-16, or save as UTF-8")
    } else {
        ("no text (it is full of NUL bytes)", "CSV, TSV, JSON lines and Parquet can be read")
    };
    Err(Error::UnknownFormat { name: name.into(), found: found.into(), advice: advice.into() })
}

fn of_json(name: &str, text: &str, kind: FileKind) -> Result<SampleTable, Error> {
    let foreign = |found: String, advice: &str| Error::UnknownFormat {
        name: name.into(),
        found,
        advice: advice.into(),
    };
    let elements = Elements::of(text, kind).map_err(|lists| {
        let advice = "take out the one that is meant, for instance with `jq -c '.orders[]'`";
        foreign(format!("JSON with several lists of objects ({lists})"), advice)
    })?;
    let text = match &elements {
        None => Cow::Borrowed(text),
        Some(elements) => Cow::Owned(lines_of(name, text, elements)?),
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty()).take(5_000);
    let objects: Vec<Value> =
        lines.filter_map(|line| serde_json::from_str(line).ok()).filter(Value::is_object).collect();
    if objects.is_empty() {
        let advice = "write one object a line, or one list of objects";
        return Err(foreign("JSON without an object that can be read".into(), advice));
    }
    let layout = JsonLayout::of(&objects);
    let names = layout.names();
    let mut rows = Vec::new();
    for object in &objects {
        rows.extend(rows_of(&layout, object).iter().map(|row| texts(row, names.len())));
    }
    let json = Some(layout);
    Ok(SampleTable { json, elements, ..SampleTable::new(Format::JsonLines, names, rows) })
}

/// The objects of a sample, one a line.
fn lines_of(name: &str, text: &str, elements: &Elements) -> Result<String, Error> {
    let mut lines = String::new();
    ElementLines::of_sample(text.as_bytes(), elements.clone())
        .read_to_string(&mut lines)
        .map_err(|source| Error::Read { name: name.into(), offset: 0, source })?;
    Ok(lines)
}

fn of_delimited(
    name: &str,
    text: &str,
    is_complete: bool,
    kind: FileKind,
    options: &PlanOptions,
) -> Result<SampleTable, Error> {
    let terminator = delimited::detect_terminator(text.as_bytes());
    let first_of =
        |text: &str| text.lines().next().unwrap_or("").chars().take(200).collect::<String>();
    let above = Preamble::of(text, terminator, kind);
    let line_above = first_of(text);
    let text = &text[above.n_bytes..];
    let first_line = first_of(text);
    let wrong_delimiter =
        || Error::WrongDelimiter { name: name.into(), first_line: first_line.clone() };
    let score = |header: &[String]| columns::n_known(kind, header);
    let sniffed =
        || delimited::detect_delimiter(text.get(..1 << 20).unwrap_or(text), terminator, score);
    let single_known = columns::n_known(kind, std::slice::from_ref(&first_line)) == 1;
    let delimiter = match options.delimiter.or(above.delimiter).or_else(sniffed) {
        Some(delimiter) => delimiter,
        None if single_known && kind != FileKind::Orders => b',',
        None => return Err(wrong_delimiter()),
    };
    let dialect = Dialect { delimiter, terminator };
    let n_columns = delimited::first_rows(text, dialect, 1).first().map_or(1, Vec::len);
    let mut rows = delimited::sample_rows(text, dialect, max_rows(n_columns) + 1);
    if rows.is_empty() {
        return Err(wrong_delimiter());
    }
    let names: Vec<String> = rows.remove(0).iter().map(|name| name.trim().to_owned()).collect();
    if names.len() < 2 && !single_known {
        return Err(wrong_delimiter());
    }
    if rows.is_empty() && is_complete {
        return Err(Error::HeaderOnly { name: name.into(), header: names.join(", ") });
    }
    for value in rows.iter_mut().flatten() {
        if Cell::from_text(value).is_absent() {
            value.clear();
        } else if value.trim().len() < value.len() {
            *value = value.trim().to_owned();
        }
    }
    Ok(SampleTable {
        n_lines_above: above.n_lines,
        first_line: line_above,
        ..SampleTable::new(Format::Delimited { delimiter, terminator }, names, rows)
    })
}
