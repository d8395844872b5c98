//! `unchecked-outcomes`: how far the linter went through the outcomes of the conditions.

use crate::finding::Finding;
use crate::lint::Context;
use crate::lint::rule::declare_rule;

declare_rule! {
    /// # What it does
    /// Says that the config has more outcomes of its conditions than were looked at, or conditions
    /// that came out one way only.
    ///
    /// # Why is this bad
    /// Conditions over pipeline values are taken both ways. A config with many of them has more
    /// combinations than can be compiled: then some are left out, first of all those that only
    /// combine what was seen alone. Findings that need such a combination are missed. A condition
    /// that came out one way under all values that were tried may be one that always does.
    ///
    /// # Example
    /// ```yaml
    /// parameters:
    ///   deploy: {type: boolean, default: false}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when:
    ///       and:
    ///         - << pipeline.parameters.deploy >>
    ///         - not: << pipeline.parameters.deploy >>
    ///     jobs: [build]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// parameters:
    ///   deploy: {type: boolean, default: false}
    /// jobs:
    ///   build: {docker: [{image: "cimg/base:2024.01"}], steps: [checkout]}
    /// workflows:
    ///   main:
    ///     when: << pipeline.parameters.deploy >>
    ///     jobs: [build]
    /// ```
    ///
    /// # What holdall cannot know
    /// What the outcomes that were left out would show.
    ///
    /// # References
    /// - https://circleci.com/docs/pipeline-variables/
    UNCHECKED_OUTCOMES: "unchecked-outcomes", Graph, Info, check
}

/// Most conditions that are shown.
const PLACES: usize = 5;

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let outcomes = &context.compiled.outcomes;
    if !outcomes.is_capped() && outcomes.one_sided.is_empty() {
        return;
    }
    let seen = outcomes.variants.len();
    let of = match (outcomes.more, outcomes.possible) {
        (false, Some(all)) if all == seen => "all".to_owned(),
        (false, Some(all)) => format!("{seen} of {all}"),
        _ => format!("{seen} of very many"),
    };
    let conditions = match outcomes.conditions {
        1 => "1 condition depends".to_owned(),
        n => format!("{n} conditions depend"),
    };
    let mut draft = UNCHECKED_OUTCOMES.finding(
        match outcomes.is_capped() {
            true => "outcomes of conditions that were not looked at",
            false => "conditions that came out one way only",
        },
        outcomes.start,
        format!("{conditions} on the pipeline: {of} outcomes were looked at"),
    );
    for (at, held) in outcomes.one_sided.iter().take(PLACES) {
        let text = match held {
            true => "this held under all values that were tried",
            false => "this held under none of the values that were tried",
        };
        draft = draft.label(*at, text);
    }
    let more = outcomes.one_sided.len().saturating_sub(PLACES);
    if more > 0 {
        draft = draft.note(format!("{more} more conditions came out one way only"));
    }
    if outcomes.is_capped() {
        draft = draft.help("values that are given with `--parameter`, `--branch` or `--values` leave fewer outcomes open");
    }
    out.push(draft.done());
}
