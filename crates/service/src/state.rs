//! What all requests share.

use crate::clock::{Clock, elapsed_us};
use crate::error::{Error, Result};
use crate::gatekeeper::OriginSettings;
use crate::health::{Color, Health};
use crate::holdout::HoldoutSettings;
use crate::keys::KeyRing;
use crate::ledger::{Ledger, LedgerFault};
use crate::limits::{AddressLimits, LimitSettings};
use crate::live::{Live, LiveSettings};
use crate::metrics::{Gauges, Metrics, RecentWindow};
use crate::recent::RecentDecisions;
use crate::recommendation_id::IdSource;
use arc_swap::ArcSwap;
use events::{CustomerRecord, ItemRecord, Timestamp};
use history::CustomerMark;
use score::World;
use std::sync::Arc;

/// What the operator decides about the service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub limits: LimitSettings,
    pub origins: OriginSettings,
    pub live: LiveSettings,
    /// Who is shown nothing, so that it can be told what the offers earn.
    pub holdout: Option<HoldoutSettings>,
    /// Serve the demo shop at `/`.
    pub with_shop: bool,
    /// Whose data the shop shows, for the foot of its pages.
    pub attribution: Option<String>,
}

/// The snapshot in use with its live catalog, and where it came from.
#[derive(Clone, Debug)]
pub struct Served {
    pub world: World,
    /// The name under which the snapshot was published; empty before the first.
    pub snapshot_id: String,
    pub published_at: Option<Timestamp>,
}

impl Served {
    /// Before anything was learned.
    pub fn nothing() -> Served {
        Served { world: World::empty(), snapshot_id: String::new(), published_at: None }
    }
}

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) served: ArcSwap<Served>,
    /// Held while the world is changed: by a swap of snapshots or by catalog records. Readers
    /// never wait for it.
    pub(crate) world_change: tokio::sync::Mutex<CatalogProgress>,
    pub(crate) live: Live,
    /// How far customers were followed; held while what the store says of them is taken over.
    pub(crate) customer_mark: tokio::sync::Mutex<CustomerMark>,
    pub(crate) keys: ArcSwap<KeyRing>,
    pub(crate) address_limits: AddressLimits,
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) metrics: Metrics,
    pub(crate) window: RecentWindow,
    pub(crate) recent: RecentDecisions,
    pub(crate) health: Health,
    pub(crate) ids: IdSource,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) started_at: Timestamp,
}

/// How far the live catalog has followed the store.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CatalogProgress {
    pub(crate) items_version: u64,
}

impl AppState {
    pub fn new(
        ledger: Box<dyn Ledger>,
        keys: KeyRing,
        clock: Clock,
        settings: Settings,
    ) -> Result<AppState> {
        settings.origins.check()?;
        let seed =
            getrandom::u64().map_err(|error| Error::NoRandomness { detail: error.to_string() })?;
        let inner = Inner {
            served: ArcSwap::from_pointee(Served::nothing()),
            world_change: tokio::sync::Mutex::default(),
            live: Live::new(&settings.live),
            customer_mark: tokio::sync::Mutex::default(),
            keys: ArcSwap::from_pointee(keys),
            address_limits: AddressLimits::new(&settings.limits),
            ledger,
            metrics: Metrics::default(),
            window: RecentWindow::default(),
            recent: RecentDecisions::default(),
            health: Health::default(),
            ids: IdSource::new(seed),
            started_at: clock.now(),
            clock,
            settings,
        };
        Ok(AppState { inner: Arc::new(inner) })
    }

    pub fn is_open(&self) -> bool {
        self.inner.keys.load().is_open()
    }
}

impl Inner {
    /// Puts a snapshot in force with the catalog as the store has it now. Requests under way keep
    /// the one they began with.
    pub(crate) async fn swap(&self, mut served: Served) -> std::result::Result<(), LedgerFault> {
        let mut progress = self.world_change.lock().await;
        let learned_version = catalog_version_of(&served.world);
        let (records, version) = self.ledger.items_since(learned_version).await?;
        let changes = only_changes(&served.world, records);
        if !changes.is_empty() {
            served.world = served.world.with_items(&changes);
        }
        progress.items_version = version;
        let learned_until = served.world.snapshot.provenance().data_to.as_deref();
        if let Some(learned_until) = learned_until.and_then(Timestamp::parse_rfc3339) {
            self.live.customers.forget_until(learned_until);
        }
        self.served.store(Arc::new(served));
        self.metrics.n_snapshot_swaps.add(1);
        Ok(())
    }

    /// Follows what this process and others changed in the catalog of the store.
    pub(crate) async fn follow_catalog(&self) -> std::result::Result<(), LedgerFault> {
        let mut progress = self.world_change.lock().await;
        let (records, version) = self.ledger.items_since(progress.items_version).await?;
        let changes = only_changes(&self.served.load().world, records);
        self.apply_items_locked(&changes);
        progress.items_version = version;
        Ok(())
    }

    /// Follows who the customers are, what they consented to, and who was erased.
    pub(crate) async fn follow_customers(&self) -> std::result::Result<(), LedgerFault> {
        let mut mark = self.customer_mark.lock().await;
        let changes = self.ledger.customers_since(*mark).await?;
        if !changes.erased.is_empty() {
            self.live.customers.remove(&changes.erased);
            self.recent.remove(&changes.erased);
        }
        for known in &changes.changed {
            self.live.customers.set_idx(&known.customer_id, known.customer_idx);
            self.live.customers.set_consent(&known.customer_id, known.consent);
        }
        *mark = changes.mark;
        self.live.customers.set_loaded();
        Ok(())
    }

    /// Brings customer records that are durable into force for the next decision.
    pub(crate) async fn apply_customers(&self, records: &[CustomerRecord]) {
        // Not between a look at the store and what comes of it: that look may be the older one.
        let _mark = self.customer_mark.lock().await;
        for record in records {
            self.live.customers.set_consent(&record.customer_id, record.consent);
        }
    }

    /// Rebuilds sessions and recent purchases from the log.
    pub(crate) async fn rebuild_live(&self) -> std::result::Result<usize, LedgerFault> {
        let now = self.clock.now();
        let since = Timestamp(now.0.saturating_sub(self.settings.live.session_ttl_us));
        let events = self.ledger.recent_events(since).await?;
        for event in &events {
            self.live.apply_to_session(event, now);
        }
        Ok(events.len() + self.rebuild_purchases().await?)
    }

    /// Reads back what customers bought and the snapshot does not know, however long ago.
    pub(crate) async fn rebuild_purchases(&self) -> std::result::Result<usize, LedgerFault> {
        let now = self.clock.now();
        let learned = source_of(&self.served.load().world, "sequence");
        let purchases = self.ledger.purchases_after(learned.unwrap_or(0)).await?;
        for event in &purchases {
            self.live.apply_to_customer(event, now);
        }
        Ok(purchases.len())
    }

    /// Brings records that are durable into force for the next decision.
    pub(crate) async fn apply_items(&self, records: &[ItemRecord]) {
        let _progress = self.world_change.lock().await;
        self.apply_items_locked(records);
    }

    /// The lock of `world_change` must be held.
    fn apply_items_locked(&self, records: &[ItemRecord]) {
        let served = self.served.load();
        let world = &served.world;
        if records.iter().all(|record| world.catalog.fits_in_place(&world.snapshot, record)) {
            for record in records {
                world.catalog.apply_in_place(&world.snapshot, record);
            }
            return;
        }
        let world = world.with_items(records);
        self.served.store(Arc::new(Served { world, ..Served::clone(&served) }));
    }

    /// Green, yellow or red, all things together.
    pub(crate) fn color(&self) -> Color {
        match self.health.color(&self.ledger.figures()) {
            Color::Green if self.has_nothing_to_offer() => Color::Yellow,
            color => color,
        }
    }

    /// What is wrong, in words that any client may read.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.health.complaints(&self.ledger.figures());
        if self.has_nothing_to_offer() {
            let complaint = "Nothing was learned yet, so every slate is empty: import orders, then \
                             run `alongside learn`.";
            complaints.push(complaint.to_owned());
        }
        complaints
    }

    fn has_nothing_to_offer(&self) -> bool {
        self.served.load().world.snapshot.n_baskets() == 0
    }

    pub(crate) fn snapshot_age_s(&self, served: &Served) -> Option<f64> {
        let published_at = served.published_at?;
        Some(elapsed_us(published_at, self.clock.now()) as f64 / 1e6)
    }

    pub(crate) fn gauges(&self) -> Gauges {
        let served = self.served.load();
        let figures = self.ledger.figures();
        Gauges {
            snapshot_age_s: self.snapshot_age_s(&served),
            snapshot_version: served.snapshot_id.clone(),
            n_items: served.world.n_items(),
            n_sessions: self.live.sessions.len(),
            n_records_written: figures.n_records_written,
            n_records_shed: figures.n_records_shed,
            is_ready: self.color() != Color::Red,
            is_learning_late: self.health.learn_failure().is_some(),
        }
    }
}

/// The version of the catalog that the snapshot was learned from; what changed after it must be
/// added. An unknown one counts as 0: then everything is added once more, which is right but slow.
fn catalog_version_of(world: &World) -> u64 {
    source_of(world, "catalog_version").unwrap_or(0)
}

/// A number of the history that the snapshot was learned from.
pub(crate) fn source_of<N: std::str::FromStr>(world: &World, name: &str) -> Option<N> {
    world.snapshot.provenance().sources.get(name)?.parse().ok()
}

/// Words that are as they were need no new catalog; prices and stock change in place.
fn only_changes(world: &World, mut records: Vec<ItemRecord>) -> Vec<ItemRecord> {
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
