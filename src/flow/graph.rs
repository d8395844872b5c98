//! The graph of a workflow's jobs: who comes before whom, however far, and where it runs in
//! circles.

use crate::plan::{JobIndex, Workflow};

/// The order of the jobs of one workflow.
#[derive(Debug, Clone)]
pub struct Graph {
    /// For each job, whether each other job is upstream of it.
    upstream: Vec<Vec<bool>>,
    order: Vec<JobIndex>,
    cycles: Vec<Vec<JobIndex>>,
}

impl Graph {
    /// Reads the graph of a workflow.
    #[must_use]
    pub fn new(workflow: &Workflow) -> Self {
        let n = workflow.jobs.len();
        let requires: Vec<Vec<JobIndex>> = workflow
            .jobs
            .iter()
            .map(|j| {
                j.requires
                    .iter()
                    .map(|r| r.job)
                    .filter(|r| *r < n)
                    .collect()
            })
            .collect();
        let mut upstream = vec![vec![false; n]; n];
        for (job, seen) in upstream.iter_mut().enumerate() {
            let mut stack = requires[job].clone();
            while let Some(next) = stack.pop() {
                if !std::mem::replace(&mut seen[next], true) {
                    stack.extend(&requires[next]);
                }
            }
        }
        Self {
            order: order(&requires),
            cycles: cycles(&requires, &upstream),
            upstream,
        }
    }

    /// Says whether `earlier` is upstream of `later`.
    #[must_use]
    pub fn is_upstream(&self, earlier: JobIndex, later: JobIndex) -> bool {
        self.upstream
            .get(later)
            .and_then(|u| u.get(earlier))
            .copied()
            .unwrap_or(false)
    }

    /// Says whether neither of two different jobs comes before the other.
    #[must_use]
    pub fn is_concurrent(&self, a: JobIndex, b: JobIndex) -> bool {
        a != b && !self.is_upstream(a, b) && !self.is_upstream(b, a)
    }

    /// Returns the jobs upstream of a job, in the order in which their layers apply: topological,
    /// ties in the order of the text.
    #[must_use]
    pub fn upstream(&self, job: JobIndex) -> Vec<JobIndex> {
        self.order
            .iter()
            .copied()
            .filter(|j| *j != job && self.is_upstream(*j, job))
            .collect()
    }

    /// Returns the jobs downstream of a job, in the same order.
    #[must_use]
    pub fn downstream(&self, job: JobIndex) -> Vec<JobIndex> {
        self.order
            .iter()
            .copied()
            .filter(|j| *j != job && self.is_upstream(job, *j))
            .collect()
    }

    /// Returns all jobs, each behind those that it requires; jobs of a circle come last.
    #[must_use]
    pub fn order(&self) -> &[JobIndex] {
        &self.order
    }

    /// Returns the circles: each job requires the next, the last one the first.
    #[must_use]
    pub fn cycles(&self) -> &[Vec<JobIndex>] {
        &self.cycles
    }
}

/// Kahn's order; among the jobs that are ready, the first of the text goes first.
fn order(requires: &[Vec<JobIndex>]) -> Vec<JobIndex> {
    let n = requires.len();
    let mut waiting: Vec<usize> = requires.iter().map(Vec::len).collect();
    let mut dependants = vec![Vec::new(); n];
    for (job, list) in requires.iter().enumerate() {
        for r in list {
            dependants[*r].push(job);
        }
    }
    let mut ready: std::collections::BTreeSet<JobIndex> =
        (0..n).filter(|j| waiting[*j] == 0).collect();
    let mut out = Vec::with_capacity(n);
    while let Some(job) = ready.pop_first() {
        out.push(job);
        for d in &dependants[job] {
            waiting[*d] -= 1;
            if waiting[*d] == 0 {
                ready.insert(*d);
            }
        }
    }
    let rest: Vec<JobIndex> = (0..n).filter(|j| waiting[*j] > 0).collect();
    out.extend(rest);
    out
}

/// One shortest circle for each knot of jobs that are upstream of themselves.
fn cycles(requires: &[Vec<JobIndex>], upstream: &[Vec<bool>]) -> Vec<Vec<JobIndex>> {
    let mut done = vec![false; requires.len()];
    let mut out = Vec::new();
    for start in 0..requires.len() {
        if done[start] || !upstream[start][start] {
            continue;
        }
        for (other, seen) in done.iter_mut().enumerate() {
            if upstream[start][other] && upstream[other][start] {
                *seen = true;
            }
        }
        if let Some(cycle) = shortest(requires, start) {
            out.push(cycle);
        }
    }
    out
}

fn shortest(requires: &[Vec<JobIndex>], start: JobIndex) -> Option<Vec<JobIndex>> {
    let mut from: Vec<Option<JobIndex>> = vec![None; requires.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(job) = queue.pop_front() {
        for next in &requires[job] {
            if *next == start {
                let mut path = vec![job];
                let mut at = job;
                while at != start {
                    at = from[at]?;
                    path.push(at);
                }
                path.reverse();
                return Some(path);
            }
            if from[*next].is_none() {
                from[*next] = Some(job);
                queue.push_back(*next);
            }
        }
    }
    None
}
