//! Worlds beside the one in force: those of the snapshots that variants of experiments are served
//! from. Catalog, policies and what came of offers are the same in all of them; what customers do
//! is kept once for all.

use crate::ledger::LedgerFault;
use crate::live::learned_until;
use crate::state::{CatalogProgress, Inner, Served, source_of};
use crate::treatment::Treatment;
use decide::Placement;
use events::Timestamp;
use experiment::Running;
use measure::assignment::{Unit, UnitId};
use std::ops::Deref;
use std::sync::Arc;

impl Served {
    /// This one, and those of variants.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Served> {
        std::iter::once(self).chain(self.beside.iter().map(|other| &**other))
    }

    /// The world of a snapshot that a variant is served from.
    pub(crate) fn of_variant(&self, snapshot_id: &str) -> Option<&Served> {
        self.beside.iter().map(|other| &**other).find(|other| other.snapshot_id == snapshot_id)
    }

    /// Until when all of them know what was bought; `None`: one of them does not say.
    fn all_learned_until(&self) -> Option<Timestamp> {
        let until = |served: &Served| learned_until(&served.world).unwrap_or(Timestamp(i64::MIN));
        self.each().map(until).min().filter(|until| until.0 != i64::MIN)
    }

    /// The last entry of the history that all of them know.
    pub(crate) fn all_learned_sequence(&self) -> i64 {
        let sequence = |served: &Served| source_of(&served.world, "sequence").unwrap_or(0);
        self.each().map(sequence).min().unwrap_or(0)
    }

    /// All that was answered: what a customer was told must not outlive their will.
    pub(crate) fn forget_answers(&self) {
        self.each().for_each(|served| served.memo.forget());
    }
}

/// The world that a visit to our own pages is served from.
pub(crate) struct Stand {
    main: Arc<Served>,
    own: Arc<Served>,
}

impl Deref for Stand {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.own
    }
}

impl Stand {
    /// What experiments make of a slate of this visit. One that began or ended since the page was
    /// begun has to wait for the next page.
    pub(crate) fn treatment<'a>(
        &'a self,
        running: &'a Running,
        unit: Option<UnitId>,
        placement: &'a str,
    ) -> Treatment<'a> {
        let treatment = Treatment::of(running, &self.main, unit, placement);
        let is_meant = std::ptr::eq(treatment.served.unwrap_or(&self.main), &*self.own);
        if is_meant { treatment } else { Treatment::default() }
    }
}

impl Inner {
    /// By the experiments that the visit is in.
    pub(crate) fn stand(&self, session_id: &str, placement: Placement) -> Stand {
        let main = self.served.load_full();
        let unit = Unit::Session(session_id);
        let holdout = self.settings.holdout.as_ref();
        let is_held_out = holdout.is_some_and(|holdout| holdout.assign(unit).is_held_out);
        let own = match main.beside.is_empty() || is_held_out {
            true => None,
            false => {
                let running = self.experiments.load();
                let unit = Some(unit.id(self.settings.unit_key));
                let asked = Treatment::of(&running, &main, unit, placement.as_str()).served;
                let is_it = |other: &&Arc<Served>| {
                    asked.is_some_and(|asked| std::ptr::eq(asked, &***other))
                };
                main.beside.iter().find(is_it).cloned()
            }
        };
        Stand { own: own.unwrap_or_else(|| main.clone()), main }
    }

    /// Changes all worlds at once; `None`: that one stays as it is. The lock of `world_change` must
    /// be held.
    pub(crate) fn change_each(&self, change: impl Fn(&Served) -> Option<Served>) {
        let served = self.served.load();
        let main = change(&served);
        let changed: Vec<_> = served.beside.iter().map(|other| change(other)).collect();
        if main.is_none() && changed.iter().all(Option::is_none) {
            return;
        }
        let others = served.beside.iter().zip(changed);
        let others = others.map(|(other, new)| new.map_or_else(|| other.clone(), Arc::new));
        let beside = others.collect();
        let main = main.unwrap_or_else(|| Served::clone(&served));
        self.served.store(Arc::new(Served { beside, ..main }));
    }

    /// What customers bought is kept as long as some world does not know it.
    pub(crate) fn forget_learned_purchases(&self) {
        if let Some(until) = self.served.load().all_learned_until() {
            self.live.customers.forget_until(until);
        }
    }

    /// Serves variants from these worlds, which know nothing but their snapshots yet, and from
    /// those of the snapshots in `kept` that are there already. Requests under way go on with what
    /// they began with.
    pub(crate) async fn set_variant_worlds(
        &self,
        kept: &[String],
        opened: Vec<Served>,
    ) -> Result<(), LedgerFault> {
        let mut progress = self.world_change.lock().await;
        let is_new = !opened.is_empty();
        let mut beside = Vec::with_capacity(opened.len());
        if is_new {
            // A world that is made now has read the store later than those that are there.
            self.follow_catalog_locked(&mut progress).await?;
        }
        for mut served in opened {
            self.bring_up(&mut served, &progress).await?;
            beside.push(Arc::new(served));
        }
        let served = self.served.load();
        let is_kept = |other: &&Arc<Served>| kept.contains(&other.snapshot_id);
        beside.extend(served.beside.iter().filter(is_kept).cloned());
        self.served.store(Arc::new(Served { beside, ..Served::clone(&served) }));
        drop(progress);
        self.forget_learned_purchases();
        if is_new {
            // What the snapshot in force knows, an older one does not.
            self.rebuild_purchases().await?;
            if self.live.customers.is_loaded() {
                *self.imports_mark.lock().await = None;
                self.follow_customers().await?;
            }
        }
        Ok(())
    }

    /// Policies anew for all worlds, with the attributes that they ask for.
    pub(crate) async fn compile_each(&self, progress: &CatalogProgress) -> Result<(), LedgerFault> {
        let served = self.served.load();
        let mut beside = Vec::with_capacity(served.beside.len());
        for other in &served.beside {
            let mut other = Served::clone(other);
            self.compile_policies(&mut other, progress).await?;
            beside.push(Arc::new(other));
        }
        let mut main = Served::clone(&served);
        self.compile_policies(&mut main, progress).await?;
        self.put_in_force(Served { beside, ..main });
        Ok(())
    }
}
