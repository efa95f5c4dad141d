//! The real file, where it is at hand.
