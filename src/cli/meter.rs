//! One line that shows what goes over the network: on a terminal only, after half a second, and
//! gone again at the end.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::Ui;
use super::layers::human;
use crate::layer::Moved;

/// What takes less than this is not shown.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(100);

/// The line on stderr.
pub(super) struct Meter {
    began: Instant,
    /// When the line was last written; none where it is not there.
    written: Mutex<Option<Instant>>,
}

impl Meter {
    /// Returns a line where there is a terminal that wants one.
    pub(super) fn on(ui: &Ui) -> Option<Self> {
        (!ui.is_quiet() && std::io::stderr().is_terminal()).then(|| Self {
            began: Instant::now(),
            written: Mutex::new(None),
        })
    }

    /// Shows what has moved so far.
    pub(super) fn show(&self, moved: Moved) {
        let Ok(mut written) = self.written.lock() else {
            return;
        };
        let due = written.map_or(self.began.elapsed() >= PATIENCE, |last| {
            last.elapsed() >= PACE
        });
        if due {
            let mut stderr = std::io::stderr().lock();
            // What cannot be shown is not worth an error.
            let _ = write!(stderr, "\r\x1b[K{}", line(moved, self.began.elapsed()));
            let _ = stderr.flush();
            *written = Some(Instant::now());
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.written.lock().is_ok_and(|written| written.is_some()) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn line(moved: Moved, elapsed: Duration) -> String {
    let rate = |bytes: u64| {
        let seconds = elapsed.as_secs_f64().max(0.001);
        human((bytes as f64 / seconds) as u64)
    };
    let part = |name: &str, done: u64, all: u64| {
        (all > 0).then(|| format!("{name} {} of {}, {}/s", human(done), human(all), rate(done)))
    };
    let parts = [
        part("sent", moved.sent, moved.to_send),
        part("received", moved.received, moved.to_receive),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_both_ways_and_leaves_out_what_does_not_move() {
        let moved = Moved {
            sent: 1 << 20,
            to_send: 4 << 20,
            ..Moved::default()
        };
        let second = Duration::from_secs(1);
        assert_eq!(line(moved, second), "sent 1.0 MiB of 4.0 MiB, 1.0 MiB/s");
        let both = Moved {
            received: 512,
            to_receive: 1024,
            ..moved
        };
        assert_eq!(
            line(both, second),
            "sent 1.0 MiB of 4.0 MiB, 1.0 MiB/s; received 512 B of 1.0 KiB, 512 B/s"
        );
        assert_eq!(line(Moved::default(), second), "");
    }
}
