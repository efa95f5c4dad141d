//! Damaged, foreign and absurd files: a clear error or counted rejects, never a panic, never much
//! memory.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::io::{self, Read, Write};
use std::ops::ControlFlow;

use events::import::{
    Encoding, FileKind, ImportPlan, PlanOptions, ReadOptions, ReadSummary, Source, read_customers,
    read_events, read_holdings, read_items, read_orders, read_relations,
};
use events::{Error, Reject, RejectReason};
use proptest::prelude::*;

fn plan(bytes: &[u8]) -> Result<ImportPlan, Error> {
    let mut source = Source::bytes("orders.csv", bytes.to_vec());
    ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default())
}

fn error(bytes: &[u8]) -> String {
    plan(bytes).map(|plan| format!("{plan:?}")).unwrap_err().to_string()
}

struct Outcome {
    titles: Vec<String>,
    rejects: Vec<Reject>,
    result: Result<ReadSummary, Error>,
}

fn read_source(source: Source, plan: &ImportPlan) -> Outcome {
    let (mut titles, mut rejects) = (Vec::new(), Vec::new());
    let result =
        read_orders(source, plan, ReadOptions { n_threads: 2 }, &mut |lines, set_aside| {
            titles.extend(lines.titles.iter().map(|(_, title)| title.to_string()));
            rejects.extend_from_slice(set_aside);
            ControlFlow::Continue(())
        });
    Outcome { titles, rejects, result }
}

fn read(bytes: &[u8]) -> Outcome {
    read_source(Source::bytes("orders.csv", bytes.to_vec()), &plan(bytes).unwrap())
}

fn rows(n_rows: usize) -> Vec<u8> {
    let mut text = b"order_id,sku,title,date,price\n".to_vec();
    for row in 0..n_rows {
        writeln!(text, "{row},sku{},title {},2021-03-{:02},2.5", row % 97, row % 97, 1 + row % 28)
            .unwrap();
    }
    text
}

#[test]
fn files_without_rows_or_columns() {
    assert_eq!(error(b""), "orders.csv is empty: it holds no header and no rows");
    assert_eq!(error(b" \n\n"), "orders.csv is empty: it holds no header and no rows");
    let header_only = "orders.csv holds a header (order_id, sku) but no rows";
    assert_eq!(error(b"order_id,sku\n"), header_only);
    assert_eq!(error(b"\xef\xbb\xbforder_id,sku"), header_only);
    assert!(error(b"order_id:sku\n1:a\n").contains("one column only (order_id:sku)"));
    assert!(error(b"1,2,3\n4,5,6\n").contains("the first row looks like data"));
    assert!(
        error(b"order_id,price\n4,5\n").contains("no column for item_id; found: order_id, price")
    );
}

#[test]
fn a_delimiter_told_wrongly() {
    let mut source = Source::bytes("orders.csv", &b"order_id,sku\n1,a\n"[..]);
    let options = PlanOptions { delimiter: Some(b';'), ..PlanOptions::default() };
    let result = ImportPlan::make(&mut source, FileKind::Orders, &options);
    assert!(matches!(result, Err(Error::WrongDelimiter { .. })));
}

#[test]
fn files_that_are_no_text() {
    assert!(error(b"PK\x03\x04rest of a workbook").contains("Excel workbook"));
    assert!(error(b"%PDF-1.7").contains("export the data as CSV"));
    assert!(error(&[0; 5000]).contains("UTF-16 without its mark, or no text"));
    assert!(error(b"[{\"order_id\":1}]").contains("no column for item_id"));
    assert!(error(b"{ \"order_id\":\n 1 }").contains("no column for item_id"));
}

#[test]
fn an_unknown_time_zone() {
    let mut source = Source::bytes("orders.csv", rows(3));
    let options = PlanOptions { time_zone: Some("Mars/Olympus".into()), ..PlanOptions::default() };
    let error = ImportPlan::make(&mut source, FileKind::Orders, &options).unwrap_err();
    assert!(error.to_string().contains("--time-zone Mars/Olympus"));
}

#[test]
fn packed_files_in_several_parts() {
    let text = rows(20_000);
    let (first, second) = text.split_at(text.len() / 2);
    let zstd = [zstd::encode_all(first, 3).unwrap(), zstd::encode_all(second, 3).unwrap()].concat();
    let gzip = |part: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(part).unwrap();
        writer.finish().unwrap()
    };
    let gzip = [gzip(first), gzip(second)].concat();
    for packed in [&zstd, &gzip] {
        let source = Source::bytes("orders.csv", packed.clone());
        let progress = source.progress();
        let outcome = read_source(source, &plan(packed).unwrap());
        assert_eq!(outcome.result.unwrap().n_taken, 20_000);
        assert_eq!(progress.load(std::sync::atomic::Ordering::Relaxed), packed.len() as u64);
    }
}

/// Text that does not pack well, so that the packed file is longer than what planning reads.
fn noise(n_rows: usize) -> Vec<u8> {
    let mut text = b"order_id,sku,title\n".to_vec();
    let mut state = 1_u64;
    for row in 0..n_rows {
        let mut word = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            state >> 8
        };
        writeln!(text, "{row},{:x}{:x},{:x}{:x}{:x}", word(), word(), word(), word(), word())
            .unwrap();
    }
    text
}

#[test]
fn truncated_files_are_told_with_the_place() {
    let zstd = zstd::encode_all(&rows(20_000)[..], 3).unwrap();
    let short = &zstd[..zstd.len() * 2 / 3];
    let expected = format!(
        "orders.csv is cut off: the zstd data ends in the middle at byte {}; \
         fetch or export the file again",
        short.len()
    );
    assert_eq!(error(short), expected);

    // Longer than the sample: the plan succeeds, reading tells.
    let packed = zstd::encode_all(&noise(150_000)[..], 1).unwrap();
    let short = &packed[..packed.len() - 1000];
    assert!(short.len() > 5 << 20);
    let outcome = read(short);
    match outcome.result {
        Err(Error::Truncated { container: "zstd", offset, .. }) => {
            assert_eq!(offset, short.len() as u64);
        }
        other => panic!("{other:?}"),
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&noise(150_000)).unwrap();
    let gzip = gzip.finish().unwrap();
    let outcome = read(&gzip[..gzip.len() - 1000]);
    assert!(matches!(outcome.result, Err(Error::Truncated { container: "gzip", .. })));

    let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    writer.include_checksum(true).unwrap();
    writer.write_all(&noise(150_000)).unwrap();
    let mut damaged = writer.finish().unwrap();
    let middle = damaged.len() - 500_000;
    damaged[middle..middle + 64].fill(0xff);
    assert!(matches!(read(&damaged).result, Err(Error::Corrupt { container: "zstd", .. })));
}

#[test]
fn truncated_and_damaged_parquet() {
    let parquet = parquet_file();
    assert_eq!(read(&parquet).result.unwrap().n_taken, 3);
    for n_bytes in [4, 8, 60, parquet.len() - 1] {
        let error = error(&parquet[..n_bytes]);
        assert!(error.contains("is cut off: the Parquet data ends"), "{error}");
    }
    let mut n_errors = 0;
    for at in 4..parquet.len() - 8 {
        let mut damaged = parquet.clone();
        damaged[at] ^= 0x55;
        // An error or other values, but never a panic.
        n_errors += usize::from(match plan(&damaged) {
            Err(_) => true,
            Ok(plan) => read_source(Source::bytes("p", damaged), &plan).result.is_err(),
        });
    }
    assert!(n_errors > 20);
}

fn parquet_file() -> Vec<u8> {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let batch = RecordBatch::try_from_iter([
        ("order_id", Arc::new(Int64Array::from(vec![1, 1, 2])) as ArrayRef),
        ("item_id", Arc::new(StringArray::from(vec!["a", "b", "a"])) as ArrayRef),
        ("price", Arc::new(Float64Array::from(vec![Some(2.55), None, Some(1.0)])) as ArrayRef),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_in_a_stream_is_refused_and_a_directory_too() {
    let mut source = Source::stream("-", Box::new(io::Cursor::new(parquet_file())));
    let result = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default());
    assert!(result.is_err());
    let folder = std::fs::File::open(std::env::temp_dir()).unwrap();
    let mut source = Source::file("folder", folder);
    let error = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default());
    assert!(matches!(error, Err(Error::Read { .. })), "{error:?}");
}

#[test]
fn streams_are_read_from_the_start_after_planning() {
    let text = rows(100_000);
    let mut source = Source::stream("-", Box::new(io::Cursor::new(text)));
    let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default()).unwrap();
    assert_eq!(read_source(source, &plan).result.unwrap().n_taken, 100_000);
}

#[test]
fn nul_bytes_set_their_rows_aside() {
    let mut text = rows(1_000);
    text.extend_from_slice(b"x,\0,t,2021-03-01,1\ny,sku,t,2021-03-01,1\n");
    let outcome = read(&text);
    assert_eq!(outcome.result.unwrap().n_taken, 1_001);
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!(
        (outcome.rejects[0].line, outcome.rejects[0].reason),
        (1_002, RejectReason::BadEncoding)
    );
}

#[test]
fn bad_utf8_in_a_utf8_file_sets_rows_aside() {
    let mut text = "order_id,sku,title\n1,a,café\n2,b,thé\n".as_bytes().to_vec();
    text.extend_from_slice(b"3,c,caf\xe9\n");
    assert_eq!(plan(&text).unwrap().encoding, Encoding::Utf8);
    let outcome = read(&text);
    assert_eq!(outcome.titles, ["café", "thé"]);
    assert_eq!(
        (outcome.rejects[0].line, outcome.rejects[0].reason),
        (4, RejectReason::BadEncoding)
    );
}

#[test]
fn latin_1_is_detected_also_after_megabytes_of_ascii() {
    let plan_of = plan(b"order_id,sku,title\n1,a,caf\xe9 \x80\n").unwrap();
    assert_eq!(plan_of.encoding, Encoding::Windows1252);
    assert!(plan_of.notes.iter().any(|note| note.contains("Windows-1252")));
    assert_eq!(read(b"order_id,sku,title\n1,a,caf\xe9 \x80\n").titles, ["café €"]);

    let mut text = rows(400_000);
    assert!(text.len() > 12 << 20);
    text.extend_from_slice(b"x,late,caf\xe9,2021-03-01,1\n");
    assert_eq!(plan(&text).unwrap().encoding, Encoding::Ascii);
    let outcome = read(&text);
    let summary = outcome.result.unwrap();
    assert_eq!((summary.n_taken, summary.n_windows_1252), (400_001, 1));
    assert!(outcome.titles.contains(&"café".to_owned()));
}

#[test]
fn utf_16_is_read_by_its_mark() {
    let text = "order_id\tsku\ttitle\n1\ta\tcafé\n";
    let little: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        assert_eq!(read(&bytes).titles, ["café"]);
    }
}

/// A small file with a line of a gigabyte in the middle.
struct LongLine {
    head: io::Cursor<Vec<u8>>,
    n_left: usize,
    tail: io::Cursor<Vec<u8>>,
}

impl Read for LongLine {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.head.read(buffer)?;
        if n_read > 0 {
            return Ok(n_read);
        }
        if self.n_left == 0 {
            return self.tail.read(buffer);
        }
        let n = buffer.len().min(self.n_left);
        buffer[..n].fill(b'x');
        self.n_left -= n;
        Ok(n)
    }
}

#[test]
fn a_line_of_a_gigabyte_is_one_reject() {
    let reader = LongLine {
        head: io::Cursor::new(rows(100)),
        n_left: 1 << 30,
        tail: io::Cursor::new(b"\nz,sku,t,2021-03-01,1\n".to_vec()),
    };
    let mut source = Source::stream("-", Box::new(reader));
    let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default()).unwrap();
    let outcome = read_source(source, &plan);
    assert_eq!(outcome.result.unwrap().n_taken, 101);
    assert_eq!(outcome.rejects.len(), 1);
    let reject = &outcome.rejects[0];
    assert_eq!((reject.line, reject.reason), (102, RejectReason::LineTooLong));
    assert!(reject.detail.contains("1073741824 bytes"));
    assert_eq!(reject.raw.len(), 64 << 10);
}

#[test]
fn lines_are_counted_over_pieces_and_quotes() {
    let mut text = b"order_id,sku,title\n".to_vec();
    let mut line = 2;
    let mut expected = Vec::new();
    for row in 0..150_000 {
        if row % 1_000 == 999 {
            expected.push(line);
            writeln!(text, "{row},,none").unwrap();
            line += 1;
        } else {
            writeln!(text, "{row},a,\"two\nlines, \"\"{row}\"\"\"").unwrap();
            line += 2;
        }
    }
    assert!(text.len() > 4 << 20);
    let outcome = read(&text);
    assert_eq!(outcome.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), expected);
}

#[test]
fn a_stray_quote_costs_one_line() {
    let outcome = read(b"order_id,sku,title\n1,a,\"MUG\n2,b,TEA\n3,c,\"POT\"\n4,d,CUP\n");
    assert_eq!(outcome.titles, ["TEA", "POT", "CUP"]);
    assert_eq!(outcome.rejects.len(), 1);
    assert_eq!(outcome.rejects[0].raw, "1,a,\"MUG");
    assert_eq!(outcome.rejects[0].line, 2);
}

#[test]
fn rejects_can_be_mended_and_read_again() {
    let text = "Order ID;SKU;Date\n1;a;2021-01-02\n2;\"x;y\";soon\n";
    let outcome = read(text.as_bytes());
    let header = plan(text.as_bytes()).unwrap().rejects_header().unwrap();
    let mended = format!("{header}\n{}\n", outcome.rejects[0].raw.replace("soon", "2021-01-03"));
    assert_eq!(mended, "Order ID;SKU;Date\n2;\"x;y\";2021-01-03\n");
    assert_eq!(read(mended.as_bytes()).result.unwrap().n_taken, 1);
}

#[test]
fn a_large_order_in_one_json_line() {
    let items: Vec<String> =
        (0..50_000).map(|n| format!("{{\"sku\":\"item number {n}\",\"quantity\":1}}")).collect();
    let line = format!("{{\"order_id\":1,\"items\":[{}]}}\n", items.join(","));
    assert!(line.len() > 1 << 20);
    assert_eq!(read(line.as_bytes()).result.unwrap().n_taken, 50_000);
}

#[test]
fn reading_stops_when_told_to() {
    let text = rows(500_000);
    let plan = plan(&text).unwrap();
    let mut n_batches = 0;
    let source = Source::bytes("orders.csv", text);
    let summary = read_orders(source, &plan, ReadOptions::default(), &mut |_, _| {
        n_batches += 1;
        ControlFlow::Break(())
    });
    assert!(summary.unwrap().is_stopped);
    assert_eq!(n_batches, 1);
}

/// Every kind of file, planned and read.
fn swallow(bytes: &[u8]) {
    let options = PlanOptions::default();
    for kind in [
        FileKind::Orders,
        FileKind::Items,
        FileKind::Customers,
        FileKind::Holdings,
        FileKind::Events,
        FileKind::Relations,
    ] {
        let mut source = Source::bytes("fuzz", bytes.to_vec());
        let Ok(plan) = ImportPlan::make(&mut source, kind, &options) else { continue };
        let read = ReadOptions { n_threads: 1 };
        let go = ControlFlow::Continue(());
        let result = match kind {
            FileKind::Orders => read_orders(source, &plan, read, &mut |_, _| go),
            FileKind::Items => read_items(source, &plan, read, &mut |_, _| go),
            FileKind::Customers => read_customers(source, &plan, read, &mut |_, _| go),
            FileKind::Holdings => read_holdings(source, &plan, read, &mut |_, _| go),
            FileKind::Events => read_events(source, &plan, read, &mut |_, _| go),
            FileKind::Relations => read_relations(source, &plan, read, &mut |_, _| go),
        };
        if let Ok(summary) = result {
            assert!(summary.n_rejected <= summary.n_rows, "{summary:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        swallow(&bytes);
    }

    #[test]
    fn arbitrary_rows_under_a_real_header_never_panic(
        rows in "[0-9a-z,;\"'\n\r\t\u{0}é€. :/$+-]{0,300}",
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let header =
            "order_id,item_id,customer_id,timestamp,quantity,unit_price,event,to,relation\n";
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(rows.as_bytes());
        bytes.extend_from_slice(&tail);
        swallow(&bytes);
    }

    #[test]
    fn arbitrary_json_never_panics(
        body in "[0-9a-z,:\\[\\]{}\" .\\\\-]{0,200}",
        price in any::<f64>(),
    ) {
        let text = format!(
            "{{\"order_id\":1,\"items\":[{{\"sku\":\"a\",\"price\":{price},\
            \"quantity\":{price}}}]}}\n{{{body}}}\n"
        );
        swallow(text.as_bytes());
    }

    /// Each row is an order line or a reject, none is lost.
    #[test]
    fn rows_add_up(ids in prop::collection::vec("[a-c]{0,1}", 1..50)) {
        let mut text = "order_id,sku,x\n".to_owned();
        for id in &ids {
            text.push_str(&format!("1,{id},\n"));
        }
        let summary = read(text.as_bytes()).result.unwrap();
        prop_assert_eq!(summary.n_rows, ids.len() as u64);
        prop_assert_eq!(summary.n_taken + summary.n_rejected, summary.n_rows);
        prop_assert_eq!(summary.n_rejected as usize, ids.iter().filter(|id| id.is_empty()).count());
    }
}
