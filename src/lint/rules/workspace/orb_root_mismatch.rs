//! `orb-root-mismatch`: an orb's job or command without source is given a workspace root that no
//! job upstream of it persists from.

use crate::finding::{Confidence, Finding};
use crate::flow::Place;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{Invocation, StepKind};
use crate::yaml::Data;

declare_rule! {
    /// # What it does
    /// An orb's job or command without source is given a workspace root that no job upstream of
    /// it persists from.
    ///
    /// # Why is this bad
    /// Such a parameter mostly says where the orb attaches: paths that are then looked for below
    /// another folder are not found.
    ///
    /// # Example
    /// ```yaml
    /// orbs:
    ///   aws-ecr: circleci/aws-ecr@9.0.0
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make OUT=/tmp/ws/app
    ///       - persist_to_workspace: {root: /tmp/ws, paths: [app]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - aws-ecr/build_and_push_image:
    ///           attach_workspace: true
    ///           workspace_root: /tmp/workspace
    ///           requires: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// orbs:
    ///   aws-ecr: circleci/aws-ecr@9.0.0
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make OUT=/tmp/ws/app
    ///       - persist_to_workspace: {root: /tmp/ws, paths: [app]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - aws-ecr/build_and_push_image:
    ///           attach_workspace: true
    ///           workspace_root: /tmp/ws
    ///           requires: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the orb does with the parameter: with its source in `.holdall/orbs` the flow is
    /// followed instead.
    ///
    /// # References
    /// - https://circleci.com/developer/orbs
    ORB_ROOT_MISMATCH: "orb-root-mismatch", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for (index, job) in flow.workflow.jobs.iter().enumerate() {
            let visible = flow.visible(index);
            let Some(layer) = visible.first() else {
                continue;
            };
            let calls = job.steps.iter().filter_map(|s| match &s.kind {
                StepKind::Opaque(call) => Some((call, s.origin.at)),
                _ => None,
            });
            let wd = Place::of_working_directory(&job.working_directory.value);
            for (call, at) in calls {
                let Some((key, root)) = root_of(call) else {
                    continue;
                };
                let place = wd.join(root);
                if visible.iter().any(|l| l.root == place) {
                    continue;
                }
                out.push(
                    ORB_ROOT_MISMATCH
                        .finding("an orb is given another workspace root", at, format!("`{key}: {root}`"))
                        .label(layer.persist.root.written(), format!("`{}` persists from here", flow.job(layer.job).name))
                        .confidence(Confidence::Low)
                        .help("if the orb looks for the files by their path, give it the root that they were persisted from")
                        .done(),
                );
            }
        }
    }
}

/// Returns the argument that says where the workspace is, with its value.
fn root_of(call: &Invocation) -> Option<(&str, &str)> {
    call.arguments.iter().find_map(|(key, value)| {
        let name = key.replace('_', "-");
        let known = [
            "workspace-root",
            "workspace-path",
            "attach-at",
            "attach-workspace-at",
            "workspace-dir",
        ];
        match value {
            Data::Str(text)
                if known.contains(&name.as_str()) && !text.is_empty() && !text.contains("<<") =>
            {
                Some((key.as_str(), text.as_str()))
            }
            _ => None,
        }
    })
}
