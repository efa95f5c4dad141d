//! Learns from what came of offers, a moment after it came: beside the requests, which see a new
//! version of a few factors.

use crate::outcomes::Standing;
use crate::state::{AppState, Inner};
use decide::Placement;
use events::Timestamp;
use history::Store;
use proof::outcomes::{Learned, LearnedFactor, Learning, Reader};
use score::responses::{Kind, UNIT};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(30);
const FIRST: Duration = Duration::from_secs(1);
/// After failures in a row the pause doubles, so often at most: it is then 8 minutes.
const MAX_DOUBLINGS: u32 = 4;
/// After so many failures in a row, 7 minutes, nobody looks any more whether what was learned does
/// harm: everybody is answered without it.
const MAX_FAILURES: u32 = 5;
/// A factor that moved less than this share stays as it is told.
const LEAST_CHANGE: f64 = 0.02;
/// Beyond so many, those of contexts are left out.
const MAX_FACTORS: usize = 50_000;

pub(super) async fn run(state: AppState) {
    // Where nothing is kept there is nothing to learn from.
    let Some(store) = state.inner.ledger.store().cloned() else { return };
    let mut learner = OutcomeLearner::open(store);
    tokio::time::sleep(FIRST).await;
    loop {
        learner.look(&state.inner).await;
        tokio::time::sleep(learner.pause()).await;
    }
}

/// What was read and learned so far.
pub(crate) struct OutcomeLearner {
    store: Store,
    standing: Standing,
    /// Nothing is known of before until the file could be read, nor is it written.
    is_read: bool,
    reader: Option<(Vec<Learning>, Reader)>,
    failure: Option<String>,
    n_failures: u32,
}

impl OutcomeLearner {
    pub(crate) fn open(store: Store) -> OutcomeLearner {
        OutcomeLearner {
            store,
            standing: Standing::default(),
            is_read: false,
            reader: None,
            failure: None,
            n_failures: 0,
        }
    }

    /// Until the next look.
    fn pause(&self) -> Duration {
        EVERY * 2_u32.pow(self.n_failures.min(MAX_DOUBLINGS))
    }

    /// On a failure what was learned before stays for a while, and health is yellow.
    pub(crate) async fn look(&mut self, inner: &Inner) {
        let failure = self.learn(inner).await.err();
        if let Some(failure) = failure.as_ref().filter(|told| self.failure.as_ref() != Some(told)) {
            tracing::error!(failure, "nothing was learned from outcomes");
        }
        inner.health.outcome_failure(failure.clone());
        self.n_failures = if failure.is_some() { self.n_failures.saturating_add(1) } else { 0 };
        self.failure = failure;
        if self.n_failures >= MAX_FAILURES {
            self.take_back(inner).await;
        }
    }

    /// Answers everybody as if nothing had been learned.
    async fn take_back(&mut self, inner: &Inner) {
        let changes = inner.served.load().world.responses.load().changes_to(&BTreeMap::new());
        if !changes.is_empty() {
            self.standing.version = self.standing.version.max(inner.responses_version()) + 1;
            inner.tell_responses(self.standing.version, &changes).await;
            tracing::error!("what was learned from outcomes is not used until it can be looked at");
        }
    }

    /// What was turned off is not turned on again because a file cannot be read.
    fn read_standing(&mut self) -> Result<(), String> {
        if !self.is_read {
            let standing = Standing::read(self.store.dir()).map_err(|error| {
                format!(
                    "outcomes.json cannot be read ({error}), so nothing is learned from outcomes: \
                     mend it, or take it away to begin anew"
                )
            })?;
            self.standing = standing.unwrap_or_default();
            self.is_read = true;
        }
        Ok(())
    }

    async fn learn(&mut self, inner: &Inner) -> Result<(), String> {
        let now = inner.clock.now();
        let names = placements_of(inner);
        let read = self.read_standing();
        if names.is_empty() && (read.is_err() || self.standing.placements.is_empty()) {
            return Ok(());
        }
        read?;
        self.standing.follow(&names, now);
        // Older than any record that names it: a restart begins with a higher one.
        self.standing.version = self.standing.version.max(inner.responses_version());
        let learned = self.read(inner, now).await?;
        let mut wanted = BTreeMap::new();
        for learned in &learned {
            self.take(inner, learned, now, &mut wanted);
        }
        let changes = inner.served.load().world.responses.load().changes_to(&wanted);
        if !changes.is_empty() {
            self.standing.version += 1;
            // Kept first, so that a number is never given twice.
            self.write(now)?;
            inner.tell_responses(self.standing.version, &changes).await;
            let (version, n_changes) = (self.standing.version, changes.len());
            tracing::debug!(version, n_changes, "learned from outcomes");
        }
        inner.health.outcome_fault(self.standing.fault());
        self.write(now)
    }

    fn write(&mut self, now: Timestamp) -> Result<(), String> {
        self.standing.looked_at_us = now.0;
        self.standing.write(self.store.dir()).map_err(|error| error.to_string())
    }

    /// What is known by now; the reading of a log keeps no thread from answering.
    async fn read(&mut self, inner: &Inner, now: Timestamp) -> Result<Vec<Learned>, String> {
        let learning: Vec<Learning> = self
            .standing
            .placements
            .iter()
            .filter_map(|known| {
                let placement = Placement::parse(&known.placement)? as u8;
                Some(Learning { placement, since: Timestamp(known.since_us) })
            })
            .collect();
        if learning.is_empty() {
            self.reader = None;
            return Ok(Vec::new());
        }
        // What waits to be written is read a moment earlier.
        inner.ledger.flush().await.map_err(|fault| fault.to_string())?;
        let before = self.reader.take().filter(|(known, _)| *known == learning);
        let (store, runtime) = (self.store.clone(), tokio::runtime::Handle::current());
        let reading = tokio::task::spawn_blocking(move || {
            let read = runtime.block_on(async {
                match before {
                    // What was read of a log that failed is heard twice, which changes nothing.
                    Some((_, mut reader)) => {
                        let read = reader.read_on(&store, now).await;
                        Ok((reader, read))
                    }
                    None => Reader::open(&store, learning.clone(), now).await.map(|r| (r, Ok(()))),
                }
            });
            read.map(|(mut reader, read)| {
                let learned = read.map(|()| reader.learned(now));
                (learned, (learning, reader))
            })
        });
        let read = reading.await.map_err(|panic| panic.to_string())?;
        let (learned, reader) = read.map_err(|error| error.to_string())?;
        self.reader = Some(reader);
        learned.map_err(|error| error.to_string())
    }

    /// Adds what is to be in force of one placement.
    fn take(
        &mut self,
        inner: &Inner,
        learned: &Learned,
        now: Timestamp,
        wanted: &mut BTreeMap<Kind, u16>,
    ) {
        let is_it =
            |name: &str| Placement::parse(name).map(|at| at as u8) == Some(learned.placement);
        let known = self.standing.placements.iter_mut().find(|known| is_it(&known.placement));
        let Some(standing) = known else { return };
        if standing.take(learned, now) {
            tracing::warn!("learning from outcomes at {}", standing.text());
        }
        (standing.n_factors, standing.least, standing.most) = (0, 1.0, 1.0);
        if standing.stopped.is_some() {
            return;
        }
        let before = inner.served.load().world.responses.load();
        let with_contexts = wanted.len() + learned.factors.len() <= MAX_FACTORS;
        for LearnedFactor { relation, item_id, context, factor } in learned.factors.iter().cloned()
        {
            if context.is_some() && !with_contexts {
                continue;
            }
            let kind = Kind { placement: learned.placement, relation, item_id, context };
            let told = thousandths(factor, before.of(&kind));
            wanted.insert(kind, told);
            let told = f64::from(told) / f64::from(UNIT);
            standing.n_factors += 1;
            standing.least = standing.least.min(told);
            standing.most = standing.most.max(told);
        }
    }
}

/// The factor as it is told: as before where it hardly moved. That of exactly 1 takes back, so that
/// the nearest other stands for it.
fn thousandths(factor: f64, before: Option<u16>) -> u16 {
    let unit = f64::from(UNIT);
    match before.filter(|before| (factor * unit / f64::from(*before)).ln().abs() < LEAST_CHANGE) {
        Some(before) => before,
        None => match (factor * unit).round() as u16 {
            UNIT => UNIT + 1,
            told => told,
        },
    }
}

/// Placements that learn by some policies in use, those of variants too.
fn placements_of(inner: &Inner) -> Vec<&'static str> {
    let served = inner.served.load();
    let learns = |placement: &Placement| {
        served.all_policies().any(|table| table.rule(*placement as usize).learns_from_outcomes())
    };
    Placement::ALL.into_iter().filter(learns).map(Placement::as_str).collect()
}

impl Inner {
    fn responses_version(&self) -> u64 {
        self.served.load().world.responses.version()
    }
}
