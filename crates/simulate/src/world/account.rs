//! What a life came to, net of what came back.

use super::Outcome;

/// Sums over the visits of one life.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    pub from_offers: f64,
    pub elsewhere: f64,
    pub margin: f64,
}

impl Account {
    pub fn add(&mut self, outcome: &Outcome) {
        for line in outcome.lines.iter().filter(|line| !line.is_returned) {
            let origin =
                if line.is_from_offer { &mut self.from_offers } else { &mut self.elsewhere };
            *origin += line.revenue();
            self.margin += line.margin();
        }
    }

    pub fn revenue(&self) -> f64 {
        self.from_offers + self.elsewhere
    }
}
