//! The view for logs: whole lines, each after the name of the job that it belongs to, so that
//! jobs that run at the same time can be read, and one of them be searched for.

use std::io::{self, BufWriter, Write};

use unicode_width::UnicodeWidthStr as _;

use super::paint::Paint;
use super::readable::{plain, readable};
use super::track::{Place, Track};
use super::words::{self, extent, short};
use super::{Detail, Stop, Style, View, end};
use crate::cli::ui::counted;
use crate::plan::JobIndex;
use crate::run::{Event, JobEvent, JobReport, StepReport, StepStatus, Summary, format_duration};

/// The widest column of names. Longer names are shown whole, and push their lines to the right.
const NAMES: usize = 32;

/// How much is gathered before it is written within one event.
const BUFFER: usize = 64 * 1024;

/// Writes lines.
#[derive(Debug)]
pub struct Plain<W: Write> {
    /// What one event brings is written at once.
    out: BufWriter<W>,
    style: Style,
    detail: Detail,
    track: Track,
    /// How wide the column of names is.
    names: usize,
}

impl<W: Write> Plain<W> {
    /// Makes a view that writes to `out`.
    pub fn new(out: W, style: Style, detail: Detail) -> Self {
        Self {
            out: BufWriter::with_capacity(BUFFER, out),
            style,
            detail,
            track: Track::default(),
            names: 0,
        }
    }

    fn all(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { workflow, jobs, .. } => {
                let widths = self.track.names().iter().map(|name| name.width());
                self.names = widths.max().unwrap_or(0).min(NAMES);
                let count = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
                let title = format!("workflow {}", plain(workflow));
                let title = self.style.paint(Paint::Strong, &title);
                let count = counted(count, "job", "jobs");
                writeln!(self.out, "{title} ({count})")
            }
            Event::Isolation(isolation) => {
                let text = self.style.paint(Paint::Faint, words::isolation(*isolation));
                writeln!(self.out, "{text}")
            }
            Event::Warning(text) => {
                let line = format!("warning: {}", plain(text));
                let line = self.style.paint(Paint::Notice, &line);
                writeln!(self.out, "{line}")
            }
            Event::JobStarted { job, nodes } => {
                let text = match nodes {
                    0 | 1 => "started".to_owned(),
                    more => format!("started, {more} nodes"),
                };
                let text = self.style.paint(Paint::Strong, &text);
                self.of_job(*job, &text)
            }
            Event::NodeStarted { job, node } => {
                let text = self.style.paint(Paint::Strong, "started");
                self.line((*job, *node), &text)
            }
            Event::Asking { job } => self.of_job(*job, "waits for an answer"),
            Event::JobSkipped { job, why } => {
                let text = format!("not run: {}", self.track.why(why));
                let text = self.style.paint(Paint::Notice, &text);
                self.of_job(*job, &text)
            }
            Event::Job { job, node, event } => self.inside((*job, *node), event),
            Event::JobReused { job, report } => {
                let text = format!("{}, from an earlier run", report.status.as_str());
                let text = self
                    .style
                    .paint(self.style.of_status(report.status).1, &text);
                self.of_job(*job, &text)
            }
            Event::JobFinished { job, report } => self.finished(*job, report),
            Event::Answered { job, yes } => {
                let text = if *yes { "approved" } else { "not approved" };
                self.of_job(*job, text)
            }
            Event::JobQueued { .. } | Event::Tick => Ok(()),
        }
    }

    fn inside(&mut self, place: Place, event: &JobEvent) -> io::Result<()> {
        match event {
            JobEvent::StepStarted { title, .. } => {
                let sign = self.style.sign("▸", ">");
                let title = format!("{sign} {}", plain(title));
                let title = self.style.paint(Paint::Strong, &title);
                self.line(place, &title)
            }
            JobEvent::StepFinished(step) => self.step_finished(place, step),
            JobEvent::Persisted { layer, tree } => {
                let digest = short(&layer.digest);
                let text = format!("layer {digest}, {}, tree {}", extent(layer), short(tree));
                self.line(place, &text)
            }
            JobEvent::Attached { at, layers, tree } => {
                for layer in layers {
                    let (digest, from) = (short(&layer.digest), plain(&layer.job));
                    let at = plain(at);
                    let text = format!("layer {digest} of {from} at {at}, {}", extent(layer));
                    self.line(place, &text)?;
                }
                match layers.is_empty() {
                    true => Ok(()),
                    false => self.line(place, &format!("tree {}", short(tree))),
                }
            }
            JobEvent::Warning(text) => {
                let text = format!("warning: {}", plain(text));
                let text = self.style.paint(Paint::Notice, &text);
                self.line(place, &text)
            }
            JobEvent::Output(_) | JobEvent::Progress { .. } => Ok(()),
        }
    }

    fn step_finished(&mut self, place: Place, step: &StepReport) -> io::Result<()> {
        let took = format_duration(step.duration);
        let message = step.message.as_deref();
        let detail = message
            .map(|m| format!(": {}", plain(m)))
            .unwrap_or_default();
        let (paint, sign) = match step.status {
            StepStatus::Success => (Paint::Faint, self.style.sign("✓", "ok")),
            _ => (Paint::Bad, self.style.sign("✗", "!!")),
        };
        let text = self.style.paint(paint, &format!("{sign} {took}{detail}"));
        self.line(place, &text)
    }

    fn finished(&mut self, job: JobIndex, report: &JobReport) -> io::Result<()> {
        let took = format_duration(report.duration);
        let text = format!("{} in {took}", report.status.as_str());
        let text = self
            .style
            .paint(self.style.of_status(report.status).1, &text);
        let mut more = words::layers(&report.layers)
            .into_iter()
            .collect::<Vec<_>>();
        more.extend(report.tests.map(words::tests));
        let more: String = more.iter().map(|text| format!(", {text}")).collect();
        self.of_job(job, &format!("{text}{more}"))
    }

    fn of_job(&mut self, job: JobIndex, text: &str) -> io::Result<()> {
        let name = self.track.name(job).to_owned();
        self.prefixed(&name, text)
    }

    fn line(&mut self, place: Place, text: &str) -> io::Result<()> {
        let label = self.track.label(place);
        self.prefixed(&label, text)
    }

    fn prefixed(&mut self, label: &str, text: &str) -> io::Result<()> {
        write_line(&mut self.out, self.style, self.names, label, text)
    }
}

fn write_line(
    out: &mut dyn Write,
    style: Style,
    names: usize,
    label: &str,
    text: &str,
) -> io::Result<()> {
    let room = " ".repeat(names.saturating_sub(label.width()));
    let bar = style.sign("│", "|");
    let head = style.paint(Paint::Faint, &format!("{label}{room} {bar}"));
    writeln!(out, "{}", format!("{head} {text}").trim_end())
}

impl<W: Write> View for Plain<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let failed = self.track.failures.len();
        let mut lines: Vec<(Place, Vec<u8>)> = Vec::new();
        let all = self.detail == Detail::All;
        self.track.note(event, &mut |place, line| {
            if all {
                lines.push((place, line.to_owned()));
            }
        });
        for (place, line) in lines {
            let text = readable(&line, self.style.color);
            self.line(place, &text)?;
        }
        if all {
            self.all(event)?;
        } else {
            for failure in &self.track.failures[failed..] {
                end::failure(&mut self.out, self.style, failure)?;
            }
        }
        self.out.flush()
    }

    fn stopping(&mut self, stop: Stop) -> io::Result<()> {
        if self.detail == Detail::Failures {
            return Ok(());
        }
        let text = self.style.paint(Paint::Notice, words::stopping(stop));
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        let failures = std::mem::take(&mut self.track.failures);
        if self.detail == Detail::Failures {
            if !summary.success {
                end::verdict(&mut self.out, self.style, summary)?;
            }
            return self.out.flush();
        }
        for failure in &failures {
            end::failure(&mut self.out, self.style, failure)?;
        }
        end::summary(&mut self.out, self.style, summary, true)?;
        self.out.flush()
    }
}
