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
use std::sync::Arc;

use holdall::finding::{Look, Report, Severity, human};
use holdall::lint::{self, Fixable, Options, Remark, ShellChecker, ShellText};
use holdall::yaml::Source;

/// A checker of scripts that knows one mistake; the real one may not be installed.
struct LsInLoops;

impl ShellChecker for LsInLoops {
    fn check(&self, scripts: &[ShellText]) -> Vec<Arc<[Remark]>> {
        let remarks = |script: &ShellText| {
            let found = script.text.match_indices("$(ls *.txt)");
            let each = found.map(|(i, what)| Remark {
                range: i..i + what.len(),
                severity: Severity::Error,
                code: 2045,
                message: "Iterating over ls output is fragile. Use globs.".to_owned(),
            });
            each.collect()
        };
        scripts.iter().map(remarks).collect()
    }
}

fn check(path: &PathBuf) -> Report {
    let text = std::fs::read_to_string(path).unwrap();
    let options = Options {
        least: Severity::Info,
        ..Options::default()
    };
    // What git would say, where a case needs it: `tracked` beside it, a name a line.
    let tracked = path.with_file_name("tracked");
    let tracked: Option<Arc<[String]>> = std::fs::read_to_string(tracked)
        .ok()
        .map(|names| names.lines().map(str::to_owned).collect());
    let ask = || tracked.clone();
    let options = Options {
        tracked: Some(&ask),
        shell: Some(&LsInLoops),
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

/// Returns the two examples of a rule's documentation: what it finds, and what to write instead.
fn examples(rule: &lint::Rule) -> [String; 2] {
    let docs = rule.markdown();
    let blocks: Vec<&str> = docs.split("```yaml\n").skip(1).collect();
    [0, 1].map(|i| blocks[i].split("```").next().unwrap().to_owned())
}

/// Makes a config of an example: steps get a job, a job its executor, jobs their workflow.
fn whole(example: &str) -> String {
    if example.starts_with("version:") || example.contains("\nversion:") {
        return example.to_owned();
    }
    let indented = |by: usize| {
        let lines = example.lines().map(|l| match l {
            "" => "\n".to_owned(),
            _ => format!("{:by$}{l}\n", ""),
        });
        lines.collect::<String>()
    };
    let job = "version: 2.1\njobs:\n  build:\n    docker: [{image: \"cimg/base:2024.01\"}]\n";
    let has = |key: &str| example.lines().any(|l| l.starts_with(key));
    if example.starts_with("- ") || example.starts_with("# ") && example.contains("\n- ") {
        return format!("{job}    steps:\n{}", indented(6));
    }
    if has("steps:") {
        return format!("{job}{}", indented(4));
    }
    let mut text = format!("version: 2.1\n{example}");
    if has("jobs:") && !has("workflows:") {
        let jobs = example.split("jobs:\n").nth(1).unwrap_or("");
        let names: Vec<&str> = jobs
            .lines()
            .take_while(|l| l.starts_with(' ') || l.is_empty())
            .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
            .filter_map(|l| l.trim().split(':').next())
            .collect();
        text.push_str(&format!(
            "workflows:\n  main:\n    jobs: [{}]\n",
            names.join(", ")
        ));
    }
    text
}

#[test]
fn documentation_shows_what_the_rule_finds_and_what_it_does_not() {
    let mut wrong = Vec::new();
    for rule in lint::rules() {
        let tracked = common::root()
            .join("tests/fixtures/rules")
            .join(rule.name)
            .join("tracked");
        let tracked: Option<Arc<[String]>> = std::fs::read_to_string(tracked)
            .ok()
            .map(|names| names.lines().map(str::to_owned).collect());
        let ask = || tracked.clone();
        let options = Options {
            least: Severity::Info,
            tracked: Some(&ask),
            shell: Some(&LsInLoops),
            ..Options::default()
        };
        for (example, expected) in examples(rule).iter().zip([true, false]) {
            // What is missing here is the first line, which `whole` would add.
            let config = match rule.name {
                "missing-version" => example.clone(),
                _ => whole(example),
            };
            let report = lint::check(Source::new("config.yml", config.as_str()), options).report;
            let found = report.findings.iter().any(|f| f.rule == rule.name);
            if found != expected {
                let all: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
                wrong.push(format!(
                    "{} {}: {all:?}\n{config}",
                    rule.name,
                    if expected { "bad" } else { "good" }
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} examples:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The page of a rule.
fn page(rule: &lint::Rule) -> String {
    let docs = rule.markdown().replace("\n# ", "\n## ");
    let docs = docs
        .strip_prefix("# ")
        .map_or(docs.clone(), |d| format!("## {d}"));
    let fix = match rule.fix.option() {
        Some(option) => format!(" · fixable with `{option}`"),
        None => String::new(),
    };
    let tags: String = rule.tags.iter().map(|t| format!(", `{t}`")).collect();
    format!(
        "# {}\n\nGroup `{}`{tags} · {}{fix} · since {}\n\n{docs}\n",
        rule.name,
        rule.group.as_str(),
        rule.severity.as_str(),
        rule.since
    )
}

/// `docs/rules` is written from the rules: `HOLDALL_UPDATE_DOCS=1 cargo test --test rules` writes
/// it anew.
#[test]
fn the_pages_of_the_rules_are_current() {
    let folder = common::root().join("docs/rules");
    let mut index = String::from(
        "# Rules\n\n`holdall rules` lists them, `holdall explain RULE` prints a page.\n",
    );
    let mut pages = Vec::new();
    let mut group = None;
    for rule in lint::rules() {
        if group != Some(rule.group) {
            group = Some(rule.group);
            index.push_str(&format!(
                "\n## {}\n\n| rule | level | fix | what it finds |\n|---|---|---|---|\n",
                rule.group.as_str()
            ));
        }
        index.push_str(&format!(
            "| [{0}]({0}.md) | {1} | {2} | {3} |\n",
            rule.name,
            rule.severity.as_str(),
            match rule.fix {
                Fixable::No => "",
                Fixable::Safe => "safe",
                Fixable::Unsafe => "unsafe",
            },
            rule.summary().replace('|', "\\|")
        ));
        pages.push((format!("{}.md", rule.name), page(rule)));
    }
    pages.push(("README.md".to_owned(), index));
    if std::env::var_os("HOLDALL_UPDATE_DOCS").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    for (name, text) in &pages {
        let there = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &there, text,
            "docs/rules/{name} is not current: HOLDALL_UPDATE_DOCS=1 cargo test --test rules"
        );
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(
        files,
        pages.len(),
        "docs/rules has pages of rules that are gone"
    );
}

#[test]
fn a_crowd_of_patterns_that_meet_is_cut_with_words() {
    let mut text = "version: 2.1\njobs:\n  take: {docker: [{image: \"cimg/base:2024.01\"}], steps: [{attach_workspace: {at: .}}]}\n".to_owned();
    let mut entries = String::new();
    let names: Vec<String> = (0..60).map(|n| format!("make-{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        text += &format!(
            "  {name}: {{docker: [{{image: \"cimg/base:2024.01\"}}], steps: [{{persist_to_workspace: {{root: ., paths: [\"a*{n}*\"]}}}}]}}\n"
        );
        entries += &format!("      - {name}\n");
    }
    text += &format!(
        "workflows:\n  main:\n    jobs:\n{entries}      - take: {{requires: [{}]}}\n",
        names.join(", ")
    );
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yml");
    std::fs::write(&path, text).unwrap();
    let report = check(&path);
    let rule = "concurrent-persist-conflict";
    let found = report.findings.iter().filter(|f| f.rule == rule);
    // 60 patterns make 1,770 pairs.
    assert!((900..=1000).contains(&found.clone().count()));
    let cut = found
        .flat_map(|f| &f.notes)
        .filter(|n| n.contains("is not compared"));
    assert_eq!(cut.count(), 1);
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
