//! `alongside tune`: searches parameters on the shop's own newest baskets, for `learn` to use.

pub(crate) mod study;

use crate::clock::{self, Stopwatch};
use crate::show;
use anyhow::{Context, bail};
use clap::Args;
use history::{HistoryView, OpenMode, Store, ViewOptions};
use indicatif::{ProgressBar, ProgressStyle};
use learn::study::{CASES, Held, Measured, N_KNOBS, Search, Setting};
use learn::{Params, Progress, Step};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use study::{Chosen, Header, Study};

#[derive(Debug, Args)]
pub(crate) struct TuneArgs {
    /// How long to search: a time (`90s`, `30m`, `2h`), or a number of trials. A trial that was
    /// begun is finished.
    #[arg(long, default_value = "30m", value_name = "TIME|TRIALS")]
    budget: Budget,
    /// Most memory that a trial may take, in MiB.
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    memory: u64,
    #[arg(long, default_value_t = Params::default().seed)]
    seed: u64,
    /// Begin anew, though there is a study to go on with; the old one is kept beside it.
    #[arg(long)]
    restart: bool,
    #[command(flatten)]
    output: crate::args::Output,
}

/// When the search ends, should it not be done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Budget {
    Trials(usize),
    Time(Duration),
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Budget, String> {
        let told = || format!("`{text}` is no budget: write 90s, 30m, 2h, or a number of trials");
        let units = [("s", 1), ("m", 60), ("h", 3_600)];
        let timed = units.into_iter().find_map(|(unit, s)| Some((text.strip_suffix(unit)?, s)));
        let number = timed.map_or(text, |(number, _)| number);
        let n: u64 = number.parse().ok().filter(|n| *n > 0).ok_or_else(told)?;
        let Some((_, unit_s)) = timed else {
            return Ok(Budget::Trials(usize::try_from(n).unwrap_or(usize::MAX)));
        };
        let seconds = n.checked_mul(unit_s).ok_or_else(told)?;
        Ok(Budget::Time(Duration::from_secs(seconds)))
    }
}

impl Budget {
    /// Share that is used up.
    fn used(self, n_trials: usize, elapsed: Duration) -> f64 {
        match self {
            Budget::Trials(most) => n_trials as f64 / most as f64,
            Budget::Time(most) => elapsed.as_secs_f64() / most.as_secs_f64(),
        }
    }
}

pub(crate) async fn run(dir: &Path, args: TuneArgs) -> anyhow::Result<()> {
    let params =
        Params { memory_limit_bytes: args.memory << 20, seed: args.seed, ..Params::default() };
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let now = Some(clock::now());
    let view = store.view(&ViewOptions { now, ..ViewOptions::default() }).await?;
    let Some(held) = Held::of(&view, args.seed) else {
        bail!(
            "{} orders are too few to tune on: of the newest tenth at least 100 must hold two \
             items that were sold before. `alongside learn` uses its defaults",
            show::count(view.baskets.len() as u64)
        );
    };
    let (mut study, known) = Study::open(dir, &header_of(&view, args.seed), args.restart)?;
    let mut search = Search::default();
    if !known.is_empty() {
        show::note(format!("going on with a study of {} trials", known.len()));
    }
    let mut known = known.into_iter().peekable();
    while let Some((setting, measured)) =
        known.next_if(|(next, _)| search.next_setting() == Some(*next))
    {
        search.tell(setting, measured);
    }
    if known.peek().is_some() {
        bail!(
            "the study in {} does not follow the search of this version: `alongside tune \
             --restart` begins anew and keeps it",
            study.path().display()
        );
    }
    let is_done = explore(&mut search, &held, &params, &args, &mut study)?;
    let chosen = chosen_of(&search, &view, is_done).context("no trial was made")?;
    chosen.write(dir)?;
    tell(&chosen, &search, study.path(), args.output.json)
}

/// Trials until the budget is used up. True: no better setting is left to try.
fn explore(
    search: &mut Search,
    held: &Held,
    params: &Params,
    args: &TuneArgs,
    study: &mut Study,
) -> anyhow::Result<bool> {
    let watch = Stopwatch::start();
    let bar = ProgressBar::new(1000);
    bar.set_style(ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} {elapsed}")?);
    let mut n_made = 0;
    while let Some(setting) = search.next_setting() {
        let used = args.budget.used(n_made, watch.elapsed());
        if used >= 1.0 {
            return Ok(false);
        }
        bar.set_position((used * 1000.0) as u64);
        let best =
            search.best().map_or(String::new(), |best| format!(", best {:.4}", best.1.value()));
        let trial = format!("trial {}{best}: {}", search.n_tried() + 1, words(&setting));
        let measured = held.measure(setting, params, &Steps { bar: &bar, trial })?;
        study.add(&setting, &measured)?;
        let value = measured.value();
        let told = trial_json(search.n_tried() + 1, &setting, &measured);
        let is_best = search.tell(setting, measured);
        n_made += 1;
        if args.output.json {
            show::line(told)?;
        } else if is_best {
            bar.suspend(|| show::note(format!("{value:.4} {}", words(&setting))));
        }
    }
    bar.finish_and_clear();
    Ok(true)
}

/// The step of learning that a trial is at.
struct Steps<'a> {
    bar: &'a ProgressBar,
    trial: String,
}

impl Progress for Steps<'_> {
    fn report(&self, step: Step, _done: f32) {
        self.bar.set_message(format!("{}, {}", self.trial, step.as_str()));
    }
}

/// What tells one history from another.
fn header_of(view: &HistoryView, seed: u64) -> Header {
    let to = view.span().map_or_else(String::new, |(_, last)| last.to_string());
    Header {
        n_orders: view.baskets.len() as u64,
        n_lines: view.baskets.items.indices.len() as u64,
        n_items: view.n_items() as u64,
        to,
        seed,
    }
}

fn chosen_of(search: &Search, view: &HistoryView, is_done: bool) -> Option<Chosen> {
    let (setting, measured) = search.best()?;
    let gain = search.gain();
    Some(Chosen {
        setting: *setting,
        value: measured.value(),
        gain: gain.mean,
        gain_error: gain.error,
        n_trials: search.n_tried(),
        is_done,
        n_lines: view.baskets.items.indices.len() as u64,
        at: clock::now().to_string(),
    })
}

/// What is not at its default, for people.
pub(crate) fn words(setting: &Setting) -> String {
    let changes: Vec<String> = setting.changes().map(|(name, v)| format!("{name} {v}")).collect();
    if changes.is_empty() { "the defaults".to_owned() } else { changes.join(", ") }
}

fn trial_json(trial: usize, setting: &Setting, measured: &Measured) -> Value {
    let ndcgs = CASES.iter().zip(measured.ndcgs());
    let ndcgs: Map<String, Value> =
        ndcgs.map(|(case, ndcg)| ((*case).to_owned(), json!(ndcg))).collect();
    json!({
        "trial": trial,
        "changes": study::values_json(setting.changes()),
        "value": measured.value(),
        "NDCG@10": ndcgs,
    })
}

fn tell(chosen: &Chosen, search: &Search, study: &Path, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return show::line(chosen.to_json());
    }
    let mut table = show::table(&["what was found", ""], &[]);
    let end = if chosen.is_done { "no step from it is better" } else { "the budget is used up" };
    let ndcgs = search.best().map(|(_, measured)| measured.ndcgs()).unwrap_or_default();
    let cases = CASES.iter().zip(ndcgs).map(|(case, ndcg)| format!("{case} {ndcg:.4}"));
    for (name, value) in [
        ("best of", format!("{} trials, {N_KNOBS} parameters; {end}", chosen.n_trials)),
        ("setting", words(&chosen.setting)),
        ("NDCG@10", cases.collect::<Vec<_>>().join(", ")),
        ("over the defaults", format!("{:+.4} ± {:.4}", chosen.gain, chosen.gain_error)),
        ("study", study.display().to_string()),
    ] {
        show::row(&mut table, &[name.to_owned(), value]);
    }
    show::line(table)?;
    show::note(match chosen.setting.changes().next() {
        Some(_) => "`alongside learn` uses it from now on; `learn --untuned` does not",
        None => "nothing better than the defaults was found, so `alongside learn` keeps them",
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_times_or_trials() {
        let time = |seconds| Ok(Budget::Time(Duration::from_secs(seconds)));
        assert_eq!("90s".parse(), time(90));
        assert_eq!("30m".parse(), time(1_800));
        assert_eq!("2h".parse(), time(7_200));
        assert_eq!("12".parse(), Ok(Budget::Trials(12)));
        for bad in ["", "0", "0m", "-1", "h", "1d", "1.5h", "soon", "99999999999999999999h"] {
            let refusal = bad.parse::<Budget>().expect_err(bad);
            assert!(refusal.contains("30m"), "{refusal}");
        }
        assert!(Budget::Trials(4).used(4, Duration::ZERO) >= 1.0);
        assert!(Budget::Time(Duration::from_secs(10)).used(9, Duration::from_secs(5)) < 1.0);
    }
}
