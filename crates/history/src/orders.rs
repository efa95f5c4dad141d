//! Orders with their lines, as one partition of an import or the tail of the log holds them before
//! they are written to a segment.

use events::LineKind;
use events::lines::NO_TIME;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::order_key::OrderKey;

/// The code of what is absent: customer, location, currency.
pub(crate) const NO_CODE: u32 = u32::MAX;
/// The unit price of a line without one.
pub(crate) const NO_PRICE: i64 = i64::MIN;

/// One version of an order; codes are those of the dictionaries beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OrderRow {
    pub(crate) key: OrderKey,
    /// Content hash by which two versions are compared.
    pub(crate) digest: u64,
    /// Where the order id stands in [`OrderSet::texts`].
    pub(crate) id_start: u32,
    pub(crate) id_len: u32,
    /// Number of the order's first row in its import: stands for time where there is none.
    pub(crate) position: u64,
    pub(crate) customer: u32,
    pub(crate) location: u32,
    pub(crate) currency: u32,
    pub(crate) source: u32,
    /// Time of the earliest line in microseconds.
    pub(crate) at_us: i64,
    pub(crate) n_lines: u32,
    /// The order that this one takes back (whole when it has no lines), or [`OrderKey::NONE`].
    pub(crate) refers: OrderKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineRow {
    pub(crate) item: u32,
    pub(crate) kind: LineKind,
    /// Millionths, like `events::Amount`.
    pub(crate) unit_price: i64,
    pub(crate) at_us: i64,
    pub(crate) quantity: i64,
}

/// Orders in rising order of key, each followed in `lines` by its own lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderSet {
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) lines: Vec<LineRow>,
    pub(crate) texts: Vec<u8>,
}

impl OrderSet {
    pub(crate) fn id_of(&self, order: &OrderRow) -> &str {
        let start = order.id_start as usize;
        std::str::from_utf8(&self.texts[start..start + order.id_len as usize])
            .expect("order ids are copied from strings")
    }

    /// Keeps the orders for which `keep` says so, with their lines. Texts stay.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize, &OrderRow) -> bool) {
        let (mut read, mut written, mut index) = (0_usize, 0_usize, 0_usize);
        let lines = &mut self.lines;
        self.orders.retain(|order| {
            let n_lines = order.n_lines as usize;
            let kept = keep(index, order);
            if kept {
                lines.copy_within(read..read + n_lines, written);
                written += n_lines;
            }
            read += n_lines;
            index += 1;
            kept
        });
        lines.truncate(written);
    }
}

/// How many rows were folded into others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Rows equal to another of their order in everything.
    pub(crate) n_equal: u64,
    /// Rows with item, kind, price and time of another and a different quantity.
    pub(crate) n_added: u64,
}

/// Sorts the lines of one order and adds up those that differ in nothing but quantity. A sum that
/// does not fit stays in two lines. The lines kept are moved to the front; returns their number.
pub(crate) fn merge_lines(lines: &mut [LineRow], merged: &mut Merged) -> usize {
    lines.sort_unstable();
    let mut n_kept = 0;
    let mut previous: Option<LineRow> = None;
    for at in 0..lines.len() {
        let line = lines[at];
        let same = previous.is_some_and(|last| {
            (last.item, last.kind, last.unit_price, last.at_us)
                == (line.item, line.kind, line.unit_price, line.at_us)
        });
        let sum = if same { lines[n_kept - 1].quantity.checked_add(line.quantity) } else { None };
        match sum {
            Some(sum) => {
                lines[n_kept - 1].quantity = sum;
                if previous == Some(line) {
                    merged.n_equal += 1;
                } else {
                    merged.n_added += 1;
                }
            }
            None => {
                lines[n_kept] = line;
                n_kept += 1;
            }
        }
        previous = Some(line);
    }
    n_kept
}

/// What of an order does not stand in its lines, by stable hashes instead of codes (0 = absent).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OrderHead {
    pub(crate) customer_hash: u64,
    pub(crate) location_hash: u64,
    pub(crate) currency_hash: u64,
    pub(crate) at_us: i64,
    /// Counts for files without times only: order of appearance is content there.
    pub(crate) position: u64,
    pub(crate) refers: OrderKey,
}

/// The content hash of an order: the same for the same content, whatever the order of its lines in
/// the file and the codes of the import. Sum of line hashes, so that order does not matter.
pub(crate) fn digest(head: &OrderHead, lines: &[LineRow], item_hash: impl Fn(u32) -> u64) -> u64 {
    let position = if head.at_us == NO_TIME.0 { head.position } else { 0 };
    let (refers_high, refers_low) = head.refers.halves();
    let mut sum = hash_words(&[
        head.customer_hash,
        head.location_hash,
        head.currency_hash,
        head.at_us as u64,
        position,
        refers_high,
        refers_low,
    ]);
    for line in lines {
        sum = sum.wrapping_add(hash_words(&[
            item_hash(line.item),
            line.kind as u64,
            line.unit_price as u64,
            line.at_us.wrapping_sub(head.at_us) as u64,
            line.quantity as u64,
        ]));
    }
    sum
}

fn hash_words<const N: usize>(words: &[u64; N]) -> u64 {
    let mut bytes = [0_u8; 64];
    for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
        slot.copy_from_slice(&word.to_le_bytes());
    }
    xxh3_64_with_seed(&bytes[..N * 8], 0x416c_6f6e_6773_6964)
}

/// `C536379` takes back `536379`: the form of credit notes in the exports that number them so.
pub(crate) fn credited_order(order_id: &str) -> Option<&str> {
    let rest = order_id.strip_prefix(['C', 'c'])?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    (!rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(item: u32, quantity: i64) -> LineRow {
        LineRow { item, kind: LineKind::Sale, unit_price: 5, at_us: 7, quantity }
    }

    #[test]
    fn equal_lines_add_up_and_are_counted() {
        let mut lines = vec![line(2, 1), line(1, 4), line(2, 1), line(2, 3)];
        let mut merged = Merged::default();
        let n_kept = merge_lines(&mut lines, &mut merged);
        assert_eq!(&lines[..n_kept], [line(1, 4), line(2, 5)]);
        assert_eq!(merged, Merged { n_equal: 1, n_added: 1 });
    }

    #[test]
    fn a_sum_that_does_not_fit_stays_in_two_lines() {
        let mut lines = vec![line(1, i64::MAX), line(1, 1)];
        let n_kept = merge_lines(&mut lines, &mut Merged::default());
        assert_eq!(n_kept, 2);
    }

    #[test]
    fn credit_notes() {
        assert_eq!(credited_order("C536379"), Some("536379"));
        assert_eq!(credited_order("c-12"), Some("12"));
        assert_eq!(credited_order("C"), None);
        assert_eq!(credited_order("CART7"), None);
        assert_eq!(credited_order("536379"), None);
    }

    #[test]
    fn retain_moves_lines_with_their_orders() {
        let order = |key, n_lines| OrderRow {
            key: OrderKey(key),
            digest: 1,
            id_start: 0,
            id_len: 0,
            position: 0,
            customer: NO_CODE,
            location: NO_CODE,
            currency: NO_CODE,
            source: 0,
            at_us: 0,
            n_lines,
            refers: OrderKey::NONE,
        };
        let mut set = OrderSet {
            orders: vec![order(1, 2), order(2, 1), order(3, 1)],
            lines: vec![line(1, 1), line(2, 1), line(3, 1), line(4, 1)],
            texts: Vec::new(),
        };
        set.retain(|_, order| order.key != OrderKey(2));
        assert_eq!(set.lines, [line(1, 1), line(2, 1), line(4, 1)]);
        assert_eq!(set.orders.len(), 2);
    }

    proptest! {
        #[test]
        fn digest_ignores_order_and_sees_each_change(
            items in prop::collection::vec((0_u32..5, 1_i64..4), 1..6),
            change in 0_usize..6,
        ) {
            let head = OrderHead { at_us: 7, ..OrderHead::default() };
            let item_hash = |item: u32| u64::from(item) * 77;
            let lines: Vec<LineRow> =
                items.iter().map(|&(item, quantity)| line(item, quantity)).collect();
            let whole = digest(&head, &lines, item_hash);
            let mut turned = lines.clone();
            turned.reverse();
            prop_assert_eq!(digest(&head, &turned, item_hash), whole);
            let mut other = lines.clone();
            let at = change % other.len();
            other[at].quantity += 1;
            prop_assert_ne!(digest(&head, &other, item_hash), whole);
            let other = OrderHead { customer_hash: 3, ..head };
            prop_assert_ne!(digest(&other, &lines, item_hash), whole);
        }
    }
}
