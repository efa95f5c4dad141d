//! From what a trainer grew, or from the words of a file, to checked [`Trees`].

use super::{HEADER_WORDS, MAGIC, MAX_FEATURES, MAX_LEAVES, NAN_LEFT, Node, Trees, batch};
use crate::error::Error;

/// One tree in any order of nodes; the root is node 0. Without nodes it is one leaf.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    pub features: Vec<u16>,
    /// Left when the value is at most this.
    pub thresholds: Vec<f32>,
    /// Where a NaN goes.
    pub nan_left: Vec<bool>,
    /// Left and right; ≥ 0 an inner node, < 0 the leaf `!child`.
    pub children: Vec<[i32; 2]>,
    pub leaves: Vec<f32>,
}

fn bad<T>(what: impl Into<String>) -> Result<T, Error> {
    Err(Error::BadTrees { what: what.into() })
}

pub(super) fn of_trees(n_features: usize, base: f32, grown: &[Tree]) -> Result<Trees, Error> {
    let mut trees = empty(n_features, base)?;
    for tree in grown {
        let n_nodes = tree.features.len();
        let lengths = [tree.thresholds.len(), tree.nan_left.len(), tree.children.len()];
        if lengths != [n_nodes; 3] {
            return bad("the columns of a tree differ in length");
        }
        let nodes: Vec<Node> = (0..n_nodes)
            .map(|at| Node {
                feature: tree.features[at],
                nan_left: tree.nan_left[at],
                threshold: tree.thresholds[at],
                children: tree.children[at],
            })
            .collect();
        push(&mut trees, &walk(n_features, &nodes, &tree.leaves)?);
    }
    trees.fast = batch::Fast::of(&trees);
    Ok(trees)
}

pub(super) fn of_words(words: &[u32]) -> Result<Trees, Error> {
    let Some((header, rest)) = words.split_at_checked(HEADER_WORDS) else {
        return bad("it is cut within its head");
    };
    if header[0] != MAGIC {
        return bad("it does not begin with the mark of this version");
    }
    let [n_features, n_trees, n_nodes, n_leaves] = [1, 2, 3, 4].map(|at| u64::from(header[at]));
    if n_trees + 4 * n_nodes + n_leaves != rest.len() as u64 || n_nodes + n_trees != n_leaves {
        return bad("its length is not the one it names");
    }
    let (sizes, rest) = rest.split_at(n_trees as usize);
    let (mut node_words, mut leaf_words) = rest.split_at(4 * n_nodes as usize);
    let mut trees = empty(n_features as usize, f32::from_bits(header[5]))?;
    for &size in sizes {
        let size = size as usize;
        if size == 0 || size > leaf_words.len() || 4 * (size - 1) > node_words.len() {
            return bad("a tree has more leaves than there are, or none");
        }
        let (of_nodes, rest) = node_words.split_at(4 * (size - 1));
        node_words = rest;
        let (of_leaves, rest) = leaf_words.split_at(size);
        leaf_words = rest;
        let nodes: Vec<Node> = of_nodes.chunks_exact(4).map(node_of).collect();
        let leaves: Vec<f32> = of_leaves.iter().map(|&bits| f32::from_bits(bits)).collect();
        let walked = walk(n_features as usize, &nodes, &leaves)?;
        // As bits, so that it is the very same table.
        if walked.nodes != nodes {
            return bad("the nodes of a tree are not in order");
        }
        push(&mut trees, &walked);
    }
    if !leaf_words.is_empty() {
        return bad("its trees have fewer leaves than it names");
    }
    trees.fast = batch::Fast::of(&trees);
    Ok(trees)
}

fn node_of(words: &[u32]) -> Node {
    // More than 16 bits make a feature that no table has: refused by the walk.
    let packed = u16::try_from(words[0]).unwrap_or(!NAN_LEFT);
    Node {
        feature: packed & !NAN_LEFT,
        nan_left: packed & NAN_LEFT != 0,
        threshold: f32::from_bits(words[1]),
        children: [words[2] as i32, words[3] as i32],
    }
}

fn empty(n_features: usize, base: f32) -> Result<Trees, Error> {
    if n_features >= MAX_FEATURES {
        return bad(format!("{n_features} features, fewer than {MAX_FEATURES} are allowed"));
    }
    if !base.is_finite() {
        return bad("its base score is not a number");
    }
    let starts = || vec![0];
    Ok(Trees { n_features, base, node_starts: starts(), leaf_starts: starts(), ..Trees::default() })
}

fn push(trees: &mut Trees, walked: &Walked) {
    trees.nodes.extend_from_slice(&walked.nodes);
    trees.leaves.extend_from_slice(&walked.leaves);
    trees.node_starts.push(trees.nodes.len() as u32);
    trees.leaf_starts.push(trees.leaves.len() as u32);
}

struct Walked {
    nodes: Vec<Node>,
    leaves: Vec<f32>,
}

/// Preorder from the root: every node and leaf must be met, and only once.
fn walk(n_features: usize, nodes: &[Node], leaves: &[f32]) -> Result<Walked, Error> {
    if leaves.is_empty() || leaves.len() > MAX_LEAVES || leaves.len() != nodes.len() + 1 {
        return bad(format!(
            "a tree of {} nodes has {} leaves; one more than nodes and at most {MAX_LEAVES} fit",
            nodes.len(),
            leaves.len()
        ));
    }
    let mut walked = Walked { nodes: Vec::new(), leaves: Vec::new() };
    // Nodes and leaves that were met, as bits; at most 64 of each.
    let mut met = [0_u64; 2];
    // What is still to be met, with the slot of its parent that names it.
    let mut open: Vec<(i32, Option<(usize, usize)>)> =
        vec![(if nodes.is_empty() { !0 } else { 0 }, None)];
    while let Some((child, slot)) = open.pop() {
        let (is_leaf, at) = (child < 0, if child < 0 { !child } else { child });
        let bit = 1_u64.checked_shl(at as u32).unwrap_or(0);
        if met[usize::from(is_leaf)] & bit != 0 {
            return bad("a node or leaf has two parents");
        }
        met[usize::from(is_leaf)] |= bit;
        let named;
        if is_leaf {
            let Some(&leaf) = leaves.get(at as usize).filter(|leaf| leaf.is_finite()) else {
                return bad("a leaf is out of range or not a number");
            };
            named = !(walked.leaves.len() as i32);
            walked.leaves.push(leaf);
        } else {
            let Some(node) = nodes.get(at as usize) else {
                return bad("a node is out of range");
            };
            if usize::from(node.feature) >= n_features || node.threshold.is_nan() {
                return bad("a node asks a feature that is not there, or has no threshold");
            }
            named = walked.nodes.len() as i32;
            walked.nodes.push(*node);
            let parent = walked.nodes.len() - 1;
            open.push((node.children[1], Some((parent, 1))));
            open.push((node.children[0], Some((parent, 0))));
        }
        if let Some((parent, side)) = slot {
            let parent: &mut Node = &mut walked.nodes[parent];
            parent.children[side] = named;
        }
    }
    if walked.nodes.len() < nodes.len() || walked.leaves.len() < leaves.len() {
        return bad("a node or leaf has no parent");
    }
    Ok(walked)
}
