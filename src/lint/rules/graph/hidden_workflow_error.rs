//! `hidden-workflow-error`: errors where the service does not look until somebody gets there.

use crate::circleci::Problem;
use crate::finding::{Finding, Severity};
use crate::hash::HashSet;
use crate::lint::rule::declare_rule;
use crate::lint::{self, Context};
use crate::yaml::Location;

declare_rule! {
    /// # What it does
    /// A workflow whose `when` or `unless` keeps it from running where no value is given holds an
    /// error, in its entries or in the jobs that only such workflows run.
    ///
    /// # Why is this bad
    /// The service compiles only the workflows that run: `circleci config validate` and every push
    /// pass, until somebody triggers the pipeline with the value that is waited for, a release for
    /// example. Then the whole pipeline fails. The error itself is reported too, where it stands.
    ///
    /// # Example
    /// ```yaml
    /// parameters:
    ///   release: {type: boolean, default: false}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   publish: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main: {jobs: [build]}
    ///   release:
    ///     when: << pipeline.parameters.release >>
    ///     jobs: [publsih]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// parameters:
    ///   release: {type: boolean, default: false}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   publish: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main: {jobs: [build]}
    ///   release:
    ///     when: << pipeline.parameters.release >>
    ///     jobs: [publish]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether anybody starts a pipeline with those values.
    ///
    /// # References
    /// - https://github.com/CircleCI-Public/circleci-cli/issues/844
    HIDDEN_WORKFLOW_ERROR: "hidden-workflow-error", Graph, Error, check
}

/// What tells problems apart that are met on different ways.
fn said(problem: &Problem) -> Option<(&'static str, Location, &str)> {
    let label = problem.labels.first()?;
    Some((problem.rule, label.at, label.text.as_str()))
}

fn is_error(problem: &Problem) -> bool {
    let severity = problem
        .severity
        .or_else(|| lint::rule(problem.rule).map(|rule| rule.severity));
    severity == Some(Severity::Error)
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let problems = &context.compiled.problems;
    // What stands in a workflow that runs, too, is seen by the service.
    let seen: HashSet<_> = problems
        .iter()
        .filter(|p| p.asleep.is_none())
        .filter_map(said)
        .collect();
    let mut workflows: Vec<(Location, &str, Vec<Location>)> = Vec::new();
    for problem in problems.iter().filter(|p| is_error(p)) {
        let (Some(workflow), Some(key)) = (&problem.asleep, said(problem)) else {
            continue;
        };
        if seen.contains(&key) {
            continue;
        }
        match workflows.iter_mut().find(|(at, ..)| *at == workflow.at) {
            Some((_, _, places)) if places.contains(&key.1) => {}
            Some((_, _, places)) => places.push(key.1),
            None => workflows.push((workflow.at, &workflow.value, vec![key.1])),
        }
    }
    for (at, name, places) in workflows {
        let mut draft = HIDDEN_WORKFLOW_ERROR.finding(
            "an error that shows only when the workflow runs",
            at,
            format!("by default this keeps workflow `{name}` from running, and from being checked"),
        );
        if let Some(first) = places.first() {
            let text = match places.len() - 1 {
                0 => "the error".to_owned(),
                1 => "an error, and there is 1 more".to_owned(),
                more => format!("an error, and there are {more} more"),
            };
            draft = draft.label(*first, text);
        }
        out.push(
            draft
                .help("mend what is reported there: the service will refuse the pipeline that runs it")
                .done(),
        );
    }
}
