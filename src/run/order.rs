//! The order of jobs: topological, ties by declaration, and who is upstream of whom.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::error::RunError;
use crate::plan::{JobIndex, Workflow};

/// The jobs of a workflow in the order in which they run, with everything upstream of each.
#[derive(Debug)]
pub(crate) struct Order {
    /// All jobs, each after those that it requires.
    pub(crate) sequence: Vec<JobIndex>,
    upstream: Vec<BTreeSet<JobIndex>>,
}

impl Order {
    /// Orders the jobs.
    pub(crate) fn of(workflow: &Workflow) -> Result<Self, RunError> {
        let count = workflow.jobs.len();
        let mut waits_for = vec![BTreeSet::new(); count];
        let mut needed_by = vec![Vec::new(); count];
        for (index, job) in workflow.jobs.iter().enumerate() {
            for requirement in &job.requires {
                let Some(dependants) = needed_by.get_mut(requirement.job) else {
                    return Err(RunError::UnknownRequirement {
                        job: job.name.clone(),
                    });
                };
                if waits_for[index].insert(requirement.job) {
                    dependants.push(index);
                }
            }
        }
        let mut open: Vec<usize> = waits_for.iter().map(BTreeSet::len).collect();
        let mut ready: BinaryHeap<Reverse<JobIndex>> =
            (0..count).filter(|&i| open[i] == 0).map(Reverse).collect();
        let mut sequence = Vec::with_capacity(count);
        let mut upstream = vec![BTreeSet::new(); count];
        while let Some(Reverse(index)) = ready.pop() {
            sequence.push(index);
            let mut all = waits_for[index].clone();
            for &requirement in &waits_for[index] {
                all.extend(upstream[requirement].iter().copied());
            }
            upstream[index] = all;
            for &dependant in &needed_by[index] {
                open[dependant] -= 1;
                if open[dependant] == 0 {
                    ready.push(Reverse(dependant));
                }
            }
        }
        if sequence.len() < count {
            let stuck = (0..count).filter(|&i| open[i] > 0);
            return Err(RunError::Cycle(
                stuck.map(|i| workflow.jobs[i].name.clone()).collect(),
            ));
        }
        Ok(Self { sequence, upstream })
    }

    /// Returns the transitive requirements of a job, in the order in which they run.
    pub(crate) fn upstream(&self, job: JobIndex) -> Vec<JobIndex> {
        let Some(wanted) = self.upstream.get(job) else {
            return Vec::new();
        };
        let ordered = self.sequence.iter().copied();
        ordered.filter(|index| wanted.contains(index)).collect()
    }
}
