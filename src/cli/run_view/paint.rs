//! The few colours of a run, each named for what it means.

use anstyle::{AnsiColor, Style as Ansi};

use super::Style;
use crate::plan::JobStatus;

/// What a piece of text means.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Good,
    Bad,
    Notice,
    Faint,
    Strong,
}

impl Style {
    /// Returns the text in the colour of its meaning, where colours are wanted.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let color = |color: AnsiColor| color.on_default();
        let style = match paint {
            Paint::Good => color(AnsiColor::Green),
            Paint::Bad => color(AnsiColor::Red).bold(),
            Paint::Notice => color(AnsiColor::Yellow),
            Paint::Faint => Ansi::new().dimmed(),
            Paint::Strong => Ansi::new().bold(),
        };
        format!("{style}{text}{style:#}")
    }

    /// Returns one of two signs: the first beyond ASCII, the second within.
    pub(super) fn sign<'s>(self, beyond: &'s str, within: &'s str) -> &'s str {
        if self.unicode { beyond } else { within }
    }

    /// Returns the sign and the colour of a status.
    pub(super) fn of_status(self, status: JobStatus) -> (&'static str, Paint) {
        match status {
            JobStatus::Success => (self.sign("✓", "ok"), Paint::Good),
            JobStatus::NotRun => (self.sign("○", "--"), Paint::Notice),
            JobStatus::Failed | JobStatus::Canceled | JobStatus::Unauthorized => {
                (self.sign("✗", "!!"), Paint::Bad)
            }
        }
    }
}
