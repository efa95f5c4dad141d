//! The numbers of a world: how often customers come, what they spend, how they respond.

/// Which world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    Shop,
    Bank,
    Restaurant,
}

impl WorldKind {
    pub const ALL: [WorldKind; 3] = [WorldKind::Shop, WorldKind::Bank, WorldKind::Restaurant];

    pub fn as_str(self) -> &'static str {
        match self {
            WorldKind::Shop => "shop",
            WorldKind::Bank => "bank",
            WorldKind::Restaurant => "restaurant",
        }
    }

    pub fn parse(text: &str) -> Option<WorldKind> {
        WorldKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Where offers appear in this world.
    pub fn placement(self) -> &'static str {
        match self {
            WorldKind::Shop => "cart",
            WorldKind::Bank => "home",
            WorldKind::Restaurant => "kiosk",
        }
    }
}

/// How customers are. Shares and probabilities lie between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Nature {
    /// Mean visits of a customer a day, and how customers differ (deviation of the logarithm).
    pub visits_a_day: f64,
    pub visits_spread: f64,
    /// Visits that end with a purchase without any offer.
    pub buys_share: f64,
    pub mean_basket_size: f64,
    pub max_basket_size: usize,
    /// Deviation of the logarithm of what a customer spends.
    pub size_spread: f64,
    /// Customers who spend much more, by Pareto's law with that exponent, and at most how much.
    pub large_share: f64,
    pub large_exponent: f64,
    pub large_max: f64,
    /// Scales prices (a balance) where true, else quantities.
    pub is_size_in_price: bool,
    /// Nobody holds an item twice.
    pub holds_once: bool,
    /// Guests, who come once and are known by their visit alone, of all people.
    pub guest_share: f64,
    /// Takes an offer in a moment of full attention, by how it fits.
    pub takes_complement: f64,
    pub takes_need: f64,
    pub takes_other: f64,
    /// Part of that on a visit without a purchase of its own.
    pub idle_factor: f64,
    /// Takes what was wanted anyway from the offer.
    pub takes_wanted: f64,
    /// An offer for a need of the visit takes the place of what would have served it.
    pub substitutes: f64,
    /// Any other taken offer would have been bought next time.
    pub brings_forward: f64,
    /// Of [`Life`](super::Life)'s memory, kept from one day to the next.
    pub memory_kept: f64,
    pub fatigue: f64,
    /// Customers who are put off, and how much a slate in memory keeps them away.
    pub put_off_share: f64,
    pub annoyance: f64,
    /// What comes back, of spontaneous purchases and of those on offer.
    pub returns: f64,
    pub returns_of_offers: f64,
    pub n_locations: u32,
}

impl Nature {
    pub fn of(kind: WorldKind) -> Nature {
        match kind {
            WorldKind::Shop => Nature::shop(),
            WorldKind::Bank => Nature::bank(),
            WorldKind::Restaurant => Nature::restaurant(),
        }
    }

    fn shop() -> Nature {
        Nature {
            visits_a_day: 0.06,
            visits_spread: 0.8,
            buys_share: 0.4,
            mean_basket_size: 3.5,
            max_basket_size: 30,
            size_spread: 0.6,
            large_share: 0.02,
            large_exponent: 2.2,
            large_max: 40.0,
            is_size_in_price: false,
            holds_once: false,
            guest_share: 0.0,
            takes_complement: 0.16,
            takes_need: 0.08,
            takes_other: 0.015,
            idle_factor: 0.3,
            takes_wanted: 0.6,
            substitutes: 0.5,
            brings_forward: 0.2,
            memory_kept: 0.9,
            fatigue: 0.15,
            put_off_share: 0.08,
            annoyance: 0.35,
            returns: 0.05,
            returns_of_offers: 0.09,
            n_locations: 1,
        }
    }

    fn bank() -> Nature {
        Nature {
            visits_a_day: 0.12,
            visits_spread: 0.9,
            buys_share: 0.03,
            mean_basket_size: 1.1,
            max_basket_size: 2,
            size_spread: 0.9,
            large_share: 0.01,
            large_exponent: 2.5,
            large_max: 30.0,
            is_size_in_price: true,
            holds_once: true,
            takes_complement: 0.03,
            takes_need: 0.02,
            takes_other: 0.004,
            idle_factor: 0.8,
            substitutes: 0.6,
            brings_forward: 0.35,
            memory_kept: 0.93,
            fatigue: 0.12,
            put_off_share: 0.1,
            annoyance: 0.15,
            returns: 0.02,
            returns_of_offers: 0.05,
            ..Nature::shop()
        }
    }

    fn restaurant() -> Nature {
        Nature {
            visits_a_day: 0.15,
            visits_spread: 0.7,
            buys_share: 0.97,
            mean_basket_size: 2.2,
            max_basket_size: 8,
            size_spread: 0.3,
            large_share: 0.01,
            large_exponent: 3.0,
            large_max: 15.0,
            guest_share: 0.5,
            takes_complement: 0.2,
            takes_need: 0.1,
            takes_other: 0.03,
            takes_wanted: 0.5,
            substitutes: 0.7,
            brings_forward: 0.05,
            fatigue: 0.2,
            put_off_share: 0.05,
            annoyance: 0.1,
            returns: 0.003,
            returns_of_offers: 0.005,
            n_locations: 6,
            ..Nature::shop()
        }
    }
}
