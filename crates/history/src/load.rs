//! From segments and tail to the view that learners read.

use std::path::PathBuf;

use events::lines::NO_TIME;
use events::{LineKind, Timestamp};
use rayon::prelude::*;
use sparse::Csr;

use crate::catalog;
use crate::customers;
use crate::database::counter;
use crate::error::Result;
use crate::manifest::{self, ManifestSegment, ORDERS_CONTENT, RowSet};
use crate::netting::{self, ReturnLine};
use crate::order_key::{N_PARTITIONS, OrderKey};
use crate::orders::NO_CODE;
use crate::store::{Store, join};
use crate::supersede::Known;
use crate::tail::{self, TailOrders};
use crate::unit::{REMOVED, Unit, UnitReader};
use crate::view::{Baskets, CustomerSegments, HistoryView, ItemEntry, NO_CUSTOMER};

/// The entry of [`HistoryView::provenance`] that counts the orders dated after
/// [`ViewOptions::now`]; absent without such orders.
pub const ORDERS_DATED_AHEAD: &str = "orders_dated_ahead";

/// How often a view is begun anew when another process replaces a segment meanwhile.
const MAX_ATTEMPTS: usize = 5;

/// Which baskets to see: those with `since <= time < until`. Returns at or after `until` are not
/// known yet and take nothing back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewOptions {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// What is dated later is taken to be of this moment, so that a wrong date in the future makes
    /// nothing else old; the provenance says how many orders that were.
    pub now: Option<Timestamp>,
}

/// Everything that is read from the database for a view.
pub(crate) struct Basis {
    pub(crate) segments_dir: PathBuf,
    pub(crate) manifest: Vec<ManifestSegment>,
    pub(crate) tail: TailOrders,
    items: Vec<ItemEntry>,
    n_customers: u32,
    refused: Vec<u32>,
    segments: CustomerSegments,
    catalog_version: i64,
    sequence: i64,
}

impl Store {
    pub async fn view(&self, options: &ViewOptions) -> Result<HistoryView> {
        let mut attempt = 1;
        loop {
            let basis = self.read_basis().await?;
            let options = *options;
            let task = tokio::task::spawn_blocking(move || load(basis, &options));
            match join(task).await {
                Err(error) if error.is_missing_file() && attempt < MAX_ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    pub(crate) async fn read_basis(&self) -> Result<Basis> {
        let mut snapshot = self.database().snapshot().await?;
        let read = async {
            let mut manifest = manifest::read(&mut snapshot).await?;
            manifest.retain(|segment| segment.content == ORDERS_CONTENT);
            Ok(Basis {
                segments_dir: self.segments_dir(),
                manifest,
                tail: tail::orders(&mut snapshot, i64::MAX).await?,
                items: catalog::entries(&mut snapshot).await?,
                n_customers: counter(&mut snapshot, "customer").await? as u32,
                refused: customers::refused(&mut snapshot).await?,
                segments: customers::segments(&mut snapshot).await?,
                catalog_version: counter(&mut snapshot, "catalog_version").await?,
                sequence: counter(&mut snapshot, "sequence").await?,
            })
        };
        let basis: sqlx::Result<Basis> = read.await;
        basis.map_err(self.error("read the history"))
    }
}

fn load(mut basis: Basis, options: &ViewOptions) -> Result<HistoryView> {
    let until = options.until.map_or(i64::MAX, |until| until.0);
    basis.manifest.retain(|segment| segment.written.first_at_us < until);
    let superseded_by_tail = resolve_tail(&mut basis)?;
    let is_fee: Vec<bool> =
        basis.items.iter().map(|item| item.kind == events::ItemKind::Fee).collect();
    let has_returns = basis
        .manifest
        .iter()
        .any(|segment| segment.written.n_returns + segment.written.n_refers > 0)
        || basis.tail.set.lines.iter().any(|line| line.kind == LineKind::Return)
        || basis.tail.set.orders.iter().any(|order| order.refers != OrderKey::NONE);
    let has_refers = basis.manifest.iter().any(|segment| segment.written.n_refers > 0)
        || basis.tail.set.orders.iter().any(|order| order.refers != OrderKey::NONE);
    let reader = UnitReader {
        segments_dir: &basis.segments_dir,
        is_fee: &is_fee,
        with_quantities: has_returns,
        with_keys: has_refers,
        until_us: until,
    };
    let mut units = reader.read_all(&basis.manifest, &superseded_by_tail)?;
    units.push(reader.tail_unit(&basis.tail));
    if has_returns {
        let returns: Vec<ReturnLine> =
            units.iter_mut().flat_map(|unit| std::mem::take(&mut unit.returns)).collect();
        netting::take_back(&mut units, returns);
    }
    let since = options.since.map_or(i64::MIN, |since| since.0);
    let mut provenance = provenance(&basis);
    let mut baskets = gather(units, since..until);
    let n_ahead = options.now.map_or(0, |now| baskets.hold_back(now));
    if n_ahead > 0 {
        provenance.push((ORDERS_DATED_AHEAD.to_owned(), n_ahead.to_string()));
    }
    // After returns found their sales, for which they need the customer.
    for customer in &mut baskets.customers {
        if basis.refused.binary_search(customer).is_ok() {
            *customer = NO_CUSTOMER;
        }
    }
    let Basis { items, n_customers, segments, .. } = basis;
    Ok(HistoryView { items, baskets, n_customers, segments, provenance })
}

/// Settles which version counts where tail and segments both have an order. Returns for each
/// segment the rows that the tail supersedes.
pub(crate) fn resolve_tail(basis: &mut Basis) -> Result<Vec<RowSet>> {
    let mut superseded = vec![RowSet::default(); basis.manifest.len()];
    if basis.tail.set.orders.is_empty() {
        return Ok(superseded);
    }
    let mut known = Known::open(&basis.segments_dir, &basis.manifest, 0..N_PARTITIONS)?;
    let mut is_kept = Vec::with_capacity(basis.tail.set.orders.len());
    for (order, &seq) in basis.tail.set.orders.iter().zip(&basis.tail.seqs) {
        let before = known.find(order.key)?;
        let is_newer = before.is_none_or(|row| basis.manifest[row.segment].version < seq);
        if let (Some(before), true) = (before, is_newer) {
            superseded[before.segment].insert(before.row);
        }
        is_kept.push(is_newer);
    }
    drop(known);
    basis.tail.retain(&is_kept);
    Ok(superseded)
}

fn provenance(basis: &Basis) -> Vec<(String, String)> {
    let n_orders: u64 =
        basis.manifest.iter().map(|segment| segment.written.n_orders - segment.dead.len()).sum();
    let n_lines: u64 = basis.manifest.iter().map(|segment| segment.written.n_lines).sum();
    let names: Vec<&str> =
        basis.manifest.iter().map(|segment| segment.written.name.as_str()).collect();
    [
        ("segments", names.join(" ")),
        ("orders_in_segments", n_orders.to_string()),
        ("lines_in_segments", n_lines.to_string()),
        ("orders_in_tail", basis.tail.set.orders.len().to_string()),
        ("sequence", basis.sequence.to_string()),
        ("catalog_version", basis.catalog_version.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Where a basket lies and what it is sorted by; the order id decides only between equal times.
#[derive(Clone, Copy)]
struct Place {
    at_us: i64,
    /// The first eight bytes of the order id: most comparisons end here. Without a time, the order
    /// of appearance.
    rank: u64,
    unit: u32,
    basket: u32,
}

fn gather(units: Vec<Unit>, span_us: std::ops::Range<i64>) -> Baskets {
    let mut places: Vec<Place> = units
        .par_iter()
        .enumerate()
        .map(|(number, unit)| places_of(number as u32, unit, &span_us))
        .flatten_iter()
        .collect();
    places.par_sort_unstable_by(|a, b| {
        (a.at_us, a.rank)
            .cmp(&(b.at_us, b.rank))
            .then_with(|| {
                units[a.unit as usize].id(a.basket).cmp(units[b.unit as usize].id(b.basket))
            })
            .then_with(|| (a.unit, a.basket).cmp(&(b.unit, b.basket)))
    });
    let n_entries = units.iter().map(|unit| unit.items.len()).sum();
    let mut baskets = Baskets {
        items: Csr::with_capacity(places.len(), n_entries),
        at: Vec::with_capacity(places.len()),
        customers: Vec::with_capacity(places.len()),
    };
    for place in &places {
        let unit = &units[place.unit as usize];
        let items = &mut baskets.items.indices;
        items.extend(unit.basket(place.basket).iter().filter(|&&item| item != REMOVED));
        baskets.items.offsets.push(items.len() as u64);
        baskets.at.push(Timestamp(place.at_us));
        baskets.customers.push(unit.customers[place.basket as usize]);
    }
    baskets
}

fn places_of(number: u32, unit: &Unit, span_us: &std::ops::Range<i64>) -> Vec<Place> {
    let mut places = Vec::with_capacity(unit.at_us.len());
    for basket in 0..unit.at_us.len() as u32 {
        let at_us = unit.at_us[basket as usize];
        let is_empty = unit.basket(basket).iter().all(|&item| item == REMOVED);
        if is_empty || !span_us.contains(&at_us) {
            continue;
        }
        let id = unit.id(basket).as_bytes();
        let mut prefix = [0_u8; 8];
        let n_bytes = id.len().min(8);
        prefix[..n_bytes].copy_from_slice(&id[..n_bytes]);
        places.push(Place {
            at_us,
            rank: if at_us == NO_TIME.0 {
                unit.position(basket)
            } else {
                u64::from_be_bytes(prefix)
            },
            unit: number,
            basket,
        });
    }
    places
}

/// The view's mark for no customer is the code of an absent one.
const _: () = assert!(NO_CODE == crate::view::NO_CUSTOMER);
