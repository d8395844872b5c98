//! The graph of a workflow's jobs: who comes before whom, however far, and where it runs in
//! circles.

use crate::plan::{JobIndex, Workflow};

/// The order of the jobs of one workflow.
#[derive(Debug, Clone)]
pub struct Graph {
    order: Vec<JobIndex>,
    /// Where each job stands in the order.
    rank: Vec<usize>,
    upstream: Matrix,
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
        let order = order(&requires);
        let mut rank = vec![0; n];
        for (place, job) in order.iter().enumerate() {
            rank[*job] = place;
        }
        let mut graph = Self {
            upstream: upstream(&requires, &order, &rank),
            order,
            rank,
            cycles: Vec::new(),
        };
        graph.cycles = cycles(&requires, &graph);
        graph
    }

    /// Says whether `earlier` is upstream of `later`.
    #[must_use]
    pub fn is_upstream(&self, earlier: JobIndex, later: JobIndex) -> bool {
        self.rank
            .get(earlier)
            .is_some_and(|rank| self.upstream.has(later, *rank))
    }

    /// Says whether neither of two different jobs comes before the other.
    #[must_use]
    pub fn is_concurrent(&self, a: JobIndex, b: JobIndex) -> bool {
        a != b && !self.is_upstream(a, b) && !self.is_upstream(b, a)
    }

    /// Returns the jobs upstream of a job, in the order in which their layers apply: topological,
    /// ties in the order of the text.
    pub fn upstream(&self, job: JobIndex) -> impl Iterator<Item = JobIndex> {
        self.upstream
            .row(job)
            .map(|rank| self.order[rank])
            .filter(move |j| *j != job)
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

/// For each job, which places of the order are upstream of it: a bit a place.
#[derive(Debug, Clone)]
struct Matrix {
    bits: Vec<u64>,
    /// Words of one job.
    words: usize,
}

impl Matrix {
    fn new(jobs: usize) -> Self {
        let words = jobs.div_ceil(64);
        Self {
            bits: vec![0; jobs * words],
            words,
        }
    }

    fn has(&self, job: JobIndex, place: usize) -> bool {
        let word = self.bits.get(job * self.words + place / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Sets a bit, and says whether it is new.
    fn set(&mut self, job: JobIndex, place: usize) -> bool {
        let word = &mut self.bits[job * self.words + place / 64];
        let before = *word;
        *word |= 1 << (place % 64);
        *word != before
    }

    /// Adds all that is upstream of a job to what is upstream of another one.
    fn join(&mut self, from: JobIndex, to: JobIndex) {
        for word in 0..self.words {
            let bits = self.bits[from * self.words + word];
            self.bits[to * self.words + word] |= bits;
        }
    }

    /// Returns the places of a job's bits, in order.
    fn row(&self, job: JobIndex) -> impl Iterator<Item = usize> {
        let row = self.bits.get(job * self.words..(job + 1) * self.words);
        row.unwrap_or_default()
            .iter()
            .enumerate()
            .flat_map(|(i, word)| {
                let mut rest = *word;
                std::iter::from_fn(move || {
                    (rest != 0).then(|| {
                        let bit = rest.trailing_zeros() as usize;
                        rest &= rest - 1;
                        i * 64 + bit
                    })
                })
            })
    }
}

/// Finds what is upstream of each job, each from what is upstream of those that it requires.
fn upstream(requires: &[Vec<JobIndex>], order: &[JobIndex], rank: &[usize]) -> Matrix {
    let mut out = Matrix::new(requires.len());
    let mut known = vec![false; requires.len()];
    for job in order {
        if requires[*job].iter().all(|r| known[*r]) {
            for r in &requires[*job] {
                out.join(*r, *job);
                out.set(*job, rank[*r]);
            }
            known[*job] = true;
        } else {
            // In a circle, or behind one.
            let mut stack = requires[*job].clone();
            while let Some(next) = stack.pop() {
                if out.set(*job, rank[next]) {
                    stack.extend(&requires[next]);
                }
            }
        }
    }
    out
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
fn cycles(requires: &[Vec<JobIndex>], graph: &Graph) -> Vec<Vec<JobIndex>> {
    let mut done = vec![false; requires.len()];
    let mut out = Vec::new();
    for start in 0..requires.len() {
        if done[start] || !graph.is_upstream(start, start) {
            continue;
        }
        for (other, seen) in done.iter_mut().enumerate() {
            if graph.is_upstream(start, other) && graph.is_upstream(other, start) {
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
