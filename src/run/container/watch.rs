//! A process that does nothing but wait for the runner's end: where that came without a word, it
//! removes the containers of the run, so that none has to wait for the next one.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::setsid;

use super::client::Client;
use super::sweep;
use crate::run::agent::{ARGUMENT, Refused};
use crate::run::options::EngineKind;

/// The argument of the process.
pub(crate) const WATCH: &str = "watch";

/// How often it looks for containers, and the pause before each look but the first: one that was
/// being made when the runner ended is there a moment later.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// The process, seen from the runner.
#[derive(Debug)]
pub(super) struct Watch {
    process: Child,
    pipe: Option<ChildStdin>,
}

impl Watch {
    /// Starts the process. A run does without where that fails: the next one removes as well.
    pub(super) fn start(program: &Path, kind: EngineKind, run: &str) -> Option<Self> {
        let engine = if kind == EngineKind::Docker {
            "docker"
        } else {
            "podman"
        };
        let mut process = Command::new(program)
            .args([ARGUMENT, WATCH, engine, run])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let pipe = process.stdin.take();
        Some(Self { process, pipe })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(b"done\n");
        }
        let _ = self.process.wait();
    }
}

/// Waits for the word that all is done, or for the end of the pipe without it.
pub(crate) fn watch(mut words: impl Iterator<Item = OsString>) -> Result<ExitCode, Refused> {
    let _ = setsid();
    let engine = words.next().unwrap_or_default();
    let run = words.next().unwrap_or_default();
    let mut said = String::new();
    let _ = BufReader::new(io::stdin()).read_line(&mut said);
    if said.trim() == "done" {
        return Ok(ExitCode::SUCCESS);
    }
    let kind = match engine.to_str() {
        Some("docker") => EngineKind::Docker,
        _ => EngineKind::Podman,
    };
    let client = Client::of(kind);
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        client.remove(&sweep::of_run(
            &client,
            OsStr::to_string_lossy(&run).as_ref(),
        ));
    }
    Ok(ExitCode::SUCCESS)
}
