//! `tag-job-runs-on-branches`: a job that deploys or releases has a filter for tags and none for
//! branches.

use std::cell::LazyCell;

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{FilterKind, GitRef};

declare_rule! {
    /// # What it does
    /// A job that deploys or releases has a filter for tags and none for branches.
    ///
    /// # Why is this bad
    /// Without a filter for branches a job runs on each of them: the filter for tags adds tags,
    /// it takes nothing away.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   release: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - release:
    ///           filters: {tags: {only: /^v.*/}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   release: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - release:
    ///           filters: {tags: {only: /^v.*/}, branches: {ignore: /.*/}}
    /// ```
    ///
    /// # What holdall cannot know
    /// What the job does: it is taken for a release by its name. One that decides itself what to
    /// do on a branch is fine.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#executing-workflows-for-a-git-tag
    TAG_JOB_RUNS_ON_BRANCHES: "tag-job-runs-on-branches", Graph, Warning, check
}

/// Words by which a job is taken for one that makes something public.
const WORDS: [&str; 5] = ["deploy", "release", "publish", "promote", "ship"];
/// Words that say that it does not do so in earnest.
const TAME: [&str; 7] = [
    "test", "check", "dry", "preview", "staging", "build", "lint",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    // What a job waits for may keep it from branches.
    let branch = GitRef::Branch("some-other-branch".to_owned());
    for workflow in context.workflows() {
        let runs = LazyCell::new(|| workflow.runs_for(&branch));
        for (index, job) in workflow.jobs.iter().enumerate() {
            let Some(filters) = &job.filters else {
                continue;
            };
            let FilterKind::Map {
                branches: None,
                tags: Some(tags),
            } = &filters.kind
            else {
                continue;
            };
            // `/.*/` lets a job run always, for the sake of those behind it.
            let every = tags
                .only
                .iter()
                .any(|t| matches!(t.value.as_str(), "/.*/" | "/.+/"));
            let name = job.name.to_ascii_lowercase();
            let public =
                WORDS.iter().any(|w| name.contains(w)) && !TAME.iter().any(|w| name.contains(w));
            if tags.only.is_empty() || every || !public {
                continue;
            }
            if runs.as_ref().is_ok_and(|runs| !runs[index]) {
                continue;
            }
            out.push(
                TAG_JOB_RUNS_ON_BRANCHES
                    .finding(
                        "a job for tags that runs on every branch",
                        filters.at,
                        format!("`{}` runs on branches too", job.name),
                    )
                    .confidence(Confidence::Medium)
                    .help("add `branches: {ignore: /.*/}` to the filters")
                    .done(),
            );
        }
    }
}
