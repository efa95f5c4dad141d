//! Moves old events from the tail of the log into sealed segments, while the service runs: else
//! the database of a busy shop would grow for ever, and with it every start.

use crate::state::{AppState, Inner};
use events::Timestamp;
use events::time::DAY_US;
use history::SealPolicy;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(60);
/// Enough for one segment that is worth its file.
const AT_LEAST: u32 = 50_000;

pub(super) async fn run(state: AppState) {
    let mut was_fine = true;
    loop {
        was_fine = seal(&state.inner, was_fine).await;
        tokio::time::sleep(EVERY).await;
    }
}

/// What no session can need any more is sealed: at once when it is much, after a day when it is
/// little.
fn policy(now: Timestamp, session_ttl_us: i64) -> SealPolicy {
    let before = Timestamp(now.0.saturating_sub(session_ttl_us));
    let latest = Timestamp(before.0.saturating_sub(DAY_US));
    SealPolicy { before, at_least: AT_LEAST, latest }
}

/// Whether it went well; a fault that lasts is told once.
async fn seal(inner: &Inner, was_fine: bool) -> bool {
    let policy = policy(inner.clock.now(), inner.settings.live.session_ttl_us);
    match inner.ledger.seal_when_due(policy).await {
        Ok(done) => {
            if 0 < done.n_events {
                let (n_events, n_orders) = (done.n_events, done.n_orders);
                tracing::info!(n_events, n_orders, "old events were sealed");
            }
            true
        }
        Err(fault) => {
            if was_fine {
                tracing::error!(%fault, "old events could not be sealed; they stay in the tail");
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, TestShop};
    use std::sync::atomic::Ordering;

    #[tokio::test]
    async fn what_a_session_may_need_stays_in_the_tail() {
        let shop = TestShop::new();
        let ttl = shop.state.inner.settings.live.session_ttl_us;
        assert!(seal(&shop.state.inner, true).await);
        let before = Timestamp(NOW.0 - ttl);
        let latest = Timestamp(NOW.0 - ttl - DAY_US);
        let asked = shop.ledger.state().sealings.clone();
        assert_eq!(asked, [SealPolicy { before, at_least: AT_LEAST, latest }]);
        assert!(policy(Timestamp(i64::MIN), ttl).before <= policy(NOW, ttl).before);
    }

    #[tokio::test]
    async fn a_store_that_cannot_seal_is_told_once_and_asked_again() {
        let shop = TestShop::new();
        shop.ledger.is_full.store(true, Ordering::Relaxed);
        assert!(!seal(&shop.state.inner, true).await);
        shop.ledger.is_full.store(false, Ordering::Relaxed);
        assert!(seal(&shop.state.inner, false).await);
    }
}
