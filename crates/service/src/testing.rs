//! A small shop for tests: baskets in a line language, counted by hand into a snapshot.

use crate::clock::Clock;
use crate::keys::KeyRing;
use crate::ledger::Ledger;
use crate::ledger::memory::MemoryLedger;
use crate::settings::Settings;
use crate::state::{AppState, Served};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use events::Timestamp;
use http_body_util::BodyExt;
use score::World;
use snapshot::tables::{NO_AMOUNT, NONE, PairStats, names, write_ids};
use snapshot::{Provenance, Rows, Snapshot, SnapshotWriter, StringTable};
use sparse::Csr;
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

pub(crate) const NOW: Timestamp = Timestamp(1_780_000_000_000_000);

/// Id, title, category, price in pence, kind.
const ITEMS: [(&str, &str, &str, i64, u8); 9] = [
    ("A", "WHITE METAL LANTERN", "Lights", 325, 0),
    ("B", "RED HEART T-LIGHT HOLDER", "Lights", 255, 0),
    ("C", "JUMBO BAG \"RETRO\" <b>RED</b>", "Bags", 195, 0),
    ("D", "REGENCY CAKESTAND 3 TIER", "Kitchen", 1275, 0),
    ("E", "TEAPOT", "Kitchen", 995, 0),
    ("F/1 ü", "TEACUP", "Kitchen", 295, 0),
    ("POST", "POSTAGE", "", 1800, 4),
    ("N", "BLUE METAL LANTERN", "Lights", 425, 0),
    ("H", "BELL", "Lights", 125, 0),
];

/// How often a basket was bought, and what it held. The fee lies in most baskets.
const BASKETS: [(u32, &str); 8] = [
    (12, "A B POST"),
    (6, "A B C POST"),
    (3, "A C POST"),
    (8, "D E F/1~ü POST"),
    (4, "E F/1~ü"),
    (2, "A D"),
    (5, "C H"),
    (10, "H POST"),
];

fn basket(text: &str) -> Vec<u32> {
    let idx = |id: &str| ITEMS.iter().position(|item| item.0 == id.replace('~', " "));
    text.split(' ').map(|id| idx(id).expect("a known item") as u32).collect()
}

/// The snapshot of the shop.
pub(crate) fn snapshot() -> Snapshot {
    Snapshot::from_writer(&snapshot_writer(1)).expect("the test shop is a valid snapshot")
}

/// Publishes the snapshot of the shop; its id.
pub(crate) fn publish_snapshot(dir: &snapshot::SnapshotDir) -> String {
    dir.publish(&snapshot_writer(1), "20260301T120000Z").expect("a fresh directory").id
}

/// Every basket bought `times` as often; titles tell it from the second on.
pub(crate) fn snapshot_writer(times: u32) -> SnapshotWriter {
    let n_baskets: u32 = BASKETS.iter().map(|(n, _)| n * times).sum();
    let provenance = Provenance {
        n_baskets: n_baskets.into(),
        n_items: ITEMS.len() as u64,
        code_version: "test".to_owned(),
        sources: [("orders_in_segments", "30"), ("orders_in_tail", "10")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Provenance::default()
    };
    let mut writer = SnapshotWriter::new(&provenance);
    write_ids(&mut writer, ITEMS.iter().map(|item| item.0));
    let titles = ITEMS.map(|item| match times {
        1 => item.1.to_owned(),
        _ => format!("{} x{times}", item.1),
    });
    StringTable::write(&mut writer, names::TITLES, titles.iter().map(String::as_str));
    StringTable::write(&mut writer, names::IMAGES, ITEMS.iter().map(|_| ""));
    writer.add(names::PRICES, &ITEMS.map(|item| item.3 * 10_000));
    writer.add(names::COSTS, &ITEMS.map(|_| NO_AMOUNT));
    writer.add(names::STOCKS, &ITEMS.map(|_| NO_AMOUNT));
    writer.add(names::KINDS, &ITEMS.map(|item| item.4));
    writer.add(names::FLAGS, &ITEMS.map(|_| 0_u8));
    writer.add(names::CURRENCIES, &ITEMS.map(|_| *b"GBP\0"));
    writer.add(names::VARIANT_OF, &ITEMS.map(|_| NONE));
    write_categories(&mut writer);
    let counts: Vec<u32> = item_counts().into_iter().map(|n| n * times).collect();
    writer.add(names::N_BASKETS, &counts);
    writer.add(names::TREND, &counts.clone().into_iter().map(|n| n as f32).collect::<Vec<_>>());
    let mut popular: Vec<u32> = (0..ITEMS.len() as u32).collect();
    popular.sort_by_key(|&item| (std::cmp::Reverse(counts[item as usize]), item));
    popular.retain(|&item| counts[item as usize] > 0);
    writer.add(names::POPULAR, &popular);
    write_pairs(&mut writer, &counts, times, n_baskets);
    write_words(&mut writer);
    let purchases = csr(&[vec![(3, 1.0_f32), (4, 0.5)]]);
    Rows::write(&mut writer, names::CUSTOMERS, &purchases.0, &purchases.1);
    writer.add(names::EASE_ROW_OF_ITEM, &[] as &[u32]);
    writer
}

fn csr<V: Copy>(rows: &[Vec<(u32, V)>]) -> (Csr, Vec<V>) {
    let mut table = Csr::default();
    let mut values = Vec::new();
    for row in rows {
        let items: Vec<u32> = row.iter().map(|entry| entry.0).collect();
        table.push_row(&items);
        values.extend(row.iter().map(|entry| entry.1));
    }
    (table, values)
}

fn item_counts() -> Vec<u32> {
    let mut counts = vec![0; ITEMS.len()];
    for (n, text) in BASKETS {
        for item in basket(text) {
            counts[item as usize] += n;
        }
    }
    counts
}

fn write_categories(writer: &mut SnapshotWriter) {
    let categories = ["Bags", "Kitchen", "Lights"];
    StringTable::write(writer, names::CATEGORY_NAMES, categories.into_iter());
    let of_item = ITEMS.map(|item| {
        categories.iter().position(|name| *name == item.2).map_or(NONE, |at| at as u32)
    });
    writer.add(names::CATEGORY_OF, &of_item);
    let rows: Vec<Vec<(u32, f32)>> = (0..categories.len() as u32)
        .map(|category| {
            let within = (0..ITEMS.len() as u32).filter(|&item| of_item[item as usize] == category);
            within.map(|item| (item, 1.0)).collect()
        })
        .collect();
    let (table, values) = csr(&rows);
    Rows::write(writer, names::CATEGORY_POPULAR, &table, &values);
}

fn write_pairs(writer: &mut SnapshotWriter, counts: &[u32], times: u32, n_baskets: u32) {
    let mut both: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for (n, text) in BASKETS {
        for a in basket(text) {
            // As learning does: fees give no evidence.
            for b in basket(text).into_iter().filter(|&b| b != a && a != 6 && b != 6) {
                *both.entry((a, b)).or_default() += n * times;
            }
        }
    }
    let mut rows: Vec<Vec<(u32, PairStats)>> = vec![Vec::new(); ITEMS.len()];
    for (&(a, b), &n_both) in &both {
        let (n_a, n_b) = (counts[a as usize] as f32, counts[b as usize] as f32);
        let lift = n_both as f32 * n_baskets as f32 / (n_a * n_b);
        rows[a as usize].push((
            b,
            PairStats {
                n_both,
                n_after: 2,
                n_before: 1,
                is_significant: u32::from(lift > 1.0 && n_both > 2),
                lift,
                g2: 10.0 * lift,
                wilson_low: 0.5 * n_both as f32 / n_a,
                probability: n_both as f32 / n_a,
                jaccard: n_both as f32 / (n_a + n_b - n_both as f32),
            },
        ));
    }
    for row in &mut rows {
        row.sort_by(|a, b| b.1.jaccard.total_cmp(&a.1.jaccard).then(a.0.cmp(&b.0)));
    }
    let (table, stats) = csr(&rows);
    Rows::write(writer, names::PAIRS, &table, &stats);
    let weights: Vec<f32> = stats.iter().map(|pair| pair.jaccard).collect();
    Rows::write(writer, names::NEIGHBORS, &table, &weights);
}

fn write_words(writer: &mut SnapshotWriter) {
    let mut words: BTreeMap<String, Vec<(u32, f32)>> = BTreeMap::new();
    for (item, entry) in ITEMS.iter().enumerate() {
        for word in score::text::tokens(entry.1) {
            words.entry(word).or_default().push((item as u32, 1.0));
        }
    }
    let names_of_words: Vec<&str> = words.keys().map(String::as_str).collect();
    StringTable::write(writer, names::TOKENS, names_of_words.into_iter());
    let rows: Vec<Vec<(u32, f32)>> = words.values().cloned().collect();
    let (table, values) = csr(&rows);
    Rows::write(writer, names::POSTINGS, &table, &values);
    // The new lantern (7) is like the old one (0).
    let mut alike = vec![Vec::new(); ITEMS.len()];
    alike[7] = vec![(0, 1.0_f32)];
    let (table, values) = csr(&alike);
    Rows::write(writer, names::CONTENT, &table, &values);
}

/// The shop behind a router.
pub(crate) struct TestShop {
    pub(crate) state: AppState,
    pub(crate) ledger: MemoryLedger,
    pub(crate) clock: Clock,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// `status code` of a problem, or just the status.
    pub(crate) fn verdict(&self) -> String {
        let code = serde_json::from_str::<serde_json::Value>(&self.body)
            .ok()
            .and_then(|body| Some(body.get("code")?.as_str()?.to_owned()));
        match code {
            Some(code) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }
}

impl TestShop {
    /// Open, with everything on.
    pub(crate) fn new() -> TestShop {
        let settings = Settings { with_shop: true, ..Settings::default() };
        TestShop::with(KeyRing::default(), settings)
    }

    /// Another process over the same ledger.
    pub(crate) fn over(ledger: MemoryLedger) -> TestShop {
        TestShop::build(ledger, KeyRing::default(), Settings::default())
    }

    /// Over another ledger than the one in memory, which stays empty.
    pub(crate) fn over_any(ledger: Box<dyn Ledger>) -> TestShop {
        let none = MemoryLedger::default();
        let shop = TestShop::serving(ledger, none, KeyRing::default(), Settings::default());
        shop.state.inner.live.customers.set_loaded();
        shop
    }

    /// Another process over the same ledger that does not know the customers yet.
    pub(crate) fn starting(ledger: MemoryLedger) -> TestShop {
        let serving = Box::new(ledger.clone());
        TestShop::serving(serving, ledger, KeyRing::default(), Settings::default())
    }

    pub(crate) fn with(keys: KeyRing, settings: Settings) -> TestShop {
        TestShop::build(MemoryLedger::default(), keys, settings)
    }

    fn build(ledger: MemoryLedger, keys: KeyRing, settings: Settings) -> TestShop {
        let shop = TestShop::serving(Box::new(ledger.clone()), ledger, keys, settings);
        shop.state.inner.live.customers.set_loaded();
        shop
    }

    fn serving(
        serving: Box<dyn Ledger>,
        ledger: MemoryLedger,
        keys: KeyRing,
        settings: Settings,
    ) -> TestShop {
        let clock = Clock::manual(NOW);
        let state = AppState::new(serving, keys, clock.clone(), settings).unwrap();
        state.inner.served.store(Arc::new(Served::of(
            World::of(Arc::new(snapshot())),
            "20260101T000000Z-test".to_owned(),
            Some(Timestamp(NOW.0 - 3_600_000_000)),
        )));
        TestShop { state, ledger, clock }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = crate::router(self.state.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// `headers`: `name: value` each.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.call(Method::POST, path, &[], body.to_owned()).await
    }

    pub(crate) async fn recommend(&self, body: &str) -> Answer {
        self.post("/v1/recommend", body).await
    }
}

/// The item ids of a slate, joined.
pub(crate) fn ids(slate: &serde_json::Value) -> String {
    let items = slate["items"].as_array().unwrap_or_else(|| panic!("no slate: {slate}"));
    let ids: Vec<&str> = items.iter().map(|item| item["item_id"].as_str().unwrap()).collect();
    ids.join(" ")
}
