//! Writes JSON straight into a byte buffer: the answer of the hot path.
//!
//! An answer holds some sixty numbers; the general serializer spends more time on them than the
//! decision takes. Floats are written with four significant decimals at most, which is more than
//! an estimate from counts can bear.

/// A growing JSON text. The caller keeps the punctuation right; tests hold the result against
/// `serde_json`.
#[derive(Debug)]
pub(crate) struct JsonText {
    bytes: Vec<u8>,
}

impl JsonText {
    pub(crate) fn with_capacity(n_bytes: usize) -> JsonText {
        JsonText { bytes: Vec::with_capacity(n_bytes) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What was written from a place on.
    pub(crate) fn since(&self, at: usize) -> &[u8] {
        &self.bytes[at..]
    }

    /// A part that was written by another `JsonText`.
    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// JSON as it stands, or text inside an open string that needs no escapes.
    pub(crate) fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A whole string with its quotes.
    pub(crate) fn string(&mut self, text: &str) {
        self.bytes.push(b'"');
        self.escaped(text);
        self.bytes.push(b'"');
    }

    /// Text inside an open string.
    pub(crate) fn escaped(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut from = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.bytes.extend_from_slice(&bytes[from..at]);
            from = at + 1;
            match byte {
                b'"' => self.bytes.extend_from_slice(b"\\\""),
                b'\\' => self.bytes.extend_from_slice(b"\\\\"),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                b'\r' => self.bytes.extend_from_slice(b"\\r"),
                b'\t' => self.bytes.extend_from_slice(b"\\t"),
                _ => self.raw(&format!("\\u{byte:04x}")),
            }
        }
        self.bytes.extend_from_slice(&bytes[from..]);
    }

    pub(crate) fn number(&mut self, value: u64) {
        let mut digits = [0_u8; 20];
        let at = write_digits(value, &mut digits);
        self.bytes.extend_from_slice(&digits[at..]);
    }

    /// A JSON number: fixed point with up to `n_decimals` (at most 6), without trailing zeros; what
    /// is not finite becomes `null`, and what is beyond 10^12 is written by the standard library.
    pub(crate) fn float(&mut self, value: f64, n_decimals: u32) {
        if !value.is_finite() {
            return self.raw("null");
        }
        if value.abs() >= 1e12 {
            return self.raw(&format!("{value:.0}"));
        }
        let scale = 10_u64.pow(n_decimals.min(6));
        let scaled = (value.abs() * scale as f64).round() as u64;
        if value < 0.0 && scaled > 0 {
            self.bytes.push(b'-');
        }
        self.number(scaled / scale);
        let rest = scaled % scale;
        if rest == 0 {
            return;
        }
        // The digit above is there so that leading zeros of the rest are written.
        let mut digits = [0_u8; 20];
        let at = write_digits(scale + rest, &mut digits);
        digits[at] = b'.';
        let n_zeros = digits.iter().rev().take_while(|digit| **digit == b'0').count();
        self.bytes.extend_from_slice(&digits[at..digits.len() - n_zeros]);
    }

    /// A score of any size: about four significant decimals.
    pub(crate) fn estimate(&mut self, value: f64) {
        let magnitude = value.abs();
        if 0.0 < magnitude && magnitude < 1e-4 {
            return self.raw(&format!("{value:.3e}"));
        }
        let n_decimals = if magnitude >= 100.0 {
            1
        } else if magnitude >= 1.0 {
            3
        } else {
            6
        };
        self.float(value, n_decimals);
    }
}

fn write_digits(mut value: u64, digits: &mut [u8; 20]) -> usize {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut JsonText)) -> String {
        let mut text = JsonText::with_capacity(16);
        write(&mut text);
        String::from_utf8(text.into_bytes()).unwrap()
    }

    #[test]
    fn numbers_as_people_and_machines_read_them() {
        assert_eq!(written(|t| t.number(0)), "0");
        assert_eq!(written(|t| t.number(u64::MAX)), "18446744073709551615");
        assert_eq!(written(|t| t.float(9.44, 1)), "9.4");
        assert_eq!(written(|t| t.float(0.05, 4)), "0.05");
        assert_eq!(written(|t| t.float(-0.000_01, 4)), "0");
        assert_eq!(written(|t| t.float(-2.5, 1)), "-2.5");
        assert_eq!(written(|t| t.float(f64::NAN, 1)), "null");
        assert_eq!(written(|t| t.float(1e15, 1)), "1000000000000000");
    }

    proptest! {
        #[test]
        fn strings_read_back_as_serde_json_reads_them(text in ".*") {
            let json = written(|t| t.string(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn control_characters_too(bytes in proptest::collection::vec(0_u8..0x80, 0..40)) {
            let text = String::from_utf8(bytes).unwrap();
            let json = written(|t| t.string(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn floats_are_near(value in -1e9_f64..1e9) {
            let json = written(|t| t.float(value, 4));
            let back: f64 = serde_json::from_str(&json).unwrap();
            prop_assert!((back - value).abs() <= 0.000_051 + value.abs() * 1e-15);
        }
    }
}
