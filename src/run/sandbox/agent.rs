//! The child's side: the outer and the inner process of a job.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};

use nix::sched::{CloneFlags, unshare};
use rustix::process::{Signal, getppid, set_parent_process_death_signal, setsid, umask};

use super::ids::{self, Ids};
use super::view::{self, ViewSpec};
use crate::run::agent::{ARGUMENT, INNER, Refused, carry_out, tell};
use crate::run::spec::{FromAgent, JobSpec};

/// What the inner process says when its ids are to be mapped.
const MAP_ME: &str = "\u{1}map";

/// What it is to map them.
pub(super) const MAP: &str = "the id map of the inner user namespace";

/// Enters the PID namespace, starts the inner process in it, and maps its ids.
pub(crate) fn outer(parent: &OsStr) -> Result<ExitCode, Refused> {
    die_with_parent()?;
    // The parent may have died before the line above.
    let is_parent = |pid: rustix::process::Pid| pid.as_raw_nonzero().to_string();
    if getppid().map(is_parent).as_deref() != parent.to_str() {
        return Ok(ExitCode::FAILURE);
    }
    own_session()?;
    let was = Ids::effective();
    let base = CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWIPC;
    // Root makes its mounts as root: file systems that a user namespace may not mount, or not
    // take apart, are no obstacle then. Jobs lose that power before their first step.
    let is_root = was.user == 0 && unshare(base).is_ok();
    if !is_root {
        unshare(base | CloneFlags::CLONE_NEWUSER)
            .map_err(Refused::when("new namespaces (unshare)"))?;
        ids::become_root(was).map_err(Refused::when("the id map of a user namespace"))?;
        // Gone with the change of the user.
        die_with_parent()?;
    }
    let mut inner = Command::new("/proc/self/exe")
        .args([ARGUMENT, INNER])
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Refused::when("the first process of a PID namespace"))?;
    let errors = inner.stderr.take();
    for line in errors
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).lines())
    {
        let Ok(line) = line else { break };
        if line != MAP_ME {
            let _ = writeln!(io::stderr(), "{line}");
            continue;
        }
        let mapped = if is_root {
            ids::map_everybody(inner.id())
        } else {
            ids::map_back(inner.id(), was)
        };
        mapped.map_err(Refused::when(MAP))?;
        let _ = tell(&FromAgent::Ready);
    }
    let status = inner.wait().map_err(Refused::when("the end of the job"))?;
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let _ = tell(&FromAgent::Killed(signal));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(u8::MAX)))
}

/// Leaves the terminal: a job must not ask the person anything, and Ctrl-C is the runner's.
fn own_session() -> Result<(), Refused> {
    setsid().map_err(Refused::when("a new session"))?;
    Ok(())
}

/// Plays the inner process as a child of the runner.
pub(crate) fn direct() -> Result<ExitCode, Refused> {
    own_session()?;
    run_inner(|| {
        let _ = tell(&FromAgent::MapMe);
    })
}

/// Plays the inner process as a child of the outer one.
pub(crate) fn inner() -> Result<ExitCode, Refused> {
    run_inner(|| {
        let _ = writeln!(io::stderr(), "{MAP_ME}");
    })
}

/// Builds the view, moves into it, gives up power over it, and runs the job.
fn run_inner(ask_for_ids: impl FnOnce()) -> Result<ExitCode, Refused> {
    die_with_parent()?;
    let mut control = BufReader::new(io::stdin());
    let mut line = String::new();
    let what = "the description of the view";
    control.read_line(&mut line).map_err(Refused::when(what))?;
    let spec: ViewSpec = serde_json::from_str(&line).map_err(Refused::when(what))?;
    let before = umask(rustix::fs::Mode::empty());
    unshare(CloneFlags::CLONE_NEWNS).map_err(Refused::when("a mount namespace (unshare)"))?;
    view::enter(&spec)?;
    umask(before);
    // The mounts belong to the user namespace that this process leaves: nobody in the job can
    // take them apart, make them writable again or look below them.
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(Refused::when("the inner user namespace (unshare)"))?;
    ask_for_ids();
    // A probe wants to know no more than that all of the above works, and closes the pipe.
    line.clear();
    if !matches!(control.read_line(&mut line), Ok(read) if read > 0) {
        return Ok(ExitCode::SUCCESS);
    }
    die_with_parent()?;
    let job: JobSpec = serde_json::from_str(&line).map_err(Refused::when("the job"))?;
    carry_out(&job, control)
}

/// Has the kernel end this process when the one that started it ends.
fn die_with_parent() -> Result<(), Refused> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Refused::when("to end with the runner (prctl)"))
}
