//! Whose orders were imported since a snapshot was made. What they bought is in the store and not
//! in the snapshot: of them nobody can say what they have not bought.

use hashbrown::HashSet;

use crate::error::Result;
use crate::living::LivingOrders;
use crate::manifest::{self, EVENTS_CONTENT, ManifestSegment, ORDERS_CONTENT};
use crate::store::{Store, join};

/// Which segments were looked at, of those after which event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportsMark {
    sequence: i64,
    segments: Vec<String>,
}

/// Customers with orders that were imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportedBuyers {
    /// By their dense indices.
    pub buyers: HashSet<u32>,
    pub mark: ImportsMark,
}

impl Store {
    /// The customers of orders that were imported, or imported anew, after event `sequence`: those
    /// that a snapshot which was made at that event does not know. `None`: as of `seen`, nothing
    /// came or went; then only the manifest was read.
    pub async fn buyers_imported_after(
        &self,
        sequence: i64,
        seen: Option<&ImportsMark>,
    ) -> Result<Option<ImportedBuyers>> {
        let mut snapshot = self.database().snapshot().await?;
        let manifest =
            manifest::read(&mut snapshot).await.map_err(self.error("read the manifest"))?;
        drop(snapshot);
        let imported = imported_after(manifest, sequence);
        let names = imported.iter().map(|segment| segment.written.name.clone());
        let mark = ImportsMark { sequence, segments: names.collect() };
        if seen == Some(&mark) {
            return Ok(None);
        }
        let segments_dir = self.segments_dir();
        let task = tokio::task::spawn_blocking(move || {
            let mut buyers = HashSet::new();
            for segment in &imported {
                LivingOrders::open(&segments_dir, segment)?.add_customers(&mut buyers)?;
            }
            Ok(buyers)
        });
        Ok(Some(ImportedBuyers { buyers: join(task).await?, mark }))
    }
}

/// Sealed orders came live, and are known by their events: those have the same version.
fn imported_after(manifest: Vec<ManifestSegment>, sequence: i64) -> Vec<ManifestSegment> {
    let events = manifest.iter().filter(|segment| segment.content == EVENTS_CONTENT);
    let sealed: HashSet<i64> = events.map(|segment| segment.version).collect();
    let is_imported = |segment: &ManifestSegment| {
        segment.content == ORDERS_CONTENT
            && sequence < segment.version
            && !sealed.contains(&segment.version)
    };
    manifest.into_iter().filter(is_imported).collect()
}
