//! `redundant-requires`: a job requires a job that another of its requirements waits for anyway.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{JobStatus, Requirement};

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
    REDUNDANT_REQUIRES: "redundant-requires", Graph, Info, check
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
                        .done(),
                );
            }
        }
    }
}
