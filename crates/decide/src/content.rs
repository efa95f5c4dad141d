//! Items of one family, or alike in title and category, that stand in for one without sales.

use hashbrown::HashMap;
use score::World;
use score::text::tokens;

/// Appends to `proxies` up to `limit` learned items with sales that are most like `item`: other
/// variants of a thing that it is one of, else what is called alike.
///
/// An item of the snapshot has its neighbors stored; one that came after is looked up word by word
/// in the same index (BM25 sums).
pub fn proxies_of(world: &World, item: u32, limit: usize, proxies: &mut Vec<u32>) {
    let (head, n_before) = (world.family(item), proxies.len());
    if head != item {
        let is_of_family = |other: &u32| world.family(*other) == head && *other != head;
        let family = std::iter::once(head).chain((0..world.n_items() as u32).filter(is_of_family));
        push_sold(world, family.filter(|&other| other != item), limit, proxies);
        if n_before < proxies.len() {
            return;
        }
    }
    if world.is_learned(item) && world.catalog.overlay(item).is_none() {
        let (alike, _) = world.snapshot.content(item);
        push_sold(world, alike.iter().copied(), limit, proxies);
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
    weights.remove(&item);
    let mut ranked: Vec<(u32, f32)> = weights.into_iter().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    push_sold(world, ranked.into_iter().map(|(other, _)| other), limit, proxies);
}

fn push_sold(
    world: &World,
    items: impl Iterator<Item = u32>,
    limit: usize,
    proxies: &mut Vec<u32>,
) {
    let sold = items.filter(|&item| world.n_item_baskets(item) > 0);
    for item in sold.take(limit) {
        if !proxies.contains(&item) {
            proxies.push(item);
        }
    }
}
