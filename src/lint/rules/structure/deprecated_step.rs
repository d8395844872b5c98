//! `deprecated-step`: a `deploy` step.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::StepKind;

declare_rule! {
    /// # What it does
    /// A `deploy` step.
    ///
    /// # Why is this bad
    /// It is a deprecated `run`. With parallel nodes it runs on the first alone; given as a text
    /// it passes validation and fails when it runs.
    ///
    /// # Example
    /// ```yaml
    /// - checkout
    /// - deploy: {command: make deploy}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// - checkout
    /// - run: make deploy
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#deploy-deprecated
    DEPRECATED_STEP: "deprecated-step", Structure, Warning, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for step in context.jobs().flat_map(|j| &j.steps) {
        if matches!(&step.kind, StepKind::Run(run) if run.deploy) {
            out.push(
                DEPRECATED_STEP
                    .finding(
                        "a deprecated step",
                        step.origin.at,
                        "`deploy` is a deprecated `run`",
                    )
                    .help("write `run`; with `parallelism`, give it a job of its own")
                    .done(),
            );
        }
    }
}
