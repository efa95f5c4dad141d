//! Rows of an export as text: cells between separators, or JSON objects, one a line.

use std::io::Write;

use super::export_path;
use crate::error::{Error, Result};

/// Columns that JSON writes as numbers.
const NUMBERS: [&str; 5] = ["quantity", "unit_price", "price", "cost", "stock"];
/// Columns whose cells are JSON as they stand.
const OBJECTS: [&str; 1] = ["attributes"];
/// With more characters than these a reader's float may be another number: the text is exact.
const MAX_NUMBER_LEN: usize = 15;

pub(crate) enum TextRows<W: Write> {
    Separated(Box<csv::Writer<W>>),
    JsonLines { writer: W, columns: &'static [&'static str], line: String },
}

impl<W: Write> TextRows<W> {
    /// Writes the header.
    pub(super) fn separated(
        writer: W,
        separator: u8,
        columns: &'static [&'static str],
    ) -> Result<TextRows<W>> {
        let mut csv = csv::WriterBuilder::new().delimiter(separator).from_writer(writer);
        csv.write_record(columns).map_err(csv_error)?;
        Ok(TextRows::Separated(Box::new(csv)))
    }

    pub(super) fn json_lines(writer: W, columns: &'static [&'static str]) -> TextRows<W> {
        TextRows::JsonLines { writer, columns, line: String::new() }
    }

    /// One cell a column; an empty one is `null` in JSON, so that every line has every column.
    pub(crate) fn write(&mut self, cells: &[&str]) -> Result<()> {
        match self {
            TextRows::Separated(csv) => csv.write_record(cells).map_err(csv_error),
            TextRows::JsonLines { writer, columns, line } => {
                line.clear();
                for (column, cell) in columns.iter().zip(cells) {
                    line.push_str(if line.is_empty() { "{" } else { "," });
                    push_text(line, column);
                    line.push(':');
                    match *cell {
                        "" => line.push_str("null"),
                        _ if NUMBERS.contains(column) && cell.len() <= MAX_NUMBER_LEN => {
                            line.push_str(cell);
                        }
                        _ if OBJECTS.contains(column) => line.push_str(cell),
                        _ => push_text(line, cell),
                    }
                }
                line.push_str("}\n");
                writer.write_all(line.as_bytes()).map_err(Error::io("write to", &export_path()))
            }
        }
    }

    /// The writer, after all was handed to it.
    pub(crate) fn finish(self) -> Result<W> {
        match self {
            TextRows::Separated(csv) => csv.into_inner().map_err(|error| {
                let source = error.into_error();
                Error::io("write to", &export_path())(source)
            }),
            TextRows::JsonLines { mut writer, .. } => {
                writer.flush().map_err(Error::io("write to", &export_path()))?;
                Ok(writer)
            }
        }
    }
}

fn push_text(line: &mut String, text: &str) {
    line.push_str(&serde_json::Value::from(text).to_string());
}

fn csv_error(error: csv::Error) -> Error {
    let message = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io("write to", &export_path())(source),
        _ => Error::io("write to", &export_path())(std::io::Error::other(message)),
    }
}
