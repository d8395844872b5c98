//! `filter-partial-regex`: a pattern of a filter begins with `^` and ends in the middle of a
//! name.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::pushes::items;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A pattern of a filter begins with `^` and ends in the middle of a name.
    ///
    /// # Why is this bad
    /// A pattern has to match the whole name: `/^v/` lets in a tag that is called `v`, and no
    /// other.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   release: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - release:
    ///           filters: {tags: {only: /^v/}, branches: {ignore: /.*/}}
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
    /// Whether a short name is really meant.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#using-regular-expressions-to-filter-tags-and-branches
    FILTER_PARTIAL_REGEX: "filter-partial-regex", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        for item in items(job) {
            let pattern = item
                .value
                .strip_prefix('/')
                .and_then(|p| p.strip_suffix('/'));
            let Some(begun) = pattern.and_then(|p| p.strip_prefix('^')) else {
                continue;
            };
            let open = !begun.is_empty()
                && !begun.contains(['|', '$', '*', '+', '{', '('])
                && !begun.ends_with('?');
            // A name in full is a name in full: only what ends early looks unfinished.
            let short = begun.ends_with(['-', '/', '.', ']', '_'])
                || begun.len() <= 2
                || begun.ends_with("\\d");
            if open && short {
                out.push(
                    FILTER_PARTIAL_REGEX
                        .finding(
                            "a pattern for the beginning of a name",
                            item,
                            "this has to match the whole name",
                        )
                        .confidence(Confidence::Medium)
                        .help(format!("write `/^{begun}.*/`"))
                        .done(),
                );
            }
        }
    }
}
