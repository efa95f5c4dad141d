//! What an item does apart from its place: how much oftener it is taken than others that sell as
//! well and stood at the same place of the same list.
//!
//! ```text
//! at place p of list l, of the responses there item i has the share
//!     q(i | l, p) = s(l, p, i) · r(i) / Σ_j s(l, p, j) · r(j)     s: sum of the scores seen there
//! r(i) = (o(i) + A) / (e(i) + A)                                  o: responses
//! e(i) = Σ_(l, p) O(l, p) · s(i) / Σ_j s(j) · r(j)
//! v(i) = (Σ worth / φ + A) / (o(i) · W / φ + A)       W, φ and A as in `response`
//! ratio(i) = r(i) · v(i), from 1/4 to 4
//! ```
//!
//! How often a place is looked at at all is left free for every place of every list (O is given):
//! where one item alone ever stood, nothing is told of it, and a list that never changes its order
//! gives the ratio 1 to all. A Bradley-Terry model of many with a Gamma prior around 1; the turns
//! are D. Hunter's (MM algorithms for generalized Bradley-Terry models, Annals of Statistics 2004)
//! for the mode of F. Caron and A. Doucet (Efficient Bayesian inference for generalized
//! Bradley-Terry models, JCGS 2012). They begin at 1 and rise to the mode: ending early is timid.
//!
//! Complexity: turns × cells. An item seen fewer than 50 times, or of which less than one response
//! was to be expected, has no ratio.

use crate::response::{LEAST, MIN_EXPECTED, MIN_SEEN, MOST, PRIOR};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// With fewer customers or visits that took something nothing is judged: their mean is not yet
/// near enough to normal. The usual rule of thumb.
pub const MIN_UNITS: usize = 30;
const N_TURNS: usize = 500;
/// A turn in which no ratio moves further is the last.
const LEAST_MOVE: f64 = 1e-6;

/// A place of a list of which the order alone is known, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// What is ranked together: of one kind, category and context.
    pub list: u64,
    pub position: u8,
}

/// What came of an item at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    pub place: Place,
    pub item: u32,
    pub n: f64,
    /// Sum of the scores.
    pub score: f64,
    /// Of these, offers to which somebody responded, what that was worth, and its squares.
    pub responses: f64,
    pub worth: f64,
    pub worth2: f64,
}

/// One response, by the customer or visit that gave it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    pub place: Place,
    pub item: u32,
    pub unit: u64,
    pub worth: f64,
}

/// Ratios, items rising.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ratios(pub Vec<(u32, f64)>);

impl Ratios {
    /// 1 where nothing is known.
    pub fn of(&self, item: u32) -> f64 {
        self.0.binary_search_by_key(&item, |&(item, _)| item).map_or(1.0, |at| self.0[at].1)
    }
}

/// How much better ratios foretell what is taken than scores alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    /// Responses at places at which several items stood, and who gave them.
    pub n_responses: usize,
    pub n_units: usize,
    /// Nats a sale, with its standard error.
    pub mean: f64,
    pub error: f64,
}

impl Gain {
    /// P(a gain as large | none in truth), one side; 1 where too few took anything.
    pub fn p(&self) -> f64 {
        if self.n_units < MIN_UNITS || !(self.error > 0.0) {
            return 1.0;
        }
        let t = StudentsT::new(0.0, 1.0, (self.n_units - 1) as f64).expect("30 or more");
        1.0 - t.cdf(self.mean / self.error)
    }
}

fn is_sound(cell: &Cell) -> bool {
    let Cell { n, score, responses, worth, worth2, .. } = *cell;
    n > 0.0 && score > 0.0 && [n, score, responses, worth, worth2].iter().all(|x| x.is_finite())
}

/// Learns what items do apart from their places. Cells with a score that is not above 0 say
/// nothing.
pub fn fit(cells: &[Cell]) -> Ratios {
    let cells: Vec<&Cell> = cells.iter().filter(|cell| is_sound(cell)).collect();
    let sum = |of: fn(&Cell) -> f64| cells.iter().map(|cell| of(cell)).sum::<f64>();
    let (n_responses, worth, worth2) = (sum(|c| c.responses), sum(|c| c.worth), sum(|c| c.worth2));
    if !(n_responses > 0.0 && worth > 0.0 && worth2 > 0.0) {
        return Ratios::default();
    }
    let items: BTreeSet<u32> = cells.iter().map(|cell| cell.item).collect();
    let items: Vec<u32> = items.into_iter().collect();
    let places: BTreeSet<Place> = cells.iter().map(|cell| cell.place).collect();
    let places: Vec<Place> = places.into_iter().collect();
    let item_of = |cell: &&Cell| items.binary_search(&cell.item).expect("of a cell");
    let place_of = |cell: &&Cell| places.binary_search(&cell.place).expect("of a cell");
    let at: Vec<(usize, usize)> = cells.iter().map(|c| (item_of(c), place_of(c))).collect();
    let by = |n: usize, index: &dyn Fn(usize) -> usize, of: &dyn Fn(&Cell) -> f64| {
        let mut sums = vec![0.0; n];
        cells.iter().enumerate().for_each(|(k, cell)| sums[index(k)] += of(cell));
        sums
    };
    let of_item = |of: &dyn Fn(&Cell) -> f64| by(items.len(), &|k| at[k].0, of);
    let taken = of_item(&|c| c.responses);
    let at_place = by(places.len(), &|k| at[k].1, &|c| c.responses);
    let mut r = vec![1.0; items.len()];
    let mut expected = Vec::new();
    for _ in 0..N_TURNS {
        let mut weight = vec![0.0; places.len()];
        at.iter().zip(&cells).for_each(|(&(i, p), cell)| weight[p] += cell.score * r[i]);
        expected = vec![0.0; items.len()];
        for (&(i, p), cell) in at.iter().zip(&cells) {
            expected[i] += at_place[p] * cell.score / weight[p];
        }
        let next = taken.iter().zip(&expected).map(|(o, e)| (o + PRIOR) / (e + PRIOR));
        let next: Vec<f64> = next.collect();
        let moved = next.iter().zip(&r).map(|(to, from)| (to - from).abs()).fold(0.0, f64::max);
        r = next;
        if moved < LEAST_MOVE {
            break;
        }
    }
    let (phi, mean_worth) = (worth2 / worth, worth / n_responses);
    let (worths, seen) = (of_item(&|c| c.worth), of_item(&|c| c.n));
    let ratio = |i: usize| {
        let v = (worths[i] / phi + PRIOR) / (taken[i] * mean_worth / phi + PRIOR);
        (items[i], (r[i] * v).clamp(LEAST, MOST))
    };
    let is_known = |&i: &usize| seen[i] >= MIN_SEEN && expected[i] >= MIN_EXPECTED;
    Ratios((0..items.len()).filter(is_known).map(ratio).collect())
}

/// What scores and what ratios expect at one place.
#[derive(Clone, Copy, Debug, Default)]
struct AtPlace {
    n_items: usize,
    plain: f64,
    learned: f64,
    /// Sums of b and b² by what the scores expect, b = ln(ratio · plain / learned).
    b: f64,
    b2: f64,
}

/// By how much ratios foretell other responses better than scores alone, within each place:
///
/// ```text
/// T = Σ worth · b,   b = ln(ratio · Σ_j s / Σ_j s · ratio),   mean = T / Σ worth
/// error² = n / (n − 1) · Σ_units (Σ worth · (b − mean))² / (Σ worth)²
/// ```
///
/// and no less than what chance alone does where the scores are right: Σ worth² · Var(b), the
/// variance over the items of the place by their scores.
/// Responses of one customer or visit come together, so units are counted, not responses
/// (linearized ratio; W. Cochran, Sampling Techniques, 3rd ed. 1977, section 6.3). The logarithmic
/// score of I. Good, "Rational decisions", JRSS B 1952.
pub fn gain(ratios: &Ratios, cells: &[Cell], taken: &[Taken]) -> Gain {
    let cells: Vec<&Cell> = cells.iter().filter(|cell| is_sound(cell)).collect();
    let mut places: HashMap<Place, AtPlace> = HashMap::new();
    for cell in &cells {
        let place = places.entry(cell.place).or_default();
        place.n_items += 1;
        place.plain += cell.score;
        place.learned += cell.score * ratios.of(cell.item);
    }
    let better = |item: u32, at: &AtPlace| (ratios.of(item) * at.plain / at.learned).ln();
    for cell in &cells {
        let Some(place) = places.get_mut(&cell.place) else { continue };
        let (b, share) = (better(cell.item, place), cell.score / place.plain);
        place.b += share * b;
        place.b2 += share * b * b;
    }
    let told = |taken: &&Taken| places.get(&taken.place).is_some_and(|at| 1 < at.n_items);
    let told: Vec<&Taken> = taken.iter().filter(told).collect();
    let worth: f64 = told.iter().map(|taken| taken.worth).sum();
    if !(worth > 0.0 && worth.is_finite()) {
        return Gain::default();
    }
    let b = |taken: &Taken| better(taken.item, &places[&taken.place]);
    let mean = told.iter().map(|taken| taken.worth * b(taken)).sum::<f64>() / worth;
    // In a fixed order: sums of floats depend on it.
    let mut of_units: BTreeMap<u64, f64> = BTreeMap::new();
    for taken in &told {
        *of_units.entry(taken.unit).or_default() += taken.worth * (b(taken) - mean);
    }
    let n = of_units.len() as f64;
    let squares: f64 = of_units.values().map(|apart| apart * apart).sum();
    let observed = if n > 1.0 { squares * n / (n - 1.0) } else { f64::INFINITY };
    let of_chance = |taken: &&Taken| {
        let AtPlace { b, b2, .. } = places[&taken.place];
        taken.worth * taken.worth * (b2 - b * b).max(0.0)
    };
    let by_chance: f64 = told.iter().map(of_chance).sum();
    let error = observed.max(by_chance).sqrt() / worth;
    Gain { n_responses: told.len(), n_units: of_units.len(), mean, error }
}

/// Which of several tests hold at a level all in all (S. Holm, "A simple sequentially rejective
/// multiple test procedure", Scandinavian Journal of Statistics 1979): the smallest p against
/// level / m, the next against level / (m − 1), up to the first that fails.
pub fn holm(ps: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let mut holds = vec![false; ps.len()];
    for (rank, &at) in order.iter().enumerate() {
        if !(ps[at] <= level / (ps.len() - rank) as f64) {
            break;
        }
        holds[at] = true;
    }
    holds
}

#[cfg(test)]
mod tests;
