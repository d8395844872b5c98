//! SARIF 2.1.0, with the rules that speak and their documentation (OASIS, "Static Analysis Results
//! Interchange Format").

use serde_json::{Value, json};

use super::place::{self, message};
use super::{Finding, Report, RuleInfo, Severity};
use crate::yaml::Location;

pub(super) fn render(reports: &[Report], rules: &[RuleInfo<'_>]) -> String {
    let descriptors: Vec<Value> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name,
                "shortDescription": {"text": rule.summary},
                "help": {"text": rule.docs, "markdown": rule.docs},
                "defaultConfiguration": {"level": level(rule.severity)},
                "properties": {"tags": [rule.group]},
            })
        })
        .collect();
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| {
            let all = report.findings.iter().chain(&report.suppressed);
            all.map(|finding| result(report, finding, rules))
        })
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": descriptors,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // Every value above has a JSON form.
    serde_json::to_string_pretty(&log).unwrap_or_default() + "\n"
}

fn result(report: &Report, finding: &Finding, rules: &[RuleInfo<'_>]) -> Value {
    let others: Vec<Value> = finding
        .labels
        .iter()
        .filter(|l| !l.primary)
        .enumerate()
        .filter_map(|(i, label)| {
            let mut place = location(report, label.at)?;
            place["id"] = json!(i + 1);
            place["message"] = json!({"text": label.text});
            Some(place)
        })
        .collect();
    let primary = finding.primary().and_then(|l| location(report, l.at));
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": message(finding)},
        "locations": primary.into_iter().collect::<Vec<_>>(),
        "partialFingerprints": {"holdall/v1": finding.fingerprint},
    });
    if let Some(index) = rules.iter().position(|r| r.name == finding.rule) {
        result["ruleIndex"] = json!(index);
    }
    if !others.is_empty() {
        result["relatedLocations"] = json!(others);
    }
    if let Some(reason) = &finding.suppressed {
        result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
    }
    result
}

fn location(report: &Report, at: Location) -> Option<Value> {
    let place = place::of(report, at)?;
    Some(json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&place.file)},
            "region": {
                "startLine": place.start.line,
                "startColumn": place.start.column,
                "endLine": place.end.line,
                "endColumn": place.end.column,
            },
        },
    }))
}

/// Writes a path as a relative reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}
