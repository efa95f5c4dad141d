//! What `serve` was told to hold out, as the report holds the arms to it and tells it.

use crate::error::Result;
use events::Timestamp;
use history::{HoldoutPeriod, Store};
use measure::trial::Promise;
use serde::Serialize;

/// Share that was held out from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct HoldoutFinding {
    /// `None`: from the beginning.
    pub since: Option<String>,
    pub percent: f64,
}

/// The promise of a share for all times, else of what the store was told.
pub(crate) async fn promise(store: &Store, holdout: Option<f64>) -> Result<Promise> {
    let told = match holdout {
        Some(_) => Vec::new(),
        None => store.holdout_periods().await?,
    };
    let always = holdout.unwrap_or(crate::DEFAULT_HOLDOUT);
    Ok(of_periods(&told, always))
}

fn of_periods(told: &[HoldoutPeriod], otherwise: f64) -> Promise {
    let share = |period: &HoldoutPeriod| (period.since.0, 1.0 - period.share);
    match told {
        [] => Promise::new(vec![(i64::MIN, 1.0 - otherwise)]),
        told => Promise::new(told.iter().map(share).collect()),
    }
}

pub(crate) fn findings(promise: &Promise) -> Vec<HoldoutFinding> {
    let finding = |&(since, treated): &(i64, f64)| HoldoutFinding {
        since: (since != i64::MIN).then(|| Timestamp(since).to_string()),
        percent: ((1.0 - treated) * 1e8).round() / 1e6,
    };
    promise.periods().iter().map(finding).collect()
}

/// Why nobody can be compared with anybody, where the share is to blame.
pub(crate) fn why_nothing(holdout: &[HoldoutFinding], n: u64, n_alone: u64) -> Option<String> {
    let last = holdout.last()?.percent;
    if n == 0 && last == 0.0 {
        let why = "nobody is held out (`alongside serve --holdout 0`), so there is nobody to \
                   compare with; `--holdout 5` holds out 5 %";
        return Some(why.to_owned());
    }
    if n == 0 || n_alone < n {
        return None;
    }
    Some(match holdout {
        [only] if only.percent >= 100.0 => "everybody is held out (`alongside serve --holdout \
                                            100`), so there is nobody to compare with"
            .to_owned(),
        [only] if only.percent <= 0.0 => "nobody was to be held out, so there is nobody to \
                                          compare with"
            .to_owned(),
        _ => "at no time customers were both shown offers and held out".to_owned(),
    })
}

/// How arms are compared whose share changed.
pub(crate) fn method(holdout: &[HoldoutFinding]) -> Option<String> {
    let [first, changes @ ..] = holdout else { return None };
    if changes.is_empty() {
        return None;
    }
    let change = |to: &HoldoutFinding| {
        format!(", {} % since {}", to.percent, to.since.as_deref().unwrap_or("the beginning"))
    };
    let changes: String = changes.iter().map(change).collect();
    Some(format!(
        "{} % were held out{changes}. Customers are compared with those who were first assigned \
         under the same share; each of these periods counts by its customers.",
        first.percent
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(since: i64, share: f64) -> HoldoutPeriod {
        HoldoutPeriod { since: Timestamp(since), share }
    }

    #[test]
    fn nobody_and_everybody_are_told_as_what_they_are() {
        let told = |share: f64| findings(&of_periods(&[period(i64::MIN, share)], 0.05));
        let why = why_nothing(&told(0.0), 0, 0).expect("a reason");
        assert!(why.contains("nobody is held out") && why.contains("--holdout 5"), "{why}");
        let why = why_nothing(&told(1.0), 700, 700).expect("a reason");
        assert!(why.contains("everybody is held out"), "{why}");
        assert_eq!(why_nothing(&told(0.05), 700, 0), None);
        assert_eq!(why_nothing(&told(0.05), 0, 0), None, "nobody was there yet");
        assert_eq!(findings(&of_periods(&[], 0.05))[0].percent, 5.0);
    }

    #[test]
    fn a_change_is_told_with_its_time() {
        let told = [period(i64::MIN, 0.5), period(86_400_000_000, 0.05)];
        let told = findings(&of_periods(&told, 0.05));
        let method = method(&told).expect("a change");
        assert!(method.starts_with("50 % were held out, 5 % since 1970-01-02"), "{method}");
        assert_eq!(super::method(&told[..1]), None);
    }
}
