//! Where jobs run: one door to the engines.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::engine::Bare;
use super::error::RunError;
use super::event::{Isolation, JobEvent};
use super::options::Options;
use super::prepare::Common;
#[cfg(target_os = "linux")]
use super::sandbox::Sandbox;
use super::spec::{JobSpec, Outcome};

/// Where jobs run.
pub(crate) enum Engine {
    Bare(Bare),
    #[cfg(target_os = "linux")]
    Sandbox(Sandbox),
}

impl Engine {
    /// Prepares the engine that is asked for, and sees that it works.
    #[cfg(target_os = "linux")]
    pub(crate) fn choose(
        options: &Options,
        common: &Common<'_>,
        results: &Path,
    ) -> Result<Self, RunError> {
        if options.isolation {
            let shared = vec![common.store.clone(), common.caches.clone(), results.into()];
            let sandbox = Sandbox::new(options, &common.home, shared, &common.project)?;
            Ok(Self::Sandbox(sandbox))
        } else {
            Ok(Self::Bare(Bare::new(
                options.scratch.as_deref(),
                Arc::clone(&options.hurry),
            )?))
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn choose(
        options: &Options,
        _common: &Common<'_>,
        _results: &Path,
    ) -> Result<Self, RunError> {
        if options.isolation {
            return Err(RunError::Isolation {
                what: "isolation".to_owned(),
                reason: "it is made of Linux namespaces".to_owned(),
            });
        }
        Ok(Self::Bare(Bare::new(
            options.scratch.as_deref(),
            Arc::clone(&options.hurry),
        )?))
    }

    /// Says how jobs are kept apart from the machine.
    pub(crate) fn isolation(&self) -> Isolation {
        match self {
            Self::Bare(_) => Isolation::Off,
            #[cfg(target_os = "linux")]
            Self::Sandbox(sandbox) => sandbox.isolation(),
        }
    }

    /// Returns the folder, as the job sees it, that takes the runner's own files of a job.
    pub(crate) fn private(&self, job_id: &str) -> OsString {
        match self {
            Self::Bare(bare) => bare.private(job_id),
            // Each job has shared memory of its own: making files there costs next to nothing.
            #[cfg(target_os = "linux")]
            Self::Sandbox(_) => format!("/dev/shm/.holdall-{job_id}").into(),
        }
    }

    /// Runs one job, or one of its parallel nodes; several at the same time.
    ///
    /// # Errors
    /// What keeps the machinery itself from working: a step that fails is an outcome.
    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        match self {
            Self::Bare(bare) => bare.run(spec, cancel, emit),
            #[cfg(target_os = "linux")]
            Self::Sandbox(sandbox) => sandbox.run(spec, cancel, emit),
        }
    }
}
