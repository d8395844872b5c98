//! `upstream-filtered-out`: a job attaches the workspace on a branch or tag for which the
//! filters of the only jobs that persist for it keep those from running.

use crate::finding::Finding;
use crate::flow::Flow;
use crate::lint::Context;
use crate::lint::pushes::{describe, pushes};
use crate::lint::rule::declare_rule;
use std::collections::HashSet;

declare_rule! {
    /// # What it does
    /// A job attaches the workspace on a branch or tag for which the filters of the only jobs
    /// that persist for it keep those from running.
    ///
    /// # Why is this bad
    /// A required job that its filters leave out is ignored: the job runs without it, and without
    /// its layer.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   lint:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {filters: {branches: {only: main}}}
    ///       - lint
    ///       - deploy: {requires: [build, lint]}
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
    ///   lint:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {filters: {branches: {only: main}}}
    ///       - lint
    ///       - deploy: {requires: [build, lint], filters: {branches: {only: main}}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Filters by expression, and patterns that the engine does not read: where one decides, the
    /// rule is silent.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    /// - https://circleci.com/docs/configuration-reference/#filters
    UPSTREAM_FILTERED_OUT: "upstream-filtered-out", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        if flow.attaches.is_empty() || flow.workflow.jobs.iter().all(|j| j.filters.is_none()) {
            continue;
        }
        let mut told = HashSet::new();
        for push in pushes(flow.workflow) {
            let Ok((running, _)) = flow.workflow.for_push(&push) else {
                continue;
            };
            let then = Flow::new(&running);
            for attach in &then.attaches {
                let job = then.job(attach.job);
                if then.sees_layers(attach.job)
                    || then.may_see_more(attach.job)
                    || told.contains(&attach.origin.at)
                {
                    continue;
                }
                let all = flow
                    .attaches
                    .iter()
                    .find(|a| a.origin.at == attach.origin.at && flow.job(a.job).name == job.name);
                let Some(all) = all else {
                    continue;
                };
                let visible = flow.visible(all.job);
                let Some(layer) = visible.first() else {
                    continue;
                };
                told.insert(attach.origin.at);
                let maker = flow.job(layer.job);
                out.push(
                    UPSTREAM_FILTERED_OUT
                        .finding(
                            "attached where the persisting job does not run",
                            attach.origin.at,
                            format!("on {} `{}` sees no layer", describe(&push), job.name),
                        )
                        .label(
                            maker.filters.as_ref().map_or(maker.origin.at, |f| f.at),
                            format!("`{}` persists, and does not run then", maker.name),
                        )
                        .label(job.origin.at, format!("`{}` runs", job.name))
                        .help("give both the same filters")
                        .done(),
                );
            }
        }
    }
}
