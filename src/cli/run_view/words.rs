//! How facts of a run are put into words, the same in every view.

use std::time::Duration;

use super::Stop;
use crate::cli::layers::human;
use crate::cli::ui::counted;
use crate::run::{Isolation, LayerReport, Tests};

/// Says how jobs are kept apart from the machine.
pub(super) fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::NamespacesAsRoot => "isolated: namespaces, as root",
        Isolation::NamespacesAsUser => "isolated: namespaces, without privileges",
        Isolation::Podman => "in containers of podman",
        Isolation::Docker => "in containers of docker",
        Isolation::Off => "not isolated: jobs can change everything that you can",
    }
}

/// Says what test reports say.
pub(super) fn tests(tests: Tests) -> String {
    let mut out = counted(tests.run, "test", "tests");
    for (count, what) in [(tests.failed, "failed"), (tests.skipped, "skipped")] {
        if count > 0 {
            out.push_str(&format!(", {count} {what}"));
        }
    }
    out
}

/// Says how many layers there are and how large they are together.
pub(super) fn layers(layers: &[LayerReport]) -> Option<String> {
    let count = layers.len();
    let size: u64 = layers.iter().map(|layer| layer.size).sum();
    (count > 0).then(|| format!("{}, {}", counted(count, "layer", "layers"), human(size)))
}

/// Says how large a layer is.
pub(super) fn extent(layer: &LayerReport) -> String {
    let entries = counted(layer.entries, "entry", "entries");
    format!("{}, {entries}", human(layer.size))
}

/// Returns the first digits of a digest: enough to tell layers apart by eye.
pub(super) fn short(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..12).unwrap_or(hex)
}

/// Returns a time that goes on, in whole seconds, so that it does not flicker.
pub(super) fn clock(elapsed: Duration) -> String {
    let whole = elapsed.as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, m) => format!("{m}m{seconds:02}s"),
        (h, m) => format!("{h}h{m:02}m"),
    }
}

/// Says that a run is about to end early.
pub(super) fn stopping(stop: Stop) -> &'static str {
    match stop {
        Stop::Asked => "stopping: steps are asked to end; Ctrl-C again kills them",
        Stop::Killed => "stopping: steps are killed",
    }
}
