//! Declared relations: one a pair, whole lists, nothing that cannot hold.

use events::{ItemKind, ItemRecord, Relation, RelationRecord, Timestamp};
use history::relations::MAX_OF_ITEM;
use history::{RelationFault, RelationIntake, Store};

use crate::shop::Shop;

fn relation(from: &str, relation: Relation, to: &str) -> RelationRecord {
    RelationRecord {
        from_item_id: from.to_owned(),
        to_item_id: to.to_owned(),
        relation: Some(relation),
        source: "list".to_owned(),
        ..RelationRecord::default()
    }
}

async fn shop_with(n_items: usize) -> Shop {
    let shop = Shop::new().await;
    let records: Vec<ItemRecord> = (0..n_items)
        .map(|at| ItemRecord { item_id: format!("i{at}"), ..ItemRecord::default() })
        .collect();
    shop.store.upsert_items(&records).await.unwrap();
    shop
}

async fn shown(store: &Store) -> Vec<String> {
    let relations = store.relations().await.unwrap();
    let text = |record: &RelationRecord| {
        let relation = record.relation.unwrap().as_str();
        format!("{} {relation} {} {}", record.from_item_id, record.to_item_id, record.source)
    };
    relations.iter().map(text).collect()
}

fn counts(intake: &RelationIntake) -> [u64; 4] {
    [intake.n_new, intake.n_changed, intake.n_same, intake.n_withdrawn]
}

#[tokio::test]
async fn one_relation_a_pair_the_last_one_told() {
    use Relation::{Complement, Substitute, Upgrade};
    let shop = shop_with(4).await;
    let store = &shop.store;
    let list = [
        relation("i0", Substitute, "i1"),
        relation("i0", Complement, "i1"),
        relation("i1", Upgrade, "i2"),
    ];
    let first = store.declare_relations(&list).await.unwrap();
    assert_eq!(counts(&first), [2, 0, 0, 0]);
    // The same once more changes nothing, not even the version that services follow.
    let again = store.declare_relations(&list).await.unwrap();
    assert_eq!((counts(&again), again.version), ([0, 0, 2, 0], first.version));
    let withdrawn = RelationRecord { relation: None, ..relation("i1", Upgrade, "i2") };
    let note = RelationRecord {
        note: Some("why".into()),
        valid_until: Some(Timestamp(9)),
        ..relation("i0", Complement, "i1")
    };
    let third = store.declare_relations(&[withdrawn, note.clone()]).await.unwrap();
    assert_eq!(counts(&third), [0, 1, 0, 1]);
    assert_eq!(third.version, store.relations_version().await.unwrap());
    assert_eq!(store.relations().await.unwrap(), [note]);
}

#[tokio::test]
async fn a_list_can_be_replaced_by_its_source() {
    use Relation::Complement;
    let shop = shop_with(5).await;
    let store = &shop.store;
    let other = RelationRecord { source: "hand".into(), ..relation("i3", Complement, "i4") };
    let list = [relation("i0", Complement, "i1"), relation("i0", Complement, "i2"), other];
    store.declare_relations(&list).await.unwrap();
    let next = [relation("i0", Complement, "i2")];
    let intake = store.replace_relations(&next, &["list".to_owned()], u64::MAX).await.unwrap();
    assert_eq!(counts(&intake), [0, 0, 1, 1]);
    assert_eq!(shown(store).await, ["i0 complement i2 list", "i3 complement i4 hand"]);
    store.replace_relations(&[], &["list".to_owned()], u64::MAX).await.unwrap();
    assert_eq!(shown(store).await, ["i3 complement i4 hand"]);
}

#[tokio::test]
async fn what_cannot_hold_is_left_out_and_told() {
    use Relation::{Complement, Upgrade};
    let shop = shop_with(6).await;
    let store = &shop.store;
    let list = [
        relation("i0", Upgrade, "i1"),
        relation("i1", Upgrade, "i2"),
        relation("i2", Upgrade, "i0"),
        relation("i2", Upgrade, "i3"),
        relation("i4", Complement, "i4"),
        relation("i4", Complement, "nobody"),
        relation("nowhere", Complement, "i4"),
        relation("i4", Complement, "i5"),
    ];
    let intake = store.declare_relations(&list).await.unwrap();
    assert_eq!(shown(store).await, ["i2 upgrade i3 list", "i4 complement i5 list"]);
    let told = |fault: RelationFault| {
        intake.faults.iter().find(|faults| faults.fault == fault).cloned().unwrap()
    };
    assert_eq!((told(RelationFault::Ring).n, told(RelationFault::Itself).n), (3, 1));
    assert_eq!(told(RelationFault::UnknownItem).n, 2);
    assert!(told(RelationFault::UnknownItem).samples[0].contains("import items first"));
    assert!(told(RelationFault::Ring).samples[0].contains("ring"));
    // A ring that closes on what was there: the old ones stay.
    let closing = [relation("i3", Upgrade, "i2")];
    let intake = store.declare_relations(&closing).await.unwrap();
    assert_eq!((intake.n_left_out(), shown(store).await.len()), (1, 2));
}

#[tokio::test]
async fn very_many_relations_of_one_item_are_bounded() {
    let shop = shop_with(100_001).await;
    let store = &shop.store;
    let all = |relation_of: fn(String) -> RelationRecord| -> Vec<RelationRecord> {
        (1..=100_000).map(|at| relation_of(format!("i{at}"))).collect()
    };
    // One plan for a hundred thousand items is in order.
    let plan = all(|id| relation(&id, Relation::Attach, "i0"));
    let intake = store.declare_relations(&plan).await.unwrap();
    assert_eq!((intake.n_new, intake.n_left_out()), (100_000, 0));
    // A hundred thousand things beside one, or in its place, are not.
    for list in [
        all(|id| relation("i0", Relation::Complement, &id)),
        all(|id| relation(&id, Relation::Substitute, "i0")),
    ] {
        let intake = store.replace_relations(&list, &["list".to_owned()], u64::MAX).await.unwrap();
        let faults = &intake.faults[0];
        assert_eq!(faults.fault, RelationFault::TooManyOfItem);
        assert_eq!(faults.n, 100_000 - MAX_OF_ITEM as u64);
        assert!(faults.samples[0].contains("i0") && faults.samples.len() < 10);
        assert_eq!(shown(store).await.len(), MAX_OF_ITEM);
    }
}

#[tokio::test]
async fn plans_are_told_and_relations_go_out_as_they_came() {
    let shop = shop_with(3).await;
    let store = &shop.store;
    let plan = ItemRecord {
        kind: Some(ItemKind::Service),
        attributes: vec![("covers".into(), "Phones".into())],
        item_id: "i1".into(),
        ..ItemRecord::default()
    };
    let other = ItemRecord { kind: Some(ItemKind::Good), item_id: "i2".into(), ..plan.clone() };
    store.upsert_items(&[plan, other]).await.unwrap();
    let list = [RelationRecord {
        note: Some("a, \"b\"".into()),
        valid_from: Some(Timestamp(0)),
        ..relation("i0", Relation::Attach, "i1")
    }];
    store.declare_relations(&list).await.unwrap();
    let facts = store.declared_facts().await.unwrap();
    let plans: Vec<&str> = facts.plans.iter().map(|plan| plan.item_id.as_str()).collect();
    assert_eq!(plans, ["i1"]);
    let mut file = Vec::new();
    assert_eq!(store.export_relations(history::ExportFormat::Csv, &mut file).await.unwrap(), 1);
    assert_eq!(
        String::from_utf8(file).unwrap(),
        "from_item,to_item,relation,source,note,valid_from,valid_until\n\
         i0,i1,attach,list,\"a, \"\"b\"\"\",1970-01-01T00:00:00Z,\n"
    );
}

/// What takes the place of `i0`, up to the limit: one complement more, and all else substitutes.
async fn shop_at_the_limit() -> Shop {
    let shop = shop_with(MAX_OF_ITEM + 2).await;
    let mut list: Vec<RelationRecord> = (2..=MAX_OF_ITEM)
        .map(|at| relation("i0", Relation::Substitute, &format!("i{at}")))
        .collect();
    list.push(relation("i0", Relation::Complement, "i1"));
    list.push(relation(&format!("i{}", MAX_OF_ITEM + 1), Relation::Substitute, "i0"));
    let intake = shop.store.declare_relations(&list).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([1_001, 0, 0, 0], 0));
    shop
}

#[tokio::test]
async fn at_the_limit_the_pair_that_changes_is_left_out_and_stays_as_it_was() {
    let shop = shop_at_the_limit().await;
    let store = &shop.store;
    let before = shown(store).await;
    let change = [relation("i0", Relation::Substitute, "i1")];
    let intake = store.declare_relations(&change).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([0, 0, 0, 0], 1));
    assert_eq!(intake.faults[0].fault, RelationFault::TooManyOfItem);
    assert_eq!(shown(store).await, before);
    // One goes, and there is room, also in the same list.
    let gone = RelationRecord { relation: None, ..relation("i0", Relation::Substitute, "i2") };
    let intake = store.declare_relations(&[change[0].clone(), gone]).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([0, 1, 0, 1], 0));
}

#[tokio::test]
async fn an_upgrade_that_is_there_stands_whatever_comes_against_it() {
    use Relation::{Complement, Upgrade};
    let shop = shop_with(4).await;
    let store = &shop.store;
    store.declare_relations(&[relation("i0", Upgrade, "i1")]).await.unwrap();
    let list = [relation("i0", Upgrade, "i1"), relation("i1", Upgrade, "i0")];
    let intake = store.declare_relations(&list).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([0, 0, 1, 0], 1));
    assert_eq!(shown(store).await, ["i0 upgrade i1 list"]);
    // A ring that is new in part: what is new of it is left out, through what was there.
    let list = [relation("i1", Upgrade, "i2"), relation("i2", Upgrade, "i0")];
    let intake = store.declare_relations(&list).await.unwrap();
    assert_eq!((intake.n_left_out(), shown(store).await.len()), (2, 1));
    // Turned round in one list it is no ring.
    let turned = [relation("i0", Complement, "i1"), relation("i1", Upgrade, "i0")];
    let intake = store.declare_relations(&turned).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([1, 1, 0, 0], 0));
    // Nor where one ends before the other begins.
    let until = RelationRecord { valid_until: Some(Timestamp(9)), ..relation("i2", Upgrade, "i3") };
    let from = RelationRecord { valid_from: Some(Timestamp(9)), ..relation("i3", Upgrade, "i2") };
    let intake = store.declare_relations(&[until, from.clone()]).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([2, 0, 0, 0], 0));
    // A window that grows into a ring stays as it was.
    let always = RelationRecord { valid_from: None, ..from.clone() };
    let intake = store.declare_relations(&[always]).await.unwrap();
    assert_eq!((counts(&intake), intake.n_left_out()), ([0, 0, 0, 0], 1));
    assert!(store.relations().await.unwrap().contains(&from));
}

#[tokio::test]
async fn a_list_of_which_too_little_enters_replaces_nothing() {
    use Relation::Complement;
    let shop = shop_with(4).await;
    let store = &shop.store;
    let source = ["list".to_owned()];
    let list = [relation("i0", Complement, "i1"), relation("i0", Complement, "i2")];
    store.declare_relations(&list).await.unwrap();
    let unknown = relation("i0", Complement, "nobody");
    let intake =
        store.replace_relations(std::slice::from_ref(&unknown), &source, u64::MAX).await.unwrap();
    assert!(intake.is_refused);
    assert_eq!((counts(&intake), shown(store).await.len()), ([0, 0, 0, 0], 2));
    let next = [list[0].clone(), unknown];
    assert!(store.replace_relations(&next, &source, 0).await.unwrap().is_refused);
    let intake = store.replace_relations(&next, &source, 1).await.unwrap();
    assert_eq!((intake.is_refused, counts(&intake)), (false, [0, 0, 1, 1]));
    // Beside others it is left out, and that is all.
    assert!(!store.declare_relations(&next[1..]).await.unwrap().is_refused);
}

#[tokio::test]
async fn an_upgrade_that_costs_less_is_told() {
    let shop = shop_with(3).await;
    let store = &shop.store;
    let priced = |id: &str, price: i64, currency: &str| ItemRecord {
        item_id: id.into(),
        price: Some(events::Amount(price * 1_000_000)),
        currency: events::Currency::parse(currency),
        ..ItemRecord::default()
    };
    let items = [priced("i0", 900, "EUR"), priced("i1", 400, "EUR"), priced("i2", 5, "USD")];
    store.upsert_items(&items).await.unwrap();
    let list = [
        relation("i0", Relation::Upgrade, "i1"),
        relation("i0", Relation::Upgrade, "i2"),
        relation("i0", Relation::Attach, "i2"),
    ];
    let intake = store.declare_relations(&list[..2]).await.unwrap();
    assert_eq!((intake.n_new, intake.cheaper.n), (2, 1));
    assert_eq!(intake.cheaper.samples, ["\"i0\" upgrade \"i1\" costs 500 less"]);
    assert_eq!(store.declare_relations(&list[2..]).await.unwrap().cheaper.n, 0);
}

#[tokio::test]
async fn every_attribute_of_a_plan_is_told_whatever_makes_it_one() {
    let shop = shop_with(4).await;
    let store = &shop.store;
    let service = |id: &str, name: &str| ItemRecord {
        kind: Some(ItemKind::Service),
        attributes: vec![(name.into(), "DE".into())],
        item_id: id.into(),
        ..ItemRecord::default()
    };
    store.upsert_items(&[service("i1", "regions"), service("i2", "color")]).await.unwrap();
    let attach = [relation("i0", Relation::Attach, "i1"), relation("i0", Relation::Attach, "i2")];
    store.declare_relations(&attach).await.unwrap();
    let facts = store.declared_facts().await.unwrap();
    let plans: Vec<&str> = facts.plans.iter().map(|plan| plan.item_id.as_str()).collect();
    assert_eq!(plans, ["i1"]);
    assert_eq!(facts.relations, events::RelationList::of(&attach));
}
