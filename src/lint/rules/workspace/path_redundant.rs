//! `path-redundant`: an item that another item of the step already brings.

use crate::finding::{Finding, Severity};
use crate::glob::Pattern;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` is already covered by another item of the same step.
    ///
    /// # Why is this bad
    /// It adds nothing, and a reader wonders what it is for.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [dist, dist/app.js]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [dist]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATH_REDUNDANT: "path-redundant", Workspace, Info, check
}

fn parts(item: &str) -> Vec<&str> {
    item.split('/')
        .filter(|p| !p.is_empty() && *p != ".")
        .collect()
}

/// Says whether everything that `inner` matches is brought by `outer` too.
fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (parts(outer), parts(inner));
    outer.len() <= inner.len()
        && outer.iter().zip(&inner).all(|(o, i)| {
            let Ok(pattern) = Pattern::parse(o) else {
                return false;
            };
            let literal = Pattern::parse(i).ok().and_then(|p| p.literal());
            o == i || *o == "*" || literal.is_some_and(|name| pattern.matches(name.as_bytes()))
        })
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        let items = &persist.step.paths;
        for (i, item) in items.iter().enumerate() {
            // Of two equal items the later one is the redundant one.
            let by = items.iter().enumerate().find(|(j, other)| {
                *j != i
                    && covers(&other.value, &item.value)
                    && (*j < i || !covers(&item.value, &other.value))
            });
            if let Some((_, other)) = by {
                out.push(
                    PATH_REDUNDANT
                        .finding(
                            "an item that another one already brings",
                            item,
                            "nothing is added by this",
                        )
                        .label(other.at, "this brings it")
                        .help("remove it")
                        .severity(Severity::Info)
                        .done(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn folders_and_patterns_cover_what_is_in_them() {
        assert!(covers("dist", "dist/app.js"));
        assert!(covers(".", "x"));
        assert!(covers("*.js", "app.js"));
        assert!(!covers("app.js", "*.js"));
        assert!(!covers("a?", "*"));
        assert!(!covers("dist/app.js", "dist"));
    }
}
