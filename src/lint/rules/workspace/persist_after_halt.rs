//! `persist-after-halt`: a persist step stands behind a step that may halt the job, and a later
//! job attaches the workspace.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A persist step stands behind a step that may halt the job, and a later job attaches the
    /// workspace.
    ///
    /// # Why is this bad
    /// `circleci-agent step halt` ends the job as a success: the steps behind it do not run, the
    /// later job runs all the same, and finds no layer.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: "./changed || circleci-agent step halt"
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [build, deploy: {requires: [build]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: mkdir -p out
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///       - run: "./changed || circleci-agent step halt"
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs: [build, deploy: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// When the job halts, and whether the later job halts too.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#ending-a-job-from-within-a-step
    PERSIST_AFTER_HALT: "persist-after-halt", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for layer in &flow.layers {
            let job = flow.job(layer.job);
            let Some(reader) = flow
                .attaches
                .iter()
                .find(|a| flow.graph.is_upstream(layer.job, a.job))
            else {
                continue;
            };
            let halt = runs(job)
                .take_while(|(i, _)| *i < layer.step)
                .find_map(|(_, run)| {
                    let script = context.script(run)?;
                    let halts = |c: &&crate::lint::shell::Command| {
                        c.is(&["circleci-agent", "step", "halt"])
                            || c.is(&["circleci", "step", "halt"])
                    };
                    let at = script
                        .commands
                        .iter()
                        .find(halts)
                        .map(|c| script.command_at(c))?;
                    Some(at)
                });
            if let Some(halt) = halt {
                out.push(
                    PERSIST_AFTER_HALT
                        .finding(
                            "a layer that a halt may leave out",
                            layer.origin.at,
                            "this does not run where the job halts before",
                        )
                        .label(halt, "the job may end here, as a success")
                        .label(
                            reader.origin.at,
                            format!("`{}` runs and finds no layer", flow.job(reader.job).name),
                        )
                        .confidence(Confidence::Low)
                        .help("persist before the halt, an empty folder if there is nothing yet")
                        .done(),
                );
            }
        }
    }
}
