//! Findings as lines that editors and `grep` understand.

use std::fmt::Write as _;

use super::Report;

pub(super) fn render(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        for finding in &report.findings {
            let place = finding.primary().and_then(|label| {
                let source = report.sources.get(label.at.source)?;
                let p = source.lines().position(source.text(), label.at.span.start);
                Some(format!("{}:{}:{}", source.name(), p.line, p.column))
            });
            let said = finding
                .primary()
                .map(|l| l.text.as_str())
                .filter(|t| !t.is_empty())
                .map(|t| format!(": {t}"))
                .unwrap_or_default();
            // Writing into a string cannot fail.
            let _ = writeln!(
                out,
                "{}: {}[{}] {}{said}",
                place.unwrap_or_default(),
                finding.severity.as_str(),
                finding.rule,
                finding.title
            );
        }
    }
    out
}
