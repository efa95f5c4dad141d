//! Customers with their baskets in order and a last one to foretell: two JSON files and keysets in
//! the form of the reality check of next-basket recommendation, or any file of orders.
//!
//! ```text
//! history  {"customer": [[-1], [item, …], …, [-1]], …}
//! future   {"customer": [[-1], [item, …], [-1]], …}
//! keyset   {"test": ["customer", …], …}
//! ```

use crate::error::Error;
use crate::order_file::{ABSENT, OrderFile};
use hashbrown::{HashMap, HashSet};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Items in fewer lines than this are left out of orders.
const MIN_LINES: u32 = 10;
/// Customers with fewer or more baskets are left out of orders.
const N_BASKETS: std::ops::RangeInclusive<usize> = 3..=50;
/// Folds of customers in a file of orders.
const N_FOLDS: u32 = 5;

/// Customers whose last basket is hidden. Items and customers are in order of their ids: as
/// numbers when all are numbers, else as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomerFile {
    pub customer_ids: Vec<Box<str>>,
    pub item_ids: Vec<Box<str>>,
    /// For each customer the baskets before the hidden one, each of distinct rising items.
    pub histories: Vec<Vec<Vec<u32>>>,
    /// Times of these baskets in microseconds; empty where the file has none.
    pub times: Vec<Vec<i64>>,
    /// That of each hidden basket; likewise.
    pub asked_at: Vec<i64>,
    /// The hidden basket; empty for a customer who is in no fold.
    pub futures: Vec<Vec<u32>>,
    /// Customers to ask, fold by fold, rising.
    pub folds: Vec<Vec<u32>>,
}

impl CustomerFile {
    /// Reads the three kinds of JSON file.
    pub fn read(history: &Path, future: &Path, keysets: &[PathBuf]) -> Result<CustomerFile, Error> {
        let histories = baskets_by_customer(history)?;
        let futures = baskets_by_customer(future)?;
        let customer_ids = in_order(histories.keys());
        let items = histories.values().chain(futures.values()).flatten().flatten();
        let item_ids = in_order(items);
        let code = codes(&item_ids);
        let coded = |basket: &Vec<Box<str>>| -> Vec<u32> {
            distinct(basket.iter().map(|item| code[&**item]).collect())
        };
        let customers = codes(&customer_ids);
        let folds = keysets
            .iter()
            .map(|path| fold_of(path, &customers, &futures, future))
            .collect::<Result<Vec<_>, Error>>()?;
        let histories: Vec<Vec<Vec<u32>>> =
            customer_ids.iter().map(|id| histories[id].iter().map(coded).collect()).collect();
        let mut hidden = vec![Vec::new(); customer_ids.len()];
        for &customer in folds.iter().flatten() {
            let id = &customer_ids[customer as usize];
            let baskets = &futures[id];
            let [basket] = &baskets[..] else {
                let what = format!("customer `{id}` has {} baskets, not one", baskets.len());
                return Err(Error::BadForm { path: future.to_path_buf(), what });
            };
            hidden[customer as usize] = coded(basket);
        }
        drop((customers, code));
        let file = CustomerFile { customer_ids, item_ids, histories, ..CustomerFile::default() };
        CustomerFile { futures: hidden, folds, ..file }.check()
    }

    /// Every customer's last basket is hidden; see EVALUATION, protocol NB.
    pub fn from_orders(orders: &OrderFile) -> Result<CustomerFile, Error> {
        let n_items = orders.item_ids.len();
        let mut n_lines = vec![0_u32; n_items];
        for (basket, items) in orders.items.view().rows().enumerate() {
            if orders.customers[basket] != ABSENT {
                items.iter().for_each(|&item| n_lines[item as usize] += 1);
            }
        }
        let mut baskets_of: Vec<Vec<Vec<u32>>> = vec![Vec::new(); orders.customer_ids.len()];
        let mut times_of: Vec<Vec<i64>> = vec![Vec::new(); orders.customer_ids.len()];
        for basket in orders.baskets_in_order() {
            let customer = orders.customers[basket as usize];
            let of_basket = orders.items.view().row(basket as usize).iter().copied();
            let items: Vec<u32> =
                of_basket.filter(|&item| n_lines[item as usize] >= MIN_LINES).collect();
            if customer != ABSENT && !items.is_empty() {
                baskets_of[customer as usize].push(items);
                let at = orders.first_at.as_ref().map(|first_at| first_at[basket as usize]);
                times_of[customer as usize].extend(at);
            }
        }
        let mut file = CustomerFile {
            item_ids: orders.item_ids.clone(),
            folds: vec![Vec::new(); N_FOLDS as usize],
            ..CustomerFile::default()
        };
        let customers = orders.customer_ids.iter().zip(baskets_of).zip(times_of);
        for ((id, mut baskets), mut times) in customers {
            if !N_BASKETS.contains(&baskets.len()) {
                continue;
            }
            let fold = fold_by_id(id) as usize;
            file.folds[fold].push(file.customer_ids.len() as u32);
            file.customer_ids.push(id.clone());
            file.futures.extend(baskets.pop());
            file.histories.push(baskets);
            if let Some(asked_at) = times.pop() {
                file.asked_at.push(asked_at);
                file.times.push(times);
            }
        }
        file.folds.retain(|fold| !fold.is_empty());
        file.check()
    }

    pub fn n_items(&self) -> usize {
        self.item_ids.len()
    }

    /// Customers in any fold, rising.
    pub fn asked(&self) -> Vec<u32> {
        distinct(self.folds.iter().flatten().copied().collect())
    }

    fn check(self) -> Result<CustomerFile, Error> {
        let n_asked: usize = self.folds.iter().map(Vec::len).sum();
        if n_asked == 0 || self.histories.iter().all(Vec::is_empty) {
            return Err(Error::NobodyToAsk { n_customers: self.customer_ids.len() });
        }
        Ok(self)
    }
}

fn fold_by_id(customer_id: &str) -> u32 {
    let digest = Sha256::digest(customer_id.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % N_FOLDS
}

type BasketsById = HashMap<Box<str>, Vec<Vec<Box<str>>>>;

fn baskets_by_customer(path: &Path) -> Result<BasketsById, Error> {
    let bad = |what: String| Error::BadForm { path: path.to_path_buf(), what };
    let mut by_id = BasketsById::with_capacity(1024);
    for (customer, baskets) in read_object(path)? {
        let form = || {
            bad(format!(
                "customer `{customer}`: expected [[-1], basket, …, [-1]] with baskets of item ids"
            ))
        };
        let baskets = baskets.as_array().ok_or_else(form)?;
        let [first, within @ .., last] = &baskets[..] else { return Err(form()) };
        if !is_mark(first) || !is_mark(last) {
            return Err(form());
        }
        let baskets: Option<Vec<Vec<Box<str>>>> = within.iter().map(basket_of).collect();
        let baskets = baskets.ok_or_else(form)?;
        if baskets.iter().any(Vec::is_empty) {
            return Err(bad(format!("customer `{customer}` has a basket without items")));
        }
        by_id.insert(customer.into(), baskets);
    }
    if by_id.is_empty() {
        return Err(bad("no customers".to_owned()));
    }
    Ok(by_id)
}

/// `[-1]`, which stands before the first and after the last basket.
fn is_mark(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.len() == 1 && list[0].as_i64() == Some(-1))
}

fn basket_of(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(id_of).collect()
}

/// Ids are text or whole numbers.
fn id_of(value: &Value) -> Option<Box<str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        _ => None,
    }
}

fn read_object(path: &Path) -> Result<Map<String, Value>, Error> {
    let io = |source| Error::Io { action: "open", path: path.to_path_buf(), source };
    let file = BufReader::new(File::open(path).map_err(io)?);
    serde_json::from_reader(file)
        .map_err(|error| Error::BadForm { path: path.to_path_buf(), what: error.to_string() })
}

fn fold_of(
    path: &Path,
    customers: &HashMap<&str, u32>,
    futures: &BasketsById,
    future_path: &Path,
) -> Result<Vec<u32>, Error> {
    let bad = |what: String| Error::BadForm { path: path.to_path_buf(), what };
    let object = read_object(path)?;
    let test = object.get("test").and_then(Value::as_array);
    let test = test.ok_or_else(|| bad("no list `test` of customers".to_owned()))?;
    let mut fold = Vec::with_capacity(test.len());
    for value in test {
        let id = id_of(value).ok_or_else(|| bad(format!("`{value}` is no customer id")))?;
        let Some(&customer) = customers.get(&*id) else {
            return Err(bad(format!("customer `{id}` is not in the history")));
        };
        if !futures.contains_key(&id) {
            let what = format!("customer `{id}` of {} has no basket here", path.display());
            return Err(Error::BadForm { path: future_path.to_path_buf(), what });
        }
        fold.push(customer);
    }
    if fold.is_empty() {
        return Err(bad("the list `test` names no customer".to_owned()));
    }
    Ok(distinct(fold))
}

fn distinct(mut list: Vec<u32>) -> Vec<u32> {
    list.sort_unstable();
    list.dedup();
    list
}

/// Distinct ids: by number when all are whole numbers, else by text.
fn in_order<'a>(ids: impl Iterator<Item = &'a Box<str>>) -> Vec<Box<str>> {
    let distinct: HashSet<&Box<str>> = ids.collect();
    let mut ids: Vec<Box<str>> = distinct.into_iter().cloned().collect();
    let numbers: Option<Vec<i64>> = ids.iter().map(|id| id.parse().ok()).collect();
    match numbers {
        Some(numbers) => {
            let mut numbered: Vec<(i64, Box<str>)> = numbers.into_iter().zip(ids).collect();
            numbered.sort_unstable();
            numbered.into_iter().map(|(_, id)| id).collect()
        }
        None => {
            ids.sort_unstable();
            ids
        }
    }
}

fn codes(ids: &[Box<str>]) -> HashMap<&str, u32> {
    ids.iter().zip(0..).map(|(id, code)| (&**id, code)).collect()
}

#[cfg(test)]
mod tests;
