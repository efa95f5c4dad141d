//! Texts and ids of a request, borrowed from the body where they hold no escapes.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Longer ids are refused: no shop has them, and each is kept in memory.
pub(crate) const MAX_ID_BYTES: usize = 1_024;

/// Any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextIn<'a>(pub(crate) Cow<'a, str>);

/// The id of an item, customer or session. A whole number is read as its digits: many shops number
/// their items and send JSON numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdIn<'a>(pub(crate) Cow<'a, str>);

impl std::ops::Deref for TextIn<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for IdIn<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> IdIn<'a> {
    pub(crate) fn check(text: Cow<'a, str>) -> Result<IdIn<'a>, String> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err("an id must not be empty".to_owned());
        }
        if trimmed.len() > MAX_ID_BYTES {
            return Err(format!("an id may have at most {MAX_ID_BYTES} bytes"));
        }
        if trimmed.len() == text.len() {
            return Ok(IdIn(text));
        }
        Ok(IdIn(Cow::Owned(trimmed.to_owned())))
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = TextIn<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<TextIn<'de>, E> {
        Ok(TextIn(Cow::Borrowed(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TextIn<'de>, E> {
        Ok(TextIn(Cow::Owned(text.to_owned())))
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = IdIn<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a text or a whole number")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<IdIn<'de>, E> {
        IdIn::check(Cow::Borrowed(text)).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<IdIn<'de>, E> {
        IdIn::check(Cow::Owned(text.to_owned())).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<IdIn<'de>, E> {
        Ok(IdIn(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<IdIn<'de>, E> {
        Ok(IdIn(Cow::Owned(number.to_string())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for TextIn<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextIn<'a>, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for IdIn<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IdIn<'a>, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Result<&str, &str>) {
        let got = serde_json::from_str::<IdIn<'_>>(json);
        match (got, expected) {
            (Ok(id), Ok(text)) => assert_eq!(&*id, text),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error} lacks {part:?}");
            }
            (got, expected) => panic!("{json}: {got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn ids_as_shops_send_them() {
        check(r#""85123A""#, Ok("85123A"));
        check("22423", Ok("22423"));
        check("-7", Ok("-7"));
        check(r#""  a b \"☃️\" ""#, Ok("a b \"☃️\""));
        check(r#""  ""#, Err("must not be empty"));
        check("1.5", Err("expected an id"));
        check("[]", Err("expected an id"));
        check(&format!("\"{}\"", "x".repeat(1_025)), Err("at most 1024 bytes"));
    }

    #[test]
    fn a_plain_text_is_borrowed() {
        let id: IdIn<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(id.0, Cow::Borrowed(_)));
    }
}
