use super::gather::{N_FEATURES, plain_score};
use super::horizon::{N_STATS, STAT_SESSIONS};
use super::index::{FIRST_BIT, Fault};
use super::neighbors::{MAX_ANCHORS, anchors_of};
use super::vmis::{Vmis, VmisParams, VmisScratch, idf_of};
use super::*;
use crate::{LeftOut, Trees};
use proptest::prelude::*;

/// An index made the obvious way: session s ends at day s.
#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    sessions: Vec<Vec<u32>>,
    offsets: Vec<u32>,
    ended_at_s: Vec<u32>,
    items: Vec<u32>,
    marks: Vec<u8>,
    session_of: Vec<u32>,
    posting_offsets: Vec<u32>,
    postings: Vec<u32>,
    stats: Vec<f32>,
}

const N_ITEMS: u32 = 8;

impl Naive {
    fn of(sessions: &[Vec<u32>]) -> Naive {
        let mut naive = Naive { sessions: sessions.to_vec(), ..Naive::default() };
        naive.offsets.push(0);
        for (session, items) in sessions.iter().enumerate() {
            for (at, item) in items.iter().enumerate() {
                naive.items.push(*item);
                naive.marks.push(if items[..at].contains(item) { 0 } else { FIRST_BIT });
                naive.session_of.push(session as u32);
            }
            naive.offsets.push(naive.items.len() as u32);
            naive.ended_at_s.push(session as u32 * 86_400);
        }
        naive.posting_offsets.push(0);
        for item in 0..N_ITEMS {
            let events = (0..naive.items.len() as u32).filter(|&e| naive.items[e as usize] == item);
            naive.postings.extend(events);
            naive.posting_offsets.push(naive.postings.len() as u32);
            let mut row = [0.0; N_STATS];
            row[STAT_SESSIONS] = sessions.iter().filter(|s| s.contains(&item)).count() as f32;
            naive.stats.extend(row);
        }
        naive
    }

    fn index(&self) -> SessionIndex<'_> {
        let index = SessionIndex {
            offsets: &self.offsets,
            ended_at_s: &self.ended_at_s,
            items: &self.items,
            marks: &self.marks,
            session_of: &self.session_of,
            posting_offsets: &self.posting_offsets,
            postings: &self.postings,
        };
        index.checked().expect("the obvious index is sound")
    }

    fn horizon(&self) -> Horizon<'_> {
        Horizon {
            index: self.index(),
            n_sessions: self.sessions.len() as u32,
            stats: &self.stats,
            popular: &[],
        }
    }
}

fn sessions() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0..N_ITEMS, 1..8), 1..30)
}

fn visits() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..N_ITEMS + 2, 1..7)
}

fn steps(items: &[u32]) -> Vec<Step> {
    items.iter().map(|&item| Step::view(item)).collect()
}

fn position_from_end(visit: &[u32], item: u32) -> Option<usize> {
    visit.iter().rev().position(|&other| other == item)
}

proptest! {
    #[test]
    fn neighbors_are_the_sessions_that_share_an_item(
        sessions in sessions(), visit in visits(), n_known in 0_usize..31
    ) {
        let naive = Naive::of(&sessions);
        let n_known = n_known.min(sessions.len());
        let (mut anchors, mut places) = ([0; MAX_ANCHORS], [0; MAX_ANCHORS]);
        let n = anchors_of(visit.iter().copied(), &mut anchors, &mut places);
        for (anchor, place) in anchors[..n].iter().zip(&places[..n]) {
            prop_assert_eq!(position_from_end(&visit, *anchor), Some(*place as usize));
        }
        let mut walk = Neighbors::of(naive.index(), &anchors[..n], n_known as u32);
        let (mut found, mut n_visited) = (Vec::new(), 0);
        while let Some(neighbor) = walk.next(|_, _| n_visited += 1) {
            found.push(neighbor);
        }
        let mut expected = Vec::new();
        let mut n_matches = 0;
        for (session, items) in sessions[..n_known].iter().enumerate().rev() {
            n_matches += items.iter().filter(|item| anchors[..n].contains(item)).count();
            let mut neighbor = Neighbor { session: session as u32, ..Neighbor::default() };
            for (a, anchor) in anchors[..n].iter().enumerate() {
                if let Some(at) = items.iter().rposition(|item| item == anchor) {
                    if neighbor.shared == 0 {
                        neighbor.anchor_event = naive.offsets[session] + at as u32;
                    }
                    neighbor.shared |= 1 << a;
                }
            }
            if neighbor.shared != 0 {
                expected.push(neighbor);
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(n_visited, n_matches);
    }

    #[test]
    fn vmis_equals_its_formula(
        sessions in sessions(), visit in visits(), k in 1_usize..6, m in 1_usize..12
    ) {
        let naive = Naive::of(&sessions);
        let idf = idf_of(&naive.index());
        let params = VmisParams { n_sessions: m, n_neighbors: k, n_steps: 3, idf_weight: 0.5 };
        let vmis = Vmis { index: naive.index(), idf: &idf, params };
        let mut scratch = VmisScratch::default();
        // Twice with one scratch: nothing may be left over.
        vmis.predict(&steps(&visit), 20, &mut scratch, |_| true);
        let found = vmis.predict(&steps(&visit), 20, &mut scratch, |item| item != 3);
        let expected = vmis_by_formula(&sessions, &visit, &idf, &params);
        let expected: Vec<_> = expected.into_iter().filter(|(item, _)| *item != 3).collect();
        prop_assert_eq!(found.len(), expected.len());
        for (scored, (item, score)) in found.iter().zip(expected) {
            prop_assert!((scored.score - score).abs() < 1e-4, "{found:?} {item} {score}");
        }
    }

    #[test]
    fn features_equal_their_formulas(sessions in sessions(), visit in visits()) {
        let naive = Naive::of(&sessions);
        let visit_steps = steps(&visit);
        for with_seen in [true, false] {
            let kind_weights = &[1.0; 3];
            let left_out = LeftOut::default();
            let question = Question { visit: &visit_steps, with_seen, kind_weights, left_out };
            let mut gatherer = Gatherer::default();
            gatherer.gather(&naive.horizon(), &question, |_| true);
            let (items, rows) = gatherer.gather(&naive.horizon(), &question, |_| true);
            prop_assert!(items.is_sorted_by(|a, b| a < b));
            prop_assert!(rows.iter().all(|value| value.is_finite()));
            for (item, row) in items.iter().zip(rows.chunks_exact(N_FEATURES)) {
                prop_assert!(*item != visit[visit.len() - 1]);
                prop_assert!(with_seen || !visit.contains(item));
                check_row(&sessions, &visit, *item, row)?;
            }
        }
    }
}

/// The formula in the docs of `vmis`, with loops over everything.
fn vmis_by_formula(
    sessions: &[Vec<u32>],
    visit: &[u32],
    idf: &[f32],
    params: &VmisParams,
) -> Vec<(u32, f32)> {
    let recent = &visit[visit.len().saturating_sub(params.n_steps)..];
    let mut distinct = recent.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let sim = |session: &Vec<u32>| -> f32 {
        let shared = distinct.iter().filter(|item| session.contains(item));
        let places = shared.filter_map(|&item| position_from_end(recent, item));
        places.map(|place| (recent.len() - place) as f32 / distinct.len() as f32).sum()
    };
    let mut near: Vec<(f32, usize)> = (0..sessions.len())
        .rev()
        .map(|session| (sim(&sessions[session]), session))
        .filter(|(sim, _)| *sim > 0.0)
        .take(params.n_sessions)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    near.truncate(params.n_neighbors);
    let mut scores = vec![None; N_ITEMS as usize];
    for (sim, session) in near {
        let items = &sessions[session];
        let shared = recent.iter().rev().position(|item| items.contains(item));
        let weight = sim * (1.0 - 0.1 * (1 + shared.unwrap()) as f32);
        for item in 0..N_ITEMS {
            if items.contains(&item) && Some(&item) != visit.last() {
                *scores[item as usize].get_or_insert(0.0) += weight;
            }
        }
    }
    let scored = scores
        .into_iter()
        .enumerate()
        .filter_map(|(item, score)| Some((item as u32, score? * params.idf_weight * idf[item])));
    let mut scored: Vec<(u32, f32)> = scored.collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored
}

fn check_row(
    sessions: &[Vec<u32>],
    visit: &[u32],
    item: u32,
    row: &[f32],
) -> Result<(), TestCaseError> {
    let last = visit[visit.len() - 1];
    let mut distinct = visit.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let (mut with_last, mut with_any, mut cosine, mut vstan) = (0.0, 0.0, 0.0, 0.0);
    let (mut n_last, mut next, mut before, mut after) = (0.0, 0.0, 0.0, 0.0);
    for (session, items) in sessions.iter().enumerate() {
        let shared: Vec<u32> = distinct.iter().copied().filter(|i| items.contains(i)).collect();
        if !shared.is_empty() && items.contains(&item) {
            with_any += 1.0;
            with_last += f32::from(u8::from(items.contains(&last)));
            cosine += shared.len() as f32 / (items.len() as f32 * distinct.len() as f32).sqrt();
        }
        let places = shared.iter().filter_map(|&i| position_from_end(visit, i));
        if let Some(latest) = places.clone().min() {
            let anchor = visit[visit.len() - 1 - latest];
            let anchor_at = items.iter().rposition(|&i| i == anchor).unwrap();
            let sim: f32 = places.map(|place| (-(place as f32) / 2.0).exp()).sum();
            let age_days = (sessions.len() - 1 - session) as f32;
            let weight = sim / (items.len() as f32).sqrt()
                * (-age_days / 30.0).exp()
                * (-(latest as f32) / 2.0).exp();
            for (at, _) in
                items.iter().enumerate().filter(|(at, i)| **i == item && *at != anchor_at)
            {
                vstan += weight * (-(at.abs_diff(anchor_at) as f32) / 3.0).exp();
            }
        }
        for at in (0..items.len()).filter(|&at| items[at] == last) {
            n_last += 1.0;
            let holds = |at: usize| f32::from(u8::from(items.get(at) == Some(&item)));
            next += holds(at + 1);
            before += if at > 0 { holds(at - 1) } else { 0.0 };
            after += (1..=5).map(|d| holds(at + d) / d as f32).sum::<f32>();
        }
    }
    let share = 1.0 / (n_last + 1.0);
    let seen = visit.iter().filter(|&&other| other == item).count() as f32;
    let place = position_from_end(visit, item).map_or(99.0, |place| place as f32);
    let expected = [
        ("vstan_mid", vstan),
        ("cosine", cosine),
        ("with_last", with_last),
        ("with_any", with_any),
        ("next", next * share),
        ("before", before * share),
        ("after", after * share),
        ("n_seen", seen),
        ("place", place),
        ("n_items", distinct.len() as f32),
    ];
    for (name, value) in expected {
        let found = row[FEATURES.iter().position(|other| *other == name).unwrap()];
        prop_assert!((found - value).abs() < 1e-3, "{name} of {item}: {found}, not {value}");
    }
    Ok(())
}

#[test]
fn nothing_is_known_of_an_empty_visit_or_index() {
    let naive = Naive::of(&[vec![0, 1], vec![1, 2]]);
    let mut scratch = RankScratch::default();
    let ask = |horizon: Horizon<'_>, visit: &[Step], scratch: &mut RankScratch| -> Vec<u32> {
        let (head, trees) = (Head::Next, &Trees::default());
        let ranker = Ranker {
            head,
            horizon,
            kind_weights: &DEFAULT_KIND_WEIGHTS,
            left_out: LeftOut::default(),
            trees,
        };
        ranker.rank(visit, 5, scratch, |_| true).iter().map(|scored| scored.index).collect()
    };
    assert!(ask(naive.horizon(), &[], &mut scratch).is_empty());
    assert!(ask(Horizon::default(), &steps(&[1]), &mut scratch).is_empty());
    assert_eq!(ask(naive.horizon(), &steps(&[7, 77]), &mut scratch), [7]);
    assert_eq!(ask(naive.horizon(), &steps(&[0]), &mut scratch), [1]);
}

/// A machine that looked at one item 10^5 times, and a visit of 10^4 steps.
#[test]
fn a_visit_of_any_length_is_answered_by_its_end() {
    let naive = Naive::of(&[vec![0, 1], vec![1, 2], vec![1, 3]]);
    let long: Vec<u32> = (0..10_000).map(|n| n % 3).chain([5; 100]).chain([1]).collect();
    let (horizon, visit) = (naive.horizon(), steps(&long));
    let question = Question {
        visit: &visit,
        with_seen: true,
        kind_weights: &[1.0; 3],
        left_out: LeftOut::default(),
    };
    let mut gatherer = Gatherer::default();
    let (items, rows) = gatherer.gather(&horizon, &question, |_| true);
    assert_eq!(items, [0, 2, 3, 5]);
    assert!(rows.chunks_exact(N_FEATURES).all(|row| plain_score(row).is_finite()));
}

/// What was put in the cart counts more than what was looked at.
#[test]
fn kinds_of_steps_weigh_differently() {
    let mut naive = Naive::of(&[vec![0, 1], vec![0, 2], vec![0, 2]]);
    naive.marks[1] |= StepKind::Purchase as u8;
    let (horizon, visit) = (naive.horizon(), steps(&[0]));
    let mut scratch = RankScratch::default();
    let mut first = |kind_weights: &KindWeights| {
        let trees = &Trees::default();
        let ranker =
            Ranker { head: Head::Next, horizon, kind_weights, left_out: LeftOut::default(), trees };
        ranker.rank(&visit, 1, &mut scratch, |_| true)[0].index
    };
    assert_eq!((first(&[1.0; 3]), first(&[1.0, 2.0, 9.0])), (2, 1));
}

/// Readers index without fear after `checked`.
#[test]
fn damaged_arrays_are_found() {
    let naive = Naive::of(&[vec![0, 1, 0], vec![1, 2]]);
    let fault = |damage: &dyn Fn(&mut Naive)| {
        let mut damaged = naive.clone();
        damage(&mut damaged);
        let index = SessionIndex {
            offsets: &damaged.offsets,
            ended_at_s: &damaged.ended_at_s,
            items: &damaged.items,
            marks: &damaged.marks,
            session_of: &damaged.session_of,
            posting_offsets: &damaged.posting_offsets,
            postings: &damaged.postings,
        };
        index.checked().err()
    };
    assert_eq!(fault(&|_| {}), None);
    assert_eq!(fault(&|n| n.marks.truncate(1)), Some(Fault::Lengths));
    assert_eq!(fault(&|n| n.ended_at_s.truncate(1)), Some(Fault::Lengths));
    assert_eq!(fault(&|n| n.offsets[1] = 0), Some(Fault::Offsets));
    assert_eq!(fault(&|n| n.posting_offsets[2] = 99), Some(Fault::Offsets));
    assert_eq!(fault(&|n| n.ended_at_s[0] = u32::MAX), Some(Fault::Order));
    assert_eq!(fault(&|n| n.items[4] = N_ITEMS), Some(Fault::Event { session: 1 }));
    assert_eq!(fault(&|n| n.session_of[4] = 0), Some(Fault::Event { session: 1 }));
    assert_eq!(fault(&|n| n.postings.swap(0, 1)), Some(Fault::Posting { item: 0 }));
    assert_eq!(fault(&|n| n.postings[0] = 77), Some(Fault::Posting { item: 0 }));
}

/// Its sums are 0, it proposes nothing, and the others say what they said.
#[test]
fn a_source_that_is_left_out_says_nothing() {
    let naive = Naive::of(&[vec![0, 1, 2], vec![1, 2], vec![1, 3], vec![4]]);
    let horizon = Horizon { popular: &[4], ..naive.horizon() };
    let visit = steps(&[0, 1]);
    let mut gatherer = Gatherer::default();
    let mut rows_without = |left_out: LeftOut| {
        let question =
            Question { visit: &visit, with_seen: true, kind_weights: &[1.0; 3], left_out };
        let (items, rows) = gatherer.gather(&horizon, &question, |_| true);
        let rows: Vec<Vec<f32>> = rows.chunks_exact(N_FEATURES).map(<[f32]>::to_vec).collect();
        (items.to_vec(), rows)
    };
    let (all_items, all) = rows_without(LeftOut::default());
    assert_eq!(all_items, [0, 2, 3, 4]);
    let columns: [&[usize]; 5] =
        [&[0, 11], &[1, 2, 3, 12], &[4, 5, 6], &[7, 8, 9, 10], &[13, 14, 15]];
    for (source, silent) in columns.iter().enumerate() {
        let (items, rows) = rows_without(LeftOut::default().and(source));
        let is_popularity = sources::SOURCES[source] == "recent_views";
        // Nothing but its popularity speaks for item 4.
        assert_eq!(items.contains(&4), !is_popularity, "{}", sources::SOURCES[source]);
        for (item, row) in items.iter().zip(&rows) {
            let at = all_items.iter().position(|other| other == item).unwrap();
            for (column, (value, of_all)) in row.iter().zip(&all[at]).enumerate() {
                let expected = if silent.contains(&column) { 0.0 } else { *of_all };
                assert_eq!(*value, expected, "{} of {item}", FEATURES[column]);
            }
        }
        assert!(all.iter().any(|row| silent.iter().any(|&column| row[column] > 0.0)));
    }
}
