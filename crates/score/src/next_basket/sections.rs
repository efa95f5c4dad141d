//! Where a snapshot keeps what was learned of next baskets: sections `next.*`.

use super::basket_index::BasketIndex;
use super::customer_index::{CustomerIndex, UpcfParams};
use super::customer_vector::TifuParams;
use super::features::{FEATURES, N_FEATURES};
use super::habit::N_CELLS;
use super::published::Method;
use super::ranker::Ranker;
use super::rows::WeightedRows;
use super::sequence::SequencesView;
use super::sources::SOURCES;
use super::tables::{ItemFacts, Tables};
use super::timing::N_AGES;
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::trees::Trees;
use snapshot::{Container, Rows, Section, Snapshot};
use sparse::CsrView;

/// Section names; tables of rows are three sections each.
pub mod names {
    /// Mark of the features' names and order.
    pub const SCHEMA: &str = "next.schema";
    /// [`super::N_PARAMS`] numbers.
    pub const PARAMS: &str = "next.params";
    /// Trees of the ranker; absent: the published method ranks.
    pub const TREES: &str = "next.trees";
    /// Place of that method in [`super::METHODS`].
    pub const METHOD: &str = "next.method";
    pub const FIRST_BASKET: &str = "next.first_basket";
    pub const BASKET_OFFSETS: &str = "next.baskets.offsets";
    pub const BASKET_ITEMS: &str = "next.baskets.items";
    /// Item → baskets of the customers who are neighbors.
    pub const BASKETS_OF_OFFSETS: &str = "next.baskets_of.offsets";
    pub const BASKETS_OF: &str = "next.baskets_of.baskets";
    pub const VECTORS: &str = "next.vectors";
    pub const CUSTOMERS_OF: &str = "next.customers_of";
    pub const SQUARED_NORMS: &str = "next.squared_norms";
    pub const BY_NORM: &str = "next.by_norm";
    pub const RECENT: &str = "next.recent";
    pub const TRANSITIONS: &str = "next.transitions";
    /// [`super::ItemFacts`] of each item.
    pub const ITEMS: &str = "next.items";
    pub const HAZARD: &str = "next.hazard";
    pub const POPULAR: &str = "next.popular";
    pub const NEWEST: &str = "next.newest";
    /// Customer → items of the ranker's front with its scores, best first.
    pub const RANKED: &str = "next.ranked";
    /// Customer → items ever bought, rising, with [`super::super::own::Bought`] each.
    pub const BOUGHT: &str = "next.bought";
    /// Orders of each customer.
    pub const N_ORDERS: &str = "next.n_orders";
    /// Days that usually lie between two buyings of an item; absent: there were no times.
    pub const GAP_DAYS: &str = "next.gap_days";
    /// Factor of the odds by age over gap; absent: it said nothing.
    pub const AGE_FACTORS: &str = "next.age_factors";
    /// Sources that were left out, a bit each; absent: none.
    pub const LEFT_OUT: &str = "next.left_out";
}

/// Methods that may serve in the place of trees.
pub const METHODS: [Method; 5] = [
    Method::GlobalTop,
    Method::PersonalTop,
    Method::GlobalPersonalTop,
    Method::UpCf,
    Method::TifuKnn,
];

/// TIFU-kNN's five, then UP-CF's four.
pub const N_PARAMS: usize = 9;

/// The parameters as they stand in the section.
pub fn params_to_flat(tifu: &TifuParams, upcf: &UpcfParams) -> [f32; N_PARAMS] {
    [
        tifu.n_groups as f32,
        tifu.basket_decay,
        tifu.group_decay,
        tifu.n_neighbors as f32,
        tifu.own_share,
        upcf.n_recent as f32,
        upcf.alpha,
        upcf.q,
        upcf.n_neighbors as f32,
    ]
}

fn params_of_flat(flat: &[f32]) -> Option<(TifuParams, UpcfParams)> {
    let &[groups, basket_decay, group_decay, k, own_share, recent, alpha, q, of_upcf] = flat else {
        return None;
    };
    let is_sound = flat.iter().all(|value| value.is_finite() && *value >= 0.0);
    is_sound.then_some((
        TifuParams {
            n_groups: groups as usize,
            basket_decay,
            group_decay,
            n_neighbors: k as usize,
            own_share,
        },
        UpcfParams { n_recent: recent as usize, alpha, q, n_neighbors: of_upcf as usize },
    ))
}

/// A mark of the features and their order: trees of another order mean nothing.
pub fn schema() -> u64 {
    crate::ranker::mark_of(&FEATURES)
}

/// The sections, opened and checked against the snapshot.
#[derive(Debug)]
pub(super) struct Sections {
    first_basket: Section<u32>,
    basket_offsets: Section<u64>,
    basket_items: Section<u32>,
    baskets_of_offsets: Section<u64>,
    baskets_of: Section<u32>,
    vectors: Rows<f32>,
    customers_of: Rows<f32>,
    squared_norms: Section<f32>,
    by_norm: Section<u32>,
    recent: Rows<f32>,
    transitions: Rows<f32>,
    items: Section<ItemFacts>,
    hazard: Section<f32>,
    popular: Section<u32>,
    newest: Section<u32>,
    pub(super) ranked: Rows<f32>,
    pub(super) bought: Rows<[i32; 3]>,
    n_orders: Section<u32>,
    gap_days: Section<f32>,
    age_factors: Section<f32>,
    tifu: TifuParams,
    upcf: UpcfParams,
    left_out: LeftOut,
}

impl Sections {
    /// `None` where the snapshot has none.
    pub(super) fn open(snapshot: &Snapshot) -> Result<Option<Sections>, Error> {
        let c = snapshot.container();
        let found_schema = c.section::<u64>(names::SCHEMA)?;
        let Some(&found_schema) = c.view(&found_schema).first() else { return Ok(None) };
        if found_schema != schema() {
            return bad("they were made for other features");
        }
        let params = c.section::<f32>(names::PARAMS)?;
        let Some((tifu, upcf)) = params_of_flat(c.view(&params)) else {
            return bad("a parameter is no number");
        };
        let left_out = c.section::<u32>(names::LEFT_OUT)?;
        let Some(left_out) = LeftOut::from_words(c.view(&left_out), SOURCES.len()) else {
            return bad("they left out a source that is none");
        };
        let n_items = snapshot.n_items();
        let first_basket = c.section::<u32>(names::FIRST_BASKET)?;
        let n_customers = c.view(&first_basket).len().saturating_sub(1);
        let of_customers = |name| Rows::open(c, name, n_customers, n_items);
        let sections = Sections {
            basket_offsets: c.section(names::BASKET_OFFSETS)?,
            basket_items: c.section(names::BASKET_ITEMS)?,
            baskets_of_offsets: c.section(names::BASKETS_OF_OFFSETS)?,
            baskets_of: c.section(names::BASKETS_OF)?,
            vectors: of_customers(names::VECTORS)?,
            customers_of: Rows::open(c, names::CUSTOMERS_OF, n_items, n_customers)?,
            squared_norms: c.section(names::SQUARED_NORMS)?,
            by_norm: c.section(names::BY_NORM)?,
            recent: of_customers(names::RECENT)?,
            transitions: Rows::open(c, names::TRANSITIONS, n_items, n_items)?,
            items: c.section(names::ITEMS)?,
            hazard: c.section(names::HAZARD)?,
            popular: c.section(names::POPULAR)?,
            newest: c.section(names::NEWEST)?,
            ranked: of_customers(names::RANKED)?,
            bought: Rows::open(c, names::BOUGHT, n_customers, n_items)?,
            n_orders: c.section(names::N_ORDERS)?,
            gap_days: c.section(names::GAP_DAYS)?,
            age_factors: c.section(names::AGE_FACTORS)?,
            first_basket,
            tifu,
            upcf,
            left_out,
        };
        sections.check(c, n_items, n_customers)?;
        Ok(Some(sections))
    }

    fn check(&self, c: &Container, n_items: usize, n_customers: usize) -> Result<(), Error> {
        let limit = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let baskets = CsrView::checked(
            c.view(&self.basket_offsets),
            c.view(&self.basket_items),
            limit(n_items),
        );
        let Ok(baskets) = baskets else { return bad("a basket holds what is no item") };
        let first = c.view(&self.first_basket);
        let is_whole = first.first() == Some(&0)
            && first.is_sorted()
            && first.last().map(|&end| end as usize) == Some(baskets.n_rows());
        if !is_whole {
            return bad("the baskets are not those of the customers");
        }
        let (offsets, of_item) = (c.view(&self.baskets_of_offsets), c.view(&self.baskets_of));
        let by_item = CsrView::checked(offsets, of_item, limit(baskets.n_rows()));
        if !by_item.is_ok_and(|rows| rows.n_rows() == n_items) {
            return bad("the baskets by item are not those of the items");
        }
        let lengths = [
            (c.view(&self.squared_norms).len(), n_customers),
            (c.view(&self.n_orders).len(), n_customers),
            (self.vectors.n_rows(c), n_customers),
            (self.recent.n_rows(c), n_customers),
            (c.view(&self.items).len(), n_items),
            (c.view(&self.hazard).len(), N_CELLS),
        ];
        let optional = [(c.view(&self.gap_days).len(), n_items), (self.n_ages(c), N_AGES)];
        let fits = lengths.iter().all(|(found, wanted)| found == wanted)
            && optional.iter().all(|(found, wanted)| *found == 0 || found == wanted);
        if !fits {
            return bad("a column has not one entry an item or customer");
        }
        let in_range =
            |list: &Section<u32>, n: usize| c.view(list).iter().all(|&at| (at as usize) < n);
        let lists_fit = in_range(&self.popular, n_items)
            && in_range(&self.newest, n_items)
            && in_range(&self.by_norm, n_customers);
        if !lists_fit {
            return bad("a list points outside its table");
        }
        let numbers = [&self.squared_norms, &self.hazard, &self.gap_days, &self.age_factors];
        match numbers.iter().all(|section| c.view(section).iter().all(|v| v.is_finite())) {
            true => Ok(()),
            false => bad("a number is none"),
        }
    }

    fn n_ages(&self, c: &Container) -> usize {
        c.view(&self.age_factors).len()
    }

    pub(super) fn n_customers(&self, c: &Container) -> usize {
        c.view(&self.n_orders).len()
    }

    pub(super) fn n_orders(&self, c: &Container, customer: u32) -> u32 {
        c.view(&self.n_orders).get(customer as usize).copied().unwrap_or(0)
    }

    pub(super) fn gap_days<'a>(&self, c: &'a Container) -> &'a [f32] {
        c.view(&self.gap_days)
    }

    pub(super) fn age_factors<'a>(&self, c: &'a Container) -> &'a [f32] {
        c.view(&self.age_factors)
    }

    pub(super) fn tables<'a>(&self, c: &'a Container) -> Tables<'a> {
        let rows = |offsets: &Section<u64>, indices: &Section<u32>| {
            CsrView::trusted(c.view(offsets), c.view(indices))
        };
        Tables {
            tifu: self.tifu,
            upcf: self.upcf,
            customers: CustomerIndex {
                vectors: weighted(&self.vectors, c),
                customers_of: weighted(&self.customers_of, c),
                squared_norms: c.view(&self.squared_norms),
                by_norm: c.view(&self.by_norm),
                recent: weighted(&self.recent, c),
            },
            baskets: BasketIndex {
                sequences: SequencesView::new(
                    c.view(&self.first_basket),
                    rows(&self.basket_offsets, &self.basket_items),
                ),
                baskets_of: rows(&self.baskets_of_offsets, &self.baskets_of),
            },
            transitions: weighted(&self.transitions, c),
            items: c.view(&self.items),
            hazard: c.view(&self.hazard),
            popular: c.view(&self.popular),
            newest: c.view(&self.newest),
            left_out: self.left_out,
        }
    }
}

fn weighted<'a>(rows: &Rows<f32>, c: &'a Container) -> WeightedRows<'a> {
    let (offsets, items, weights) = rows.parts(c);
    WeightedRows::new(CsrView::trusted(offsets, items), weights)
}

/// What orders the candidates.
pub(super) fn ranker_of(snapshot: &Snapshot) -> Result<Ranker, Error> {
    let c = snapshot.container();
    let (words, method) = (c.section::<u32>(names::TREES)?, c.section::<u32>(names::METHOD)?);
    let trees = Trees::from_words(c.view(&words))?;
    if !trees.is_empty() {
        return match trees.n_features() == N_FEATURES {
            true => Ok(Ranker::Trees(trees)),
            false => bad("its trees take another number of features"),
        };
    }
    let method = c.view(&method).first().and_then(|&at| METHODS.get(at as usize));
    match method {
        Some(&method) => Ok(Ranker::Published(method)),
        None => bad("they name no method"),
    }
}

fn bad<T>(what: &str) -> Result<T, Error> {
    Err(Error::BadNextBasket { what: what.to_owned() })
}
