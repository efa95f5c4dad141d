//! Protocol BC on the real Online Retail orders against the published table.

// Tests say when they are skipped.
#![allow(clippy::print_stdout)]

mod figures;
mod next_basket;
mod next_item;
mod order_files;
mod policy_logs;
mod uplift;

use evaluate::basket_completion::sizes_of;
use evaluate::cases::{Windows, ordered};
use evaluate::{Options, OrderFile, Outcome};
use events::import::PlanOptions;
use std::path::PathBuf;
use std::time::Duration;

fn online_retail() -> Option<OrderFile> {
    let file = std::env::var_os("ALONGSIDE_TEST_DATA")
        .map(|folder| PathBuf::from(folder).join("online_retail/transactions.parquet"))
        .filter(|file| file.exists());
    if file.is_none() {
        println!("skipped: ALONGSIDE_TEST_DATA has no online_retail/transactions.parquet");
    }
    Some(OrderFile::read(&file?, &PlanOptions::default()).expect("the file is sound"))
}

fn run(file: &OrderFile, methods: &[&str]) -> Vec<Outcome> {
    let options = Options {
        methods: methods.iter().map(|name| (*name).to_owned()).collect(),
        ..Options::default()
    };
    let mut outcomes = Vec::new();
    evaluate::run(file, &options, &|| Duration::ZERO, &|_| {}, |outcome| outcomes.push(outcome))
        .expect("there is something to test");
    outcomes
}

fn metric(outcomes: &[Outcome], method: &str, case: &str, name: &str) -> f64 {
    outcomes
        .iter()
        .find(|outcome| outcome.method == method && outcome.case == case)
        .and_then(|outcome| outcome.metrics.get(name))
        .expect("the method ran in that case")
}

#[test]
fn the_split_has_the_published_sizes() {
    let Some(file) = online_retail() else { return };
    let split = ordered(&file, &Windows::default()).split(&file, 5_000);
    let sizes = sizes_of(&split);
    assert_eq!((sizes.n_train, sizes.n_items, sizes.n_queries), (18_655, 3_914, 1_840));
    assert_eq!(sizes.n_discover, 755);
    assert!((sizes.mean_context - 31.2).abs() < 0.1);
}

#[test]
fn baselines_are_those_of_the_table_to_the_third_decimal() {
    let Some(file) = online_retail() else { return };
    // method, case, HR@10, HR@20, NDCG@10
    let table: [(&str, &str, [f64; 3]); 16] = [
        ("popularity", "rest", [0.0299, 0.0505, 0.0144]),
        ("popularity", "single", [0.0293, 0.0489, 0.0140]),
        ("confidence", "rest", [0.1484, 0.1989, 0.0834]),
        ("confidence_max", "rest", [0.2522, 0.3103, 0.1577]),
        ("confidence", "single", [0.1033, 0.1478, 0.0659]),
        ("lift", "rest", [0.0065, 0.0103, 0.0040]),
        ("jaccard", "rest", [0.2054, 0.2598, 0.1332]),
        ("jaccard_max", "rest", [0.2685, 0.3342, 0.1701]),
        ("jaccard", "single", [0.1005, 0.1299, 0.0618]),
        ("cosine", "rest", [0.1913, 0.2451, 0.1228]),
        ("cosine_max", "rest", [0.2668, 0.3342, 0.1700]),
        ("cosine", "single", [0.0989, 0.1288, 0.0615]),
        ("llr", "rest", [0.2174, 0.2728, 0.1339]),
        ("llr_max", "rest", [0.2397, 0.3152, 0.1460]),
        ("confidence_max", "discover:rest", [0.2331, 0.2834, 0.1529]),
        ("jaccard_max", "discover:single", [0.0861, 0.1113, 0.0535]),
    ];
    let mut methods: Vec<&str> = table.iter().map(|(method, _, _)| *method).collect();
    methods.dedup();
    let outcomes = run(&file, &methods);
    for (method, case, expected) in table {
        for (name, expected) in ["HR@10", "HR@20", "NDCG@10"].into_iter().zip(expected) {
            let found = metric(&outcomes, method, case, name);
            assert!(
                (found - expected).abs() < 0.0005,
                "{method} {case} {name}: {found:.4}, not {expected}"
            );
        }
    }
}

#[test]
fn tuned_ease_and_knn_are_those_of_the_table_and_ours_is_above() {
    let Some(file) = online_retail() else { return };
    let outcomes = run(&file, &["basket_knn", "ease", "alongside"]);
    let of = |method, case, name| metric(&outcomes, method, case, name);
    assert!((of("ease", "rest", "HR@10") - 0.3223).abs() < 0.0005);
    assert!((of("ease", "rest", "NDCG@10") - 0.1990).abs() < 0.0005);
    assert!((of("ease", "single", "HR@20") - 0.1310).abs() < 0.0005);
    // The table's kNN breaks ties at the k-th basket by the luck of a partition; ours takes them
    // all, which moves a query or two of 1,840.
    assert!((of("basket_knn", "single", "HR@10") - 0.1255).abs() < 0.0015);
    assert!((of("basket_knn", "rest", "HR@10") - 0.2326).abs() < 0.0015);
    for name in ["HR@10", "NDCG@10"] {
        assert!(of("alongside", "rest", name) > of("ease", "rest", name));
        assert!(of("alongside", "single", name) > of("basket_knn", "single", name));
        assert!(of("alongside", "discover:rest", name) > of("ease", "discover:rest", name));
    }
}
