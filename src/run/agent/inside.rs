//! The job's side: a process of its own, in namespaces or in a container, is sent a job, runs it
//! and tells what happens, one message a line.

use std::io::{self, BufRead, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::umask;

use crate::run::engine::{Processes, resolve, run};
use crate::run::event::JobEvent;
use crate::run::spec::{FromAgent, JobSpec, Outcome};

/// Something that isolation needs and the system refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) what: String,
    pub(crate) reason: String,
}

impl Refused {
    /// Makes a function that says what was tried when an error comes.
    pub(crate) fn when<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |error| {
            let (what, error) = (what.into(), error.into());
            // The limit on namespaces speaks of a full disk (unshare(2), ENOSPC).
            let limit = error.kind() == io::ErrorKind::StorageFull && what.contains("unshare");
            let reason = if limit {
                "no more namespaces are allowed here (sysctl user.max_user_namespaces)".to_owned()
            } else {
                error.to_string()
            };
            Self { what, reason }
        }
    }
}

/// Runs the job with this process as the first of its PID namespace. The rest of `control` is one
/// word at most, which cancels the job, or the end of the pipe.
pub(crate) fn carry_out(
    job: &JobSpec,
    mut control: impl BufRead + Send + 'static,
) -> Result<ExitCode, Refused> {
    umask(rustix::fs::Mode::from_raw_mode(0o022));
    let cancel = Arc::new(AtomicBool::new(false));
    let canceled = Arc::clone(&cancel);
    // One word can come, or the end of the pipe: the runner is gone. Both mean the same.
    std::thread::spawn(move || {
        let _ = control.read_line(&mut String::new());
        canceled.store(true, Ordering::Relaxed);
    });
    let home = PathBuf::from(&job.home);
    let directory = resolve(&job.working_directory, &home, &home);
    let outcome = match std::fs::create_dir_all(&directory) {
        Ok(()) => {
            run_job(job, &directory, &cancel).map_err(Refused::when(format!("job {}", job.name)))?
        }
        Err(error) => {
            let directory = directory.display();
            let text = format!("cannot make the working directory {directory}: {error}");
            let _ = tell(&FromAgent::Event(JobEvent::Warning(text)));
            Outcome::Failed
        }
    };
    let _ = tell(&FromAgent::Ended(outcome));
    Ok(ExitCode::SUCCESS)
}

fn run_job(job: &JobSpec, directory: &Path, cancel: &AtomicBool) -> io::Result<Outcome> {
    let processes = Processes::of_a_namespace(job.grace);
    run(job, directory, processes, cancel, &mut |event| {
        if tell(&FromAgent::Event(event)).is_err() {
            // Nobody listens any more.
            cancel.store(true, Ordering::Relaxed);
        }
    })
}

/// Says something to the runner.
pub(crate) fn tell(message: &FromAgent) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}
