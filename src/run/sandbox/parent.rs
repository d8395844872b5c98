//! The runner's side: starts the processes of a job, speaks with them and cleans up.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;

use super::agent::{ARGUMENT, MAP};
use super::ids;
use super::scratch::Scratch;
use super::view::ViewSpec;
use crate::run::engine::resolve;
use crate::run::error::RunError;
use crate::run::event::{Isolation, JobEvent};
use crate::run::options::Options;
use crate::run::spec::{FromAgent, JobSpec, Outcome};

/// How often the cancel flag is looked at.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// How much longer than a step's grace a canceled job may take before it is killed as a whole.
const MARGIN: Duration = Duration::from_secs(3);

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
        let outcome = self
            .start(&dir, &directory, &spec.name)
            .and_then(|mut agent| {
                agent.expect_ready()?;
                agent.run(spec, cancel, emit)
            });
        self.scratch.discard(dir);
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
        let memory = rustix::fs::memfd_create("errors", MemfdFlags::CLOEXEC);
        let errors: File = memory
            .map_err(|e| RunError::io("make a file for the errors of", job, e))?
            .into();
        let file = errors.try_clone();
        let file = file.map_err(|e| RunError::io("share the errors of", job, e))?;
        // As root this thread takes the part of the outer process: one program less to start.
        let direct = rustix::process::geteuid().is_root()
            && unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC).is_ok();
        let part = match direct {
            true => "direct".to_owned(),
            false => std::process::id().to_string(),
        };
        let mut child = Command::new(&self.agent)
            .arg(ARGUMENT)
            .arg(part)
            // The job gets its environment with the rest; this one would only leak into it.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(|e| RunError::io("start", &self.agent, e))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let mut agent = Agent {
            child,
            stdin,
            stdout,
            unread: Vec::new(),
            errors,
            job: job.to_owned(),
            hurry: Arc::clone(&self.hurry),
        };
        agent.send(&view);
        Ok(agent)
    }
}

/// The processes of one job, seen from outside.
struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    /// The beginning of a message whose rest has not come yet.
    unread: Vec<u8>,
    /// What they write to standard error.
    errors: File,
    job: String,
    hurry: Arc<AtomicBool>,
}

impl Agent {
    /// Sends a value. If nobody reads it, what the process says next tells why.
    fn send(&mut self, value: &impl serde::Serialize) {
        if let (Some(pipe), Ok(mut line)) = (&mut self.stdin, serde_json::to_vec(value)) {
            line.push(b'\n');
            let _ = pipe.write_all(&line);
        }
    }

    /// Waits until the view stands.
    fn expect_ready(&mut self) -> Result<(), RunError> {
        let mut ready = false;
        let process = self.child.id();
        while !ready {
            let more = self.receive(None, &mut |message| match message {
                FromAgent::Ready => {
                    ready = true;
                    Ok(())
                }
                FromAgent::MapMe => {
                    ready = true;
                    ids::map_everybody(process).map_err(|e| RunError::Isolation {
                        what: MAP.to_owned(),
                        reason: e.to_string(),
                    })
                }
                FromAgent::Refused { what, reason } => Err(RunError::Isolation { what, reason }),
                FromAgent::Event(_) | FromAgent::Ended(_) | FromAgent::Killed(_) => Ok(()),
            })?;
            if !more && !ready {
                return Err(self.died());
            }
        }
        Ok(())
    }

    /// Sends the job and passes on what happens in it until every process of it is gone.
    fn run(
        &mut self,
        spec: &JobSpec,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> Result<Outcome, RunError> {
        self.send(spec);
        let mut outcome = None;
        let mut killed = None;
        let mut canceled: Option<Instant> = None;
        let job = self.job.clone();
        loop {
            let more = self.receive(Some(&TICK), &mut |message| {
                match message {
                    FromAgent::Event(event) => emit(event),
                    FromAgent::Ended(how) => outcome = Some(how),
                    FromAgent::Killed(signal) => killed = Some(signal),
                    FromAgent::Ready | FromAgent::MapMe => {}
                    FromAgent::Refused { what, reason } => {
                        return Err(RunError::Agent {
                            job: job.clone(),
                            detail: format!("{what}: {reason}"),
                        });
                    }
                }
                Ok(())
            })?;
            if !more {
                break;
            }
            match canceled {
                None if cancel.load(Ordering::Relaxed) => {
                    canceled = Some(Instant::now());
                    self.send(&"cancel");
                }
                Some(since)
                    if since.elapsed() > spec.grace + MARGIN
                        || self.hurry.load(Ordering::Relaxed) =>
                {
                    let _ = self.child.kill();
                    outcome = Some(Outcome::Canceled);
                }
                _ => {}
            }
        }
        if outcome.is_none() {
            killed = killed.or_else(|| self.child.wait().ok()?.signal());
        }
        match (outcome, killed) {
            (Some(outcome), _) => Ok(outcome),
            // The machinery works: somebody outside ended this one job, most often for its memory.
            (None, Some(signal)) => {
                emit(JobEvent::Warning(format!(
                    "signal {signal} from outside ended the job: the machine may be out of memory"
                )));
                Ok(Outcome::Failed)
            }
            (None, None) => Err(self.died()),
        }
    }

    /// Closes the pipe and waits for the end.
    fn end(&mut self, job: &str) -> Result<(), RunError> {
        self.stdin = None;
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => {
                job.clone_into(&mut self.job);
                Err(self.died())
            }
        }
    }

    /// Reads what has come, if it comes in time; `false` at the end.
    fn receive(
        &mut self,
        patience: Option<&Timespec>,
        take: &mut dyn FnMut(FromAgent) -> Result<(), RunError>,
    ) -> Result<bool, RunError> {
        let Some(pipe) = &mut self.stdout else {
            return Ok(false);
        };
        let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
        match poll(&mut fds, patience) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(true),
            Ok(_) => {}
            Err(error) => return Err(RunError::io("hear from", &self.job, error)),
        }
        let kept = self.unread.len();
        self.unread.resize(kept + 128 * 1024, 0);
        let read = match pipe.read(&mut self.unread[kept..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.unread.truncate(kept);
                return Ok(true);
            }
            Err(error) => return Err(RunError::io("hear from", &self.job, error)),
        };
        self.unread.truncate(kept + read);
        let mut start = 0;
        // What was there before has no end of line in it.
        let mut from = kept;
        while let Some(length) = self.unread[from..].iter().position(|&b| b == b'\n') {
            let end = from + length;
            let message = serde_json::from_slice(&self.unread[start..end]);
            take(message.map_err(|e| RunError::Agent {
                job: self.job.clone(),
                detail: format!("it said something that is no message: {e}"),
            })?)?;
            start = end + 1;
            from = start;
        }
        self.unread.drain(..start);
        Ok(read > 0)
    }

    /// Makes the error of a process that ended without a word.
    fn died(&mut self) -> RunError {
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut said = Vec::new();
        let _ = self.errors.rewind();
        let _ = self.errors.read_to_end(&mut said);
        let tail = &said[said.len().saturating_sub(2000)..];
        let tail = String::from_utf8_lossy(tail);
        RunError::Agent {
            job: self.job.clone(),
            detail: format!("{status} {}", tail.trim()).trim_end().to_owned(),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // However it ended: nothing of the job may be alive when its files are removed.
        self.stdin = None;
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            if self.stdout.is_some() {
                let _ = self.child.kill();
            }
            let _ = self.child.wait();
        }
    }
}
