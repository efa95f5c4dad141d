//! Variants of one thing.

use hashbrown::HashMap;

/// Heads of heads that are followed; a ring is longer than any honest chain.
const MAX_FAMILY_DEPTH: usize = 16;

/// Which items are variants of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Families {
    heads: Vec<u32>,
    /// All of a family that has variants, by its head, rising.
    members: HashMap<u32, Vec<u32>>,
}

impl Families {
    /// Heads of heads are followed, so that all of a family have one; a ring of variants is headed
    /// by its smallest index.
    pub(crate) fn of(n_items: usize, variant_of: impl Fn(u32) -> Option<u32>) -> Families {
        let head_of = |item: u32| {
            let mut head = item;
            for _step in 0..MAX_FAMILY_DEPTH {
                match variant_of(head) {
                    Some(next) => head = next,
                    None => return head,
                }
            }
            let mut smallest = head;
            for _step in 0..MAX_FAMILY_DEPTH {
                head = variant_of(head).unwrap_or(head);
                smallest = smallest.min(head);
            }
            smallest
        };
        let heads: Vec<u32> = (0..n_items as u32).map(head_of).collect();
        let mut members: HashMap<u32, Vec<u32>> = HashMap::new();
        for (item, &head) in (0_u32..).zip(&heads) {
            if head != item {
                members.entry(head).or_insert_with(|| vec![head]).push(item);
            }
        }
        members.values_mut().for_each(|items| items.sort_unstable());
        Families { heads, members }
    }

    /// Itself where it has none.
    #[inline]
    pub(crate) fn head(&self, item: u32) -> u32 {
        self.heads[item as usize]
    }

    /// The item with its variants and what it is one of; nothing where it stands alone.
    pub(crate) fn members(&self, item: u32) -> &[u32] {
        self.members.get(&self.head(item)).map_or(&[], Vec::as_slice)
    }
}
