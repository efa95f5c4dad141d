//! Which edges of a graph lie on a ring.
//!
//! An edge does when both ends are in one strongly connected component (R. Tarjan, "Depth-first
//! search and linear graph algorithms", SIAM Journal on Computing 1, 1972). Without recursion: a
//! chain may be as long as the list. O(edges).

use hashbrown::{HashMap, HashSet};

const UNSEEN: usize = usize::MAX;
/// Moments that are looked at one by one.
const MAX_MOMENTS: usize = 1_000;

/// One edge, in its time: from the first moment to that before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upgrade {
    pub pair: (u32, u32),
    pub window: (Option<i64>, Option<i64>),
    pub is_new: bool,
}

impl Upgrade {
    fn holds_at(&self, moment: i64) -> bool {
        let (from, until) = self.window;
        from.is_none_or(|from| from <= moment) && until.is_none_or(|until| moment < until)
    }
}

/// The new ones that lie on a ring of upgrades which hold at one time. Where there are very many
/// windows, all are taken to hold always.
pub(super) fn new_in_rings(upgrades: &[Upgrade]) -> Vec<(u32, u32)> {
    let pairs = |upgrades: &[Upgrade]| -> Vec<(u32, u32)> {
        upgrades.iter().map(|upgrade| upgrade.pair).collect()
    };
    let ringed: HashSet<(u32, u32)> = edges_in_rings(&pairs(upgrades)).into_iter().collect();
    let in_rings: Vec<Upgrade> =
        upgrades.iter().filter(|upgrade| ringed.contains(&upgrade.pair)).copied().collect();
    let new: HashSet<(u32, u32)> =
        in_rings.iter().filter(|upgrade| upgrade.is_new).map(|upgrade| upgrade.pair).collect();
    // A ring that holds at all holds when the last of its edges begins to.
    let mut moments: Vec<i64> =
        in_rings.iter().map(|upgrade| upgrade.window.0.unwrap_or(i64::MIN)).collect();
    moments.sort_unstable();
    moments.dedup();
    let has_windows = in_rings.iter().any(|upgrade| upgrade.window != (None, None));
    if !has_windows || MAX_MOMENTS < moments.len() {
        return new.into_iter().collect();
    }
    let mut found: HashSet<(u32, u32)> = HashSet::new();
    for moment in moments {
        let holding: Vec<Upgrade> =
            in_rings.iter().filter(|upgrade| upgrade.holds_at(moment)).copied().collect();
        found.extend(edges_in_rings(&pairs(&holding)));
    }
    found.intersection(&new).copied().collect()
}

pub(super) fn edges_in_rings(edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut next: Vec<Vec<usize>> = Vec::new();
    let mut place = |item: u32, next: &mut Vec<Vec<usize>>| {
        *places.entry(item).or_insert_with(|| {
            next.push(Vec::new());
            next.len() - 1
        })
    };
    let ends: Vec<(usize, usize)> =
        edges.iter().map(|&(from, to)| (place(from, &mut next), place(to, &mut next))).collect();
    for &(from, to) in &ends {
        next[from].push(to);
    }
    let component = components(&next);
    let is_ringed = |(from, to): &(usize, usize)| component[*from] == component[*to];
    let ringed = edges.iter().zip(&ends).filter(|(_, ends)| is_ringed(ends));
    ringed.map(|(&edge, _)| edge).collect()
}

/// The number of each node's component.
fn components(next: &[Vec<usize>]) -> Vec<usize> {
    let n = next.len();
    let (mut order, mut low) = (vec![UNSEEN; n], vec![UNSEEN; n]);
    let (mut component, mut n_components, mut n_seen) = (vec![UNSEEN; n], 0, 0);
    let mut open: Vec<usize> = Vec::new();
    // A node and how many of its edges were followed.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..n {
        if order[start] == UNSEEN {
            path.push((start, 0));
        }
        while let Some(&mut (node, ref mut followed)) = path.last_mut() {
            if *followed == 0 && order[node] == UNSEEN {
                (order[node], low[node]) = (n_seen, n_seen);
                n_seen += 1;
                open.push(node);
            }
            if let Some(&to) = next[node].get(*followed) {
                *followed += 1;
                if order[to] == UNSEEN {
                    path.push((to, 0));
                } else if component[to] == UNSEEN {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            path.pop();
            if let Some(&(parent, _)) = path.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    component[member] = n_components;
                    if member == node {
                        break;
                    }
                }
                n_components += 1;
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_chain_is_no_ring_until_it_closes() {
        let mut edges: Vec<(u32, u32)> = (0..100_000).map(|at| (at, at + 1)).collect();
        assert!(edges_in_rings(&edges).is_empty());
        edges.push((100_000, 99_998));
        let ringed = edges_in_rings(&edges);
        assert_eq!(ringed, [(99_998, 99_999), (99_999, 100_000), (100_000, 99_998)]);
    }

    #[test]
    fn upgrades_of_different_times_make_no_ring() {
        let upgrade = |pair, from, until, is_new| Upgrade { pair, window: (from, until), is_new };
        let old = upgrade((0, 1), Some(0), Some(10), false);
        for (back, expected) in [
            (upgrade((1, 0), Some(10), None, true), vec![]),
            (upgrade((1, 0), None, Some(0), true), vec![]),
            (upgrade((1, 0), Some(9), Some(11), true), vec![(1, 0)]),
            (upgrade((1, 0), None, None, true), vec![(1, 0)]),
            (upgrade((1, 0), None, None, false), vec![]),
        ] {
            assert_eq!(new_in_rings(&[old, back]), expected, "{back:?}");
        }
    }

    proptest! {
        #[test]
        fn an_edge_is_ringed_when_one_can_walk_back(
            edges in prop::collection::vec((0_u32..8, 0_u32..8), 0..20),
        ) {
            let edges: Vec<(u32, u32)> = edges.into_iter().filter(|(a, b)| a != b).collect();
            let leads = |from: u32, to: u32| {
                let mut seen = vec![from];
                let mut at = 0;
                while let Some(&node) = seen.get(at) {
                    at += 1;
                    for &(a, b) in &edges {
                        if a == node && !seen.contains(&b) {
                            seen.push(b);
                        }
                    }
                }
                seen.contains(&to)
            };
            let slow: Vec<(u32, u32)> =
                edges.iter().copied().filter(|&(from, to)| leads(to, from)).collect();
            prop_assert_eq!(edges_in_rings(&edges), slow);
        }
    }
}
