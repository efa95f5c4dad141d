//! Three values of truth (Kleene): what is not known is neither true nor false.

/// Ordered so that `and` is the smaller and `or` the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    pub fn of(known: Option<bool>) -> Truth {
        match known {
            Some(true) => Truth::True,
            Some(false) => Truth::False,
            None => Truth::Unknown,
        }
    }

    #[must_use]
    pub fn negated(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(is_true: bool) -> Truth {
        Truth::of(Some(is_true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_decides_nothing_that_is_decided() {
        use Truth::{False, True, Unknown};
        assert_eq!((Unknown.min(False), Unknown.max(True)), (False, True));
        assert_eq!((Unknown.min(True), Unknown.max(False)), (Unknown, Unknown));
        assert_eq!([False, Unknown, True].map(Truth::negated), [True, Unknown, False]);
    }
}
