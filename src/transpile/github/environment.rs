//! The variables of a job.

use super::write::Block;
use super::{Context, builtins, names, services};
use crate::plan::{EnvVar, ExecutorKind, Job, JobIndex, actual};
use crate::transpile::{Ledger, Node, Outcome};
use crate::yaml::Data;

/// Says which contexts a job has the variables of.
pub(super) fn contexts(job: &Job, node: Node, head: &mut Block, ledger: &mut Ledger) {
    for (nth, name) in job.contexts.iter().enumerate() {
        let name = actual(&name.value);
        let what = format!(
            "create the variables of the context `{name}` as secrets, and hand those that the job uses to it under `env:`, as `NAME: ${{{{ secrets.NAME }}}}`"
        );
        head.note(format!(
            "To do: hand the secrets of the context `{name}` to this job under `env:`."
        ));
        ledger.settle_nth(node, "context", nth, Outcome::Manual(what));
    }
}

/// Writes the variables of a job: those of its container, its own, and CircleCI's that it uses.
pub(super) fn environment(
    context: &Context<'_>,
    j: JobIndex,
    head: &mut Block,
    ledger: &mut Ledger,
) {
    let job = &context.workflow.jobs[j];
    let node = Node::Job(context.index, j);
    let mut all: Vec<EnvVar> = Vec::new();
    if let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind)
        && let Some(primary) = images.first()
    {
        all.extend(primary.environment.iter().cloned());
    }
    all.extend(job.environment.iter().cloned());
    let Data::Map(mut env) = context.env(&all) else {
        return;
    };
    ledger.converted(node, "environment");
    env.retain(|(name, _)| is_name(name));
    for (nth, variable) in job.environment.iter().enumerate() {
        if !is_name(&variable.name) {
            let why = Outcome::Approximated(
                "it is no name that a shell can hold, and left out".to_owned(),
            );
            ledger.settle_nth(node, "environment", nth, why);
        }
    }
    let services = services::local(job);
    for (name, value) in &mut env {
        let found = match value {
            Data::Str(text) => services::hosted(name, text, &services),
            _ => None,
        };
        if let Some(hosted) = found {
            *value = hosted.into();
        }
    }
    let directory = actual(&job.working_directory.value);
    for name in builtins::used_by(job) {
        if !env.iter().any(|(known, _)| *known == name)
            && let Some(value) = names::builtin(&name, &job.name, &directory, job.parallelism)
        {
            env.push((name, value.into()));
        }
    }
    if !env.is_empty() {
        head.put("env", Data::Map(env));
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
