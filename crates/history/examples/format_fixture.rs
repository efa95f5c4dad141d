//! Writes the fixture of the present format that `tests/it/formats.rs` opens for ever after:
//! `cargo run --release -p history --example format_fixture -- DIRECTORY`. To be run once for each
//! format, when its version is raised.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::PathBuf;

use events::event::EventLine;
use events::{
    Amount, Currency, Event, EventKind, IdColumn, ItemKind, ItemRecord, LineKind, OrderLines,
    Relation, RelationRecord, Timestamp,
};
use history::{DecisionRecord, ImportRequest, OpenMode, Store};

fn column(codes: &[u32], ids: &[&str]) -> IdColumn {
    IdColumn { codes: codes.to_vec(), dictionary: ids.iter().map(|id| Box::from(*id)).collect() }
}

fn lines() -> OrderLines {
    OrderLines {
        order_ids: column(&[0, 0, 1, 2], &["1001", "1002", "C1001"]),
        order_marks: Vec::new(),
        item_ids: column(&[0, 1, 0, 1], &["lamp", "bulb"]),
        customer_ids: column(&[0, 0, u32::MAX, 0], &["anna"]),
        location_ids: column(&[0, 0, 0, 0], &["Bern"]),
        kind: vec![LineKind::Sale, LineKind::Sale, LineKind::Sale, LineKind::Return],
        at: [1, 1, 2, 3].map(|day| Timestamp(day * events::time::DAY_US)).to_vec(),
        quantity: [1, 2, 1, -1].map(|n| Amount(n * 1_000_000)).to_vec(),
        unit_price: vec![Some(Amount(25_500_000)); 4],
        currency: vec![Currency::parse("CHF"); 4],
        titles: vec![(0, "Lamp".into())],
        categories: Vec::new(),
        kinds: Vec::new(),
    }
}

fn event(event_id: &str, kind: EventKind, item_id: &str) -> Event {
    Event {
        event_id: event_id.to_owned(),
        kind,
        at: Timestamp(4 * events::time::DAY_US),
        customer_id: Some("bert".to_owned()),
        session_id: None,
        order_id: (kind == EventKind::Purchase).then(|| "2001".to_owned()),
        source: "web".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: None,
        lines: vec![EventLine {
            item_id: item_id.to_owned(),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        }],
        confirmed: true,
    }
}

#[tokio::main]
async fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("name a directory to be made"));
    let store = Store::open(&dir, OpenMode::Create).await.unwrap();
    let mut import = store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    import.begin_file("orders.csv", "fixture");
    import.push(&lines()).unwrap();
    import.commit(&|_, _| None).await.unwrap();
    let shade = ItemRecord {
        item_id: "shade".to_owned(),
        kind: Some(ItemKind::Service),
        price: Some(Amount(5)),
        ..ItemRecord::default()
    };
    store.upsert_items(&[shade]).await.unwrap();
    let goes_with = RelationRecord {
        from_item_id: "lamp".to_owned(),
        to_item_id: "shade".to_owned(),
        relation: Some(Relation::Complement),
        source: "list".to_owned(),
        ..RelationRecord::default()
    };
    store.declare_relations(&[goes_with]).await.unwrap();
    let log = store.event_log().unwrap();
    log.append(vec![event("e1", EventKind::ViewItem, "lamp")]).await.unwrap();
    store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    log.append(vec![event("e2", EventKind::Purchase, "shade")]).await.unwrap();
    drop(log);
    let decisions = store.decision_log().unwrap();
    decisions.push(DecisionRecord {
        recommendation_id: "r1".to_owned(),
        at: Timestamp(5),
        customer_idx: Some(0),
        assignment: Some(history::Assignment { unit: 7, is_held_out: true }),
        payload: b"{}".to_vec(),
    });
    decisions.flush().await;
    drop(decisions);
    store.close().await;
    println!("written: format {}", history::FORMAT_VERSION);
}
