//! `alongside learn`: history in, snapshot out.

use crate::clock::{self, Stopwatch};
use crate::commands::tune::{self, study::Chosen};
use crate::show;
use anyhow::Context;
use clap::Args;
use events::{ItemRecord, Relation, RelationPair, Timestamp};
use experiment::{ExperimentDir, snapshots_needed};
use history::{HistoryView, LoggedEvent, ORDERS_DATED_AHEAD, OpenMode, Store, ViewOptions};
use indicatif::{ProgressBar, ProgressStyle};
use learn::ablation::RANKER;
use learn::sessions::{SessionParams, StepRow, add_sessions};
use learn::sparse_inverse::SparseInverseParams;
use learn::{Learned, Params, Progress, Step, Without, peak_bytes};
use score::World;
use serde_json::json;
use snapshot::{SnapshotDir, StepKind};
use std::collections::HashMap;
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct LearnArgs {
    /// Recency half-life of pairs, in days [default: 180, or half of the data's span].
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true)]
    half_life: Option<f64>,
    /// EASE regularisation [default: tuned on an inner split].
    #[arg(long, value_name = "BASKETS", allow_negative_numbers = true)]
    lambda: Option<f64>,
    /// EASE is solved for at most so many items; a larger catalog gets a sparse inverse instead.
    #[arg(long, default_value_t = Params::default().ease_max_items, value_name = "N")]
    ease_max_items: usize,
    /// Neighbors of an item that its weights in the sparse inverse are solved with, 1 to 2,000.
    #[arg(long, default_value_t = Params::default().sparse_inverse.neighbors, value_name = "N")]
    inverse_neighbors: usize,
    /// Most memory that learning may take, in MiB.
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    memory: u64,
    #[arg(long, default_value_t = Params::default().seed)]
    seed: u64,
    /// Snapshots to keep; older ones are removed.
    #[arg(long, default_value_t = 10, value_name = "N")]
    keep: usize,
    /// Learn without a source, to see what it is worth; may be given more than once: ease,
    /// sparse_inverse, pair, neighbor, history, trend, segment_popularity,
    /// placement_popularity, next_basket or ranker;
    /// of visits vmis, vstan, cooccurrence, markov or recent_views; of next baskets habit,
    /// tifu_knn, up_cf, transitions, alike_baskets or best_sellers. Without the ranker (all trees),
    /// learning takes a third of the time.
    #[arg(long, value_name = "SOURCE")]
    without: Vec<String>,
    /// Do not use what `alongside tune` found.
    #[arg(long)]
    untuned: bool,
    /// Publish it beside the one in force, for a variant of an experiment; `snapshot rollback ID`
    /// puts it in force.
    #[arg(long)]
    aside: bool,
    /// Run at low priority, so that a server beside it stays quick.
    #[arg(long)]
    nice: bool,
    #[command(flatten)]
    output: crate::args::Output,
}

impl LearnArgs {
    /// The defaults, but for the ranker.
    pub(crate) fn without_ranker() -> LearnArgs {
        LearnArgs { without: vec![RANKER.to_owned()], ..LearnArgs::default() }
    }
}

impl Default for LearnArgs {
    fn default() -> LearnArgs {
        let params = Params::default();
        LearnArgs {
            half_life: None,
            lambda: None,
            ease_max_items: params.ease_max_items,
            inverse_neighbors: params.sparse_inverse.neighbors,
            memory: params.memory_limit_bytes >> 20,
            seed: params.seed,
            keep: 10,
            without: Vec::new(),
            untuned: false,
            aside: false,
            nice: false,
            output: crate::args::Output::default(),
        }
    }
}

mod responders;
mod shown;

/// Draws the steps of learning.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn report(&self, step: Step, done: f32) {
        // Shares of the whole, by what the steps took on Online Retail.
        let (from, to) = match step {
            Step::Split => (0.0, 0.01),
            Step::TuneEase => (0.01, 0.5),
            Step::TuneBlend => (0.5, 0.6),
            Step::Ranker => (0.6, 0.8),
            Step::Pairs => (0.8, 0.85),
            Step::Ease => (0.85, 0.95),
            Step::Content => (0.95, 0.96),
            Step::Relations => (0.96, 0.97),
            Step::NextBasket => (0.97, 0.99),
            Step::Write => (0.99, 1.0),
        };
        self.0.set_message(step.as_str());
        self.0.set_position(((from + (to - from) * done) * 1000.0) as u64);
    }
}

/// Publishes, and removes what is too old; how many of those.
async fn publish(
    store: &Store,
    snapshots: &SnapshotDir,
    learned: &Learned,
    args: &LearnArgs,
) -> anyhow::Result<(snapshot::Entry, usize)> {
    let time = clock::file_time();
    let published = match args.aside {
        true => snapshots.publish_aside(&learned.writer, &time),
        false => snapshots.publish(&learned.writer, &time),
    };
    let entry =
        published.context("the snapshot was not published; the one before stays in force")?;
    // What is new is there; that old ones could not be removed is no reason to fail.
    let n_removed = match prune(store, snapshots, args.keep).await {
        Ok(n_removed) => n_removed,
        Err(error) => {
            show::note(format!("no old snapshot was removed: {error:#}"));
            0
        }
    };
    Ok((entry, n_removed))
}

/// Not what experiments need, as far as their whole log tells.
async fn prune(store: &Store, snapshots: &SnapshotDir, keep: usize) -> anyhow::Result<usize> {
    let dir = ExperimentDir::in_dir(store.dir());
    let n_changes = dir.log()?.len() as u64;
    experiment::check_length(n_changes, store.experiment_changes().await?)?;
    let needed = snapshots_needed(&dir.all()?);
    let old: Vec<String> = snapshots.list()?.into_iter().rev().skip(keep).map(|e| e.id).collect();
    let n_kept = needed.iter().filter(|id| old.contains(id)).count();
    if 0 < n_kept {
        show::note(format!(
            "{n_kept} old snapshots stay, for experiments that run or may start name them"
        ));
    }
    Ok(snapshots.prune(keep, &needed)?)
}

pub(crate) async fn run(dir: &Path, args: LearnArgs) -> anyhow::Result<()> {
    if args.nice {
        lower_priority();
    }
    let watch = Stopwatch::start();
    let chosen = if args.untuned { None } else { Chosen::read(dir)? };
    let params = params_of(&args, chosen.as_ref())?.check()?;
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let snapshots = SnapshotDir::new(store.snapshots_dir());
    snapshots.check_writable()?;
    let now = Some(clock::now());
    let view = store.view(&ViewOptions { now, ..ViewOptions::default() }).await?;
    if let Some(n) = n_dated_ahead(&view) {
        show::note(match n {
            "1" => "note: 1 order is dated in the future; it is taken to be of now".to_owned(),
            n => format!("note: {n} orders are dated in the future; they are taken to be of now"),
        });
    }
    show::note(format!(
        "{} baskets, {} lines, {} items, {} customers; learning takes at most about {} of memory",
        show::count(view.baskets.len() as u64),
        show::count(view.baskets.items.indices.len() as u64),
        show::count(view.n_items() as u64),
        show::count(view.n_customers.into()),
        show::bytes(peak_bytes(&view, &learn::memory::fit(&view, &params)?)),
    ));
    let tuned = chosen.map(|chosen| tuned_words(&chosen, &view));
    if let Some(tuned) = &tuned {
        show::note(tuned);
    }
    let bar = ProgressBar::new(1000);
    bar.set_style(ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} {elapsed}")?);
    let bar = Bar(bar);
    let steps = steps_of(&store, &view).await?;
    let mut learned = learn::learn_with_visits(&view, &steps, &params, &bar)?;
    bar.0.set_message("learning from visits");
    add_sessions(&mut learned, &steps, view.n_items(), &session_params(&params))?;
    note_attach_rate(&store, &view, &mut learned).await?;
    shown::add(&store, &view, &mut learned, &params).await?;
    bar.0.set_message("learning who responds");
    responders::add(&store, &mut learned, &params).await?;
    if let Some(tuned) = tuned {
        learned.provenance.parameters.insert("tuned".into(), tuned);
        learned.writer.set_provenance(&learned.provenance);
    }
    let (entry, n_removed) = publish(&store, &snapshots, &learned, &args).await?;
    bar.0.finish_and_clear();
    let seconds = watch.elapsed().as_secs_f64();
    if args.output.json {
        return show::line(json!({
            "snapshot": entry.id,
            "in_force": entry.is_current,
            "bytes": entry.len_bytes,
            "seconds": seconds,
            "removed": n_removed,
            "provenance": learned.provenance,
        }));
    }
    show::line(format!(
        "snapshot {} {} ({}, learned in {seconds:.1} s)",
        entry.id,
        if entry.is_current { "is in force" } else { "is there, beside the one in force" },
        show::bytes(entry.len_bytes)
    ))?;
    let mut table = show::table(&["what was learned", ""], &[]);
    for (name, value) in &learned.provenance.parameters {
        show::row(&mut table, &[name.clone(), value.clone()]);
    }
    show::line(table)
}

/// What was asked for; else what tuning found; else the defaults.
fn params_of(args: &LearnArgs, chosen: Option<&Chosen>) -> anyhow::Result<Params> {
    let tuned = match chosen {
        Some(chosen) => chosen.setting.apply(Params::default()),
        None => Params::default(),
    };
    Ok(Params {
        half_life_days: args.half_life.or(tuned.half_life_days),
        ease_lambda: args.lambda.or(tuned.ease_lambda),
        ease_max_items: args.ease_max_items,
        sparse_inverse: SparseInverseParams {
            neighbors: args.inverse_neighbors,
            ..tuned.sparse_inverse
        },
        memory_limit_bytes: args.memory << 20,
        seed: args.seed,
        without: Without::of(&args.without)?,
        ..tuned
    })
}

/// Since then the history may have become another one: from this many times the lines on.
const MANY_TIMES: u64 = 3;

/// The same for what is learned of visits.
fn session_params(params: &Params) -> SessionParams {
    let Params { seed, without, memory_limit_bytes, .. } = *params;
    SessionParams { seed, without, ..SessionParams::default() }.within(memory_limit_bytes)
}

/// What tuning found, and whether it is to be asked again.
fn tuned_words(chosen: &Chosen, view: &HistoryView) -> String {
    let n_lines = view.baskets.items.indices.len() as u64;
    let found = tune::words(&chosen.setting);
    let (n_trials, n_then) = (chosen.n_trials, show::count(chosen.n_lines));
    let mut words = format!("tuned in {n_trials} trials on {n_then} lines, {}: {found}", chosen.at);
    if n_lines / MANY_TIMES > chosen.n_lines || chosen.n_lines / MANY_TIMES > n_lines {
        words.push_str("; the history is of another size now, `alongside tune` would look again");
    }
    words
}

/// How many orders the view holds back to its `now`, as text; `None`: none.
pub(crate) fn n_dated_ahead(view: &HistoryView) -> Option<&str> {
    let entry = view.provenance.iter().find(|(name, _)| name == ORDERS_DATED_AHEAD);
    entry.map(|(_, n)| n.as_str())
}

/// The steps of all visits in the log of events, for items of the catalogue.
async fn steps_of(store: &Store, view: &HistoryView) -> anyhow::Result<Vec<StepRow>> {
    let events = store.recent_events(Timestamp(i64::MIN)).await?;
    let ids = view.items.iter().enumerate().map(|(idx, item)| (&*item.id, idx as u32));
    let item_idx: HashMap<&str, u32> = ids.collect();
    let mut session_codes: HashMap<&str, u32> = HashMap::new();
    let mut rows = Vec::new();
    for LoggedEvent { event, .. } in &events {
        let Some((kind, session_id)) = StepKind::of(event.kind).zip(event.session_id.as_deref())
        else {
            continue;
        };
        let n_sessions = session_codes.len() as u32;
        let session = *session_codes.entry(session_id).or_insert(n_sessions);
        let items = event.lines.iter().filter_map(|line| item_idx.get(&*line.item_id));
        rows.extend(items.map(|&item| StepRow { session, item, kind, at_us: event.at.0 }));
    }
    Ok(rows)
}

/// How often plans are bought with what they cover, where there are plans.
async fn note_attach_rate(
    store: &Store,
    view: &HistoryView,
    learned: &mut Learned,
) -> anyhow::Result<()> {
    let facts = store.declared_facts().await?;
    let is_attach = |pair: &RelationPair| pair.relation == Relation::Attach;
    if facts.plans.is_empty() && !facts.relations.pairs.iter().any(is_attach) {
        return Ok(());
    }
    let (items, _version) = store.items_since(0).await?;
    // In order of their indices, so that those of the world are those of the view.
    let records: Vec<ItemRecord> = items.into_iter().map(ItemRecord::from).collect();
    let world = World::empty().with_items(&records).with_declared(&facts.relations);
    let rate = decide::cover::attach_rate(&world, view.baskets.items.view().rows());
    let share = 100.0 * rate.n_attached as f64 / rate.n_orders.max(1) as f64;
    let note = format!(
        "{} of {} orders with an item that a plan covers today hold such a plan ({share:.1} %)",
        show::count(rate.n_attached),
        show::count(rate.n_orders)
    );
    learned.provenance.parameters.insert("attach.rate".into(), note);
    learned.writer.set_provenance(&learned.provenance);
    Ok(())
}

/// Nice 10: below everything interactive. A failure only means full priority.
fn lower_priority() {
    #[cfg(unix)]
    {
        let pid = std::process::id().to_string();
        let _ = std::process::Command::new("renice")
            .args(["-n", "10", "-p", &pid])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
    }
}
