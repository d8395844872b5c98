//! The view of the next job, made while another job runs: where jobs follow each other, the next
//! one need not wait for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use super::makings::{Made, Makings};
use crate::run::error::RunError;

/// How old a view may be that a job gets: what is mounted on the machine later is not in it.
const FRESH: Duration = Duration::from_secs(10);

/// What it is called in errors: no job has it yet.
const TO_COME: &str = "a job to come";

/// A view that is being made, or waits.
#[derive(Debug)]
pub(super) struct Spare {
    directory: PathBuf,
    begun: Instant,
    made: Receiver<Result<Kept, RunError>>,
    /// The view, where somebody has waited for it already.
    waited: Option<Kept>,
    keeper: JoinHandle<()>,
}

/// A view, and the thread that started its process: the kernel ends the process with it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) made: Made,
    /// The thread ends when it is dropped; none where it is the job's own.
    pub(super) keeper: Option<Sender<()>>,
}

impl Kept {
    /// Makes a view for a job that begins, on a thread of its own: root's thread leaves for a PID
    /// namespace, and can start no thread from then on. Where there is none to be had, it is made
    /// on this one, which has to live as long as the job.
    pub(super) fn new(
        makings: &Arc<Makings>,
        directory: &Path,
        job: &str,
    ) -> Result<Self, RunError> {
        if let Some(spare) = Spare::begin_for(makings, directory, job) {
            return spare.take();
        }
        let made = makings.make(directory, job)?;
        Ok(Self { made, keeper: None })
    }
}

impl Spare {
    /// Begins to make a view; nothing where the system gives no thread for it.
    pub(super) fn begin(makings: &Arc<Makings>, directory: &Path) -> Option<Self> {
        Self::begin_for(makings, directory, TO_COME)
    }

    fn begin_for(makings: &Arc<Makings>, directory: &Path, job: &str) -> Option<Self> {
        let (give, made) = mpsc::channel();
        let makings = Arc::clone(makings);
        let (place, job) = (directory.to_owned(), job.to_owned());
        let work = move || {
            let (keep, until) = mpsc::channel::<()>();
            let made = makings.make(&place, &job).map(|made| Kept {
                made,
                keeper: Some(keep),
            });
            // Whoever gets the view may be the last to need the folder of the run.
            drop(makings);
            let is_kept = made.is_ok();
            if give.send(made).is_ok() && is_kept {
                let _ = until.recv();
            }
        };
        Some(Self {
            directory: directory.to_owned(),
            begun: Instant::now(),
            made,
            waited: None,
            keeper: Builder::new().spawn(work).ok()?,
        })
    }

    /// Says whether a job in this directory may have it.
    pub(super) fn suits(&self, directory: &Path) -> bool {
        self.directory == directory && self.begun.elapsed() < FRESH
    }

    /// Waits until it is made.
    pub(super) fn ready(mut self) -> Result<Self, RunError> {
        if self.waited.is_none() {
            self.waited = Some(self.made.recv().unwrap_or_else(|_| Err(gone()))?);
        }
        Ok(self)
    }

    /// Waits for the view.
    pub(super) fn take(self) -> Result<Kept, RunError> {
        match self.waited {
            Some(kept) => Ok(kept),
            None => self.made.recv().unwrap_or_else(|_| Err(gone())),
        }
    }

    /// Ends its process; `makings` removes its folder.
    pub(super) fn end(mut self, makings: &Makings) {
        let kept = self.waited.take();
        let kept = kept.or_else(|| self.made.recv().ok()?.ok());
        if let Some(Kept {
            made,
            keeper: _keeper,
        }) = kept
        {
            makings.scratch.discard(made.dir, made.agent);
        }
        let _ = self.keeper.join();
    }
}

/// What is to be said of a thread that ended without a word.
fn gone() -> RunError {
    RunError::Agent {
        job: TO_COME.to_owned(),
        detail: "its thread ended".to_owned(),
    }
}
