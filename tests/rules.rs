//! Every rule on its fixtures: `tests/fixtures/rules/<rule>/bad*.yml` must have a finding of the
//! rule, whose text is a snapshot; `ok*.yml` must have none. A new case is a new file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::PathBuf;
use std::rc::Rc;

use holdall::finding::{Look, Report, Severity, human};
use holdall::lint::{self, Options};
use holdall::yaml::Source;

fn check(path: &PathBuf) -> Report {
    let text = std::fs::read_to_string(path).unwrap();
    let options = Options {
        least: Severity::Info,
        ..Options::default()
    };
    // What git would say, where a case needs it: `tracked` beside it, a name a line.
    let tracked = path.with_file_name("tracked");
    let tracked: Option<Rc<[String]>> = std::fs::read_to_string(tracked)
        .ok()
        .map(|names| names.lines().map(str::to_owned).collect());
    let ask = || tracked.clone();
    let options = Options {
        tracked: Some(&ask),
        ..options
    };
    lint::check(Source::new(".circleci/config.yml", text), options).report
}

fn cases(rule: &str) -> Vec<(String, PathBuf)> {
    let dir = common::root().join("tests/fixtures/rules").join(rule);
    assert!(
        dir.is_dir(),
        "rule {rule} has no fixtures in {}",
        dir.display()
    );
    common::yaml_files(&dir)
        .into_iter()
        .map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), p))
        .collect()
}

#[test]
fn every_rule_finds_what_it_is_for_and_nothing_else() {
    for rule in lint::rules() {
        let (mut bad, mut ok) = (0, 0);
        for (case, path) in cases(rule.name) {
            let mut report = check(&path);
            report.findings.retain(|f| f.rule == rule.name);
            if case.starts_with("bad") {
                bad += 1;
                assert!(
                    !report.findings.is_empty(),
                    "{} has no finding of its rule",
                    path.display()
                );
                let text = human(&[report], Look::default());
                snapshot!(format!("rule-{}-{case}", rule.name), text);
            } else {
                ok += 1;
                assert!(
                    case.starts_with("ok"),
                    "{} is neither bad nor ok",
                    path.display()
                );
                let found: Vec<_> = report.findings.iter().map(|f| &f.labels).collect();
                assert!(found.is_empty(), "{}: {found:?}", path.display());
            }
        }
        assert!(
            bad > 0 && ok > 0,
            "rule {} needs a bad and an ok fixture",
            rule.name
        );
    }
}

#[test]
fn no_fixture_is_without_a_rule() {
    for entry in std::fs::read_dir(common::root().join("tests/fixtures/rules")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            lint::rule(&name).is_some(),
            "fixtures for {name}, which is no rule"
        );
    }
}

#[test]
fn ok_fixtures_of_the_workspace_have_no_error_at_all() {
    for rule in lint::rules()
        .iter()
        .filter(|r| r.group == holdall::finding::Group::Workspace)
    {
        for (_, path) in cases(rule.name)
            .into_iter()
            .filter(|(c, _)| c.starts_with("ok"))
        {
            let report = check(&path);
            let errors: Vec<_> = report
                .findings
                .iter()
                .filter(|f| f.severity == Severity::Error)
                .collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
    }
}

#[test]
fn documentation_has_its_headings_and_examples_that_are_yaml() {
    for rule in lint::rules() {
        for heading in [
            "# What it does",
            "# Why is this bad",
            "# Example",
            "# Use instead",
            "# What holdall cannot know",
            "# References",
        ] {
            assert!(rule.docs.contains(heading), "{} lacks {heading}", rule.name);
        }
        assert!(
            rule.summary().ends_with('.'),
            "{}: {:?}",
            rule.name,
            rule.summary()
        );
        let blocks: Vec<&str> = rule.docs.split("```yaml\n").skip(1).collect();
        assert_eq!(blocks.len(), 2, "{}", rule.name);
        let good: String = blocks[1]
            .split("```")
            .next()
            .unwrap()
            .lines()
            .map(|l| format!("{}\n", l.strip_prefix(' ').unwrap_or(l)))
            .collect();
        assert_eq!(
            holdall::yaml::parse(good.as_str()).error,
            None,
            "{}: {good}",
            rule.name
        );
    }
}

#[test]
fn one_place_is_spoken_of_once() {
    for rule in lint::rules() {
        for (_, path) in cases(rule.name) {
            let report = check(&path);
            let mut seen = std::collections::HashSet::new();
            for f in &report.findings {
                assert!(
                    seen.insert(&f.fingerprint),
                    "{}: {} twice",
                    path.display(),
                    f.rule
                );
            }
        }
    }
}

#[test]
fn labels_far_apart_do_not_frame_all_that_lies_between_them() {
    let filler = "      - run: make\n".repeat(60);
    let job = |name: &str, step: &str| {
        format!("  {name}:\n    docker: [{{image: x}}]\n    steps:\n{filler}{step}{filler}")
    };
    let persist = "      - persist_to_workspace: {root: ., paths: [dist]}\n";
    let config = format!(
        "version: 2.1\njobs:\n{}{}{}workflows: {{main: {{jobs: [a, b, {{c: {{requires: [a, b]}}}}]}}}}\n",
        job("a", persist),
        job("b", persist),
        job("c", "      - attach_workspace: {at: .}\n"),
    );
    let mut report = lint::check(
        Source::new(".circleci/config.yml", config),
        Options::default(),
    )
    .report;
    report
        .findings
        .retain(|f| f.rule == "concurrent-persist-conflict");
    let text = human(&[report], Look::default());
    assert_eq!(text.matches("╭─[").count(), 4, "{text}");
    assert!(text.lines().count() < 45, "{text}");
}
