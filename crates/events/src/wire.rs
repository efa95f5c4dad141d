//! One live event as JSON, by the names of GA4 and, as aliases, of Segment and Google Retail.
//!
//! Fields that nobody knows are named in warnings and otherwise ignored: a misspelt `quantity`
//! should be found by who sends it, not lose the event.

mod visibility;

use serde_json::{Map, Value};

use crate::event::{Event, EventKind, EventLine, is_answer};
use crate::import::{FieldText, is_without_zone, read_json_amount, read_json_time};
use crate::{Amount, Currency, Timestamp};
use visibility::Visibility;

/// Why a JSON value is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventFault {
    #[error("an event is a JSON object")]
    NotAnObject,
    #[error("{field} is missing")]
    Missing { field: &'static str },
    #[error("{found:?} is no event; the events are {}", known_events())]
    UnknownEvent { found: String },
    #[error("{field} is {found}; expected {expected}")]
    BadValue { field: &'static str, found: String, expected: &'static str },
    #[error("{field} has {n_bytes} bytes; at most 1024 are kept")]
    TooLong { field: &'static str, n_bytes: usize },
}

fn known_events() -> String {
    EventKind::ALL.map(EventKind::as_str).join(", ")
}

/// Reads an event; `now` is its time where it has none of its own. The second part of the answer
/// are warnings for the sender.
pub fn event_from_json(value: &Value, now: Timestamp) -> Result<(Event, Vec<String>), EventFault> {
    read_event(value, Some(now))
}

/// Without a clock an event must have a time of its own.
pub(crate) fn read_event(
    value: &Value,
    now: Option<Timestamp>,
) -> Result<(Event, Vec<String>), EventFault> {
    let mut draft = Draft::default();
    draft.read_object(value.as_object().ok_or(EventFault::NotAnObject)?, "")?;
    draft.finish(value, now)
}

/// An event half read.
#[derive(Default)]
struct Draft {
    event_id: Option<String>,
    /// Names found, with the rank of the field that held them: `event_name` goes before `type`.
    names: Vec<(u8, String)>,
    at: Option<Timestamp>,
    customer_id: Option<(u8, String)>,
    session_id: Option<String>,
    order_id: Option<String>,
    source: Option<String>,
    currency: Option<Currency>,
    location_id: Option<String>,
    recommendation_id: Option<String>,
    visibility: Visibility,
    single: LineDraft,
    lines: Vec<EventLine>,
    warnings: Vec<String>,
}

#[derive(Default)]
struct LineDraft {
    item_id: Option<String>,
    quantity: Option<Amount>,
    unit_price: Option<Amount>,
    origin: Option<String>,
    /// The answer that the line came from, which says more than the name of a list.
    answer: Option<String>,
}

fn squeeze(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Draft {
    fn read_object(
        &mut self,
        members: &Map<String, Value>,
        within: &str,
    ) -> Result<(), EventFault> {
        for (key, value) in members {
            if value.is_null() {
                continue;
            }
            let squeezed = squeeze(key);
            match squeezed.as_str() {
                // Containers of Segment, GA4 and Google Retail.
                "properties" | "ecommerce" | "params" | "purchasetransaction" | "context"
                    if value.is_object() =>
                {
                    let inner = value.as_object().expect("checked in the guard");
                    self.read_object(inner, &squeezed)?;
                }
                "items" | "lines" | "lineitems" | "products" | "productdetails" => {
                    self.read_lines(value)?;
                }
                name if self.read_identity(name, value, within)? => {}
                name if self.visibility.read(name, value)? => {}
                name if self.single.read(name, value)? => {}
                // A total is the sum of the lines; what else a context holds is no concern.
                "value" | "revenue" | "total" | "tax" | "shipping" | "userinfo" => {}
                _ if within == "context" => {}
                _ => self.warnings.push(format!("unknown field {key:?} is ignored")),
            }
        }
        Ok(())
    }

    /// Fields of the event as a whole; true when the name is one of them.
    fn read_identity(
        &mut self,
        name: &str,
        value: &Value,
        within: &str,
    ) -> Result<bool, EventFault> {
        match name {
            "eventid" | "messageid" | "insertid" => self.event_id = id("event_id", value)?,
            "eventname" => self.add_name(0, value),
            "event" => self.add_name(1, value),
            "eventtype" => self.add_name(2, value),
            "type" | "name" | "action" if within.is_empty() => self.add_name(3, value),
            "timestamp" | "eventtimestamp" | "eventtime" | "originaltimestamp" | "ts" | "time" => {
                self.at = Some(read_json_time(value).ok_or_else(|| EventFault::BadValue {
                    field: "timestamp",
                    found: FieldText(value).to_string(),
                    expected: "RFC 3339, such as 2026-01-31T12:00:00Z, or a Unix time",
                })?);
                if is_without_zone(value) {
                    self.warnings.push(format!(
                        "timestamp {:?} names no time zone and is taken as UTC; write it like \
                         2026-01-31T12:00:00Z or 2026-01-31T13:00:00+01:00",
                        FieldText(value).to_string()
                    ));
                }
            }
            "customerid" => self.add_customer(0, value)?,
            "userid" => self.add_customer(1, value)?,
            "userpseudoid" => self.add_customer(2, value)?,
            "sessionid" | "visitorid" | "anonymousid" | "gasessionid" => {
                self.session_id = id("session_id", value)?;
            }
            "orderid" | "transactionid" => self.order_id = id("order_id", value)?,
            "id" if within == "purchasetransaction" => self.order_id = id("order_id", value)?,
            "source" => self.source = id("source", value)?,
            "currency" | "currencycode" => {
                let currency = value.as_str().and_then(Currency::parse);
                self.currency = Some(currency.ok_or_else(|| EventFault::BadValue {
                    field: "currency",
                    found: FieldText(value).to_string(),
                    expected: "three letters, such as GBP",
                })?);
            }
            "locationid" | "storeid" => self.location_id = id("location_id", value)?,
            "recommendationid" | "attributiontoken" => {
                self.recommendation_id = id("recommendation_id", value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn add_name(&mut self, rank: u8, value: &Value) {
        self.names.push((rank, FieldText(value).to_string()));
    }

    fn add_customer(&mut self, rank: u8, value: &Value) -> Result<(), EventFault> {
        if let Some(id) = id("customer_id", value)?
            && self.customer_id.as_ref().is_none_or(|known| rank < known.0)
        {
            self.customer_id = Some((rank, id));
        }
        Ok(())
    }

    fn read_lines(&mut self, value: &Value) -> Result<(), EventFault> {
        let expected = "a list of {item_id, quantity, price}";
        let bad = |value: &Value| EventFault::BadValue {
            field: "items",
            found: FieldText(value).to_string(),
            expected,
        };
        for line in value.as_array().ok_or_else(|| bad(value))? {
            let mut draft = LineDraft::default();
            match line {
                Value::Object(members) => {
                    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                        self.read_line_member(&mut draft, key, value)?;
                    }
                }
                Value::String(_) | Value::Number(_) => draft.item_id = id("item_id", line)?,
                _ => return Err(bad(line)),
            }
            self.lines.push(draft.finish()?.ok_or(EventFault::Missing { field: "item_id" })?);
        }
        Ok(())
    }

    fn read_line_member(
        &mut self,
        draft: &mut LineDraft,
        key: &str,
        value: &Value,
    ) -> Result<(), EventFault> {
        let squeezed = squeeze(key);
        let known = match (squeezed.as_str(), value) {
            // Google Retail: {"product": {"id": …}, "quantity": …}
            ("product", Value::Object(product)) => {
                let item_id = product.get("id").unwrap_or(&Value::Null);
                draft.item_id = id("item_id", item_id)?;
                true
            }
            ("id", _) => {
                draft.item_id = id("item_id", value)?;
                true
            }
            (name, _) => draft.read(name, value)?,
        };
        let is_text = squeezed.starts_with("item")
            || [
                "name",
                "title",
                "index",
                "brand",
                "category",
                "variant",
                "coupon",
                "discount",
                "position",
                "affiliation",
            ]
            .contains(&squeezed.as_str());
        if !known && !is_text {
            self.warnings.push(format!("unknown field {key:?} of an item is ignored"));
        }
        Ok(())
    }

    fn kind(&self) -> Result<EventKind, EventFault> {
        let mut names: Vec<&(u8, String)> = self.names.iter().collect();
        names.sort();
        let known = names.iter().find_map(|(_, name)| EventKind::from_alias(name));
        match (known, names.first()) {
            (Some(kind), _) => Ok(kind),
            (None, Some((_, found))) => Err(EventFault::UnknownEvent { found: found.clone() }),
            (None, None) => Err(EventFault::Missing { field: "event_name" }),
        }
    }

    fn finish(
        mut self,
        value: &Value,
        now: Option<Timestamp>,
    ) -> Result<(Event, Vec<String>), EventFault> {
        let kind = self.visibility.kind_of(self.kind()?, &mut self.warnings);
        let at = self.at.or(now).ok_or(EventFault::Missing { field: "timestamp" })?;
        let single = std::mem::take(&mut self.single);
        self.tell_list(kind, single.origin.clone());
        if let Some(line) = single.finish()? {
            self.lines.push(line);
        }
        self.check(kind)?;
        let event_id = self.event_id.unwrap_or_else(|| {
            let warning = "no event_id: the same event sent again counts again unless it has the \
                           same content and timestamp";
            self.warnings.push(warning.to_owned());
            derived_id(&format!("{value}@{}", at.0))
        });
        let event = Event {
            event_id,
            kind,
            at,
            customer_id: self.customer_id.map(|(_, id)| id),
            session_id: self.session_id,
            order_id: self.order_id,
            source: self.source.unwrap_or_else(|| crate::DEFAULT_SOURCE.to_owned()),
            currency: self.currency,
            location_id: self.location_id,
            recommendation_id: self.recommendation_id,
            lines: self.lines,
            confirmed: true,
        };
        Ok((event, self.warnings))
    }

    /// The list of the event as a whole: an answer is that of the event, which counts for the items
    /// that it held; any other list is that of the lines without one of their own.
    fn tell_list(&mut self, kind: EventKind, list: Option<String>) {
        let Some(list) =
            list.filter(|_| matches!(kind, EventKind::Purchase | EventKind::AddToCart))
        else {
            return;
        };
        if self.recommendation_id.is_some() {
            return;
        }
        if is_answer(&list) {
            self.recommendation_id = Some(list);
            return;
        }
        for line in self.lines.iter_mut().filter(|line| line.origin.is_none()) {
            line.origin = Some(list.clone());
        }
    }

    /// What an event of this kind is nothing without.
    fn check(&self, kind: EventKind) -> Result<(), EventFault> {
        use EventKind::*;
        let needs_item = matches!(kind, ViewItem | AddToCart | RemoveFromCart | Purchase);
        if needs_item && self.lines.is_empty() {
            return Err(EventFault::Missing { field: "item_id" });
        }
        if matches!(kind, Purchase | Refund) && self.order_id.is_none() {
            return Err(EventFault::Missing { field: "order_id" });
        }
        let is_offer = matches!(
            kind,
            RecommendationImpression
                | RecommendationView
                | RecommendationClick
                | RecommendationDismiss
        );
        if is_offer && self.recommendation_id.is_none() {
            return Err(EventFault::Missing { field: "recommendation_id" });
        }
        Ok(())
    }
}

impl LineDraft {
    fn read(&mut self, name: &str, value: &Value) -> Result<bool, EventFault> {
        let amount = |field| {
            read_json_amount(value).ok_or_else(|| EventFault::BadValue {
                field,
                found: FieldText(value).to_string(),
                expected: "a number below 10^9 with at most six decimals",
            })
        };
        match name {
            "itemid" | "productid" | "sku" => self.item_id = id("item_id", value)?,
            "quantity" | "qty" => {
                let quantity = amount("quantity")?;
                if quantity <= Amount::ZERO {
                    return Err(EventFault::BadValue {
                        field: "quantity",
                        found: FieldText(value).to_string(),
                        expected: "more than zero",
                    });
                }
                self.quantity = Some(quantity);
            }
            "price" | "unitprice" => self.unit_price = Some(amount("price")?),
            "itemlistid" | "origin" => self.origin = id("item_list_id", value)?,
            "recommendationid" | "attributiontoken" => {
                self.answer = id("recommendation_id", value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Result<Option<EventLine>, EventFault> {
        let Some(item_id) = self.item_id else { return Ok(None) };
        Ok(Some(EventLine {
            item_id,
            quantity: self.quantity.unwrap_or(Amount::ONE),
            unit_price: self.unit_price,
            origin: self.answer.or(self.origin),
        }))
    }
}

/// The same content gives the same id.
pub(crate) fn derived_id(content: &str) -> String {
    format!("x{:032x}", xxhash_rust::xxh3::xxh3_128(content.as_bytes()))
}

/// What Google Analytics writes for nothing.
const NOT_SET: [&str; 2] = ["(not set)", "(none)"];

/// Text or number as an id; empty text is none.
fn id(field: &'static str, value: &Value) -> Result<Option<String>, EventFault> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(_) => FieldText(value).to_string(),
        _ => {
            let found = FieldText(value).to_string();
            return Err(EventFault::BadValue { field, found, expected: "text or a number" });
        }
    };
    match text.len() {
        0 => Ok(None),
        _ if NOT_SET.contains(&text.as_str()) => Ok(None),
        n_bytes if n_bytes > 1024 => Err(EventFault::TooLong { field, n_bytes }),
        _ => Ok(Some(text)),
    }
}

#[cfg(test)]
mod tests;
