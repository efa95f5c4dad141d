//! `alongside policy simulate`: past orders, decided under the policies in force and under a file.

use super::policy_dir;
use crate::args::placement_parser;
use crate::clock::{self, Stopwatch};
use crate::commands::recommend::{load_world, policies_in_force, unlearned_buyers};
use crate::show;
use clap::Args;
use decide::{
    CartLine, Circumstances, Decision, ItemRef, Items, KnownCustomer, Offer, Placement, Request,
    Workspace, decide, expected_margin,
};
use events::{Amount, Currency, Timestamp};
use history::{Customer, FollowedHolding, HistoryView, NO_CUSTOMER, OpenMode, Store, ViewOptions};
use policy::{ContactFacts, PolicySet, PolicyTable};
use score::World;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Items that are named one by one.
const MAX_NAMED: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    file: PathBuf,
    /// Orders of so many days before the latest one.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    replay: u32,
    /// Where the offers would appear.
    #[arg(long, value_parser = placement_parser(), default_value = "cart")]
    placement: Placement,
    /// Take as in force what is in force at this time, a date or 2026-12-24T18:00:00Z [default: all
    /// policies whose term is not over].
    #[arg(long, value_name = "TIME", value_parser = moment)]
    as_of: Option<Timestamp>,
    /// At most so many orders, the latest.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    limit: usize,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let midnight = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    Timestamp::parse_rfc3339(text)
        .or_else(midnight)
        .ok_or_else(|| "write a date, 2026-12-24, or a time, 2026-12-24T18:00:00Z".to_owned())
}

/// One order to be asked again: one item is hidden, the others are the cart.
struct Case {
    cart: Vec<u32>,
    hidden: Option<u32>,
    at: Timestamp,
    customer: u32,
}

/// What all threads look at.
struct Stage {
    world: World,
    old: Option<PolicyTable>,
    new: PolicyTable,
    placement: Placement,
    customers: HashMap<u32, Person>,
}

/// A customer with what they have and had.
struct Person {
    known: KnownCustomer,
    holdings: Vec<FollowedHolding>,
}

impl Person {
    /// What policies may ask at a time.
    fn at(&self, now: Timestamp) -> KnownCustomer {
        let is_held = |held: &&FollowedHolding| {
            held.since.is_none_or(|since| since <= now)
                && held.until.is_none_or(|until| now < until)
        };
        let held = self.holdings.iter().filter(is_held);
        let holdings = Some(held.map(|held| held.item_id.as_str().into()).collect());
        KnownCustomer { holdings, ..self.known.clone() }
    }
}

/// Offers under the old and the new policies.
#[derive(Default)]
struct Tally {
    n_changed: u64,
    /// Offers of one side that the other does not have in the same slate.
    n_alone: [u64; 2],
    /// Expected margin of the offers that have price and cost.
    expected_micros: [i128; 2],
    n_valued: [u64; 2],
    /// Of what was valued; amounts of several have no sum.
    currencies: BTreeSet<Option<Currency>>,
    n_empty: [u64; 2],
    n_offers: [u64; 2],
    n_hits: [u64; 2],
    /// Price less cost of the hidden items that were offered, of those that have both.
    hit_micros: [i128; 2],
    n_hits_without_cost: [u64; 2],
    items: HashMap<u32, [u64; 2]>,
    n_unknown: u64,
    has_acted: Vec<bool>,
}

pub(super) async fn run(dir: &Path, args: SimulateArgs, json: bool) -> anyhow::Result<()> {
    let set = super::read(dir, &args.file).await?.sound(&args.file)?;
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let old = policies_in_force(&policy_dir(&store).await?)?;
    let asks = |set: &PolicySet| set.asks_item_attributes();
    let with_attributes = asks(&set) || old.as_ref().is_some_and(|(_, set)| asks(set));
    let world = load_world(&store, with_attributes).await?;
    let view = store.view(&ViewOptions::default()).await?;
    let cases = cases_of(&view, &world, &args);
    anyhow::ensure!(!cases.is_empty(), "there are no orders to replay; give --replay more days");
    let customers = known_customers(&store, &world).await?;
    // Orders are asked at their own time, for hours and weekdays; terms are those of today.
    let compile = |version, set: PolicySet| {
        let set = set.as_of(args.as_of, clock::now());
        PolicyTable::compile(Arc::new(set), version, &Items(&world))
    };
    let stage = Stage {
        old: old.map(|(version, set)| compile(version, PolicySet::clone(&set))),
        new: compile(0, set),
        placement: args.placement,
        customers,
        world,
    };
    let watch = Stopwatch::start();
    let tally = replay(&stage, &cases);
    let took_s = watch.elapsed().as_secs_f64();
    if json {
        tell_json(&stage, &cases, &tally, took_s)
    } else {
        tell(&stage, &cases, &tally, took_s)
    }
}

/// The latest orders, their items by their places in the world.
fn cases_of(view: &HistoryView, world: &World, args: &SimulateArgs) -> Vec<Case> {
    let item_of: Vec<Option<u32>> =
        view.items.iter().map(|entry| world.item_idx(&entry.id)).collect();
    let last = view.baskets.at.iter().max().copied().unwrap_or_default();
    let from = Timestamp(
        last.0.saturating_sub(i64::from(args.replay).saturating_mul(events::time::DAY_US)),
    );
    let is_late = |&basket: &usize| from <= view.baskets.at[basket];
    let late = (0..view.baskets.len()).rev().filter(is_late).take(args.limit);
    let case = |basket: usize| {
        let items = view.baskets.items.view().row(basket).iter();
        let mut cart: Vec<u32> = items.filter_map(|&item| item_of[item as usize]).collect();
        // Which one is hidden depends on the order alone, so old and new are asked the same.
        let hidden = (cart.len() > 1).then(|| cart.remove(basket % cart.len()));
        let (at, customer) = (view.baskets.at[basket], view.baskets.customers[basket]);
        Case { cart, hidden, at, customer }
    };
    late.map(case).filter(|case| !case.cart.is_empty()).collect()
}

/// Customers with their attributes and holdings; those who refused consent are guests.
async fn known_customers(store: &Store, world: &World) -> anyhow::Result<HashMap<u32, Person>> {
    let unlearned = unlearned_buyers(store, world).await?;
    let mut held: HashMap<String, Vec<FollowedHolding>> = HashMap::new();
    for holding in store.followed_holdings_since(0).await?.0 {
        held.entry(holding.customer_id.clone()).or_default().push(holding);
    }
    let customers = store.customers().await?.into_iter();
    let person = |customer: Customer| {
        let attribute = |(name, value): (String, String)| (name.into(), value.into());
        let known = KnownCustomer {
            consent: customer.consent,
            attributes: customer.attributes.into_iter().map(attribute).collect(),
            holdings: None,
            bought_is_partial: unlearned.contains(&customer.customer_idx),
        };
        let holdings = held.remove(&customer.customer_id).unwrap_or_default();
        (customer.customer_idx, Person { known, holdings })
    };
    Ok(customers.filter(|customer| customer.consent != Some(false)).map(person).collect())
}

fn replay(stage: &Stage, cases: &[Case]) -> Tally {
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let chunks = cases.chunks(cases.len().div_ceil(n_threads).max(1));
        let threads: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || replay_chunk(stage, chunk))).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut sum =
        Tally { has_acted: vec![false; stage.new.set().policies.len()], ..Tally::default() };
    tallies.into_iter().for_each(|tally| sum.add(tally));
    sum
}

fn replay_chunk(stage: &Stage, cases: &[Case]) -> Tally {
    let mut tally = Tally::default();
    // Both sides ask the same of the ranking, mostly of the same items.
    let (mut plain, mut recording) = (Workspace::default().remembering(), Workspace::recording());
    let mut is_pinned = vec![false; stage.new.set().policies.len()];
    for case in cases {
        let old = stage.decide(case, stage.old.as_ref(), &mut plain);
        plain.swap_ranking(&mut recording);
        let new = stage.decide(case, Some(&stage.new), &mut recording);
        plain.swap_ranking(&mut recording);
        let touches = new.offers.iter().filter_map(|offer| offer.policy);
        touches.for_each(|touch| is_pinned[usize::from(touch.policy)] = true);
        let same = |one: &Decision, two: &Decision| {
            one.offers.iter().map(|o| o.item).eq(two.offers.iter().map(|o| o.item))
        };
        tally.n_changed += u64::from(!same(&old, &new));
        for (side, one, other) in [(0, &old, &new), (1, &new, &old)] {
            let is_alone = |offer: &&Offer| !other.offers.iter().any(|o| o.item == offer.item);
            tally.n_alone[side] += one.offers.iter().filter(is_alone).count() as u64;
        }
        tally.n_unknown += new.n_policies_unknown as u64;
        for (side, decision) in [old, new].iter().enumerate() {
            tally.count(stage, case, side, decision);
        }
    }
    let acted = |policy: usize| {
        is_pinned[policy] || stage.new.has_acted(recording.policies_active(), policy as u16)
    };
    tally.has_acted = (0..is_pinned.len()).map(acted).collect();
    tally
}

impl Stage {
    fn decide(
        &self,
        case: &Case,
        policies: Option<&PolicyTable>,
        workspace: &mut Workspace,
    ) -> Decision {
        let line = |&item: &u32| CartLine {
            item: ItemRef::Known(item),
            quantity: Amount::ONE,
            unit_price: None,
        };
        let cart: Vec<CartLine<'_>> = case.cart.iter().map(line).collect();
        let known = self.customers.get(&case.customer).map(|person| person.at(case.at));
        let ids = known.as_ref().and_then(|known| known.holdings.as_deref()).unwrap_or_default();
        let held: Vec<u32> = ids.iter().filter_map(|id| self.world.item_idx(id)).collect();
        let request = Request {
            cart: &cart,
            held: &held,
            customer: known.as_ref().and((case.customer != NO_CUSTOMER).then_some(case.customer)),
            policies,
            circumstances: Circumstances {
                now: Some(case.at),
                customer: known.as_ref(),
                stage: self.placement.stage(None, !cart.is_empty()),
                // As if nobody had been shown anything before.
                contact: Some(ContactFacts::default()),
                ..Circumstances::default()
            },
            ..Request::at(self.placement)
        };
        decide(&self.world, &request, workspace)
    }

    /// `None`: its price or its cost is not known.
    fn gain_of(&self, item: u32) -> Option<i128> {
        let state = self.world.catalog.state(item);
        Some(i128::from(state.price()?.0) - i128::from(state.cost()?.0))
    }

    fn name(&self, item: u32) -> String {
        format!("{} {}", self.world.item_id(item), self.world.title(item)).trim().to_owned()
    }

    fn contact_policies(&self) -> Vec<&str> {
        let policies = self.new.set().policies.iter().filter(|policy| policy.kind.is_contact());
        policies.map(|policy| &*policy.name).collect()
    }

    /// Caps and rests aside: in a replay nobody was shown anything before.
    fn never_acting(&self, tally: &Tally) -> Vec<&str> {
        let policies = self.new.set().policies.iter().zip(&tally.has_acted);
        let idle = policies.filter(|(policy, acted)| !**acted && !policy.kind.is_contact());
        idle.map(|(policy, _)| &*policy.name).collect()
    }
}

impl Tally {
    fn count(&mut self, stage: &Stage, case: &Case, side: usize, decision: &Decision) {
        self.n_empty[side] += u64::from(decision.offers.is_empty());
        self.n_offers[side] += decision.offers.len() as u64;
        for offer in &decision.offers {
            if let Some(margin) = expected_margin(&stage.world, offer) {
                self.expected_micros[side] += i128::from(margin.0);
                self.n_valued[side] += 1;
                self.currencies.insert(stage.world.currency(offer.item));
            }
            self.items.entry(offer.item).or_default()[side] += 1;
            if case.hidden == Some(offer.item) {
                self.n_hits[side] += 1;
                match stage.gain_of(offer.item) {
                    Some(gain) => self.hit_micros[side] += gain,
                    None => self.n_hits_without_cost[side] += 1,
                }
            }
        }
    }

    fn add(&mut self, other: Tally) {
        self.n_changed += other.n_changed;
        self.currencies.extend(other.currencies);
        self.n_unknown += other.n_unknown;
        for side in 0..2 {
            self.n_alone[side] += other.n_alone[side];
            self.expected_micros[side] += other.expected_micros[side];
            self.n_valued[side] += other.n_valued[side];
            self.n_empty[side] += other.n_empty[side];
            self.n_offers[side] += other.n_offers[side];
            self.n_hits[side] += other.n_hits[side];
            self.hit_micros[side] += other.hit_micros[side];
            self.n_hits_without_cost[side] += other.n_hits_without_cost[side];
        }
        for (item, counts) in other.items {
            let sum = self.items.entry(item).or_default();
            (0..2).for_each(|side| sum[side] += counts[side]);
        }
        self.has_acted.iter_mut().zip(other.has_acted).for_each(|(sum, acted)| *sum |= acted);
    }

    /// Items offered on one side and never on the other, those of most offers first.
    fn only_on(&self, side: usize) -> Vec<(u32, u64)> {
        let alone = self.items.iter().filter(|(_, n)| n[side] > 0 && n[1 - side] == 0);
        let mut alone: Vec<(u32, u64)> = alone.map(|(&item, n)| (item, n[side])).collect();
        alone.sort_unstable_by_key(|&(item, n)| (std::cmp::Reverse(n), item));
        alone
    }

    /// Of all offers together; `None`: of none of them it is known, or in several currencies.
    fn expected_margin(&self, side: usize) -> Option<f64> {
        let is_sum = 0 < self.n_valued[side] && self.currencies.len() == 1;
        is_sum.then(|| self.expected_micros[side] as f64 / events::amount::MICROS as f64)
    }

    /// `None`: of none of them the margin is known.
    fn hit_value(&self, side: usize) -> Option<f64> {
        let is_known = self.n_hits_without_cost[side] < self.n_hits[side];
        is_known.then(|| self.hit_micros[side] as f64 / events::amount::MICROS as f64)
    }
}

fn tell_json(stage: &Stage, cases: &[Case], tally: &Tally, took_s: f64) -> anyhow::Result<()> {
    let named = |side: usize| -> Vec<_> {
        let only = tally.only_on(side);
        let told =
            |&(item, n): &(u32, u64)| json!({"item_id": stage.world.item_id(item), "offers": n});
        only.iter().take(MAX_NAMED).map(told).collect()
    };
    let side = |side: usize| {
        json!({
            "offers": tally.n_offers[side], "empty_slates": tally.n_empty[side],
            "expected_margin": tally.expected_margin(side),
            "offers_without_margin": tally.n_offers[side] - tally.n_valued[side],
            "hidden_items_found": tally.n_hits[side], "their_margin": tally.hit_value(side),
            "hidden_items_without_cost": tally.n_hits_without_cost[side],
        })
    };
    show::line(json!({
        "orders": cases.len(), "placement": stage.placement.as_str(),
        "before": side(0), "after": side(1), "slates_changed": tally.n_changed,
        "offers_lost": tally.n_alone[0], "offers_gained": tally.n_alone[1],
        "caps_and_rests_not_counted": stage.contact_policies(),
        "policies_never_acting": stage.never_acting(tally),
        "policies_unknown_per_decision": tally.n_unknown as f64 / cases.len() as f64,
        "n_items_vanished": tally.only_on(0).len(), "items_vanished": named(0),
        "n_items_gained": tally.only_on(1).len(), "items_gained": named(1),
        "took_s": took_s,
    }))
}

fn tell(stage: &Stage, cases: &[Case], tally: &Tally, took_s: f64) -> anyhow::Result<()> {
    let n = cases.len() as u64;
    let mut table = show::table(&["", "in force", "file", "change"], &[1, 2, 3]);
    let mut row = |name: &str, values: [Option<f64>; 2], digits: usize| {
        let change = values[0].zip(values[1]).map(|(before, after)| after - before);
        let cell = |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("{v:.digits$}"));
        let cells = [values[0], values[1], change].map(cell);
        show::row(&mut table, &[&[name.to_owned()][..], &cells[..]].concat());
    };
    let counts = |counts: [u64; 2]| counts.map(|n| Some(n as f64));
    row("offers", counts(tally.n_offers), 0);
    row("slates without offers", counts(tally.n_empty), 0);
    row("expected margin of the offers", [0, 1].map(|side| tally.expected_margin(side)), 2);
    row("hidden items found", counts(tally.n_hits), 0);
    if tally.n_hits_without_cost != [0, 0] {
        row("of them, without price or cost", counts(tally.n_hits_without_cost), 0);
    }
    let name = match tally.n_hits_without_cost {
        [0, 0] => "their margin",
        _ => "margin of the others",
    };
    row(name, [tally.hit_value(0), tally.hit_value(1)], 2);
    show::line(table)?;
    show::line(format!(
        "{} orders replayed at {} in {took_s:.1} s; {} slates changed: {} offers lost, {} gained. \
         \"Hidden\" is one item of each order, the others were the cart.",
        show::count(n),
        stage.placement.as_str(),
        show::count(tally.n_changed),
        show::count(tally.n_alone[0]),
        show::count(tally.n_alone[1])
    ))?;
    for (side, told) in [(0, "offered before and not any more"), (1, "offered now and not before")]
    {
        let only = tally.only_on(side);
        if only.is_empty() {
            continue;
        }
        show::line(format!("{} items are {told}:", show::count(only.len() as u64)))?;
        for &(item, n) in only.iter().take(MAX_NAMED) {
            show::line(format!("  {:>7} offers  {}", show::count(n), stage.name(item)))?;
        }
    }
    let contact = stage.contact_policies();
    if !contact.is_empty() {
        show::line(format!(
            "Caps and rests stop nothing here, for nobody was shown anything before: {}",
            contact.join(", ")
        ))?;
    }
    let never = stage.never_acting(tally);
    if !never.is_empty() {
        show::line(format!("Never acting in these orders: {}", never.join(", ")))?;
    }
    if tally.n_unknown > 0 {
        let share = tally.n_unknown as f64 / n as f64;
        show::line(format!(
            "Policies that closed because something was not known: {share:.2} a decision"
        ))?;
    }
    Ok(())
}
