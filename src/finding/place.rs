//! Where a finding is reported, in the form that reports for machines share.

use super::{Finding, Report};
use crate::yaml::Position;

/// A file with a first and a last position; both count from 1.
pub(super) struct Place {
    pub(super) file: String,
    pub(super) start: Position,
    pub(super) end: Position,
}

/// Returns the place of a finding's primary label.
pub(super) fn primary(report: &Report, finding: &Finding) -> Option<Place> {
    of(report, finding.primary()?.at)
}

/// Returns the place of a location.
pub(super) fn of(report: &Report, at: crate::yaml::Location) -> Option<Place> {
    let source = report.sources.get(at.source)?;
    let position = |byte| source.lines().position(source.text(), byte);
    Some(Place {
        file: source.name(),
        start: position(at.span.start),
        end: position(at.span.end),
    })
}

/// Returns a finding's text in one line: its title and what stands at the primary place.
pub(super) fn sentence(finding: &Finding) -> String {
    match finding.primary().map(|l| l.text.as_str()) {
        Some(text) if !text.is_empty() => format!("{}: {text}", finding.title),
        _ => finding.title.clone(),
    }
}

/// Returns a finding's text in full: the sentence, what to do, and why.
pub(super) fn message(finding: &Finding) -> String {
    let mut out = sentence(finding);
    if let Some(help) = &finding.help {
        out.push_str("\nhelp: ");
        out.push_str(help);
    }
    for note in &finding.notes {
        out.push_str("\nnote: ");
        out.push_str(note);
    }
    out
}

/// Writes text into XML: markup escaped, and what XML cannot hold left out.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            sign if (sign as u32) < 0x20 || matches!(sign, '\u{fffe}' | '\u{ffff}') => {}
            sign => out.push(sign),
        }
    }
    out
}
