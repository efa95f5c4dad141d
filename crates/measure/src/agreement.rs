//! How far two readers agree beyond chance, and how a rule fares against what they agree on.

/// Counts of pairs of answers: rows of the first, columns of the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion<const K: usize> {
    pub counts: [[u64; K]; K],
}

impl<const K: usize> Default for Confusion<K> {
    fn default() -> Confusion<K> {
        Confusion::new()
    }
}

impl<const K: usize> Confusion<K> {
    pub fn new() -> Confusion<K> {
        Confusion { counts: [[0; K]; K] }
    }

    pub fn add(&mut self, first: usize, second: usize) {
        self.counts[first][second] += 1;
    }

    pub fn n(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    pub fn n_agreed(&self) -> u64 {
        (0..K).map(|at| self.counts[at][at]).sum()
    }

    pub fn n_first(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    pub fn n_second(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Cohen's κ = (p_o − p_e) / (1 − p_e): 1 for the same answers, 0 for agreement as by chance.
    /// J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
    /// Measurement 20 (1960). `None` without answers, and where both gave one answer throughout.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.n() as f64;
        if n == 0.0 {
            return None;
        }
        let observed = self.n_agreed() as f64 / n;
        let products = (0..K).map(|class| self.n_first(class) as f64 * self.n_second(class) as f64);
        let expected = products.sum::<f64>() / (n * n);
        (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
    }

    /// With the first as truth and the second as what was said: the share of what was said that is
    /// true. `None` when it was never said.
    pub fn precision(&self, class: usize) -> Option<f64> {
        share(self.counts[class][class], self.n_second(class))
    }

    /// The share of what is true that was said.
    pub fn recall(&self, class: usize) -> Option<f64> {
        share(self.counts[class][class], self.n_first(class))
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::Confusion;

    #[test]
    fn kappa_of_the_textbook() {
        // 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: p_o = .7, p_e = .5, κ = .4.
        let table = Confusion { counts: [[20, 5], [10, 15]] };
        assert!((table.kappa().unwrap() - 0.4).abs() < 1e-12);
        assert_eq!((table.precision(0), table.recall(0)), (Some(20.0 / 30.0), Some(0.8)));
        let mut one = Confusion::<3>::new();
        assert_eq!((one.kappa(), one.precision(1)), (None, None));
        one.add(1, 1);
        assert_eq!((one.kappa(), one.recall(1)), (None, Some(1.0)));
    }
}
