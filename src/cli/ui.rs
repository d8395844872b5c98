//! The terminal: what goes to stdout, what to stderr, and how it may look there.

use std::io::{IsTerminal as _, Write as _};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;

use super::{CliError, meter};
use crate::finding::Look;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();
const NOTE: Style = Style::new().dimmed();

/// Where a command talks to: results to stdout, everything else to stderr.
pub(crate) struct Ui {
    choice: anstream::ColorChoice,
    quiet: bool,
}

impl Ui {
    pub(crate) fn new(color: ColorChoice, quiet: bool) -> Self {
        let choice = match color {
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
            // `NO_COLOR`, `CLICOLOR_FORCE` and the terminal itself are asked by anstream;
            // `FORCE_COLOR` is not among what it knows.
            ColorChoice::Auto
                if std::env::var_os("FORCE_COLOR").is_some_and(|v| v != "0" && !v.is_empty()) =>
            {
                anstream::ColorChoice::Always
            }
            ColorChoice::Auto => anstream::ColorChoice::Auto,
        };
        Self { choice, quiet }
    }

    /// Says whether only what went wrong is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a result to stdout.
    pub(crate) fn out(&self, text: &str) -> Result<(), CliError> {
        meter::clear();
        let mut stdout = AutoStream::new(std::io::stdout().lock(), self.choice);
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Returns stdout for what is written as it comes.
    pub(crate) fn stdout(&self) -> AutoStream<std::io::Stdout> {
        AutoStream::new(std::io::stdout(), self.choice)
    }

    /// Writes talk to stderr; what cannot be said there is not worth dying for.
    pub(crate) fn talk(&self, text: &str) {
        if !self.quiet {
            self.always(text);
        }
    }

    fn always(&self, text: &str) {
        meter::clear();
        let mut stderr = AutoStream::new(std::io::stderr().lock(), self.choice);
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    /// Says what ended a command and returns its exit status.
    pub(crate) fn fail(&self, error: &CliError) -> u8 {
        if !error.message.is_empty() {
            let mut text = format!("{ERROR}error:{ERROR:#} {}\n", error.message);
            for hint in &error.hints {
                text.push_str(&format!("{HINT}hint:{HINT:#} {hint}\n"));
            }
            for note in &error.notes {
                text.push_str(&format!("{NOTE}note:{NOTE:#} {note}\n"));
            }
            self.always(&text);
        }
        error.code
    }

    /// Says something worth knowing that ends nothing.
    pub(crate) fn note(&self, text: &str) {
        self.talk(&format!("{NOTE}note:{NOTE:#} {text}\n"));
    }

    /// Returns how findings may look on stdout.
    pub(crate) fn look(&self) -> Look {
        let stdout = std::io::stdout();
        let color = AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        Look {
            color: match self.choice {
                anstream::ColorChoice::Auto => color,
                other => other != anstream::ColorChoice::Never,
            },
            unicode: unicode(),
            width: width(stdout.is_terminal()),
        }
    }
}

/// Says whether the environment speaks UTF-8; where nothing is said, it does.
fn unicode() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    said.is_none_or(|locale| {
        let locale = locale.to_ascii_uppercase();
        locale.contains("UTF-8")
            || locale.contains("UTF8")
            || !matches!(locale.as_str(), "C" | "POSIX")
    })
}

/// Columns of the terminal, or a width that reads well in a log.
fn width(terminal: bool) -> usize {
    const PLAIN: usize = 100;
    #[cfg(unix)]
    if terminal && let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
        return usize::from(size.ws_col).clamp(60, 140);
    }
    let _ = terminal;
    PLAIN
}

/// Asks for a report after a panic.
pub(super) fn say_defect() {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(
        stderr,
        "\nThis is a defect of holdall {}. Please report it with the input that caused it.",
        env!("CARGO_PKG_VERSION")
    );
}

/// Returns a number with its noun.
pub(crate) fn counted<N: Copy + PartialEq + From<u8> + std::fmt::Display>(
    count: N,
    one: &str,
    many: &str,
) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}
