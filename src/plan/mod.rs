//! The compiled pipeline: workflows, jobs and steps with everything resolved.
//!
//! This is the contract between the configuration language and whoever acts on it: the linter,
//! every transpile target and the local runner read these types and nothing else. No node holds
//! CircleCI syntax; every node knows the text that it came from.

mod cache_key;
mod condition;
mod duration;
mod filters;
mod origin;
mod stand_in;
mod step;

use crate::yaml::{Data, Location};

pub use cache_key::{KeyPart, key_parts};
pub use condition::{Condition, Operand};
pub use duration::parse_duration;
pub use filters::{GitRef, Undecided};
pub use origin::{Call, Filled, Located, MERGE, Origin, Spot};
pub(crate) use stand_in::stand_in;
pub use stand_in::{TextPart, actual, marked, text_parts};
pub use step::{
    AddSshKeysStep, AttachStep, CheckoutStep, PersistStep, RestoreCacheStep, RunStep, RunWhen,
    SaveCacheStep, SetupRemoteDockerStep, Step, StepKind, StoreArtifactsStep, StoreTestResultsStep,
};

/// A compiled config: what would run.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// The workflows in the order of the text.
    pub workflows: Vec<Workflow>,
    /// Whether this is a setup config: its one workflow decides what the pipeline goes on with.
    pub setup: bool,
    /// The orbs that it takes elements from, in the order of the text.
    pub orbs: Vec<Orb>,
    /// The executors that arguments of calls without source name, as they are defined.
    pub executors: Vec<(String, Data)>,
}

/// An orb of the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orb {
    /// The name by which the config calls it.
    pub alias: String,
    /// Where the alias stands.
    pub at: Location,
    /// What the config says it is, `namespace/name@version`; none where it is written inline.
    pub reference: Option<String>,
    /// The source that stands for it here, as its file is named; none where there is none.
    pub resolved: Option<String>,
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
    /// What that condition says, where it depends on the pipeline.
    pub rule: Option<Condition>,
    /// The schedules that start it, in the place of pushes (circleci-semantics §4.7).
    pub schedules: Vec<Schedule>,
    /// How often the service starts it again by itself after a failure.
    pub max_auto_reruns: Option<Located<u32>>,
    /// Its jobs in the order of the text; [`JobIndex`] points in here.
    pub jobs: Vec<Job>,
    /// Whether some of its jobs could not be compiled, so that names and edges may be missing.
    pub incomplete: bool,
    /// What it stands for, where it is no workflow: one definition that others use. What runs
    /// before and behind it is not known.
    pub definition: Option<DefinitionKind>,
}

/// What kind of definition stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    /// A job.
    Job,
    /// A command: the steps of its one job.
    Command,
    /// An executor: that of its one job, which has no steps.
    Executor,
}

impl DefinitionKind {
    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Command => "command",
            Self::Executor => "executor",
        }
    }
}

/// One trigger of a workflow by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// When, in the words of cron, in UTC.
    pub cron: Located<String>,
    /// On which branches.
    pub filters: Option<Filters>,
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
    /// Where the entry's arguments stand, if it has any.
    pub given: Option<Location>,
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
    /// The keys whose values are what they are here, where another pipeline may have others.
    pub varies: Vec<&'static str>,
    /// The contexts whose variables and keys it gets, the last one winning.
    pub contexts: Vec<Located<String>>,
    /// The queue of the organisation in which it waits for its turn.
    pub serial_group: Option<Located<String>>,
    /// Keys that are carried and not read: a release's plan, the address ranges of a job.
    pub settings: Vec<(String, Data)>,
    /// What is invoked, where its source is not known here.
    pub invokes: Option<Invocation>,
    /// The orb's job that takes its place if that orb, whose source is not known here, has it.
    pub override_with: Option<Located<String>>,
    /// Its steps with pre- and post-steps in place and commands expanded.
    pub steps: Vec<Step>,
    /// Why not all of it is known, if that is so: it may persist or attach more than `steps` says.
    pub opaque: Option<String>,
}

/// The working directory where nothing is said (circleci-semantics §3).
pub const DEFAULT_WORKING_DIRECTORY: &str = "~/project";

impl Job {
    /// Returns a job of which nothing but its names, its kind and its place is known.
    #[must_use]
    pub fn new(name: String, written_name: String, kind: JobKind, at: Location) -> Self {
        Self {
            name,
            written_name,
            origin: Origin {
                at,
                via: Vec::new(),
            },
            definition: at,
            given: None,
            kind,
            requires: Vec::new(),
            unknown_requires: Vec::new(),
            filters: None,
            matrix: None,
            executor: None,
            working_directory: Located::new(DEFAULT_WORKING_DIRECTORY.to_owned(), at),
            shell: None,
            environment: Vec::new(),
            parallelism: 1,
            varies: Vec::new(),
            contexts: Vec::new(),
            serial_group: None,
            settings: Vec::new(),
            invokes: None,
            override_with: None,
            steps: Vec::new(),
            opaque: None,
        }
    }
}

/// A call of something whose source is not known here: what is said to it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The name as invoked: `node/test`.
    pub name: String,
    /// The arguments, with everything of the pipeline put in place.
    pub arguments: Vec<(String, Data)>,
}

/// The matrix that brought a job.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixArm {
    /// The name of the definition that its arms are made of.
    pub base: String,
    /// The name by which requirements mean all its arms.
    pub alias: String,
    /// Where the matrix stands; the same for all its arms.
    pub at: Location,
    /// The values that make this arm, by the names of the matrix's parameters, in its order.
    pub values: Vec<(String, Located<Data>)>,
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
    Expression {
        /// The expression.
        text: Located<String>,
        /// What it comes to under the values that the config was compiled with; none where they
        /// do not decide it.
        holds: Option<bool>,
    },
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
    /// Waits for a release to be done elsewhere (circleci-semantics §4.5).
    Release,
    /// Waits for a lock that other pipelines respect.
    Lock,
    /// Gives that lock back.
    Unlock,
}

impl JobKind {
    /// Returns the word that configs use for the type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Approval => "approval",
            Self::NoOp => "no-op",
            Self::Release => "release",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
        }
    }
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
    /// The calls that led there: of an executor by its name, of a map by a merge key.
    pub via: Vec<Call>,
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
        image: Option<Located<String>>,
        /// Everything that is said about it, the image too: `true`, or a map.
        settings: Data,
    },
    /// A Mac with this Xcode.
    Macos {
        /// The Xcode version, where one is named.
        xcode: Option<Located<String>>,
        /// Everything that is said about it, the version too.
        settings: Data,
    },
    /// An orb's executor whose source is not known here.
    Unknown(Invocation),
}

/// One container of a docker executor.
#[derive(Debug, Clone)]
pub struct DockerImage {
    /// The image reference.
    pub image: Located<String>,
    /// The host name of a service container.
    pub name: Option<Located<String>>,
    /// The user that its processes run as.
    pub user: Option<Located<String>>,
    /// The entrypoint that replaces the image's.
    pub entrypoint: Option<Located<Words>>,
    /// The command that replaces the image's.
    pub command: Option<Located<Words>>,
    /// Variables for this container alone.
    pub environment: Vec<EnvVar>,
    /// Keys that are carried and not read: how to log in at the registry.
    pub settings: Vec<(String, Data)>,
}

/// A command of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// One text, for a shell to split.
    Text(String),
    /// The words.
    List(Vec<String>),
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// The name.
    pub name: String,
    /// Where the name stands; the whole text of a bare `NAME=value`.
    pub at: Location,
    /// The value as text.
    pub value: Located<String>,
}
