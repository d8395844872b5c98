//! The steps of a job, each builtin one with what the service reads of it (circleci-semantics
//! §5.7). Paths are as written: where they lead is for `flow` to say.

use super::{Condition, EnvVar, Invocation, Located, Origin};
use crate::yaml::Location;

/// One step of a job.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it came from.
    pub origin: Origin,
    /// The condition that it is under, if any: `when` or `unless` around it.
    pub condition: Option<Location>,
    /// What all conditions around it say together, where they depend on the pipeline.
    pub rule: Option<Condition>,
    /// What it does.
    pub kind: StepKind,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Runs a command in a shell.
    Run(RunStep),
    /// Fetches the repository.
    Checkout(CheckoutStep),
    /// Adds a layer to the workspace.
    Persist(PersistStep),
    /// Unpacks the upstream layers.
    Attach(AttachStep),
    /// Keeps files under a key for later pipelines.
    SaveCache(SaveCacheStep),
    /// Gets files that were kept under a key.
    RestoreCache(RestoreCacheStep),
    /// Uploads files for people.
    StoreArtifacts(StoreArtifactsStep),
    /// Uploads test reports.
    StoreTestResults(StoreTestResultsStep),
    /// Starts a docker engine for the steps.
    SetupRemoteDocker(SetupRemoteDockerStep),
    /// Puts the project's keys into the agent.
    AddSshKeys(AddSshKeysStep),
    /// Installs the certificates that Apple's code signing needs.
    InstallSigningBundle,
    /// A command or orb command whose source is not known here.
    Opaque(Invocation),
}

impl StepKind {
    /// Returns the step's key in a config; an opaque step's is the name that it invokes.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Run(run) if run.deploy => "deploy",
            Self::Run(_) => "run",
            Self::Checkout(_) => "checkout",
            Self::Persist(_) => "persist_to_workspace",
            Self::Attach(_) => "attach_workspace",
            Self::SaveCache(_) => "save_cache",
            Self::RestoreCache(_) => "restore_cache",
            Self::StoreArtifacts(_) => "store_artifacts",
            Self::StoreTestResults(_) => "store_test_results",
            Self::SetupRemoteDocker(_) => "setup_remote_docker",
            Self::AddSshKeys(_) => "add_ssh_keys",
            Self::InstallSigningBundle => "install_signing_bundle",
            Self::Opaque(call) => &call.name,
        }
    }
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
    /// How often the service runs it again after a failure, 1 to 5.
    pub max_auto_reruns: Option<Located<u32>>,
    /// How long it waits before that, as written: `30s`, `2m`.
    pub auto_rerun_delay: Option<Located<String>>,
    /// Whether it is written as the deprecated `deploy`: of parallel nodes only the first runs it,
    /// once the others are done.
    pub deploy: bool,
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

impl RunWhen {
    /// Returns the word that configs use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnSuccess => "on_success",
            Self::OnFail => "on_fail",
            Self::Always => "always",
        }
    }
}

/// A `checkout` step.
#[derive(Debug, Clone, Default)]
pub struct CheckoutStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// Where to, relative to the working directory.
    pub path: Option<Located<String>>,
    /// How much is fetched: `blobless` where nothing is said, `full`, `shallow`.
    pub method: Option<Located<String>>,
    /// How many commits of a shallow one.
    pub depth: Option<Located<u32>>,
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

/// A `save_cache` step.
#[derive(Debug, Clone)]
pub struct SaveCacheStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The key, with its `{{ }}` templates as written.
    pub key: Located<String>,
    /// What is kept, as written; no globs.
    pub paths: Vec<Located<String>>,
    /// When it runs.
    pub when: RunWhen,
}

/// A `restore_cache` step.
#[derive(Debug, Clone)]
pub struct RestoreCacheStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The keys in the order in which they are tried, each a prefix: `key`, then `keys`.
    pub keys: Vec<Located<String>>,
}

/// A `store_artifacts` step; it runs after a failure too.
#[derive(Debug, Clone)]
pub struct StoreArtifactsStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The file or folder, as written.
    pub path: Located<String>,
    /// What goes in front of the paths in the list of artifacts.
    pub destination: Option<Located<String>>,
}

/// A `store_test_results` step; it runs after a failure too.
#[derive(Debug, Clone)]
pub struct StoreTestResultsStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The report or the folder of reports, as written.
    pub path: Located<String>,
}

/// A `setup_remote_docker` step.
#[derive(Debug, Clone, Default)]
pub struct SetupRemoteDockerStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// The engine's version, or `default`, `edge`, `previous`.
    pub version: Option<Located<String>>,
    /// Whether image layers are kept for later jobs.
    pub docker_layer_caching: Option<bool>,
    /// Whether it should stand near the job.
    pub prefer_same_region: Option<bool>,
}

/// An `add_ssh_keys` step.
#[derive(Debug, Clone, Default)]
pub struct AddSshKeysStep {
    /// The title, where one is given.
    pub name: Option<String>,
    /// Which keys; all of them where nothing is said.
    pub fingerprints: Option<Vec<Located<String>>>,
}
