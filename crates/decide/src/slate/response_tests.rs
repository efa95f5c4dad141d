//! What came of offers, and what it may and may not move.

use crate::fixture::{items, learned, view};
use crate::policies::Items;
use crate::{Decision, Memo, Placement, Request, Workspace, context_of, decide};
use events::ItemRecord;
use policy::{PolicySet, PolicyTable};
use score::World;
use score::responses::{Factor, Kind};
use std::sync::Arc;

const LEARNS: &str = "[[placement]]\nname = 'home'\ncount = 4\nlearn_from_outcomes = true\n";

/// Thirty items, each bought on its own, the first most.
fn world() -> World {
    let rows: Vec<(Vec<u32>, u32)> = (0..40_u32)
        .flat_map(|round| (0..30.min(40 - round)).map(move |item| (vec![item], round % 3)))
        .collect();
    learned(&view(items(30), &rows))
}

fn table(world: &World, text: &str) -> PolicyTable {
    let (set, found) = PolicySet::read(text);
    let set = set.unwrap_or_else(|| panic!("{found:#?}"));
    PolicyTable::compile(Arc::new(set), 3, &Items(world))
}

/// `context`: `None` for all.
fn tell(world: &World, version: u64, told: &[(&str, Option<u8>, u16)]) {
    let factor = |&(item_id, context, thousandths): &(&str, Option<u8>, u16)| {
        let item_id = Some(item_id.into());
        let placement = Placement::Home as u8;
        Factor { kind: Kind { placement, relation: 0, item_id, context }, thousandths }
    };
    let changes: Vec<Factor> = told.iter().map(factor).collect();
    world.take_responses(version, &changes);
}

fn home<'a>(table: &'a PolicyTable) -> Request<'a> {
    Request { policies: Some(table), ..Request::at(Placement::Home) }
}

fn decided(world: &World, request: &Request<'_>) -> Decision {
    decide(world, request, &mut Workspace::default())
}

fn shown(decision: &Decision) -> Vec<u32> {
    decision.offers.iter().map(|offer| offer.item).collect()
}

#[test]
fn what_came_of_offers_moves_them_where_a_placement_asks_for_it() {
    let world = world();
    let (on, off) = (table(&world, LEARNS), table(&world, &LEARNS.replace("true", "false")));
    let before = decided(&world, &home(&on));
    assert_eq!(shown(&before), [0, 1, 2, 3]);
    assert_eq!(before.responses_version, Some(0));
    tell(&world, 1, &[("i7", None, 3_000), ("i0", None, 250), ("i2", Some(1), 250)]);
    let after = decided(&world, &home(&on));
    assert_eq!(shown(&after), [7, 1, 2, 3]);
    assert_eq!((after.offers[0].response, after.offers[1].response), (Some(3.0), None));
    assert_eq!(after.offers[0].score, 3.0 * world.sales_share(7));
    assert_eq!(after.responses_version, Some(1));
    for (request, why) in [
        (home(&off), "the file does not ask"),
        (Request { is_incumbent: true, ..home(&on) }, "the incumbent"),
    ] {
        let decision = decided(&world, &request);
        assert_eq!((&decision.offers, decision.responses_version), (&before.offers, None), "{why}");
    }
    // For guests with an empty cart the third is as good as it was; in this context it is not.
    tell(&world, 2, &[("i2", Some(context_of(0, false)), 250)]);
    assert_eq!(shown(&decided(&world, &home(&on))), [7, 1, 3, 4]);
}

#[test]
fn nothing_comes_that_was_not_open_and_nothing_from_below_a_rung() {
    let world = world();
    tell(&world, 1, &[("i4", None, 4_000), ("i5", None, 4_000), ("i6", None, 3_900)]);
    let shut = "[[policy]]\nname = 'no'\nkind = 'exclude'\nitem_ids = ['i4']\n";
    let on = table(&world, &format!("{LEARNS}{shut}"));
    let hidden = ItemRecord { item_id: "i5".into(), hidden: Some(true), ..ItemRecord::default() };
    world.catalog.apply_in_place(&world.snapshot, &hidden);
    assert_eq!(shown(&decided(&world, &home(&on))), [6, 0, 1, 2]);
    let far = Request { exclude: &[6], ..home(&on) };
    assert_eq!(shown(&decided(&world, &far)), [0, 1, 2, 3]);
    let pinned = format!(
        "{LEARNS}[[policy]]\nname = 'first'\nkind = 'pin'\nitem_ids = ['i9']\nposition = 1\n"
    );
    assert_eq!(shown(&decided(&world, &home(&table(&world, &pinned)))), [9, 4, 6, 0]);
}

#[test]
fn places_are_drawn_from_what_is_to_be_expected_now() {
    let world = world();
    tell(&world, 1, &[("i8", None, 4_000), ("i3", None, 250)]);
    let on = table(&world, &format!("{LEARNS}explore = 0.3\n"));
    let decision = decided(&world, &home(&on));
    assert_eq!(shown(&decision), [0, 8, 1, 2]);
    let arms: Vec<u32> = decision.choice.expect("a choice").arms.iter().map(|a| a.item).collect();
    assert_eq!(arms[..3], [2, 4, 5], "what came of the fourth took it out of reach");
}

#[test]
fn a_memo_goes_by_what_came_of_offers_where_that_is_asked() {
    let world = world();
    let text = format!("{LEARNS}[[placement]]\nname = 'category'\n");
    let table = table(&world, &text);
    let category = Request { policies: Some(&table), ..Request::at(Placement::Category) };
    let (learned, incumbent) = (home(&table), Request { is_incumbent: true, ..home(&table) });
    let memo: Memo<u32> = Memo::new(100);
    let ask = |request: &Request<'_>| {
        let mut workspace = Workspace::default();
        let (known, was_known) = memo.decide(&world, (memo.begin(), request), &mut workspace);
        assert_eq!(known.decision, decide(&world, request, &mut workspace));
        was_known
    };
    assert_eq!([&learned, &incumbent, &category].map(ask), [false; 3]);
    assert_eq!([&learned, &incumbent, &category].map(ask), [true; 3]);
    tell(&world, 1, &[("i7", None, 3_000)]);
    assert_eq!([&learned, &incumbent, &category].map(ask), [false, true, true]);
    assert!(ask(&learned));
}

/// What is pinned beside an item that came after the snapshot has no evidence with it.
#[test]
fn an_item_that_nobody_learned_of_is_no_evidence() {
    let new = ItemRecord { item_id: "new".into(), ..ItemRecord::default() };
    let world = world().with_items(&[new]);
    let item = world.item_idx("new").expect("it was just added");
    assert!(!world.is_learned(item));
    assert_eq!(crate::evidence::of_pair(&world.snapshot, item, 0), None);
}
