//! Items of one family, or alike in title and category, that stand in for one without sales.

use hashbrown::HashMap;
use score::World;
use score::text::tokens;

/// Appends to `proxies` up to `limit` learned items with sales that are most like `item` and may be
/// told: other variants of a thing that it is one of, else what is called alike.
///
/// An item of the snapshot has its neighbors stored; one that came after is looked up word by word
/// in the same index (BM25 sums).
pub fn proxies_of(
    world: &World,
    item: u32,
    limit: usize,
    may_be_told: &dyn Fn(u32) -> bool,
    proxies: &mut Vec<u32>,
) {
    let n_before = proxies.len();
    let is_good =
        |other: u32| other != item && world.n_item_baskets(other) > 0 && may_be_told(other);
    let mut push = |items: &mut dyn Iterator<Item = u32>| {
        for other in items.filter(|&other| is_good(other)).take(limit) {
            if !proxies.contains(&other) {
                proxies.push(other);
            }
        }
        proxies.len() > n_before
    };
    if push(&mut world.catalog.family_of(item).iter().copied()) {
        return;
    }
    if world.is_learned(item) && world.catalog.overlay(item).is_none() {
        let (alike, _) = world.snapshot.content(item);
        push(&mut alike.iter().copied());
        return;
    }
    let mut weights: HashMap<u32, f32> = HashMap::new();
    let category = world.category(item).unwrap_or_default();
    for token in tokens(world.title(item)).chain(tokens(category)) {
        let Some((items, values)) = world.snapshot.postings(&token) else { continue };
        for (&other, &value) in items.iter().zip(values) {
            *weights.entry(other).or_default() += value;
        }
    }
    let mut ranked: Vec<(u32, f32)> = weights.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    push(&mut ranked.into_iter().map(|(other, _)| other));
}
