//! `workspace-outside-workflow`: a config without workflows has workspace steps.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A config without workflows has workspace steps.
    ///
    /// # Why is this bad
    /// The one job that runs has nobody to hand a layer to, and nobody to get one from. Started
    /// outside a workflow the step says "Missing workflow workspace identifiers" and does
    /// nothing.
    ///
    /// # Example
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    /// # no workflows:
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// version: 2.1
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - store_artifacts: {path: out}
    /// # no workflows:
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the config is a part that is joined with others.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    WORKSPACE_OUTSIDE_WORKFLOW: "workspace-outside-workflow", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let written = context
        .compiled
        .tree
        .root()
        .is_some_and(|r| r.get("workflows").is_some());
    if written || context.compiled.orb {
        return;
    }
    for step in context.jobs().flat_map(|j| &j.steps) {
        if matches!(step.kind, StepKind::Persist(_) | StepKind::Attach(_)) {
            out.push(
                WORKSPACE_OUTSIDE_WORKFLOW
                    .finding("a workspace without a workflow", step.origin.at, "no other job is there")
                    .help("add `workflows:`, or remove the step; artifacts keep files for people, caches for later pipelines")
                    .note("the service says: Missing workflow workspace identifiers, this step must be run in the context of a workflow")
                    .done(),
            );
        }
    }
}
