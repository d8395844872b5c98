//! `persist-skipped-on-failure`: a job runs after another one failed, and attaches the workspace
//! for what that one persists.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{JobStatus, StepKind};

declare_rule! {
    /// # What it does
    /// A job runs after another one failed, and attaches the workspace for what that one
    /// persists.
    ///
    /// # Why is this bad
    /// A persist step runs only while all steps before it passed: of a job that failed there is
    /// no layer, unless it persists before the step that fails.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test
    ///       - persist_to_workspace: {root: ., paths: [report]}
    ///   tell:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: ./send report
    /// workflows:
    ///   main:
    ///     jobs: [test, tell: {requires: [test: failed]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test
    ///       - store_artifacts: {path: report}
    ///   tell:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: ./fetch-artifact report
    /// workflows:
    ///   main:
    ///     jobs: [test, tell: {requires: [test: failed]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Which step fails: one that passed before leaves its layers.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    /// - https://circleci.com/docs/workspaces/
    PERSIST_SKIPPED_ON_FAILURE: "persist-skipped-on-failure", Workspace, Warning, check, There
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for attach in &flow.attaches {
            let job = flow.job(attach.job);
            for requirement in &job.requires {
                let fails = requirement
                    .statuses
                    .iter()
                    .find(|s| **s != JobStatus::Success);
                let Some(status) = fails.filter(|_| requirement.job < flow.workflow.jobs.len())
                else {
                    continue;
                };
                let maker = flow.job(requirement.job);
                let late = flow.layers_of(requirement.job).iter().find(|layer| {
                    maker.steps[..layer.step]
                        .iter()
                        .any(|s| matches!(s.kind, StepKind::Run(_) | StepKind::Opaque(_)))
                });
                let Some(layer) = late else {
                    continue;
                };
                out.push(
                    PERSIST_SKIPPED_ON_FAILURE
                        .finding("a layer that a failed job does not make", attach.origin.at, format!("`{}` runs when `{}` is `{}`", job.name, maker.name, status.as_str()))
                        .label(requirement.at, "this lets it run")
                        .label(layer.origin.at, "this runs only while every step before it passed")
                        .confidence(Confidence::Medium)
                        .help("persist before the step that may fail, or hand the files on as artifacts, which are stored after a failure too")
                        .done(),
                );
            }
        }
    }
}
