//! `attach-location-mismatch`: a step names a persisted file by the place where it was
//! persisted, and no attach of the job puts it there.

use crate::finding::{Confidence, Finding};
use crate::flow::{Attach, Flow, Layer, Place, Space};
use crate::lint::Context;
use crate::lint::context::{names_path, runs_after};
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A step names a persisted file by the place where it was persisted, and no attach of the
    /// job puts it there.
    ///
    /// # Why is this bad
    /// A layer lands below the `at` of the attach, wherever its root was when it was made: the
    /// step fails with "No such file or directory".
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make OUT=/tmp/ws/app
    ///       - persist_to_workspace: {root: /tmp/ws, paths: [app]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: /srv}
    ///       - run: ./deploy /tmp/ws/app
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
    ///       - run: make OUT=/tmp/ws/app
    ///       - persist_to_workspace: {root: /tmp/ws, paths: [app]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: /tmp/ws}
    ///       - run: ./deploy /tmp/ws/app
    /// workflows:
    ///   main:
    ///     jobs: [build, deploy: {requires: [build]}]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether an earlier step of the job moves the file to where it is looked for.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    ATTACH_LOCATION_MISMATCH: "attach-location-mismatch", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for (i, attach) in flow.attaches.iter().enumerate() {
            // The first attach of a job speaks for all of them.
            if flow.attaches[..i]
                .iter()
                .any(|other| other.job == attach.job)
            {
                continue;
            }
            let own = flow.attaches.iter().filter(|a| a.job == attach.job);
            let places: Vec<&Place> = own.map(|a| &a.at).collect();
            for layer in flow.visible(attach.job) {
                if let Some(finding) = look(context, flow, (attach, &places), layer) {
                    out.push(finding);
                    break;
                }
            }
        }
    }
}

fn look(
    context: &Context<'_>,
    flow: &Flow<'_>,
    (attach, places): (&Attach<'_>, &[&Place]),
    layer: &Layer<'_>,
) -> Option<Finding> {
    // A relative root is spelled in no other job.
    if layer.root.space == Space::Start || layer.root.parts.is_empty() {
        return None;
    }
    let job = flow.job(attach.job);
    let root = layer.root.to_string();
    let lands = |name: &str| {
        let place = layer.root.join(name);
        places.iter().any(|at| at.to_below(&place).is_some())
    };
    for item in &layer.persist.paths {
        let name = item.value.trim_start_matches("./").trim_end_matches('/');
        let place = format!("{root}/{name}");
        if name.is_empty() || name == "." || lands(name) {
            continue;
        }
        for (run, at) in runs_after(job, attach.step) {
            let script = run.command.value.as_str();
            if !names_path(script, &place) {
                continue;
            }
            // What the script makes there itself is its own.
            if script.contains(&format!("mkdir -p {root}"))
                || script.contains(&format!("> {place}"))
            {
                continue;
            }
            let at = context.script(run).map_or(at, |script| {
                script
                    .text
                    .find(&place)
                    .map_or(at, |i| script.at(i..i + place.len()))
            });
            let lands = format!("{}/{name}", attach.at);
            return Some(
                ATTACH_LOCATION_MISMATCH
                    .finding(
                        "a persisted file is looked for where no attach puts it",
                        at,
                        format!("`{lands}` is where it lands"),
                    )
                    .label(
                        item.written(),
                        format!("`{}` persists it from `{root}`", flow.job(layer.job).name),
                    )
                    .label(
                        attach.attach.at.written(),
                        format!("`{}` attaches here", job.name),
                    )
                    .confidence(Confidence::Medium)
                    .help(format!("attach at `{root}`, or use `{lands}`"))
                    .done(),
            );
        }
    }
    None
}
