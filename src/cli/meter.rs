//! One line that shows how far something is that takes long, on this machine or over the network: on
//! a terminal only, after half a second, and gone again before anything else is said.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Ui;
use super::layers::human;
use super::ui::counted;
use crate::layer::{Moved, Transferred};

/// What takes less than this is not shown.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(100);

/// Whether a line stands on the terminal.
static STANDS: AtomicBool = AtomicBool::new(false);

/// Takes the line away, where one stands.
pub(super) fn clear() {
    if STANDS.swap(false, Ordering::Relaxed) {
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
    }
}

/// Returns what shows how far work on this machine is; `verb` says what is done with the bytes.
pub(super) fn progress(ui: &Ui, verb: &'static str) -> impl FnMut(Transferred) + use<> {
    let meter = Meter::on(ui);
    move |done| {
        if let Some(meter) = &meter {
            meter.write(|elapsed| worked(verb, done, elapsed));
        }
    }
}

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

    /// Shows what has moved over the network so far.
    pub(super) fn show(&self, moved: Moved) {
        self.write(|elapsed| line(moved, elapsed));
    }

    fn write(&self, text: impl FnOnce(Duration) -> String) {
        let Ok(mut written) = self.written.lock() else {
            return;
        };
        let due = written.map_or(self.began.elapsed() >= PATIENCE, |last| {
            last.elapsed() >= PACE
        });
        if due {
            let mut stderr = std::io::stderr().lock();
            // What cannot be shown is not worth an error.
            let _ = write!(stderr, "\r\x1b[K{}", text(self.began.elapsed()));
            let _ = stderr.flush();
            STANDS.store(true, Ordering::Relaxed);
            *written = Some(Instant::now());
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.written.lock().is_ok_and(|written| written.is_some()) {
            clear();
        }
    }
}

/// Returns how many bytes a second it was, as a person reads it.
fn rate(bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    human((bytes as f64 / seconds) as u64)
}

fn worked(verb: &str, done: Transferred, elapsed: Duration) -> String {
    let entries = match done.entries {
        0 => String::new(),
        count => format!("{}, ", counted(count, "entry", "entries")),
    };
    let rate = rate(done.bytes, elapsed);
    format!("{verb} {}, {entries}{rate}/s", human(done.bytes))
}

fn line(moved: Moved, elapsed: Duration) -> String {
    let part = |name: &str, done: u64, all: u64| {
        (all > 0).then(|| {
            let rate = rate(done, elapsed);
            format!("{name} {} of {}, {rate}/s", human(done), human(all))
        })
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
    fn work_on_this_machine_tells_bytes_entries_and_pace() {
        let done = Transferred {
            bytes: 6 << 20,
            entries: 1200,
        };
        assert_eq!(
            worked("packed", done, Duration::from_secs(2)),
            "packed 6.0 MiB, 1200 entries, 3.0 MiB/s"
        );
        // What reads archives knows no entries.
        let read = Transferred { entries: 0, ..done };
        let line = worked("checked", read, Duration::from_secs(2));
        assert_eq!(line, "checked 6.0 MiB, 3.0 MiB/s");
    }

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
