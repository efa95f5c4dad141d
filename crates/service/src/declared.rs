//! What people declare of items, brought into the world of decisions.

use crate::chronicle::Told;
use crate::ledger::LedgerFault;
use crate::live_catalog::only_changes;
use crate::state::{CatalogProgress, Inner, Served};
use events::RelationRecord;
use history::RelationIntake;
use score::World;
use std::sync::Arc;

impl Inner {
    /// Relations and plans as the store has them now, into a world that knows its items; the
    /// version of the relations.
    pub(crate) async fn take_relations(
        &self,
        world: &mut World,
        told: &mut Told,
    ) -> Result<i64, LedgerFault> {
        let facts = self.ledger.declared_facts().await?;
        // A snapshot has no attributes, so what makes a plan is told anew.
        let plans = only_changes(world, facts.plans);
        if !plans.is_empty() {
            *world = world.with_items(&plans);
            told.items(&plans);
        }
        if !facts.relations.is_empty() || !world.declared.is_empty() {
            *world = world.with_relations(&facts.relations);
            told.relations(&facts.relations);
        }
        Ok(facts.version)
    }

    /// Brings relations into force that another process declared, or this one.
    pub(crate) async fn follow_relations(
        &self,
        progress: &mut CatalogProgress,
    ) -> Result<(), LedgerFault> {
        if self.ledger.relations_version().await? == progress.relations_version {
            return Ok(());
        }
        let served = self.served.load();
        // A catalog of its own: who decides by the old relations must not see it change.
        let mut world = served.world.with_items(&[]);
        let mut told = Told::default();
        progress.relations_version = self.take_relations(&mut world, &mut told).await?;
        let live = served.live.as_ref().and_then(|live| self.chronicle.follow(live, &told));
        // No policy asks for relations: what was compiled for the items stays.
        self.served.store(Arc::new(Served { world, live, ..Served::clone(&served) }));
        Ok(())
    }

    /// Declares relations: durable and in force when it returns.
    pub(crate) async fn declare_relations(
        &self,
        records: Vec<RelationRecord>,
    ) -> Result<RelationIntake, LedgerFault> {
        let intake = self.ledger.declare_relations(records).await?;
        let mut progress = self.world_change.lock().await;
        self.follow_relations(&mut progress).await?;
        Ok(intake)
    }
}
