//! `path-absolute`: an item of `paths` that is not relative to the root.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// An item of `paths` is absolute, begins with `~`, or names a drive.
    ///
    /// # Why is this bad
    /// Items are relative to `root`: an absolute one is refused or matches nothing, and the step
    /// fails.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [/tmp/build/app]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: /tmp/build
    ///     paths: [app]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATH_ABSOLUTE: "path-absolute", Workspace, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let text = item.value.as_str();
            let drive = text.as_bytes().get(1) == Some(&b':')
                && text.as_bytes()[0].is_ascii_alphabetic()
                && matches!(text.as_bytes().get(2), Some(b'/' | b'\\'));
            let home = text == "~" || text.starts_with("~/");
            if !text.starts_with('/') && !home && !drive {
                continue;
            }
            let trimmed = text.trim_end_matches('/');
            let help = match trimmed.rsplit_once('/') {
                Some((dir, name)) if !name.is_empty() => {
                    let root = if dir.is_empty() { "/" } else { dir };
                    format!("write `root: {root}` and the item `{name}`")
                }
                _ => "write the folder as `root` and what it holds as items".to_owned(),
            };
            out.push(
                PATH_ABSOLUTE
                    .finding(
                        "an item of `paths` that is not relative to the root",
                        item,
                        "this is absolute",
                    )
                    .label(persist.step.root.at, "items are relative to this")
                    .help(help)
                    .done(),
            );
        }
    }
}
