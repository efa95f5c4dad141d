//! Events as if they had come long ago and were sealed since: for made-up histories that are too
//! large to come in one by one.

use std::sync::Arc;

use events::Event;

use crate::error::{Error, Result};
use crate::event_log::lines_to_json;
use crate::event_segment::{self, EventRow};
use crate::manifest::{self, EVENTS_CONTENT, NewSegment};
use crate::store::{Job, Store, join};

/// Before every event that came through the log.
const SEQ: i64 = 0;

impl Store {
    /// One segment of these events, each with the index of its customer in place of the id; none of
    /// them is a purchase or a refund, which are orders too, and nobody asks whether an id came
    /// before.
    pub async fn add_sealed_events(&self, events: Vec<(Event, Option<u32>)>) -> Result<()> {
        if events.is_empty() {
            return Ok(());
        }
        let _lock = self.lock_segments().await?;
        let job = Job::start(&self.segments_dir())?;
        let (segments, disk) = (self.segments_dir(), Arc::clone(self.disk()));
        let name = format!("{}-events", job.name);
        let task = tokio::task::spawn_blocking(move || {
            let rows: Vec<EventRow> = events.into_iter().map(row_of).collect();
            let written = event_segment::write(&*disk, &segments, &name, &rows)?;
            disk.sync_dir(&segments).map_err(Error::io("write to", &segments))?;
            Ok(written)
        });
        let written = join(task).await?;
        let mut transaction = self.database().begin().await?;
        let (content, version) = (EVENTS_CONTENT, SEQ);
        let segment = NewSegment { written: &written, content, version, map_id: None };
        manifest::add(&mut transaction, segment).await.map_err(self.error("add events"))?;
        self.database().commit(transaction).await?;
        drop(job);
        Ok(())
    }
}

fn row_of((event, customer_idx): (Event, Option<u32>)) -> EventRow {
    EventRow {
        seq: SEQ,
        event_id: event.event_id,
        kind: event.kind as u8,
        at_us: event.at.0,
        customer_idx,
        session_id: event.session_id,
        order_id: event.order_id,
        source: event.source,
        currency: event.currency.map(|currency| currency.as_str().to_owned()),
        location_id: event.location_id,
        recommendation_id: event.recommendation_id,
        confirmed: event.confirmed,
        lines: lines_to_json(&event.lines),
        received_us: None,
    }
}
