//! A file of rows with named columns, as it is: Parquet, or text with a header and commas,
//! semicolons or tabs.

use crate::error::Error;
use arrow::array::{Array, ArrayRef, AsArray, LargeStringBuilder};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const PARQUET_MAGIC: [u8; 4] = *b"PAR1";
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Columns of one length.
pub(crate) struct TableFile {
    path: PathBuf,
    columns: Vec<(String, ArrayRef)>,
}

impl TableFile {
    pub(crate) fn read(path: &Path) -> Result<TableFile, Error> {
        let io = |action| move |source| Error::Io { action, path: path.to_path_buf(), source };
        let mut file = File::open(path).map_err(io("open"))?;
        let mut head = Vec::new();
        file.by_ref().take(64 * 1024).read_to_end(&mut head).map_err(io("read"))?;
        file.seek(SeekFrom::Start(0)).map_err(io("read"))?;
        let columns = if head.starts_with(&PARQUET_MAGIC) {
            parquet_columns(path, file)?
        } else {
            text_columns(path, file, &head)?
        };
        let table = TableFile { path: path.to_path_buf(), columns };
        if table.n_rows() == 0 {
            return Err(table.bad("it has no rows".to_owned()));
        }
        Ok(table)
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|other| other == name)
    }

    /// A column as numbers; `None` when it holds something else.
    pub(crate) fn numbers_if(&self, name: &str) -> Result<Option<Vec<f64>>, Error> {
        let column = self.column(name)?;
        if column.null_count() > 0 {
            return Ok(None);
        }
        let Ok(numbers) = cast(column, &DataType::Float64) else { return Ok(None) };
        let numbers = numbers.as_primitive::<Float64Type>();
        let is_sound = numbers.null_count() == 0 && numbers.values().iter().all(|x| x.is_finite());
        Ok(is_sound.then(|| numbers.values().to_vec()))
    }

    /// A column of numbers, some of which are not there; `None` when it holds something else, or
    /// nothing.
    pub(crate) fn numbers_with_holes(&self, name: &str) -> Result<Option<Vec<Option<f64>>>, Error> {
        let column = self.column(name)?;
        let Ok(numbers) = cast(column, &DataType::Float64) else { return Ok(None) };
        // What is no number becomes a hole by the cast.
        let is_whole = numbers.null_count() == column.null_count();
        let numbers: Vec<Option<f64>> = numbers.as_primitive::<Float64Type>().iter().collect();
        let is_sound = numbers.iter().flatten().all(|x| x.is_finite());
        let has_any = numbers.iter().any(Option::is_some);
        Ok((is_whole && is_sound && has_any).then_some(numbers))
    }

    /// A column of numbers, each there and finite.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f64>, Error> {
        self.numbers_if(name)?.ok_or_else(|| {
            self.bad(format!("column {name} must hold a number in every row, and does not"))
        })
    }

    /// A column as text, verbatim; nothing where there is nothing.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Box<str>>, Error> {
        let texts = cast(self.column(name)?, &DataType::LargeUtf8)
            .map_err(|error| self.bad(format!("column {name}: {error}")))?;
        Ok(texts.as_string::<i64>().iter().map(|text| text.unwrap_or("").into()).collect())
    }

    pub(crate) fn bad(&self, what: String) -> Error {
        Error::BadForm { path: self.path.clone(), what }
    }

    fn column(&self, name: &str) -> Result<&ArrayRef, Error> {
        let found = self.columns.iter().find(|(other, _)| other == name);
        found.map(|(_, column)| column).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            self.bad(format!("it has no column {name}; it has {}", names.join(", ")))
        })
    }
}

fn parquet_columns(path: &Path, file: File) -> Result<Vec<(String, ArrayRef)>, Error> {
    let failed = |source| Error::Parquet { path: path.to_path_buf(), source };
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
    let schema = Arc::clone(builder.schema());
    let reader = builder.build().map_err(failed)?;
    let batches: Vec<_> = reader.collect::<Result<_, _>>().map_err(|error| failed(error.into()))?;
    let whole = |at: usize| {
        let parts: Vec<&dyn Array> = batches.iter().map(|b| b.column(at).as_ref()).collect();
        if parts.is_empty() {
            return Ok(arrow::array::new_empty_array(schema.field(at).data_type()));
        }
        concat(&parts).map_err(|error| failed(error.into()))
    };
    schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| Ok((field.name().clone(), whole(at)?)))
        .collect()
}

fn text_columns(path: &Path, file: File, head: &[u8]) -> Result<Vec<(String, ArrayRef)>, Error> {
    let failed = |error: csv::Error| {
        let what = format!("{error}; Parquet and unpacked text with a header are read");
        Error::BadForm { path: path.to_path_buf(), what }
    };
    let first_line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |byte: u8| first_line.iter().filter(|&&other| other == byte).count();
    let delimiter = DELIMITERS.into_iter().rev().max_by_key(|&byte| count(byte)).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let names: Vec<String> = reader
        .headers()
        .map_err(failed)?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let mut builders: Vec<LargeStringBuilder> = names.iter().map(|_| <_>::default()).collect();
    for record in reader.records() {
        for (builder, cell) in builders.iter_mut().zip(&record.map_err(failed)?) {
            builder.append_option(Some(cell.trim()).filter(|cell| !cell.is_empty()));
        }
    }
    let finish = |mut builder: LargeStringBuilder| Arc::new(builder.finish()) as ArrayRef;
    Ok(names.into_iter().zip(builders.into_iter().map(finish)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &[u8]) -> Result<TableFile, Error> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).expect("a file");
        TableFile::read(&path)
    }

    #[test]
    fn text_is_read_with_any_delimiter() {
        for text in ["\u{feff}id;x;y\n007;1.5;a\n8; 2 ;b,c\n", "id\tx\ty\n007\t1.5\ta\n8\t2\tb,c\n"]
        {
            let table = table(text.as_bytes()).expect("a table");
            assert_eq!(table.names().collect::<Vec<_>>(), ["id", "x", "y"]);
            assert_eq!(table.numbers("x").expect("numbers"), [1.5, 2.0]);
            let ids = table.texts("id").expect("texts");
            assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["007", "8"]);
            assert_eq!(table.numbers_if("y").expect("the column"), None);
            assert!(table.has("y") && !table.has("z"));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let told = |result: Result<TableFile, Error>| result.err().map(|e| e.to_string());
        assert!(told(table(b"a,b\n")).is_some_and(|text| text.contains("no rows")));
        assert!(told(table(b"")).is_some_and(|text| text.contains("no rows")));
        assert!(told(table(b"a,b\n1\n")).is_some_and(|text| text.contains("record 1")));
        assert!(told(table(b"\x1f\x8b\x08\x00\xff\xfe\n\xff")).is_some());
        let holes = table(b"a,b\n1,\n2,3\n").expect("a table");
        let text = holes.numbers("b").expect_err("a hole").to_string();
        assert!(text.contains("column b must hold a number"), "{text}");
        let text = holes.numbers("c").expect_err("no column").to_string();
        assert!(text.contains("no column c; it has a, b"), "{text}");
        assert!(table(b"a\nnan\n").expect("a table").numbers("a").is_err());
    }
}
