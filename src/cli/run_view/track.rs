//! What a view has to remember of a run: the names of its jobs, the output of those that run now,
//! and the steps that failed.

use std::collections::{BTreeMap, VecDeque};

use super::lines::Lines;
use super::readable::plain;
use crate::plan::{JobIndex, JobStatus};
use crate::run::{Event, JobEvent, Skipped, StepReport, StepStatus};

/// How many of the last lines of a failing step are shown.
const TAIL: usize = 20;

/// One node of a job.
pub(super) type Place = (JobIndex, u32);

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Track {
    names: Vec<String>,
    /// How many nodes each job has, as far as it has begun.
    nodes: Vec<u32>,
    open: BTreeMap<Place, Open>,
    pub(super) failures: Vec<Failure>,
}

/// The present step of a node.
#[derive(Debug, Default)]
struct Open {
    lines: Lines,
    script: Option<String>,
    /// Its last lines, as they came.
    tail: VecDeque<Vec<u8>>,
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) label: String,
    pub(super) step: StepReport,
    pub(super) script: Option<String>,
    pub(super) tail: VecDeque<Vec<u8>>,
}

impl Track {
    /// Takes note of an event, and hands on the lines of output that it ends.
    pub(super) fn note(&mut self, event: &Event, line: &mut dyn FnMut(Place, &[u8])) {
        match event {
            Event::RunStarted { jobs, .. } => {
                self.names = jobs.iter().map(|name| plain(name)).collect();
                self.nodes = vec![1; jobs.len()];
            }
            Event::JobStarted { job, nodes } => {
                if let Some(known) = self.nodes.get_mut(*job) {
                    *known = *nodes;
                }
            }
            Event::Job { job, node, event } => self.inside((*job, *node), event, line),
            Event::JobFinished { job, .. } | Event::JobReused { job, .. } => {
                self.open.retain(|place, _| place.0 != *job);
            }
            _ => {}
        }
    }

    fn inside(&mut self, place: Place, event: &JobEvent, line: &mut dyn FnMut(Place, &[u8])) {
        let open = self.open.entry(place).or_default();
        let tail = &mut open.tail;
        let mut keep = |text: Vec<u8>| {
            line(place, &text);
            if tail.len() == TAIL {
                tail.pop_front();
            }
            tail.push_back(text);
        };
        match event {
            JobEvent::Output(chunk) => open.lines.take(chunk.as_bytes(), &mut keep),
            // While a layer is made, output of background steps goes on.
            JobEvent::Progress { .. } => {}
            _ => open.lines.finish(&mut keep),
        }
        match event {
            JobEvent::StepStarted { script, .. } => {
                open.tail.clear();
                open.script.clone_from(script);
            }
            JobEvent::StepFinished(step) if step.status == StepStatus::Failed => {
                let (script, tail) = (open.script.take(), std::mem::take(&mut open.tail));
                let label = self.label(place);
                self.failures.push(Failure {
                    label,
                    step: step.clone(),
                    script,
                    tail,
                });
            }
            _ => {}
        }
    }

    /// Returns the names of all jobs.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns a job's name.
    pub(super) fn name(&self, job: JobIndex) -> &str {
        self.names.get(job).map_or("?", String::as_str)
    }

    /// Returns a node's name: the job's, with the node's number where there are several.
    pub(super) fn label(&self, (job, node): Place) -> String {
        match self.nodes.get(job) {
            Some(2..) => format!("{}/{node}", self.name(job)),
            _ => self.name(job).to_owned(),
        }
    }

    /// Says why a job does not run.
    pub(super) fn why(&self, why: &Skipped) -> String {
        match *why {
            Skipped::Canceled => "the run was canceled".to_owned(),
            Skipped::Held => "it waits for an approval".to_owned(),
            Skipped::Requirement { job, status, root } => {
                let verb = match status {
                    JobStatus::NotRun => "did not run".to_owned(),
                    other => format!("is {}", other.as_str()),
                };
                let text = format!("{} {verb}", self.name(job));
                if root == job {
                    text
                } else {
                    format!("{text}, because of {}", self.name(root))
                }
            }
        }
    }
}
