//! Finding items by id or by words of their titles.

use crate::text::tokens;
use crate::world::World;
use hashbrown::HashMap;

/// Tokens that one typed prefix may stand for.
const MAX_EXPANSIONS: usize = 64;

/// Items that match, best first, at most `limit`: an exact id wins; else every word must occur in
/// title or category, the last one as a beginning ("white hang" finds WHITE HANGING HEART), by
/// summed BM25 and then by sales. Fees and hidden items are found too: the caller decides.
pub fn search(world: &World, query: &str, limit: usize) -> Vec<u32> {
    let query = query.trim();
    if let Some(item) = world.item_idx(query) {
        return vec![item];
    }
    let words: Vec<String> = tokens(query).collect();
    let Some((last, whole)) = words.split_last() else { return Vec::new() };
    let mut matches = prefix_matches(world, last);
    for word in whole {
        let hits = word_matches(world, word);
        matches.retain(|item, weight| hits.get(item).map(|hit| *weight += hit).is_some());
    }
    let mut ranked: Vec<(u32, f32)> = matches.into_iter().collect();
    ranked.sort_by(|a, b| {
        let sales = |item| world.n_item_baskets(item);
        (b.1.total_cmp(&a.1)).then(sales(b.0).cmp(&sales(a.0))).then(a.0.cmp(&b.0))
    });
    ranked.truncate(limit);
    ranked.into_iter().map(|(item, _)| item).collect()
}

fn prefix_matches(world: &World, prefix: &str) -> HashMap<u32, f32> {
    let mut matches: HashMap<u32, f32> = HashMap::new();
    for (token, items, weights) in world.snapshot.tokens_from(prefix).take(MAX_EXPANSIONS) {
        // A whole word outweighs a word that only begins so.
        let factor = if token == prefix { 1.0 } else { 0.5 };
        for (&item, &weight) in items.iter().zip(weights) {
            let best = matches.entry(item).or_default();
            *best = best.max(weight * factor);
        }
    }
    overlay(world, &mut matches, |token| token.starts_with(prefix));
    matches
}

/// Items with words of their own are found by these and no longer by those of the snapshot.
fn overlay(world: &World, matches: &mut HashMap<u32, f32>, is_match: impl Fn(&str) -> bool) {
    for (item, words) in world.catalog.overlaid() {
        if words.tokens().any(|token| is_match(&token)) {
            matches.entry(item).or_insert(1.0);
        } else {
            matches.remove(&item);
        }
    }
}

fn word_matches(world: &World, word: &str) -> HashMap<u32, f32> {
    let (items, weights) = world.snapshot.postings(word).unwrap_or_default();
    let mut matches: HashMap<u32, f32> =
        items.iter().copied().zip(weights.iter().copied()).collect();
    overlay(world, &mut matches, |token| token == word);
    matches
}
