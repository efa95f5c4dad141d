//! Small worlds, learned from baskets.

use crate::request::{CartLine, ItemRef};
use events::{Amount, Timestamp};
use history::{Baskets, HistoryView, ItemEntry};
use learn::sessions::{SessionParams, StepRow, add_sessions};
use learn::{Params, Silent};
use score::World;
use score::sessions::StepKind;
use snapshot::Snapshot;
use std::sync::Arc;

const DAY_US: i64 = 86_400_000_000;

/// Items `i0`, `i1`… with nothing but an id.
pub(crate) fn items(n: usize) -> Vec<ItemEntry> {
    (0..n).map(|at| ItemEntry { id: format!("i{at}").into(), ..ItemEntry::default() }).collect()
}

pub(crate) fn view(items: Vec<ItemEntry>, rows: &[(Vec<u32>, u32)]) -> HistoryView {
    HistoryView {
        n_customers: 3,
        items,
        baskets: Baskets {
            items: rows.iter().map(|(items, _)| items).collect(),
            at: (0..rows.len()).map(|day| Timestamp(day as i64 * DAY_US)).collect(),
            customers: rows.iter().map(|&(_, customer)| customer).collect(),
        },
        ..HistoryView::default()
    }
}

pub(crate) fn learned(view: &HistoryView) -> World {
    let params = Params::default().check().unwrap();
    let learned = learn::learn(view, &params, &Silent).unwrap();
    World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()))
}

/// The same with visits: each a list of items that were looked at in turn, a day apart.
pub(crate) fn learned_with_visits(view: &HistoryView, visits: &[Vec<u32>]) -> World {
    let params = Params::default().check().unwrap();
    let mut learned = learn::learn(view, &params, &Silent).unwrap();
    let mut rows = Vec::new();
    for (session, items) in (0_u32..).zip(visits) {
        rows.extend(items.iter().zip(0_i64..).map(|(&item, at)| StepRow {
            session,
            item,
            kind: StepKind::View,
            at_us: i64::from(session) * DAY_US + at,
        }));
    }
    add_sessions(&mut learned, &rows, view.n_items(), &SessionParams::default()).unwrap();
    World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()))
}

/// Two blocks, 0..5 and 5..10, each bought among themselves, by customers 0 and 1.
pub(crate) fn blocks() -> HistoryView {
    let rows: Vec<(Vec<u32>, u32)> = (0..120_u32)
        .map(|at| {
            let block = at % 2;
            let is_in = |item: &u32| (at / 2 + item * item) % 5 < 3;
            ((0..5).filter(is_in).map(|item| item + block * 5).collect(), block)
        })
        .collect();
    view(items(10), &rows)
}

pub(crate) fn cart(items: &[u32]) -> Vec<CartLine<'static>> {
    items.iter().map(|&item| line(ItemRef::Known(item))).collect()
}

pub(crate) fn line(item: ItemRef<'_>) -> CartLine<'_> {
    CartLine { item, quantity: Amount::ONE, unit_price: None }
}
