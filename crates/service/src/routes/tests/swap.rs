//! Snapshots are swapped while requests pour in: none is dropped, none sees two of them.

use crate::background::load_current;
use crate::record::Record;
use crate::testing::{TestShop, snapshot_writer};
use axum::http::Method;
use serde_json::Value;
use snapshot::SnapshotDir;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const N_SWAPS: u32 = 60;
const N_CLIENTS: usize = 6;
/// Baskets of the shop, bought once.
const N_BASKETS: u64 = 50;

/// One connection that is kept.
struct Client(BufReader<TcpStream>);

impl Client {
    /// Status and body; an error is a request that was dropped.
    async fn ask(&mut self, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let request = format!(
            "POST /v1/recommend HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(n) = line.strip_prefix("content-length: ") {
                length = n.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((status, body))
    }
}

/// How often the shop of this slate bought its baskets, by each thing that tells it.
fn times_of(slate: &Value) -> u64 {
    let items = slate["items"].as_array().unwrap();
    assert!(!items.is_empty(), "{slate}");
    let mut told: Vec<u64> = Vec::new();
    for item in items {
        let title = item["title"].as_str().unwrap();
        told.push(title.rsplit_once(" x").map_or(1, |(_, times)| times.parse().unwrap()));
        let evidence = &item["reason"]["evidence"];
        assert_eq!(evidence["n_orders"].as_u64().unwrap() % N_BASKETS, 0);
        told.push(evidence["n_orders"].as_u64().unwrap() / N_BASKETS);
        // A with C: 9 baskets; the hidden B never comes back.
        assert_eq!(item["item_id"], "C", "{slate}");
        told.push(evidence["n_both"].as_u64().unwrap() / 9);
    }
    assert!(told.iter().all(|times| *times == told[0]), "two snapshots in one answer: {slate}");
    told[0]
}

/// Asks until it is told to stop; how many answers, and the snapshots seen.
async fn pour(address: std::net::SocketAddr, is_over: Arc<AtomicBool>) -> (u64, Vec<u64>) {
    let mut client = Client(BufReader::new(TcpStream::connect(address).await.unwrap()));
    let mut seen = Vec::new();
    let mut n_answers = 0;
    while !is_over.load(Ordering::Relaxed) {
        let body = r#"{"placement":"pdp","item_ids":["A"]}"#;
        let (status, body) = client.ask(body).await.expect("no request is dropped");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let times = times_of(&serde_json::from_slice(&body).unwrap());
        n_answers += 1;
        if seen.last() != Some(&times) {
            seen.push(times);
        }
    }
    (n_answers, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_under_swaps_are_all_answered_each_from_one_snapshot() {
    let shop = TestShop::new();
    let hide = r#"{"item_id":"B","hidden":true}"#;
    assert_eq!(shop.call(Method::PATCH, "/v1/items", &[], hide).await.verdict(), "200");
    let listener = crate::serve::listen("127.0.0.1:0".parse().unwrap(), true).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = crate::router(shop.state.clone());
    let server = tokio::spawn(crate::serve::serve(listener, router, std::future::pending()));
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..N_CLIENTS).map(|_| tokio::spawn(pour(address, Arc::clone(&is_over)))).collect();
    let dir = tempfile::tempdir().unwrap();
    let snapshots = SnapshotDir::new(dir.path());
    for n in 1..=N_SWAPS {
        let time = format!("20260301T12{:02}{:02}Z", n / 60, n % 60);
        let id = snapshots.publish(&snapshot_writer(n), &time).unwrap().id;
        load_current(&shop.state.inner, &snapshots).await;
        assert_eq!(shop.state.inner.served.load().snapshot_id, id);
        // Prices change meanwhile as well.
        let price = format!(r#"{{"item_id":"C","price":{n}}}"#);
        assert_eq!(shop.call(Method::PATCH, "/v1/items", &[], price).await.verdict(), "200");
        snapshots.prune(2, &[]).unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let mut n_answers = 0;
    let mut n_changes = 0;
    for client in clients {
        let (n, seen) = client.await.unwrap();
        assert!(seen.is_sorted(), "an older snapshot came back: {seen:?}");
        n_answers += n;
        n_changes += seen.len();
    }
    assert!(n_answers >= u64::from(N_SWAPS), "{n_answers} answers are no load");
    assert!(n_changes > 2 * N_CLIENTS, "swaps were seen: {n_changes}");
    let last = shop.recommend(r#"{"placement":"pdp","item_ids":["A"]}"#).await.json();
    assert_eq!(last["items"][0]["price"], f64::from(N_SWAPS), "the last price is in force");
    assert_eq!(shop.state.inner.metrics.n_panics.get(), 0);
    server.abort();
    check_records(&shop);
}

/// A record names the snapshot that its numbers are from: one id, one count of orders.
fn check_records(shop: &TestShop) {
    let state = shop.ledger.state();
    let mut orders_of: std::collections::BTreeMap<String, u64> = Default::default();
    for (_, payload) in state.decisions.values() {
        let record = Record::read(payload).unwrap();
        let raw: Value = serde_json::from_slice(payload).unwrap();
        let n_orders = raw["offers"][0]["evidence"]["n_orders"].as_u64().unwrap();
        let known = *orders_of.entry(record.snapshot.clone()).or_insert(n_orders);
        assert_eq!(known, n_orders, "a record of {} with numbers of another", record.snapshot);
    }
    assert!(orders_of.len() > 2, "{} snapshots recorded", orders_of.len());
}
