//! Live events and decisions: rates and how long an acknowledgement takes.
//! `cargo run --release -p history --example event_speed -- [DIRECTORY]`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use events::event::EventLine;
use events::{Amount, Event, EventKind, Timestamp};
use history::{DecisionRecord, EventLog, OpenMode, Store};

const N_WRITERS: usize = 64;
const SINGLE_FOR: Duration = Duration::from_secs(10);
const N_BATCHES: usize = 2_000;

fn event(writer: usize, number: usize) -> Event {
    let is_order = number.is_multiple_of(10);
    Event {
        event_id: format!("{writer}-{number}-0123456789abcdef"),
        kind: if is_order { EventKind::Purchase } else { EventKind::ViewItem },
        at: Timestamp(1_700_000_000_000_000 + number as i64 * 1_000),
        customer_id: Some(format!("customer-{}", (writer * 7_919 + number) % 50_000)),
        session_id: Some(format!("session-{writer}")),
        order_id: is_order.then(|| format!("order-{writer}-{number}")),
        source: "shop".to_owned(),
        currency: None,
        location_id: None,
        recommendation_id: None,
        lines: (0..if is_order { 3 } else { 1 })
            .map(|line| EventLine {
                item_id: format!("SKU{}", (number * 31 + line * 17) % 5_000),
                quantity: Amount::ONE,
                unit_price: Some(Amount(1_990_000)),
                origin: Some("search".to_owned()),
            })
            .collect(),
        confirmed: true,
    }
}

fn report(what: &str, mut latencies: Vec<Duration>, n_events: usize, elapsed: Duration) {
    latencies.sort_unstable();
    let at =
        |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what}: {:.0} events/s; acknowledged in ms: p50 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1}",
        n_events as f64 / elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

async fn singles(log: &EventLog) {
    let start = Instant::now();
    let tasks: Vec<_> = (0..N_WRITERS)
        .map(|writer| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while start.elapsed() < SINGLE_FOR {
                    let sent = Instant::now();
                    log.append(vec![event(writer, latencies.len())]).await.unwrap();
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let n_events = latencies.len();
    report(&format!("single events, {N_WRITERS} writers"), latencies, n_events, start.elapsed());
}

async fn batches(log: &EventLog, n_writers: usize) {
    let start = Instant::now();
    let tasks: Vec<_> = (0..n_writers)
        .map(|writer| {
            let log = log.clone();
            let writer = 1_000 * n_writers + writer;
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                for batch in 0..N_BATCHES / n_writers {
                    let events = (0..100).map(|n| event(writer, batch * 100 + n)).collect();
                    let sent = Instant::now();
                    log.append(events).await.unwrap();
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.unwrap());
    }
    let n_events = latencies.len() * 100;
    report(&format!("batches of 100, {n_writers} writers"), latencies, n_events, start.elapsed());
}

async fn decisions(store: &Store) {
    let log = store.decision_log().unwrap();
    let payload = r#"{"placement":"cart","items":[{"item_id":"SKU1","score":0.12,"why":"pair"}]}"#;
    let payload = payload.repeat(10).into_bytes();
    let n_records: u32 = 500_000;
    let start = Instant::now();
    let mut worst = Duration::ZERO;
    for n in 0..n_records {
        let record = DecisionRecord {
            recommendation_id: format!("0123456789abcdef{n:016x}"),
            at: Timestamp(i64::from(n)),
            customer_idx: Some(n % 1_000),
            assignment: None,
            payload: payload.clone(),
        };
        let pushed = Instant::now();
        log.push(record);
        worst = worst.max(pushed.elapsed());
        if n % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    log.flush().await;
    let elapsed = start.elapsed();
    let counts = log.counts();
    println!(
        "decisions of {} bytes: {:.0}/s durable, {} shed, slowest push {:.3} ms",
        payload.len(),
        counts.n_written as f64 / elapsed.as_secs_f64(),
        counts.n_shed,
        worst.as_secs_f64() * 1e3
    );
    let start = Instant::now();
    for n in (0..n_records).step_by(n_records as usize / 100) {
        let _ = log.get(&format!("0123456789abcdef{n:016x}")).await.unwrap();
    }
    println!("lookup of a decision: {:.2} ms", start.elapsed().as_secs_f64() * 1e3 / 100.0);
}

#[tokio::main]
async fn main() {
    let temporary = tempfile::tempdir().unwrap();
    let argument = std::env::args().nth(1).map(PathBuf::from);
    let dir = argument.unwrap_or_else(|| temporary.path().join("shop"));
    let store = Store::open(&dir, OpenMode::Create).await.unwrap();
    let log = store.event_log().unwrap();
    singles(&log).await;
    batches(&log, 1).await;
    batches(&log, 4).await;
    println!("{:?}", log.counts());
    let start = Instant::now();
    let view = store.view(&history::ViewOptions::default()).await.unwrap();
    println!(
        "view of {} orders in the tail: {:.2} s",
        view.baskets.len(),
        start.elapsed().as_secs_f64()
    );
    let start = Instant::now();
    let sealed = store.seal_tail(Timestamp(i64::MAX)).await.unwrap();
    println!("sealed {sealed:?} in {:.2} s", start.elapsed().as_secs_f64());
    decisions(&store).await;
    let status = store.status().await.unwrap();
    println!(
        "database {} KiB, segments {} KiB",
        status.n_database_bytes >> 10,
        status.n_segment_bytes >> 10
    );
}
