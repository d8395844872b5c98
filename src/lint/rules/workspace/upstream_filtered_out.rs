//! `upstream-filtered-out`: a job attaches the workspace on a branch or tag for which the
//! filters of the only jobs that persist for it keep those from running.

use crate::finding::Finding;
use crate::flow::Flow;
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::pushes::{describe, pushes};
use crate::lint::rule::declare_rule;
use crate::plan::JobIndex;

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
        let mut told = HashSet::default();
        for push in pushes(flow.workflow) {
            let Ok(runs) = flow.workflow.runs_for(&push) else {
                continue;
            };
            for attach in flow.attaches.iter().filter(|a| runs[a.job]) {
                if told.contains(&attach.origin.at) || sees(flow, &runs, attach.job) {
                    continue;
                }
                let visible = flow.visible(attach.job);
                let Some(layer) = visible.first() else {
                    continue;
                };
                told.insert(attach.origin.at);
                let (job, maker) = (flow.job(attach.job), flow.job(layer.job));
                out.push(
                    UPSTREAM_FILTERED_OUT
                        .finding(
                            "attached where the persisting job does not run",
                            attach.origin.at,
                            format!("on {}, `{}` sees no layer", describe(&push), job.name),
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

/// Says whether a job sees a layer, or may see one that is not known, where only some jobs run: a
/// requirement that is left out is ignored, with all that is behind it.
fn sees(flow: &Flow<'_>, runs: &[bool], job: JobIndex) -> bool {
    let mut seen = vec![false; runs.len()];
    let mut next = vec![job];
    while let Some(at) = next.pop() {
        let here = flow.job(at);
        let opaque = at != job && here.opaque.is_some();
        if opaque
            || !here.unknown_requires.is_empty()
            || at != job && !flow.layers_of(at).is_empty()
        {
            return true;
        }
        for requirement in &here.requires {
            if runs[requirement.job] && !std::mem::replace(&mut seen[requirement.job], true) {
                next.push(requirement.job);
            }
        }
    }
    false
}
