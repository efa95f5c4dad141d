use super::*;
use crate::Placement;
use crate::fixture::{items, view};
use history::{CustomerSegments, HistoryView};
use learn::{Params, Silent, Without};
use snapshot::Snapshot;

const N_CUSTOMERS: u32 = 60;

/// Even customers buy items 1 to 5, odd ones 6 to 10, all of them item 0; each order is of one
/// item. Customers 58 and 59 bought item 0 alone.
fn shop() -> HistoryView {
    let mut rows: Vec<(Vec<u32>, u32)> = Vec::new();
    for round in 0..3 {
        for customer in 0..N_CUSTOMERS - 2 {
            let item = 1 + (customer / 2 + round) % 5 + 5 * (customer % 2);
            rows.push((vec![item], customer));
        }
    }
    rows.extend((0..N_CUSTOMERS).map(|customer| (vec![0], customer)));
    // Item 10 sells best of all, to odd customers.
    rows.extend((0..10).map(|at| (vec![10], 2 * at + 1)));
    let names = ["even", "odd"];
    let of = (0..N_CUSTOMERS).map(|customer| (customer, names[customer as usize % 2]));
    let segments = CustomerSegments::of(of);
    let mut view = view(items(11), &rows);
    // All on one day: nothing fades.
    view.baskets.at.fill(events::Timestamp(0));
    HistoryView { n_customers: N_CUSTOMERS, segments, ..view }
}

fn world_of(view: &HistoryView, without: &[&str]) -> (World, Vec<u8>) {
    let without = Without::of(without).unwrap();
    let params = Params { without, ..Params::default() }.check().unwrap();
    let learned = learn::learn(view, &params, &Silent).unwrap();
    let snapshot = Snapshot::from_writer(&learned.writer).unwrap();
    (World::of(Arc::new(snapshot)), learned.writer.to_bytes())
}

/// Offers that what sells fills, in order.
fn filled(world: &World, customer: Option<u32>) -> Vec<(u32, Rung)> {
    let request = Request { customer, count: Some(6), ..Request::at(Placement::Home) };
    let offers = decide(world, &request, &mut Workspace::default()).offers;
    let is_filled = |offer: &&Offer| offer.reason.code == ReasonCode::Popular;
    offers.iter().filter(is_filled).map(|offer| (offer.item, offer.rung)).collect()
}

/// What is known of next baskets is left out, so that the page is filled.
#[test]
fn a_known_customer_is_shown_what_sells_to_their_segment() {
    let (world, _) = world_of(&shop(), &["next_basket"]);
    let segments = world.snapshot.segments();
    assert_eq!((segments.len(), segments.name(0), segments.name(1)), (2, "even", "odd"));
    for customer in [58, 59] {
        let own = |item: u32| item > 0 && (item > 5) == (customer == 59);
        let found = filled(&world, Some(customer));
        assert!(found.len() >= 5, "{found:?}");
        for &(item, rung) in &found[..5] {
            assert!(own(item) && rung == Rung::SegmentPopular, "{customer}: {found:?}");
        }
    }
    // A guest, and a customer that the snapshot does not know, see what sells to all.
    for customer in [None, Some(4_000)] {
        let found = filled(&world, customer);
        assert!(found.iter().all(|(_, rung)| *rung == Rung::Popular), "{found:?}");
        assert_eq!(found[..2], [(0, Rung::Popular), (10, Rung::Popular)]);
    }
}

#[test]
fn scores_are_shares_of_orders_and_fall() {
    let (world, _) = world_of(&shop(), &["next_basket"]);
    let request = Request { customer: Some(58), count: Some(6), ..Request::at(Placement::Home) };
    let offers = decide(&world, &request, &mut Workspace::default()).offers;
    let of_segment: Vec<&Offer> =
        offers.iter().filter(|offer| offer.rung == Rung::SegmentPopular).collect();
    assert!(of_segment.is_sorted_by(|a, b| a.score >= b.score) && of_segment.len() > 1);
    // A segment that buys an item more than all do is told so.
    let (item, score) = (of_segment[0].item, of_segment[0].score);
    assert!(score > world.sales_share(item), "{score}");
}

#[test]
fn without_segments_nothing_changes() {
    let with = shop();
    let none = HistoryView { segments: CustomerSegments::default(), ..with.clone() };
    let one = CustomerSegments::of((0..N_CUSTOMERS).map(|customer| (customer, "all")));
    let one = HistoryView { segments: one, ..with.clone() };
    let bytes = |view: &HistoryView, without: &[&str]| world_of(view, without).1;
    let plain = bytes(&none, &[]);
    assert_eq!(bytes(&one, &[]), plain, "of one segment there is nothing to tell");
    assert_eq!(bytes(&with, &["segment_popularity"]), plain);
    assert_ne!(bytes(&with, &[]), plain);
}
