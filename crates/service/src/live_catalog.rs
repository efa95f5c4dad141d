//! The live catalog: what the store says of items, brought into the world of decisions.
//!
//! What a world is told is written to the chronicle before it acts ([`crate::chronicle`]).

use crate::chronicle::{Entry, Told};
use crate::ledger::LedgerFault;
use crate::state::{CatalogProgress, Inner, Served, source_of};
use decide::Items;
use events::{ItemField, ItemRecord};
use policy::PolicyTable;
use score::World;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Inner {
    /// Brings a world up to the catalog of the store; the version of that.
    pub(crate) async fn catch_up(
        &self,
        world: &mut World,
        with_attributes: bool,
        told: &mut Told,
    ) -> Result<u64, LedgerFault> {
        let mut since = catalog_version_of(world);
        if with_attributes {
            // A snapshot has no attributes: all items are told anew.
            *world = world.keeping_attributes();
            told.attributes();
            since = 0;
        }
        let (records, version) = self.ledger.items_since(since).await?;
        let changes = only_changes(world, records);
        if !changes.is_empty() {
            *world = world.with_items(&changes);
            told.items(&changes);
        }
        Ok(version)
    }

    /// Follows what this process and others changed in the catalog of the store.
    pub(crate) async fn follow_catalog(&self) -> Result<(), LedgerFault> {
        let mut progress = self.world_change.lock().await;
        self.follow_catalog_locked(&mut progress).await
    }

    /// The same, by who holds the lock of `world_change`.
    pub(crate) async fn follow_catalog_locked(
        &self,
        progress: &mut CatalogProgress,
    ) -> Result<(), LedgerFault> {
        let (records, version) = self.ledger.items_since(progress.items_version).await?;
        self.apply_items_locked(|world| only_changes(world, records.clone()));
        progress.items_version = version;
        self.follow_relations(progress).await
    }

    /// Brings records that are durable into force for the next decision.
    pub(crate) async fn apply_items(&self, records: &[ItemRecord]) {
        let _progress = self.world_change.lock().await;
        self.apply_items_locked(|_| records.to_vec());
    }

    /// `changes_of`: what is new to a world. The lock of `world_change` must be held.
    fn apply_items_locked(&self, changes_of: impl Fn(&World) -> Vec<ItemRecord>) {
        let served = self.served.load();
        let before = served.world.catalog.version();
        self.change_each(|served| self.with_changed_items(served, &changes_of(&served.world)));
        let after = self.served.load();
        if !Arc::ptr_eq(&after, &served) || after.world.catalog.version() != before {
            self.catalog_changed_us.store(self.clock.now().0, Ordering::Release);
        }
    }

    /// `None`: they were changed in place.
    fn with_changed_items(&self, served: &Served, records: &[ItemRecord]) -> Option<Served> {
        let world = &served.world;
        if records.iter().all(|record| world.catalog.fits_in_place(&world.snapshot, record)) {
            // What was applied when it was put is told again when the store is followed.
            let news: Vec<ItemRecord> =
                records.iter().filter(|record| is_news(world, record)).cloned().collect();
            match &served.live {
                _ if news.is_empty() => {}
                Some(live) => {
                    let entry = Entry::items(&news);
                    self.chronicle.change(live, &entry, || change_in_place(served, &news));
                }
                None => change_in_place(served, &news),
            }
            return None;
        }
        let mut told = Told::default();
        told.items(records);
        let world = world.with_items(records);
        let recompiled = |policies: &Arc<PolicyTable>| {
            let mut changed = records.iter().filter_map(|record| world.item_idx(&record.item_id));
            Arc::new(policies.for_items(&Items(&world), &mut changed))
        };
        let policies = served.policies.as_ref().map(recompiled);
        let variant_policies = served.variant_policies.iter().map(recompiled).collect();
        let live = served.live.as_ref().and_then(|live| self.chronicle.follow(live, &told));
        Some(Served { world, policies, variant_policies, live, ..Served::clone(served) })
    }
}

fn change_in_place(served: &Served, records: &[ItemRecord]) {
    let world = &served.world;
    for record in records {
        world.catalog.apply_in_place(&world.snapshot, record);
        let Some(item) = world.item_idx(&record.item_id) else { continue };
        served.all_policies().for_each(|policies| policies.refresh(&Items(world), item));
    }
}

/// Does a record that fits in place say anything that is not so already?
fn is_news(world: &World, record: &ItemRecord) -> bool {
    let Some(item) = world.item_idx(&record.item_id) else { return true };
    let state = world.catalog.state(item);
    let clears = |field, is_known: bool| record.cleared.has(field) && is_known;
    record.price.is_some_and(|price| state.price() != Some(price))
        || record.cost.is_some_and(|cost| state.cost() != Some(cost))
        || record.stock.is_some_and(|stock| state.stock() != Some(stock))
        || record.hidden.is_some_and(|hidden| state.is_hidden() != hidden)
        || record.sensitive.is_some_and(|sensitive| state.is_sensitive() != sensitive)
        || clears(ItemField::Price, state.price().is_some())
        || clears(ItemField::Cost, state.cost().is_some())
        || clears(ItemField::Stock, state.stock().is_some())
}

/// The version of the catalog that the snapshot was learned from; what changed after it must be
/// added. An unknown one counts as 0: then everything is added once more, which is right but slow.
fn catalog_version_of(world: &World) -> u64 {
    source_of(world, "catalog_version").unwrap_or(0)
}

/// Words that are as they were need no new catalog; prices and stock change in place.
pub(crate) fn only_changes(world: &World, mut records: Vec<ItemRecord>) -> Vec<ItemRecord> {
    for record in &mut records {
        let Some(item) = world.item_idx(&record.item_id) else { continue };
        record.title.take_if(|title| title == world.title(item));
        record.category.take_if(|category| Some(category.as_str()) == world.category(item));
        record.image_url.take_if(|url| url == world.image_url(item));
        record.currency.take_if(|currency| Some(*currency) == world.currency(item));
        let family = world.family(item);
        let head = if family == item { "" } else { world.item_id(family) };
        record.variant_of.take_if(|told| told == head);
    }
    records
}
