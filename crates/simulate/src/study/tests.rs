use super::*;
use crate::world::WorldKind;

/// A fast extract of the study (`cargo xtask bench worlds`): 20 runs of each world.
#[test]
fn the_interval_covers_the_truth_in_each_world() {
    for kind in WorldKind::ALL {
        // A bank sells little: in a trial of 3,000 hardly anybody buys.
        let n_customers = if kind == WorldKind::Bank { 8_000 } else { 3_000 };
        let plan = Plan { n_customers, held_out_share: 0.2, ..Plan::of(kind) };
        let findings = study(&plan, 1, 20);
        let summary = Summary::of(&findings);
        println!("{kind:?}: {summary:?}");
        for found in [summary.lift, summary.displaced, summary.margin] {
            // A binomial of 20 at .95 falls below 15 with a chance of .0003.
            assert!(found.n_covered >= 15 && found.n_covered_once >= 15, "{kind:?}: {found:?}");
            assert!(found.n_refused <= 2, "{kind:?}: {found:?}");
        }
        assert!(summary.attributed > summary.lift.truth && summary.displaced.truth > 0.0);
    }
}

#[test]
fn a_run_is_the_same_for_its_seed_and_knows_its_own_truth() {
    let plan = Plan { n_customers: 1_500, held_out_share: 0.3, ..Plan::of(WorldKind::Restaurant) };
    let [one, again, other] = [4, 4, 5].map(|seed| run(&plan, seed));
    assert_eq!((one.truth, one.n_holdout), (again.truth, again.n_holdout));
    assert_eq!(one.lift, again.lift);
    assert_ne!(one.truth, other.truth);
    // Held out are three of ten, and the truth does not depend on who.
    let share = one.n_holdout as f64 / (one.n_holdout + one.n_offers) as f64;
    assert!((share - 0.3).abs() < 0.05, "{share}");
    let elsewhere = run(&Plan { held_out_share: 0.5, ..plan }, 4);
    assert_eq!(elsewhere.truth_uncapped, one.truth_uncapped);
}

/// Where offers do nothing, nothing is found, whatever is clicked.
#[test]
fn without_an_effect_none_is_found() {
    let summary = Summary::of(&[]);
    assert_eq!((summary.n_runs, summary.lift.n_covered), (0, 0));
    let plan = Plan { n_customers: 3_000, held_out_share: 0.5, ..Plan::of(WorldKind::Shop) };
    let findings: Vec<Finding> = (1..=10).map(|seed| run_without_effect(&plan, seed)).collect();
    for found in &findings {
        assert!(found.truth.lift.abs() < 1e-9 && found.attributed > 0.0, "{found:?}");
        let lift = found.lift.as_ref().expect("an answer");
        assert!(!lift.is_clear(), "{found:?}");
        // All that is bought from an offer was displaced: attribution sees a success.
        let displaced = found.truth_uncapped.displaced;
        assert!((0.5..1.5).contains(&(displaced / found.attributed)), "{found:?}");
    }
}

/// Customers take from offers what they wanted anyway, and nothing else.
fn run_without_effect(plan: &Plan, seed: u64) -> Finding {
    use crate::world::Nature;
    let nature = Nature {
        takes_complement: 0.0,
        takes_need: 0.0,
        takes_other: 0.0,
        put_off_share: 0.0,
        returns_of_offers: Nature::of(plan.kind).returns,
        ..Nature::of(plan.kind)
    };
    run_in(plan, seed, nature)
}
