//! `glob-captures-tracked-files`: a pattern among the paths of a persist step also matches files
//! of the checkout.

use crate::finding::{Finding, listed};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::workspace::{takes_all, tracked_below};

declare_rule! {
    /// # What it does
    /// A pattern among the paths of a persist step also matches files of the checkout.
    ///
    /// # Why is this bad
    /// The layer then holds files that every job has anyway. Two jobs that do so persist the same
    /// files, and a job that attaches both fails with "Concurrent upstream jobs persisted the
    /// same file(s)".
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - checkout
    ///       - run: go build -o app-linux .
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: ["./app*"]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - checkout
    ///       - run: go build -o app-linux .
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [app-linux]
    /// ```
    ///
    /// # What holdall cannot know
    /// Which files the checkout brings, where the config is not read inside its repository.
    ///
    /// # References
    /// - https://pkg.go.dev/path/filepath#Match
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    GLOB_CAPTURES_TRACKED_FILES: "glob-captures-tracked-files", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            for item in &layer.persist.paths {
                if !item.value.contains(['*', '?', '[']) || takes_all(&item.value) {
                    continue;
                }
                let Some(files) = tracked_below(context, flow, layer, &item.value) else {
                    continue;
                };
                if !files.is_empty() {
                    out.push(
                        GLOB_CAPTURES_TRACKED_FILES
                            .finding("a pattern that matches files of the checkout", item, format!("this takes {} too", listed(&files, 3)))
                            .help("write a pattern that only what the job makes can match, or make it in a folder of its own")
                            .done(),
                    );
                }
            }
        }
    }
}
