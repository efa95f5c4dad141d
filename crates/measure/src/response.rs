//! What came of offers, held against what was expected of them: a factor for each kind of offer,
//! corrected for where it stood, and no bolder than the data.
//!
//! ```text
//! factor(kind) = m(kind) · v(kind)        responses to what was expected, worth of a response
//!
//! o = responses of a kind        e = Σ base(rung) · position(p) · score    of what was seen of it
//! base(rung)     so that Σ o = Σ e in each rung
//! position(p) = (Σ_p o + 20) / (Σ_p base · m · score + 20), that of the first place 1
//! m(relation)               = (o + A) / (e + A)
//! m(relation, item)         = (o + A · m(relation)) / (e + A)
//! m(relation, item, context), m(relation, context)   likewise, under what stands above them
//!
//! v              likewise, of  o = Σ worth / φ  and  e = responses · W / φ
//! W = Σ worth / Σ responses,  φ = Σ worth² / Σ worth   over the placement: events worth as much
//! ```
//!
//! A Poisson count with a Gamma prior around the coarser kind's mean (Gelman et al., "Bayesian Data
//! Analysis", 3rd ed. 2013, section 2.6), whose shape A is worth 4 events: a factor is spread by a
//! half before anything is seen. Steps of different worth make a quasi-Poisson count with
//! dispersion φ (McCullagh and Nelder, "Generalized Linear Models", 2nd ed. 1989, section 6.2).
//! Responses and what they are worth are told apart because the first are many and soon known, the
//! sales among them few: together they would be as uncertain as the sales. Positions: the
//! examination model of M. Richardson, E. Dominowska, R. Ragno, "Predicting clicks", WWW 2007,
//! fitted in turns with the factors. The score takes the place of an unknown probability: times the
//! factor it is in proportion to what comes of an offer.
//!
//! Limits: factors lie between 1/4 and 4, and a kind that was seen fewer than 50 times, or of which
//! less than one response was to be expected, has none. Scores of one rung must be on one scale:
//! offers that stand where they do for another reason than their score are left out by the caller.
//! Complexity: rounds × cells, fewer than 200 rounds where the positions stand still.

use std::collections::{BTreeMap, BTreeSet};

/// Events that the prior is worth.
pub const PRIOR: f64 = 4.0;
/// The same for positions, of which there are few.
const PRIOR_OF_POSITION: f64 = 20.0;
pub const LEAST: f64 = 0.25;
pub const MOST: f64 = 4.0;
/// Offers of a kind that were seen, before anything is said of it.
pub const MIN_SEEN: f64 = 50.0;
pub const MIN_EXPECTED: f64 = 1.0;
/// Where the same offers always stand in front, it takes long to tell what the place does from what
/// they do: after 12 turns half of it is told, after 100 nearly all.
const N_ROUNDS: usize = 200;
/// A turn in which no place moves further is the last.
const LEAST_MOVE: f64 = 1e-4;

/// Offers of one kind that were seen at one place, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Scores of different rungs have different scales.
    pub rung: u8,
    pub relation: u8,
    pub item: u32,
    pub context: u8,
    /// From 0.
    pub position: u8,
    pub n: f64,
    /// Sum of the scores, without what was learned here before.
    pub score: f64,
    /// Of these, offers to which somebody responded.
    pub responses: f64,
    /// What the responses were worth.
    pub worth: f64,
    /// Sum of the squares.
    pub worth2: f64,
}

/// A kind of offers: all of a relation, or those of an item, of a context, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    pub relation: u8,
    pub item: Option<u32>,
    pub context: Option<u8>,
}

/// What was learned of one placement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    /// Without those of which too little is known.
    pub factors: BTreeMap<Kind, f64>,
    /// How much more comes of the first place than of each; 1 for the first.
    pub positions: Vec<f64>,
    pub n_seen: f64,
    pub worth: f64,
}

/// Events, and how many were to be expected.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    o: f64,
    e: f64,
}

impl Sums {
    fn mean_under(&self, above: f64) -> f64 {
        (self.o + PRIOR * above) / (self.e + PRIOR)
    }
}

/// Of a cell, what all kinds that it belongs to are; the finest last.
fn kinds_of(cell: &Seen) -> [Kind; 4] {
    let Seen { relation, item, context, .. } = *cell;
    [(None, None), (None, Some(context)), (Some(item), None), (Some(item), Some(context))]
        .map(|(item, context)| Kind { relation, item, context })
}

fn above(kind: &Kind) -> Option<Kind> {
    let Kind { relation, item, context } = *kind;
    match (item, context) {
        (None, None) => None,
        (Some(_), Some(_)) => Some(Kind { context: None, ..*kind }),
        _ => Some(Kind { relation, item: None, context: None }),
    }
}

/// All kinds in order, so that each comes after the one above it.
struct Kinds {
    all: Vec<Kind>,
    above: Vec<Option<usize>>,
    of_cells: Vec<[usize; 4]>,
}

impl Kinds {
    fn of(cells: &[&Seen]) -> Kinds {
        let all: BTreeSet<Kind> = cells.iter().flat_map(|cell| kinds_of(cell)).collect();
        let all: Vec<Kind> = all.into_iter().collect();
        let at = |kind: Kind| all.binary_search(&kind).expect("a cell brings all of its kinds");
        let above = all.iter().map(|kind| above(kind).map(at)).collect();
        let of_cells = cells.iter().map(|cell| kinds_of(cell).map(at)).collect();
        Kinds { above, of_cells, all }
    }

    fn sums(&self, cells: &[&Seen], of: impl Fn(&Seen) -> Sums) -> Vec<Sums> {
        let mut all = vec![Sums::default(); self.all.len()];
        for (cell, kinds) in cells.iter().zip(&self.of_cells) {
            let Sums { o, e } = of(cell);
            for &kind in kinds {
                all[kind].o += o;
                all[kind].e += e;
            }
        }
        all
    }

    /// Each drawn to the one above it.
    fn means(&self, sums: &[Sums]) -> Vec<f64> {
        let mut means: Vec<f64> = Vec::with_capacity(sums.len());
        for (sums, above) in sums.iter().zip(&self.above) {
            means.push(sums.mean_under(above.map_or(1.0, |above| means[above])));
        }
        means
    }
}

/// Learns the factors of one placement. Cells with a score that is not above 0 say nothing.
/// `start`: the positions as they were found last, so that few turns are needed; may be empty.
pub fn fit(cells: &[Seen], start: &[f64]) -> Fit {
    let cells: Vec<&Seen> = cells.iter().filter(|cell| cell.score > 0.0 && cell.n > 0.0).collect();
    let sum = |of: fn(&Seen) -> f64| cells.iter().map(|cell| of(cell)).sum::<f64>();
    let n_positions = cells.iter().map(|cell| usize::from(cell.position) + 1).max().unwrap_or(0);
    let mut fit = Fit {
        positions: vec![1.0; n_positions],
        n_seen: sum(|c| c.n),
        worth: sum(|c| c.worth),
        ..Fit::default()
    };
    let (n_responses, worth2) = (sum(|c| c.responses), sum(|c| c.worth2));
    if !(n_responses > 0.0 && fit.worth > 0.0 && worth2 > 0.0) {
        return fit;
    }
    for (position, start) in fit.positions.iter_mut().zip(start) {
        *position = *start;
    }
    let kinds = Kinds::of(&cells);
    let (mut sums, mut means) = (Vec::new(), Vec::new());
    for _ in 0..N_ROUNDS {
        let bases = bases(&cells, &fit.positions);
        let base = |cell: &Seen| bases[usize::from(cell.rung)] * cell.score;
        sums = kinds.sums(&cells, |cell| Sums {
            o: cell.responses,
            e: fit.positions[usize::from(cell.position)] * base(cell),
        });
        means = kinds.means(&sums);
        let mut places = vec![Sums::default(); n_positions];
        for (cell, [.., finest]) in cells.iter().zip(&kinds.of_cells) {
            let place = &mut places[usize::from(cell.position)];
            place.o += cell.responses;
            place.e += means[*finest] * base(cell);
        }
        let next = positions(&places);
        let moves = next.iter().zip(&fit.positions).map(|(next, before)| (next - before).abs());
        let moved = moves.fold(0.0, f64::max);
        fit.positions = next;
        if moved < LEAST_MOVE {
            break;
        }
    }
    let dispersion = worth2 / fit.worth;
    let mean_worth = fit.worth / n_responses;
    let values = kinds.means(&kinds.sums(&cells, |cell| Sums {
        o: cell.worth / dispersion,
        e: cell.responses * mean_worth / dispersion,
    }));
    let seen = kinds.sums(&cells, |cell| Sums { o: cell.n, e: 0.0 });
    let known = (0..kinds.all.len())
        .filter(|&at| seen[at].o >= MIN_SEEN && sums[at].e >= MIN_EXPECTED)
        .map(|at| (kinds.all[at], (means[at] * values[at]).clamp(LEAST, MOST)));
    fit.factors = known.collect();
    fit
}

/// By rung.
fn bases(cells: &[&Seen], positions: &[f64]) -> Vec<f64> {
    let mut sums = vec![Sums::default(); usize::from(u8::MAX) + 1];
    for cell in cells {
        let sums = &mut sums[usize::from(cell.rung)];
        sums.o += cell.responses;
        sums.e += positions[usize::from(cell.position)] * cell.score;
    }
    sums.iter().map(|sums| sums.o / sums.e).collect()
}

fn positions(places: &[Sums]) -> Vec<f64> {
    let prior = PRIOR_OF_POSITION;
    let raw: Vec<f64> = places.iter().map(|place| (place.o + prior) / (place.e + prior)).collect();
    raw.iter().map(|position| position / raw[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn seen(item: u32, position: u8, n: f64, worth: f64) -> Seen {
        let score = n * 0.1;
        Seen { item, position, n, score, responses: worth, worth, worth2: worth, ..Seen::default() }
    }

    fn of_item(item: u32) -> Kind {
        Kind { relation: 0, item: Some(item), context: None }
    }

    /// One place, one rung, clicks only: the formula on paper.
    #[test]
    fn at_one_place_it_is_the_count_over_what_was_expected_drawn_to_the_mean() {
        let cells = [seen(1, 0, 1_000.0, 30.0), seen(2, 0, 1_000.0, 10.0)];
        let fit = fit(&cells, &[]);
        // 40 events on 200 of score: 20 were to be expected of each.
        assert!((fit.factors[&of_item(1)] - (30.0 + 4.0) / (20.0 + 4.0)).abs() < 1e-9, "{fit:?}");
        assert!((fit.factors[&of_item(2)] - (10.0 + 4.0) / (20.0 + 4.0)).abs() < 1e-9);
        let all = Kind { relation: 0, item: None, context: None };
        assert!((fit.factors[&all] - 1.0).abs() < 1e-9);
        // Under the item's mean, from the same data once more.
        let context = Kind { context: Some(0), ..of_item(1) };
        let mean = 34.0 / 24.0;
        assert!((fit.factors[&context] - (30.0 + 4.0 * mean) / 24.0).abs() < 1e-9);
    }

    #[test]
    fn what_a_response_is_worth_moves_the_factor_as_slowly_as_it_is_known() {
        // As many clicks; of one item a third of them are sales, of the other none.
        let clicks = |item, n: f64, sales: f64| Seen {
            worth: 0.1 * (n - sales) + sales,
            worth2: 0.01 * (n - sales) + sales,
            ..seen(item, 0, 1_000.0, n)
        };
        let cells = [clicks(1, 30.0, 10.0), clicks(2, 30.0, 0.0)];
        let (worth, worth2) = (12.0 + 3.0, 10.2 + 0.3);
        let phi = worth2 / worth;
        let e = 30.0 * (worth / 60.0) / phi;
        let expected = |worth: f64| (worth / phi + 4.0) / (e + 4.0);
        let fitted = fit(&cells, &[]);
        assert!((fitted.factors[&of_item(1)] - expected(12.0)).abs() < 1e-9, "{fitted:?}");
        assert!((fitted.factors[&of_item(2)] - expected(3.0)).abs() < 1e-9);
        // All worth a tenth: as clicks alone.
        let tenth =
            |cell: Seen| Seen { worth: cell.worth / 10.0, worth2: cell.worth / 100.0, ..cell };
        let (plain, other) = (seen(1, 0, 1_000.0, 30.0), seen(2, 0, 1_000.0, 10.0));
        let (one, two) = (fit(&[plain, other], &[]), fit(&[tenth(plain), tenth(other)], &[]));
        assert_eq!(one.factors.len(), two.factors.len());
        for (kind, factor) in &one.factors {
            assert!((factor - two.factors[kind]).abs() < 1e-9, "{kind:?}");
        }
    }

    #[test]
    fn of_little_nothing_is_said_and_of_much_no_more_than_four_times() {
        let few = [seen(1, 0, 49.0, 20.0), seen(2, 0, 100_000.0, 900.0)];
        let fitted = fit(&few, &[]);
        assert!(!fitted.factors.contains_key(&of_item(1)), "seen 49 times");
        assert!(fitted.factors.contains_key(&of_item(2)));
        let rare = [seen(1, 0, 60.0, 0.0), seen(2, 0, 100_000.0, 900.0)];
        assert!(
            !fit(&rare, &[]).factors.contains_key(&of_item(1)),
            "half an event was to be expected"
        );
        let wide = [seen(1, 0, 1_000.0, 900.0), seen(2, 0, 100_000.0, 900.0)];
        let fitted = fit(&wide, &[]);
        assert_eq!(fitted.factors[&of_item(1)], MOST);
        assert!(fit(&[], &[]).factors.is_empty());
        assert!(fit(&[seen(1, 0, 500.0, 0.0)], &[]).factors.is_empty(), "nothing ever came of it");
        let odd = Seen { score: f64::NAN, ..seen(1, 0, 500.0, 3.0) };
        assert!(fit(&[odd], &[]).factors.is_empty());
    }

    /// Items of known appeal that nearly always stand in the same order: what the place does must
    /// not be taken for what the item does. By clicks over answers alone, the third would have 0.4
    /// of its appeal and the last 0.2; a few hundred clicks of those that changed places tell.
    #[test]
    fn the_place_is_not_taken_for_the_item() {
        let appeal = [1.0, 0.6, 1.8, 1.2, 0.5, 0.9];
        let place = [1.0, 0.6, 0.4, 0.3, 0.25, 0.2];
        let mut chance = ChaCha8Rng::seed_from_u64(3);
        let mut cells: BTreeMap<(u32, u8), Seen> = BTreeMap::new();
        for _ in 0..200_000 {
            let mut order: Vec<usize> = (0..6).collect();
            // Nearly always the same order: two neighbors change places in one answer of five.
            if chance.random_bool(0.2) {
                let at = chance.random_range(0..5);
                order.swap(at, at + 1);
            }
            for (position, &item) in order.iter().enumerate() {
                let cell = cells.entry((item as u32, position as u8)).or_insert(Seen {
                    item: item as u32,
                    position: position as u8,
                    ..Seen::default()
                });
                let clicked = chance.random_bool(0.1 * appeal[item] * place[position]);
                cell.n += 1.0;
                cell.score += 0.3;
                let clicked = f64::from(u8::from(clicked));
                cell.responses += clicked;
                cell.worth += clicked;
                cell.worth2 += clicked;
            }
        }
        let cells: Vec<Seen> = cells.into_values().collect();
        let fit = fit(&cells, &[]);
        let again = super::fit(&cells, &fit.positions);
        for (found, before) in again.positions.iter().zip(&fit.positions) {
            assert!((found - before).abs() < 5e-3, "from where it ended it hardly goes on");
        }
        let first = fit.factors[&of_item(0)];
        for (item, appeal) in (0..).zip(appeal) {
            let found = fit.factors[&of_item(item)] / first;
            assert!((found / appeal - 1.0).abs() < 0.35, "item {item}: {found}, truly {appeal}");
        }
        for (found, truly) in fit.positions.iter().zip(place).take(4) {
            assert!((found / truly - 1.0).abs() < 0.35, "{:?}", fit.positions);
        }
    }

    #[test]
    fn a_context_of_its_own_has_a_factor_of_its_own_and_rungs_their_own_scale() {
        let cell = |rung, context, score: f64, worth| Seen {
            rung,
            context,
            item: 1 + u32::from(rung),
            n: 2_000.0,
            score: 2_000.0 * score,
            responses: worth,
            worth,
            worth2: worth,
            ..Seen::default()
        };
        let cells = [
            cell(0, 2, 0.1, 150.0),
            cell(0, 6, 0.1, 50.0),
            cell(1, 2, 90.0, 100.0),
            cell(1, 6, 90.0, 100.0),
        ];
        let fit = fit(&cells, &[]);
        let of = |item, context| fit.factors[&Kind { relation: 0, item: Some(item), context }];
        assert!(of(1, Some(2)) > 1.4 && of(1, Some(6)) < 0.6, "{:?}", fit.factors);
        assert!((of(2, None) - 1.0).abs() < 0.02 && (of(1, None) - 1.0).abs() < 0.02);
    }
}
