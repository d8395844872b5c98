//! The data flow of a config as data: jobs, their order, the layers that they make and those that
//! they see. It is what `holdall graph` draws, one file a form, and what an attach can follow.
//!
//! Nothing here knows a terminal or a file.

mod boxes;
mod conflicts;
mod dot;
mod groups;
mod layout;
mod mermaid;
mod svg;
mod text;

use serde::{Deserialize, Serialize};

use super::{Attach, Flow, Layer};
use crate::plan::{JobIndex, JobStatus, Pipeline, Workflow};

pub use dot::dot;
pub use mermaid::{mermaid, too_much_for_mermaid};
pub use svg::svg;
pub use text::text;

/// The version of the form in which a chart is written.
pub const VERSION: u32 = 1;

/// The data flow of all workflows of a config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// [`VERSION`].
    pub version: u32,
    /// The workflows in the order of the text.
    pub workflows: Vec<WorkflowChart>,
}

/// The data flow of one workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowChart {
    /// Its name.
    pub name: String,
    /// Its jobs in the order of the text.
    pub jobs: Vec<JobChart>,
}

/// One job with what it hands on and what it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobChart {
    /// Its name, unique in its workflow.
    pub name: String,
    /// The word that configs have for its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many nodes run it.
    pub parallelism: u32,
    /// The jobs that it requires.
    pub requires: Vec<Edge>,
    /// All jobs that come before it, however far, in the order in which their layers apply.
    pub upstream: Vec<String>,
    /// The layers that it adds to the workspace.
    pub persists: Vec<Persist>,
    /// The places where it unpacks the layers that it sees.
    pub attaches: Vec<AttachAt>,
    /// The layers that an attach of this job sees, in the order in which they apply.
    pub sees: Vec<LayerOf>,
    /// Whether it may see layers that are not listed: a part of what is upstream is not known.
    pub may_see_more: bool,
    /// Jobs at the same time that persist the same path, where a job attaches both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

/// Another job whose layer cannot be applied together with one of this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The other job.
    pub job: String,
    /// A path that both persist.
    pub path: String,
}

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The required job.
    pub job: String,
    /// The statuses of it that let this job run.
    pub statuses: Vec<String>,
}

/// One layer that a job makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persist {
    /// The n-th persist of the job, from 0.
    pub seq: u32,
    /// The root as the config writes it.
    pub root: String,
    /// The paths below the root, as the config writes them.
    pub paths: Vec<String>,
    /// Whether it is made only under a condition.
    pub conditional: bool,
}

/// One attach of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachAt {
    /// The target as the config writes it.
    pub at: String,
    /// Whether it happens only under a condition.
    pub conditional: bool,
}

/// Which layer: the job and its n-th persist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerOf {
    /// The job.
    pub job: String,
    /// The n-th persist of the job, from 0.
    pub seq: u32,
}

impl Chart {
    /// Reads the data flow of a compiled config.
    #[must_use]
    pub fn of(pipeline: &Pipeline) -> Self {
        Self {
            version: VERSION,
            workflows: pipeline.workflows.iter().map(WorkflowChart::of).collect(),
        }
    }
}

impl WorkflowChart {
    /// Reads the data flow of one workflow.
    #[must_use]
    pub fn of(workflow: &Workflow) -> Self {
        let flow = Flow::new(workflow);
        let jobs = (0..).zip(conflicts::conflicts(&flow));
        let jobs = jobs.map(|(job, conflicts)| JobChart {
            conflicts,
            ..JobChart::of(&flow, job)
        });
        Self {
            name: workflow.name.clone(),
            jobs: jobs.collect(),
        }
    }

    /// Returns a job by its name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&JobChart> {
        self.jobs.iter().find(|job| job.name == name)
    }

    /// Returns who hands something to whom, by position in `jobs`: first what is required, then
    /// what is only seen.
    fn links(&self) -> Vec<Link> {
        let place: std::collections::HashMap<&str, usize> = self
            .jobs
            .iter()
            .enumerate()
            .map(|(at, job)| (job.name.as_str(), at))
            .collect();
        let mut links: Vec<Link> = Vec::new();
        for (to, job) in self.jobs.iter().enumerate() {
            let mut givers: Vec<usize> = match job.attaches.is_empty() {
                true => Vec::new(),
                false => job
                    .sees
                    .iter()
                    .filter_map(|layer| place.get(layer.job.as_str()).copied())
                    .collect(),
            };
            givers.dedup();
            // A job may be required more than once, each time after another status.
            let mut required: Vec<(usize, Vec<String>)> = Vec::new();
            for edge in &job.requires {
                let Some(from) = place.get(&*edge.job) else {
                    continue;
                };
                match required.iter_mut().find(|(known, _)| known == from) {
                    None => required.push((*from, edge.statuses.clone())),
                    Some((_, statuses)) => {
                        let more = edge.statuses.iter();
                        let new: Vec<String> =
                            more.filter(|s| !statuses.contains(s)).cloned().collect();
                        statuses.extend(new);
                    }
                }
            }
            for (from, statuses) in required {
                let layers = givers.contains(&from);
                links.push(Link {
                    from,
                    to,
                    required: true,
                    layers,
                    statuses: match statuses.as_slice() {
                        [only] if only == "success" => Vec::new(),
                        _ => statuses,
                    },
                });
                givers.retain(|giver| *giver != from);
            }
            links.extend(givers.into_iter().map(|from| Link {
                from,
                to,
                required: false,
                layers: true,
                statuses: Vec::new(),
            }));
        }
        links
    }
}

/// What stands between two jobs of a drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    from: usize,
    to: usize,
    /// The second requires the first.
    required: bool,
    /// The second unpacks layers of the first.
    layers: bool,
    /// The statuses of the first that let the second run, where success is not the only one.
    statuses: Vec<String>,
}

impl JobChart {
    fn of(flow: &Flow<'_>, job: JobIndex) -> Self {
        let node = flow.job(job);
        let name = |index: JobIndex| flow.job(index).name.clone();
        let requires = node.requires.iter().map(|required| Edge {
            job: name(required.job),
            statuses: match required.statuses.as_slice() {
                [] => vec![JobStatus::Success.as_str().to_owned()],
                said => said.iter().map(|s| s.as_str().to_owned()).collect(),
            },
        });
        let sees = flow.graph.upstream(job).flat_map(|giver| {
            (0_u32..)
                .zip(flow.layers_of(giver))
                .map(move |(seq, _)| LayerOf {
                    job: name(giver),
                    seq,
                })
        });
        let attaches = flow.attaches.iter().filter(|attach| attach.job == job);
        Self {
            name: node.name.clone(),
            kind: node.kind.as_str().to_owned(),
            parallelism: node.parallelism,
            requires: requires.collect(),
            upstream: flow.graph.upstream(job).map(name).collect(),
            persists: (0..)
                .zip(flow.layers_of(job))
                .map(|(seq, layer)| Persist::of(seq, layer))
                .collect(),
            attaches: attaches.map(AttachAt::of).collect(),
            sees: sees.collect(),
            may_see_more: flow.may_see_more(job),
            conflicts: Vec::new(),
        }
    }

    /// Returns what it does, a line each.
    fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.kind != "build" {
            lines.push(self.kind.clone());
        }
        if self.parallelism > 1 {
            lines.push(format!("{} nodes", self.parallelism));
        }
        let perhaps = |conditional: bool| if conditional { " (conditional)" } else { "" };
        for attach in &self.attaches {
            lines.push(format!(
                "attaches at {}{}",
                attach.at,
                perhaps(attach.conditional)
            ));
        }
        for persist in &self.persists {
            lines.push(format!(
                "persists {}{}",
                persist.what(),
                perhaps(persist.conditional)
            ));
        }
        lines
    }

    /// Returns all the lines that a drawing puts below the name.
    fn lines(&self) -> Vec<String> {
        let mut lines = self.details();
        lines.extend(self.conflict_lines());
        lines
    }

    /// Returns the lines that say what it is in conflict with, few of them: jobs that meet at one
    /// path are counted.
    fn conflict_lines(&self) -> Vec<String> {
        let mut paths: Vec<(&str, Vec<&str>)> = Vec::new();
        for conflict in &self.conflicts {
            match paths.iter_mut().find(|(path, _)| *path == conflict.path) {
                Some((_, jobs)) => jobs.push(&conflict.job),
                None => paths.push((&conflict.path, vec![&conflict.job])),
            }
        }
        let line = |(path, jobs): (&str, Vec<&str>)| match jobs.as_slice() {
            [_, _, _, ..] => vec![format!("conflicts with {} jobs: {path}", jobs.len())],
            few => few
                .iter()
                .map(|job| format!("conflicts with {job}: {path}"))
                .collect(),
        };
        paths.into_iter().flat_map(line).collect()
    }
}

impl Persist {
    fn of(seq: u32, layer: &Layer<'_>) -> Self {
        let paths = layer.persist.paths.iter();
        Self {
            seq,
            root: layer.persist.root.value.clone(),
            paths: paths.map(|path| path.value.clone()).collect(),
            conditional: layer.conditional,
        }
    }

    /// Says root and paths in one line.
    fn what(&self) -> String {
        format!("{}: {}", self.root, self.paths.join(", "))
    }
}

impl AttachAt {
    fn of(attach: &Attach<'_>) -> Self {
        Self {
            at: attach.attach.at.value.clone(),
            conditional: attach.conditional,
        }
    }
}

/// Cuts a line that would make a drawing too wide.
fn shortened(line: &str, most: usize) -> String {
    if line.chars().count() <= most {
        return line.to_owned();
    }
    let mut text: String = line.chars().take(most.saturating_sub(1)).collect();
    text.push('…');
    text
}
