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
    /// The working directories of all jobs, in the order in which most of them begin.
    directories: Vec<PathBuf>,
    /// How many have begun.
    begun: AtomicUsize,
}

impl Sandbox {
    /// Makes the folder for what jobs write, and the view of the first job to see that it works.
    /// `directories` are the working directories of the jobs to come, as their config has them, in
    /// the order in which they may begin, parallel nodes one by one.
    pub(crate) fn new(
        options: &Options,
        home: &OsStr,
        shared: Vec<OsString>,
        project: &OsStr,
        directories: &[&str],
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
        let home = Path::new(home);
        let directories: Vec<PathBuf> = directories
            .iter()
            .map(|text| resolve(text, home, home))
            .collect();
        let first = directories.first().map_or(home, PathBuf::as_path);
        let probe = Spare::begin(&makings, first);
        let probe = probe.map(Spare::ready).transpose()?;
        Ok(Self {
            makings,
            spare: Mutex::new(probe),
            directories,
            begun: AtomicUsize::new(0),
        })
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
        let home = Path::new(&self.makings.home);
        let directory = resolve(&spec.working_directory, home, home);
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
        let begun = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let spare = self.spare().take();
        let mut kept = match spare {
            Some(spare) if spare.suits(directory) => spare.take().ok(),
            Some(other) => {
                other.end(&self.makings);
                None
            }
            None => None,
        };
        // It may have waited for long enough to be killed for the machine's memory.
        if let Some(dead) = kept.take_if(|kept| kept.made.agent.has_ended()) {
            self.makings.scratch.discard(dead.made.dir, dead.made.agent);
        }
        // What went wrong may go well now, or says so in this job's name.
        let mut kept = match kept {
            Some(kept) => kept,
            None => Kept::new(&self.makings, directory, job)?,
        };
        kept.made.agent.rename(job);
        if let Some(next) = self.directories.get(begun) {
            let mut spare = self.spare();
            if spare.is_none() {
                *spare = Spare::begin(&self.makings, next);
            }
        }
        Ok(kept)
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Option<Spare>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(spare) = self.spare().take() {
            spare.end(&self.makings);
        }
    }
}
