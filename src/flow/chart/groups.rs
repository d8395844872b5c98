//! Which jobs a picture may draw as one box: those that nothing but their name tells apart. They
//! wait for the same jobs, the same jobs wait for them, and they hand on and get the same.

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
    /// Jobs in conflict stand alone, so that it can be seen with whom.
    alone: Option<usize>,
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
        alone: (!job.conflicts.is_empty()).then_some(at),
    }
}
