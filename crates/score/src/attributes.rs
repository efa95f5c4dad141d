//! Attributes of an item: names and values, as the shop tells them.

use events::plan::{BENEFIT, PLAN_ATTRIBUTES, is_benefit};

/// Name and value, as written.
pub(crate) type Attribute = (Box<str>, Box<str>);

/// Those that decisions read themselves.
pub(crate) fn is_read(name: &str) -> bool {
    PLAN_ATTRIBUTES.contains(&name) || is_benefit(name)
}

pub(crate) fn find_attribute<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
}

pub(crate) fn set_attribute(attributes: &mut Vec<Attribute>, name: &str, value: &str) {
    attributes.retain(|(known, _)| **known != *name);
    attributes.push((name.into(), value.into()));
}

/// What whoever takes the item has of it, in a language if it is told in that one.
pub(crate) fn benefit_in<'a>(told: &'a [Attribute], language: &str) -> Option<&'a str> {
    let in_language = |wanted: &str| {
        let is_it = |name: &str| {
            let rest = name.strip_prefix(BENEFIT).and_then(|rest| rest.strip_prefix('.'));
            rest == Some(wanted)
        };
        told.iter().find(|(name, _)| is_it(name)).map(|(_, text)| &**text)
    };
    let primary = language.split('-').next().unwrap_or(language);
    in_language(language)
        .or_else(|| in_language(primary))
        .or_else(|| find_attribute(told, BENEFIT))
        .filter(|text| !text.trim().is_empty())
}
