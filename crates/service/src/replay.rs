//! A recorded decision, made again from what was in force when it was made.
//!
//! The record names the snapshot, the entries of the chronicle, the version of the policies and
//! holds the question. What cannot be found any more is taken as it is now, and said; then the
//! answer is compared with the recorded one, byte by byte.

use crate::chronicle::{ChronicleDir, Lost, world_at};
use crate::json_text::JsonText;
use crate::recommend::with_workspace;
use crate::record::{Record, digest_of, write_drawn, write_outcome};
use crate::state::Served;
use decide::Items;
use policy::{ContactFacts, PolicyDir, PolicySet, PolicyTable};
use score::World;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use snapshot::{Snapshot, SnapshotDir};
use std::sync::Arc;

mod difference;

pub use difference::Difference;

/// Where everything lies that was in force once.
#[derive(Clone, Debug)]
pub struct Archive {
    pub snapshots: SnapshotDir,
    pub policies: PolicyDir,
    pub chronicle: ChronicleDir,
}

/// What is in force now: stands in for what is lost.
#[derive(Clone, Debug)]
pub struct Present {
    pub snapshot_id: String,
    pub world: World,
    pub policies: Option<(u64, Arc<PolicySet>)>,
}

impl Present {
    pub(crate) fn of(served: &Served) -> Present {
        let policies = served.policies.as_ref();
        Present {
            snapshot_id: served.snapshot_id.clone(),
            world: served.world.clone(),
            policies: policies.map(|table| (table.version(), Arc::new(table.set().clone()))),
        }
    }
}

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Cause {
    /// `snapshot_gone, live_unknown, live_gone, live_broken, policies_gone, contacts_gone,
    /// record_cut, record_damaged, other_program`.
    pub code: &'static str,
    pub detail: String,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Replay {
    /// The same answer, byte by byte.
    pub is_same: bool,
    pub text: String,
    /// The snapshot, entries of the chronicle and policies that were asked.
    pub snapshot: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<(String, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_version: Option<u64>,
    /// What is not as it was; empty: all is, and an answer that differs is a fault of the program.
    pub causes: Vec<Cause>,
    /// Empty when the answer is the same.
    pub differences: Vec<Difference>,
}

/// Causes that are of the snapshot or the catalog.
const OF_WORLD: [&str; 4] = ["snapshot_gone", "live_unknown", "live_gone", "live_broken"];

/// A record with the world in which it was decided, as far as that can be made again.
#[derive(Debug)]
pub struct Scene {
    pub world: World,
    pub policies: Option<PolicyTable>,
    record: Record,
    snapshot_id: String,
    causes: Vec<Cause>,
}

/// The parts of a record that are compared as they are written.
#[derive(Deserialize)]
struct Verbatim<'a> {
    #[serde(borrow)]
    asked: &'a RawValue,
    #[serde(borrow)]
    offers: &'a RawValue,
    #[serde(borrow)]
    explored: Option<&'a RawValue>,
    #[serde(borrow)]
    bundles: Option<&'a RawValue>,
}

/// `None`: the record is of another format, or damaged.
pub fn replay(archive: Option<&Archive>, present: &Present, payload: &[u8]) -> Option<Replay> {
    Scene::of(archive, present, payload)?.replay(payload)
}

impl Scene {
    pub fn of(archive: Option<&Archive>, present: &Present, payload: &[u8]) -> Option<Scene> {
        let record = Record::read(payload)?;
        let verbatim: Verbatim<'_> = serde_json::from_slice(payload).ok()?;
        let mut causes = Vec::new();
        if record.digest().is_some_and(|told| told != digest_of(verbatim.asked.get().as_bytes())) {
            causes.push(cause("record_damaged", "The question is not the one that was written."));
        }
        for cut in record.cuts() {
            let detail =
                format!("Of {} {} the record keeps {}.", cut.n_given, cut.what, cut.n_kept);
            causes.push(cause("record_cut", detail));
        }
        if record.lacks_contacts() {
            let detail = "What had been shown by then is not in the record, which an earlier \
                          version wrote: it is asked as if that was nothing.";
            causes.push(cause("contacts_gone", detail));
        }
        let (world, snapshot_id) = world_of(archive, present, &record, &mut causes);
        let policies = policies_of(archive, present, &record, &world, &mut causes);
        Some(Scene { world, policies, record, snapshot_id, causes })
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Is it asked of the snapshot and the catalog of then?
    pub(crate) fn is_of_then(&self) -> bool {
        !self.causes.iter().any(|cause| OF_WORLD.contains(&cause.code))
    }

    /// The same, where it is known otherwise that nothing changed since.
    pub(crate) fn unchanged(&mut self) {
        self.causes.retain(|cause| cause.code != "live_unknown");
    }

    /// What is not as it was.
    pub fn causes(&self) -> &[Cause] {
        &self.causes
    }

    /// Asks what was asked, of that world.
    pub fn ask<R>(&self, ask: impl FnOnce(&World, &decide::Request<'_>) -> R) -> Option<R> {
        let (world, policies) = (&self.world, self.policies.as_ref());
        let known = self.record.contacts(world);
        let contact = known
            .as_ref()
            .map(|known| ContactFacts { entries: &known.entries, known_since: known.known_since });
        self.record.ask_again(world, policies, contact, |asked| ask(world, asked))
    }

    fn replay(self, payload: &[u8]) -> Option<Replay> {
        let verbatim: Verbatim<'_> = serde_json::from_slice(payload).ok()?;
        let decision = self.ask(|world, asked| {
            with_workspace(|workspace| decide::decide(world, asked, workspace))
        })?;
        let seed = self.record.explored.as_ref().map_or(0, |explored| explored.seed);
        let drawn = decision.choice.as_ref().map(|choice| choice.draw(seed)).unwrap_or_default();
        let decision = decision.with_drawn(&drawn).unwrap_or(decision);
        let mut out = JsonText::with_capacity(4_096);
        out.raw("{\"version\":1,\"asked\":");
        out.raw(verbatim.asked.get());
        write_outcome(&mut out, &self.world, self.policies.as_ref(), &decision, None);
        write_drawn(&mut out, seed, &drawn);
        out.raw("}");
        let replayed = out.into_bytes();
        let again: Verbatim<'_> = serde_json::from_slice(&replayed).ok()?;
        let now = Record::read(&replayed)?;
        let is_same = again.offers.get() == verbatim.offers.get()
            && again.explored.map(RawValue::get) == verbatim.explored.map(RawValue::get)
            && again.bundles.map(RawValue::get) == verbatim.bundles.map(RawValue::get)
            && now.fallback() == self.record.fallback()
            && now.n_eligible == self.record.n_eligible;
        let differences = match is_same {
            true => Vec::new(),
            false => difference::between(&self.record, &now),
        };
        Some(Replay {
            is_same,
            text: told(is_same, &self.causes, differences.len()),
            live: self.record.live().map(|(epoch, n)| (epoch.to_owned(), n)),
            snapshot: self.snapshot_id,
            policy_version: self.policies.as_ref().map(PolicyTable::version),
            causes: self.causes,
            differences,
        })
    }
}

fn cause(code: &'static str, detail: impl Into<String>) -> Cause {
    Cause { code, detail: detail.into() }
}

fn told(is_same: bool, causes: &[Cause], n_differences: usize) -> String {
    match (is_same, causes.is_empty()) {
        (true, true) => "The same answer comes out, byte by byte.".to_owned(),
        (true, false) => "The same answer comes out, byte by byte, although not all is as it was \
                          (`causes`)."
            .to_owned(),
        (false, false) => format!(
            "Another answer comes out: {n_differences} differences; not all is as it was \
             (`causes`)."
        ),
        (false, true) => format!(
            "Another answer comes out, {n_differences} differences, although all is as it was: \
             please report this."
        ),
    }
}

/// The world of the record, and the name of its snapshot.
fn world_of(
    archive: Option<&Archive>,
    present: &Present,
    record: &Record,
    causes: &mut Vec<Cause>,
) -> (World, String) {
    let id = &record.snapshot;
    let fresh = match id.as_str() {
        "" => Some(World::empty()),
        _ if *id == present.snapshot_id => Some(World::of(present.world.snapshot.clone())),
        _ => archive.and_then(|archive| {
            let entry = archive.snapshots.find(id).ok()?;
            Some(World::of(Arc::new(Snapshot::open(&entry.path).ok()?)))
        }),
    };
    let now = || (present.world.clone(), present.snapshot_id.clone());
    let Some(fresh) = fresh else {
        let detail = format!(
            "The snapshot {id} is not there any more; {} and the catalog of today are asked.",
            present.snapshot_id
        );
        causes.push(cause("snapshot_gone", detail));
        return now();
    };
    let Some((epoch, n)) = record.live() else {
        let detail = "How the catalog stood was not kept: there was no chronicle, or the catalog \
                      changed while it was decided. That of today is asked.";
        causes.push(cause("live_unknown", detail));
        return if *id == present.snapshot_id { now() } else { (fresh, id.clone()) };
    };
    let Some(archive) = archive else { return (fresh, id.clone()) };
    match world_at(&archive.chronicle, (epoch, n), id, fresh.clone()) {
        Ok((world, program)) => {
            let ours = env!("CARGO_PKG_VERSION");
            if program != ours {
                let detail = format!("It was decided by version {program}, this one is {ours}.");
                causes.push(cause("other_program", detail));
            }
            (world, id.clone())
        }
        Err(lost) => {
            causes.push(lost_cause(epoch, n, &lost));
            if *id == present.snapshot_id { now() } else { (fresh, id.clone()) }
        }
    }
}

fn lost_cause(epoch: &str, n: u64, lost: &Lost) -> Cause {
    match lost {
        Lost::Gone => cause(
            "live_gone",
            format!(
                "The chronicle {epoch} is not there: it was removed by age, or the store came \
                 from a backup. The catalog of today is asked, or that of the snapshot."
            ),
        ),
        Lost::BrokenOff { n_found } => cause(
            "live_broken",
            format!("The chronicle {epoch} ends after {n_found} entries; {n} were in force."),
        ),
        Lost::OtherSnapshot => {
            cause("live_broken", format!("The chronicle {epoch} is of another snapshot."))
        }
    }
}

fn policies_of(
    archive: Option<&Archive>,
    present: &Present,
    record: &Record,
    world: &World,
    causes: &mut Vec<Cause>,
) -> Option<PolicyTable> {
    let version = record.policy_version()?;
    let read = |version: u64| {
        let in_force = present.policies.as_ref().filter(|(now, _)| *now == version);
        match (version, in_force) {
            // They could not be read, and everything was closed.
            (0, _) => Some(Arc::new(PolicySet::closed())),
            (_, Some((_, set))) => Some(set.clone()),
            _ => archive.and_then(|archive| archive.policies.load(version).ok().map(Arc::new)),
        }
    };
    let of_variant = |set: Arc<PolicySet>| match record.policies_under() {
        Some(under) => Some(Arc::new(PolicySet::clone(&set).and_hard_of(&*read(under)?, under))),
        None => Some(set),
    };
    if let Some(set) = read(version).and_then(of_variant) {
        return Some(PolicyTable::compile(set, version, &Items(world)));
    }
    let detail =
        format!("Version {version} of the policies cannot be read; those of today are asked.");
    causes.push(cause("policies_gone", detail));
    let (version, set) = present.policies.clone()?;
    Some(PolicyTable::compile(set, version, &Items(world)))
}

#[cfg(test)]
mod tests;
