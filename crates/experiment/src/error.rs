//! What can go wrong with experiments.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("could not {action} {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{} is damaged ({detail}); no experiment runs until it is mended from a backup",
        path.display()
    )]
    Damaged { path: PathBuf, detail: String },
    #[error(
        "the log of experiments has {n_changes} changes, it had {n_known}: part of it was lost. \
         Bring experiments/log.jsonl back from a backup; or go on from what is left with \
         `alongside experiment accept-loss`, which ends what it forgot"
    )]
    Cut { n_changes: u64, n_known: u64 },
    /// The file that defines an experiment; `path` is the field, as `variant[1].weight`.
    #[error("{detail}")]
    Faulty { path: Option<String>, detail: String },
    #[error("{name:?} is there already: take another name")]
    Taken { name: String },
    #[error("there is no experiment {name:?}; `alongside experiment list` shows them")]
    Unknown { name: String },
    #[error("{name:?} has no variant {variant:?}; it has {known}")]
    UnknownVariant { name: String, variant: String, known: String },
    /// What is asked does not fit the state of the experiment.
    #[error("{name:?} {state}: {mend}")]
    WrongPhase { name: String, state: &'static str, mend: &'static str },
    #[error(
        "layer {layer:?} has {free_percent} % of its traffic left, {wanted_percent} % are asked \
         for: stop another experiment of the layer, ask for less, or name another layer"
    )]
    LayerFull { layer: String, free_percent: f64, wanted_percent: f64 },
}

impl Error {
    /// A fault of one field of a definition.
    pub fn at(path: impl Into<String>, detail: impl Into<String>) -> Error {
        Error::Faulty { path: Some(path.into()), detail: detail.into() }
    }

    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}
