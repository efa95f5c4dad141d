use super::*;

/// Customer 0 always buys 0 and 1, customer 1 buys 2 then 3, customer 2 buys 0, 2 and is not asked.
fn small() -> CustomerFile {
    CustomerFile {
        customer_ids: ["a", "b", "c"].map(Into::into).to_vec(),
        item_ids: ["p", "q", "r", "s", "t"].map(Into::into).to_vec(),
        histories: vec![vec![vec![0, 1], vec![0]], vec![vec![2], vec![3]], vec![vec![0], vec![2]]],
        futures: vec![vec![0, 4], vec![0, 3], vec![]],
        folds: vec![vec![0, 1], vec![0]],
        ..CustomerFile::default()
    }
}

fn outcomes(file: &CustomerFile, methods: &[&str]) -> Vec<NextBasketOutcome> {
    let methods: Vec<String> = methods.iter().map(|&name| name.to_owned()).collect();
    let mut outcomes = Vec::new();
    run(
        file,
        &Wanted { methods: &methods, without: &[] },
        &|| Duration::ZERO,
        &|_| {},
        |outcome| outcomes.push(outcome),
    )
    .unwrap();
    outcomes
}

fn of<'a>(outcomes: &'a [NextBasketOutcome], case: &str) -> &'a NextBasketOutcome {
    outcomes.iter().find(|outcome| outcome.case == case).unwrap()
}

/// Worked by hand: the list of a is [0, 1], that of b [2, 3] by sales (2 sold twice, 3 once).
#[test]
fn means_are_over_folds_and_cases_over_customers_who_have_them() {
    let found = outcomes(&small(), &["p_top_freq"]);
    let all = of(&found, "all");
    // Fold 0: a finds 1 of 2, b 1 of 2; fold 1: a alone.
    assert_eq!((all.n_queries, all.get("R@10")), (3, Some(0.5)));
    assert_eq!((all.get("PHR@10"), all.recall_sd), (Some(1.0), Some(0.0)));
    // a hits at rank 1 of 2 truths: 1 / 1.63093; b at rank 2: .63093 / 1.63093.
    let (a, b) = (1.0 / 1.630_93, 0.630_93 / 1.630_93);
    let expected = ((a + b) / 2.0 + a) / 2.0;
    assert!((all.get("NDCG@10").unwrap() - expected).abs() < 1e-5);
    assert_eq!(of(&found, "repeat").get("R@10"), Some(1.0));
    let explore = of(&found, "explore");
    assert_eq!((explore.n_queries, explore.get("R@10")), (3, Some(0.0)));
    let (low, high) = all.intervals.unwrap()[2];
    assert!(low < expected && expected < high, "{low} {expected} {high}");
}

#[test]
fn popular_items_fill_up_and_json_has_the_named_keys() {
    let found = outcomes(&small(), &["gp_top_freq"]);
    // b now gets 0 as well, which it never bought.
    let explore = of(&found, "explore");
    assert!((explore.get("R@10").unwrap() - 0.25).abs() < 1e-12);
    let line = explore.to_json();
    for key in [
        "method",
        "case",
        "queries",
        "R@10",
        "R@20",
        "NDCG@10",
        "NDCG@20",
        "NDCG@10_best_at_k",
        "PHR@10",
        "PHR@20",
        "R@10_sd",
        "R@10_low",
        "PHR@20_high",
        "coverage@10",
        "popularity_bias@10",
        "fit_s",
        "p50_us",
        "p90_us",
        "p99_us",
        "MRR@20",
        "HR@10",
        "NDCG@10_all_truth",
    ] {
        assert!(line.get(key).is_some(), "no key {key} in {line}");
    }
}

#[test]
fn one_customer_gives_means_without_intervals() {
    let file = CustomerFile { folds: vec![vec![1]], ..small() };
    let all = outcomes(&file, &["tifu_knn"]).remove(0);
    assert_eq!((all.intervals, all.recall_sd, all.n_queries), (None, None, 1));
    assert!(all.get("R@10").unwrap() > 0.0);
}

#[test]
fn an_unknown_method_is_refused_with_the_known_ones() {
    let wrong = ["best".to_owned()];
    let error = run(
        &small(),
        &Wanted { methods: &wrong, without: &[] },
        &|| Duration::ZERO,
        &|_| {},
        |_| {},
    )
    .unwrap_err();
    assert!(error.to_string().contains("no method `best`; there are: g_top_freq"));
}

#[test]
fn what_serves_is_what_is_measured() {
    let found = outcomes(&small(), &["alongside"]);
    let cases: Vec<&str> = found.iter().map(|outcome| outcome.case).collect();
    assert_eq!(cases, ["all", "repeat", "explore", "tail"]);
    let all = of(&found, "all");
    // Two baskets a customer train no trees: what they bought before comes first.
    let says = |of: &str| all.parameter.as_ref().is_some_and(|note| note.contains(of));
    assert!(says("tifu_knn; NDCG@10 on 3 last baskets") && says("too few for trees"), "{all:?}");
    assert_eq!(of(&found, "repeat").get("R@10"), Some(1.0));
    // Popular items fill up: all four that were sold are on the lists.
    assert_eq!(all.breadth.coverage, 1.0);
}

/// Sold: 0 three times, 2 twice, 1 and 3 once; a is shown 0 and 1, b 2 and 3; bought were 0 and 4,
/// 0 and 3.
#[test]
fn breadth_and_tail_are_those_worked_by_hand() {
    let found = outcomes(&small(), &["p_top_freq"]);
    let breadth = of(&found, "all").breadth;
    assert_eq!(breadth.coverage, 1.0);
    assert!((breadth.popularity_bias - (7.0 / 4.0) / (7.0 / 4.0)).abs() < 1e-12, "{breadth:?}");
    // The head is 0 and 2: 5 of 7 lines are more than half, 3 are not.
    let tail = of(&found, "tail");
    assert_eq!((tail.n_queries, tail.get("R@10")), (3, Some(0.25)));
}

/// Ours is p_top_freq here but for what fills up, and asked in the order of the report.
#[test]
fn ours_is_held_against_each_other_customer_by_customer() {
    let found = outcomes(&small(), &["alongside", "g_top_freq", "p_top_freq"]);
    let methods: Vec<&str> = found.iter().map(|outcome| &*outcome.method).step_by(4).collect();
    assert_eq!(methods, ["g_top_freq", "p_top_freq", "alongside"]);
    let (popular, ours) = (of(&found[..4], "all"), of(&found[8..], "all"));
    assert!(popular.gains.is_empty());
    let over: Vec<&str> = ours.gains.iter().map(|gain| &*gain.over).collect();
    assert_eq!(over, ["g_top_freq", "p_top_freq"]);
    for name in report::NAMES {
        let gain = ours.gains[0].get(name).unwrap();
        let difference = ours.get(name).unwrap() - popular.get(name).unwrap();
        assert!((gain.mean - difference).abs() < 1e-12, "{name}: {gain:?} {difference}");
        assert!(gain.low <= gain.mean && gain.mean <= gain.high, "{name}: {gain:?}");
    }
    let line = ours.to_json();
    let best = ours.gain_over_best().unwrap();
    assert_eq!(line["against"], *best.over);
    assert_eq!(line["R@10_diff"], line["over"][&*best.over]["R@10_diff"]);
    assert!(line["over"]["g_top_freq"]["NDCG@10_diff_low"].is_number(), "{line}");
}

/// The list of a is [0, 1], of b [2, 3]: hits at rank 1 and 2.
#[test]
fn the_first_hit_gives_the_reciprocal_rank() {
    let found = outcomes(&small(), &["p_top_freq"]);
    let expected = ((1.0 + 0.5) / 2.0 + 1.0) / 2.0;
    assert!((of(&found, "all").get("MRR@20").unwrap() - expected).abs() < 1e-12);
}

#[test]
fn without_a_source_ours_is_held_against_the_whole() {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let (methods, without) = (names(&["alongside"]), names(&["tifu_knn", "next_basket"]));
    let wanted = Wanted { methods: &methods, without: &without };
    let mut found = Vec::new();
    run(&small(), &wanted, &|| Duration::ZERO, &|_| {}, |outcome| found.push(outcome)).unwrap();
    let whole = of(&found[..4], "all").clone();
    let told: Vec<&str> = found.iter().map(|outcome| &*outcome.method).step_by(4).collect();
    assert_eq!(told[1..], ["alongside without tifu_knn", "alongside without next_basket"]);
    for outcomes in [&found[4..8], &found[8..]] {
        let less = of(outcomes, "all");
        assert_eq!(less.gains[0].over, "alongside");
        let (gain, name) = (less.gains[0].get("R@20").unwrap(), "R@20");
        assert!((gain.mean - (less.get(name).unwrap() - whole.get(name).unwrap())).abs() < 1e-12);
    }
    let note = of(&found[4..8], "all").parameter.clone().unwrap();
    assert!(!note.contains("tifu_knn"), "{note}");
    assert_eq!(of(&found[8..], "all").parameter, None);
    let wanted = Wanted { methods: &[], without: &names(&["pair"]) };
    let fault = run(&small(), &wanted, &|| Duration::ZERO, &|_| {}, |_| {}).unwrap_err();
    assert!(fault.to_string().contains("next-basket has no source `pair`"), "{fault}");
}
