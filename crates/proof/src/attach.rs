//! Of units sold, how many could have been sold with a plan or with what is made for them, and how
//! many were: the attach rate.
//!
//! What goes with an item is told by declared relations (`item attach plan`: warranty,
//! installation, accessory) and by what plans say that they cover: the words that offers go by,
//! wherever a plan is sold. A unit of what is attached serves one unit of one item of the same
//! order.

use crate::facts::{Known, hash_of};
use events::plan::{COVERS, PRICE_MAX, PRICE_MIN};
use events::{Amount, Currency, ItemKind, ItemRecord, Relation, Timestamp};
use hashbrown::HashMap;
use history::{CatalogItem, DeclaredFacts};

/// What is asked of items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    /// By dense index.
    pub(crate) items: Vec<Known>,
    pub(crate) attachments: Attachments,
}

/// What goes with each item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attachments {
    terms: Vec<Terms>,
    /// By hash.
    of_item: HashMap<u64, Anchor>,
}

/// What is attached, and the band of prices of the items that it covers.
#[derive(Clone, Debug, Default, PartialEq)]
struct Terms {
    item: u64,
    min: Option<Amount>,
    max: Option<Amount>,
    currency: Option<Currency>,
    /// The band cannot be read: nothing is covered.
    is_broken: bool,
}

#[derive(Clone, Debug, Default)]
struct Anchor {
    /// By the catalog, for lines without a price.
    price: Option<Amount>,
    currency: Option<Currency>,
    edges: Vec<Edge>,
}

/// To a place in the terms, while it holds.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: u32,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Units of an item in an order, of all its lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units {
    pub(crate) item: u64,
    pub(crate) pieces: f64,
    /// A piece.
    pub(crate) price: Option<Amount>,
}

/// Pieces that something could go with, and those of them that something went with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Attached {
    pub(crate) n_coverable: f64,
    pub(crate) n_attached: f64,
}

impl Terms {
    fn of(record: &ItemRecord) -> Terms {
        let told = |name: &str| {
            let of = record.attributes.iter().find(|(known, _)| known == name);
            of.map(|(_, text)| text.trim()).filter(|text| !text.is_empty())
        };
        let [min, max] = [PRICE_MIN, PRICE_MAX]
            .map(|name| told(name).map(|text| Amount::parse(text, b'.').ok()));
        let is_broken = min == Some(None) || max == Some(None);
        let (item, currency) = (hash_of(&record.item_id), record.currency);
        Terms { item, min: min.flatten(), max: max.flatten(), currency, is_broken }
    }

    fn fits(&self, price: Option<Amount>, currency: Option<Currency>) -> bool {
        let is_comparable =
            currency.is_none() || self.currency.is_none() || currency == self.currency;
        let is_within = |price: Amount| {
            self.min.is_none_or(|min| min <= price) && self.max.is_none_or(|max| price <= max)
        };
        let has_band = self.min.is_some() || self.max.is_some();
        !self.is_broken && (!has_band || price.filter(|_| is_comparable).is_some_and(is_within))
    }
}

impl Edge {
    fn holds_at(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

impl Attachments {
    pub(crate) fn of(items: &[CatalogItem], declared: &DeclaredFacts) -> Attachments {
        let mut found = Attachments::default();
        let mut places: HashMap<u64, u32> = HashMap::new();
        let plans = &declared.plans;
        for plan in plans.iter().filter(|plan| plan.kind == Some(ItemKind::Service)) {
            places.insert(hash_of(&plan.item_id), found.terms.len() as u32);
            found.terms.push(Terms::of(plan));
        }
        let list = &declared.relations;
        for pair in list.pairs.iter().filter(|pair| pair.relation == Relation::Attach) {
            let [from, to] = [pair.from, pair.to].map(|at| hash_of(&list.item_ids[at as usize]));
            let to = *places.entry(to).or_insert_with(|| {
                found.terms.push(Terms { item: to, ..Terms::default() });
                found.terms.len() as u32 - 1
            });
            let edge = Edge { to, from: pair.valid_from, until: pair.valid_until };
            found.of_item.entry(from).or_default().edges.push(edge);
        }
        let by_category = by_category(plans, &places);
        for CatalogItem { entry, .. } in items {
            let item = hash_of(&entry.id);
            let category = entry.category.as_deref().filter(|_| !by_category.is_empty());
            let is_covered = !matches!(entry.kind, ItemKind::Fee | ItemKind::Service);
            for &to in category
                .filter(|_| is_covered)
                .into_iter()
                .flat_map(levels)
                .flat_map(|level| by_category.get(level).into_iter().flatten())
            {
                let edge = Edge { to, from: None, until: None };
                found.of_item.entry(item).or_default().edges.push(edge);
            }
            if let Some(anchor) = found.of_item.get_mut(&item) {
                (anchor.price, anchor.currency) = (entry.price, entry.currency);
            }
        }
        found
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.of_item.is_empty()
    }

    /// Of the units of one order. Items that fewer things go with are served first.
    pub(crate) fn count(&self, at: Timestamp, units: &[Units]) -> Attached {
        let mut found = Attached::default();
        if self.is_empty() {
            return found;
        }
        let fits = |anchor: &Anchor, unit: &Units, edge: &Edge| {
            let price = unit.price.or(anchor.price);
            edge.holds_at(at) && self.terms[edge.to as usize].fits(price, anchor.currency)
        };
        // What goes with each item of the order that anything could go with.
        let mut open: Vec<(f64, Vec<u64>)> = Vec::new();
        for unit in units.iter().filter(|unit| unit.pieces > 0.0) {
            let Some(anchor) = self.of_item.get(&unit.item) else { continue };
            let edges = anchor.edges.iter().filter(|edge| fits(anchor, unit, edge));
            let may: Vec<u64> = edges.map(|edge| self.terms[edge.to as usize].item).collect();
            if !may.is_empty() {
                found.n_coverable += unit.pieces;
                open.push((unit.pieces, may));
            }
        }
        let is_there = |item: &u64| units.iter().any(|unit| unit.item == *item);
        open.iter_mut().for_each(|(_, may)| may.retain(is_there));
        open.sort_by_key(|(_, may)| may.len());
        let mut left: Vec<Units> = units.to_vec();
        for (mut pieces, may) in open {
            for unit in left.iter_mut().filter(|unit| may.contains(&unit.item)) {
                let taken = pieces.min(unit.pieces.max(0.0));
                (pieces, unit.pieces) = (pieces - taken, unit.pieces - taken);
                found.n_attached += taken;
            }
        }
        found
    }
}

/// `A`, `A > B`, `A > B > C`.
fn levels(category: &str) -> impl Iterator<Item = &str> {
    let ends = category.match_indices(" > ").map(|(at, _)| at).chain([category.len()]);
    ends.map(|end| &category[..end])
}

fn by_category(plans: &[ItemRecord], places: &HashMap<u64, u32>) -> HashMap<String, Vec<u32>> {
    let mut found: HashMap<String, Vec<u32>> = HashMap::new();
    for plan in plans {
        let covers = plan.attributes.iter().find(|(name, _)| name == COVERS);
        let Some(&place) = places.get(&hash_of(&plan.item_id)) else { continue };
        for category in covers.into_iter().flat_map(|(_, text)| text.split(';')) {
            let levels: Vec<&str> = category.split('>').map(str::trim).collect();
            let category = levels.join(" > ");
            let of_category = found.entry(category).or_default();
            if of_category.last() != Some(&place) {
                of_category.push(place);
            }
        }
    }
    found.remove("");
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::RelationRecord;

    fn attach(from: &str, to: &str) -> RelationRecord {
        RelationRecord {
            from_item_id: from.to_owned(),
            to_item_id: to.to_owned(),
            relation: Some(Relation::Attach),
            valid_until: Some(Timestamp(100)),
            ..RelationRecord::default()
        }
    }

    fn plan(id: &str, attributes: &[(&str, &str)]) -> ItemRecord {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ItemRecord {
            item_id: id.to_owned(),
            kind: Some(ItemKind::Service),
            attributes: attributes.iter().map(text).collect(),
            ..ItemRecord::default()
        }
    }

    fn item(id: &str, category: &str, price: i64) -> CatalogItem {
        let entry = history::ItemEntry {
            id: id.into(),
            category: Some(category.into()),
            price: Amount::from_units(price),
            ..history::ItemEntry::default()
        };
        CatalogItem {
            item_idx: 0,
            entry,
            url: None,
            variant_of: None,
            attributes: Vec::new(),
            catalog_version: 0,
        }
    }

    fn count(found: &Attachments, at: i64, order: &[(&str, f64)]) -> (f64, f64) {
        let of =
            |(id, pieces): &(&str, f64)| Units { item: hash_of(id), pieces: *pieces, price: None };
        let units: Vec<Units> = order.iter().map(of).collect();
        let Attached { n_coverable, n_attached } = found.count(Timestamp(at), &units);
        (n_coverable, n_attached)
    }

    #[test]
    fn a_unit_of_what_is_attached_serves_one_unit_while_the_relation_holds() {
        let records = [attach("phone", "care"), attach("phone", "case"), attach("pad", "care")];
        let relations = events::RelationList::of(&records);
        let declared = DeclaredFacts { relations, plans: Vec::new(), version: 0 };
        let found = Attachments::of(&[], &declared);
        assert_eq!(count(&found, 5, &[("phone", 3.0), ("tea", 9.0)]), (3.0, 0.0));
        assert_eq!(count(&found, 5, &[("phone", 3.0), ("care", 1.0), ("case", 1.0)]), (3.0, 2.0));
        assert_eq!(count(&found, 5, &[("phone", 1.0), ("care", 4.0)]), (1.0, 1.0));
        // The pad has the care alone, and is served before the phone takes it.
        let both = [("phone", 1.0), ("pad", 1.0), ("care", 1.0), ("case", 1.0)];
        assert_eq!(count(&found, 5, &both), (2.0, 2.0));
        assert_eq!(count(&found, 100, &both), (0.0, 0.0), "it ended");
        assert_eq!(count(&found, 5, &[("care", 2.0)]), (0.0, 0.0));
    }

    #[test]
    fn a_plan_covers_its_categories_within_its_band_of_prices() {
        let plans = vec![
            plan("small", &[(COVERS, "Phones; TV>Large"), (PRICE_MAX, "500")]),
            plan("broken", &[(COVERS, "Phones"), (PRICE_MIN, "much")]),
        ];
        let declared = DeclaredFacts { plans, ..DeclaredFacts::default() };
        let items = [
            item("a", "Phones > Smart", 300),
            item("b", "Phones", 900),
            item("c", "TV > Large", 1),
        ];
        let found = Attachments::of(&items, &declared);
        assert_eq!(count(&found, 0, &[("a", 2.0), ("small", 1.0)]), (2.0, 1.0));
        assert_eq!(count(&found, 0, &[("b", 2.0), ("small", 1.0), ("broken", 1.0)]), (0.0, 0.0));
        assert_eq!(count(&found, 0, &[("c", 1.0)]), (1.0, 0.0));
    }
}
