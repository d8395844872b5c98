//! The lines at the bottom of a terminal that are drawn anew all the time. Everything for one
//! moment is one text, so that it can be written at once.
//!
//! Between two moments the cursor stands visible behind the last line: however the program ends,
//! the terminal is as it should be.

use std::fmt::Write as _;

/// Terminals that know it show all of a moment at once; others ignore it.
const TOGETHER: (&str, &str) = ("\u{1b}[?2026h", "\u{1b}[?2026l");
/// Hides the cursor, and stops a line that is wider than expected from taking a second row.
const STILL: (&str, &str) = ("\u{1b}[?25l\u{1b}[?7l", "\u{1b}[?7h\u{1b}[?25h");
const ERASE_BELOW: &str = "\u{1b}[J";
const ERASE_RIGHT: &str = "\u{1b}[K";

/// A line whose width is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) width: usize,
}

/// What stands there now.
#[derive(Debug, Default)]
pub(super) struct Region {
    lines: Vec<Line>,
    columns: usize,
}

impl Region {
    /// Returns what to write so that `above` scrolls away and `lines` stand below it; nothing
    /// where they stand there already. Each line of `lines` is narrower than the terminal.
    pub(super) fn draw(&mut self, above: &[String], lines: Vec<Line>, columns: usize) -> String {
        if above.is_empty() && lines == self.lines && columns == self.columns {
            return String::new();
        }
        let mut out = format!("{}{}{}", TOGETHER.0, STILL.0, self.up(columns));
        if !above.is_empty() || columns != self.columns {
            out.push_str(ERASE_BELOW);
        }
        if !above.is_empty() {
            // These may take several rows.
            out.push_str("\u{1b}[?7h");
            for line in above {
                let _ = write!(out, "{line}\r\n");
            }
            out.push_str("\u{1b}[?7l");
        }
        for (at, line) in lines.iter().enumerate() {
            let end = if at > 0 { "\r\n" } else { "" };
            // Writing to a string does not fail.
            let _ = write!(out, "{end}{}{ERASE_RIGHT}", line.text);
        }
        out.push_str(ERASE_BELOW);
        out.push_str(STILL.1);
        out.push_str(TOGETHER.1);
        self.lines = lines;
        self.columns = columns;
        out
    }

    /// Returns what to write so that nothing of it is left.
    pub(super) fn clear(&mut self, columns: usize) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let out = format!("{}{ERASE_BELOW}", self.up(columns));
        self.lines.clear();
        out
    }

    /// The way from behind the last line to the first column of the first one. A terminal that
    /// has become narrower has given wide lines further rows.
    fn up(&self, columns: usize) -> String {
        let rows = |line: &Line| line.width.div_ceil(columns.max(1)).max(1);
        let rows: usize = self.lines.iter().map(rows).sum();
        match rows {
            0 | 1 => "\r".to_owned(),
            more => format!("\r\u{1b}[{}A", more - 1),
        }
    }
}
