//! What changes of policies need of the rest: where they lie, and what they are checked against.

use crate::chronicle::Told;
use crate::ledger::LedgerFault;
use crate::problem::Problem;
use crate::state::{AppState, Inner};
use policy::{PolicyDir, PolicySet};
use score::World;

impl AppState {
    /// The folder of policies, which knows what is in force here.
    pub(crate) fn policy_dir(&self) -> Result<PolicyDir, Problem> {
        let dir = self.inner.policy_dir.get().ok_or_else(|| {
            Problem::internal().because("the folder of the policies was not told at the start")
        })?;
        Ok(dir.clone().knowing(self.inner.policy_version().unwrap_or(0)))
    }
}

impl Inner {
    /// In force; 0 stands for policies that cannot be read.
    pub(crate) fn policy_version(&self) -> Option<u64> {
        self.served.load().policies.as_ref().map(|table| table.version())
    }

    /// The world that a set is held against; with attributes where it asks for some.
    pub(crate) async fn world_for_review(&self, set: &PolicySet) -> Result<World, LedgerFault> {
        let mut world = self.served.load().world.clone();
        if set.asks_item_attributes() && !world.catalog.keeps_attributes() {
            self.catch_up(&mut world, true, &mut Told::default()).await?;
        }
        Ok(world)
    }
}
