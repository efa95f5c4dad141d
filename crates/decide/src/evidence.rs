//! The pair that speaks most for an offer.

use crate::decision::Evidence;
use snapshot::Snapshot;

/// The significant pair (anchor → item) with the largest G² over the context, of those bought
/// together at least `min_count` times, if there is one.
pub fn strongest(
    snapshot: &Snapshot,
    context: &[u32],
    item: u32,
    min_count: u32,
) -> Option<Evidence> {
    let mut best: Option<Evidence> = None;
    for &anchor in context {
        let Some(evidence) = of_pair(snapshot, anchor, item) else { continue };
        if min_count <= evidence.n_both && best.is_none_or(|best| evidence.g2 > best.g2) {
            best = Some(evidence);
        }
    }
    best
}

/// The evidence of one pair; `None` when it is not stored or not significant, as of an anchor that
/// came after the snapshot.
pub fn of_pair(snapshot: &Snapshot, anchor: u32, item: u32) -> Option<Evidence> {
    if snapshot.n_items() <= anchor as usize {
        return None;
    }
    let (items, stats) = snapshot.pairs(anchor);
    let at = items.iter().position(|&other| other == item)?;
    let pair = &stats[at];
    (pair.is_significant != 0).then(|| Evidence {
        anchor,
        n_both: pair.n_both,
        n_anchor: snapshot.n_pair_baskets_of(anchor),
        n_item: snapshot.n_pair_baskets_of(item),
        n_baskets: snapshot.n_pair_baskets(),
        lift: pair.lift,
        g2: pair.g2,
        wilson_low: pair.wilson_low,
        probability: pair.probability,
        n_after: pair.n_after,
        n_before: pair.n_before,
    })
}
