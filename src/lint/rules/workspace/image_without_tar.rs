//! `image-without-tar`: a job with workspace steps runs on a bare alpine or busybox image, and
//! installs no tar before.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::context::runs;
use crate::lint::machine::Machine;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A job with workspace steps runs on a bare alpine or busybox image, and installs no tar
    /// before.
    ///
    /// # Why is this bad
    /// Layers are packed and unpacked with the tar of the image. The one of busybox was refused:
    /// "tar utility is not present in this image but it is required".
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "alpine:3.19"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "alpine:3.19"}]
    ///     steps:
    ///       - run: apk add --no-cache tar make && make
    ///       - persist_to_workspace: {root: ., paths: [out]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the agent of today still needs it: the report is from 2019.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    IMAGE_WITHOUT_TAR: "image-without-tar", Workspace, Info, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        let machine = Machine::of(job);
        let Some(image) = machine.image() else {
            continue;
        };
        let bare = matches!(
            image.name.as_str(),
            "alpine" | "library/alpine" | "busybox" | "library/busybox"
        );
        let first = job
            .steps
            .iter()
            .position(|s| matches!(s.kind, StepKind::Persist(_) | StepKind::Attach(_)));
        let (true, Some(first)) = (bare, first) else {
            continue;
        };
        let installs = runs(job).take_while(|(i, _)| *i < first).any(|(_, run)| {
            let script = &run.command.value;
            script.contains("apk ") && script.split_whitespace().any(|w| w == "tar")
        });
        if !installs {
            out.push(
                IMAGE_WITHOUT_TAR
                    .finding(
                        "an image without tar",
                        machine.at(job),
                        format!("`{}` has only the tar of busybox", image.name),
                    )
                    .label(job.steps[first].origin.at, "this step needs tar")
                    .confidence(Confidence::Low)
                    .help("install it first: `apk add --no-cache tar`")
                    .done(),
            );
        }
    }
}
