//! Learns that processes have ended.
//!
//! The first process of a PID namespace inherits every orphan and has to bury them all, or
//! `kill -0` goes on finding daemons that are long dead. A runner on the bare machine must not
//! take the children of others, and leaves its own unburied until the job ends: as long as the
//! leader is a zombie its group number cannot pass to a stranger, and the group can be killed
//! safely.

#[cfg(target_os = "linux")]
use std::collections::HashMap;
use std::io;

#[cfg(target_os = "linux")]
use rustix::process::wait;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

/// Whose children are waited for.
#[derive(Debug)]
pub(crate) enum Reaper {
    /// Every child: this process is the first of its PID namespace.
    #[cfg(target_os = "linux")]
    All(HashMap<Pid, Ended>),
    /// The processes asked for, which stay zombies until they are released.
    Own,
}

impl Reaper {
    /// Says how a process ended, if it has.
    pub(crate) fn poll(&mut self, pid: Pid) -> io::Result<Option<Ended>> {
        match self {
            #[cfg(target_os = "linux")]
            Self::All(ended) => {
                // The error says that there is no child left to wait for.
                while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                    let end = match (status.exit_status(), status.terminating_signal()) {
                        (Some(code), _) => Ended::Exit(code),
                        (None, Some(signal)) => Ended::Signal(signal),
                        (None, None) => continue,
                    };
                    ended.insert(pid, end);
                }
                Ok(ended.remove(&pid))
            }
            Self::Own => {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
                let Some(status) = waitid(WaitId::Pid(pid), options)? else {
                    return Ok(None);
                };
                Ok(match (status.exit_status(), status.terminating_signal()) {
                    (Some(code), _) => Some(Ended::Exit(code)),
                    (None, Some(signal)) => Some(Ended::Signal(signal)),
                    (None, None) => None,
                })
            }
        }
    }

    /// Ends and buries everybody else in the PID namespace that this process is the first of. The
    /// kernel would do that when this process ends; now the next job need not wait for that.
    pub(crate) fn end_all(&self) {
        #[cfg(target_os = "linux")]
        if matches!(self, Self::All(_)) && std::process::id() == 1 {
            let everybody = nix::unistd::Pid::from_raw(-1);
            let _ = nix::sys::signal::kill(everybody, nix::sys::signal::Signal::SIGKILL);
            while wait(WaitOptions::empty()).is_ok() {}
        }
    }

    /// Buries a process that was killed.
    pub(crate) fn release(&mut self, pid: Pid) {
        if matches!(self, Self::Own) {
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}
