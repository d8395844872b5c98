//! Layers and attaches of one workflow, from the steps of its jobs.

use super::graph::Graph;
use super::place::Place;
use crate::plan::{AttachStep, Job, JobIndex, Origin, PersistStep, StepKind, Workflow};

/// One layer that a job makes.
#[derive(Debug, Clone)]
pub struct Layer<'p> {
    /// The job.
    pub job: JobIndex,
    /// The position of the persist among the job's steps.
    pub step: usize,
    /// Where the step came from.
    pub origin: &'p Origin,
    /// The step.
    pub persist: &'p PersistStep,
    /// Where its root lies.
    pub root: Place,
    /// Whether it is made only under a condition.
    pub conditional: bool,
}

/// One attach of a job.
#[derive(Debug, Clone)]
pub struct Attach<'p> {
    /// The job.
    pub job: JobIndex,
    /// The position of the attach among the job's steps.
    pub step: usize,
    /// Where the step came from.
    pub origin: &'p Origin,
    /// The step.
    pub attach: &'p AttachStep,
    /// Where the layers go.
    pub at: Place,
    /// Whether it happens only under a condition.
    pub conditional: bool,
}

/// The data flow of one workflow.
#[derive(Debug, Clone)]
pub struct Flow<'p> {
    /// The workflow.
    pub workflow: &'p Workflow,
    /// Its order.
    pub graph: Graph,
    /// The layers that its jobs make, in the order of jobs and steps.
    pub layers: Vec<Layer<'p>>,
    /// The attaches of its jobs, in the same order.
    pub attaches: Vec<Attach<'p>>,
    /// The jobs of which not all is known.
    opaque: Vec<JobIndex>,
    /// The requirements that could not be resolved.
    unknown_requires: Vec<&'p str>,
}

impl<'p> Flow<'p> {
    /// Reads the data flow of a workflow.
    #[must_use]
    pub fn new(workflow: &'p Workflow) -> Self {
        let mut layers = Vec::new();
        let mut attaches = Vec::new();
        for (job, node) in workflow.jobs.iter().enumerate() {
            let wd = Place::of_working_directory(&node.working_directory.value);
            for (step, s) in node.steps.iter().enumerate() {
                match &s.kind {
                    StepKind::Persist(persist) => layers.push(Layer {
                        job,
                        step,
                        origin: &s.origin,
                        persist,
                        root: wd.join(&persist.root.value),
                        conditional: s.condition.is_some(),
                    }),
                    StepKind::Attach(attach) => attaches.push(Attach {
                        job,
                        step,
                        origin: &s.origin,
                        attach,
                        at: wd.join(&attach.at.value),
                        conditional: s.condition.is_some(),
                    }),
                    _ => {}
                }
            }
        }
        Self {
            workflow,
            graph: Graph::new(workflow),
            layers,
            attaches,
            opaque: (0..workflow.jobs.len())
                .filter(|j| workflow.jobs[*j].opaque.is_some())
                .collect(),
            unknown_requires: workflow
                .jobs
                .iter()
                .flat_map(|j| &j.unknown_requires)
                .map(|r| r.value.as_str())
                .collect(),
        }
    }

    /// Returns a job.
    #[must_use]
    pub fn job(&self, job: JobIndex) -> &'p Job {
        &self.workflow.jobs[job]
    }

    /// Returns the layers that a job makes.
    #[must_use]
    pub fn layers_of(&self, job: JobIndex) -> &[Layer<'p>] {
        let first = self.layers.partition_point(|l| l.job < job);
        let count = self.layers[first..].partition_point(|l| l.job == job);
        &self.layers[first..first + count]
    }

    /// Returns the layers that a job's attach sees, in the order in which they apply.
    #[must_use]
    pub fn visible(&self, job: JobIndex) -> Vec<&Layer<'p>> {
        let upstream = self.graph.upstream(job);
        upstream.flat_map(|u| self.layers_of(u)).collect()
    }

    /// Says whether a job's attach sees any layer.
    #[must_use]
    pub fn sees_layers(&self, job: JobIndex) -> bool {
        let mut upstream = self.graph.upstream(job);
        upstream.any(|u| !self.layers_of(u).is_empty())
    }

    /// Says whether a job may see layers that the plan does not show: something upstream is
    /// opaque, or a requirement points at a job that is not known.
    #[must_use]
    pub fn may_see_more(&self, job: JobIndex) -> bool {
        if self.workflow.definition.is_some() {
            return true;
        }
        let unknown = |j: JobIndex| {
            let job = self.job(j);
            job.opaque.is_some() || !job.unknown_requires.is_empty()
        };
        !self.job(job).unknown_requires.is_empty() || self.graph.upstream(job).any(unknown)
    }

    /// Says whether a job's layers may be attached by jobs that the plan does not show.
    #[must_use]
    pub fn may_be_seen_more(&self, job: JobIndex) -> bool {
        if self.workflow.definition.is_some() {
            return true;
        }
        let opaque_below = self
            .opaque
            .iter()
            .any(|j| *j != job && self.graph.is_upstream(job, *j));
        let written = &self.job(job).written_name;
        // A requirement that could not be resolved may mean this job or one below it.
        let unknown_edge = self.unknown_requires.iter().any(|r| {
            r.starts_with(written.as_str()) || r.contains("<<") || self.workflow.incomplete
        });
        opaque_below || unknown_edge
    }
}
