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
        let version = facts.version;
        let before = world.clone();
        // A million of them take a while: beside the threads that requests wait for.
        let taking = tokio::task::spawn_blocking(move || {
            let (mut world, mut told) = (before, Told::default());
            // A snapshot has no attributes, so what makes a plan is told anew.
            let plans = only_changes(&world, facts.plans);
            if !plans.is_empty() {
                world = world.with_items(&plans);
                told.items(&plans);
            }
            if !facts.relations.pairs.is_empty() || !world.declared.is_empty() {
                world = world.with_declared(&facts.relations);
                told.relations(&facts.relations);
            }
            (world, told)
        });
        let (taken, told_here) =
            taking.await.map_err(|panic| LedgerFault::Unavailable(panic.into()))?;
        *world = taken;
        told.extend(told_here);
        Ok(version)
    }

    /// Brings relations into force that another process declared.
    pub(crate) async fn follow_relations(
        &self,
        progress: &mut CatalogProgress,
    ) -> Result<(), LedgerFault> {
        if self.ledger.relations_version().await? == progress.relations_version {
            return Ok(());
        }
        let served = self.served.load();
        let (main, version) = self.related_anew(&served).await?;
        let mut beside = Vec::with_capacity(served.beside.len());
        for other in &served.beside {
            beside.push(Arc::new(self.related_anew(other).await?.0));
        }
        self.served.store(Arc::new(Served { beside, ..main }));
        // That of the first: those after it may know more, and are told it once more.
        progress.relations_version = version;
        Ok(())
    }

    async fn related_anew(&self, served: &Served) -> Result<(Served, i64), LedgerFault> {
        // Who decides by the old relations must not see the catalog change.
        let mut world = served.world.with_own_catalog();
        let mut told = Told::default();
        let version = self.take_relations(&mut world, &mut told).await?;
        Ok((self.with_world(served, world, &told), version))
    }

    /// Declares relations: durable and in force when it returns.
    pub(crate) async fn declare_relations(
        &self,
        records: Vec<RelationRecord>,
    ) -> Result<RelationIntake, LedgerFault> {
        // Held over both steps, so that what others declare here comes before or after it, and only
        // what changes need be brought into force.
        let mut progress = self.world_change.lock().await;
        let (intake, records) = self.ledger.declare_relations(records).await?;
        let entered: Vec<RelationRecord> =
            intake.entered.iter().filter_map(|&at| records.get(at).cloned()).collect();
        let served = self.served.load();
        let is_known = |record: &RelationRecord| {
            let ids = [&record.from_item_id, &record.to_item_id];
            let knows = |served: &Served| ids.iter().all(|id| served.world.item_idx(id).is_some());
            served.each().all(knows)
        };
        let is_next = !entered.is_empty() && intake.version == progress.relations_version + 1;
        if !is_next || !entered.iter().all(is_known) {
            // Others changed relations or items too.
            drop(progress);
            self.follow_catalog().await?;
            return Ok(intake);
        }
        let mut told = Told::default();
        told.changed_relations(&entered);
        self.change_each(|served| {
            let world = served.world.with_own_catalog().with_changed_relations(&entered);
            Some(self.with_world(served, world, &told))
        });
        progress.relations_version = intake.version;
        Ok(intake)
    }

    /// The lock of `world_change` must be held.
    fn with_world(&self, served: &Served, world: World, told: &Told) -> Served {
        let live = served.live.as_ref().and_then(|live| self.chronicle.follow(live, told));
        // No policy asks for relations: what was compiled for the items stays.
        Served { world, live, ..Served::clone(served) }
    }
}
