//! Sources that a ranking was learned without, to see what they are worth.
//!
//! A source that is left out proposes nothing, and all of its numbers are 0 in training and live
//! alike, so trees cannot ask for them.

/// Places in a list of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(u32);

impl LeftOut {
    /// `None`: the words name a source beyond the first `n_sources`.
    pub fn from_words(words: &[u32], n_sources: usize) -> Option<LeftOut> {
        let bits = words.first().copied().unwrap_or(0);
        (words.len() <= 1 && u64::from(bits) < 1 << n_sources).then_some(LeftOut(bits))
    }

    /// As a section of a snapshot; nothing where nothing is left out.
    pub fn to_words(self) -> Vec<u32> {
        if self.is_empty() { Vec::new() } else { vec![self.0] }
    }

    /// This one too.
    #[must_use]
    pub fn and(self, source: usize) -> LeftOut {
        LeftOut(self.0 | 1 << source)
    }

    #[inline]
    pub fn has(self, source: usize) -> bool {
        self.0 >> source & 1 == 1
    }

    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_come_back_as_written_and_others_are_refused() {
        let left_out = LeftOut::default().and(0).and(3);
        assert!(left_out.has(0) && left_out.has(3) && !left_out.has(1));
        assert_eq!(LeftOut::from_words(&left_out.to_words(), 4), Some(left_out));
        assert_eq!(LeftOut::from_words(&left_out.to_words(), 3), None);
        assert_eq!(LeftOut::from_words(&[1, 1], 4), None);
        assert_eq!(LeftOut::default().to_words(), [0; 0]);
    }
}
