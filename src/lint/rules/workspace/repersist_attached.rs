//! `repersist-attached`: a job attaches the workspace and then persists the folder that it was
//! attached to, as a whole.

use crate::finding::Finding;
use crate::flow::Flow;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job attaches the workspace and then persists the folder that it was attached to, as a
    /// whole.
    ///
    /// # Why is this bad
    /// All that came from upstream is uploaded again in a new layer: each job that does so makes
    /// the workspace larger, and two of them side by side persist the same files, so that the job
    /// which attaches both fails.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make -C ws
    ///       - persist_to_workspace: {root: ws, paths: [lib]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: ws}
    ///       - run: make test > ws/report
    ///       - persist_to_workspace: {root: ws, paths: [.]}
    ///   send:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: ws}
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}, send: {requires: [test]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make -C ws
    ///       - persist_to_workspace: {root: ws, paths: [lib]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: ws}
    ///       - run: make test > ws/report
    ///       - persist_to_workspace: {root: ws, paths: [report]}
    ///   send:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: ws}
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}, send: {requires: [test]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the job adds to the folder.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    REPERSIST_ATTACHED: "repersist-attached", Workspace, Warning, check, There
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            let attaches = flow
                .attaches
                .iter()
                .filter(|a| a.job == layer.job && a.step < layer.step);
            for attach in attaches.filter(|a| sees_others(flow, a.job)) {
                let whole = layer.persist.paths.iter().find(|item| {
                    let literal = !item.value.contains(['*', '?', '[']);
                    let place = layer.root.join(if super::takes_all(&item.value) {
                        "."
                    } else {
                        &item.value
                    });
                    (literal || super::takes_all(&item.value))
                        && !item.value.starts_with('/')
                        && place.to_below(&attach.at).is_some()
                });
                if let Some(item) = whole {
                    out.push(
                        REPERSIST_ATTACHED
                            .finding("attached layers are persisted again", item, format!("`{}` and all that was attached there", attach.at))
                            .label(attach.attach.at.written(), "layers of earlier jobs come here")
                            .help("persist only what this job makes: later jobs get the earlier layers anyway")
                            .done(),
                    );
                    break;
                }
            }
        }
    }
}

fn sees_others(flow: &Flow<'_>, job: usize) -> bool {
    flow.sees_layers(job) || flow.may_see_more(job)
}
