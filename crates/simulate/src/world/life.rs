//! One customer, day by day.

use super::World;
use crate::chance::{Chance, hash};
use crate::shopper::{Habits, Needs, fill_basket};

/// What a draw decides about: mixed into its hash, so that no two decisions share one.
#[derive(Clone, Copy)]
enum Purpose {
    Visits = 1,
    Takes = 2,
    Displaces = 3,
    Returns = 4,
    Wanted = 5,
    Clicks = 6,
}

/// How a customer is, from birth.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Character {
    visits_a_day: f64,
    size: f64,
    responds: f64,
    annoyance: f64,
    /// The only day on which a guest comes.
    guest_day: Option<i32>,
    location: u32,
}

/// A customer up to some day. A clone lives on as somebody else would have.
#[derive(Clone, Debug)]
pub struct Life<'w> {
    world: &'w World,
    customer: u32,
    seed: u64,
    character: Character,
    day: i32,
    /// Slates seen, fading.
    memory: f64,
    /// Groups that offers served ahead of time.
    served: Vec<u32>,
    holds: Vec<u32>,
}

/// A visit before anything was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    pub day: i32,
    /// In the cart, or what the page is about: what offers go by.
    pub anchors: Vec<u32>,
    pub location: u32,
    needs: Vec<u32>,
    /// Item and quantity; what would be bought without offers.
    wants: Vec<(u32, u32)>,
}

/// A line of an order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    pub item: u32,
    pub quantity: u32,
    /// Of one unit.
    pub price: f64,
    /// Of one unit.
    pub cost: f64,
    pub is_from_offer: bool,
    pub is_returned: bool,
}

impl Taken {
    pub fn revenue(&self) -> f64 {
        self.price * f64::from(self.quantity)
    }

    pub fn margin(&self) -> f64 {
        (self.price - self.cost) * f64::from(self.quantity)
    }
}

/// What came of a visit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Empty: nothing was ordered.
    pub lines: Vec<Taken>,
    /// Of the items shown.
    pub clicked: Vec<u32>,
    pub dismissed: Vec<u32>,
}

fn uniform(hashed: u64) -> f64 {
    (hashed >> 11) as f64 / (1_u64 << 53) as f64
}

impl Character {
    fn draw(world: &World, seed: u64, days: (i32, i32)) -> Character {
        let nature = &world.nature;
        let mut chance = Chance::new(seed, 0);
        let log_normal = |chance: &mut Chance, spread: f64| {
            (spread * chance.normal() - 0.5 * spread * spread).exp()
        };
        let visits_a_day = nature.visits_a_day * log_normal(&mut chance, nature.visits_spread);
        let mut size = log_normal(&mut chance, nature.size_spread);
        let tail = (1.0 - chance.unit()).powf(-1.0 / nature.large_exponent);
        if chance.happens(nature.large_share) {
            size *= (4.0 * tail).min(nature.large_max);
        }
        let responds = log_normal(&mut chance, 0.7);
        let is_put_off = chance.happens(nature.put_off_share);
        let is_guest = chance.happens(nature.guest_share);
        let guest_day = days.0 + chance.below((days.1 - days.0).max(1) as u32) as i32;
        Character {
            visits_a_day: visits_a_day.min(0.9),
            size,
            responds: if is_put_off { 0.2 * responds } else { responds },
            annoyance: if is_put_off { nature.annoyance } else { 0.0 },
            guest_day: is_guest.then_some(guest_day),
            location: chance.below(nature.n_locations),
        }
    }
}

impl<'w> Life<'w> {
    /// From the first of `days` on; nobody comes on the last or later.
    pub fn new(world: &'w World, customer: u32, days: (i32, i32)) -> Life<'w> {
        let seed = hash(world.seed() ^ hash(u64::from(customer)));
        Life {
            world,
            customer,
            seed,
            character: Character::draw(world, seed, days),
            day: days.0,
            memory: 0.0,
            served: Vec::new(),
            holds: Vec::new(),
        }
    }

    pub fn customer(&self) -> u32 {
        self.customer
    }

    pub fn is_guest(&self) -> bool {
        self.character.guest_day.is_some()
    }

    /// Spends much more than most.
    pub fn is_large(&self) -> bool {
        self.character.size >= 3.0
    }

    pub fn holds(&self) -> &[u32] {
        &self.holds
    }

    /// The day that has not been lived yet.
    pub fn day(&self) -> i32 {
        self.day
    }

    /// The next visit before a day; `None` when that day has come.
    pub fn next_visit(&mut self, until_day: i32) -> Option<Visit> {
        while self.day < until_day {
            let day = self.day;
            self.day += 1;
            self.memory *= self.world.nature.memory_kept;
            if self.visits_on(day) {
                return Some(self.visit(day));
            }
        }
        None
    }

    fn visits_on(&self, day: i32) -> bool {
        if let Some(guest_day) = self.character.guest_day {
            return guest_day == day;
        }
        let stays_away = (-self.character.annoyance * self.memory).exp();
        self.draw(Purpose::Visits, day, 0) < self.character.visits_a_day * stays_away
    }

    fn draw(&self, purpose: Purpose, day: i32, item: u32) -> f64 {
        let place = (purpose as u64) << 56 | u64::from(day as u32) << 24 | u64::from(item);
        uniform(hash(self.seed ^ hash(place)))
    }

    fn visit(&self, day: i32) -> Visit {
        let (catalog, nature) = (&self.world.catalog, &self.world.nature);
        // Stream 0 is the character's.
        let mut chance = Chance::new(self.seed, u64::from(day as u32) + 1);
        let needs = Needs::draw(catalog, Some(self.customer), self.world.seed(), &mut chance);
        let habits = Habits::with_mean(nature.mean_basket_size);
        let mut basket = Vec::new();
        fill_basket(catalog, &habits, &needs, &mut chance, &mut basket);
        basket.truncate(nature.max_basket_size);
        let is_buying = chance.happens(nature.buys_share);
        let n_anchors = basket.len().div_ceil(2);
        let anchors = basket[..n_anchors].to_vec();
        let wants: Vec<(u32, u32)> =
            basket.into_iter().map(|item| (item, self.quantity(&mut chance))).collect();
        Visit {
            day,
            anchors,
            location: self.character.location,
            needs: needs.groups().to_vec(),
            wants: if is_buying { wants } else { Vec::new() },
        }
    }

    fn quantity(&self, chance: &mut Chance) -> u32 {
        let times = (0.4 * chance.normal()).exp();
        if self.world.nature.is_size_in_price {
            return 1;
        }
        (self.character.size * times).round().clamp(1.0, 1_000.0) as u32
    }

    /// What the customer does when shown these offers; empty: as if there were none.
    pub fn respond(&mut self, visit: &Visit, offers: &[u32]) -> Outcome {
        let mut outcome = Outcome::default();
        let mut wants = self.still_wanted(visit);
        let is_buying = !wants.is_empty();
        for (&item, rank) in offers.iter().zip(0_i32..) {
            if self.world.nature.holds_once && self.holds.contains(&item) {
                continue;
            }
            let attention = 0.85_f64.powi(rank);
            if let Some(at) = wants.iter().position(|&(wanted, _)| wanted == item) {
                let takes = self.world.nature.takes_wanted * attention;
                if self.draw(Purpose::Wanted, visit.day, item) < takes {
                    let (item, quantity) = wants.remove(at);
                    outcome.clicked.push(item);
                    outcome.lines.push(self.line(visit, item, quantity, true));
                }
                continue;
            }
            let p = self.takes(visit, item, is_buying) * attention;
            if self.draw(Purpose::Takes, visit.day, item) < p {
                self.displace(visit, item, &mut wants);
                let quantity = self.quantity(&mut Chance::new(self.seed ^ u64::from(item), 0));
                outcome.clicked.push(item);
                outcome.lines.push(self.line(visit, item, quantity, true));
            } else if self.draw(Purpose::Clicks, visit.day, item) < (2.0 * p).min(0.5) {
                outcome.clicked.push(item);
            } else if self.character.annoyance > 0.0 && attention < 0.8 {
                outcome.dismissed.push(item);
            }
        }
        if !offers.is_empty() {
            self.memory += 1.0;
        }
        let rest = wants.iter().map(|&(item, quantity)| self.line(visit, item, quantity, false));
        outcome.lines.extend(rest.collect::<Vec<_>>());
        if self.world.nature.holds_once {
            let kept = outcome.lines.iter().filter(|line| !line.is_returned);
            self.holds.extend(kept.map(|line| line.item));
        }
        outcome
    }

    /// What of the wishes neither is held nor was served ahead of time.
    fn still_wanted(&mut self, visit: &Visit) -> Vec<(u32, u32)> {
        let mut wants = visit.wants.clone();
        let group = |item: u32| self.world.catalog.items[item as usize].group;
        if self.world.nature.holds_once {
            wants.retain(|(item, _)| !self.holds.contains(item));
        }
        wants.retain(|&(item, _)| {
            let Some(at) = self.served.iter().position(|&served| served == group(item)) else {
                return true;
            };
            self.served.swap_remove(at);
            false
        });
        wants
    }

    /// Chance that an offer is taken, before attention.
    fn takes(&self, visit: &Visit, item: u32, is_buying: bool) -> f64 {
        let (nature, items) = (&self.world.nature, &self.world.catalog.items);
        let is_complement =
            visit.anchors.iter().any(|&anchor| items[anchor as usize].complement == Some(item));
        let fits = if is_complement {
            nature.takes_complement
        } else if visit.needs.contains(&items[item as usize].group) {
            nature.takes_need
        } else {
            nature.takes_other
        };
        let idle = if is_buying { 1.0 } else { nature.idle_factor };
        let tired = (-nature.fatigue * self.memory).exp();
        (fits * self.character.responds * idle * tired).min(0.9)
    }

    /// What a taken offer costs elsewhere: now or next time.
    fn displace(&mut self, visit: &Visit, item: u32, wants: &mut Vec<(u32, u32)>) {
        let (nature, items) = (&self.world.nature, &self.world.catalog.items);
        let group = |item: u32| items[item as usize].group;
        for &replaced in &self.world.facets[item as usize].replaces {
            if let Some(at) = wants.iter().position(|&(wanted, _)| group(wanted) == replaced) {
                wants.remove(at);
            }
        }
        let draw = self.draw(Purpose::Displaces, visit.day, item);
        let rival = wants.iter().position(|&(wanted, _)| group(wanted) == group(item));
        match rival {
            Some(at) if draw < nature.substitutes => {
                wants.remove(at);
            }
            None if draw < nature.brings_forward => self.served.push(group(item)),
            _ => {}
        }
    }

    fn line(&self, visit: &Visit, item: u32, quantity: u32, is_from_offer: bool) -> Taken {
        let nature = &self.world.nature;
        let scale = if nature.is_size_in_price { self.character.size } else { 1.0 };
        let cents = f64::from(self.world.catalog.items[item as usize].price_cents) * scale;
        // Whole cents: the same amount in a float and in an order.
        let price = cents.round().max(1.0) / 100.0;
        let cost = (price * 100.0 * self.world.facets[item as usize].cost_share).round() / 100.0;
        let returns = if is_from_offer { nature.returns_of_offers } else { nature.returns };
        let is_returned = self.draw(Purpose::Returns, visit.day, item) < returns;
        Taken { item, quantity, price, cost, is_from_offer, is_returned }
    }

    #[cfg(test)]
    pub(super) fn world_for_tests(&self) -> &'w World {
        self.world
    }

    #[cfg(test)]
    pub(super) fn takes_for_tests(&self, visit: &Visit, item: u32) -> f64 {
        self.takes(visit, item, true)
    }
}
