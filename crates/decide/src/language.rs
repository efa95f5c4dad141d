//! The sentences of reasons, by language: files of templates, read once, written without
//! allocating.
//!
//! A template is plain text with values in braces: `{n_both}` is a number or a name,
//! `{n_anchor:order|orders}` one of two words by that number. A file that lacks a sentence, or has
//! one too many, is refused with the name: half a language is worse than another one.

use std::fmt;
use std::sync::LazyLock;

/// What a sentence may tell; every number stands in the evidence beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    NBoth,
    NAnchor,
    NItem,
    NOrders,
    Lift,
    /// Title of the item of the request that speaks for the offer.
    Anchor,
    Category,
    /// Title of the item that the offer replaces, covers, or was declared for.
    About,
    /// Units that a plan would cover.
    NUnits,
    /// How long it does, in the shop's words.
    Term,
    /// What it costs more or less than the other, with its currency.
    Amount,
    /// Orders of the customer with the item, and all of theirs.
    NBought,
    NOwnOrders,
    /// Days from buying to buying, and since the last.
    EveryDays,
    LastDays,
    /// What the items of a bundle cost together and by themselves, and how much less that is.
    Together,
    Sum,
    Saving,
}

const VALUES: [(&str, Value); 18] = [
    ("n_both", Value::NBoth),
    ("n_anchor", Value::NAnchor),
    ("n_item", Value::NItem),
    ("n_orders", Value::NOrders),
    ("lift", Value::Lift),
    ("anchor", Value::Anchor),
    ("category", Value::Category),
    ("about", Value::About),
    ("n_units", Value::NUnits),
    ("term", Value::Term),
    ("amount", Value::Amount),
    ("n_bought", Value::NBought),
    ("n_own_orders", Value::NOwnOrders),
    ("every_days", Value::EveryDays),
    ("last_days", Value::LastDays),
    ("together", Value::Together),
    ("sum", Value::Sum),
    ("saving", Value::Saving),
];

const PAIR: &[Value] = &[Value::NBoth, Value::NAnchor, Value::Lift, Value::Anchor];
const SALES: &[Value] = &[Value::NItem, Value::NOrders];
const SALES_IN: &[Value] = &[Value::NItem, Value::NOrders, Value::Category];
const ABOUT: &[Value] = &[Value::About];
const OWN: &[Value] = &[Value::NBought, Value::NOwnOrders];
const RHYTHM: &[Value] = &[Value::NBought, Value::NOwnOrders, Value::EveryDays, Value::LastDays];
const NOTHING: &[Value] = &[];

macro_rules! sentences {
    ($($name:ident = $text:literal, $values:expr;)*) => {
        /// The sentences of a language; `Bare` ones have no numbers to tell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Sentence { $($name,)* }

        /// Name in the file, and what is known where the sentence is used.
        const SENTENCES: [(&str, &[Value]); N_SENTENCES] = [$(($text, $values),)*];
        const N_SENTENCES: usize = [$(Sentence::$name),*].len();
    };
}

sentences! {
    BoughtTogether = "bought_together", PAIR;
    BoughtTogetherBare = "bought_together_bare", NOTHING;
    CompletesCart = "completes_cart", PAIR;
    CompletesCartBare = "completes_cart_bare", NOTHING;
    ForYou = "for_you", PAIR;
    ForYouBare = "for_you_bare", NOTHING;
    SimilarContent = "similar_content", PAIR;
    SimilarContentBare = "similar_content_bare", NOTHING;
    SeenNext = "seen_next", NOTHING;
    PopularInCategory = "popular_in_category", SALES_IN;
    PopularInCategoryBare = "popular_in_category_bare", &[Value::Category];
    Popular = "popular", SALES;
    PopularBare = "popular_bare", NOTHING;
    Chosen = "chosen", NOTHING;
    Declared = "declared", ABOUT;
    Covers = "covers", ABOUT;
    CoversTerm = "covers_term", &[Value::About, Value::Term];
    CoversUnits = "covers_units", &[Value::About, Value::NUnits];
    CoversUnitsTerm = "covers_units_term", &[Value::About, Value::NUnits, Value::Term];
    Instead = "instead", ABOUT;
    InsteadMore = "instead_more", &[Value::About, Value::Amount];
    InsteadLess = "instead_less", &[Value::About, Value::Amount];
    Brief = "brief", PAIR;
    BoughtBefore = "bought_before", OWN;
    BoughtBeforeBare = "bought_before_bare", NOTHING;
    DueAgain = "due_again", RHYTHM;
    Bundle = "bundle", &[Value::Together, Value::Sum, Value::Saving];
}

/// Sentences that came later: a file from before takes another one of its own in their place.
const LATER: [(&str, &str); 4] = [
    ("bundle", "chosen"),
    ("bought_before", "bought_before_bare"),
    ("due_again", "bought_before"),
    ("bought_before_bare", "for_you_bare"),
];

/// A piece of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(Box<str>),
    Value(Value),
    /// The first word for one, the second for any other number.
    ByNumber(Value, Box<str>, Box<str>),
}

/// All sentences of one language, and how it writes numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Language {
    tag: Box<str>,
    pub(crate) thousands: Box<str>,
    pub(crate) decimal: Box<str>,
    sentences: Box<[Vec<Part>]>,
}

/// Why a file is no language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageFault(String);

impl fmt::Display for LanguageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LanguageFault {}

fn fault<T>(text: impl Into<String>) -> Result<T, LanguageFault> {
    Err(LanguageFault(text.into()))
}

/// Bytes of a separator at most: a narrow space has three.
pub(crate) const MAX_SEPARATOR_BYTES: usize = 4;

impl Language {
    pub fn english() -> &'static Language {
        static ENGLISH: LazyLock<Language> =
            LazyLock::new(|| Language::read(include_str!("../languages/en.toml")).expect("tested"));
        &ENGLISH
    }

    fn german() -> Language {
        Language::read(include_str!("../languages/de.toml")).expect("tested")
    }

    /// As the browser names it: `de`, `pt-BR`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    pub(crate) fn sentence(&self, sentence: Sentence) -> &[Part] {
        &self.sentences[sentence as usize]
    }

    /// Reads a file of sentences.
    pub fn read(text: &str) -> Result<Language, LanguageFault> {
        let mut table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => return fault(format!("no TOML: {error}")),
        };
        let tag = text_of(&mut table, "tag")?;
        let is_tag = |tag: &str| {
            !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !is_tag(&tag) {
            return fault(format!("`tag` is {tag:?}; write a language like \"fr\" or \"pt-BR\""));
        }
        let thousands = separator(&mut table, "thousands")?;
        let decimal = separator(&mut table, "decimal")?;
        let Some(toml::Value::Table(mut reasons)) = table.remove("reason") else {
            return fault("the part [reason] with the sentences is missing");
        };
        let stand_ins = reasons.clone();
        let mut sentences = Vec::with_capacity(N_SENTENCES);
        for (name, values) in SENTENCES {
            if !reasons.contains_key(name) {
                stand_in(name, &stand_ins, &mut reasons);
            }
            let template = text_of(&mut reasons, name)?;
            match parse(&template, values) {
                Ok(parts) => sentences.push(parts),
                Err(LanguageFault(what)) => return fault(format!("`{name}`: {what}")),
            }
        }
        if let Some(name) = reasons.keys().chain(table.keys()).next() {
            let known = SENTENCES.map(|(name, _)| name).join(", ");
            return fault(format!("`{name}` is none of the sentences; there are {known}"));
        }
        Ok(Language { tag: tag.into(), thousands, decimal, sentences: sentences.into() })
    }
}

/// Puts the nearest sentence that the file has in the place of one that came later.
fn stand_in(name: &str, known: &toml::Table, reasons: &mut toml::Table) {
    let mut wanted = name;
    while let Some((_, other)) = LATER.iter().find(|(later, _)| *later == wanted) {
        wanted = other;
        if let Some(template) = known.get(wanted) {
            reasons.insert(name.to_owned(), template.clone());
            return;
        }
    }
}

fn text_of(table: &mut toml::Table, name: &str) -> Result<String, LanguageFault> {
    match table.remove(name) {
        Some(toml::Value::String(text)) => Ok(text),
        Some(_) => fault(format!("`{name}` must be a text in quotes")),
        None => fault(format!("`{name}` is missing")),
    }
}

fn separator(table: &mut toml::Table, name: &str) -> Result<Box<str>, LanguageFault> {
    let text = text_of(table, name)?;
    if MAX_SEPARATOR_BYTES < text.len() || text.contains(is_refused) {
        return fault(format!(
            "`{name}` is {text:?}; write what stands between digits, like \",\""
        ));
    }
    Ok(text.into())
}

/// What would have to be written otherwise in an answer than on a page.
fn is_refused(c: char) -> bool {
    c.is_control() || c == '"' || c == '\\'
}

fn parse(template: &str, known: &[Value]) -> Result<Vec<Part>, LanguageFault> {
    if template.contains(is_refused) {
        return fault("straight quotes, backslashes and line breaks cannot stand in a sentence");
    }
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let Some((inside, after)) = after.split_once('}') else {
            return fault(format!("a brace is opened and not closed: {{{after}"));
        };
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        parts.push(part_of(inside, known)?);
        rest = after;
    }
    if rest.contains('}') {
        return fault("a brace is closed that was not opened");
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    Ok(parts)
}

fn part_of(inside: &str, known: &[Value]) -> Result<Part, LanguageFault> {
    let (name, words) = match inside.split_once(':') {
        Some((name, words)) => (name, Some(words)),
        None => (inside, None),
    };
    let found = VALUES.iter().find(|(value, _)| *value == name).map(|(_, value)| *value);
    let Some(value) = found.filter(|value| known.contains(value)) else {
        let names = VALUES.iter().filter(|(_, value)| known.contains(value));
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        return match names.is_empty() {
            true => fault(format!("{{{name}}}: nothing is known here that could be told")),
            false => fault(format!("{{{name}}} is not known here; there are {}", names.join(", "))),
        };
    };
    let Some(words) = words else { return Ok(Part::Value(value)) };
    let is_count = matches!(
        value,
        Value::NBoth
            | Value::NAnchor
            | Value::NItem
            | Value::NOrders
            | Value::NUnits
            | Value::NBought
            | Value::NOwnOrders
            | Value::EveryDays
            | Value::LastDays
    );
    match words.split_once('|') {
        Some((one, other)) if is_count && !other.contains('|') => {
            Ok(Part::ByNumber(value, one.into(), other.into()))
        }
        _ => fault(format!("{{{inside}}}: write {{n_anchor:order|orders}}, one word and several")),
    }
}

/// The languages that reasons can be told in.
#[derive(Clone, Debug, PartialEq)]
pub struct Languages(Vec<Language>);

impl Default for Languages {
    /// English, which stands in for what is not there, and German.
    fn default() -> Languages {
        Languages(vec![Language::english().clone(), Language::german()])
    }
}

impl Languages {
    /// Adds a language, or puts it in the place of the one with its tag.
    pub fn add(&mut self, language: Language) {
        match self.0.iter_mut().find(|known| known.tag.eq_ignore_ascii_case(&language.tag)) {
            Some(known) => *known = language,
            None => self.0.push(language),
        }
    }

    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Language::tag)
    }

    /// The one for those who ask for none.
    pub fn first(&self) -> &Language {
        &self.0[0]
    }

    /// The language of a locale such as `de`, `de-AT` or `de_AT.UTF-8`: the tag itself, else one
    /// of the same language.
    pub fn find(&self, locale: &str) -> Option<&Language> {
        let wanted = locale.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        let by = |is_it: &dyn Fn(&str) -> bool| self.0.iter().find(|known| is_it(&known.tag));
        let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        by(&|tag| tag.eq_ignore_ascii_case(&wanted))
            .or_else(|| by(&|tag| primary(tag) == primary(&wanted)))
    }
}

#[cfg(test)]
mod tests;
