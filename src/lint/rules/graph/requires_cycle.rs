//! `requires-cycle`: jobs that wait for each other in a circle.

use crate::finding::Finding;
use crate::flow::Flow;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Jobs require each other in a circle, so that none of them can start.
    ///
    /// # Why is this bad
    /// The compiler refuses the workflow, or the jobs wait for ever.
    ///
    /// # Example
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build: {requires: [test]}
    ///       - test: {requires: [build]}
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    ///   test: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     jobs:
    ///       - build
    ///       - test: {requires: [build]}
    /// ```
    ///
    /// # What holdall cannot know
    /// Nothing.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#requires
    REQUIRES_CYCLE: "requires-cycle", Graph, Error, check
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for cycle in flow.graph.cycles() {
            out.extend(report(flow, cycle));
        }
    }
}

fn report(flow: &Flow<'_>, cycle: &[usize]) -> Option<Finding> {
    let name = |job: usize| flow.job(job).name.as_str();
    let edges: Vec<_> = cycle
        .iter()
        .enumerate()
        .filter_map(|(i, job)| {
            let next = *cycle.get((i + 1) % cycle.len())?;
            let edge = flow.job(*job).requires.iter().find(|r| r.job == next)?;
            Some((
                edge.at,
                format!("`{}` waits for `{}`", name(*job), name(next)),
            ))
        })
        .collect();
    let ((at, text), rest) = edges.split_first()?;
    let circle: Vec<&str> = cycle
        .iter()
        .chain(cycle.first())
        .map(|j| name(*j))
        .collect();
    let mut draft = REQUIRES_CYCLE
        .finding("jobs that wait for each other in a circle", *at, text)
        .help("remove one of these requirements")
        .note(format!("the circle: {}", circle.join(" → ")));
    if !flow.workflow.jobs.iter().any(|j| j.requires.is_empty()) {
        draft = draft
            .note("the service says: At least one job in the workflow must have no dependencies.");
    }
    for (at, text) in rest {
        draft = draft.label(*at, text);
    }
    Some(draft.done())
}
