//! Puts steps around the attaches of a plan that say what comes of them.

use std::path::Path;

use super::lines::Key;
use crate::plan::{Located, Origin, Pipeline, RunStep, Step, StepKind};
use crate::words::quoted;
use crate::yaml::Location;

/// The attaches of a job: the place of each, as the config writes it.
pub type Attaches = Vec<String>;

/// Puts the steps in, and returns the attaches of every job of every workflow. `program` is the
/// binary that the steps call.
pub fn instrument(pipeline: &mut Pipeline, nonce: &str, program: &Path) -> Vec<Vec<Attaches>> {
    let mut out = Vec::new();
    for (w, workflow) in pipeline.workflows.iter_mut().enumerate() {
        let mut jobs = Vec::new();
        for (j, job) in workflow.jobs.iter_mut().enumerate() {
            let mut attaches = Attaches::new();
            let mut steps = Vec::with_capacity(job.steps.len());
            for step in std::mem::take(&mut job.steps) {
                let StepKind::Attach(attach) = &step.kind else {
                    steps.push(step);
                    continue;
                };
                let key = Key {
                    workflow: w,
                    job: j,
                    attach: attaches.len(),
                    node: 0,
                };
                let at = attach.at.value.clone();
                let probe = |verb: &str| probe(program, nonce, key, verb, &at);
                let (before, behind) = (probe("begin"), probe("end"));
                attaches.push(at);
                steps.extend([before, step, behind]);
            }
            job.steps = steps;
            jobs.push(attaches);
        }
        out.push(jobs);
    }
    out
}

fn probe(program: &Path, nonce: &str, key: Key, verb: &str, at: &str) -> Step {
    let command = format!(
        "{} verify-probe {verb} {nonce} {} -- {}",
        quoted(&program.to_string_lossy()),
        key.step(),
        quoted(at)
    );
    Step {
        origin: Origin::default(),
        condition: None,
        rule: None,
        kind: StepKind::Run(RunStep {
            name: Some(format!("holdall looks at what is attached ({verb})")),
            command: Located::new(command, Location::default()),
            shell: Some("/bin/sh".to_owned()),
            ..RunStep::default()
        }),
    }
}
