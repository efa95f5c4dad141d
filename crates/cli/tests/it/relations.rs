//! Relations from a file to an offer that is gone, one that comes, and back.

use crate::{Desk, made_up_orders};
use serde_json::Value;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The first item of the catalog that has offers in a cart, and those.
fn an_item_with_offers(desk: &Desk) -> (String, Vec<String>) {
    let at_home = desk.json(&["recommend", "--json", "--count", "30"]);
    let ids = at_home["items"].as_array().expect("a list").iter().map(|item| {
        let id = item["item_id"].as_str().expect("an id").to_owned();
        let offers = beside(desk, &id);
        (id, offers)
    });
    let mut with_two = ids.filter(|(_, offers)| offers.len() > 1);
    with_two.next().expect("an item of the made-up shop has two offers")
}

fn slate(desk: &Desk, item: &str) -> Value {
    desk.json(&["recommend", "--item", item, "--placement", "cart", "--json"])
}

fn beside(desk: &Desk, item: &str) -> Vec<String> {
    let slate = slate(desk, item);
    let items = slate["items"].as_array().expect("a list");
    items.iter().map(|item| item["item_id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_declared_substitute_is_no_add_on_until_it_is_withdrawn() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 6_000);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    desk.json(&["learn", "--without", "ranker", "--json"]);
    let (item, offers) = an_item_with_offers(&desk);
    let (first, second) = (&offers[0], &offers[1]);
    let file = desk.file(
        "links.csv",
        format!(
            "from_item,to_item,relation\n{item},{first},substitute\n{item},nobody,complement\n\
             {item},{item},upgrade\n{first},{second},upsell\n{second},{first},upsell\n"
        ),
    );
    let import = ["import", "relations", text(&file), "--source", "list", "--json"];
    desk.json(&[&import[..], &["--dry-run"]].concat());
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_relations"], 0);
    let told = desk.json(&import);
    assert_eq!((&told["rejected"], &told["relations"]["new"]), (&1.into(), &1.into()), "{told}");
    let left_out = told["relations"]["left_out"].as_array().expect("a list");
    let codes: Vec<&str> = left_out.iter().map(|left| left["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["unknown_item", "ring_of_upgrades"]);
    assert!(!beside(&desk, &item).contains(first));
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_relations"], 1);
    let out = desk.path("out.csv");
    desk.alongside(&["export", "relations", text(&out)]).assert().success();
    let exported = std::fs::read_to_string(&out).expect("a file");
    assert!(exported.contains(&format!("{item},{first},substitute,list,")), "{exported}");
    // The next list of its source is the whole of it.
    let next =
        desk.file("next.csv", format!("from_item,to_item,relation\n{first},{second},bundle\n"));
    let told =
        desk.json(&["import", "relations", text(&next), "--source", "list", "--replace", "--json"]);
    assert_eq!(told["relations"]["withdrawn"], 1, "{told}");
    assert!(beside(&desk, &item).contains(first));
}

#[test]
fn labelled_pairs_are_held_against_what_was_learned() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 6_000);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    let labels =
        desk.file("labels.csv", "item_a,item_b,label_1,label_2\nx,y,unrelated,unrelated\n");
    let ask = ["evaluate", "relations", "--labels", text(&labels)];
    let refusal = desk.refusal(&ask);
    assert!(refusal.contains("learn"), "{refusal}");
    desk.json(&["learn", "--without", "ranker", "--json"]);
    let (item, offers) = an_item_with_offers(&desk);
    let labels =
        format!("item_a,item_b,label_1,label_2\n{item},{},complement,complement\n", offers[0]);
    desk.file("labels.csv", labels);
    let told = desk.json(&[&ask[..], &["--json"]].concat());
    assert_eq!((&told["method"], &told["n"]), (&"relations".into(), &1.into()), "{told}");
    let shown = desk.alongside(&ask).assert().success();
    assert!(String::from_utf8_lossy(&shown.get_output().stdout).contains("kappa"));
}

#[test]
fn a_list_of_which_nothing_enters_replaces_nothing() {
    let desk = Desk::new();
    let items = desk.file("items.csv", "item_id,price,currency\na,9,EUR\nb,5,EUR\nc,1,EUR\n");
    desk.json(&["import", "items", text(&items), "--json"]);
    let list = desk.file("list.csv", "from_item,to_item,relation\na,b,upgrade\na,c,complement\n");
    let told = desk.json(&["import", "relations", text(&list), "--source", "list", "--json"]);
    assert_eq!(told["relations"]["new"], 2, "{told}");
    assert_eq!(told["relations"]["cheaper_upgrades"]["n"], 1, "{told}");
    let again = desk.json(&["import", "relations", text(&list), "--source", "list", "--json"]);
    assert_eq!((&again["relations"]["same"], &again["relations"]["new"]), (&2.into(), &0.into()));
    let replace = |rows: &str, more: &[&str]| {
        let file = desk.file("next.csv", format!("from_item,to_item,relation\n{rows}"));
        let args = ["import", "relations", text(&file), "--source", "list", "--replace"];
        [&args[..], more].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()
    };
    let refused = |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        desk.refusal(&args)
    };
    let refusal = refused(replace("a,nobody,complement\n", &["--max-rejects", "100"]));
    assert!(refusal.contains("Nothing was changed") && refusal.contains("nobody"), "{refusal}");
    refused(replace("a,c,complement\na,nobody,complement\n", &[]));
    assert_eq!(desk.json(&["status", "--json"])["store"]["n_relations"], 2);
    let args = replace("a,c,complement\na,nobody,complement\n", &["--max-rejects", "60", "--json"]);
    let told = desk.json(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(told["relations"]["withdrawn"], 1, "{told}");
}

/// The plans that stand beside an item, for a customer of a locale.
fn plans_beside(desk: &Desk, item: &str, locale: &str) -> Vec<String> {
    let args = ["recommend", "--item", item, "--placement", "cart", "--json", "--locale", locale];
    let slate = desk.json(&args);
    let items = slate["items"].as_array().expect("a list");
    let ids = items.iter().map(|item| item["item_id"].as_str().expect("an id").to_owned());
    ids.filter(|id| id.starts_with("CARE")).collect()
}

#[test]
fn a_plan_by_relations_alone_keeps_its_terms_when_all_is_learned() {
    let desk = Desk::new();
    let orders = made_up_orders(&desk, 2_000);
    desk.json(&["import", "orders", text(&orders), "--currency", "GBP", "--json"]);
    let items = desk.file(
        "items.csv",
        "item_id,title,kind,price,currency,regions,covers_price_min,covers_price_max,term\n\
         CARE-DE,Care,service,39,EUR,DE,0,500,2 years\nPHONE,Phone,good,450,EUR,,,,\n\
         DEAR,Dear phone,good,900,EUR,,,,\n",
    );
    desk.json(&["import", "items", text(&items), "--json"]);
    let links = desk.file(
        "links.csv",
        "from_item,to_item,relation\nPHONE,CARE-DE,attach\nDEAR,CARE-DE,attach\n",
    );
    desk.json(&["import", "relations", text(&links), "--json"]);
    desk.json(&["learn", "--without", "ranker", "--json"]);
    assert_eq!(plans_beside(&desk, "PHONE", "de-DE"), ["CARE-DE"]);
    for (item, locale) in [("PHONE", "en-US"), ("DEAR", "de-DE"), ("DEAR", "en-US")] {
        assert!(plans_beside(&desk, item, locale).is_empty(), "{item} {locale}");
    }
}

#[test]
fn what_is_exported_is_imported_as_it_was() {
    let desk = Desk::new();
    let items = desk.file(
        "items.jsonl",
        r#"{"item_id":"p","kind":"service","attributes":{"covers":"Phones","note":"\"b\"","no":""}}
{"item_id":"q","title":"Q","variant_of":"later","attributes":{"fits":["x","y"]}}
"#,
    );
    desk.json(&["import", "items", text(&items), "--json"]);
    let customers = desk
        .file("customers.jsonl", r#"{"customer_id":"c","attributes":{"age":40,"country":"DE"}}"#);
    desk.json(&["import", "customers", text(&customers), "--json"]);
    for what in ["items", "customers"] {
        let export = |desk: &Desk, name: &str| {
            let out = desk.path(name);
            desk.alongside(&["export", what, text(&out), "--force"]).assert().success();
            std::fs::read_to_string(&out).expect("a file")
        };
        let first = export(&desk, "first.csv");
        assert!(!first.contains("attributes."), "{first}");
        for name in ["copy.csv", "copy.tsv", "copy.jsonl"] {
            export(&desk, name);
            let other = Desk::new();
            let file = desk.path(name);
            other.json(&["import", what, text(&file), "--json"]);
            assert_eq!(export(&other, "first.csv"), first, "{name}");
        }
    }
}
