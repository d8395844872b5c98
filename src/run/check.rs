//! What the runner cannot do, found before anything starts and said all at once.

use super::error::{Refusal, RunError};
use super::text::{parse_duration, split_words};
use crate::plan::{Job, JobKind, Origin, RunStep, StepKind, Workflow};

/// Refuses a workflow that asks for things that the runner does not do.
pub(crate) fn supported(workflow: &Workflow) -> Result<(), RunError> {
    let mut refusals = Vec::new();
    for job in &workflow.jobs {
        let mut refuse = |what: String, origin: &Origin| {
            refusals.push(Refusal {
                job: job.name.clone(),
                what,
                origin: origin.clone(),
            });
        };
        match job.kind {
            JobKind::Release => refuse("release job".to_owned(), &job.origin),
            // One run at a time holds every lock of its own.
            JobKind::Approval | JobKind::NoOp | JobKind::Lock | JobKind::Unlock => {}
            JobKind::Build => build_job(job, &mut refuse),
        }
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(RunError::Unsupported(refusals))
    }
}

fn build_job(job: &Job, refuse: &mut dyn FnMut(String, &Origin)) {
    if let Some(shell) = &job.shell
        && split_words(&shell.value).is_none()
    {
        refuse(format!("shell {:?}", shell.value), &job.origin);
    }
    for step in &job.steps {
        if step.condition.is_some() {
            refuse("a step under a condition".to_owned(), &step.origin);
        }
        match &step.kind {
            StepKind::Run(run) => run_step(run, &mut |what| refuse(what, &step.origin)),
            StepKind::Opaque(call) => {
                refuse(
                    format!("command {} without source", call.name),
                    &step.origin,
                );
            }
            _ => {}
        }
    }
}

fn run_step(run: &RunStep, refuse: &mut dyn FnMut(String)) {
    if let Some(shell) = &run.shell
        && split_words(shell).is_none()
    {
        refuse(format!("shell {shell:?}"));
    }
    if let Some(delay) = &run.auto_rerun_delay
        && parse_duration(&delay.value).is_none()
    {
        refuse(format!("auto_rerun_delay {:?}", delay.value));
    }
    if let Some(limit) = &run.no_output_timeout
        && parse_duration(&limit.value).is_none()
    {
        refuse(format!("no_output_timeout {:?}", limit.value));
    }
}
