//! The joins of the report over a made-up log: exposures, clicks and orders of a million events, of
//! ten million, and with `--events 100000000` of a hundred; in memory where they fit, else by way
//! of temporary files. Growth is told by the time of the processors, since the machine may have
//! other work.

use anyhow::Result;

use super::growth::exponent;
use super::report::Report;
use super::{Bench, child, commands, fresh_folder};

const STEPS: [u64; 3] = [1_000_000, 10_000_000, 100_000_000];
/// So little that not even a million events fit.
const MEMORY_MIB: u64 = 128;
const ENOUGH_MIB: u64 = 4_096;
/// Beyond what the joins may take: a segment that is read, the program, and 10 bytes a customer.
const BESIDE_MB: f64 = 400.0;
/// Processor seconds grow as events to this power at the most; 1 is linear.
const MAX_EXPONENT: f64 = 1.15;

pub(crate) fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let n_most = bench.number("--events", 10_000_000)?;
    let memory_mib = bench.number("--memory", MEMORY_MIB)?;
    let mut before: Option<(u64, f64)> = None;
    for n_events in STEPS.into_iter().filter(|&step| step <= n_most) {
        let data = fresh_folder(&bench.folder, "join-data")?;
        let made =
            child::run(&mut commands::made_up_log(&program, &data, n_events), &bench.folder)?;
        println!("{n_events} events made in {:.0} s", made.wall_s);
        let mut measured = |how: &str, memory_mib: u64| -> Result<(String, child::Finished)> {
            let mut command = commands::report(&program, &data, memory_mib);
            let finished = child::run(&mut command, &bench.folder)?;
            let case = format!("{}M, {how}", n_events / 1_000_000);
            let values = [
                ("n_events", n_events as f64),
                ("wall_s", finished.wall_s),
                ("cpu_s", finished.cpu_s),
                ("events_per_s", n_events as f64 / finished.wall_s),
                ("peak_mb", finished.peak_mb),
            ];
            report.row(&case, "alongside", &values);
            Ok((case, finished))
        };
        if n_events == STEPS[0] {
            measured("in memory", ENOUGH_MIB)?;
        }
        let (case, finished) = measured("by way of files", memory_mib)?;
        let most_mb = memory_mib as f64 * 1.048_576 + BESIDE_MB;
        report.bar(&format!("{case}: peak MB"), finished.peak_mb, finished.peak_mb <= most_mb);
        if let Some((n_before, cpu_s)) = before {
            let found = exponent([n_before, n_events], [cpu_s, finished.cpu_s]);
            report.bar(&format!("{case}: exponent"), found, found <= MAX_EXPONENT);
        }
        before = Some((n_events, finished.cpu_s));
        std::fs::remove_dir_all(&data)?;
    }
    Ok(())
}
