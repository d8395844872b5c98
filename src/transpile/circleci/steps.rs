//! The workspace steps of a text, and which jobs run each of them.

use std::collections::{BTreeMap, BTreeSet};

use super::cache::{self, Layer};
use crate::circleci::Compiled;
use crate::flow::Graph;
use crate::layer::Upstream;
use crate::plan::StepKind;
use crate::transpile::lower::upstream;
use crate::yaml::{Node, SourceId, Tree};

/// A `persist_to_workspace` or `attach_workspace` of the text.
pub(super) struct WorkspaceStep<'t> {
    /// The step's map, which the edit replaces.
    pub(super) node: Node<'t>,
    pub(super) persist: bool,
    pub(super) arguments: Node<'t>,
}

pub(super) fn workspace_steps(tree: &Tree) -> Vec<WorkspaceStep<'_>> {
    let step = |node: Node<'_>| -> Option<bool> {
        let mut entries = node.entries();
        let (first, more) = (entries.next()?, entries.next());
        match first.key.text()? {
            _ if more.is_some() => None,
            "persist_to_workspace" => Some(true),
            "attach_workspace" => Some(false),
            _ => None,
        }
    };
    tree.nodes()
        .filter_map(|node| {
            let persist = step(node)?;
            let arguments = node.entries().next()?.value.resolve().node?;
            Some(WorkspaceStep {
                node,
                persist,
                arguments,
            })
        })
        .collect()
}

/// One workspace step of the text, with every job that runs it.
#[derive(Default)]
pub(super) struct Place {
    pub(super) jobs: Vec<String>,
    /// For an attach: each job's upstream.
    pub(super) upstream: Vec<Vec<Upstream>>,
    /// For an attach: how many layers each of them surely made.
    pub(super) sure: Vec<Vec<usize>>,
    /// Whether a resolved text would break out of the quotes that its template stands in, or is not
    /// known here: a branch may be called anything.
    pub(super) breaks_quotes: bool,
    /// For an attach: the layers of all those upstreams, each once.
    pub(super) layers: Vec<Layer>,
    /// For a persist: its number among those of the text, and whether a job attaches what it makes.
    pub(super) number: Option<usize>,
    pub(super) attached: bool,
}

/// Which jobs run the step that begins at an offset.
pub(super) fn places(compiled: &Compiled, id: SourceId) -> BTreeMap<u32, Place> {
    let mut out: BTreeMap<u32, Place> = BTreeMap::new();
    let own = |s: &&crate::plan::Step| is_workspace(&s.kind) && s.origin.at.source == id;
    let steps = compiled.pipeline.workflows.iter().flat_map(|w| &w.jobs);
    let persists = steps
        .flat_map(|j| &j.steps)
        .filter(own)
        .filter(|s| matches!(s.kind, StepKind::Persist(_)));
    let places: BTreeSet<u32> = persists.map(|s| s.origin.at.span.start).collect();
    let numbers: BTreeMap<u32, usize> = places.into_iter().zip(0..).collect();
    let mut attached = Vec::new();
    for workflow in &compiled.pipeline.workflows {
        let graph = Graph::new(workflow);
        for (index, job) in workflow.jobs.iter().enumerate() {
            let upstream = upstream(workflow, &graph, index);
            for step in job.steps.iter().filter(own) {
                let at = step.origin.at.span.start;
                let place = out.entry(at).or_default();
                place.number = numbers.get(&at).copied();
                place.breaks_quotes |= texts(&step.kind)
                    .iter()
                    .any(|t| t.contains('\'') || t.contains("<<"));
                // A branch's name, say, is whatever the next push calls it.
                place.breaks_quotes |= match &step.kind {
                    StepKind::Persist(p) => p.varies,
                    StepKind::Attach(a) => a.varies,
                    _ => false,
                };
                if place.jobs.contains(&job.name) {
                    continue;
                }
                place.jobs.push(job.name.clone());
                if matches!(step.kind, StepKind::Attach(_)) {
                    let (layers, sure) = cache::layers(workflow, &graph, index, &numbers);
                    attached.extend(layers.iter().map(|l| l.place));
                    let new: Vec<Layer> = layers
                        .into_iter()
                        .filter(|l| !place.layers.contains(l))
                        .collect();
                    place.layers.extend(new);
                    place.sure.push(sure);
                    place.upstream.push(upstream.clone());
                }
            }
        }
    }
    for place in out.values_mut() {
        place.attached = place.number.is_some_and(|n| attached.contains(&n));
    }
    out
}

/// The texts of a workspace step that become words of a script.
fn texts(kind: &StepKind) -> Vec<&str> {
    match kind {
        StepKind::Persist(p) => std::iter::once(&p.root)
            .chain(&p.paths)
            .map(|t| t.value.as_str())
            .collect(),
        StepKind::Attach(a) => vec![&a.at.value],
        _ => Vec::new(),
    }
}

pub(super) fn is_workspace(kind: &StepKind) -> bool {
    matches!(kind, StepKind::Persist(_) | StepKind::Attach(_))
}

pub(super) fn value<'t>(step: &WorkspaceStep<'t>, key: &str) -> Option<Node<'t>> {
    let merged = step.arguments.merged(10_000);
    let entry = merged
        .iter()
        .rev()
        .find(|m| m.entry.key.text() == Some(key))?;
    entry.entry.value.resolve().node
}

pub(super) fn argument<'t>(
    step: &WorkspaceStep<'t>,
    key: &str,
) -> Result<String, (String, Node<'t>)> {
    value(step, key)
        .and_then(|n| n.text().map(str::to_owned))
        .filter(|t| !t.is_empty())
        .ok_or_else(|| (format!("a step without `{key}`"), step.node))
}
