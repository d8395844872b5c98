//! One job with everything decided: what an engine gets, here or in another process.
//!
//! The types cross a process boundary as JSON, one value a line.

use std::ffi::OsString;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
use super::event::JobEvent;
use crate::plan::{JobStatus, RunWhen};

/// A job, ready to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobSpec {
    pub(crate) name: String,
    pub(crate) workflow: String,
    /// The names of the jobs that it requires directly.
    pub(crate) requires: Vec<String>,
    pub(crate) attempt: u32,
    /// Which of the parallel nodes of the job this is, from 0, and of how many.
    pub(crate) node: u32,
    pub(crate) nodes: u32,
    /// As the config writes it.
    pub(crate) working_directory: String,
    pub(crate) home: OsString,
    /// Every variable but those of single steps; later entries win.
    pub(crate) env: Vec<(OsString, OsString)>,
    /// The shell of executor or job, as written.
    pub(crate) shell: Option<String>,
    pub(crate) steps: Vec<StepSpec>,
    /// The store's folder, absolute.
    pub(crate) store: OsString,
    pub(crate) workspace: String,
    /// The folder of the caches, absolute.
    pub(crate) caches: OsString,
    /// The folder that takes artifacts and test reports, absolute.
    pub(crate) results: OsString,
    /// The project's folder, absolute: what `checkout` copies.
    pub(crate) project: OsString,
    /// A folder for the runner's own files, writable, in the job's view.
    pub(crate) private: OsString,
    /// Whether `checkout` also brings what git neither tracks nor ignores.
    pub(crate) dirty: bool,
    /// Whether the working directory is kept with the results.
    pub(crate) keep: bool,
    /// Between the request to end and the kill.
    pub(crate) grace: Duration,
    /// Where `checkout` finds what it cannot ask the project for; nothing where it can.
    pub(crate) source: Option<Place>,
}

/// What was prepared for checkouts where the project is seen without its repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Place {
    /// A repository with the project's history, if it has any.
    pub(crate) repository: Option<OsString>,
    /// A file with the names of the files to copy, each with a NUL behind it.
    pub(crate) listed: OsString,
}

/// A step, ready to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StepSpec {
    pub(crate) title: String,
    pub(crate) kind: StepWork,
}

/// What a step does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum StepWork {
    Run(RunWork),
    Checkout {
        path: Option<String>,
    },
    Persist {
        root: String,
        paths: Vec<String>,
        /// The n-th persist of the job, from 0.
        seq: u32,
    },
    Attach {
        at: String,
        upstream: Vec<UpstreamJob>,
    },
    SaveCache {
        key: String,
        paths: Vec<String>,
        when: When,
    },
    RestoreCache {
        keys: Vec<String>,
    },
    Artifacts {
        path: String,
        destination: Option<String>,
    },
    TestResults {
        path: String,
    },
    /// What a local machine cannot do, and what that means.
    Nothing {
        note: String,
    },
}

impl StepWork {
    /// Says under which outcome of the earlier steps it runs.
    pub(crate) fn when(&self) -> When {
        match self {
            Self::Run(run) => run.when,
            Self::SaveCache { when, .. } => *when,
            // Results are wanted most where something failed.
            Self::Artifacts { .. } | Self::TestResults { .. } => When::Always,
            _ => When::OnSuccess,
        }
    }
}

/// A script and how to run it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunWork {
    pub(crate) script: String,
    pub(crate) shell: Option<String>,
    pub(crate) working_directory: Option<String>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) background: bool,
    pub(crate) when: When,
    pub(crate) no_output_timeout: Duration,
    /// How often it runs again after a failure, and after which pause.
    pub(crate) reruns: u32,
    pub(crate) rerun_delay: Duration,
}

/// Under which outcome of the earlier steps a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum When {
    OnSuccess,
    OnFail,
    Always,
}

impl From<RunWhen> for When {
    fn from(when: RunWhen) -> Self {
        match when {
            RunWhen::OnSuccess => Self::OnSuccess,
            RunWhen::OnFail => Self::OnFail,
            RunWhen::Always => Self::Always,
        }
    }
}

/// A job whose layers an attach applies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UpstreamJob {
    pub(crate) job: String,
    pub(crate) after: Vec<String>,
}

/// How the steps of a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Success,
    Failed,
    Canceled,
}

impl From<Outcome> for JobStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Success,
            Outcome::Failed => Self::Failed,
            Outcome::Canceled => Self::Canceled,
        }
    }
}

/// What the process of a job tells the runner.
#[cfg(target_os = "linux")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum FromAgent {
    /// The view of the file system stands; the job may be sent.
    Ready,
    /// The view stands; the job may be sent when the ids of its process are mapped.
    MapMe,
    /// The system refused something that isolation needs.
    Refused {
        what: String,
        reason: String,
    },
    Event(JobEvent),
    Ended(Outcome),
    /// A signal from outside ended the process that ran the steps.
    Killed(i32),
}
