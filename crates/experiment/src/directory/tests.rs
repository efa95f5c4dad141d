use super::*;

fn definition(name: &str, layer: &str, share: f64) -> Definition {
    let text = format!(
        "name = '{name}'\nlayer = '{layer}'\nshare = {share:.1}\n[[variant]]\nname = 'a'\n\
         [[variant]]\nname = 'b'\n[[variant]]\nname = 'c'\n"
    );
    Definition::read(&text, &[]).expect("sound")
}

fn signed(at: i64) -> Signature {
    Signature { at: Timestamp(at), by: "anna".to_owned(), note: String::new() }
}

fn folder() -> (tempfile::TempDir, ExperimentDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = ExperimentDir::in_dir(folder.path());
    (folder, dir)
}

fn told<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("refused").to_string()
}

#[test]
fn a_life_from_creation_to_a_winner_with_who_and_when() {
    let (_folder, dir) = folder();
    assert_eq!(dir.all().expect("none"), []);
    assert_eq!(dir.stamp(), None);
    dir.create(definition("x", "one", 20.0), &signed(1)).expect("created");
    assert!(told(dir.create(definition("x", "one", 5.0), &signed(2))).contains("another name"));
    assert!(told(dir.winner("x", "a", &signed(2))).contains("start it first"));
    assert!(told(dir.stop("x", Some("b"), &signed(2))).contains("does not run"));
    dir.start("x", &signed(3)).expect("started");
    assert!(told(dir.start("x", &signed(4))).contains("runs already"));
    assert_eq!(dir.find("x").expect("there").share(), 20.0);
    dir.widen("x", 50.0, &signed(5)).expect("wider");
    let wide = dir.find("x").expect("there");
    assert_eq!((wide.share(), wide.started_at), (50.0, Some(Timestamp(3))));
    assert!(told(dir.widen("x", 10.0, &signed(6))).contains("only grows"));
    assert!(told(dir.winner("x", "z", &signed(6))).contains("a, b, c"));
    dir.winner("x", "b", &signed(7)).expect("won");
    let won = dir.find("x").expect("there");
    assert_eq!((won.phase, won.ended_at), (Phase::Won("b".to_owned()), Some(Timestamp(7))));
    assert!(told(dir.start("x", &signed(8))).contains("under another name"));
    assert!(told(dir.find("y")).contains("experiment list"));
    let log = dir.log().expect("a log");
    let told: Vec<_> = log.iter().map(|c| (c.action.as_str(), c.at_us, c.by.as_str())).collect();
    let expected = [("create", 1), ("start", 3), ("widen", 5), ("winner", 7)];
    assert_eq!(told, expected.map(|(what, at)| (what, at, "anna")));
}

#[test]
fn one_that_never_began_can_be_given_up() {
    let (_folder, dir) = folder();
    dir.create(definition("x", "one", 20.0), &signed(1)).expect("created");
    dir.stop("x", None, &signed(2)).expect("given up");
    assert_eq!(dir.find("x").expect("there").phase, Phase::Stopped);
    assert!(told(dir.winner("x", "b", &signed(3))).contains("has not run"));
    assert!(told(dir.start("x", &signed(3))).contains("under another name"));
    assert!(told(dir.stop("x", None, &signed(3))).contains("does not run"));
}

#[test]
fn experiments_of_a_layer_share_its_traffic() {
    let (_folder, dir) = folder();
    for (name, layer, share) in [("x", "one", 70.0), ("y", "one", 40.0), ("z", "two", 100.0)] {
        dir.create(definition(name, layer, share), &signed(1)).expect("created");
    }
    dir.start("x", &signed(2)).expect("started");
    let refusal = told(dir.start("y", &signed(3)));
    assert!(refusal.contains("30 % of its traffic left, 40 %"), "{refusal}");
    dir.start("z", &signed(3)).expect("another layer");
    dir.stop("x", None, &signed(4)).expect("stopped");
    dir.start("y", &signed(5)).expect("room again");
    let refusal = told(dir.widen("y", 100.5, &signed(6)));
    assert!(refusal.contains("0.1 to 100"), "{refusal}");
}

#[test]
fn a_variant_can_be_stopped_alone_and_the_last_pair_ends_it() {
    let (_folder, dir) = folder();
    dir.create(definition("x", "one", 100.0), &signed(1)).expect("created");
    dir.start("x", &signed(2)).expect("started");
    dir.stop("x", Some("b"), &signed(3)).expect("one variant");
    let running = dir.find("x").expect("there");
    assert!(running.is_running());
    let stopped = ["a", "b"].map(|name| running.stopped_at(name));
    assert_eq!(stopped, [None, Some(Timestamp(3))]);
    assert!(told(dir.stop("x", Some("b"), &signed(4))).contains("stopped that variant"));
    assert!(told(dir.stop("x", Some("q"), &signed(4))).contains("a, b, c"));
    dir.stop("x", Some("c"), &signed(5)).expect("nothing left to compare");
    let ended = dir.find("x").expect("there");
    assert_eq!((ended.phase, ended.ended_by.as_str()), (Phase::Stopped, "anna"));
}

/// Stopped in the moment it was started: it has a life, of no length.
#[test]
fn an_experiment_of_zero_length_is_none_the_worse() {
    let (_folder, dir) = folder();
    dir.create(definition("x", "one", 100.0), &signed(1)).expect("created");
    dir.start("x", &signed(9)).expect("started");
    dir.stop("x", None, &signed(9)).expect("stopped");
    let ended = dir.find("x").expect("there");
    assert_eq!((ended.started_at, ended.ended_at), (ended.ended_at, Some(Timestamp(9))));
}

#[test]
fn a_damaged_log_is_told_as_such() {
    let (_folder, dir) = folder();
    dir.create(definition("x", "one", 100.0), &signed(1)).expect("created");
    let log = dir.path.join(LOG);
    let text = fs::read_to_string(&log).expect("a log");
    fs::write(&log, &text[..text.len() / 2]).expect("cut");
    assert!(matches!(dir.all(), Err(Error::Damaged { .. })));
    fs::write(&log, format!("{text}{{\n")).expect("written");
    assert!(told(dir.all()).contains("line 2: "), "which line");
    assert!(check_length(2, 2).is_ok() && check_length(0, 0).is_ok());
    assert!(told(check_length(1, 2)).contains("has 1 changes, it had 2"));
    let orphan = "{\"name\":\"q\",\"at_us\":1,\"by\":\"\",\"action\":\"stop\"}\n";
    fs::write(&log, orphan).expect("written");
    assert!(told(dir.all()).contains("before it is created"));
}
