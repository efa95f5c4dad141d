//! A file of orders as it is: ids verbatim as text, nothing cleaned.

use crate::error::Error;
use crate::order_columns;
use crate::table_file::TableFile;
use events::import::{FileKind, Format, ImportPlan, PlanOptions, ReadOptions, Source, read_orders};
use events::lines::{NO_ID, NO_TIME};
use events::{Amount, OrderLines};
use hashbrown::HashTable;
use rayon::prelude::*;
use sparse::Csr;
use std::collections::HashMap;
use std::fs::File;
use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::path::Path;

/// No customer, no time.
pub const ABSENT: u32 = u32::MAX;

/// Distinct (basket, item) pairs of all lines with quantity > 0. Basket and item codes are given
/// in order of first appearance.
#[derive(Clone, Debug, Default)]
pub struct OrderFile {
    pub basket_ids: Vec<Box<str>>,
    pub item_ids: Vec<Box<str>>,
    pub customer_ids: Vec<Box<str>>,
    /// For each basket, rising distinct item codes.
    pub items: Csr,
    /// First time of each basket in microseconds; `None` where the file has no times.
    pub first_at: Option<Vec<i64>>,
    /// Code of the first customer named in each basket, [`ABSENT`] for none.
    pub customers: Vec<u32>,
    /// Segment of each customer, "" for none; empty where nobody told.
    pub segments: Vec<Box<str>>,
}

/// Rows in columns of codes, as the readers make them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodedRows {
    pub baskets: Vec<u32>,
    pub items: Vec<u32>,
    /// Empty where the file names no customers.
    pub customers: Vec<u32>,
    /// Empty where the file has no times; `i64::MIN` for a row without.
    pub at: Vec<i64>,
    pub basket_ids: Vec<Box<str>>,
    pub item_ids: Vec<Box<str>>,
    pub customer_ids: Vec<Box<str>>,
}

impl OrderFile {
    /// Reads any format that `import` reads; columns are recognised as there.
    pub fn read(path: &Path, options: &PlanOptions) -> Result<OrderFile, Error> {
        OrderFile::read_columns(path, options, Columns::All)
    }

    /// The same with the segments of customers: `column` of a file with a `customer_id` a row.
    pub fn with_segments(self, path: &Path, column: &str) -> Result<OrderFile, Error> {
        let table = TableFile::read(path)?;
        let (ids, names) = (table.texts("customer_id")?, table.texts(column)?);
        let told: HashMap<&str, &str> =
            ids.iter().map(|id| &**id).zip(names.iter().map(|n| &**n)).collect();
        let of = |id: &str| told.get(id).copied().unwrap_or("").trim().into();
        let segments: Vec<Box<str>> = self.customer_ids.iter().map(|id| of(id)).collect();
        if segments.iter().all(|name| name.is_empty()) {
            let what =
                format!("its {} rows tell no customer of the orders a `{column}`", ids.len());
            return Err(Error::BadForm { path: path.to_path_buf(), what });
        }
        Ok(OrderFile { segments, ..self })
    }

    /// Only what was bought together: no times and, of Parquet files, no customers either.
    pub fn read_baskets(path: &Path, options: &PlanOptions) -> Result<OrderFile, Error> {
        OrderFile::read_columns(path, options, Columns::Baskets)
    }

    fn read_columns(
        path: &Path,
        options: &PlanOptions,
        columns: Columns,
    ) -> Result<OrderFile, Error> {
        let open = || {
            File::open(path).map_err(|source| Error::Io {
                action: "open",
                path: path.to_path_buf(),
                source,
            })
        };
        let name = path.display().to_string();
        let mut source = Source::file(&name, open()?);
        let mut plan = ImportPlan::make(&mut source, FileKind::Orders, options)?;
        // Verbatim: `17850.0` stays what it is.
        (plan.float_order_ids, plan.float_item_ids, plan.float_customer_ids) =
            (false, false, false);
        let rows = match plan.format {
            Format::Parquet { .. } => order_columns::read(path, open()?, &plan, columns)?,
            _ => read_text(source, &plan)?,
        };
        Ok(OrderFile::from_rows(rows))
    }

    /// Groups rows by basket.
    pub(crate) fn from_rows(rows: CodedRows) -> OrderFile {
        let n_baskets = rows.basket_ids.len();
        let items = baskets_of(&rows);
        let first_at = rows.at.iter().any(|&at| at != i64::MIN).then(|| {
            let mut first_at = vec![i64::MAX; n_baskets];
            for (&basket, &at) in rows.baskets.iter().zip(&rows.at) {
                if at != i64::MIN {
                    let first = &mut first_at[basket as usize];
                    *first = at.min(*first);
                }
            }
            first_at
        });
        let mut customers = vec![ABSENT; n_baskets];
        for (&basket, &customer) in rows.baskets.iter().zip(&rows.customers) {
            let first = &mut customers[basket as usize];
            if *first == ABSENT {
                *first = customer;
            }
        }
        OrderFile {
            basket_ids: rows.basket_ids,
            item_ids: rows.item_ids,
            customer_ids: rows.customer_ids,
            items,
            first_at,
            customers,
            segments: Vec::new(),
        }
    }

    /// Basket codes in order of (first time, basket id as text); of appearance without times.
    pub fn baskets_in_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.basket_ids.len() as u32).collect();
        if let Some(first_at) = &self.first_at {
            order.par_sort_by(|&a, &b| {
                let key =
                    |basket: u32| (first_at[basket as usize], &self.basket_ids[basket as usize]);
                key(a).cmp(&key(b))
            });
        }
        order
    }
}

/// For each basket its items, rising and each once: two passes of counting, by item and then by
/// basket, and no comparison.
fn baskets_of(rows: &CodedRows) -> Csr {
    let by_item = grouped(&rows.items, &rows.baskets, rows.item_ids.len());
    let by_item = by_item.view();
    let mut offsets = vec![0_u64; rows.basket_ids.len() + 1];
    for &basket in &rows.baskets {
        offsets[basket as usize + 1] += 1;
    }
    for basket in 0..rows.basket_ids.len() {
        offsets[basket + 1] += offsets[basket];
    }
    let mut ends: Vec<u64> = offsets[..rows.basket_ids.len()].to_vec();
    let mut indices = vec![0_u32; rows.baskets.len()];
    let mut has_repeats = false;
    for (item, baskets) in by_item.rows().enumerate() {
        for &basket in baskets {
            let (start, end) = (offsets[basket as usize], &mut ends[basket as usize]);
            // Equal items of a basket come one after the other.
            if start < *end && indices[*end as usize - 1] == item as u32 {
                has_repeats = true;
            } else {
                indices[*end as usize] = item as u32;
                *end += 1;
            }
        }
    }
    if !has_repeats {
        return Csr { offsets, indices };
    }
    let mut distinct = Csr::with_capacity(rows.basket_ids.len(), rows.baskets.len());
    for (&start, &end) in offsets.iter().zip(&ends) {
        distinct.push_row(&indices[start as usize..end as usize]);
    }
    distinct
}

/// `values` by their `keys`, in their order.
fn grouped(keys: &[u32], values: &[u32], n_keys: usize) -> Csr {
    let mut offsets = vec![0_u64; n_keys + 1];
    for &key in keys {
        offsets[key as usize + 1] += 1;
    }
    for key in 0..n_keys {
        offsets[key + 1] += offsets[key];
    }
    let mut next = offsets.clone();
    let mut indices = vec![0_u32; values.len()];
    for (&key, &value) in keys.iter().zip(values) {
        let at = &mut next[key as usize];
        indices[*at as usize] = value;
        *at += 1;
    }
    Csr { offsets, indices }
}

/// Which columns of a file are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    Baskets,
}

/// Ids to codes in order of first appearance. Each text is kept once.
#[derive(Default)]
pub(crate) struct Codes {
    by_id: HashTable<u32>,
    hashes: rapidhash::fast::RandomState,
    pub ids: Vec<Box<str>>,
}

impl Codes {
    pub(crate) fn code(&mut self, id: &str) -> u32 {
        let (ids, hashes) = (&mut self.ids, &self.hashes);
        let hash = hashes.hash_one(id);
        let is_it = |code: &u32| *ids[*code as usize] == *id;
        if let Some(&code) = self.by_id.find(hash, is_it) {
            return code;
        }
        let code = ids.len() as u32;
        ids.push(id.into());
        self.by_id.insert_unique(hash, code, |code| hashes.hash_one(&*ids[*code as usize]));
        code
    }

    /// Codes of a batch's own dictionary, for the ids that rows use.
    fn translate(&mut self, code: u32, ids: &[Box<str>], known: &mut [u32]) -> u32 {
        if code == NO_ID {
            return ABSENT;
        }
        let known = &mut known[code as usize];
        if *known == ABSENT {
            *known = self.code(&ids[code as usize]);
        }
        *known
    }
}

fn read_text(source: Source, plan: &ImportPlan) -> Result<CodedRows, Error> {
    let mut rows = CodedRows::default();
    let (mut baskets, mut items, mut customers) =
        (Codes::default(), Codes::default(), Codes::default());
    let mut has_customers = false;
    read_orders(source, plan, ReadOptions::default(), &mut |lines: OrderLines, _rejects| {
        let mut known = [
            vec![ABSENT; lines.order_ids.dictionary.len()],
            vec![ABSENT; lines.item_ids.dictionary.len()],
            vec![ABSENT; lines.customer_ids.dictionary.len()],
        ];
        for row in 0..lines.len() {
            if lines.quantity[row] <= Amount::ZERO {
                continue;
            }
            let ids = &lines.order_ids;
            rows.baskets.push(baskets.translate(ids.codes[row], &ids.dictionary, &mut known[0]));
            let ids = &lines.item_ids;
            rows.items.push(items.translate(ids.codes[row], &ids.dictionary, &mut known[1]));
            let ids = &lines.customer_ids;
            let customer = customers.translate(ids.codes[row], &ids.dictionary, &mut known[2]);
            has_customers |= customer != ABSENT;
            rows.customers.push(customer);
            let at = lines.at[row];
            rows.at.push(if at == NO_TIME { i64::MIN } else { at.0 });
        }
        ControlFlow::Continue(())
    })?;
    if !has_customers {
        rows.customers.clear();
    }
    (rows.basket_ids, rows.item_ids, rows.customer_ids) = (baskets.ids, items.ids, customers.ids);
    Ok(rows)
}
