//! Steps of all visits, grouped and in order of time.

use score::sessions::{Step, StepKind};

const SECOND_US: i64 = 1_000_000;

/// One step as it comes: in any order, sessions by any dense code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRow {
    pub session: u32,
    pub item: u32,
    pub kind: StepKind,
    /// Microseconds since 1970.
    pub at_us: i64,
}

/// Sessions in order of their last step, ties by their first row; steps in order of time, ties by
/// row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionLog {
    /// First step of each session, and the number of steps.
    pub offsets: Vec<u32>,
    pub steps: Vec<Step>,
    /// Time of each step in seconds since 1970; times outside 1970 to 2106 are put at the ends.
    pub at_s: Vec<u32>,
    /// Time of the last row of each session, also of one that went into the step before it; falls
    /// from no session to the next.
    pub ended_at_s: Vec<u32>,
}

impl SessionLog {
    /// Groups rows.
    ///
    /// What stands on one item with another kind than before (a view, then its cart event) is one
    /// step of the stronger kind: else the next item after a view would be the same item again.
    ///
    /// # Panics
    /// With more than 2^32 − 1 rows: positions are 32 bits wide.
    pub fn of(rows: &[StepRow]) -> SessionLog {
        SessionLog::cut_at_pauses(rows, 0)
    }

    /// The same, with visits cut where nothing was done for longer than this; 0 cuts nothing.
    pub fn cut_at_pauses(rows: &[StepRow], max_pause_s: u32) -> SessionLog {
        let n_rows = u32::try_from(rows.len()).expect("positions of steps are 32 bits wide");
        let mut order: Vec<u32> = (0..n_rows).collect();
        let row = |at: u32| &rows[at as usize];
        order.sort_unstable_by_key(|&at| (row(at).session, row(at).at_us, at));
        let max_pause_us = match max_pause_s {
            0 => i64::MAX,
            pause_s => i64::from(pause_s) * SECOND_US,
        };
        let is_one_visit = |&a: &u32, &b: &u32| {
            let pause_us = row(b).at_us.saturating_sub(row(a).at_us);
            row(a).session == row(b).session && pause_us <= max_pause_us
        };
        let mut runs: Vec<&[u32]> = order.chunk_by(is_one_visit).collect();
        runs.sort_by_cached_key(|run| {
            let last_at = run.last().map_or(0, |&at| row(at).at_us);
            (last_at, run.iter().min().copied())
        });
        let mut log = SessionLog { offsets: vec![0], ..SessionLog::default() };
        for run in runs {
            let begin = log.steps.len();
            for &at in run {
                log.push(begin, row(at));
            }
            log.ended_at_s.extend(run.last().map(|&at| seconds(row(at))));
            log.offsets.push(log.steps.len() as u32);
        }
        log
    }

    fn push(&mut self, begin: usize, row: &StepRow) {
        if self.steps.len() > begin
            && let Some(last) = self.steps.last_mut()
            && last.item == row.item
            && last.kind != row.kind
        {
            last.kind = last.kind.max(row.kind);
            return;
        }
        self.steps.push(Step { item: row.item, kind: row.kind });
        self.at_s.push(seconds(row));
    }

    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn range(&self, session: usize) -> std::ops::Range<usize> {
        self.offsets[session] as usize..self.offsets[session + 1] as usize
    }

    /// Steps of one session.
    pub fn session(&self, session: usize) -> &[Step] {
        &self.steps[self.range(session)]
    }

    /// The newest sessions that have at most so many steps together.
    #[must_use]
    pub fn newest(self, max_steps: usize) -> SessionLog {
        if self.steps.len() <= max_steps {
            return self;
        }
        let first = self.steps.len() - max_steps;
        let session = self.offsets.partition_point(|&offset| (offset as usize) < first);
        self.slice(session..self.len())
    }

    /// The sessions of a range, as a log of their own.
    pub fn slice(&self, sessions: std::ops::Range<usize>) -> SessionLog {
        let begin = self.offsets[sessions.start];
        let steps = begin as usize..self.offsets[sessions.end] as usize;
        SessionLog {
            offsets: self.offsets[sessions.start..=sessions.end]
                .iter()
                .map(|offset| offset - begin)
                .collect(),
            steps: self.steps[steps.clone()].to_vec(),
            at_s: self.at_s[steps].to_vec(),
            ended_at_s: self.ended_at_s[sessions].to_vec(),
        }
    }
}

fn seconds(row: &StepRow) -> u32 {
    row.at_us.div_euclid(SECOND_US).clamp(0, i64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(session: u32, item: u32, kind: StepKind, at_s: i64) -> StepRow {
        StepRow { session, item, kind, at_us: at_s * SECOND_US }
    }

    #[test]
    fn sessions_stand_by_their_end_and_steps_by_time() {
        use StepKind::View;
        let log = SessionLog::of(&[
            row(7, 1, View, 50),
            row(3, 2, View, 40),
            row(7, 4, View, 10),
            row(3, 5, View, 40),
            row(9, 6, View, 50),
        ]);
        let sessions: Vec<Vec<u32>> = (0..log.len())
            .map(|session| log.session(session).iter().map(|step| step.item).collect())
            .collect();
        // 7 and 9 end at the same time: 7 has the earlier row. Equal times keep the order of rows.
        assert_eq!(sessions, [vec![2, 5], vec![4, 1], vec![6]]);
        assert_eq!(log.ended_at_s[1], 50);
        assert_eq!(log.slice(1..3).session(0), log.session(1));
        assert_eq!(log.slice(1..3).len(), 2);
    }

    #[test]
    fn a_view_and_its_cart_event_are_one_step() {
        use StepKind::{Cart, Purchase, View};
        let log = SessionLog::of(&[
            row(0, 1, View, 1),
            row(0, 1, Cart, 2),
            row(0, 2, View, 3),
            row(0, 2, View, 4),
            row(0, 1, Purchase, 5),
            row(0, 1, View, 6),
        ]);
        let steps: Vec<(u32, StepKind)> =
            log.session(0).iter().map(|step| (step.item, step.kind)).collect();
        assert_eq!(steps, [(1, Cart), (2, View), (2, View), (1, Purchase)]);
    }

    /// Sessions stand by their last rows: so the end of one must be that of its last row too, also
    /// where that row went into a step before it.
    #[test]
    fn a_session_ends_with_its_last_row_even_if_that_makes_no_step() {
        use StepKind::{Cart, View};
        let rows = [
            row(0, 1, View, 0),
            row(0, 1, Cart, 100),
            row(1, 2, View, 50),
            row(1, 3, View, 60),
            row(0, 4, View, 120),
            row(0, 4, Cart, 900),
        ];
        assert_eq!(SessionLog::of(&rows).ended_at_s, [60, 900]);
        // Between the cart event and the next view lie 20 seconds, not 120.
        let ends = |max_pause_s| SessionLog::cut_at_pauses(&rows, max_pause_s).ended_at_s;
        assert_eq!(ends(800), [60, 900]);
        assert_eq!(ends(100), [60, 120, 900], "a pause within what would be one step");
        assert_eq!(ends(19), [0, 60, 100, 120, 900]);
        assert_eq!(SessionLog::of(&rows).slice(1..2).ended_at_s, [900]);
    }

    #[test]
    fn a_pause_ends_a_visit_and_old_visits_are_left_behind() {
        use StepKind::View;
        let rows =
            [row(0, 1, View, 0), row(0, 2, View, 10), row(0, 3, View, 41), row(1, 4, View, 20)];
        let cut = SessionLog::cut_at_pauses(&rows, 30);
        let items = |log: &SessionLog| -> Vec<Vec<u32>> {
            let of = |session| log.session(session).iter().map(|step| step.item).collect();
            (0..log.len()).map(of).collect()
        };
        assert_eq!(items(&cut), [vec![1, 2], vec![4], vec![3]]);
        assert_eq!((cut.ended_at_s[1], cut.ended_at_s[2]), (20, 41));
        assert_eq!(items(&cut.clone().newest(3)), [vec![4], vec![3]]);
        assert_eq!(items(&cut.clone().newest(4)), items(&cut));
        assert!(cut.newest(0).is_empty());
    }

    #[test]
    fn no_rows_are_no_sessions_and_odd_times_are_bounded() {
        assert!(SessionLog::of(&[]).is_empty());
        let odd = StepRow { session: 0, item: 0, kind: StepKind::View, at_us: i64::MIN };
        assert_eq!(SessionLog::of(&[odd]).ended_at_s, [0]);
    }
}
