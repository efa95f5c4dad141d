//! What the ranker reads besides the sources' tables: sections `rank.*` of the snapshot.

use crate::error::Error;
use snapshot::{Container, Rows, Section, Snapshot};
use sparse::CsrView;

/// Section names.
pub mod names {
    /// [`super::ItemFacts`] of each item, as 4 floats.
    pub const ITEMS: &str = "rank.items";
    /// EASE over baskets weighted by recency alone: the rows and columns of `ease.weights`.
    pub const EASE: &str = "rank.ease";
    /// Baskets for nearest neighbors: offsets, rising items, and a weight each.
    pub const BASKET_OFFSETS: &str = "rank.baskets.offsets";
    pub const BASKET_ITEMS: &str = "rank.baskets.items";
    pub const BASKET_WEIGHTS: &str = "rank.baskets.weights";
    /// For each item the newest of those baskets that hold it.
    pub const POSTING_OFFSETS: &str = "rank.baskets_of.offsets";
    pub const POSTING_BASKETS: &str = "rank.baskets_of.baskets";
    /// What each customer bought: number of baskets and days since the last of them.
    pub const PURCHASES: &str = "rank.purchases";
    /// [`super::CustomerFacts`] of each customer, as 3 floats.
    pub const CUSTOMERS: &str = "rank.customers";
}

/// Newest items kept at hand as candidates.
const MAX_FRESH: usize = 64;

/// Ages are days before the newest basket of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ItemFacts {
    pub first_age_days: f32,
    pub last_age_days: f32,
    /// Mean of ln(items) over the baskets that hold it.
    pub basket_ln: f32,
    /// Share of its customers who bought it in two baskets or more.
    pub repeat_share: f32,
}

pub const N_ITEM_FACTS: usize = 4;

/// How a customer buys. All 0 for a customer without baskets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CustomerFacts {
    pub n_baskets: f32,
    pub last_age_days: f32,
    /// Mean days between baskets; 0 with one basket.
    pub gap_days: f32,
}

pub const N_CUSTOMER_FACTS: usize = 3;

/// The digits of an id, told apart by what stands before them: ids given in one go are near.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Code {
    prefix: u64,
    number: u64,
}

/// Opened and checked against the snapshot; without `rank.*` sections there is none.
#[derive(Debug)]
pub struct RankTables {
    items: Section<f32>,
    ease: Section<f32>,
    basket_offsets: Section<u64>,
    basket_items: Section<u32>,
    basket_weights: Section<f32>,
    posting_offsets: Section<u64>,
    posting_baskets: Section<u32>,
    purchases: Rows<[f32; 2]>,
    customers: Section<f32>,
    n_baskets: usize,
    /// Σ of the trend of all items.
    trend_sum: f32,
    codes: Vec<Option<Code>>,
    /// Items with a code, in order of it.
    by_code: Vec<(Code, u32)>,
    fresh: Vec<u32>,
}

impl RankTables {
    pub fn open(snapshot: &Snapshot) -> Result<Option<RankTables>, Error> {
        let c = snapshot.container();
        let items = c.section(names::ITEMS)?;
        if c.view::<f32>(&items).is_empty() {
            return Ok(None);
        }
        let mut tables = RankTables {
            items,
            ease: c.section(names::EASE)?,
            basket_offsets: c.section(names::BASKET_OFFSETS)?,
            basket_items: c.section(names::BASKET_ITEMS)?,
            basket_weights: c.section(names::BASKET_WEIGHTS)?,
            posting_offsets: c.section(names::POSTING_OFFSETS)?,
            posting_baskets: c.section(names::POSTING_BASKETS)?,
            purchases: Rows::open_any_rows(c, names::PURCHASES, snapshot.n_items())?,
            customers: c.section(names::CUSTOMERS)?,
            n_baskets: 0,
            trend_sum: snapshot.popular().iter().map(|&item| snapshot.trend(item)).sum(),
            codes: Vec::new(),
            by_code: Vec::new(),
            fresh: Vec::new(),
        };
        tables.check(snapshot)?;
        tables.index_codes(snapshot);
        tables.fresh = fresh_of(snapshot, &tables);
        Ok(Some(tables))
    }

    fn check(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let c = snapshot.container();
        let bad = |what: String| Err(Error::BadRanker { what });
        let n_items = snapshot.n_items();
        if c.view(&self.items).len() != n_items * N_ITEM_FACTS {
            return bad(format!("`{}` does not fit {n_items} items", names::ITEMS));
        }
        let n_ease = snapshot.ease_items().len();
        if ![0, n_ease * n_ease].contains(&c.view(&self.ease).len()) {
            return bad(format!("`{}` does not fit {n_ease} items", names::EASE));
        }
        self.n_baskets = c.view(&self.basket_weights).len();
        let limit = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        for (offsets, indices, n_rows, n_columns) in [
            (&self.basket_offsets, &self.basket_items, self.n_baskets, n_items),
            (&self.posting_offsets, &self.posting_baskets, n_items, self.n_baskets),
        ] {
            let rows = CsrView::checked(c.view(offsets), c.view(indices), limit(n_columns));
            match rows {
                Ok(rows) if rows.n_rows() == n_rows => {}
                Ok(rows) => return bad(format!("{} rows of baskets, not {n_rows}", rows.n_rows())),
                Err(fault) => return bad(format!("the rows of baskets: {fault:?}")),
            }
        }
        let n_customers = self.purchases.n_rows(c);
        let numbers = [&self.items, &self.basket_weights, &self.customers];
        if !numbers.iter().all(|section| c.view(section).iter().all(|value| value.is_finite())) {
            return bad("a fact or weight is not a number".into());
        }
        if c.view(&self.customers).len() != n_customers * N_CUSTOMER_FACTS {
            return bad(format!("`{}` does not fit {n_customers} customers", names::CUSTOMERS));
        }
        Ok(())
    }

    fn index_codes(&mut self, snapshot: &Snapshot) {
        let ids = 0..snapshot.n_items() as u32;
        self.codes = ids.map(|item| code_of(snapshot.item_id(item))).collect();
        let coded = self.codes.iter().enumerate();
        self.by_code =
            coded.filter_map(|(item, code)| code.map(|code| (code, item as u32))).collect();
        self.by_code.sort_unstable();
    }

    pub(super) fn item(&self, c: &Container, item: u32) -> ItemFacts {
        let at = item as usize * N_ITEM_FACTS;
        let facts = &c.view(&self.items)[at..at + N_ITEM_FACTS];
        ItemFacts {
            first_age_days: facts[0],
            last_age_days: facts[1],
            basket_ln: facts[2],
            repeat_share: facts[3],
        }
    }

    /// The row of recent EASE that belongs to a row of EASE.
    pub(super) fn ease_row<'a>(&self, c: &'a Container, row: u32, n_rows: usize) -> &'a [f32] {
        let weights = c.view(&self.ease);
        let from = row as usize * n_rows;
        weights.get(from..from + n_rows).unwrap_or(&[])
    }

    pub(super) fn customer(&self, c: &Container, customer: u32) -> CustomerFacts {
        let at = customer as usize * N_CUSTOMER_FACTS;
        match c.view(&self.customers).get(at..at + N_CUSTOMER_FACTS) {
            Some(facts) => {
                CustomerFacts { n_baskets: facts[0], last_age_days: facts[1], gap_days: facts[2] }
            }
            None => CustomerFacts::default(),
        }
    }

    /// Items of a customer with (baskets, days since the last).
    pub(super) fn purchases<'a>(
        &self,
        c: &'a Container,
        customer: u32,
    ) -> (&'a [u32], &'a [[f32; 2]]) {
        if (customer as usize) < self.purchases.n_rows(c) {
            self.purchases.row(c, customer as usize)
        } else {
            (&[], &[])
        }
    }

    /// Above 0.
    pub(super) fn trend_sum(&self) -> f32 {
        self.trend_sum.max(f32::MIN_POSITIVE)
    }

    pub(super) fn n_baskets(&self) -> usize {
        self.n_baskets
    }

    pub(super) fn baskets<'a>(&self, c: &'a Container) -> (CsrView<'a>, &'a [f32]) {
        let rows = CsrView::trusted(c.view(&self.basket_offsets), c.view(&self.basket_items));
        (rows, c.view(&self.basket_weights))
    }

    pub(super) fn baskets_of<'a>(&self, c: &'a Container) -> CsrView<'a> {
        CsrView::trusted(c.view(&self.posting_offsets), c.view(&self.posting_baskets))
    }

    /// The items that sold first most recently.
    pub(super) fn fresh(&self) -> &[u32] {
        &self.fresh
    }

    /// Distance of the numbers of two ids of one series.
    #[inline]
    pub(super) fn code_distance(&self, a: u32, b: u32) -> Option<u64> {
        let (a, b) = (self.codes[a as usize]?, self.codes[b as usize]?);
        (a.prefix == b.prefix).then(|| a.number.abs_diff(b.number))
    }

    /// Up to `n` items before and after the item in order of its series, nearest first a side.
    pub(super) fn near_codes(&self, item: u32, n: usize, mut visit: impl FnMut(u32, u64)) {
        let Some(code) = self.codes[item as usize] else { return };
        let at = self.by_code.partition_point(|entry| *entry < (code, item));
        let before = self.by_code[..at].iter().rev().take(n);
        let after = self.by_code[at..].iter().skip(1).take(n);
        for (other, other_item) in before.chain(after) {
            if other.prefix == code.prefix {
                visit(*other_item, code.number.abs_diff(other.number));
            }
        }
    }
}

/// The longest run of digits, the first of equals; none below three digits or above fifteen.
fn code_of(id: &str) -> Option<Code> {
    let bytes = id.as_bytes();
    let (mut best, mut at) = (0..0, 0);
    while at < bytes.len() {
        let end = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if end - at > best.len() {
            best = at..end;
        }
        at = end + 1;
    }
    if !(3..=15).contains(&best.len()) {
        return None;
    }
    let digits = bytes[best.clone()].iter();
    let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    // FNV-1a: told apart, not guarded against anyone.
    let prefix = bytes[..best.start].iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Some(Code { prefix, number })
}

fn fresh_of(snapshot: &Snapshot, tables: &RankTables) -> Vec<u32> {
    let c = snapshot.container();
    let mut items: Vec<u32> =
        (0..snapshot.n_items() as u32).filter(|&item| snapshot.trend(item) > 0.0).collect();
    let age = |item: u32| tables.item(c, item).first_age_days;
    items.sort_by(|&a, &b| {
        let by_age = age(a).total_cmp(&age(b));
        by_age.then(snapshot.trend(b).total_cmp(&snapshot.trend(a))).then(a.cmp(&b))
    });
    items.truncate(MAX_FRESH);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_longest_run_of_digits_and_what_stands_before() {
        let number = |id: &str| code_of(id).map(|code| code.number);
        assert_eq!(number("85123A"), Some(85123));
        assert_eq!(number("SKU-12-004711-BL"), Some(4711));
        assert_eq!(number("A12"), None);
        assert_eq!(number("größe 123"), Some(123));
        assert_eq!(number("1234567890123456"), None);
        assert_eq!(number(""), None);
        let prefix = |id: &str| code_of(id).map(|code| code.prefix);
        assert_eq!(prefix("A-100"), prefix("A-200x"));
        assert_ne!(prefix("A-100"), prefix("B-100"));
    }
}
