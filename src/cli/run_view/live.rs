//! The view for a person at a terminal: what has ended scrolls away, a line a job, and what runs
//! stands below it. A step that fails shows its last lines at once; others show their name.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr as _;

use super::frame::{Counts, Row, frame};
use super::paint::Paint;
use super::readable::plain;
use super::region::Region;
use super::track::{Place, Track};
use super::{Stop, Style, View, end, words};
use crate::cli::ui::counted;
use crate::plan::{JobIndex, JobStatus};
use crate::run::{Event, JobEvent, JobReport, Skipped, Summary, format_duration};

/// How often the terminal is drawn at most.
const PACE: Duration = Duration::from_millis(100);

/// How long a node without a step is shown: another one mostly follows at once.
const IDLE: Duration = Duration::from_millis(500);

/// The widest column of names.
const NAMES: usize = 32;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its rows.
    pub rows: usize,
    /// Its columns.
    pub columns: usize,
}

/// What a live view has to ask all the time.
pub trait Screen {
    /// Returns the present size of the terminal.
    fn size(&self) -> Size;

    /// Returns the present time.
    fn now(&self) -> Instant;
}

/// Draws on a terminal.
pub struct Live<W: Write> {
    out: W,
    style: Style,
    screen: Box<dyn Screen>,
    track: Track,
    began: Instant,
    jobs: usize,
    counts: Counts,
    /// The jobs that have begun and not ended.
    begun: BTreeSet<JobIndex>,
    running: Vec<Running>,
    /// Lines that wait to be written above the region.
    above: Vec<String>,
    region: Region,
    drawn: Option<Instant>,
    /// Approvals that somebody is being asked about: the terminal is theirs meanwhile.
    asking: BTreeSet<JobIndex>,
    stop: Option<Stop>,
}

/// A node that runs.
struct Running {
    place: Place,
    since: Instant,
    /// The title of its present step, and when it began.
    step: Option<(String, Instant)>,
    /// When its last step ended, where none has followed.
    idle: Option<Instant>,
    progress: Option<(u64, u64)>,
}

impl<W: Write> Live<W> {
    /// Makes a view that writes to `out`, a terminal; no step between may drop its sequences.
    pub fn new(out: W, style: Style, screen: Box<dyn Screen>) -> Self {
        Self {
            out,
            style,
            began: screen.now(),
            screen,
            track: Track::default(),
            jobs: 0,
            counts: Counts::default(),
            begun: BTreeSet::new(),
            running: Vec::new(),
            above: Vec::new(),
            region: Region::default(),
            drawn: None,
            asking: BTreeSet::new(),
            stop: None,
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted { workflow, jobs, .. } => {
                self.began = self.screen.now();
                self.jobs = jobs.len();
                let title = format!("workflow {}", plain(workflow));
                let title = self.style.paint(Paint::Strong, &title);
                let count = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
                let count = counted(count, "job", "jobs");
                self.above.push(format!("{title} ({count})"));
            }
            Event::Isolation(isolation) => {
                let text = self.style.paint(Paint::Faint, words::isolation(*isolation));
                self.above.push(text);
            }
            Event::Warning(text) => self.warning(None, text),
            Event::JobStarted { job, nodes } => {
                self.begun.insert(*job);
                if *nodes <= 1 {
                    self.node((*job, 0));
                }
            }
            Event::NodeStarted { job, node } => {
                self.node((*job, *node));
            }
            Event::Job { job, node, event } => self.inside((*job, *node), event),
            Event::JobSkipped { job, why } => {
                self.asking.remove(job);
                self.counts.unrun += 1;
                // All that is left of a run that was canceled stands in the table at the end.
                if *why != Skipped::Canceled {
                    let text = format!("not run: {}", self.track.why(why));
                    self.ended(*job, JobStatus::NotRun, &text);
                }
            }
            Event::JobReused { job, report } => {
                self.count(report.status);
                self.ended(*job, report.status, "from an earlier run");
            }
            Event::JobFinished { job, report } => self.finished(*job, report),
            Event::Asking { job } => {
                self.asking.insert(*job);
            }
            Event::Answered { job, .. } => {
                self.asking.remove(job);
            }
            Event::JobQueued { .. } | Event::Tick => {}
        }
    }

    fn node(&mut self, place: Place) -> &mut Running {
        let known = self.running.iter().position(|r| r.place == place);
        let at = known.unwrap_or_else(|| {
            self.running.push(Running {
                place,
                since: self.screen.now(),
                step: None,
                idle: None,
                progress: None,
            });
            self.running.len() - 1
        });
        &mut self.running[at]
    }

    fn inside(&mut self, place: Place, event: &JobEvent) {
        let now = self.screen.now();
        match event {
            JobEvent::StepStarted { title, .. } => {
                let running = self.node(place);
                running.step = Some((plain(title), now));
                running.idle = None;
            }
            JobEvent::StepFinished(_) => {
                let running = self.node(place);
                running.progress = None;
                running.idle = Some(now);
            }
            JobEvent::Progress { bytes, entries } => {
                self.node(place).progress = Some((*bytes, *entries));
            }
            JobEvent::Persisted { .. } | JobEvent::Attached { .. } => {
                self.node(place).progress = None;
            }
            JobEvent::Warning(text) => self.warning(Some(place), text),
            JobEvent::Output(_) => {}
        }
    }

    fn warning(&mut self, place: Option<Place>, text: &str) {
        let of = place.map_or(String::new(), |place| {
            format!("{}: ", self.track.label(place))
        });
        let line = format!("warning: {of}{}", plain(text));
        self.above.push(self.style.paint(Paint::Notice, &line));
    }

    fn finished(&mut self, job: JobIndex, report: &JobReport) {
        self.asking.remove(&job);
        self.begun.remove(&job);
        self.running.retain(|r| r.place.0 != job);
        self.count(report.status);
        let mut parts = Vec::new();
        if report.status != JobStatus::Success {
            parts.push(report.status.as_str().to_owned());
        }
        if !report.duration.is_zero() {
            parts.push(format_duration(report.duration));
        }
        if report.nodes > 1 {
            parts.push(format!("{} nodes", report.nodes));
        }
        parts.extend(words::layers(&report.layers));
        parts.extend(report.tests.map(words::tests));
        self.ended(
            job,
            report.status,
            &parts.join(self.style.sign(" · ", "; ")),
        );
    }

    fn count(&mut self, status: JobStatus) {
        match status {
            JobStatus::Success => self.counts.done += 1,
            JobStatus::NotRun => self.counts.unrun += 1,
            JobStatus::Canceled => self.counts.canceled += 1,
            JobStatus::Failed | JobStatus::Unauthorized => self.counts.failed += 1,
        }
    }

    /// Adds the line of a job that has ended.
    fn ended(&mut self, job: JobIndex, status: JobStatus, text: &str) {
        let widths = self.track.names().iter().map(|name| name.width());
        let names = widths.max().unwrap_or(0).min(NAMES);
        let (sign, paint) = self.style.of_status(status);
        let sign = self.style.paint(paint, sign);
        let name = self.track.name(job);
        let room = " ".repeat(names.saturating_sub(name.width()));
        let line = format!("{sign} {name}{room}  {text}");
        self.above.push(line.trim_end().to_owned());
    }

    /// Draws, where it is time to.
    fn draw(&mut self) -> io::Result<()> {
        if !self.asking.is_empty() {
            return Ok(());
        }
        let now = self.screen.now();
        let due = |drawn: Instant| now.saturating_duration_since(drawn) >= PACE;
        if !self.drawn.is_none_or(due) {
            return Ok(());
        }
        self.drawn = Some(now);
        let size = self.screen.size();
        let since = |then: Instant| now.saturating_duration_since(then);
        // The nodes of a job end before the job does.
        let over = |r: &&Running| r.idle.is_none_or(|idle| since(idle) < IDLE);
        let rows: Vec<Row<'_>> = self
            .running
            .iter()
            .filter(over)
            .map(|r| Row {
                label: self.track.label(r.place),
                elapsed: since(r.since),
                step: r
                    .step
                    .as_ref()
                    .map(|(title, then)| (&**title, since(*then))),
                progress: r.progress,
            })
            .collect();
        let mut counts = self.counts;
        counts.running = self.begun.len();
        let known = counts.running + counts.done + counts.failed + counts.canceled + counts.unrun;
        counts.waiting = self.jobs.saturating_sub(known);
        let lines = frame(
            self.style,
            size,
            &rows,
            counts,
            since(self.began),
            self.stop,
        );
        let text = self.region.draw(&self.above, lines, size.columns);
        self.above.clear();
        self.write(&text)
    }

    /// Leaves the terminal to somebody else: what has ended stands there, and nothing below it.
    fn leave(&mut self) -> io::Result<()> {
        let mut text = self.region.clear(self.screen.size().columns);
        for line in self.above.drain(..) {
            text.push_str(&line);
            text.push_str("\r\n");
        }
        self.drawn = None;
        self.write(&text)
    }

    /// Writes in one go.
    fn write(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write> View for Live<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let failed = self.track.failures.len();
        self.track.note(event, &mut |_, _| {});
        for failure in &self.track.failures[failed..] {
            let mut text = Vec::new();
            end::failure(&mut text, self.style, failure)?;
            let text = String::from_utf8_lossy(&text);
            self.above.extend(text.lines().map(str::to_owned));
        }
        if matches!(event, Event::Asking { .. }) && self.asking.is_empty() {
            self.leave()?;
        }
        self.take(event);
        self.draw()
    }

    fn stopping(&mut self, stop: Stop) -> io::Result<()> {
        self.stop = Some(stop);
        let text = self.style.paint(Paint::Notice, words::stopping(stop));
        self.above.push(text);
        self.drawn = None;
        self.draw()
    }

    fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        self.leave()?;
        for failure in std::mem::take(&mut self.track.failures) {
            end::failure(&mut self.out, self.style, &failure)?;
        }
        end::summary(&mut self.out, self.style, summary, false)
    }
}

impl<W: Write> Drop for Live<W> {
    fn drop(&mut self) {
        // An error that is told next finds an empty line.
        let _ = self.leave();
    }
}
