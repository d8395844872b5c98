//! `filter-glob-not-regex`: a name in a filter has the signs of a pattern and no slashes around
//! it.

use crate::finding::{Finding, Fix, listed};
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
            let pattern = pattern(text);
            let help = match (&pattern, names(text)) {
                (_, Some(names)) => {
                    format!("write a list with an item for each: {}", listed(&names, 5))
                }
                (Some(pattern), None) => {
                    format!("write a regular expression between slashes: `/{pattern}/`")
                }
                (None, None) => {
                    "write a regular expression between slashes, or the name as it is".to_owned()
                }
            };
            let fix = pattern.and_then(|pattern| slashed_anew(context, item, &pattern));
            out.push(
                FILTER_GLOB_NOT_REGEX
                    .finding(
                        "a pattern that is read as a name",
                        item,
                        "no branch or tag has this name",
                    )
                    .help(help)
                    .fix(fix)
                    .done(),
            );
        }
    }
}

/// Returns the names of a list that was written as one text.
fn names(text: &str) -> Option<Vec<&str>> {
    let names: Vec<&str> = text.split(", ").map(str::trim).collect();
    let whole = |name: &&str| !name.is_empty() && !name.contains(['[', '{', '(', ' ']);
    (names.len() > 1 && names.iter().all(whole)).then_some(names)
}

/// Returns what belongs between the slashes, where the signs say what is meant: a regular
/// expression that lacks its slashes, or one of them, or a pattern of a shell.
fn pattern(text: &str) -> Option<String> {
    let inner = text.strip_prefix('/').unwrap_or(text);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.is_empty() || inner.contains([' ', ':', '~']) {
        return None;
    }
    if [".*", ".+", ".?", "^", "\\"]
        .iter()
        .any(|s| inner.contains(s))
    {
        return Some(inner.to_owned());
    }
    if inner.contains(['[', '{', '(', '+', '|', '$']) {
        return None;
    }
    let mut regex = String::new();
    for sign in inner.chars() {
        match sign {
            '.' => regex.push_str("\\."),
            '/' => regex.push_str("\\/"),
            '?' => regex.push('.'),
            // Two of them say no more than one.
            '*' if !regex.ends_with(".*") => regex.push_str(".*"),
            '*' => {}
            sign => regex.push(sign),
        }
    }
    Some(regex)
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

#[cfg(test)]
mod tests {
    use super::{names, pattern};

    #[test]
    fn only_the_slashes_that_lack_are_added() {
        for text in ["/release/.*", "release/.*/", "release/.*"] {
            assert_eq!(pattern(text).as_deref(), Some("release/.*"), "{text}");
        }
    }

    #[test]
    fn signs_of_a_shell_become_those_of_a_regular_expression() {
        assert_eq!(pattern("release/*").as_deref(), Some("release\\/.*"));
        assert_eq!(pattern("release/**").as_deref(), Some("release\\/.*"));
        assert_eq!(pattern("v?.0").as_deref(), Some("v.\\.0"));
        assert_eq!(pattern("^v1?$").as_deref(), Some("^v1?$"));
    }

    #[test]
    fn nothing_is_made_of_signs_that_may_mean_either() {
        for text in ["v[0-9]*", "{a,b}/*", "main develop", "a:b", "v*|w*", "//"] {
            assert_eq!(pattern(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_in_one_text_is_named() {
        assert_eq!(names("main, develop"), Some(vec!["main", "develop"]));
        assert_eq!(names("main"), None);
        assert_eq!(names("v{1, 2}"), None);
    }
}
