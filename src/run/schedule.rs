//! One workflow from its first job to its last: what is prepared before, and what is left behind.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::check;
use super::engines::Engine;
use super::error::RunError;
use super::event::Event;
use super::logs::RunLogs;
use super::node::Ground;
use super::notes::{notes, unknown_contexts};
use super::options::Options;
use super::prepare::Common;
use super::prune;
use super::repo::Repo;
use super::report::{JobReport, Summary};
use super::runner::run_jobs;
use super::text::uuid;
use crate::flow::Graph;
use crate::plan::{JobStatus, Workflow};

/// Executes one workflow.
///
/// Every event goes to `events` as it happens, on this thread; those of jobs that run at the same
/// time come interleaved. A job that fails is part of the summary, not an error.
///
/// # Errors
/// What the workflow asks for is not supported, its requirements form a circle, the machine
/// forbids isolation (all before anything starts), a job's process dies, or a file of the runner
/// cannot be written.
pub fn execute(
    workflow: &Workflow,
    options: &Options,
    events: &mut dyn FnMut(Event),
) -> Result<Summary, RunError> {
    let started = Instant::now();
    let order = ordered(workflow)?;
    check::supported(workflow)?;
    let common = common(workflow, options, &order)?;
    let logs = RunLogs::create(&options.runs, &common.run)?;
    let results = logs.results()?;
    prune::before_run(options, &common.workspace);
    let engine = Engine::choose(options, &common, &results).inspect_err(|_| logs.tidy(false))?;
    events(Event::RunStarted {
        run: common.run.clone(),
        workflow: workflow.name.clone(),
        jobs: workflow.jobs.iter().map(|job| job.name.clone()).collect(),
        logs: logs.dir().to_owned(),
    });
    events(Event::Isolation(engine.isolation()));
    let known = engine.notes().map(<[String]>::to_vec);
    for text in known
        .unwrap_or_else(|| notes(workflow))
        .into_iter()
        .chain(unknown_contexts(workflow, options))
    {
        events(Event::Warning(text));
    }
    let ground = Ground {
        common: &common,
        logs: &logs,
        results: &results,
        engine: &engine,
        stop: AtomicBool::new(false),
    };
    let jobs = run_jobs(&ground, events)?;
    let bad = |job: &JobReport| {
        let ended_well = matches!(job.status, JobStatus::Success | JobStatus::NotRun);
        // What an earlier run did is no outcome of this one.
        !ended_well && job.reused.is_none()
    };
    let canceled = options.cancel.load(Ordering::Relaxed);
    let held = jobs.iter().any(|job| job.held);
    logs.tidy(true);
    let summary = Summary {
        version: 1,
        run: common.run.clone(),
        workflow: workflow.name.clone(),
        workspace: common.workspace.clone(),
        attempt: options.attempt.max(1),
        success: !canceled && !held && !jobs.iter().any(bad),
        canceled,
        jobs,
        duration: started.elapsed(),
        logs: logs.dir().to_owned(),
    };
    logs.finish(&summary)?;
    Ok(summary)
}

fn common<'a>(
    workflow: &'a Workflow,
    options: &'a Options,
    order: &'a Graph,
) -> Result<Common<'a>, RunError> {
    let project = real_path(&options.project)?;
    std::fs::create_dir_all(&options.store)
        .map_err(|e| RunError::io("create", &options.store, e))?;
    let store = writable(&options.store)?;
    std::fs::create_dir_all(&options.caches)
        .map_err(|e| RunError::io("create", &options.caches, e))?;
    let caches = writable(&options.caches)?;
    let run = uuid();
    Ok(Common {
        workflow,
        options,
        order,
        repo: Repo::of(&project).standing_for(options.pushed.as_ref()),
        workspace: options.workspace.clone().unwrap_or_else(|| run.clone()),
        run,
        home: home(options).into_os_string(),
        store: store.into_os_string(),
        caches: caches.into_os_string(),
        project: project.into_os_string(),
    })
}

/// Returns the real path of a folder that jobs will write to: better now than after an hour.
fn writable(path: &Path) -> Result<PathBuf, RunError> {
    use rustix::fs::{Access, access};
    let real = real_path(path)?;
    let wanted = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    access(&real, wanted).map_err(|e| RunError::io("write to", path, e))?;
    Ok(real)
}

fn real_path(path: &Path) -> Result<PathBuf, RunError> {
    path.canonicalize()
        .map_err(|e| RunError::io("find", path, e))
}

/// Returns where `~` is; the root folder for a user who has no home.
fn home(options: &Options) -> PathBuf {
    let given = options.host_env.iter().find(|(name, _)| name == "HOME");
    let given = given.map(|(_, value)| PathBuf::from(value));
    given
        .or_else(std::env::home_dir)
        .filter(|home| home.is_absolute())
        .unwrap_or_else(|| PathBuf::from("/"))
}

/// Orders the jobs, or says which of them cannot be ordered.
pub(super) fn ordered(workflow: &Workflow) -> Result<Graph, RunError> {
    let unknown =
        |job: &&crate::plan::Job| job.requires.iter().any(|r| r.job >= workflow.jobs.len());
    if let Some(job) = workflow.jobs.iter().find(unknown) {
        return Err(RunError::UnknownRequirement {
            job: job.name.clone(),
        });
    }
    let graph = Graph::new(workflow);
    match graph.cycles().first() {
        None => Ok(graph),
        Some(cycle) => Err(RunError::Cycle(
            cycle
                .iter()
                .map(|i| workflow.jobs[*i].name.clone())
                .collect(),
        )),
    }
}
