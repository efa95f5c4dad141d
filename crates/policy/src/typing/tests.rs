use super::*;
use crate::facts::{CartFacts, CustomerFacts, Facts, ItemTable};
use crate::predicate::Sight;
use crate::truth::Truth;
use events::ItemKind;

/// One item.
struct Lamp;

impl ItemTable for Lamp {
    fn n_items(&self) -> usize {
        1
    }
    fn find(&self, _item_id: &str) -> Option<u32> {
        None
    }
    fn id(&self, _item: u32) -> &str {
        "L1"
    }
    fn title(&self, _item: u32) -> Option<&str> {
        Some("White lamp")
    }
    fn category(&self, _item: u32) -> Option<&str> {
        Some("Home > Lights")
    }
    fn kind(&self, _item: u32) -> ItemKind {
        ItemKind::Good
    }
    fn price(&self, _item: u32) -> Option<Amount> {
        Amount::from_units(20)
    }
    fn cost(&self, _item: u32) -> Option<Amount> {
        Amount::from_units(15)
    }
    fn stock(&self, _item: u32) -> Option<i64> {
        None
    }
    fn currency(&self, _item: u32) -> Option<Currency> {
        Currency::parse("EUR")
    }
    fn is_sensitive(&self, _item: u32) -> bool {
        false
    }
    fn n_orders(&self, _item: u32) -> u32 {
        7
    }
    fn attribute(&self, _item: u32, name: &str) -> Option<&str> {
        match name {
            "color" => Some("white"),
            "watt" => Some("40"),
            _ => None,
        }
    }
}

fn ask_with(text: &str, change: impl FnOnce(&mut Facts<'_>)) -> Truth {
    let predicate = condition(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
    let attributes: [(Box<str>, Box<str>); 2] =
        [("age".into(), "17".into()), ("segment".into(), "gold".into())];
    let mut facts = Facts {
        placement: 3,
        channel: Some("web"),
        customer: CustomerFacts {
            is_known: true,
            attributes: &attributes,
            bought: Some(["L1", "L2"].into_iter().collect()),
            ..CustomerFacts::default()
        },
        cart: CartFacts {
            total: Amount::from_units(100),
            currency: Currency::parse("EUR"),
            n_lines: 2,
            item_ids: ["B1"].into_iter().collect(),
            categories: vec!["Books > Cooking"],
            ..CartFacts::default()
        },
        ..Facts::default()
    };
    change(&mut facts);
    predicate.ask(&Sight { item: Some((&Lamp, 0)), facts: Some(&facts) })
}

#[track_caller]
fn holds(text: &str) {
    assert_eq!(ask_with(text, |_| {}), Truth::True, "{text}");
}

#[track_caller]
fn fails(text: &str) {
    assert_eq!(ask_with(text, |_| {}), Truth::False, "{text}");
}

#[track_caller]
fn unknown(text: &str) {
    assert_eq!(ask_with(text, |_| {}), Truth::Unknown, "{text}");
}

#[test]
fn what_is_known_is_told() {
    holds("item.id == 'L1' and 'L1' == item.id and item.id in ['x', 'L1']");
    holds("item.category under 'Home' and item.category under ['Garden', 'Home > Lights']");
    fails("item.category under 'Hom' or item.category == 'Home'");
    holds("item.price == 20 and item.price <= 0.2 * cart.total and item.margin == 0.25");
    fails("item.price < 20 or item.price > 20 or item.price != 20");
    holds("item.price >= 20 and item.price + 5 - 1 == 24 and item.orders in [1, 7]");
    holds("item.attr.color == 'white' and item.attr.watt > 39.5 and item.attr.watt == '40'");
    holds("customer.age < 18 and customer.segment == 'gold' and customer.bought has item.id");
    holds("cart.items has 'B1' and cart.items has ['x', 'B1'] and cart.lines == 2");
    holds("cart.categories has 'Books' and not cart.categories has 'Home'");
    holds("item.currency == cart.currency and item.currency in ['USD', 'EUR']");
    holds("context.placement == 'cart' and context.channel == 'web' and not item.sensitive");
    holds("item.title contains 'lamp' and item.title starts_with 'White'");
    fails("item.kind == 'fee' or item.sensitive == true or false");
}

#[test]
fn what_is_not_known_is_neither_true_nor_false() {
    unknown("item.stock > 0");
    unknown("not item.stock > 0");
    unknown("item.attr.size == 'L'");
    unknown("item.attr.color < 3");
    unknown("customer.consent");
    unknown("customer.holdings has item.id");
    unknown("context.hour < 12");
    fails("item.stock > 0 and item.price < 1");
    holds("item.stock > 0 or item.price > 1");
    holds("item.stock is not known and item.price is known and item.currency is known");
    fails("customer.holdings is known or customer.consent is known");
    // What overflows is not known either.
    unknown("item.price * 9000000000000 > 1");
    unknown("item.price + 9223372036854 > 1");
}

#[test]
fn money_of_two_currencies_does_not_compare() {
    let other = |facts: &mut Facts<'_>| facts.cart.currency = Currency::parse("USD");
    assert_eq!(ask_with("item.price < cart.total", other), Truth::Unknown);
    assert_eq!(ask_with("item.price < cart.total", |_| {}), Truth::True);
    assert_eq!(ask_with("item.currency == cart.currency", other), Truth::False);
    let mixed = |facts: &mut Facts<'_>| facts.cart.total = None;
    assert_eq!(ask_with("cart.total < 5", mixed), Truth::Unknown);
}

#[test]
fn what_fits_is_told_by_attributes_of_both_sides() {
    let with = |values: &'static [&'static str]| {
        move |facts: &mut Facts<'_>| {
            facts.anchors = vec![("watt", values.iter().copied().collect())]
        }
    };
    let text = "anchor.attr.watt has item.attr.watt";
    assert_eq!(ask_with(text, with(&["25", "40"])), Truth::True);
    assert_eq!(ask_with(text, with(&["25"])), Truth::False);
    // No item has it, or none is there.
    assert_eq!(ask_with(text, with(&[])), Truth::Unknown);
    unknown("anchor.attr.watt has item.attr.watt");
    holds("anchor.attr.watt is not known or anchor.attr.watt has '40'");
    assert_eq!(ask_with("anchor.attr.watt has '40; 60'", with(&["60"])), Truth::True);
    assert_eq!(ask_with("anchor.attr.watt has ['40', '60']", with(&["60"])), Truth::True);
    assert_eq!(ask_with("anchor.attr.watt is known", with(&["60"])), Truth::True);
    fault("anchor.attr.watt == '40'", "'40'", "ask with `has`: anchor.attr.watt has '40'");
    fault("anchor.attr.watt has item.price", "item.price", "write anchor.attr.watt has item.attr");
}

#[test]
fn a_cart_with_an_unknown_thing_is_not_free_of_a_category() {
    let odd = |facts: &mut Facts<'_>| facts.cart.has_unknown_category = true;
    assert_eq!(ask_with("cart.categories has 'Wine'", odd), Truth::Unknown);
    let odd = |facts: &mut Facts<'_>| facts.cart.has_unknown_category = true;
    assert_eq!(ask_with("cart.categories has 'Books'", odd), Truth::True);
}

#[test]
fn a_list_of_which_a_part_is_known_says_nothing_of_what_is_not_in_it() {
    let partial = |facts: &mut Facts<'_>| {
        if let Some(bought) = &mut facts.customer.bought {
            bought.set_partial();
        }
    };
    assert_eq!(ask_with("customer.bought has 'L2'", partial), Truth::True);
    assert_eq!(ask_with("customer.bought has ['x', 'L2']", partial), Truth::True);
    assert_eq!(ask_with("customer.bought has 'L9'", partial), Truth::Unknown);
    assert_eq!(ask_with("customer.bought has ['x', 'L9', 'y']", partial), Truth::Unknown);
    assert_eq!(ask_with("not customer.bought has 'L9'", partial), Truth::Unknown);
    assert_eq!(ask_with("customer.bought is known", partial), Truth::True);
    fails("customer.bought has 'L9' or customer.bought has ['x', 'L9', 'y']");
}

#[test]
fn the_categories_of_a_cart_are_known_as_far_as_its_items_have_some() {
    holds("cart.categories is known");
    let empty = |facts: &mut Facts<'_>| facts.cart.categories.clear();
    assert_eq!(ask_with("cart.categories is known", empty), Truth::True, "it has none");
    let odd = |facts: &mut Facts<'_>| {
        facts.cart.categories.clear();
        facts.cart.has_unknown_category = true;
    };
    assert_eq!(ask_with("cart.categories is known", odd), Truth::False);
}

#[track_caller]
fn fault(text: &str, at: &str, told: &str) {
    let fault = condition(text).expect_err(text);
    let whole = format!("{}; {}", fault.message, fault.mend);
    assert_eq!(&text[fault.span.clone()], at, "{whole}");
    assert!(whole.contains(told), "{whole}");
}

#[test]
fn types_that_do_not_fit_are_told_with_their_place() {
    fault("item.price < 'ten'", "'ten'", "a text, and a number is wanted");
    fault("item.price", "item.price", "not a condition");
    fault("item.price < item.stock", "item.price < item.stock", "money");
    fault("item.price * cart.total > 1", "item.price * cart.total", "money times money");
    fault("item.kind == 'goods'", "'goods'", "did you mean 'good'?");
    fault("context.weekday in ['monday', 'sonntag']", "'sonntag'", "tuesday");
    fault("context.placement == 'porch'", "'porch'", "checkout");
    fault("item.colour == 'red'", "item.colour", "item.attr.colour");
    fault("item.pricee < 3", "item.pricee", "did you mean `item.price`?");
    fault("item.sensitive == 'yes'", "'yes'", "not item.sensitive");
    fault("cart.items == 'A'", "'A'", "cart.items has 'A'");
    fault("item.price under 'Home'", "item.price", "nothing below it");
    fault("item.id has 'A'", "item.id", "not a list");
    fault("customer.bought has item.price", "item.price", "not an item id");
    fault("item.id in []", "[]", "empty");
    fault("item.id in ['a', 3]", "3", "text is wanted");
    fault("item.price in ['a']", "item.price", "among numbers");
    fault("item.currency == 'Euro'", "'Euro'", "three letters");
    fault("item.price contains '1'", "item.price", "not a text");
    fault("item.price + 1", "item.price + 1", "compare it");
    fault("item.id == item.sensitive", "item.id == item.sensitive", "one type");
    fault("(item.price < 3) == true", "item.price < 3", "not a value");
    fault("'a' is known", "'a'", "asks of a field");
}
