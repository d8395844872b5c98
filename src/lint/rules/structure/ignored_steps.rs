//! `ignored-steps`: a job of another type than `build` has steps.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// A job of another type than `build` has steps.
    ///
    /// # Why is this bad
    /// Approvals, releases and no-op jobs run nothing: the steps are ignored without a word.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   gate:
    ///     type: no-op
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   gate:
    ///     type: no-op
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#job-type
    IGNORED_STEPS: "ignored-steps", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let root = context
        .compiled
        .tree
        .root()
        .filter(|_| context.compiled.templates);
    let jobs = root.and_then(|r| r.get("jobs"));
    for job in jobs.into_iter().flat_map(|j| j.value.entries()) {
        let (Some(kind), Some(steps)) = (job.value.get("type"), job.value.get("steps")) else {
            continue;
        };
        let text = kind.value.text().unwrap_or("build");
        if matches!(text, "no-op" | "approval" | "release" | "lock" | "unlock") {
            let at = |span| Location::new(SourceId::default(), span);
            out.push(
                IGNORED_STEPS
                    .finding(
                        "steps that never run",
                        at(steps.key.span()),
                        format!("a job of type `{text}` runs no steps"),
                    )
                    .label(at(kind.value.span()), "its type")
                    .help("remove the steps, or the type")
                    .done(),
            );
        }
    }
}
