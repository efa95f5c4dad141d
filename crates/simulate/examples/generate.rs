//! Writes a made-up history to a file, for benchmarks:
//! `cargo run --release -p simulate --example generate -- shop-csv 20000000 42 FILE`.
//! Kinds: `shop-csv ROWS`, `shop-parquet ROWS`, `sparse-parquet 0` (70,000 items, 150,000 orders).

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::time::Instant;

use simulate::{OrdersSpec, order_parquet, orders, uci_csv};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, n_rows, seed, path] = args.as_slice() else {
        return Err("usage: generate KIND ROWS SEED FILE".into());
    };
    let seed: u64 = seed.parse()?;
    let started = Instant::now();
    let spec = match kind.as_str() {
        "sparse-parquet" => OrdersSpec::sparse_catalog(seed),
        _ => OrdersSpec::shop(n_rows.parse()?, seed),
    };
    let mut stream = orders(spec)?;
    let mut file = File::create(path)?;
    let n_rows = match kind.as_str() {
        "shop-csv" => uci_csv::write(&mut stream, &mut file)?,
        "shop-parquet" | "sparse-parquet" => order_parquet::write(&mut stream, &mut file)?,
        other => return Err(format!("no kind {other:?}").into()),
    };
    let seconds = started.elapsed().as_secs_f64();
    println!("{n_rows} rows in {seconds:.2} s: {:.0} rows/s", n_rows as f64 / seconds);
    Ok(())
}
