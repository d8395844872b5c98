//! The JSON report, version 1. Keys are added, never changed, within a version.

use serde::Serialize;

use super::{Confidence, Counts, Finding, Group, Report, Severity};
use crate::yaml::{Source, Span};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    tool: Tool,
    files: usize,
    findings: Vec<Item<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Item<'a> {
    rule: &'static str,
    group: Group,
    severity: Severity,
    confidence: Confidence,
    title: &'a str,
    labels: Vec<Place<'a>>,
    help: Option<&'a str>,
    notes: &'a [String],
    fix: Option<()>,
    fingerprint: &'a str,
    suppressed: Option<Suppressed<'a>>,
}

#[derive(Serialize)]
struct Suppressed<'a> {
    reason: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    file: String,
    span: Range,
    text: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct Range {
    start: Point,
    end: Point,
}

#[derive(Serialize)]
struct Point {
    line: u32,
    column: u32,
    byte: u32,
}

pub(super) fn render(reports: &[Report]) -> String {
    let findings = reports
        .iter()
        .flat_map(|r| all(r).map(move |f| item(r, f)))
        .collect();
    let document = Document {
        version: 1,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        files: reports.len(),
        findings,
        summary: Counts::of(reports),
    };
    // Every value above has a JSON form, so this does not fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Renders a line a finding.
pub(super) fn lines(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        for finding in all(report) {
            // Every value of an item has a JSON form.
            out.push_str(&serde_json::to_string(&item(report, finding)).unwrap_or_default());
            out.push('\n');
        }
    }
    out
}

/// Returns the findings, then those that are silenced, where those are to be seen.
fn all(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().chain(&report.suppressed)
}

fn item<'a>(report: &'a Report, finding: &'a Finding) -> Item<'a> {
    let labels = finding
        .labels
        .iter()
        .filter_map(|label| {
            let source = report.sources.get(label.at.source)?;
            Some(Place {
                file: source.name(),
                span: range(source, label.at.span),
                text: &label.text,
                primary: label.primary,
            })
        })
        .collect();
    Item {
        rule: finding.rule,
        group: finding.group,
        severity: finding.severity,
        confidence: finding.confidence,
        title: &finding.title,
        labels,
        help: finding.help.as_deref(),
        notes: &finding.notes,
        fix: None,
        fingerprint: &finding.fingerprint,
        suppressed: finding
            .suppressed
            .as_deref()
            .map(|reason| Suppressed { reason }),
    }
}

fn range(source: &Source, span: Span) -> Range {
    let point = |byte: u32| {
        let p = source.lines().position(source.text(), byte);
        Point {
            line: p.line,
            column: p.column,
            byte,
        }
    };
    Range {
        start: point(span.start),
        end: point(span.end),
    }
}
