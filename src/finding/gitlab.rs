//! The Code Quality report of GitLab (docs.gitlab.com, "Code Quality report format").

use serde_json::{Value, json};

use super::place::{message, primary};
use super::{Report, Severity};

pub(super) fn render(reports: &[Report]) -> String {
    let mut issues: Vec<Value> = Vec::new();
    for report in reports {
        for finding in &report.findings {
            let Some(place) = primary(report, finding) else {
                continue;
            };
            let severity = match finding.severity {
                Severity::Error => "critical",
                Severity::Warning => "minor",
                Severity::Info => "info",
            };
            issues.push(json!({
                "description": message(finding),
                "check_name": finding.rule,
                "fingerprint": format!("{}-{}", place.file, finding.fingerprint),
                "severity": severity,
                "location": {
                    "path": place.file.trim_start_matches("./"),
                    "lines": {"begin": place.start.line, "end": place.end.line},
                },
            }));
        }
    }
    // Every value above has a JSON form.
    serde_json::to_string_pretty(&issues).unwrap_or_default() + "\n"
}
