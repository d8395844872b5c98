//! `attach-own-layer`: a job attaches the workspace after its own persist, and no job upstream
//! of it persists anything.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::attach_without_upstream::{blind, own_layer};

declare_rule! {
    /// # What it does
    /// A job attaches the workspace after its own persist, and no job upstream of it persists
    /// anything.
    ///
    /// # Why is this bad
    /// An attach brings the layers of upstream jobs only, never those that the job made itself:
    /// the step brings nothing.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: out, paths: [app]}
    ///       - attach_workspace: {at: /srv}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: out, paths: [app]}
    ///       - run: cp -r out/app /srv
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source persist: where one is upstream, the rule is silent.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    ATTACH_OWN_LAYER: "attach-own-layer", Workspace, Warning, check, Missing
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for attach in blind(flow) {
            let Some(layer) = own_layer(flow, attach) else {
                continue;
            };
            let job = flow.job(attach.job);
            out.push(
                ATTACH_OWN_LAYER
                    .finding(
                        "a job attaches what it persisted itself",
                        attach.origin.at,
                        format!("`{}` sees no layer, its own ones neither", job.name),
                    )
                    .label(layer.origin.at, "its own layer is for later jobs")
                    .job(&job.name)
                    .help("remove the attach: the files are where the job made them")
                    .done(),
            );
        }
    }
}
