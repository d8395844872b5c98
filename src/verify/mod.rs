//! Proves a migration on this machine: the config runs as `holdall run` runs it, what was written
//! of it runs under the target's own runner, and what each attach brought is compared.
//!
//! Both runs say themselves what they find: a step before each attach notes what is there, one
//! behind it tells what came, in lines of the job's output. So nothing that the layer format says
//! about itself is believed. The room prints nothing, and works in copies of the project.

mod compare;
mod here;
mod instrument;
mod lines;
mod probe;
mod project;
mod there;

pub use compare::{Difference, JobResult, Verdict, compare};
pub use here::{Here, run};
pub use instrument::{Attaches, instrument};
pub use lines::{Key, Seen, Trees};
pub use probe::{begin, end};
pub use project::Copy;
pub use there::{Command, There};

use std::path::PathBuf;

/// Why a migration could not be verified. What differs is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The project cannot be copied: what was tried, and what came of it.
    #[error("the project cannot be copied: {what}: {why}")]
    Copy {
        /// What was tried.
        what: String,
        /// What the system or git answered.
        why: String,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// Running here did not come about.
    #[error(transparent)]
    Run(#[from] crate::run::RunError),
}

impl VerifyError {
    fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
