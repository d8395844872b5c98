//! The engine's command line. What podman and docker do differently is said here and nowhere else.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::run::error::RunError;
use crate::run::options::EngineKind;

/// How often the cancel flag is looked at.
const TICK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// How often a removal is tried, and the pause between two tries.
const REMOVALS: u32 = 10;
const BREATH: Duration = Duration::from_millis(200);

/// Speaks with an engine through its command line.
#[derive(Debug, Clone)]
pub(super) struct Client {
    kind: EngineKind,
    program: &'static str,
}

/// What came of a command of the engine.
#[derive(Debug)]
pub(super) enum Said {
    /// It did what it should, and wrote this.
    Done(String),
    /// It refused, and said why.
    Refused(String),
}

impl Client {
    /// Takes an engine as it is.
    pub(super) fn of(kind: EngineKind) -> Self {
        let program = match kind {
            EngineKind::Docker => "docker",
            EngineKind::Podman | EngineKind::Host => "podman",
        };
        Self { kind, program }
    }

    /// Takes an engine, and sees that it answers.
    pub(super) fn probed(kind: EngineKind) -> Result<Self, RunError> {
        let client = Self::of(kind);
        let program = client.program;
        let unusable = |reason: String| RunError::Engine {
            engine: program,
            reason,
        };
        match client.ask(["version"]) {
            Ok(Said::Done(_)) => Ok(client),
            Ok(Said::Refused(why)) => Err(unusable(why)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(unusable("there is no program of this name".to_owned()))
            }
            Err(error) => Err(unusable(error.to_string())),
        }
    }

    /// Returns the name of the program.
    pub(super) fn name(&self) -> &'static str {
        self.program
    }

    /// Begins a command. It is out of reach of the terminal's Ctrl-C: the runner ends it.
    pub(super) fn command<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = Command::new(self.program);
        command.args(args).process_group(0);
        command
    }

    /// Runs a command that does not take long.
    pub(super) fn ask<I, S>(&self, args: I) -> io::Result<Said>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let output = self.command(args).stdin(Stdio::null()).output()?;
        Ok(if output.status.success() {
            Said::Done(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Said::Refused(last_words(&output.stderr))
        })
    }

    /// Runs a command that takes its time: what it writes is passed on as it comes, and it is
    /// ended when the run is canceled. `Ok(None)` means that it was.
    pub(super) fn follow<I, S>(
        &self,
        args: I,
        cancel: &AtomicBool,
        heard: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Option<Said>>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let (mut pipe, writer) = io::pipe()?;
        let mut command = self.command(args);
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let mut child = command.spawn()?;
        // The command holds the writing ends: the pipe would never end while it lives.
        drop(command);
        let mut all = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            if cancel.load(Ordering::Relaxed) {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(None);
            }
            let mut fds = [PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)];
            match poll(&mut fds, Some(&TICK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    heard(&buffer[..read]);
                    all.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let status = child.wait()?;
        Ok(Some(if status.success() {
            Said::Done(String::from_utf8_lossy(&all).into_owned())
        } else {
            // All of it has been heard: the end says why.
            Said::Refused(last_line(&all))
        }))
    }

    /// Returns what every container gets, whatever it is for.
    pub(super) fn common(&self) -> Vec<OsString> {
        let mut args = vec![
            // What is there was looked for, and what is not there was fetched.
            "--pull=never",
            // Folders of the project are mounted; relabeling them would change the project.
            "--security-opt=label=disable",
            // Who removes a container does not want to wait for it.
            "--stop-timeout=0",
        ];
        if self.kind == EngineKind::Podman {
            // Docker does not pass on what the environment says of proxies, and knows no such flag.
            args.push("--http-proxy=true");
        }
        args.into_iter().map(OsString::from).collect()
    }

    /// Ends containers and removes them with their volumes, in this order. Those that are gone
    /// are no error.
    pub(super) fn remove(&self, names: &[String]) {
        // One by one: podman does nothing at all where one of several is gone.
        for name in names {
            for _ in 0..REMOVALS {
                match self.ask(["rm", "--force", "--volumes", name]) {
                    Ok(Said::Done(_)) => break,
                    Ok(Said::Refused(why)) if why.to_lowercase().contains("no such container") => {
                        break;
                    }
                    // The engine removes it itself this very moment, or one that hangs on it.
                    _ => std::thread::sleep(BREATH),
                }
            }
        }
    }
}

/// Says that a folder or file is seen inside at `target`.
pub(super) fn mount(source: &Path, target: &str, writable: bool) -> OsString {
    // The value is a line of CSV: a name with a comma needs quotes, and quotes are doubled.
    let mut field = OsString::from("\"source=");
    if source.as_os_str().as_encoded_bytes().contains(&b'"') {
        let text = source.to_string_lossy().replace('"', "\"\"");
        field.push(text);
    } else {
        field.push(source);
    }
    let mut value = OsString::from("--mount=type=bind,");
    value.push(field);
    value.push(format!("\",target={target}"));
    if !writable {
        value.push(",readonly");
    }
    value
}

/// Returns the end of what a program complained of, in one line.
pub(super) fn last_words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let from = lines.len().saturating_sub(4);
    match lines.get(from..) {
        None | Some([]) => UNSAID.to_owned(),
        Some(lines) => lines.join("; "),
    }
}

/// Returns the last line that says something.
fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    lines.next_back().unwrap_or(UNSAID).to_owned()
}

/// What is said of who fails in silence.
const UNSAID: &str = "it did not say why";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_ends_with_what_the_engine_said_last() {
        let said = b"Trying to pull x...\nwarning: retrying\nError: no such host\n\n";
        assert_eq!(last_line(said), "Error: no such host");
        assert_eq!(
            last_words(said),
            "Trying to pull x...; warning: retrying; Error: no such host"
        );
        assert_eq!(
            (last_line(b"\n"), last_words(b"")),
            (UNSAID.to_owned(), UNSAID.to_owned())
        );
    }

    #[test]
    fn names_with_commas_and_quotes_stay_one_name() {
        assert_eq!(
            mount(Path::new("/a,b"), "/x", false),
            "--mount=type=bind,\"source=/a,b\",target=/x,readonly"
        );
        assert_eq!(
            mount(Path::new("/a\"b"), "/x", true),
            "--mount=type=bind,\"source=/a\"\"b\",target=/x"
        );
    }

    #[test]
    fn the_end_of_what_was_said_counts() {
        assert_eq!(last_words(b"a\nb\n\nc\nd\ne\n"), "b; c; d; e");
        assert_eq!(last_words(b"\n"), "it did not say why");
    }
}
