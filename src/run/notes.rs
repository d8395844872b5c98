//! What a person should know about a workflow before its first job.

use super::options::Options;
use crate::plan::{ExecutorKind, JobKind, Workflow};

/// Returns what a person should know about a workflow whose jobs all run on this machine.
pub(super) fn notes(workflow: &Workflow) -> Vec<String> {
    let mut notes = Vec::new();
    for job in workflow
        .jobs
        .iter()
        .filter(|job| job.kind == JobKind::Build)
    {
        let name = &job.name;
        match job.executor.as_ref().map(|executor| &executor.kind) {
            Some(ExecutorKind::Docker(images)) => {
                for service in images.iter().skip(1) {
                    let image = &service.image.value;
                    notes.push(format!(
                        "{name}: the service container {image} is not started"
                    ));
                }
            }
            Some(ExecutorKind::Machine {
                image: Some(image), ..
            }) => {
                notes.push(format!(
                    "{name}: runs on this machine and not on {}",
                    image.value
                ));
            }
            Some(ExecutorKind::Macos { .. }) if !cfg!(target_os = "macos") => {
                notes.push(format!("{name}: wants macOS and runs on this machine"));
            }
            _ => {}
        }
    }
    notes
}

/// Names the contexts that jobs want and nobody gave.
pub(super) fn unknown_contexts(workflow: &Workflow, options: &Options) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for context in workflow.jobs.iter().flat_map(|job| &job.contexts) {
        let name = context.value.as_str();
        let known = options.contexts.iter().any(|c| c.name == name);
        if !known && !names.contains(&name) {
            names.push(name);
        }
    }
    let said = |name| {
        format!("the variables of context {name} are not known here: its jobs run without them")
    };
    names.into_iter().map(said).collect()
}
