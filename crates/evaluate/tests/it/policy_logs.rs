//! Protocol OP on the sample of the Open Bandit data.

use evaluate::off_policy::{PolicyOutcome, judge_folder};
use evaluate::policy_log::LogColumns;
use measure::off_policy::CannotKnow;
use std::path::PathBuf;

fn open_bandit() -> Option<Vec<PolicyOutcome>> {
    let folder = std::env::var_os("ALONGSIDE_TEST_DATA")
        .map(|folder| PathBuf::from(folder).join("open_bandit"))
        .filter(|folder| folder.exists());
    if folder.is_none() {
        println!("skipped: ALONGSIDE_TEST_DATA has no open_bandit");
    }
    Some(judge_folder(&folder?, &LogColumns::default()).expect("the logs are sound"))
}

#[test]
fn each_policy_is_judged_by_the_others_log_or_refused() {
    let Some(found) = open_bandit() else { return };
    let cases: Vec<&str> = found.iter().map(|outcome| outcome.case.as_str()).collect();
    assert_eq!(cases, ["uniform:men", "bts:men", "uniform:women", "bts:women"]);
    assert_eq!(
        found.iter().map(|o| o.is_approximate).collect::<Vec<_>>(),
        [false, true, false, true]
    );
    // numpy: mean of w·r, Σw·r/Σw, (Σw)²/Σw².
    let men = found[0].result.as_ref().expect("the log can tell");
    assert!((men.ips.value - 0.003_008_6).abs() < 1e-6, "{men:?}");
    assert!((men.snips.value - 0.003_189_4).abs() < 1e-6, "{men:?}");
    assert!((found[0].weights.effective - 655.71).abs() < 0.01);
    for outcome in [&found[0], &found[1], &found[3]] {
        let observed = outcome.observed.expect("the policy's own log");
        for value in outcome.estimates().expect("the log can tell") {
            assert!(value.low < observed.high && observed.low < value.high, "{outcome:?}");
            // A few dozen clicks: an interval of less than half the rate would be a pretense.
            assert!(value.high - value.low > 0.5 * value.value, "{value:?}");
        }
    }
    // One impression of the women's log had a chance of a millionth.
    let refused = found[2].result;
    assert!(
        matches!(refused, Err(CannotKnow::TooFewEffective { effective }) if effective < 3.0),
        "{refused:?}"
    );
}
