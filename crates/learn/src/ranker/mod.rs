//! Learning to rank: heads of boosted trees on the inner split, published only where they win.

pub mod cases;
pub mod facts;

use crate::boost::{self, BoostParams, Objective, RankingSet, Start};
use crate::error::Error;
use crate::split::Case;
use cases::{Flat, Kitchen, Prepared};
use measure::ranking::ndcg_at;
use score::Trees;
use score::blend::{Blend, CartSize, N_SIZES};
use score::ranker::tables::RankTables;
use score::ranker::{
    Heads, MIX, N_GATE_FEATURES, RankScratch, SCHEMA, SIZES, is_bought, schema, section_of, softmax,
};
use snapshot::{Snapshot, SnapshotWriter};
use std::collections::BTreeMap;

/// Fewer groups than this train no head.
const MIN_GROUPS: usize = 300;

/// How the heads are trained.
#[derive(Clone, Debug, PartialEq)]
pub struct RankerParams {
    /// Cases of one size of cart that heads learn from; a third as many watch, and check.
    pub max_cases: usize,
    pub boost: BoostParams,
}

impl Default for RankerParams {
    fn default() -> RankerParams {
        RankerParams {
            max_cases: 4_000,
            boost: BoostParams {
                objective: Objective::LambdaMart { truncation: 20 },
                n_trees: 150,
                max_leaves: 15,
                learning_rate: 0.08,
                min_rows_in_leaf: 100,
                l2: 10.0,
                feature_fraction: 0.5,
                group_fraction: 0.6,
                early_stop_rounds: 25,
                seed: 42,
            },
        }
    }
}

/// Heads by size of cart.
#[derive(Clone, Debug, Default)]
pub struct LearnedRanker {
    pub heads: [Option<Heads>; N_SIZES],
}

/// Tenths of the history after which cases are taken to learn from; the last tenth is kept to
/// watch and to check.
pub const FOLDS: [usize; 3] = [6, 7, 8];

const ALL_SIZES: [CartSize; N_SIZES] = [CartSize::Single, CartSize::Few, CartSize::Many];

/// What one size of cart learns from.
#[derive(Clone, Debug, Default)]
struct Fit {
    /// Discoveries and re-orders.
    heads: [Flat; 2],
    gates: Vec<f32>,
    is_reorder: Vec<f32>,
}

/// Collects cases of several folds, then trains.
pub struct Trainer<'a> {
    blend: &'a Blend,
    params: &'a RankerParams,
    fits: [Fit; N_SIZES],
}

impl<'a> Trainer<'a> {
    pub fn new(blend: &'a Blend, params: &'a RankerParams) -> Trainer<'a> {
        Trainer { blend, params, fits: Default::default() }
    }

    /// `inner`: learned from the baskets before the cases.
    pub fn add_fold(&mut self, inner: &Snapshot, cases: &[Case]) -> Result<(), Error> {
        let Some(tables) = RankTables::open(inner)? else { return Ok(()) };
        for (size, fit) in ALL_SIZES.into_iter().zip(&mut self.fits) {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let prepared = kitchen.prepare_all(&cases::of_size(cases, size, self.params.max_cases));
            for (reorder, flat) in [false, true].into_iter().zip(&mut fit.heads) {
                flat.add(&prepared, reorder);
            }
            fit.gates.extend(prepared.iter().flat_map(|case| case.gate));
            let reorders = prepared.iter().map(|case| f32::from(u8::from(case.is_reorder)));
            fit.is_reorder.extend(reorders);
        }
        Ok(())
    }

    /// Trains all sizes, watched and checked on the newest cases.
    pub fn finish(
        self,
        inner: &Snapshot,
        cases: &[Case],
        notes: &mut BTreeMap<String, String>,
    ) -> Result<LearnedRanker, Error> {
        let mut learned = LearnedRanker::default();
        let Some(tables) = RankTables::open(inner)? else { return Ok(learned) };
        let (early, late) = cases.split_at(cases.len() / 2);
        for (at, (size, fit)) in ALL_SIZES.into_iter().zip(self.fits).enumerate() {
            let kitchen = Kitchen { inner, tables: &tables, blend: self.blend, size };
            let part = |cases: &[Case]| {
                kitchen.prepare_all(&cases::of_size(cases, size, self.params.max_cases))
            };
            let (heads, note) = learn_size(fit, &part(early), &part(late), self.params, at)?;
            notes.insert(format!("ranker.{}", SIZES[at]), note);
            learned.heads[at] = heads;
        }
        Ok(learned)
    }
}

impl LearnedRanker {
    pub fn write(&self, writer: &mut SnapshotWriter) {
        if self.heads.iter().all(Option::is_none) {
            return;
        }
        let mut mix: Vec<f32> = Vec::new();
        for (size, heads) in self.heads.iter().enumerate() {
            let of = |heads: &Heads| [heads.temperatures, heads.starts].concat();
            mix.extend(heads.as_ref().map_or(vec![0.0; 4], of));
            if let Some(heads) = heads {
                writer.add(&section_of(size, "discover"), &heads.discover.to_words());
                writer.add(&section_of(size, "replenish"), &heads.replenish.to_words());
                writer.add(&section_of(size, "gate"), &heads.gate.to_words());
            }
        }
        writer.add(MIX, &mix);
        writer.add(SCHEMA, &[schema()]);
    }
}

fn learn_size(
    fit: Fit,
    watch: &[Prepared],
    check: &[Prepared],
    params: &RankerParams,
    size: usize,
) -> Result<(Option<Heads>, String), Error> {
    if let Ok(dir) = std::env::var("DUMP") {
        dump(&dir, size, &fit, watch, check);
        return Ok((None, "dumped".into()));
    }
    let n_groups = [0, 1].map(|head| fit.heads[head].group_ends.len());
    if n_groups[0] < MIN_GROUPS {
        let note =
            format!("the blend: {} cases, {MIN_GROUPS} are needed to learn from", n_groups[0]);
        return Ok((None, note));
    }
    let (discover, start_d) = train_head(&fit.heads[0], watch, false, params)?;
    let (replenish, start_r) = train_head(&fit.heads[1], watch, true, params)?;
    let mut heads = Heads {
        gate: train_gate(&fit, params)?,
        temperatures: [1.0; 2],
        starts: [start_d, start_r],
        discover,
        replenish,
    };
    heads.temperatures = [false, true].map(|reorder| temperature_of(&heads, watch, reorder));
    let verdict = Verdict::of(&heads, check);
    let note = format!(
        "{} on {} discoveries and {} re-orders, {} and {} trees: {verdict}",
        if verdict.wins() { "two heads" } else { "the blend; heads learned" },
        n_groups[0],
        n_groups[1],
        heads.discover.n_trees(),
        heads.replenish.n_trees(),
    );
    Ok((verdict.wins().then_some(heads), note))
}

fn dump(dir: &str, size: usize, fit: &Fit, watch: &[Prepared], check: &[Prepared]) {
    let b = |v: &[f32]| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    for reorder in [false, true] {
        for n in ["fit", "watch", "check"] {
            let mut f = Flat::default();
            let mut r: Vec<f32> = vec![];
            if n == "fit" {
                f = fit.heads[usize::from(reorder)].clone();
            } else {
                let p = if n == "watch" { watch } else { check };
                f.add(p, reorder);
                let own: Vec<&Prepared> = p.iter().filter(|c| c.is_reorder == reorder).collect();
                eprintln!(
                    "{size} {n} {reorder} found {:.3} of {}",
                    f.group_ends.len() as f64 / own.len().max(1) as f64,
                    own.len()
                );
                r.push(own.len() as f32);
                r.extend(
                    own.iter()
                        .filter(|c| c.target.is_some())
                        .map(|c| c.ranks[0].min(100000) as f32),
                );
            }
            let name = format!("{dir}/{}.{n}.{reorder}", SIZES[size]);
            std::fs::write(format!("{name}.f"), b(&f.features)).unwrap();
            std::fs::write(format!("{name}.l"), b(&f.labels)).unwrap();
            std::fs::write(
                format!("{name}.e"),
                f.group_ends.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>(),
            )
            .unwrap();
            std::fs::write(format!("{name}.r"), b(&r)).unwrap();
        }
    }
}

/// Trees of one head and the weight of the blend that they begin with.
fn train_head(
    fit: &Flat,
    watch: &[Prepared],
    reorder: bool,
    params: &RankerParams,
) -> Result<(Trees, f32), Error> {
    if fit.group_ends.len() < MIN_GROUPS {
        return Ok((Trees::default(), 1.0));
    }
    let mut watched = Flat::default();
    watched.add(watch, reorder);
    let weight = start_of(fit);
    let (first, first_watched) = (fit.starts(weight), watched.starts(weight));
    let boosted = boost::fit_from(
        Start { set: &fit.set(), scores: &first },
        Some(Start { set: &watched.set(), scores: &first_watched }),
        &params.boost,
    )?;
    Ok((boosted.trees, weight))
}

/// The weight at which the blend alone makes the cases likeliest.
fn start_of(fit: &Flat) -> f32 {
    const TRIED: [f32; 8] = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0];
    let blend = fit.starts(1.0);
    likeliest(&TRIED, |weight| {
        let mut from = 0;
        let mut sum = 0.0;
        for &end in &fit.group_ends {
            let rows = from..end as usize;
            let target = fit.labels[rows.clone()].iter().position(|&label| label > 0.0);
            sum += ln_share(&blend[rows], target.unwrap_or(0), 1.0 / weight);
            from = end as usize;
        }
        sum
    })
}

fn likeliest(tried: &[f32], likelihood: impl Fn(f32) -> f64) -> f32 {
    let values: Vec<(f64, f32)> = tried.iter().map(|&value| (likelihood(value), value)).collect();
    let best = values.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(1.0, |(_, value)| value)
}

/// ln of the target's share in the softmax of these scores.
fn ln_share(scores: &[f32], target: usize, temperature: f32) -> f64 {
    let mut scores = scores.to_vec();
    softmax(&mut scores, temperature);
    f64::from(scores[target].max(1e-9)).ln()
}

/// Is the next item a re-order?
fn train_gate(fit: &Fit, params: &RankerParams) -> Result<Trees, Error> {
    let group_ends: Vec<u32> = (1..=fit.is_reorder.len() as u32).collect();
    let set = RankingSet {
        n_features: N_GATE_FEATURES,
        features: &fit.gates,
        labels: &fit.is_reorder,
        group_ends: &group_ends,
    };
    let params = BoostParams {
        objective: Objective::Logistic,
        n_trees: 60,
        max_leaves: 6,
        learning_rate: 0.1,
        feature_fraction: 1.0,
        ..params.boost.clone()
    };
    Ok(boost::fit(&set, None, &params)?.trees)
}

/// The temperature at which the head's own cases are likeliest.
fn temperature_of(heads: &Heads, cases: &[Prepared], reorder: bool) -> f32 {
    const TRIED: [f32; 9] = [0.3, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.6, 2.2];
    let mut scratch = RankScratch::default();
    let groups: Vec<(Vec<f32>, usize)> = cases
        .iter()
        .filter(|case| case.is_reorder == reorder)
        .filter_map(|case| {
            let target = case.target?;
            scratch.rows.clone_from(&case.rows);
            let scores = heads.score_head(reorder, &mut scratch).to_vec();
            let before = case.rows[..target].iter();
            Some((scores, before.filter(|row| is_bought(row) == reorder).count()))
        })
        .collect();
    likeliest(&TRIED, |temperature| {
        groups.iter().map(|(scores, target)| ln_share(scores, *target, temperature)).sum()
    })
}

/// Mean NDCG@10 and HR@10 on cases that nothing was learned from.
struct Verdict {
    n_new: usize,
    n_all: usize,
    /// Ranker, blend, EASE, pairs, neighbors; among discoveries (what was bought is masked).
    new: [f64; 5],
    /// Ranker and blend, everything.
    all: [f64; 2],
    hits: [f64; 4],
}

impl Verdict {
    fn of(heads: &Heads, cases: &[Prepared]) -> Verdict {
        let mut verdict =
            Verdict { n_new: 0, n_all: 0, new: [0.0; 5], all: [0.0; 2], hits: [0.0; 4] };
        let mut scratch = RankScratch::default();
        for case in cases {
            scratch.rows.clone_from(&case.rows);
            heads.score(&mut scratch);
            let rank = |masked: bool| match case.target {
                None => usize::MAX,
                Some(target) => {
                    let scores = scratch.scores();
                    let others = scores.iter().zip(&case.rows);
                    let counted = others.filter(|(_, row)| !masked || !is_bought(row));
                    1 + counted.filter(|(score, _)| **score > scores[target]).count()
                }
            };
            verdict.n_all += 1;
            verdict.all[0] += ndcg_at(rank(false), 10);
            verdict.hits[0] += f64::from(u8::from(rank(false) <= 10));
            if !case.is_reorder {
                verdict.n_new += 1;
                verdict.new[0] += ndcg_at(rank(true), 10);
                verdict.hits[2] += f64::from(u8::from(rank(true) <= 10));
                for (sum, &rank) in verdict.new[1..].iter_mut().zip(&case.ranks) {
                    *sum += ndcg_at(rank, 10);
                }
                verdict.hits[3] += f64::from(u8::from(case.ranks[0] <= 10));
            }
        }
        let n_new = verdict.n_new.max(1) as f64;
        verdict.new.iter_mut().chain(&mut verdict.hits[2..]).for_each(|sum| *sum /= n_new);
        let n_all = verdict.n_all.max(1) as f64;
        verdict.all.iter_mut().chain(&mut verdict.hits[..2]).for_each(|sum| *sum /= n_all);
        verdict
    }

    fn wins(&self) -> bool {
        self.new[1..].iter().all(|&other| self.new[0] > other)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "NDCG@10 on {} discoveries {:.4}, blend {:.4}, ease {:.4}, pairs {:.4}, neighbors {:.4}",
            self.n_new, self.new[0], self.new[1], self.new[2], self.new[3], self.new[4]
        )?;
        write!(
            f,
            "; HR {:.4} blend {:.4}; all {} NDCG {:.4} HR {:.4}",
            self.hits[2], self.hits[3], self.n_all, self.all[0], self.hits[0]
        )
    }
}
