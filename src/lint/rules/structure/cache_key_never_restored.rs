//! `cache-key-never-restored`: a cache is saved under a key that no `restore_cache` of the
//! config looks for.

use std::collections::BTreeSet;

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

/// Most keys for which a near one is looked for among all that are restored.
const MOST_SUGGESTED: usize = 200;

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
    let mut each = HashSet::default();
    restored.retain(|key| each.insert(*key));
    let wanted: Vec<String> = restored.iter().map(|key| bare(key)).collect();
    let mut told = HashSet::default();
    for step in context.jobs().flat_map(|j| &j.steps) {
        let StepKind::SaveCache(save) = &step.kind else {
            continue;
        };
        let key = save.key.value.trim();
        // A key is looked for by its beginning (circleci-semantics §5.7).
        let bare = bare(key);
        let found = wanted.iter().any(|wanted| may_begin(&bare, wanted));
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
        let near = if told.len() <= MOST_SUGGESTED {
            nearest(key, restored.iter().copied())
        } else {
            None
        };
        draft = match near {
            Some(near) => draft.help(format!("did you mean `{near}`?")),
            None if restored.is_empty() => {
                draft.help("add a `restore_cache` with this key, or remove the step")
            }
            None => draft.help("restore it where it is needed, or remove the step"),
        };
        out.push(draft.done());
    }
}

/// Says whether a key, once its templates are filled in, may begin with what a restore looks for: a
/// variable of the environment may hold what the other one writes out. Goes through the key once,
/// with all the places of `wanted` that may have been reached by then.
fn may_begin(mut key: &str, wanted: &str) -> bool {
    const VARIABLE: &str = "{{.Environment.";
    let mut reached = vec![0];
    while let Some((before, name, after)) = key.split_once(VARIABLE).and_then(|(before, behind)| {
        let (name, after) = behind.split_once("}}")?;
        Some((before, name, after))
    }) {
        let itself = format!("{VARIABLE}{name}}}}}");
        let mut next = BTreeSet::new();
        // The places up to here are in `next` already, or cannot be reached.
        let mut done = 0;
        for place in reached {
            let rest = &wanted[place..];
            if before.starts_with(rest) {
                return true;
            }
            let Some(rest) = rest.strip_prefix(before) else {
                continue;
            };
            let start = wanted.len() - rest.len();
            if rest.starts_with(&itself) {
                next.insert(start + itself.len());
                continue;
            }
            // It may hold anything up to the next template, whose first sign may be its own.
            let Some(end) = rest.find("{{").map(|i| start + i + 1) else {
                return true;
            };
            next.extend((start.max(done)..=end).filter(|i| wanted.is_char_boundary(*i)));
            done = done.max(end + 1);
        }
        reached = next.into_iter().collect();
        key = after;
    }
    reached.iter().any(|i| key.starts_with(&wanted[*i..]))
}

/// Returns a key without blanks: inside its templates they do not count.
fn bare(key: &str) -> String {
    key.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::may_begin;

    #[test]
    fn a_variable_may_hold_what_a_restore_writes_out() {
        let key = "v1/{{.Environment.CIRCLE_JOB}}/{{.Environment.N}}/{{epoch}}";
        for wanted in [
            "v1/",
            "v1/{{.Environment.CIRCLE_JOB}}/",
            "v1/build/0/",
            "v1/a/b/{{.Environment.N}}/",
            "v1/buil",
        ] {
            assert!(may_begin(key, wanted), "{wanted}");
        }
        for wanted in ["v2/", "v1/{{.Branch}}/0/", "w1/build"] {
            assert!(!may_begin(key, wanted), "{wanted}");
        }
        assert!(may_begin("deps-{{.Branch}}", "deps-"));
        assert!(!may_begin("deps-{{.Branch}}", "deps-main"));
    }
    #[test]
    fn many_variables_are_no_more_work_than_one() {
        let key = "{{.Environment.A}}a".repeat(200);
        let long = "a".repeat(2000);
        assert!(!may_begin(&key, &format!("{long}{{{{.Branch}}}}")));
        assert!(may_begin(&key, &long));
        assert!(may_begin(&key, &format!("{long}{{{{.Environment.A}}}}a")));
        assert!(may_begin("ä{{.Environment.A}}ß-x", "äöüß-"));
        assert!(!may_begin("ä{{.Environment.A}}ß-x", "äö{{.Branch}}ß-"));
        assert!(may_begin("a{{.Environment.A", "a{{.Env"));
    }
}
