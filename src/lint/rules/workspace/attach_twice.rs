//! `attach-twice`: a job attaches the workspace to the same place twice.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A job attaches the workspace to the same place twice.
    ///
    /// # Why is this bad
    /// Both bring the same layers: the second costs a download and changes nothing, or undoes
    /// what the job changed in between.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: make test
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
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   test:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: make test
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the second attach is meant to undo changes.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    ATTACH_TWICE: "attach-twice", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for (i, attach) in flow.attaches.iter().enumerate() {
            let before = flow.attaches[..i]
                .iter()
                .rev()
                .take_while(|a| a.job == attach.job);
            let first = before
                .filter(|a| a.at == attach.at && !a.conditional)
                .last();
            if let Some(first) =
                first.filter(|f| !attach.conditional && f.origin.at != attach.origin.at)
            {
                out.push(
                    ATTACH_TWICE
                        .finding(
                            "the workspace is attached twice",
                            attach.origin.at,
                            format!("at `{}` again", attach.at),
                        )
                        .label(first.origin.at, "the same layers come from here")
                        .help("remove the second attach")
                        .done(),
                );
            }
        }
    }
}
