//! What our binary measures in its own process: decisions and live events. The numbers are shown
//! as they come, those with a bar are held against it.

use anyhow::Result;
use serde_json::Value;

use super::report::Report;
use super::{Bench, child, commands, history};

/// A field, its bar, and whether more is better.
type Bar = (&'static str, f64, bool);

const DECIDE: [Bar; 1] = [("p99_us", 300.0, false)];
const POLICIES: [Bar; 1] = [("p99_us", 1_500.0, false)];
const EVENTS: [Bar; 2] = [("batch_events_per_s", 20_000.0, true), ("single_p99_ms", 20.0, false)];

pub(crate) fn decide(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    measure(bench, "decide", &DECIDE, report)
}

/// 500 policies over 10,000 items.
pub(crate) fn policies(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let data = history::learned_simulation(bench, &program)?;
    let finished = child::run(&mut commands::on_data(&program, "policies", &data), &bench.folder)?;
    let answer = finished.answer()?;
    report.row_of("simulated_10k", "alongside", &answer);
    hold(&answer, &POLICIES, report);
    Ok(())
}

/// Of 200 runs at 95 %, a binomial test at 1 % lets 181 pass; of another number the like share.
const COVERED_SHARE: f64 = 181.0 / 200.0;

/// How often measured intervals cover the truth of worlds that know it.
pub(crate) fn worlds(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let n_runs = bench.number("--runs", 200)?;
    let bar = (COVERED_SHARE * n_runs as f64).floor();
    let fields =
        ["lift_covered", "displaced_covered", "lift_covered_once", "displaced_covered_once"];
    for world in ["shop", "bank", "restaurant"] {
        let finished = child::run(&mut commands::study(&program, world, n_runs), &bench.folder)?;
        let answer = finished.answer()?;
        report.row_of(world, "alongside", &answer);
        hold(&answer, &fields.map(|field| (field, bar, true)), report);
    }
    Ok(())
}

pub(crate) fn events(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    measure(bench, "events", &EVENTS, report)
}

fn measure(bench: &Bench<'_>, name: &str, bars: &[Bar], report: &mut Report) -> Result<()> {
    let program = bench.alongside()?;
    let data = history::learned_sample(bench, &program)?;
    let finished = child::run(&mut commands::on_data(&program, name, &data), &bench.folder)?;
    let answer = finished.answer()?;
    report.row_of("online_retail", "alongside", &answer);
    hold(&answer, bars, report);
    Ok(())
}

fn hold(answer: &Value, bars: &[Bar], report: &mut Report) {
    for &(field, bar, more_is_better) in bars {
        match answer[field].as_f64() {
            Some(value) => {
                let is_reached = if more_is_better { value >= bar } else { value <= bar };
                report.bar(&format!("{field}, the bar is {bar}"), value, is_reached);
            }
            None => report.fault(format!("no field {field} in {answer}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_hold_either_way_and_fields_must_be_there() {
        let is_ok = |answer: Value, bars: &[Bar]| {
            let mut report = Report::new("x", String::new());
            hold(&answer, bars, &mut report);
            report.is_ok()
        };
        assert!(is_ok(json!({"p99_us": 300}), &DECIDE));
        assert!(!is_ok(json!({"p99_us": 300.5}), &DECIDE));
        assert!(!is_ok(json!({"p50_us": 1}), &DECIDE));
        assert!(is_ok(json!({"batch_events_per_s": 20_000, "single_p99_ms": 19}), &EVENTS));
        assert!(!is_ok(json!({"batch_events_per_s": 19_999, "single_p99_ms": 19}), &EVENTS));
    }
}
