//! `cross-workflow-attach`: an attach whose layers are all made in other workflows.

use super::attach_without_upstream::{Makers, blind, needed_elsewhere, used};
use crate::finding::{Finding, Severity};
use crate::flow::{Attach, Flow};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job attaches the workspace, and the only jobs that persist anything are in another
    /// workflow.
    ///
    /// # Why is this bad
    /// Each workflow has a workspace of its own: nothing crosses from one to the other, nor from a
    /// setup workflow to what it continues with.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: cp -r dist/ /srv
    /// workflows:
    ///   build: {jobs: [build]}
    ///   deploy: {jobs: [deploy]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: cp -r dist/ /srv
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [build]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What orbs without source persist.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    CROSS_WORKFLOW_ATTACH: "cross-workflow-attach", Workspace, Error, check, Missing
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let makers = Makers::new(context, flow);
        for attach in blind(flow) {
            if makers.any_but(&flow.job(attach.job).name) {
                continue;
            }
            out.extend(report(context, flow, attach));
        }
    }
}

fn report(context: &Context<'_>, flow: &Flow<'_>, attach: &Attach<'_>) -> Option<Finding> {
    // The same job may run in both workflows: then its own persist is no source for it.
    let definition = flow.job(attach.job).definition;
    let mut foreign = context
        .everywhere()
        .iter()
        .filter(|f| f.workflow.origin.at != flow.workflow.origin.at)
        .filter(|f| f.workflow.definition.is_none())
        .flat_map(|f| f.layers.iter().map(move |l| (f, l)))
        .filter(|(f, l)| f.job(l.job).definition != definition)
        .collect::<Vec<_>>();
    let job = flow.job(attach.job);
    let used_at = foreign
        .iter()
        .position(|(_, l)| used(flow, attach, l).is_some());
    if let Some(i) = used_at {
        foreign.swap(0, i);
    }
    let (other, layer) = foreign.first()?;
    let maker = other.job(layer.job);
    let mut draft = CROSS_WORKFLOW_ATTACH
        .finding(
            "attached in another workflow than the one that persists",
            attach.origin.at,
            format!(
                "`{}` runs in workflow `{}` and sees no layer",
                job.name, flow.workflow.name
            ),
        )
        .job(&job.name)
        .label(
            layer.persist.paths_at,
            format!(
                "`{}` persists in workflow `{}`",
                maker.name, other.workflow.name
            ),
        )
        .help("run both jobs in one workflow, with a requirement between them")
        .note("each workflow has a workspace of its own");
    let place = used(flow, attach, layer);
    match place {
        Some((at, item)) => {
            draft = draft.label(at, format!("`{item}` is used here"));
            if attach.conditional || layer.conditional {
                draft = draft.severity(Severity::Warning);
            }
        }
        // One job that serves both workflows does without here.
        None if needed_elsewhere(context, flow, attach) => draft = draft.severity(Severity::Info),
        None => draft = draft.severity(Severity::Warning),
    }
    Some(draft.done())
}
