//! What a made-up shop sells: items in latent groups, some with a complement, sold by Zipf's law.
//!
//! The group of an item and its complement are the planted truth: items of a group are bought
//! together because they serve one need, and a complement is bought because of its anchor.

use crate::Error;
use crate::chance::{AliasTable, Chance};

/// How large the shop is and how unequal its sales are.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogSpec {
    pub n_items: u32,
    /// The item of rank r sells in proportion to r^-exponent.
    pub zipf_exponent: f64,
    pub mean_group_size: u32,
    pub seed: u64,
}

#[derive(Debug)]
pub struct Item {
    /// As the shop writes it: digits, for some a letter behind.
    pub item_id: Box<str>,
    pub title: Box<str>,
    pub price_cents: u32,
    pub group: u32,
    /// The item that is bought because of this one.
    pub complement: Option<u32>,
}

#[derive(Debug)]
pub struct Catalog {
    pub items: Vec<Item>,
    by_popularity: AliasTable,
    groups_by_popularity: AliasTable,
    /// Members of group g: `members[starts[g]..starts[g + 1]]`, beside their running weights.
    starts: Vec<u32>,
    members: Vec<u32>,
    running_weights: Vec<f64>,
}

/// Share of items that have a complement.
const COMPLEMENT_SHARE: f64 = 0.5;

impl Catalog {
    pub fn new(spec: &CatalogSpec) -> Result<Catalog, Error> {
        check(spec)?;
        let mut chance = Chance::new(spec.seed, u64::from(u32::MAX));
        let weights = zipf_weights(spec, &mut chance);
        let n_groups = (spec.n_items / spec.mean_group_size).max(1);
        let groups: Vec<u32> = (0..spec.n_items).map(|_| chance.below(n_groups)).collect();
        let (starts, members) = members_of(&groups, n_groups);
        let items: Vec<Item> = (0..spec.n_items)
            .map(|item_idx| {
                let group = groups[item_idx as usize];
                let range = starts[group as usize] as usize..starts[group as usize + 1] as usize;
                make_item(item_idx, group, &members[range], spec.seed, &mut chance)
            })
            .collect();
        Ok(Catalog::of_items(items, &weights))
    }

    /// A shop of items that are known one by one, sold by weight. Groups are numbered from 0 and
    /// none is empty of weight.
    pub(crate) fn of_items(items: Vec<Item>, weights: &[f64]) -> Catalog {
        let groups: Vec<u32> = items.iter().map(|item| item.group).collect();
        let n_groups = groups.iter().max().map_or(1, |last| last + 1);
        let (starts, members) = members_of(&groups, n_groups);
        let running_weights = running(&starts, &members, weights);
        let group_weights =
            |g: usize| running_weights[starts[g] as usize..starts[g + 1] as usize].last().copied();
        let of_groups: Vec<f64> =
            (0..n_groups as usize).map(|g| group_weights(g).unwrap_or(0.0)).collect();
        Catalog {
            items,
            by_popularity: AliasTable::new(weights),
            groups_by_popularity: AliasTable::new(&of_groups),
            starts,
            members,
            running_weights,
        }
    }

    pub fn n_groups(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// An item by its share of all sales.
    pub fn draw(&self, chance: &mut Chance) -> u32 {
        self.by_popularity.draw(chance)
    }

    /// A group by its share of all sales; never an empty one.
    pub fn draw_group(&self, chance: &mut Chance) -> u32 {
        self.groups_by_popularity.draw(chance)
    }

    /// An item of a group by its share of the group's sales; `None` for a group without items.
    pub fn draw_in_group(&self, group: u32, chance: &mut Chance) -> Option<u32> {
        let range = self.starts[group as usize] as usize..self.starts[group as usize + 1] as usize;
        let running = &self.running_weights[range.clone()];
        let aim = chance.unit() * running.last()?;
        let at = running.partition_point(|&weight| weight <= aim).min(running.len() - 1);
        Some(self.members[range.start + at])
    }
}

fn check(spec: &CatalogSpec) -> Result<(), Error> {
    let refuse = |field, value: String, mend| Err(Error::Spec { field, value, mend });
    if spec.n_items == 0 {
        return refuse("n_items", "0".into(), "a shop sells at least one item");
    }
    if spec.mean_group_size == 0 {
        return refuse("mean_group_size", "0".into(), "a group has at least one item");
    }
    if !(0.0..=5.0).contains(&spec.zipf_exponent) {
        let value = spec.zipf_exponent.to_string();
        return refuse("zipf_exponent", value, "take one from 0 (all sell alike) to 5");
    }
    Ok(())
}

/// Ranks are spread over the item numbers, so that neither number nor group tells popularity.
fn zipf_weights(spec: &CatalogSpec, chance: &mut Chance) -> Vec<f64> {
    let mut weights: Vec<f64> =
        (1..=spec.n_items).map(|rank| f64::from(rank).powf(-spec.zipf_exponent)).collect();
    chance.shuffle(&mut weights);
    weights
}

/// Counting sort of the items by group.
fn members_of(groups: &[u32], n_groups: u32) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; n_groups as usize + 1];
    for &group in groups {
        starts[group as usize + 1] += 1;
    }
    for group in 1..starts.len() {
        starts[group] += starts[group - 1];
    }
    let mut next = starts.clone();
    let mut members = vec![0_u32; groups.len()];
    for (item_idx, &group) in groups.iter().enumerate() {
        members[next[group as usize] as usize] = item_idx as u32;
        next[group as usize] += 1;
    }
    (starts, members)
}

/// Sums of weights within each group, up to and with each member.
fn running(starts: &[u32], members: &[u32], weights: &[f64]) -> Vec<f64> {
    let mut sums = Vec::with_capacity(members.len());
    for range in starts.windows(2) {
        let mut sum = 0.0;
        for &item_idx in &members[range[0] as usize..range[1] as usize] {
            sum += weights[item_idx as usize];
            sums.push(sum);
        }
    }
    sums
}

fn make_item(item_idx: u32, group: u32, members: &[u32], seed: u64, chance: &mut Chance) -> Item {
    let partner = members[chance.below(members.len() as u32) as usize];
    let has_complement = chance.happens(COMPLEMENT_SHARE) && partner != item_idx;
    // Prices of a group lie around its level, from about .40 to 40.
    let level = crate::chance::hash(seed ^ u64::from(group)) % 460;
    let cents = 40.0 * (level as f64 / 100.0).exp() * (0.35 * chance.normal()).exp();
    Item {
        item_id: item_id(item_idx, chance),
        title: title(item_idx, group, chance),
        price_cents: (cents as u32).clamp(5, 99_995) / 5 * 5 + 4,
        group,
        complement: has_complement.then_some(partner),
    }
}

fn item_id(item_idx: u32, chance: &mut Chance) -> Box<str> {
    let number = u64::from(item_idx) + 10_002;
    let letter = chance.below(26);
    if chance.happens(0.3) {
        let letter = char::from(b'A' + letter as u8);
        format!("{number}{letter}").into()
    } else {
        number.to_string().into()
    }
}

const COLORS: [&str; 12] = [
    "WHITE",
    "RED",
    "PINK",
    "BLUE",
    "GREEN",
    "IVORY",
    "BLACK",
    "SILVER",
    "CREAM",
    "VINTAGE",
    "RETROSPOT",
    "WOODEN",
];
const MOTIFS: [&str; 16] = [
    "HEART",
    "STAR",
    "BIRD",
    "FLORAL",
    "POLKADOT",
    "SKULL",
    "OWL",
    "ROSE",
    "PAISLEY",
    "STRAWBERRY",
    "CIRCUS",
    "WOODLAND",
    "DOILY",
    "LONDON",
    "BAROQUE",
    "SPACEBOY",
];
const NOUNS: [&str; 24] = [
    "LANTERN",
    "T-LIGHT HOLDER",
    "LUNCH BAG",
    "CAKE STAND",
    "TEACUP",
    "MUG",
    "CUSHION",
    "BUNTING",
    "CLOCK",
    "DOORMAT",
    "NAPKINS",
    "JAR",
    "BASKET",
    "FRAME",
    "CANDLE",
    "APRON",
    "TIN",
    "BOWL",
    "GIFT WRAP",
    "NECKLACE",
    "HOOK",
    "DRAWER KNOB",
    "NOTEBOOK",
    "GARDEN SIGN",
];

/// Items of one group share motif and noun, as a shop's ranges do; some titles need CSV quotes.
fn title(item_idx: u32, group: u32, chance: &mut Chance) -> Box<str> {
    let noun = NOUNS[group as usize % NOUNS.len()];
    let motif = MOTIFS[group as usize / NOUNS.len() % MOTIFS.len()];
    let color = COLORS[chance.below(COLORS.len() as u32) as usize];
    match chance.below(20) {
        0 => format!("{noun}, {color} {motif} No {item_idx}").into(),
        1 => format!("{color} {motif} {noun} 12\" No {item_idx}").into(),
        2..6 => format!("SET OF {} {color} {motif} {noun} No {item_idx}", 2 + item_idx % 11).into(),
        _ => format!("{color} {motif} {noun} No {item_idx}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn spec(n_items: u32) -> CatalogSpec {
        CatalogSpec { n_items, zipf_exponent: 1.0, mean_group_size: 25, seed: 3 }
    }

    #[test]
    fn ids_are_distinct_and_complements_stay_in_the_group() {
        let catalog = Catalog::new(&spec(5_000)).unwrap();
        let ids: HashSet<&str> = catalog.items.iter().map(|item| &*item.item_id).collect();
        assert_eq!((ids.len(), catalog.n_groups()), (5_000, 200));
        let with: Vec<(usize, u32)> = catalog
            .items
            .iter()
            .enumerate()
            .filter_map(|(i, item)| Some((i, item.complement?)))
            .collect();
        assert!((2_000..3_000).contains(&with.len()), "{}", with.len());
        for (item_idx, complement) in with {
            let partner = &catalog.items[complement as usize];
            assert!(complement as usize != item_idx);
            assert_eq!(partner.group, catalog.items[item_idx].group);
        }
        assert!(catalog.items.iter().all(|item| (9..100_000).contains(&item.price_cents)));
        assert!(catalog.items.iter().any(|item| item.title.contains('"')));
    }

    /// With exponent 1 and 1,000 items the best seller has 1/H(1000) = 13.4 % of the sales.
    #[test]
    fn sales_follow_zipf() {
        let catalog = Catalog::new(&spec(1_000)).unwrap();
        let mut chance = Chance::new(1, 0);
        let mut counts = vec![0_u32; 1_000];
        for _ in 0..100_000 {
            counts[catalog.draw(&mut chance) as usize] += 1;
        }
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert!((counts[0] as f64 / 13_360.0 - 1.0).abs() < 0.05, "{}", counts[0]);
        assert!((counts[9] as f64 / 1_336.0 - 1.0).abs() < 0.2, "{}", counts[9]);
    }

    #[test]
    fn draws_in_a_group_stay_there() {
        let catalog = Catalog::new(&spec(300)).unwrap();
        let mut chance = Chance::new(1, 0);
        let group = catalog.draw_group(&mut chance);
        let n_members = catalog.items.iter().filter(|item| item.group == group).count();
        let drawn: HashSet<u32> =
            (0..3_000).filter_map(|_| catalog.draw_in_group(group, &mut chance)).collect();
        assert!(drawn.iter().all(|&item_idx| catalog.items[item_idx as usize].group == group));
        assert!(drawn.len() > n_members / 2, "{} of {n_members}", drawn.len());
    }

    #[test]
    fn impossible_shops_are_refused() {
        assert!(Catalog::new(&spec(0)).unwrap_err().to_string().starts_with("n_items is 0"));
        assert!(Catalog::new(&CatalogSpec { mean_group_size: 0, ..spec(1) }).is_err());
        assert!(Catalog::new(&CatalogSpec { zipf_exponent: f64::NAN, ..spec(1) }).is_err());
        assert_eq!(Catalog::new(&spec(1)).unwrap().items[0].complement, None);
    }
}
