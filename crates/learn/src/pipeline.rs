//! One run of learning: tune on the inner split, learn on everything, assemble the snapshot.

use crate::ablation::Without;
use crate::blend::{self, MIN_CASES};
use crate::ease::EaseParams;
use crate::error::Error;
use crate::gram::BasketWeights;
use crate::item_weights::{self, Form, ItemWeights};
use crate::next_basket::{self, served::ServedNextBasket};
use crate::params::CheckedParams;
use crate::progress::{Progress, Silent, Step};
use crate::ranker::{self, LearnedRanker, Trainer};
use crate::sessions::StepRow;
use crate::{
    columns, content, customers, memory, pairs, popularity, recency, relations, segments,
    shrinkage, split, tune,
};
use history::{HistoryView, NO_CUSTOMER};
use score::Blend;
use snapshot::tables::names;
use snapshot::{Provenance, SegmentTables, Snapshot, SnapshotWriter};
use sparse::Csr;
use std::collections::BTreeMap;

/// EASE where it cannot be tuned: what is near the best on the data sets looked at.
const DEFAULT_LAMBDA: f64 = 10.0;
const DEFAULT_LENGTH_EXPONENT: f64 = 0.5;
/// Fewer inner cases than this choose nothing.
const MIN_EASE_CASES: usize = 100;

/// A snapshot ready to be written, and what to tell about it.
pub struct Learned {
    pub writer: SnapshotWriter,
    pub provenance: Provenance,
}

/// Half-lives in days, by what they serve; `None` where the data has no time.
#[derive(Clone, Copy, Debug)]
struct HalfLives {
    pairs: Option<f64>,
    history: Option<f64>,
    trend: Option<f64>,
}

/// What tuning chose; the same choice builds the inner tables and the final ones.
#[derive(Clone, Debug)]
struct Choice {
    half_lives: HalfLives,
    ease: EaseParams,
    blend: Blend,
    ranker: LearnedRanker,
    /// Are the tables of the ranker learned: is there one, or is one to be trained on them?
    has_ranker: bool,
}

/// Learns everything. Fails only on parameters or on a solve that does not check out; a history
/// with little or nothing in it gives a snapshot with little or nothing in it.
pub fn learn(
    view: &HistoryView,
    params: &CheckedParams,
    progress: &dyn Progress,
) -> Result<Learned, Error> {
    learn_with_visits(view, &[], params, progress)
}

/// The same with what visitors looked at, which tells how items stand to each other. The tables of
/// visits themselves are added by [`crate::sessions::add_sessions`].
pub fn learn_with_visits(
    view: &HistoryView,
    steps: &[StepRow],
    params: &CheckedParams,
    progress: &dyn Progress,
) -> Result<Learned, Error> {
    let mut notes = BTreeMap::new();
    let strangers;
    let view = if params.without.history() {
        strangers = of_strangers(view);
        &strangers
    } else {
        view
    };
    let asked = params;
    let params = &memory::fit(view, asked)?;
    note_memory(asked, params, &mut notes);
    let choice = choose(view, params, progress, &mut notes)?;
    progress.report(Step::Pairs, 0.0);
    let tables = Tables::learn(view, params, &choice, None, progress, &mut notes)?;
    progress.report(Step::Relations, 0.0);
    let baskets_of = view.baskets.items.view().transpose(view.n_items());
    let relations =
        relations::learn(view, steps, &baskets_of, &tables.pairs, params.max_basket_items);
    notes.insert("relations".into(), relations.note.clone());
    progress.report(Step::NextBasket, 0.0);
    let next_basket = learn_next_basket(view, params, &mut notes)?;
    progress.report(Step::Write, 0.0);
    let provenance = provenance_of(view, params, notes);
    let mut writer = SnapshotWriter::new(&provenance);
    tables.write(view, params, &choice, &mut writer);
    relations.write(&mut writer);
    next_basket.iter().for_each(|learned| learned.write(&mut writer));
    Ok(Learned { writer, provenance })
}

/// What known customers buy next; nothing where nobody is known, or where it is left out.
fn learn_next_basket(
    view: &HistoryView,
    params: &CheckedParams,
    notes: &mut BTreeMap<String, String>,
) -> Result<Option<ServedNextBasket>, Error> {
    if params.without.next_basket() {
        return Ok(None);
    }
    let learned = next_basket::served::learn(view, &params.next_basket)?;
    if let Some(learned) = &learned {
        notes.insert("next_basket".into(), learned.note.clone());
    }
    Ok(learned)
}

/// Parameters from the inner split, or the documented defaults where there is too little data.
fn choose(
    view: &HistoryView,
    params: &CheckedParams,
    progress: &dyn Progress,
    notes: &mut BTreeMap<String, String>,
) -> Result<Choice, Error> {
    let half_lives = half_lives_of(view, params);
    let span_days = recency::span_days(&view.baskets);
    let mut choice = Choice {
        half_lives,
        ease: EaseParams {
            lambda: params.ease_lambda.unwrap_or(DEFAULT_LAMBDA),
            half_life_days: (span_days >= 2.0).then_some(span_days),
            length_exponent: DEFAULT_LENGTH_EXPONENT,
        },
        blend: Blend::default(),
        ranker: LearnedRanker::default(),
        has_ranker: false,
    };
    progress.report(Step::Split, 0.0);
    let Some((train, cases)) = split::inner(view, params.seed, MIN_EASE_CASES.min(MIN_CASES))
    else {
        let note = format!("defaults: fewer than {MIN_CASES} baskets to tune on");
        notes.insert("tuning".into(), note);
        return Ok(choice);
    };
    notes.insert("tuning".into(), format!("inner split by time, {} cases", cases.len()));
    let tuned =
        tune_ease(&train, &split::evenly(&cases, split::MAX_CASES), params, progress, notes)?;
    let weights = tuned.map(|tuned| {
        choice.ease = tuned.params;
        tuned.weights
    });
    if params.blend_max_baskets == 0 {
        return Ok(choice);
    }
    choice.has_ranker = ranker::is_wanted(view, params);
    progress.report(Step::TuneBlend, 0.0);
    let inner = inner_snapshot(&train, params, &choice, weights)?;
    let sample = split::evenly(&cases, params.blend_max_baskets);
    let (blend, report) = blend::tune(&inner, &split::variants(&sample), progress);
    choice.blend = blend;
    if choice.has_ranker {
        choice.ranker = learn_ranker(view, params, &choice, (&inner, &cases), progress, notes)?;
        choice.has_ranker = choice.ranker.has_heads();
    }
    note_blend(&blend, &report, notes);
    Ok(choice)
}

fn note_blend(
    blend: &Blend,
    report: &[Option<blend::TunedSize>],
    notes: &mut BTreeMap<String, String>,
) {
    let sizes = ["single", "few", "many"];
    let last_tuned = report.iter().rposition(Option::is_some);
    for ((size, weights), tuned) in sizes.iter().zip(blend.weights).zip(report) {
        let note = match tuned {
            Some(tuned) => format!(
                "{weights:?} on {} cases: NDCG@10 {:.4} discover, {:.4} all",
                tuned.n_cases, tuned.ndcg_discover, tuned.ndcg_all
            ),
            None => {
                let whose = match last_tuned {
                    Some(at) => format!("those of blend.{}", sizes[at]),
                    None => "the default".to_owned(),
                };
                format!("{weights:?}, {whose}: fewer than {MIN_CASES} cases")
            }
        };
        notes.insert(format!("blend.{size}"), note);
    }
}

/// Cases of the folds to learn from, those of the inner split to watch and to check.
fn learn_ranker(
    view: &HistoryView,
    params: &CheckedParams,
    choice: &Choice,
    (inner, cases): (&Snapshot, &[split::Case]),
    progress: &dyn Progress,
    notes: &mut BTreeMap<String, String>,
) -> Result<LearnedRanker, Error> {
    let with_segments = !inner.segments().is_empty();
    let mut trainer = Trainer::new(&choice.blend, &params.ranker, with_segments);
    let form = Form::of_counts(&counts_of(view), params);
    let folds = ranker::folds(form.n_items(), params);
    for (at, &tenths) in folds.iter().enumerate() {
        progress.report(Step::Ranker, 0.6 * at as f32 / folds.len() as f32);
        let (train, cases) = split::fold(view, tenths, params.seed);
        trainer.add_fold(&inner_snapshot(&train, params, choice, None)?, &cases, folds.len())?;
    }
    progress.report(Step::Ranker, 0.6);
    trainer.finish(inner, cases, notes)
}

/// A snapshot of a part of the history, to be asked about what came after.
fn inner_snapshot(
    train: &HistoryView,
    params: &CheckedParams,
    choice: &Choice,
    known_weights: Option<ItemWeights>,
) -> Result<Snapshot, Error> {
    let mut unused = BTreeMap::new();
    let tables = Tables::learn(train, params, choice, known_weights, &Silent, &mut unused)?;
    let mut writer = SnapshotWriter::new(&Provenance::default());
    tables.write(train, params, choice, &mut writer);
    drop(tables);
    Ok(Snapshot::from_writer(&writer)?)
}

fn tune_ease(
    train: &HistoryView,
    cases: &[split::Case],
    params: &CheckedParams,
    progress: &dyn Progress,
    notes: &mut BTreeMap<String, String>,
) -> Result<Option<tune::TunedEase>, Error> {
    let n_baskets_of = counts_of(train);
    let form = Form::of_counts(&n_baskets_of, params);
    if form.n_items() > params.ease_tune_max_items || params.ease_lambda.is_some() {
        notes.insert("ease.tuning".into(), "not tuned: too many items, or lambda was given".into());
        return Ok(None);
    }
    let fit = |ease: &EaseParams| item_weights::learn(train, &n_baskets_of, params, ease, &Silent);
    let tuned = tune::ease(train, cases, &fit, progress)?;
    if let Some(tuned) = &tuned {
        let note = format!("{} fits, NDCG@10 {:.4} on full carts", tuned.n_fits, tuned.ndcg);
        notes.insert("ease.tuning".into(), note);
    }
    Ok(tuned)
}

fn half_lives_of(view: &HistoryView, params: &CheckedParams) -> HalfLives {
    let span = recency::span_days(&view.baskets);
    let at_most = |days: f64, share: f64| (span >= 2.0).then(|| days.min(span * share));
    HalfLives {
        pairs: params.half_life_days.or(at_most(180.0, 0.5)),
        history: at_most(params.fading.history_days, 0.25),
        trend: at_most(params.fading.trend_days, 1.0 / 6.0),
    }
}

fn counts_of(view: &HistoryView) -> Vec<u32> {
    let mut counts = vec![0_u32; view.n_items()];
    for &item in &view.baskets.items.indices {
        counts[item as usize] += 1;
    }
    counts
}

/// Everything learned on one view.
struct Tables {
    n_baskets_of: Vec<u32>,
    trend: Vec<f32>,
    segments: SegmentTables,
    categories: popularity::Categories,
    pairs: pairs::PairTables,
    item_weights: ItemWeights,
    /// EASE by recency alone, among the same items; none where the ranker is not learned.
    recent_ease: Vec<f32>,
    content: content::ContentTables,
    customers: customers::CustomerTable,
}

impl Tables {
    /// `known_weights`: what that tuning has already learned on this very view.
    fn learn(
        view: &HistoryView,
        params: &CheckedParams,
        choice: &Choice,
        known_weights: Option<ItemWeights>,
        progress: &dyn Progress,
        notes: &mut BTreeMap<String, String>,
    ) -> Result<Tables, Error> {
        let n_items = view.n_items();
        let n_baskets_of = counts_of(view);
        let baskets_of = view.baskets.items.view().transpose(n_items);
        let weights =
            BasketWeights::new(&view.baskets, choice.half_lives.pairs, params.max_basket_items);
        let prior = shrinkage::prior_baskets(view.baskets.items.view(), &baskets_of);
        let pairs = pairs::learn(&view.baskets, &baskets_of, &weights, prior, &params.pairs);
        note_pairs(params, choice, prior, &weights, &pairs, notes);
        progress.report(Step::Ease, 0.0);
        let item_weights = match known_weights {
            Some(known) => known,
            None => item_weights::learn(view, &n_baskets_of, params, &choice.ease, progress)?,
        };
        let recent_ease = match choice.has_ranker {
            true => item_weights::recent_ease(view, params, &item_weights)?,
            false => Vec::new(),
        };
        item_weights::note(&choice.ease, params, &n_baskets_of, &item_weights, notes);
        progress.report(Step::Content, 0.0);
        let trend = popularity::trend(view, choice.half_lives.trend);
        let segments = learn_segments(view, params, (&trend, choice), notes);
        let mut tables = Tables {
            segments,
            categories: popularity::categories(view, &trend),
            content: content::learn(view, &n_baskets_of),
            customers: customers::learn(
                &view.baskets,
                view.n_customers as usize,
                choice.half_lives.history,
            ),
            n_baskets_of,
            trend,
            pairs,
            item_weights,
            recent_ease,
        };
        tables.leave_out(&params.without);
        Ok(tables)
    }

    fn leave_out(&mut self, without: &Without) {
        let nothing = || self.n_baskets_of.iter().map(|_| [0_u32; 0]).collect::<Csr>();
        if without.pair() {
            (self.pairs.pairs, self.pairs.stats) = (nothing(), Vec::new());
        }
        if without.neighbor() {
            (self.pairs.neighbors, self.pairs.neighbor_weights) = (nothing(), Vec::new());
        }
        if without.ease() {
            self.item_weights = ItemWeights::none();
            self.recent_ease.clear();
        }
        if without.trend() {
            self.trend.fill(0.0);
        }
    }

    fn write(
        &self,
        view: &HistoryView,
        params: &CheckedParams,
        choice: &Choice,
        writer: &mut SnapshotWriter,
    ) {
        columns::write(writer, view, &self.categories);
        writer.add(names::N_BASKETS, &self.n_baskets_of);
        popularity::write(&self.trend, writer);
        self.segments.write(writer);
        self.pairs.write(writer);
        self.item_weights.write(view.n_items(), writer);
        self.content.write(writer);
        self.customers.write(writer);
        writer.add(names::BLEND, &choice.blend.to_flat());
        if choice.has_ranker {
            ranker::facts::write(view, params.fading.knn_length_exponent, writer);
            writer.add(score::ranker::tables::names::EASE, &self.recent_ease);
        }
        choice.ranker.write(writer);
    }
}

/// What sells to each segment; nothing where there are none, or where it is left out.
fn learn_segments(
    view: &HistoryView,
    params: &CheckedParams,
    (trend, choice): (&[f32], &Choice),
    notes: &mut BTreeMap<String, String>,
) -> SegmentTables {
    if params.without.segment_popularity() || params.without.trend() || view.segments.is_empty() {
        return SegmentTables::default();
    }
    let weights = recency::weights(&view.baskets, choice.half_lives.trend);
    let learned = segments::learn(view, &weights, trend);
    notes.extend(learned.note.map(|note| ("segments".to_owned(), note)));
    learned.tables
}

/// The same baskets, of nobody known.
fn of_strangers(view: &HistoryView) -> HistoryView {
    let mut view = view.clone();
    view.baskets.customers.fill(NO_CUSTOMER);
    view
}

fn note_memory(
    asked: &CheckedParams,
    params: &CheckedParams,
    notes: &mut BTreeMap<String, String>,
) {
    if params != asked {
        let weights = match params.ease_max_items == 1 && asked.ease_max_items > 1 {
            true => "a sparse inverse in place of EASE".into(),
            false => format!("EASE for at most {} items", params.ease_max_items),
        };
        let note = format!(
            "to stay within {} MiB: {weights}, blend tuned on at most {} baskets",
            asked.memory_limit_bytes >> 20,
            params.blend_max_baskets
        );
        let note = match params.ranker.max_cases {
            0 => format!("{note}, no ranker"),
            n if n < asked.ranker.max_cases => format!("{note}, ranker on {n} cases a fold"),
            _ => note,
        };
        let next = &params.next_basket;
        let note = match next.ranker.max_groups {
            _ if next.max_baskets == 0 => format!("{note}, no next baskets"),
            n if n < asked.next_basket.ranker.max_groups => {
                format!("{note}, next baskets on {n} cases")
            }
            _ => note,
        };
        notes.insert("memory".into(), note);
    }
}

fn note_pairs(
    params: &CheckedParams,
    choice: &Choice,
    prior: f64,
    weights: &BasketWeights,
    pairs: &pairs::PairTables,
    notes: &mut BTreeMap<String, String>,
) {
    let half_life = choice.half_lives.pairs.map_or("none".into(), |days| format!("{days:.0} days"));
    notes.insert("pairs.half_life".into(), half_life);
    notes.insert("pairs.prior".into(), format!("{prior} baskets"));
    notes.insert("pairs.per_item".into(), params.pairs.per_item.to_string());
    notes.insert("pairs.seen".into(), pairs.n_seen.to_string());
    notes.insert(
        "pairs.significant".into(),
        format!(
            "{} of those kept, both directions, at a false discovery rate of {} over {} pairs that \
             could have been seen",
            pairs.n_significant, params.pairs.false_discovery_rate, pairs.n_tests
        ),
    );
    if weights.n_left_out > 0 {
        let note = format!(
            "{} baskets of more than {} items give no pairs",
            weights.n_left_out, params.max_basket_items
        );
        notes.insert("pairs.left_out".into(), note);
    }
}

fn provenance_of(
    view: &HistoryView,
    params: &CheckedParams,
    parameters: BTreeMap<String, String>,
) -> Provenance {
    let span = view.span();
    Provenance {
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        data_from: span.map(|(first, _)| first.to_string()),
        data_to: span.map(|(_, last)| last.to_string()),
        n_baskets: view.baskets.len() as u64,
        n_lines: view.baskets.items.indices.len() as u64,
        n_items: view.n_items() as u64,
        n_customers: u64::from(view.n_customers),
        seed: params.seed,
        parameters,
        sources: view.provenance.iter().cloned().collect(),
    }
}
