//! Plans that cover items: warranties, protection, installation. What they cover is told by
//! relations (`item attach plan`) and by attributes of the plan.

use crate::catalog::Catalog;
use crate::relations::Declarations;
use events::plan as attributes;
use events::{Amount, Currency, ItemKind, Relation, Timestamp};
use hashbrown::HashMap;
use snapshot::Snapshot;

/// What a plan covers and where it is sold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanTerms {
    price_min: Option<Amount>,
    price_max: Option<Amount>,
    /// That the band is told in.
    currency: Option<Currency>,
    regions: Vec<Box<str>>,
    pub term: Option<Box<str>>,
    /// An attribute could not be read: nothing is covered.
    is_broken: bool,
}

impl PlanTerms {
    /// Is an item of this price in the band? Without a price nobody can say so, nor by one in
    /// another currency.
    pub fn fits_price(&self, price: Option<Amount>, currency: Option<Currency>) -> bool {
        let is_comparable =
            currency.is_none() || self.currency.is_none() || currency == self.currency;
        match (self.price_min, self.price_max, price.filter(|_| is_comparable)) {
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

/// One plan, with its place in the catalogue.
#[derive(Clone, Debug, PartialEq)]
struct Plan {
    item: u32,
    terms: PlanTerms,
}

/// All plans of a world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans {
    /// In order of index, so that every walk over them is the same.
    plans: Vec<Plan>,
    /// Place of each in `plans`.
    places: HashMap<u32, u32>,
    /// One bit an item, as far as there are plans.
    is_plan: Vec<u64>,
    /// Places in `plans`, once each.
    of_category: HashMap<Box<str>, Vec<u32>>,
}

impl Plans {
    pub(crate) fn of(snapshot: &Snapshot, catalog: &Catalog, declared: &Declarations) -> Plans {
        let mut plans = Plans::default();
        for item in 0..catalog.len() as u32 {
            if catalog.state(item).kind() != ItemKind::Service {
                continue;
            }
            let covers = catalog.plan_attribute(item, attributes::COVERS);
            let mut edges = declared.of_item(item).iter();
            if covers.is_none() && !edges.any(|edge| edge.relation == Relation::Attach) {
                continue;
            }
            let place = plans.plans.len() as u32;
            let currency = match catalog.overlay(item) {
                Some(words) => words.currency,
                None => snapshot.currency(item),
            };
            let terms = PlanTerms { currency, ..terms_of(catalog, item) };
            plans.plans.push(Plan { item, terms });
            plans.places.insert(item, place);
            plans.is_plan.resize(item as usize / 64 + 1, 0);
            plans.is_plan[item as usize / 64] |= 1 << (item % 64);
            for category in list(covers) {
                let of_category = plans.of_category.entry(category).or_default();
                if of_category.last() != Some(&place) {
                    of_category.push(place);
                }
            }
        }
        plans
    }

    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    pub fn has_regions(&self) -> bool {
        self.plans.iter().any(|plan| !plan.terms.regions.is_empty())
    }

    /// The question of the hot path: a bit.
    #[inline]
    pub fn is_plan(&self, item: u32) -> bool {
        let bits = self.is_plan.get(item as usize / 64);
        bits.is_some_and(|bits| bits >> (item % 64) & 1 != 0)
    }

    pub fn terms(&self, plan: u32) -> Option<&PlanTerms> {
        Some(&self.plans[*self.places.get(&plan)? as usize].terms)
    }

    /// Plans that may cover an item of this category, beside those declared for it.
    pub fn visit_of_category<'a>(
        &'a self,
        category: &str,
        mut visit: impl FnMut(u32, &'a PlanTerms),
    ) {
        let ends = category.match_indices(" > ").map(|(at, _)| at).chain([category.len()]);
        for end in ends {
            for &place in self.of_category.get(&category[..end]).into_iter().flatten() {
                let Plan { item, terms } = &self.plans[place as usize];
                visit(*item, terms);
            }
        }
    }

    /// Plans declared for an item.
    pub fn visit_declared<'a>(
        &'a self,
        declared: &Declarations,
        item: u32,
        now: Option<Timestamp>,
        mut visit: impl FnMut(u32, &'a PlanTerms),
    ) {
        for edge in declared.of_anchor(item) {
            if edge.relation == Relation::Attach
                && self.is_plan(edge.item)
                && edge.holds_at(now)
                && let Some(terms) = self.terms(edge.item)
            {
                visit(edge.item, terms);
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
        currency: None,
        is_broken,
        regions: list(catalog.plan_attribute(item, attributes::REGIONS)).collect(),
        term: catalog.plan_attribute(item, attributes::TERM).map(Box::from),
    }
}
