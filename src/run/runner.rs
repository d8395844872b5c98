//! Who runs when: one thread, the caller's, decides and tells; each node of a job runs on a thread
//! of its own and sends what happens there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::error::RunError;
use super::event::{Event, JobEvent, Skipped};
use super::junit;
use super::locks::Locks;
use super::node::{self, Ground, NodeReport};
use super::options::Options;
use super::report::JobReport;
use super::text::file_name;
use crate::plan::{Job, JobIndex, JobKind, JobStatus};
use crate::yaml::Data;

/// How often somebody who draws is given the time, and a request to stop is looked for.
const TICK: Duration = Duration::from_millis(100);

/// How many messages of jobs may wait: a job that floods its output waits with it.
const WAITING: usize = 16;

/// Runs all jobs, as many nodes at the same time as may be.
pub(super) fn run_jobs(
    ground: &Ground<'_>,
    events: &mut dyn FnMut(Event),
) -> Result<Vec<JobReport>, RunError> {
    let workflow = ground.common.workflow;
    let (to_runner, messages) = mpsc::sync_channel(WAITING);
    std::thread::scope(|scope| {
        let mut runner = Runner {
            ground,
            scope,
            to_runner,
            threads: BTreeMap::new(),
            slots: slots(ground.common.options),
            busy: 0,
            waiting: ground.common.order.order().to_vec(),
            nodes: VecDeque::new(),
            active: BTreeMap::new(),
            asked: None,
            locks: Locks::new(&ground.common.options.locks),
            told_to_wait: Vec::new(),
            reports: vec![None; workflow.jobs.len()],
            roots: vec![None; workflow.jobs.len()],
            error: None,
        };
        runner.reuse(events);
        for &job in &runner.waiting {
            events(Event::JobQueued { job });
        }
        runner.all(&messages, events);
        // Threads that still send must not wait for somebody who listens no more.
        drop(messages);
        match runner.error {
            Some(error) => Err(error),
            None => Ok(runner.reports.into_iter().flatten().collect()),
        }
    })
}

/// Says how many nodes may run at the same time.
fn slots(options: &Options) -> usize {
    match options.jobs {
        Some(jobs) => jobs.get(),
        // On the bare machine jobs would work in each other's folders.
        None if !options.isolation => 1,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// What the threads of nodes tell the runner.
enum Message {
    Event(JobIndex, u32, JobEvent),
    Ended(JobIndex, u32, Result<NodeReport, RunError>),
    Answer(JobIndex, bool),
}

/// A job of which some nodes have started.
struct Active {
    started: Instant,
    left: u32,
    done: Vec<NodeReport>,
}

struct Runner<'scope, 'env> {
    ground: &'env Ground<'env>,
    scope: &'scope Scope<'scope, 'env>,
    to_runner: SyncSender<Message>,
    threads: BTreeMap<(JobIndex, u32), ScopedJoinHandle<'scope, ()>>,
    slots: usize,
    busy: usize,
    /// Jobs that have not begun, in order.
    waiting: Vec<JobIndex>,
    /// Nodes of jobs that have begun, which wait for a slot.
    nodes: VecDeque<(JobIndex, u32)>,
    active: BTreeMap<JobIndex, Active>,
    /// The approval that a person is asked about.
    asked: Option<JobIndex>,
    locks: Locks,
    told_to_wait: Vec<JobIndex>,
    reports: Vec<Option<JobReport>>,
    /// For jobs that did not run: the job at the start of the chain.
    roots: Vec<Option<JobIndex>>,
    /// The first thing that kept the machinery itself from working.
    error: Option<RunError>,
}

impl<'env> Runner<'_, 'env> {
    /// Takes over what an earlier run has done already.
    fn reuse(&mut self, events: &mut dyn FnMut(Event)) {
        let workflow = self.ground.common.workflow;
        for report in &self.ground.common.options.reused {
            let Some(job) = workflow.jobs.iter().position(|j| j.name == report.name) else {
                continue;
            };
            self.waiting.retain(|waiting| *waiting != job);
            self.reports[job] = Some(report.clone());
            events(Event::JobReused {
                job,
                report: report.clone(),
            });
        }
    }

    fn all(&mut self, messages: &Receiver<Message>, events: &mut dyn FnMut(Event)) {
        loop {
            if self.error.is_some() || self.ground.common.options.cancel.load(Ordering::Relaxed) {
                self.ground.stop.store(true, Ordering::Relaxed);
            }
            self.begin(events);
            if self.active.is_empty() && (self.waiting.is_empty() || self.error.is_some()) {
                return;
            }
            match messages.recv_timeout(TICK) {
                Ok(Message::Event(job, node, event)) => events(Event::Job { job, node, event }),
                Ok(Message::Ended(job, node, ended)) => self.ended(job, node, ended, events),
                Ok(Message::Answer(job, yes)) => {
                    self.asked = None;
                    events(Event::Answered { job, yes });
                    if yes {
                        self.pass(job, events);
                    } else {
                        self.hold(job, events);
                    }
                }
                // The runner has a sender itself.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    events(Event::Tick);
                }
            }
        }
    }

    /// Starts and settles whatever can be now.
    fn begin(&mut self, events: &mut dyn FnMut(Event)) {
        if self.error.is_some() {
            return self.drop_nodes();
        }
        if self.ground.stop.load(Ordering::Relaxed) {
            self.drop_nodes();
        }
        self.fill(events);
        let mut at = 0;
        while let Some(&job) = self.waiting.get(at) {
            let settled = match self.turn(job, events) {
                Ok(settled) => settled,
                Err(error) => {
                    self.error.get_or_insert(error);
                    return;
                }
            };
            // Whoever waits for it stands behind it.
            if settled {
                self.waiting.retain(|waiting| *waiting != job);
            } else {
                at += 1;
            }
        }
    }

    /// Decides about a job; `false` leaves it waiting.
    fn turn(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) -> Result<bool, RunError> {
        let ground = self.ground;
        let job = &ground.common.workflow.jobs[index];
        if self.asked == Some(index) && !ground.stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if let Some(why) = self.reason_to_skip(index) {
            let mut report = JobReport::unrun(&job.name);
            if let Skipped::Requirement { root, .. } = why {
                self.roots[index] = Some(root);
                report.stopped_by = Some(ground.common.workflow.jobs[root].name.clone());
            }
            self.reports[index] = Some(report);
            events(Event::JobSkipped { job: index, why });
            return Ok(true);
        }
        if job.requires.iter().any(|r| self.reports[r.job].is_none()) {
            return Ok(false);
        }
        match job.kind {
            JobKind::Approval => return Ok(self.approval(index, events)),
            JobKind::Unlock => {
                if let Some(key) = lock_key(job) {
                    self.locks.give_back(key);
                }
                self.pass(index, events);
                return Ok(true);
            }
            JobKind::Build | JobKind::Lock | JobKind::NoOp | JobKind::Release => {}
        }
        if job.kind == JobKind::Build && self.busy >= self.slots {
            return Ok(false);
        }
        if let Some(key) = lock_key(job)
            && !self.locks.take(key)?
        {
            if !self.told_to_wait.contains(&index) {
                self.told_to_wait.push(index);
                let text = format!("{} waits: another run is in serial group {key}", job.name);
                events(Event::Warning(text));
            }
            return Ok(false);
        }
        if job.kind == JobKind::Build {
            self.start(index, events);
        } else {
            self.pass(index, events);
        }
        Ok(true)
    }

    fn approval(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) -> bool {
        let ground = self.ground;
        let job = &ground.common.workflow.jobs[index];
        let approvals = &ground.common.options.approvals;
        if approvals.given(&job.name) {
            self.pass(index, events);
            return true;
        }
        let Some(ask) = &approvals.ask else {
            self.hold(index, events);
            return true;
        };
        if self.asked.is_none() {
            self.asked = Some(index);
            events(Event::Asking { job: index });
            let (ask, name, answer) = (Arc::clone(ask), job.name.clone(), self.to_runner.clone());
            // Nobody waits for this thread: a person may never answer, and other jobs go on.
            std::thread::spawn(move || {
                let yes = ask(&name);
                let _ = answer.send(Message::Answer(index, yes));
            });
        }
        false
    }

    /// Ends a job that runs nothing.
    fn pass(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) {
        let job = &self.ground.common.workflow.jobs[index];
        let report = JobReport {
            status: JobStatus::Success,
            ..JobReport::unrun(&job.name)
        };
        self.waiting.retain(|waiting| *waiting != index);
        self.reports[index] = Some(report.clone());
        events(Event::JobFinished { job: index, report });
    }

    /// Leaves an approval that nobody gave.
    fn hold(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) {
        let job = &self.ground.common.workflow.jobs[index];
        self.waiting.retain(|waiting| *waiting != index);
        self.reports[index] = Some(JobReport {
            held: true,
            ..JobReport::unrun(&job.name)
        });
        let why = Skipped::Held;
        events(Event::JobSkipped { job: index, why });
    }

    fn reason_to_skip(&self, index: JobIndex) -> Option<Skipped> {
        if self.ground.stop.load(Ordering::Relaxed) {
            return Some(Skipped::Canceled);
        }
        let requirements = self.ground.common.workflow.jobs[index].requires.iter();
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

    fn start(&mut self, index: JobIndex, events: &mut dyn FnMut(Event)) {
        let nodes = nodes(&self.ground.common.workflow.jobs[index]);
        events(Event::JobStarted { job: index, nodes });
        self.active.insert(
            index,
            Active {
                started: Instant::now(),
                left: nodes,
                done: Vec::new(),
            },
        );
        self.nodes.extend((0..nodes).map(|node| (index, node)));
        self.fill(events);
    }

    /// Gives free slots to nodes that wait.
    fn fill(&mut self, events: &mut dyn FnMut(Event)) {
        while self.busy < self.slots
            && let Some((job, node)) = self.nodes.pop_front()
        {
            self.busy += 1;
            if nodes(&self.ground.common.workflow.jobs[job]) > 1 {
                events(Event::NodeStarted { job, node });
            }
            let (ground, to_runner) = (self.ground, self.to_runner.clone());
            let work = move || {
                // Nobody listens only when the run has ended in an error.
                let tell = |event| {
                    let _ = to_runner.send(Message::Event(job, node, event));
                };
                let ended = node::run(ground, job, node, &tell);
                let _ = to_runner.send(Message::Ended(job, node, ended));
            };
            match std::thread::Builder::new().spawn_scoped(self.scope, work) {
                Ok(thread) => {
                    self.threads.insert((job, node), thread);
                }
                Err(error) => {
                    let name = &ground.common.workflow.jobs[job].name;
                    let error = RunError::io("start a thread for job", name, error);
                    self.ended(job, node, Err(error), events);
                }
            }
        }
    }

    /// Takes back nodes that will not be started any more.
    fn drop_nodes(&mut self) {
        for (job, _) in std::mem::take(&mut self.nodes) {
            if let Some(active) = self.active.get_mut(&job) {
                active.left -= 1;
            }
        }
    }

    fn ended(
        &mut self,
        index: JobIndex,
        node: u32,
        ended: Result<NodeReport, RunError>,
        events: &mut dyn FnMut(Event),
    ) {
        self.busy -= 1;
        if let Some(thread) = self.threads.remove(&(index, node))
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
        let Some(active) = self.active.get_mut(&index) else {
            return;
        };
        active.left -= 1;
        match ended {
            Ok(node) => active.done.push(node),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        let canceled = self.ground.common.options.cancel.load(Ordering::Relaxed);
        if canceled || self.error.is_some() {
            self.ground.stop.store(true, Ordering::Relaxed);
            self.drop_nodes();
        }
        if self.active.get(&index).is_some_and(|a| a.left == 0)
            && let Some(active) = self.active.remove(&index)
        {
            self.finish(index, active, events);
        }
    }

    fn finish(&mut self, index: JobIndex, mut active: Active, events: &mut dyn FnMut(Event)) {
        let job = &self.ground.common.workflow.jobs[index];
        if job.kind == JobKind::Build
            && let Some(key) = lock_key(job)
        {
            self.locks.give_back(key);
        }
        active.done.sort_by_key(|node| node.node);
        let mut report = JobReport {
            status: JobStatus::Success,
            nodes: nodes(job),
            duration: active.started.elapsed(),
            ..JobReport::unrun(&job.name)
        };
        if active.done.len() < report.nodes as usize {
            report.status = JobStatus::Canceled;
        }
        // One node that fails fails the job; the others go on, as on the service.
        for node in active.done {
            if report.status == JobStatus::Success {
                report.status = node.status;
            }
            report.steps.extend(node.steps);
            report.layers.extend(node.layers);
            report.log.get_or_insert(node.log);
        }
        let results = self.ground.results.join(file_name(&job.name));
        if results.exists() {
            report.tests = junit::read(&results);
            report.results = Some(results);
        }
        self.reports[index] = Some(report.clone());
        events(Event::JobFinished { job: index, report });
    }
}

fn nodes(job: &Job) -> u32 {
    job.parallelism.max(1)
}

/// Returns the queue that a job has to wait in.
fn lock_key(job: &Job) -> Option<&str> {
    if let Some(group) = &job.serial_group {
        return Some(&group.value);
    }
    match job.settings.iter().find(|(name, _)| name == "key")? {
        (_, Data::Str(key)) if matches!(job.kind, JobKind::Lock | JobKind::Unlock) => Some(key),
        _ => None,
    }
}
