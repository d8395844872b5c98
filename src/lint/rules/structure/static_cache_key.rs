//! `static-cache-key`: a cache is saved under a key that is the same in every pipeline.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A cache is saved under a key that is the same in every pipeline.
    ///
    /// # Why is this bad
    /// A cache is never written again under a key that there is: the first one stays until it
    /// expires, however its content ages.
    ///
    /// # Example
    /// ```yaml
    /// - checkout
    /// - run: npm ci
    /// - save_cache: {key: deps, paths: [~/.npm]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - run: npm ci
    /// - save_cache: {key: 'deps-{{ checksum "package-lock.json" }}', paths: [~/.npm]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the content ever changes.
    ///
    /// # References
    /// - https://circleci.com/docs/caching/#using-keys-and-templates
    STATIC_CACHE_KEY: "static-cache-key", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for step in context.jobs().flat_map(|j| &j.steps) {
        let StepKind::SaveCache(save) = &step.kind else {
            continue;
        };
        // What a template brought may be another one in another pipeline.
        let written = save.key.filled.is_none() && !save.key.value.contains("<<");
        let varies = save
            .key
            .value
            .split("{{")
            .skip(1)
            .any(|t| !t.trim_start().starts_with("arch"));
        // A number is often counted up by hand, which renews the cache; a version that the key names
        // says what is in it.
        if written && !varies && !names_version(&save.key.value) {
            out.push(
                STATIC_CACHE_KEY
                    .finding("a cache that is never renewed", &save.key, "the same key in every pipeline")
                    .confidence(Confidence::Medium)
                    .help("put what decides the content into the key: `{{ checksum \"LOCKFILE\" }}`, `{{ .Branch }}`, `{{ epoch }}`")
                    .done(),
            );
        }
    }
}

/// Says whether a key names a version, `0.47.0`: of what is cached, as its own are plain numbers.
fn names_version(key: &str) -> bool {
    key.split(|c: char| !c.is_ascii_digit() && c != '.')
        .any(|word| word.split('.').filter(|part| !part.is_empty()).count() >= 2)
}

#[cfg(test)]
mod tests {
    use super::names_version;

    #[test]
    fn a_version_is_more_than_a_number() {
        assert!(names_version("npx-v1-lint-0.47.0"));
        assert!(names_version("llvm-17.2-{{ arch }}"));
        assert!(!names_version("deps-v1"));
        assert!(!names_version("deps-v1.{{ arch }}"));
    }
}
