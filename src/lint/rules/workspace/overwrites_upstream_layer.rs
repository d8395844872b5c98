//! `overwrites-upstream-layer`: a job persists a file that a job upstream of it has persisted
//! too.

use crate::finding::Finding;
use crate::hash::HashMap;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::names::is_file;

declare_rule! {
    /// # What it does
    /// A job persists a file that a job upstream of it has persisted too.
    ///
    /// # Why is this bad
    /// The later layer wins: whoever attaches both gets the later file. That is a way to hand on
    /// a changed file, and a surprise where it is not meant.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make > report.txt
    ///       - persist_to_workspace: {root: ., paths: [report.txt]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test > report.txt
    ///       - persist_to_workspace: {root: ., paths: [report.txt]}
    ///   send:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
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
    ///       - run: make > build.txt
    ///       - persist_to_workspace: {root: ., paths: [build.txt]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make test > test.txt
    ///       - persist_to_workspace: {root: ., paths: [test.txt]}
    ///   send:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}, send: {requires: [test]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the file is meant to be replaced.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    /// - https://circleci.com/blog/deep-diving-into-circleci-workspaces/
    OVERWRITES_UPSTREAM_LAYER: "overwrites-upstream-layer", Workspace, Info, check, There
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let mut makers: HashMap<String, Vec<usize>> = HashMap::default();
        for (i, layer) in flow.layers.iter().enumerate() {
            let job = flow.job(layer.job);
            for item in &layer.persist.paths {
                let name = item.value.trim_start_matches("./").to_owned();
                if name.contains(['*', '?', '[']) || !is_file(job, layer.step, &item.value) {
                    continue;
                }
                let earlier = makers.entry(name).or_default();
                let first = earlier
                    .iter()
                    .map(|e| &flow.layers[*e])
                    .find(|e| flow.graph.is_upstream(e.job, layer.job));
                if let Some(first) = first {
                    let at = first.persist.paths.iter().find(|p| {
                        p.value.trim_start_matches("./") == item.value.trim_start_matches("./")
                    });
                    out.push(
                        OVERWRITES_UPSTREAM_LAYER
                            .finding(
                                "a layer that replaces a file of an earlier one",
                                item,
                                format!("`{}` persists it again", job.name),
                            )
                            .label(
                                at.map_or(first.origin.at, |p| p.written()),
                                format!("`{}` persists it first", flow.job(first.job).name),
                            )
                            .help("if both are needed, give them different names")
                            .done(),
                    );
                }
                earlier.push(i);
            }
        }
    }
}
