use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const CONTEXTS: usize = 5;
const ACTIONS: usize = 8;
const DECISIONS: usize = 3_000;
/// Smallest number of 1,000 intervals that a binomial test at 1 % lets pass for 95 %.
const AT_LEAST_OF_1000: usize = 934;

/// A bandit of which everything is known.
struct World {
    chance_of_reward: [[f64; ACTIONS]; CONTEXTS],
    logging: [[f64; ACTIONS]; CONTEXTS],
    target: [[f64; ACTIONS]; CONTEXTS],
    /// What the model foretells; wrong on purpose.
    model: [[f64; ACTIONS]; CONTEXTS],
}

fn table(of: impl Fn(usize, usize) -> f64) -> [[f64; ACTIONS]; CONTEXTS] {
    std::array::from_fn(|x| std::array::from_fn(|a| of(x, a)))
}

fn normalized(table: [[f64; ACTIONS]; CONTEXTS]) -> [[f64; ACTIONS]; CONTEXTS] {
    table.map(|row| row.map(|p| p / row.iter().sum::<f64>()))
}

impl World {
    /// Logs with rare choices of what the target likes: the higher, the larger the weights.
    fn new(power: i32) -> World {
        let chance = |x: usize, a: usize| 0.02 + 0.03 * ((x * 3 + a * 5) % 7) as f64;
        World {
            chance_of_reward: table(chance),
            logging: normalized(table(|x, a| (1.0 + ((x + 2 * a) % 5) as f64).powi(power))),
            target: normalized(table(|x, a| 0.2 + 30.0 * chance(x, a).powi(2))),
            model: table(|x, a| 0.5 * chance(x, a) + 0.02),
        }
    }

    fn truth(&self) -> f64 {
        self.over_pairs(|x, a| self.target[x][a] * self.chance_of_reward[x][a])
    }

    fn over_pairs(&self, of: impl Fn(usize, usize) -> f64) -> f64 {
        let pairs = (0..CONTEXTS).flat_map(|x| (0..ACTIONS).map(move |a| (x, a)));
        pairs.map(|(x, a)| of(x, a)).sum::<f64>() / CONTEXTS as f64
    }

    fn value_of_model(&self, x: usize) -> f64 {
        (0..ACTIONS).map(|a| self.target[x][a] * self.model[x][a]).sum()
    }

    /// Standard error of DR by the variance that is known (of IPS with a model of 0).
    fn textbook_error(&self, has_model: bool) -> f64 {
        let model = |x: usize, a: usize| if has_model { self.model[x][a] } else { 0.0 };
        let base = |x: usize| if has_model { self.value_of_model(x) } else { 0.0 };
        let square = self.over_pairs(|x, a| {
            let (b, p) = (self.logging[x][a], self.chance_of_reward[x][a]);
            let weight = self.target[x][a] / b;
            let at = |r: f64| (base(x) + weight * (r - model(x, a))).powi(2);
            b * (p * at(1.0) + (1.0 - p) * at(0.0))
        });
        ((square - self.truth().powi(2)) / DECISIONS as f64).sqrt()
    }

    fn log(&self, seed: u64) -> Columns {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = move || f64::from(rng.next_u32()) / 4_294_967_296.0;
        let mut log = Columns::default();
        for _ in 0..DECISIONS {
            let x = (uniform() * CONTEXTS as f64) as usize;
            let (mut a, mut left) = (0, uniform());
            while a + 1 < ACTIONS && left >= self.logging[x][a] {
                left -= self.logging[x][a];
                a += 1;
            }
            log.reward.push(f64::from(u8::from(uniform() < self.chance_of_reward[x][a])));
            log.weight.push(self.target[x][a] / self.logging[x][a]);
            log.foretold.push(self.model[x][a]);
            log.foretold_policy.push(self.value_of_model(x));
        }
        log
    }
}

#[derive(Default)]
struct Columns {
    reward: Vec<f64>,
    weight: Vec<f64>,
    foretold: Vec<f64>,
    foretold_policy: Vec<f64>,
}

impl Columns {
    fn log(&self) -> Log<'_> {
        Log {
            reward: &self.reward,
            weight: &self.weight,
            foretold: &self.foretold,
            foretold_policy: &self.foretold_policy,
            unseen_share: 0.0,
        }
    }
}

type Pick = fn(&Estimates) -> Value;
const ESTIMATORS: [(&str, Pick); 4] =
    [("ips", |e| e.ips), ("snips", |e| e.snips), ("dr", |e| e.dr), ("dr_shrunk", |e| e.dr_shrunk)];

fn thousand(world: &World) -> Vec<Estimates> {
    (0..1_000_u64)
        .into_par_iter()
        .filter_map(|seed| evaluate(&world.log(seed).log(), 0.95).ok())
        .collect()
}

fn over(found: &[Estimates], of: impl Fn(&Estimates) -> f64) -> f64 {
    found.iter().map(of).sum::<f64>() / found.len() as f64
}

#[test]
fn on_a_thousand_logs_the_truth_is_covered_and_no_width_is_wasted() {
    let world = World::new(1);
    let truth = world.truth();
    let found = thousand(&world);
    assert_eq!(found.len(), 1_000, "every log can tell");
    for (name, pick) in ESTIMATORS {
        let mean = over(&found, |e| pick(e).value);
        let spread = over(&found, |e| (pick(e).value - truth).powi(2)).sqrt();
        let is_covered = |e: &&Estimates| pick(e).low <= truth && truth <= pick(e).high;
        let n_covered = found.iter().filter(is_covered).count();
        let textbook = 2.0 * 1.96 * world.textbook_error(!matches!(name, "ips" | "snips"));
        let width = over(&found, |e| pick(e).high - pick(e).low) / textbook;
        println!("{name}: covered {n_covered}, width {width:.3} of the textbook's");
        assert!(n_covered >= AT_LEAST_OF_1000, "{name}: {n_covered} of 1,000");
        assert!(width < 1.05, "{name}: {width} times the textbook's");
        // 1,000 logs leave a standard error of spread/31.6; shrinking may add a little bias.
        let allowed = if name == "dr_shrunk" { 0.5 } else { 0.12 };
        assert!((mean - truth).abs() < allowed * spread, "{name}: {mean}, not {truth}");
    }
    let error = |pick: Pick| over(&found, |e| (pick(e).value - truth).powi(2));
    assert!(error(|e| e.dr) < error(|e| e.ips), "a model, even a poor one, helps");
    let harm = error(|e| e.dr_shrunk) / error(|e| e.dr);
    assert!(harm < 1.02, "shrinking does no harm: {harm}");
}

#[test]
fn large_weights_are_covered_too_and_shrinking_helps() {
    let world = World::new(2);
    let truth = world.truth();
    let found = thousand(&world);
    assert!(found.len() > 900, "{} logs can tell", found.len());
    for (name, pick) in ESTIMATORS {
        let is_covered = |e: &&Estimates| pick(e).low <= truth && truth <= pick(e).high;
        let n_covered = found.iter().filter(is_covered).count();
        println!("{name}: covered {n_covered} of {}", found.len());
        assert!(n_covered * 1_000 >= AT_LEAST_OF_1000 * found.len(), "{name}: {n_covered}");
    }
    let error = |pick: Pick| over(&found, |e| (pick(e).value - truth).powi(2));
    let gain = error(|e| e.dr_shrunk) / error(|e| e.dr);
    println!("squared error of shrunk DR: {gain:.3} of DR's");
    assert!(gain < 0.95, "{gain}");
}

#[test]
fn with_the_logging_policy_itself_every_estimate_is_the_mean_reward() {
    let reward: Vec<f64> = (0..1_000).map(|i| f64::from(u8::from(i % 9 == 0))).collect();
    let (ones, zeros) = (vec![1.0; 1_000], vec![0.0; 1_000]);
    let log = Log {
        reward: &reward,
        weight: &ones,
        foretold: &zeros,
        foretold_policy: &zeros,
        unseen_share: 0.0,
    };
    let found = evaluate(&log, 0.95).expect("the log can tell");
    for (name, pick) in ESTIMATORS {
        // Shrinking takes a little off a mean of few clicks, as all shrinking does.
        let allowed = if name == "dr_shrunk" { 0.25 * pick(&found).standard_error } else { 1e-9 };
        assert!((pick(&found).value - 0.112).abs() <= allowed, "{name}");
    }
    assert_eq!(weights_of(&log).effective, 1_000.0);
    assert!((weights_of(&log).effective_rewards - 112.0).abs() < 1e-9);
}

fn refusal(reward: &[f64], weight: &[f64], unseen_share: f64) -> CannotKnow {
    let zeros = vec![0.0; reward.len()];
    let log = Log { reward, weight, foretold: &zeros, foretold_policy: &zeros, unseen_share };
    evaluate(&log, 0.95).expect_err("it cannot know")
}

#[test]
fn what_the_log_cannot_know_is_refused_with_the_reason() {
    let clicks: Vec<f64> = (0..1_000).map(|i| f64::from(u8::from(i % 5 == 0))).collect();
    let ones = vec![1.0; 1_000];
    assert_eq!(refusal(&[], &[], 0.0), CannotKnow::NoDecisions);
    let mut lopsided = vec![0.5; 1_000];
    lopsided[3] = 500.0;
    assert!(matches!(
        refusal(&clicks, &lopsided, 0.0),
        CannotKnow::TooFewEffective { effective } if effective < 5.0
    ));
    assert!(matches!(refusal(&clicks, &ones, 0.2), CannotKnow::NeverTried { .. }));
    assert!(matches!(
        refusal(&clicks, &vec![0.5; 1_000], 0.0),
        CannotKnow::WrongPropensities { mean } if mean == 0.5
    ));
    let few: Vec<f64> = (0..1_000).map(|i| f64::from(u8::from(i % 200 == 0))).collect();
    let why = refusal(&few, &ones, 0.0);
    assert!(matches!(why, CannotKnow::TooFewRewards { effective } if effective == 5.0), "{why}");
    assert!(why.to_string().contains("log for longer"));
}

#[test]
#[should_panic(expected = "not finite")]
fn a_chance_of_zero_does_not_pass_as_infinite_weight() {
    refusal(&[1.0], &[f64::INFINITY], 0.0);
}
