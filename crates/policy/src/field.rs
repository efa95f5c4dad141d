//! What a condition may ask about: every field with its type and its side.

use crate::nearest::nearest;
use crate::token::Fault;
use std::ops::Range;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Truth,
    Number,
    /// An amount with a currency.
    Money,
    Text,
    /// A text of a fixed set of words.
    Word(&'static [&'static str]),
    /// As somebody wrote it: a text, or a number where one is asked for.
    Attribute,
    Currency,
    Category,
    Items,
    Categories,
    /// Values of one attribute over several items.
    Values,
}

impl Type {
    pub(crate) fn told(self) -> &'static str {
        match self {
            Type::Truth => "true or false",
            Type::Number => "a number",
            Type::Money => "an amount of money",
            Type::Text => "a text",
            Type::Word(_) => "a word",
            Type::Attribute => "an attribute",
            Type::Currency => "a currency",
            Type::Category => "a category",
            Type::Items => "a list of item ids",
            Type::Categories => "a list of categories",
            Type::Values => "a list of attribute values",
        }
    }
}

/// One thing that a condition may ask about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    ItemId,
    ItemTitle,
    ItemCategory,
    ItemKind,
    ItemPrice,
    ItemCost,
    /// (price − cost) / price.
    ItemMargin,
    ItemStock,
    ItemCurrency,
    ItemSensitive,
    /// Orders that hold it.
    ItemOrders,
    ItemAttribute(Box<str>),
    CustomerKnown,
    CustomerConsent,
    /// To be contacted: the attribute `consent.marketing`.
    CustomerMarketing,
    CustomerAttribute(Box<str>),
    /// Read as a number: the attribute `age`.
    CustomerAge,
    CustomerBought,
    CustomerHoldings,
    CartTotal,
    CartLines,
    CartUnits,
    CartCurrency,
    CartItems,
    CartCategories,
    /// Of the items in the cart and of those that the page is about.
    AnchorAttribute(Box<str>),
    ContextPlacement,
    ContextChannel,
    ContextLocale,
    ContextLocation,
    ContextCategory,
    ContextHour,
    ContextStage,
    ContextWeekday,
    ContextDay,
    ContextMonth,
}

pub(crate) const KINDS: [&str; 5] = ["good", "service", "account", "menu", "fee"];
pub(crate) const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Names, as they are written and as `docs/policies.md` lists them.
const NAMES: [(&str, Field, Type); 33] = [
    ("item.id", Field::ItemId, Type::Text),
    ("item.title", Field::ItemTitle, Type::Text),
    ("item.category", Field::ItemCategory, Type::Category),
    ("item.kind", Field::ItemKind, Type::Word(&KINDS)),
    ("item.price", Field::ItemPrice, Type::Money),
    ("item.cost", Field::ItemCost, Type::Money),
    ("item.margin", Field::ItemMargin, Type::Number),
    ("item.stock", Field::ItemStock, Type::Number),
    ("item.currency", Field::ItemCurrency, Type::Currency),
    ("item.sensitive", Field::ItemSensitive, Type::Truth),
    ("item.orders", Field::ItemOrders, Type::Number),
    ("customer.known", Field::CustomerKnown, Type::Truth),
    ("customer.consent", Field::CustomerConsent, Type::Truth),
    ("customer.consent.marketing", Field::CustomerMarketing, Type::Truth),
    ("customer.age", Field::CustomerAge, Type::Number),
    ("customer.bought", Field::CustomerBought, Type::Items),
    ("customer.holdings", Field::CustomerHoldings, Type::Items),
    ("cart.total", Field::CartTotal, Type::Money),
    ("cart.lines", Field::CartLines, Type::Number),
    ("cart.units", Field::CartUnits, Type::Number),
    ("cart.currency", Field::CartCurrency, Type::Currency),
    ("cart.items", Field::CartItems, Type::Items),
    ("cart.categories", Field::CartCategories, Type::Categories),
    ("context.placement", Field::ContextPlacement, Type::Word(&crate::set::PLACEMENTS)),
    ("context.channel", Field::ContextChannel, Type::Text),
    ("context.locale", Field::ContextLocale, Type::Text),
    ("context.location", Field::ContextLocation, Type::Text),
    ("context.stage", Field::ContextStage, Type::Word(&crate::facts::STAGES)),
    ("context.category", Field::ContextCategory, Type::Category),
    ("context.hour", Field::ContextHour, Type::Number),
    ("context.weekday", Field::ContextWeekday, Type::Word(&WEEKDAYS)),
    ("context.day", Field::ContextDay, Type::Number),
    ("context.month", Field::ContextMonth, Type::Number),
];

/// Attributes with a name of their own.
const SHORT: [&str; 3] = ["item.brand", "customer.segment", "customer.country"];

impl Field {
    /// Reads `item.price`, `item.attr.color`, `customer.segment`.
    pub(crate) fn find(parts: &[Box<str>], span: &Range<usize>) -> Result<Field, Fault> {
        let whole = parts.join(".");
        if let Some((_, field, _)) = NAMES.iter().find(|(name, ..)| *name == whole) {
            return Ok(field.clone());
        }
        match parts {
            [side, word, name] if &**word == "attr" && &**side == "item" => {
                Ok(Field::ItemAttribute(name.clone()))
            }
            [side, word, name] if &**word == "attr" && &**side == "anchor" => {
                Ok(Field::AnchorAttribute(name.clone()))
            }
            [side, word, name] if &**word == "attr" && &**side == "customer" => {
                Ok(Field::CustomerAttribute(name.clone()))
            }
            [_, name] if whole == "item.brand" => Ok(Field::ItemAttribute(name.clone())),
            [_, name] if SHORT.contains(&whole.as_str()) => {
                Ok(Field::CustomerAttribute(name.clone()))
            }
            _ => Err(unknown(parts, &whole, span)),
        }
    }

    pub(crate) fn value_type(&self) -> Type {
        match self {
            Field::ItemAttribute(_) | Field::CustomerAttribute(_) => Type::Attribute,
            Field::AnchorAttribute(_) => Type::Values,
            field => NAMES
                .iter()
                .find(|(_, named, _)| named == field)
                .map_or(Type::Attribute, |(_, _, value_type)| *value_type),
        }
    }

    /// Is it asked of an item, rather than of the request?
    pub fn is_of_item(&self) -> bool {
        matches!(
            self,
            Field::ItemId
                | Field::ItemTitle
                | Field::ItemCategory
                | Field::ItemKind
                | Field::ItemPrice
                | Field::ItemCost
                | Field::ItemMargin
                | Field::ItemStock
                | Field::ItemCurrency
                | Field::ItemSensitive
                | Field::ItemOrders
                | Field::ItemAttribute(_)
        )
    }

    pub(crate) fn is_of_customer(&self) -> bool {
        matches!(
            self,
            Field::CustomerKnown
                | Field::CustomerConsent
                | Field::CustomerMarketing
                | Field::CustomerAttribute(_)
                | Field::CustomerAge
                | Field::CustomerBought
                | Field::CustomerHoldings
        )
    }

    pub(crate) fn needs_time(&self) -> bool {
        matches!(
            self,
            Field::ContextHour | Field::ContextWeekday | Field::ContextDay | Field::ContextMonth
        )
    }

    pub fn name(&self) -> String {
        match self {
            Field::ItemAttribute(name) => format!("item.attr.{name}"),
            Field::CustomerAttribute(name) => format!("customer.attr.{name}"),
            Field::AnchorAttribute(name) => format!("anchor.attr.{name}"),
            field => NAMES
                .iter()
                .find(|(_, named, _)| named == field)
                .map_or(String::new(), |(name, ..)| (*name).to_owned()),
        }
    }
}

fn unknown(parts: &[Box<str>], whole: &str, span: &Range<usize>) -> Fault {
    let names = || NAMES.iter().map(|(name, ..)| *name).chain(SHORT);
    let message = format!("there is no field `{whole}`");
    let side = &*parts[0];
    // Within the side that was named: `item.x` is nearer to nothing than to another field.
    let tails = names().filter_map(|name| name.strip_prefix(side)?.strip_prefix('.'));
    if let Some(meant) = nearest(&parts[1..].join("."), tails) {
        return Fault::new(span.clone(), message, format!("did you mean `{side}.{meant}`?"));
    }
    let of_side: Vec<&str> = names().filter(|name| name.split('.').next() == Some(side)).collect();
    let mend = match (side, parts.len()) {
        ("item" | "customer" | "anchor", 2) => {
            format!("an attribute of your own is written {side}.attr.{}", parts[1])
        }
        _ if of_side.is_empty() => {
            "fields begin with item., customer., cart., anchor. or context.; texts stand in quotes"
                .to_owned()
        }
        _ => format!("there are {}", of_side.join(", ")),
    };
    Fault::new(span.clone(), message, mend)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(name: &str) -> Result<Field, Fault> {
        let parts: Vec<Box<str>> = name.split('.').map(Into::into).collect();
        Field::find(&parts, &(0..name.len()))
    }

    fn mend_of(name: &str) -> String {
        find(name).expect_err(name).mend
    }

    #[test]
    fn every_name_leads_to_its_field_and_back() {
        for (name, field, value_type) in NAMES {
            assert_eq!(find(name), Ok(field.clone()));
            assert_eq!((field.name().as_str(), field.value_type()), (name, value_type));
            assert_eq!(field.is_of_item(), name.starts_with("item."), "{name}");
        }
        for name in ["item.attr.color", "customer.attr.tier"] {
            let field = find(name).expect(name);
            assert_eq!((field.name().as_str(), field.value_type()), (name, Type::Attribute));
        }
        let anchors = find("anchor.attr.model").expect("a list");
        assert_eq!(
            (anchors.name().as_str(), anchors.value_type()),
            ("anchor.attr.model", Type::Values)
        );
        assert_eq!(
            mend_of("anchor.model"),
            "an attribute of your own is written anchor.attr.model"
        );
        assert_eq!(find("item.brand"), find("item.attr.brand"));
        assert_eq!(find("customer.segment"), find("customer.attr.segment"));
    }

    #[test]
    fn what_is_not_there_is_named_with_what_was_meant() {
        let mend = |name: &str| find(name).expect_err(name).mend;
        assert_eq!(mend("item.prise"), "did you mean `item.price`?");
        assert_eq!(mend("item.color"), "an attribute of your own is written item.attr.color");
        assert!(mend("cart.color").contains("cart.total"));
        assert!(mend("basket").contains("cart."));
    }
}
