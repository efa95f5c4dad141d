//! Order lines in columns: what the bulk importers make and the history takes.

use crate::{Amount, Currency, ItemKind, Timestamp};

/// The code of an absent id.
pub const NO_ID: u32 = u32::MAX;

/// One column of external ids, interned within its batch: `codes[row]` indexes `dictionary`,
/// [`NO_ID`] where a row has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdColumn {
    pub codes: Vec<u32>,
    pub dictionary: Vec<Box<str>>,
}

impl IdColumn {
    pub fn get(&self, row: usize) -> Option<&str> {
        match self.codes[row] {
            NO_ID => None,
            code => Some(&self.dictionary[code as usize]),
        }
    }
}

/// What an order line records. Kept as what it is; only `Sale` lines make baskets, a `Return`
/// counts against its sale, the others count for nothing but are never lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LineKind {
    /// Quantity > 0 and price > 0 (or no price column).
    Sale = 0,
    /// Quantity < 0, or a line of a credit note.
    Return = 1,
    /// A line of an order that was cancelled before it was sent.
    Cancellation = 2,
    /// Price ≤ 0 or quantity 0: a gift, a sample, a stock adjustment.
    Adjustment = 3,
}

impl LineKind {
    pub fn from_code(code: u8) -> Option<LineKind> {
        [LineKind::Sale, LineKind::Return, LineKind::Cancellation, LineKind::Adjustment]
            .get(usize::from(code))
            .copied()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            LineKind::Sale => "sale",
            LineKind::Return => "return",
            LineKind::Cancellation => "cancellation",
            LineKind::Adjustment => "adjustment",
        }
    }

    pub fn parse(text: &str) -> Option<LineKind> {
        let is = |kind: &LineKind| kind.as_str().eq_ignore_ascii_case(text.trim());
        (0..4).filter_map(LineKind::from_code).find(is)
    }
}

/// What tells an order apart beside its id. A plain order of the source of the import has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderMark {
    /// First half of the order's identity; `None`: the source of the import.
    pub source: Option<Box<str>>,
    /// A refund, with an identity of its own, that takes back from the order of the id.
    pub refund_id: Option<Box<str>>,
    /// When the order was sent, where a file may hold it more than once: the earliest counts.
    pub sent_at: Option<Timestamp>,
}

/// A batch of order lines, column by column; all columns have the same length.
#[derive(Clone, Debug, Default)]
pub struct OrderLines {
    pub order_ids: IdColumn,
    /// What else tells the orders of `order_ids.dictionary` apart, entry by entry; empty where
    /// nothing does. The same id may then stand in the dictionary more than once.
    pub order_marks: Vec<OrderMark>,
    /// [`NO_ID`] on the one line of a refund that takes back its order whole.
    pub item_ids: IdColumn,
    /// Anonymous lines hold [`NO_ID`].
    pub customer_ids: IdColumn,
    pub location_ids: IdColumn,
    pub kind: Vec<LineKind>,
    /// [`NO_TIME`] where the file has no times (order of appearance then stands for time).
    pub at: Vec<Timestamp>,
    pub quantity: Vec<Amount>,
    /// Price of one unit; `None` where the file has no price.
    pub unit_price: Vec<Option<Amount>>,
    pub currency: Vec<Option<Currency>>,
    /// Titles seen beside item codes: `(code in item_ids.dictionary, title)`, each at most once.
    pub titles: Vec<(u32, Box<str>)>,
    /// Categories seen beside item codes, likewise.
    pub categories: Vec<(u32, Box<str>)>,
    /// Kinds told beside item codes, likewise: an export of our own has them.
    pub kinds: Vec<(u32, ItemKind)>,
}

/// The time of a line in a file without times.
pub const NO_TIME: Timestamp = Timestamp(i64::MIN);

impl OrderLines {
    pub fn len(&self) -> usize {
        self.kind.len()
    }

    pub fn is_empty(&self) -> bool {
        self.kind.is_empty()
    }
}
