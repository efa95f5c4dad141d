//! The live log: events are acknowledged when they are durable, many in one commit.
//!
//! One task owns the writing. It takes all that waits, writes it in one transaction and answers
//! everybody, so that the cost of a disk flush is shared by whoever came while the last one ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use events::time::DAY_US;
use events::{Amount, Currency, Event, EventKind, Timestamp, event::EventLine};
use hashbrown::HashSet;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row};
use tokio::sync::{mpsc, oneshot};

use crate::catalog::{add_items, number_ids};
use crate::database::{Database, advance};
use crate::error::{Error, Result};
use crate::event_ids::{EventIds, id_hash};
use crate::numbering::Numbered;
use crate::repeats;
use crate::store::Store;
use crate::tail::LoggedLine;

/// Batches that may wait; callers beyond that wait before they may wait.
const QUEUE_BATCHES: usize = 1_024;
/// Events in one transaction at most, so that its lock stays short.
const GROUP_EVENTS: usize = 8_192;
/// Log pages (estimated) after which the write-ahead log is moved into the database.
const CHECKPOINT_PAGES: u64 = 2_000;
/// Rows of a multi-row statement: one size for bulk, one for the rest, both prepared once.
const ROWS: usize = 64;

/// The answer to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// Durable, at this place in the log.
    Stored { seq: i64 },
    /// An event of this id is durable already; this one was left out. Pages (not confirmed) and
    /// servers do not take each other's ids.
    Duplicate,
}

/// A handle to the log; clones share one writer.
#[derive(Clone, Debug)]
pub struct EventLog {
    sender: mpsc::Sender<Batch>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    n_stored: AtomicU64,
    n_duplicates: AtomicU64,
    n_commits: AtomicU64,
}

/// What went through a log since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventLogCounts {
    pub n_stored: u64,
    pub n_duplicates: u64,
    pub n_commits: u64,
}

#[derive(Debug)]
struct Batch {
    events: Vec<Event>,
    /// By the clock of who sends it here, where it is said.
    received: Option<Timestamp>,
    reply: oneshot::Sender<Result<Vec<Ack>>>,
}

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEvent {
    pub seq: i64,
    pub event: Event,
}

impl Store {
    /// Starts the writer of live events, on the runtime that this is called on. It ends when all
    /// handles are gone.
    pub fn event_log(&self) -> Result<EventLog> {
        if self.database().is_read_only {
            return Err(Error::ReadOnly { path: self.dir().to_path_buf() });
        }
        let (sender, receiver) = mpsc::channel(QUEUE_BATCHES);
        let counts = Arc::new(Counts::default());
        let writer = Writer {
            database: self.database().clone(),
            counts: Arc::clone(&counts),
            connection: None,
            ids: EventIds::default(),
            n_pages: 0,
            checkpoint: Arc::default(),
        };
        tokio::spawn(writer.run(receiver));
        Ok(EventLog { sender, counts })
    }
}

impl EventLog {
    /// Returns when all events are durable, one answer for each. On an error none of them is
    /// acknowledged: send them again, ids that did get through are recognized.
    ///
    /// When they came is not kept: for imports, of which it says nothing.
    pub async fn append(&self, events: Vec<Event>) -> Result<Vec<Ack>> {
        self.send(events, None).await
    }

    /// The same of events that came now: a report can tell those that came late.
    pub async fn append_live(&self, events: Vec<Event>, now: Timestamp) -> Result<Vec<Ack>> {
        self.send(events, Some(now)).await
    }

    async fn send(&self, events: Vec<Event>, received: Option<Timestamp>) -> Result<Vec<Ack>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, answer) = oneshot::channel();
        let stopped = || Error::WriterStopped { what: "events" };
        self.sender.send(Batch { events, received, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    pub fn counts(&self) -> EventLogCounts {
        EventLogCounts {
            n_stored: self.counts.n_stored.load(Ordering::Relaxed),
            n_duplicates: self.counts.n_duplicates.load(Ordering::Relaxed),
            n_commits: self.counts.n_commits.load(Ordering::Relaxed),
        }
    }
}

/// An event, and when it came.
#[derive(Clone, Copy)]
struct Came<'a> {
    event: &'a Event,
    received: Option<Timestamp>,
}

impl Came<'_> {
    /// UTC, since 1970; where nobody said when it came, that of its own time.
    fn day(self) -> i64 {
        self.received.unwrap_or(self.event.at).0.div_euclid(DAY_US)
    }
}

impl Batch {
    fn came(&self) -> impl Iterator<Item = Came<'_>> {
        self.events.iter().map(|event| Came { event, received: self.received })
    }
}

struct Writer {
    database: Database,
    counts: Arc<Counts>,
    connection: Option<SqliteConnection>,
    ids: EventIds,
    n_pages: u64,
    checkpoint: Arc<Checkpoint>,
}

/// The write-ahead log goes into the database in two steps: most of it beside the writing, the
/// rest between two commits. Only when nothing is left over can the log start anew; otherwise it
/// would grow as long as events come.
#[derive(Debug, Default)]
struct Checkpoint {
    is_running: AtomicBool,
    is_first_step_done: AtomicBool,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<Batch>) {
        let mut batches = Vec::new();
        while receiver.recv_many(&mut batches, QUEUE_BATCHES).await > 0 {
            while !batches.is_empty() {
                let group = take_group(&mut batches);
                self.answer(group).await;
            }
        }
        if let Some(connection) = self.connection {
            // Best effort: everything that was acknowledged is durable without it.
            let _ = connection.close().await;
        }
    }

    async fn answer(&mut self, group: Vec<Batch>) {
        match self.write(&group).await {
            Ok(acks) => {
                let mut acks = acks.into_iter();
                for batch in group {
                    let own: Vec<Ack> = acks.by_ref().take(batch.events.len()).collect();
                    // Whoever stopped waiting does not need the answer.
                    let _ = batch.reply.send(Ok(own));
                }
                self.checkpoint_when_due().await;
            }
            Err(error) => {
                tracing::error!(%error, "events could not be stored");
                // A connection that failed is not trusted again, nor what is remembered of the log.
                self.connection = None;
                self.ids = EventIds::default();
                let shared = Arc::new(error);
                for batch in group {
                    let error = Error::EventsNotStored { source: Arc::clone(&shared) };
                    let _ = batch.reply.send(Err(error));
                }
            }
        }
    }

    async fn write(&mut self, group: &[Batch]) -> Result<Vec<Ack>> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connect().await?,
        };
        let connection = self.connection.insert(connection);
        let events: Vec<Came<'_>> = group.iter().flat_map(Batch::came).collect();
        let hashes: Vec<u64> =
            events.iter().map(|came| id_hash(&came.event.event_id, came.event.confirmed)).collect();
        let ids = &mut self.ids;
        let written = async {
            let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
            ids.catch_up(&mut transaction).await?;
            let acks = write_events(&mut transaction, ids, &hashes, &events).await?;
            transaction.commit().await?;
            Ok(acks)
        };
        let acks: sqlx::Result<Vec<Ack>> = written.await;
        let acks = acks.map_err(self.database.error("store events"))?;
        let last_seq = acks.iter().filter_map(|ack| match ack {
            Ack::Stored { seq } => Some(*seq),
            Ack::Duplicate => None,
        });
        let n_stored = last_seq.clone().count() as u64;
        if let Some(last_seq) = last_seq.max() {
            self.ids.add(hashes.into_iter(), last_seq);
        }
        self.counts.n_stored.fetch_add(n_stored, Ordering::Relaxed);
        self.counts.n_duplicates.fetch_add(acks.len() as u64 - n_stored, Ordering::Relaxed);
        self.counts.n_commits.fetch_add(1, Ordering::Relaxed);
        // Roots and counters, then a dozen rows a page and their customers.
        self.n_pages += 8 + n_stored / 4;
        Ok(acks)
    }

    async fn checkpoint_when_due(&mut self) {
        let checkpoint = &self.checkpoint;
        if checkpoint.is_first_step_done.swap(false, Ordering::AcqRel) {
            if let Some(connection) = &mut self.connection {
                warn_of(run_checkpoint(connection).await);
            }
            checkpoint.is_running.store(false, Ordering::Release);
        }
        if self.n_pages < CHECKPOINT_PAGES || checkpoint.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        self.n_pages = 0;
        let (database, checkpoint) = (self.database.clone(), Arc::clone(checkpoint));
        tokio::spawn(async move {
            warn_of(database.checkpoint().await);
            checkpoint.is_first_step_done.store(true, Ordering::Release);
        });
    }
}

async fn run_checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(connection).await.map(drop)
}

/// Nothing is lost by a checkpoint that fails: the log stays longer.
fn warn_of<E: std::fmt::Display>(outcome: std::result::Result<(), E>) {
    if let Err(error) = outcome {
        tracing::warn!(%error, "the log could not be moved into the database");
    }
}

/// The first batches that make a group; at least one.
fn take_group(batches: &mut Vec<Batch>) -> Vec<Batch> {
    let mut n_events = 0;
    let n_batches = batches
        .iter()
        .take_while(|batch| {
            let is_first = n_events == 0;
            n_events += batch.events.len();
            is_first || n_events <= GROUP_EVENTS
        })
        .count();
    batches.drain(..n_batches).collect()
}

async fn write_events(
    connection: &mut SqliteConnection,
    ids: &EventIds,
    hashes: &[u64],
    events: &[Came<'_>],
) -> sqlx::Result<Vec<Ack>> {
    let mut in_group = HashSet::new();
    let new: Vec<usize> = (0..events.len())
        .filter(|&at| !ids.contains(hashes[at]) && in_group.insert(hashes[at]))
        .collect();
    let mut acks = vec![Ack::Duplicate; events.len()];
    if new.len() < events.len() {
        let mut is_new = new.iter().copied().peekable();
        let again = (0..events.len()).filter(|at| is_new.next_if_eq(at).is_none());
        repeats::count(connection, again.map(|at| events[at].day())).await?;
    }
    if new.is_empty() {
        return Ok(acks);
    }
    let customers = number_customers(connection, events, &new).await?;
    let sold: Vec<&str> = new
        .iter()
        .map(|&at| events[at].event)
        .filter(|event| event.confirmed && is_order(event.kind))
        .flat_map(|event| event.lines.iter().map(|line| line.item_id.as_str()))
        .collect();
    if !sold.is_empty() {
        add_items(connection, &sold).await?;
    }
    let first_seq = advance(connection, "sequence", new.len() as i64).await? + 1;
    for (place, &at) in new.iter().enumerate() {
        acks[at] = Ack::Stored { seq: first_seq + place as i64 };
    }
    insert_events(connection, events, &new, &customers, first_seq).await?;
    Ok(acks)
}

pub(crate) fn is_order(kind: EventKind) -> bool {
    matches!(kind, EventKind::Purchase | EventKind::Refund)
}

/// For each new event the index of its customer.
async fn number_customers(
    connection: &mut SqliteConnection,
    events: &[Came<'_>],
    new: &[usize],
) -> sqlx::Result<Vec<Option<u32>>> {
    let id_of = |&at: &usize| events[at].event.customer_id.as_deref();
    let named = new.iter().filter_map(id_of);
    let mut indices = match named.clone().next() {
        None => return Ok(vec![None; new.len()]),
        Some(_) => number_ids(connection, Numbered::Customers, named).await?.into_iter(),
    };
    Ok(new.iter().map(|at| id_of(at).and_then(|_| indices.next())).collect())
}

async fn insert_events(
    connection: &mut SqliteConnection,
    events: &[Came<'_>],
    new: &[usize],
    customers: &[Option<u32>],
    first_seq: i64,
) -> sqlx::Result<()> {
    let mut place = 0;
    for chunk in statement_chunks(new) {
        let head = "INSERT INTO event (seq, event_id, kind, at_us, customer_idx, session_id, \
             order_id, source, currency, location_id, recommendation_id, confirmed, lines, \
             received_us) VALUES ";
        let mut query = sqlx::query(AssertSqlSafe(many_rows(head, 14, chunk.len())));
        for &at in chunk {
            let Came { event, received } = events[at];
            query = query
                .bind(first_seq + place as i64)
                .bind(&event.event_id)
                .bind(event.kind as u8)
                .bind(event.at.0)
                .bind(customers[place])
                .bind(event.session_id.as_deref())
                .bind(event.order_id.as_deref())
                .bind(&event.source)
                .bind(event.currency.as_ref().map(Currency::as_str))
                .bind(event.location_id.as_deref())
                .bind(event.recommendation_id.as_deref())
                .bind(event.confirmed)
                .bind(lines_to_json(&event.lines))
                .bind(received.map(|at| at.0));
            place += 1;
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Full chunks, then single rows: two statements in all, both in the statement cache.
fn statement_chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let (bulk, rest) = rows.split_at(rows.len() / ROWS * ROWS);
    bulk.chunks(ROWS).chain(rest.chunks(1))
}

fn many_rows(head: &str, n_columns: usize, n_rows: usize) -> String {
    let row = format!("(?{})", ", ?".repeat(n_columns - 1));
    format!("{head}{row}{}", format!(", {row}").repeat(n_rows - 1))
}

pub(crate) fn lines_to_json(lines: &[EventLine]) -> String {
    let logged: Vec<LoggedLine> = lines
        .iter()
        .map(|line| {
            LoggedLine(
                line.item_id.clone(),
                line.quantity.0,
                line.unit_price.map(|price| price.0),
                line.origin.clone(),
            )
        })
        .collect();
    serde_json::to_string(&logged).expect("plain columns always have a JSON form")
}

pub(crate) fn lines_from_json(json: &str) -> sqlx::Result<Vec<EventLine>> {
    let logged: Vec<LoggedLine> =
        serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(logged
        .into_iter()
        .map(|LoggedLine(item_id, quantity, price, origin)| EventLine {
            item_id,
            quantity: Amount(quantity),
            unit_price: price.map(Amount),
            origin,
        })
        .collect())
}

pub(crate) fn event_from(row: &SqliteRow) -> sqlx::Result<LoggedEvent> {
    let code = row.try_get::<i64, _>("kind")? as usize;
    let kind = EventKind::ALL.get(code).copied();
    let event = Event {
        event_id: row.try_get("event_id")?,
        kind: kind.ok_or_else(|| sqlx::Error::Decode(format!("event kind {code}").into()))?,
        at: Timestamp(row.try_get("at_us")?),
        customer_id: row.try_get("customer_id")?,
        session_id: row.try_get("session_id")?,
        order_id: row.try_get("order_id")?,
        source: row.try_get("source")?,
        currency: row.try_get::<Option<&str>, _>("currency")?.and_then(Currency::parse),
        location_id: row.try_get("location_id")?,
        recommendation_id: row.try_get("recommendation_id")?,
        lines: lines_from_json(row.try_get("lines")?)?,
        confirmed: row.try_get("confirmed")?,
    };
    Ok(LoggedEvent { seq: row.try_get("seq")?, event })
}
