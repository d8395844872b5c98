//! `parallel-persist-conflict`: a job with `parallelism` persists a path that each of its nodes
//! makes, and a later job attaches it.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::names::is_file;
use crate::lint::rules::workspace::written::Written;
use crate::plan::Job;

declare_rule! {
    /// # What it does
    /// A job with `parallelism` persists a path that each of its nodes makes, and a later job
    /// attaches it.
    ///
    /// # Why is this bad
    /// Each node adds a layer of its own. Where two of them hold the same file, the attach fails
    /// with "Concurrent upstream jobs persisted the same file(s)".
    ///
    /// Where the nodes split the tests and name each file after its share, the rule is silent.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     parallelism: 4
    ///     steps:
    ///       - run: make test > results.xml
    ///       - persist_to_workspace: {root: ., paths: [results.xml]}
    ///   report:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [test, report: {requires: [test]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     parallelism: 4
    ///     steps:
    ///       - run: mkdir -p results && make test > "results/$CIRCLE_NODE_INDEX.xml"
    ///       - persist_to_workspace: {root: ., paths: [results]}
    ///   report:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [test, report: {requires: [test]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the nodes write into a folder: files of different names are fine. Where a step of the
    /// job uses `CIRCLE_NODE_INDEX`, the rule trusts it.
    ///
    /// # References
    /// - https://circleci.com/docs/rerun-failed-tests/
    /// - https://circleci.com/docs/workspaces/
    PARALLEL_PERSIST_CONFLICT: "parallel-persist-conflict", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            let job = flow.job(layer.job);
            let reader = flow
                .attaches
                .iter()
                .find(|a| flow.graph.is_upstream(layer.job, a.job));
            let (2.., Some(reader)) = (job.parallelism, reader) else {
                continue;
            };
            let by_node = runs(job).any(|(_, run)| {
                run.command.value.contains("CIRCLE_NODE_INDEX")
                    || run
                        .environment
                        .iter()
                        .any(|v| v.value.value.contains("CIRCLE_NODE_INDEX"))
            });
            let Some(item) = layer.persist.paths.first() else {
                continue;
            };
            let files = layer.persist.paths.iter();
            let file = files
                .clone()
                .find(|p| !p.value.contains(['*', '?', '[']) && is_file(job, layer.step, &p.value));
            let (item, confidence, text) = match file {
                Some(file) => (
                    file,
                    Confidence::High,
                    format!("each of {} nodes persists this file", job.parallelism),
                ),
                None if by_node || by_share(job, layer.step, &item.value) => continue,
                None => (
                    item,
                    Confidence::Low,
                    format!(
                        "each of {} nodes persists this: files of the same name in it collide",
                        job.parallelism
                    ),
                ),
            };
            out.push(
                PARALLEL_PERSIST_CONFLICT
                    .finding("parallel nodes persist the same path", item, text)
                    .label(reader.origin.at, format!("`{}` attaches the layers of all nodes", flow.job(reader.job).name))
                    .confidence(confidence)
                    .help("write files that carry `$CIRCLE_NODE_INDEX` in their names into a folder, and persist the folder")
                    .note("the service says: Concurrent upstream jobs persisted the same file(s) into the workspace")
                    .done(),
            );
        }
    }
}

/// Says whether each node writes files that are named after its share of the tests.
fn by_share(job: &Job, persist: usize, item: &str) -> bool {
    let split = |script: &str| {
        ["circleci tests split", "circleci tests run"]
            .iter()
            .any(|call| script.contains(call))
    };
    runs(job).any(|(_, run)| split(&run.command.value))
        && Written::by(job, persist, item).all_vary()
}
