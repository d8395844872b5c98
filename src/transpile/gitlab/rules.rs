//! When a job of GitLab runs, and what its entry in the workflow says besides: statuses, filters,
//! contexts, queues.

use super::condition::text;
use super::job::{Context, map};
use super::names::Rule;
use super::write::Entries;
use crate::plan::{JobIndex, JobKind, JobStatus};
use crate::transpile::{Ledger, Node, Outcome};
use crate::yaml::Data;

/// Writes when a job runs, and settles what its entry in the workflow says.
pub(super) fn common(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    out: &mut Entries,
    about: &mut Vec<String>,
) {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    match &at.runs[j].left {
        Some(why) => {
            about.push(format!("To do: {why}"));
            ledger.manual(node, "filters", why.clone());
        }
        None => ledger.converted(node, "filters"),
    }
    ledger.converted(node, "matrix");
    for (nth, context) in job.contexts.iter().enumerate() {
        let what = format!(
            "create the variables of the context {} as CI/CD variables of the group or project, masked and protected",
            context.value
        );
        ledger.settle_nth(node, "context", nth, Outcome::Manual(what));
    }
    if !job.contexts.is_empty() {
        let names: Vec<&str> = job.contexts.iter().map(|c| c.value.as_str()).collect();
        about.push(format!(
            "Needs the variables of these contexts as CI/CD variables: {}",
            names.join(", ")
        ));
    }
    ledger.manual(
        node,
        "unknown requires",
        "say which job it waits for: it is not known here",
    );
    ledger.manual(
        node,
        "override-with",
        "say whether the orb's job takes its place: its source is not known here",
    );
    let when = when(at, j, ledger, about);
    rules(at, j, when, out);
    if let Some(group) = &job.serial_group {
        out.add("resource_group", group.value.as_str());
        ledger.approximated(
            node,
            "serial-group",
            "the jobs of one project wait for each other, not those of the organisation, and in any order unless the group's process mode says otherwise",
        );
    }
}

/// Returns the `when` of a job: by the statuses that it waits for, or by hand.
fn when(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    about: &mut Vec<String>,
) -> Option<&'static str> {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let has = |statuses: &[JobStatus], s: JobStatus| statuses.contains(&s);
    let plain = |statuses: &[JobStatus]| statuses == [JobStatus::Success];
    if job.requires.iter().all(|r| plain(&r.statuses)) {
        ledger.converted(node, "requires");
        return (job.kind == JobKind::Approval).then_some("manual");
    }
    let failure_only = |s: &[JobStatus]| has(s, JobStatus::Failed) && !has(s, JobStatus::Success);
    let both = |s: &[JobStatus]| has(s, JobStatus::Failed) && has(s, JobStatus::Success);
    let (when, why) = if job.requires.iter().all(|r| both(&r.statuses)) {
        (
            "always",
            "it runs however the jobs that it needs have ended, a cancelled or skipped one included",
        )
    } else if job.requires.iter().all(|r| failure_only(&r.statuses)) {
        (
            "on_failure",
            "it runs when any of the jobs that it needs has failed",
        )
    } else {
        (
            "always",
            "GitLab has one condition for all jobs that a job needs: it runs however they have ended",
        )
    };
    for (nth, r) in job.requires.iter().enumerate() {
        // One failure that one job waits for is what GitLab says too.
        let exact =
            when == "on_failure" && job.requires.len() == 1 && r.statuses == [JobStatus::Failed];
        let outcome = match exact {
            true => Outcome::Converted,
            false => Outcome::Approximated(why.to_owned()),
        };
        ledger.settle_nth(node, "requires", nth, outcome);
    }
    about.push(format!("Statuses: {why}"));
    if job.kind == JobKind::Approval {
        Some("manual")
    } else {
        Some(when)
    }
}

/// Writes under which filters and conditions a job runs.
pub(super) fn rules(at: &Context<'_>, j: JobIndex, when: Option<&'static str>, out: &mut Entries) {
    let runs = &at.runs[j];
    let manual = when == Some("manual");
    let finish = |mut entries: Vec<(String, Data)>| {
        if let Some(when) = when {
            entries.push(("when".to_owned(), when.into()));
        }
        if manual {
            entries.push(("allow_failure".to_owned(), Data::Bool(false)));
        }
        Data::Map(entries)
    };
    if runs.branch.is_always()
        && runs.tag.is_never()
        && !at.tells_apart
        && matches!(at.rule, None | Some(Rule::Holds(true)))
    {
        if let Data::Map(entries) = finish(Vec::new()) {
            for (key, value) in entries {
                out.add(&key, value);
            }
        }
        return;
    }
    let mut list = Vec::new();
    let mut besides = Vec::new();
    if !at.workflow.schedules.is_empty() {
        besides.push("$CI_PIPELINE_SOURCE == \"schedule\"".to_owned());
        besides.push(format!(
            "$CI_PIPELINE_SCHEDULE_DESCRIPTION == {}",
            text(&at.workflow.name)
        ));
    } else if at.scheduled {
        besides.push("$CI_PIPELINE_SOURCE != \"schedule\"".to_owned());
    }
    let mut besides_tag = Vec::new();
    if let Some(Rule::Text(rule)) = &at.rule {
        besides.push(rule.clone());
        besides_tag.push(rule.clone());
    }
    let mut expressions = runs.branch.expressions("$CI_COMMIT_BRANCH", &besides);
    if at.workflow.schedules.is_empty() {
        expressions.extend(runs.tag.expressions("$CI_COMMIT_TAG", &besides_tag));
    }
    if at.rule == Some(Rule::Holds(false)) {
        expressions.clear();
    }
    for expression in expressions {
        list.push(finish(vec![("if".to_owned(), Data::Str(expression))]));
    }
    if list.is_empty() {
        list.push(map(vec![("when", "never".into())]));
    }
    out.add("rules", Data::List(list));
}
