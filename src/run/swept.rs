//! What was taken away of what runs left, and how long it is kept.

use std::time::{Duration, SystemTime};

/// How long the folder of a run is kept, with its logs, artifacts and test results: as long as the
/// service keeps artifacts where nothing is said (circleci-semantics §1.4).
pub const RUN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What was taken away, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Folders of runs.
    pub runs: Vec<SweptRun>,
    /// Caches.
    pub caches: Vec<SweptCache>,
}

/// The folder of a run past its lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptRun {
    /// The run's id.
    pub id: String,
    /// When something was written to it last.
    pub ended: SystemTime,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A cache past its lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweptCache {
    /// Its key, filled in.
    pub key: String,
    /// Since when.
    pub expired: SystemTime,
    /// Bytes of its layers.
    pub bytes: u64,
}
