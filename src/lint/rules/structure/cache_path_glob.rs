//! `cache-path-glob`: a path of `save_cache` is a pattern.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A path of `save_cache` is a pattern.
    ///
    /// # Why is this bad
    /// Paths of caches are no patterns: a folder of that very name is looked for, nothing is
    /// found, and nothing is kept.
    ///
    /// # Example
    /// ```yaml
    /// - checkout
    /// - save_cache: {key: 'k-{{ .Revision }}', paths: ["out/*"]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - save_cache: {key: 'k-{{ .Revision }}', paths: [out]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#savecache
    CACHE_PATH_GLOB: "cache-path-glob", Structure, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for step in context.jobs().flat_map(|j| &j.steps) {
        let StepKind::SaveCache(save) = &step.kind else {
            continue;
        };
        for path in save.paths.iter().filter(|p| p.value.contains('*')) {
            out.push(
                CACHE_PATH_GLOB
                    .finding(
                        "a pattern where paths are no patterns",
                        path,
                        format!("`{}` is taken literally", path.value),
                    )
                    .help("name the folder itself")
                    .done(),
            );
        }
    }
}
