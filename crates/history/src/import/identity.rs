//! The keys of the orders of a batch: what stands in a column of sources or makes a refund counts.

use events::lines::OrderMark;
use events::{OrderLines, Timestamp};

use crate::error::Result;
use crate::id_table::IdTable;
use crate::order_key::{OrderKey, OrderKeys};

/// The time of an order that is not sent at one.
pub(super) const NOT_SENT: i64 = i64::MIN;

/// What few orders have beside key and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extra {
    /// Code of the source; 0 is that of the import.
    pub(super) source: u32,
    /// The order that a refund takes back from.
    pub(super) refers: OrderKey,
    /// Of several versions in one file the one sent first counts.
    pub(super) sent_at_us: i64,
}

impl Extra {
    pub(super) const NONE: Extra =
        Extra { source: 0, refers: OrderKey::NONE, sent_at_us: NOT_SENT };
}

/// An order of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) key: OrderKey,
    pub(super) extra: Extra,
}

/// The identities of the orders of a batch, by code. `sources` holds the import's own first.
pub(super) fn identify(
    lines: &OrderLines,
    own: OrderKeys,
    sources: &mut IdTable,
    identities: &mut Vec<Identity>,
) -> Result<()> {
    identities.clear();
    for (code, id) in lines.order_ids.dictionary.iter().enumerate() {
        identities.push(match lines.order_marks.get(code) {
            None => Identity { key: own.key(id), extra: Extra::NONE },
            Some(mark) => of_marked(id, mark, own, sources)?,
        });
    }
    Ok(())
}

fn of_marked(
    id: &str,
    mark: &OrderMark,
    own: OrderKeys,
    sources: &mut IdTable,
) -> Result<Identity> {
    let (keys, source) = match &mark.source {
        None => (own, 0),
        Some(source) => (OrderKeys::new(source), sources.intern(source)?),
    };
    let sent_at_us = mark.sent_at.map_or(NOT_SENT, |Timestamp(at_us)| at_us);
    let order = keys.key(id);
    let (key, refers) = match mark.refund_id.as_deref() {
        None => (order, OrderKey::NONE),
        Some(refund) => (exported_key(refund).unwrap_or(keys.refund_key(refund)), order),
    };
    Ok(Identity { key, extra: Extra { source, refers, sent_at_us } })
}

/// What an export writes for a refund, so that it keeps its identity.
pub(crate) fn export_key(key: OrderKey) -> String {
    format!("key:{:032x}", key.0)
}

fn exported_key(text: &str) -> Option<OrderKey> {
    let digits = text.strip_prefix("key:").filter(|digits| digits.len() == 32)?;
    u128::from_str_radix(digits, 16).ok().map(OrderKey).filter(|key| *key != OrderKey::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_keys_come_back() {
        let key = OrderKey::of("shop", "1");
        assert_eq!(exported_key(&export_key(key)), Some(key));
        for text in ["key:12", "r1", "key:00000000000000000000000000000000"] {
            assert_eq!(exported_key(text), None, "{text}");
        }
    }
}
