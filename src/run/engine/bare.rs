//! The engine without isolation: jobs run on the machine as it is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{Processes, job, resolve};
use crate::run::error::RunError;
use crate::run::event::JobEvent;
use crate::run::spec::{JobSpec, Outcome};

/// Runs jobs in this process, on the machine as it is.
#[derive(Debug)]
pub(crate) struct Bare {
    scratch: tempfile::TempDir,
    /// Set to end canceled steps without waiting for them.
    hurry: Arc<AtomicBool>,
}

impl Bare {
    /// Makes the folder for what is the runner's own.
    pub(crate) fn new(scratch: Option<&Path>, hurry: Arc<AtomicBool>) -> Result<Self, RunError> {
        let parent = scratch.map_or_else(std::env::temp_dir, Path::to_owned);
        let made = tempfile::Builder::new()
            .prefix("holdall-")
            .tempdir_in(&parent);
        Ok(Self {
            scratch: made.map_err(|e| RunError::io("create a folder in", parent, e))?,
            hurry,
        })
    }

    /// Returns a folder for the runner's own files of a job.
    pub(crate) fn private(&self, job_id: &str) -> OsString {
        self.scratch.path().join(job_id).into_os_string()
    }

    /// Runs one job.
    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        let fresh = Path::new(&spec.private).join("work");
        let directory = resolve(&spec.working_directory, Path::new(&spec.home), &fresh);
        let made = make_missing(&directory).map_err(|e| RunError::io("create", &directory, e))?;
        if made.is_none() {
            emit(JobEvent::Warning(format!(
                "without isolation the job works in {} as it is",
                directory.display()
            )));
        }
        let processes = Processes::of_the_machine(spec.grace, Arc::clone(&self.hurry));
        let outcome = job::run(spec, &directory, processes, cancel, emit)
            .map_err(|e| RunError::io("run a job in", &directory, e));
        // What did not exist before the job is a fresh folder of its own and goes with it, so
        // that the next job finds what it would find on the service: nothing.
        let _ = fs::remove_dir_all(&spec.private);
        if let Some(made) = made {
            let _ = fs::remove_dir_all(made);
        }
        outcome
    }
}

/// Makes a folder with all its parents; returns the outermost that was missing, if any was.
fn make_missing(directory: &Path) -> std::io::Result<Option<PathBuf>> {
    let missing = directory
        .ancestors()
        .take_while(|dir| dir.symlink_metadata().is_err())
        .last()
        .map(Path::to_owned);
    fs::create_dir_all(directory)?;
    Ok(missing)
}
