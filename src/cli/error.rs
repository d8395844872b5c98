//! What ends a command early, and the exit status that it ends with.

use crate::finding;

/// Findings at or over the limit, a failed job, a refused layer.
pub(crate) const FOUND: u8 = 1;
/// Wrong usage or settings.
pub(crate) const USAGE: u8 = 2;
/// An input could not be read, a store could not be reached.
pub(crate) const INPUT: u8 = 3;
/// A defect of holdall.
pub(crate) const DEFECT: u8 = 4;

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) code: u8,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hints: Vec<String>,
    /// What else there is to know.
    pub(crate) notes: Vec<String>,
}

impl CliError {
    /// Something did not hold: a check, a conflict, a refusal.
    pub(crate) fn found(message: impl Into<String>) -> Self {
        Self::new(FOUND, message)
    }

    /// The command line or the settings ask for something that is not there.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// Something could not be read or reached.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(INPUT, message)
    }

    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Names what a wrong name may have meant, or what there is.
    pub(crate) fn hint_name<'n>(
        self,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match finding::nearest(name, known.iter().copied()) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => self,
            None => self.hint(format!("there are {}", finding::listed(&known, 10))),
        }
    }

    /// A closed pipe is no error: whoever read has had enough.
    pub(crate) fn broken_pipe() -> Self {
        Self::new(0, String::new())
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::broken_pipe()
        } else {
            Self::input(format!("cannot write the output: {error}"))
        }
    }
}
