use std::ops::ControlFlow;

use super::*;
use crate::import::PlanOptions;

fn events(text: &str) -> (Vec<Event>, Vec<String>) {
    let (records, rejected, _) = events_counted(text);
    (records, rejected)
}

/// Events, rejects as `line reason`, and how many rows were passed over.
fn events_counted(text: &str) -> (Vec<Event>, Vec<String>, u64) {
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    let plan = ImportPlan::make(&mut source, FileKind::Events, &PlanOptions::default()).unwrap();
    let (mut records, mut rejected) = (Vec::new(), Vec::new());
    let summary = read_events(source, &plan, ReadOptions::default(), &mut |batch, rejects| {
        records.extend(batch);
        rejected.extend(rejects.iter().map(|r| format!("{} {}", r.line, r.reason.code())));
        ControlFlow::Continue(())
    });
    (records, rejected, summary.unwrap().n_skipped)
}

#[test]
fn events_of_sessions() {
    let (records, rejected) = events(
        "timestamp,visitorid,event,itemid,transactionid\n\
         1433221332117,257597,view,355908,\n\
         1433221332118,257597,addtocart,355908,\n\
         1433221332119,257597,transaction,355908,4000\n\
         1433221332119,257597,transaction,355908,\n\
         1433221332119,257597,dance,355908,\n\
         ,257597,view,355908,\n",
    );
    assert_eq!(rejected, ["5 missing_order", "6 unknown_event", "7 missing_date"]);
    let kinds: Vec<&str> = records.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["view_item", "add_to_cart", "purchase"]);
    assert_eq!(records[2].order_id.as_deref(), Some("4000"));
    assert_eq!(records[0].at.0, 1_433_221_332_117_000);
    assert_eq!(records[0].session_id.as_deref(), Some("257597"));
    assert_eq!(records[0].source, "file");
    let (again, _) = events(
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n",
    );
    assert_eq!(again[0].event_id, records[0].event_id, "the same row is the same event");
}

#[test]
fn rows_of_one_purchase_are_one_event() {
    let header = "timestamp,event,itemid,transactionid\n";
    let (records, _) = events(&format!(
        "{header}1433221332,purchase,a,7\n1433221332,purchase,b,7\n1433221332,purchase,a,8\n\
         1433221332,view,a,\n1433221332,view,a,\n"
    ));
    let shown: Vec<_> =
        records.iter().map(|event| (event.order_id.as_deref(), event.lines.len())).collect();
    assert_eq!(shown, [(None, 1), (None, 1), (Some("7"), 2), (Some("8"), 1)]);

    // One order over many pieces of the file stays one event.
    let n_rows = 200_000;
    let rows: String = (0..n_rows).map(|n| format!("1433221332,purchase,item{n},7\n")).collect();
    let (records, _) = events(&format!("{header}{rows}"));
    assert_eq!((records.len(), records[0].lines.len()), (1, n_rows));
}

#[test]
fn clicks_without_names_are_views() {
    let (records, _) = events("SessionId\tItemId\tTime\n1\ta\t1462752000\n");
    assert_eq!(records[0].kind, EventKind::ViewItem);
    assert_eq!(records[0].at.to_string(), "2016-05-09T00:00:00Z");
}

#[test]
fn events_as_on_the_wire() {
    let (records, rejected) = events(
        "{\"event_id\":\"e1\",\"event_name\":\"purchase\",\"order_id\":\"o\",\
         \"timestamp\":\"2021-02-03T10:00:00Z\",\"items\":[{\"item_id\":\"a\"},\
         {\"item_id\":\"b\"}],\"source\":\"shop\"}\n\
         {\"event_id\":\"e2\",\"event_name\":\"view_item\",\"item_id\":\"a\"}\n\
         {\"event_id\":\"e3\",\"event_name\":\"view_item\",\"timestamp\":5,\"item_id\":\"a\"}\n\
         nonsense\n\
         ",
    );
    assert_eq!(rejected, ["2 missing_date", "3 bad_date", "4 bad_json"]);
    assert_eq!((records[0].lines.len(), records[0].source.as_str()), (2, "shop"));
}

/// Rows of an order that do not stand together, and the fault that this once was: the last row
/// alone remained.
#[test]
fn rows_of_an_order_are_joined_wherever_they_stand() {
    let header = "timestamp,event,itemid,transactionid\n";
    let (records, _) = events(&format!(
        "{header}1433221332,purchase,a,O1\n1433221333,purchase,c,O2\n1433221334,purchase,b,O1\n"
    ));
    let shown: Vec<_> = records
        .iter()
        .map(|event| {
            let items: Vec<&str> = event.lines.iter().map(|line| line.item_id.as_str()).collect();
            (event.order_id.as_deref().unwrap(), items.join(" "), event.at.0 / 1_000_000)
        })
        .collect();
    assert_eq!(
        shown,
        [("O1", "a b".to_owned(), 1_433_221_332), ("O2", "c".to_owned(), 1_433_221_333)]
    );
    // With one row more it is another event, which comes later and counts.
    let id_of = |rows: &str| events(&format!("{header}{rows}")).0.remove(0).event_id;
    let (two, turned, three) = (
        "1433221332,purchase,a,O1\n1433221332,purchase,b,O1\n",
        "1433221332,purchase,b,O1\n1433221332,purchase,a,O1\n",
        "1433221332,purchase,a,O1\n1433221332,purchase,b,O1\n1433221332,purchase,c,O1\n",
    );
    assert_eq!(id_of(two), id_of(turned));
    assert_ne!(id_of(two), id_of(three));
}

/// Most rows of a GA4 export are events that are of no concern here.
#[test]
fn analytics_events_of_no_concern_are_passed_over_and_counted() {
    let (records, rejected, n_skipped) = events_counted(
        "event_name,event_timestamp,user_pseudo_id,transaction_id,items.item_id\n\
         session_start,1612345678000000,u1,,\n\
         click,1612345678000001,u1,,\n\
         view_item,1612345678000002,u1,(not set),a\n\
         purchase,1612345678000003,u1,T1,a\n\
         purchase,1612345678000003,u1,T1,b\n\
         refund,1612345678000004,u1,T1,\n",
    );
    assert_eq!((rejected.len(), n_skipped), (0, 2));
    let shown: Vec<_> =
        records.iter().map(|event| (event.kind.as_str(), event.lines.len())).collect();
    assert_eq!(shown, [("view_item", 1), ("purchase", 2), ("refund", 0)]);
    assert_eq!(records[0].order_id, None);

    let (records, rejected, n_skipped) = events_counted(
        "{\"event_name\":\"page_view\",\"event_timestamp\":\"1612345678000000\",\
          \"event_params\":[],\"user_pseudo_id\":\"u\",\"items\":[]}\n\
         {\"event_name\":\"purchase\",\"event_timestamp\":\"1612345678000000\",\
          \"event_params\":[{\"key\":\"k\",\"value\":{\"int_value\":1}}],\"user_pseudo_id\":\"u\",\
          \"ecommerce\":{\"transaction_id\":\"T1\"},\
          \"items\":[{\"item_id\":\"a\"},{\"item_id\":\"b\"}]}\n",
    );
    assert_eq!((rejected.len(), n_skipped, records.len()), (0, 1, 1));
    assert_eq!(records[0].lines.len(), 2);
}

/// The lines of one purchase in two currencies.
#[test]
fn a_price_in_another_currency_than_its_purchase_becomes_unknown() {
    let text = "timestamp,event,itemid,transactionid,price,currency\n\
        1433221332,purchase,a,7,2,EUR\n1433221332,purchase,b,7,3,USD\n\
        1433221332,purchase,c,7,4,\n";
    let mut source = Source::bytes("file", text.as_bytes().to_vec());
    let plan = ImportPlan::make(&mut source, FileKind::Events, &PlanOptions::default()).unwrap();
    let mut lines = Vec::new();
    let summary = read_events(source, &plan, ReadOptions::default(), &mut |batch, _| {
        for event in &batch {
            let price = |line: &EventLine| line.unit_price.map(|price| price.to_string());
            lines.extend(event.lines.iter().map(|line| (line.item_id.clone(), price(line))));
        }
        ControlFlow::Continue(())
    });
    let expected = [("a", Some("2")), ("b", None), ("c", Some("4"))];
    assert_eq!(lines, expected.map(|(item, price)| (item.to_owned(), price.map(str::to_owned))));
    assert_eq!(summary.unwrap().n_lines_other_currency, 1);
}
