//! `paths-not-a-list`: one bare string where a list is documented.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// `paths` is a single string instead of a list.
    ///
    /// # Why is this bad
    /// The service was seen to accept it, but documents a list, and other tools read it as one: a
    /// string may be refused tomorrow, or be read as its characters.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: dist
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
    /// Whether the service still takes a text, as it was seen to.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATHS_NOT_A_LIST: "paths-not-a-list", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        if persist.step.paths_is_string {
            let text = context
                .text(persist.step.paths_at)
                .lines()
                .next()
                .unwrap_or_default();
            out.push(
                PATHS_NOT_A_LIST
                    .finding(
                        "`paths` is not a list",
                        persist.step.paths_at,
                        "one bare string",
                    )
                    .help(format!("write `[{text}]`"))
                    .done(),
            );
        }
    }
}
