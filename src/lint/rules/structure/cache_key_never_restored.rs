//! `cache-key-never-restored`: a cache is saved under a key that no `restore_cache` of the
//! config looks for.

use crate::finding::{Confidence, Finding, nearest};
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A cache is saved under a key that no `restore_cache` of the config looks for.
    ///
    /// # Why is this bad
    /// It is packed and uploaded in each pipeline and never used; mostly the two keys differ by a
    /// typing mistake.
    ///
    /// # Example
    /// ```yaml
    /// - checkout
    /// - restore_cache: {keys: ['dep-v1-{{ checksum "package-lock.json" }}']}
    /// - run: npm ci
    /// - save_cache: {key: 'deps-v1-{{ checksum "package-lock.json" }}', paths: [~/.npm]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - restore_cache: {keys: ['deps-v1-{{ checksum "package-lock.json" }}']}
    /// - run: npm ci
    /// - save_cache: {key: 'deps-v1-{{ checksum "package-lock.json" }}', paths: [~/.npm]}
    /// ```
    ///
    /// # What holdall cannot know
    /// What other configs of the project restore.
    ///
    /// # References
    /// - https://circleci.com/docs/caching/
    CACHE_KEY_NEVER_RESTORED: "cache-key-never-restored", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    if context.jobs().any(|j| j.opaque.is_some()) || context.compiled.pipeline.setup {
        return;
    }
    let mut restored: Vec<&str> = Vec::new();
    for step in context.jobs().flat_map(|j| &j.steps) {
        if let StepKind::RestoreCache(restore) = &step.kind {
            restored.extend(restore.keys.iter().map(|k| k.value.trim()));
        }
    }
    let mut told = HashSet::default();
    for step in context.jobs().flat_map(|j| &j.steps) {
        let StepKind::SaveCache(save) = &step.kind else {
            continue;
        };
        let key = save.key.value.trim();
        // A key is looked for by its beginning (circleci-semantics §5.7).
        let found = restored.iter().any(|r| bare(key).starts_with(&bare(r)));
        if found || key.contains("<<") || !told.insert(save.key.at) {
            continue;
        }
        let mut draft = CACHE_KEY_NEVER_RESTORED
            .finding(
                "a cache that nothing restores",
                &save.key,
                "no `restore_cache` looks for this",
            )
            .confidence(Confidence::Medium);
        draft = match nearest(key, restored.iter().copied()) {
            Some(near) => draft.help(format!("did you mean `{near}`?")),
            None if restored.is_empty() => {
                draft.help("add a `restore_cache` with this key, or remove the step")
            }
            None => draft.help("restore it where it is needed, or remove the step"),
        };
        out.push(draft.done());
    }
}

/// Returns a key without blanks: inside its templates they do not count.
fn bare(key: &str) -> String {
    key.chars().filter(|c| !c.is_whitespace()).collect()
}
