//! What all requests share.

use crate::answer::Written;
use crate::chronicle::{Chronicle, LiveMark, Told};
use crate::clock::{Clock, elapsed_us};
use crate::error::{Error, Result};
use crate::health::{Color, Health};
use crate::keys::KeyRing;
use crate::ledger::{Ledger, LedgerFault};
use crate::limits::AddressLimits;
use crate::live::{Live, Windows};
use crate::metrics::{Gauges, Metrics, RecentWindow};
use crate::proving::Proving;
use crate::recent::RecentDecisions;
use crate::recommendation_id::IdSource;
use crate::replay::Archive;
use crate::settings::Settings;
use arc_swap::ArcSwap;
use decide::{Items, Memo};
use events::Timestamp;
use experiment::Running;
use history::{CustomerMark, ImportsMark};
use policy::{PolicyDir, PolicySet, PolicyTable};
use score::World;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// The snapshot in use with its live catalog, and where it came from.
#[derive(Clone, Debug)]
pub struct Served {
    pub world: World,
    /// The name under which the snapshot was published; empty before the first.
    pub snapshot_id: String,
    pub published_at: Option<Timestamp>,
    /// Compiled for this world; `None`: there are no policies.
    pub policies: Option<Arc<PolicyTable>>,
    /// Of this world alone: a copy, made to be changed, begins with none.
    pub(crate) memo: Memo<Written>,
    /// Of the variants of experiments that have policies of their own.
    pub variant_policies: Vec<Arc<PolicyTable>>,
    /// How far back all these ask what customers were shown, dismissed and bought.
    pub(crate) contact_windows: Windows,
    /// How far the chronicle of the world goes; `None`: none is kept.
    pub(crate) live: Option<Arc<LiveMark>>,
    /// Of the snapshots that variants of experiments are served from; theirs are empty.
    pub(crate) beside: Vec<Arc<Served>>,
}

impl Served {
    /// Before anything was learned.
    pub fn nothing() -> Served {
        Served::of(World::empty(), String::new(), None)
    }

    /// In force, and those of variants.
    pub(crate) fn all_policies(&self) -> impl Iterator<Item = &PolicyTable> {
        self.policies.iter().chain(&self.variant_policies).map(|table| &**table)
    }

    /// Without policies: they are compiled when it comes into force.
    pub fn of(world: World, snapshot_id: String, published_at: Option<Timestamp>) -> Served {
        let served = Served {
            world,
            snapshot_id,
            published_at,
            policies: None,
            variant_policies: Vec::new(),
            memo: Memo::new(decide::memo::DEFAULT_CAPACITY),
            contact_windows: Windows::default(),
            live: None,
            beside: Vec::new(),
        };
        Served { contact_windows: served.asked_windows(), ..served }
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
    /// When the catalog changed last, in microseconds; before the start of this process nobody
    /// knows.
    pub(crate) catalog_changed_us: AtomicI64,
    /// What the world is told, for replays.
    pub(crate) chronicle: Chronicle,
    /// Where replays find what was in force; set at the start.
    pub(crate) archive: OnceLock<Archive>,
    pub(crate) live: Live,
    /// Where policies lie; told at the start.
    pub(crate) policy_dir: OnceLock<PolicyDir>,
    /// Held while policies are changed or followed: what came first is not put in force last.
    pub(crate) policy_change: tokio::sync::Mutex<()>,
    /// Which experiments run.
    pub(crate) experiments: ArcSwap<Running>,
    /// How far customers were followed; held while what the store says of them is taken over.
    pub(crate) customer_mark: tokio::sync::Mutex<CustomerMark>,
    /// Which imports were followed; `None`: nobody asked yet.
    pub(crate) imports_mark: tokio::sync::Mutex<Option<ImportsMark>>,
    /// How far holdings were followed; `None`: nobody asked yet.
    pub(crate) holdings_version: tokio::sync::Mutex<Option<u64>>,
    pub(crate) keys: ArcSwap<KeyRing>,
    pub(crate) address_limits: AddressLimits,
    pub(crate) ledger: Box<dyn Ledger>,
    pub(crate) metrics: Metrics,
    pub(crate) window: RecentWindow,
    pub(crate) recent: RecentDecisions,
    pub(crate) health: Health,
    pub(crate) proving: Proving,
    pub(crate) ids: IdSource,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) started_at: Timestamp,
}

/// How far the live catalog has followed the store, and which policies it is under.
#[derive(Debug, Default)]
pub(crate) struct CatalogProgress {
    pub(crate) items_version: u64,
    pub(crate) relations_version: i64,
    /// With the number of their version.
    policies: Option<(u64, Arc<PolicySet>)>,
    variant_policies: Vec<(u64, Arc<PolicySet>)>,
}

impl CatalogProgress {
    /// In force, and those of variants.
    fn all(&self) -> impl Iterator<Item = &(u64, Arc<PolicySet>)> {
        self.policies.iter().chain(&self.variant_policies)
    }

    fn asks_attributes(&self) -> bool {
        self.all().any(|(_, set)| set.asks_item_attributes())
    }
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
        let started_at = clock.now();
        let inner = Inner {
            served: ArcSwap::from_pointee(Served::nothing()),
            world_change: tokio::sync::Mutex::default(),
            catalog_changed_us: AtomicI64::new(started_at.0.saturating_sub(1)),
            chronicle: Chronicle::new(settings.chronicle.clone()),
            archive: OnceLock::new(),
            live: Live::new(&settings.live, settings.unit_key),
            policy_dir: OnceLock::new(),
            policy_change: tokio::sync::Mutex::default(),
            experiments: ArcSwap::default(),
            customer_mark: tokio::sync::Mutex::default(),
            imports_mark: tokio::sync::Mutex::default(),
            holdings_version: tokio::sync::Mutex::default(),
            keys: ArcSwap::from_pointee(keys),
            address_limits: AddressLimits::new(&settings.limits),
            ledger,
            metrics: Metrics::default(),
            window: RecentWindow::default(),
            recent: RecentDecisions::default(),
            health: Health::default(),
            proving: Proving::default(),
            ids: IdSource::new(seed),
            started_at,
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
        let has_others = !self.served.load().beside.is_empty();
        if has_others {
            self.follow_catalog_locked(&mut progress).await?;
        }
        let versions = self.bring_up(&mut served, &progress).await?;
        if !has_others {
            (progress.items_version, progress.relations_version) = versions;
        }
        served.beside = self.served.load().beside.clone();
        self.put_in_force(served);
        self.forget_learned_purchases();
        self.metrics.n_snapshot_swaps.add(1);
        Ok(())
    }

    /// Brings a world that knows nothing but its snapshot to where the store is; the versions of
    /// items and relations. Others may not be as far: `progress` stays as it is.
    pub(crate) async fn bring_up(
        &self,
        served: &mut Served,
        progress: &CatalogProgress,
    ) -> std::result::Result<(u64, i64), LedgerFault> {
        let mut told = Told::default();
        let items = self.catch_up(&mut served.world, progress.asks_attributes(), &mut told).await?;
        let relations = self.take_relations(&mut served.world, &mut told).await?;
        carry_responses(&self.served.load().world, &served.world, &mut told);
        served.policies = compile(&served.world, progress.policies.clone()).await?;
        served.variant_policies = compile_variants(&served.world, progress).await?;
        served.contact_windows = served.asked_windows();
        served.memo = Memo::new(self.settings.answers_kept);
        let epoch = self.ids.next(self.clock.now());
        served.live = self.chronicle.begin(epoch.as_str(), &served.snapshot_id, &told);
        Ok((items, relations))
    }

    /// Puts policies in force, or takes them all out of force. Requests under way keep those they
    /// began with.
    pub(crate) async fn set_policies(
        &self,
        policies: Option<(u64, Arc<PolicySet>)>,
    ) -> std::result::Result<(), LedgerFault> {
        let sets: Vec<_> = policies.iter().cloned().collect();
        self.change_policies(&sets, |progress| progress.policies = policies).await
    }

    /// Puts the policies of variants beside those in force.
    pub(crate) async fn set_variant_policies(
        &self,
        policies: Vec<(u64, Arc<PolicySet>)>,
    ) -> std::result::Result<(), LedgerFault> {
        let versions = |sets: &[(u64, Arc<PolicySet>)]| -> Vec<u64> {
            sets.iter().map(|(version, _)| *version).collect()
        };
        if versions(&self.world_change.lock().await.variant_policies) == versions(&policies) {
            return Ok(());
        }
        let sets = policies.clone();
        self.change_policies(&sets, |progress| progress.variant_policies = policies).await
    }

    async fn change_policies(
        &self,
        sets: &[(u64, Arc<PolicySet>)],
        change: impl FnOnce(&mut CatalogProgress),
    ) -> std::result::Result<(), LedgerFault> {
        let asks_holdings = |field: &policy::Field| *field == policy::Field::CustomerHoldings;
        if sets.iter().any(|(_, set)| set.asks(asks_holdings)) {
            self.follow_holdings().await?;
        }
        let asks_bought = |field: &policy::Field| *field == policy::Field::CustomerBought;
        // Before customers are known nothing personal is read.
        if sets.iter().any(|(_, set)| set.asks(asks_bought)) && self.live.customers.is_loaded() {
            self.follow_imports().await?;
        }
        let mut progress = self.world_change.lock().await;
        change(&mut progress);
        self.compile_each(&progress).await
    }

    /// Policies anew for a world, with the attributes that they ask for.
    pub(crate) async fn compile_policies(
        &self,
        served: &mut Served,
        progress: &CatalogProgress,
    ) -> std::result::Result<(), LedgerFault> {
        if progress.asks_attributes() && !served.world.catalog.keeps_attributes() {
            let mut told = Told::default();
            // It may be further than others then, and is told once more when all follow.
            self.catch_up(&mut served.world, true, &mut told).await?;
            served.live = served.live.take().and_then(|live| self.chronicle.follow(&live, &told));
        }
        served.policies = compile(&served.world, progress.policies.clone()).await?;
        served.variant_policies = compile_variants(&served.world, progress).await?;
        served.contact_windows = served.asked_windows();
        Ok(())
    }

    /// Contacts are kept from now on as far as the policies ask.
    pub(crate) fn put_in_force(&self, mut served: Served) {
        served.contact_windows = served.asked_windows();
        self.live.contacts.keep(served.contact_windows);
        self.served.store(Arc::new(served));
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
        let learned = self.served.load().all_learned_sequence();
        let purchases = self.ledger.purchases_after(learned).await?;
        for event in &purchases {
            self.live.apply_to_customer(event, now);
        }
        Ok(purchases.len())
    }

    /// When the catalog changed last in a way that a decision could tell. What changed while no
    /// server ran cannot be told, so all that was before the start counts as changed.
    pub(crate) fn catalog_changed_at(&self) -> Timestamp {
        Timestamp(self.catalog_changed_us.load(Ordering::Acquire))
    }

    /// Green, yellow or red, all things together.
    pub(crate) fn color(&self) -> Color {
        let lacks = || !self.served.load().world.faults.is_empty();
        match self.health.color(&self.ledger.figures()) {
            Color::Green if self.has_nothing_to_offer() || lacks() => Color::Yellow,
            color => color,
        }
    }

    /// What is wrong, in words that any client may read.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.health.complaints(&self.ledger.figures());
        if self.has_nothing_to_offer() {
            // What was learned may be there and be of no use.
            let complaint = match self.health.has_snapshot_fault() {
                true => {
                    "Every slate is empty until a snapshot can be loaded: run `alongside status` \
                     to see why it cannot."
                }
                false => {
                    "Nothing was learned yet, so every slate is empty: import orders, then run \
                     `alongside learn`."
                }
            };
            complaints.push(complaint.to_owned());
        }
        let served = self.served.load();
        complaints
            .extend(served.world.faults.iter().map(|fault| format!("In the snapshot {fault}.")));
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

/// What came of offers is as true of the next snapshot.
fn carry_responses(before: &World, world: &World, told: &mut Told) {
    let responses = before.responses.load();
    let factors: Vec<score::Factor> = responses.told().collect();
    if !factors.is_empty() {
        world.take_responses(responses.version(), &factors);
        told.responses(responses.version(), &factors);
    }
}

/// What the policies in force forbid, no variant allows: a recall reaches everybody.
async fn compile_variants(
    world: &World,
    progress: &CatalogProgress,
) -> std::result::Result<Vec<Arc<PolicyTable>>, LedgerFault> {
    let mut tables = Vec::with_capacity(progress.variant_policies.len());
    for (version, set) in &progress.variant_policies {
        let set = match &progress.policies {
            Some((in_force, policies)) => {
                Arc::new(PolicySet::clone(set).and_hard_of(policies, *in_force))
            }
            None => Arc::clone(set),
        };
        tables.extend(compile(world, Some((*version, set))).await?);
    }
    Ok(tables)
}

/// Compiles policies for a world, beside the threads that requests wait for: it takes a while for
/// many policies and items.
async fn compile(
    world: &World,
    policies: Option<(u64, Arc<PolicySet>)>,
) -> std::result::Result<Option<Arc<PolicyTable>>, LedgerFault> {
    let Some((version, set)) = policies else { return Ok(None) };
    let world = world.clone();
    let compiling =
        tokio::task::spawn_blocking(move || PolicyTable::compile(set, version, &Items(&world)));
    let table = compiling.await.map_err(|panic| LedgerFault::Unavailable(panic.into()))?;
    Ok(Some(Arc::new(table)))
}

/// A number of the history that the snapshot was learned from.
pub(crate) fn source_of<N: std::str::FromStr>(world: &World, name: &str) -> Option<N> {
    world.snapshot.provenance().sources.get(name)?.parse().ok()
}
