//! `path-absolute`: an item of `paths` that is not relative to the root.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::plan::{Located, PersistStep};

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
    PATH_ABSOLUTE: "path-absolute", Workspace, Error, check, fix = Fixable::Unsafe
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
                    .fix(split(context, persist.step, item))
                    .done(),
            );
        }
    }
}

/// Splits the only item of a step into a root and an item of it.
fn split(context: &Context<'_>, step: &PersistStep, item: &Located<String>) -> Option<Fix> {
    let alone = step.paths.len() == 1 && item.filled.is_none() && step.root.filled.is_none();
    let (dir, name) = item.value.trim_end_matches('/').rsplit_once('/')?;
    let root = if dir.is_empty() { "/" } else { dir };
    // The root is no pattern; and a drive is no place on the service's machines.
    if !alone || name.is_empty() || root.contains(['*', '?', '[', ':', '<']) {
        return None;
    }
    let tree = context.tree();
    let said = |at: &Located<String>| {
        let node = mend::scalar_at(tree, at.at)?;
        (node.text() == Some(at.value.as_str())).then_some(node)
    };
    let root_node = said(&step.root)?;
    // The list may be one that steps with other roots use too.
    let around = tree.around(root_node.span());
    let paths = around.iter().rev().nth(1)?.get("paths")?.value;
    paths.span().contains(item.at.span).then_some(())?;
    let (root_edit, root_touch) = mend::reword(root_node, root);
    let (edit, touch) = mend::reword(said(item)?, name);
    Some(mend::fix(
        format!("write `root: {root}` and the item `{name}`"),
        false,
        vec![root_edit, edit],
        vec![root_touch, touch],
    ))
}
