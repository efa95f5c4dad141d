//! How far an offer came, and what that is worth.

/// How far an offer came. What a step is worth is the share of those who get there that go on to
/// buy, roughly: chosen, not learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Seen,
    Clicked,
    Added,
    Bought,
}

impl Step {
    pub fn worth(self) -> f64 {
        match self {
            Step::Seen => 0.0,
            Step::Clicked => 0.1,
            Step::Added => 0.4,
            Step::Bought => 1.0,
        }
    }
}
