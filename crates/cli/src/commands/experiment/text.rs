//! Results for a terminal: sentences first, then numbers.

use crate::show;
use proof::results::Results;
use proof::words::{METRIC_HEADS, metric_rows};

pub(crate) fn print(results: &Results) -> anyhow::Result<()> {
    for sentence in &results.sentences {
        show::line(sentence)?;
    }
    show::line("")?;
    let heads = ["variant", "customers and visits", "decisions", "ms a decision"];
    let mut table = show::table(&heads, &[1, 2, 3]);
    for arm in &results.arms {
        let counts = [arm.n_units, arm.n_decisions].map(show::count);
        let [units, decisions] = counts;
        let cells = [arm.variant.clone(), units, decisions, format!("{:.2}", arm.mean_took_ms)];
        show::row(&mut table, &cells);
    }
    show::line(table)?;
    for contrast in &results.contrasts {
        let mut heads = METRIC_HEADS;
        (heads[1], heads[2]) = (&contrast.variant, &results.control);
        let mut table = show::table(&heads, &[1, 2, 3, 4, 5]);
        metric_rows(&contrast.metrics).iter().for_each(|row| show::row(&mut table, row));
        show::line(table)?;
        contrast.power.iter().try_for_each(show::line)?;
    }
    if results.n_crossers > 0 {
        let n = show::count(results.n_crossers as u64);
        show::line(format!("{n} customers were seen in two variants; they count in their first."))?;
    }
    if results.n_of_unknown_variants > 0 {
        let n = show::count(results.n_of_unknown_variants);
        show::line(format!("{n} decisions name a variant that the experiment does not have."))?;
    }
    show::line("Intervals are of 95 % and hold however often one looks.")
}
