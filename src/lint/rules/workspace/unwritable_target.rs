//! `unwritable-target`: the workspace is attached to a folder that the user of the image cannot
//! write.

use crate::finding::{Confidence, Finding};
use crate::flow::Space;
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::machine::{Image, Machine};
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// The workspace is attached to a folder that the user of the image cannot write.
    ///
    /// # Why is this bad
    /// Layers are unpacked as the user that runs the job: "Error extracting tarball … exit status
    /// 2". Images of CircleCI run as the user `circleci`, who may write below `/home/circleci`
    /// and `/tmp` only.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   test:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - attach_workspace: {at: /go}
    ///       - run: ls /go/out
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    ///   test:
    ///     docker: [{image: "cimg/go:1.22"}]
    ///     steps:
    ///       - attach_workspace: {at: /tmp/ws}
    ///       - run: ls /tmp/ws/out
    /// workflows:
    ///   main:
    ///     jobs: [build, test: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Who owns the folder in images of others, and whether an image was changed.
    ///
    /// # References
    /// - https://circleci.com/docs/circleci-images/
    /// - https://circleci.com/docs/workspaces/
    UNWRITABLE_TARGET: "unwritable-target", Workspace, Warning, check
}

/// Folders at the top that belong to root.
const OF_ROOT: [&str; 12] = [
    "bin",
    "boot",
    "etc",
    "go",
    "lib",
    "opt",
    "root",
    "sbin",
    "srv",
    "usr",
    "var",
    "workspace",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for attach in &flow.attaches {
            let job = flow.job(attach.job);
            let machine = Machine::of(job);
            let Some(first) = attach.at.parts.first() else {
                continue;
            };
            if attach.at.space != Space::Root
                || !OF_ROOT.contains(&first.as_str())
                || !machine.is_circleci_user()
                || (first == "go" && machine.image().is_some_and(opens_go))
            {
                continue;
            }
            // Whoever has sudo may have made the folder writable before.
            let place = attach.at.to_string();
            let prepared = runs(job)
                .take_while(|(i, _)| *i < attach.step)
                .any(|(_, run)| {
                    let script = &run.command.value;
                    script.contains("sudo")
                        && (script.contains(&place) || script.contains(&format!("/{first}")))
                });
            if prepared {
                continue;
            }
            out.push(
                UNWRITABLE_TARGET
                    .finding("attached where the job's user cannot write", &attach.attach.at, format!("`/{first}` belongs to root"))
                    .label(machine.at(job), format!("this runs as `circleci`, at home in `{}`", machine.home().unwrap_or("/home/circleci")))
                    .confidence(Confidence::Medium)
                    .help("attach below `~` or `/tmp`, or make the folder first: `sudo mkdir … && sudo chown circleci …`")
                    .note("the service says: Error applying workspace layer … Error extracting tarball … exit status 2")
                    .done(),
            );
        }
    }
}

/// The old image was made of the official one of Go, which lets everybody write to `/go`.
fn opens_go(image: &Image) -> bool {
    image.name.trim_start_matches("docker.io/") == "circleci/golang"
}
