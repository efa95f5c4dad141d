//! The dictionaries of one import: external ids to codes, and the titles and categories that came
//! with the lines.

use events::lines::NO_ID;
use events::{Currency, IdColumn, ItemKind, LineKind, OrderLines};
use hashbrown::HashMap;

use crate::error::Result;
use crate::id_table::IdTable;
use crate::orders::NO_CODE;

/// Distinct titles kept for one item; exports write notes like `damaged` into the title column.
const MAX_TEXTS: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct ImportCodes {
    pub(crate) items: IdTable,
    pub(crate) customers: IdTable,
    pub(crate) locations: IdTable,
    pub(crate) currencies: IdTable,
    /// The import's own first.
    pub(crate) sources: IdTable,
    pub(crate) titles: TextVotes,
    pub(crate) categories: TextVotes,
    /// Kinds that the lines themselves told, by item code; the last one counts.
    pub(crate) kinds: HashMap<u32, ItemKind>,
    /// By item code; shorter than `items` where the last ones were never sold.
    pub(crate) prices: Vec<SoldAt>,
}

/// What an item was last sold for: its price, until the catalogue tells another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SoldAt {
    pub(crate) at_us: i64,
    /// Millionths; 0: never sold.
    pub(crate) price: i64,
    pub(crate) currency: Option<Currency>,
}

const NEVER_SOLD: SoldAt = SoldAt { at_us: i64::MIN, price: 0, currency: None };

/// The codes of one batch in terms of the import's.
pub(super) struct BatchCodes {
    pub(super) items: Vec<u32>,
    pub(super) customers: Vec<u32>,
    pub(super) locations: Vec<u32>,
}

impl ImportCodes {
    pub(super) fn adopt(&mut self, lines: &OrderLines) -> Result<BatchCodes> {
        let items = adopt_column(&mut self.items, &lines.item_ids)?;
        let customers = adopt_column(&mut self.customers, &lines.customer_ids)?;
        let locations = adopt_column(&mut self.locations, &lines.location_ids)?;
        for (votes, texts) in
            [(&mut self.titles, &lines.titles), (&mut self.categories, &lines.categories)]
        {
            for (code, text) in texts {
                votes.vote(items[*code as usize], text);
            }
        }
        let kinds = lines.kinds.iter().map(|&(code, kind)| (items[code as usize], kind));
        self.kinds.extend(kinds);
        self.note_prices(lines, &items);
        Ok(BatchCodes { items, customers, locations })
    }

    /// The latest sale of each item; of equal times the later line.
    fn note_prices(&mut self, lines: &OrderLines, items: &[u32]) {
        for row in 0..lines.len() {
            let (LineKind::Sale, Some(price)) = (lines.kind[row], lines.unit_price[row]) else {
                continue;
            };
            let code = items[lines.item_ids.codes[row] as usize] as usize;
            if self.prices.len() <= code {
                self.prices.resize(code + 1, NEVER_SOLD);
            }
            let sold = &mut self.prices[code];
            if sold.at_us <= lines.at[row].0 && price.0 > 0 {
                let currency = lines.currency[row];
                *sold = SoldAt { at_us: lines.at[row].0, price: price.0, currency };
            }
        }
    }

    pub(super) fn currency(&mut self, currency: Option<Currency>) -> Result<u32> {
        currency.map_or(Ok(NO_CODE), |currency| self.currencies.intern(currency.as_str()))
    }
}

fn adopt_column(table: &mut IdTable, column: &IdColumn) -> Result<Vec<u32>> {
    column.dictionary.iter().map(|id| table.intern(id)).collect()
}

/// The code of a row in the import's terms.
#[inline]
pub(super) fn translate(codes: &[u32], batch_code: u32) -> u32 {
    if batch_code == NO_ID { NO_CODE } else { codes[batch_code as usize] }
}

impl IdTable {
    pub(crate) fn hash_or_zero(&self, code: u32) -> u64 {
        if code == NO_CODE { 0 } else { self.hash_of(code) }
    }
}

/// Texts that order lines give for an item: the one seen in most batches is believed, of equals
/// the longer (notes are short), then the smaller.
#[derive(Debug, Default)]
pub(crate) struct TextVotes {
    by_item: HashMap<u32, Vec<(Box<str>, u32)>>,
}

impl TextVotes {
    fn vote(&mut self, item: u32, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let texts = self.by_item.entry(item).or_default();
        match texts.iter().position(|(known, _)| &**known == text) {
            Some(at) => texts[at].1 = texts[at].1.saturating_add(1),
            None if texts.len() < MAX_TEXTS => texts.push((text.into(), 1)),
            None => {}
        }
    }

    /// The text believed and its votes.
    pub(crate) fn winner(&self, item: u32) -> Option<(&str, u32)> {
        let texts = self.by_item.get(&item)?;
        let (text, n_votes) = texts.iter().max_by(|a, b| {
            (a.1, a.0.chars().count()).cmp(&(b.1, b.0.chars().count())).then(b.0.cmp(&a.0))
        })?;
        Some((text, *n_votes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_seen_text_wins_then_the_longest() {
        let mut votes = TextVotes::default();
        for text in ["check", "WHITE HANGING HEART", " ", "check"] {
            votes.vote(3, text);
        }
        assert_eq!(votes.winner(3), Some(("check", 2)));
        votes.vote(3, "WHITE HANGING HEART ");
        assert_eq!(votes.winner(3), Some(("WHITE HANGING HEART", 2)));
        assert_eq!(votes.winner(4), None);
    }
}
