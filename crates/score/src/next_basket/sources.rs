//! The sources of what a customer buys next, by the names that `--without` takes.

use super::features::{FEATURES, N_FEATURES};
use super::published::Method;
use crate::left_out::LeftOut;

/// In the order of their places in `LeftOut`.
pub const SOURCES: [&str; 6] =
    ["habit", "tifu_knn", "up_cf", "transitions", "alike_baskets", "best_sellers"];

/// When the customer's own items are bought again.
pub const HABIT: usize = 0;
pub const TIFU: usize = 1;
pub const UPCF: usize = 2;
/// Items in the basket after an item.
pub const TRANSITIONS: usize = 3;
/// What came with, and after, baskets like the customer's.
pub const ALIKE_BASKETS: usize = 4;
pub const BEST_SELLERS: usize = 5;

/// How the features of each source begin.
const BEGINS: [&[&str]; SOURCES.len()] = [
    &["own.", "hazard."],
    &["neighbors.", "tifu.", "newest_near."],
    &["upcf."],
    &["transitions."],
    &["next.", "same.", "newest_next."],
    &["item.customers", "item.newest", "item.trend", "item.momentum", "item.second", "item.rank"],
];

/// Which features are 0 for every candidate.
pub(super) fn silent(left_out: LeftOut) -> [bool; N_FEATURES] {
    let is_silent = |feature: &str| {
        let mut sources = BEGINS.iter().enumerate().filter(|(source, _)| left_out.has(*source));
        sources.any(|(_, begins)| begins.iter().any(|begin| feature.starts_with(begin)))
    };
    FEATURES.map(is_silent)
}

/// Does a published method do without what is left out?
pub fn allows(left_out: LeftOut, method: Method) -> bool {
    let needed: &[usize] = match method {
        Method::GlobalTop => &[BEST_SELLERS],
        Method::PersonalTop => &[HABIT],
        Method::GlobalPersonalTop => &[HABIT, BEST_SELLERS],
        Method::UpCf => &[UPCF],
        Method::TifuKnn => &[TIFU],
    };
    !needed.iter().any(|&source| left_out.has(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_has_features_of_its_own() {
        let of = |source: usize| silent(LeftOut::default().and(source));
        assert_eq!(silent(LeftOut::default()), [false; N_FEATURES]);
        for (a, name) in SOURCES.iter().enumerate() {
            assert!(of(a).contains(&true), "{name}");
            for b in 0..a {
                assert!(!of(a).iter().zip(of(b)).any(|(a, b)| *a && b), "{a} {b}");
            }
        }
    }
}
