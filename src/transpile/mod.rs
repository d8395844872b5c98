//! A config in another form that does the same: persist and attach become shell steps over the
//! layer format. Every target reads the same plan; what a target cannot carry is refused with its
//! place, never dropped.

mod cache_key;
pub mod circleci;
mod comments;
mod driver;
pub mod github;
pub mod gitlab;
mod item;
mod lower;
mod report;
pub mod shell;
mod values;

use std::path::PathBuf;

use crate::yaml::Location;

pub use item::{Item, Node, items, own_key};
pub use report::{Counts, Entry, Ledger, Outcome, Report};

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

/// A config in another form: its files, and what became of everything that it says.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The files.
    pub files: Vec<OutputFile>,
    /// The report.
    pub report: Report,
}

/// What performs the layer operations of generated steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runtime {
    /// Our shell functions, written into the step: sh, tar, gzip, and sha256sum or shasum.
    #[default]
    Sh,
    /// The `holdall` binary, which has to be on the machine.
    Binary,
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
    /// A target said nothing of these. A defect of holdall; nothing was written.
    #[error("{} items of the config were forgotten, the first is {}", .0.len(), .0.first().map_or("none", |i| i.text.as_str()))]
    Forgotten(Vec<Item>),
    /// The edited text does not say what it should. A defect of holdall; nothing was written.
    #[error("the edited config would not be what was meant: {0}")]
    Verification(String),
}
