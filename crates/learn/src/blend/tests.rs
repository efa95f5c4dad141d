use super::*;
use crate::{Params, Silent};
use events::Timestamp;
use events::time::DAY_US;
use history::{Baskets, HistoryView, ItemEntry, NO_CUSTOMER};

/// Baskets of two items of one pair out of ten, every twentieth of four; the last tenth as well.
fn shop(n_baskets: u32) -> HistoryView {
    let basket = |at: u32| -> Vec<u32> {
        let pair = at % 10;
        let mut items = vec![2 * pair, 2 * pair + 1];
        if at.is_multiple_of(20) {
            items.extend([20 + at % 3, 23 + at % 4]);
        }
        items
    };
    HistoryView {
        items: (0..30)
            .map(|item| ItemEntry { id: item.to_string().into(), ..ItemEntry::default() })
            .collect(),
        baskets: Baskets {
            items: (0..n_baskets).map(basket).collect(),
            at: (0..i64::from(n_baskets)).map(|day| Timestamp(day * DAY_US)).collect(),
            customers: vec![NO_CUSTOMER; n_baskets as usize],
        },
        ..HistoryView::default()
    }
}

/// 200 baskets of the last tenth with one item beside the hidden one and a few with more: single
/// carts are tuned, the larger ones take their weights, and the notes say whose.
#[test]
fn sizes_with_few_cases_take_the_weights_of_the_size_below() {
    let params = Params { ease_max_items: 0, ..Params::default() }.check().unwrap();
    let learned = crate::learn(&shop(2_000), &params, &Silent).unwrap();
    let notes = &learned.provenance.parameters;
    let of = |size: &str| notes[&format!("blend.{size}")].clone();
    assert!(of("single").contains("cases: NDCG@10"), "{notes:?}");
    for size in ["few", "many"] {
        assert!(of(size).contains("those of blend.single: fewer than 100"), "{notes:?}");
    }
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    let weights = Blend::from_flat(snapshot.blend()).weights;
    assert_eq!((weights[1], weights[2]), (weights[0], weights[0]));
    assert_ne!(weights[0], Blend::default().weights[0]);
}

#[test]
fn the_history_may_outweigh_all_others() {
    let features = |history: f32, others: f32| {
        let mut features = Features::default();
        (features[EASE], features[PAIR], features[NEIGHBOR]) = (others, others, others);
        features[HISTORY] = history;
        features
    };
    let case = Prepared { features: vec![features(0.0, 1.0), features(1.0, 0.0)], target: Some(1) };
    let mut start = Features::default();
    (start[EASE], start[PAIR], start[NEIGHBOR]) = (2.5, 2.5, 2.5);
    let (ndcg, weights) = ascend(&[case], start, (&[HISTORY], &HISTORY_GRID));
    assert_eq!((ndcg, weights[HISTORY]), (1.0, 10.0));
}
