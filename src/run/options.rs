//! How a workflow is to be run.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::report::JobReport;
use crate::plan::GitRef;

/// A context: variables that only the jobs get that name it.
#[derive(Clone)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its variables, later ones winning.
    pub variables: Vec<(String, String)>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values are secrets.
        let names: Vec<&str> = self
            .variables
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        f.debug_struct("Context")
            .field("name", &self.name)
            .field("variables", &names)
            .finish()
    }
}

/// What says yes to approval jobs; the others are held, with all that waits for them.
#[derive(Clone, Default)]
pub struct Approvals {
    /// Whether all of them are approved.
    pub all: bool,
    /// Those that are approved, by the names of their jobs.
    pub jobs: Vec<String>,
    /// Asks a person about a job.
    pub ask: Option<Arc<Ask>>,
}

/// A question about one approval job, by its name.
pub type Ask = dyn Fn(&str) -> bool + Send + Sync;

impl Approvals {
    /// Says whether a job is approved ahead.
    pub(crate) fn given(&self, job: &str) -> bool {
        self.all || self.jobs.iter().any(|name| name == job)
    }
}

impl std::fmt::Debug for Approvals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approvals")
            .field("all", &self.all)
            .field("jobs", &self.jobs)
            .finish_non_exhaustive()
    }
}

/// What runs the jobs of a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// This machine itself: no images, no containers.
    #[default]
    Host,
    /// Containers of podman.
    Podman,
    /// Containers of docker.
    Docker,
}

/// How a workflow is to be run. [`Options::new`] fills in what a person would expect.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the project: where git facts come from.
    pub project: PathBuf,
    /// The folder of the layer store; made where it is missing.
    pub store: PathBuf,
    /// The workspace's id; each run has one of its own where nothing is said.
    pub workspace: Option<String>,
    /// Which attempt of its jobs this run is, from 1.
    pub attempt: u32,
    /// The folder of the caches; made where it is missing.
    pub caches: PathBuf,
    /// The folder that takes one folder of logs and results a run.
    pub runs: PathBuf,
    /// The folder of the locks that the runs of a project respect; made where one is needed.
    pub locks: PathBuf,
    /// How many jobs, or parallel nodes of them, run at the same time. Where nothing is said: as
    /// many as the machine has cores, and one without isolation.
    pub jobs: Option<NonZeroUsize>,
    /// Whether jobs are kept apart from the machine.
    pub isolation: bool,
    /// What says yes to approval jobs.
    pub approvals: Approvals,
    /// Files and folders that isolated jobs see as they are, though they lie in a folder that jobs have
    /// one of their own of: `/tmp`, say.
    pub revealed: Vec<PathBuf>,
    /// Jobs that an earlier run has done in the same workspace; they do not run again.
    pub reused: Vec<JobReport>,
    /// Whether `checkout` also takes the files that git does not track and does not ignore.
    pub dirty: bool,
    /// Whether the working directory of each job is kept with its results.
    pub keep: bool,
    /// Set from outside to stop the run.
    pub cancel: Arc<AtomicBool>,
    /// Set from outside, after `cancel`, to end what is left without waiting.
    pub hurry: Arc<AtomicBool>,
    /// How long a step has between the request to end and the kill.
    pub grace: Duration,
    /// The push that the run stands for; what is checked out where nothing is said.
    pub pushed: Option<GitRef>,
    /// Variables for every job, as a project's settings or a context give them: weaker than the
    /// built-in ones and than those of the config.
    pub env: Vec<(String, String)>,
    /// The contexts that are known here; their values are masked in all that a run says.
    pub contexts: Vec<Context>,
    /// The environment that jobs may inherit a part of, and that says where home is.
    pub host_env: Vec<(OsString, OsString)>,
    /// The program that plays the job's own process; the running one where nothing is said.
    pub agent: Option<PathBuf>,
    /// Where what jobs write is kept while they run; a temporary folder where nothing is said.
    pub scratch: Option<PathBuf>,
    /// What runs the jobs.
    pub engine: EngineKind,
    /// Images that stand for others, as pairs of the name that a config writes, with or without its
    /// tag, and the one that is taken. Only engines with containers look at them.
    pub images: Vec<(String, String)>,
}

impl Options {
    /// Makes the options for a project, with the environment of this process.
    #[must_use]
    pub fn new(project: impl Into<PathBuf>) -> Self {
        let project = project.into();
        Self {
            store: project.join(".holdall/store"),
            runs: project.join(".holdall/runs"),
            caches: project.join(".holdall/caches"),
            locks: project.join(".holdall/locks"),
            project,
            workspace: None,
            attempt: 1,
            jobs: None,
            isolation: true,
            approvals: Approvals::default(),
            revealed: Vec::new(),
            reused: Vec::new(),
            dirty: false,
            keep: false,
            cancel: Arc::new(AtomicBool::new(false)),
            hurry: Arc::new(AtomicBool::new(false)),
            grace: Duration::from_secs(5),
            pushed: None,
            env: Vec::new(),
            contexts: Vec::new(),
            host_env: std::env::vars_os().collect(),
            agent: None,
            scratch: None,
            engine: EngineKind::Host,
            images: Vec::new(),
        }
    }
}
