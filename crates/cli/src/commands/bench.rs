//! Measurements that `cargo xtask bench` runs: each prints one JSON object.

mod log;
mod policies;

use super::recommend::load_world;
use super::wait;
use crate::clock::{self, Stopwatch};
use crate::show;
use anyhow::{Context, ensure};
use clap::{Args, Subcommand, ValueEnum};
use decide::{CartLine, ItemRef, Placement, Request, Workspace, decide};
use evaluate::OrderFile;
use events::event::EventLine;
use events::import::PlanOptions;
use events::{Amount, Event, EventKind, Timestamp};
use history::{Baskets, EventLog, NO_CUSTOMER, OpenMode, Store};
use learn::ease::{self, EaseParams};
use score::World;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// EASE on the plain matrix of a file of orders.
    Ease {
        file: PathBuf,
        #[arg(long, default_value_t = 10.0)]
        lambda: f64,
    },
    /// Decisions in process: a cart of five, one thread.
    Decide {
        #[arg(long, default_value_t = 20_000)]
        count: usize,
    },
    /// Decisions under many policies: a cart of five, one thread.
    Policies {
        #[arg(long, default_value_t = 20_000)]
        count: usize,
        #[arg(long, default_value_t = 500)]
        policies: usize,
        /// Of these, how many compare the item with the request.
        #[arg(long, default_value_t = 10)]
        mixed: usize,
    },
    /// Live events: batches of 100, and single ones from 64 writers.
    Events {
        #[arg(long, default_value_t = 200_000)]
        count: usize,
    },
    /// A made-up log of visits with offers in a new store, for the joins of the report.
    Log {
        #[arg(long, default_value_t = 1_000_000)]
        events: u64,
    },
    /// Request bodies for a load generator, one a line.
    Requests {
        #[arg(long)]
        case: Case,
        #[arg(long, default_value_t = 10_000)]
        count: usize,
    },
    /// The bare handler: the same stack, always the same bytes.
    BareServer {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long)]
        body: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Case {
    Pdp,
    Cart,
    Home,
}

pub(crate) fn run(dir: &Path, args: BenchArgs) -> anyhow::Result<()> {
    match args.what {
        What::Ease { file, lambda } => bench_ease(&file, lambda),
        What::Decide { count } => wait(bench_decide(dir, count)),
        What::Policies { count, policies, mixed } => {
            wait(policies::run(dir, count, policies, mixed))
        }
        What::Events { count } => wait(bench_events(dir, count)),
        What::Log { events } => wait(log::run(dir, events)),
        What::Requests { case, count } => wait(print_requests(dir, case, count)),
        What::BareServer { listen, body } => wait(bare_server(listen, body)),
    }
}

fn bench_ease(file: &Path, lambda: f64) -> anyhow::Result<()> {
    let orders = OrderFile::read_baskets(file, &PlanOptions::default())?;
    let (n_items, n_baskets) = (orders.item_ids.len(), orders.basket_ids.len());
    let baskets = Baskets {
        items: orders.items,
        at: vec![Timestamp(0); n_baskets],
        customers: vec![NO_CUSTOMER; n_baskets],
    };
    let params = EaseParams { lambda, half_life_days: None, length_exponent: 0.0 };
    let watch = Stopwatch::start();
    let weights = ease::learn(&baskets, (0..n_items as u32).collect(), n_items, &params, 1)?;
    let fit = watch.elapsed();
    let sum: f64 = weights.weights.iter().map(|&weight| f64::from(weight)).sum();
    show::line(json!({
        "n_items": n_items, "fit_s": fit.as_secs_f64(), "sum_weights": sum,
        "residual": weights.residual,
    }))
}

/// Carts made of real pairs: an item that sells and some that sell with it.
fn cart_of(world: &World, seed: u64, n: usize) -> Vec<u32> {
    let popular = world.snapshot.popular();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let first = popular[draw(popular.len())];
    let mut cart = vec![first];
    let (with, _) = world.snapshot.pairs(first);
    for _ in 0..100 {
        if cart.len() >= n {
            break;
        }
        let from_pairs = !with.is_empty() && draw(4) > 0;
        let next = if from_pairs { with[draw(with.len())] } else { popular[draw(popular.len())] };
        if !cart.contains(&next) {
            cart.push(next);
        }
    }
    cart
}

async fn open_world(dir: &Path) -> anyhow::Result<World> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let world = load_world(&store, false).await?;
    ensure!(!world.snapshot.popular().is_empty(), "nothing was learned in {}", dir.display());
    Ok(world)
}

async fn bench_decide(dir: &Path, count: usize) -> anyhow::Result<()> {
    let world = open_world(dir).await?;
    let n_customers = world.snapshot.n_customers().max(1);
    let mut workspace = Workspace::default();
    let mut times: Vec<Duration> = Vec::with_capacity(count);
    let mut n_offers = 0;
    for at in 0..count + 1_000 {
        let cart = cart_of(&world, at as u64, 5);
        let lines: Vec<CartLine<'_>> = cart
            .iter()
            .map(|&item| CartLine {
                item: ItemRef::Known(item),
                quantity: Amount::ONE,
                unit_price: None,
            })
            .collect();
        let request = Request {
            cart: &lines,
            customer: Some((at % n_customers) as u32),
            ..Request::at(Placement::Cart)
        };
        let watch = Stopwatch::start();
        let decision = decide(&world, &request, &mut workspace);
        let took = watch.elapsed();
        // The first thousand warm the caches.
        if at >= 1_000 {
            times.push(took);
            n_offers += decision.offers.len();
        }
    }
    times.sort_unstable();
    show::line(json!({
        "decisions": times.len(),
        "p50_us": micros(&times, 0.5), "p99_us": micros(&times, 0.99),
        "p999_us": micros(&times, 0.999),
        "offers_per_decision": n_offers as f64 / times.len().max(1) as f64,
    }))
}

fn micros(sorted: &[Duration], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

fn view_event(run: u64, at: usize) -> Event {
    Event {
        event_id: format!("bench-{run}-{at}"),
        kind: EventKind::ViewItem,
        at: clock::now(),
        customer_id: None,
        session_id: Some(format!("session-{}", at % 5_000)),
        order_id: None,
        source: "bench".into(),
        currency: None,
        location_id: None,
        recommendation_id: None,
        lines: vec![EventLine {
            item_id: format!("item-{}", at % 997),
            quantity: Amount::ONE,
            unit_price: None,
            origin: None,
        }],
        confirmed: true,
    }
}

/// In a store of its own inside the given folder, so that nothing of the shop is touched.
async fn bench_events(dir: &Path, count: usize) -> anyhow::Result<()> {
    let scratch = dir.join(format!("bench-events-{}", std::process::id()));
    let store = Store::open(&scratch, OpenMode::Create).await?;
    let log = store.event_log()?;
    let run = clock::now().0.unsigned_abs();
    let batched = batched_per_s(&log, run, count).await?;
    let mut single = single_latencies(&log, run + 1).await?;
    single.sort_unstable();
    store.close().await;
    std::fs::remove_dir_all(&scratch).context("could not remove the scratch store")?;
    show::line(json!({
        "batch_events_per_s": batched,
        "single_p50_ms": micros(&single, 0.5) / 1e3,
        "single_p99_ms": micros(&single, 0.99) / 1e3,
        "single_events": single.len(),
    }))
}

/// Eight writers, batches of 100.
async fn batched_per_s(log: &EventLog, run: u64, count: usize) -> anyhow::Result<f64> {
    const WRITERS: usize = 8;
    let per_writer = count / WRITERS / 100;
    let watch = Stopwatch::start();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let log = log.clone();
        writers.spawn(async move {
            for batch in 0..per_writer {
                let first = (writer * per_writer + batch) * 100;
                let events = (first..first + 100).map(|at| view_event(run, at)).collect();
                log.append(events).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = writers.join_next().await {
        done??;
    }
    Ok((WRITERS * per_writer * 100) as f64 / watch.elapsed().as_secs_f64())
}

/// 64 writers, one event at a time, each waiting for its acknowledgement.
async fn single_latencies(log: &EventLog, run: u64) -> anyhow::Result<Vec<Duration>> {
    const WRITERS: usize = 64;
    const EACH: usize = 100;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let log = log.clone();
        writers.spawn(async move {
            let mut times = Vec::with_capacity(EACH);
            for at in 0..EACH {
                let watch = Stopwatch::start();
                log.append(vec![view_event(run, writer * EACH + at)]).await?;
                times.push(watch.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(done) = writers.join_next().await {
        all.extend(done??);
    }
    Ok(all)
}

async fn print_requests(dir: &Path, case: Case, count: usize) -> anyhow::Result<()> {
    let store = Store::open(dir, OpenMode::ReadOnly).await?;
    let world = open_world(dir).await?;
    let customers: Vec<String> =
        store.customers().await?.into_iter().map(|customer| customer.customer_id).collect();
    for at in 0..count {
        show::line(request_body(&world, &customers, case, at))?;
    }
    Ok(())
}

fn request_body(world: &World, customers: &[String], case: Case, at: usize) -> Value {
    let session = format!("bench-{}", at % 2_000);
    let customer = customers.get(at % customers.len().max(1));
    match case {
        Case::Pdp => {
            let item = world.item_id(cart_of(world, at as u64, 1)[0]);
            json!({"placement": "pdp", "session_id": session, "item_ids": [item], "count": 6})
        }
        Case::Cart => {
            let cart: Vec<Value> = cart_of(world, at as u64, 5)
                .into_iter()
                .map(|item| json!({"item_id": world.item_id(item), "quantity": 1}))
                .collect();
            json!({
                "placement": "cart", "session_id": session, "user_id": customer, "cart": cart,
                "count": 4,
            })
        }
        Case::Home => {
            json!({"placement": "home", "session_id": session, "user_id": customer, "count": 12})
        }
    }
}

async fn bare_server(listen: SocketAddr, body: PathBuf) -> anyhow::Result<()> {
    let body =
        std::fs::read(&body).with_context(|| format!("could not read {}", body.display()))?;
    let listener = service::serve::listen(listen, true).await?;
    let router = service::bare_router(body.into());
    service::serve::serve(listener, router, std::future::pending()).await;
    Ok(())
}
