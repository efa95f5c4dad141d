//! `alongside simulate shop|bank|restaurant --against URL`: the customers of a world, as callers of
//! a running server.
//!
//! First what they bought in the time before, then the days of the trial: each visit asks for
//! offers, responds to what it is shown, and says so in events. Days of the trial pass in moments:
//! the server's clock is the wall's, and a trial counts from its first answers on. The same
//! customers are lived without offers beside it, so the effect on those with offers is known.

use super::http::Client;
use super::wire;
use crate::clock;
use crate::show;
use anyhow::Context;
use clap::Args;
use events::Timestamp;
use events::time::DAY_US;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use simulate::world::{Account, Life, Visit, World, WorldKind};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub(crate) struct DriveArgs {
    /// Customers, guests included.
    #[arg(long, default_value_t = 6_000)]
    customers: u32,
    /// Days of the trial.
    #[arg(long, default_value_t = 28)]
    days: u16,
    /// Days of history before it.
    #[arg(long, default_value_t = 60, value_name = "DAYS")]
    before: u16,
    /// The server, as http://127.0.0.1:8700. Its store should be a new one.
    #[arg(long, value_name = "URL")]
    against: String,
    /// A secret key, where the server has any.
    #[arg(long, env = "ALONGSIDE_KEY", hide_env_values = true)]
    key: Option<String>,
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Offers asked for on a visit.
    #[arg(long, default_value_t = 4)]
    count: usize,
    /// Connections at once.
    #[arg(long, default_value_t = 4)]
    connections: u32,
    /// Wait at most so long for the server to have learned from the history.
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    wait: u64,
    /// Where the truth goes [default: truth-WORLD.json].
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    output: crate::args::Output,
}

/// Records of one request.
const BATCH: usize = 500;

pub(crate) fn run(kind: WorldKind, args: &DriveArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.customers > 0 && args.days > 0, "give at least one customer and one day");
    anyhow::ensure!((1..=64).contains(&args.connections), "--connections: give 1 to 64");
    let world = World::new(kind, args.seed);
    let driver = Driver { world: &world, args, began: clock::now() };
    let mut client = driver.client()?;
    client.get("/health/ready").context("is the server running?")?;
    send_all(&mut client, "PUT", "/v1/items", wire::items(&world))?;
    let bar = progress(u64::from(args.customers), "history of customers");
    let lives = driver.on_all_shards(|driver, shard| driver.send_history(shard, &bar))?;
    bar.finish_and_clear();
    driver.wait_for_offers(&mut client)?;
    let bar = progress(u64::from(args.customers), "customers through the trial");
    let shards = std::sync::Mutex::new(lives.into_iter().map(Some).collect::<Vec<_>>());
    let found = driver.on_all_shards(|driver, shard| {
        let lives = shards.lock().map(|mut all| all[shard as usize].take()).ok().flatten();
        driver.live_trial(lives.unwrap_or_default(), &bar)
    })?;
    bar.finish_and_clear();
    driver.tell(&found.into_iter().fold(Tally::default(), Tally::and))
}

fn progress(n: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {eta}");
    ProgressBar::new(n)
        .with_message(what)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn send_all(
    client: &mut Client,
    method: &str,
    path: &str,
    records: Vec<Value>,
) -> anyhow::Result<()> {
    for batch in records.chunks(BATCH) {
        let answer = client.send(method, path, &json!(batch))?;
        let rejected = answer["rejected"].as_array().filter(|rejected| !rejected.is_empty());
        if let Some(rejected) = rejected {
            anyhow::bail!("{method} {path} rejected what was sent: {}", rejected[0]);
        }
    }
    Ok(())
}

/// What is known of those who came.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    n_offers: u64,
    n_holdout: u64,
    n_visits: u64,
    n_without_offers: u64,
    /// Of those with offers: sums of both lives.
    with: Account,
    without: Account,
}

impl Tally {
    fn and(self, other: Tally) -> Tally {
        let sum = |a: Account, b: Account| Account {
            from_offers: a.from_offers + b.from_offers,
            elsewhere: a.elsewhere + b.elsewhere,
            margin: a.margin + b.margin,
        };
        Tally {
            n_offers: self.n_offers + other.n_offers,
            n_holdout: self.n_holdout + other.n_holdout,
            n_visits: self.n_visits + other.n_visits,
            n_without_offers: self.n_without_offers + other.n_without_offers,
            with: sum(self.with, other.with),
            without: sum(self.without, other.without),
        }
    }
}

/// One life in the trial.
struct Pair<'w> {
    life: Life<'w>,
    /// The same life without offers, lived to its end; `None`: nobody came.
    without: Account,
    with: Account,
    is_held_out: Option<bool>,
}

struct Driver<'w> {
    world: &'w World,
    args: &'w DriveArgs,
    began: Timestamp,
}

impl<'w> Driver<'w> {
    fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.args.against, self.args.key.as_deref())
    }

    fn span(&self) -> (i32, i32) {
        (-i32::from(self.args.before), i32::from(self.args.days))
    }

    fn on_all_shards<T: Send>(
        &self,
        work: impl Fn(&Driver<'w>, u32) -> anyhow::Result<T> + Sync,
    ) -> anyhow::Result<Vec<T>> {
        std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = (0..self.args.connections)
                .map(|shard| scope.spawn(move || work(self, shard)))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread died")))
                })
                .collect()
        })
    }

    /// Customers and what they bought before, at times in the past.
    fn send_history(&self, shard: u32, bar: &ProgressBar) -> anyhow::Result<Vec<Life<'w>>> {
        let mut client = self.client()?;
        let (mut lives, mut records) = (Vec::new(), Records::default());
        for customer in (shard..self.args.customers).step_by(self.args.connections as usize) {
            let mut life = Life::new(self.world, customer, self.span());
            if !life.is_guest() {
                records.customers.push(wire::customer(self.world, &life));
            }
            while let Some(visit) = life.next_visit(0) {
                let outcome = life.respond(&visit, &[]);
                // An hour of the day that is the customer's own.
                let hour = i64::from(customer % 24) * (DAY_US / 24);
                let at = Timestamp(self.began.0 + i64::from(visit.day) * DAY_US - hour);
                let (world, life, visit, outcome) = (self.world, &life, &visit, &outcome);
                records.add(&wire::Scene { world, life, visit, outcome, answer: None, at });
            }
            records.send(&mut client, BATCH)?;
            bar.inc(1);
            lives.push(life);
        }
        records.send(&mut client, 0)?;
        Ok(lives)
    }

    /// Until the server has a snapshot.
    fn wait_for_offers(&self, client: &mut Client) -> anyhow::Result<()> {
        let deadline = clock::Stopwatch::start();
        let mut is_told = false;
        loop {
            let ready = client.get("/health/ready")?;
            if ready["status"] == "green" && ready["snapshot"].is_string() {
                return Ok(());
            }
            anyhow::ensure!(
                deadline.elapsed().as_secs() < self.args.wait,
                "the server learned nothing within {} s: run `alongside learn` on its store, or \
                 `serve --learn-after 1`",
                self.args.wait
            );
            if !is_told {
                show::note("Waiting for the server to learn (`alongside learn`)…");
                is_told = true;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn live_trial(&self, lives: Vec<Life<'w>>, bar: &ProgressBar) -> anyhow::Result<Tally> {
        let mut client = self.client()?;
        let mut pairs: Vec<Pair<'w>> = lives.into_iter().map(|life| self.pair(life)).collect();
        let mut tally = Tally::default();
        for day in 0..i32::from(self.args.days) {
            let mut records = Records::default();
            for pair in &mut pairs {
                while let Some(visit) = pair.life.next_visit(day + 1) {
                    tally.n_visits += 1;
                    let is_empty = self.visit(&mut client, pair, &visit, &mut records)?;
                    tally.n_without_offers += u64::from(is_empty);
                }
                records.send(&mut client, BATCH)?;
            }
            // The day's orders are in before the next day's questions.
            records.send(&mut client, 0)?;
            bar.inc(pairs.len() as u64 / u64::from(self.args.days));
        }
        for pair in &pairs {
            match pair.is_held_out {
                Some(true) => tally.n_holdout += 1,
                Some(false) => {
                    tally = tally.and(Tally {
                        n_offers: 1,
                        with: pair.with,
                        without: pair.without,
                        ..Tally::default()
                    });
                }
                None => {}
            }
        }
        Ok(tally)
    }

    fn pair(&self, life: Life<'w>) -> Pair<'w> {
        let mut other = life.clone();
        let mut without = Account::default();
        while let Some(visit) = other.next_visit(self.span().1) {
            without.add(&other.respond(&visit, &[]));
        }
        Pair { life, without, with: Account::default(), is_held_out: None }
    }

    /// Asks, responds, notes what to send; true when nothing was offered to who may be offered
    /// something.
    fn visit(
        &self,
        client: &mut Client,
        pair: &mut Pair<'w>,
        visit: &Visit,
        records: &mut Records,
    ) -> anyhow::Result<bool> {
        let request = wire::question(self.world, &pair.life, visit, self.args.count);
        let answer = client.send("POST", "/v1/recommend", &request)?;
        let is_held_out = answer["experiment"]["holdout"].as_bool().unwrap_or(false);
        pair.is_held_out.get_or_insert(is_held_out);
        let shown: Vec<u32> = answer["items"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| self.item_of(item["item_id"].as_str()?))
            .collect();
        let outcome = pair.life.respond(visit, &shown);
        pair.with.add(&outcome);
        let answer = answer["recommendation_id"].as_str().filter(|_| !shown.is_empty());
        let (world, life, outcome, at) = (self.world, &pair.life, &outcome, clock::now());
        records.add(&wire::Scene { world, life, visit, outcome, answer, at });
        Ok(shown.is_empty() && !is_held_out)
    }

    fn item_of(&self, item_id: &str) -> Option<u32> {
        let at = self.world.catalog.items.iter().position(|item| &*item.item_id == item_id);
        at.map(|at| at as u32)
    }

    fn tell(&self, tally: &Tally) -> anyhow::Result<()> {
        let n = tally.n_offers.max(1) as f64;
        let (with, without) = (tally.with, tally.without);
        let truth = json!({
            "world": self.world.kind.as_str(), "seed": self.args.seed,
            "customers": self.args.customers, "days": self.args.days,
            "n_offers": tally.n_offers, "n_holdout": tally.n_holdout,
            "n_visits": tally.n_visits, "n_visits_without_offers": tally.n_without_offers,
            "currency": wire::CURRENCY,
            "earned": with.revenue() - without.revenue(),
            "lift": (with.revenue() - without.revenue()) / n,
            "displaced": (without.elsewhere - with.elsewhere) / n,
            "margin": (with.margin - without.margin) / n,
            "from_offers": with.from_offers / n,
        });
        let path =
            self.args.truth.clone().unwrap_or_else(|| {
                PathBuf::from(format!("truth-{}.json", self.world.kind.as_str()))
            });
        std::fs::write(&path, format!("{truth:#}\n"))
            .with_context(|| format!("cannot write the truth to {}", path.display()))?;
        if self.args.output.json {
            return show::line(truth);
        }
        let number = |name: &str| truth[name].as_f64().unwrap_or_default();
        show::line(format!(
            "True of the {} customers with offers ({} were held out): the offers earned {:.2} {}, \
             {:+.2} a customer. {:.2} a customer were bought from offers, {:.2} of that would have \
             come anyway. `alongside report` should find it; this is in {}.",
            tally.n_offers,
            tally.n_holdout,
            number("earned"),
            wire::CURRENCY,
            number("lift"),
            number("from_offers"),
            number("displaced"),
            path.display()
        ))
    }
}

/// What waits to be sent.
#[derive(Default)]
struct Records {
    customers: Vec<Value>,
    events: Vec<Value>,
    holdings: Vec<Value>,
}

impl Records {
    fn add(&mut self, scene: &wire::Scene<'_>) {
        self.events.extend(wire::events(scene));
        self.holdings.extend(wire::holdings(scene));
    }

    /// Sends what is above a number.
    fn send(&mut self, client: &mut Client, above: usize) -> anyhow::Result<()> {
        for (method, path, records) in [
            ("PUT", "/v1/customers", &mut self.customers),
            ("POST", "/v1/events", &mut self.events),
            ("PUT", "/v1/holdings", &mut self.holdings),
        ] {
            if records.len() > above {
                send_all(client, method, path, std::mem::take(records))?;
            }
        }
        Ok(())
    }
}
