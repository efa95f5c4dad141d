//! What `/v1/relations` takes.

use super::catalog_in::time;
use super::{IdIn, TextIn};
use events::{Relation, RelationRecord, Timestamp};
use serde::Deserialize;
use serde::de::{self, Deserializer};

/// How one item stands to another.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(expecting = "a relation object")]
pub struct RelationIn<'a> {
    /// The anchor: what is looked at, or in the cart.
    #[serde(borrow, alias = "from_item_id")]
    #[schema(value_type = String)]
    from_item: IdIn<'a>,
    /// What stands to it.
    #[serde(borrow, alias = "to_item_id")]
    #[schema(value_type = String)]
    to_item: IdIn<'a>,
    /// `complement, upgrade, substitute, bundle, attach, replenish, next_product`; `none` withdraws
    /// what was declared of the pair.
    #[serde(deserialize_with = "relation")]
    #[schema(value_type = String)]
    relation: Option<Relation>,
    /// Who says so; left out: `api`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    source: Option<TextIn<'a>>,
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    note: Option<TextIn<'a>>,
    /// RFC 3339, or a date: its first moment in UTC.
    #[serde(default, deserialize_with = "time")]
    #[schema(value_type = Option<String>)]
    valid_from: Option<Timestamp>,
    /// The same; the first moment without it.
    #[serde(default, deserialize_with = "time")]
    #[schema(value_type = Option<String>)]
    valid_until: Option<Timestamp>,
}

impl RelationIn<'_> {
    pub(crate) fn into_record(self) -> RelationRecord {
        let text = |text: TextIn<'_>| text.0.chars().take(MAX_TEXT_CHARS).collect::<String>();
        RelationRecord {
            from_item_id: self.from_item.0.into_owned(),
            to_item_id: self.to_item.0.into_owned(),
            relation: self.relation,
            source: self.source.map_or_else(|| "api".to_owned(), text),
            note: self.note.map(text),
            valid_from: self.valid_from,
            valid_until: self.valid_until,
        }
    }

    /// Does it end before it begins?
    pub(crate) fn is_empty_window(&self) -> bool {
        self.valid_from.zip(self.valid_until).is_some_and(|(from, until)| until <= from)
    }
}

const MAX_TEXT_CHARS: usize = 1_000;

fn relation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Relation>, D::Error> {
    let text = TextIn::deserialize(deserializer)?;
    if text.trim().eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let names = Relation::ALL.map(Relation::as_str).join(", ");
    let message = || format!("{:?} is no relation; known are {names}, and none", &*text);
    Relation::parse(&text).map(Some).ok_or_else(|| de::Error::custom(message()))
}
