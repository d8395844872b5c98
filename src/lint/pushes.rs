//! The pushes that tell the filters of a workflow apart: every branch and tag that a filter names,
//! one that each pattern matches, and one that nobody speaks of.

use crate::circleci::witness;
use crate::plan::{FilterKind, FilterRule, GitRef, Job, Located, Workflow};

/// Most pushes that are tried for one workflow.
const MOST: usize = 48;

/// A branch that no filter names.
const OTHER: &str = "some-other-branch";

/// Returns the pushes to try, branches first.
pub(super) fn pushes(workflow: &Workflow) -> Vec<GitRef> {
    let mut branches = vec![OTHER.to_owned()];
    let mut tags = Vec::new();
    for job in &workflow.jobs {
        let Some(filters) = &job.filters else {
            continue;
        };
        if let FilterKind::Map {
            branches: b,
            tags: t,
        } = &filters.kind
        {
            b.iter().for_each(|rule| names(rule, &mut branches));
            if let Some(rule) = t {
                names(rule, &mut tags);
                tags.push("some-tag".to_owned());
            }
        }
    }
    let unique = |names: Vec<String>| {
        let mut out: Vec<String> = Vec::new();
        for name in names {
            if !out.contains(&name) {
                out.push(name);
            }
        }
        out
    };
    let branches = unique(branches).into_iter().map(GitRef::Branch);
    let tags = unique(tags).into_iter().map(GitRef::Tag);
    branches.take(MOST).chain(tags.take(MOST)).collect()
}

/// Adds a name for each item of a rule.
fn names(rule: &FilterRule, out: &mut Vec<String>) {
    for item in rule.only.iter().chain(&rule.ignore) {
        let pattern = item
            .value
            .strip_prefix('/')
            .and_then(|p| p.strip_suffix('/'));
        match pattern {
            // What matches everything tells nothing apart.
            Some(".*" | ".+") => {}
            Some(pattern) => out.extend(witness(pattern)),
            None => out.push(item.value.clone()),
        }
    }
}

/// Names a push in a sentence.
pub(super) fn describe(push: &GitRef) -> String {
    match push {
        GitRef::Branch(name) if name == OTHER => "a branch that no filter names".to_owned(),
        GitRef::Branch(name) => format!("branch `{name}`"),
        GitRef::Tag(name) => format!("tag `{name}`"),
    }
}

/// Returns the names and patterns of a job's filters.
pub(super) fn items(job: &Job) -> impl Iterator<Item = &Located<String>> {
    let rules = match job.filters.as_ref().map(|f| &f.kind) {
        Some(FilterKind::Map { branches, tags }) => [branches.as_ref(), tags.as_ref()],
        _ => [None, None],
    };
    rules
        .into_iter()
        .flatten()
        .flat_map(|rule| rule.only.iter().chain(&rule.ignore))
}
