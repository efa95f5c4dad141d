//! What happened lately, for a service that starts and rebuilds its sessions.

use events::Timestamp;
use hashbrown::HashMap;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::error::Result;
use crate::event_log::{LoggedEvent, event_from};
use crate::event_segment::{self, EventRow};
use crate::manifest::{self, EVENTS_CONTENT, ManifestSegment};
use crate::store::{Store, join};

/// [`events::EventKind::Purchase`] and `Refund` as the log writes them.
const TRADE: [u8; 2] = [4, 5];

impl Store {
    /// The events at or after `since` in the order of the log, the tail and sealed ones.
    pub async fn recent_events(&self, since: Timestamp) -> Result<Vec<LoggedEvent>> {
        let read = async |connection: &mut SqliteConnection| {
            let mut manifest = manifest::read(connection).await?;
            manifest.retain(|segment| {
                segment.content == EVENTS_CONTENT && segment.written.last_at_us >= since.0
            });
            let rows = sqlx::query(
                "SELECT e.*, c.customer_id FROM event AS e \
                 LEFT JOIN customer AS c ON c.customer_idx = e.customer_idx \
                 WHERE e.at_us >= ?1 ORDER BY e.seq",
            )
            .bind(since.0)
            .fetch_all(connection)
            .await?;
            Ok((manifest, rows.iter().map(event_from).collect::<sqlx::Result<Vec<_>>>()?))
        };
        let mut snapshot = self.database().snapshot().await?;
        let (manifest, tail) = read(&mut snapshot).await.map_err(self.error("read events"))?;
        drop(snapshot);
        self.joined(manifest, move |row| row.at_us >= since.0, tail).await
    }

    /// Purchases and refunds of known customers after event `seq`, in the order of the log: what a
    /// snapshot that was made at that event does not know.
    pub async fn purchases_after(&self, seq: i64) -> Result<Vec<LoggedEvent>> {
        let read = async |connection: &mut SqliteConnection| {
            let mut manifest = manifest::read(connection).await?;
            manifest.retain(|segment| segment.content == EVENTS_CONTENT && segment.version > seq);
            let rows = sqlx::query(
                "SELECT e.*, c.customer_id FROM event AS e INDEXED BY event_of_order \
                 JOIN customer AS c ON c.customer_idx = e.customer_idx \
                 WHERE e.kind IN (4, 5) AND e.confirmed = 1 AND e.seq > ?1 \
                 ORDER BY e.seq",
            )
            .bind(seq)
            .fetch_all(connection)
            .await?;
            Ok((manifest, rows.iter().map(event_from).collect::<sqlx::Result<Vec<_>>>()?))
        };
        let mut snapshot = self.database().snapshot().await?;
        let (manifest, tail) = read(&mut snapshot).await.map_err(self.error("read events"))?;
        drop(snapshot);
        let is_asked = move |row: &EventRow| {
            row.seq > seq
                && TRADE.contains(&row.kind)
                && row.confirmed
                && row.customer_idx.is_some()
        };
        let mut events = self.joined(manifest, is_asked, tail).await?;
        // Of a customer who was erased meanwhile, nothing is told.
        events.retain(|logged| logged.event.customer_id.is_some());
        Ok(events)
    }

    /// Sealed events that are asked for and those of the tail, in the order of the log.
    async fn joined(
        &self,
        manifest: Vec<ManifestSegment>,
        is_asked: impl Fn(&EventRow) -> bool + Send + 'static,
        tail: Vec<LoggedEvent>,
    ) -> Result<Vec<LoggedEvent>> {
        let segments = self.segments_dir();
        let task = tokio::task::spawn_blocking(move || {
            let mut rows = Vec::new();
            for segment in &manifest {
                let sealed = event_segment::read(&segments, &segment.written.name)?;
                rows.extend(sealed.into_iter().filter(|row| is_asked(row)));
            }
            Ok(rows)
        });
        let sealed = join(task).await?;
        let mut names: HashMap<u32, Option<String>> = HashMap::new();
        let mut events = Vec::with_capacity(sealed.len() + tail.len());
        for row in sealed {
            let customer_id = match row.customer_idx {
                None => None,
                Some(idx) if names.contains_key(&idx) => names[&idx].clone(),
                Some(idx) => {
                    let found = self.customer_id(idx).await?;
                    names.insert(idx, found.clone());
                    found
                }
            };
            events.extend(row.into_event(customer_id));
        }
        events.extend(tail);
        events.sort_unstable_by_key(|event| event.seq);
        Ok(events)
    }

    /// The external id of a customer, `None` for one who was erased.
    pub async fn customer_id(&self, customer_idx: u32) -> Result<Option<String>> {
        let row = sqlx::query("SELECT customer_id FROM customer WHERE customer_idx = ?1")
            .bind(customer_idx)
            .fetch_optional(&self.database().reader)
            .await
            .map_err(self.error("read a customer"))?;
        row.map(|row| row.try_get(0)).transpose().map_err(self.error("read a customer"))
    }
}
