//! The run that says how it should be: `holdall run`, without what it does not do where that
//! brings no files, and without the jobs that cannot do without it.

use std::collections::{BTreeMap, BTreeSet};

use super::VerifyError;
use super::lines::Trees;
use crate::plan::{
    EnvVar, Job, JobIndex, JobKind, JobStatus, Located, Requirement, StepKind, Workflow,
};
use crate::run::{Event, JobEvent, JobReport, Options, RunError, StepStatus, execute};

/// What runs here brought.
#[derive(Debug)]
pub struct Here {
    /// What the attaches brought.
    pub trees: Trees,
    /// Why a job has not run, or not to its end, by workflow and job.
    pub why_not: BTreeMap<(usize, JobIndex), String>,
    /// Jobs that could not be run here at all.
    pub left_out: BTreeSet<(usize, JobIndex)>,
}

impl Here {
    /// Begins with nothing.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        Self {
            trees: Trees::new(nonce),
            why_not: BTreeMap::new(),
            left_out: BTreeSet::new(),
        }
    }
}

/// Runs a workflow, which is the `w`th; `places` says where its jobs stand in it when nothing is
/// filtered out.
///
/// # Errors
/// What stops a run before its first job, or between two.
pub fn run(
    w: usize,
    workflow: &Workflow,
    places: &[JobIndex],
    options: &Options,
    here: &mut Here,
) -> Result<(), VerifyError> {
    let mut workflow = workflow.clone();
    // Everybody approves: there, too.
    for job in &mut workflow.jobs {
        if job.kind == JobKind::Approval {
            job.kind = JobKind::NoOp;
        }
    }
    let mut places = places.to_vec();
    let mut plain = false;
    loop {
        let mut lines: BTreeMap<(JobIndex, u32), Vec<u8>> = BTreeMap::new();
        let done = execute(&workflow, options, &mut |event| {
            if let Event::Job {
                job,
                node,
                event: JobEvent::Output(chunk),
            } = event
            {
                let line = lines.entry((job, node)).or_default();
                line.extend_from_slice(chunk.as_bytes());
                take(line, &mut here.trees);
            }
        });
        let refusals = match done {
            Err(RunError::Unsupported(refusals)) => refusals,
            Err(error) => return Err(error.into()),
            Ok(summary) => {
                for line in lines.into_values() {
                    here.trees.line(&String::from_utf8_lossy(&line));
                }
                for (report, (job, place)) in
                    summary.jobs.iter().zip(workflow.jobs.iter().zip(&places))
                {
                    if let Some(why) = why_not(report, job) {
                        here.why_not.insert((w, *place), why);
                    }
                }
                return Ok(());
            }
        };
        // What was refused was refused before anything started.
        let mut refused: BTreeMap<&str, String> = BTreeMap::new();
        for refusal in &refusals {
            refused
                .entry(refusal.job.as_str())
                .and_modify(|what| what.push_str(&format!(", {}", refusal.what)))
                .or_insert_with(|| refusal.what.clone());
        }
        if plain {
            let why = |job: &Job| refused.get(job.name.as_str());
            leave_out(&mut workflow, &mut places, why, w, here);
            if workflow.jobs.is_empty() {
                return Ok(());
            }
        } else {
            plain = true;
            let names: BTreeSet<&str> = refused.keys().copied().collect();
            for job in workflow
                .jobs
                .iter_mut()
                .filter(|j| names.contains(j.name.as_str()))
            {
                simplify(job);
            }
            spread(&mut workflow, &mut places, &names);
        }
    }
}

/// Hands on the whole lines of what a job has written so far.
pub(super) fn take(line: &mut Vec<u8>, trees: &mut Trees) {
    while let Some(end) = line.iter().position(|b| *b == b'\n') {
        trees.line(&String::from_utf8_lossy(&line[..end]));
        line.drain(..=end);
    }
}

/// Takes out what brings no files to a first run: artifacts, reports, caches that are still empty,
/// the second try.
fn simplify(job: &mut Job) {
    job.steps.retain_mut(|step| match &mut step.kind {
        StepKind::StoreArtifacts(_)
        | StepKind::StoreTestResults(_)
        | StepKind::SaveCache(_)
        | StepKind::RestoreCache(_)
        | StepKind::SetupRemoteDocker(_)
        | StepKind::AddSshKeys(_) => false,
        StepKind::Run(run) => {
            run.max_auto_reruns = None;
            true
        }
        _ => true,
    });
}

/// Makes a job of each node of a job that has several, where those that wait for it wait for all.
fn spread(workflow: &mut Workflow, places: &mut Vec<JobIndex>, names: &BTreeSet<&str>) {
    for at in 0..workflow.jobs.len() {
        let job = &workflow.jobs[at];
        let plain = workflow
            .jobs
            .iter()
            .flat_map(|j| &j.requires)
            .filter(|r| r.job == at)
            .all(|r| r.statuses.is_empty() || r.statuses == [JobStatus::Success]);
        if job.parallelism < 2 || !plain || !names.contains(job.name.as_str()) {
            continue;
        }
        let first = workflow.jobs.len();
        let whole = job.clone();
        let node = |n: u32| {
            let mut one = whole.clone();
            let set = |name: &str, value: String| EnvVar {
                name: name.to_owned(),
                at: one.definition,
                value: Located::new(value, one.definition),
            };
            let own = [
                set("CIRCLE_JOB", whole.name.clone()),
                set("CIRCLE_NODE_INDEX", n.to_string()),
                set("CIRCLE_NODE_TOTAL", whole.parallelism.to_string()),
            ];
            one.environment.splice(0..0, own);
            one.parallelism = 1;
            if n > 0 {
                one.name = format!("{} (node {n})", whole.name);
            }
            one
        };
        let more: Vec<Job> = (1..whole.parallelism).map(node).collect();
        workflow.jobs[at] = node(0);
        for other in &mut workflow.jobs {
            let waits = other.requires.iter().find(|r| r.job == at).cloned();
            if let Some(r) = waits {
                let more = (0..more.len()).map(|n| Requirement {
                    job: first + n,
                    ..r.clone()
                });
                other.requires.extend(more);
            }
        }
        places.extend(std::iter::repeat_n(places[at], more.len()));
        workflow.jobs.extend(more);
    }
}

/// Takes jobs out of a workflow, and those that wait for them.
fn leave_out<'r>(
    workflow: &mut Workflow,
    places: &mut Vec<JobIndex>,
    refused: impl Fn(&Job) -> Option<&'r String>,
    w: usize,
    here: &mut Here,
) {
    let mut why: Vec<Option<String>> = workflow
        .jobs
        .iter()
        .map(|j| refused(j).map(|what| format!("`holdall run` does not do: {what}")))
        .collect();
    loop {
        let next = workflow.jobs.iter().enumerate().find_map(|(j, job)| {
            let lost = job.requires.iter().find(|r| why[r.job].is_some())?;
            why[j].is_none().then(|| {
                let name = &workflow.jobs[lost.job].name;
                (j, format!("it waits for {name}, which cannot run here"))
            })
        });
        match next {
            Some((j, text)) => why[j] = Some(text),
            None => break,
        }
    }
    let mut kept = Vec::new();
    let mut moved = vec![0; workflow.jobs.len()];
    let jobs = std::mem::take(&mut workflow.jobs);
    let old = std::mem::take(places);
    for ((j, job), (place, why)) in jobs.into_iter().enumerate().zip(old.into_iter().zip(why)) {
        match why {
            Some(why) => {
                here.why_not.insert((w, place), why);
                here.left_out.insert((w, place));
            }
            None => {
                moved[j] = kept.len();
                kept.push(job);
                places.push(place);
            }
        }
    }
    // Whoever waits for one that is gone is gone too.
    for r in kept.iter_mut().flat_map(|j| &mut j.requires) {
        r.job = moved[r.job];
    }
    workflow.jobs = kept;
}

/// Says why a job has not run to its end.
fn why_not(report: &JobReport, job: &Job) -> Option<String> {
    match report.status {
        JobStatus::Success => None,
        JobStatus::NotRun => Some(match &report.stopped_by {
            Some(other) if *other != job.name => format!("it did not run, because of {other}"),
            _ => "it did not run".to_owned(),
        }),
        _ => {
            let failed = |s: &&crate::run::StepReport| s.status == StepStatus::Failed;
            let step = report.steps.iter().find(failed);
            let mut why = match step {
                Some(step) => match (step.exit_code, &step.message) {
                    (Some(code), _) => {
                        format!("step `{}` failed with exit code {code}", step.title)
                    }
                    (None, Some(message)) => format!("step `{}`: {message}", step.title),
                    (None, None) => format!("step `{}` failed", step.title),
                },
                None => format!("it ended as {}", report.status.as_str()),
            };
            let contexts: Vec<&str> = job.contexts.iter().map(|c| c.value.as_str()).collect();
            if !contexts.is_empty() {
                why.push_str(&format!(
                    "; it has no variables of the context {} here",
                    contexts.join(", ")
                ));
            }
            Some(why)
        }
    }
}
