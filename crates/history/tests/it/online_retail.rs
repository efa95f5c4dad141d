//! The real orders (UCI Online Retail), where they are at hand.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use events::import::{
    FileKind, ImportPlan, PlanOptions, ReadOptions, Source, propose_kind, read_orders,
};
use events::{Amount, LineKind, NO_ID, OrderLines, Timestamp};
use hashbrown::HashMap;
use history::{ImportRequest, ViewOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::shop::Shop;

fn transactions() -> Option<PathBuf> {
    let folder = std::env::var_os("ALONGSIDE_TEST_DATA")?;
    let path = PathBuf::from(folder).join("online_retail/transactions.parquet");
    path.is_file().then_some(path)
}

fn intern(column: &mut events::IdColumn, known: &mut HashMap<String, u32>, id: Option<String>) {
    let code = match id {
        None => NO_ID,
        Some(id) => *known.entry(id).or_insert_with_key(|id| {
            column.dictionary.push(id.as_str().into());
            column.dictionary.len() as u32 - 1
        }),
    };
    column.codes.push(code);
}

/// The rows of the normalized file, cut into batches as a parser hands them over.
fn batches(path: PathBuf) -> Vec<OrderLines> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .with_batch_size(50_000)
        .build()
        .unwrap();
    reader.map(|batch| lines_of(&batch.unwrap())).collect()
}

fn lines_of(batch: &arrow::record_batch::RecordBatch) -> OrderLines {
    let text = |name: &str| -> Vec<Option<String>> {
        let column = batch.column_by_name(name).unwrap();
        let column = arrow::compute::cast(column, &DataType::Utf8).unwrap();
        column.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
    };
    let cast = |name: &str, to: DataType| {
        arrow::compute::cast(batch.column_by_name(name).unwrap(), &to).unwrap()
    };
    let times = cast("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None));
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let quantities = cast("quantity", DataType::Int64);
    let quantities = quantities.as_primitive::<Int64Type>();
    let prices = cast("unit_price", DataType::Float64);
    let prices = prices.as_primitive::<Float64Type>();
    let mut lines = OrderLines::default();
    let mut known: [HashMap<String, u32>; 3] = Default::default();
    for id in text("basket_id") {
        intern(&mut lines.order_ids, &mut known[0], id);
    }
    for id in text("item_id") {
        intern(&mut lines.item_ids, &mut known[1], id);
    }
    for id in text("customer_id") {
        intern(&mut lines.customer_ids, &mut known[2], id);
    }
    for row in 0..batch.num_rows() {
        lines.location_ids.codes.push(NO_ID);
        let (quantity, price) =
            (quantities.value(row), Amount::from_f64(prices.value(row)).unwrap());
        lines.kind.push(match () {
            () if quantity < 0 => LineKind::Return,
            () if quantity == 0 || price.0 <= 0 => LineKind::Adjustment,
            () => LineKind::Sale,
        });
        lines.at.push(Timestamp(times.value(row)));
        lines.quantity.push(Amount::from_units(quantity).unwrap());
        lines.unit_price.push(Some(price));
        lines.currency.push(None);
    }
    lines
}

#[tokio::test]
async fn the_real_orders_come_in_and_out() {
    let Some(path) = transactions() else {
        println!("skipped: ALONGSIDE_TEST_DATA does not name a folder with online_retail");
        return;
    };
    let batches = batches(path);
    let shop = Shop::new().await;
    let import = || async {
        let mut import = shop.store.begin_orders(ImportRequest::new("uci", Timestamp(0))).unwrap();
        for batch in &batches {
            import.push(batch).unwrap();
        }
        import.commit(&|_, _| None).await.unwrap()
    };
    let summary = import().await;
    assert_eq!(summary.n_rows, 541_909);
    assert_eq!((summary.n_orders_new, summary.n_customers_new), (25_900, 4_372));
    // Counted apart: 5,268 rows are copies in all columns, two more in all but the description.
    assert_eq!(summary.n_rows_equal, 5_270);
    let start = Instant::now();
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    println!("view in {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    assert!((19_000..20_000).contains(&view.baskets.len()), "{} baskets", view.baskets.len());
    assert_eq!(view.n_items(), 4_070);
    assert!(view.baskets.at.is_sorted());

    let again = import().await;
    assert_eq!((again.n_orders_new, again.n_orders_changed, again.n_segments), (0, 0, 0));
    assert_eq!(again.n_orders_unchanged, 25_900);
    assert_eq!(shop.store.view(&ViewOptions::default()).await.unwrap().baskets, view.baskets);
}

/// The file as people have it, from its bytes to the baskets that are learned from.
#[tokio::test]
async fn the_file_as_people_have_it_end_to_end() {
    let folder = std::env::var_os("ALONGSIDE_TEST_DATA").map(PathBuf::from);
    let path = folder.map(|folder| folder.join("online_retail/online_retail.csv.zst"));
    let Some(path) = path.filter(|path| path.is_file()) else {
        println!("skipped: ALONGSIDE_TEST_DATA does not name a folder with online_retail");
        return;
    };
    let shop = Shop::new().await;
    let mut source = Source::file("online_retail.csv.zst", File::open(path).unwrap());
    let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default()).unwrap();
    let mut import = shop.store.begin_orders(ImportRequest::new("uci", Timestamp(0))).unwrap();
    import.begin_file("online_retail.csv.zst", "");
    let mut n_rejects = 0;
    let read = read_orders(source, &plan, ReadOptions::default(), &mut |lines, rejects| {
        n_rejects += rejects.len();
        import.push(&lines).unwrap();
        ControlFlow::Continue(())
    });
    assert_eq!((read.unwrap().n_rows, n_rejects), (541_909, 0));
    let propose = |item_id: &str, title: Option<&str>| propose_kind(item_id, title).map(|p| p.0);
    let summary = import.commit(&propose).await.unwrap();
    assert_eq!((summary.n_rows, summary.n_orders_new), (541_909, 25_900));
    assert_eq!((summary.n_customers_new, summary.n_items_new), (4_372, 4_070));
    let view = shop.store.view(&ViewOptions::default()).await.unwrap();
    let fees = view.items.iter().filter(|item| item.kind == events::ItemKind::Fee);
    let fees: Vec<&str> = fees.map(|item| &*item.id).collect();
    assert!(["POST", "DOT", "M", "BANK CHARGES", "AMAZONFEE"].iter().all(|fee| fees.contains(fee)));
    assert_eq!(fees.len(), 19);
    let named = view.baskets.customers.iter().filter(|&&customer| customer != history::NO_CUSTOMER);
    // Counted by other means, from the table of rows: sales of goods less what came back.
    let counted = (19_638, 514_487, 18_267);
    assert_eq!((view.baskets.len(), view.baskets.items.indices.len(), named.count()), counted);
}
