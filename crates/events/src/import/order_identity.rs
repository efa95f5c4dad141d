//! The orders of one batch: their ids, and what else tells them apart.

use std::fmt::Write;

use super::interner::Interner;
use crate::lines::{IdColumn, OrderMark};
use crate::{NO_ID, Timestamp};

/// [`OrderMark`] with borrowed texts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark<'a> {
    pub source: Option<&'a str>,
    pub refund_id: Option<&'a str>,
    pub sent_at: Option<Timestamp>,
}

/// Codes of orders. Marked orders are told apart by id and mark together; either all orders of a
/// batch are pushed with a mark or none.
#[derive(Debug, Default)]
pub(crate) struct OrderIds {
    interner: Interner,
    ids: Vec<Box<str>>,
    marks: Vec<OrderMark>,
    key: String,
}

impl OrderIds {
    #[inline]
    pub(crate) fn push(&mut self, id: &str, mark: Option<Mark<'_>>) {
        match mark {
            None => drop(self.interner.push(Some(id))),
            Some(mark) => self.push_marked(id, mark),
        }
    }

    fn push_marked(&mut self, id: &str, mark: Mark<'_>) {
        let (source, refund_id) = (mark.source.unwrap_or(""), mark.refund_id.unwrap_or(""));
        let sent_at = mark.sent_at.map(|at| at.0);
        self.key.clear();
        // The lengths keep texts apart that hold the separator.
        write!(self.key, "{id}\0{source}\0{refund_id}\0{sent_at:?}\0{} {}", id.len(), source.len())
            .expect("writing to a String does not fail");
        let code = self.interner.push(Some(&self.key));
        if code != NO_ID && code as usize == self.ids.len() {
            self.ids.push(id.into());
            self.marks.push(OrderMark {
                source: mark.source.map(Box::from),
                refund_id: mark.refund_id.map(Box::from),
                sent_at: mark.sent_at,
            });
        }
    }

    pub(crate) fn take(&mut self) -> (IdColumn, Vec<OrderMark>) {
        let mut column = self.interner.take();
        if !self.ids.is_empty() {
            column.dictionary = std::mem::take(&mut self.ids);
        }
        (column, std::mem::take(&mut self.marks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_with_another_mark_is_another_order() {
        let mut orders = OrderIds::default();
        let of = |source| Some(Mark { source, ..Mark::default() });
        for (id, source) in [("1", "shop"), ("1", "till"), ("1", "shop"), ("1\0till", "")] {
            orders.push(id, of(Some(source)));
        }
        orders.push("1", Some(Mark { refund_id: Some("r"), ..Mark::default() }));
        let (ids, marks) = orders.take();
        assert_eq!(ids.codes, [0, 1, 0, 2, 3]);
        assert_eq!(
            ids.dictionary.iter().map(|id| &**id).collect::<Vec<_>>(),
            ["1", "1", "1\0till", "1"]
        );
        assert_eq!(marks[1].source.as_deref(), Some("till"));
        assert_eq!(marks[3].refund_id.as_deref(), Some("r"));
        orders.push("2", None);
        let (ids, marks) = orders.take();
        assert_eq!((&*ids.dictionary[0], marks.len()), ("2", 0));
    }
}
