//! Where jobs run: one door to the engines.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[cfg(target_os = "linux")]
use super::container::Containers;
use super::engine::Bare;
use super::error::RunError;
use super::event::{Isolation, JobEvent};
use super::options::{EngineKind, Options};
use super::prepare::Common;
#[cfg(target_os = "linux")]
use super::sandbox::Sandbox;
use super::spec::{JobSpec, Outcome};
#[cfg(target_os = "linux")]
use crate::plan::JobKind;

/// Where jobs run.
pub(crate) enum Engine {
    Bare(Bare),
    #[cfg(target_os = "linux")]
    Sandbox(Box<Sandbox>),
    /// Containers, and the engine for jobs that name no image, where there are any.
    #[cfg(target_os = "linux")]
    Containers(Box<Containers>, Option<Box<Engine>>),
}

impl Engine {
    /// Prepares the engine that is asked for, and sees that it works.
    #[cfg(target_os = "linux")]
    pub(crate) fn choose(
        options: &Options,
        common: &Common<'_>,
        results: &Path,
    ) -> Result<Self, RunError> {
        if options.engine == EngineKind::Host {
            return Self::host(options, common, results, &|_| true);
        }
        let logs = results.parent().unwrap_or(results);
        let containers = Box::new(Containers::new(options, common, logs)?);
        let mut builds = common.workflow.jobs.iter();
        let host = builds
            .any(|job| job.kind == JobKind::Build && !containers.takes(&job.name))
            .then(|| Self::host(options, common, results, &|job| !containers.takes(job)))
            .transpose()?;
        Ok(Self::Containers(containers, host.map(Box::new)))
    }

    #[cfg(target_os = "linux")]
    fn host(
        options: &Options,
        common: &Common<'_>,
        results: &Path,
        takes: &dyn Fn(&str) -> bool,
    ) -> Result<Self, RunError> {
        if options.isolation {
            let shared = vec![common.store.clone(), common.caches.clone(), results.into()];
            let (home, project) = (&common.home, &common.project);
            let is_reused = |name: &str| options.reused.iter().any(|report| report.name == name);
            let jobs = common.order.order().iter();
            let directories: Vec<&str> = jobs
                .map(|at| &common.workflow.jobs[*at])
                .filter(|job| job.kind == JobKind::Build && takes(&job.name))
                .filter(|job| !is_reused(&job.name))
                .flat_map(|job| {
                    let nodes = job.parallelism.max(1) as usize;
                    std::iter::repeat_n(job.working_directory.value.as_str(), nodes)
                })
                .collect();
            let sandbox = Sandbox::new(options, home, shared, project, &directories)?;
            Ok(Self::Sandbox(Box::new(sandbox)))
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
        let engine = match options.engine {
            EngineKind::Host => None,
            EngineKind::Podman => Some("podman"),
            EngineKind::Docker => Some("docker"),
        };
        if let Some(engine) = engine {
            return Err(RunError::Engine {
                engine,
                reason: "jobs in containers need a holdall that runs on Linux".to_owned(),
            });
        }
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
            #[cfg(target_os = "linux")]
            Self::Containers(containers, _) => containers.isolation(),
        }
    }

    /// Returns what a person should know before the first job, where the engine knows better than
    /// the workflow alone.
    pub(crate) fn notes(&self) -> Option<&[String]> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Containers(containers, _) => Some(containers.notes()),
            _ => None,
        }
    }

    /// Says whether a job runs in an image, and has its environment and home.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(unused_variables, reason = "only Linux has engines that ask")
    )]
    pub(crate) fn in_image(&self, job: &str) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Containers(containers, _) => containers.takes(job),
            _ => false,
        }
    }

    /// Returns the folder, as the job sees it, that takes the runner's own files of a job.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(unused_variables, reason = "only Linux has engines that ask")
    )]
    pub(crate) fn private(&self, job: &str, job_id: &str) -> OsString {
        match self {
            Self::Bare(bare) => bare.private(job_id),
            // Each job has shared memory of its own: making files there costs next to nothing.
            #[cfg(target_os = "linux")]
            Self::Sandbox(_) => format!("/dev/shm/.holdall-{job_id}").into(),
            #[cfg(target_os = "linux")]
            Self::Containers(containers, host) => match host {
                Some(host) if !containers.takes(job) => host.private(job, job_id),
                _ => Containers::private(),
            },
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
            #[cfg(target_os = "linux")]
            Self::Containers(containers, host) => match host {
                Some(host) if !containers.takes(&spec.name) => host.run(spec, cancel, emit),
                _ => containers.run(spec, cancel, emit),
            },
        }
    }
}
