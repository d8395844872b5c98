//! `nil-in-environment`: an environment variable is set to a pipeline value that may be absent:
//! the tag on a branch, the branch on a tag.

use crate::finding::{Confidence, Finding};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::lint::rules::structure::environments::variables;
use crate::yaml::{Location, SourceId};

declare_rule! {
    /// # What it does
    /// An environment variable is set to a pipeline value that may be absent: the tag on a
    /// branch, the branch on a tag.
    ///
    /// # Why is this bad
    /// An absent value becomes the text `<nil>`, which is not empty: `[ -n "$TAG" ]` holds.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     environment: {TAG: << pipeline.git.tag >>}
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps:
    ///       - checkout
    ///       - run: echo "$CIRCLE_TAG"
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether the job runs for tags, or for branches, only.
    ///
    /// # References
    /// - https://circleci.com/docs/pipeline-variables/
    NIL_IN_ENVIRONMENT: "nil-in-environment", Structure, Warning, check
}

/// Values that some pipelines do not have, or have empty (circleci-semantics §5.12).
const ABSENT: [&str; 7] = [
    "pipeline.git.tag",
    "pipeline.git.branch",
    "pipeline.git.base_revision",
    "pipeline.schedule.name",
    "pipeline.schedule.id",
    "pipeline.git.commit.subject",
    "pipeline.git.commit.body",
];

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for variable in variables(context.tree()) {
        let text = variable.value.text().unwrap_or("").trim();
        let inner = text
            .strip_prefix("<<")
            .and_then(|t| t.strip_suffix(">>"))
            .map(str::trim);
        let Some(name) = inner.filter(|n| ABSENT.contains(n)) else {
            continue;
        };
        // A branch is missing for tags only, which few jobs run for.
        let confidence = if name.ends_with("branch") {
            Confidence::Low
        } else {
            Confidence::Medium
        };
        let help = match name {
            "pipeline.git.tag" => {
                "use the variable that the service sets, `$CIRCLE_TAG`: it is empty then"
            }
            "pipeline.git.branch" => {
                "use the variable that the service sets, `$CIRCLE_BRANCH`: it is empty then"
            }
            _ => "let the script that reads it take `<nil>` for an absent value",
        };
        out.push(
            NIL_IN_ENVIRONMENT
                .finding(
                    "a value that may be `<nil>`",
                    Location::new(SourceId::default(), variable.value.span()),
                    format!("`{name}` is absent in some pipelines"),
                )
                .confidence(confidence)
                .help(help)
                .done(),
        );
    }
}
