use super::*;

const ONE: &str = "[[policy]]\nname = 'a'\nkind = 'exclude'\nitems = \"item.price < 1\"\n";
const TWO: &str = "[[policy]]\nname = 'b'\nkind = 'exclude'\nitems = \"item.price < 2\"\n";

fn signed(at: i64) -> Signature {
    Signature { at: Timestamp(at), by: "anna".to_owned(), note: String::new(), key_id: None }
}

#[test]
fn versions_come_go_and_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    assert_eq!((dir.current().expect("none"), dir.log().expect("none")), (None, vec![]));
    assert!(matches!(dir.rollback(None, &signed(0)), Err(Error::NoSuchVersion { .. })));
    assert_eq!(dir.apply(ONE, &signed(1)).expect("applied"), Some(1));
    assert_eq!(dir.apply(ONE, &signed(2)).expect("known"), None);
    assert_eq!(dir.apply(TWO, &signed(3)).expect("applied"), Some(2));
    assert_eq!(dir.rollback(None, &signed(4)).expect("back"), 1);
    assert_eq!(dir.current().expect("a version"), Some(1));
    assert!(matches!(dir.rollback(None, &signed(5)), Err(Error::NoSuchVersion { .. })));
    assert!(matches!(dir.rollback(Some(9), &signed(5)), Err(Error::NoSuchVersion { .. })));
    assert_eq!(dir.apply(TWO, &signed(6)).expect("applied"), Some(3), "numbers are never reused");
    let log = dir.log().expect("a log");
    let told: Vec<_> = log.iter().map(|c| (c.version, c.kind.as_str(), c.at_us)).collect();
    let expected = [(1, "apply", 1), (2, "apply", 3), (1, "rollback", 4), (3, "apply", 6)];
    assert_eq!(told, expected);
    assert_eq!(dir.load(3).expect("sound").policies[0].name, "b");
}

#[test]
fn back_goes_to_what_stood_before_and_never_to_what_was_withdrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    let mut at = 0;
    let mut apply = |n: u64| {
        at += 1;
        dir.apply(&ONE.replace('1', &n.to_string()), &signed(at)).expect("applied")
    };
    assert_eq!((apply(1), apply(2)), (Some(1), Some(2)));
    assert_eq!(dir.rollback(None, &signed(10)).expect("back"), 1);
    assert_eq!(apply(3), Some(3));
    assert_eq!(dir.before(3).expect("a log"), Some(1), "2 was withdrawn before 3 came");
    assert_eq!(dir.rollback(None, &signed(11)).expect("back"), 1);
    assert!(matches!(dir.rollback(None, &signed(12)), Err(Error::NoSuchVersion { .. })));
    assert_eq!((apply(4), apply(5)), (Some(4), Some(5)));
    // Twice back is two versions back.
    assert_eq!(dir.rollback(None, &signed(13)).expect("back"), 4);
    assert_eq!(dir.rollback(None, &signed(14)).expect("back"), 1);
    // What was withdrawn comes back when it is asked for by name, and has its own past.
    assert_eq!(dir.rollback(Some(2), &signed(15)).expect("named"), 2);
    assert_eq!(dir.rollback(None, &signed(16)).expect("back"), 1);
}

#[test]
fn what_is_damaged_or_lost_does_not_open_the_house() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    dir.apply(ONE, &signed(1)).expect("applied");
    fs::write(dir.file_of(1), "[[policy]]\nname = 3\n").expect("written");
    let error = dir.load(1).expect_err("damaged").to_string();
    assert!(error.contains("000001.toml:2:8") && error.contains("rollback"), "{error}");
    let log = dir.path().join(LOG);
    for text in ["{", "", "\u{ff}", "null\n"] {
        fs::write(&log, text).expect("written");
        assert!(matches!(dir.current(), Err(Error::Damaged { .. })), "{text:?}");
    }
    fs::write(&log, [0xff]).expect("written");
    assert!(matches!(dir.current(), Err(Error::Damaged { .. })));
    fs::remove_file(&log).expect("removed");
    assert!(matches!(dir.current(), Err(Error::Damaged { .. })));
}

#[test]
fn who_knows_of_a_version_does_not_believe_that_there_never_was_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    dir.apply(ONE, &signed(1)).expect("applied");
    let log = fs::read(dir.path().join(LOG)).expect("a log");
    dir.apply(TWO, &signed(2)).expect("applied");
    let knowing = dir.clone().knowing(2);
    assert_eq!(knowing.current().expect("sound"), Some(2));
    // Cut to what it was before the second.
    fs::write(dir.path().join(LOG), log).expect("written");
    assert!(matches!(knowing.current(), Err(Error::Damaged { .. })));
    for lost in [LOG, "000001.toml", "000002.toml"] {
        fs::remove_file(dir.path().join(lost)).expect("removed");
    }
    assert_eq!(dir.current().expect("nothing is left to tell of it"), None);
    assert!(matches!(knowing.current(), Err(Error::Damaged { .. })));
    fs::remove_dir_all(dir.path()).expect("removed");
    let error = knowing.current().expect_err("gone").to_string();
    assert!(error.contains("up to 2") && error.contains("policy apply"), "{error}");
}

#[test]
fn a_damaged_log_is_mended_by_what_its_message_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    let log = dir.path().join(LOG);
    for (at, text) in [(1, ONE), (2, TWO), (3, ONE)] {
        dir.apply(text, &signed(at)).expect("applied");
    }
    let knowing = dir.clone().knowing(3);
    let whole = fs::read(&log).expect("a log");
    for rest in [&whole[..whole.len() - 20], &[]] {
        fs::write(&log, rest).expect("written");
        // Which one stood before is what the log does not tell any more.
        let error = knowing.rollback(None, &signed(4)).expect_err("damaged").to_string();
        assert!(error.contains("policy rollback VERSION"), "{error}");
        assert_eq!(knowing.rollback(Some(2), &signed(4)).expect("named"), 2);
        assert_eq!(knowing.current().expect("mended"), Some(2));
        let aside = fs::read(dir.path().join("damaged-4.jsonl")).expect("kept");
        assert_eq!(aside, rest);
    }
    let kept = fs::read_to_string(dir.file_of(1)).expect("version 1");
    fs::write(&log, "").expect("written");
    assert_eq!(dir.apply(ONE, &signed(5)).expect("applied"), Some(4), "no number is given twice");
    assert_eq!(fs::read_to_string(dir.file_of(1)).expect("version 1"), kept);
    assert_eq!(knowing.current().expect("mended"), Some(4));
    // The whole folder gone: what is applied then is the next version, and opens nothing before.
    fs::remove_dir_all(dir.path()).expect("removed");
    assert_eq!(knowing.apply(TWO, &signed(6)).expect("applied"), Some(4));
    assert_eq!(knowing.current().expect("mended"), Some(4));
}

#[test]
fn a_change_tells_its_kind_and_key_and_is_not_made_over_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = PolicyDir::in_dir(folder.path());
    let by_key = Signature { key_id: Some("k_1".to_owned()), ..signed(1) };
    let over = |expected| Over { kind: ChangeKind::Apply, expected };
    assert_eq!(dir.apply_over(ONE, over(Some(0)), &by_key).expect("the first"), Some(1));
    let overtaken = dir.apply_over(TWO, over(Some(0)), &signed(2));
    assert!(matches!(overtaken, Err(Error::Overtaken { current: 1 })), "{overtaken:?}");
    let disable = Over { kind: ChangeKind::Disable, expected: Some(1) };
    assert_eq!(dir.apply_over("", disable, &signed(3)).expect("off"), Some(2));
    let log = dir.log().expect("a log");
    let told: Vec<_> = log.iter().map(|c| (c.kind.as_str(), c.key_id.as_deref())).collect();
    assert_eq!(told, [("apply", Some("k_1")), ("disable", None)]);
    assert!(dir.load(2).expect("sound").is_empty());
    assert_eq!(dir.rollback(None, &signed(4)).expect("back"), 1);
}
