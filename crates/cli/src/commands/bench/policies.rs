//! Decisions under many policies at once, all of them in force.

use super::{cart_of, micros, open_world};
use crate::clock::{self, Stopwatch};
use crate::show;
use anyhow::Context;
use decide::{
    CartLine, Circumstances, ItemRef, Items, KnownCustomer, Placement, Request, Workspace, decide,
};
use events::Amount;
use policy::{PolicySet, PolicyTable};
use score::World;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Hard ones and levers, of items alone and of the request by turns; `n_mixed` compare the item
/// with the request, and so are asked of each candidate.
fn file_of(world: &World, n: usize, n_mixed: usize) -> String {
    let mut text = String::new();
    let id = |at: usize| world.item_id((at * 7_919 % world.n_items().max(1)) as u32);
    for at in 0..n {
        let (one, two) = (id(at), id(at + n));
        let (cheap, dear) = (at % 40, 100 + at);
        let lines = match at % 5 {
            0 => format!("kind = 'exclude'\nitem_ids = ['{one}', '{two}']"),
            1 => {
                format!("kind = 'exclude'\nitems = 'item.price > {dear} and item.stock < {cheap}'")
            }
            2 => format!(
                "kind = 'eligibility'\nitem_ids = ['{one}', '{two}']\nwhen = 'customer.age >= {}'",
                16 + at % 6
            ),
            3 => format!(
                "kind = 'boost'\nitems = 'item.price < {cheap}'\nwhen = 'cart.lines > {}'\n\
                 factor = 1.01",
                at % 4
            ),
            _ if at / 5 < n_mixed => format!(
                "kind = 'exclude'\nitems = 'item.price > {cheap}'\n\
                 when = 'item.price > {dear} * cart.total'"
            ),
            _ => {
                format!("kind = 'exclude'\nitems = 'item.price > {dear} and item.orders > {cheap}'")
            }
        };
        let _ = writeln!(text, "[[policy]]\nname = 'p{at}'\n{lines}");
    }
    text
}

pub(super) async fn run(
    dir: &Path,
    count: usize,
    n_policies: usize,
    n_mixed: usize,
) -> anyhow::Result<()> {
    let world = open_world(dir).await?;
    let text = file_of(&world, n_policies, n_mixed);
    let watch = Stopwatch::start();
    let (set, found) = PolicySet::read(&text);
    let read = watch.elapsed();
    let set = set.with_context(|| format!("the made-up policies are refused: {found:?}"))?;
    let watch = Stopwatch::start();
    let table = PolicyTable::compile(Arc::new(set), 1, &Items(&world));
    let compiled = watch.elapsed();
    let (plain, _) = decisions(&world, None, count);
    let (ruled, n_offers) = decisions(&world, Some(&table), count);
    show::line(json!({
        "items": world.n_items(), "policies": n_policies, "mixed": n_mixed.min(n_policies / 5),
        "decisions": ruled.len(),
        "read_ms": read.as_secs_f64() * 1e3, "compile_ms": compiled.as_secs_f64() * 1e3,
        "p50_us": micros(&ruled, 0.5), "p99_us": micros(&ruled, 0.99),
        "p999_us": micros(&ruled, 0.999),
        "without_p50_us": micros(&plain, 0.5), "without_p99_us": micros(&plain, 0.99),
        "offers_per_decision": n_offers as f64 / ruled.len().max(1) as f64,
    }))
}

/// Times in order, and how many offers were made.
fn decisions(
    world: &World,
    policies: Option<&PolicyTable>,
    count: usize,
) -> (Vec<Duration>, usize) {
    let attributes = vec![("age".into(), "17".into())];
    let customer = KnownCustomer { attributes, ..KnownCustomer::default() };
    let n_customers = world.snapshot.n_customers().max(1);
    let mut workspace = Workspace::default();
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    let mut n_offers = 0;
    for at in 0..count + 1_000 {
        let line =
            |item| CartLine { item: ItemRef::Known(item), quantity: Amount::ONE, unit_price: None };
        let cart: Vec<CartLine<'_>> = cart_of(world, at as u64, 5).into_iter().map(line).collect();
        let request = Request {
            cart: &cart,
            customer: Some((at % n_customers) as u32),
            policies,
            circumstances: Circumstances {
                now: Some(clock::now()),
                customer: Some(&customer),
                ..Circumstances::default()
            },
            ..Request::at(Placement::Cart)
        };
        let watch = Stopwatch::start();
        let decision = decide(world, &request, &mut workspace);
        let took = watch.elapsed();
        // The first thousand warm the caches.
        if at >= 1_000 {
            times.push(took);
            n_offers += decision.offers.len();
        }
    }
    times.sort_unstable();
    (times, n_offers)
}
