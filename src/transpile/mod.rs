//! A config in another form that does the same: persist and attach become shell steps over the
//! layer format. Every target reads the same plan; what a target cannot carry is refused with its
//! place, never dropped.

pub mod circleci;
mod lower;
pub mod shell;

use std::path::PathBuf;

use crate::yaml::Location;

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Where, relative to the output folder.
    pub path: PathBuf,
    /// What.
    pub text: String,
    /// Whether it is a program.
    pub executable: bool,
}

/// Something that a target cannot carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is.
    pub what: String,
    /// Where it stands.
    pub at: Location,
}

/// Why a config cannot be rewritten.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranspileError {
    /// The config holds what the target cannot carry; nothing was written.
    #[error("the config holds what this target does not carry yet")]
    Unsupported(Vec<Refusal>),
    /// The edited text does not say what it should. A defect of holdall; nothing was written.
    #[error("the edited config would not be what was meant: {0}")]
    Verification(String),
}
