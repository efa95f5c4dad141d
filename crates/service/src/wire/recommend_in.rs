//! What `POST /v1/recommend` and `:batch` take.

use super::{AmountIn, IdIn, TextIn};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Slates on one page.
pub(crate) const MAX_PLACEMENTS: usize = 10;

/// Which offers, here and now? All fields but the placement may be left out.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "a request object")]
pub struct RecommendRequest<'a> {
    /// Where the offers appear.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "cart")]
    pub(crate) placement: Option<TextIn<'a>>,
    /// Several slates of one page; no item comes twice.
    #[serde(borrow)]
    #[schema(value_type = Option<Vec<String>>)]
    pub(crate) placements: Option<Vec<TextIn<'a>>>,
    /// Requests with the same page and session do not repeat each other for a minute.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) page_id: Option<IdIn<'a>>,
    /// The customer; also `customer_id`.
    #[serde(borrow, alias = "customer_id")]
    #[schema(value_type = Option<String>)]
    pub(crate) user_id: Option<IdIn<'a>>,
    /// Proof of `user_id` when asked with a public key: `EXPIRES.HMAC`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) user_token: Option<TextIn<'a>>,
    /// The visit; also `visitor_id`.
    #[serde(borrow, alias = "visitor_id")]
    #[schema(value_type = Option<String>)]
    pub(crate) session_id: Option<IdIn<'a>>,
    /// What the page is about.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, example = json!(["85123A"]))]
    pub(crate) item_ids: Option<Vec<IdIn<'a>>>,
    /// What is in the cart: lines, or bare item ids. Left out: the cart of the session, as the
    /// events tell it.
    #[serde(borrow)]
    pub(crate) cart: Option<Vec<CartEntryIn<'a>>>,
    /// How many offers; also `limit`, `n`, `num_results`. Left out: what the placement wants.
    #[serde(alias = "limit", alias = "n", alias = "num_results")]
    pub(crate) count: Option<u64>,
    #[serde(borrow)]
    pub(crate) filter: Option<FilterIn<'a>>,
    /// Never offered in this answer.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>)]
    pub(crate) exclude_item_ids: Option<Vec<IdIn<'a>>>,
    /// Shop, branch or restaurant.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) location_id: Option<IdIn<'a>>,
    /// What else is known; `category` is used, `locale` (`de-AT`) says in which language reasons
    /// are told, policies may ask for `channel` and `locale`, other
    /// fields are welcome.
    #[serde(borrow)]
    pub(crate) context: Option<ContextIn<'a>>,
    /// Tell how the answer came about.
    pub(crate) explain: Option<bool>,
}

#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "an object")]
pub(crate) struct ContextIn<'a> {
    /// The category that the page is about, as in the catalog: levels joined by ` > `.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) category: Option<TextIn<'a>>,
    /// `web`, `app`, `store`… as your policies name it.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) channel: Option<TextIn<'a>>,
    /// `de-CH`… as your policies name it.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    pub(crate) locale: Option<TextIn<'a>>,
}

/// Limits on what may be offered.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "an object")]
pub struct FilterIn<'a> {
    /// In or below one of these.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>)]
    pub(crate) categories: Option<Vec<TextIn<'a>>>,
    #[schema(value_type = Option<f64>)]
    pub(crate) price_min: Option<AmountIn>,
    #[schema(value_type = Option<f64>)]
    pub(crate) price_max: Option<AmountIn>,
    /// Only offers that stand to the context in one of these ways: `complement, upgrade,
    /// substitute, bundle, attach, replenish, next_product`.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>)]
    pub(crate) relations: Option<Vec<TextIn<'a>>>,
}

/// One line of the cart.
#[derive(Debug, PartialEq, utoipa::ToSchema)]
pub struct CartEntryIn<'a> {
    #[schema(value_type = String)]
    pub(crate) item_id: IdIn<'a>,
    /// Left out: 1.
    #[schema(value_type = Option<f64>)]
    pub(crate) quantity: Option<AmountIn>,
    /// Of one unit.
    #[schema(value_type = Option<f64>)]
    pub(crate) price: Option<AmountIn>,
}

/// Many questions at once, for e-mail and overnight runs.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "an object with `requests`")]
pub struct BatchRequest<'a> {
    #[serde(borrow)]
    pub(crate) requests: Vec<RecommendRequest<'a>>,
}

/// The same with its requests unread: one that cannot be read does not take the others with it.
#[derive(Deserialize)]
#[serde(expecting = "an object with `requests`")]
pub(crate) struct UnreadBatch<'a> {
    #[serde(borrow)]
    pub(crate) requests: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum CartField {
    #[serde(alias = "product_id", alias = "id")]
    ItemId,
    #[serde(alias = "qty")]
    Quantity,
    #[serde(alias = "unit_price")]
    Price,
    #[serde(other)]
    Other,
}

struct CartEntryVisitor;

impl<'de> Visitor<'de> for CartEntryVisitor {
    type Value = CartEntryIn<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cart line {item_id, quantity, price} or an item id")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<CartEntryIn<'de>, E> {
        bare(IdIn::check(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<CartEntryIn<'de>, E> {
        bare(IdIn::check(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<CartEntryIn<'de>, E> {
        bare(Ok(IdIn(Cow::Owned(number.to_string()))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CartEntryIn<'de>, A::Error> {
        let (mut item_id, mut quantity, mut price) = (None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                CartField::ItemId => item_id = Some(map.next_value()?),
                CartField::Quantity => quantity = map.next_value()?,
                CartField::Price => price = map.next_value()?,
                CartField::Other => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        let item_id = item_id.ok_or_else(|| de::Error::missing_field("item_id"))?;
        Ok(CartEntryIn { item_id, quantity, price })
    }
}

fn bare<E: de::Error>(item_id: Result<IdIn<'_>, String>) -> Result<CartEntryIn<'_>, E> {
    Ok(CartEntryIn { item_id: item_id.map_err(E::custom)?, quantity: None, price: None })
}

impl<'de: 'a, 'a> Deserialize<'de> for CartEntryIn<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<CartEntryIn<'a>, D::Error> {
        deserializer.deserialize_any(CartEntryVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parse_body;

    #[test]
    fn aliases_that_users_of_peers_expect() {
        for name in ["count", "limit", "n", "num_results"] {
            let body = format!("{{\"{name}\":3,\"visitor_id\":\"v\"}}");
            let parsed = parse_body::<RecommendRequest<'_>>(body.as_bytes()).unwrap();
            assert_eq!(parsed.value.count, Some(3), "{name}");
            assert_eq!(parsed.value.session_id.as_deref(), Some("v"));
            assert!(parsed.unknown_fields.is_empty());
        }
    }

    #[test]
    fn a_cart_of_lines_ids_and_numbers() {
        let body = br#"{"cart":["A",7,{"item_id":"B","quantity":2.5,"price":"1.20"},{"id":"C"}]}"#;
        let cart = parse_body::<RecommendRequest<'_>>(body).unwrap().value.cart.unwrap();
        let shown: Vec<String> = cart
            .iter()
            .map(|line| {
                let quantity = line.quantity.map_or("-".to_owned(), |q| q.0.to_string());
                let price = line.price.map_or("-".to_owned(), |p| p.0.to_string());
                format!("{} {quantity} {price}", &*line.item_id)
            })
            .collect();
        assert_eq!(shown, ["A - -", "7 - -", "B 2.5 1.2", "C - -"]);
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let body = br#"{"cart":null,"count":null,"filter":null,"item_ids":null,"explain":null}"#;
        let request = parse_body::<RecommendRequest<'_>>(body).unwrap().value;
        assert!(request.cart.is_none() && request.count.is_none() && request.filter.is_none());
    }
}
