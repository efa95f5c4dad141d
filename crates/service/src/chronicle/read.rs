//! The world of a moment, made again.

use super::{ChronicleDir, Entry};
use events::ItemRecord;
use score::World;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Why the live half of a world cannot be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The file is not there: removed by age, or the store came from a backup.
    Gone,
    /// Fewer entries than the decision names.
    BrokenOff { n_found: u64 },
    /// It is of another snapshot.
    OtherSnapshot,
}

/// `world`, fresh from its snapshot, brought to where it was after `n` entries of an epoch; with
/// the version of the program that wrote them.
pub(crate) fn world_at(
    dir: &ChronicleDir,
    (epoch, n): (&str, u64),
    snapshot_id: &str,
    mut world: World,
) -> Result<(World, String), Lost> {
    let file = dir.file_of(epoch).and_then(|path| File::open(path).ok()).ok_or(Lost::Gone)?;
    let broken = Lost::BrokenOff { n_found: 0 };
    let decoder = zstd::Decoder::new(file).map_err(|_| broken.clone())?;
    // A frame that broke off, or a line that is none, ends what can be read.
    let mut lines = BufReader::new(decoder).lines().map_while(Result::ok);
    let mut entries = lines.by_ref().map_while(|line| serde_json::from_str::<Entry>(&line).ok());
    let Some(Entry::Epoch { snapshot, program }) = entries.next() else { return Err(broken) };
    if snapshot != snapshot_id {
        return Err(Lost::OtherSnapshot);
    }
    for n_found in 0..n {
        match entries.next() {
            Some(entry) => world = told(world, entry),
            None => return Err(Lost::BrokenOff { n_found }),
        }
    }
    Ok((world, program))
}

/// The world after an entry: made by the calls with which the server made it.
fn told(world: World, entry: Entry) -> World {
    match entry {
        Entry::Epoch { .. } => world,
        Entry::Attributes => world.keeping_attributes(),
        Entry::Items(lines) => {
            let records: Vec<ItemRecord> =
                lines.into_iter().map(super::entry::ItemLine::into_record).collect();
            with_items(&world, &records).unwrap_or(world)
        }
        Entry::Relations(lines) => {
            let records: Vec<_> =
                lines.into_iter().map(super::entry::RelationLine::into_record).collect();
            world.with_relations(&records)
        }
        Entry::ChangedRelations(lines) => {
            let records: Vec<_> =
                lines.into_iter().map(super::entry::RelationLine::into_record).collect();
            world.with_changed_relations(&records)
        }
        Entry::Responses { version, changes } => {
            let changes: Vec<_> =
                changes.into_iter().filter_map(super::entry::FactorLine::into_factor).collect();
            world.take_responses(version, &changes);
            world
        }
    }
}

/// In place where that can be, `None` then; else a new world.
fn with_items(world: &World, records: &[ItemRecord]) -> Option<World> {
    if !fits_in_place(world, records) {
        return Some(world.with_items(records));
    }
    for record in records {
        world.catalog.apply_in_place(&world.snapshot, record);
    }
    None
}

/// Can all of them be applied to the catalog as it stands?
pub(crate) fn fits_in_place(world: &World, records: &[ItemRecord]) -> bool {
    records.iter().all(|record| world.catalog.fits_in_place(&world.snapshot, record))
}
