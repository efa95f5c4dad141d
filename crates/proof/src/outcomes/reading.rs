//! The logs of a store, read once from far back and from then on as they grow.

use super::{Learned, Learning, Outcomes, READ_DAYS};
use crate::error::Result;
use events::Timestamp;
use events::time::DAY_US;
use history::Store;
use measure::assignment::key_of;

/// How far the logs were read.
#[derive(Clone, Debug)]
pub struct Reader {
    outcomes: Outcomes,
    last_event: i64,
    last_block: i64,
}

impl Reader {
    /// Reads the last four weeks, as far as open answers fit.
    pub async fn open(store: &Store, learning: Vec<Learning>, now: Timestamp) -> Result<Reader> {
        let key = key_of(&store.store_id().await?);
        let mut outcomes = Outcomes::new(learning, key, now);
        let since = Timestamp(now.0.saturating_sub(READ_DAYS * DAY_US));
        // What comes while this is read is heard twice, which changes nothing.
        let last_event = store.last_event().await?;
        let last_block = store.each_new_decision(0, since, |record| outcomes.take(record)).await?;
        store.each_event(since, |event| outcomes.hear(&event)).await?;
        let mut reader = Reader { outcomes, last_event, last_block };
        reader.outcomes.forget(now);
        Ok(reader)
    }

    /// Reads what came since.
    pub async fn read_on(&mut self, store: &Store, now: Timestamp) -> Result<()> {
        let outcomes = &mut self.outcomes;
        let take = |record: &history::DecisionRecord| outcomes.take(record);
        self.last_block = store.each_new_decision(self.last_block, Timestamp(0), take).await?;
        // Those that came before their answer have it by now, or never will.
        outcomes.settle();
        let hear = |event: history::PastEvent| outcomes.hear(&event);
        self.last_event = store.each_new_event(self.last_event, hear).await?;
        outcomes.forget(now);
        Ok(())
    }

    /// What was learned of what was read, of each placement that learns.
    pub fn learned(&mut self, now: Timestamp) -> Vec<Learned> {
        self.outcomes.learned(now)
    }
}
