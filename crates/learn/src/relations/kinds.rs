//! What items are alike in, and whether what is so alike is bought together.
//!
//! A *kind* is a word of titles or a leaf of the categories, with the items that have it. Its set
//! ratio says what its items are to each other: above 1 they are collected (cups and saucers of one
//! pattern), below 1 one takes the place of another (helmets).
//!
//! ```text
//! R_g  = (n_g + K ρ) / (E_g + K)       n_g, E_g: pairs of its items in one basket, and by chance
//! I_g  = ln(n / n_with)                what it says of an item that it is of the kind
//! likeness(a, b) = 2 Σ_{words of both} I / (Σ_{words of a} I + Σ_{words of b} I)
//! ```
//!
//! K = 1 expected pair and ρ = ½ before anything is known: things alike are rather alternatives.
//! The likeness is that of D. Lin, "An information-theoretic definition of similarity", ICML 1998,
//! section 2, for descriptions by independent words.

use crate::relations::chance::Chance;
use events::ItemKind;
use history::{Baskets, HistoryView};
use measure::rate::RatioBelief;
use score::text::tokens;
use sparse::{Accumulator, Csr, Scored, TopK};
use std::collections::BTreeMap;

/// A word in more items than this tells nothing of any two of them, and costs the square.
const MAX_ITEMS_OF_WORD: usize = 2_000;
/// Alike titles that are looked at, for each item.
pub(super) const MAX_ALIKE: usize = 64;
/// Of a larger leaf only the best-selling items are compared.
const MAX_MATES: usize = 256;
/// ρ and K.
pub(super) const PRIOR_RATIO: f64 = 0.5;
const PRIOR_PAIRS: f64 = 1.0;

/// Words and leaves of all items.
pub(super) struct Kinds {
    n_words: usize,
    /// Words first, then leaves.
    stats: Vec<KindStats>,
    items_of: Csr,
    /// Rising, so that a leaf comes last.
    kinds_of: Csr,
    /// Σ I over an item's words.
    norms: Vec<f64>,
    category_of: Vec<Option<u32>>,
}

#[derive(Clone, Copy, Debug)]
struct KindStats {
    weight: f64,
    ratio: f64,
    /// P(R < 1) by the counts alone.
    chance_below: f64,
}

impl Kinds {
    pub(super) fn of(view: &HistoryView, chance: &Chance<'_>) -> Kinds {
        let mut words: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut leaves: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (item, entry) in (0_u32..).zip(&view.items) {
            if entry.kind == ItemKind::Fee {
                continue;
            }
            for word in tokens(entry.title.as_deref().unwrap_or_default()) {
                let items = words.entry(word).or_default();
                if items.last() != Some(&item) {
                    items.push(item);
                }
            }
            if let Some(category) = entry.category.as_deref().filter(|name| !name.is_empty()) {
                leaves.entry(category).or_default().push(item);
            }
        }
        words.retain(|_, items| items.len() <= MAX_ITEMS_OF_WORD);
        let n_items = view.n_items();
        let mut category_of = vec![None; n_items];
        for (leaf, items) in (0_u32..).zip(leaves.values()) {
            items.iter().for_each(|&item| category_of[item as usize] = Some(leaf));
        }
        let items_of: Csr = words.values().chain(leaves.values()).collect();
        let kinds_of = items_of.view().transpose(n_items);
        let n_words = words.len();
        let n_together = pairs_within(&view.baskets, chance, &kinds_of, items_of.view().n_rows());
        let stats = (items_of.view().rows().zip(n_together))
            .map(|(items, n)| stats_of(items, n as f64, chance.expected_within(items), n_items))
            .collect();
        let mut kinds =
            Kinds { n_words, stats, items_of, kinds_of, norms: Vec::new(), category_of };
        kinds.norms = (0..n_items as u32)
            .map(|item| kinds.words_of(item).iter().map(|&word| kinds.weight(word)).sum())
            .collect();
        kinds
    }

    fn weight(&self, kind: u32) -> f64 {
        self.stats[kind as usize].weight
    }

    fn words_of(&self, item: u32) -> &[u32] {
        let kinds = self.kinds_of.view().row(item as usize);
        match kinds.last() {
            Some(&last) if last as usize >= self.n_words => &kinds[..kinds.len() - 1],
            _ => kinds,
        }
    }

    /// Kinds of both.
    fn shared<'k>(&'k self, a: u32, b: u32) -> impl Iterator<Item = u32> + 'k {
        let other = self.kinds_of.view().row(b as usize);
        let own = self.kinds_of.view().row(a as usize).iter().copied();
        own.filter(|kind| other.binary_search(kind).is_ok())
    }

    /// 0 to 1.
    pub(super) fn likeness(&self, a: u32, b: u32) -> f64 {
        let words = self.shared(a, b).filter(|&kind| (kind as usize) < self.n_words);
        self.share(a, b, words.map(|word| self.weight(word)).sum())
    }

    fn share(&self, a: u32, b: u32, shared: f64) -> f64 {
        let all = self.norms[a as usize] + self.norms[b as usize];
        if all > 0.0 { 2.0 * shared / all } else { 0.0 }
    }

    /// `None`: the category of one is not known.
    pub(super) fn same_leaf(&self, a: u32, b: u32) -> Option<bool> {
        Some(self.category_of[a as usize]? == self.category_of[b as usize]?)
    }

    /// Is the leaf of the item one whose items are bought less often together than by chance, with
    /// this certainty?
    pub(super) fn leaf_is_of_one_need(&self, item: u32, certainty: f64) -> bool {
        let leaf = self.category_of[item as usize].map(|leaf| self.n_words + leaf as usize);
        leaf.is_some_and(|leaf| self.stats[leaf].chance_below >= certainty)
    }

    /// What ratio of together to chance one would guess for two items from what is common to them:
    /// the geometric mean of their kinds' ratios, by weight.
    pub(super) fn guessed_ratio(&self, a: u32, b: u32) -> f64 {
        let (mut weights, mut logarithms) = (0.0, 0.0);
        for kind in self.shared(a, b) {
            let stats = &self.stats[kind as usize];
            weights += stats.weight;
            logarithms += stats.weight * stats.ratio.ln();
        }
        if weights > 0.0 { (logarithms / weights).exp() } else { PRIOR_RATIO }
    }

    /// Items with the most alike titles, [`MAX_ALIKE`] at most, from `least` on.
    pub(super) fn alike(
        &self,
        item: u32,
        least: f64,
        sums: &mut Accumulator,
        top: &mut TopK,
        found: &mut Vec<u32>,
    ) {
        for &word in self.words_of(item) {
            let weight = self.weight(word) as f32;
            for &other in self.items_of.view().row(word as usize) {
                sums.add(other, weight);
            }
        }
        top.reset(MAX_ALIKE);
        sums.drain(|other, shared| {
            let likeness = self.share(item, other, f64::from(shared));
            if other != item && likeness >= least {
                top.push(other, likeness as f32);
            }
        });
        found.extend(top.sorted().iter().map(|scored: &Scored| scored.index));
    }

    /// The best-selling items of the item's leaf.
    pub(super) fn mates(&self, item: u32, n_sold: &[u32], found: &mut Vec<u32>) {
        let Some(leaf) = self.category_of[item as usize] else { return };
        let items = self.items_of.view().row(self.n_words + leaf as usize);
        if items.len() <= MAX_MATES {
            found.extend(items.iter().filter(|&&other| other != item));
            return;
        }
        let mut mates: Vec<u32> = items.iter().copied().filter(|&other| other != item).collect();
        let by_sales = |item: &u32| (u32::MAX - n_sold[*item as usize], *item);
        mates.select_nth_unstable_by_key(MAX_MATES - 1, by_sales);
        found.extend(&mates[..MAX_MATES]);
    }
}

fn stats_of(items: &[u32], n_together: f64, expected: f64, n_items: usize) -> KindStats {
    KindStats {
        weight: (n_items as f64 / items.len().max(1) as f64).ln(),
        ratio: (n_together + PRIOR_PAIRS * PRIOR_RATIO) / (expected + PRIOR_PAIRS),
        chance_below: RatioBelief::ignorant().after(n_together, expected).chance_below(1.0),
    }
}

/// For each kind, pairs of its items in one basket, over all baskets that count.
fn pairs_within(
    baskets: &Baskets,
    chance: &Chance<'_>,
    kinds_of: &Csr,
    n_kinds: usize,
) -> Vec<u64> {
    let mut n_together = vec![0_u64; n_kinds];
    let mut n_here = vec![0_u32; n_kinds];
    for (basket, items) in baskets.items.view().rows().enumerate() {
        if !chance.takes(basket) {
            continue;
        }
        let kinds = || items.iter().flat_map(|&item| kinds_of.view().row(item as usize));
        for &kind in kinds() {
            n_together[kind as usize] += u64::from(n_here[kind as usize]);
            n_here[kind as usize] += 1;
        }
        kinds().for_each(|&kind| n_here[kind as usize] = 0);
    }
    n_together
}
