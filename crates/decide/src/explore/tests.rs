use super::*;
use crate::fixture::{blocks, cart, items, learned, view};
use crate::gate::{Limits, Marks, PriceCap, is_open};
use crate::policies::Items;
use crate::{ItemRef, Memo, Placement, Request, Workspace, decide};
use events::ItemRecord;
use policy::{PolicySet, PolicyTable};
use score::World;
use std::sync::Arc;

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 3, &Items(world))
}

/// Thirty items, each bought on its own, the first most.
fn single_orders() -> Vec<(Vec<u32>, u32)> {
    (0..40_u32)
        .flat_map(|round| (0..30.min(40 - round)).map(move |item| (vec![item], round % 3)))
        .collect()
}

fn long_list() -> World {
    learned(&view(items(30), &single_orders()))
}

fn random(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*state >> 33) as f64 / (1_u64 << 31) as f64
}

/// The formula of the paper arm by arm, and the floor by halving the share until it holds.
fn slow(values: &[f64], share: f64) -> Vec<f64> {
    let k = values.len() as f64;
    let gaps: Vec<f64> = values.iter().map(|value| (1.0 - value / values[0]).max(0.0)).collect();
    let of_share = |share: f64| -> Vec<f64> {
        let others: Vec<f64> = gaps[1..].iter().map(|gap| share / (k + GAMMA * gap)).collect();
        let best = 1.0 - others.iter().sum::<f64>();
        std::iter::once(best).chain(others).collect()
    };
    let loss = |chances: &[f64]| chances.iter().zip(&gaps).map(|(p, gap)| p * gap).sum::<f64>();
    let (mut low, mut high) = (0.0, share);
    if loss(&of_share(share)) <= MAX_LOSS {
        return of_share(share);
    }
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if loss(&of_share(middle)) <= MAX_LOSS { low = middle } else { high = middle }
    }
    of_share(low)
}

#[test]
fn chances_are_those_of_the_formula_and_keep_to_the_floor() {
    let mut state = 5;
    let mut n_floored = 0;
    for _ in 0..2_000 {
        let n = 1 + (random(&mut state) * N_ARMS as f64) as usize;
        let values: Vec<f64> = (0..n).map(|_| 0.01 + random(&mut state)).collect();
        let share = 0.01 + 0.99 * random(&mut state);
        let (fast, slow) = (chances(&values, share), slow(&values, share));
        let difference =
            fast.iter().zip(&slow).map(|(fast, slow)| (fast - slow).abs()).fold(0.0, f64::max);
        assert!(difference < 1e-9, "{values:?} {share}: {fast:?} {slow:?}");
        assert!((fast.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(fast.iter().all(|chance| (0.0..=1.0).contains(chance)), "{fast:?}");
        let gap = |value: &f64| (1.0 - value / values[0]).max(0.0);
        let loss: f64 = fast.iter().zip(&values).map(|(p, value)| p * gap(value)).sum();
        assert!(loss <= MAX_LOSS + 1e-12, "{loss}");
        n_floored += usize::from(loss > MAX_LOSS - 1e-9);
    }
    assert!((200..1_800).contains(&n_floored), "{n_floored}: the floor is to be seen");
}

#[test]
fn without_scores_all_others_are_alike() {
    assert_eq!(chances(&[0.0, 0.0], 0.5), [0.75, 0.25]);
    assert_eq!(chances(&[0.3], 0.5), [1.0]);
}

#[test]
fn draws_come_as_often_as_their_chances_say_and_the_same_for_the_same_seed() {
    let world = long_list();
    let table = table(&world, "[[placement]]\nname = 'home'\nexplore = 0.5\nexplore_places = 2\n");
    let request = Request { policies: Some(&table), ..Request::at(Placement::Home) };
    let decision = decide(&world, &request, &mut Workspace::default());
    let choice = decision.choice.as_ref().expect("there is more than is shown");
    assert_eq!((choice.places.as_slice(), choice.arms.len()), (&[10, 11][..], N_ARMS));
    let n = 40_000_u32;
    let mut counts = [0_u32; N_ARMS];
    let mut expected = [0.0; N_ARMS];
    let values: Vec<f64> = choice.arms.iter().map(|arm| f64::from(arm.score)).collect();
    for (at, chance) in chances(&values, 0.5).into_iter().enumerate() {
        expected[at] = chance * f64::from(n);
    }
    for seed in 0..u64::from(n) {
        let drawn = choice.draw(seed);
        assert_eq!(drawn, choice.draw(seed));
        assert_ne!(drawn[0].arm, drawn[1].arm);
        counts[drawn[0].arm] += 1;
        assert!((drawn[0].chance - expected[drawn[0].arm] / f64::from(n)).abs() < 1e-12);
    }
    for (count, expected) in counts.iter().zip(expected) {
        let off = (f64::from(*count) - expected).abs();
        assert!(off < 5.0 * expected.sqrt(), "{counts:?}: {expected}");
    }
}

#[test]
fn nothing_is_drawn_that_a_gate_stops_and_places_above_stay() {
    let world = long_list();
    let text = "[[policy]]\nname = 'gone'\nkind = 'exclude'\nitem_ids = ['i12', 'i14']\n\
                [[policy]]\nname = 'first'\nkind = 'pin'\nitem_ids = ['i20']\nposition = 12\n\
                [[placement]]\nname = 'home'\nexplore = 0.5\nexplore_places = 3\n";
    let table = table(&world, text);
    let stock = ItemRecord { item_id: "i13".to_owned(), stock: Some(0), ..ItemRecord::default() };
    assert!(world.catalog.apply_in_place(&world.snapshot, &stock));
    let request =
        Request { policies: Some(&table), exclude: &[15], ..Request::at(Placement::Home) };
    let decision = decide(&world, &request, &mut Workspace::default());
    let mut seen = Vec::new();
    for seed in 0..5_000 {
        let choice = decision.choice.as_ref().expect("a choice");
        let drawn = choice.draw(seed);
        let shown = decision.with_drawn(&drawn).unwrap_or_else(|| decision.clone());
        let ids: Vec<u32> = shown.offers.iter().map(|offer| offer.item).collect();
        assert_eq!(ids[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(ids[11], 20, "a pin keeps its place");
        assert_eq!(ids.len(), 12);
        seen.extend_from_slice(&ids[8..11]);
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len(), "{ids:?}");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [8, 9, 10, 11, 16, 17, 18, 19]);
}

#[test]
fn a_short_slate_and_a_placement_that_does_not_ask_have_no_choice() {
    let world = learned(&blocks());
    let table = table(&world, "[[placement]]\nname = 'pdp'\nexplore = 0.5\n");
    let anchors = [ItemRef::Known(0)];
    for (placement, count) in [(Placement::Pdp, 6), (Placement::Cart, 1), (Placement::Pdp, 0)] {
        let request = Request {
            policies: Some(&table),
            anchors: &anchors,
            count: Some(count),
            ..Request::at(placement)
        };
        let decision = decide(&world, &request, &mut Workspace::default());
        assert_eq!(decision.choice, None, "{placement:?} {count}");
    }
    let lines = cart(&[0]);
    let request = Request { policies: Some(&table), cart: &lines, ..Request::at(Placement::Pdp) };
    let one = Request { count: Some(1), ..request.clone() };
    let decision = decide(&world, &one, &mut Workspace::default());
    let choice = decision.choice.expect("one of several");
    assert_eq!(choice.arms[0], decision.offers[0]);
    let (mut marks, limits) =
        (Marks::default(), Limits { filter: None, policies: None, price_cap: PriceCap::Open });
    marks.set(&world, &request, false);
    assert!(choice.arms.iter().all(|arm| is_open(&world, &marks, &limits, arm.item)));
    assert!(choice.arms.iter().all(|arm| arm.reason.evidence.is_some()), "a page asks for it");
}

#[test]
fn a_memo_keeps_what_is_drawn_from_and_not_what_was_drawn() {
    let world = long_list();
    let table = table(&world, "[[placement]]\nname = 'home'\nexplore = 0.2\ncount = 5\n");
    let request = Request { policies: Some(&table), ..Request::at(Placement::Home) };
    let memo: Memo<u32> = Memo::new(100);
    let mut workspace = Workspace::default();
    let (n, mut n_known, mut n_other, mut expected) = (20_000_u32, 0, 0, 0.0);
    for seed in 0..u64::from(n) {
        let (known, was_known) = memo.decide(&world, (memo.begin(), &request), &mut workspace);
        n_known += u32::from(was_known);
        let drawn = known.decision.choice.as_ref().expect("a choice").draw(seed);
        expected += 1.0 - drawn[0].chance_of_best;
        n_other += u32::from(known.decision.with_drawn(&drawn).is_some());
    }
    assert_eq!(n_known, n - 1, "it is decided once");
    let off = (f64::from(n_other) - expected).abs();
    assert!(expected > 500.0 && off < 5.0 * expected.sqrt(), "{n_other} of {expected}");
}

#[test]
fn diversity_and_exploration_together_choose_from_what_is_left() {
    let mut entries = items(30);
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.title = Some(format!("thing {}", ["red", "blue", "green"][at / 10]).into());
    }
    let world = learned(&view(entries, &single_orders()));
    let text = "[[placement]]\nname = 'home'\ndiversity = 0.8\nexplore = 0.5\ncount = 3\n";
    let table = table(&world, text);
    let request = Request { policies: Some(&table), ..Request::at(Placement::Home) };
    let decision = decide(&world, &request, &mut Workspace::default());
    let shown: Vec<u32> = decision.offers.iter().map(|offer| offer.item).collect();
    assert_eq!(shown, [0, 10, 1], "twelve are looked at, and no green one is among them");
    assert!(decision.offers.iter().all(|offer| offer.likeness.is_some()));
    let arms: Vec<u32> = decision.choice.expect("a choice").arms.iter().map(|a| a.item).collect();
    assert_eq!(arms, [1, 2, 3, 4, 5, 6, 7, 8]);
}
