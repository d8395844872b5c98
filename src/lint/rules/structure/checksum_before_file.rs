//! `checksum-before-file`: the key of a cache has a checksum of a file that is not there yet: no
//! step before it checks out or attaches.

use crate::finding::{Finding, Severity};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{DefinitionKind, Located, StepKind, Workflow};

declare_rule! {
    /// # What it does
    /// The key of a cache has a checksum of a file that is not there yet: no step before it
    /// checks out or attaches.
    ///
    /// # Why is this bad
    /// The step fails with "error computing cache key … no such file or directory"; the job goes
    /// on without the cache, and is slow for no visible reason.
    ///
    /// # Example
    /// ```yaml
    /// - restore_cache:
    ///     keys: ['deps-{{ checksum "package-lock.json" }}']
    /// - checkout
    /// - run: npm ci
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - restore_cache:
    ///     keys: ['deps-{{ checksum "package-lock.json" }}']
    /// - run: npm ci
    /// ```
    ///
    /// # What holdall cannot know
    /// What scripts and orbs without source bring: behind one of them the rule is silent.
    ///
    /// # References
    /// - https://circleci.com/docs/caching/#using-keys-and-templates
    CHECKSUM_BEFORE_FILE: "checksum-before-file", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    // What runs before a command that stands for itself is not known.
    let known = |w: &&Workflow| w.definition != Some(DefinitionKind::Command);
    let workflows = context.workflows().iter().filter(known);
    for job in workflows.flat_map(|w| &w.jobs) {
        for (i, step) in job.steps.iter().enumerate() {
            let keys: Vec<&Located<String>> = match &step.kind {
                StepKind::SaveCache(save) => vec![&save.key],
                StepKind::RestoreCache(restore) => restore.keys.iter().collect(),
                _ => continue,
            };
            let brings = |k: &StepKind| {
                matches!(
                    k,
                    StepKind::Checkout(_)
                        | StepKind::Attach(_)
                        | StepKind::Run(_)
                        | StepKind::Opaque(_)
                        | StepKind::RestoreCache(_)
                )
            };
            if job.steps[..i].iter().any(|s| brings(&s.kind)) {
                continue;
            }
            for key in keys {
                let Some(file) = checksummed(&key.value) else {
                    continue;
                };
                let later = job.steps[i..]
                    .iter()
                    .find(|s| matches!(s.kind, StepKind::Checkout(_) | StepKind::Attach(_)));
                let mut draft = CHECKSUM_BEFORE_FILE
                    .finding(
                        "a checksum of a file that is not there",
                        context.within(key, file),
                        format!("no step has brought `{file}` yet"),
                    )
                    .severity(Severity::Warning)
                    .help("check out first")
                    .note(
                        "the service says: error computing cache key … no such file or directory",
                    );
                if let Some(later) = later {
                    draft = draft.label(later.origin.at, "the files come here");
                }
                out.push(draft.done());
                break;
            }
        }
    }
}

/// Returns the first file whose checksum a key has.
fn checksummed(key: &str) -> Option<&str> {
    let rest = key.split_once("checksum")?.1.trim_start();
    let quote = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let (file, _) = rest[1..].split_once(quote)?;
    (!file.is_empty()).then_some(file)
}
