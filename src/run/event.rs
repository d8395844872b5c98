//! What a run says while it goes on. Consumers draw, log or ignore it; nothing here prints.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::report::{JobReport, LayerReport, StepReport};
use crate::plan::{JobIndex, JobStatus};

/// One thing that happened in a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The run begins; job indexes in later events point into `jobs`.
    RunStarted {
        /// The run's id, also the name of its folder.
        run: String,
        /// The workflow's name.
        workflow: String,
        /// The names of its jobs, in the order of the text.
        jobs: Vec<String>,
        /// The folder that holds the logs.
        logs: PathBuf,
    },
    /// How jobs are kept apart from the machine.
    Isolation(Isolation),
    /// A job will have its turn, if its requirements end well.
    JobQueued {
        /// Which one.
        job: JobIndex,
    },
    /// A job was done by an earlier run and is taken over with its layers.
    JobReused {
        /// Which one.
        job: JobIndex,
        /// How it ended then.
        report: JobReport,
    },
    /// A job begins.
    JobStarted {
        /// Which one.
        job: JobIndex,
        /// How many parallel nodes it has.
        nodes: u32,
    },
    /// One of the parallel nodes of a job begins; jobs with a single node are not told of twice.
    NodeStarted {
        /// The job.
        job: JobIndex,
        /// Which of its nodes, from 0.
        node: u32,
    },
    /// A person is asked about an approval; nothing may be drawn over the question until
    /// [`Event::Answered`].
    Asking {
        /// Which one.
        job: JobIndex,
    },
    /// The person has answered.
    Answered {
        /// Which approval.
        job: JobIndex,
        /// Whether it was given.
        yes: bool,
    },
    /// A job will not run.
    JobSkipped {
        /// Which one.
        job: JobIndex,
        /// Why not.
        why: Skipped,
    },
    /// Something happened inside a job.
    Job {
        /// Which one.
        job: JobIndex,
        /// On which of its nodes, from 0.
        node: u32,
        /// What happened.
        event: JobEvent,
    },
    /// A job has ended.
    JobFinished {
        /// Which one.
        job: JobIndex,
        /// How.
        report: JobReport,
    },
    /// Something about the run as a whole that a person should know.
    Warning(String),
    /// Nothing happened for a moment: whoever shows elapsed time may look at the clock.
    Tick,
}

/// How jobs are kept apart from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Linux namespaces; the processes of a job are root in their own view.
    NamespacesAsRoot,
    /// Linux namespaces made without any privilege.
    NamespacesAsUser,
    /// Not at all: jobs run on the bare machine.
    Off,
    /// Containers of podman, in the images of the jobs.
    Podman,
    /// Containers of docker, in the images of the jobs.
    Docker,
}

/// Why a job does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skipped {
    /// A job that it requires ended in a status that it does not accept.
    Requirement {
        /// The required job.
        job: JobIndex,
        /// How that one ended.
        status: JobStatus,
        /// The job at the start of the chain of jobs that did not run; often `job` itself.
        root: JobIndex,
    },
    /// The run was canceled before its turn came.
    Canceled,
    /// It is an approval, and nobody approved it.
    Held,
}

/// One thing that happened inside a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobEvent {
    /// A step begins.
    StepStarted {
        /// Its position in the job, from 0.
        step: usize,
        /// Its name, or the first line of what it runs.
        title: String,
        /// The first line of its script, where it has one.
        script: Option<String>,
    },
    /// A step has ended.
    StepFinished(StepReport),
    /// Processes of the job wrote something, standard output and error in the order of writing.
    Output(Chunk),
    /// A layer is being made or applied.
    Progress {
        /// Bytes of file content so far.
        bytes: u64,
        /// Entries so far.
        entries: u64,
    },
    /// A layer was added to the workspace.
    Persisted {
        /// The layer.
        layer: LayerReport,
        /// The tree digest of what it holds.
        tree: String,
    },
    /// Layers were applied, in this order.
    Attached {
        /// The target as the config writes it.
        at: String,
        /// The layers.
        layers: Vec<LayerReport>,
        /// The tree digest of what they make together.
        tree: String,
    },
    /// Something that a person should know.
    Warning(String),
}

/// A piece of output, cut between characters where the output is UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chunk {
    /// Text.
    Text(String),
    /// Bytes that are no UTF-8.
    Bytes(Vec<u8>),
}

impl Chunk {
    /// Takes bytes as they came.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|e| Self::Bytes(e.into_bytes()), Self::Text)
    }

    /// Returns the bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}
