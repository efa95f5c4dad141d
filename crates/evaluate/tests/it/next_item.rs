//! Protocol NI: Serenade's sample against its published figures, and files that are not in order.

use evaluate::next_item::{CASES, METHODS, NextItemOutcome, Sizes, run};
use evaluate::{Error, SessionSplit, Wanted};
use events::import::PlanOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn serenade() -> Option<SessionSplit> {
    let folder = std::env::var_os("ALONGSIDE_TEST_DATA")
        .map(|folder| PathBuf::from(folder).join("serenade"))
        .filter(|folder| folder.join("train.txt").exists());
    if folder.is_none() {
        println!("skipped: ALONGSIDE_TEST_DATA has no serenade/train.txt");
    }
    let folder = folder?;
    let [train, valid, test] = ["train.txt", "valid.txt", "test.txt"].map(|name| folder.join(name));
    Some(SessionSplit::read(&train, &valid, &test, &PlanOptions::default()).expect("sound files"))
}

fn outcomes_of(split: &SessionSplit, methods: &[&str]) -> (Sizes, Vec<NextItemOutcome>) {
    let methods: Vec<String> = methods.iter().map(|name| (*name).to_owned()).collect();
    let mut outcomes = Vec::new();
    let sizes = run(
        split,
        &Wanted { methods: &methods, without: &[] },
        &|| Duration::ZERO,
        &|_| {},
        |found| outcomes.push(found),
    );
    (sizes.expect("there is something to ask"), outcomes)
}

fn metric(outcomes: &[NextItemOutcome], method: &str, case: &str, name: &str) -> f64 {
    let found = outcomes.iter().map(|found| &found.outcome);
    let mut found = found.filter(|found| found.method == method && found.case == case);
    found.next().and_then(|found| found.metrics.get(name)).expect("the method ran in that case")
}

#[test]
fn serenade_lands_in_its_own_range_and_ours_is_above() {
    let Some(split) = serenade() else { return };
    let (sizes, outcomes) = outcomes_of(&split, &["vmis_shipped", "vmis_tuned", "alongside"]);
    assert_eq!((sizes.n_queries, sizes.n_test_sessions), (931, 302));
    assert_eq!((sizes.n_train_sessions, sizes.n_items), (23_753, 18_009));
    let of = |method, name| metric(&outcomes, method, "all", name);
    let shipped = of("vmis_shipped", "MRR@20");
    assert!((0.3257..=0.3292).contains(&shipped), "{shipped}");
    let tuned = of("vmis_tuned", "MRR@20");
    assert!((0.3374..=0.3400).contains(&tuned), "{tuned}");
    assert!((of("vmis_tuned", "HR@20") - 0.664).abs() < 0.003);
    assert!((of("vmis_tuned", "R@20") - 0.465).abs() < 0.003);
    assert!(of("alongside", "MRR@20") >= 0.355);
    for found in outcomes.iter().filter(|found| found.outcome.method == "alongside") {
        let (case, gain) =
            (&found.outcome.case, found.gains.first().expect("the rival ran before").1);
        // What comes back takes places from what is new when one list must hold both.
        let least = if case == "explore" { gain.high } else { gain.low };
        assert!(least > 0.0, "{case}: {gain:?}");
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a temporary folder"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        let mut file = std::fs::File::create(&path).expect("a file in a temporary folder");
        file.write_all(text.as_bytes()).expect("room for a small file");
        path
    }
}

/// Rows of sessions, one second apart.
fn rows(sessions: &[&[u32]]) -> String {
    let mut text = String::from("SessionId,ItemId,Time\n");
    let mut at = 1_600_000_000;
    for (session, items) in sessions.iter().enumerate() {
        for item in *items {
            text += &format!("s{session},i{item},{at}\n");
            at += 1;
        }
    }
    text
}

fn read(path: &Path) -> Result<SessionSplit, Error> {
    SessionSplit::read_events(path, &PlanOptions::default())
}

#[test]
fn files_without_what_is_needed_are_told() {
    let files = Files::new();
    let fault = |name: &str, text: &str| {
        read(&files.write(name, text)).expect_err("the file lacks something").to_string()
    };
    let no_item = fault("a.csv", "session_id,colour,time\n1,red,1600000000\n");
    assert!(no_item.contains("item_id"), "{no_item}");
    let no_time = fault("b.csv", "session_id,item_id\n1,7\n1,8\n");
    assert!(no_time.contains("timestamp"), "{no_time}");
    let no_session = fault("c.csv", "item_id,time\n7,1600000000\n8,1600000001\n");
    assert!(no_session.contains("session_id=COLUMN"), "{no_session}");
    let missing = read(Path::new("nowhere.csv")).expect_err("there is no such file").to_string();
    assert!(missing.contains("nowhere.csv"), "{missing}");
}

/// Seen a session: 0 twice, 1 and 2 once. The item looked at is not listed: after 0 stand 1 and 2,
/// and 1 comes; after 0 1 stand 0 and 2, and 0 comes; after 0 1 0 stand 1 and 2, and 2 comes.
#[test]
fn breadth_is_that_worked_by_hand() {
    let files = Files::new();
    let sessions: Vec<&[u32]> = (0..40).map(|_| &[0, 1, 0, 2][..]).collect();
    let split = read(&files.write("breadth.csv", &rows(&sessions))).expect("a file of sessions");
    let (_, outcomes) = outcomes_of(&split, &["popularity"]);
    for (case, coverage, bias) in [
        ("all", 1.0, (7.0 / 6.0) / (4.0 / 3.0)),
        ("repeat", 2.0 / 3.0, (3.0 / 2.0) / 2.0),
        ("explore", 2.0 / 3.0, 1.0),
    ] {
        let outcome = outcomes.iter().map(|found| &found.outcome).find(|o| o.case == case);
        let breadth = outcome.expect("the case was asked").breadth;
        assert!((breadth.coverage - coverage).abs() < 1e-12, "{case}: {breadth:?}");
        assert!((breadth.popularity_bias - bias).abs() < 1e-12, "{case}: {breadth:?}");
    }
}

#[test]
fn a_split_that_leaves_nothing_to_ask_says_what_there_is() {
    let files = Files::new();
    let text = |path: PathBuf| read(&path).expect_err("nothing can be asked").to_string();
    let one = text(files.write("one.csv", &rows(&[&[1, 2, 3]])));
    assert!(one.contains("0 training sessions"), "{one}");
    let singles: Vec<&[u32]> = vec![&[1]; 40];
    let single = text(files.write("single.csv", &rows(&singles)));
    assert!(single.contains("0 to ask"), "{single}");
    let only_train = files.write("train.csv", &rows(&[&[1, 2]]));
    let empty = files.write("empty.csv", "SessionId,ItemId,Time\n");
    let options = PlanOptions::default();
    let fault = SessionSplit::read(&only_train, &only_train, &empty, &options);
    let fault = fault.expect_err("an empty test file").to_string();
    assert!(fault.contains("empty.csv"), "{fault}");
}

/// Sessions of few steps, a machine with 10^5 views of one item, a visit of 10^4 steps, and a
/// test item that training does not know.
#[test]
fn machines_and_unknown_items_do_no_harm() {
    let files = Files::new();
    let bot = vec![0_u32; 100_000];
    let long: Vec<u32> = (0..10_000).map(|n| n % 50).collect();
    let mut sessions: Vec<Vec<u32>> = (0..300).map(|s| vec![s % 7, (s + 1) % 7, s % 5]).collect();
    sessions.insert(3, bot);
    sessions.insert(200, long);
    sessions.push(vec![1, 999, 2]);
    let sessions: Vec<&[u32]> = sessions.iter().map(Vec::as_slice).collect();
    let split = read(&files.write("odd.csv", &rows(&sessions))).expect("a file of sessions");
    assert_eq!([&split.train, &split.valid, &split.test].map(|log| log.len()), [242, 30, 31]);
    let (sizes, outcomes) = outcomes_of(&split, &[]);
    assert_eq!(outcomes.len(), METHODS.len() * CASES.len());
    assert_eq!(sizes.n_queries, 62);
    for found in &outcomes {
        let values = &found.outcome.metrics.values;
        assert!(values.iter().all(|(_, mean, _)| (0.0..=1.0).contains(mean)), "{found:?}");
    }
    // The machine's item is not what everybody looks at.
    let top = metric(&outcomes, "vmis_tuned", "all", "MRR@20");
    assert!(top > metric(&outcomes, "popularity", "all", "MRR@20"), "{top}");
}

#[test]
fn the_same_split_gives_the_same_figures() {
    let files = Files::new();
    let sessions: Vec<Vec<u32>> = (0..200).map(|s| vec![s % 9, s % 4, (s + 3) % 9]).collect();
    let sessions: Vec<&[u32]> = sessions.iter().map(Vec::as_slice).collect();
    let path = files.write("s.csv", &rows(&sessions));
    let ask = || outcomes_of(&read(&path).expect("a file of sessions"), &["alongside"]).1;
    assert_eq!(ask(), ask());
}

#[test]
fn views_cart_events_and_purchases_are_steps_and_other_events_are_not() {
    let files = Files::new();
    let mut text = String::from("event_type,session_id,item_id,order_id,timestamp\n");
    for session in 0..20 {
        let at = 1_600_000_000 + session * 100;
        text += &format!("view,{session},a,,{at}\naddtocart,{session},a,,{}\n", at + 1);
        text +=
            &format!("view,{session},b,,{}\nremove_from_cart,{session},a,,{}\n", at + 2, at + 3);
        text += &format!("purchase,{session},c,o{session},{}\n", at + 4);
    }
    let split = read(&files.write("kinds.csv", &text)).expect("a file of events");
    let kinds: Vec<u8> = split.test.session(0).iter().map(|step| step.kind as u8).collect();
    assert_eq!(kinds, [1, 0, 2]);
}

/// A cart event minutes after its view, in visits that overlap: what is one step begins before, and
/// ends after, the end of the visit that stands before it.
#[test]
fn visits_that_end_with_a_cart_event_are_asked_like_others() {
    let files = Files::new();
    let mut text = String::from("session_id,item_id,timestamp,event_name\n");
    for session in 0..300 {
        let at = 1_600_000_000 + session * 40;
        let item = |step: i64| (session * 7 + step) % 20;
        text += &format!("s{session},i{},{at},view_item\n", item(0));
        text += &format!("s{session},i{},{},view_item\n", item(1), at + 5);
        if session % 3 == 0 {
            let later = at + 5 + 97 * (session % 11);
            text += &format!("s{session},i{},{later},add_to_cart\n", item(1));
        }
    }
    let split = read(&files.write("carts.csv", &text)).expect("a file of events");
    let (sizes, outcomes) = outcomes_of(&split, &["vmis_tuned", "alongside"]);
    assert_eq!(sizes.n_queries, 30);
    let ours = outcomes.last().expect("both methods ran").to_json();
    assert_eq!(ours["gain_over"], "vmis_tuned");
    for key in ["MRR@20_gain", "HR@20_gain_low", "R@20_gain_high", "NDCG@20_gain", "p90_us"] {
        assert!(ours[key].is_number(), "{key} in {ours}");
    }
    let [best, all] = ["NDCG@20", "NDCG@20_all_truth"].map(|key| ours[key].as_f64());
    assert_eq!((best, ours["NDCG@20_best_at_k"].as_f64()), (all, best), "one step remains");
}

/// After the last item comes what came after it before: nothing but the order of steps tells.
#[test]
fn a_source_is_worth_what_is_lost_without_it() {
    let files = Files::new();
    let sessions: Vec<Vec<u32>> = (0..2_000_u32)
        .map(|s| {
            let a = s * 7 % 5;
            vec![a, (a + 1) % 5, (a + 2) % 5]
        })
        .collect();
    let sessions: Vec<&[u32]> = sessions.iter().map(Vec::as_slice).collect();
    let split = read(&files.write("order.csv", &rows(&sessions))).expect("a file of sessions");
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let (methods, without) = (names(&["alongside"]), names(&["markov", "ranker"]));
    let wanted = Wanted { methods: &methods, without: &without };
    let mut found = Vec::new();
    run(&split, &wanted, &|| Duration::ZERO, &|_| {}, |outcome| found.push(outcome))
        .expect("there is something to ask");
    let methods: Vec<&str> =
        found.iter().step_by(CASES.len()).map(|f| &*f.outcome.method).collect();
    assert_eq!(methods, ["alongside", "alongside without markov", "alongside without ranker"]);
    assert_eq!(found[0].gain_over, None);
    for (at, less) in found[CASES.len()..].iter().enumerate() {
        let whole = &found[at % CASES.len()].outcome;
        let mean = |outcome: &evaluate::Outcome| outcome.metrics.get("MRR@20").unwrap();
        // Nobody comes back in these visits, so case `repeat` has no queries.
        let Some((name, gain)) = less.gains.first() else {
            assert_eq!(less.outcome.case, "repeat");
            continue;
        };
        assert_eq!((*name, less.gain_over), ("MRR@20", Some("alongside")));
        assert!((gain.mean - (mean(&less.outcome) - mean(whole))).abs() < 1e-9, "{less:?}");
    }
    let ranked_by = |at: usize| found[at * CASES.len()].outcome.parameter.clone().unwrap();
    assert!(ranked_by(2).contains("the ranker is left out"), "{}", ranked_by(2));
    let wanted = Wanted { methods: &[], without: &names(&["ease"]) };
    let fault = run(&split, &wanted, &|| Duration::ZERO, &|_| {}, |_| {});
    let fault = fault.expect_err("visits have no EASE").to_string();
    assert!(fault.contains("next-item has no source `ease`"), "{fault}");
}

/// Twenty visits of ten customers or of one: the same queries, the same means, other intervals.
#[test]
fn intervals_are_by_visitor() {
    let files = Files::new();
    let text = |n_customers: u32| {
        let mut text = String::from("session_id,item_id,timestamp,customer_id,event_type\n");
        for session in 0..200_u32 {
            // What is asked of one customer always comes out alike.
            let next = 1 + (session % 10) / 5;
            for (at, item) in [0, next].into_iter().enumerate() {
                let at = 1_600_000_000 + session * 60 + at as u32;
                let customer = session % n_customers;
                text += &format!("s{session},i{item},{at},c{customer},view_item\n");
            }
        }
        text
    };
    let width = |name: &str, n_customers: u32| {
        let split = read(&files.write(name, &text(n_customers))).expect("a file of sessions");
        let (_, outcomes) = outcomes_of(&split, &["popularity"]);
        let (_, mean, interval) = outcomes[0].outcome.metrics.values[0];
        (mean, interval.map(|(low, high)| high - low))
    };
    let (by_visit, by_ten, by_one) = (width("a.csv", 1_000), width("b.csv", 10), width("c.csv", 1));
    assert_eq!((by_visit.0, by_visit.0), (by_ten.0, by_one.0));
    assert!(by_ten.1.unwrap() > 1.2 * by_visit.1.unwrap(), "{by_ten:?} {by_visit:?}");
    assert_eq!(by_one.1, None, "of one visitor nothing is known");
}
