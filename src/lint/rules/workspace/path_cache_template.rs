//! `path-cache-template`: `{{ … }}` where nothing reads it.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A `root`, an item of `paths` or an `at` holds a cache template, `{{ … }}`.
    ///
    /// # Why is this bad
    /// These templates are read in the keys of caches only: the path is looked for with its braces
    /// and matches nothing.
    ///
    /// # Example
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: ["{{ .Branch }}.txt"]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - persist_to_workspace:
    ///     root: .
    ///     paths: [branch.txt]
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing: only keys of caches are templates of this kind.
    ///
    /// # References
    /// - https://circleci.com/docs/caching/#using-keys-and-templates
    PATH_CACHE_TEMPLATE: "path-cache-template", Workspace, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for (key, path) in context.workspace_paths() {
        let Some(start) = path.value.find("{{") else {
            continue;
        };
        let end = path.value[start..]
            .find("}}")
            .map_or(path.value.len(), |e| start + e + 2);
        let template = &path.value[start..end];
        out.push(
            PATH_CACHE_TEMPLATE
                .finding(
                    "a cache template where nothing reads it",
                    context.within(path, template),
                    format!("`{key}` takes this literally"),
                )
                .help("write a fixed name: templates work in cache keys only")
                .done(),
        );
    }
}
