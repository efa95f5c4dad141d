//! Learning as a shop grows: 1, 4 and 16 times the order lines of a made-up shop, end to end in
//! processes of their own. Time is that of the processors, since the machine may have other work.

use anyhow::Result;

use super::report::Report;
use super::{Bench, child, commands, fresh_folder};

const STEPS: [u64; 3] = [1, 4, 16];
/// Five minutes on two processors.
const CPU_S: f64 = 2.0 * 300.0;
/// The limit that `learn` has where nothing is said, and a tenth for what it cannot count.
const PEAK_MB: f64 = 4_096.0 * 1.048_576 * 1.1;
/// Processor seconds grow as lines to this power at the most; 1 is linear.
const MAX_EXPONENT: f64 = 1.15;

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let n_most = bench.number("--rows", 1_500_000)?;
    let mut before: Option<(u64, f64)> = None;
    for step in STEPS {
        let n_rows = n_most * step / STEPS[STEPS.len() - 1];
        let file = bench.generated("shop-parquet", n_rows, &format!("shop-{n_rows}.parquet"))?;
        let data = fresh_folder(&bench.folder, "growth-data")?;
        child::run(&mut commands::import_orders(&program, &file, &data), &bench.folder)?;
        let finished = child::run(&mut commands::learn_json(&program, &data), &bench.folder)?;
        let answer = finished.answer()?;
        let snapshot_mb = answer["bytes"].as_f64().unwrap_or(0.0) / 1e6;
        let n_of = |name: &str| answer["provenance"][name].as_f64().unwrap_or(0.0);
        let exponent =
            before.map(|(rows, cpu_s)| exponent([rows, n_rows], [cpu_s, finished.cpu_s]));
        let case = format!("{step}x");
        let mut values = vec![
            ("n_rows", n_rows as f64),
            ("n_baskets", n_of("n_baskets")),
            ("n_items", n_of("n_items")),
            ("wall_s", finished.wall_s),
            ("cpu_s", finished.cpu_s),
            ("peak_mb", finished.peak_mb),
            ("snapshot_mb", snapshot_mb),
        ];
        values.extend(exponent.map(|exponent| ("exponent", exponent)));
        report.row(&case, "alongside", &values);
        report.bar(&format!("{case}: peak MB"), finished.peak_mb, finished.peak_mb <= PEAK_MB);
        if let Some(exponent) = exponent {
            report.bar(&format!("{case}: exponent"), exponent, exponent <= MAX_EXPONENT);
        }
        if n_rows >= 1_500_000 {
            let is_reached = finished.cpu_s <= CPU_S;
            report.bar(&format!("{case}: processor seconds"), finished.cpu_s, is_reached);
        }
        before = Some((n_rows, finished.cpu_s));
        std::fs::remove_dir_all(&data)?;
    }
    Ok(())
}

/// e in time ~ rows^e, by two measurements.
pub(super) fn exponent(rows: [u64; 2], seconds: [f64; 2]) -> f64 {
    (seconds[1] / seconds[0]).ln() / (rows[1] as f64 / rows[0] as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_rows_in_twice_the_time_is_linear() {
        assert!((exponent([10, 20], [3.0, 6.0]) - 1.0).abs() < 1e-12);
        assert!((exponent([10, 40], [3.0, 48.0]) - 2.0).abs() < 1e-12);
    }
}
