//! What was known at one moment: the sessions before it and what they say of each item.

use super::index::SessionIndex;

/// Numbers of each item, in this order.
pub const N_STATS: usize = snapshot::session_sections::N_SESSION_STATS;
/// Sessions that hold the item.
pub const STAT_SESSIONS: usize = 0;
/// The same, weighted by e^(−age / 2 days).
pub const STAT_RECENT: usize = 1;
/// The same, weighted by e^(−age / 7 days).
pub const STAT_WEEK: usize = 2;
/// How often the item is come back to within a session, per session.
pub const STAT_REPEAT: usize = 3;

/// Items that stand in where the visit tells nothing.
pub const N_POPULAR: usize = 20;

/// The index up to a session, with the statistics of that moment. Ages are measured from the last
/// step before it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Horizon<'a> {
    pub index: SessionIndex<'a>,
    /// Sessions that are known; the index may hold later ones.
    pub n_sessions: u32,
    /// [`N_STATS`] numbers an item, item by item.
    pub stats: &'a [f32],
    /// Items of the largest [`STAT_RECENT`], largest first.
    pub popular: &'a [u32],
}

impl Horizon<'_> {
    #[inline]
    pub fn stats_of(&self, item: u32) -> &[f32] {
        let begin = item as usize * N_STATS;
        self.stats.get(begin..begin + N_STATS).unwrap_or(&[0.0; N_STATS])
    }

    /// Seconds since 1970 of the last step that is known.
    pub fn at_s(&self) -> u32 {
        let last = (self.n_sessions as usize).min(self.index.n_sessions()).checked_sub(1);
        last.map_or(0, |last| self.index.ended_at_s[last])
    }
}
