//! Who is shown offers and who is not: by a keyed hash of the unit, independent between
//! experiments.
//!
//! ```text
//! share(unit, experiment) = XXH3-64(unit; seed = XXH3-64(experiment; seed = key)) / 2^64
//! ```
//!
//! A unit whose share lies below the holdout's is held out. Nothing is stored to know it again, a
//! restart or another machine with the same key gives the same arms, and without the key nobody can
//! choose theirs.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The pseudonym of a unit: 64 bits of a keyed hash, the same in all experiments of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId(pub u64);

/// What is assigned as a whole: the customer; else the visit; else, at a till where nobody is
/// known, a location for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit<'a> {
    Customer(&'a str),
    Session(&'a str),
    /// The day counts from 1970 in UTC.
    LocationDay(&'a str, i64),
}

impl Unit<'_> {
    pub fn id(&self, key: u64) -> UnitId {
        let (kind, text, day) = match *self {
            Unit::Customer(id) => (1, id, 0),
            Unit::Session(id) => (2, id, 0),
            Unit::LocationDay(id, day) => (3, id, day),
        };
        let [kind, day] = [kind, day].map(i64::to_le_bytes);
        let seed = xxh3_64_with_seed([kind, day].as_flattened(), key);
        UnitId(xxh3_64_with_seed(text.as_bytes(), seed))
    }
}

/// The key of a shop, from a text that only it knows.
pub fn key_of(secret: &str) -> u64 {
    xxh3_64(secret.as_bytes())
}

/// A holdout: units that are shown nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holdout {
    seed: u64,
    share: f64,
}

impl Holdout {
    /// `None` unless `share` is between 0 and 1.
    pub fn new(experiment: &str, key: u64, share: f64) -> Option<Holdout> {
        let seed = xxh3_64_with_seed(experiment.as_bytes(), key);
        (0.0..=1.0).contains(&share).then_some(Holdout { seed, share })
    }

    pub fn holds_out(&self, unit: UnitId) -> bool {
        place(unit, self.seed) < self.share
    }
}

/// Where a unit lies between 0 and 1 in an experiment: uniform over units, independent between
/// names.
pub fn place_of(unit: UnitId, experiment: &str, key: u64) -> f64 {
    place(unit, xxh3_64_with_seed(experiment.as_bytes(), key))
}

fn place(unit: UnitId, seed: u64) -> f64 {
    let hash = xxh3_64_with_seed(&unit.0.to_le_bytes(), seed);
    // 53 bits: every value of the quotient is exact, and below 1.
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: u64 = 0x5eed;

    fn held_out(experiment: &str, n: usize) -> Vec<bool> {
        let holdout = Holdout::new(experiment, KEY, 0.05).unwrap();
        let unit = |at: usize| Unit::Customer(&format!("c{at}")).id(KEY);
        (0..n).map(|at| holdout.holds_out(unit(at))).collect()
    }

    #[test]
    fn a_twentieth_is_held_out_and_always_the_same() {
        let first = held_out("holdout", 100_000);
        let n = first.iter().filter(|is_out| **is_out).count();
        // Four standard errors of a binomial around 5,000.
        assert!((4_724..=5_276).contains(&n), "{n}");
        assert_eq!(first, held_out("holdout", 100_000));
    }

    #[test]
    fn experiments_are_independent() {
        let (one, other) = (held_out("one", 100_000), held_out("other", 100_000));
        let both = one.iter().zip(&other).filter(|(a, b)| **a && **b).count();
        assert!((190..=310).contains(&both), "{both} of some 250");
    }

    #[test]
    fn kinds_days_and_keys_tell_units_apart() {
        let ids = [
            Unit::Customer("a").id(KEY),
            Unit::Session("a").id(KEY),
            Unit::LocationDay("a", 0).id(KEY),
            Unit::LocationDay("a", 1).id(KEY),
            Unit::Customer("b").id(KEY),
            Unit::Customer("a").id(KEY + 1),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }

    #[test]
    fn shares_at_the_ends_and_beyond() {
        let unit = Unit::Session("s").id(KEY);
        assert!(!Holdout::new("h", KEY, 0.0).unwrap().holds_out(unit));
        assert!(Holdout::new("h", KEY, 1.0).unwrap().holds_out(unit));
        for share in [-0.1, 1.1, f64::NAN] {
            assert_eq!(Holdout::new("h", KEY, share), None);
        }
    }
}
