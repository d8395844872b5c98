//! What is seen of a run: several views over the same events. A person at a terminal sees what
//! runs now, a log takes lines that say whose they are, and a program reads JSON.

mod choose;
mod end;
mod frame;
mod json;
mod lines;
mod live;
mod paint;
mod plain;
mod readable;
mod region;
mod track;
mod words;

use std::io;

use crate::run::{Event, Summary};

pub(crate) use choose::{Format, choose};
pub use json::Json;
pub use live::{Live, Screen, Size};
pub use plain::Plain;

/// How a view may draw.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colours are wanted.
    pub color: bool,
    /// Whether signs beyond ASCII can be shown.
    pub unicode: bool,
}

/// How much of a job's own output is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Only what went wrong.
    Failures,
    /// All of it.
    All,
}

/// Takes the events of one run as they come, and its summary.
pub trait View {
    /// Shows what happened.
    ///
    /// # Errors
    /// The output cannot be written.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Shows that somebody wants the run to end.
    ///
    /// # Errors
    /// The output cannot be written.
    fn stopping(&mut self, stop: Stop) -> io::Result<()>;

    /// Shows how it all ended.
    ///
    /// # Errors
    /// The output cannot be written.
    fn summary(&mut self, summary: &Summary) -> io::Result<()>;
}

/// How a run that somebody wants to end comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Steps are asked to end and have time for it.
    Asked,
    /// Steps are killed.
    Killed,
}
