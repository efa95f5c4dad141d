//! What sells at a placement, and how it goes with what came of offers.

use super::*;
use crate::fixture::{items, view};
use crate::policies::Items;
use learn::{Params, Silent};
use policy::{PolicySet, PolicyTable};
use score::responses::{Factor, Kind};
use snapshot::{PlacementTables, Snapshot};

/// Thirty items, each bought on its own, the first most; at home item 7 does four times as well as
/// it sells, item 0 a quarter as well.
fn world(has_table: bool) -> World {
    let rows: Vec<(Vec<u32>, u32)> = (0..40_u32)
        .flat_map(|round| (0..30.min(40 - round)).map(move |item| (vec![item], round % 3)))
        .collect();
    let params = Params::default().check().unwrap();
    let mut learned = learn::learn(&view(items(30), &rows), &params, &Silent).unwrap();
    if has_table {
        let tables = PlacementTables {
            names: vec!["home".into()],
            ratios: [&[0, 7][..]].into_iter().collect(),
            ratio_values: vec![0.25, 4.0],
        };
        tables.write(&mut learned.writer);
    }
    World::of(Arc::new(Snapshot::from_writer(&learned.writer).unwrap()))
}

fn shown(world: &World, request: &Request<'_>) -> Vec<Offer> {
    let request = Request { count: Some(4), ..*request };
    decide(world, &request, &mut Workspace::default()).offers
}

fn ids(offers: &[Offer]) -> Vec<u32> {
    offers.iter().map(|offer| offer.item).collect()
}

#[test]
fn what_does_better_at_a_placement_stands_higher_there_and_nowhere_else() {
    let (world, plain) = (world(true), world(false));
    let home = shown(&world, &Request::at(Placement::Home));
    assert_eq!(ids(&home), [7, 1, 2, 3]);
    assert_eq!((home[0].here, home[1].here), (Some(4.0), None));
    assert_eq!(home[0].score, 4.0 * plain.sales_share(7));
    let email = Request::at(Placement::Email);
    assert_eq!(shown(&world, &email), shown(&plain, &email));
    assert_eq!(ids(&shown(&plain, &Request::at(Placement::Home))), [0, 1, 2, 3]);
}

#[test]
fn what_a_server_learns_of_an_item_takes_the_place_of_its_ratio() {
    let world = world(true);
    let text = "[[placement]]\nname = 'home'\nlearn_from_outcomes = true\n";
    let set = PolicySet::read(text).0.unwrap();
    let table = PolicyTable::compile(Arc::new(set), 3, &Items(&world));
    let request = Request { policies: Some(&table), ..Request::at(Placement::Home) };
    let placement = Placement::Home as u8;
    let kind = Kind { placement, relation: 0, item_id: Some("i7".into()), context: None };
    world.take_responses(1, &[Factor { kind, thousandths: 3_500 }]);
    let first = shown(&world, &request)[0];
    assert_eq!((first.item, first.here, first.response), (7, Some(4.0), Some(0.875)));
    assert_eq!(first.score, 3.5 * world.sales_share(7), "and not fourteen times");
}
