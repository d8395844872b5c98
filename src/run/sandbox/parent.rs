//! The runner's side: starts the processes of a job, speaks with them and cleans up.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sched::{CloneFlags, unshare};

use super::agent::MAP;
use super::ids;
use super::scratch::Scratch;
use super::view::ViewSpec;
use crate::run::agent::{self, ARGUMENT, Agent, DIRECT};
use crate::run::engine::resolve;
use crate::run::error::RunError;
use crate::run::event::{Isolation, JobEvent};
use crate::run::options::Options;
use crate::run::spec::{JobSpec, Outcome};

/// Maps the ids of a process that waits for it in its inner user namespace.
pub(crate) fn map(process: u32) -> Result<(), RunError> {
    ids::map_everybody(process).map_err(|e| RunError::Isolation {
        what: MAP.to_owned(),
        reason: e.to_string(),
    })
}

/// Runs jobs in namespaces.
#[derive(Debug)]
pub(crate) struct Sandbox {
    agent: PathBuf,
    scratch: Scratch,
    home: OsString,
    shared: Vec<OsString>,
    project: OsString,
    revealed: Vec<OsString>,
    /// Set to end canceled jobs without waiting for their steps.
    hurry: Arc<AtomicBool>,
}

impl Sandbox {
    /// Makes the folder for what jobs write, and builds one whole view to see that it works.
    pub(crate) fn new(
        options: &Options,
        home: &OsStr,
        shared: Vec<OsString>,
        project: &OsStr,
    ) -> Result<Self, RunError> {
        let own = || PathBuf::from("/proc/self/exe");
        let sandbox = Self {
            agent: options.agent.clone().unwrap_or_else(own),
            scratch: Scratch::create(options.scratch.as_deref())?,
            home: home.to_owned(),
            shared,
            revealed: options.revealed.iter().map(OsString::from).collect(),
            project: project.to_owned(),
            hurry: Arc::clone(&options.hurry),
        };
        let dir = sandbox.scratch.next_job()?;
        let probe = || {
            sandbox
                .start(&dir, Path::new(home), "none")
                .and_then(|mut agent| {
                    agent.expect_ready()?;
                    agent.end("none")
                })
        };
        // Not on this thread: `start` says why.
        let probed = std::thread::scope(|scope| scope.spawn(probe).join());
        let probed = probed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sandbox.scratch.discard(dir, ());
        probed?;
        Ok(sandbox)
    }

    /// Says how jobs are isolated.
    pub(crate) fn isolation(&self) -> Isolation {
        if rustix::process::geteuid().is_root() {
            Isolation::NamespacesAsRoot
        } else {
            Isolation::NamespacesAsUser
        }
    }

    /// Runs one job, on a thread that ends with it.
    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        let dir = self.scratch.next_job()?;
        let home = Path::new(&self.home);
        let directory = resolve(&spec.working_directory, home, home);
        let mut agent = match self.start(&dir, &directory, &spec.name) {
            Ok(agent) => agent,
            Err(error) => {
                self.scratch.discard(dir, ());
                return Err(error);
            }
        };
        let outcome = agent
            .expect_ready()
            .and_then(|()| agent.run(spec, spec.grace, cancel, emit, &mut |_| {}));
        // Who has told the outcome has ended everybody else; its own end takes as long as taking
        // its mounts apart.
        if outcome.is_ok() {
            self.scratch.discard(dir, agent);
        } else {
            drop(agent);
            self.scratch.discard(dir, ());
        }
        outcome
    }

    /// Starts the processes of a job. The thread that calls it ends with the job: it may have left
    /// for a PID namespace of its own, in which it can start no process after the job's, and the
    /// kernel ends the job when that thread ends.
    fn start(&self, dir: &Path, directory: &Path, job: &str) -> Result<Agent, RunError> {
        let view = ViewSpec {
            dir: dir.into(),
            memory: self.scratch.memory().into_os_string(),
            in_memory: self.scratch.in_memory,
            home: self.home.clone(),
            project: self.project.clone(),
            shared: self.shared.clone(),
            revealed: self.revealed.clone(),
            directory: directory.into(),
        };
        let errors = agent::errors(job)?;
        let file = errors.try_clone();
        let file = file.map_err(|e| RunError::io("share the errors of", job, e))?;
        // As root this thread takes the part of the outer process: one program less to start.
        let direct = rustix::process::geteuid().is_root()
            && unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC).is_ok();
        let part = match direct {
            true => DIRECT.to_owned(),
            false => std::process::id().to_string(),
        };
        let child = Command::new(&self.agent)
            .arg(ARGUMENT)
            .arg(part)
            // The job gets its environment with the rest; this one would only leak into it.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|e| RunError::io("start", &self.agent, e))?;
        let mut agent = Agent::new(child, errors, job, Arc::clone(&self.hurry));
        agent.send(&view);
        Ok(agent)
    }
}
