//! `deprecated-step`: a `deploy` step.

use crate::finding::{Finding, Fix};
use crate::lint::Context;
use crate::lint::mend;
use crate::lint::rule::{Fixable, declare_rule};
use crate::plan::StepKind;
use crate::yaml::{Location, SourceId};

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
    DEPRECATED_STEP: "deprecated-step", Structure, Warning, check, fix = Fixable::Unsafe
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
                    .fix(renamed(context, step.origin.at))
                    .done(),
            );
        }
    }
}

/// Calls the step `run`, where no job runs it on several nodes.
fn renamed(context: &Context<'_>, at: Location) -> Option<Fix> {
    let mut jobs = context
        .jobs()
        .filter(|j| j.steps.iter().any(|s| s.origin.at == at));
    (jobs.all(|job| job.parallelism == 1)).then_some(())?;
    let tree = context.tree();
    let key = match at.source == SourceId::default() {
        true => tree.around(at.span).pop()?.get("deploy")?.key,
        false => return None,
    };
    let here = Location::new(at.source, key.span());
    mend::word(tree, here, "deploy", "run", false)
}
