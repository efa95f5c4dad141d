//! What a decision looks at: one snapshot and the catalogue beside it, taken together so that a
//! request never sees a mix of two.

use crate::blend::Blend;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::next_basket::NextBasket;
use crate::plans::Plans;
use crate::ranker::Ranker;
use crate::relations::{self, Declarations, Replacing};
use crate::responses::{Factor, LiveResponses};
use crate::sessions::SessionRankers;
use events::{Currency, ItemRecord, Relation, RelationList, RelationRecord, Timestamp};
use snapshot::Snapshot;
use std::sync::Arc;

/// A snapshot with its live catalogue. Cheap to clone.
#[derive(Clone, Debug)]
pub struct World {
    pub snapshot: Arc<Snapshot>,
    pub catalog: Arc<Catalog>,
    /// The snapshot's blend, read once.
    pub blend: Blend,
    pub session_rankers: Arc<SessionRankers>,
    /// The learned ranking; without one the blend ranks.
    pub ranker: Option<Arc<Ranker>>,
    /// What known customers buy next; none where nobody is known.
    pub next_basket: Option<Arc<NextBasket>>,
    /// What people declared of items, beside what was learned.
    pub declared: Arc<Declarations>,
    pub plans: Arc<Plans>,
    /// What came of offers.
    pub responses: Arc<LiveResponses>,
    /// Why tables of the snapshot are not used: written by another program, or damaged.
    pub faults: Arc<[Error]>,
    /// What a trend is multiplied by to be a share of orders.
    trend_share: f32,
}

impl World {
    /// The world as the snapshot has it.
    pub fn of(snapshot: Arc<Snapshot>) -> World {
        let catalog = Arc::new(Catalog::of(&snapshot));
        let blend = Blend::from_flat(snapshot.blend());
        // Without a table the next best method answers.
        let mut faults = Vec::new();
        let session_rankers = usable(SessionRankers::of(&snapshot), &mut faults);
        let ranker = usable(Ranker::open(&snapshot), &mut faults);
        let next_basket = usable(NextBasket::open(&snapshot), &mut faults);
        let trend_share = trend_share(&snapshot);
        World {
            snapshot,
            catalog,
            blend,
            session_rankers: Arc::new(session_rankers),
            ranker: ranker.map(Arc::new),
            next_basket: next_basket.map(Arc::new),
            declared: Arc::default(),
            plans: Arc::default(),
            responses: Arc::default(),
            faults: faults.into(),
            trend_share,
        }
    }

    /// Share of the orders of late that hold the item, recent ones counting more; 0 for items
    /// without sales.
    ///
    /// ```text
    /// share(i) = trend(i) / Σ_j trend(j) · items of a mean order
    /// ```
    #[inline]
    pub fn sales_share(&self, item: u32) -> f32 {
        match self.is_learned(item) {
            true => self.share_of(self.snapshot.trend(item)),
            false => 0.0,
        }
    }

    /// The same of any trend, for example that of an item in a segment of customers.
    #[inline]
    pub fn share_of(&self, trend: f32) -> f32 {
        (trend * self.trend_share).min(1.0)
    }

    /// Nothing learned, nothing known: every answer is an empty slate.
    pub fn empty() -> World {
        World::of(Arc::new(Snapshot::empty()))
    }

    /// The world with these catalogue records in force. The snapshot is shared.
    #[must_use]
    pub fn with_items(&self, records: &[ItemRecord]) -> World {
        let catalog = Arc::new(self.catalog.with(&self.snapshot, records));
        let plans = Arc::new(Plans::of(&self.snapshot, &catalog, &self.declared));
        World { catalog, plans, ..self.with_own_responses() }
    }

    /// The same with a catalog and responses of its own: a change in place of one is none of the
    /// other.
    #[must_use]
    pub fn with_own_catalog(&self) -> World {
        let catalog = Arc::new(self.catalog.with(&self.snapshot, &[]));
        World { catalog, ..self.with_own_responses() }
    }

    fn with_own_responses(&self) -> World {
        World { responses: Arc::new(LiveResponses::clone(&self.responses)), ..self.clone() }
    }

    /// Takes in what else came of offers, in place, as a version of its own.
    pub fn take_responses(&self, version: u64, changes: &[Factor]) {
        let item_idx = |item_id: &str| self.item_idx(item_id);
        self.responses.store(self.responses.load().after(version, changes, item_idx));
    }

    /// The world with these relations declared, and no others.
    #[must_use]
    pub fn with_relations(&self, records: &[RelationRecord]) -> World {
        self.with_declared(&RelationList::of(records))
    }

    /// The same from a list.
    #[must_use]
    pub fn with_declared(&self, list: &RelationList) -> World {
        let declared = Declarations::of(list, |item_id| self.item_idx(item_id));
        let plans = Arc::new(Plans::of(&self.snapshot, &self.catalog, &declared));
        World { declared: Arc::new(declared), plans, ..self.clone() }
    }

    /// The world after these relations were declared beside those that are; the cost is that of
    /// what changes.
    #[must_use]
    pub fn with_changed_relations(&self, records: &[RelationRecord]) -> World {
        let declared = self.declared.after(records, |item_id| self.item_idx(item_id));
        let is_plan = |record: &RelationRecord| {
            // What was an attach relation may be none now.
            record.relation == Some(Relation::Attach)
                || self.item_idx(&record.to_item_id).is_some_and(|to| self.plans.is_plan(to))
        };
        let plans = match records.iter().any(is_plan) {
            true => Arc::new(Plans::of(&self.snapshot, &self.catalog, &declared)),
            false => self.plans.clone(),
        };
        World { declared: Arc::new(declared), plans, ..self.clone() }
    }

    /// Does an answer depend on when or where it is asked, beside policies?
    pub fn asks_circumstances(&self) -> bool {
        self.declared.has_windows() || self.plans.has_regions()
    }

    /// Visits all that takes the place of an anchor, declared or learned.
    pub fn visit_replacing(
        &self,
        anchor: u32,
        now: Option<Timestamp>,
        visit: impl FnMut(Replacing),
    ) {
        relations::visit_replacing(&self.snapshot, &self.declared, anchor, now, visit);
    }

    /// The same, and what takes the place of the head of its family, unless something else is
    /// declared of the anchor itself. Its own family has a gate of its own.
    pub fn visit_replacing_family(
        &self,
        anchor: u32,
        now: Option<Timestamp>,
        mut visit: impl FnMut(Replacing),
    ) {
        self.visit_replacing(anchor, now, &mut visit);
        let head = self.family(anchor);
        if head != anchor {
            self.visit_replacing(head, now, |other| {
                let is_told = self.declared.between(anchor, other.item, now).is_some();
                if !is_told && self.family(other.item) != head {
                    visit(other);
                }
            });
        }
    }

    /// The same world, which keeps the attributes of items that it is told.
    #[must_use]
    pub fn keeping_attributes(&self) -> World {
        let mut catalog = Catalog::clone(&self.catalog);
        catalog.keep_attributes();
        World { catalog: Arc::new(catalog), ..self.with_own_responses() }
    }

    pub fn n_items(&self) -> usize {
        self.catalog.len()
    }

    pub fn item_idx(&self, item_id: &str) -> Option<u32> {
        self.snapshot.item_idx(item_id).or_else(|| self.catalog.added_idx(item_id))
    }

    /// Does the snapshot know the item (or was it added after)?
    #[inline]
    pub fn is_learned(&self, item: u32) -> bool {
        (item as usize) < self.snapshot.n_items()
    }

    pub fn item_id(&self, item: u32) -> &str {
        match self.catalog.overlay(item) {
            Some(words) => &words.item_id,
            None => self.snapshot.item_id(item),
        }
    }

    /// Empty when the item has none.
    pub fn title(&self, item: u32) -> &str {
        match self.catalog.overlay(item) {
            Some(words) => &words.title,
            None => self.snapshot.title(item),
        }
    }

    pub fn image_url(&self, item: u32) -> &str {
        match self.catalog.overlay(item) {
            Some(words) => &words.image_url,
            None => self.snapshot.image_url(item),
        }
    }

    pub fn category(&self, item: u32) -> Option<&str> {
        match self.catalog.overlay(item) {
            Some(words) => words.category.as_deref(),
            None => self
                .snapshot
                .category_of(item)
                .map(|category| self.snapshot.category_name(category)),
        }
    }

    pub fn currency(&self, item: u32) -> Option<Currency> {
        match self.catalog.overlay(item) {
            Some(words) => words.currency,
            None => self.snapshot.currency(item),
        }
    }

    /// The head of the item's family: itself when it has none.
    #[inline]
    pub fn family(&self, item: u32) -> u32 {
        self.catalog.family(item)
    }

    /// Baskets that hold the item; 0 for items added after the snapshot.
    pub fn n_item_baskets(&self, item: u32) -> u32 {
        if self.is_learned(item) { self.snapshot.n_item_baskets(item) } else { 0 }
    }
}

fn trend_share(snapshot: &Snapshot) -> f32 {
    let n_entries: f64 =
        (0..snapshot.n_items() as u32).map(|item| f64::from(snapshot.n_item_baskets(item))).sum();
    let trends: f64 = snapshot.trends().iter().map(|trend| f64::from(*trend)).sum();
    let mean_size = n_entries / f64::from(snapshot.n_baskets()).max(1.0);
    if trends > 0.0 { (mean_size / trends) as f32 } else { 0.0 }
}

/// What was read, or nothing and why.
fn usable<T: Default>(read: Result<T, Error>, faults: &mut Vec<Error>) -> T {
    read.unwrap_or_else(|fault| {
        faults.push(fault);
        T::default()
    })
}
