//! Orders as one normalized Parquet table: `customer_id, basket_id, item_id, quantity, unit_price,
//! timestamp, country, is_cancellation`; rows of an order follow each other, times never fall.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::Error;
use crate::catalog::Catalog;
use crate::orders::{Line, OrderStream};
use crate::uci_csv::{FIRST_CUSTOMER, FIRST_INVOICE};

const BATCH_ROWS: usize = 1 << 16;
const ROW_GROUP_ROWS: usize = 1 << 20;

/// Writes all that is left of the stream; answers the number of rows.
pub fn write(stream: &mut OrderStream, to: impl Write + Send) -> Result<u64, Error> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let schema = Arc::new(schema());
    let mut writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties))?;
    let mut lines: Vec<Line> = Vec::with_capacity(BATCH_ROWS);
    let mut n_rows = 0;
    loop {
        lines.clear();
        lines.extend(stream.take(BATCH_ROWS));
        if lines.is_empty() {
            break;
        }
        n_rows += lines.len() as u64;
        let columns = columns(&lines, stream.catalog());
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
            .expect("the columns are made for this schema and have one length");
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(n_rows)
}

fn schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Schema::new(vec![
        Field::new("customer_id", DataType::Int64, true),
        Field::new("basket_id", DataType::Utf8, false),
        Field::new("item_id", DataType::Utf8, false),
        Field::new("quantity", DataType::Int64, false),
        Field::new("unit_price", DataType::Float64, false),
        Field::new("timestamp", time, false),
        Field::new("country", DataType::Utf8, false),
        Field::new("is_cancellation", DataType::Boolean, false),
    ])
}

fn columns(lines: &[Line], catalog: &Catalog) -> Vec<ArrayRef> {
    let customers: Int64Array = lines
        .iter()
        .map(|line| line.customer.map(|customer| FIRST_CUSTOMER as i64 + i64::from(customer)))
        .collect();
    let baskets = StringArray::from_iter_values(lines.iter().map(basket_id));
    let items = StringArray::from_iter_values(
        lines.iter().map(|line| &*catalog.items[line.item as usize].item_id),
    );
    let quantities: Int64Array =
        lines.iter().map(|line| i64::from(line.quantity)).collect::<Vec<_>>().into();
    let prices: Float64Array = lines
        .iter()
        .map(|line| f64::from(line.unit_price_cents) / 100.0)
        .collect::<Vec<_>>()
        .into();
    let times: TimestampMicrosecondArray =
        lines.iter().map(|line| line.at.0).collect::<Vec<_>>().into();
    let countries = StringArray::from_iter_values(lines.iter().map(|line| line.country));
    let returns: BooleanArray = lines.iter().map(|line| line.is_return).collect::<Vec<_>>().into();
    vec![
        Arc::new(customers),
        Arc::new(baskets),
        Arc::new(items),
        Arc::new(quantities),
        Arc::new(prices),
        Arc::new(times),
        Arc::new(countries),
        Arc::new(returns),
    ]
}

fn basket_id(line: &Line) -> String {
    format!("{}{}", if line.is_return { "C" } else { "" }, FIRST_INVOICE + line.order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::{Extent, OrdersSpec, orders};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::reader::FileReader;
    use parquet::record::RowAccessor;

    #[test]
    fn what_is_written_reads_back() {
        let extent = Extent::Rows(70_000);
        let spec = OrdersSpec { extent, n_items: 300, n_customers: 50, ..OrdersSpec::shop(0, 8) };
        let mut bytes = Vec::new();
        let n_rows = write(&mut orders(spec.clone()).unwrap(), &mut bytes).unwrap();
        assert_eq!(n_rows, 70_000);
        let bytes = bytes::Bytes::from(bytes);
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
        let names: Vec<&String> = builder.schema().fields().iter().map(|f| f.name()).collect();
        assert_eq!(names[..3], ["customer_id", "basket_id", "item_id"]);
        let reader = parquet::file::serialized_reader::SerializedFileReader::new(bytes).unwrap();
        let mut stream = orders(spec).unwrap();
        let mut n_read = 0;
        for row in reader.get_row_iter(None).unwrap() {
            let (row, line) = (row.unwrap(), stream.next().unwrap());
            let customer = line.customer.map(|c| 12_346 + i64::from(c));
            assert_eq!(row.get_long(0).ok(), customer);
            assert_eq!(row.get_string(1).unwrap(), &basket_id(&line));
            let item = &stream.catalog().items[line.item as usize];
            assert_eq!(row.get_string(2).unwrap().as_str(), &*item.item_id);
            assert_eq!(row.get_long(3).unwrap(), i64::from(line.quantity));
            assert_eq!(row.get_double(4).unwrap(), f64::from(line.unit_price_cents) / 100.0);
            assert_eq!(row.get_timestamp_micros(5).unwrap(), line.at.0);
            assert_eq!(row.get_string(6).unwrap(), line.country);
            assert_eq!(row.get_bool(7).unwrap(), line.is_return);
            n_read += 1;
        }
        assert_eq!((n_read, stream.next()), (70_000, None));
    }
}
