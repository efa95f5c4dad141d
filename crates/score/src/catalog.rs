//! The catalogue as it is this moment: what changes between snapshots, in place.
//!
//! Price, stock and flags are atomics, so that a change counts in the next decision and a decision
//! never waits. Items that came after the snapshot are appended; adding one makes a new catalogue
//! (rare), changing one does not.

use crate::attributes::{Attribute, benefit_in, find_attribute, is_read, set_attribute};
use crate::families::Families;
use crate::text::tokens;
use events::{Amount, Currency, ItemField, ItemKind, ItemRecord};
use hashbrown::HashMap;
use snapshot::Snapshot;
use snapshot::tables::{FLAG_HIDDEN, FLAG_SENSITIVE, NO_AMOUNT};
use std::sync::Mutex;
use std::sync::atomic::{
    AtomicI64, AtomicU8, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

const KIND_SHIFT: u8 = 4;

/// What may change of an item while decisions are made. Each field is read on its own: an order
/// between fields is not promised, nor needed.
#[derive(Debug)]
pub struct ItemState {
    price: AtomicI64,
    cost: AtomicI64,
    stock: AtomicI64,
    /// Low half: hidden, sensitive. High half: kind.
    flags: AtomicU8,
}

impl ItemState {
    fn new(price: Option<Amount>, stock: Option<i64>, flags: u8, kind: ItemKind) -> ItemState {
        ItemState {
            price: AtomicI64::new(price.map_or(NO_AMOUNT, |price| price.0)),
            cost: AtomicI64::new(NO_AMOUNT),
            stock: AtomicI64::new(stock.unwrap_or(NO_AMOUNT)),
            flags: AtomicU8::new(flags | (kind as u8) << KIND_SHIFT),
        }
    }

    pub fn price(&self) -> Option<Amount> {
        let micros = self.price.load(Relaxed);
        (micros != NO_AMOUNT).then_some(Amount(micros))
    }

    /// What the shop pays for it.
    pub fn cost(&self) -> Option<Amount> {
        let micros = self.cost.load(Relaxed);
        (micros != NO_AMOUNT).then_some(Amount(micros))
    }

    /// Units at hand; `None`: not counted, taken as in stock.
    pub fn stock(&self) -> Option<i64> {
        let stock = self.stock.load(Relaxed);
        (stock != NO_AMOUNT).then_some(stock)
    }

    #[inline]
    pub fn is_out_of_stock(&self) -> bool {
        let stock = self.stock.load(Relaxed);
        stock <= 0 && stock != NO_AMOUNT
    }

    #[inline]
    pub fn is_hidden(&self) -> bool {
        self.flags.load(Relaxed) & FLAG_HIDDEN != 0
    }

    pub fn is_sensitive(&self) -> bool {
        self.flags.load(Relaxed) & FLAG_SENSITIVE != 0
    }

    #[inline]
    pub fn is_fee(&self) -> bool {
        self.flags.load(Relaxed) >> KIND_SHIFT == ItemKind::Fee as u8
    }

    /// Never to be offered as it stands: a fee, hidden, or out of stock.
    fn is_blocked(&self) -> bool {
        self.is_fee() || self.is_hidden() || self.is_out_of_stock()
    }

    pub fn kind(&self) -> ItemKind {
        ItemKind::from_code(self.flags.load(Relaxed) >> KIND_SHIFT).unwrap_or_default()
    }

    /// The same to a decision without policies: units left count as some or none.
    fn is_as(&self, other: &ItemState) -> bool {
        self.price() == other.price()
            && self.cost() == other.cost()
            && self.flags.load(Relaxed) == other.flags.load(Relaxed)
            && self.is_out_of_stock() == other.is_out_of_stock()
    }

    /// Applies what a record says or clears; what it does not say stays.
    fn apply(&self, record: &ItemRecord) {
        for (place, value, field) in [
            (&self.price, record.price.map(|price| price.0), ItemField::Price),
            (&self.cost, record.cost.map(|cost| cost.0), ItemField::Cost),
            (&self.stock, record.stock, ItemField::Stock),
        ] {
            if record.cleared.has(field) {
                place.store(NO_AMOUNT, Relaxed);
            } else if let Some(value) = value {
                place.store(value, Relaxed);
            }
        }
        let mut flags = self.flags.load(Relaxed);
        for (bit, value) in [(FLAG_HIDDEN, record.hidden), (FLAG_SENSITIVE, record.sensitive)] {
            match value {
                Some(true) => flags |= bit,
                Some(false) => flags &= !bit,
                None => {}
            }
        }
        if let Some(kind) = record.kind {
            flags = flags & 0x0f | (kind as u8) << KIND_SHIFT;
        }
        self.flags.store(flags, Relaxed);
    }
}

impl Clone for ItemState {
    fn clone(&self) -> ItemState {
        ItemState {
            price: AtomicI64::new(self.price.load(Relaxed)),
            cost: AtomicI64::new(self.cost.load(Relaxed)),
            stock: AtomicI64::new(self.stock.load(Relaxed)),
            flags: AtomicU8::new(self.flags.load(Relaxed)),
        }
    }
}

/// An item that the snapshot does not know, or knows by another title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddedItem {
    pub item_id: Box<str>,
    pub title: Box<str>,
    pub category: Option<Box<str>>,
    pub image_url: Box<str>,
    pub currency: Option<Currency>,
    pub variant_of: Option<u32>,
}

/// One byte an item that says whether it is blocked: a decision asks for a thousand items, and the
/// bytes of a whole catalogue stay in the cache nearest to the core.
#[derive(Debug, Default)]
struct Blocks {
    is_blocked: Vec<AtomicU8>,
    /// Held from the change of a state to that of its byte, or two writers could leave them apart.
    writer: Mutex<()>,
    /// Raised after each change of a state that a decision could tell.
    version: AtomicU64,
}

impl Blocks {
    fn of(states: &[ItemState]) -> Blocks {
        let byte = |state: &ItemState| AtomicU8::new(u8::from(state.is_blocked()));
        Blocks { is_blocked: states.iter().map(byte).collect(), ..Blocks::default() }
    }
}

impl Clone for Blocks {
    fn clone(&self) -> Blocks {
        let byte = |byte: &AtomicU8| AtomicU8::new(byte.load(Relaxed));
        Blocks { is_blocked: self.is_blocked.iter().map(byte).collect(), ..Blocks::default() }
    }
}

/// States of all items: first those of the snapshot, by its indices, then the added ones.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    n_snapshot_items: usize,
    states: Vec<ItemState>,
    blocks: Blocks,
    families: Families,
    added: Vec<AddedItem>,
    added_by_id: HashMap<Box<str>, u32>,
    /// New titles, categories, pictures and families of items that the snapshot knows.
    changed: HashMap<u32, AddedItem>,
    /// Heads that nobody knew when their variants were told; they may come yet.
    awaited_heads: HashMap<u32, Box<str>>,
    /// `None`: nobody asks. A snapshot has none, so whoever wants them tells all items anew.
    attributes: Option<HashMap<u32, Vec<Attribute>>>,
    /// What makes a service a plan is kept in any case.
    plan_attributes: HashMap<u32, Vec<Attribute>>,
}

impl Catalog {
    /// The catalogue as the snapshot has it.
    pub fn of(snapshot: &Snapshot) -> Catalog {
        let states: Vec<ItemState> = (0..snapshot.n_items() as u32)
            .map(|item| {
                let (price, stock) = (snapshot.price(item), snapshot.stock(item));
                let state = ItemState::new(price, stock, snapshot.flags(item), snapshot.kind(item));
                let cost = snapshot.cost(item).map_or(NO_AMOUNT, |cost| cost.0);
                ItemState { cost: AtomicI64::new(cost), ..state }
            })
            .collect();
        let blocks = Blocks::of(&states);
        let n_snapshot_items = snapshot.n_items();
        let mut catalog = Catalog { n_snapshot_items, states, blocks, ..Catalog::default() };
        catalog.join_families(snapshot);
        catalog
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    #[inline]
    pub fn state(&self, item: u32) -> &ItemState {
        &self.states[item as usize]
    }

    /// Rises whenever a price, a cost or a flag changes, or an item comes into stock or goes out of
    /// it: while it stands, equal questions have equal answers. The number of units left is no
    /// such change.
    #[inline]
    pub fn version(&self) -> u64 {
        self.blocks.version.load(Acquire)
    }

    /// Never to be offered as it stands: a fee, hidden, or out of stock.
    #[inline]
    pub fn is_blocked(&self, item: u32) -> bool {
        self.blocks.is_blocked[item as usize].load(Relaxed) != 0
    }

    /// The head of the item's family: itself when it has none.
    #[inline]
    pub fn family(&self, item: u32) -> u32 {
        self.families.head(item)
    }

    /// The item with its variants and what it is one of; nothing where it stands alone.
    pub fn family_of(&self, item: u32) -> &[u32] {
        self.families.members(item)
    }

    fn join_families(&mut self, snapshot: &Snapshot) {
        let variant_of = |item: u32| match self.overlay(item) {
            Some(words) => words.variant_of,
            None => snapshot.variant_of(item),
        };
        self.families = Families::of(self.len(), variant_of);
    }

    /// The item's entry of the overlay: `None` when the snapshot's own words hold.
    pub fn overlay(&self, item: u32) -> Option<&AddedItem> {
        match (item as usize).checked_sub(self.n_snapshot_items) {
            Some(at) => self.added.get(at),
            None => self.changed.get(&item),
        }
    }

    pub(crate) fn added_idx(&self, item_id: &str) -> Option<u32> {
        self.added_by_id.get(item_id).copied()
    }

    pub fn added(&self) -> impl Iterator<Item = (u32, &AddedItem)> {
        self.added.iter().enumerate().map(|(at, item)| ((self.n_snapshot_items + at) as u32, item))
    }

    /// Items whose words are not those of the snapshot, in no order.
    pub fn overlaid(&self) -> impl Iterator<Item = (u32, &AddedItem)> {
        self.changed.iter().map(|(&item, words)| (item, words)).chain(self.added())
    }

    /// Can the record be applied in place? New items, titles, categories, pictures and families
    /// need [`Catalog::with`].
    pub fn fits_in_place(&self, snapshot: &Snapshot, record: &ItemRecord) -> bool {
        let item = self.idx(snapshot, &record.item_id);
        item.is_some_and(|item| {
            // A service may be a plan, which more than its state depends on.
            let keeps_kind = record.kind.is_none_or(|kind| kind == self.state(item).kind());
            keeps_kind && !needs_words(record) && !self.changes_attributes(item, record)
        })
    }

    /// Keeps attributes from now on, of all items that are told.
    pub(crate) fn keep_attributes(&mut self) {
        self.attributes.get_or_insert_default();
    }

    pub fn keeps_attributes(&self) -> bool {
        self.attributes.is_some()
    }

    pub fn attribute(&self, item: u32, name: &str) -> Option<&str> {
        find_attribute(self.attributes.as_ref()?.get(&item)?, name)
    }

    /// All names of attributes, once each.
    pub fn attribute_names(&self) -> Vec<String> {
        let of_items = self.attributes.iter().flat_map(HashMap::values).flatten();
        let mut names: Vec<String> = of_items.map(|(name, _)| name.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn changes_attributes(&self, item: u32, record: &ItemRecord) -> bool {
        let is_new = |(name, value): &(String, String)| self.attribute(item, name) != Some(value);
        let of_plan = |(name, value): &(String, String)| {
            is_read(name) && self.plan_attribute(item, name) != Some(value)
        };
        record.attributes.iter().any(of_plan)
            || self.attributes.is_some() && record.attributes.iter().any(is_new)
    }

    pub(crate) fn plan_attribute(&self, item: u32, name: &str) -> Option<&str> {
        find_attribute(self.plan_attributes.get(&item)?, name)
    }

    /// What whoever takes the item has of it, in a language if it is told in that one.
    pub fn benefit(&self, item: u32, language: &str) -> Option<&str> {
        benefit_in(self.plan_attributes.get(&item)?, language)
    }

    fn set_attributes(&mut self, item: u32, record: &ItemRecord) {
        for (name, value) in &record.attributes {
            if is_read(name) {
                set_attribute(self.plan_attributes.entry(item).or_default(), name, value);
            }
            if let Some(attributes) = &mut self.attributes {
                set_attribute(attributes.entry(item).or_default(), name, value);
            }
        }
    }

    /// Price, stock and flags, in force with the next decision. False: the item is not known.
    pub fn apply_in_place(&self, snapshot: &Snapshot, record: &ItemRecord) -> bool {
        match self.idx(snapshot, &record.item_id) {
            Some(item) => {
                let _writer =
                    self.blocks.writer.lock().unwrap_or_else(|poison| poison.into_inner());
                let state = self.state(item);
                let before = state.clone();
                state.apply(record);
                let is_blocked = u8::from(state.is_blocked());
                self.blocks.is_blocked[item as usize].store(is_blocked, Relaxed);
                if !state.is_as(&before) {
                    // After the change: whoever sees the new number sees the change.
                    self.blocks.version.fetch_add(1, Release);
                }
                true
            }
            None => false,
        }
    }

    /// The catalogue with these records added or changed. An empty `variant_of` takes an item out
    /// of its family; a head that is not known yet is waited for.
    #[must_use]
    pub fn with(&self, snapshot: &Snapshot, records: &[ItemRecord]) -> Catalog {
        let mut next = self.clone();
        for record in records {
            let item = next.idx(snapshot, &record.item_id).unwrap_or_else(|| next.append(record));
            next.states[item as usize].apply(record);
        }
        // Words last: a variant may stand before its head.
        for record in records {
            if let Some(item) = next.idx(snapshot, &record.item_id) {
                next.set_words(snapshot, item, record);
                next.set_attributes(item, record);
            }
        }
        next.join_awaited(snapshot);
        next.blocks = Blocks::of(&next.states);
        next.join_families(snapshot);
        next
    }

    fn append(&mut self, record: &ItemRecord) -> u32 {
        let item = self.states.len() as u32;
        self.states.push(ItemState::new(None, None, 0, ItemKind::Good));
        let item_id: Box<str> = record.item_id.as_str().into();
        self.added.push(AddedItem { item_id: item_id.clone(), ..AddedItem::default() });
        self.added_by_id.insert(item_id, item);
        item
    }

    fn set_words(&mut self, snapshot: &Snapshot, item: u32, record: &ItemRecord) {
        if let Some(head) = &record.variant_of {
            // Empty: taken out of the family.
            match head.as_str() {
                "" => self.awaited_heads.remove(&item),
                head => self.awaited_heads.insert(item, head.into()),
            };
        }
        let words = match (item as usize).checked_sub(self.n_snapshot_items) {
            Some(at) => &mut self.added[at],
            None if self.changed.contains_key(&item) || needs_words(record) => {
                self.changed.entry(item).or_insert_with(|| words_of(snapshot, item))
            }
            None => return,
        };
        let clears = |field| record.cleared.has(field);
        if record.title.is_some() || clears(ItemField::Title) {
            words.title = record.title.as_deref().unwrap_or_default().into();
        }
        if record.category.is_some() || clears(ItemField::Category) {
            words.category = record.category.as_deref().map(Box::from);
        }
        if record.image_url.is_some() || clears(ItemField::ImageUrl) {
            words.image_url = record.image_url.as_deref().unwrap_or_default().into();
        }
        if record.currency.is_some() || clears(ItemField::Currency) {
            words.currency = record.currency;
        }
        if record.variant_of.is_some() {
            words.variant_of = None;
        }
    }

    /// Puts variants into their families as soon as the heads are known.
    fn join_awaited(&mut self, snapshot: &Snapshot) {
        for (item, head_id) in std::mem::take(&mut self.awaited_heads) {
            match self.idx(snapshot, &head_id) {
                None => drop(self.awaited_heads.insert(item, head_id)),
                head => match (item as usize).checked_sub(self.n_snapshot_items) {
                    Some(at) => self.added[at].variant_of = head,
                    None => {
                        let words = self.changed.entry(item);
                        words.or_insert_with(|| words_of(snapshot, item)).variant_of = head;
                    }
                },
            }
        }
    }

    fn idx(&self, snapshot: &Snapshot, item_id: &str) -> Option<u32> {
        snapshot.item_idx(item_id).or_else(|| self.added_idx(item_id))
    }
}

fn needs_words(record: &ItemRecord) -> bool {
    record.title.is_some()
        || record.category.is_some()
        || record.image_url.is_some()
        || record.currency.is_some()
        || record.variant_of.is_some()
        || [ItemField::Title, ItemField::Category, ItemField::ImageUrl, ItemField::Currency]
            .iter()
            .any(|&field| record.cleared.has(field))
}

fn words_of(snapshot: &Snapshot, item: u32) -> AddedItem {
    AddedItem {
        item_id: snapshot.item_id(item).into(),
        title: snapshot.title(item).into(),
        category: snapshot
            .category_of(item)
            .map(|category| snapshot.category_name(category).into()),
        image_url: snapshot.image_url(item).into(),
        currency: snapshot.currency(item),
        variant_of: snapshot.variant_of(item),
    }
}

impl AddedItem {
    /// Words that the content rung looks up.
    pub fn tokens(&self) -> impl Iterator<Item = String> + '_ {
        tokens(&self.title).chain(self.category.iter().flat_map(|category| tokens(category)))
    }
}
