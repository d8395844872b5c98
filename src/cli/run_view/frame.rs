//! What the bottom of the terminal shows at one moment: a line for each node that runs, as many
//! as fit, and one line that counts.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::live::Size;
use super::paint::Paint;
use super::region::Line;
use super::words::clock;
use super::{Stop, Style};
use crate::cli::layers::human;

/// A node that runs.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) label: String,
    /// How long it has run.
    pub(super) elapsed: Duration,
    /// Its present step and how long that one has run.
    pub(super) step: Option<(&'a str, Duration)>,
    /// Bytes and entries of the layer that is made or applied.
    pub(super) progress: Option<(u64, u64)>,
}

/// How many jobs are how far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) running: usize,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) unrun: usize,
    pub(super) waiting: usize,
}

/// Draws a moment within the size; one row is left for what has scrolled.
pub(super) fn frame(
    style: Style,
    size: Size,
    rows: &[Row<'_>],
    counts: Counts,
    elapsed: Duration,
    stop: Option<Stop>,
) -> Vec<Line> {
    // A line that reaches the last column would leave the cursor in doubt.
    let columns = size.columns.saturating_sub(1).max(1);
    let most = size.rows.saturating_sub(1).max(1);
    let shown = match rows.len() < most {
        true => rows.len(),
        false => most.saturating_sub(2),
    };
    let widths = rows.iter().take(shown).map(|row| row.label.width());
    let names = widths.max().unwrap_or(0).min(columns / 3);
    let mut lines: Vec<Line> = rows
        .iter()
        .take(shown)
        .map(|row| line(style, columns, names, row))
        .collect();
    if shown < rows.len() && most > 1 {
        let more = format!("  {} {} more", style.sign("…", "..."), rows.len() - shown);
        lines.push(painted(style, Paint::Faint, &fit(style, &more, columns)));
    }
    lines.push(status(style, columns, counts, elapsed, stop));
    lines
}

fn line(style: Style, columns: usize, names: usize, row: &Row<'_>) -> Line {
    let label = fit(style, &row.label, names);
    let room = " ".repeat(names - label.width());
    let head = format!("  {label}{room}  {:>6}  ", clock(row.elapsed));
    let mut left = columns.saturating_sub(head.width());
    let mut note = row.step.map_or(String::new(), |(_, since)| format!(" ({})", clock(since)));
    if let Some((bytes, entries)) = row.progress {
        note.push_str(&format!("  {}, {entries} entries", human(bytes)));
    }
    // A step's name says more than its figures.
    if note.width() * 2 > left {
        note.clear();
    }
    left -= note.width();
    let title = fit(style, row.step.map_or("", |(title, _)| title), left);
    let head = fit(style, &head, columns);
    let text = format!("{head}{title}{}", style.paint(Paint::Faint, &note));
    Line {
        width: head.width() + title.width() + note.width(),
        text,
    }
}

fn status(
    style: Style,
    columns: usize,
    counts: Counts,
    elapsed: Duration,
    stop: Option<Stop>,
) -> Line {
    let parts = [
        (counts.running, "running"),
        (counts.done, "done"),
        (counts.failed, "failed"),
        (counts.unrun, "not run"),
        (counts.waiting, "waiting"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, what)| *count > 0 || *what == "done")
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let head = match stop {
        None => String::new(),
        Some(Stop::Asked) => "stopping  ".to_owned(),
        Some(Stop::Killed) => "killing  ".to_owned(),
    };
    let text = format!("{head}{}  {}", clock(elapsed), parts.join(", "));
    let paint = match (stop, counts.failed) {
        (None, 0) => Paint::Strong,
        _ => Paint::Bad,
    };
    painted(style, paint, &fit(style, &text, columns))
}

fn painted(style: Style, paint: Paint, text: &str) -> Line {
    Line {
        text: style.paint(paint, text),
        width: text.width(),
    }
}

/// Cuts a text to a width.
fn fit(style: Style, text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = most.saturating_sub(1);
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        out.push(c);
    }
    if most > 0 {
        out.push_str(style.sign("…", "~"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_columns() {
        let style = Style {
            color: false,
            unicode: true,
        };
        for (text, most, fits) in [
            ("build", 5, "build"),
            ("build", 4, "bui…"),
            ("build", 1, "…"),
            ("build", 0, ""),
            ("漢字漢字", 5, "漢字…"),
            ("漢字漢字", 4, "漢…"),
        ] {
            assert_eq!(fit(style, text, most), fits);
        }
    }

    #[test]
    fn no_frame_is_larger_than_its_terminal() {
        let rows: Vec<Row<'_>> = (0..30)
            .map(|at| Row {
                label: format!("a-job-with-a-long-name-漢字-{at}"),
                elapsed: Duration::from_secs(at * 1000),
                step: Some(("a step whose name goes on and on and on", Duration::from_secs(at))),
                progress: (at % 2 == 0).then_some((at << 30, at)),
            })
            .collect();
        let style = Style {
            color: false,
            unicode: true,
        };
        for columns in 0..100 {
            for height in 0..40 {
                let size = Size {
                    rows: height,
                    columns,
                };
                let counts = Counts {
                    running: 30,
                    ..Counts::default()
                };
                let lines = frame(style, size, &rows, counts, Duration::from_secs(9999), None);
                assert!(lines.len() <= height.saturating_sub(1).max(1));
                for line in &lines {
                    assert_eq!(line.width, line.text.width());
                    assert!(line.width <= columns.saturating_sub(1).max(1), "{line:?} {columns}");
                }
            }
        }
    }
}
