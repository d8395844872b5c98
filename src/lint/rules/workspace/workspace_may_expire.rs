//! `workspace-may-expire`: an approval stands between a job that persists and one that attaches.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::JobKind;

declare_rule! {
    /// # What it does
    /// An approval stands between a job that persists and one that attaches.
    ///
    /// # Why is this bad
    /// An approval may wait for 90 days, a workspace is kept for 15 at most: a job that is let go
    /// later finds nothing.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - hold: {type: approval, requires: [build]}
    ///       - deploy: {requires: [hold]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make && ./publish out
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: ./fetch out && ./deploy out
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - hold: {type: approval, requires: [build]}
    ///       - deploy: {requires: [hold]}
    /// ```
    ///
    /// # What holdall cannot know
    /// How long people wait with the approval, and what the organisation has set.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    /// - https://circleci.com/docs/persist-data/
    WORKSPACE_MAY_EXPIRE: "workspace-may-expire", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    // A server's own administrators say how long it keeps what.
    if context.on_server() {
        return;
    }
    for flow in &context.flows {
        for attach in &flow.attaches {
            let hold = flow
                .graph
                .upstream(attach.job)
                .find(|u| flow.job(*u).kind == JobKind::Approval && flow.sees_layers(*u));
            if let Some(hold) = hold {
                let job = flow.job(hold);
                out.push(
                    WORKSPACE_MAY_EXPIRE
                        .finding(
                            "a workspace that may have expired",
                            attach.origin.at,
                            "workspaces are kept for 15 days",
                        )
                        .label(job.origin.at, format!("`{}` may wait for 90", job.name))
                        .help(
                            "approve in time, or keep what the job needs where it does not expire",
                        )
                        .done(),
                );
            }
        }
    }
}
