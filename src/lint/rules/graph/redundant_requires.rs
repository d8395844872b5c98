//! `redundant-requires`: a job requires a job that another of its requirements waits for anyway.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::plan::{Job, JobStatus, Requirement};

declare_rule! {
    /// # What it does
    /// A job requires a job that another of its requirements waits for anyway.
    ///
    /// # Why is this bad
    /// The edge changes nothing, and a reader looks for its reason.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   a: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   b: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   c: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs: [a, b: {requires: [a]}, c: {requires: [a, b]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   a: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   b: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   c: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs: [a, b: {requires: [a]}, c: {requires: [b]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether filters leave the other requirement out somewhere: where a job of the three has
    /// filters, the rule is silent.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    REDUNDANT_REQUIRES: "redundant-requires", Graph, Info, check, fix = Fixable::Safe
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let plain = |r: &Requirement| r.statuses == [JobStatus::Success];
    for flow in &context.flows {
        for job in &flow.workflow.jobs {
            for requirement in job.requires.iter().filter(|r| plain(r)) {
                let other = job.requires.iter().find(|o| {
                    o.job != requirement.job
                        && o.at != requirement.at
                        && plain(o)
                        && flow.graph.is_upstream(requirement.job, o.job)
                });
                let Some(other) = other else {
                    continue;
                };
                let (needed, behind) = (flow.job(requirement.job), flow.job(other.job));
                if [job, needed, behind].iter().any(|j| j.filters.is_some())
                    || flow.graph.is_upstream(other.job, requirement.job)
                {
                    continue;
                }
                out.push(
                    REDUNDANT_REQUIRES
                        .finding(
                            "a requirement that changes nothing",
                            requirement.at,
                            format!("`{}` comes before anyway", needed.name),
                        )
                        .label(other.at, format!("`{}` waits for it", behind.name))
                        .help("remove it")
                        .fix(removed(context, job, requirement))
                        .done(),
                );
            }
        }
    }
}

/// Takes the requirement out, where it means one job alone and not all arms of a matrix.
fn removed(context: &Context<'_>, job: &Job, requirement: &Requirement) -> Option<Fix> {
    let same = job.requires.iter().filter(|r| r.at == requirement.at);
    (same.count() == 1).then_some(())?;
    mend::remove_item(
        context.tree(),
        requirement.at,
        "remove the requirement",
        true,
    )
}
