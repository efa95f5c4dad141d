//! Who is in which variant: the side that answers requests.
//!
//! ```text
//! bucket  = floor(1000 · place(unit, "layer " + layer))     in the experiment if it has the bucket
//! variant : where place(unit, "experiment " + name) falls among the running sums of the shares
//! ```
//!
//! place is the keyed hash of `measure::assignment`: uniform on 0 to 1, independent between names,
//! so a unit's variant in one experiment tells nothing of its variant in another.

use crate::definition::{N_BUCKETS, Variant};
use crate::history::{Experiment, Phase};
use measure::assignment::{UnitId, place_of};

/// The variant of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assigned<'a> {
    pub experiment: &'a str,
    pub variant: &'a Variant,
    /// False where everybody is served so, after a winner was named: no comparison any more.
    pub is_compared: bool,
}

impl<'a> Assigned<'a> {
    /// The snapshot that is asked. A winner's was put in force when it was named, and newer ones
    /// follow it.
    pub fn snapshot(&self) -> Option<&'a str> {
        self.variant.snapshot.as_deref().filter(|_| self.is_compared)
    }
}

/// The experiments that change answers, ready to be asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Running {
    key: u64,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    layer_name: String,
    experiment_name: String,
    placements: Vec<String>,
    /// By bucket of the layer; empty where a winner serves everybody.
    has_bucket: Vec<bool>,
    /// Upper ends of the shares; the last is 1.
    ends: Vec<f64>,
    variants: Vec<Variant>,
    is_stopped: Vec<bool>,
    winner: Option<usize>,
}

impl Running {
    /// `key` is that of the shop ([`measure::assignment::key_of`]).
    pub fn of(experiments: &[Experiment], key: u64) -> Running {
        Running { key, entries: experiments.iter().filter_map(Entry::of).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The variants of a unit at a placement, in order of creation. Without a unit that can be told
    /// from others, only what is served to everybody.
    pub fn at<'a>(
        &'a self,
        unit: Option<UnitId>,
        placement: &'a str,
    ) -> impl Iterator<Item = Assigned<'a>> + 'a {
        self.entries.iter().filter_map(move |entry| entry.assign(self.key, unit, placement))
    }

    /// Versions of policies that some variant asks for.
    pub fn policy_versions(&self) -> Vec<u64> {
        let variants = self.entries.iter().flat_map(|entry| match entry.winner {
            Some(winner) => &entry.variants[winner..=winner],
            None => &entry.variants[..],
        });
        sorted(variants.filter_map(|variant| variant.policy_version).collect())
    }

    /// Snapshots that some variant is served from.
    pub fn snapshots(&self) -> Vec<String> {
        let running = self.entries.iter().filter(|entry| entry.winner.is_none());
        let asked = running.flat_map(|entry| {
            let variants = entry.variants.iter().zip(&entry.is_stopped);
            variants.filter_map(|(variant, is_stopped)| {
                variant.snapshot.clone().filter(|_| !is_stopped)
            })
        });
        sorted(asked.collect())
    }
}

/// Snapshots that experiments need which run or may yet be started: they must not be removed.
pub fn snapshots_needed(experiments: &[Experiment]) -> Vec<String> {
    let may_run =
        |experiment: &&Experiment| matches!(experiment.phase, Phase::Created | Phase::Running);
    let needed = experiments.iter().filter(may_run).flat_map(|e| e.definition.snapshots());
    sorted(needed.map(str::to_owned).collect())
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

impl Entry {
    fn of(experiment: &Experiment) -> Option<Entry> {
        let definition = &experiment.definition;
        let at = |name: &str| definition.variants.iter().position(|v| v.name == name);
        let winner = match &experiment.phase {
            Phase::Running => None,
            Phase::Won(variant) => Some(at(variant)?),
            Phase::Created | Phase::Stopped => return None,
        };
        let mut has_bucket = vec![false; usize::from(N_BUCKETS)];
        for &bucket in &experiment.buckets {
            *has_bucket.get_mut(usize::from(bucket))? = true;
        }
        let mut sum = 0.0;
        let ends = definition.shares().into_iter().map(|share| {
            sum += share;
            sum
        });
        let is_stopped = |variant: &Variant| experiment.stopped_at(&variant.name).is_some();
        Some(Entry {
            name: definition.name.clone(),
            layer_name: format!("layer {}", definition.layer),
            experiment_name: format!("experiment {}", definition.name),
            placements: definition.placements.clone(),
            has_bucket,
            ends: ends.collect(),
            is_stopped: definition.variants.iter().map(is_stopped).collect(),
            variants: definition.variants.clone(),
            winner,
        })
    }

    fn assign(&self, key: u64, unit: Option<UnitId>, placement: &str) -> Option<Assigned<'_>> {
        if !self.placements.is_empty() && !self.placements.iter().any(|own| own == placement) {
            return None;
        }
        if let Some(winner) = self.winner {
            let variant = &self.variants[winner];
            return Some(Assigned { experiment: &self.name, variant, is_compared: false });
        }
        let unit = unit?;
        let bucket = place_of(unit, &self.layer_name, key) * f64::from(N_BUCKETS);
        if !self.has_bucket[bucket as usize] {
            return None;
        }
        let place = place_of(unit, &self.experiment_name, key);
        // Rounding may leave the last sum a hair below 1.
        let at = self.ends.partition_point(|&end| end <= place).min(self.variants.len() - 1);
        if self.is_stopped[at] {
            return None;
        }
        Some(Assigned { experiment: &self.name, variant: &self.variants[at], is_compared: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definition;
    use measure::assignment::Unit;

    const KEY: u64 = 77;

    fn experiment(name: &str, layer: &str, buckets: std::ops::Range<u16>) -> Experiment {
        let text = format!(
            "name = '{name}'\nlayer = '{layer}'\nplacements = ['cart']\n[[variant]]\n\
             name = 'control'\n[[variant]]\nname = 'none'\noffers = false\nweight = 3\n"
        );
        Experiment {
            definition: Definition::read(&text, &["cart"]).expect("sound"),
            phase: Phase::Running,
            started_at: None,
            ended_at: None,
            buckets: buckets.collect(),
            stopped_variants: Vec::new(),
            ended_by: String::new(),
            ended_note: String::new(),
        }
    }

    fn unit(at: u32) -> Option<UnitId> {
        Some(Unit::Customer(&format!("c{at}")).id(KEY))
    }

    fn names(running: &Running, at: u32) -> Vec<(String, String)> {
        let found = running.at(unit(at), "cart");
        found.map(|a| (a.experiment.to_owned(), a.variant.name.clone())).collect()
    }

    #[test]
    fn a_layer_excludes_and_layers_are_independent() {
        let all = [
            experiment("a", "one", 0..400),
            experiment("b", "one", 400..1_000),
            experiment("c", "two", 0..1_000),
        ];
        let running = Running::of(&all, KEY);
        let (mut in_a, mut none_in_a, mut both_none) = (0, 0, 0);
        for at in 0..20_000 {
            let found = names(&running, at);
            assert_eq!(found.len(), 2, "one of a and b, and c");
            assert_eq!(found, names(&running, at));
            let is_a = found[0].0 == "a";
            in_a += u32::from(is_a);
            none_in_a += u32::from(is_a && found[0].1 == "none");
            both_none += u32::from(is_a && found[0].1 == "none" && found[1].1 == "none");
        }
        // Within four standard errors of .4, .75 of those, and .75 of these again.
        assert!((7_720..=8_280).contains(&in_a), "{in_a}");
        assert!((none_in_a * 4).abs_diff(in_a * 3) < 640, "{none_in_a} of {in_a}");
        assert!((both_none * 4).abs_diff(none_in_a * 3) < 560, "{both_none} of {none_in_a}");
    }

    #[test]
    fn who_is_in_stays_in_when_it_widens() {
        let narrow = Running::of(&[experiment("a", "one", 0..100)], KEY);
        let wide = Running::of(&[experiment("a", "one", 0..500)], KEY);
        let of = |running: &Running| (0..5_000).map(|at| names(running, at)).collect::<Vec<_>>();
        let (before, after) = (of(&narrow), of(&wide));
        let moved = before.iter().zip(&after).filter(|(b, a)| !b.is_empty() && a != b).count();
        let n = |of: &[Vec<_>]| of.iter().filter(|found| !found.is_empty()).count();
        assert_eq!(moved, 0);
        assert!(n(&before) > 400 && n(&after) > 2_300);
    }

    #[test]
    fn elsewhere_and_for_nobody_nothing_is_changed() {
        let running = Running::of(&[experiment("a", "one", 0..1_000)], KEY);
        assert_eq!(running.at(unit(1), "home").count(), 0);
        assert_eq!(running.at(None, "cart").count(), 0);
        let mut ended = experiment("a", "one", 0..1_000);
        ended.phase = Phase::Stopped;
        assert!(Running::of(&[ended], KEY).is_empty());
    }

    #[test]
    fn a_stopped_variant_is_served_as_usual_and_a_winner_to_everybody() {
        let mut stopped = experiment("a", "one", 0..1_000);
        stopped.stopped_variants = vec![("none".to_owned(), events::Timestamp(5))];
        let running = Running::of(&[stopped.clone()], KEY);
        let found: Vec<_> = (0..1_000).flat_map(|at| names(&running, at)).collect();
        assert!(found.iter().all(|(_, variant)| variant == "control"));
        assert!((180..320).contains(&found.len()), "{}", found.len());
        stopped.phase = Phase::Won("none".to_owned());
        let running = Running::of(&[stopped], KEY);
        let everybody = running.at(None, "cart").next().expect("served to all");
        assert!(!everybody.is_compared && everybody.variant.name == "none");
    }
}
