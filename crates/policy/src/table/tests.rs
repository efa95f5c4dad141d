use super::*;
use crate::facts::{CartFacts, CustomerFacts};
use events::{Amount, Currency, ItemKind, Timestamp};
use std::cell::Cell;

/// Items `i0`, `i1`… in categories by turns, dearer one by one.
struct Shop {
    prices: Vec<Cell<Option<i64>>>,
    ids: Vec<String>,
}

impl Shop {
    fn new(n: usize) -> Shop {
        Shop {
            prices: (0..n).map(|at| Cell::new(Some(at as i64))).collect(),
            ids: (0..n).map(|at| format!("i{at}")).collect(),
        }
    }
}

impl ItemTable for Shop {
    fn n_items(&self) -> usize {
        self.ids.len()
    }
    fn find(&self, item_id: &str) -> Option<u32> {
        self.ids.iter().position(|id| id == item_id).map(|at| at as u32)
    }
    fn id(&self, item: u32) -> &str {
        &self.ids[item as usize]
    }
    fn title(&self, _item: u32) -> Option<&str> {
        None
    }
    fn category(&self, item: u32) -> Option<&str> {
        Some(if item.is_multiple_of(2) { "Even" } else { "Odd" })
    }
    fn kind(&self, _item: u32) -> ItemKind {
        ItemKind::Good
    }
    fn price(&self, item: u32) -> Option<Amount> {
        self.prices[item as usize].get().and_then(Amount::from_units)
    }
    fn cost(&self, _item: u32) -> Option<Amount> {
        None
    }
    fn stock(&self, _item: u32) -> Option<i64> {
        None
    }
    fn currency(&self, _item: u32) -> Option<Currency> {
        None
    }
    fn is_sensitive(&self, _item: u32) -> bool {
        false
    }
    fn n_orders(&self, _item: u32) -> u32 {
        0
    }
    fn attribute(&self, _item: u32, _name: &str) -> Option<&str> {
        None
    }
}

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);

fn set(text: &str) -> Arc<PolicySet> {
    let (set, found) = PolicySet::read(text);
    Arc::new(set.unwrap_or_else(|| panic!("{found:#?}")))
}

fn policy(name: &str, kind: &str, rest: &str) -> String {
    format!("[[policy]]\nname = '{name}'\nkind = '{kind}'\n{rest}\n")
}

/// The names of what stops each item, `-` for none.
fn stops(table: &PolicyTable, shop: &Shop, mut facts: Facts<'_>) -> String {
    let mut active = Active::default();
    table.activate(&mut facts, shop, &mut active);
    let in_force = table.in_force(&active, &facts, shop);
    let name = |item: usize| match in_force.stopped_by(item as u32) {
        Some(policy) => table.policy(policy).name.clone(),
        None => "-".to_owned(),
    };
    (0..shop.n_items()).map(name).collect::<Vec<_>>().join(" ")
}

fn at(placement: usize) -> Facts<'static> {
    Facts { placement, ..Facts::default() }
}

#[test]
fn hard_policies_stop_and_close_where_nothing_is_known() {
    let shop = Shop::new(4);
    shop.prices[3].set(None);
    let text = policy("cheap", "exclude", "items = 'item.price < 1'")
        + &policy(
            "adult",
            "eligibility",
            "items = \"item.id == 'i2'\"\nwhen = 'customer.age >= 18'",
        );
    let table = PolicyTable::compile(set(&text), 1, &shop);
    assert_eq!(stops(&table, &shop, at(0)), "cheap - adult cheap");
    let age = |age: &str| -> [(Box<str>, Box<str>); 1] { [("age".into(), age.into())] };
    for (text, expected) in [("17", "adult"), ("18", "-"), ("ten", "adult")] {
        let attributes = age(text);
        let customer = CustomerFacts { attributes: &attributes, ..CustomerFacts::default() };
        let facts = Facts { customer, ..at(0) };
        assert_eq!(stops(&table, &shop, facts), format!("cheap - {expected} cheap"));
    }
}

#[test]
fn includes_let_in_only_what_one_of_them_names() {
    let shop = Shop::new(4);
    let text =
        policy("even", "include", "items = \"item.category under 'Even'\"\nplacements = ['cart']")
            + &policy(
                "three",
                "include",
                "item_ids = ['i3']\nwhen = 'cart.lines > 1'\nplacements = ['cart']",
            );
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let with_lines =
        |n_lines| Facts { cart: CartFacts { n_lines, ..CartFacts::default() }, ..at(3) };
    assert_eq!(stops(&table, &shop, with_lines(0)), "- even - even");
    assert_eq!(stops(&table, &shop, with_lines(2)), "- even - -");
    assert_eq!(stops(&table, &shop, at(0)), "- - - -");
    // One that may be in force lets nothing in, and still asks for an include.
    let text = policy("vip", "include", "item_ids = ['i3']\nwhen = \"customer.segment == 'vip'\"");
    let table = PolicyTable::compile(set(&text), 1, &shop);
    assert_eq!(stops(&table, &shop, at(0)), "vip vip vip vip");
}

#[test]
fn terms_placements_and_mixed_conditions() {
    let shop = Shop::new(4);
    let text = policy(
        "term",
        "exclude",
        "item_ids = ['i0']\nvalid_from = 2026-01-02\nvalid_until = 2026-01-03",
    ) + &policy(
        "dear",
        "exclude",
        "when = 'item.price > 0.5 * cart.total'\nplacements = ['checkout']",
    );
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let when =
        |text: &str, placement| Facts { now: Timestamp::parse_rfc3339(text), ..at(placement) };
    assert_eq!(stops(&table, &shop, when("2026-01-01T23:59:59Z", 0)), "- - - -");
    assert_eq!(stops(&table, &shop, when("2026-01-02T00:00:00Z", 0)), "term - - -");
    assert_eq!(stops(&table, &shop, when("2026-01-03T00:00:00Z", 0)), "- - - -");
    assert_eq!(stops(&table, &shop, at(0)), "term - - -", "without a time it may be in force");
    let total = |units: i64| CartFacts { total: Amount::from_units(units), ..CartFacts::default() };
    let facts = Facts { cart: total(4), ..when("2026-01-01T00:00:00Z", 4) };
    assert_eq!(stops(&table, &shop, facts), "- - - dear");
    assert_eq!(stops(&table, &shop, when("2026-01-01T00:00:00Z", 4)), "dear dear dear dear");
}

#[test]
fn a_changed_price_counts_when_its_row_is_written_anew() {
    let mut shop = Shop::new(3);
    let table =
        PolicyTable::compile(set(&policy("c", "exclude", "items = 'item.price < 2'")), 1, &shop);
    assert_eq!(stops(&table, &shop, at(0)), "c c -");
    shop.prices[1].set(Some(9));
    table.refresh(&shop, 1);
    table.refresh(&shop, 99);
    assert_eq!(stops(&table, &shop, at(0)), "c - -");
    shop.prices[2].set(Some(0));
    shop.prices.push(Cell::new(Some(1)));
    shop.ids.push("i3".to_owned());
    let grown = table.for_items(&shop, &mut [2].into_iter());
    assert_eq!(stops(&grown, &shop, at(0)), "c - c c");
    // The table of before knows nothing of the new item, and closes.
    assert_eq!(stops(&table, &shop, at(0)), "c - - c");
}

#[test]
fn levers_multiply_and_pins_wait_for_their_condition() {
    let shop = Shop::new(4);
    let text = policy("even", "boost", "items = \"item.category under 'Even'\"\nfactor = 3.0")
        + &policy("two", "bury", "item_ids = ['i2']\nfactor = 0.5\nwhen = 'cart.lines > 0'")
        + &policy("dear", "boost", "items = 'item.stock > 3'")
        + &policy("pin", "pin", "item_ids = ['x', 'i3', 'i1']\nwhen = 'cart.lines > 0'");
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let ask = |n_lines: usize| {
        let cart = CartFacts { n_lines, ..CartFacts::default() };
        let mut facts = Facts { cart, ..at(0) };
        let mut active = Active::recording();
        table.activate(&mut facts, &shop, &mut active);
        let in_force = table.in_force(&active, &facts, &shop);
        let levers: Vec<_> = (0..4).map(|item| in_force.lever(item)).collect();
        let told: Vec<_> = levers.iter().map(|lever| (lever.factor, lever.policy)).collect();
        let pins: Vec<Pin> = in_force.pins().cloned().collect();
        let acted: Vec<bool> = (0..4).map(|policy| table.has_acted(&active, policy)).collect();
        (told, pins, acted)
    };
    let (told, pins, acted) = ask(0);
    assert_eq!(told, [(3.0, Some(0)), (1.0, None), (3.0, Some(0)), (1.0, None)]);
    assert_eq!((pins, acted), (vec![], vec![true, false, false, false]));
    let (told, pins, acted) = ask(1);
    assert_eq!(told[2], (1.5, Some(0)), "the strongest is named");
    assert_eq!(pins, [Pin { policy: 3, position: 1, items: vec![3, 1] }]);
    assert_eq!(acted, [true, true, false, false]);
}

#[test]
fn what_is_hidden_is_known_apart_from_what_is_excluded() {
    let shop = Shop::new(2);
    let text =
        policy("h", "hide", "item_ids = ['i0']") + &policy("e", "exclude", "item_ids = ['i1']");
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let (mut facts, mut active) = (at(0), Active::default());
    table.activate(&mut facts, &shop, &mut active);
    let in_force = table.in_force(&active, &facts, &shop);
    assert_eq!([0, 1].map(|item| in_force.is_hidden(item)), [true, false]);
    assert_eq!(stops(&table, &shop, at(0)), "h e");
    let closed = PolicyTable::compile(Arc::new(PolicySet::closed()), 0, &shop);
    assert_eq!(stops(&closed, &shop, at(5)), format!("{0} {0}", crate::set::UNREADABLE));
}

#[test]
fn more_clauses_than_bits_in_a_word() {
    let shop = Shop::new(200);
    let one = |at: usize| policy(&format!("p{at}"), "exclude", &format!("item_ids = ['i{at}']"));
    let text: String = (0..150).map(one).collect();
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let expected: Vec<String> =
        (0..200).map(|at| if at < 150 { format!("p{at}") } else { "-".to_owned() }).collect();
    assert_eq!(stops(&table, &shop, at(0)), expected.join(" "));
}

/// How many hard policies closed for want of knowledge, after every item was asked.
fn n_unknown(table: &PolicyTable, shop: &Shop, mut facts: Facts<'_>) -> [usize; 2] {
    let counts = [false, true].map(|is_quick| {
        let mut active = Active::default();
        table.activate(&mut facts, shop, &mut active);
        let in_force = table.in_force(&active, &facts, shop);
        for item in 0..shop.n_items() as u32 {
            match is_quick {
                true => _ = in_force.is_stopped(item),
                false => _ = in_force.stopped_by(item),
            }
        }
        in_force.n_unknown()
    });
    assert_eq!(counts[0] > 0, counts[1] > 0);
    counts
}

#[test]
fn what_closed_for_want_of_knowledge_is_counted_wherever_it_was_asked() {
    let shop = Shop::new(4);
    let count = |text: &str, facts: Facts<'_>| {
        n_unknown(&PolicyTable::compile(set(text), 1, &shop), &shop, facts)
    };
    let stock = policy("stock", "exclude", "item_ids = ['i1', 'i2']\nwhen = 'item.stock < 1'");
    assert_eq!(count(&stock, at(0)), [1, 1], "of items alone");
    let margin = policy("margin", "exclude", "items = 'item.cost > 1 and item.price > 9'");
    assert_eq!(count(&margin, at(0)), [0, 0], "known to hold for none");
    let bought = policy("bought", "exclude", "when = 'customer.bought has item.id'");
    assert_eq!(count(&bought, at(0)), [1, 1], "of both");
    let list = || Some(["i1"].into_iter().collect());
    let facts = || {
        let customer = CustomerFacts { bought: list(), ..CustomerFacts::default() };
        Facts { customer, ..at(0) }
    };
    assert_eq!(count(&bought, facts()), [0, 0]);
    let age = policy("age", "eligibility", "when = 'customer.age >= 18'");
    assert_eq!(count(&age, at(0)), [1, 1], "of the request alone");
    let vip = policy("vip", "include", "items = 'item.stock > 0'");
    assert_eq!(count(&vip, at(0)), [1, 1], "an include that may mean it");
    let boost = policy("boost", "boost", "items = 'item.stock > 0'");
    assert_eq!(count(&boost, at(0)), [0, 0], "what is not hard closes nothing");
    let both = policy("either", "exclude", "when = 'item.stock < 1 or customer.age < 18'");
    assert_eq!(count(&both, at(0)), [1, 1], "two clauses of one policy are one policy");
    assert_eq!(n_unknown_of_one(&(stock + &age), &shop), 2);
}

fn n_unknown_of_one(text: &str, shop: &Shop) -> usize {
    let table = PolicyTable::compile(set(text), 1, shop);
    let (mut facts, mut active) = (at(0), Active::recording());
    table.activate(&mut facts, shop, &mut active);
    let in_force = table.in_force(&active, &facts, shop);
    assert!(in_force.stopped_by(1).is_some());
    in_force.n_unknown()
}

#[test]
fn no_score_is_multiplied_by_more_than_the_boosts_together() {
    let shop = Shop::new(2);
    let text = policy("a", "boost", "items = 'item.price < 9'\nfactor = 3.0")
        + &policy("b", "boost", "when = 'cart.lines > 0'\nfactor = 2.0\nitems = 'item.price < 1'")
        + &policy("c", "bury", "items = 'item.price < 9'\nfactor = 0.1")
        + &policy("d", "boost", "items = 'item.price < 9'\nfactor = 7.0\nplacements = ['pos']");
    let table = PolicyTable::compile(set(&text), 1, &shop);
    let most = |n_lines: usize| {
        let cart = CartFacts { n_lines, ..CartFacts::default() };
        let (mut facts, mut active) = (Facts { cart, ..at(0) }, Active::default());
        table.activate(&mut facts, &shop, &mut active);
        table.in_force(&active, &facts, &shop).max_factor()
    };
    assert_eq!((most(0), most(1)), (3.0, 6.0));
}

#[test]
fn a_review_names_what_reaches_nothing_or_everything() {
    let shop = Shop::new(4);
    let told = |text: &str| {
        let table = PolicyTable::compile(set(text), 1, &shop);
        let found = crate::review::review_items(&table, &shop, &["color".to_owned()], NOW);
        found.into_iter().map(|d| format!("{:?} {} {}", d.severity, d.message, d.mend)).collect()
    };
    let check = |text: &str, words: &[&str]| {
        let told: Vec<String> = told(text);
        assert!(told.len() == 1 && words.iter().all(|word| told[0].contains(word)), "{told:#?}");
    };
    check(
        &policy("p", "exclude", "items = \"item.category under 'Evn'\""),
        &["Warning", "no item of"],
    );
    check(&policy("p", "exclude", "items = 'item.price > -1'"), &["Error", "every item"]);
    check(&policy("p", "exclude", "items = 'item.stock > 3'"), &["Error", "missing"]);
    let misspelt: Vec<String> = told(&policy("p", "boost", "items = \"item.attr.colr == 'red'\""));
    assert!(misspelt[0].contains("item.attr.color") && misspelt.len() == 2, "{misspelt:?}");
    check(&policy("p", "pin", "item_ids = ['i9', 'i1']"), &["Warning", "the id i9"]);
    let halves =
        policy("a", "exclude", "items = \"item.category == 'Even'\"\nplacements = ['cart']")
            + &policy("b", "exclude", "items = \"item.category == 'Odd'\"");
    check(&halves, &["Error", "nothing is left to offer at cart"]);
    let sound: Vec<String> = told(&policy("p", "exclude", "items = 'item.price > 2'"));
    assert!(sound.is_empty(), "{sound:?}");
}

#[test]
fn a_review_finds_what_stops_everything_and_what_is_misspelt() {
    let shop = Shop::new(4);
    let check = |text: &str, words: &[&str]| {
        let table = PolicyTable::compile(set(text), 1, &shop);
        let found = crate::review::review_items(&table, &shop, &["color".to_owned()], NOW);
        let told: Vec<String> =
            found.iter().map(|d| format!("{:?} {} {}", d.severity, d.message, d.mend)).collect();
        assert_eq!(told.len(), usize::from(!words.is_empty()), "{told:#?}");
        assert!(words.iter().all(|word| told[0].contains(word)), "{words:?}: {told:#?}");
    };
    let always = |rest: &str| policy("p", "exclude", &format!("when = 'true'\n{rest}"));
    check(&always(""), &["Error", "every item"]);
    check(&always("valid_from = 2020-01-01"), &["Error", "every item"]);
    check(&always("valid_from = 2020-01-01\nvalid_until = 2090-01-01"), &["Warning", "until 2090"]);
    check(&always("valid_until = 2020-01-01"), &[]);
    let include = policy("p", "include", "items = 'item.price < 0'\nplacements = ['cart']");
    let table = PolicyTable::compile(set(&include), 1, &shop);
    let found = crate::review::review_items(&table, &shop, &[], NOW);
    assert!(found.iter().any(|d| d.is_error() && d.message.contains("left to offer at cart")));
    let other = policy("q", "include", "items = 'item.price > 1'\nwhen = 'cart.lines > 1'");
    check(&(include + &other), &["Warning", "lets nothing in"]);
    check(&policy("p", "exclude", "item_ids = ['i1', 'I2']"), &["Warning", "the id I2"]);
    let bits =
        |when: &str| policy("p", "exclude", &format!("item_ids = ['i1']\nwhen = \"{when}\""));
    check(&bits("cart.items has 'x9'"), &["Warning", "the id x9"]);
    check(&bits("cart.items has ['i1', 'x9', 'x8']"), &["Warning", "the id x8, x9"]);
    check(&bits("cart.categories has ['Even', 'Wine']"), &["Warning", "category Wine"]);
    check(&bits("cart.categories has 'Even' and cart.items has 'i2'"), &[]);
    check(&policy("p", "boost", "items = \"item.category under ['Odd', 'Ood']\""), &["Ood"]);
    let many: Vec<String> = (0..9).map(|at| format!("'x{at}'")).collect();
    check(&policy("p", "exclude", &format!("item_ids = [{}]", many.join(", "))), &["4 more"]);
}
