//! `filter-glob-not-regex`: a name in a filter has the signs of a pattern and no slashes around
//! it.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::pushes::items;
use crate::lint::rule::{Fixable, declare_rule};
use crate::plan::Located;

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
    FILTER_GLOB_NOT_REGEX: "filter-glob-not-regex", Graph, Warning, check, fix = Fixable::Unsafe
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
                    .fix(slashed_anew(context, item, &pattern))
                    .done(),
            );
        }
    }
}

/// Writes the pattern as a regular expression, where its signs leave no doubt what it means.
fn slashed_anew(context: &Context<'_>, item: &Located<String>, pattern: &str) -> Option<Fix> {
    let node = mend::scalar_at(context.tree(), item.at)?;
    let sure = item.filled.is_none()
        && node.text() == Some(item.value.as_str())
        && !item
            .value
            .contains(['?', '[', '\\', ':', ' ', '~', '{', '(']);
    sure.then_some(())?;
    let regex = format!("/{pattern}/");
    let (edit, touch) = mend::reword(node, &regex);
    Some(mend::fix(
        format!("write `{regex}`"),
        false,
        vec![edit],
        vec![touch],
    ))
}
