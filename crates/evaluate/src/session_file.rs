//! Files of sessions as they are: steps with a session, an item and a time.

use crate::error::Error;
use crate::order_file::Codes;
use events::Event;
use events::import::{FileKind, ImportPlan, PlanOptions, ReadOptions, Source, read_events};
use learn::sessions::{SessionLog, StepRow};
use score::sessions::StepKind;
use std::collections::HashMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

/// Train, validation and test sessions over one numbering of items.
#[derive(Clone, Debug, Default)]
pub struct SessionSplit {
    pub train: SessionLog,
    pub valid: SessionLog,
    pub test: SessionLog,
    /// Ids in order of first appearance: train, then valid, then test.
    pub item_ids: Vec<Box<str>>,
    pub n_set_aside: u64,
    /// Who made each test session, by any code: a visit of nobody known is one of its own.
    pub test_visitors: Vec<u32>,
}

/// Share of sessions that train and that choose, in tenths: the first eight train, the ninth
/// chooses, the tenth is asked.
const TRAIN_TENTHS: usize = 8;
const VALID_TENTHS: usize = 9;

impl SessionSplit {
    /// Three files, one for each part.
    pub fn read(
        train: &Path,
        valid: &Path,
        test: &Path,
        options: &PlanOptions,
    ) -> Result<SessionSplit, Error> {
        let mut reader = Reader::default();
        let (train, _) = reader.read(train, options)?;
        let (valid, _) = reader.read(valid, options)?;
        let (test, visitors) = reader.read(test, options)?;
        reader.finish(train, valid, (test, visitors))
    }

    /// One file of events, split by the time of each session's last step: the first 80 % train, the
    /// next 10 % choose, the last 10 % are asked (rounded down).
    pub fn read_events(path: &Path, options: &PlanOptions) -> Result<SessionSplit, Error> {
        let mut reader = Reader::default();
        let (all, visitors) = reader.read(path, options)?;
        let (n_train, n_known) = (all.len() * TRAIN_TENTHS / 10, all.len() * VALID_TENTHS / 10);
        let parts = [0..n_train, n_train..n_known, n_known..all.len()].map(|part| all.slice(part));
        let [train, valid, test] = parts;
        reader.finish(train, valid, (test, visitors[n_known..].to_vec()))
    }

    /// Steps of a log that have something before them.
    pub fn n_cases(log: &SessionLog) -> usize {
        log.steps.len() - log.len()
    }
}

#[derive(Default)]
struct Reader {
    items: Codes,
    n_set_aside: u64,
}

impl Reader {
    /// The sessions of a file, and who made each.
    fn read(
        &mut self,
        path: &Path,
        options: &PlanOptions,
    ) -> Result<(SessionLog, Vec<u32>), Error> {
        let file = File::open(path).map_err(|source| Error::Io {
            action: "open",
            path: path.to_path_buf(),
            source,
        })?;
        let mut source = Source::file(&path.display().to_string(), file);
        let mut plan = ImportPlan::make(&mut source, FileKind::Events, options)?;
        // Verbatim: `17850.0` stays what it is.
        (plan.float_order_ids, plan.float_item_ids, plan.float_customer_ids) =
            (false, false, false);
        let (mut sessions, mut customers) = (Codes::default(), Customers::default());
        let mut rows = Vec::new();
        let mut n_without = 0;
        read_events(source, &plan, ReadOptions::default(), &mut |batch, rejects| {
            self.n_set_aside += rejects.len() as u64;
            for event in batch {
                n_without += self.push(&event, &mut sessions, &mut rows);
                customers.note(&event, &mut sessions);
            }
            ControlFlow::Continue(())
        })?;
        self.n_set_aside += n_without;
        if rows.is_empty() {
            return Err(Error::NoSteps { path: path.to_path_buf(), n_without_session: n_without });
        }
        let visitors = customers.visitors(&sessions_in_order(&rows, sessions.ids.len()));
        Ok((SessionLog::of(&rows), visitors))
    }

    /// Takes the steps of an event; how many rows had no session.
    fn push(&mut self, event: &Event, sessions: &mut Codes, rows: &mut Vec<StepRow>) -> u64 {
        let Some(kind) = StepKind::of(event.kind) else { return 0 };
        let Some(session_id) = &event.session_id else { return event.lines.len() as u64 };
        let session = sessions.code(session_id);
        rows.extend(event.lines.iter().map(|line| StepRow {
            session,
            item: self.items.code(&line.item_id),
            kind,
            at_us: event.at.0,
        }));
        0
    }

    fn finish(
        self,
        train: SessionLog,
        valid: SessionLog,
        (test, test_visitors): (SessionLog, Vec<u32>),
    ) -> Result<SessionSplit, Error> {
        let [n_train, n_valid, n_test] = [&train, &valid, &test].map(SessionSplit::n_cases);
        if train.is_empty() || n_valid == 0 || n_test == 0 {
            return Err(Error::NoNextItem {
                n_train_sessions: train.len(),
                n_train,
                n_valid,
                n_test,
            });
        }
        let (item_ids, n_set_aside) = (self.items.ids, self.n_set_aside);
        Ok(SessionSplit { train, valid, test, item_ids, n_set_aside, test_visitors })
    }
}

/// Who made the sessions, as far as they are known.
#[derive(Default)]
struct Customers {
    codes: Codes,
    /// By session, the first customer named.
    of_session: HashMap<u32, u32>,
}

impl Customers {
    fn note(&mut self, event: &Event, sessions: &mut Codes) {
        if let (Some(session_id), Some(customer_id)) = (&event.session_id, &event.customer_id) {
            let (session, customer) = (sessions.code(session_id), self.codes.code(customer_id));
            self.of_session.entry(session).or_insert(customer);
        }
    }

    /// Customers keep their codes; each visit of nobody known gets one of its own.
    fn visitors(&self, sessions: &[u32]) -> Vec<u32> {
        let n_customers = self.codes.ids.len() as u32;
        let visitor = |session: &u32| match self.of_session.get(session) {
            Some(&customer) => customer,
            None => n_customers + session,
        };
        sessions.iter().map(visitor).collect()
    }
}

/// The sessions in the order of [`SessionLog::of`]: by their last step, ties by their first row.
fn sessions_in_order(rows: &[StepRow], n_sessions: usize) -> Vec<u32> {
    let mut last_at = vec![i64::MIN; n_sessions];
    let mut order: Vec<u32> = Vec::new();
    for row in rows {
        let last = &mut last_at[row.session as usize];
        if *last == i64::MIN {
            order.push(row.session);
        }
        *last = row.at_us.max(*last);
    }
    // Stable: they stand in order of their first rows.
    order.sort_by_key(|&session| last_at[session as usize]);
    order
}
