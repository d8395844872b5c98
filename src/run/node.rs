//! One node of a job on a thread of its own: its log, its secrets, and the engine that runs it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::engines::Engine;
use super::error::RunError;
use super::event::{Chunk, JobEvent};
use super::logs::RunLogs;
use super::mask::Mask;
use super::prepare::Common;
use super::report::{LayerReport, StepReport};
use super::text::{file_name, uuid};
use crate::plan::{JobIndex, JobStatus};

/// What every node of a run needs; shared by their threads.
pub(super) struct Ground<'a> {
    pub(super) common: &'a Common<'a>,
    pub(super) logs: &'a RunLogs,
    /// The folder that takes what jobs hand to people.
    pub(super) results: &'a Path,
    pub(super) engine: &'a Engine,
    /// Set when everything is to stop.
    pub(super) stop: AtomicBool,
}

/// How a node ended.
#[derive(Debug)]
pub(super) struct NodeReport {
    pub(super) node: u32,
    pub(super) status: JobStatus,
    pub(super) steps: Vec<StepReport>,
    pub(super) layers: Vec<LayerReport>,
    pub(super) log: std::path::PathBuf,
}

/// Runs one node of a job from its first step to its last.
pub(super) fn run(
    ground: &Ground<'_>,
    index: JobIndex,
    node: u32,
    tell: &dyn Fn(JobEvent),
) -> Result<NodeReport, RunError> {
    let common = ground.common;
    let job = &common.workflow.jobs[index];
    let one_of = (job.parallelism > 1).then_some(node);
    let mut log = ground.logs.job(&job.name, one_of)?;
    let job_id = uuid();
    let private = ground.engine.private(&job.name, &job_id);
    let of_job = ground.results.join(file_name(&job.name));
    let results = of_job.join(node.to_string());
    let in_image = ground.engine.in_image(&job.name);
    let results_text = results.as_os_str();
    let spec = common.job(index, node, &job_id, &private, results_text, in_image);
    let mut report = NodeReport {
        node,
        status: JobStatus::Success,
        steps: Vec::new(),
        layers: Vec::new(),
        log: log.path().to_owned(),
    };
    let mut logged = Ok(());
    let mut pass = |event: JobEvent| {
        if logged.is_ok() {
            logged = log.record(&event);
        }
        match &event {
            JobEvent::StepFinished(step) => report.steps.push(step.clone()),
            JobEvent::Persisted { layer, .. } => report.layers.push(layer.clone()),
            _ => {}
        }
        tell(event);
    };
    let contexts = common.contexts(job);
    let secrets = contexts.flat_map(|c| c.variables.iter().map(|(_, value)| value.as_str()));
    let mut mask = Mask::new(secrets);
    let ran = ground.engine.run(&spec, &ground.stop, &mut |event| {
        masked(&mut mask, event, &mut pass);
    });
    let outcome = ran?;
    logged?;
    log.finish()?;
    for folder in [&results, &of_job] {
        // Folders with anything in them stay.
        let _ = std::fs::remove_dir(folder);
    }
    report.status = outcome.into();
    Ok(report)
}

/// Hands an event on without the values of secrets.
fn masked(mask: &mut Mask, event: JobEvent, pass: &mut dyn FnMut(JobEvent)) {
    if mask.is_empty() {
        return pass(event);
    }
    let shown = |bytes: Vec<u8>, pass: &mut dyn FnMut(JobEvent)| {
        if !bytes.is_empty() {
            pass(JobEvent::Output(Chunk::new(bytes)));
        }
    };
    match event {
        JobEvent::Output(chunk) => shown(mask.take(chunk.as_bytes()), pass),
        JobEvent::StepFinished(mut step) => {
            shown(mask.rest(), pass);
            step.message = step.message.map(|text| mask.text(&text));
            pass(JobEvent::StepFinished(step));
        }
        JobEvent::Warning(text) => pass(JobEvent::Warning(mask.text(&text))),
        other => pass(other),
    }
}
