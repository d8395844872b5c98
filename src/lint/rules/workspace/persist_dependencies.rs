//! `persist-dependencies`: a layer holds a folder of installed dependencies: `node_modules`,
//! `vendor/bundle`, `.m2`, `.venv` and their like.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// A layer holds a folder of installed dependencies: `node_modules`, `vendor/bundle`, `.m2`,
    /// `.venv` and their like.
    ///
    /// # Why is this bad
    /// Such a folder is large and can be made again: a cache brings it to later pipelines too,
    /// and does not grow with each one.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   install:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps:
    ///       - checkout
    ///       - run: npm ci
    ///       - persist_to_workspace:
    ///           root: .
    ///           paths: [node_modules]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   install:
    ///     docker: [{image: "cimg/node:20.11"}]
    ///     steps:
    ///       - checkout
    ///       - restore_cache: {keys: ['npm-{{ checksum "package-lock.json" }}']}
    ///       - run: npm ci
    ///       - save_cache: {key: 'npm-{{ checksum "package-lock.json" }}', paths: [~/.npm]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether unpacking the layer is faster than installing again in the later jobs: with many
    /// jobs it may be.
    ///
    /// # References
    /// - https://circleci.com/docs/persist-data/
    /// - https://circleci.com/blog/deep-diving-into-circleci-workspaces/
    PERSIST_DEPENDENCIES: "persist-dependencies", Workspace, Info, check
}

/// Folders that package managers fill.
const FOLDERS: [&str; 15] = [
    "node_modules",
    "bower_components",
    "vendor/bundle",
    ".m2",
    ".gradle",
    ".venv",
    "venv",
    "site-packages",
    ".bundle",
    ".ivy2",
    ".cargo",
    "Pods",
    ".yarn/cache",
    ".pnpm-store",
    "elm-stuff",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for persist in context.persists() {
        for item in &persist.step.paths {
            let path = item.value.trim_matches('/').trim_start_matches("./");
            let whole = |rest: &str| rest.is_empty() || rest.ends_with('/');
            let ends = |folder: &&&str| path.strip_suffix(**folder).is_some_and(whole);
            if let Some(folder) = FOLDERS.iter().find(ends) {
                out.push(
                    PERSIST_DEPENDENCIES
                        .finding("a layer of dependencies", item, format!("`{folder}` can be installed again"))
                        .help("keep it in a cache: `save_cache` and `restore_cache` with a checksum of the lock file")
                        .done(),
                );
            }
        }
    }
}
