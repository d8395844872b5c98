//! One workflow from its first job to its last: who runs, who does not and why.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::check;
use super::engine::Bare;
use super::error::RunError;
use super::event::{Chunk, Event, Isolation, JobEvent, Skipped};
use super::junit;
use super::logs::RunLogs;
use super::mask::Mask;
use super::options::Options;
use super::prepare::Common;
use super::repo::Repo;
use super::report::{JobReport, Summary};
#[cfg(target_os = "linux")]
use super::sandbox::Sandbox;
use super::spec::{JobSpec, Outcome};
use super::text::file_name;
use crate::flow::Graph;
use crate::plan::{ExecutorKind, JobIndex, JobKind, JobStatus, Workflow};

/// Executes one workflow.
///
/// Every event goes to `events` as it happens. A job that fails is part of the summary, not an
/// error.
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
    let mut engine =
        Engine::choose(options, &common, &results).inspect_err(|_| logs.tidy(false))?;
    events(Event::RunStarted {
        run: common.run.clone(),
        workflow: workflow.name.clone(),
        jobs: workflow.jobs.iter().map(|job| job.name.clone()).collect(),
        logs: logs.dir().to_owned(),
    });
    events(Event::Isolation(engine.isolation()));
    for text in notes(workflow)
        .into_iter()
        .chain(unknown_contexts(workflow, options))
    {
        events(Event::Warning(text));
    }
    for &job in order.order() {
        events(Event::JobQueued { job });
    }
    let mut runner = Runner {
        common: &common,
        logs: &logs,
        results: &results,
        engine: &mut engine,
        reports: vec![None; workflow.jobs.len()],
        roots: vec![None; workflow.jobs.len()],
    };
    for &index in order.order() {
        runner.turn(index, events)?;
    }
    let jobs: Vec<JobReport> = runner.reports.into_iter().flatten().collect();
    let bad = |job: &JobReport| !matches!(job.status, JobStatus::Success | JobStatus::NotRun);
    let canceled = options.cancel.load(Ordering::Relaxed);
    let held = jobs.iter().any(|job| job.held);
    logs.tidy(true);
    let summary = Summary {
        version: 1,
        run: common.run.clone(),
        workflow: workflow.name.clone(),
        workspace: common.workspace.clone(),
        success: !canceled && !held && !jobs.iter().any(bad),
        canceled,
        jobs,
        duration: started.elapsed(),
        logs: logs.dir().to_owned(),
    };
    logs.finish(&summary)?;
    Ok(summary)
}

/// Where jobs run.
enum Engine {
    Bare(Bare),
    #[cfg(target_os = "linux")]
    Sandbox(Sandbox),
}

impl Engine {
    #[cfg(target_os = "linux")]
    fn choose(options: &Options, common: &Common<'_>, results: &Path) -> Result<Self, RunError> {
        if options.isolation {
            let shared = vec![common.store.clone(), common.caches.clone(), results.into()];
            let sandbox = Sandbox::new(options, &common.home, shared, &common.project)?;
            Ok(Self::Sandbox(sandbox))
        } else {
            Ok(Self::Bare(Bare::new(options.scratch.as_deref())?))
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn choose(options: &Options, _common: &Common<'_>, _results: &Path) -> Result<Self, RunError> {
        if options.isolation {
            return Err(RunError::Isolation {
                what: "isolation".to_owned(),
                reason: "it is made of Linux namespaces".to_owned(),
            });
        }
        Ok(Self::Bare(Bare::new(options.scratch.as_deref())?))
    }

    fn isolation(&self) -> Isolation {
        match self {
            Self::Bare(_) => Isolation::Off,
            #[cfg(target_os = "linux")]
            Self::Sandbox(sandbox) => sandbox.isolation(),
        }
    }

    fn next_private(&mut self, job_id: &str) -> std::ffi::OsString {
        match self {
            Self::Bare(bare) => bare.next_private(),
            // Each job has a /tmp of its own; the name says whose the files are.
            #[cfg(target_os = "linux")]
            Self::Sandbox(_) => format!("/tmp/.holdall-{job_id}").into(),
        }
    }

    fn run(
        &mut self,
        spec: &JobSpec,
        options: &Options,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        match self {
            Self::Bare(_) => Bare::run(spec, &options.cancel, emit),
            #[cfg(target_os = "linux")]
            Self::Sandbox(sandbox) => sandbox.run(spec, &options.cancel, emit),
        }
    }
}

struct Runner<'a> {
    common: &'a Common<'a>,
    logs: &'a RunLogs,
    /// The folder that takes what jobs hand to people.
    results: &'a Path,
    engine: &'a mut Engine,
    reports: Vec<Option<JobReport>>,
    /// For jobs that did not run: the job at the start of the chain.
    roots: Vec<Option<JobIndex>>,
}

impl Runner<'_> {
    fn turn(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) -> Result<(), RunError> {
        let job = &self.common.workflow.jobs[index];
        if let Some(why) = self.reason_to_skip(index) {
            let mut report = JobReport::unrun(&job.name);
            if let Skipped::Requirement { root, .. } = why {
                self.roots[index] = Some(root);
                report.stopped_by = Some(self.common.workflow.jobs[root].name.clone());
            }
            self.reports[index] = Some(report);
            events(Event::JobSkipped { job: index, why });
            return Ok(());
        }
        if job.kind == JobKind::Approval && !self.common.options.approvals.approve(&job.name) {
            self.reports[index] = Some(JobReport {
                held: true,
                ..JobReport::unrun(&job.name)
            });
            let why = Skipped::Held;
            events(Event::JobSkipped { job: index, why });
            return Ok(());
        }
        let report = match job.kind {
            JobKind::Build => self.build(index, events)?,
            _ => JobReport {
                status: JobStatus::Success,
                ..JobReport::unrun(&job.name)
            },
        };
        self.reports[index] = Some(report.clone());
        events(Event::JobFinished { job: index, report });
        Ok(())
    }

    fn reason_to_skip(&self, index: JobIndex) -> Option<Skipped> {
        if self.common.options.cancel.load(Ordering::Relaxed) {
            return Some(Skipped::Canceled);
        }
        let requirements = self.common.workflow.jobs[index].requires.iter();
        requirements
            .filter_map(|requirement| {
                let status = self.reports[requirement.job].as_ref()?.status;
                let accepted = if requirement.statuses.is_empty() {
                    &[JobStatus::Success]
                } else {
                    requirement.statuses.as_slice()
                };
                (!accepted.contains(&status)).then(|| Skipped::Requirement {
                    job: requirement.job,
                    status,
                    root: self.roots[requirement.job].unwrap_or(requirement.job),
                })
            })
            .next()
    }

    fn build(
        &mut self,
        index: JobIndex,
        events: &mut dyn FnMut(Event),
    ) -> Result<JobReport, RunError> {
        let job = &self.common.workflow.jobs[index];
        events(Event::JobStarted { job: index });
        let started = Instant::now();
        let nodes = job.parallelism.max(1);
        let mut report = JobReport {
            status: JobStatus::Success,
            nodes,
            ..JobReport::unrun(&job.name)
        };
        // One node that fails fails the job; the others go on, as on the service.
        for node in 0..nodes {
            let status = self.node(index, node, &mut report, events)?;
            if report.status == JobStatus::Success {
                report.status = status;
            }
            if status == JobStatus::Canceled {
                break;
            }
        }
        let results = self.results.join(file_name(&job.name));
        if results.exists() {
            report.tests = junit::read(&results);
            report.results = Some(results);
        }
        report.duration = started.elapsed();
        Ok(report)
    }

    /// Runs one of the parallel nodes of a job.
    fn node(
        &mut self,
        index: JobIndex,
        node: u32,
        report: &mut JobReport,
        events: &mut dyn FnMut(Event),
    ) -> Result<JobStatus, RunError> {
        let job = &self.common.workflow.jobs[index];
        let one_of = (report.nodes > 1).then_some(node);
        let mut log = self.logs.job(&job.name, one_of)?;
        report.log.get_or_insert_with(|| log.path().to_owned());
        let job_id = uuid();
        let private = self.engine.next_private(&job_id);
        let results = self
            .results
            .join(file_name(&job.name))
            .join(node.to_string());
        let spec = self
            .common
            .job(index, node, &job_id, &private, results.as_os_str());
        if let Some(node) = one_of {
            let event = JobEvent::Node {
                node,
                of: report.nodes,
            };
            events(Event::Job { job: index, event });
        }
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
            events(Event::Job { job: index, event });
        };
        let contexts = self.common.contexts(job);
        let secrets = contexts.flat_map(|c| c.variables.iter().map(|(_, value)| value.as_str()));
        let mut mask = Mask::new(secrets);
        let ran = self.engine.run(&spec, self.common.options, &mut |event| {
            masked(&mut mask, event, &mut pass);
        });
        let outcome = ran?;
        logged?;
        log.finish()?;
        for folder in [&results, &self.results.join(file_name(&job.name))] {
            // Folders with anything in them stay.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(outcome.into())
    }
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

impl JobReport {
    fn unrun(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: JobStatus::NotRun,
            duration: Duration::ZERO,
            nodes: 1,
            held: false,
            results: None,
            tests: None,
            steps: Vec::new(),
            layers: Vec::new(),
            stopped_by: None,
            log: None,
        }
    }
}

fn common<'a>(
    workflow: &'a Workflow,
    options: &'a Options,
    order: &'a Graph,
) -> Result<Common<'a>, RunError> {
    let project = real_path(&options.project)?;
    std::fs::create_dir_all(&options.store)
        .map_err(|e| RunError::io("create", &options.store, e))?;
    let store = real_path(&options.store)?;
    std::fs::create_dir_all(&options.caches)
        .map_err(|e| RunError::io("create", &options.caches, e))?;
    let caches = real_path(&options.caches)?;
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

/// Returns what a person should know about a workflow whose jobs all run on this machine.
fn notes(workflow: &Workflow) -> Vec<String> {
    let mut notes = Vec::new();
    for job in workflow
        .jobs
        .iter()
        .filter(|job| job.kind == JobKind::Build)
    {
        let name = &job.name;
        match job.executor.as_ref().map(|executor| &executor.kind) {
            Some(ExecutorKind::Docker(images)) => {
                for service in images.iter().skip(1) {
                    let image = &service.image.value;
                    notes.push(format!(
                        "{name}: the service container {image} is not started"
                    ));
                }
            }
            Some(ExecutorKind::Machine {
                image: Some(image), ..
            }) => {
                notes.push(format!(
                    "{name}: runs on this machine and not on {}",
                    image.value
                ));
            }
            Some(ExecutorKind::Macos { .. }) if !cfg!(target_os = "macos") => {
                notes.push(format!("{name}: wants macOS and runs on this machine"));
            }
            _ => {}
        }
    }
    notes
}

/// Names the contexts that jobs want and nobody gave.
fn unknown_contexts(workflow: &Workflow, options: &Options) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    for context in workflow.jobs.iter().flat_map(|job| &job.contexts) {
        let name = context.value.as_str();
        let known = options.contexts.iter().any(|c| c.name == name);
        if !known && !names.contains(&name) {
            names.push(name);
        }
    }
    let said = |name| {
        format!("the variables of context {name} are not known here: its jobs run without them")
    };
    names.into_iter().map(said).collect()
}

/// Makes an id that no other run or job has, in the form that the service uses.
fn uuid() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default();
    let seed = (now.as_nanos(), std::process::id());
    let (high, low) = (
        RandomState::new().hash_one(seed),
        RandomState::new().hash_one(seed),
    );
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Orders the jobs, or says which of them cannot be ordered.
fn ordered(workflow: &Workflow) -> Result<Graph, RunError> {
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
