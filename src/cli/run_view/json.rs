//! The view for programs: one JSON object a line, as `schemas/run-events.schema.json` says.

use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;

use super::{Stop, View};
use crate::plan::JobIndex;
use crate::run::{Chunk, Event, Isolation, JobEvent, JobReport, LayerReport, Skipped, Summary};

/// The version of the form.
const VERSION: u32 = 1;

/// Writes JSON, one object a line.
#[derive(Debug)]
pub struct Json<W: Write> {
    out: W,
    now: fn() -> SystemTime,
    names: Vec<String>,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    time: String,
    #[serde(flatten)]
    said: Said<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Said<'a> {
    RunStarted {
        run: &'a str,
        workflow: &'a str,
        jobs: &'a [String],
        logs: String,
    },
    Isolation {
        isolation: &'static str,
    },
    Warning {
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        node: Option<u32>,
        text: &'a str,
    },
    JobQueued {
        job: &'a str,
    },
    JobStarted {
        job: &'a str,
        nodes: u32,
    },
    NodeStarted {
        job: &'a str,
        node: u32,
    },
    Asking {
        job: &'a str,
    },
    Answered {
        job: &'a str,
        yes: bool,
    },
    JobSkipped {
        job: &'a str,
        why: Why<'a>,
    },
    JobReused {
        job: &'a str,
        report: &'a JobReport,
    },
    JobFinished {
        job: &'a str,
        report: &'a JobReport,
    },
    StepStarted {
        job: &'a str,
        node: u32,
        step: usize,
        title: &'a str,
        script: Option<&'a str>,
    },
    StepFinished {
        job: &'a str,
        node: u32,
        step: usize,
        title: &'a str,
        status: crate::run::StepStatus,
        exit_code: Option<i32>,
        message: Option<&'a str>,
        duration_ms: u64,
    },
    Output {
        job: &'a str,
        node: u32,
        text: std::borrow::Cow<'a, str>,
        /// Whether bytes that are no UTF-8 were replaced; the log has them.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        lossy: bool,
    },
    Progress {
        job: &'a str,
        node: u32,
        bytes: u64,
        entries: u64,
    },
    Persisted {
        job: &'a str,
        node: u32,
        layer: &'a LayerReport,
        tree: &'a str,
    },
    Attached {
        job: &'a str,
        node: u32,
        at: &'a str,
        layers: &'a [LayerReport],
        tree: &'a str,
    },
    Stopping {
        kill: bool,
    },
    RunFinished {
        summary: &'a Summary,
    },
}

/// Why a job does not run.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
enum Why<'a> {
    Requirement {
        job: &'a str,
        status: &'static str,
        root: &'a str,
    },
    Canceled,
    Held,
}

impl<W: Write> Json<W> {
    /// Makes a view that writes to `out`; `now` says what time it is.
    pub fn new(out: W, now: fn() -> SystemTime) -> Self {
        Self {
            out,
            now,
            names: Vec::new(),
        }
    }
}

fn write(out: &mut dyn Write, now: SystemTime, said: Said<'_>) -> io::Result<()> {
    let line = Line {
        version: VERSION,
        time: humantime::format_rfc3339_millis(now).to_string(),
        said,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    out.write_all(&text)?;
    out.flush()
}

fn name(names: &[String], job: JobIndex) -> &str {
    names.get(job).map_or("?", String::as_str)
}

/// Puts an event into words; nothing where only time has passed.
fn said<'a>(names: &'a [String], event: &'a Event) -> Option<Said<'a>> {
    let name = |job: &JobIndex| name(names, *job);
    Some(match event {
        Event::RunStarted {
            run,
            workflow,
            jobs,
            logs,
        } => Said::RunStarted {
            run,
            workflow,
            jobs,
            logs: logs.to_string_lossy().into_owned(),
        },
        Event::Isolation(isolation) => Said::Isolation {
            isolation: match isolation {
                Isolation::NamespacesAsRoot => "namespaces_as_root",
                Isolation::NamespacesAsUser => "namespaces_as_user",
                Isolation::Podman => "podman",
                Isolation::Docker => "docker",
                Isolation::Off => "off",
            },
        },
        Event::Warning(text) => Said::Warning {
            job: None,
            node: None,
            text,
        },
        Event::JobQueued { job } => Said::JobQueued { job: name(job) },
        Event::JobStarted { job, nodes } => Said::JobStarted {
            job: name(job),
            nodes: *nodes,
        },
        Event::NodeStarted { job, node } => Said::NodeStarted {
            job: name(job),
            node: *node,
        },
        Event::Asking { job } => Said::Asking { job: name(job) },
        Event::Answered { job, yes } => Said::Answered {
            job: name(job),
            yes: *yes,
        },
        Event::JobSkipped { job, why } => Said::JobSkipped {
            job: name(job),
            why: match why {
                Skipped::Requirement { job, status, root } => Why::Requirement {
                    job: name(job),
                    status: status.as_str(),
                    root: name(root),
                },
                Skipped::Canceled => Why::Canceled,
                Skipped::Held => Why::Held,
            },
        },
        Event::JobReused { job, report } => Said::JobReused {
            job: name(job),
            report,
        },
        Event::JobFinished { job, report } => Said::JobFinished {
            job: name(job),
            report,
        },
        Event::Job { job, node, event } => inside(name(job), *node, event),
        Event::Tick => return None,
    })
}

fn inside<'a>(job: &'a str, node: u32, event: &'a JobEvent) -> Said<'a> {
    match event {
        JobEvent::StepStarted {
            step,
            title,
            script,
        } => Said::StepStarted {
            job,
            node,
            step: *step,
            title,
            script: script.as_deref(),
        },
        JobEvent::StepFinished(step) => Said::StepFinished {
            job,
            node,
            step: step.step,
            title: &step.title,
            status: step.status,
            exit_code: step.exit_code,
            message: step.message.as_deref(),
            duration_ms: u64::try_from(step.duration.as_millis()).unwrap_or(u64::MAX),
        },
        JobEvent::Output(chunk) => Said::Output {
            job,
            node,
            text: String::from_utf8_lossy(chunk.as_bytes()),
            lossy: matches!(chunk, Chunk::Bytes(_)),
        },
        JobEvent::Progress { bytes, entries } => Said::Progress {
            job,
            node,
            bytes: *bytes,
            entries: *entries,
        },
        JobEvent::Persisted { layer, tree } => Said::Persisted {
            job,
            node,
            layer,
            tree,
        },
        JobEvent::Attached { at, layers, tree } => Said::Attached {
            job,
            node,
            at,
            layers,
            tree,
        },
        JobEvent::Warning(text) => Said::Warning {
            job: Some(job),
            node: Some(node),
            text,
        },
    }
}

impl<W: Write> View for Json<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Event::RunStarted { jobs, .. } = event {
            self.names.clone_from(jobs);
        }
        match said(&self.names, event) {
            Some(said) => write(&mut self.out, (self.now)(), said),
            None => Ok(()),
        }
    }

    fn stopping(&mut self, stop: Stop) -> io::Result<()> {
        let kill = stop == Stop::Killed;
        write(&mut self.out, (self.now)(), Said::Stopping { kill })
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        write(&mut self.out, (self.now)(), Said::RunFinished { summary })
    }
}
