//! Results for a terminal: sentences first, then numbers.

use super::results::{Contrast, Results};
use crate::commands::report::text::{METRIC_HEADS, metric_cells, number};
use crate::show;

pub(crate) fn print(results: &Results) -> anyhow::Result<()> {
    for sentence in sentences(results) {
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
        contrast.metrics.iter().for_each(|metric| show::row(&mut table, &metric_cells(metric)));
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

fn sentences(results: &Results) -> Vec<String> {
    let mut told = Vec::new();
    if results.is_sample_ratio_alarm {
        told.push(format!(
            "The variants do not have the sizes they were promised (p = {:.1e}): find what loses \
             customers of one of them before reading any result.",
            results.sample_ratio_p.unwrap_or_default()
        ));
    }
    told.extend(results.contrasts.iter().map(|contrast| sentence(results, contrast)));
    for contrast in &results.contrasts {
        for breach in &contrast.breaches {
            told.push(format!("{} does harm: {breach}.", contrast.variant));
        }
    }
    told
}

/// What the variant earns more than the control.
fn sentence(results: &Results, contrast: &Contrast) -> String {
    let (variant, control) = (&contrast.variant, &results.control);
    let Some(revenue) = contrast.metrics.first() else { return String::new() };
    match (&revenue.difference, &revenue.no_answer) {
        (Some(found), _) => {
            let interval = format!("({} to {})", number(found.low), number(found.high));
            match () {
                () if found.low > 0.0 => format!(
                    "{variant} earns {} more a customer than {control} {interval}.",
                    number(found.value)
                ),
                () if found.high < 0.0 => format!(
                    "{variant} earns {} less a customer than {control} {interval}.",
                    number(-found.value)
                ),
                () => format!(
                    "Whether {variant} earns more than {control} cannot be told yet: {} a \
                     customer, and anything in {interval} fits what was seen.",
                    number(found.value)
                ),
            }
        }
        (None, why) => {
            let why = why.clone().unwrap_or_default();
            format!("Nothing can be told of {variant} yet: {why}.")
        }
    }
}
