//! Workflow commands: GitHub shows them at the lines of a change
//! (docs.github.com, "Workflow commands for GitHub Actions").

use super::place::{message, primary};
use super::{Report, Severity};

pub(super) fn render(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        for finding in &report.findings {
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let place = primary(report, finding).map_or_else(String::new, |place| {
                let mut text = format!(
                    "file={},line={},col={}",
                    property(&place.file),
                    place.start.line,
                    place.start.column
                );
                if place.end.line == place.start.line {
                    text.push_str(&format!(",endColumn={}", place.end.column));
                } else {
                    text.push_str(&format!(",endLine={}", place.end.line));
                }
                text + ","
            });
            out.push_str(&format!(
                "::{command} {place}title={}::{}\n",
                property(finding.rule),
                data(&message(finding))
            ));
        }
    }
    out
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
