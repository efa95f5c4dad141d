//! Which setting to try next.

use super::held::Measured;
use super::knobs::{N_KNOBS, Setting};

/// Walks from the defaults: one value up or down, knob by knob, on in a direction while it helps.
#[derive(Clone, Debug, Default)]
pub struct Search {
    best: Option<(Setting, Measured)>,
    first: Option<Measured>,
    tried: Vec<Setting>,
    /// Knob and direction: twice the knob, and one more for down.
    turn: usize,
    /// Turns since something was better.
    n_failed: usize,
}

/// A mean difference and its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gain {
    pub mean: f64,
    pub error: f64,
}

impl Gain {
    pub fn is_clear(&self) -> bool {
        self.mean > self.error
    }
}

const N_TURNS: usize = 2 * N_KNOBS;

impl Search {
    /// The setting to try; `None` when no step from the best one is left.
    pub fn next_setting(&mut self) -> Option<Setting> {
        let Some((best, _)) = &self.best else { return Some(Setting::default()) };
        while self.n_failed < N_TURNS {
            let step = best.moved(self.turn / 2, self.turn.is_multiple_of(2));
            if let Some(setting) = step.filter(|setting| !self.tried.contains(setting)) {
                return Some(setting);
            }
            self.turn = (self.turn + 1) % N_TURNS;
            self.n_failed += 1;
        }
        None
    }

    /// What came of a setting; true: it is the best so far.
    pub fn tell(&mut self, setting: Setting, measured: Measured) -> bool {
        self.tried.push(setting);
        let is_better = match &self.best {
            None => true,
            Some((_, best)) => measured.gain_over(best).is_clear(),
        };
        if self.first.is_none() {
            self.first = Some(measured.clone());
        }
        if is_better {
            self.best = Some((setting, measured));
            self.n_failed = 0;
        } else {
            self.turn = (self.turn + 1) % N_TURNS;
            self.n_failed += 1;
        }
        is_better
    }

    pub fn n_tried(&self) -> usize {
        self.tried.len()
    }

    pub fn best(&self) -> Option<&(Setting, Measured)> {
        self.best.as_ref()
    }

    /// How much better the best is than the defaults.
    pub fn gain(&self) -> Gain {
        match (&self.best, &self.first) {
            (Some((_, best)), Some(first)) => best.gain_over(first),
            _ => Gain::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::N_CASES;

    /// A thousand cases a kind, of which so many find the item first.
    fn measured(n_hits: usize) -> Measured {
        let ranks: Vec<u8> = (0..1_000).map(|at| u8::from(at < n_hits)).collect();
        Measured { ranks: std::array::from_fn(|_| ranks.clone()) }
    }

    /// Best at a λ of 50 and 200 trees; each step away costs.
    fn truth(setting: Setting) -> usize {
        let value = |name: &str| setting.values().find(|(own, _)| *own == name).unwrap().1;
        let lambda = [0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
        let at = lambda.iter().position(|tried| *tried == value("ease.lambda")).unwrap();
        let trees =
            [60.0, 120.0, 200.0].iter().position(|n| *n == value("ranker.n_trees")).unwrap();
        let others = setting.changes().count() - usize::from(at != 0) - usize::from(trees != 1);
        500 - 20 * at.abs_diff(4) - 30 * (2 - trees) - 5 * others
    }

    #[test]
    fn the_walk_ends_at_the_top_and_tries_nothing_twice() {
        let mut search = Search::default();
        while let Some(setting) = search.next_setting() {
            assert!(!search.tried.contains(&setting), "{setting:?}");
            search.tell(setting, measured(truth(setting)));
        }
        let (best, _) = search.best().unwrap();
        let changes: Vec<(&str, f64)> = best.changes().collect();
        assert_eq!(changes, [("ranker.n_trees", 200.0), ("ease.lambda", 50.0)]);
        assert!(search.n_tried() < 60, "{}", search.n_tried());
        let gain = search.gain();
        assert!((gain.mean - 0.11).abs() < 1e-9 && gain.is_clear(), "{gain:?}");
    }

    #[test]
    fn the_same_answers_lead_the_same_way() {
        let walk = |n: usize| {
            let mut search = Search::default();
            let mut way = Vec::new();
            while let Some(setting) = search.next_setting().filter(|_| way.len() < n) {
                way.push(setting);
                search.tell(setting, measured(truth(setting)));
            }
            way
        };
        assert_eq!(walk(5), walk(100)[..5]);
    }

    #[test]
    fn what_is_better_by_luck_is_not_kept() {
        let mut search = Search::default();
        let first = search.next_setting().unwrap();
        assert!(search.tell(first, measured(300)), "the first is the best of one");
        let next = search.next_setting().unwrap();
        // Two cases of a thousand up and one down.
        let mut lucky = measured(300);
        lucky.ranks[0][998..].fill(1);
        lucky.ranks[0][0] = 0;
        assert!(lucky.gain_over(&measured(300)).mean > 0.0);
        assert!(!search.tell(next, lucky));
        assert_eq!(search.best().unwrap().0, first);
        assert_eq!(N_CASES, 4);
    }
}
