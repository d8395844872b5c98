//! What a job's process and its view are made of, and how they are made.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sched::{CloneFlags, unshare};

use super::scratch::Scratch;
use super::view::ViewSpec;
use crate::run::agent::{self, ARGUMENT, Agent, DIRECT};
use crate::run::error::RunError;

/// What the allocator of a job's own process is told: it needs little memory, and the huge page
/// that it would begin with takes longer to clear than all else that it does. (Another setting
/// keeps huge pages from a process, but from all that it starts as well.)
const FRUGAL: [(&str, &str); 1] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0")];

/// What is the same for all jobs of a run.
#[derive(Debug)]
pub(super) struct Makings {
    pub(super) agent: PathBuf,
    pub(super) scratch: Scratch,
    pub(super) home: OsString,
    /// Folders that are really shared: layers, caches, results.
    pub(super) shared: Vec<OsString>,
    pub(super) project: OsString,
    pub(super) revealed: Vec<OsString>,
    /// Set to end canceled jobs without waiting for their steps.
    pub(super) hurry: Arc<AtomicBool>,
}

/// A process in a view of its own that waits for a job, and the folder for what the job writes.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) agent: Agent,
    pub(super) dir: PathBuf,
}

impl Makings {
    /// Makes a view in which `directory` can be written to, for a job or for whatever `job` calls
    /// it in errors.
    ///
    /// The thread that calls it ends with the job: it may have left for a PID namespace of its own,
    /// in which it can start no process after the job's, and the kernel ends the job when that
    /// thread ends.
    pub(super) fn make(&self, directory: &Path, job: &str) -> Result<Made, RunError> {
        let dir = self.scratch.next_job()?;
        let ready = self.start(&dir, directory, job).and_then(|mut agent| {
            agent.expect_ready()?;
            Ok(agent)
        });
        match ready {
            Ok(agent) => Ok(Made { agent, dir }),
            Err(error) => {
                self.scratch.discard(dir, ());
                Err(error)
            }
        }
    }

    /// Starts the processes of a job, and tells them of the view.
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
            .envs(FRUGAL)
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
