//! Hard rules over random worlds and requests, held against a checker that knows no marks.

use super::*;
use crate::fixture::{items, learned_with_visits, line, view};
use crate::request::ItemRef;
use crate::{Filter, Memo, Placement};
use events::{Amount, ItemKind, ItemRecord};
use history::ItemEntry;
use proptest::prelude::*;

const N: u32 = 12;
const CATEGORIES: [&str; 4] = ["Home", "Home > Tins", "Homely", "Garden"];

/// What the checker believes of each item, snapshot and added ones alike.
#[derive(Clone, Debug, Default)]
struct Truth {
    category: Option<String>,
    price: Option<Amount>,
    stock: Option<i64>,
    hidden: bool,
    is_fee: bool,
    variant_of: Option<u32>,
}

#[derive(Clone, Debug)]
struct Asked {
    placement: usize,
    anchors: Vec<u32>,
    cart: Vec<u32>,
    session: Vec<u32>,
    customer: Option<u32>,
    bought_since: Vec<u32>,
    category: Option<usize>,
    count: Option<usize>,
    filter: Option<Filter>,
    exclude: Vec<u32>,
    evidence_required: Option<bool>,
}

fn truths() -> impl Strategy<Value = Vec<Truth>> {
    let amount = prop::option::of((0_i64..6).prop_map(|units| Amount(units * 1_000_000)));
    let stock = prop::option::weighted(0.4, -1_i64..3);
    let variant_of = prop::option::weighted(0.25, 0..N);
    let category = prop::option::of(0..CATEGORIES.len());
    let truth = (category, amount, stock, 0..6_u8, 0..6_u8, variant_of);
    let truth = truth.prop_map(|(category, price, stock, hidden, fee, variant_of)| Truth {
        category: category.map(|at| CATEGORIES[at].to_owned()),
        price,
        stock,
        hidden: hidden == 0,
        is_fee: fee == 0,
        variant_of,
    });
    prop::collection::vec(truth, N as usize + 2)
}

/// Numbers from `N + 2` on are unknown items.
fn asked() -> impl Strategy<Value = Asked> {
    let list = |n: usize| prop::collection::vec(0..N + 4, 0..n);
    let filter =
        (prop::option::of(0..3_usize), prop::option::of(0..4_i64), prop::option::of(2..6_i64));
    let filter = filter.prop_map(|(category, min, max)| Filter {
        relations: Vec::new(),
        categories: category.map(|at| CATEGORIES[at].to_owned()).into_iter().collect(),
        price_min: min.and_then(Amount::from_units),
        price_max: max.and_then(Amount::from_units),
    });
    let who = (prop::option::of(0..5_u32), list(4), list(4));
    let what = (0..Placement::ALL.len(), list(3), list(6), prop::option::of(0..4_usize));
    let limits = (
        prop::option::of(0..9_usize),
        prop::option::weighted(0.4, filter),
        list(4),
        prop::option::of(any::<bool>()),
    );
    (who, what, limits).prop_map(|(who, what, limits)| Asked {
        placement: what.0,
        anchors: what.1,
        cart: what.2,
        session: who.1,
        customer: who.0,
        bought_since: who.2,
        category: what.3,
        count: limits.0,
        filter: limits.1,
        exclude: limits.2,
        evidence_required: limits.3,
    })
}

fn entry_of(id: Box<str>, truth: &Truth) -> ItemEntry {
    ItemEntry {
        id,
        title: Some("lantern".into()),
        category: truth.category.as_deref().map(Into::into),
        price: truth.price,
        stock: truth.stock,
        hidden: truth.hidden,
        kind: if truth.is_fee { ItemKind::Fee } else { ItemKind::Good },
        variant_of: truth.variant_of,
        ..ItemEntry::default()
    }
}

/// As a record that an overlay takes: everything said, so that nothing of before stays.
fn record_of(at: usize, truth: &Truth) -> ItemRecord {
    ItemRecord {
        item_id: format!("i{at}"),
        title: Some("lantern".into()),
        category: truth.category.clone(),
        price: truth.price,
        stock: truth.stock,
        hidden: Some(truth.hidden),
        kind: Some(if truth.is_fee { ItemKind::Fee } else { ItemKind::Good }),
        variant_of: truth.variant_of.map(|head| format!("i{head}")),
        ..ItemRecord::default()
    }
}

/// All items that links of variants join to `item`, by spreading until nothing is added.
fn family(truths: &[Truth], item: u32) -> Vec<u32> {
    let mut found = vec![item];
    loop {
        let joins = |a: u32, b: u32| truths[a as usize].variant_of == Some(b);
        let next = (0..truths.len() as u32)
            .find(|a| !found.contains(a) && found.iter().any(|&b| joins(*a, b) || joins(b, *a)));
        match next {
            Some(next) => found.push(next),
            None => return found,
        }
    }
}

fn may_be_offered(truths: &[Truth], asked: &Asked, item: u32) -> bool {
    let truth = &truths[item as usize];
    let in_context =
        family(truths, item).iter().any(|i| asked.cart.contains(i) || asked.anchors.contains(i));
    let fits = asked.filter.as_ref().is_none_or(|filter| {
        let category = truth.category.clone().unwrap_or_default();
        let below =
            |wanted: &String| category == *wanted || category.starts_with(&format!("{wanted} >"));
        let has_limit = filter.price_min.is_some() || filter.price_max.is_some();
        let in_price = truth.price.is_some_and(|price| {
            filter.price_min.is_none_or(|min| min <= price)
                && filter.price_max.is_none_or(|max| price <= max)
        });
        (filter.categories.is_empty() || filter.categories.iter().any(below))
            && (!has_limit || in_price)
    });
    let is_out = truth.stock.is_some_and(|stock| stock <= 0);
    !in_context
        && !asked.exclude.contains(&item)
        && !asked.bought_since.contains(&item)
        && !truth.is_fee
        && !truth.hidden
        && !is_out
        && fits
}

/// Asks and checks; the workspace is reused from call to call, as a server does.
fn check(
    world: &World,
    memo: &Memo<()>,
    truths: &[Truth],
    asked: &Asked,
    workspace: &mut Workspace,
) -> Result<(), TestCaseError> {
    let reference = |&item: &u32| match item {
        item if item < N + 3 => ItemRef::Known(item),
        _ => ItemRef::Unknown { item_id: "gone" },
    };
    let anchors: Vec<ItemRef<'_>> = asked.anchors.iter().map(reference).collect();
    let lines: Vec<_> = asked.cart.iter().map(|item| line(reference(item))).collect();
    let request = Request {
        placement: Placement::ALL[asked.placement],
        anchors: &anchors,
        cart: &lines,
        session: &asked.session,
        customer: asked.customer,
        bought_since: &asked.bought_since,
        category: asked.category.map(|at| CATEGORIES[at]),
        count: asked.count,
        filter: asked.filter.as_ref(),
        exclude: &asked.exclude,
        evidence_required: asked.evidence_required,
        ..Request::at(Placement::Home)
    };
    let decision = decide(world, &request, workspace);
    let mut seen = Vec::new();
    for offer in &decision.offers {
        prop_assert!(!seen.contains(&offer.item), "twice: {:?}", offer);
        prop_assert!((offer.item as usize) < truths.len() && offer.score.is_finite());
        prop_assert!(may_be_offered(truths, asked, offer.item), "{:?} of {:?}", offer, asked);
        seen.push(offer.item);
    }
    prop_assert!(seen.len() <= asked.count.unwrap_or(request.placement.rules().count));
    prop_assert_eq!(seen.is_empty(), decision.rung == Rung::None);
    let n_gone = lines.iter().map(|line| line.item).chain(anchors.iter().copied());
    let n_gone = n_gone.filter(|item| matches!(item, ItemRef::Unknown { .. })).count();
    prop_assert_eq!(decision.warnings.len(), n_gone);
    prop_assert_eq!(&decision, &decide(world, &request, &mut Workspace::default()));
    for session in [request.session, &[], &asked.exclude, request.session] {
        let request = Request { session, ..request.clone() };
        let afresh = decide(world, &request, &mut Workspace::default());
        let asked = (memo.begin(), &request);
        prop_assert_eq!(&memo.decide(world, asked, workspace).0.decision, &afresh);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_rule_is_broken_in_any_world(
        rows in prop::collection::vec(
            (prop::collection::btree_set(0..N, 0..6), prop_oneof![0..3_u32, Just(u32::MAX)]),
            0..60,
        ),
        before in truths(),
        after in truths(),
        questions in prop::collection::vec(asked(), 1..24),
    ) {
        let rows: Vec<(Vec<u32>, u32)> =
            rows.into_iter().map(|(items, who)| (items.into_iter().collect(), who)).collect();
        let mut before = before;
        before.truncate(N as usize);
        let entries = items(N as usize).into_iter().zip(&before);
        let visits: Vec<Vec<u32>> = rows.iter().map(|(items, _)| items.clone()).collect();
        let view = view(entries.map(|(e, t)| entry_of(e.id, t)).collect(), &rows);
        let world = learned_with_visits(&view, &visits);
        let mut workspace = Workspace::default();
        let memo = Memo::new(20);
        for asked in questions.iter().chain(&questions) {
            check(&world, &memo, &before, asked, &mut workspace)?;
        }
        // Everything changes and two items are added; what a record leaves out stays as it was.
        let records: Vec<_> = after.iter().enumerate().map(|(at, t)| record_of(at, t)).collect();
        let world = world.with_items(&records);
        let mut merged = after;
        for (now, was) in merged.iter_mut().zip(&before) {
            now.category = now.category.take().or(was.category.clone());
            now.price = now.price.or(was.price);
            now.stock = now.stock.or(was.stock);
            now.variant_of = now.variant_of.or(was.variant_of);
        }
        let memo = Memo::new(1_000);
        for asked in questions.iter().chain(&questions) {
            check(&world, &memo, &merged, asked, &mut workspace)?;
        }
    }
}
