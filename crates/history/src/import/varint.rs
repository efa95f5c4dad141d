//! Variable-length integers of the spill format: seven bits a byte, low bits first.

pub(super) fn put(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Small negative numbers stay short.
pub(super) fn put_signed(buffer: &mut Vec<u8>, value: i64) {
    put(buffer, ((value << 1) ^ (value >> 63)) as u64);
}

/// Reads what the functions above wrote. The bytes never leave the process that wrote them, so a
/// short buffer is a defect of this program and not bad input.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.bytes[self.at];
        self.at += 1;
        byte
    }

    #[inline]
    pub(super) fn take(&mut self) -> u64 {
        let mut value = 0;
        let mut shift = 0;
        loop {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    #[inline]
    pub(super) fn take_signed(&mut self) -> i64 {
        let value = self.take();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }

    pub(super) fn bytes(&mut self, n_bytes: usize) -> &'a [u8] {
        let taken = &self.bytes[self.at..self.at + n_bytes];
        self.at += n_bytes;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(values in prop::collection::vec((any::<u64>(), any::<i64>()), 0..20)) {
            let mut buffer = Vec::new();
            for &(plain, signed) in &values {
                put(&mut buffer, plain);
                put_signed(&mut buffer, signed);
            }
            let mut reader = Reader::new(&buffer);
            for &(plain, signed) in &values {
                prop_assert_eq!((reader.take(), reader.take_signed()), (plain, signed));
            }
            prop_assert!(reader.is_empty());
        }
    }
}
