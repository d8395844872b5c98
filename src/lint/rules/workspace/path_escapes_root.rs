//! `path-escapes-root`: an item of `paths` that climbs out of the root.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` climbs out of the root with `..`.
    ///
    /// # Why is this bad
    /// A layer holds what lies below its root. What lies beside it is not documented to work, and
    /// would land outside the place that `attach_workspace` names.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: app/dist
    ///     paths: [../package.json]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: app
    ///     paths: [package.json]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the agent does with such a path: it is not documented.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATH_ESCAPES_ROOT: "path-escapes-root", Workspace, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let mut depth = 0_i32;
            let mut escapes = false;
            for part in item.value.split('/') {
                match part {
                    "" | "." => {}
                    ".." => depth -= 1,
                    _ => depth += 1,
                }
                escapes |= depth < 0;
            }
            if escapes && !item.value.starts_with('/') {
                out.push(
                    PATH_ESCAPES_ROOT
                        .finding(
                            "an item of `paths` that climbs out of the root",
                            item,
                            "this lies outside the root",
                        )
                        .label(persist.step.root.at, "the root")
                        .help("name a root that holds every item")
                        .done(),
                );
            }
        }
    }
}
