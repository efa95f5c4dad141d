//! Parquet orders straight to codes: strings are read through their dictionaries, numbers through
//! a hash of 8 bytes, so that a row costs a few nanoseconds and no text is made but once an id.

use crate::error::Error;
use crate::order_file::{ABSENT, CodedRows, Codes, Columns};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field as ArrowField, Float64Type, Int32Type, Int64Type, Schema, TimeUnit,
    TimestampMicrosecondType,
};
use events::import::{Field, ImportPlan};
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BATCH_ROWS: usize = 64 * 1024;

/// Reads the columns that the plan found, keeping rows with quantity > 0, in file order.
pub(crate) fn read(
    path: &Path,
    file: File,
    plan: &ImportPlan,
    columns: Columns,
) -> Result<CodedRows, Error> {
    let reader = Reader::open(path, &file, plan, columns)?;
    // Each column by itself, so that two cores share the unpacking.
    let ((kept, at), (baskets, (items, customers))) = rayon::join(
        || (reader.kept(), reader.times(plan)),
        || {
            rayon::join(
                || reader.codes(Field::OrderId),
                || (reader.codes(Field::ItemId), reader.codes(Field::CustomerId)),
            )
        },
    );
    let (kept, at) = (kept?, at?);
    let ((baskets, basket_ids), (items, item_ids)) = (baskets?, items?);
    let (customers, customer_ids) = customers?;
    let mut rows = CodedRows { basket_ids, item_ids, customer_ids, ..CodedRows::default() };
    let usable = |row: usize| {
        kept.as_ref().is_none_or(|kept| kept[row]) && baskets[row] != ABSENT && items[row] != ABSENT
    };
    if (0..baskets.len()).all(usable) {
        (rows.baskets, rows.items, rows.customers) = (baskets, items, customers);
        rows.at = at.unwrap_or_default();
        return Ok(rows);
    }
    for row in 0..baskets.len() {
        if usable(row) {
            rows.baskets.push(baskets[row]);
            rows.items.push(items[row]);
            if !customers.is_empty() {
                rows.customers.push(customers[row]);
            }
            if let Some(at) = &at {
                rows.at.push(at[row]);
            }
        }
    }
    drop_unused(&mut rows);
    Ok(rows)
}

/// Ids that only dropped rows had are no baskets and no items.
fn drop_unused(rows: &mut CodedRows) {
    renumber(&mut rows.baskets, &mut rows.basket_ids);
    renumber(&mut rows.items, &mut rows.item_ids);
}

fn renumber(codes: &mut [u32], ids: &mut Vec<Box<str>>) {
    let mut new_code = vec![ABSENT; ids.len()];
    let mut kept = Vec::with_capacity(ids.len());
    for code in codes.iter_mut() {
        let new = &mut new_code[*code as usize];
        if *new == ABSENT {
            *new = kept.len() as u32;
            kept.push(std::mem::take(&mut ids[*code as usize]));
        }
        *code = *new;
    }
    *ids = kept;
}

struct Reader {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    column_of: Vec<(Field, usize)>,
}

impl Reader {
    fn open(
        path: &Path,
        file: &File,
        plan: &ImportPlan,
        columns: Columns,
    ) -> Result<Reader, Error> {
        let failed = |source| Error::Parquet { path: path.to_path_buf(), source };
        let plain = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(failed)?;
        let fields: Vec<ArrowField> =
            plain.schema().fields().iter().map(through_dictionary).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::load(file, options).map_err(failed)?;
        let column_of = plan
            .columns
            .iter()
            .filter(|column| match columns {
                Columns::All => true,
                Columns::Baskets => !matches!(
                    column.field,
                    Some(Field::Timestamp | Field::Clock | Field::CustomerId)
                ),
            })
            .filter_map(|column| {
                let (at, _) = plain.schema().column_with_name(&column.name)?;
                Some((column.field?, at))
            })
            .collect();
        Ok(Reader { path: path.to_path_buf(), metadata, column_of })
    }

    /// The batches of one column, `None` when the file has no such column.
    fn column(
        &self,
        field: Field,
        mut take: impl FnMut(&ArrayRef) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let Some(&(_, at)) = self.column_of.iter().find(|(of, _)| *of == field) else {
            return Ok(false);
        };
        let failed = |source| Error::Parquet { path: self.path.clone(), source };
        // A handle of its own: clones share one position, and columns are read side by side.
        let file = File::open(&self.path).map_err(|source| Error::Io {
            action: "open",
            path: self.path.clone(),
            source,
        })?;
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), [at]);
        let reader =
            builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)?;
        for batch in reader {
            let batch: RecordBatch = batch.map_err(|error| failed(error.into()))?;
            take(batch.column(0))?;
        }
        Ok(true)
    }

    /// Which rows have quantity > 0; `None` where the file has no quantities.
    fn kept(&self) -> Result<Option<Vec<bool>>, Error> {
        let mut kept = Vec::new();
        let found = self.column(Field::Quantity, |array| {
            let numbers = self.cast(array, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            kept.extend(numbers.iter().map(|value| value.is_some_and(|value| value > 0.0)));
            Ok(())
        })?;
        Ok(found.then_some(kept))
    }

    /// Times as the file types them; what it keeps as text or as numbers is read by the plan, and
    /// what does not parse is an error: a split by time must not become one by place.
    fn times(&self, plan: &ImportPlan) -> Result<Option<Vec<i64>>, Error> {
        let clocks = self.texts(Field::Clock)?;
        let mut times = Vec::new();
        let mut reader = plan.time_reader();
        let found = self.column(Field::Timestamp, |array| {
            if is_time(array.data_type()) {
                let micros = self.cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                let micros = micros.as_primitive::<TimestampMicrosecondType>();
                times.extend(micros.iter().map(|value| value.unwrap_or(i64::MIN)));
                return Ok(());
            }
            for date in self.cast(array, &DataType::LargeUtf8)?.as_string::<i64>() {
                let clock = clocks.get(times.len()).map(|clock| &**clock);
                let read = reader.read(date.unwrap_or(""), clock).map_err(|detail| {
                    let what = format!("row {}: {detail}", times.len() + 1);
                    Error::BadColumn { path: self.path.clone(), what }
                })?;
                times.push(read.map_or(i64::MIN, |at| at.0));
            }
            Ok(())
        })?;
        Ok(found.then_some(times))
    }

    /// A column as text; empty where the file has none.
    fn texts(&self, field: Field) -> Result<Vec<Box<str>>, Error> {
        let mut texts = Vec::new();
        self.column(field, |array| {
            let array = self.cast(array, &DataType::LargeUtf8)?;
            texts.extend(array.as_string::<i64>().iter().map(|text| text.unwrap_or("").into()));
            Ok(())
        })?;
        Ok(texts)
    }

    /// Codes of a column of ids in order of appearance; empty where the file has none.
    fn codes(&self, field: Field) -> Result<(Vec<u32>, Vec<Box<str>>), Error> {
        let mut codes = Vec::with_capacity(self.n_rows());
        let mut ids = Ids::default();
        self.column(field, |array| ids.push(self, array, &mut codes))?;
        Ok((codes, ids.texts.ids))
    }

    fn n_rows(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    fn cast(&self, array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Error> {
        cast(array, to)
            .map_err(|error| Error::BadColumn { path: self.path.clone(), what: error.to_string() })
    }
}

fn is_time(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}

/// Strings are asked for as dictionaries, so that equal ones are compared once.
fn through_dictionary(field: &Arc<ArrowField>) -> ArrowField {
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => {
            let values = Box::new(field.data_type().clone());
            let coded = DataType::Dictionary(Box::new(DataType::Int32), values);
            field.as_ref().clone().with_data_type(coded)
        }
        _ => field.as_ref().clone(),
    }
}

/// Ids of one column.
#[derive(Default)]
struct Ids {
    texts: Codes,
    by_number: HashMap<i64, u32, rapidhash::fast::RandomState>,
    dictionary: Dictionary,
}

/// The dictionary of the last batch with the codes of its texts, as far as they were asked for:
/// all batches of a row group share one.
#[derive(Default)]
struct Dictionary {
    values: Option<ArrayRef>,
    /// The same as `LargeUtf8`.
    texts: Option<ArrayRef>,
    codes: Vec<u32>,
}

impl Dictionary {
    /// Is it the very same memory? Ours is kept, so that no other can stand at its place.
    fn is(&self, values: &ArrayRef) -> bool {
        self.values.as_ref().is_some_and(|own| own.to_data().ptr_eq(&values.to_data()))
    }
}

impl Ids {
    fn push(
        &mut self,
        reader: &Reader,
        array: &ArrayRef,
        codes: &mut Vec<u32>,
    ) -> Result<(), Error> {
        match array.data_type() {
            DataType::Dictionary(_, _) => {
                let array = array.as_dictionary::<Int32Type>();
                self.push_dictionary(reader, array, codes)
            }
            number if number.is_integer() => {
                let numbers = reader.cast(array, &DataType::Int64)?;
                self.push_numbers(numbers.as_primitive::<Int64Type>(), codes);
                Ok(())
            }
            _ => {
                let texts = reader.cast(array, &DataType::LargeUtf8)?;
                codes.extend(
                    texts
                        .as_string::<i64>()
                        .iter()
                        .map(|text| text.map_or(ABSENT, |text| self.texts.code(text))),
                );
                Ok(())
            }
        }
    }

    fn push_numbers(&mut self, numbers: &PrimitiveArray<Int64Type>, codes: &mut Vec<u32>) {
        // Lines of one order stand together: most rows repeat the row before.
        let mut last = (0_i64, ABSENT);
        codes.extend(numbers.iter().map(|number| {
            let Some(number) = number else { return ABSENT };
            if last.1 == ABSENT || last.0 != number {
                let texts = &mut self.texts;
                let code = *self.by_number.entry(number).or_insert_with(|| {
                    texts.ids.push(number.to_string().into());
                    texts.ids.len() as u32 - 1
                });
                last = (number, code);
            }
            last.1
        }));
    }

    fn push_dictionary(
        &mut self,
        reader: &Reader,
        array: &DictionaryArray<Int32Type>,
        codes: &mut Vec<u32>,
    ) -> Result<(), Error> {
        if !self.dictionary.is(array.values()) {
            self.dictionary = Dictionary {
                values: Some(array.values().clone()),
                texts: Some(reader.cast(array.values(), &DataType::LargeUtf8)?),
                codes: vec![ABSENT; array.values().len()],
            };
        }
        let Dictionary { texts: Some(values), codes: known, .. } = &mut self.dictionary else {
            return Ok(());
        };
        let values = values.as_string::<i64>();
        let texts = &mut self.texts;
        codes.extend(array.keys().iter().map(|key| {
            let Some(key) = key else { return ABSENT };
            let known = &mut known[key as usize];
            if *known == ABSENT {
                *known = texts.code(values.value(key as usize));
            }
            *known
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
