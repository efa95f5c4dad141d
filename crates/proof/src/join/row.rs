//! Rows of a spill as bytes: integers of seven bits a byte, low bits first; signed ones with the
//! sign in the lowest bit; hashes and floats whole. The bytes never leave the process that wrote
//! them, so a short buffer is a defect of this program and not bad input.

use crate::attach::Attached;
use crate::funnels::{ItemOutcome, Outcome};
use crate::heard::{Click, Mark, Origin, ToldOrder, ToldPart, Who};
use crate::sale::{Part, Return, Returned, TakenOrder};
use events::Amount;
use measure::assignment::UnitId;
use measure::trial::{Assigned, N_COLUMNS, Person, Purchase};

/// What can be written and read back.
pub(crate) trait Row: Sized {
    fn put(&self, to: &mut Vec<u8>);
    fn take(from: &mut Reader<'_>) -> Self;
}

pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (first, rest) = self.bytes.split_first_chunk().expect("a row is written whole");
        self.bytes = rest;
        *first
    }
}

/// An integer that is seldom large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short(pub(crate) u64);

impl Row for Short {
    #[inline]
    fn put(&self, to: &mut Vec<u8>) {
        let mut value = self.0;
        while value >= 0x80 {
            to.push(value as u8 | 0x80);
            value >>= 7;
        }
        to.push(value as u8);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Short {
        let (mut value, mut shift) = (0, 0);
        loop {
            let [byte] = from.array();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Short(value);
            }
            shift += 7;
        }
    }
}

macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Row for $type {
            #[inline]
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn take(from: &mut Reader<'_>) -> $type {
                <$type>::from_le_bytes(from.array())
            }
        }
    )*};
}
whole!(u8, u64, u128, f64);

impl Row for u16 {
    fn put(&self, to: &mut Vec<u8>) {
        Short(u64::from(*self)).put(to);
    }

    fn take(from: &mut Reader<'_>) -> u16 {
        Short::take(from).0 as u16
    }
}

impl Row for u32 {
    fn put(&self, to: &mut Vec<u8>) {
        Short(u64::from(*self)).put(to);
    }

    fn take(from: &mut Reader<'_>) -> u32 {
        Short::take(from).0 as u32
    }
}

impl Row for i64 {
    fn put(&self, to: &mut Vec<u8>) {
        Short(((self << 1) ^ (self >> 63)) as u64).put(to);
    }

    fn take(from: &mut Reader<'_>) -> i64 {
        let value = Short::take(from).0;
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }
}

impl Row for bool {
    fn put(&self, to: &mut Vec<u8>) {
        to.push(u8::from(*self));
    }

    fn take(from: &mut Reader<'_>) -> bool {
        u8::take(from) != 0
    }
}

impl<T: Row> Row for Option<T> {
    fn put(&self, to: &mut Vec<u8>) {
        self.is_some().put(to);
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Option<T> {
        bool::take(from).then(|| T::take(from))
    }
}

impl<T: Row> Row for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        Short(self.len() as u64).put(to);
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Reader<'_>) -> Vec<T> {
        let n = Short::take(from).0;
        (0..n).map(|_| T::take(from)).collect()
    }
}

impl<T: Row, const N: usize> Row for [T; N] {
    fn put(&self, to: &mut Vec<u8>) {
        self.iter().for_each(|value| value.put(to));
    }

    fn take(from: &mut Reader<'_>) -> [T; N] {
        std::array::from_fn(|_| T::take(from))
    }
}

macro_rules! tuples {
    ($(($($name:ident),*))*) => {$(
        impl<$($name: Row),*> Row for ($($name,)*) {
            #[allow(non_snake_case)]
            fn put(&self, to: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.put(to);)*
            }

            fn take(from: &mut Reader<'_>) -> Self {
                ($($name::take(from),)*)
            }
        }
    )*};
}
tuples! { (A, B) (A, B, C) (A, B, C, D) }

macro_rules! structs {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Row for $type {
            fn put(&self, to: &mut Vec<u8>) {
                $(self.$field.put(to);)*
            }

            fn take(from: &mut Reader<'_>) -> $type {
                // Fields are read in the order in which they stand here.
                $type { $($field: Row::take(from)),* }
            }
        }
    )*};
}
structs! {
    Assigned { unit, customer, arm, first_at_us }
    Click { who, item, at_us, answer }
    ToldPart { item, price, pieces, origin }
    ToldOrder { order, visit, at_us, parts }
    Part { item, origin, pieces, price, cost }
    TakenOrder { customer, visit, at_us, within_us, is_order, n_free, attached, parts }
    Return { at_us, refers, lines }
    Returned { item, pieces, money }
    Purchase {
        at_us, within_us, from_offers, elsewhere, margin, n_items, n_coverable, n_attached, is_order
    }
    Attached { n_coverable, n_attached }
    ItemOutcome { is_clicked, bought, kept }
    Outcome {
        is_shown, is_seen, is_clicked, is_dismissed, is_added, is_named, may_sell, shown_us,
        acted_us, bought, kept, after_click, bought_before_us, items
    }
}

impl Row for UnitId {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> UnitId {
        UnitId(u64::take(from))
    }
}

impl Row for Amount {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Amount {
        Amount(i64::take(from))
    }
}

impl Row for Who {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Who::Customer(customer) => (0_u8, *customer).put(to),
            Who::Visit(visit) => (1_u8, *visit).put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Who {
        match u8::take(from) {
            0 => Who::Customer(u32::take(from)),
            _ => Who::Visit(UnitId::take(from)),
        }
    }
}

impl Row for Origin {
    fn put(&self, to: &mut Vec<u8>) {
        match self {
            Origin::Untold => 0_u8.put(to),
            Origin::Elsewhere => 1_u8.put(to),
            Origin::Answer(answer) => (2_u8, *answer).put(to),
            Origin::Event(answer) => (3_u8, *answer).put(to),
        }
    }

    fn take(from: &mut Reader<'_>) -> Origin {
        match u8::take(from) {
            0 => Origin::Untold,
            1 => Origin::Elsewhere,
            2 => Origin::Answer(u64::take(from)),
            _ => Origin::Event(u64::take(from)),
        }
    }
}

const MARKS: [Mark; 7] = [
    Mark::Shown,
    Mark::Seen,
    Mark::Dismissed,
    Mark::Clicked,
    Mark::Added,
    Mark::Ordered,
    Mark::OrderedBefore,
];

impl Row for Mark {
    fn put(&self, to: &mut Vec<u8>) {
        match MARKS.iter().position(|mark| mark == self) {
            Some(at) => (at as u8).put(to),
            None => u8::MAX.put(to),
        }
        if let Mark::ItemClicked(item) = self {
            item.put(to);
        }
    }

    fn take(from: &mut Reader<'_>) -> Mark {
        let at = usize::from(u8::take(from));
        MARKS.get(at).copied().unwrap_or_else(|| Mark::ItemClicked(u64::take(from)))
    }
}

/// Most persons bought nothing, and take few bytes.
impl Row for Person {
    fn put(&self, to: &mut Vec<u8>) {
        (self.arm, self.is_crosser, self.customer, self.first_at_us).put(to);
        let filled = (0..N_COLUMNS).filter(|&column| self.row[column] != 0.0);
        let values: Vec<(u8, f64)> = filled.map(|at| (at as u8, self.row[at])).collect();
        values.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Person {
        let (arm, is_crosser, customer, first_at_us) = Row::take(from);
        let mut row = [0.0; N_COLUMNS];
        for (column, value) in Vec::<(u8, f64)>::take(from) {
            row[usize::from(column)] = value;
        }
        Person { arm, is_crosser, customer, first_at_us, row }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    fn comes_back<R: Row + PartialEq + Debug>(row: R) {
        let mut bytes = Vec::new();
        row.put(&mut bytes);
        row.put(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!([R::take(&mut reader), R::take(&mut reader)].map(|back| back == row), [true; 2]);
        assert!(reader.is_empty(), "{row:?}");
    }

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            comes_back(Short(value));
            comes_back(value);
            comes_back(value as u32);
            comes_back(value as i64);
            comes_back(-(value as i64 >> 1));
        }
        comes_back([i64::MIN, i64::MAX].to_vec());
        comes_back((Some(1.5_f64), None::<u32>, true));
    }

    #[test]
    fn rows_of_every_kind_come_back() {
        MARKS.into_iter().chain([Mark::ItemClicked(9)]).for_each(comes_back);
        let origins = [Origin::Untold, Origin::Elsewhere, Origin::Answer(7), Origin::Event(8)];
        origins.into_iter().for_each(comes_back);
        comes_back(Who::Customer(u32::MAX));
        comes_back(Who::Visit(UnitId(3)));
        let mut row = [0.0; N_COLUMNS];
        (row[0], row[13]) = (-1.5, 2.0);
        comes_back(Person { arm: 1, is_crosser: true, customer: Some(5), first_at_us: -9, row });
        let part = Part { item: 1, origin: Origin::Event(2), pieces: 0.5, price: 3.0, cost: None };
        comes_back(TakenOrder {
            customer: None,
            visit: Some(UnitId(9)),
            at_us: 5,
            within_us: 86_400_000_000,
            is_order: true,
            n_free: 0,
            attached: Attached { n_coverable: 3.0, n_attached: 1.0 },
            parts: vec![part; 3],
        });
        let line = Returned { item: 4, pieces: 1.0, money: Some(-2.5) };
        comes_back(Return { at_us: -1, refers: u128::MAX, lines: vec![line] });
    }
}
