//! `upstream-never-runs`: a job's filters let it run only where all the jobs that it requires
//! are filtered out.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::pushes::{describe, pushes};
use crate::lint::rule::declare_rule;
use crate::plan::{FilterKind, GitRef, Job, Workflow};

declare_rule! {
    /// # What it does
    /// A job's filters let it run only where all the jobs that it requires are filtered out.
    ///
    /// # Why is this bad
    /// A job whose requirements are all left out does not run either: this one never does.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {filters: {branches: {only: develop}}}
    ///       - deploy: {requires: [build], filters: {branches: {only: main}}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {filters: {branches: {only: [develop, main]}}}
    ///       - deploy: {requires: [build], filters: {branches: {only: main}}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Filters by expression; names that several patterns match.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    UPSTREAM_NEVER_RUNS: "upstream-never-runs", Graph, Warning, check
}

/// Rules on requirements that nobody, or nobody in particular, answers to.
const OF_REQUIREMENTS: [&str; 4] = [
    "job-group-misuse",
    "requires-ambiguous-job",
    "requires-matrix-base-name",
    "requires-unknown-job",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for workflow in context.workflows() {
        let expression = |f: &crate::plan::Filters| matches!(f.kind, FilterKind::Expression { .. });
        if workflow.jobs.iter().all(|j| j.filters.is_none())
            || workflow
                .jobs
                .iter()
                .filter_map(|j| j.filters.as_ref())
                .any(expression)
        {
            continue;
        }
        let tried: Vec<(GitRef, Vec<bool>)> = pushes(workflow)
            .into_iter()
            .filter_map(|push| {
                let runs = workflow.runs_for(&push).ok()?;
                Some((push, runs))
            })
            .collect();
        for (index, job) in workflow.jobs.iter().enumerate() {
            let Some(filters) = job.filters.as_ref().filter(|_| !job.requires.is_empty()) else {
                continue;
            };
            let wanted: Vec<&(GitRef, Vec<bool>)> = tried
                .iter()
                .filter(|(push, _)| filters.admit(push) == Ok(true))
                .collect();
            if rests_on_unknown(context, workflow, index) {
                continue;
            }
            let Some((push, _)) = wanted.first().copied() else {
                continue;
            };
            // Tags are the business of tag-filter-missing-upstream.
            if matches!(push, GitRef::Tag(_)) || wanted.iter().any(|(_, runs)| runs[index]) {
                continue;
            }
            let mut draft = UPSTREAM_NEVER_RUNS
                .finding(
                    "a job that never runs",
                    filters.at,
                    format!(
                        "on {} `{}` has no requirement left",
                        describe(push),
                        job.name
                    ),
                )
                .help("let what it requires run there too");
            for requirement in job.requires.iter().take(3) {
                if let Some(other) = workflow.jobs.get(requirement.job) {
                    let at = other.filters.as_ref().map_or(other.origin.at, |f| f.at);
                    draft = draft.label(at, format!("`{}` does not run there", other.name));
                }
            }
            out.push(draft.done());
        }
    }
}

/// Says whether a requirement of a job, or of a job that it waits for, could not be resolved: what is
/// meant by it may run where the others do not.
fn rests_on_unknown(context: &Context<'_>, workflow: &Workflow, index: usize) -> bool {
    let mut seen = vec![false; workflow.jobs.len()];
    let mut open = vec![index];
    while let Some(next) = open.pop() {
        let Some(job) = workflow.jobs.get(next) else {
            continue;
        };
        if std::mem::replace(&mut seen[next], true) {
            continue;
        }
        if !job.unknown_requires.is_empty() || has_wrong_requirement(context, job) {
            return true;
        }
        open.extend(job.requires.iter().map(|r| r.job));
    }
    false
}

/// Says whether something is said of a requirement of a job already.
fn has_wrong_requirement(context: &Context<'_>, job: &Job) -> bool {
    let Some(given) = job.given else {
        return false;
    };
    let mut problems = context.compiled.problems.iter();
    problems.any(|problem| {
        OF_REQUIREMENTS.contains(&problem.rule)
            && problem
                .labels
                .first()
                .is_some_and(|l| l.at.source == given.source && given.span.contains(l.at.span))
    })
}
