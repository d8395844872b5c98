//! Checkstyle XML, version 4.3, which many tools read.

use super::place::{message, primary, xml};
use super::{Report, Severity};

pub(super) fn render(reports: &[Report]) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<checkstyle version=\"4.3\">\n");
    for report in reports {
        let Some((_, source)) = report.sources.iter().next() else {
            continue;
        };
        out.push_str(&format!("  <file name=\"{}\">\n", xml(&source.name())));
        for finding in &report.findings {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            let (line, column) = primary(report, finding)
                .map_or((1, 1), |place| (place.start.line, place.start.column));
            out.push_str(&format!(
                "    <error line=\"{line}\" column=\"{column}\" severity=\"{severity}\" message=\"{}\" source=\"holdall.{}\"/>\n",
                xml(&message(finding)),
                xml(finding.rule)
            ));
        }
        out.push_str("  </file>\n");
    }
    out.push_str("</checkstyle>\n");
    out
}
