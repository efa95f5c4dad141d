//! Orders in the tail of the event log: purchases and refunds that no segment holds yet.

use events::lines::NO_TIME;
use events::{EventKind, LineKind};
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use xxhash_rust::xxh3::xxh3_64;

use crate::id_table::IdTable;
use crate::numbering::{Numbered, UNKNOWN, look_up};
use crate::order_key::{OrderKey, OrderKeys};
use crate::orders::{
    LineRow, Merged, NO_CODE, NO_PRICE, OrderHead, OrderRow, OrderSet, digest, merge_lines,
};
use crate::segment::SegmentTexts;

/// One line of an event as the log keeps it, a JSON array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoggedLine(
    pub(crate) String,
    /// Quantity, then unit price, in millionths.
    pub(crate) i64,
    pub(crate) Option<i64>,
    /// Origin.
    pub(crate) Option<String>,
);

/// The orders of the tail, one version each, in rising order of key; item and customer codes are
/// dense indices of the store.
#[derive(Debug, Default)]
pub(crate) struct TailOrders {
    pub(crate) set: OrderSet,
    /// For each order the sequence number of the event that brought it.
    pub(crate) seqs: Vec<i64>,
    pub(crate) texts: SegmentTexts,
}

impl TailOrders {
    pub(crate) fn retain(&mut self, is_kept: &[bool]) {
        self.set.retain(|at, _| is_kept[at]);
        let mut at = 0;
        self.seqs.retain(|_| {
            at += 1;
            is_kept[at - 1]
        });
    }
}

/// Keys of the purchases in the tail that count.
pub(crate) async fn order_keys(
    connection: &mut SqliteConnection,
) -> sqlx::Result<HashSet<OrderKey>> {
    let rows = sqlx::query(
        "SELECT source, COALESCE(order_id, event_id) FROM event INDEXED BY event_of_order \
         WHERE kind IN (4, 5) AND kind = 4 AND confirmed = 1",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(OrderKey::of(row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The orders up to and with event `last_seq`.
pub(crate) async fn orders(
    connection: &mut SqliteConnection,
    last_seq: i64,
) -> sqlx::Result<TailOrders> {
    let rows = sqlx::query(
        "SELECT e.seq, e.event_id, e.kind, e.at_us, e.customer_idx, c.customer_id, e.order_id, \
         e.source, e.currency, e.location_id, e.lines \
         FROM event AS e INDEXED BY event_of_order \
         LEFT JOIN customer AS c ON c.customer_idx = e.customer_idx \
         WHERE e.kind IN (4, 5) AND e.confirmed = 1 AND e.seq <= ?1 ORDER BY e.seq",
    )
    .bind(last_seq)
    .fetch_all(&mut *connection)
    .await?;
    // A later event of the same order replaces the earlier one.
    let mut latest: HashMap<OrderKey, LoggedOrder> = HashMap::new();
    let mut codes = Codes::default();
    for row in &rows {
        let order = codes.order_from(row)?;
        latest.insert(order.row.key, order);
    }
    let mut indices = vec![UNKNOWN; codes.items.len()];
    let item = |at: usize| codes.items.get(at as u32);
    look_up(connection, Numbered::Items, item, &mut indices).await?;
    Ok(assemble(latest, &codes, &indices))
}

struct LoggedOrder {
    seq: i64,
    row: OrderRow,
    id: String,
    customer_hash: u64,
    lines: Vec<LineRow>,
}

#[derive(Default)]
struct Codes {
    items: IdTable,
    locations: IdTable,
    currencies: IdTable,
    sources: IdTable,
}

impl Codes {
    fn order_from(&mut self, row: &SqliteRow) -> sqlx::Result<LoggedOrder> {
        let (event_id, source): (&str, &str) = (row.try_get("event_id")?, row.try_get("source")?);
        let order_id: Option<&str> = row.try_get("order_id")?;
        let id = order_id.unwrap_or(event_id).to_owned();
        let is_refund = row.try_get::<i64, _>("kind")? == EventKind::Refund as i64;
        let keys = OrderKeys::new(source);
        let at_us: i64 = row.try_get("at_us")?;
        let customer: Option<i64> = row.try_get("customer_idx")?;
        let customer_id: Option<&str> = row.try_get("customer_id")?;
        let mut code = |table: fn(&mut Codes) -> &mut IdTable, text: Option<&str>| match text {
            Some(text) => {
                table(self).intern(text).map_err(|error| sqlx::Error::Decode(error.into()))
            }
            None => Ok(NO_CODE),
        };
        let row_of_order = OrderRow {
            key: if is_refund { keys.refund_key(event_id) } else { keys.key(&id) },
            digest: 0,
            id_start: 0,
            id_len: id.len() as u32,
            position: 0,
            customer: customer.map_or(NO_CODE, |customer| customer as u32),
            location: code(|codes| &mut codes.locations, row.try_get("location_id")?)?,
            currency: code(|codes| &mut codes.currencies, row.try_get("currency")?)?,
            source: code(|codes| &mut codes.sources, Some(source))?,
            at_us,
            n_lines: 0,
            refers: if is_refund { keys.key(&id) } else { OrderKey::NONE },
        };
        let logged: Vec<LoggedLine> = serde_json::from_str(row.try_get("lines")?)
            .map_err(|error| sqlx::Error::Decode(error.into()))?;
        let mut lines = Vec::with_capacity(logged.len());
        for line in logged {
            let item = code(|codes| &mut codes.items, Some(&line.0))?;
            lines.push(line_row(&line, item, at_us, is_refund));
        }
        Ok(LoggedOrder {
            seq: row.try_get("seq")?,
            row: row_of_order,
            id,
            customer_hash: customer_id.map_or(0, |id| xxh3_64(id.as_bytes())),
            lines,
        })
    }
}

fn line_row(line: &LoggedLine, item: u32, at_us: i64, is_refund: bool) -> LineRow {
    let (quantity, price) = (line.1, line.2);
    let (kind, quantity) = if is_refund {
        (LineKind::Return, quantity.saturating_abs().saturating_neg())
    } else if quantity < 0 {
        (LineKind::Return, quantity)
    } else if quantity > 0 && price.is_none_or(|price| price > 0) {
        (LineKind::Sale, quantity)
    } else {
        (LineKind::Adjustment, quantity)
    };
    LineRow { item, kind, unit_price: price.unwrap_or(NO_PRICE), at_us, quantity }
}

fn assemble(
    latest: HashMap<OrderKey, LoggedOrder>,
    codes: &Codes,
    item_indices: &[u32],
) -> TailOrders {
    let mut orders: Vec<LoggedOrder> = latest.into_values().collect();
    orders.sort_unstable_by_key(|order| order.row.key);
    let mut tail = TailOrders {
        texts: SegmentTexts::new(&codes.locations, &codes.currencies, &codes.sources),
        ..TailOrders::default()
    };
    for mut order in orders {
        let n_lines = merge_lines(&mut order.lines, &mut Merged::default());
        order.lines.truncate(n_lines);
        let head = OrderHead {
            customer_hash: order.customer_hash,
            location_hash: codes.locations.hash_or_zero(order.row.location),
            currency_hash: codes.currencies.hash_or_zero(order.row.currency),
            at_us: order.row.at_us,
            position: 0,
            refers: order.row.refers,
        };
        debug_assert_ne!(head.at_us, NO_TIME.0, "the service gives each event a time");
        order.row.digest = digest(&head, &order.lines, |item| codes.items.hash_of(item));
        order.row.n_lines = n_lines as u32;
        order.row.id_start = tail.set.texts.len() as u32;
        tail.set.texts.extend_from_slice(order.id.as_bytes());
        tail.set.lines.extend(
            order
                .lines
                .iter()
                .map(|line| LineRow { item: item_indices[line.item as usize], ..*line }),
        );
        tail.set.orders.push(order.row);
        tail.seqs.push(order.seq);
    }
    tail
}
