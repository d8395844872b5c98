//! The logs of a run: one file a job, and `run.json` at the end.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::error::RunError;
use super::event::JobEvent;
use super::prune;
use super::report::{StepStatus, Summary};
use super::text::{file_name, format_duration};

/// How much a step's output takes in a log at most: far more than anybody reads, and far less than
/// what fills a disk.
const STEP_LIMIT: u64 = 64 << 20;

/// The folder of one run.
#[derive(Debug)]
pub(crate) struct RunLogs {
    dir: PathBuf,
    /// Says to others that the run lives.
    _held: Option<File>,
}

impl RunLogs {
    /// Makes the folder.
    pub(crate) fn create(runs: &Path, run: &str) -> Result<Self, RunError> {
        let dir = runs.join(run);
        std::fs::create_dir_all(&dir).map_err(|e| RunError::io("create", &dir, e))?;
        let held = prune::hold(&dir);
        Ok(Self { dir, _held: held })
    }

    /// Returns the folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the folder for what jobs hand to people, and returns it as jobs see it.
    pub(crate) fn results(&self) -> Result<PathBuf, RunError> {
        let dir = self.dir.join("results");
        let made = std::fs::create_dir_all(&dir).and_then(|()| dir.canonicalize());
        made.map_err(|e| RunError::io("create", &dir, e))
    }

    /// Removes the folder of a run that cannot begin, and that of results that nobody handed over.
    pub(crate) fn tidy(&self, begun: bool) {
        // Folders with anything in them stay.
        let _ = std::fs::remove_dir(self.dir.join("results"));
        if !begun {
            let _ = std::fs::remove_dir(&self.dir);
        }
    }

    /// Opens the log of a job, or of one of its parallel nodes.
    pub(crate) fn job(&self, name: &str, node: Option<u32>) -> Result<JobLog, RunError> {
        let file = match node {
            Some(node) => format!("{}-{node}.log", file_name(name)),
            None => format!("{}.log", file_name(name)),
        };
        let path = self.dir.join(file);
        let file = File::create(&path).map_err(|e| RunError::io("create", &path, e))?;
        Ok(JobLog {
            path,
            out: BufWriter::new(file),
            at_line_start: true,
            room: STEP_LIMIT,
        })
    }

    /// Writes the summary, in one piece.
    pub(crate) fn finish(&self, summary: &Summary) -> Result<(), RunError> {
        let path = self.dir.join("run.json");
        let failed = |e: std::io::Error| RunError::io("write", &path, e);
        let mut file = tempfile::NamedTempFile::new_in(&self.dir).map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(summary).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        file.write_all(&text).map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

/// The log of one job.
#[derive(Debug)]
pub(crate) struct JobLog {
    path: PathBuf,
    out: BufWriter<File>,
    at_line_start: bool,
    /// Bytes that the running step may still write.
    room: u64,
}

impl JobLog {
    /// Returns where the log is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes down what happened.
    pub(crate) fn record(&mut self, event: &JobEvent) -> Result<(), RunError> {
        let written = match event {
            JobEvent::Output(chunk) => self.output(chunk.as_bytes()),
            JobEvent::StepStarted { title, .. } => {
                self.room = STEP_LIMIT;
                self.line(&format!("==> {title}"))
            }
            JobEvent::StepFinished(step) => {
                let word = match step.status {
                    StepStatus::Success => "passed",
                    StepStatus::Failed => "failed",
                    StepStatus::Canceled => "canceled",
                };
                let message = step.message.as_deref().map(|m| format!(": {m}"));
                let message = message.unwrap_or_default();
                let took = format_duration(step.duration);
                self.line(&format!("<== {word} after {took}{message}"))
                    .and_then(|()| self.out.flush())
            }
            JobEvent::Persisted { layer, tree } => self
                .line(&format!(
                    "persisted {} ({} bytes, {} entries)",
                    layer.digest, layer.size, layer.entries
                ))
                .and_then(|()| self.line(&format!("tree {tree}"))),
            JobEvent::Attached { at, layers, tree } => {
                let mut lines = layers
                    .iter()
                    .map(|l| format!("attached {} of {} at {at}", l.digest, l.job));
                lines
                    .try_for_each(|line| self.line(&line))
                    .and_then(|()| self.line(&format!("tree {tree}")))
            }
            JobEvent::Warning(text) => self.line(&format!("warning: {text}")),
            JobEvent::Progress { .. } => Ok(()),
        };
        written.map_err(|e| RunError::io("write", &self.path, e))
    }

    /// Writes what is still in memory.
    pub(crate) fn finish(&mut self) -> Result<(), RunError> {
        let flushed = self.out.flush();
        flushed.map_err(|e| RunError::io("write", &self.path, e))
    }

    fn output(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.room == 0 || bytes.is_empty() {
            return Ok(());
        }
        let fits = usize::try_from(self.room).map_or(bytes.len(), |room| room.min(bytes.len()));
        let kept = &bytes[..fits];
        self.room -= kept.len() as u64;
        self.at_line_start = kept.last().is_none_or(|&b| b == b'\n');
        self.out.write_all(kept)?;
        if self.room == 0 {
            self.line(&format!(
                "warning: the log ends here: it keeps {} MiB of a step's output",
                STEP_LIMIT >> 20
            ))?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> std::io::Result<()> {
        if !self.at_line_start {
            self.out.write_all(b"\n")?;
        }
        self.at_line_start = true;
        writeln!(self.out, "{text}")
    }
}
