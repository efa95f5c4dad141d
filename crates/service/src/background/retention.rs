//! Forgets browsing events and decision records by age, while the service runs.

use crate::chronicle::TOUCH_EVERY;
use crate::state::{AppState, Inner};
use events::Timestamp;
use events::time::DAY_US;
use history::RetentionPolicy;
use std::time::Duration;

/// Between two runs; what is too old goes at most this much too late.
const EVERY: Duration = TOUCH_EVERY;

/// For how many days things are kept; `None`: for ever. Orders always stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepDays {
    pub events: Option<u32>,
    pub decisions: Option<u32>,
}

impl KeepDays {
    pub fn policy(self, now: Timestamp) -> RetentionPolicy {
        let before =
            |days: u32| Timestamp(now.0.saturating_sub(i64::from(days).saturating_mul(DAY_US)));
        RetentionPolicy {
            events_before: self.events.map(before),
            decisions_before: self.decisions.map(before),
        }
    }
}

pub(super) async fn run(state: AppState, keep: KeepDays) {
    loop {
        state.inner.chronicle.touch(state.inner.clock.now());
        if keep != KeepDays::default() {
            forget(&state.inner, keep).await;
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn forget(inner: &Inner, keep: KeepDays) {
    let policy = keep.policy(inner.clock.now());
    if let Some(before) = policy.decisions_before {
        // Without its decisions nobody asks for a chronicle.
        match inner.chronicle.forget_before(before) {
            Ok(n_epochs) => tracing::debug!(n_epochs, "old chronicles removed"),
            Err(error) => tracing::error!(%error, "old chronicles could not be removed"),
        }
    }
    match inner.ledger.apply_retention(policy).await {
        Ok(done) => tracing::info!(
            n_events = done.n_events_removed,
            n_event_segments = done.n_segments_removed,
            n_decisions = done.n_decisions_removed,
            "what is too old was removed"
        ),
        Err(fault) => tracing::error!(%fault, "what is too old could not be removed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, TestShop};

    #[tokio::test]
    async fn each_kind_goes_at_its_own_age_and_without_an_age_never() {
        let shop = TestShop::new();
        let keep = KeepDays { events: Some(2), decisions: None };
        forget(&shop.state.inner, keep).await;
        let asked = shop.ledger.state().retained.clone();
        let events_before = Some(Timestamp(NOW.0 - 2 * DAY_US));
        assert_eq!(asked, [RetentionPolicy { events_before, decisions_before: None }]);
        let long = KeepDays { events: Some(u32::MAX), decisions: Some(u32::MAX) };
        assert!(long.policy(NOW).events_before < Some(Timestamp(0)));
        let forever = run(shop.state.clone(), KeepDays::default());
        assert!(tokio::time::timeout(Duration::from_millis(50), forever).await.is_err());
        assert_eq!(shop.ledger.state().retained.len(), 1);
    }
}
