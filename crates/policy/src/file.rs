//! A TOML file → checked policies, or every fault with its place.

mod bundle;
mod contact;
mod placement;

use self::bundle::BundleIn;
use self::placement::PlacementIn;
use crate::diagnostic::Diagnostic;
use crate::nearest::{did_you_mean, nearest};
use crate::predicate::Predicate;
use crate::set::{Kind, PLACEMENTS, Policy, PolicySet};
use crate::token::Fault;
use crate::typing;
use events::Timestamp;
use hashbrown::HashMap;
use jiff::tz::{AmbiguousOffset, TimeZone};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::value::Datetime;

pub(crate) const MAX_FILE_BYTES: usize = 4 << 20;
/// More are no policy but a catalogue: give items an attribute instead.
pub(crate) const MAX_POLICIES: usize = 2_000;
const MAX_FACTOR: f64 = 1_000.0;
const MAX_POSITION: u64 = 100;
const MAX_NAME_BYTES: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileIn {
    time_zone: Option<Spanned<String>>,
    dismissed_rest_days: Option<Spanned<u64>>,
    #[serde(default)]
    policy: Vec<PolicyIn>,
    #[serde(default)]
    placement: Vec<PlacementIn>,
    #[serde(default)]
    bundle: Vec<BundleIn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyIn {
    name: Spanned<String>,
    kind: Spanned<String>,
    items: Option<Spanned<String>>,
    item_ids: Option<Spanned<Vec<String>>>,
    when: Option<Spanned<String>>,
    placements: Option<Spanned<Vec<Spanned<String>>>>,
    valid_from: Option<Spanned<Datetime>>,
    valid_until: Option<Spanned<Datetime>>,
    owner: Option<String>,
    comment: Option<String>,
    factor: Option<Spanned<f64>>,
    position: Option<Spanned<u64>>,
    at_most: Option<Spanned<u64>>,
    within: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
    #[serde(rename = "for")]
    lasting: Option<Spanned<String>>,
    per: Option<Spanned<String>>,
    counted: Option<Spanned<String>>,
    relations: Option<Spanned<Vec<Spanned<String>>>>,
    channels: Option<Spanned<Vec<Spanned<String>>>>,
}

/// What is gathered while a file is read.
struct Reader<'t> {
    text: &'t str,
    zone: TimeZone,
    found: Vec<Diagnostic>,
}

pub(crate) fn read(text: &str) -> (Option<PolicySet>, Vec<Diagnostic>) {
    if MAX_FILE_BYTES < text.len() {
        let message = format!("the file has {} bytes, the limit is {MAX_FILE_BYTES}", text.len());
        return (None, vec![Diagnostic::error(0..0, message)]);
    }
    let file: FileIn = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return (None, vec![broken(text, &error)]),
    };
    let mut reader = Reader { text, zone: TimeZone::UTC, found: Vec::new() };
    reader.read_zone(file.time_zone.as_ref());
    let dismissed_rest_days = reader.rest_days(file.dismissed_rest_days.as_ref());
    if MAX_POLICIES < file.policy.len() {
        let span = file.policy[MAX_POLICIES].name.span();
        let message = format!("{} policies; the limit is {MAX_POLICIES}", file.policy.len());
        let mend = "give items an attribute, and ask for that in one policy";
        reader.found.push(Diagnostic::error(span, message).mend(mend));
        return (None, reader.found);
    }
    let time_zone = reader.zone.clone();
    let mut set = PolicySet { time_zone, dismissed_rest_days, ..PolicySet::default() };
    for policy in &file.policy {
        set.policies.extend(reader.policy(policy));
    }
    reader.check_names(&file.policy);
    reader.read_placements(&file.placement, &mut set);
    reader.read_bundles(&file.bundle, &mut set);
    crate::review::review_set(&set, &mut reader.found);
    reader.found.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.severity));
    let is_sound = !reader.found.iter().any(Diagnostic::is_error);
    (is_sound.then_some(set), reader.found)
}

/// What the TOML reader says, with the name that was probably meant.
fn broken(text: &str, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or(0..text.len().min(1));
    let message = error.message().trim().to_owned();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let mend = match (message.starts_with("unknown field"), quoted.next()) {
        (true, Some(word)) => did_you_mean(word, quoted).unwrap_or_default(),
        _ => advice(text, span.start, &message).to_owned(),
    };
    Diagnostic::error(span, message.replace('\n', " ")).mend(mend)
}

/// How a value is written that the TOML reader did not expect there.
fn advice(text: &str, at: usize, message: &str) -> &'static str {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or_default();
    let line = text[before.rfind('\n').map_or(0, |end| end + 1)..].lines().next();
    if message.contains("sequence") && line.is_some_and(|line| line.trim().starts_with('[')) {
        return "there may be several: [[policy]], [[placement]], [[bundle]] stand in two brackets";
    }
    // A value may begin lines before: its key is the last that was written.
    let key_of = |line: &str| Some(line.split_once('=')?.0.trim().to_owned());
    let here = line.and_then(key_of);
    let key = here.or_else(|| before.lines().rev().find_map(key_of));
    match key.as_deref() {
        Some("items" | "when") if message.contains("string") => {
            "an expression stands in quotes, with single quotes inside: \
             when = \"item.kind == 'good'\""
        }
        Some("item_ids") => "ids stand in a list and in quotes: item_ids = [\"85123A\", \"22423\"]",
        Some("valid_from" | "valid_until") => {
            "a date stands without quotes: 2026-12-24, or 2026-12-24T18:00:00"
        }
        Some(_) if message.contains("string") => "a text stands in quotes",
        _ => "",
    }
}

impl Reader<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>, mend: impl Into<String>) {
        self.found.push(Diagnostic::error(span, message).mend(mend));
    }

    fn read_zone(&mut self, name: Option<&Spanned<String>>) {
        let Some(name) = name else { return };
        match TimeZone::get(name.get_ref()) {
            Ok(zone) => self.zone = zone,
            Err(_) => {
                let message = format!("there is no time zone {:?}", name.get_ref());
                let mend = "use a name of the IANA database, such as \"Europe/Berlin\"";
                self.error(name.span(), message, mend);
            }
        }
    }

    fn check_names(&mut self, policies: &[PolicyIn]) {
        let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
        for policy in policies {
            let name = policy.name.get_ref().as_str();
            if name.trim().is_empty() || MAX_NAME_BYTES < name.len() {
                let message = format!("a name has 1 to {MAX_NAME_BYTES} bytes");
                self.error(policy.name.span(), message, "answers and records quote it");
            }
            if let Some(first) = seen.insert(name, policy.name.span()) {
                let (line, _) = Diagnostic::error(first, "").place(self.text);
                let message = format!("the name {name:?} is taken by the policy in line {line}");
                self.error(policy.name.span(), message, "answers quote names: give it its own");
            }
        }
    }

    fn policy(&mut self, policy: &PolicyIn) -> Option<Policy> {
        let kind = self.kind(&policy.kind)?;
        let items = self.items_of(policy, kind);
        let when = policy.when.as_ref().and_then(|when| self.condition(when));
        let checked = Policy {
            name: policy.name.get_ref().clone(),
            kind,
            items,
            when,
            pinned_ids: pinned_ids(policy, kind),
            placements: self.placements(policy.placements.as_ref()),
            valid_from: self.time(policy.valid_from.as_ref(), false),
            valid_until: self.time(policy.valid_until.as_ref(), true),
            owner: policy.owner.clone(),
            comment: policy.comment.clone(),
            factor: self.factor(policy, kind),
            position: self.position(policy, kind),
            contact: self.contact(policy, kind),
            span: policy.name.span(),
        };
        self.check_shape(policy, &checked);
        Some(checked)
    }

    fn kind(&mut self, kind: &Spanned<String>) -> Option<Kind> {
        let word = kind.get_ref();
        let found = Kind::parse(word);
        if found.is_none() {
            let names = Kind::ALL.map(Kind::as_str);
            let mend = did_you_mean(word, names)
                .unwrap_or_else(|| format!("there are {}", names.join(", ")));
            self.error(kind.span(), format!("there is no kind {word:?}"), mend);
        }
        found
    }

    /// `items`, `item_ids`, or both.
    fn items_of(&mut self, policy: &PolicyIn, kind: Kind) -> Option<Predicate> {
        let mut parts = Vec::new();
        if let Some(items) = &policy.items {
            parts.extend(self.condition(items));
        }
        if let Some(ids) = &policy.item_ids
            && kind != Kind::Pin
        {
            if ids.get_ref().is_empty() {
                self.error(ids.span(), "the list is empty", "name items, or leave the key out");
            }
            let set = ids.get_ref().iter().map(|id| id.as_str().into()).collect();
            let text = crate::predicate::Text::Field(crate::Field::ItemId);
            parts.push(Predicate::OneOf { text, set: std::sync::Arc::new(set) });
        }
        match parts.len() {
            0 | 1 => parts.pop(),
            _ => Some(Predicate::And(parts)),
        }
    }

    fn condition(&mut self, text: &Spanned<String>) -> Option<Predicate> {
        match typing::condition(text.get_ref()) {
            Ok(predicate) => Some(predicate),
            Err(Fault { span, message, mend }) => {
                let place = self.place_in(text, &span);
                self.error(place, message, mend);
                None
            }
        }
    }

    /// Where a part of an expression stands in the file. With escapes in between only the
    /// beginning can be told.
    fn place_in(&self, text: &Spanned<String>, part: &Range<usize>) -> Range<usize> {
        let whole = text.span();
        let raw = self.text.get(whole.clone()).unwrap_or_default();
        match raw.find(text.get_ref().as_str()) {
            Some(skipped) if !text.get_ref().is_empty() => {
                let from = whole.start + skipped;
                from + part.start..from + part.end
            }
            _ => whole,
        }
    }

    fn placements(&mut self, names: Option<&Spanned<Vec<Spanned<String>>>>) -> u16 {
        let Some(names) = names else { return u16::MAX };
        if names.get_ref().is_empty() {
            let mend = "name placements, or leave the key out for all of them";
            self.error(names.span(), "the list of placements is empty", mend);
        }
        self.bits(names.get_ref(), &PLACEMENTS, "placement")
    }

    fn bits(&mut self, names: &[Spanned<String>], all: &[&str], what: &str) -> u16 {
        let mut bits = 0;
        for name in names {
            match all.iter().position(|known| known == name.get_ref()) {
                Some(at) => bits |= 1 << at,
                None => {
                    let word = name.get_ref();
                    let mend = match nearest(word, all.iter().copied()) {
                        Some(meant) => format!("did you mean \"{meant}\"?"),
                        None => format!("there are {}", all.join(", ")),
                    };
                    self.error(name.span(), format!("there is no {what} {word:?}"), mend);
                }
            }
        }
        bits
    }

    /// A date is the first moment of the day, a time without a zone that of the shop. Of an hour
    /// that comes twice a term has both; one that the clocks leave out is told.
    fn time(&mut self, time: Option<&Spanned<Datetime>>, is_end: bool) -> Option<Timestamp> {
        let time = time?;
        let text = time.get_ref().to_string();
        let mut is_left_out = false;
        let mut read = || -> Option<jiff::Timestamp> {
            if time.get_ref().offset.is_some() {
                return text.parse().ok();
            }
            let civil: jiff::civil::DateTime = match time.get_ref().time {
                Some(_) => text.parse().ok()?,
                None => text.parse::<jiff::civil::Date>().ok()?.into(),
            };
            let of_day = self.zone.to_ambiguous_timestamp(civil);
            let is_gap = matches!(of_day.offset(), AmbiguousOffset::Gap { .. });
            is_left_out = is_gap && time.get_ref().time.is_some();
            let has_hour = time.get_ref().time.is_some();
            match is_end && has_hour && !is_gap {
                true => of_day.later().ok(),
                false => of_day.compatible().ok(),
            }
        };
        // The very last days of the calendar are no moments any more in some time zones: forever.
        let forever = || text.starts_with("9999-12-3").then_some(jiff::Timestamp::MAX);
        let read = read().or_else(forever);
        if read.is_none() {
            let mend = "write a date, 2026-12-24, or a time, 2026-12-24T18:00:00";
            self.error(time.span(), format!("{text} is no date"), mend);
        }
        if is_left_out {
            let message = format!("on that day the clocks leave {text} out");
            // No error: clocks are changed by law, and a file that was sound stays so.
            let mend = "an hour earlier or later, or with an offset: …+01:00";
            self.found.push(Diagnostic::warning(time.span(), message).mend(mend));
        }
        read.map(|time| Timestamp(time.as_microsecond()))
    }

    fn factor(&mut self, policy: &PolicyIn, kind: Kind) -> f32 {
        let (default, span) = match kind {
            Kind::Boost => (2.0, 1.0..MAX_FACTOR),
            Kind::Bury => (0.5, 0.0..1.0),
            _ => return 1.0,
        };
        let Some(factor) = &policy.factor else { return default };
        let value = *factor.get_ref();
        if !(span.start < value && value < span.end) {
            let message =
                format!("a {} factor lies between {} and {}", kind.as_str(), span.start, span.end);
            let mend = match kind {
                Kind::Bury => "to leave items out altogether use `exclude`",
                _ => "to set an item at a place use `pin`",
            };
            self.error(factor.span(), message, mend);
        }
        value as f32
    }

    fn position(&mut self, policy: &PolicyIn, kind: Kind) -> usize {
        let Some(position) = &policy.position else { return usize::from(kind == Kind::Pin) };
        let value = *position.get_ref();
        if value == 0 || MAX_POSITION < value {
            let message = format!("a position lies between 1 and {MAX_POSITION}");
            self.error(position.span(), message, "1 is the first place");
        }
        value as usize
    }

    /// Keys that must be there, and keys that do nothing.
    fn check_shape(&mut self, policy: &PolicyIn, checked: &Policy) {
        let kind = checked.kind;
        let name = policy.name.span();
        let has_items = policy.items.is_some() || policy.item_ids.is_some();
        if kind.is_demand() && policy.when.is_none() {
            let message = format!("`when` is missing: what must hold for {}?", kind.as_str());
            self.error(name.clone(), message, "when = \"customer.age >= 18\"");
        }
        if kind == Kind::Pin && policy.item_ids.as_ref().is_none_or(|ids| ids.get_ref().is_empty())
        {
            let mend = "item_ids = [\"A\"]; of several, the first that may be offered is";
            self.error(name.clone(), "a pin names its items in `item_ids`", mend);
        }
        if matches!(kind, Kind::Boost | Kind::Bury | Kind::Include) && !has_items {
            let message = format!("`items` is missing: what does it {}?", kind.as_str());
            self.error(name.clone(), message, "items = \"item.category under 'Home'\"");
        }
        if matches!(kind, Kind::Exclude | Kind::Hide) && !has_items && policy.when.is_none() {
            let message = format!("this would {} everything, always", kind.as_str());
            self.error(name, message, "say what in `items`, or when in `when`");
        }
        for (key, span, is_used) in [
            (
                "factor",
                policy.factor.as_ref().map(Spanned::span),
                kind == Kind::Boost || kind == Kind::Bury,
            ),
            ("position", policy.position.as_ref().map(Spanned::span), kind == Kind::Pin),
            ("items", policy.items.as_ref().map(Spanned::span), kind != Kind::Pin),
        ] {
            if let (Some(span), false) = (span, is_used) {
                self.means_nothing(key, span, kind);
            }
        }
        self.check_sides(policy, checked);
    }

    fn means_nothing(&mut self, key: &str, span: Range<usize>, kind: Kind) {
        let message = format!("`{key}` means nothing for {}", kind.as_str());
        self.error(span, message, "leave it out, or choose another kind");
    }

    fn check_sides(&mut self, policy: &PolicyIn, checked: &Policy) {
        if let (Some(text), Some(items)) = (&policy.items, &checked.items)
            && items.scope().request
        {
            let mend = "`items` chooses items by themselves: move this into `when`";
            self.error(text.span(), "`items` asks about the request", mend);
        }
        if let (Some(text), Some(when)) = (&policy.when, &checked.when)
            && when.scope().item
            && (checked.kind.is_contact() || matches!(checked.kind, Kind::Include | Kind::Pin))
        {
            let message = format!("`when` of {} asks about items", checked.kind.as_str());
            self.error(text.span(), message, "say in `items` or `item_ids` which items are meant");
        }
        if let (Some(from), Some(until)) = (checked.valid_from, checked.valid_until)
            && until <= from
        {
            let span = policy.valid_until.as_ref().map_or(0..0, Spanned::span);
            self.error(
                span,
                "it ends before it begins",
                "`valid_until` is the first moment without",
            );
        }
    }
}

fn pinned_ids(policy: &PolicyIn, kind: Kind) -> Vec<Box<str>> {
    match (&policy.item_ids, kind) {
        (Some(ids), Kind::Pin) => ids.get_ref().iter().map(|id| id.as_str().into()).collect(),
        _ => Vec::new(),
    }
}
#[cfg(test)]
mod tests;
