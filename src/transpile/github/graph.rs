//! The graph of a workflow at GitHub: ids, when each job runs, and whether that can be left to
//! GitHub's own rule, by which a job waits for the success of everything before it.

use std::collections::HashSet;

use super::expr::Bool;
use super::filters::Filterer;
use super::text;
use crate::flow::Graph;
use crate::plan::{FilterKind, JobIndex, JobStatus, Workflow};

/// What is known of a workflow's jobs before one is written.
pub(super) struct Shape {
    pub(super) graph: Graph,
    /// The id of each job.
    pub(super) ids: Vec<String>,
    /// Under which pushes each job would run by its own filters; nothing where that cannot be said.
    pub(super) own: Vec<Option<Bool>>,
    /// Under which pushes it runs, those before it considered.
    pub(super) runs: Vec<Bool>,
    /// Whether GitHub's own rule does.
    pub(super) plain: Vec<bool>,
    /// Whether tags start the workflow.
    pub(super) has_tags: bool,
}

impl Shape {
    pub(super) fn new(workflow: &Workflow, filterer: &Filterer<'_>, condition: Bool) -> Self {
        let graph = Graph::new(workflow);
        let speaks_of_tags = |j: JobIndex| match workflow.jobs[j].filters.as_ref().map(|f| &f.kind)
        {
            Some(FilterKind::Map { tags, .. }) => tags.is_some(),
            Some(FilterKind::Expression { text, .. }) => text.value.contains("git.tag"),
            None => false,
        };
        let jobs = 0..workflow.jobs.len();
        let has_tags = jobs.clone().any(speaks_of_tags) && workflow.schedules.is_empty();
        let branch = || Bool::atom("github.ref_type == 'branch'");
        let tag = || Bool::atom("github.ref_type == 'tag'");
        let mut own = Vec::new();
        for j in jobs.clone() {
            let filters = workflow.jobs[j].filters.as_ref();
            let (branches, tags) = match filters {
                Some(filters) => filterer.filters(filters),
                None => (Some(Bool::Const(true)), Some(Bool::Const(false))),
            };
            let expression = matches!(
                filters.map(|f| &f.kind),
                Some(FilterKind::Expression { .. })
            );
            let tags = match speaks_of_tags(j) && graph.upstream(j).all(speaks_of_tags) {
                true => tags,
                false => Some(Bool::Const(false)),
            };
            own.push(match (branches, tags) {
                (Some(holds), Some(_)) if expression => Some(Bool::all([condition.clone(), holds])),
                (Some(branches), Some(tags)) => {
                    let admitted = match (has_tags, branches == tags) {
                        (false, _) => branches,
                        (true, true) => branches,
                        (true, false) => {
                            Bool::any([Bool::all([branch(), branches]), Bool::all([tag(), tags])])
                        }
                    };
                    Some(Bool::all([condition.clone(), admitted]))
                }
                _ => None,
            });
        }
        let mut shape = Self {
            ids: ids(workflow),
            runs: vec![Bool::Const(true); workflow.jobs.len()],
            plain: vec![true; workflow.jobs.len()],
            graph,
            own,
            has_tags,
        };
        for j in shape.graph.order().to_vec() {
            shape.settle(workflow, j);
        }
        shape
    }

    fn settle(&mut self, workflow: &Workflow, j: JobIndex) {
        let requires = &workflow.jobs[j].requires;
        let own = self.own[j].clone().unwrap_or(Bool::Const(true));
        let upstream: Vec<JobIndex> = self.graph.upstream(j).collect();
        let before = |u: JobIndex| {
            self.plain[u] && (self.runs[u] == Bool::Const(true) || self.runs[u] == own)
        };
        self.plain[j] = upstream.iter().all(|u| before(*u))
            && requires.iter().all(|r| r.statuses == [JobStatus::Success]);
        let any = match requires.is_empty() {
            true => Bool::Const(true),
            false => Bool::any(requires.iter().map(|r| self.runs[r.job].clone())),
        };
        self.runs[j] = Bool::all([own, any]);
    }

    /// Returns what the `if:` of a job says; `Const(true)` where it needs none.
    pub(super) fn condition(&self, workflow: &Workflow, j: JobIndex) -> Bool {
        let own = self.own[j].clone().unwrap_or(Bool::Const(true));
        if self.plain[j] {
            return own;
        }
        let requires = &workflow.jobs[j].requires;
        let met = requires.iter().map(|r| {
            let id = &self.ids[r.job];
            let words: Vec<&str> = r.statuses.iter().filter_map(|s| result(*s)).collect();
            let ended = match words.len() {
                4 => Bool::Const(true),
                _ => Bool::any(
                    words
                        .iter()
                        .map(|w| Bool::Atom(format!("needs.{id}.result == '{w}'"))),
                ),
            };
            Bool::any([ended, self.runs[r.job].clone().not()])
        });
        let met = Bool::all(met.collect::<Vec<_>>());
        let any = Bool::any(requires.iter().map(|r| self.runs[r.job].clone()));
        Bool::all([Bool::atom("cancelled()").not(), met, any, own])
    }
}

/// Returns GitHub's word for how a job ended; it knows no job that a context refused.
fn result(status: JobStatus) -> Option<&'static str> {
    Some(match status {
        JobStatus::Success => "success",
        JobStatus::Failed => "failure",
        JobStatus::Canceled => "cancelled",
        JobStatus::NotRun => "skipped",
        JobStatus::Unauthorized => return None,
    })
}

fn ids(workflow: &Workflow) -> Vec<String> {
    let mut used: HashSet<String> = HashSet::from([super::filters::GATE.to_owned()]);
    let mut ids = Vec::new();
    for job in &workflow.jobs {
        let base = text::id(&crate::plan::actual(&job.name));
        let mut id = base.clone();
        let mut n = 2;
        while !used.insert(id.to_ascii_lowercase()) {
            id = format!("{base}-{n}");
            n += 1;
        }
        ids.push(id);
    }
    ids
}
