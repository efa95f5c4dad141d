//! Events and orders one after the other, for whoever reads all of them once: reports.
//!
//! Memory is that of one segment of events, or of one row group of orders, and of the orders in the
//! tail of the log. What happens meanwhile is not seen.

use std::sync::Arc;

use events::event::EventLine;
use events::lines::NO_TIME;
use events::{Amount, Currency, EventKind, LineKind, Timestamp};

use crate::error::Result;
use crate::event_log::lines_from_json;
use crate::event_segment::{self, EventRow};
use crate::living::LivingOrders;
use crate::load::resolve_tail;
use crate::manifest::{self, EVENTS_CONTENT};
use crate::order_key::OrderKey;
use crate::orders::{NO_CODE, NO_PRICE, OrderRow, OrderSet};
use crate::store::{Store, join};

/// An event as the log has it; the customer by dense index.
#[derive(Clone, Debug, PartialEq)]
pub struct PastEvent {
    pub kind: EventKind,
    pub at: Timestamp,
    pub customer_idx: Option<u32>,
    pub session_id: Option<String>,
    /// Of purchases and refunds: the identity of the order, as [`PastOrder::key`].
    pub order_key: Option<u128>,
    pub recommendation_id: Option<String>,
    pub confirmed: bool,
    pub lines: Vec<EventLine>,
    /// When it came; `None`: not known, as of imports and of all that came before format 7.
    pub received_at: Option<Timestamp>,
}

/// One line of an order; fees are lines too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PastLine {
    pub item_idx: u32,
    pub kind: LineKind,
    /// Negative for what came back.
    pub quantity: Amount,
    pub unit_price: Option<Amount>,
}

/// The version of an order that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct PastOrder<'a> {
    pub key: u128,
    /// The order that this one takes back, whole when it has no lines.
    pub refers: Option<u128>,
    pub at: Option<Timestamp>,
    pub customer_idx: Option<u32>,
    pub currency: Option<Currency>,
    pub lines: &'a [PastLine],
}

impl Store {
    /// Gives each event with `since <= time`; those of one segment in the order of the log.
    pub async fn each_event(
        &self,
        since: Timestamp,
        mut give: impl FnMut(PastEvent),
    ) -> Result<()> {
        // The tail first: what is sealed after this stands in both, and is known by its number.
        let mut snapshot = self.database().snapshot().await?;
        let tail = event_segment::rows_of_tail(&mut snapshot, (i64::MIN, i64::MAX))
            .await
            .map_err(self.error("read events"))?;
        drop(snapshot);
        let first_of_tail = tail.first().map_or(i64::MAX, |row| row.seq);
        let held = self.hold_segments().await?;
        let is_asked = |row: &EventRow| row.at_us >= since.0;
        for segment in held.manifest.iter().filter(|segment| segment.content == EVENTS_CONTENT) {
            if segment.written.last_at_us < since.0 {
                continue;
            }
            let (dir, name) = (held.dir.clone(), segment.written.name.clone());
            let task = tokio::task::spawn_blocking(move || event_segment::read(&dir, &name));
            let rows = join(task).await?;
            rows.into_iter()
                .filter(|row| row.seq < first_of_tail && is_asked(row))
                .filter_map(past_event)
                .for_each(&mut give);
        }
        tail.into_iter().filter(is_asked).filter_map(past_event).for_each(give);
        Ok(())
    }

    /// The number of the latest event that was not sealed yet; 0 where there is none.
    pub async fn last_event(&self) -> Result<i64> {
        sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM event")
            .fetch_one(&self.database().reader)
            .await
            .map_err(self.error("read events"))
    }

    /// Gives what came into the log after an event, in its order; the number of the last of them.
    /// For who asks again and again: what was sealed meanwhile, a day old at least, is left out.
    pub async fn each_new_event(&self, after: i64, mut give: impl FnMut(PastEvent)) -> Result<i64> {
        let mut snapshot = self.database().snapshot().await?;
        let rows = event_segment::rows_of_tail(&mut snapshot, (after, i64::MAX))
            .await
            .map_err(self.error("read events"))?;
        drop(snapshot);
        let last = rows.last().map_or(after, |row| row.seq);
        rows.into_iter().filter_map(past_event).for_each(&mut give);
        Ok(last)
    }

    /// Gives each order that counts with `since <= time`, and those without a time.
    pub async fn each_order(
        &self,
        since: Timestamp,
        mut give: impl FnMut(&PastOrder<'_>) + Send + 'static,
    ) -> Result<()> {
        let mut basis = self.read_basis().await?;
        let task = tokio::task::spawn_blocking(move || {
            let superseded = resolve_tail(&mut basis)?;
            for (segment, superseded) in basis.manifest.iter_mut().zip(superseded) {
                if segment.written.last_at_us < since.0 {
                    continue;
                }
                segment.dead = Arc::new(manifest::RowSet::union(&segment.dead, &superseded));
                let mut living = LivingOrders::open(&basis.segments_dir, segment)?;
                for group in 0..living.n_groups() {
                    let set = living.group(group)?;
                    let currency = |code: u32| Currency::parse(living.currencies.get(code));
                    give_orders(&set, since, currency, &mut give);
                }
            }
            let currency = |code: u32| basis.tail.texts.currency(code);
            give_orders(&basis.tail.set, since, currency, &mut give);
            Ok(())
        });
        join(task).await
    }
}

fn past_event(row: EventRow) -> Option<PastEvent> {
    let kind = *EventKind::ALL.get(usize::from(row.kind))?;
    let is_order = matches!(kind, EventKind::Purchase | EventKind::Refund);
    let order_id = row.order_id.as_deref().unwrap_or(&row.event_id);
    Some(PastEvent {
        kind,
        at: Timestamp(row.at_us),
        customer_idx: row.customer_idx,
        order_key: is_order.then(|| OrderKey::of(&row.source, order_id).0),
        session_id: row.session_id,
        recommendation_id: row.recommendation_id,
        confirmed: row.confirmed,
        lines: lines_from_json(&row.lines).ok()?,
        received_at: row.received_us.map(Timestamp),
    })
}

fn give_orders(
    set: &OrderSet,
    since: Timestamp,
    currency: impl Fn(u32) -> Option<Currency>,
    give: &mut impl FnMut(&PastOrder<'_>),
) {
    let mut lines: Vec<PastLine> = Vec::new();
    let mut rest = &set.lines[..];
    for order in &set.orders {
        let (own, others) = rest.split_at(order.n_lines as usize);
        rest = others;
        if order.at_us != NO_TIME.0 && order.at_us < since.0 {
            continue;
        }
        lines.clear();
        lines.extend(own.iter().map(|line| PastLine {
            item_idx: line.item,
            kind: line.kind,
            quantity: Amount(line.quantity),
            unit_price: (line.unit_price != NO_PRICE).then_some(Amount(line.unit_price)),
        }));
        give(&past_order(order, &currency, &lines));
    }
}

fn past_order<'a>(
    order: &OrderRow,
    currency: impl Fn(u32) -> Option<Currency>,
    lines: &'a [PastLine],
) -> PastOrder<'a> {
    let some = |code: u32| (code != NO_CODE).then_some(code);
    PastOrder {
        key: order.key.0,
        refers: (order.refers != OrderKey::NONE).then_some(order.refers.0),
        at: (order.at_us != NO_TIME.0).then_some(Timestamp(order.at_us)),
        customer_idx: some(order.customer),
        currency: some(order.currency).and_then(currency),
        lines,
    }
}
