//! One run: a world, its trial, its truth.

use super::pair_counts::{PairCounts, Partners};
use crate::chance::hash;
use crate::world::{Account, Life, Nature, Outcome, Visit, World, WorldKind};
use events::time::DAY_US;
use measure::assignment::{Holdout, Unit};
use measure::lift::{Effect, NoAnswer};
use measure::reading::{OF_REVENUE, Reading};
use measure::trial::{Assigned, ELSEWHERE, FROM_OFFERS, MARGIN, Purchase, REVENUE, Row, Trial};

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub kind: WorldKind,
    pub n_customers: u32,
    pub days_before: u16,
    pub days: u16,
    pub held_out_share: f64,
}

impl Plan {
    /// Four weeks with a holdout as `serve` has it, and two months before.
    pub fn of(kind: WorldKind) -> Plan {
        Plan { kind, n_customers: 20_000, days_before: 60, days: 28, held_out_share: 0.05 }
    }

    fn span(&self) -> (i32, i32) {
        (-i32::from(self.days_before), i32::from(self.days))
    }
}

/// Means over everybody in the trial.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Truth {
    pub lift: f64,
    pub displaced: f64,
    pub margin: f64,
}

/// What was measured, and what is true.
#[derive(Clone, Debug)]
pub struct Finding {
    pub seed: u64,
    pub n_offers: u64,
    pub n_holdout: u64,
    /// Of what was compared: capped where the reading had to cap.
    pub truth: Truth,
    /// Of all that was bought.
    pub truth_uncapped: Truth,
    pub is_capped: bool,
    pub lift: Result<Effect, NoAnswer>,
    pub displaced: Result<Effect, NoAnswer>,
    pub margin: Result<Effect, NoAnswer>,
    /// Revenue from offers a customer with offers: what a usual report calls the effect.
    pub attributed: f64,
}

/// As a row of the trial.
fn row_of(account: &Account) -> Row {
    let mut row = Row::default();
    row[FROM_OFFERS] = account.from_offers;
    row[ELSEWHERE] = account.elsewhere;
    row[REVENUE] = account.revenue();
    row[MARGIN] = account.margin;
    row
}

/// Lives the world of a seed and measures it.
pub fn run(plan: &Plan, seed: u64) -> Finding {
    run_in(plan, seed, Nature::of(plan.kind))
}

/// The same among customers of another nature.
pub fn run_in(plan: &Plan, seed: u64, nature: Nature) -> Finding {
    let world = World::new(plan.kind, hash(seed)).with_nature(nature);
    let key = hash(seed ^ 0x6b65_7920);
    let holdout = Holdout::new("holdout", key, plan.held_out_share).expect("a share");
    let (lives, partners, before) = live_before(plan, &world);
    let mut units = Vec::new();
    let mut purchases: Vec<(usize, Purchase)> = Vec::new();
    let mut truths: Vec<[Account; 2]> = Vec::new();
    for (life, spent) in lives.into_iter().zip(before) {
        let person = truths.len();
        let name = world.customer_id(life.customer());
        let unit = if life.is_guest() { Unit::Session(&name) } else { Unit::Customer(&name) };
        let unit = unit.id(key);
        let is_held_out = holdout.holds_out(unit);
        let mut orders = Vec::new();
        let with = live_on(&life, plan, &partners, |visit, outcome| {
            orders.push((visit.day, outcome.clone()));
        });
        // Everybody comes to the first visit of the trial alike, so both lives are in it or none.
        let Some((first_day, with)) = with else { continue };
        let mut orders_without = Vec::new();
        let without = live_on(&life, plan, &Partners::none(), |visit, outcome| {
            orders_without.push((visit.day, outcome.clone()));
        });
        let without = without.map_or(Account::default(), |(_, account)| account);
        truths.push([with, without]);
        units.push(Assigned {
            unit,
            customer: (!life.is_guest()).then_some(person as u32),
            arm: u16::from(!is_held_out),
            first_at_us: at_us(first_day, 0),
        });
        let seen = if is_held_out { &orders_without } else { &orders };
        let past = spent.iter().map(|(day, outcome)| (*day, outcome));
        let told = past.chain(seen.iter().map(|(day, outcome)| (*day, outcome)));
        told.for_each(|(day, outcome)| orders_of(person, day, outcome, &mut purchases));
    }
    let unit_ids: Vec<_> = units.iter().map(|unit| (unit.unit, unit.customer)).collect();
    let mut trial = Trial::new(units, [], 90 * DAY_US);
    for (person, purchase) in purchases {
        let (unit, customer) = unit_ids[person];
        let found = trial.find(customer, Some(unit)).expect("everybody was assigned");
        trial.add(found, &purchase);
    }
    finding(plan, seed, &trial, &truths)
}

/// All lives up to day 0, what they taught, and what they bought.
type Past<'w> = (Vec<Life<'w>>, Partners, Vec<Vec<(i32, Outcome)>>);

fn live_before<'w>(plan: &Plan, world: &'w World) -> Past<'w> {
    let mut counts = PairCounts::new(world.n_items());
    let (mut lives, mut bought) = (Vec::new(), Vec::new());
    for customer in 0..plan.n_customers {
        let mut life = Life::new(world, customer, plan.span());
        let mut orders = Vec::new();
        while let Some(visit) = life.next_visit(0) {
            let outcome = life.respond(&visit, &[]);
            let mut basket: Vec<u32> = outcome.lines.iter().map(|line| line.item).collect();
            if world.nature.holds_once {
                // Products are held together, not bought together.
                basket.extend(
                    life.holds()
                        .iter()
                        .filter(|held| !basket.contains(held))
                        .copied()
                        .collect::<Vec<_>>(),
                );
            }
            if !outcome.lines.is_empty() {
                counts.add(&basket);
                orders.push((visit.day, outcome));
            }
        }
        lives.push(life);
        bought.push(orders);
    }
    (lives, counts.learned(), bought)
}

/// Lives through the trial; day of the first visit and what was bought, `None` for who never came.
fn live_on(
    life: &Life<'_>,
    plan: &Plan,
    partners: &Partners,
    mut tell: impl FnMut(&Visit, &Outcome),
) -> Option<(i32, Account)> {
    let mut life = life.clone();
    let (mut first_day, mut account) = (None, Account::default());
    while let Some(visit) = life.next_visit(i32::from(plan.days)) {
        first_day.get_or_insert(visit.day);
        let offers = partners.offers(&visit.anchors, life.holds());
        let outcome = life.respond(&visit, &offers);
        account.add(&outcome);
        tell(&visit, &outcome);
    }
    first_day.map(|day| (day, account))
}

/// The orders of a day are made an hour after the offers; what comes back counts where it was sold.
fn at_us(day: i32, hours: i64) -> i64 {
    i64::from(day) * DAY_US + hours * DAY_US / 24
}

fn orders_of(person: usize, day: i32, outcome: &Outcome, to: &mut Vec<(usize, Purchase)>) {
    if outcome.lines.is_empty() {
        return;
    }
    let mut sale = Purchase { at_us: at_us(day, 1), is_order: true, ..Purchase::default() };
    let mut back = Purchase { at_us: at_us(day, 1), ..Purchase::default() };
    for line in &outcome.lines {
        add_line(&mut sale, line, 1.0);
        if line.is_returned {
            add_line(&mut back, line, -1.0);
        }
    }
    to.push((person, sale));
    if back != (Purchase { at_us: at_us(day, 1), ..Purchase::default() }) {
        to.push((person, back));
    }
}

fn add_line(purchase: &mut Purchase, line: &crate::world::Taken, sign: f64) {
    let origin =
        if line.is_from_offer { &mut purchase.from_offers } else { &mut purchase.elsewhere };
    *origin += sign * line.revenue();
    purchase.margin += sign * line.margin();
    purchase.n_items += sign * f64::from(line.quantity);
}

fn finding(plan: &Plan, seed: u64, trial: &Trial, truths: &[[Account; 2]]) -> Finding {
    let now_us = at_us(i32::from(plan.days), 0);
    let reading = Reading::of(trial, now_us, Some(1.0 - plan.held_out_share));
    let [truth, truth_uncapped] = truth_of(truths, &reading);
    let margin = measure::lift::Metric::Mean { column: MARGIN };
    Finding {
        seed,
        n_offers: reading.plain.offers.n(),
        n_holdout: reading.plain.holdout.n(),
        truth,
        truth_uncapped,
        is_capped: reading.cap().is_some(),
        lift: reading.lift(OF_REVENUE).map(|lift| lift.difference),
        displaced: reading.displaced(),
        margin: reading.lift(margin).map(|lift| lift.difference),
        attributed: reading.plain.offers.mean(FROM_OFFERS),
    }
}

/// Of what was compared, and of what was bought.
fn truth_of(truths: &[[Account; 2]], reading: &Reading) -> [Truth; 2] {
    let mut of = [Truth::default(); 2];
    for pair in truths {
        let [with, without] = pair.map(|account| row_of(&account));
        let capped = [reading.capped(with), reading.capped(without)];
        for (truth, [with, without]) in of.iter_mut().zip([capped, [with, without]]) {
            let n = truths.len() as f64;
            truth.lift += (with[REVENUE] - without[REVENUE]) / n;
            truth.displaced -= (with[ELSEWHERE] - without[ELSEWHERE]) / n;
            truth.margin += (with[MARGIN] - without[MARGIN]) / n;
        }
    }
    of
}
