//! The second image of a job and those behind it: containers in the network of the first.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::client::{Client, Said, last_words};
use crate::run::event::JobEvent;

/// How often is looked whether a service has started.
const PAUSE: Duration = Duration::from_millis(100);

/// The exit status by which engines say that they could not start a container at all.
const NEVER_STARTED: i32 = 125;

/// A service, seen from outside: the engine's program that listens to it.
#[derive(Debug)]
pub(super) struct Service {
    container: String,
    /// As the config names it.
    title: String,
    listener: Child,
    log: PathBuf,
    told: bool,
}

impl Service {
    /// Starts a service and waits until it runs; what it writes goes to `log`.
    pub(super) fn start(
        client: &Client,
        container: &str,
        title: &str,
        (args, handed): (Vec<OsString>, Vec<(String, String)>),
        log: &Path,
        cancel: &AtomicBool,
    ) -> Result<Self, String> {
        let cannot = |e: io::Error| format!("the service {title} cannot be started: {e}");
        let out = File::create(log).map_err(cannot)?;
        let errors = out.try_clone().map_err(cannot)?;
        let mut command = client.command(args);
        command
            .envs(handed)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors);
        let mut service = Self {
            container: container.to_owned(),
            title: title.to_owned(),
            listener: command.spawn().map_err(cannot)?,
            log: log.to_owned(),
            told: false,
        };
        service.until_running(client, cancel)?;
        Ok(service)
    }

    fn until_running(&mut self, client: &Client, cancel: &AtomicBool) -> Result<(), String> {
        let ask = ["inspect", "--type=container", "--format={{.State.Status}}"];
        while !cancel.load(Ordering::Relaxed) {
            if let Ok(Some(status)) = self.listener.try_wait() {
                if status.code() == Some(NEVER_STARTED) {
                    let said = std::fs::read(&self.log).unwrap_or_default();
                    let why = last_words(&said);
                    return Err(format!(
                        "the service {} cannot be started: {why}",
                        self.title
                    ));
                }
                return Ok(());
            }
            let state = client.ask(ask.iter().copied().chain([self.container.as_str()]));
            if let Ok(Said::Done(state)) = state
                && matches!(state.trim(), "running" | "exited" | "stopped" | "dead")
            {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Tells once that the service has ended although the job goes on.
    pub(super) fn watch(&mut self, emit: &mut dyn FnMut(JobEvent)) {
        if self.told {
            return;
        }
        if let Ok(Some(status)) = self.listener.try_wait() {
            self.told = true;
            let how = match status.code() {
                Some(code) => format!("exited with code {code}"),
                None => "was killed".to_owned(),
            };
            emit(JobEvent::Warning(format!(
                "the service {} {how} while the job was running; what it wrote is in {}",
                self.title,
                self.log.display()
            )));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Its container is gone, and so is what there was to hear.
        if !matches!(self.listener.try_wait(), Ok(Some(_))) {
            let _ = self.listener.kill();
            let _ = self.listener.wait();
        }
        // A service that wrote nothing leaves nothing to read.
        if std::fs::metadata(&self.log).is_ok_and(|meta| meta.len() == 0) {
            let _ = std::fs::remove_file(&self.log);
        }
    }
}
