//! A slate that does not say the same thing twice: maximal marginal relevance.
//!
//! ```text
//! next = argmax over candidates i left:  λ · rel(i) − (1 − λ) · max over j chosen of like(i, j)
//! ```
//!
//! Carbonell and Goldstein, "The use of MMR, diversity-based reranking for reordering documents and
//! producing summaries", SIGIR 1998. `rel`: the score as a share of the best candidate's; `like`:
//! what two items say of themselves (`Words::likeness`), from 0 to 1. λ = 1 is the ranking as it
//! was. Ties go to the one ranked before.
//!
//! Cost: one look at the titles of the pool, then pool × offers likenesses of a few words each:
//! some 30 µs for 24 candidates and 6 offers, and nothing where λ is 1.

use crate::decision::Offer;
use score::World;
use score::text::tokens;

/// What an item says of itself.
#[derive(Clone, Debug, PartialEq)]
struct Words<'a> {
    family: u32,
    /// Words of the title, sorted, each once.
    title: Vec<String>,
    category: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn of(world: &'a World, item: u32) -> Words<'a> {
        let mut title: Vec<String> = tokens(world.title(item)).collect();
        title.sort_unstable();
        title.dedup();
        Words { family: world.family(item), title, category: world.category(item) }
    }

    /// 1 within a family, else the mean of what is known of both: the share of words of the titles
    /// that both have (Jaccard), and the share of levels of the longer category path that both
    /// begin with.
    fn likeness(&self, other: &Words<'_>) -> f32 {
        if self.family == other.family {
            return 1.0;
        }
        let title = jaccard(&self.title, &other.title);
        let category = self.category.zip(other.category).map(|(a, b)| shared_levels(a, b));
        match (title, category) {
            (Some(title), Some(category)) => (title + category) / 2.0,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        }
    }
}

/// `None`: one of them has no words, so nothing is known.
fn jaccard(a: &[String], b: &[String]) -> Option<f32> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let n_both = a.iter().filter(|word| b.binary_search(word).is_ok()).count();
    Some(n_both as f32 / (a.len() + b.len() - n_both) as f32)
}

fn shared_levels(a: &str, b: &str) -> f32 {
    let levels = |path: &'_ str| path.split('>').count();
    let n_same = a.split('>').zip(b.split('>')).take_while(|(a, b)| a.trim() == b.trim()).count();
    n_same as f32 / levels(a).max(levels(b)) as f32
}

/// Puts the `n` offers that are to stand from `from` on in their places, and the others behind them
/// in their order; those before `from` were chosen already. Each that is placed keeps how like it
/// is to one before it.
pub(crate) fn diversify(
    world: &World,
    offers: &mut [Offer],
    (from, n): (usize, usize),
    lambda: f32,
) {
    let words: Vec<Words<'_>> = offers.iter().map(|o| Words::of(world, o.item)).collect();
    let best = offers[from..].iter().fold(0.0_f32, |best, offer| best.max(offer.score));
    // Of each candidate left, by its place in `words`: the most it is like one that was chosen.
    let mut left: Vec<(usize, f32)> = (from..offers.len())
        .map(|at| {
            let like = words[..from].iter().map(|chosen| words[at].likeness(chosen));
            (at, like.fold(0.0, f32::max))
        })
        .collect();
    let relevance = |at: usize| if best > 0.0 { offers[at].score / best } else { 0.0 };
    let mut order: Vec<(usize, Option<f32>)> = Vec::with_capacity(left.len());
    while order.len() < n && !left.is_empty() {
        let worth = |&(at, like): &(usize, f32)| lambda * relevance(at) - (1.0 - lambda) * like;
        let mut first = 0;
        for candidate in 1..left.len() {
            if worth(&left[first]) < worth(&left[candidate]) {
                first = candidate;
            }
        }
        let (at, like) = left.remove(first);
        order.push((at, Some(like)));
        for (other, most) in &mut left {
            *most = most.max(words[*other].likeness(&words[at]));
        }
    }
    order.extend(left.into_iter().map(|(at, _)| (at, None)));
    let placed: Vec<Offer> =
        order.into_iter().map(|(at, likeness)| Offer { likeness, ..offers[at] }).collect();
    offers[from..].copy_from_slice(&placed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{items, learned, view};
    use crate::{Reason, Relation};
    use history::ItemEntry;
    use score::Rung;

    const TITLES: [&str; 8] = [
        "red lantern",
        "red lantern small",
        "blue lantern",
        "tea pot",
        "tea cup",
        "bag",
        "jumbo bag red",
        "",
    ];

    fn world() -> World {
        let entries: Vec<ItemEntry> = items(TITLES.len())
            .into_iter()
            .zip(TITLES)
            .enumerate()
            .map(|(at, (entry, title))| ItemEntry {
                title: Some(title.into()),
                category: [Some("Home > Light"), Some("Home > Tea"), None][at % 3].map(Into::into),
                ..entry
            })
            .collect();
        learned(&view(entries, &[(vec![0, 1], 0), (vec![2, 3], 1)]))
    }

    fn offer(item: u32, score: f32) -> Offer {
        let relation = Relation::Complement;
        Offer::plain((item, score), relation, Reason::default(), Rung::Popular)
    }

    /// The formula, each time from the beginning.
    fn slow(world: &World, offers: &[Offer], (from, n): (usize, usize), lambda: f32) -> Vec<u32> {
        let like =
            |a: &Offer, b: &Offer| Words::of(world, a.item).likeness(&Words::of(world, b.item));
        let best = offers[from..].iter().map(|offer| offer.score).fold(0.0, f32::max);
        let (mut chosen, mut left) = (offers[..from].to_vec(), offers[from..].to_vec());
        while chosen.len() < from + n && !left.is_empty() {
            let worth = |offer: &Offer| {
                let most = chosen.iter().map(|other| like(offer, other)).fold(0.0, f32::max);
                lambda * (offer.score / best) - (1.0 - lambda) * most
            };
            let most = left.iter().map(worth).fold(f32::NEG_INFINITY, f32::max);
            let at = left.iter().position(|offer| worth(offer) == most).expect("one is the best");
            chosen.push(left.remove(at));
        }
        chosen.iter().chain(&left).map(|offer| offer.item).collect()
    }

    #[test]
    fn the_quick_way_chooses_as_the_formula_does() {
        let world = world();
        let mut word = 11_u64;
        let mut draw = |below: usize| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (word >> 33) as usize % below
        };
        for _ in 0..300 {
            let mut left: Vec<u32> = (0..TITLES.len() as u32).collect();
            let n_offers = 1 + draw(TITLES.len());
            let mut offers: Vec<Offer> = (0..n_offers)
                .map(|_| offer(left.remove(draw(left.len())), (1 + draw(4)) as f32 / 4.0))
                .collect();
            let (from, lambda) = (draw(n_offers), draw(5) as f32 / 4.0);
            let n = draw(n_offers - from + 1);
            let expected = slow(&world, &offers, (from, n), lambda);
            diversify(&world, &mut offers, (from, n), lambda);
            let got: Vec<u32> = offers.iter().map(|offer| offer.item).collect();
            assert_eq!(got, expected, "from {from}, {n} offers, λ {lambda}");
        }
    }

    #[test]
    fn likeness_is_of_families_titles_and_categories() {
        let world = world();
        let like = |a, b| Words::of(&world, a).likeness(&Words::of(&world, b));
        assert_eq!(like(0, 0), 1.0);
        // Two of three words, and one of two levels.
        assert!((like(0, 1) - (2.0 / 3.0 + 0.5) / 2.0).abs() < 1e-6);
        // One of three words; the other has no category.
        assert!((like(0, 2) - 1.0 / 3.0).abs() < 1e-6);
        // No title: the category alone.
        assert_eq!((like(7, 4), like(7, 3)), (1.0, 0.5));
        assert_eq!((like(7, 5), like(3, 5)), (0.0, 0.0));
    }

    #[test]
    fn the_second_of_a_kind_gives_way_and_says_how_like_it_is() {
        let world = world();
        let ranked = [offer(0, 1.0), offer(1, 0.9), offer(4, 0.8)];
        let mut offers = ranked;
        diversify(&world, &mut offers, (0, 2), 0.5);
        assert_eq!(offers.map(|offer| offer.item), [0, 4, 1]);
        assert_eq!(offers[0].likeness, Some(0.0));
        assert_eq!(offers[1].likeness, Some(0.25), "one level of two");
        assert_eq!(offers[2].likeness, None, "it was not placed");
        let mut offers = ranked;
        diversify(&world, &mut offers, (0, 3), 1.0);
        assert_eq!(offers.map(|offer| offer.item), [0, 1, 4]);
    }
}
