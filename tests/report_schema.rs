//! The JSON report is what its published schema says, whatever was found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use holdall::finding::{Severity, json};
use holdall::lint::{self, Options};
use holdall::yaml::Source;

#[test]
fn every_report_fits_the_schema_that_the_binary_prints() {
    let out = common::holdall()
        .args(["schema", "report"])
        .output()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let options = Options {
        least: Severity::Info,
        ..Options::default()
    };
    let mut findings = 0;
    for rule in lint::rules() {
        let dir = common::root().join("tests/fixtures/rules").join(rule.name);
        for file in common::yaml_files(&dir) {
            let text = std::fs::read_to_string(&file).unwrap();
            let report = lint::check(Source::new("a\\b.yml", text), options).report;
            let value: serde_json::Value = serde_json::from_str(&json(&[report])).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", file.display());
            findings += value["findings"].as_array().unwrap().len();
        }
    }
    assert!(findings > 100, "{findings}");
}

#[test]
fn a_report_that_lacks_something_does_not_fit() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/report.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({"version": 1})));
    assert!(!validator.is_valid(&serde_json::json!({"version": 2, "tool": {"name": "holdall", "version": "1"}, "files": 0, "findings": [], "summary": {"errors": 0, "warnings": 0, "infos": 0}})));
}

#[test]
fn a_fingerprint_does_not_move_with_the_lines() {
    let text =
        std::fs::read_to_string(common::root().join("tests/fixtures/rules/path-absolute/bad.yml"))
            .unwrap();
    let moved = text.replace("version: 2.1\n", "version: 2.1\n# one\n# two\n\n");
    let print = |t: &str| {
        let report = lint::check(Source::new("x", t), Options::default()).report;
        report
            .findings
            .iter()
            .map(|f| f.fingerprint.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(print(&text), print(&moved));
    assert_ne!(
        print(&text),
        print(&text.replace("/tmp/build/app", "/tmp/other/app"))
    );
}

/// The schema that OASIS published, where `HOLDALL_SARIF_SCHEMA` names it: npm's
/// `@microsoft/jest-sarif` brings it as `lib/schemas/sarif-2.1.0-rtm.5.json`.
#[test]
fn sarif_fits_the_published_schema() {
    let Some(file) = std::env::var_os("HOLDALL_SARIF_SCHEMA") else {
        assert!(
            std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(),
            "HOLDALL_SARIF_SCHEMA does not name the schema of SARIF"
        );
        println!("skipped: HOLDALL_SARIF_SCHEMA does not name the schema of SARIF");
        return;
    };
    let text = std::fs::read_to_string(file).unwrap();
    // As published, the pattern of a language is no regular expression: a bracket is closed twice.
    let text = text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$");
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = common::root().join("tests/fixtures/rules");
    let mut files = Vec::new();
    for rule in std::fs::read_dir(folder).unwrap() {
        files.extend(common::yaml_files(&rule.unwrap().path()));
    }
    let out = common::holdall()
        .args([
            "lint",
            "--level",
            "pedantic",
            "--show-suppressed",
            "--format",
            "sarif",
        ])
        .args(&files)
        .output()
        .unwrap();
    let log: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}
