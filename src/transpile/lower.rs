//! What every target needs of a workflow: which layers an attach applies, in which order, and what
//! a step's texts mean.

use crate::circleci::actual;
use crate::flow::Graph;
use crate::layer::{Upstream, encode_job};
use crate::plan::{JobIndex, StepKind, Workflow, parse_duration};
use crate::words::quoted;

/// Returns the upstream jobs of a job that persist something, in the order in which their layers
/// apply, each with those that come before it.
pub(super) fn upstream(workflow: &Workflow, graph: &Graph, job: JobIndex) -> Vec<Upstream> {
    let persists = |j: &JobIndex| {
        workflow.jobs[*j]
            .steps
            .iter()
            .any(|s| matches!(s.kind, StepKind::Persist(_)))
    };
    let makers: Vec<JobIndex> = graph.upstream(job).filter(persists).collect();
    makers
        .iter()
        .map(|maker| Upstream {
            job: workflow.jobs[*maker].name.clone(),
            after: makers
                .iter()
                .filter(|other| graph.is_upstream(**other, *maker))
                .map(|other| workflow.jobs[*other].name.clone())
                .collect(),
        })
        .collect()
}

/// Returns the arguments that name upstream jobs to the shell twin: `job:before,before`, names
/// encoded as the store's folders are.
pub(super) fn upstream_words(upstream: &[Upstream]) -> Vec<String> {
    upstream
        .iter()
        .map(|u| {
            let after: Vec<String> = u.after.iter().map(|a| encode_job(a)).collect();
            let word = if after.is_empty() {
                encode_job(&u.job)
            } else {
                format!("{}:{}", encode_job(&u.job), after.join(","))
            };
            quoted(&word)
        })
        .collect()
}

/// Returns the options that tell `holdall attach` what to apply: upstream jobs by name, or all there
/// is where none is named.
pub(super) fn which(upstream: &[Upstream]) -> String {
    let jobs: Vec<&Upstream> = upstream.iter().collect();
    match upstream_options(&jobs) {
        none if none.is_empty() => " --all".to_owned(),
        words => words,
    }
}

/// Returns the options that name upstream jobs to `holdall attach`: in order, and which of them
/// nothing orders.
pub(super) fn upstream_options(upstream: &[&Upstream]) -> String {
    let mut out = String::new();
    for job in upstream {
        out.push_str(&format!(" --upstream {}", quoted(&job.job)));
    }
    for (i, later) in upstream.iter().enumerate() {
        for earlier in upstream[..i]
            .iter()
            .filter(|e| !later.after.contains(&e.job))
        {
            let pair = format!("{},{}", earlier.job, later.job);
            out.push_str(&format!(" --concurrent {}", quoted(&pair)));
        }
    }
    out
}

/// Reads a step's duration in whole seconds, begun ones counted.
pub(super) fn seconds(duration: &str) -> Option<u64> {
    parse_duration(&actual(duration)).map(|d| d.as_secs() + u64::from(d.subsec_nanos() > 0))
}

/// Returns the first line of a script that says something: what a step without a name is called.
pub(super) fn first_line(script: &str) -> String {
    let line = script
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty())
        .unwrap_or("run");
    line.chars().take(72).collect()
}
