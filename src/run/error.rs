//! What stops a run before or between its jobs. A job that fails is no error: see `report`.

use std::path::PathBuf;

use crate::plan::Origin;

/// Something in the workflow that cannot be run here yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The job that holds it.
    pub job: String,
    /// What it is, as a person would say it: `step save_cache`, `approval job`.
    pub what: String,
    /// Where it was written.
    pub origin: Origin,
}

/// Why a workflow could not be run, or not to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The workflow asks for things that the runner does not do; nothing was started.
    #[error("not supported yet by run: {}", list(.0))]
    Unsupported(Vec<Refusal>),
    /// Jobs wait for each other in a circle; nothing was started.
    #[error("these jobs wait for each other: {}", .0.join(", "))]
    Cycle(Vec<String>),
    /// A requirement points at no job of the workflow; nothing was started.
    #[error("job {job} requires a job that the workflow does not have")]
    UnknownRequirement {
        /// The job that has the requirement.
        job: String,
    },
    /// The machine forbids what isolation needs; nothing was started.
    #[error("jobs cannot be isolated on this machine: {what}: {reason}")]
    Isolation {
        /// What was refused.
        what: String,
        /// What the system answered.
        reason: String,
    },
    /// The container engine does not answer; nothing was started.
    #[error("{engine} cannot be used: {reason}")]
    Engine {
        /// The engine.
        engine: &'static str,
        /// What it answered, or the system.
        reason: String,
    },
    /// The process that ran a job ended without a word.
    #[error("the process of job {job} ended unexpectedly: {detail}")]
    Agent {
        /// The job.
        job: String,
        /// What it left behind: its exit and the end of its error output.
        detail: String,
    },
    /// A file of the runner itself could not be read or written.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried: `create`, `write`.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// Jobs need a Unix system.
    #[error("workflows run on Linux and macOS only")]
    Platform,
}

impl RunError {
    /// Returns what the person can do about it, where something can be done.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Isolation { .. } => Some(
                "isolation keeps a job's writes away from your files; with --no-isolation the \
                 jobs run on the bare machine and can change everything that you can change",
            ),
            Self::Unsupported(_) => {
                Some("nothing was started; take these out of the workflow to run the rest here")
            }
            Self::Engine { .. } => Some(
                "install it, or start its service, until its `version` command succeeds; \
                 --engine host runs the jobs without containers",
            ),
            Self::Platform => Some("under WSL it is the holdall for Linux, and runs them"),
            Self::Cycle(_) => Some("take one `requires` out of the circle"),
            _ => None,
        }
    }

    /// Makes the error of a failed file operation.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<std::io::Error>,
    ) -> Self {
        Self::Io {
            what,
            path: path.into(),
            source: source.into(),
        }
    }
}

fn list(refusals: &[Refusal]) -> String {
    let items: Vec<String> = refusals
        .iter()
        .map(|r| format!("{} (job {})", r.what, r.job))
        .collect();
    items.join(", ")
}
