//! Protocol BC: which baskets train, which are asked, what is hidden.

use crate::order_file::{ABSENT, OrderFile};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use sparse::{Csr, CsrView};

/// Windows over the file, in the order in which they are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Windows {
    /// Only the last so many baskets.
    pub last_baskets: Option<usize>,
    /// Only items in at least so many baskets; baskets left empty go.
    pub min_baskets: Option<usize>,
}

/// Baskets in the protocol's order with the protocol's items. Item indices rise with the id as
/// text; they are positions in `item_codes`.
#[derive(Clone, Debug, Default)]
pub struct Ordered {
    /// Basket codes of the file, in order.
    pub baskets: Vec<u32>,
    /// For each of them, item codes of the file.
    pub items: Vec<Vec<u32>>,
}

/// One test basket with one item hidden.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Dense training items, in order of `sha(basket, item)`.
    pub context: Vec<u32>,
    pub hidden: u32,
    /// Dense training customer, [`ABSENT`] when missing or without training baskets.
    pub customer: u32,
}

/// The training part in dense indices and the queries.
#[derive(Clone, Debug, Default)]
pub struct Split {
    pub train: Csr,
    pub train_at: Vec<i64>,
    pub train_customers: Vec<u32>,
    /// File code of each dense item.
    pub item_codes: Vec<u32>,
    pub n_customers: u32,
    /// File code of each training customer.
    pub customer_codes: Vec<u32>,
    pub queries: Vec<Query>,
    /// For each training customer, rising dense items bought.
    pub bought: Csr,
}

/// `sha(a, b)` of EVALUATION: SHA-256 of `a`, 0x1F, `b`; digests order as their hex texts do.
pub(crate) fn sha(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update([0x1f]);
        }
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// Orders the baskets and applies the windows.
pub fn ordered(file: &OrderFile, windows: &Windows) -> Ordered {
    let mut baskets = file.baskets_in_order();
    if let Some(n) = windows.last_baskets {
        baskets.drain(..baskets.len().saturating_sub(n));
    }
    let mut items: Vec<Vec<u32>> =
        baskets.iter().map(|&basket| file.items.view().row(basket as usize).to_vec()).collect();
    if let Some(min) = windows.min_baskets {
        let mut counts = vec![0_usize; file.item_ids.len()];
        items.iter().flatten().for_each(|&item| counts[item as usize] += 1);
        items.iter_mut().for_each(|row| row.retain(|&item| counts[item as usize] >= min));
        let mut kept = items.iter().map(|row| !row.is_empty());
        baskets.retain(|_| kept.next().unwrap_or(false));
        items.retain(|row| !row.is_empty());
    }
    Ordered { baskets, items }
}

impl Ordered {
    pub fn len(&self) -> usize {
        self.baskets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.baskets.is_empty()
    }

    /// The part on which parameters are tuned: the training baskets alone.
    pub fn train_part(&self) -> Ordered {
        let n = self.n_train();
        Ordered { baskets: self.baskets[..n].to_vec(), items: self.items[..n].to_vec() }
    }

    pub fn n_train(&self) -> usize {
        self.len() * 9 / 10
    }

    /// Splits 90/10 and draws the queries, at most `max_queries`.
    pub fn split(&self, file: &OrderFile, max_queries: usize) -> Split {
        let n_train = self.n_train();
        let (dense_of, item_codes) = self.dense_items(file, n_train);
        let (customer_of, n_customers) = self.dense_customers(file, n_train);
        let mut customer_codes = vec![0; n_customers as usize];
        for (&code, &dense) in &customer_of {
            customer_codes[dense as usize] = code;
        }
        let mut split = Split { item_codes, n_customers, customer_codes, ..Split::default() };
        for at in 0..n_train {
            let basket = self.baskets[at] as usize;
            let mut row: Vec<u32> = self.items[at].iter().map(|code| dense_of[code]).collect();
            row.sort_unstable();
            split.train.push_row(&row);
            split.train_at.push(file.first_at.as_ref().map_or(0, |first_at| first_at[basket]));
            let customer = file.customers[basket];
            split.train_customers.push(customer_of.get(&customer).copied().unwrap_or(ABSENT));
        }
        split.bought = bought_by(split.train.view(), &split.train_customers, n_customers);
        let test = (n_train..self.len()).filter_map(|at| {
            let known: Vec<u32> =
                self.items[at].iter().copied().filter(|code| dense_of.contains_key(code)).collect();
            (known.len() >= 2).then_some((self.baskets[at], known))
        });
        for (basket, items) in smallest_by_sha(file, test.collect(), max_queries) {
            let customer = file.customers[basket as usize];
            let customer = customer_of.get(&customer).copied().unwrap_or(ABSENT);
            split.queries.push(query_of(file, basket, items, &dense_of, customer));
        }
        split
    }

    /// Training items in order of their id as text.
    fn dense_items(&self, file: &OrderFile, n_train: usize) -> (HashMap<u32, u32>, Vec<u32>) {
        let mut codes: Vec<u32> = self.items[..n_train].iter().flatten().copied().collect();
        codes.sort_unstable();
        codes.dedup();
        codes.sort_by(|&a, &b| file.item_ids[a as usize].cmp(&file.item_ids[b as usize]));
        let dense = codes.iter().enumerate().map(|(dense, &code)| (code, dense as u32)).collect();
        (dense, codes)
    }

    fn dense_customers(&self, file: &OrderFile, n_train: usize) -> (HashMap<u32, u32>, u32) {
        let mut dense = HashMap::new();
        for &basket in &self.baskets[..n_train] {
            let customer = file.customers[basket as usize];
            if customer != ABSENT {
                let next = dense.len() as u32;
                dense.entry(customer).or_insert(next);
            }
        }
        let n_customers = dense.len() as u32;
        (dense, n_customers)
    }
}

/// All test baskets, or the `max` with the smallest `sha(basket)`.
fn smallest_by_sha(
    file: &OrderFile,
    mut test: Vec<(u32, Vec<u32>)>,
    max: usize,
) -> Vec<(u32, Vec<u32>)> {
    if test.len() > max {
        test.sort_by_cached_key(|(basket, _)| sha(&[&file.basket_ids[*basket as usize]]));
        test.truncate(max);
    }
    test
}

fn query_of(
    file: &OrderFile,
    basket: u32,
    mut items: Vec<u32>,
    dense_of: &HashMap<u32, u32>,
    customer: u32,
) -> Query {
    let basket_id = &file.basket_ids[basket as usize];
    items.sort_by_cached_key(|&code| sha(&[basket_id, &file.item_ids[code as usize]]));
    let mut dense = items.iter().map(|code| dense_of[code]);
    let hidden = dense.next().expect("a test basket has two items");
    Query { hidden, context: dense.collect(), customer }
}

fn bought_by(train: CsrView<'_>, customers: &[u32], n_customers: u32) -> Csr {
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); n_customers as usize];
    for (basket, &customer) in customers.iter().enumerate() {
        if customer != ABSENT {
            rows[customer as usize].extend_from_slice(train.row(basket));
        }
    }
    rows.iter_mut().for_each(|row| {
        row.sort_unstable();
        row.dedup();
    });
    rows.iter().collect()
}

impl Split {
    pub fn n_items(&self) -> usize {
        self.item_codes.len()
    }

    /// What the query's customer bought in training.
    pub fn bought(&self, query: &Query) -> &[u32] {
        match query.customer {
            ABSENT => &[],
            customer => {
                let range = self.bought.offsets[customer as usize] as usize
                    ..self.bought.offsets[customer as usize + 1] as usize;
                &self.bought.indices[range]
            }
        }
    }

    pub fn is_known(&self, query: &Query) -> bool {
        query.customer != ABSENT
    }

    /// The customer is known and never bought the hidden item.
    pub fn is_new(&self, query: &Query) -> bool {
        self.is_known(query) && self.bought(query).binary_search(&query.hidden).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order_file::CodedRows;

    fn file(rows: &[(&str, &str, i64)]) -> OrderFile {
        let mut coded = CodedRows::default();
        let code = |ids: &mut Vec<Box<str>>, id: &str| {
            let at = ids.iter().position(|other| &**other == id).unwrap_or_else(|| {
                ids.push(id.into());
                ids.len() - 1
            });
            at as u32
        };
        for &(basket, item, at) in rows {
            let basket = code(&mut coded.basket_ids, basket);
            coded.baskets.push(basket);
            let item = code(&mut coded.item_ids, item);
            coded.items.push(item);
            coded.at.push(at);
        }
        OrderFile::from_rows(coded)
    }

    #[test]
    fn sha_is_that_of_the_protocol() {
        // printf 'a\x1fb' | sha256sum
        let digest = sha(&["a", "b"]);
        let expected = Sha256::digest(b"a\x1fb");
        assert_eq!(digest[..], expected[..]);
    }

    #[test]
    fn baskets_are_ordered_by_first_time_then_id() {
        let file =
            file(&[("b", "x", 5), ("a", "x", 5), ("c", "y", 9), ("c", "z", 1), ("c", "y", 2)]);
        let ordered = ordered(&file, &Windows::default());
        let ids: Vec<&str> =
            ordered.baskets.iter().map(|&basket| &*file.basket_ids[basket as usize]).collect();
        assert_eq!(ids, ["c", "a", "b"]);
    }

    #[test]
    fn windows_take_the_last_baskets_then_frequent_items() {
        let file = file(&[
            ("1", "x", 1),
            ("2", "x", 2),
            ("2", "y", 2),
            ("3", "y", 3),
            ("4", "z", 4),
            ("4", "y", 4),
        ]);
        let windows = Windows { last_baskets: Some(3), min_baskets: Some(2) };
        let ordered = ordered(&file, &windows);
        // Within baskets 2, 3, 4 only y is in two.
        assert_eq!(ordered.items.len(), 3);
        assert!(ordered.items.iter().all(|row| row.len() == 1));
    }

    #[test]
    fn unseen_items_are_dropped_and_short_baskets_not_asked() {
        let mut rows: Vec<(String, &str, i64)> = Vec::new();
        for basket in 0..18 {
            rows.push((format!("t{basket:02}"), "x", basket));
            rows.push((format!("t{basket:02}"), "y", basket));
        }
        rows.push(("u1".into(), "x", 100));
        rows.push(("u1".into(), "never", 100));
        rows.push(("u2".into(), "x", 101));
        rows.push(("u2".into(), "y", 101));
        let rows: Vec<(&str, &str, i64)> = rows.iter().map(|(b, i, at)| (&**b, *i, *at)).collect();
        let file = file(&rows);
        let split = ordered(&file, &Windows::default()).split(&file, 5_000);
        assert_eq!(split.train.view().n_rows(), 18);
        assert_eq!(split.n_items(), 2);
        assert_eq!(split.queries.len(), 1);
        assert_eq!(split.queries[0].context.len(), 1);
        assert!(!split.is_known(&split.queries[0]));
    }
}
