//! `filter-glob-not-regex`: a name in a filter has the signs of a pattern and no slashes around
//! it.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::pushes::items;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A name in a filter has the signs of a pattern and no slashes around it.
    ///
    /// # Why is this bad
    /// Without slashes it is a literal name: no branch is called `release/*`.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build:
    ///           filters: {branches: {only: release/*}}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build:
    ///           filters: {branches: {only: /release\/.*/}}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing: git does not allow these signs in names.
    ///
    /// # References
    /// - https://circleci.com/docs/workflows/#using-regular-expressions-to-filter-tags-and-branches
    FILTER_GLOB_NOT_REGEX: "filter-glob-not-regex", Graph, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for job in context.jobs() {
        for item in items(job) {
            let text = item.value.as_str();
            let slashed = text.len() > 1 && text.starts_with('/') && text.ends_with('/');
            // None of these may stand in the name of a branch or tag (git-check-ref-format).
            if slashed
                || text.contains("<<")
                || !text.contains(['*', '?', '[', '^', '\\', ':', ' ', '~'])
            {
                continue;
            }
            let pattern = if text.contains(".*") || text.contains('^') {
                text.to_owned()
            } else {
                text.replace('.', "\\.")
                    .replace('/', "\\/")
                    .replace('*', ".*")
            };
            out.push(
                FILTER_GLOB_NOT_REGEX
                    .finding(
                        "a pattern that is read as a name",
                        item,
                        "no branch or tag has this name",
                    )
                    .help(format!(
                        "write a regular expression between slashes: `/{pattern}/`"
                    ))
                    .done(),
            );
        }
    }
}
