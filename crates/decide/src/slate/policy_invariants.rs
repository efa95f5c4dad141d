//! Random policies over random worlds, held against a checker that knows neither the language nor
//! the table: rules as data, asked item by item with truth in three values.
//!
//! 100,000 decisions; `ALONGSIDE_POLICY_DECISIONS` asks for another number.

use super::*;
use crate::fixture::{items, learned, line, view};
use crate::request::ItemRef;
use crate::{Circumstances, KnownCustomer};
use events::{Amount, ItemRecord, Timestamp};
use policy::{PolicySet, PolicyTable};
use std::fmt::Write;
use std::sync::Arc;

const N: usize = 12;
const DECISIONS: usize = 100_000;
const DECISIONS_A_SET: usize = 250;
const SETS_A_WORLD: usize = 10;
const HOUR_US: i64 = 3_600_000_000;
const CATEGORIES: [&str; 3] = ["Home", "Home > Tins", "Garden"];
const COLORS: [&str; 2] = ["red", "blue"];
const CHANNELS: [&str; 2] = ["web", "store"];

/// SplitMix64 (Steele, Lea, Flood 2014).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % n as u64) as usize
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (!self.one_in(3)).then_some(value)
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// What the checker believes of an item.
#[derive(Clone, Debug, Default)]
struct Truth {
    category: Option<&'static str>,
    price: Option<i64>,
    cost: Option<i64>,
    stock: Option<i64>,
    color: Option<&'static str>,
}

/// What the checker believes of a request.
#[derive(Clone, Debug, Default)]
struct Asked {
    placement: usize,
    cart: Vec<usize>,
    hour: i64,
    channel: Option<&'static str>,
    age: Option<String>,
    is_known: bool,
    bought: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Test {
    Id(usize),
    Below(&'static str),
    Price(i64),
    HalfMargin,
    Stock(i64),
    Color(&'static str),
    Age(i64),
    Channel(&'static str),
    Lines(i64),
    InCart(usize),
    CartTotal(i64),
    Hour(i64),
    DearerThanCart,
    Bought,
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

#[derive(Clone, Debug)]
struct Rule {
    kind: policy::Kind,
    items: Test,
    when: Option<Test>,
    placements: Option<[usize; 2]>,
    from_hour: Option<i64>,
    until_hour: Option<i64>,
    factor: f32,
}

fn item_test(chance: &mut Chance, depth: usize) -> Test {
    match chance.below(if depth == 0 { 6 } else { 9 }) {
        0 => Test::Id(chance.below(N)),
        1 => Test::Below(chance.of(&CATEGORIES)),
        2 => Test::Price(chance.below(6) as i64),
        3 => Test::HalfMargin,
        4 => Test::Stock(chance.below(4) as i64),
        5 => Test::Color(chance.of(&COLORS)),
        at => joined(at - 6, chance, |chance| item_test(chance, depth - 1)),
    }
}

fn request_test(chance: &mut Chance, depth: usize, with_items: bool) -> Test {
    let n = if depth == 0 { 6 } else { 9 };
    if with_items && chance.one_in(3) {
        return match chance.below(3) {
            0 => Test::DearerThanCart,
            1 => Test::Bought,
            _ => item_test(chance, depth),
        };
    }
    match chance.below(n) {
        0 => Test::Age(14 + chance.below(8) as i64),
        1 => Test::Channel(chance.of(&CHANNELS)),
        2 => Test::Lines(chance.below(4) as i64),
        3 => Test::InCart(chance.below(N)),
        4 => Test::CartTotal(chance.below(12) as i64),
        5 => Test::Hour(chance.below(24) as i64),
        at => joined(at - 6, chance, |chance| request_test(chance, depth - 1, with_items)),
    }
}

fn joined(at: usize, chance: &mut Chance, mut part: impl FnMut(&mut Chance) -> Test) -> Test {
    match at {
        0 => Test::Not(part(chance).into()),
        1 => Test::And(part(chance).into(), part(chance).into()),
        _ => Test::Or(part(chance).into(), part(chance).into()),
    }
}

fn rule(chance: &mut Chance) -> Rule {
    use policy::Kind;
    // Caps and rests have a checker of their own.
    let is_other = |kind: Kind| kind == Kind::Pin || kind.is_contact();
    let kinds = Kind::ALL.map(|kind| if is_other(kind) { Kind::Exclude } else { kind });
    let kind = chance.of(&kinds);
    let asks = kind.is_demand() || chance.one_in(2);
    Rule {
        kind,
        items: item_test(chance, 2),
        when: asks.then(|| request_test(chance, 2, kind != Kind::Include)),
        placements: chance.one_in(3).then(|| [chance.below(10), chance.below(10)]),
        from_hour: chance.one_in(5).then(|| chance.below(24) as i64),
        until_hour: chance.one_in(5).then(|| 24 + chance.below(4) as i64),
        factor: if kind == Kind::Bury { 0.25 } else { 2.0 },
    }
}

fn written(test: &Test) -> String {
    match test {
        Test::Id(at) => format!("item.id == 'i{at}'"),
        Test::Below(category) => format!("item.category under '{category}'"),
        Test::Price(units) => format!("item.price < {units}"),
        Test::HalfMargin => "item.margin < 0.5".to_owned(),
        Test::Stock(units) => format!("item.stock >= {units}"),
        Test::Color(color) => format!("item.attr.color in ['{color}', 'none']"),
        Test::Age(years) => format!("customer.age >= {years}"),
        Test::Channel(channel) => format!("context.channel == '{channel}'"),
        Test::Lines(n) => format!("cart.lines > {n}"),
        Test::InCart(at) => format!("cart.items has 'i{at}'"),
        Test::CartTotal(units) => format!("cart.total < {units}"),
        Test::Hour(hour) => format!("context.hour < {hour}"),
        Test::DearerThanCart => "item.price > cart.total".to_owned(),
        Test::Bought => "customer.bought has item.id".to_owned(),
        Test::Not(inner) => format!("not ({})", written(inner)),
        Test::And(left, right) => format!("({} and {})", written(left), written(right)),
        Test::Or(left, right) => format!("({} or {})", written(left), written(right)),
    }
}

fn file_of(rules: &[Rule]) -> String {
    let mut text = String::new();
    let at = |hour: i64| format!("1970-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
    for (n, rule) in rules.iter().enumerate() {
        let kind = rule.kind.as_str();
        let items = written(&rule.items);
        let _ = write!(text, "[[policy]]\nname = 'r{n}'\nkind = '{kind}'\nitems = \"{items}\"\n");
        if let Some(when) = &rule.when {
            let _ = writeln!(text, "when = \"{}\"", written(when));
        }
        if let Some(placements) = rule.placements {
            let names = placements.map(|at| policy::PLACEMENTS[at]);
            let _ = writeln!(text, "placements = ['{}', '{}']", names[0], names[1]);
        }
        for (key, hour) in [("valid_from", rule.from_hour), ("valid_until", rule.until_hour)] {
            if let Some(hour) = hour {
                let _ = writeln!(text, "{key} = {}", at(hour));
            }
        }
        if matches!(rule.kind, policy::Kind::Boost | policy::Kind::Bury) {
            let _ = writeln!(text, "factor = {:?}", rule.factor);
        }
    }
    text
}

/// `None`: it cannot be told.
fn holds(test: &Test, truths: &[Truth], asked: &Asked, item: usize) -> Option<bool> {
    let truth = &truths[item];
    let cart_total = || asked.cart.iter().map(|&at| truths[at].price).sum::<Option<i64>>();
    match test {
        Test::Id(at) => Some(item == *at),
        Test::Below(wanted) => {
            let levels = |path: &str| path.split(" > ").map(str::to_owned).collect::<Vec<_>>();
            truth.category.map(|category| levels(category).starts_with(&levels(wanted)))
        }
        Test::Price(units) => truth.price.map(|price| price < *units),
        Test::HalfMargin => match (truth.price, truth.cost) {
            (Some(price), Some(cost)) if price > 0 => Some(2 * (price - cost) < price),
            _ => None,
        },
        Test::Stock(units) => truth.stock.map(|stock| stock >= *units),
        Test::Color(color) => truth.color.map(|found| found == *color),
        Test::Age(years) => {
            let age: i64 = asked.age.as_ref().filter(|_| asked.is_known)?.parse().ok()?;
            Some(age >= *years)
        }
        Test::Channel(channel) => asked.channel.map(|found| found == *channel),
        Test::Lines(n) => Some(asked.cart.len() as i64 > *n),
        Test::InCart(at) => Some(asked.cart.contains(at)),
        Test::CartTotal(units) => cart_total().map(|total| total < *units),
        Test::Hour(hour) => Some(asked.hour < *hour),
        Test::DearerThanCart => Some(truth.price? > cart_total()?),
        Test::Bought => asked.is_known.then(|| asked.bought.contains(&item)),
        Test::Not(inner) => holds(inner, truths, asked, item).map(|is| !is),
        Test::And(left, right) => {
            match (holds(left, truths, asked, item), holds(right, truths, asked, item)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }
        }
        Test::Or(left, right) => {
            match (holds(left, truths, asked, item), holds(right, truths, asked, item)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }
        }
    }
}

fn is_in_force(rule: &Rule, asked: &Asked) -> bool {
    rule.placements.is_none_or(|placements| placements.contains(&asked.placement))
        && rule.from_hour.is_none_or(|hour| hour <= asked.hour)
        && rule.until_hour.is_none_or(|hour| asked.hour < hour)
}

/// Whether an item may be offered, and what its score is multiplied by.
fn expected(rules: &[Rule], truths: &[Truth], asked: &Asked, item: usize) -> (bool, f32) {
    use policy::Kind;
    let (mut may, mut factor) = (true, 1.0);
    let (mut is_included, mut asks_include) = (false, false);
    for rule in rules.iter().filter(|rule| is_in_force(rule, asked)) {
        let is_meant = holds(&rule.items, truths, asked, item);
        let when = rule.when.as_ref().map_or(Some(true), |when| holds(when, truths, asked, item));
        match rule.kind {
            Kind::Eligibility | Kind::Applicability | Kind::Suitability => {
                may &= is_meant == Some(false) || when == Some(true);
            }
            Kind::Exclude | Kind::Hide => {
                may &= is_meant == Some(false) || when == Some(false);
            }
            Kind::Include => {
                asks_include |= when != Some(false);
                is_included |= when == Some(true) && is_meant == Some(true);
            }
            Kind::Boost | Kind::Bury if is_meant == Some(true) && when == Some(true) => {
                factor *= rule.factor;
            }
            _ => {}
        }
    }
    (may && (is_included || !asks_include), factor)
}

fn truth(chance: &mut Chance) -> Truth {
    Truth {
        category: Some(chance.of(&CATEGORIES)).filter(|_| !chance.one_in(4)),
        price: chance.below(7).checked_sub(1).map(|units| units as i64),
        cost: chance.below(5).checked_sub(1).map(|units| units as i64),
        stock: chance.below(6).checked_sub(1).map(|units| units as i64),
        color: Some(chance.of(&COLORS)).filter(|_| !chance.one_in(3)),
    }
}

/// All that is told at the beginning; what is not known is never told.
fn record_of(at: usize, truth: &Truth) -> ItemRecord {
    let color = truth.color.map(|color| ("color".to_owned(), color.to_owned()));
    ItemRecord {
        item_id: format!("i{at}"),
        category: truth.category.map(str::to_owned),
        price: truth.price.and_then(Amount::from_units),
        cost: truth.cost.and_then(Amount::from_units),
        stock: truth.stock,
        attributes: color.into_iter().collect(),
        ..ItemRecord::default()
    }
}

fn asked(chance: &mut Chance) -> Asked {
    let n_lines = chance.below(4);
    let mut cart: Vec<usize> = (0..n_lines).map(|_| chance.below(N)).collect();
    cart.sort_unstable();
    cart.dedup();
    let age = (12 + chance.below(12)).to_string();
    Asked {
        placement: chance.below(10),
        cart,
        hour: chance.below(24) as i64,
        channel: Some(chance.of(&CHANNELS)).filter(|_| !chance.one_in(3)),
        age: if chance.one_in(5) { Some("old".to_owned()) } else { chance.maybe(age) },
        is_known: !chance.one_in(3),
        bought: (0..chance.below(3)).map(|_| chance.below(N)).collect(),
    }
}

/// Decides and checks; the number of offers.
fn check(
    world: &World,
    (table, rules): (&PolicyTable, &[Rule]),
    truths: &[Truth],
    asked: &Asked,
    workspace: &mut Workspace,
) -> usize {
    let lines: Vec<_> = asked.cart.iter().map(|&at| line(ItemRef::Known(at as u32))).collect();
    let bought: Vec<u32> = asked.bought.iter().map(|&at| at as u32).collect();
    let age = asked.age.as_ref().map(|age| ("age".into(), age.as_str().into()));
    let customer = KnownCustomer { attributes: age.into_iter().collect(), ..Default::default() };
    let request = Request {
        cart: &lines,
        bought_since: if asked.is_known { &bought } else { &[] },
        evidence_required: Some(false),
        count: Some(N),
        policies: Some(table),
        circumstances: Circumstances {
            now: Some(Timestamp(asked.hour * HOUR_US)),
            channel: asked.channel,
            customer: asked.is_known.then_some(&customer),
            ..Circumstances::default()
        },
        ..Request::at(Placement::ALL[asked.placement])
    };
    let decision = decide(world, &request, workspace);
    for offer in &decision.offers {
        let (may, factor) = expected(rules, truths, asked, offer.item as usize);
        assert!(may, "{offer:?}\n{asked:?}\n{truths:#?}\n{}", file_of(rules));
        let told = offer.policy.map_or(1.0, |touch| touch.factor);
        assert_eq!(told, factor, "{offer:?}\n{asked:?}\n{}", file_of(rules));
    }
    // Nothing more is stopped than must be.
    for item in 0..N {
        let gate = stopped_by(world, &request, item as u32, workspace);
        let is_stopped = matches!(gate, Some(Gate::Policy(_)));
        let is_known_else = gate.is_some() && !is_stopped;
        let is_offered = decision.offers.iter().any(|offer| offer.item as usize == item);
        let (may, _) = expected(rules, truths, asked, item);
        let is_right = is_known_else || is_offered || is_stopped != may;
        assert!(is_right, "{item} {gate:?}\n{asked:?}\n{}", file_of(rules));
    }
    decision.offers.len()
}

#[test]
fn no_policy_is_broken_in_100_000_decisions() {
    let wanted = std::env::var("ALONGSIDE_POLICY_DECISIONS").ok();
    let wanted: usize = wanted.and_then(|n| n.parse().ok()).unwrap_or(DECISIONS);
    let mut chance = Chance(20_261_123);
    let mut workspace = Workspace::default();
    let (mut n_decisions, mut n_offers, mut n_ruled) = (0, 0, 0);
    while n_decisions < wanted {
        let rows: Vec<(Vec<u32>, u32)> = (0..60)
            .map(|_| {
                let mut row: Vec<u32> = (0..4).map(|_| chance.below(N) as u32).collect();
                row.sort_unstable();
                row.dedup();
                (row, u32::MAX)
            })
            .collect();
        let mut truths: Vec<Truth> = (0..N).map(|_| truth(&mut chance)).collect();
        let records: Vec<_> = truths.iter().enumerate().map(|(at, t)| record_of(at, t)).collect();
        let world = learned(&view(items(N), &rows)).keeping_attributes().with_items(&records);
        for _ in 0..SETS_A_WORLD {
            let rules: Vec<Rule> = (0..1 + chance.below(5)).map(|_| rule(&mut chance)).collect();
            let (set, found) = PolicySet::read(&file_of(&rules));
            let set = set.unwrap_or_else(|| panic!("{found:#?}\n{}", file_of(&rules)));
            let table = PolicyTable::compile(Arc::new(set), 1, &Items(&world));
            for _ in 0..DECISIONS_A_SET {
                if chance.one_in(4) {
                    change(&mut chance, &world, &table, &mut truths);
                }
                let asked = asked(&mut chance);
                let n = check(&world, (&table, &rules), &truths, &asked, &mut workspace);
                n_offers += n;
                n_ruled += usize::from(n > 0);
                n_decisions += 1;
            }
        }
    }
    assert!(n_offers > n_decisions / 2, "{n_offers} offers: the rules leave too little to see");
    assert!(n_ruled < n_decisions, "some slates must be empty");
}

/// A price or a stock changes while the policies are in force.
fn change(chance: &mut Chance, world: &World, table: &PolicyTable, truths: &mut [Truth]) {
    let at = chance.below(N);
    let (price, stock) = (chance.below(6) as i64, chance.below(5) as i64);
    let is_price = chance.one_in(2);
    let record = ItemRecord {
        item_id: format!("i{at}"),
        price: is_price.then(|| Amount::from_units(price)).flatten(),
        stock: (!is_price).then_some(stock),
        ..ItemRecord::default()
    };
    assert!(world.catalog.apply_in_place(&world.snapshot, &record));
    table.refresh(&Items(world), at as u32);
    if is_price {
        truths[at].price = Some(price);
    } else {
        truths[at].stock = Some(stock);
    }
}

#[test]
fn no_policy_is_broken_while_policies_and_stock_change() {
    let rows: Vec<(Vec<u32>, u32)> = (0..60).map(|at| (vec![at % 6, 6 + at % 6], 0)).collect();
    let world = learned(&view(items(N), &rows));
    let two = ["price < 3", "price < 2"].map(|items| {
        let text = format!("[[policy]]\nname = 'p'\nkind = 'exclude'\nitems = \"item.{items}\"");
        let set = PolicySet::read(&text).0.expect("sound");
        PolicyTable::compile(Arc::new(set), 1, &Items(&world))
    });
    let told = |at: usize, price: i64, stock: i64| {
        let item_id = format!("i{at}");
        let price = Amount::from_units(price);
        let record = ItemRecord { item_id, price, stock: Some(stock), ..ItemRecord::default() };
        world.catalog.apply_in_place(&world.snapshot, &record);
        two.iter().for_each(|table| table.refresh(&Items(&world), at as u32));
    };
    // Even ones are too cheap whatever happens, odd ones dear enough.
    let price = |at: usize, turn: usize| if at.is_multiple_of(2) { turn as i64 % 2 } else { 5 };
    (0..N).for_each(|at| told(at, price(at, 0), 1));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (0..20_000).for_each(|turn| told(turn % N, price(turn % N, turn / N), turn as i64 % 3));
        });
        let mut workspace = Workspace::default();
        let mut n_offers = 0;
        while !writer.is_finished() || n_offers == 0 {
            for (at, table) in two.iter().enumerate() {
                let request = Request { policies: Some(table), ..Request::at(Placement::ALL[at]) };
                let decision = decide(&world, &request, &mut workspace);
                n_offers += decision.offers.len();
                assert!(decision.offers.iter().all(|offer| offer.item % 2 == 1), "{decision:?}");
            }
        }
    });
}
