use super::*;
use proptest::prelude::*;

/// Two features; `x0 <= 1` left (NaN left), then `x1 <= 5` (NaN right).
fn small() -> Tree {
    Tree {
        features: vec![0, 1],
        thresholds: vec![1.0, 5.0],
        nan_left: vec![true, false],
        children: vec![[!0, 1], [!1, !2]],
        leaves: vec![10.0, 20.0, 30.0],
    }
}

fn small_trees() -> Trees {
    Trees::new(2, 0.5, &[small(), Tree { leaves: vec![0.25], ..Tree::default() }]).unwrap()
}

#[test]
fn a_row_walks_by_threshold_and_a_nan_by_the_learned_side() {
    let trees = small_trees();
    let nan = f32::NAN;
    for (row, leaf) in [
        ([1.0, 9.0], 10.0),
        ([1.1, 5.0], 20.0),
        ([1.1, 5.1], 30.0),
        ([nan, 9.0], 10.0),
        ([2.0, nan], 30.0),
        ([f32::INFINITY, f32::NEG_INFINITY], 20.0),
    ] {
        assert_eq!(trees.score(&row), leaf + 0.75, "{row:?}");
    }
    assert_eq!(trees.n_splits_of_features(), [1, 1]);
}

#[test]
fn no_trees_score_zero() {
    let trees = Trees::from_words(&[]).unwrap();
    assert!(trees.is_empty());
    assert_eq!(trees.score(&[]), 0.0);
    let mut rows = RowBlocks::default();
    rows.clear(0);
    rows.push(&[]);
    let mut scores = Vec::new();
    trees.score_rows(&rows, &mut scores);
    assert_eq!(scores, [0.0]);
}

/// Grows by splitting a leaf chosen at random, in an order of nodes that is not preorder.
fn tree_of(n_features: usize, picks: &[(u16, u8, bool, u8, i8)]) -> Tree {
    let mut tree = Tree { leaves: vec![0.5], ..Tree::default() };
    for &(feature, threshold, nan_left, leaf, value) in picks {
        let leaf = i32::from(leaf) % tree.leaves.len() as i32;
        let node = tree.features.len() as i32;
        for children in &mut tree.children {
            children.iter_mut().filter(|child| **child == !leaf).for_each(|child| *child = node);
        }
        tree.features.push(feature % n_features as u16);
        tree.thresholds.push(f32::from(threshold));
        tree.nan_left.push(nan_left);
        tree.children.push([!(tree.leaves.len() as i32), !leaf]);
        tree.leaves.push(f32::from(value) / 3.0);
    }
    tree
}

type Picks = Vec<(u16, u8, bool, u8, i8)>;

fn picks(max_leaves: usize) -> impl Strategy<Value = Vec<Picks>> {
    let pick = (any::<u16>(), 0_u8..6, any::<bool>(), any::<u8>(), any::<i8>());
    proptest::collection::vec(proptest::collection::vec(pick, 0..max_leaves), 1..6)
}

fn rows() -> impl Strategy<Value = Vec<[f32; 3]>> {
    let value = prop_oneof![4 => (0_u8..7).prop_map(f32::from), 1 => Just(f32::NAN)];
    proptest::collection::vec([value.clone(), value.clone(), value], 0..80)
}

proptest! {
    #[test]
    fn blocks_score_as_single_rows_do(
        trees in prop_oneof![picks(32), picks(64)],
        rows in rows(),
    ) {
        let grown: Vec<Tree> = trees.iter().map(|picks| tree_of(3, picks)).collect();
        let trees = Trees::new(3, -0.25, &grown).unwrap();
        let mut blocks = RowBlocks::default();
        blocks.clear(3);
        rows.iter().for_each(|row| blocks.push(row));
        let mut scores = vec![9.0; 3];
        trees.score_rows(&blocks, &mut scores);
        let expected: Vec<f32> = rows.iter().map(|row| trees.score(row)).collect();
        prop_assert_eq!(&scores, &expected);
        // And as the tree that was grown, walked in its own order.
        for (row, &score) in rows.iter().zip(&scores) {
            let naive: f64 = grown.iter().map(|tree| f64::from(naive_leaf(tree, row))).sum();
            prop_assert!((naive - 0.25 - f64::from(score)).abs() < 1e-4);
        }
    }

    #[test]
    fn words_come_back_and_no_change_of_one_word_makes_a_panic(
        trees in picks(20),
        at in any::<prop::sample::Index>(),
        word in prop_oneof![0_u32..8, any::<u32>(), (0_u32..8).prop_map(|low| !low)],
    ) {
        let grown: Vec<Tree> = trees.iter().map(|picks| tree_of(3, picks)).collect();
        let trees = Trees::new(3, 1.0, &grown).unwrap();
        let mut words = trees.to_words();
        prop_assert_eq!(&Trees::from_words(&words).unwrap(), &trees);
        let at = at.index(words.len());
        words[at] = word;
        // Either refused, or still a table that scores: never an index out of range.
        if let Ok(changed) = Trees::from_words(&words) {
            let row = vec![1.0; changed.n_features()];
            prop_assert!(changed.n_features() > MAX_FEATURES || !changed.score(&row).is_nan());
        }
        prop_assert!(Trees::from_words(&words[..at]).is_err() || at == 0);
    }
}

fn naive_leaf(tree: &Tree, row: &[f32]) -> f32 {
    let mut at = if tree.features.is_empty() { !0 } else { 0 };
    while at >= 0 {
        let node = at as usize;
        let value = row[usize::from(tree.features[node])];
        let is_left =
            if value.is_nan() { tree.nan_left[node] } else { value <= tree.thresholds[node] };
        at = tree.children[node][usize::from(!is_left)];
    }
    tree.leaves[!at as usize]
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Tree), what: &str) {
    let mut tree = small();
    change(&mut tree);
    let error = Trees::new(2, 0.0, &[tree]).unwrap_err().to_string();
    assert!(error.contains(what), "{error}");
}

#[test]
fn broken_trees_are_refused_with_the_reason() {
    refused(|tree| tree.children[1][0] = 0, "two parents");
    refused(|tree| tree.children[1] = [1, 1], "two parents");
    refused(|tree| tree.children[1][1] = !1, "two parents");
    refused(|tree| tree.children[0][1] = !1, "no parent");
    refused(|tree| tree.children[0][1] = 7, "out of range");
    refused(|tree| tree.children[0][0] = !7, "out of range");
    refused(|tree| tree.features[1] = 2, "feature that is not there");
    refused(|tree| tree.thresholds[0] = f32::NAN, "no threshold");
    refused(|tree| tree.leaves[2] = f32::INFINITY, "not a number");
    refused(|tree| tree.leaves.push(1.0), "leaves");
    refused(|tree| tree.thresholds.push(1.0), "differ in length");
    refused(|tree| *tree = tree_of(2, &[(0, 1, true, 0, 1); 64]), "at most 64");
    assert!(Trees::new(2, f32::NAN, &[]).is_err());
    assert!(Trees::new(MAX_FEATURES, 0.0, &[]).is_err());
}

#[test]
fn words_out_of_order_or_of_another_version_are_refused() {
    let trees = Trees::new(2, 0.0, &[small()]).unwrap();
    let good = trees.to_words();
    for (at, word) in [(0, 7), (2, 2), (6, 2), (7, 1 << 20), (9, 1), (9, !1)] {
        let mut words = good.clone();
        words[at] = word;
        assert!(Trees::from_words(&words).is_err(), "word {at}");
    }
}
