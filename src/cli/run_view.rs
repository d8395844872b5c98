//! What a person sees of a run: plain lines that read the same on a terminal and in a file.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use crate::plan::{JobIndex, JobStatus};
use crate::run::{
    Event, Isolation, JobEvent, JobReport, LayerReport, Skipped, StepReport, StepStatus, Summary,
    Tests, format_duration,
};

/// How many of the last lines of a failing step are shown again at the end.
const TAIL: usize = 20;

/// Where a line without an end is cut: nobody reads further, and it must not fill the memory.
const LONGEST_LINE: usize = 8 * 1024;

/// How the view may draw.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colours are wanted.
    pub color: bool,
    /// Whether signs beyond ASCII can be shown.
    pub unicode: bool,
    /// The columns of the terminal.
    pub width: usize,
}

/// Draws events as they come, and the summary at the end.
#[derive(Debug)]
pub struct RunView<W: Write> {
    out: W,
    style: Style,
    names: Vec<String>,
    columns: usize,
    /// The beginning of a line whose end has not come yet, and the job that wrote it.
    partial: Vec<u8>,
    script: Option<String>,
    tail: VecDeque<String>,
    failures: Vec<Failure>,
}

/// What is shown again at the end.
#[derive(Debug)]
struct Failure {
    job: String,
    step: StepReport,
    script: Option<String>,
    tail: VecDeque<String>,
}

#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Notice,
    Faint,
    Strong,
}

/// Says what test reports say.
fn told(tests: Tests) -> String {
    let s = if tests.run == 1 { "" } else { "s" };
    let mut out = format!("{} test{s}", tests.run);
    for (count, what) in [(tests.failed, "failed"), (tests.skipped, "skipped")] {
        if count > 0 {
            out.push_str(&format!(", {count} {what}"));
        }
    }
    out
}

impl<W: Write> RunView<W> {
    /// Makes a view that writes to `out`.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            names: Vec::new(),
            columns: 0,
            partial: Vec::new(),
            script: None,
            tail: VecDeque::new(),
            failures: Vec::new(),
        }
    }

    /// Shows what happened.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { workflow, jobs, .. } => {
                self.names.clone_from(jobs);
                let widths = jobs.iter().map(|name| name.chars().count());
                self.columns = widths.max().unwrap_or(0).min(self.style.width / 3);
                let count = jobs.len();
                let s = if count == 1 { "" } else { "s" };
                let title = self.paint(Paint::Strong, &format!("workflow {workflow}"));
                writeln!(self.out, "{title} ({count} job{s})")
            }
            Event::Isolation(isolation) => {
                let text = match isolation {
                    Isolation::NamespacesAsRoot => "isolated: namespaces, as root",
                    Isolation::NamespacesAsUser => "isolated: namespaces, without privileges",
                    Isolation::Podman => "in containers of podman",
                    Isolation::Docker => "in containers of docker",
                    Isolation::Off => "not isolated: jobs can change everything that you can",
                };
                let text = self.paint(Paint::Faint, text);
                writeln!(self.out, "{text}")
            }
            Event::Warning(text) => {
                let line = self.paint(Paint::Notice, &format!("warning: {text}"));
                writeln!(self.out, "{line}")
            }
            Event::JobQueued { .. }
            | Event::NodeStarted { .. }
            | Event::Asking { .. }
            | Event::Answered { .. }
            | Event::Tick => Ok(()),
            Event::JobReused { job, .. } => self.line(*job, "done by an earlier run"),
            Event::JobStarted { job, .. } => {
                let text = self.paint(Paint::Strong, "started");
                self.line(*job, &text)
            }
            Event::JobSkipped { job, why } => {
                let text = format!("not run: {}", self.why(why));
                let text = self.paint(Paint::Notice, &text);
                self.line(*job, &text)
            }
            Event::Job { job, event, .. } => self.inside(*job, event),
            Event::JobFinished { job, report } => {
                let took = format_duration(report.duration);
                let text = format!("{} in {took}", report.status.as_str());
                let text = self.paint(of_status(report.status), &text);
                self.line(*job, &text)
            }
        }
    }

    /// Shows how it all ended.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        for failure in std::mem::take(&mut self.failures) {
            self.failure(&failure)?;
        }
        writeln!(self.out)?;
        self.jobs(&summary.jobs)?;
        let layers: Vec<&LayerReport> = summary.jobs.iter().flat_map(|job| &job.layers).collect();
        if !layers.is_empty() {
            writeln!(self.out)?;
            self.layers(&layers)?;
        }
        let failed =
            |job: &JobReport| !matches!(job.status, JobStatus::Success | JobStatus::NotRun);
        let held = summary.jobs.iter().any(|job| job.held) && !summary.jobs.iter().any(failed);
        let (paint, word) = match (summary.success, summary.canceled) {
            (_, true) => (Paint::Bad, "canceled"),
            (false, false) if held => (Paint::Notice, "on hold"),
            (true, false) => (Paint::Good, "success"),
            (false, false) => (Paint::Bad, "failed"),
        };
        let word = self.paint(paint, word);
        let took = format_duration(summary.duration);
        writeln!(self.out, "\n{word} in {took}")?;
        if summary.jobs.iter().any(|job| job.results.is_some()) {
            writeln!(
                self.out,
                "results: {}",
                summary.logs.join("results").display()
            )?;
        }
        writeln!(self.out, "logs: {}", summary.logs.display())?;
        self.out.flush()
    }

    fn inside(&mut self, job: JobIndex, event: &JobEvent) -> io::Result<()> {
        match event {
            JobEvent::StepStarted { title, script, .. } => {
                self.end_line(job)?;
                self.tail.clear();
                self.script.clone_from(script);
                let sign = if self.style.unicode { "▸" } else { ">" };
                let title = self.paint(Paint::Strong, &format!("{sign} {}", plain(title)));
                self.line(job, &title)
            }
            JobEvent::Output(chunk) => self.output(job, chunk.as_bytes()),
            JobEvent::StepFinished(step) => self.step_finished(job, step),
            JobEvent::Persisted { layer, tree } => {
                self.end_line(job)?;
                let text = format!(
                    "layer {}, {}, tree {}",
                    short(&layer.digest),
                    extent(layer),
                    short(tree)
                );
                self.line(job, &text)
            }
            JobEvent::Attached { at, layers, tree } => {
                self.end_line(job)?;
                for layer in layers {
                    let (digest, from) = (short(&layer.digest), &layer.job);
                    let text = format!("layer {digest} of {from} at {at}, {}", extent(layer));
                    self.line(job, &text)?;
                }
                if layers.is_empty() {
                    return Ok(());
                }
                self.line(job, &format!("tree {}", short(tree)))
            }
            JobEvent::Warning(text) => {
                self.end_line(job)?;
                let text = self.paint(Paint::Notice, &format!("warning: {text}"));
                self.line(job, &text)
            }
            JobEvent::Progress { .. } => Ok(()),
        }
    }

    fn step_finished(&mut self, job: JobIndex, step: &StepReport) -> io::Result<()> {
        self.end_line(job)?;
        let took = format_duration(step.duration);
        let message = step.message.as_deref();
        let detail = message.map(|m| format!(": {m}")).unwrap_or_default();
        let (paint, sign) = match (step.status, self.style.unicode) {
            (StepStatus::Success, true) => (Paint::Faint, "✓"),
            (StepStatus::Success, false) => (Paint::Faint, "ok"),
            (_, true) => (Paint::Bad, "✗"),
            (_, false) => (Paint::Bad, "!!"),
        };
        let text = self.paint(paint, &format!("{sign} {took}{detail}"));
        self.line(job, &text)?;
        if step.status == StepStatus::Failed {
            self.failures.push(Failure {
                job: self.name(job).to_owned(),
                step: step.clone(),
                script: self.script.take(),
                tail: std::mem::take(&mut self.tail),
            });
        }
        Ok(())
    }

    fn output(&mut self, job: JobIndex, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            self.partial.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.partial.pop();
                self.partial_line(job)?;
            } else if self.partial.len() > LONGEST_LINE {
                self.partial_line(job)?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self, job: JobIndex) -> io::Result<()> {
        if self.partial.is_empty() {
            return Ok(());
        }
        self.partial_line(job)
    }

    fn partial_line(&mut self, job: JobIndex) -> io::Result<()> {
        let bytes = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&bytes);
        let text = self.readable(&text);
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(text.clone());
        self.line(job, &text)
    }

    /// Shows output as a terminal would: progress bars overwrite themselves, so the last state
    /// of a line counts. Colours stay where colours are wanted; other sequences could move the
    /// cursor into lines of ours.
    fn readable(&self, text: &str) -> String {
        let text = text.trim_end_matches('\r');
        let text = text.rsplit('\r').next().unwrap_or(text);
        if !self.style.color {
            return anstream::adapter::strip_str(text).to_string();
        }
        let mut out = String::new();
        let mut rest = text;
        let mut colored = false;
        while let Some(start) = rest.find('\u{1b}') {
            out.push_str(&rest[..start]);
            rest = &rest[start + 1..];
            let Some(sequence) = rest.strip_prefix('[') else {
                continue;
            };
            let end = sequence.find(|c: char| !matches!(c, '0'..='9' | ';' | ':' | '?' | ' '));
            let Some(end) = end else {
                rest = "";
                break;
            };
            let last = sequence[end..].chars().next().map_or(0, char::len_utf8);
            if sequence[end..].starts_with('m') {
                out.push_str(&format!("\u{1b}[{}", &sequence[..=end]));
                colored = true;
            }
            rest = &sequence[end + last..];
        }
        out.push_str(rest);
        if colored {
            out.push_str("\u{1b}[0m");
        }
        out.retain(|c| c == '\u{1b}' || c == '\t' || !c.is_control());
        out
    }

    fn line(&mut self, job: JobIndex, text: &str) -> io::Result<()> {
        let bar = if self.style.unicode { '│' } else { '|' };
        let name: String = self.name(job).chars().take(self.columns).collect();
        let columns = self.columns;
        let name = self.paint(Paint::Faint, &format!("{name:columns$} {bar}"));
        writeln!(self.out, "{}", format!("{name} {text}").trim_end())
    }

    fn name(&self, job: JobIndex) -> &str {
        self.names.get(job).map_or("?", String::as_str)
    }

    fn why(&self, why: &Skipped) -> String {
        match *why {
            Skipped::Canceled => "the run was canceled".to_owned(),
            Skipped::Held => "it waits for an approval".to_owned(),
            Skipped::Requirement { job, status, root } => {
                let text = format!("{} is {}", self.name(job), status.as_str());
                if root == job {
                    text
                } else {
                    format!("{text}, because of {}", self.name(root))
                }
            }
        }
    }

    fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        let head = format!("{}: {}", failure.job, plain(&failure.step.title));
        let head = self.paint(Paint::Bad, &head);
        writeln!(self.out, "\n{head}")?;
        if let Some(script) = failure
            .script
            .as_ref()
            .filter(|s| **s != failure.step.title)
        {
            writeln!(self.out, "  $ {}", plain(script))?;
        }
        for line in &failure.tail {
            writeln!(self.out, "  {line}")?;
        }
        match &failure.step.message {
            Some(message) => writeln!(self.out, "  {message}"),
            None => Ok(()),
        }
    }

    fn jobs(&mut self, jobs: &[JobReport]) -> io::Result<()> {
        let width = jobs.iter().map(|job| job.name.chars().count()).max();
        let width = width.unwrap_or(0).max("job".len());
        let head = self.paint(
            Paint::Faint,
            &format!("{:width$}  {:12}  time", "job", "status"),
        );
        writeln!(self.out, "{head}")?;
        for job in jobs {
            let word = if job.held {
                "on_hold"
            } else {
                job.status.as_str()
            };
            let status = self.paint(of_status(job.status), &format!("{word:12}"));
            let mut rest = match (&job.stopped_by, job.duration) {
                (Some(other), _) => format!("because of {other}"),
                (None, Duration::ZERO) => String::new(),
                (None, took) => format_duration(took),
            };
            if job.nodes > 1 {
                rest.push_str(&format!(", {} nodes", job.nodes));
            }
            if let Some(tests) = job.tests {
                rest.push_str(&format!(", {}", told(tests)));
            }
            writeln!(
                self.out,
                "{}",
                format!("{:width$}  {status}  {rest}", job.name).trim_end()
            )?;
        }
        Ok(())
    }

    fn layers(&mut self, layers: &[&LayerReport]) -> io::Result<()> {
        let width = layers.iter().map(|layer| layer.job.chars().count()).max();
        let width = width.unwrap_or(0).max("layer of".len());
        let head = format!(
            "{:width$}  {:12}  {:>9}  {:>7}  full digest",
            "layer of", "digest", "size", "entries"
        );
        let head = self.paint(Paint::Faint, &head);
        writeln!(self.out, "{head}")?;
        for layer in layers {
            let (digest, size) = (short(&layer.digest), size(layer.size));
            let (job, entries, full) = (&layer.job, layer.entries, &layer.digest);
            writeln!(
                self.out,
                "{job:width$}  {digest:12}  {size:>9}  {entries:>7}  {full}"
            )?;
        }
        Ok(())
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        use anstyle::{AnsiColor, Style};
        if !self.style.color {
            return text.to_owned();
        }
        let color = |color: AnsiColor| color.on_default();
        let style: Style = match paint {
            Paint::Good => color(AnsiColor::Green),
            Paint::Bad => color(AnsiColor::Red).bold(),
            Paint::Notice => color(AnsiColor::Yellow),
            Paint::Faint => Style::new().dimmed(),
            Paint::Strong => Style::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }
}

fn of_status(status: JobStatus) -> Paint {
    match status {
        JobStatus::Success => Paint::Good,
        JobStatus::NotRun => Paint::Notice,
        JobStatus::Failed | JobStatus::Canceled | JobStatus::Unauthorized => Paint::Bad,
    }
}

/// Returns a text of the config without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Returns the first digits of a digest: enough to tell layers apart by eye.
fn short(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..12).unwrap_or(hex)
}

fn extent(layer: &LayerReport) -> String {
    let y = if layer.entries == 1 { "y" } else { "ies" };
    format!("{}, {} entr{y}", size(layer.size), layer.entries)
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "one digit after the point is shown"
    )]
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        if amount < 1000.0 {
            break;
        }
        amount /= 1024.0;
        unit = larger;
    }
    format!("{amount:.1} {unit}")
}
