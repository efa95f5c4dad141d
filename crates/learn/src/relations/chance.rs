//! How often two items would meet by chance alone, given what a shop's baskets are like.
//!
//! ```text
//! E[a][b] = Σ_t  n_at n_bt f_t        f_t = Σ_{b in t} s_b (s_b − 1) / (Σ_{b in t} s_b)²
//! ```
//!
//! t runs over periods of about a month, s_b is the number of items in basket b, n_at the baskets
//! of a in t. It is what remains of the counts when items are thrown into baskets anew, each as
//! often and each basket as full as it is (F. Chung and L. Lu, "Connected components in random
//! graphs with given expected degree sequences", Annals of Combinatorics 6, 2002, on the graph of
//! baskets and items), month by month. Plain n_a n_b / N would call everything complementary that
//! large baskets hold, or that is sold at Christmas, and a pair that was never on sale at one time
//! substitutes.

use history::Baskets;
use history::NO_CUSTOMER;
use sparse::{Csr, CsrView};

const PERIOD_DAYS: f64 = 30.0;
const MAX_PERIODS: f64 = 12.0;
/// Buyers of one item that may tell a direction.
const MAX_CUSTOMERS: usize = 1_024;

/// What would be by chance, and what is.
pub struct Chance<'a> {
    n_periods: usize,
    /// Baskets of each item in each period.
    counts: Vec<u32>,
    factors: Vec<f64>,
    baskets_of: CsrView<'a>,
    /// Baskets too long to tell anything of pairs.
    is_left_out: Vec<bool>,
    any_left_out: bool,
}

impl<'a> Chance<'a> {
    pub fn of(baskets: &Baskets, baskets_of: &'a Csr, max_basket_items: usize) -> Chance<'a> {
        let (n_periods, period_of) = periods(baskets);
        let n_items = baskets_of.offsets.len() - 1;
        let mut counts = vec![0_u32; n_items * n_periods];
        let mut sums = vec![(0.0_f64, 0.0_f64); n_periods];
        let mut is_left_out = Vec::with_capacity(baskets.len());
        for (basket, items) in baskets.items.view().rows().enumerate() {
            is_left_out.push(items.len() > max_basket_items);
            if items.len() > max_basket_items {
                continue;
            }
            let (period, size) = (period_of[basket] as usize, items.len() as f64);
            sums[period].0 += size * (size - 1.0);
            sums[period].1 += size;
            for &item in items {
                counts[item as usize * n_periods + period] += 1;
            }
        }
        let factor = |&(pairs, lines): &(f64, f64)| match lines > 0.0 {
            true => pairs / (lines * lines),
            false => 0.0,
        };
        Chance {
            n_periods,
            counts,
            factors: sums.iter().map(factor).collect(),
            baskets_of: baskets_of.view(),
            any_left_out: is_left_out.contains(&true),
            is_left_out,
        }
    }

    fn counts_of(&self, item: u32) -> &[u32] {
        &self.counts[item as usize * self.n_periods..][..self.n_periods]
    }

    /// Baskets of the item that count.
    pub fn n_of(&self, item: u32) -> u32 {
        self.counts_of(item).iter().sum()
    }

    /// E of a pair.
    pub fn expected(&self, a: u32, b: u32) -> f64 {
        let both = self.counts_of(a).iter().zip(self.counts_of(b));
        let terms = both.zip(&self.factors);
        terms.map(|((&a, &b), factor)| f64::from(a) * f64::from(b) * factor).sum()
    }

    /// E of all pairs among the items, together.
    pub fn expected_within(&self, items: &[u32]) -> f64 {
        let mut sum = 0.0;
        for (period, factor) in self.factors.iter().enumerate() {
            let counts = items.iter().map(|&item| f64::from(self.counts_of(item)[period]));
            let (total, squares) =
                counts.fold((0.0, 0.0), |(total, squares), n| (total + n, squares + n * n));
            sum += (total * total - squares) / 2.0 * factor;
        }
        sum
    }

    /// Baskets that hold both and count.
    pub fn n_both(&self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.baskets_of.row(a as usize), self.baskets_of.row(b as usize));
        let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let counts = |basket: &&u32| !self.any_left_out || !self.is_left_out[**basket as usize];
        if few.len() * 16 < many.len() {
            let found = few.iter().filter(|basket| many.binary_search(basket).is_ok());
            return found.filter(counts).count() as u32;
        }
        let (mut at, mut n) = (0, 0);
        for basket in few {
            while at < many.len() && many[at] < *basket {
                at += 1;
            }
            if many.get(at) == Some(basket) && counts(&basket) {
                n += 1;
            }
        }
        n
    }

    pub fn baskets_of(&self) -> CsrView<'a> {
        self.baskets_of
    }

    /// Is the basket one of those that count?
    pub fn takes(&self, basket: usize) -> bool {
        !self.is_left_out[basket]
    }
}

/// Number of periods, and the one of each basket.
fn periods(baskets: &Baskets) -> (usize, Vec<u8>) {
    let span_days = crate::recency::span_days(baskets);
    let n_periods = (span_days / PERIOD_DAYS).round().clamp(1.0, MAX_PERIODS);
    let period = |age_days: f64| match span_days > 0.0 {
        true => ((1.0 - age_days / span_days) * n_periods).clamp(0.0, n_periods - 1.0) as u8,
        false => 0,
    };
    (n_periods as usize, baskets.ages_days().into_iter().map(period).collect())
}

/// Customers who bought `a` once and `b` once, at two times: how many of them `a` first, and how
/// many `b` first.
///
/// Of a customer with more of one, the first of that one most probably comes first, whatever the
/// two are to each other: counting firsts tells which sells better. With one of each both orders
/// are as probable when nothing draws from one to the other. At most `MAX_CUSTOMERS` buyers of
/// the item that sells less are looked at, spread evenly over those who ever came.
pub fn n_switched(baskets: &Baskets, baskets_of: CsrView<'_>, a: u32, b: u32) -> (u32, u32) {
    let (row_a, row_b) = (baskets_of.row(a as usize), baskets_of.row(b as usize));
    let is_turned = row_b.len() < row_a.len();
    let (few, many) = if is_turned { (row_b, row_a) } else { (row_a, row_b) };
    let once = buyers_of_one(baskets, few);
    let mut of_many: Vec<(u32, u32)> = vec![(0, 0); once.len()];
    for &basket in many {
        let customer = baskets.customers[basket as usize];
        if let Ok(at) = once.binary_search_by_key(&customer, |&(of, _)| of) {
            of_many[at] = (of_many[at].0 + 1, basket);
        }
    }
    let at = |basket: u32| baskets.at[basket as usize];
    let (mut n_few_first, mut n_many_first) = (0, 0);
    for (&(_, basket), &(n, other)) in once.iter().zip(&of_many) {
        if n == 1 {
            n_few_first += u32::from(at(basket) < at(other));
            n_many_first += u32::from(at(other) < at(basket));
        }
    }
    if is_turned { (n_many_first, n_few_first) } else { (n_few_first, n_many_first) }
}

/// Customers with one basket of a row, rising, each with that basket.
fn buyers_of_one(baskets: &Baskets, row: &[u32]) -> Vec<(u32, u32)> {
    let customer = |&basket: &u32| (baskets.customers[basket as usize], basket);
    let mut bought: Vec<(u32, u32)> =
        row.iter().map(customer).filter(|(customer, _)| *customer != NO_CUSTOMER).collect();
    bought.sort_unstable();
    let runs = bought.chunk_by(|x, y| x.0 == y.0);
    let once: Vec<(u32, u32)> = runs.filter(|run| run.len() == 1).map(|run| run[0]).collect();
    // Customers are numbered as they came.
    let step = once.len().div_ceil(MAX_CUSTOMERS).max(1);
    once.into_iter().step_by(step).collect()
}
