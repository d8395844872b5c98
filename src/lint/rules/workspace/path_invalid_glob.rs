//! `path-invalid-glob`: a pattern that `filepath.Match` refuses.

use crate::finding::Finding;
use crate::glob::{Pattern, PatternErrorKind};
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` is no pattern of Go's `filepath.Match`: a class that is not closed, a
    /// trailing backslash.
    ///
    /// # Why is this bad
    /// Go answers `syntax error in pattern`, and the step fails.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ["report[1.xml"]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ['report\[1.xml']
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://pkg.go.dev/path/filepath#Match
    PATH_INVALID_GLOB: "path-invalid-glob", Workspace, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let Err(error) = Pattern::parse(&item.value) else {
                continue;
            };
            let help = match error.kind {
                PatternErrorKind::OpenClass => {
                    "close the class with `]`, or write `\\[` to mean the bracket"
                }
                PatternErrorKind::EmptyClass => "write what the class holds",
                PatternErrorKind::BareHyphen => "write `\\-` to mean the hyphen",
                PatternErrorKind::TrailingEscape => "remove the `\\` at the end",
            };
            out.push(
                PATH_INVALID_GLOB
                    .finding("a malformed pattern", item, error.kind.to_string())
                    .help(help)
                    .note("Go says: syntax error in pattern")
                    .done(),
            );
        }
    }
}
