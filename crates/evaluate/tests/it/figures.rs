//! What every line tells besides its metrics, and sources left out, on a small made-up shop.

use evaluate::{Options, OrderFile, Outcome};
use events::import::PlanOptions;
use std::fmt::Write;
use std::time::Duration;

/// 600 orders of one world of ten items each, of three; the first two of a world sell most.
fn shop() -> OrderFile {
    let mut text = String::from("order_id,item_id,customer_id,timestamp\n");
    for order in 0..600_u32 {
        let (world, mut state) = (order % 3, order.wrapping_mul(2_654_435_761) >> 7);
        for item in 0..10_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let chance = if item < 2 { 70 } else { 25 };
            if (state >> 16) % 100 < chance {
                let at = 1_600_000_000 + order * 40_000;
                writeln!(text, "o{order},w{world}i{item},c{},{at}", order % 90).expect("memory");
            }
        }
    }
    // A file of its own: tests run side by side.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("figures.csv");
    std::fs::write(&path, text).expect("room for a small file");
    OrderFile::read(&path, &PlanOptions::default()).expect("a sound file")
}

fn run(methods: &[&str], without: &[&str], ease_max_items: Option<usize>) -> Vec<Outcome> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let options = Options {
        methods: owned(methods),
        without: owned(without),
        ease_max_items,
        ..Options::default()
    };
    let mut outcomes = Vec::new();
    evaluate::run(&shop(), &options, &|| Duration::ZERO, &|_| {}, |o| outcomes.push(o))
        .expect("there is something to test");
    outcomes
}

fn of<'a>(outcomes: &'a [Outcome], method: &str, case: &str) -> &'a Outcome {
    let found = outcomes.iter().find(|o| o.method == method && o.case == case);
    found.expect("the method ran in that case")
}

#[test]
fn every_line_tells_breadth_and_cost() {
    let outcomes = run(&["popularity", "jaccard", "alongside"], &[], None);
    for outcome in &outcomes {
        let line = outcome.to_json();
        for key in ["coverage@10", "popularity_bias@10", "fit_s", "p50_us", "p90_us", "p99_us"] {
            assert!(line.get(key).is_some_and(|value| value.is_number()), "{key} in {line}");
        }
    }
    let breadth = |method, case| of(&outcomes, method, case).breadth;
    // Ten best-sellers of thirty items and those that take the place of the cart's; pairs list all.
    let popular = breadth("popularity", "single");
    assert!(popular.coverage > 0.3 && popular.coverage < 0.6, "{popular:?}");
    assert!(popular.popularity_bias > 1.1, "{popular:?}");
    for method in ["jaccard", "alongside"] {
        let broad = breadth(method, "single");
        assert_eq!(broad.coverage, 1.0, "{method}");
        assert!(broad.popularity_bias < popular.popularity_bias, "{method}: {broad:?}");
    }
    let slice = of(&outcomes, "popularity", "single:tail").breadth;
    assert_eq!(slice, popular);
}

#[test]
fn with_room_for_all_neighbors_the_sparse_inverse_is_ease() {
    let outcomes = run(&["ease", "sparse_inverse"], &[], None);
    let cases = outcomes.iter().filter(|outcome| outcome.method == "ease");
    let mut n_cases = 0;
    for exact in cases {
        let sparse = of(&outcomes, "sparse_inverse", &exact.case);
        assert_eq!((&sparse.metrics, &sparse.parameter), (&exact.metrics, &exact.parameter));
        n_cases += 1;
    }
    assert!(n_cases >= 4);
}

#[test]
fn a_source_left_out_is_compared_with_the_whole() {
    let outcomes = run(&["alongside"], &["sparse_inverse"], Some(6));
    let whole = of(&outcomes, "alongside", "rest");
    assert!(whole.learned["sparse_inverse"].contains("30 of 30 items"), "{:?}", whole.learned);
    let less = of(&outcomes, "alongside without sparse_inverse", "rest");
    assert!(less.learned["ease.items"].starts_with("6 of 30"), "{:?}", less.learned);
    let comparison = less.comparison.as_ref().expect("both answered the same queries");
    assert_eq!(comparison.method, "alongside");
    let metric = |outcome: &Outcome| outcome.metrics.get("NDCG@10").expect("it is told");
    assert!((comparison.ndcg.mean - (metric(less) - metric(whole))).abs() < 1e-12);
}

#[test]
fn what_would_be_served_is_told_in_numbers() {
    let outcomes = run(&["alongside"], &[], None);
    let first = outcomes[0].to_json();
    for name in ["empty_share", "offers_a_cart", "hit_rate"] {
        let value = &first["learned"][format!("as_served.{name}")];
        assert!(value.as_f64().is_some_and(|value| value >= 0.0), "{name}: {value}");
    }
    assert!(outcomes[1].to_json().get("learned").is_none());
}

#[test]
fn to_ask_nothing_is_refused_in_its_own_words() {
    let options = Options { max_queries: Some(0), ..Options::default() };
    let found = evaluate::run(&shop(), &options, &|| Duration::ZERO, &|_| {}, |_| {});
    let error = found.expect_err("nothing is asked").to_string();
    assert!(error.contains("--max-queries 0"), "{error}");
}

/// 90 customers in three worlds; which is their segment.
#[test]
fn what_segments_are_worth_is_told_where_there_are_any() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("customers.csv");
    let rows: String = (0..90).map(|c| format!("c{c},world {}\n", c % 3)).collect();
    std::fs::write(&path, format!("customer_id,taste\n{rows}")).expect("a temporary file");
    let file = shop().with_segments(&path, "taste").expect("segments");
    assert_eq!((file.segments.len(), &*file.segments[0]), (90, "world 0"));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let (methods, without) = (names(&["alongside"]), names(&["segment_popularity"]));
    let options = Options { methods, without, ..Options::default() };
    let ask = |file: &OrderFile| {
        let mut found = Vec::new();
        evaluate::run(file, &options, &|| Duration::ZERO, &|_| {}, |o| found.push(o)).map(|_| found)
    };
    let found = ask(&file).expect("there is something to ask");
    let learned = found.iter().find(|outcome| !outcome.learned.is_empty()).expect("it is told");
    assert!(learned.learned["segments"].starts_with("3 segments"), "{:?}", learned.learned);
    let last = found.last().expect("both ran");
    assert_eq!(last.method, "alongside without segment_popularity");
    assert!(last.comparison.is_some());
    let fault = ask(&shop()).expect_err("no segments").to_string();
    assert!(fault.contains("--customers FILE"), "{fault}");
    let fault = shop().with_segments(&path, "color").expect_err("no such column").to_string();
    assert!(fault.contains("color"), "{fault}");
}
