//! Returns against their sales.
//!
//! A return that names its order takes back from that order; any other takes back from the latest
//! earlier sale of the same item to the same customer, and what is left of it from the sale before
//! that. What finds no sale (its sale is older than the data, or nobody knows the customer) takes
//! back nothing.

use hashbrown::{HashMap, HashSet};
use rapidhash::fast::RandomState;
use rayon::prelude::*;

use crate::order_key::OrderKey;
use crate::orders::NO_CODE;
use crate::unit::{REMOVED, Unit};

/// Quantities taken back, in millionths, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReturnLine {
    pub(crate) customer: u32,
    /// `None`: the whole of the order that `refers` names.
    pub(crate) item: Option<u32>,
    pub(crate) quantity: i64,
    pub(crate) at_us: i64,
    pub(crate) refers: OrderKey,
}

/// One entry of one basket.
#[derive(Clone, Copy, Debug)]
struct Sale {
    at_us: i64,
    unit: u32,
    basket: u32,
    entry: u32,
}

/// A filter that says at once of most pairs that nobody asks for them.
struct PairFilter {
    bits: Vec<u64>,
    pairs: HashSet<(u32, u32), RandomState>,
}

pub(crate) fn take_back(units: &mut [Unit], returns: Vec<ReturnLine>) {
    let left_over = take_from_named(units, returns);
    take_from_latest(units, left_over);
    for unit in units {
        for (item, &quantity) in unit.items.iter_mut().zip(&unit.quantities) {
            if quantity <= 0 {
                *item = REMOVED;
            }
        }
    }
}

/// Serves the returns that name an order; the rest is handed back.
fn take_from_named(units: &mut [Unit], returns: Vec<ReturnLine>) -> Vec<ReturnLine> {
    let named: HashSet<OrderKey> = returns
        .iter()
        .map(|taken| taken.refers)
        .filter(|&refers| refers != OrderKey::NONE)
        .collect();
    if named.is_empty() {
        return returns;
    }
    let mut baskets: HashMap<OrderKey, (usize, u32)> = HashMap::new();
    for (number, unit) in units.iter().enumerate() {
        for (basket, key) in unit.keys.iter().enumerate() {
            if named.contains(key) {
                baskets.insert(*key, (number, basket as u32));
            }
        }
    }
    let mut left_over = Vec::new();
    for mut taken in returns {
        if let Some(&(number, basket)) = baskets.get(&taken.refers) {
            let unit = &mut units[number];
            for entry in unit.range(basket) {
                if taken.item.is_none() {
                    unit.quantities[entry] = 0;
                } else if taken.item == Some(unit.items[entry]) {
                    subtract(&mut unit.quantities[entry], &mut taken.quantity);
                }
            }
        }
        if taken.item.is_some() && taken.quantity > 0 {
            left_over.push(taken);
        }
    }
    left_over
}

fn take_from_latest(units: &mut [Unit], returns: Vec<ReturnLine>) {
    let mut by_pair: HashMap<(u32, u32), Vec<(i64, i64)>, RandomState> = HashMap::default();
    for taken in &returns {
        if let (Some(item), true) = (taken.item, taken.customer != NO_CODE) {
            by_pair.entry((taken.customer, item)).or_default().push((taken.at_us, taken.quantity));
        }
    }
    let filter = PairFilter::new(by_pair.keys().copied());
    let mut sales: HashMap<(u32, u32), Vec<Sale>, RandomState> = HashMap::default();
    let found: Vec<Vec<((u32, u32), Sale)>> = units
        .par_iter()
        .enumerate()
        .map(|(number, unit)| sales_of(unit, number as u32, &filter))
        .collect();
    for (pair, sale) in found.into_iter().flatten() {
        sales.entry(pair).or_default().push(sale);
    }
    for (pair, mut taken) in by_pair {
        let Some(mut sold) = sales.remove(&pair) else { continue };
        // Of equal times the order of baskets decides, wherever they are kept.
        sold.sort_unstable_by(|a, b| {
            let (one, other) = (&units[a.unit as usize], &units[b.unit as usize]);
            (a.at_us, one.position(a.basket), one.id(a.basket))
                .cmp(&(b.at_us, other.position(b.basket), other.id(b.basket)))
                .then((a.unit, a.basket).cmp(&(b.unit, b.basket)))
        });
        taken.sort_unstable();
        take_in_time(units, &sold, &taken);
    }
}

/// Sales and returns of one pair, both in order of time: the open sales form a stack.
fn take_in_time(units: &mut [Unit], sold: &[Sale], taken: &[(i64, i64)]) {
    let mut open: Vec<Sale> = Vec::new();
    let mut next = 0;
    for &(at_us, mut quantity) in taken {
        while next < sold.len() && sold[next].at_us <= at_us {
            open.push(sold[next]);
            next += 1;
        }
        while let (Some(sale), true) = (open.last(), quantity > 0) {
            let left = &mut units[sale.unit as usize].quantities[sale.entry as usize];
            subtract(left, &mut quantity);
            if *left <= 0 {
                open.pop();
            }
        }
    }
}

fn subtract(left: &mut i64, quantity: &mut i64) {
    let n_taken = (*left).min(*quantity).max(0);
    *left -= n_taken;
    *quantity -= n_taken;
}

fn sales_of(unit: &Unit, number: u32, filter: &PairFilter) -> Vec<((u32, u32), Sale)> {
    let mut found = Vec::new();
    for basket in 0..unit.at_us.len() as u32 {
        let customer = unit.customers[basket as usize];
        if customer == NO_CODE {
            continue;
        }
        for entry in unit.range(basket) {
            let pair = (customer, unit.items[entry]);
            if filter.contains(pair) {
                let at_us = unit.at_us[basket as usize];
                found.push((pair, Sale { at_us, unit: number, basket, entry: entry as u32 }));
            }
        }
    }
    found
}

impl PairFilter {
    fn new(pairs: impl Iterator<Item = (u32, u32)>) -> PairFilter {
        let pairs: HashSet<(u32, u32), RandomState> = pairs.collect();
        let n_bits = (pairs.len() * 16).next_power_of_two().max(64);
        let mut filter = PairFilter { bits: vec![0; n_bits / 64], pairs: HashSet::default() };
        for &pair in &pairs {
            let bit = filter.bit(pair);
            filter.bits[bit / 64] |= 1 << (bit % 64);
        }
        filter.pairs = pairs;
        filter
    }

    fn bit(&self, (customer, item): (u32, u32)) -> usize {
        let word = u64::from(customer) << 32 | u64::from(item);
        let mixed = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The high bits of the product depend on all bits of the word.
        (mixed >> (64 - (self.bits.len() as u64 * 64).trailing_zeros())) as usize
    }

    #[inline]
    fn contains(&self, pair: (u32, u32)) -> bool {
        let bit = self.bit(pair);
        self.bits[bit / 64] & (1 << (bit % 64)) != 0 && self.pairs.contains(&pair)
    }
}
