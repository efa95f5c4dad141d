//! What variants of experiments name outside of themselves: versions of policies, snapshots.

use experiment::{Definition, Error, ExperimentDir, Phase, Signature};
use policy::PolicyDir;
use snapshot::{Snapshot, SnapshotDir};

/// Checks that all of it is there, and writes out the names of snapshots, of which a beginning or
/// an end is enough.
///
/// # Errors
///
/// [`Error::Faulty`] with the field that names what is not there, or cannot be read.
pub fn resolve(
    definition: &mut Definition,
    policies: &PolicyDir,
    snapshots: &SnapshotDir,
) -> Result<(), Error> {
    for (at, variant) in definition.variants.iter_mut().enumerate() {
        if let Some(version) = variant.policy_version {
            let fault = |error: policy::Error| {
                Error::at(format!("variant[{at}].policy_version"), error.to_string())
            };
            policies.load(version).map_err(fault)?;
        }
        if let Some(name) = &mut variant.snapshot {
            let fault = |error: snapshot::Error| {
                Error::at(format!("variant[{at}].snapshot"), error.to_string())
            };
            let entry = snapshots.find(name).map_err(fault)?;
            Snapshot::open(&entry.path).map_err(fault)?;
            *name = entry.id;
        }
    }
    Ok(())
}

/// Names the winner, and puts its snapshot in force, everywhere: what is learned later follows it
/// as it follows any other. The name of that snapshot.
///
/// # Errors
///
/// Those of naming a winner, and [`Error::Faulty`] when its snapshot is not there any more: nothing
/// is changed then. Where the winner was named and its snapshot could not be put in force, naming
/// it again does so.
pub fn name_winner(
    experiments: &ExperimentDir,
    snapshots: &SnapshotDir,
    (name, variant): (&str, &str),
    signed: &Signature,
) -> Result<Option<String>, Error> {
    let experiment = experiments.find(name)?;
    let snapshot = experiment.definition.variant(variant)?.snapshot.clone();
    let open = |id: &String| -> Result<(), snapshot::Error> {
        Snapshot::open(&snapshots.find(id)?.path).map(drop)
    };
    let fault = |error: snapshot::Error| Error::at("snapshot", error.to_string());
    snapshot.as_ref().map_or(Ok(()), open).map_err(fault)?;
    let is_named = matches!(&experiment.phase, Phase::Won(winner) if winner == variant);
    if !(is_named && snapshot.is_some()) {
        experiments.winner(name, variant, signed)?;
    }
    if let Some(id) = &snapshot {
        snapshots.rollback(Some(id)).map_err(fault)?;
    }
    Ok(snapshot)
}
