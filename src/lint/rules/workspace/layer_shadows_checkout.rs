//! `layer-shadows-checkout`: a job checks out and then attaches, into the same folder, a layer
//! that holds a whole checkout.

use crate::finding::Finding;
use crate::flow::Place;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{Job, StepKind};

declare_rule! {
    /// # What it does
    /// A job checks out and then attaches, into the same folder, a layer that holds a whole
    /// checkout.
    ///
    /// # Why is this bad
    /// The files of the layer replace those that `checkout` brought: what the job sees is the
    /// tree of the earlier job, and the checkout is work for nothing.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [.]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the earlier job changed files of the checkout on purpose.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    LAYER_SHADOWS_CHECKOUT: "layer-shadows-checkout", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for attach in &flow.attaches {
            let job = flow.job(attach.job);
            let Some((step, _)) =
                checkout(job, attach.step).filter(|(_, place)| *place == attach.at)
            else {
                continue;
            };
            let whole = flow.visible(attach.job).into_iter().find(|layer| {
                let all = layer
                    .persist
                    .paths
                    .iter()
                    .any(|p| super::takes_all(&p.value));
                let maker = flow.job(layer.job);
                all && checkout(maker, layer.step).is_some_and(|(_, place)| place == layer.root)
            });
            if let Some(layer) = whole {
                out.push(
                    LAYER_SHADOWS_CHECKOUT
                        .finding(
                            "a layer that replaces the checkout",
                            attach.origin.at,
                            "all files of an earlier checkout land here",
                        )
                        .label(job.steps[step].origin.at, "what this brings is replaced")
                        .label(
                            layer.origin.at,
                            format!("`{}` persists its whole checkout", flow.job(layer.job).name),
                        )
                        .help(
                            "leave out `checkout` here, or persist only what the earlier job makes",
                        )
                        .done(),
                );
            }
        }
    }
}

/// Returns the first checkout of a job before one of its steps, and where it goes.
fn checkout(job: &Job, before: usize) -> Option<(usize, Place)> {
    let wd = Place::of_working_directory(&job.working_directory.value);
    job.steps[..before]
        .iter()
        .enumerate()
        .find_map(|(i, s)| match &s.kind {
            StepKind::Checkout(c) => Some((i, wd.join(c.path.as_ref().map_or(".", |p| &p.value)))),
            _ => None,
        })
}
