//! `context-on-unfiltered-job`: a job with a context runs on every branch.

use crate::finding::{Confidence, Finding};
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job with a context runs on every branch.
    ///
    /// # Why is this bad
    /// Whoever may push a branch can change the config on it and read the secrets of the context.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - deploy: {context: [aws]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - deploy: {context: [aws], filters: {branches: {only: main}}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the context is restricted to groups or by expressions. A filter in the config
    /// keeps away mistakes; only a restriction of the context keeps away people.
    ///
    /// # References
    /// - https://circleci.com/docs/contexts/#restrict-a-context
    CONTEXT_ON_UNFILTERED_JOB: "context-on-unfiltered-job", Security, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut told = HashSet::default();
    for flow in &context.flows {
        for (index, job) in flow.workflow.jobs.iter().enumerate() {
            let Some(first) = job.contexts.first() else {
                continue;
            };
            // What comes before may hold it back.
            let held = job.filters.is_some()
                || flow.graph.upstream(index).any(|u| {
                    flow.job(u).filters.is_some()
                        || flow.job(u).kind == crate::plan::JobKind::Approval
                });
            if held || flow.workflow.condition.is_some() || !told.insert(first.at) {
                continue;
            }
            out.push(
                CONTEXT_ON_UNFILTERED_JOB
                    .finding("secrets on every branch", first, format!("`{}` runs for every push", job.name))
                    .confidence(Confidence::Low)
                    .help("restrict the context in its settings; a filter for branches keeps the job from running where it is not meant")
                    .done(),
            );
        }
    }
}
