//! Layers that the service's own cache carries: one cache a layer, whose key says the workspace and
//! what made the layer. A key is never written twice, so it ends with the time; a job that attaches
//! looks for its beginning, and gets the newest one: that of the last rerun.

use std::collections::BTreeMap;

use super::edit::Written;
use crate::flow::Graph;
use crate::layer::encode_job;
use crate::plan::{FilterKind, Job, JobIndex, JobStatus, RunStep, StepKind, Workflow};

/// The functions of a step that attaches.
pub(super) const ATTACH: &str = include_str!("attach.sh");

/// The functions of a step that persists.
pub(super) const PERSIST: &str = include_str!("persist.sh");

/// Where layers lie between a step and the cache, a folder for each place of the text that
/// persists. Caches come back at the same path, whoever the user of the image is.
const FOLDER: &str = "/tmp/holdall-layers";

/// Most layers that one step looks for.
pub(super) const MOST: usize = 128;

/// The layers that one node of a job makes at one place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) job: String,
    pub(super) node: u32,
    pub(super) place: usize,
}

impl Layer {
    /// Returns the step that fetches it.
    pub(super) fn restore(&self) -> Written {
        let of = match self.node {
            0 => self.job.clone(),
            node => format!("{}, node {node}", self.job),
        };
        Written::Restore {
            name: format!("Fetch what {of} made"),
            key: key(&self.job, &self.node.to_string(), self.place),
        }
    }
}

/// Returns the step that keeps what a place of the text made.
pub(super) fn save(place: usize) -> Written {
    let node = "{{ .Environment.CIRCLE_NODE_INDEX }}";
    let job = "{{ .Environment.CIRCLE_JOB }}";
    Written::Save {
        key: format!("{}{{{{ epoch }}}}", key(job, node, place)),
        path: folder(place),
    }
}

/// The folder of a place.
pub(super) fn folder(place: usize) -> String {
    format!("{FOLDER}/{place}")
}

/// The beginning of a key. The job stands behind the numbers and ends with two slashes, so that the
/// beginning of one job's keys is never that of another's.
fn key(job: &str, node: &str, place: usize) -> String {
    format!("holdall/{{{{ .Environment.CIRCLE_WORKFLOW_WORKSPACE_ID }}}}/{place}/{node}/{job}//")
}

/// Says why a job's name cannot be a part of a key.
pub(super) fn unfit(job: &str) -> Option<&'static str> {
    let ambiguous = job.contains("//") || job.ends_with('/');
    match ambiguous || job.contains([',', '{', '}']) {
        true => Some("a job whose name does not fit into the key of a cache"),
        false => None,
    }
}

/// Returns the layers that a job attaches, and for each job that makes some how many are there for
/// sure.
pub(super) fn layers(
    workflow: &Workflow,
    graph: &Graph,
    taker: JobIndex,
    numbers: &BTreeMap<u32, usize>,
) -> (Vec<Layer>, Vec<usize>) {
    let (mut layers, mut sure) = (Vec::new(), Vec::new());
    for maker in graph.upstream(taker) {
        let job = &workflow.jobs[maker];
        let mut places: Vec<usize> = Vec::new();
        let mut made = 0;
        for step in &job.steps {
            if matches!(step.kind, StepKind::Persist(_)) {
                made += 1;
                let number = numbers.get(&step.origin.at.span.start);
                places.extend(number.filter(|n| !places.contains(n)));
            }
        }
        if made == 0 {
            continue;
        }
        let nodes = job.parallelism.max(1);
        for node in 0..nodes {
            layers.extend(places.iter().map(|place| Layer {
                job: job.name.clone(),
                node,
                place: *place,
            }));
        }
        let all = made * nodes as usize;
        sure.push(if surely(workflow, graph, maker, taker) {
            all
        } else {
            0
        });
    }
    (layers, sure)
}

/// Says whether a job makes all its layers wherever a job below it runs.
fn surely(workflow: &Workflow, graph: &Graph, maker: JobIndex, taker: JobIndex) -> bool {
    let whole = workflow.jobs[maker].steps.iter().all(|s| match &s.kind {
        StepKind::Run(RunStep { command, .. }) => !command.value.contains("halt"),
        StepKind::Persist(_) => s.condition.is_none(),
        StepKind::Opaque(_) => false,
        _ => true,
    });
    let own = filters(&workflow.jobs[taker]);
    let chain = || graph.upstream(taker).chain([taker]);
    let alike = chain().all(|j| {
        let filters = filters(&workflow.jobs[j]);
        filters.is_none() || filters == own
    });
    let mut passed = chain().flat_map(|j| &workflow.jobs[j].requires);
    whole && alike && passed.all(|r| r.statuses == [JobStatus::Success])
}

/// What a job's filters say, without where they stand.
fn filters(job: &Job) -> Option<Vec<String>> {
    let filters = job.filters.as_ref()?;
    Some(match &filters.kind {
        FilterKind::Expression { text, .. } => vec![text.value.clone()],
        FilterKind::Map { branches, tags } => [("branch", branches), ("tag", tags)]
            .into_iter()
            .filter_map(|(of, rule)| Some((of, rule.as_ref()?)))
            .flat_map(|(of, rule)| {
                let only = rule
                    .only
                    .iter()
                    .map(move |n| format!("{of} only {}", n.value));
                let ignore = rule.ignore.iter();
                let ignore = ignore.map(move |n| format!("{of} ignore {}", n.value));
                std::iter::once(of.to_owned()).chain(only).chain(ignore)
            })
            .collect(),
    })
}

/// Returns the word that names a job to `holdall_attach`.
pub(super) fn word(job: &crate::layer::Upstream, sure: usize) -> String {
    let after: Vec<String> = job.after.iter().map(|a| encode_job(a)).collect();
    format!("{}={sure}:{}", encode_job(&job.job), after.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_one_job_begins_like_that_of_another() {
        let jobs = ["a", "a/b", "a/", "ab", "0", "a//b"];
        for a in jobs.iter().filter(|j| unfit(j).is_none()) {
            for b in jobs.iter().filter(|j| unfit(j).is_none()) {
                let saved = format!("{}7", key(b, "0", 0));
                assert_eq!(saved.starts_with(&key(a, "0", 0)), a == b, "{a} {b}");
            }
        }
        assert!(unfit("a//b").is_some() && unfit("a/").is_some() && unfit("a b").is_none());
    }
}
