//! `approval-gates-nothing`: an approval that no job requires.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::JobKind;

declare_rule! {
    /// # What it does
    /// An approval that no job requires.
    ///
    /// # Why is this bad
    /// It holds nothing: the jobs that it should stand in front of run without it, and the
    /// workflow waits on hold until somebody approves.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - hold: {type: approval, requires: [build]}
    ///       - deploy: {requires: [build]}
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
    ///       - build
    ///       - hold: {type: approval, requires: [build]}
    ///       - deploy: {requires: [hold]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the hold itself is wanted, as a sign for people.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#holding-a-workflow-for-a-manual-approval
    APPROVAL_GATES_NOTHING: "approval-gates-nothing", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for workflow in context.workflows() {
        if workflow.incomplete || workflow.jobs.iter().any(|j| !j.unknown_requires.is_empty()) {
            continue;
        }
        for (index, job) in workflow.jobs.iter().enumerate() {
            let required = workflow
                .jobs
                .iter()
                .flat_map(|j| &j.requires)
                .any(|r| r.job == index);
            if job.kind == JobKind::Approval && !required {
                out.push(
                    APPROVAL_GATES_NOTHING
                        .finding(
                            "an approval that holds nothing",
                            job.origin.at,
                            format!("no job requires `{}`", job.name),
                        )
                        .help(format!(
                            "let the job that should wait require `{}`",
                            job.written_name
                        ))
                        .done(),
                );
            }
        }
    }
}
