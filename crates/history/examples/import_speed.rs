//! Rows a second into the durable store and back out, peak memory and sizes:
//! `cargo run --release -p history --example import_speed -- [MILLIONS OF ROWS] [DIRECTORY]`.
//!
//! The rows are generated (500,000 customers, 70,000 items, 3.3 lines an order, 2 % returns, one
//! order in twenty with a line far from the others) and not part of the times.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use events::{Amount, Currency, IdColumn, LineKind, NO_ID, OrderLines, Timestamp};
use hashbrown::HashMap;
use history::{ImportRequest, OpenMode, Store, ViewOptions};

const BATCH_ROWS: usize = 64_000;

struct Generator {
    state: u64,
    next_order: u64,
    late: Vec<u64>,
}

impl Generator {
    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    fn batch(&mut self) -> OrderLines {
        let mut lines = OrderLines::default();
        let mut codes: [HashMap<u64, u32>; 3] = Default::default();
        let late = std::mem::take(&mut self.late);
        for order in late {
            self.line(&mut lines, &mut codes, order);
        }
        while lines.len() < BATCH_ROWS {
            let order = self.next_order;
            self.next_order += 1;
            let n_lines = 1 + self.random(6).min(self.random(6)) + self.random(3);
            for _ in 0..n_lines {
                self.line(&mut lines, &mut codes, order);
            }
            if order.is_multiple_of(20) {
                self.late.push(order);
            }
        }
        lines
    }

    fn line(&mut self, lines: &mut OrderLines, codes: &mut [HashMap<u64, u32>; 3], order: u64) {
        let skewed = self.random(70_000) * self.random(70_000) / 70_000;
        let customer = order.wrapping_mul(2_654_435_761) % 625_000;
        intern(&mut lines.order_ids, &mut codes[0], order, "");
        intern(&mut lines.item_ids, &mut codes[1], skewed, "SKU");
        if customer < 500_000 {
            intern(&mut lines.customer_ids, &mut codes[2], customer, "c");
        } else {
            lines.customer_ids.codes.push(NO_ID);
        }
        lines.location_ids.codes.push(NO_ID);
        let is_return = self.random(50) == 0;
        lines.kind.push(if is_return { LineKind::Return } else { LineKind::Sale });
        lines.at.push(Timestamp((1_600_000_000 + order as i64 * 10) / 60 * 60_000_000));
        let n_units = 1 + self.random(5) as i64;
        lines.quantity.push(Amount::from_units(if is_return { -1 } else { n_units }).unwrap());
        lines.unit_price.push(Some(Amount((99 + skewed as i64 * 7 % 5_000) * 10_000)));
        lines.currency.push(Currency::parse("GBP"));
    }
}

fn intern(column: &mut IdColumn, codes: &mut HashMap<u64, u32>, number: u64, prefix: &str) {
    let code = *codes.entry(number).or_insert_with(|| {
        column.dictionary.push(format!("{prefix}{number}").into());
        column.dictionary.len() as u32 - 1
    });
    column.codes.push(code);
}

fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("0 0");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn cpu_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// How long small writes of another process take while the import commits.
async fn write_beside(store: Store) -> Vec<Duration> {
    let dir = store.dir().to_path_buf();
    let other = Store::open(&dir, OpenMode::ReadWrite).await.unwrap();
    let mut waits = Vec::new();
    loop {
        let start = Instant::now();
        other.set_kinds(&[], history::KindOrigin::Proposed).await.unwrap();
        waits.push(start.elapsed());
        if other.status().await.unwrap().last_import.is_some() {
            return waits;
        }
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let millions: f64 = arguments.next().map_or(20.0, |text| text.parse().unwrap());
    let n_rows = (millions * 1e6) as u64;
    let temporary = tempfile::tempdir().unwrap();
    let dir = arguments.next().map_or_else(|| temporary.path().join("shop"), PathBuf::from);
    let store = Store::open(&dir, OpenMode::Create).await.unwrap();

    let mut generator = Generator { state: 42, next_order: 1, late: Vec::new() };
    let mut import = store.begin_orders(ImportRequest::new("shop", Timestamp(0))).unwrap();
    let mut push = Duration::ZERO;
    let mut push_cpu = 0.0;
    while import.n_rows() < n_rows {
        let batch = generator.batch();
        let (start, cpu) = (Instant::now(), cpu_s());
        import.push(&batch).unwrap();
        push += start.elapsed();
        push_cpu += cpu_s() - cpu;
    }
    let n_rows = import.n_rows() as f64;
    println!(
        "push    {:>6.2} s  {:.3} us/row  (cpu {push_cpu:.1} s)",
        push.as_secs_f64(),
        push.as_secs_f64() * 1e6 / n_rows
    );
    let beside = tokio::spawn(write_beside(store.clone()));
    let (start, cpu) = (Instant::now(), cpu_s());
    let summary = import.commit(&|_, _| None).await.unwrap();
    let commit = start.elapsed();
    let mut waits = beside.await.unwrap();
    waits.sort_unstable();
    println!(
        "{} writers beside the commit waited: p50 {:.1} ms, max {:.0} ms",
        waits.len(),
        waits[waits.len() / 2].as_secs_f64() * 1e3,
        waits[waits.len() - 1].as_secs_f64() * 1e3
    );
    println!(
        "commit  {:>6.2} s  {:.3} us/row  cpu {:.3} us/row",
        commit.as_secs_f64(),
        commit.as_secs_f64() * 1e6 / n_rows,
        (cpu_s() - cpu) * 1e6 / n_rows
    );
    println!(
        "{:.2} million rows/s push and commit, peak {} MiB",
        n_rows / 1e6 / (push + commit).as_secs_f64(),
        peak_rss_mib()
    );
    println!("{summary:?}");
    for _ in 0..2 {
        let start = Instant::now();
        let view = store.view(&ViewOptions::default()).await.unwrap();
        println!(
            "view    {:>6.2} s  {} baskets, {} entries, peak {} MiB",
            start.elapsed().as_secs_f64(),
            view.baskets.len(),
            view.baskets.items.view().n_entries(),
            peak_rss_mib()
        );
    }
}
