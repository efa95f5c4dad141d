//! How fast orders are parsed: `cargo run --release -p events --example parse_speed [N_ROWS]`.
//!
//! The file is made in memory, in the shape of UCI Online Retail (8 columns, orders of 21 lines,
//! 4,000 items, some titles quoted), and read with one and with two threads. A path in place of the
//! number reads that file instead.
#![allow(clippy::print_stdout)]

use std::fmt::Write;
use std::ops::ControlFlow;
use std::time::Instant;

use events::import::{FileKind, ImportPlan, PlanOptions, ReadOptions, Source, read_orders};

fn make_file(n_rows: u64) -> Vec<u8> {
    let mut text = String::with_capacity(n_rows as usize * 96);
    text.push_str(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n",
    );
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for row in 0..n_rows {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = state >> 33;
        let order = row / 21;
        let minute = order % 40_000_000;
        let (day, clock) = (minute / 600, minute % 600);
        let item = random % 4_000;
        let quote = if item.is_multiple_of(50) { "\"" } else { "" };
        let comma = if item.is_multiple_of(50) { "," } else { "" };
        writeln!(
            text,
            "{},{},{quote}RED RETROSPOT{comma} NUMBER {item}{quote},{},\
            20{:02}-{:02}-{:02} {:02}:{:02}:00,{}.{:02},{}.0,United Kingdom",
            536_365 + order,
            20_000 + item,
            1 + random % 12,
            10 + day / 336 % 80,
            1 + day / 28 % 12,
            1 + day % 28,
            8 + clock / 60,
            clock % 60,
            random % 20,
            random % 100,
            12_346 + order % 5_000,
        )
        .expect("writing to a String does not fail");
    }
    text.into_bytes()
}

fn main() {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "5000000".to_owned());
    let Ok(n_rows) = argument.parse() else { return read_path(&argument) };
    let file = bytes::Bytes::from(make_file(n_rows));
    println!("{n_rows} rows, {} MB", file.len() / 1_000_000);
    for n_threads in [1, 2, 1, 2] {
        let mut source = Source::bytes("generated.csv", file.clone());
        let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default())
            .expect("the file is well made");
        let start = Instant::now();
        let mut n_taken = 0;
        let summary =
            read_orders(source, &plan, ReadOptions { n_threads }, &mut |lines, rejects| {
                assert!(rejects.is_empty(), "{:?}", rejects[0]);
                n_taken += lines.len() as u64;
                ControlFlow::Continue(())
            })
            .expect("the file is well made");
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!((n_taken, summary.n_rows), (n_rows, n_rows));
        println!(
            "{n_threads} threads: {seconds:.2} s, {:.2} million rows/s",
            n_rows as f64 / seconds / 1e6
        );
    }
}

fn read_path(path: &str) {
    for n_threads in [1, 2, 1, 2] {
        let file = std::fs::File::open(path).expect("the file can be opened");
        let mut source = Source::file(path, file);
        let plan = ImportPlan::make(&mut source, FileKind::Orders, &PlanOptions::default())
            .expect("the file can be planned");
        let start = Instant::now();
        let options = ReadOptions { n_threads };
        let summary = read_orders(source, &plan, options, &mut |_, _| ControlFlow::Continue(()))
            .expect("the file can be read");
        let seconds = start.elapsed().as_secs_f64();
        let rate = summary.n_rows as f64 / seconds / 1e6;
        println!("{n_threads} threads: {seconds:.2} s, {rate:.2} million rows/s");
    }
}
