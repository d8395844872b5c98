//! The pushes that tell the filters of a workflow apart: every branch and tag that a filter names,
//! one that each pattern matches, and one that nobody speaks of.

use crate::circleci::witness;
use crate::hash::HashSet;
use crate::plan::{FilterKind, FilterRule, Filters, GitRef, Job, JobIndex, Located, Workflow};

/// Most pushes that are tried for one workflow.
const MOST: usize = 48;

/// A branch that no filter names.
const OTHER: &str = "some-other-branch";

/// Returns the pushes to try, branches first.
pub(super) fn pushes(workflow: &Workflow) -> Vec<GitRef> {
    let mut branches = vec![OTHER.to_owned()];
    let mut tags = Vec::new();
    // Jobs of one workflow mostly repeat each other's filters.
    let mut known = HashSet::default();
    for job in &workflow.jobs {
        let Some(filters) = &job.filters else {
            continue;
        };
        if let FilterKind::Map {
            branches: b,
            tags: t,
        } = &filters.kind
        {
            b.iter()
                .for_each(|rule| names(rule, false, &mut known, &mut branches));
            if let Some(rule) = t {
                names(rule, true, &mut known, &mut tags);
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

/// Adds a name for each item of a rule that is not known yet.
fn names<'w>(
    rule: &'w FilterRule,
    of_tags: bool,
    known: &mut HashSet<(bool, &'w str)>,
    out: &mut Vec<String>,
) {
    let items = rule.only.iter().chain(&rule.ignore);
    for item in items.filter(|i| known.insert((of_tags, i.value.as_str()))) {
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

/// Says whether the filters of these jobs let some push through together. What they wait for does
/// not count: it is other rules that speak of jobs that never run.
pub(super) fn may_run_together(workflow: &Workflow, tried: &[GitRef], jobs: &[JobIndex]) -> bool {
    let filters = |job: &JobIndex| workflow.jobs[*job].filters.as_ref();
    let all: Vec<&Filters> = jobs.iter().filter_map(filters).collect();
    if all.iter().any(|a| all.iter().any(|b| are_opposite(a, b))) {
        return false;
    }
    // Where a filter cannot be decided, it may let the push through.
    let admits = |push: &GitRef| all.iter().all(|f| f.admit(push) != Ok(false));
    all.is_empty() || tried.iter().any(admits)
}

/// Says whether two filters ask for the opposite of each other: `x == "y"` and `x != "y"`.
fn are_opposite(one: &Filters, two: &Filters) -> bool {
    let (FilterKind::Expression { text: a, .. }, FilterKind::Expression { text: b, .. }) =
        (&one.kind, &two.kind)
    else {
        return false;
    };
    let plain = |text: &str| {
        let mut words = text.split_whitespace();
        !words.any(|word| matches!(word, "and" | "or" | "not"))
    };
    let sides = |text: &str, operator: &str| {
        let (left, right) = text.split_once(operator)?;
        Some((left.trim().to_owned(), right.trim().to_owned()))
    };
    let sides_of_a = sides(&a.value, "==");
    plain(&a.value) && sides_of_a.is_some() && sides_of_a == sides(&b.value, "!=")
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
