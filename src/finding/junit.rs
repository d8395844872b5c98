//! JUnit XML: each config is a suite, each finding a failed case; a config without findings is one
//! case that passed.

use super::place::{message, primary, sentence, xml};
use super::{Counts, Report, Severity};

pub(super) fn render(reports: &[Report]) -> String {
    let all = Counts::of(reports);
    let failures = all.errors + all.warnings + all.infos;
    let clean = reports.iter().filter(|r| r.findings.is_empty()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"holdall\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">\n",
        failures + clean
    );
    for report in reports {
        let name = report
            .sources
            .iter()
            .next()
            .map(|(_, source)| source.name())
            .unwrap_or_default();
        let name = xml(&name);
        let count = report.findings.len();
        out.push_str(&format!(
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{count}\" errors=\"0\" skipped=\"0\">\n",
            count.max(1)
        ));
        if count == 0 {
            out.push_str(&format!(
                "    <testcase name=\"no findings\" classname=\"{name}\"/>\n"
            ));
        }
        for finding in &report.findings {
            let kind = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            let line = primary(report, finding).map_or(1, |place| place.start.line);
            out.push_str(&format!(
                "    <testcase name=\"{} at line {line}\" classname=\"{name}\">\n      <failure type=\"{kind}\" message=\"{}\">{}</failure>\n    </testcase>\n",
                xml(finding.rule),
                xml(&sentence(finding)),
                xml(&message(finding))
            ));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
