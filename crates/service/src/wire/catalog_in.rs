//! What `/v1/items`, `/v1/customers` and `/v1/holdings` take.

use super::{AmountIn, IdIn, TextIn};
use events::{ClearedFields, Currency, CustomerRecord, HoldingRecord, ItemField, ItemKind};
use events::{ItemRecord, Timestamp};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Records of one call.
pub(crate) const MAX_BATCH: usize = 10_000;

/// One record, or a list of records.
#[derive(Debug)]
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one record or a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany<T>, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = seq.next_element()? {
            if records.len() == MAX_BATCH {
                return Err(de::Error::custom(format!("at most {MAX_BATCH} records in one call")));
            }
            records.push(record);
        }
        Ok(OneOrMany(records))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany<T>, A::Error> {
        let record = T::deserialize(de::value::MapAccessDeserializer::new(map))?;
        Ok(OneOrMany(vec![record]))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany<T>, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

/// What is told of a field that may be unknown.
#[derive(Debug, Default)]
enum Told<T> {
    /// It stays as it is.
    #[default]
    Unsaid,
    /// `null`: it is known no more.
    Nothing,
    This(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Told<T>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Told::Nothing, Told::This))
    }
}

impl<T> Told<T> {
    fn take(self, field: ItemField, cleared: &mut ClearedFields) -> Option<T> {
        match self {
            Told::This(value) => return Some(value),
            Told::Nothing => cleared.add(field),
            Told::Unsaid => {}
        }
        None
    }
}

/// An item, whole or in part: a field that is left out stays as it is, one that is null is known
/// no more.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "an item object")]
pub struct ItemIn<'a> {
    #[serde(borrow, alias = "id", alias = "product_id", alias = "sku")]
    #[schema(value_type = String)]
    item_id: IdIn<'a>,
    #[schema(value_type = Option<String>)]
    #[serde(borrow, default, alias = "name")]
    title: Told<TextIn<'a>>,
    /// `good, service, account, menu, fee`; a fee is never offered.
    #[serde(default, deserialize_with = "kind")]
    #[schema(value_type = Option<String>)]
    kind: Option<ItemKind>,
    /// Path from the root, ` > ` between levels.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    category: Told<TextIn<'a>>,
    #[serde(default, deserialize_with = "not_negative")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    price: Told<AmountIn>,
    #[serde(default, deserialize_with = "not_negative")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    cost: Told<AmountIn>,
    #[serde(default, deserialize_with = "currency")]
    #[schema(value_type = Option<String>, example = "GBP")]
    currency: Told<Currency>,
    /// Units at hand; 0 is out of stock.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    stock: Told<i64>,
    hidden: Option<bool>,
    /// The head of the item's family; null or an empty text takes it out of the family.
    #[serde(borrow, default, deserialize_with = "head")]
    #[schema(value_type = Option<String>)]
    variant_of: Option<IdIn<'a>>,
    sensitive: Option<bool>,
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    image_url: Told<TextIn<'a>>,
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    url: Told<TextIn<'a>>,
    attributes: Option<BTreeMap<String, Scalar>>,
}

/// A customer, whole or in part.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "a customer object")]
pub struct CustomerIn<'a> {
    #[serde(borrow, alias = "user_id", alias = "id")]
    #[schema(value_type = String)]
    customer_id: IdIn<'a>,
    /// False: nothing personal is read.
    consent: Option<bool>,
    attributes: Option<BTreeMap<String, Scalar>>,
}

/// Something that a customer has now.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "a holding object")]
pub struct HoldingIn<'a> {
    #[serde(borrow, alias = "user_id")]
    #[schema(value_type = String)]
    customer_id: IdIn<'a>,
    #[serde(borrow)]
    #[schema(value_type = String)]
    item_id: IdIn<'a>,
    /// RFC 3339.
    #[serde(default, deserialize_with = "time")]
    #[schema(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// RFC 3339; left out: still held.
    #[serde(default, deserialize_with = "time")]
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// The value of an attribute, kept as written.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(untagged, expecting = "a text, a number or a truth value")]
pub(crate) enum Scalar {
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(String),
}

impl ItemIn<'_> {
    pub(crate) fn into_record(self) -> ItemRecord {
        let mut cleared = ClearedFields::default();
        let mut text = |told: Told<TextIn<'_>>, field| {
            told.take(field, &mut cleared).map(|text| text.0.into_owned())
        };
        let title = text(self.title, ItemField::Title);
        let category = text(self.category, ItemField::Category);
        let image_url = text(self.image_url, ItemField::ImageUrl);
        let url = text(self.url, ItemField::Url);
        ItemRecord {
            item_id: self.item_id.0.into_owned(),
            title,
            kind: self.kind,
            category,
            price: self.price.take(ItemField::Price, &mut cleared).map(|amount| amount.0),
            cost: self.cost.take(ItemField::Cost, &mut cleared).map(|amount| amount.0),
            currency: self.currency.take(ItemField::Currency, &mut cleared),
            stock: self.stock.take(ItemField::Stock, &mut cleared),
            hidden: self.hidden,
            variant_of: self.variant_of.map(|id| id.0.into_owned()),
            sensitive: self.sensitive,
            image_url,
            url,
            attributes: attributes_of(self.attributes),
            cleared,
        }
    }
}

impl CustomerIn<'_> {
    pub(crate) fn into_record(self) -> CustomerRecord {
        CustomerRecord {
            customer_id: self.customer_id.0.into_owned(),
            consent: self.consent,
            attributes: attributes_of(self.attributes),
        }
    }
}

impl HoldingIn<'_> {
    pub(crate) fn into_record(self) -> HoldingRecord {
        HoldingRecord {
            customer_id: self.customer_id.0.into_owned(),
            item_id: self.item_id.0.into_owned(),
            since: self.since,
            until: self.until,
        }
    }
}

fn attributes_of(attributes: Option<BTreeMap<String, Scalar>>) -> Vec<(String, String)> {
    let text = |value: Scalar| match value {
        Scalar::Truth(truth) => truth.to_string(),
        Scalar::Whole(number) => number.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text,
    };
    attributes.into_iter().flatten().map(|(name, value)| (name, text(value))).collect()
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ItemKind>, D::Error> {
    let Some(text) = Option::<TextIn<'de>>::deserialize(deserializer)? else { return Ok(None) };
    let names: Vec<&str> = ItemKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let message = || format!("{:?} is no kind; known are {}", &*text, names.join(", "));
    ItemKind::parse(&text).map(Some).ok_or_else(|| de::Error::custom(message()))
}

/// Nothing is sold, or bought in, for less than nothing.
fn not_negative<'de, D: Deserializer<'de>>(d: D) -> Result<Told<AmountIn>, D::Error> {
    let Some(amount) = Option::<AmountIn>::deserialize(d)? else { return Ok(Told::Nothing) };
    if amount.0.is_negative() {
        let message = format!("{} is below 0; give what it costs, or leave it out", amount.0);
        return Err(de::Error::custom(message));
    }
    Ok(Told::This(amount))
}

fn head<'de: 'a, 'a, D: Deserializer<'de>>(d: D) -> Result<Option<IdIn<'a>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an id: a text or a whole number")]
    enum Head<'a> {
        #[serde(borrow)]
        Text(TextIn<'a>),
        Number(i64),
    }
    match Option::<Head<'a>>::deserialize(d)? {
        None => Ok(Some(IdIn("".into()))),
        Some(Head::Number(number)) => Ok(Some(IdIn(number.to_string().into()))),
        Some(Head::Text(text)) if text.trim().is_empty() => Ok(Some(IdIn("".into()))),
        Some(Head::Text(text)) => IdIn::check(text.0).map(Some).map_err(de::Error::custom),
    }
}

fn currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Told<Currency>, D::Error> {
    let text = Option::<TextIn<'de>>::deserialize(deserializer)?;
    let Some(text) = text else { return Ok(Told::Nothing) };
    let message = "a currency is a code of three letters (ISO 4217) such as GBP";
    Currency::parse(&text).map(Told::This).ok_or_else(|| de::Error::custom(message))
}

pub(super) fn time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<TextIn<'de>>::deserialize(deserializer)? else { return Ok(None) };
    let message = "a time is written as RFC 3339, such as 2026-05-17T09:30:00Z, or as a date";
    let midnight = || Timestamp::parse_rfc3339(&format!("{}T00:00:00Z", text.trim()));
    let told = Timestamp::parse_rfc3339(&text).or_else(midnight);
    told.map(Some).ok_or_else(|| de::Error::custom(message))
}
