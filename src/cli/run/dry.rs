//! What a run would do, job by job: `--dry-run`.

use serde_json::{Value, json};

use crate::cli::layers::table;
use crate::cli::run_view::Format;
use crate::cli::{CliError, Ui, error};
use crate::finding;
use crate::flow::Graph;
use crate::plan::{
    ExecutorKind, Job, JobIndex, JobKind, JobStatus, Requirement, StepKind, Workflow,
};
use crate::run::{JobReport, Options};

/// How many names a line lists before it only counts.
const LISTED: usize = 6;

/// Prints the plan.
pub(super) fn show(
    workflow: &Workflow,
    options: &Options,
    format: Format,
    ui: &Ui,
) -> Result<u8, CliError> {
    let graph = Graph::new(workflow);
    match format {
        Format::Human => ui.out(&text(workflow, &graph, options))?,
        Format::Json => {
            let value = value(workflow, &graph, options);
            let text = serde_json::to_string_pretty(&value)
                .map_err(|e| CliError::new(error::DEFECT, format!("no JSON: {e}")))?;
            ui.out(&format!("{text}\n"))?;
        }
    }
    Ok(0)
}

fn text(workflow: &Workflow, graph: &Graph, options: &Options) -> String {
    let count = workflow.jobs.len();
    let s = if count == 1 { "" } else { "s" };
    let mut rows = Vec::new();
    for &index in graph.order() {
        let job = &workflow.jobs[index];
        let mut notes = vec![kind(job, options)];
        if !job.requires.is_empty() {
            let requires: Vec<String> = job.requires.iter().map(|r| edge(workflow, r)).collect();
            notes.push(format!("after {}", requires.join(", ")));
        }
        let mut name = job.name.clone();
        for note in notes {
            rows.push(vec![std::mem::take(&mut name), note]);
        }
        for line in layers(workflow, graph, index) {
            rows.push(vec![String::new(), line]);
        }
    }
    format!(
        "workflow {} ({count} job{s}); nothing is run\n{}",
        workflow.name,
        table(&rows)
    )
}

/// Says which job has to end first, and how where that is not as usual.
fn edge(workflow: &Workflow, requirement: &Requirement) -> String {
    let name = &workflow.jobs[requirement.job].name;
    match requirement.statuses.as_slice() {
        [] | [JobStatus::Success] => format!("`{name}`"),
        statuses => {
            let words: Vec<&str> = statuses.iter().map(|s| s.as_str()).collect();
            format!("`{name}` ({})", words.join(" or "))
        }
    }
}

/// Says what a job is and where it would run.
fn kind(job: &Job, options: &Options) -> String {
    if let Some(report) = reused(job, options) {
        let run = report.reused.as_deref().unwrap_or_default();
        return format!("{}, taken over from run {run}", report.status.as_str());
    }
    let mut out = match job.kind {
        JobKind::Approval if options.approvals.given(&job.name) => "approval, given".to_owned(),
        JobKind::Approval => "approval, on hold until it is given".to_owned(),
        JobKind::Build => match job.executor.as_ref().map(|e| &e.kind) {
            Some(ExecutorKind::Docker(images)) => {
                let names: Vec<&str> = images.iter().map(|i| i.image.value.as_str()).collect();
                format!("docker {}", names.join(" + "))
            }
            Some(ExecutorKind::Machine { .. }) => "machine".to_owned(),
            Some(ExecutorKind::Macos { .. }) => "macos".to_owned(),
            Some(ExecutorKind::Unknown(_)) | None => "build".to_owned(),
        },
        other => other.as_str().to_owned(),
    };
    if job.parallelism > 1 {
        out.push_str(&format!(", {} nodes", job.parallelism));
    }
    out.push_str(&match job.steps.len() {
        0 => String::new(),
        1 => ", 1 step".to_owned(),
        n => format!(", {n} steps"),
    });
    out
}

/// Says what a job adds to the workspace, and whose layers it gets.
fn layers(workflow: &Workflow, graph: &Graph, index: JobIndex) -> Vec<String> {
    let steps = workflow.jobs[index].steps.iter();
    let line = |step: &crate::plan::Step| match &step.kind {
        StepKind::Persist(persist) => {
            let paths: Vec<&str> = persist.paths.iter().map(|p| p.value.as_str()).collect();
            Some(format!(
                "persists {} of {}",
                finding::listed(&paths, LISTED),
                persist.root.value
            ))
        }
        StepKind::Attach(attach) => {
            let from = persisting(workflow, graph, index);
            Some(match from.as_slice() {
                [] => format!("attaches nothing at {}: no layer upstream", attach.at.value),
                names => format!(
                    "attaches the layers of {} at {}",
                    finding::listed(names, LISTED),
                    attach.at.value
                ),
            })
        }
        _ => None,
    };
    steps.filter_map(line).collect()
}

/// Returns the jobs upstream that add layers, in the order in which they apply.
fn persisting<'w>(workflow: &'w Workflow, graph: &Graph, index: JobIndex) -> Vec<&'w str> {
    let persists = |job: &&Job| {
        let mut steps = job.steps.iter();
        steps.any(|step| matches!(step.kind, StepKind::Persist(_)))
    };
    let upstream = graph.upstream(index).map(|before| &workflow.jobs[before]);
    upstream
        .filter(persists)
        .map(|job| job.name.as_str())
        .collect()
}

fn reused<'o>(job: &Job, options: &'o Options) -> Option<&'o JobReport> {
    options.reused.iter().find(|report| report.name == job.name)
}

fn value(workflow: &Workflow, graph: &Graph, options: &Options) -> Value {
    let jobs: Vec<Value> = graph
        .order()
        .iter()
        .map(|&index| {
            let job = &workflow.jobs[index];
            let requires: Vec<Value> = job
                .requires
                .iter()
                .map(|r| {
                    let statuses: Vec<&str> = r.statuses.iter().map(|s| s.as_str()).collect();
                    json!({"job": workflow.jobs[r.job].name, "statuses": statuses})
                })
                .collect();
            let mut persists = Vec::new();
            let mut attaches = Vec::new();
            for step in &job.steps {
                match &step.kind {
                    StepKind::Persist(persist) => {
                        let paths: Vec<&str> =
                            persist.paths.iter().map(|p| p.value.as_str()).collect();
                        persists.push(json!({"root": persist.root.value, "paths": paths}));
                    }
                    StepKind::Attach(attach) => attaches.push(json!({
                        "at": attach.at.value,
                        "layers_of": persisting(workflow, graph, index),
                    })),
                    _ => {}
                }
            }
            json!({
                "name": job.name,
                "type": job.kind.as_str(),
                "nodes": job.parallelism.max(1),
                "requires": requires,
                "persists": persists,
                "attaches": attaches,
                "taken_over_from": reused(job, options).and_then(|report| report.reused.clone()),
            })
        })
        .collect();
    json!({"version": 1, "workflow": workflow.name, "jobs": jobs})
}
