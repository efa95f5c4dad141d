//! Files of orders whose times are not typed as times.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use evaluate::OrderFile;
use events::import::PlanOptions;
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// One line an order; orders are named by their place in the file.
fn write(name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let n_rows = columns[0].1.len();
    let orders: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..n_rows).map(|row| row.to_string())));
    let items: ArrayRef = Arc::new(StringArray::from(vec!["a"; n_rows]));
    let columns = [("order_id", orders), ("item_id", items)].into_iter().chain(columns);
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let file = File::create(&path).expect("a folder for temporary files");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a schema");
    writer.write(&batch).expect("a batch");
    writer.close().expect("a file");
    path
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn order_of(path: &PathBuf) -> Vec<u32> {
    OrderFile::read(path, &PlanOptions::default()).expect("a sound file").baskets_in_order()
}

#[test]
fn dates_kept_as_text_order_the_baskets() {
    let dates = ["02/13/2023 9:00", "01/20/2023 10:00", "12/31/2022 8:00"];
    assert_eq!(order_of(&write("text.parquet", vec![("date", texts(&dates))])), [2, 1, 0]);
    let clocks = ["9:30", "10:00", "8:15"];
    let columns = vec![("order_date", texts(&["2023-01-05"; 3])), ("order_time", texts(&clocks))];
    assert_eq!(order_of(&write("clock.parquet", columns)), [2, 0, 1]);
}

#[test]
fn seconds_since_1970_are_seconds() {
    let seconds: ArrayRef = Arc::new(Int64Array::from(vec![1_700_000_000, 1_600_000_000]));
    let path = write("seconds.parquet", vec![("timestamp", seconds)]);
    let file = OrderFile::read(&path, &PlanOptions::default()).expect("a sound file");
    assert_eq!(file.first_at.as_ref().map(|at| at[1]), Some(1_600_000_000_000_000));
    assert_eq!(file.baskets_in_order(), [1, 0]);
}

#[test]
fn a_time_that_cannot_be_read_is_an_error_with_its_row() {
    let path = write("bad.parquet", vec![("date", texts(&["2023-01-05", "someday"]))]);
    let error = OrderFile::read(&path, &PlanOptions::default()).expect_err("not a date");
    assert!(error.to_string().contains("row 2: date is \"someday\""), "{error}");
}
