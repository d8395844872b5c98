//! The linter from text to report: configs, orb sources and parts of unpacked orbs, by all rules,
//! in every format, with every fix made.

#![no_main]

use std::sync::Arc;

use holdall::circleci::{Inputs, OrbPart, Unpacked};
use holdall::finding::{self, Look, Report, RuleInfo, Severity};
use holdall::lint::{self, Checked, Options, Remark, ShellChecker, ShellText};
use holdall::yaml::{Source, parse};
use libfuzzer_sys::fuzz_target;

/// What a text is read as.
const ROLES: u8 = 4;

/// Says something about each line of each script.
struct EachLine;

impl ShellChecker for EachLine {
    fn check(&self, scripts: &[ShellText]) -> Vec<Arc<[Remark]>> {
        let remarks = |script: &ShellText| {
            let mut start = 0;
            let lines = script.text.split_inclusive('\n').map(|line| {
                let range = start..start + line.trim_end().len();
                start += line.len();
                Remark { range, severity: Severity::Error, code: 2086, message: line.to_owned() }
            });
            lines.collect()
        };
        scripts.iter().map(remarks).collect()
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (role, text) = input;
    let others = [
        (OrbPart::Root, Source::new("src/@orb.yml", "version: 2.1\ndescription: x\n")),
        (
            OrbPart::Definition("commands", "b".to_owned()),
            Source::new("src/commands/b.yml", text),
        ),
    ];
    let part = OrbPart::Definition("commands", "a".to_owned());
    // Whatever is included is the text again.
    let include = |_: &str| Some(Source::plain("src/scripts/a.sh", text));
    let (name, unpacked) = match role % ROLES {
        0 => (".circleci/config.yml", None),
        1 => ("orb.yml", None),
        2 => (
            "src/commands/a.yml",
            Some(Unpacked { part: &part, others: &others, broken: false, include: &include }),
        ),
        _ => (
            "src/@orb.yml",
            Some(Unpacked { part: &OrbPart::Root, others: &others[1..], broken: true, include: &include }),
        ),
    };
    let inputs = Inputs { unpacked, ..Inputs::default() };
    let options = Options { least: Severity::Info, shell: Some(&EachLine), ..Options::default() };
    let check = |source: Source| lint::check_with(source, options, &inputs);
    let source = Source::new(name, text);
    let first = check(source.clone());
    sound(&first);
    printed(&[first.report]);
    for unsafe_too in [false, true] {
        let fixed = lint::fix(source.clone(), unsafe_too, &check);
        sound(&fixed.checked);
        let after = fixed.text();
        assert_eq!(fixed.before.is_none(), after == text);
        if fixed.before.is_some() {
            assert!(parse(after.as_str()).error.is_none(), "{after}");
        }
        // A second run changes nothing.
        let again = lint::fix(Source::new(name, after.as_str()), unsafe_too, &check);
        assert_eq!(again.text(), after);
    }
});

fn sound(checked: &Checked) {
    let report = &checked.report;
    for finding in &report.findings {
        assert!(lint::rule(finding.rule).is_some(), "no rule is named {}", finding.rule);
        assert!(!finding.labels.is_empty());
        for label in &finding.labels {
            let source = report.sources.get(label.at.source).expect("a label's source is known");
            assert!(source.text().get(label.at.span.range()).is_some(), "{label:?} cuts its text");
        }
    }
}

fn printed(reports: &[Report]) {
    let rules: Vec<RuleInfo<'_>> = lint::rules()
        .iter()
        .take(2)
        .map(|rule| RuleInfo {
            name: rule.name,
            group: rule.group.as_str(),
            severity: rule.severity,
            summary: rule.summary(),
            docs: rule.markdown(),
        })
        .collect();
    assert!(!finding::human(reports, Look::default()).is_empty());
    let _ = finding::concise(reports);
    let _ = finding::github(reports);
    let _ = finding::junit(reports);
    let _ = finding::checkstyle(reports);
    for json in [finding::json(reports), finding::sarif(reports, &rules), finding::gitlab(reports)] {
        assert!(json.starts_with(['{', '[']) && json.trim_end().ends_with(['}', ']']));
    }
    let lines = finding::jsonl(reports);
    let findings: usize = reports.iter().map(|r| r.findings.len() + r.suppressed.len()).sum();
    assert_eq!(lines.lines().count(), findings);
}
