//! What is known when a step, a job or a run has ended. Serialised, it is `run.json`.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::JobStatus;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its position in the job, from 0.
    pub step: usize,
    /// Which of the job's parallel nodes ran it, from 0.
    #[serde(default)]
    pub node: u32,
    /// Its name, or the first line of what it runs.
    pub title: String,
    /// How it ended.
    pub status: StepStatus,
    /// The exit code of its shell, where it exited.
    pub exit_code: Option<i32>,
    /// What to tell a person beyond the exit code.
    pub message: Option<String>,
    /// How long it took; whole milliseconds when serialised.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
}

/// The ways in which a step can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Exit code 0, or the layers are where they belong.
    Success,
    /// Anything else.
    Failed,
    /// The run was canceled meanwhile.
    Canceled,
}

/// A layer that a job made or applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// The job that made it.
    pub job: String,
    /// The attempt of that job, from 1.
    pub attempt: u32,
    /// The node of that job, from 0.
    pub node: u32,
    /// The n-th persist of that node, from 0.
    pub seq: u32,
    /// The digest of the archive, `sha256:` and 64 hex digits.
    pub digest: String,
    /// The size of the archive in bytes.
    pub size: u64,
    /// Files, directories and links in it.
    pub entries: u64,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// Its name.
    pub name: String,
    /// Its status.
    #[serde(with = "status_word")]
    pub status: JobStatus,
    /// How long it took, its preparation included; zero where it did not run.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// Its steps, as far as they ran.
    pub steps: Vec<StepReport>,
    /// The layers that it made.
    pub layers: Vec<LayerReport>,
    /// How many parallel nodes it had.
    pub nodes: u32,
    /// Whether it is an approval that nobody gave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The folder of its artifacts and test reports, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<PathBuf>,
    /// What its test reports say, where it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Tests>,
    /// The job that kept it from running, where it did not run.
    pub stopped_by: Option<String>,
    /// The run that it was taken over from, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<String>,
    /// Its log, where it ran.
    pub log: Option<PathBuf>,
}

impl JobReport {
    /// Returns the report of a job that did not run.
    #[cfg(unix)]
    pub(crate) fn unrun(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: JobStatus::NotRun,
            duration: Duration::ZERO,
            nodes: 1,
            held: false,
            results: None,
            tests: None,
            steps: Vec::new(),
            layers: Vec::new(),
            stopped_by: None,
            reused: None,
            log: None,
        }
    }
}

/// What JUnit reports say, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tests {
    /// All of them.
    pub run: u64,
    /// Those that failed, or could not run for an error.
    pub failed: u64,
    /// Those that were skipped.
    pub skipped: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of this format.
    pub version: u32,
    /// The run's id.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workspace's id.
    pub workspace: String,
    /// Which attempt of its jobs in that workspace this is, from 1.
    #[serde(default = "first")]
    pub attempt: u32,
    /// The jobs in the order of the text.
    pub jobs: Vec<JobReport>,
    /// Whether no job failed, was canceled or waits for an approval.
    pub success: bool,
    /// Whether somebody stopped the run.
    pub canceled: bool,
    /// How long it all took.
    #[serde(rename = "duration_ms", with = "milliseconds")]
    pub duration: Duration,
    /// The folder that holds the logs.
    pub logs: PathBuf,
}

fn first() -> u32 {
    1
}

mod status_word {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::plan::JobStatus;

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "the shape that serde asks for"
    )]
    pub(super) fn serialize<S: Serializer>(status: &JobStatus, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(status.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<JobStatus, D::Error> {
        let word = String::deserialize(d)?;
        let mut all = JobStatus::ALL.into_iter();
        all.find(|status| status.as_str() == word)
            .ok_or_else(|| D::Error::custom(format!("{word} is no status of a job")))
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(d: &Duration, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_u64(u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        u64::deserialize(d).map(Duration::from_millis)
    }
}
