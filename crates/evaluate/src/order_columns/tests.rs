use crate::OrderFile;
use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use events::import::PlanOptions;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const N_ROWS: u32 = 200_000;
const ROWS_OF_GROUP: usize = 400;

/// Three rows an order; every seventh row takes nothing, every fifth names no customer.
fn write(path: &Path) {
    let rows = 0..N_ROWS;
    let customers: StringArray =
        rows.clone().map(|row| (row % 5 != 0).then(|| format!("c{}", row / 3 % 1_009))).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("order_id", Arc::new(rows.clone().map(|row| Some(row / 3)).collect::<UInt32Array>())),
        ("item_id", Arc::new(StringArray::from_iter_values(rows.clone().map(item_of)))),
        ("customer_id", Arc::new(customers)),
        (
            "quantity",
            Arc::new(rows.clone().map(|row| Some(quantity_of(row))).collect::<Int64Array>()),
        ),
        ("timestamp", Arc::new(TimestampMicrosecondArray::from_iter_values(rows.map(at_of)))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(ROWS_OF_GROUP)).build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let written = writer.close().unwrap();
    assert!(written.num_row_groups() > 10);
}

fn item_of(row: u32) -> String {
    format!("item {}", row * 31 % 4_001)
}

fn quantity_of(row: u32) -> i64 {
    if row % 7 == 6 { -1 } else { 2 }
}

fn at_of(row: u32) -> i64 {
    1_700_000_000_000_000 + i64::from(row) * 1_000_000
}

/// All columns are read side by side, each through its own handle: a shared position would mix
/// them up.
#[test]
fn columns_read_side_by_side_do_not_disturb_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("orders.parquet");
    write(&path);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    for _attempt in 0..5 {
        let file = pool.install(|| OrderFile::read(&path, &PlanOptions::default())).unwrap();
        assert_eq!(file.basket_ids.len(), (N_ROWS as usize).div_ceil(3));
        for (basket, id) in file.basket_ids.iter().enumerate() {
            let order: u32 = id.parse().unwrap();
            let sold = |row: &u32| *row < N_ROWS && quantity_of(*row) > 0;
            let rows: Vec<u32> = (order * 3..order * 3 + 3).filter(sold).collect();
            let mut expected: Vec<String> = rows.iter().map(|&row| item_of(row)).collect();
            let mut found: Vec<&str> = file
                .items
                .view()
                .row(basket)
                .iter()
                .map(|&item| &*file.item_ids[item as usize])
                .collect();
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "order {order}");
            assert_eq!(file.first_at.as_ref().unwrap()[basket], at_of(rows[0]), "order {order}");
            let customer = rows.iter().find(|&&row| row % 5 != 0).map(|_| order % 1_009);
            let told = file.customer_ids.get(file.customers[basket] as usize).map(|id| &**id);
            assert_eq!(told, customer.map(|customer| format!("c{customer}")).as_deref());
        }
    }
}
