//! The compiled pipeline: workflows, jobs and steps with everything resolved.
//!
//! This is the contract between the configuration language and whoever acts on it: the linter,
//! every transpile target and the local runner read these types and nothing else. No node holds
//! CircleCI syntax; every node knows the text that it came from.

mod filters;

use crate::yaml::Location;

pub use filters::{GitRef, Undecided};

/// Where a node of the plan was written, and through which calls it got here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The text of the node itself.
    pub at: Location,
    /// The calls that led there, outermost first: a command in a job, a job in a workflow.
    pub via: Vec<Call>,
}

/// One link of an origin's chain: something was invoked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was invoked, as a person would say it: `command install`, `alias *defaults`.
    pub what: String,
    /// Where the invocation stands.
    pub at: Location,
    /// Where what was invoked is defined, if it has a definition.
    pub defined: Option<Location>,
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Location,
}

impl<T> Located<T> {
    /// Pairs a value with its place.
    pub fn new(value: T, at: Location) -> Self {
        Self { value, at }
    }
}

/// A compiled config: what would run.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// The jobs that are defined, used or not, in the order of the text.
    pub definitions: Vec<Located<String>>,
    /// The workflows in the order of the text.
    pub workflows: Vec<Workflow>,
}

/// One workflow: a graph of jobs.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub origin: Origin,
    /// The condition that it runs under, if any: its `when` or `unless`.
    pub condition: Option<Location>,
    /// Its jobs in the order of the text; [`JobIndex`] points in here.
    pub jobs: Vec<Job>,
    /// Whether some of its jobs could not be compiled, so that names and edges may be missing.
    pub incomplete: bool,
}

/// The position of a job in [`Workflow::jobs`].
pub type JobIndex = usize;

/// One job of a workflow, after naming: what the service would schedule.
#[derive(Debug, Clone)]
pub struct Job {
    /// The effective name, unique in the pipeline.
    pub name: String,
    /// The name as the workflow writes it, before a suffix makes it unique.
    pub written_name: String,
    /// The entry in the workflow.
    pub origin: Origin,
    /// Where the job's definition has its name; the entry itself for an approval.
    pub definition: Location,
    /// What kind of job it is.
    pub kind: JobKind,
    /// The jobs that it waits for, in the order of the text.
    pub requires: Vec<Requirement>,
    /// Requirements that could not be resolved because a part of the workflow is not compiled.
    pub unknown_requires: Vec<Located<String>>,
    /// On which branches and tags it runs; everywhere but on tags where nothing is said.
    pub filters: Option<Filters>,
    /// The matrix that it is an arm of.
    pub matrix: Option<MatrixArm>,
    /// What it runs on; none for jobs that run nothing.
    pub executor: Option<Executor>,
    /// Its working directory as written, `~/project` where nothing is said.
    pub working_directory: Located<String>,
    /// The shell as written, if any (job over executor).
    pub shell: Option<Located<String>>,
    /// The environment of executor and job, merged, in order; later entries win.
    pub environment: Vec<EnvVar>,
    /// How many nodes run it.
    pub parallelism: u32,
    /// Its steps with pre- and post-steps in place and commands expanded.
    pub steps: Vec<Step>,
    /// Why not all of it is known, if that is so: it may persist or attach more than `steps` says.
    pub opaque: Option<String>,
}

/// The matrix that brought a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixArm {
    /// The name by which requirements mean all its arms.
    pub alias: String,
    /// Where the matrix stands; the same for all its arms.
    pub at: Location,
}

/// On which branches and tags a job runs (circleci-semantics §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filters {
    /// Where they stand.
    pub at: Location,
    /// What they say.
    pub kind: FilterKind,
}

/// The two forms of filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterKind {
    /// Branches and tags by name or pattern.
    Map {
        /// For pushes to branches.
        branches: Option<FilterRule>,
        /// For pushes of tags; without it the job runs for no tag.
        tags: Option<FilterRule>,
    },
    /// An expression over pipeline values.
    Expression(Located<String>),
}

/// Names that are let in, and names that are kept out: literal, or `/regex/` over the whole name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterRule {
    /// Only these; all where it is empty.
    pub only: Vec<Located<String>>,
    /// Not these.
    pub ignore: Vec<Located<String>>,
}

/// What a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Runs steps.
    Build,
    /// Waits for a person.
    Approval,
    /// Does nothing but carry the graph.
    NoOp,
}

/// One edge of the graph: this job waits for another.
#[derive(Debug, Clone)]
pub struct Requirement {
    /// The required job.
    pub job: JobIndex,
    /// Where the requirement stands.
    pub at: Location,
    /// The statuses that let the dependant run; only `success` where nothing is said.
    pub statuses: Vec<JobStatus>,
}

/// How a job can end (circleci-semantics §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobStatus {
    /// All steps passed.
    Success,
    /// A step failed.
    Failed,
    /// Somebody stopped it.
    Canceled,
    /// A context refused it.
    Unauthorized,
    /// It never ran.
    NotRun,
}

impl JobStatus {
    /// Every status: what `terminal` stands for.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::Failed,
        Self::Canceled,
        Self::Unauthorized,
        Self::NotRun,
    ];

    /// Returns the word that configs use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Unauthorized => "unauthorized",
            Self::NotRun => "not_run",
        }
    }
}

/// What a job runs on.
#[derive(Debug, Clone)]
pub struct Executor {
    /// The kind with its details.
    pub kind: ExecutorKind,
    /// Where it is described.
    pub at: Location,
    /// The machine size as written, if any.
    pub resource_class: Option<Located<String>>,
}

/// The kinds of executor.
#[derive(Debug, Clone)]
pub enum ExecutorKind {
    /// Containers; the first runs the steps, the others are services.
    Docker(Vec<DockerImage>),
    /// A virtual machine with this image.
    Machine {
        /// The image, where one is named.
        image: Option<String>,
    },
    /// A Mac with this Xcode.
    Macos {
        /// The Xcode version, where one is named.
        xcode: Option<String>,
    },
}

/// One container of a docker executor.
#[derive(Debug, Clone)]
pub struct DockerImage {
    /// The image reference.
    pub image: Located<String>,
    /// The host name of a service container.
    pub name: Option<String>,
    /// The user that its processes run as.
    pub user: Option<String>,
    /// The entrypoint that replaces the image's.
    pub entrypoint: Vec<String>,
    /// The command that replaces the image's.
    pub command: Vec<String>,
    /// Variables for this container alone.
    pub environment: Vec<EnvVar>,
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// The name.
    pub name: String,
    /// The value as text.
    pub value: String,
    /// Where it stands.
    pub at: Location,
}

/// One step of a job.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it came from.
    pub origin: Origin,
    /// The condition that it is under, if any: `when` or `unless` around it.
    pub condition: Option<Location>,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Runs a command in a shell.
    Run(RunStep),
    /// Fetches the repository.
    Checkout {
        /// Where to, relative to the working directory.
        path: Option<Located<String>>,
    },
    /// Adds a layer to the workspace.
    Persist(PersistStep),
    /// Unpacks the upstream layers.
    Attach(AttachStep),
    /// Another step of the service, known by name: `save_cache`, `store_artifacts` and so on.
    Builtin(BuiltinStep),
    /// A command or orb command whose source is not known here.
    Opaque {
        /// The name as invoked.
        name: String,
    },
}

/// A `run` step.
#[derive(Debug, Clone, Default)]
pub struct RunStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The shell script.
    pub command: Located<String>,
    /// The shell of this step alone.
    pub shell: Option<String>,
    /// Where to run, relative to the job's working directory.
    pub working_directory: Option<Located<String>>,
    /// Variables of this step alone.
    pub environment: Vec<EnvVar>,
    /// Whether the next step starts at once.
    pub background: bool,
    /// When it runs.
    pub when: RunWhen,
    /// How long the step may be silent, as written (`10m` where nothing is said).
    pub no_output_timeout: Option<Located<String>>,
}

/// Under which outcome of the earlier steps a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunWhen {
    /// Only while everything passed.
    #[default]
    OnSuccess,
    /// Only after a failure.
    OnFail,
    /// In both cases.
    Always,
}

/// A `persist_to_workspace` step.
#[derive(Debug, Clone)]
pub struct PersistStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// What the layer's paths are relative to, as written.
    pub root: Located<String>,
    /// The patterns, as written.
    pub paths: Vec<Located<String>>,
    /// Where the `paths` value stands.
    pub paths_at: Location,
    /// Whether `paths` was one bare string.
    pub paths_is_string: bool,
    /// Whether a path depends on the values of the pipeline: another run may have another one.
    pub varies: bool,
}

/// An `attach_workspace` step.
#[derive(Debug, Clone)]
pub struct AttachStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// Where the layers go, as written.
    pub at: Located<String>,
    /// Whether the path depends on the values of the pipeline: another run may have another one.
    pub varies: bool,
}

/// A step of the service that this plan carries without interpreting it.
#[derive(Debug, Clone)]
pub struct BuiltinStep {
    /// The step's key: `save_cache`, `store_artifacts`, …
    pub name: String,
}
