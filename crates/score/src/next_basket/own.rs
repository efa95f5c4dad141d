//! What a customer did with one item so far, in words of orders and days.

use events::Timestamp;
use events::time::DAY_US;

/// The day of a buying whose time nobody knows.
pub const NO_DAY: i32 = i32::MIN;

/// Days since 1970.
pub fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.0.div_euclid(DAY_US)).unwrap_or(NO_DAY)
}

/// An order of the customer that the snapshot does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderSince {
    pub at: Timestamp,
    /// Distinct items known to the world.
    pub items: Vec<u32>,
}

/// What is known of a customer's buyings of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bought {
    pub n_bought: u32,
    /// Of the buyings with a time; [`NO_DAY`]: none has one.
    pub first_day: i32,
    pub last_day: i32,
}

impl Default for Bought {
    fn default() -> Bought {
        Bought { n_bought: 0, first_day: NO_DAY, last_day: NO_DAY }
    }
}

impl Bought {
    /// As it stands in the section.
    pub fn to_flat(self) -> [i32; 3] {
        [self.n_bought as i32, self.first_day, self.last_day]
    }

    pub(super) fn of_flat(flat: [i32; 3]) -> Bought {
        Bought { n_bought: flat[0].max(0) as u32, first_day: flat[1], last_day: flat[2] }
    }

    /// Takes in one more buying.
    pub fn add(&mut self, day: i32) {
        self.n_bought += 1;
        if day != NO_DAY {
            self.first_day = if self.first_day == NO_DAY { day } else { self.first_day.min(day) };
            self.last_day = self.last_day.max(day);
        }
    }

    /// Days from the first buying to the last.
    pub fn span_days(&self) -> f32 {
        self.last_day.saturating_sub(self.first_day) as f32
    }

    /// Days from the last buying to `today`; `None` where one of the two is not known.
    pub fn age_days(&self, today: Option<i32>) -> Option<u32> {
        let today = today.filter(|_| self.last_day != NO_DAY)?;
        Some(today.saturating_sub(self.last_day).max(0) as u32)
    }

    /// As a reason tells it.
    pub fn told(&self, n_orders: u32, today: Option<i32>) -> Rebuy {
        let n_gaps = self.n_bought.saturating_sub(1);
        let every_days = (n_gaps > 0 && self.last_day > self.first_day)
            .then(|| (self.span_days() / n_gaps as f32).round() as u32);
        // An order that came back in part is one of theirs all the same.
        let n_orders = n_orders.max(self.n_bought);
        Rebuy { n_bought: self.n_bought, n_orders, every_days, last_days: self.age_days(today) }
    }
}

/// Fewer buyings tell of no rhythm.
const MIN_BOUGHT: u32 = 3;
/// From this share of the usual gap on it is due, up to so many gaps: after that it was given up.
const DUE_FROM: f32 = 0.75;
const DUE_UNTIL: f32 = 3.0;

/// A customer's habit with an item, in whole numbers that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuy {
    pub n_bought: u32,
    /// Orders of the customer, those with the item among them.
    pub n_orders: u32,
    /// Mean days from buying to buying; `None` below two, or without times.
    pub every_days: Option<u32>,
    /// Days since the last buying.
    pub last_days: Option<u32>,
}

impl Rebuy {
    /// Bought in a rhythm, and time again by it.
    pub fn is_due(&self) -> bool {
        let (Some(every), Some(last)) = (self.every_days, self.last_days) else { return false };
        let (every, last) = (every as f32, last as f32);
        let is_rhythm = MIN_BOUGHT <= self.n_bought && 1.0 <= every;
        is_rhythm && DUE_FROM * every <= last && last <= DUE_UNTIL * every
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought(days: &[i32]) -> Bought {
        let mut bought = Bought::default();
        days.iter().for_each(|&day| bought.add(day));
        bought
    }

    #[test]
    fn a_rhythm_is_told_and_due_in_its_time() {
        let habit = bought(&[100, 130, 160]);
        let told = |today| habit.told(9, Some(today));
        assert_eq!(
            told(188),
            Rebuy { n_bought: 3, n_orders: 9, every_days: Some(30), last_days: Some(28) }
        );
        let due: Vec<bool> =
            [161, 182, 183, 190, 250, 251].iter().map(|&today| told(today).is_due()).collect();
        assert_eq!(due, [false, false, true, true, true, false]);
        // A clock that went back.
        assert_eq!(told(150).last_days, Some(0));
        assert!(!bought(&[100, 130]).told(9, Some(160)).is_due(), "one gap is no rhythm");
    }

    #[test]
    fn without_times_only_counts_are_told() {
        let habit = bought(&[NO_DAY, NO_DAY, NO_DAY]);
        let told = habit.told(2, Some(20_000));
        assert_eq!(told, Rebuy { n_bought: 3, n_orders: 3, every_days: None, last_days: None });
        assert!(!told.is_due());
        let mixed = bought(&[NO_DAY, 7]);
        assert_eq!((mixed.first_day, mixed.last_day), (7, 7));
        assert_eq!(mixed.told(2, Some(9)).every_days, None);
        assert_eq!(Bought::of_flat(mixed.to_flat()), mixed);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let at = |us| day_of(Timestamp(us));
        assert_eq!((at(0), at(DAY_US - 1), at(DAY_US), at(-1)), (0, 0, 1, -1));
        assert_eq!(at(i64::MAX), 106_751_991);
    }
}
