//! Runs one workflow of a plan on this machine, workspaces included.
//!
//! The room takes a [`plan::Workflow`](crate::plan::Workflow) and hands back a [`Summary`]; what
//! happens in between arrives as [`Event`]s. It prints nothing and reads no configuration text.
//! Jobs run at the same time as far as the graph allows, on Linux each in its own namespaces with a copy-on-write view
//! of the file system (`docs/run.md` says what that is and what it is not).

mod check;
mod error;
mod event;
mod options;
mod report;
mod swept;
mod text;

#[cfg(target_os = "linux")]
mod agent;
#[cfg(target_os = "linux")]
mod container;
mod earlier;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
mod engines;
#[cfg(unix)]
mod env;
#[cfg(unix)]
mod junit;
#[cfg(unix)]
mod locks;
#[cfg(unix)]
mod logs;
#[cfg(unix)]
mod mask;
#[cfg(unix)]
mod node;
#[cfg(unix)]
mod notes;
#[cfg(unix)]
mod prepare;
#[cfg(unix)]
mod prune;
mod repo;
#[cfg(unix)]
mod runner;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(unix)]
mod schedule;
#[cfg(unix)]
mod spec;

use std::ffi::OsString;
use std::process::ExitCode;

pub use error::{Refusal, RunError};
pub use event::{Chunk, Event, Isolation, JobEvent, Skipped};
pub use options::{Approvals, Ask, Context, EngineKind, Options};
pub use report::{JobReport, LayerReport, StepReport, StepStatus, Summary, Tests};
pub use swept::{RUN_LIFETIME, Swept, SweptCache, SweptRun};
pub use text::format_duration;

pub use earlier::earlier;
#[cfg(unix)]
pub use prune::prune;
#[cfg(unix)]
pub use schedule::execute;

/// Says whether a workflow can be run.
///
/// # Errors
/// What it asks for is not supported, or its requirements form a circle.
#[cfg(unix)]
pub fn check(workflow: &crate::plan::Workflow) -> Result<(), RunError> {
    schedule::ordered(workflow)?;
    check::supported(workflow)
}

/// Says whether a workflow can be run.
///
/// # Errors
/// What it asks for is not supported.
#[cfg(not(unix))]
pub fn check(workflow: &crate::plan::Workflow) -> Result<(), RunError> {
    check::supported(workflow)
}

/// Executes one workflow.
///
/// # Errors
/// Always: jobs need a Unix system.
#[cfg(not(unix))]
pub fn execute(
    _workflow: &crate::plan::Workflow,
    _options: &Options,
    _events: &mut dyn FnMut(Event),
) -> Result<Summary, RunError> {
    Err(RunError::Platform)
}

/// Takes away what runs left: they need a Unix system, so there is nothing.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn prune(
    _runs: &std::path::Path,
    _caches: &std::path::Path,
    _now: std::time::SystemTime,
    _dry_run: bool,
) -> Result<Swept, RunError> {
    Ok(Swept::default())
}

/// Returns the branch that is checked out in a project, where it is a git repository.
#[must_use]
pub fn checked_out(project: &std::path::Path) -> Option<crate::plan::GitRef> {
    let branch = repo::Repo::of(project).branch?;
    Some(crate::plan::GitRef::Branch(branch))
}

/// Returns what git says about a project, as pipeline values are made of it.
#[must_use]
pub fn facts(project: &std::path::Path) -> crate::circleci::Facts {
    let repo = repo::Repo::of(project);
    crate::circleci::Facts {
        branch: repo.branch,
        tag: repo.tag,
        revision: repo.commit,
        git_url: repo.origin,
        project_type: None,
    }
}

/// Plays the part of a job's own process when the arguments say that this process is one.
///
/// The program must call it before anything else, while it has one thread: namespaces cannot be
/// entered later. `None` means that this is an ordinary start.
#[must_use]
pub fn agent_main(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        agent::agent_main(args)
    }
    #[cfg(not(target_os = "linux"))]
    {
        drop(args);
        None
    }
}
