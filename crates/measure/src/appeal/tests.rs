use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SALES: [f64; 8] = [0.12, 0.1, 0.09, 0.08, 0.07, 0.06, 0.05, 0.05];
const PLACES: [f64; 8] = [1.0, 0.8, 0.65, 0.55, 0.5, 0.45, 0.4, 0.35];

/// A shop whose truth is known.
#[derive(Clone, Copy)]
struct Shop {
    n_answers: u64,
    /// Of a hundred answers so many have two neighbors the other way round.
    swapped_percent: u32,
    /// Times sales, of each item.
    appeal: [f64; 8],
    /// Responses an answer.
    rate: f64,
    /// Answers of one visit, in all of which it does the same.
    answers_of_visit: u64,
}

const AS_IT_SELLS: Shop = Shop {
    n_answers: 3_000,
    swapped_percent: 0,
    appeal: [1.0; 8],
    rate: 0.15,
    answers_of_visit: 1,
};

/// What was seen of the older four fifths, and of the newest fifth with each response.
struct World {
    earlier: Vec<Cell>,
    later: Vec<Cell>,
    taken: Vec<Taken>,
}

impl World {
    fn gain(&self) -> Gain {
        gain(&fit(&self.earlier), &self.later, &self.taken)
    }

    fn is_published(&self) -> bool {
        holm(&[self.gain().p()], 0.05)[0]
    }
}

impl Shop {
    fn open(&self, seed: u64) -> World {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut sums: [BTreeMap<(Place, u32), Cell>; 2] = Default::default();
        let mut taken = Vec::new();
        let likely = |item: usize, at: usize| SALES[item] * self.appeal[item] * PLACES[at];
        let all: f64 = (0..8).map(|at| SALES[at] * PLACES[at]).sum();
        for visit in 0..self.n_answers / self.answers_of_visit {
            let mut order: Vec<usize> = (0..8).collect();
            if chance.random_range(0..100) < self.swapped_percent {
                let at = chance.random_range(0..7);
                order.swap(at, at + 1);
            }
            let is_later = 5 * visit * self.answers_of_visit >= 4 * self.n_answers;
            for (at, &item) in order.iter().enumerate() {
                let is_taken = chance.random_bool(self.rate * likely(item, at) / all);
                let worth = [0.1, 0.1, 0.1, 0.4, 1.0][chance.random_range(0..5)];
                let place = Place { list: 0, position: at as u8 };
                let cell = sums[usize::from(is_later)].entry((place, item as u32)).or_default();
                (cell.place, cell.item) = (place, item as u32);
                for _ in 0..self.answers_of_visit {
                    cell.n += 1.0;
                    cell.score += SALES[item];
                    if is_taken {
                        cell.responses += 1.0;
                        cell.worth += worth;
                        cell.worth2 += worth * worth;
                        if is_later {
                            taken.push(Taken { place, item: item as u32, unit: visit, worth });
                        }
                    }
                }
            }
        }
        let [earlier, later] = sums.map(|sums| sums.into_values().collect());
        World { earlier, later, taken }
    }

    fn n_published(&self, n_worlds: u64) -> usize {
        (0..n_worlds).filter(|&seed| self.open(seed).is_published()).count()
    }
}

fn cell(position: u8, item: u32, n: f64, responses: f64) -> Cell {
    let place = Place { list: 0, position };
    let score = 0.1 * n;
    Cell { place, item, n, score, responses, worth: responses, worth2: responses }
}

/// All is taken as it sells, at places of very different appeal. A fixed order says nothing; in one
/// that varies chance alone may pass once in twenty worlds.
#[test]
fn where_all_is_taken_as_it_sells_nothing_is_published() {
    let fixed = Shop { n_answers: 20_000, ..AS_IT_SELLS };
    assert_eq!(fixed.n_published(20), 0);
    let ratios = fit(&fixed.open(7).earlier);
    assert_eq!(ratios.0.len(), 8);
    let of_worth = |&(item, ratio): &(u32, f64)| {
        assert!((ratio - 1.0).abs() < 0.3, "{item}: {ratio}, by what responses are worth alone");
    };
    ratios.0.iter().for_each(of_worth);
    for swapped_percent in [20, 100] {
        let shop = Shop { swapped_percent, ..AS_IT_SELLS };
        let n = shop.n_published(400);
        assert!(n <= 20, "{n} of 400 at {swapped_percent}");
    }
}

#[test]
fn what_is_taken_more_than_it_sells_is_found_where_orders_vary_and_only_there() {
    let mut appeal = [1.0; 8];
    appeal[2] = 2.5;
    let varied = Shop { n_answers: 60_000, swapped_percent: 60, appeal, ..AS_IT_SELLS };
    assert!(varied.n_published(10) >= 9);
    let ratios = fit(&varied.open(3).earlier);
    let others: f64 = (0..8).filter(|item| *item != 2).map(|item| ratios.of(item)).sum();
    let found = ratios.of(2) / (others / 7.0);
    assert!((found / 2.5 - 1.0).abs() < 0.35, "{found}");
    let fixed = Shop { swapped_percent: 0, ..varied };
    assert_eq!(fixed.n_published(10), 0, "the third place, or what stands there");
}

/// Thirty answers in all of which the visit does the same are one response.
#[test]
fn responses_of_one_visit_are_not_taken_for_many() {
    let shop =
        Shop { answers_of_visit: 30, swapped_percent: 100, n_answers: 60_000, ..AS_IT_SELLS };
    let n = shop.n_published(200);
    assert!(n <= 12, "{n} of 200");
    let world = Shop { n_answers: 600, rate: 0.9, ..shop }.open(1);
    assert!(world.gain().n_units < MIN_UNITS && world.gain().p() == 1.0, "{:?}", world.gain());
}

#[test]
fn a_single_response_or_twenty_nine_are_no_reason() {
    let earlier = [cell(0, 1, 400.0, 60.0), cell(0, 2, 400.0, 6.0)];
    let ratios = fit(&earlier);
    let judged = |n: usize| {
        let place = Place { list: 0, position: 0 };
        let one = |unit: usize| Taken { place, item: 1, unit: unit as u64, worth: 1.0 };
        let taken: Vec<Taken> = (0..n).map(one).collect();
        gain(&ratios, &[cell(0, 1, 100.0, n as f64), cell(0, 2, 100.0, 0.0)], &taken)
    };
    assert_eq!(judged(0), Gain::default());
    for n in [1, 29] {
        assert_eq!(judged(n).p(), 1.0, "{n}");
    }
    // All of one item: nothing varies, and yet chance is not nothing.
    let clear = judged(30);
    assert!(clear.error > 0.05 && clear.p() < 0.05, "{clear:?}");
}

/// Turn by turn as written, on three items and three places; and by hand where there is one place.
#[test]
fn ratios_are_those_of_the_formula() {
    let one_place = [cell(0, 1, 1_000.0, 30.0), cell(0, 2, 1_000.0, 10.0)];
    let found = fit(&one_place);
    // r1 (40 r1-free): o1 + A = r1 · (40 / (r1 + r2) + A), so r1 + r2 = 2 and r1 = 34 / 24.
    assert!((found.of(1) - 34.0 / 24.0).abs() < 1e-5, "{found:?}");
    assert!((found.of(2) - 14.0 / 24.0).abs() < 1e-5);
    let cells = [
        cell(0, 1, 900.0, 60.0),
        cell(0, 2, 300.0, 10.0),
        cell(1, 2, 800.0, 20.0),
        cell(1, 3, 400.0, 20.0),
        cell(2, 3, 700.0, 5.0),
    ];
    let found = fit(&cells);
    for item in 1..=3 {
        let own = cells.iter().filter(|cell| cell.item == item);
        let o: f64 = own.clone().map(|cell| cell.responses).sum();
        let e = own.map(|cell| {
            let there = || cells.iter().filter(|other| other.place == cell.place);
            let responses: f64 = there().map(|other| other.responses).sum();
            let weight: f64 = there().map(|other| other.score * found.of(other.item)).sum();
            responses * cell.score / weight
        });
        // What a response is worth is the same everywhere.
        let r = (o + 4.0) / (e.sum::<f64>() + 4.0);
        assert!((found.of(item) - r).abs() < 1e-4, "{item}: {} {r}", found.of(item));
    }
}

#[test]
fn of_odd_numbers_and_of_little_nothing_is_said() {
    assert_eq!(fit(&[]), Ratios::default());
    assert_eq!(fit(&[cell(0, 1, 500.0, 0.0)]), Ratios::default());
    let sound = [cell(0, 1, 1_000.0, 30.0), cell(0, 2, 1_000.0, 10.0)];
    let odd = |change: fn(&mut Cell)| {
        let mut odd = cell(0, 3, 1_000.0, 10.0);
        change(&mut odd);
        fit(&[sound[0], sound[1], odd])
    };
    for found in [
        odd(|cell| cell.score = f64::NAN),
        odd(|cell| cell.score = 0.0),
        odd(|cell| cell.worth = f64::INFINITY),
        odd(|cell| cell.n = -1.0),
    ] {
        assert_eq!(found, fit(&sound));
    }
    let few = fit(&[sound[0], sound[1], cell(0, 3, 49.0, 20.0)]);
    assert_eq!((few.of(3), few.0.len()), (1.0, 2), "seen 49 times");
    let mut wide: Vec<Cell> = (2..20).map(|item| cell(0, item, 10_000.0, 90.0)).collect();
    wide.push(cell(0, 1, 1_000.0, 900.0));
    assert_eq!(fit(&wide).of(1), MOST);
}

#[test]
fn of_several_tests_the_smallest_must_be_small_enough_for_all() {
    assert_eq!(holm(&[0.03, 0.04, 0.9], 0.05), [false; 3]);
    assert_eq!(holm(&[0.03, 0.01, 0.9], 0.05), [false, true, false], ".03 against .05 / 2");
    assert_eq!(holm(&[0.02, 0.01], 0.05), [true, true]);
    assert_eq!(holm(&[f64::NAN, 0.01], 0.05), [false, true]);
    assert!(holm(&[], 0.05).is_empty());
}
