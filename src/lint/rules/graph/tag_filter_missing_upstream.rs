//! `tag-filter-missing-upstream`: a job runs for tags, and a job that it waits for has no filter
//! for tags.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{FilterKind, Job};

declare_rule! {
    /// # What it does
    /// A job runs for tags, and a job that it waits for has no filter for tags.
    ///
    /// # Why is this bad
    /// A job runs for a tag only if it and all jobs upstream of it have a `tags` filter: with one
    /// that has none, nothing of the chain runs when a tag is pushed.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - deploy:
    ///           requires: [build]
    ///           filters: {tags: {only: /^v.*/}, branches: {ignore: /.*/}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   deploy: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build:
    ///           filters: {tags: {only: /^v.*/}}
    ///       - deploy:
    ///           requires: [build]
    ///           filters: {tags: {only: /^v.*/}, branches: {ignore: /.*/}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether one requirement with a filter for tags is enough where another has none: the
    /// documentation says that all need one, configs that run do with one. Filters by expression:
    /// they are taken for ones that speak of tags.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#executing-workflows-for-a-git-tag
    /// - https://circleci.com/docs/configuration-reference/#tags
    TAG_FILTER_MISSING_UPSTREAM: "tag-filter-missing-upstream", Graph, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        let mut reached = vec![false; flow.workflow.jobs.len()];
        for index in flow.graph.order() {
            let job = flow.job(*index);
            // Requirements that are filtered out are ignored as long as one is left: configs that
            // run have one for branches beside one for tags.
            let left = job.requires.is_empty() || job.requires.iter().any(|r| reached[r.job]);
            reached[*index] = speaks_of_tags(job) && left;
        }
        for (index, job) in flow.workflow.jobs.iter().enumerate() {
            let Some(filters) = job.filters.as_ref().filter(|_| wants_tags(job)) else {
                continue;
            };
            if reached[index] || !job.unknown_requires.is_empty() {
                continue;
            }
            let upstream = flow.graph.upstream(index).map(|u| flow.job(u));
            let missing: Vec<&Job> = upstream.filter(|j| !speaks_of_tags(j)).collect();
            let Some(first) = missing.first() else {
                continue;
            };
            let help = match missing.len() {
                1 => format!("give `{}` the same `tags` filter", first.written_name),
                _ => "give each of them the same `tags` filter".to_owned(),
            };
            let mut draft = TAG_FILTER_MISSING_UPSTREAM
                .finding(
                    "a tag filter that its requirements lack",
                    filters.at,
                    format!("`{}` is for tags", job.name),
                )
                .help(help);
            for other in missing.iter().take(3) {
                draft = draft.label(other.origin.at, format!("`{}` runs for no tag", other.name));
            }
            out.push(draft.done());
        }
    }
}

/// Says whether a job is meant for tags.
fn wants_tags(job: &Job) -> bool {
    job.filters.as_ref().is_some_and(|f| match &f.kind {
        FilterKind::Map {
            tags: Some(tags), ..
        } => !tags.only.is_empty(),
        _ => false,
    })
}

fn speaks_of_tags(job: &Job) -> bool {
    job.filters.as_ref().is_some_and(|f| match &f.kind {
        FilterKind::Map { tags, .. } => tags.is_some(),
        FilterKind::Expression { .. } => true,
    })
}
