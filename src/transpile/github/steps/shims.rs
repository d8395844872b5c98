//! The programs of CircleCI's own that scripts call, and what scripts do with them.

use crate::plan::{Job, StepKind};
use crate::shims::{Halt, calls_agent, calls_circleci, programs};

/// Returns the scripts of a job.
pub(super) fn scripts(job: &Job) -> impl Iterator<Item = &str> {
    job.steps.iter().filter_map(|s| match &s.kind {
        StepKind::Run(run) => Some(run.command.value.as_str()),
        _ => None,
    })
}

/// Says whether a step of a job may end it early.
pub(in super::super) fn halts(job: &Job) -> bool {
    scripts(job).any(crate::shims::halts)
}

/// Returns the lines that put the programs of CircleCI in place which a job's scripts call.
pub(in super::super) fn shims(job: &Job) -> String {
    let mut out = String::new();
    let mut shim = |name: &str, text: &str| {
        out.push_str(&format!(
            "# What the scripts call of CircleCI's own programs\nmkdir -p \"$RUNNER_TEMP/bin\"\ncat >\"$RUNNER_TEMP/bin/{name}\" <<'SHIM'\n{text}SHIM\nchmod +x \"$RUNNER_TEMP/bin/{name}\"\n"
        ));
    };
    let own = scripts(job).any(calls_circleci);
    let agent = scripts(job).any(calls_agent);
    let [(circleci, text), (circleci_agent, agents)] = programs(Halt::GitHub);
    // The agent's hands on what it does not know.
    if own || agent {
        shim(circleci, &text);
    }
    if agent {
        shim(circleci_agent, &agents);
    }
    if own || agent {
        out.push_str("echo \"$RUNNER_TEMP/bin\" >>\"$GITHUB_PATH\"\n");
    }
    out
}
