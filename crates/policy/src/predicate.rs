//! Conditions with their types settled, and what they say of an item and a request.

use crate::facts::{Facts, ItemList, ItemTable, MARKETING, Stage, consent_in};
use crate::field::{Field, WEEKDAYS};
use crate::truth::Truth;
use events::{Amount, Currency};
use hashbrown::HashSet;
use std::cmp::Ordering;
use std::sync::Arc;

/// Which sides a condition asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    pub item: bool,
    pub request: bool,
}

impl Scope {
    pub fn is_mixed(self) -> bool {
        self.item && self.request
    }

    fn with(self, other: Scope) -> Scope {
        Scope { item: self.item || other.item, request: self.request || other.request }
    }
}

/// What a condition is asked of. A side that is missing is not known.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    pub item: Option<(&'a dyn ItemTable, u32)>,
    pub facts: Option<&'a Facts<'a>>,
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Equal,
    Less,
    LessOrEqual,
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equal => order == Ordering::Equal,
            Relation::Less => order == Ordering::Less,
            Relation::LessOrEqual => order != Ordering::Greater,
        }
    }
}

/// A typed condition.
#[derive(Clone, Debug)]
pub enum Predicate {
    Constant(bool),
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Is(Field),
    Known(Field),
    Numbers { relation: Relation, left: Number, right: Number },
    Texts { left: Text, right: Text },
    OneOf { text: Text, set: Arc<HashSet<Box<str>>> },
    OneOfNumbers { number: Number, sorted: Arc<Vec<Amount>> },
    Under { field: Field, paths: Arc<Vec<Box<str>>> },
    Has { list: Field, id: Text },
    HasAny { list: Field, ids: Arc<HashSet<Box<str>>> },
    Contains { text: Text, part: Box<str>, at_start: bool },
    Currency { field: Field, among: Vec<Currency> },
    SameCurrency { left: Field, right: Field },
}

/// A number to be found out. Exact; what overflows is not known.
#[derive(Clone, Debug)]
pub enum Number {
    Constant(Amount),
    Field(Field),
    Add(Box<Number>, Box<Number>),
    Subtract(Box<Number>, Box<Number>),
    Multiply(Box<Number>, Box<Number>),
}

#[derive(Clone, Debug)]
pub enum Text {
    Constant(Box<str>),
    Field(Field),
}

/// A number, and the currency that it is in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quantity {
    amount: Amount,
    currency: Option<Currency>,
}

impl Quantity {
    fn plain(amount: Amount) -> Quantity {
        Quantity { amount, currency: None }
    }

    /// The currency of both; `Err`: they are two, so nothing can be said.
    fn common(self, other: Quantity) -> Result<Option<Currency>, ()> {
        match (self.currency, other.currency) {
            (Some(one), Some(two)) if one != two => Err(()),
            (one, two) => Ok(one.or(two)),
        }
    }
}

impl Predicate {
    pub fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        self.visit_fields(&mut |field| {
            let is_of_item = field.is_of_item();
            scope = scope.with(Scope { item: is_of_item, request: !is_of_item });
        });
        scope
    }

    /// Calls `look` with this condition and every part of it.
    pub(crate) fn visit<'p>(&'p self, look: &mut dyn FnMut(&'p Predicate)) {
        look(self);
        match self {
            Predicate::And(list) | Predicate::Or(list) => {
                list.iter().for_each(|part| part.visit(look));
            }
            Predicate::Not(inner) => inner.visit(look),
            _ => {}
        }
    }

    /// Calls `look` with every field that is asked for.
    pub fn visit_fields(&self, look: &mut dyn FnMut(&Field)) {
        match self {
            Predicate::Constant(_) => {}
            Predicate::And(list) | Predicate::Or(list) => {
                list.iter().for_each(|part| part.visit_fields(look));
            }
            Predicate::Not(inner) => inner.visit_fields(look),
            Predicate::Is(field) | Predicate::Known(field) | Predicate::Under { field, .. } => {
                look(field);
            }
            Predicate::Numbers { left, right, .. } => {
                left.visit_fields(look);
                right.visit_fields(look);
            }
            Predicate::OneOfNumbers { number, .. } => number.visit_fields(look),
            Predicate::Texts { left, right } => {
                left.visit_fields(look);
                right.visit_fields(look);
            }
            Predicate::OneOf { text, .. } | Predicate::Contains { text, .. } => {
                text.visit_fields(look);
            }
            Predicate::Has { list, id } => {
                look(list);
                id.visit_fields(look);
            }
            Predicate::HasAny { list, .. } => look(list),
            Predicate::Currency { field, .. } => look(field),
            Predicate::SameCurrency { left, right } => {
                look(left);
                look(right);
            }
        }
    }

    pub fn ask(&self, sight: &Sight<'_>) -> Truth {
        match self {
            Predicate::Constant(truth) => (*truth).into(),
            Predicate::And(list) => {
                let mut least = Truth::True;
                for part in list {
                    least = least.min(part.ask(sight));
                    if least == Truth::False {
                        break;
                    }
                }
                least
            }
            Predicate::Or(list) => {
                let mut most = Truth::False;
                for part in list {
                    most = most.max(part.ask(sight));
                    if most == Truth::True {
                        break;
                    }
                }
                most
            }
            Predicate::Not(inner) => inner.ask(sight).negated(),
            Predicate::Is(field) => Truth::of(truth_of(field, sight)),
            Predicate::Known(field) => is_known(field, sight),
            Predicate::Numbers { relation, left, right } => {
                compare(*relation, left.value(sight), right.value(sight))
            }
            Predicate::Texts { left, right } => match (left.value(sight), right.value(sight)) {
                (Some(left), Some(right)) => (left == right).into(),
                _ => Truth::Unknown,
            },
            Predicate::OneOf { text, set } => {
                Truth::of(text.value(sight).map(|text| set.contains(text)))
            }
            Predicate::OneOfNumbers { number, sorted } => Truth::of(
                number.value(sight).map(|found| sorted.binary_search(&found.amount).is_ok()),
            ),
            Predicate::Under { field, paths } => under(field, paths, sight),
            Predicate::Has { list, id } => match (items_of(list, sight), id.value(sight)) {
                (Some(values), Some(told)) if matches!(list, Field::AnchorAttribute(_)) => {
                    values_in(told).any(|value| values.has(value) == Truth::True).into()
                }
                (Some(items), Some(id)) => items.has(id),
                _ => Truth::Unknown,
            },
            Predicate::HasAny { list, ids } => {
                items_of(list, sight).map_or(Truth::Unknown, |items| items.has_any(ids))
            }
            Predicate::Contains { text, part, at_start } => {
                let found = text.value(sight).map(|text| match at_start {
                    true => text.starts_with(&**part),
                    false => text.contains(&**part),
                });
                Truth::of(found)
            }
            Predicate::Currency { field, among } => {
                Truth::of(currency_of(field, sight).map(|found| among.contains(&found)))
            }
            Predicate::SameCurrency { left, right } => {
                match (currency_of(left, sight), currency_of(right, sight)) {
                    (Some(left), Some(right)) => (left == right).into(),
                    _ => Truth::Unknown,
                }
            }
        }
    }
}

impl Number {
    /// Fields and constants in it.
    pub(crate) fn n_parts(&self) -> usize {
        match self {
            Number::Constant(_) | Number::Field(_) => 1,
            Number::Add(left, right)
            | Number::Subtract(left, right)
            | Number::Multiply(left, right) => left.n_parts() + right.n_parts(),
        }
    }

    pub(crate) fn visit_fields(&self, look: &mut dyn FnMut(&Field)) {
        match self {
            Number::Constant(_) => {}
            Number::Field(field) => look(field),
            Number::Add(left, right)
            | Number::Subtract(left, right)
            | Number::Multiply(left, right) => {
                left.visit_fields(look);
                right.visit_fields(look);
            }
        }
    }

    fn value(&self, sight: &Sight<'_>) -> Option<Quantity> {
        let both = |left: &Number, right: &Number| {
            let (left, right) = (left.value(sight)?, right.value(sight)?);
            let currency = left.common(right).ok()?;
            Some((left.amount, right.amount, currency))
        };
        match self {
            Number::Constant(amount) => Some(Quantity::plain(*amount)),
            Number::Field(field) => number_of(field, sight),
            Number::Add(left, right) => {
                let (left, right, currency) = both(left, right)?;
                Some(Quantity { amount: left.checked_add(right)?, currency })
            }
            Number::Subtract(left, right) => {
                let (left, right, currency) = both(left, right)?;
                let amount = left.0.checked_sub(right.0).map(Amount)?;
                Some(Quantity { amount, currency })
            }
            Number::Multiply(left, right) => {
                let (left, right, currency) = both(left, right)?;
                Some(Quantity { amount: left.checked_mul(right)?, currency })
            }
        }
    }
}

impl Text {
    fn visit_fields(&self, look: &mut dyn FnMut(&Field)) {
        if let Text::Field(field) = self {
            look(field);
        }
    }

    fn value<'a>(&'a self, sight: &Sight<'a>) -> Option<&'a str> {
        match self {
            Text::Constant(text) => Some(text),
            Text::Field(field) => text_of(field, sight),
        }
    }
}

fn compare(relation: Relation, left: Option<Quantity>, right: Option<Quantity>) -> Truth {
    let (Some(left), Some(right)) = (left, right) else { return Truth::Unknown };
    match left.common(right) {
        Ok(_) => relation.holds(left.amount.cmp(&right.amount)).into(),
        Err(()) => Truth::Unknown,
    }
}

fn truth_of(field: &Field, sight: &Sight<'_>) -> Option<bool> {
    match field {
        Field::ItemSensitive => sight.item.map(|(table, item)| table.is_sensitive(item)),
        Field::CustomerKnown => sight.facts.map(|facts| facts.customer.is_known),
        Field::CustomerConsent => sight.facts.and_then(|facts| facts.customer.consent),
        Field::CustomerMarketing => {
            let told = sight.facts.and_then(|facts| facts.customer.attribute(MARKETING));
            told.and_then(consent_in)
        }
        _ => None,
    }
}

fn is_known(field: &Field, sight: &Sight<'_>) -> Truth {
    let has_side = if field.is_of_item() { sight.item.is_some() } else { sight.facts.is_some() };
    if !has_side {
        return Truth::Unknown;
    }
    let is_there = truth_of(field, sight).is_some()
        || number_of(field, sight).is_some()
        || text_of(field, sight).is_some()
        || items_of(field, sight).is_some()
        || currency_of(field, sight).is_some()
        || has_categories(field, sight);
    is_there.into()
}

/// Of a list of which a part is known something is known; an empty cart has no categories.
fn has_categories(field: &Field, sight: &Sight<'_>) -> bool {
    let Some(facts) = sight.facts.filter(|_| *field == Field::CartCategories) else { return false };
    !facts.cart.categories.is_empty() || !facts.cart.has_unknown_category
}

fn number_of(field: &Field, sight: &Sight<'_>) -> Option<Quantity> {
    if field.is_of_item() {
        let (table, item) = sight.item?;
        let money = |amount| Quantity { amount, currency: table.currency(item) };
        return match field {
            Field::ItemPrice => table.price(item).map(money),
            Field::ItemCost => table.cost(item).map(money),
            Field::ItemMargin => margin(table.price(item)?, table.cost(item)?),
            Field::ItemStock => Amount::from_units(table.stock(item)?).map(Quantity::plain),
            Field::ItemOrders => {
                Amount::from_units(table.n_orders(item).into()).map(Quantity::plain)
            }
            Field::ItemAttribute(name) => read(table.attribute(item, name)?),
            _ => None,
        };
    }
    let facts = sight.facts?;
    let whole = |number: i64| Amount::from_units(number).map(Quantity::plain);
    match field {
        Field::CustomerAge => read(facts.customer.attribute("age")?),
        Field::CustomerAttribute(name) => read(facts.customer.attribute(name)?),
        Field::CartTotal => {
            let currency = facts.cart.currency;
            facts.cart.total.map(|amount| Quantity { amount, currency })
        }
        Field::CartLines => whole(i64::try_from(facts.cart.n_lines).ok()?),
        Field::CartUnits => facts.cart.n_units.map(Quantity::plain),
        Field::ContextHour => whole(facts.local?.hour.into()),
        Field::ContextDay => whole(facts.local?.day.into()),
        Field::ContextMonth => whole(facts.local?.month.into()),
        _ => None,
    }
}

/// The share of the price that is left after the cost; of no price there is no share.
fn margin(price: Amount, cost: Amount) -> Option<Quantity> {
    if price.0 <= 0 {
        return None;
    }
    let left = i128::from(price.0) - i128::from(cost.0);
    let share = left * i128::from(events::amount::MICROS) / i128::from(price.0);
    i64::try_from(share).ok().map(|micros| Quantity::plain(Amount(micros)))
}

/// An attribute as a number: `12.5`, and no more than that.
fn read(text: &str) -> Option<Quantity> {
    Amount::parse(text, b'.').ok().map(Quantity::plain)
}

fn text_of<'a>(field: &Field, sight: &Sight<'a>) -> Option<&'a str> {
    if field.is_of_item() {
        let (table, item) = sight.item?;
        return match field {
            Field::ItemId => Some(table.id(item)),
            Field::ItemTitle => table.title(item),
            Field::ItemCategory => table.category(item),
            Field::ItemKind => Some(table.kind(item).as_str()),
            Field::ItemAttribute(name) => table.attribute(item, name),
            _ => None,
        };
    }
    let facts = sight.facts?;
    match field {
        Field::CustomerAttribute(name) => facts.customer.attribute(name),
        Field::ContextPlacement => crate::set::PLACEMENTS.get(facts.placement).copied(),
        Field::ContextChannel => facts.channel,
        Field::ContextLocale => facts.locale,
        Field::ContextLocation => facts.location,
        Field::ContextStage => facts.stage.map(Stage::as_str),
        Field::ContextCategory => facts.category,
        Field::ContextWeekday => WEEKDAYS.get(facts.local?.weekday).copied(),
        _ => None,
    }
}

fn currency_of(field: &Field, sight: &Sight<'_>) -> Option<Currency> {
    match field {
        Field::ItemCurrency => sight.item.and_then(|(table, item)| table.currency(item)),
        Field::CartCurrency => sight.facts.and_then(|facts| facts.cart.currency),
        _ => None,
    }
}

fn items_of<'a>(field: &Field, sight: &Sight<'a>) -> Option<&'a ItemList<'a>> {
    let facts = sight.facts?;
    match field {
        Field::CustomerBought => facts.customer.bought.as_ref(),
        Field::CustomerHoldings => facts.customer.holdings.as_ref(),
        Field::CartItems => Some(&facts.cart.item_ids),
        Field::AnchorAttribute(name) => {
            let values = facts.anchors.iter().find(|(known, _)| *known == &**name);
            values.map(|(_, values)| values).filter(|values| !values.is_empty())
        }
        _ => None,
    }
}

/// The values of an attribute that may have several: `iPhone 14; iPhone 15`.
pub fn values_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|value| !value.is_empty())
}

fn under(field: &Field, paths: &[Box<str>], sight: &Sight<'_>) -> Truth {
    let is_in = |category: &str| paths.iter().any(|path| is_below(category, path));
    if *field != Field::CartCategories {
        return Truth::of(text_of(field, sight).map(is_in));
    }
    let Some(facts) = sight.facts else { return Truth::Unknown };
    match facts.cart.categories.iter().any(|category| is_in(category)) {
        true => Truth::True,
        false if facts.cart.has_unknown_category => Truth::Unknown,
        false => Truth::False,
    }
}

/// Is `category` the `wanted` one or below it? Levels are joined by ` > `.
pub fn is_below(category: &str, wanted: &str) -> bool {
    category
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.trim_start().starts_with('>'))
}
