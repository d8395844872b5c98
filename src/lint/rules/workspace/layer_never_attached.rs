//! `layer-never-attached`: a layer that no job reads.

use std::collections::BTreeMap;

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::rule::{Fixable, declare_rule};
use crate::yaml::Location;

use super::attach_without_upstream::edge;

declare_rule! {
    /// # What it does
    /// A job persists files, and no job behind it attaches the workspace, in any workflow that
    /// runs it.
    ///
    /// # Why is this bad
    /// Packing and uploading costs time and storage for nothing, or a requirement is missing
    /// between this job and the one that was meant to read the layer.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [build]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - run: make
    ///       - persist_to_workspace: {root: ., paths: [dist]}
    ///   deploy:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - attach_workspace: {at: .}
    ///       - run: cp -r dist/ /srv
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy: {requires: [build]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What jobs of orbs without source attach, and reruns of single jobs.
    ///
    /// # References
    /// - https://circleci.com/docs/workspaces/
    LAYER_NEVER_ATTACHED: "layer-never-attached", Workspace, Warning, check, Missing, fix = Fixable::Unsafe
}

/// What is known of one persist step over all the jobs that it runs in.
struct Use<'c> {
    root: Location,
    seen: bool,
    job: &'c str,
    entry: Location,
    /// A job of the workflow that attaches without waiting for this one.
    reader: Option<(&'c str, Location)>,
    /// Lets that job wait, where it is the only one.
    fix: Option<Fix>,
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let mut uses: BTreeMap<Location, Use<'_>> = BTreeMap::new();
    for flow in &context.flows {
        let blind: Vec<_> = flow
            .attaches
            .iter()
            .filter(|a| !flow.sees_layers(a.job))
            .collect();
        for layer in &flow.layers {
            let job = flow.job(layer.job);
            let seen = flow.may_be_seen_more(layer.job)
                || flow
                    .attaches
                    .iter()
                    .any(|a| flow.graph.is_upstream(layer.job, a.job));
            let mut readers = blind
                .iter()
                .filter(|a| flow.graph.is_concurrent(a.job, layer.job));
            let first = readers.next();
            let alone = readers.all(|a| Some(a.job) == first.map(|f| f.job));
            let fix = first
                .filter(|_| alone && !seen)
                .and_then(|a| edge(context, flow, a.job, layer.job));
            let reader = first.map(|a| (flow.job(a.job).name.as_str(), a.origin.at));
            let entry = uses.entry(layer.persist.paths_at).or_insert(Use {
                root: layer.origin.at,
                seen: false,
                job: &job.name,
                entry: job.origin.at,
                reader: None,
                fix: None,
            });
            entry.seen |= seen;
            if entry.reader.is_none() {
                (entry.reader, entry.fix) = (reader, fix);
            }
        }
    }
    for (_, found) in uses.into_iter().filter(|(_, u)| !u.seen) {
        let mut draft = LAYER_NEVER_ATTACHED
            .finding(
                "a layer that no job attaches",
                found.root,
                format!("nothing behind `{}` attaches this", found.job),
            )
            .job(found.job);
        draft = match found.reader {
            Some((reader, at)) => draft
                .label(
                    at,
                    format!("`{reader}` attaches, but does not wait for `{}`", found.job),
                )
                .fix(found.fix)
                .help(format!(
                    "add `{}` to what `{reader}` requires, or remove the step",
                    found.job
                )),
            None => draft
                .label(found.entry, "the job runs here")
                .help("remove the step, or attach the workspace in a job that requires this one"),
        };
        out.push(draft.done());
    }
}
