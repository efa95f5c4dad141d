//! Numbers of each item at a moment: see `score::sessions::horizon`.

use score::sessions::SessionIndex;
use score::sessions::horizon::{
    Horizon, N_POPULAR, N_STATS, STAT_RECENT, STAT_REPEAT, STAT_SESSIONS, STAT_WEEK,
};
use sparse::TopK;

const DAY_S: f32 = 86_400.0;
/// Days over which [`STAT_RECENT`] and [`STAT_WEEK`] fade.
const RECENT_DAYS: f32 = 2.0;
const WEEK_DAYS: f32 = 7.0;
/// Sessions without a return that every item is given, so that one return is no habit.
const REPEAT_SHRINKAGE: f32 = 2.0;

/// [`N_STATS`] numbers an item, and the most popular items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemStats {
    pub values: Vec<f32>,
    pub popular: Vec<u32>,
}

impl ItemStats {
    /// Statistics of the first `n_sessions` sessions. O(postings).
    pub fn at(index: &SessionIndex<'_>, n_sessions: usize) -> ItemStats {
        let n_sessions = n_sessions.min(index.n_sessions());
        let mut stats = ItemStats { values: vec![0.0; index.n_items() * N_STATS], popular: vec![] };
        let Some(last) = n_sessions.checked_sub(1) else { return stats };
        let (end, at_s) = (index.offsets[n_sessions], index.ended_at_s[last]);
        let mut top = TopK::new(N_POPULAR);
        for (item, row) in stats.values.chunks_exact_mut(N_STATS).enumerate() {
            let postings = index.postings_of(item as u32);
            let known = &postings[..postings.partition_point(|&event| event < end)];
            let mut n_repeats = 0.0;
            for &event in known {
                if !index.is_first(event as usize) {
                    n_repeats += 1.0;
                    continue;
                }
                let session = index.session_of[event as usize] as usize;
                let age_s = at_s.saturating_sub(index.ended_at_s[session]);
                let age_days = age_s as f32 / DAY_S;
                row[STAT_SESSIONS] += 1.0;
                row[STAT_RECENT] += (-age_days / RECENT_DAYS).exp();
                row[STAT_WEEK] += (-age_days / WEEK_DAYS).exp();
            }
            row[STAT_REPEAT] = n_repeats / (row[STAT_SESSIONS] + REPEAT_SHRINKAGE);
            if !known.is_empty() {
                top.push(item as u32, row[STAT_RECENT]);
            }
        }
        stats.popular = top.sorted().iter().map(|scored| scored.index).collect();
        stats
    }

    pub fn horizon<'a>(&'a self, index: SessionIndex<'a>, n_sessions: usize) -> Horizon<'a> {
        Horizon {
            index,
            n_sessions: n_sessions as u32,
            stats: &self.values,
            popular: &self.popular,
        }
    }
}
