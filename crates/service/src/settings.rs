//! What the operator decides.

use crate::chronicle::ChronicleDir;
use crate::gatekeeper::OriginSettings;
use crate::holdout::HoldoutSettings;
use crate::limits::LimitSettings;
use crate::live::LiveSettings;
use decide::Languages;

/// What the operator decides about the service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub limits: LimitSettings,
    pub origins: OriginSettings,
    pub live: LiveSettings,
    /// Who is shown nothing, so that it can be told what the offers earn.
    pub holdout: Option<HoldoutSettings>,
    /// Answers that are kept, so that the same question is decided once; 0: none.
    pub answers_kept: usize,
    /// Where what the catalog is told is kept, so that decisions can be replayed; `None`: nowhere.
    pub chronicle: Option<ChronicleDir>,
    /// What reasons can be told in.
    pub languages: Languages,
    /// Of this shop alone: experiments know units by it.
    pub unit_key: u64,
    /// Serve the demo shop at `/`.
    pub with_shop: bool,
    /// Whose data the shop shows, for the foot of its pages.
    pub attribution: Option<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: LimitSettings::default(),
            origins: OriginSettings::default(),
            live: LiveSettings::default(),
            holdout: None,
            answers_kept: decide::memo::DEFAULT_CAPACITY,
            chronicle: None,
            languages: Languages::default(),
            unit_key: 0,
            with_shop: false,
            attribution: None,
        }
    }
}
