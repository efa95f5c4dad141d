//! A CSV file into the durable store, end to end: rows a second and peak memory, in an empty data
//! folder each time.

use std::path::Path;

use anyhow::Result;

use super::report::Report;
use super::{Bench, child, commands, fresh_folder};

const ROWS_PER_S: f64 = 1e6;
const PEAK_MB: f64 = 1_024.0 * 1.048_576;
const ONLINE_RETAIL_ROWS: u64 = 541_909;

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let sample = bench.workspace.root.join("samples/online_retail/online_retail.csv.zst");
    measure(bench, &program, "online_retail.csv.zst", &sample, ONLINE_RETAIL_ROWS, report)?;
    let n_rows = bench.number("--rows", 20_000_000)?;
    let name = format!("shop-{n_rows}.csv");
    let file = bench.generated("shop-csv", n_rows, &name)?;
    measure(bench, &program, &name, &file, n_rows, report)
}

fn measure(
    bench: &Bench<'_>,
    program: &Path,
    case: &str,
    file: &Path,
    n_rows: u64,
    report: &mut Report,
) -> Result<()> {
    let data = fresh_folder(&bench.folder, "import-data")?;
    let finished = child::run(&mut commands::import_orders(program, file, &data), &bench.folder)?;
    let rows_per_s = n_rows as f64 / finished.wall_s;
    report.row(
        case,
        "alongside",
        &[
            ("n_rows", n_rows as f64),
            ("wall_s", finished.wall_s),
            ("cpu_s", finished.cpu_s),
            ("rows_per_s", rows_per_s),
            ("peak_mb", finished.peak_mb),
            ("store_mb", folder_bytes(&data) as f64 / 1e6),
        ],
    );
    report.bar(&format!("{case}: rows a second"), rows_per_s, rows_per_s >= ROWS_PER_S);
    report.bar(&format!("{case}: peak MB"), finished.peak_mb, finished.peak_mb <= PEAK_MB);
    // The store of 20 million rows is of no use to anybody afterwards.
    std::fs::remove_dir_all(&data)?;
    Ok(())
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => folder_bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}
