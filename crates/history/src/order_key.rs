//! The identity of an order: (source, order id) as 128 bits.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// Keys are spread evenly, so their first byte cuts any set of orders into [`N_PARTITIONS`] parts
/// of the same size; everything that compares versions of orders goes part by part.
pub(crate) const N_PARTITIONS: usize = 256;

/// XXH3-128 of the order id, seeded with XXH3-64 of the source. Two of n orders collide with
/// probability n^2 / 2^129: 10^-19 for ten billion orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OrderKey(pub(crate) u128);

/// Makes keys of one source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderKeys {
    seed: u64,
}

impl OrderKeys {
    pub(crate) fn new(source: &str) -> OrderKeys {
        OrderKeys { seed: xxh3_64(source.as_bytes()) }
    }

    pub(crate) fn key(&self, order_id: &str) -> OrderKey {
        OrderKey(xxh3_128_with_seed(order_id.as_bytes(), self.seed))
    }

    /// A refund sent live is kept beside its order, under the identity of the event.
    pub(crate) fn refund_key(&self, event_id: &str) -> OrderKey {
        OrderKey(xxh3_128_with_seed(event_id.as_bytes(), self.seed ^ 0x5265_6675_6e64_2121))
    }
}

impl OrderKey {
    pub(crate) const NONE: OrderKey = OrderKey(0);

    pub(crate) fn of(source: &str, order_id: &str) -> OrderKey {
        OrderKeys::new(source).key(order_id)
    }

    pub(crate) fn partition(self) -> usize {
        (self.0 >> 120) as usize
    }

    pub(crate) fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    pub(crate) fn from_halves(high: u64, low: u64) -> OrderKey {
        OrderKey(u128::from(high) << 64 | u128::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These values are in every segment that was ever written: they must never change.
    #[test]
    fn keys_are_the_same_forever() {
        assert_eq!(
            format!("{:032x}", OrderKey::of("shop", "536365").0),
            "bcf7422bcf915b5b613f4b21ab2b345d"
        );
        assert_eq!(
            format!("{:032x}", OrderKeys::new("shop").refund_key("e1").0),
            "02373cccf2fdb84f011fb4c53a5b5566"
        );
    }

    #[test]
    fn source_and_id_both_count() {
        assert_ne!(OrderKey::of("shop", "1"), OrderKey::of("till", "1"));
        assert_ne!(OrderKey::of("shop", "1"), OrderKey::of("shop", "2"));
        assert_ne!(OrderKey::of("shop", "1"), OrderKeys::new("shop").refund_key("1"));
    }

    #[test]
    fn halves_round_trip() {
        let key = OrderKey::of("shop", "1");
        let (high, low) = key.halves();
        assert_eq!(OrderKey::from_halves(high, low), key);
        assert_eq!(key.partition(), (high >> 56) as usize);
    }
}
