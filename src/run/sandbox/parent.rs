//! The runner's side: has the process of a job made, speaks with it and cleans up.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::agent::MAP;
use super::ids;
use super::makings::{Made, Makings};
use super::scratch::Scratch;
use super::spare::{Kept, Spare};
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
    makings: Arc<Makings>,
    /// The view of the next job.
    spare: Mutex<Option<Spare>>,
    /// How many jobs have not begun.
    to_come: AtomicUsize,
}

/// The jobs that a sandbox is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jobs<'a> {
    /// How many they are, parallel nodes counted one by one.
    pub(crate) count: usize,
    /// The working directory of one of the first, as its config has it.
    pub(crate) directory: Option<&'a str>,
}

impl Sandbox {
    /// Makes the folder for what jobs write, and the view of the first job to see that it works.
    pub(crate) fn new(
        options: &Options,
        home: &OsStr,
        shared: Vec<OsString>,
        project: &OsStr,
        jobs: Jobs<'_>,
    ) -> Result<Self, RunError> {
        let own = || PathBuf::from("/proc/self/exe");
        let makings = Arc::new(Makings {
            agent: options.agent.clone().unwrap_or_else(own),
            scratch: Scratch::create(options.scratch.as_deref())?,
            home: home.to_owned(),
            shared,
            revealed: options.revealed.iter().map(OsString::from).collect(),
            project: project.to_owned(),
            hurry: Arc::clone(&options.hurry),
        });
        let sandbox = Self {
            makings,
            spare: Mutex::new(None),
            to_come: AtomicUsize::new(jobs.count),
        };
        let directory = sandbox.directory(jobs.directory.unwrap_or("~"));
        let probe = Spare::begin(&sandbox.makings, &directory);
        let probe = probe.map(Spare::ready).transpose()?;
        *sandbox.spare() = probe;
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
        let directory = self.directory(&spec.working_directory);
        let Kept {
            made,
            keeper: _keeper,
        } = self.view(&directory, &spec.name)?;
        let Made { mut agent, dir } = made;
        let outcome = agent.run(spec, spec.grace, cancel, emit, &mut |_| {});
        // Who has told the outcome has ended everybody else; its own end takes as long as taking
        // its mounts apart.
        if outcome.is_ok() {
            self.makings.scratch.discard(dir, agent);
        } else {
            drop(agent);
            self.makings.scratch.discard(dir, ());
        }
        outcome
    }

    /// Returns the view of a job that begins, and has the next one made where more are to come.
    fn view(&self, directory: &Path, job: &str) -> Result<Kept, RunError> {
        let before = self
            .to_come
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                Some(n.saturating_sub(1))
            });
        let more = before.is_ok_and(|before| before > 1);
        let spare = self.spare().take();
        let kept = match spare {
            Some(spare) if spare.suits(directory) => {
                // What went wrong may go well now, or says so in this job's name.
                spare
                    .take()
                    .or_else(|_| Kept::here(&self.makings, directory, job))
            }
            Some(other) => {
                other.end(&self.makings);
                Kept::here(&self.makings, directory, job)
            }
            None => Kept::here(&self.makings, directory, job),
        };
        let mut kept = kept?;
        kept.made.agent.rename(job);
        if more {
            let mut spare = self.spare();
            if spare.is_none() {
                *spare = Spare::begin(&self.makings, directory);
            }
        }
        Ok(kept)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Option<Spare>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where a working directory is.
    fn directory(&self, text: &str) -> PathBuf {
        let home = Path::new(&self.makings.home);
        resolve(text, home, home)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(spare) = self.spare().take() {
            spare.end(&self.makings);
        }
    }
}
