//! Plans that cover items: warranties, protection, installation. What they cover is told by
//! relations (`item attach plan`) and by attributes of the plan.

use crate::catalog::Catalog;
use crate::relations::Declarations;
use events::{Amount, ItemKind, Relation, Timestamp};
use hashbrown::HashMap;

/// The attributes of a plan. Lists are separated by `;`.
pub mod attributes {
    /// Categories: what lies in or below one of them is covered.
    pub const COVERS: &str = "covers";
    /// The band of prices that a covered item lies in, both ends included.
    pub const PRICE_MIN: &str = "covers_price_min";
    pub const PRICE_MAX: &str = "covers_price_max";
    /// Countries that it is sold in, by their two letters; left out: everywhere.
    pub const REGIONS: &str = "regions";
    /// How long, for people: `3 years`.
    pub const TERM: &str = "term";

    pub const ALL: [&str; 5] = [COVERS, PRICE_MIN, PRICE_MAX, REGIONS, TERM];
}

/// What a plan covers and where it is sold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanTerms {
    price_min: Option<Amount>,
    price_max: Option<Amount>,
    regions: Vec<Box<str>>,
    pub term: Option<Box<str>>,
    /// An attribute could not be read: nothing is covered.
    is_broken: bool,
}

impl PlanTerms {
    /// Is an item of this price in the band? Without a price nobody can say so.
    pub fn fits_price(&self, price: Option<Amount>) -> bool {
        match (self.price_min, self.price_max, price) {
            (None, None, _) => !self.is_broken,
            (_, _, None) => false,
            (min, max, Some(price)) => {
                let is_within = min.is_none_or(|min| min <= price);
                !self.is_broken && is_within && max.is_none_or(|max| price <= max)
            }
        }
    }

    /// Is it sold in this region? Where that is not known, only what is sold everywhere is.
    pub fn is_sold_in(&self, region: Option<&str>) -> bool {
        let is_one = |region: &str| self.regions.iter().any(|of| of.eq_ignore_ascii_case(region));
        self.regions.is_empty() || region.is_some_and(is_one)
    }

    /// Width of the band: the narrower one is meant for the item.
    pub fn band_width(&self) -> i64 {
        let (min, max) = (self.price_min.unwrap_or(Amount::ZERO), self.price_max);
        max.map_or(i64::MAX, |max| max.0.saturating_sub(min.0))
    }
}

/// All plans of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans {
    terms: HashMap<u32, PlanTerms>,
    /// In order of index, so that every walk over them is the same.
    items: Vec<u32>,
    of_category: HashMap<Box<str>, Vec<u32>>,
}

impl Plans {
    pub(crate) fn of(catalog: &Catalog, declared: &Declarations) -> Plans {
        let mut plans = Plans::default();
        let mut categories: Vec<(u32, Box<str>)> = Vec::new();
        for item in 0..catalog.len() as u32 {
            if catalog.state(item).kind() != ItemKind::Service {
                continue;
            }
            let covers = catalog.plan_attribute(item, attributes::COVERS);
            let mut edges = declared.of_item(item).iter();
            if covers.is_none() && !edges.any(|edge| edge.relation == Relation::Attach) {
                continue;
            }
            plans.items.push(item);
            plans.terms.insert(item, terms_of(catalog, item));
            categories.extend(list(covers).map(|category| (item, category)));
        }
        for (item, category) in categories {
            plans.of_category.entry(category).or_default().push(item);
        }
        plans
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn has_regions(&self) -> bool {
        self.terms.values().any(|terms| !terms.regions.is_empty())
    }

    pub fn items(&self) -> &[u32] {
        &self.items
    }

    pub fn terms(&self, plan: u32) -> Option<&PlanTerms> {
        self.terms.get(&plan)
    }

    /// Plans that may cover an item of this category, beside those declared for it.
    pub fn visit_of_category(&self, category: &str, mut visit: impl FnMut(u32)) {
        let ends = category.match_indices(" > ").map(|(at, _)| at).chain([category.len()]);
        for end in ends {
            let plans = self.of_category.get(&category[..end]);
            plans.into_iter().flatten().for_each(|&plan| visit(plan));
        }
    }

    /// Plans declared for an item.
    pub fn visit_declared(
        &self,
        declared: &Declarations,
        item: u32,
        now: Option<Timestamp>,
        mut visit: impl FnMut(u32),
    ) {
        for edge in declared.of_anchor(item) {
            let is_plan = edge.relation == Relation::Attach && self.terms.contains_key(&edge.item);
            if is_plan && edge.holds_at(now) {
                visit(edge.item);
            }
        }
    }
}

fn list(text: Option<&str>) -> impl Iterator<Item = Box<str>> {
    let parts = text.unwrap_or_default().split(';').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(|part| {
        let levels: Vec<&str> = part.split('>').map(str::trim).collect();
        levels.join(" > ").into()
    })
}

fn terms_of(catalog: &Catalog, item: u32) -> PlanTerms {
    let mut is_broken = false;
    let mut amount = |name: &str| {
        let text = catalog.plan_attribute(item, name).filter(|text| !text.trim().is_empty())?;
        let amount = Amount::parse(text.trim(), b'.').ok();
        is_broken |= amount.is_none();
        amount
    };
    let (price_min, price_max) = (amount(attributes::PRICE_MIN), amount(attributes::PRICE_MAX));
    PlanTerms {
        price_min,
        price_max,
        is_broken,
        regions: list(catalog.plan_attribute(item, attributes::REGIONS)).collect(),
        term: catalog.plan_attribute(item, attributes::TERM).map(Box::from),
    }
}
