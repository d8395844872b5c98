//! Which view it is: a program that asks gets JSON, a person at a terminal what runs now, and
//! whatever else reads gets lines.

use std::io::{IsTerminal as _, stdout};
use std::time::{Instant, SystemTime};

use super::{Detail, Json, Live, Plain, Screen, Size, Style, View};
use crate::cli::Ui;

/// What is wanted on stdout: what a person reads, or one JSON object a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Human,
    Json,
}

/// What a terminal is taken for that does not tell its size.
const USUAL: Size = Size {
    rows: 24,
    columns: 80,
};

/// Makes the view for what stdout is and for what was asked.
pub(crate) fn choose(ui: &Ui, format: Format, verbose: bool) -> Box<dyn View> {
    let look = ui.look();
    let style = Style {
        color: look.color,
        unicode: look.unicode,
    };
    match format {
        Format::Json => Box::new(Json::new(stdout(), SystemTime::now)),
        Format::Human if ui.is_quiet() => {
            Box::new(Plain::new(ui.stdout(), style, Detail::Failures))
        }
        // Not through what drops sequences where no colours are wanted: these move the cursor.
        Format::Human if !verbose && draws() => {
            Box::new(Live::new(stdout(), style, Box::new(Terminal)))
        }
        Format::Human => Box::new(Plain::new(ui.stdout(), style, Detail::All)),
    }
}

/// Says whether stdout is a terminal that a person looks at, and that can move its cursor.
fn draws() -> bool {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let watched = matches!(said("CI").as_str(), "" | "0" | "false");
    watched && said("TERM") != "dumb" && stdout().is_terminal()
}

/// The terminal behind stdout.
struct Terminal;

impl Screen for Terminal {
    fn size(&self) -> Size {
        #[cfg(unix)]
        if let Ok(size) = rustix::termios::tcgetwinsize(stdout())
            && size.ws_row > 0
            && size.ws_col > 0
        {
            return Size {
                rows: size.ws_row.into(),
                columns: size.ws_col.into(),
            };
        }
        USUAL
    }

    fn now(&self) -> Instant {
        Instant::now()
    }
}
