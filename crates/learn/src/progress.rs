//! How far the run is, for a progress bar.

/// The steps of a run, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Split,
    TuneEase,
    TuneBlend,
    Ranker,
    Pairs,
    Ease,
    Content,
    Relations,
    NextBasket,
    Write,
}

impl Step {
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Split => "splitting by time",
            Step::TuneEase => "choosing EASE parameters",
            Step::TuneBlend => "tuning the blend of sources",
            Step::Ranker => "training the ranker",
            Step::Pairs => "counting pairs",
            Step::Ease => "solving EASE",
            Step::Content => "reading titles",
            Step::Relations => "telling complements from substitutes",
            Step::NextBasket => "foretelling next baskets",
            Step::Write => "writing the snapshot",
        }
    }
}

/// Whoever shows it. Called from the learning thread, between pieces of work.
pub trait Progress: Sync {
    /// `done` of this step, from 0 to 1.
    fn report(&self, step: Step, done: f32);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn report(&self, _step: Step, _done: f32) {}
}
