//! The engine with isolation: each job in namespaces of its own.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use super::error::RunError;
use super::event::{Isolation, JobEvent};
use super::options::Options;
use super::spec::{JobSpec, Outcome};

/// Runs jobs in namespaces.
#[derive(Debug)]
pub(crate) struct Sandbox {
    isolation: Isolation,
}

impl Sandbox {
    pub(crate) fn new(
        _options: &Options,
        _home: &OsStr,
        _store: &OsStr,
        _project: &OsStr,
    ) -> Result<Self, RunError> {
        Err(RunError::Isolation {
            what: "namespaces".to_owned(),
            reason: "this build has no support for them".to_owned(),
        })
    }

    pub(crate) fn isolation(&self) -> Isolation {
        self.isolation
    }

    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        _cancel: &AtomicBool,
        _emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        Err(RunError::Agent {
            job: spec.name.clone(),
            detail: String::new(),
        })
    }
}

pub(crate) fn agent_main(_args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    None
}
