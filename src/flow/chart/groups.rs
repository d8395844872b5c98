//! Which jobs a picture may draw as one box: those that nothing but their name tells apart. They
//! wait for the same jobs, the same jobs wait for them, and they hand on and get the same. Those in
//! conflict are in conflict with each other, and with the same others.

use std::collections::HashMap;

use super::{JobChart, Link, WorkflowChart};

/// A line of a job, without the job: the other end, and what the line is.
type End<'c> = (usize, bool, bool, &'c [String]);

/// All that tells jobs apart but their names.
#[derive(PartialEq, Eq, Hash)]
struct Shape<'c> {
    kind: &'c str,
    details: Vec<String>,
    before: Vec<End<'c>>,
    after: Vec<End<'c>>,
    conflict: Meeting<'c>,
}

/// With whom a job is in conflict.
#[derive(PartialEq, Eq, Hash)]
enum Meeting<'c> {
    /// With nobody.
    None,
    /// These jobs, itself among them, meet at one path.
    At(&'c str, Vec<&'c str>),
    /// Several paths: the job at this position stands alone, so that it can be seen where.
    Alone(usize),
}

/// Returns the jobs of each box, by position, in the order of the text.
pub(super) fn groups(workflow: &WorkflowChart, links: &[Link]) -> Vec<Vec<usize>> {
    let count = workflow.jobs.len();
    let (mut before, mut after) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for link in links {
        let end = |other| (other, link.required, link.layers, &*link.statuses);
        before[link.to].push(end(link.from));
        after[link.from].push(end(link.to));
    }
    let mut places: HashMap<Shape<'_>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let ends = before.into_iter().zip(after);
    for (at, (job, (mut before, mut after))) in workflow.jobs.iter().zip(ends).enumerate() {
        before.sort_unstable();
        after.sort_unstable();
        let place = *places
            .entry(shape(at, job, before, after))
            .or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
        groups[place].push(at);
    }
    groups
}

fn shape<'c>(at: usize, job: &'c JobChart, before: Vec<End<'c>>, after: Vec<End<'c>>) -> Shape<'c> {
    Shape {
        kind: &job.kind,
        details: job.details(),
        before,
        after,
        conflict: meeting(at, job),
    }
}

fn meeting(at: usize, job: &JobChart) -> Meeting<'_> {
    let Some(first) = job.conflicts.first() else {
        return Meeting::None;
    };
    if job.conflicts.iter().any(|other| other.path != first.path) {
        return Meeting::Alone(at);
    }
    let others = job.conflicts.iter().map(|conflict| conflict.job.as_str());
    let mut all: Vec<&str> = others.chain([job.name.as_str()]).collect();
    all.sort_unstable();
    Meeting::At(&first.path, all)
}
