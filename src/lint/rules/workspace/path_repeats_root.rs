//! `path-repeats-root`: an item that begins with the root's own name.

use crate::finding::{Confidence, Finding};
use crate::flow::Place;
use crate::lint::Context;
use crate::lint::context::{InJob, names_path};
use crate::lint::rule::declare_rule;
use crate::plan::{PersistStep, StepKind};

declare_rule! {
    /// # What it does
    /// The first part of an item is the last part of its root.
    ///
    /// # Why is this bad
    /// Items are relative to the root, so the name is looked for twice: `root: dist` with
    /// `paths: [dist]` means `dist/dist`, which usually is not there.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: dist
    ///     paths: [dist]
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
    /// Whether the folder really holds one of its own name.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#persisttoworkspace
    PATH_REPEATS_ROOT: "path-repeats-root", Workspace, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        let wd = Place::of_working_directory(&persist.job.working_directory.value);
        let root = wd.join(&persist.step.root.value);
        let Some(name) = root.name() else {
            continue;
        };
        // `root: .` in `~/project` says nothing about a folder `project` inside the project.
        let named = persist
            .step
            .root
            .value
            .trim_end_matches('/')
            .ends_with(name);
        for item in &persist.step.paths {
            let mut parts = item.value.split('/').filter(|p| !p.is_empty() && *p != ".");
            let whole = repeats_whole(&persist.step.root.value, &item.value);
            if !whole && parts.next() != Some(name) {
                continue;
            }
            if !whole && !named && parts.next().is_none() {
                continue;
            }
            let looked = root.join(&item.value);
            let written = persist.step.root.value.trim_end_matches('/');
            if named_before(&persist, &format!("{root}/{name}"))
                || named_before(&persist, &format!("{written}/{name}"))
            {
                continue;
            }
            out.push(
                PATH_REPEATS_ROOT
                    .finding(
                        "an item that repeats its root",
                        item,
                        format!("looked for as `{looked}`"),
                    )
                    .label(persist.step.root.at, format!("the root is `{root}`"))
                    .help("name the item as it is called inside the root")
                    .confidence(if named {
                        Confidence::Medium
                    } else {
                        Confidence::Low
                    })
                    .done(),
            );
        }
    }
}

/// Says whether an item begins with all of a root of several names, as if it counted from where
/// the root does.
fn repeats_whole(root: &str, item: &str) -> bool {
    let names = |path: &'_ str| -> Vec<String> {
        let parts = path.split('/').filter(|p| !p.is_empty() && *p != ".");
        parts.map(str::to_owned).collect()
    };
    let root = names(root);
    root.len() > 1 && names(item).starts_with(&root)
}

/// Says whether an earlier step of the job names a folder in a folder of the same name: then it is
/// meant.
fn named_before(persist: &InJob<'_, PersistStep>, folder: &str) -> bool {
    let earlier =
        persist.job.steps.iter().take_while(
            |s| !matches!(&s.kind, StepKind::Persist(p) if std::ptr::eq(p, persist.step)),
        );
    earlier
        .filter_map(|s| match &s.kind {
            StepKind::Run(run) => Some(run.command.value.as_str()),
            _ => None,
        })
        .any(|script| names_path(script, folder))
}
