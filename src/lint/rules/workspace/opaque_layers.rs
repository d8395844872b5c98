//! `opaque-layers`: jobs of orbs without source stand in a workflow that uses the workspace.

use crate::finding::{Finding, listed};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Jobs of orbs without source stand in a workflow that uses the workspace.
    ///
    /// # Why is this bad
    /// What they persist and attach is not known here, so that findings about the flow around
    /// them are left out or said with care.
    ///
    /// # Example
    /// ```yaml
    /// orbs:
    ///   node: circleci/node@5.2.0
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    /// workflows:
    ///   main:
    ///     jobs: [build, node/test: {requires: [build]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   test:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: npm test
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// The source of the orb. `circleci orb source ORB >
    /// .holdall/orbs/NAMESPACE/NAME@VERSION.yml` makes it known.
    ///
    /// # References
    /// - https://circleci.com/docs/orb-intro/
    OPAQUE_LAYERS: "opaque-layers", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        if flow.layers.is_empty() && flow.attaches.is_empty() {
            continue;
        }
        let opaque: Vec<_> = flow
            .workflow
            .jobs
            .iter()
            .filter(|j| j.invokes.is_some())
            .collect();
        let Some(first) = opaque.first() else {
            continue;
        };
        let names: Vec<&str> = opaque.iter().map(|j| j.name.as_str()).collect();
        let verbs = match names.len() {
            1 => "persists and attaches",
            _ => "persist and attach",
        };
        out.push(
            OPAQUE_LAYERS
                .finding("layers that are not known", first.origin.at, format!("what {} {verbs} is not known", listed(&names, 4)))
                .help("put the source into `.holdall/orbs/NAMESPACE/NAME@VERSION.yml`: `circleci orb source ORB` prints it")
                .done(),
        );
    }
}
