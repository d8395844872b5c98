//! The processes of one job: started, listened to, waited for, ended.

#[cfg(target_os = "linux")]
use std::collections::HashMap;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use super::reap::{Ended, Reaper};
use crate::run::event::{Chunk, JobEvent};

/// What one read takes at most; also the capacity of a pipe.
const READ: usize = 64 * 1024;

/// How often the cancel flag is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How often an end is looked for where the system has no way to be told of it.
const TICK_WITHOUT_PIDFD: Duration = Duration::from_millis(5);

/// All processes of a job.
#[derive(Debug)]
pub(crate) struct Processes {
    reaper: Reaper,
    groups: Vec<Pid>,
    outputs: Vec<Output>,
    grace: Duration,
    /// Set to end canceled steps without waiting for them.
    hurry: Arc<AtomicBool>,
}

/// The pipe that a step and its descendants write to; it outlives the step when a daemon does.
#[derive(Debug)]
struct Output {
    of: Pid,
    pipe: PipeReader,
    /// The first bytes of a character whose rest has not come yet.
    partial: Vec<u8>,
}

/// A step's shell while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pid: Pid,
    pidfd: Option<OwnedFd>,
}

/// Why a wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The shell exited with this code.
    Exit(i32),
    /// A signal ended the shell.
    Signal(i32),
    /// It was stopped because nothing was written for too long.
    Silent,
    /// It was stopped because the run was canceled.
    Canceled,
}

impl Processes {
    /// Waits for its own processes only, and kills their groups at the end.
    pub(crate) fn of_the_machine(grace: Duration, hurry: Arc<AtomicBool>) -> Self {
        Self::new(Reaper::Own, grace, hurry)
    }

    /// Waits for all processes of a PID namespace, of which this process is the first.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_a_namespace(grace: Duration) -> Self {
        Self::new(Reaper::All(HashMap::new()), grace, Arc::default())
    }

    fn new(reaper: Reaper, grace: Duration, hurry: Arc<AtomicBool>) -> Self {
        Self {
            reaper,
            groups: Vec::new(),
            outputs: Vec::new(),
            grace,
            hurry,
        }
    }

    /// Starts a process in a group of its own, without input, both outputs in one pipe.
    pub(crate) fn start(&mut self, mut command: Command) -> io::Result<Running> {
        let (pipe, writer) = io::pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        let child = command.spawn()?;
        // The command holds the writing ends: the pipe would never end while it lives.
        drop(command);
        let pid = Pid::from_child(&child);
        self.groups.push(pid);
        self.outputs.push(Output {
            of: pid,
            pipe,
            partial: Vec::new(),
        });
        Ok(Running {
            pid,
            pidfd: pidfd(pid),
        })
    }

    /// Passes output on until the process ends, is silent for too long, or the run is canceled.
    pub(crate) fn wait(
        &mut self,
        running: &Running,
        silence: Duration,
        cancel: &AtomicBool,
        emit: &mut dyn FnMut(JobEvent),
    ) -> io::Result<Ending> {
        let mut heard = Instant::now();
        let mut stopping: Option<(Ending, Instant)> = None;
        loop {
            let tick = if running.pidfd.is_some() {
                TICK
            } else {
                TICK_WITHOUT_PIDFD
            };
            if self.listen(Some(running), tick, emit)? {
                heard = Instant::now();
            }
            if let Some(ended) = self.reaper.poll(running.pid)? {
                self.drain(emit)?;
                return Ok(match (stopping, ended) {
                    (Some((why, _)), _) => why,
                    (None, Ended::Exit(code)) => Ending::Exit(code),
                    (None, Ended::Signal(signal)) => Ending::Signal(signal),
                });
            }
            match stopping {
                None if cancel.load(Ordering::Relaxed) => {
                    stopping = Some((Ending::Canceled, Instant::now()));
                    let _ = kill_process_group(running.pid, Signal::TERM);
                }
                None if heard.elapsed() >= silence => {
                    stopping = Some((Ending::Silent, Instant::now()));
                    let _ = kill_process_group(running.pid, Signal::TERM);
                }
                Some((_, since))
                    if since.elapsed() >= self.grace || self.hurry.load(Ordering::Relaxed) =>
                {
                    let _ = kill_process_group(running.pid, Signal::KILL);
                }
                _ => {}
            }
        }
    }

    /// Kills what is left of every process group and buries the leaders; in a PID namespace of the
    /// job's own, everybody.
    pub(crate) fn finish(mut self) {
        self.reaper.end_all();
        for &group in &self.groups {
            let _ = kill_process_group(group, Signal::KILL);
            self.reaper.release(group);
        }
    }

    /// Waits a while for output or the end, and reads once; says whether `running` spoke.
    fn listen(
        &mut self,
        running: Option<&Running>,
        patience: Duration,
        emit: &mut dyn FnMut(JobEvent),
    ) -> io::Result<bool> {
        let ready: Vec<bool> = {
            let outputs = self.outputs.iter().map(|output| output.pipe.as_fd());
            let end = running.and_then(|r| r.pidfd.as_ref()).map(|fd| fd.as_fd());
            let mut fds: Vec<PollFd<'_>> = outputs
                .chain(end)
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            let patience = Timespec {
                tv_sec: 0,
                tv_nsec: patience.subsec_nanos().into(),
            };
            match poll(&mut fds, Some(&patience)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            fds.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        let mut spoke = false;
        let mut closed = Vec::new();
        for (index, (output, ready)) in self.outputs.iter_mut().zip(ready).enumerate() {
            if !ready {
                continue;
            }
            if output.read(emit)? {
                spoke |= running.is_some_and(|r| r.pid == output.of);
            } else {
                closed.push(index);
            }
        }
        for index in closed.into_iter().rev() {
            self.outputs.swap_remove(index);
        }
        Ok(spoke)
    }

    /// Reads what is there already. A daemon that never stops writing must not hold up the job,
    /// so what one pipe can hold is enough.
    fn drain(&mut self, emit: &mut dyn FnMut(JobEvent)) -> io::Result<()> {
        for _ in 0..2 {
            self.listen(None, Duration::ZERO, emit)?;
        }
        Ok(())
    }
}

impl Output {
    /// Reads once; `false` at the end.
    fn read(&mut self, emit: &mut dyn FnMut(JobEvent)) -> io::Result<bool> {
        let mut bytes = std::mem::take(&mut self.partial);
        let kept = bytes.len();
        bytes.resize(kept + READ, 0);
        let read = match self.pipe.read(&mut bytes[kept..]) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                bytes.truncate(kept);
                self.partial = bytes;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        bytes.truncate(kept + read);
        if read > 0
            && let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            self.partial = bytes.split_off(error.valid_up_to());
        }
        if !bytes.is_empty() {
            emit(JobEvent::Output(Chunk::new(bytes)));
        }
        Ok(read > 0)
    }
}

/// Opens a handle that becomes readable when the process ends.
#[cfg(target_os = "linux")]
fn pidfd(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_pid: Pid) -> Option<OwnedFd> {
    None
}
