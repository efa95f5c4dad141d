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
    let facts = store.declared_facts().await.unwrap();
    let text = |record: &RelationRecord| {
        let relation = record.relation.unwrap().as_str();
        format!("{} {relation} {} {}", record.from_item_id, record.to_item_id, record.source)
    };
    facts.relations.iter().map(text).collect()
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
    let first = store.declare_relations(&list, &[]).await.unwrap();
    assert_eq!(counts(&first), [2, 0, 0, 0]);
    // The same once more changes nothing, not even the version that services follow.
    let again = store.declare_relations(&list, &[]).await.unwrap();
    assert_eq!((counts(&again), again.version), ([0, 0, 2, 0], first.version));
    let withdrawn = RelationRecord { relation: None, ..relation("i1", Upgrade, "i2") };
    let note = RelationRecord {
        note: Some("why".into()),
        valid_until: Some(Timestamp(9)),
        ..relation("i0", Complement, "i1")
    };
    let third = store.declare_relations(&[withdrawn, note.clone()], &[]).await.unwrap();
    assert_eq!(counts(&third), [0, 1, 0, 1]);
    assert_eq!(third.version, store.relations_version().await.unwrap());
    assert_eq!(store.declared_facts().await.unwrap().relations, [note]);
}

#[tokio::test]
async fn a_list_can_be_replaced_by_its_source() {
    use Relation::Complement;
    let shop = shop_with(5).await;
    let store = &shop.store;
    let other = RelationRecord { source: "hand".into(), ..relation("i3", Complement, "i4") };
    let list = [relation("i0", Complement, "i1"), relation("i0", Complement, "i2"), other];
    store.declare_relations(&list, &[]).await.unwrap();
    let next = [relation("i0", Complement, "i2")];
    let intake = store.declare_relations(&next, &["list".to_owned()]).await.unwrap();
    assert_eq!(counts(&intake), [0, 0, 2, 1]);
    assert_eq!(shown(store).await, ["i0 complement i2 list", "i3 complement i4 hand"]);
    store.declare_relations(&[], &["list".to_owned()]).await.unwrap();
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
    let intake = store.declare_relations(&list, &[]).await.unwrap();
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
    let intake = store.declare_relations(&closing, &[]).await.unwrap();
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
    let intake = store.declare_relations(&plan, &[]).await.unwrap();
    assert_eq!((intake.n_new, intake.n_left_out()), (100_000, 0));
    // A hundred thousand things beside one, or in its place, are not.
    for list in [
        all(|id| relation("i0", Relation::Complement, &id)),
        all(|id| relation(&id, Relation::Substitute, "i0")),
    ] {
        let intake = store.declare_relations(&list, &["list".to_owned()]).await.unwrap();
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
    store.declare_relations(&list, &[]).await.unwrap();
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
