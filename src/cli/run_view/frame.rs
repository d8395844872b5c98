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

/// How much of a step's title comes before its figures.
const TITLE: usize = 16;

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
    pub(super) canceled: usize,
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
    let label = fit_ends(style, &row.label, names);
    let room = " ".repeat(names - label.width());
    let head = format!("  {label}{room}  {:>6}  ", clock(row.elapsed));
    let left = columns.saturating_sub(head.width());
    let title = row.step.map_or("", |(title, _)| title);
    let note = note(row, left.saturating_sub(title.width().min(TITLE)));
    let title = fit(style, title, left - note.width());
    let head = fit(style, &head, columns);
    let text = format!("{head}{title}{}", style.paint(Paint::Faint, &note));
    Line {
        width: head.width() + title.width() + note.width(),
        text,
    }
}

/// Says how far a step is, with as many figures as fit.
fn note(row: &Row<'_>, most: usize) -> String {
    let since = row.step.map(|(_, since)| format!(" ({})", clock(since)));
    let since = since.unwrap_or_default();
    let forms = match row.progress {
        None => vec![since],
        Some((bytes, entries)) => {
            let bytes = format!("  {}", human(bytes));
            let entries = format!("{bytes}, {entries} entries");
            vec![format!("{since}{entries}"), entries, bytes]
        }
    };
    let fits = |form: &String| form.width() <= most;
    forms.into_iter().find(fits).unwrap_or_default()
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
        (counts.canceled, "canceled"),
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

/// Cuts a name to a width; names of one workflow often differ at their ends.
fn fit_ends(style: Style, text: &str, most: usize) -> String {
    if text.width() <= most || most < 8 {
        return fit(style, text, most);
    }
    let mut left = most / 2;
    let mut end = text.len();
    for (at, c) in text.char_indices().rev() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        end = at;
    }
    let end = &text[end..];
    format!("{}{end}", fit(style, text, most - end.width()))
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
    fn a_name_keeps_its_end() {
        let style = Style {
            color: false,
            unicode: true,
        };
        let name = "integration-tests-17";
        assert_eq!(fit_ends(style, name, 20), name);
        assert_eq!(fit_ends(style, name, 12), "integ…sts-17");
        assert_eq!(fit_ends(style, name, 5), "inte…");
        assert!(fit_ends(style, "漢字漢字漢字漢字", 9).width() <= 9);
    }

    #[test]
    fn no_frame_is_larger_than_its_terminal() {
        let rows: Vec<Row<'_>> = (0..30)
            .map(|at| Row {
                label: format!("a-job-with-a-long-name-漢字-{at}"),
                elapsed: Duration::from_secs(at * 1000),
                step: Some((
                    "a step whose name goes on and on and on",
                    Duration::from_secs(at),
                )),
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
                    assert!(
                        line.width <= columns.saturating_sub(1).max(1),
                        "{line:?} {columns}"
                    );
                }
            }
        }
    }
}
