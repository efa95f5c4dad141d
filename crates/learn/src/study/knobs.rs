//! What may be turned, and how far.

use crate::params::Params;

/// A parameter and the values that are tried, in order; 0 stands for what learning chooses itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knob {
    pub name: &'static str,
    pub values: &'static [f64],
    /// Position of the value that holds where nothing is tuned.
    default: usize,
}

const fn knob(name: &'static str, values: &'static [f64], default: usize) -> Knob {
    Knob { name, values, default }
}

pub const N_KNOBS: usize = 12;

/// All knobs; those that change most come first, for a study may end early.
pub const KNOBS: [Knob; N_KNOBS] = [
    knob("ranker.max_cases", &[1_000.0, 2_000.0, 4_000.0, 8_000.0], 2),
    knob("ranker.learning_rate", &[0.03, 0.05, 0.08, 0.12], 2),
    knob("ranker.max_leaves", &[7.0, 15.0, 31.0], 1),
    knob("ranker.min_rows_in_leaf", &[50.0, 100.0, 200.0, 400.0], 1),
    knob("ranker.n_trees", &[60.0, 120.0, 200.0], 1),
    knob("recent_ease.half_life_days", &[30.0, 60.0, 120.0, 240.0], 2),
    knob("recent_ease.lambda", &[10.0, 20.0, 50.0, 100.0, 200.0], 2),
    knob("knn.length_exponent", &[0.25, 0.5, 0.75, 1.0], 1),
    knob("ease.lambda", &[0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0], 0),
    knob("pairs.half_life_days", &[0.0, 30.0, 60.0, 120.0, 240.0], 0),
    knob("history.half_life_days", &[30.0, 60.0, 90.0, 180.0, 365.0], 2),
    knob("trend.half_life_days", &[7.0, 14.0, 30.0, 60.0], 2),
];

/// A value of every knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting([u8; N_KNOBS]);

impl Default for Setting {
    fn default() -> Setting {
        Setting(std::array::from_fn(|at| KNOBS[at].default as u8))
    }
}

impl Setting {
    /// From values by name; what is not named is at its default. The name that is no knob's, or
    /// whose value is none that is tried, is the error.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Result<Setting, &'a str> {
        let mut setting = Setting::default();
        for (name, value) in values {
            let knob = KNOBS.iter().position(|knob| knob.name == name).ok_or(name)?;
            let position = KNOBS[knob].values.iter().position(|tried| *tried == value);
            setting.0[knob] = position.ok_or(name)? as u8;
        }
        Ok(setting)
    }

    fn value(&self, knob: usize) -> f64 {
        KNOBS[knob].values[usize::from(self.0[knob])]
    }

    /// Name and value of each knob.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let setting = *self;
        (0..N_KNOBS).map(move |knob| (KNOBS[knob].name, setting.value(knob)))
    }

    /// Those that are not at their defaults.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let default = Setting::default();
        self.values()
            .enumerate()
            .filter(move |(at, (_, value))| default.value(*at) != *value)
            .map(|(_, named)| named)
    }

    /// One value up or down; `None` at the end of the values.
    pub(super) fn moved(&self, knob: usize, up: bool) -> Option<Setting> {
        let at = self.0[knob].checked_add_signed(if up { 1 } else { -1 })?;
        let mut moved = *self;
        moved.0[knob] = at;
        (usize::from(at) < KNOBS[knob].values.len()).then_some(moved)
    }

    /// These values in place of the parameters'; all else stays.
    #[must_use]
    pub fn apply(&self, mut params: Params) -> Params {
        for (name, value) in self.values() {
            let chosen = (value > 0.0).then_some(value);
            match name {
                "ranker.max_cases" => params.ranker.max_cases = value as usize,
                "ranker.learning_rate" => params.ranker.boost.learning_rate = value as f32,
                "ranker.max_leaves" => params.ranker.boost.max_leaves = value as usize,
                "ranker.min_rows_in_leaf" => params.ranker.boost.min_rows_in_leaf = value as usize,
                "ranker.n_trees" => params.ranker.boost.n_trees = value as usize,
                "recent_ease.half_life_days" => params.fading.recent_ease_days = value,
                "recent_ease.lambda" => params.fading.recent_ease_lambda = value,
                "knn.length_exponent" => params.fading.knn_length_exponent = value,
                "ease.lambda" => params.ease_lambda = chosen,
                "pairs.half_life_days" => params.half_life_days = chosen,
                "history.half_life_days" => params.fading.history_days = value,
                "trend.half_life_days" => params.fading.trend_days = value,
                other => unreachable!("`{other}` is no knob"),
            }
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_their_defaults_knobs_change_nothing() {
        assert_eq!(Setting::default().apply(Params::default()), Params::default());
        assert_eq!(Setting::default().changes().count(), 0);
    }

    #[test]
    fn each_knob_turns_something_of_its_own_and_every_value_is_allowed() {
        let mut found = vec![Params::default()];
        for (knob, known) in KNOBS.iter().enumerate() {
            for &value in known.values {
                let setting = Setting::of([(known.name, value)]).unwrap();
                let params = setting.apply(Params::default());
                assert!(params.clone().check().is_ok(), "{}: {value}", known.name);
                assert_eq!(setting.value(knob), value);
                if setting != Setting::default() {
                    assert!(!found.contains(&params), "{}: {value}", known.name);
                    assert_eq!(setting.changes().collect::<Vec<_>>(), [(known.name, value)]);
                    found.push(params);
                }
            }
        }
    }

    #[test]
    fn what_is_no_knob_or_no_value_of_it_is_named() {
        assert_eq!(Setting::of([("ease.lambda", 10.0), ("color", 1.0)]), Err("color"));
        assert_eq!(Setting::of([("ease.lambda", 11.0)]), Err("ease.lambda"));
        let setting = Setting::of([("ease.lambda", 20.0)]).unwrap();
        assert_eq!(Setting::of(setting.values()), Ok(setting));
    }

    #[test]
    fn values_end_at_both_ends() {
        let default = Setting::default();
        assert_eq!(default.moved(8, false), None);
        let up = default.moved(8, true).unwrap();
        assert_eq!(up.moved(8, false), Some(default));
        let most = Setting::of([("ease.lambda", 200.0)]).unwrap();
        assert_eq!(most.moved(8, true), None);
    }
}
