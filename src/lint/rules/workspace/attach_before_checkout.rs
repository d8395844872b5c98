//! `attach-before-checkout`: layers land in the folder that `checkout` wants empty.

use crate::finding::{Confidence, Finding, Severity};
use crate::flow::{Flow, Place};
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::plan::{Step, StepKind};

declare_rule! {
    /// # What it does
    /// A workspace is attached into the folder that a later `checkout` of the job uses.
    ///
    /// # Why is this bad
    /// `checkout` refuses a folder that holds files and is no git repository: "Directory (…) you
    /// are trying to checkout to is not empty and not a git repository".
    ///
    /// # Example
    /// ```yaml
    /// steps:
    ///   - attach_workspace: {at: .}
    ///   - checkout
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// steps:
    ///   - checkout
    ///   - attach_workspace: {at: .}
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether a layer holds a git repository.
    ///
    /// # References
    /// - https://circleci.com/docs/configuration-reference/#checkout
    /// - https://circleci.com/docs/configuration-reference/#attachworkspace
    ATTACH_BEFORE_CHECKOUT: "attach-before-checkout", Workspace, Error, check, There
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    for flow in &context.flows {
        for attach in &flow.attaches {
            let job = flow.job(attach.job);
            let wd = Place::of_working_directory(&job.working_directory.value);
            let Some((checkout, place)) = next_checkout(&job.steps[attach.step + 1..], &wd) else {
                continue;
            };
            // An earlier checkout into the same folder makes it a repository: fetched, not refused.
            let before = next_checkout(&job.steps[..attach.step], &wd);
            if place.to_below(&attach.at).is_none() || before.is_some_and(|(_, p)| p == place) {
                continue;
            }
            let Some(sure) = sure(flow, attach.job) else {
                continue;
            };
            let sure = sure && !attach.conditional && checkout.condition.is_none();
            let draft = ATTACH_BEFORE_CHECKOUT
                .finding("attached into the folder of a later checkout", attach.attach.at.at, format!("the layers land in `{}`", attach.at))
                .label(checkout.origin.at, format!("`checkout` wants `{place}` to be empty or a git repository"))
                .help("check out first, or attach to another folder")
                .note("the service says: Directory (…) you are trying to checkout to is not empty and not a git repository");
            out.push(match sure {
                true => draft.done(),
                false => draft
                    .severity(Severity::Warning)
                    .confidence(Confidence::Medium)
                    .done(),
            });
        }
    }
}

fn next_checkout<'s>(steps: &'s [Step], wd: &Place) -> Option<(&'s Step, Place)> {
    steps.iter().find_map(|s| match &s.kind {
        StepKind::Checkout(checkout) => {
            let place = checkout
                .path
                .as_ref()
                .map_or_else(|| wd.clone(), |p| wd.join(&p.value));
            Some((s, place))
        }
        _ => None,
    })
}

/// Says whether files are sure to arrive; nothing where what arrives may well be a repository.
fn sure(flow: &Flow<'_>, job: usize) -> Option<bool> {
    let visible = flow.visible(job);
    let mut items = visible
        .iter()
        .flat_map(|l| &l.persist.paths)
        .map(|p| p.value.as_str());
    // A layer that brings `.git` makes the folder a repository, which checkout accepts.
    let repository = |item: &str| {
        let item = item.trim_start_matches("./").trim_end_matches('/');
        matches!(item, "" | "." | "*" | "**" | ".*" | "project")
            || item == ".git"
            || item.ends_with("/.git")
    };
    if items.any(repository) {
        return None;
    }
    Some(visible.iter().any(|l| !l.conditional) && !flow.may_see_more(job))
}
