//! What is said when a run is over: the steps that failed, the jobs, the layers, and where the
//! rest can be read.

use std::io::{self, Write};
use std::time::Duration;

use unicode_width::UnicodeWidthStr as _;

use super::Style;
use super::paint::Paint;
use super::readable::{plain, readable};
use super::track::Failure;
use super::words::{self, short};
use crate::cli::layers::human;
use crate::plan::JobStatus;
use crate::run::{JobReport, LayerReport, Summary, format_duration};

/// Writes a step that failed, with its last lines.
pub(super) fn failure(out: &mut dyn Write, style: Style, failure: &Failure) -> io::Result<()> {
    let title = plain(&failure.step.title);
    let head = format!("{} {}: {title}", style.sign("✗", "!!"), failure.label);
    writeln!(out, "\n{}", style.paint(Paint::Bad, &head))?;
    let script = failure.script.as_ref();
    if let Some(script) = script.filter(|s| **s != failure.step.title) {
        writeln!(out, "  $ {}", plain(script))?;
    }
    for line in &failure.tail {
        let line = readable(line, style.color);
        writeln!(out, "{}", format!("  {line}").trim_end())?;
    }
    match &failure.step.message {
        Some(message) => writeln!(out, "  {}", plain(message)),
        None => Ok(()),
    }
}

/// Writes the tables and the verdict; `digests` asks for the digests of layers in full.
pub(super) fn summary(
    out: &mut dyn Write,
    style: Style,
    summary: &Summary,
    digests: bool,
) -> io::Result<()> {
    writeln!(out)?;
    jobs(out, style, &summary.jobs)?;
    let made: Vec<&LayerReport> = summary.jobs.iter().flat_map(|job| &job.layers).collect();
    if digests && !made.is_empty() {
        writeln!(out)?;
        layers(out, style, &made)?;
    }
    verdict(out, style, summary)?;
    out.flush()
}

/// Writes how it ended, and where logs and results are.
pub(super) fn verdict(out: &mut dyn Write, style: Style, summary: &Summary) -> io::Result<()> {
    let failed = |job: &JobReport| !matches!(job.status, JobStatus::Success | JobStatus::NotRun);
    let held = summary.jobs.iter().any(|job| job.held) && !summary.jobs.iter().any(failed);
    let (paint, word) = match (summary.success, summary.canceled) {
        (_, true) => (Paint::Bad, "canceled"),
        (false, false) if held => (Paint::Notice, "on hold"),
        (true, false) => (Paint::Good, "success"),
        (false, false) => (Paint::Bad, "failed"),
    };
    let word = style.paint(paint, word);
    let took = format_duration(summary.duration);
    writeln!(out, "\n{word} in {took}")?;
    if summary.jobs.iter().any(|job| job.results.is_some()) {
        let results = summary.logs.join("results");
        writeln!(out, "results: {}", results.display())?;
    }
    writeln!(out, "logs: {}", summary.logs.display())
}

fn jobs(out: &mut dyn Write, style: Style, jobs: &[JobReport]) -> io::Result<()> {
    let head = ["job", "status", "time", "layers", "tests"].map(str::to_owned);
    let mut rows = vec![(Paint::Faint, head)];
    for job in jobs {
        let word = match job.held {
            true => "on_hold",
            false => job.status.as_str(),
        };
        let time = match (&job.stopped_by, job.duration) {
            (Some(other), _) => format!("because of {}", plain(other)),
            (None, Duration::ZERO) => String::new(),
            (None, took) if job.nodes > 1 => {
                format!("{}, {} nodes", format_duration(took), job.nodes)
            }
            (None, took) => format_duration(took),
        };
        let made: u64 = job.layers.iter().map(|layer| layer.size).sum();
        let made = match job.layers.len() {
            0 => String::new(),
            count => format!("{count}, {}", human(made)),
        };
        let tests = job.tests.map(words::tests).unwrap_or_default();
        let row = [plain(&job.name), word.to_owned(), time, made, tests];
        rows.push((style.of_status(job.status).1, row));
    }
    // A column that says nothing but its head is left out.
    let columns: Vec<(usize, usize)> = (0..5)
        .filter(|&at| at < 3 || rows.iter().skip(1).any(|(_, row)| !row[at].is_empty()))
        .map(|at| {
            let widths = rows.iter().map(|(_, row)| row[at].width());
            (at, widths.max().unwrap_or(0))
        })
        .collect();
    for (line, (paint, row)) in rows.iter().enumerate() {
        let cells: Vec<String> = columns
            .iter()
            .map(|&(at, width)| {
                let room = " ".repeat(width - row[at].width());
                match at == 1 && line > 0 {
                    true => format!("{}{room}", style.paint(*paint, &row[at])),
                    false => format!("{}{room}", row[at]),
                }
            })
            .collect();
        let text = cells.join("  ");
        let text = text.trim_end();
        match line {
            0 => writeln!(out, "{}", style.paint(Paint::Faint, text))?,
            _ => writeln!(out, "{text}")?,
        }
    }
    Ok(())
}

fn layers(out: &mut dyn Write, style: Style, layers: &[&LayerReport]) -> io::Result<()> {
    let names = layers
        .iter()
        .map(|layer| plain(&layer.job))
        .collect::<Vec<_>>();
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let width = width.max("layer of".len());
    let head = format!(
        "{:width$}  {:12}  {:>9}  {:>7}  full digest",
        "layer of", "digest", "size", "entries"
    );
    writeln!(out, "{}", style.paint(Paint::Faint, &head))?;
    for (name, layer) in names.iter().zip(layers) {
        let (digest, size) = (short(&layer.digest), human(layer.size));
        let (entries, full) = (layer.entries, &layer.digest);
        let room = " ".repeat(width - name.width());
        writeln!(
            out,
            "{name}{room}  {digest:12}  {size:>9}  {entries:>7}  {full}"
        )?;
    }
    Ok(())
}
