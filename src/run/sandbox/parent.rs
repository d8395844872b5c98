//! The runner's side: starts the processes of a job, speaks with them and cleans up.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use super::scratch::Scratch;
use super::view::ViewSpec;
use crate::run::agent::{ARGUMENT, Agent};
use crate::run::engine::resolve;
use crate::run::error::RunError;
use crate::run::event::{Isolation, JobEvent};
use crate::run::options::Options;
use crate::run::spec::{JobSpec, Outcome};

/// Runs jobs in namespaces.
#[derive(Debug)]
pub(crate) struct Sandbox {
    agent: PathBuf,
    scratch: Scratch,
    home: OsString,
    shared: Vec<OsString>,
    project: OsString,
    revealed: Vec<OsString>,
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
        };
        let dir = sandbox.scratch.next_job()?;
        let probed = sandbox
            .start(&dir, Path::new(home), "none")
            .and_then(|mut agent| {
                agent.expect_ready()?;
                agent.end("none")
            });
        sandbox.scratch.discard(dir);
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

    /// Runs one job.
    pub(crate) fn run(
        &self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        let dir = self.scratch.next_job()?;
        let home = Path::new(&self.home);
        let directory = resolve(&spec.working_directory, home, home);
        let outcome = self
            .start(&dir, &directory, &spec.name)
            .and_then(|mut agent| {
                agent.expect_ready()?;
                agent.run(spec, spec.grace, cancel, emit, &mut |_| {})
            });
        self.scratch.discard(dir);
        outcome
    }

    fn start(&self, dir: &Path, directory: &Path, job: &str) -> Result<Agent, RunError> {
        let view = ViewSpec {
            dir: dir.into(),
            in_memory: self.scratch.in_memory,
            home: self.home.clone(),
            project: self.project.clone(),
            shared: self.shared.clone(),
            revealed: self.revealed.clone(),
            directory: directory.into(),
        };
        let errors = dir.join("errors");
        let file = File::create(&errors).map_err(|e| RunError::io("create", &errors, e))?;
        let child = Command::new(&self.agent)
            .arg(ARGUMENT)
            .arg(std::process::id().to_string())
            // The job gets its environment with the rest; this one would only leak into it.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|e| RunError::io("start", &self.agent, e))?;
        let mut agent = Agent::new(child, errors, job);
        agent.send(&view);
        Ok(agent)
    }
}
