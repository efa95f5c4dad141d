//! How customers responded to offers, as factors on what was expected of them: a small overlay
//! beside the snapshot, which changes every minute or so.
//!
//! ```text
//! factor(placement, relation, item, context) = the finest that is known of
//!     (relation, item, context)   (relation, item)   (relation, context)   (relation)   else 1
//! ```
//!
//! Each is a number of thousandths, so that what was written down and read again is the same
//! number. What they are made from is `measure::response`'s business.
//!
//! **Invariant:** the version rises with each change; who holds the same version holds the same
//! factors.

use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, RwLock};

/// As it was expected: nothing was learned.
pub const UNIT: u16 = 1_000;
/// Sizes of carts that are told apart, each for guests and for known customers.
pub const N_CONTEXTS: u8 = 8;
const ANY: u8 = u8::MAX;
const ANY_ITEM: u32 = u32::MAX;

/// Who asks with what in the cart: nothing, one item, two or three, more; of a guest or of
/// somebody known.
pub fn context_of(n_cart: usize, is_known: bool) -> u8 {
    let size = match n_cart {
        0 => 0,
        1 => 1,
        2 | 3 => 2,
        _ => 3,
    };
    2 * size + u8::from(is_known)
}

/// Of which offers a factor is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    pub placement: u8,
    pub relation: u8,
    /// `None`: of all items for which nothing finer is known.
    pub item_id: Option<Box<str>>,
    /// `None`: in all contexts for which nothing finer is known.
    pub context: Option<u8>,
}

/// What was learned of one kind of offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    pub kind: Kind,
    /// [`UNIT`] takes back what was learned before.
    pub thousandths: u16,
}

/// All factors of one version.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    version: u64,
    told: BTreeMap<Kind, u16>,
    factors: HashMap<(u32, [u8; 3]), f32>,
    /// One bit a placement.
    placements: u16,
}

impl Responses {
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Is anything known of this placement?
    pub fn knows(&self, placement: u8) -> bool {
        self.placements & (1 << placement) != 0
    }

    /// How many times what was expected is to be expected.
    pub fn factor(&self, (placement, context): (u8, u8), relation: u8, item: u32) -> f32 {
        let asked = (placement, context);
        let of_item = self.factor_of_item(asked, relation, item);
        of_item.or_else(|| self.factor_of_item(asked, relation, ANY_ITEM)).unwrap_or(1.0)
    }

    /// The same where something is known of the very item.
    pub fn factor_of_item(
        &self,
        (placement, context): (u8, u8),
        relation: u8,
        item: u32,
    ) -> Option<f32> {
        let known = |context| self.factors.get(&(item, [placement, relation, context]));
        known(context).or_else(|| known(ANY)).copied()
    }

    /// Everything that is known, in order.
    pub fn told(&self) -> impl Iterator<Item = Factor> + '_ {
        self.told.iter().map(|(kind, &thousandths)| Factor { kind: kind.clone(), thousandths })
    }

    /// What must be told to come from these factors to those.
    pub fn changes_to(&self, factors: &BTreeMap<Kind, u16>) -> Vec<Factor> {
        let gone = self.told.keys().filter(|kind| !factors.contains_key(*kind));
        let gone = gone.map(|kind| Factor { kind: kind.clone(), thousandths: UNIT });
        let news = factors.iter().filter(|(kind, told)| self.told.get(*kind) != Some(*told));
        let news = news.map(|(kind, &thousandths)| Factor { kind: kind.clone(), thousandths });
        gone.chain(news).collect()
    }

    /// What is told of a kind.
    pub fn of(&self, kind: &Kind) -> Option<u16> {
        self.told.get(kind).copied()
    }

    /// The next version. Items that nobody knows are kept until somebody does.
    #[must_use]
    pub fn after(
        &self,
        version: u64,
        changes: &[Factor],
        item_idx: impl Fn(&str) -> Option<u32>,
    ) -> Responses {
        let mut told = self.told.clone();
        for Factor { kind, thousandths } in changes {
            match *thousandths {
                UNIT => told.remove(kind),
                thousandths => told.insert(kind.clone(), thousandths),
            };
        }
        let mut next = Responses { version, ..Responses::default() };
        for (kind, &thousandths) in &told {
            let item = match &kind.item_id {
                Some(item_id) => item_idx(item_id),
                None => Some(ANY_ITEM),
            };
            let Some(item) = item else { continue };
            let key = [kind.placement, kind.relation, kind.context.unwrap_or(ANY)];
            next.factors.insert((item, key), f32::from(thousandths) / f32::from(UNIT));
            next.placements |= 1 << kind.placement;
        }
        next.told = told;
        next
    }
}

/// The responses of a world, which are changed in place.
#[derive(Debug, Default)]
pub struct LiveResponses {
    current: RwLock<Arc<Responses>>,
    version: AtomicU64,
}

impl LiveResponses {
    pub fn load(&self) -> Arc<Responses> {
        Arc::clone(&self.current.read().unwrap_or_else(|poison| poison.into_inner()))
    }

    pub fn version(&self) -> u64 {
        self.version.load(Acquire)
    }

    pub(crate) fn store(&self, responses: Responses) {
        let version = responses.version;
        *self.current.write().unwrap_or_else(|poison| poison.into_inner()) = Arc::new(responses);
        self.version.store(version, Release);
    }
}

/// A copy is changed by itself.
impl Clone for LiveResponses {
    fn clone(&self) -> LiveResponses {
        let copy = LiveResponses::default();
        copy.store(Responses::clone(&self.load()));
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(item_id: Option<&str>, context: Option<u8>, thousandths: u16) -> Factor {
        let kind = Kind { placement: 3, relation: 0, item_id: item_id.map(Into::into), context };
        Factor { kind, thousandths }
    }

    fn idx(item_id: &str) -> Option<u32> {
        ["a", "b"].iter().position(|known| *known == item_id).map(|at| at as u32)
    }

    #[test]
    fn the_finest_that_is_known_is_the_factor() {
        let told = [
            factor(None, None, 900),
            factor(None, Some(2), 800),
            factor(Some("a"), None, 1_500),
            factor(Some("a"), Some(4), 2_000),
            factor(Some("nobody"), None, 3_000),
        ];
        let responses = Responses::default().after(1, &told, idx);
        for (item, context, expected) in
            [(0, 4, 2.0), (0, 2, 1.5), (0, 0, 1.5), (1, 2, 0.8), (1, 4, 0.9)]
        {
            assert_eq!(responses.factor((3, context), 0, item), expected, "{item} {context}");
        }
        assert_eq!(responses.factor((3, 4), 1, 0), 1.0, "another relation");
        assert_eq!(responses.factor((2, 4), 0, 0), 1.0, "another placement");
        assert_eq!((responses.knows(3), responses.knows(2)), (true, false));
        assert_eq!(responses.told().count(), 5);
    }

    #[test]
    fn changes_lead_from_one_version_to_the_next_and_one_takes_back() {
        let first = Responses::default().after(
            1,
            &[factor(Some("a"), None, 1_500), factor(None, None, 900)],
            idx,
        );
        let wanted: BTreeMap<Kind, u16> =
            [factor(Some("a"), None, 1_400), factor(Some("b"), None, 700)]
                .map(|factor| (factor.kind, factor.thousandths))
                .into();
        let changes = first.changes_to(&wanted);
        assert_eq!(changes.len(), 3);
        let second = first.after(2, &changes, idx);
        assert_eq!(
            second.told().map(|f| (f.kind, f.thousandths)).collect::<Vec<_>>(),
            wanted.into_iter().collect::<Vec<_>>()
        );
        assert_eq!(second.factor((3, 0), 0, 0), 1.4);
        let live = LiveResponses::default();
        live.store(second);
        let copy = live.clone();
        live.store(Responses::default().after(3, &[], idx));
        assert_eq!((live.version(), copy.version()), (3, 2));
        assert_eq!(copy.load().factor((3, 0), 0, 1), 0.7);
    }

    #[test]
    fn contexts_are_few() {
        let all: Vec<u8> =
            [0, 1, 2, 3, 4, 900].iter().map(|&n_cart| context_of(n_cart, false)).collect();
        assert_eq!(all, [0, 2, 4, 4, 6, 6]);
        assert_eq!(context_of(50, true), N_CONTEXTS - 1);
    }
}
