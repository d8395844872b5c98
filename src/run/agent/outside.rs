//! The runner's side of a job that another process runs: it sends the job and hears what happens.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use rustix::fs::MemfdFlags;

use crate::run::error::RunError;
use crate::run::event::JobEvent;
use crate::run::sandbox;
use crate::run::spec::{FromAgent, Outcome};

/// How often the cancel flag is looked at.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// How much longer than a step's grace a canceled job may take before it is killed as a whole.
const MARGIN: Duration = Duration::from_secs(3);

/// Makes the file that takes what the process of a job writes to standard error; it is in memory.
pub(crate) fn errors(job: &str) -> Result<File, RunError> {
    let made = rustix::fs::memfd_create("errors", MemfdFlags::CLOEXEC);
    made.map(File::from)
        .map_err(|e| RunError::io("make a file for the errors of", job, e))
}

/// What is called now and then while a job runs; it may say something of its own.
pub(crate) type Watch<'a> = dyn FnMut(&mut dyn FnMut(JobEvent)) + 'a;

/// The processes of one job, seen from outside.
#[derive(Debug)]
pub(crate) struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    /// The beginning of a message whose rest has not come yet.
    unread: Vec<u8>,
    /// What they write to standard error.
    errors: File,
    job: String,
    /// Set when what is left is to end at once.
    hurry: Arc<AtomicBool>,
}

impl Agent {
    /// Takes over a process whose input and output are pipes; `errors` is the file that it writes
    /// its complaints to, and `hurry` is set when what is left is to end at once.
    pub(crate) fn new(mut child: Child, errors: File, job: &str, hurry: Arc<AtomicBool>) -> Self {
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            child,
            unread: Vec::new(),
            errors,
            job: job.to_owned(),
            hurry,
        }
    }

    /// Says which job it is for, from now on.
    pub(crate) fn rename(&mut self, job: &str) {
        job.clone_into(&mut self.job);
    }

    /// Sends a value. If nobody reads it, what the process says next tells why.
    pub(crate) fn send(&mut self, value: &impl serde::Serialize) {
        if let (Some(pipe), Ok(mut line)) = (&mut self.stdin, serde_json::to_vec(value)) {
            line.push(b'\n');
            let _ = pipe.write_all(&line);
        }
    }

    /// Waits until the process says that the job may be sent.
    pub(crate) fn expect_ready(&mut self) -> Result<(), RunError> {
        self.await_ready(None).map(drop)
    }

    /// Waits for the same, unless the run is canceled first; says whether it is ready.
    pub(crate) fn ready_unless(&mut self, cancel: &AtomicBool) -> Result<bool, RunError> {
        self.await_ready(Some(cancel))
    }

    fn await_ready(&mut self, cancel: Option<&AtomicBool>) -> Result<bool, RunError> {
        let mut ready = false;
        let process = self.child.id();
        while !ready {
            if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                return Ok(false);
            }
            let more = self.receive(cancel.map(|_| &TICK), &mut |message| match message {
                FromAgent::Ready => {
                    ready = true;
                    Ok(())
                }
                FromAgent::MapMe => {
                    ready = true;
                    sandbox::map(process)
                }
                FromAgent::Refused { what, reason } => Err(RunError::Isolation { what, reason }),
                FromAgent::Event(_) | FromAgent::Ended(_) | FromAgent::Killed(_) => Ok(()),
            })?;
            if !more && !ready {
                return Err(self.died());
            }
        }
        Ok(true)
    }

    /// Sends the job and passes on what happens in it until every process of it is gone; `watch`
    /// is called now and then, and may say something of its own.
    pub(crate) fn run(
        &mut self,
        job: &impl serde::Serialize,
        grace: Duration,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
        watch: &mut Watch<'_>,
    ) -> Result<Outcome, RunError> {
        self.send(job);
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
            watch(emit);
            match canceled {
                None if cancel.load(Ordering::Relaxed) => {
                    canceled = Some(Instant::now());
                    self.send(&"cancel");
                }
                Some(since)
                    if since.elapsed() > grace + MARGIN || self.hurry.load(Ordering::Relaxed) =>
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

    /// Closes the pipe, and waits a while for a process that was sent no job to end by itself.
    pub(crate) fn give_up(&mut self, patience: Duration) {
        self.stdin = None;
        let since = Instant::now();
        while since.elapsed() < patience && !self.has_ended() {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Says whether the process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
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
