//! What is bought together, counted: the plainest recommender.

use std::collections::HashMap;

/// Offers of one slate.
const N_OFFERS: usize = 4;
/// Partners that are kept of an item.
const N_PARTNERS: usize = 20;

/// The best partners of each item, and what sells best at all.
#[derive(Clone, Debug, Default)]
pub(super) struct PairCounts {
    pairs: HashMap<(u32, u32), u32>,
    sold: Vec<u32>,
}

impl PairCounts {
    pub(super) fn new(n_items: u32) -> PairCounts {
        PairCounts { pairs: HashMap::new(), sold: vec![0; n_items as usize] }
    }

    pub(super) fn add(&mut self, basket: &[u32]) {
        for &item in basket {
            self.sold[item as usize] += 1;
            for &other in basket.iter().filter(|&&other| other != item) {
                *self.pairs.entry((item, other)).or_default() += 1;
            }
        }
    }

    pub(super) fn learned(self) -> Partners {
        let mut partners: Vec<Vec<(u32, f64)>> = vec![Vec::new(); self.sold.len()];
        for (&(item, other), &n) in &self.pairs {
            // Cosine: what is sold much is no partner for that alone.
            let both = f64::from(self.sold[item as usize]) * f64::from(self.sold[other as usize]);
            partners[item as usize].push((other, f64::from(n) / both.sqrt()));
        }
        for list in &mut partners {
            list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            list.truncate(N_PARTNERS);
        }
        let mut best: Vec<u32> = (0..self.sold.len() as u32).collect();
        best.sort_by_key(|&item| (std::cmp::Reverse(self.sold[item as usize]), item));
        Partners { partners, best }
    }
}

/// Ready to offer.
#[derive(Clone, Debug)]
pub(super) struct Partners {
    partners: Vec<Vec<(u32, f64)>>,
    best: Vec<u32>,
}

impl Partners {
    /// Of the life without offers.
    pub(super) fn none() -> Partners {
        Partners { partners: Vec::new(), best: Vec::new() }
    }

    /// Partners of the anchors, then what sells best; nothing that is in the cart or held.
    pub(super) fn offers(&self, anchors: &[u32], held: &[u32]) -> Vec<u32> {
        let mut scores: Vec<(u32, f64)> = Vec::new();
        if self.best.is_empty() {
            return Vec::new();
        }
        let is_open = |item: &u32| !anchors.contains(item) && !held.contains(item);
        for &anchor in anchors {
            for &(item, score) in self.partners[anchor as usize].iter().filter(|p| is_open(&p.0)) {
                match scores.iter_mut().find(|(known, _)| *known == item) {
                    Some((_, sum)) => *sum += score,
                    None => scores.push((item, score)),
                }
            }
        }
        scores.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut offers: Vec<u32> = scores.into_iter().map(|(item, _)| item).collect();
        offers.truncate(N_OFFERS);
        let more = self.best.iter().copied().filter(is_open);
        for item in more {
            if offers.len() >= N_OFFERS {
                break;
            }
            if !offers.contains(&item) {
                offers.push(item);
            }
        }
        offers
    }
}
