//! The GitLab component of `templates/`: what a pipeline that includes it expands to passes the
//! judges, and running it leaves a Code Quality report.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = include_str!("places/good.yml");
const BAD: &str = include_str!("places/bad.yml");
const REPORT: &str = "gl-code-quality-report.json";
const PAGE: &str = include_str!("../docs/lint-in-ci.md");

/// Returns the pipeline that the page shows, with the template of this checkout and other inputs.
fn pipeline(inputs: &[(&str, &str)]) -> String {
    let text = &PAGE[PAGE.find("# .gitlab-ci.yml").unwrap()..];
    let text = &text[..text.find("```").unwrap()];
    let (head, tail) = text.split_once("component: ").unwrap();
    assert!(tail.contains("inputs:"), "{text}");
    let mut out = format!("{head}local: templates/lint.yml\n    inputs:\n");
    for (name, value) in inputs {
        out += &format!("      {name}: {value}\n");
    }
    out
}

/// Makes a repository with a config, the template and a pipeline that includes it.
fn project(config: &str, inputs: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["templates", ".circleci"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    let template = common::root().join("templates/lint.yml");
    std::fs::copy(template, dir.path().join("templates/lint.yml")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    std::fs::write(dir.path().join(".gitlab-ci.yml"), pipeline(inputs)).unwrap();
    common::commit(dir.path());
    let mut git = Command::new("git");
    git.current_dir(dir.path())
        .args(["remote", "add", "origin"]);
    let status = git.arg("git@gitlab.com:group/project.git").status();
    assert!(status.unwrap().success());
    dir
}

fn run(runner: &Path, dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(runner);
    command.env("PATH", common::path_with_holdall());
    command.args(args).current_dir(dir).output().unwrap()
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Returns the report of a run, where it has the form that GitLab documents.
fn report(dir: &Path) -> Vec<serde_json::Value> {
    let file = dir.join(".gitlab-ci-local/builds/holdall").join(REPORT);
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let findings = report.as_array().unwrap().clone();
    for finding in &findings {
        for key in ["description", "check_name", "fingerprint"] {
            assert!(
                finding[key].as_str().is_some_and(|t| !t.is_empty()),
                "{key}"
            );
        }
        let severity = finding["severity"].as_str().unwrap();
        let known = ["info", "minor", "major", "critical", "blocker"];
        assert!(known.contains(&severity), "{severity}");
        let path = finding["location"]["path"].as_str().unwrap();
        assert!(dir.join(path).is_file(), "{path}");
        assert!(finding["location"]["lines"]["begin"].as_u64().is_some());
    }
    let mut prints: Vec<_> = findings.iter().map(|f| f["fingerprint"].as_str()).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(
        prints.len(),
        findings.len(),
        "two findings with one fingerprint"
    );
    findings
}

#[test]
fn what_it_expands_to_passes_the_judges() {
    let test = "what_it_expands_to_passes_the_judges";
    let (Some(runner), Some(judge)) = (
        common::judge(test, "gitlab-ci-local"),
        common::judge(test, "check-gitlab"),
    ) else {
        return;
    };
    let dir = project(GOOD, &[("binary", "holdall"), ("fail-on", "warning")]);
    let out = run(&runner, dir.path(), &["--preview"]);
    assert!(out.status.success(), "{}", said(&out));
    let expanded = dir.path().join("expanded.yml");
    std::fs::write(&expanded, &out.stdout).unwrap();
    let pipeline: serde_yaml::Value = serde_yaml::from_slice(&out.stdout).unwrap();
    let artifacts = &pipeline["holdall"]["artifacts"];
    // A report is of use above all where the job fails.
    assert_eq!(artifacts["when"].as_str(), Some("always"));
    let report = artifacts["reports"]["codequality"].as_str();
    assert_eq!(report, Some(REPORT));
    let out = Command::new(judge).arg(&expanded).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn its_script_is_sound() {
    if !common::tool("its_script_is_sound", "shellcheck") {
        return;
    }
    let template = common::root().join("templates/lint.yml");
    let text = std::fs::read_to_string(template).unwrap();
    let (_, job) = text.split_once("\n---\n").unwrap();
    let job: serde_yaml::Mapping = serde_yaml::from_str(job).unwrap();
    let job = job.values().next().unwrap();
    let script = job["script"][0].as_str().unwrap();
    assert!(!script.contains("$[["), "an input in the script: {script}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("script.sh");
    std::fs::write(&file, script).unwrap();
    let mut command = Command::new("shellcheck");
    let out = command.args(["--shell", "sh"]).arg(&file).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn a_good_config_passes_with_an_empty_report() {
    let test = "a_good_config_passes_with_an_empty_report";
    let Some(runner) = common::judge(test, "gitlab-ci-local") else {
        return;
    };
    let dir = project(GOOD, &[("binary", "holdall")]);
    let out = run(&runner, dir.path(), &[]);
    assert!(out.status.success(), "{}", said(&out));
    assert!(report(dir.path()).is_empty());
}

#[test]
fn a_bad_config_fails_and_its_findings_are_in_the_report() {
    let test = "a_bad_config_fails_and_its_findings_are_in_the_report";
    let Some(runner) = common::judge(test, "gitlab-ci-local") else {
        return;
    };
    let dir = project(BAD, &[("binary", "holdall")]);
    let out = run(&runner, dir.path(), &[]);
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    let mut rules: Vec<String> = report(dir.path())
        .iter()
        .map(|finding| finding["check_name"].as_str().unwrap().to_owned())
        .collect();
    rules.sort();
    assert_eq!(rules, ["attach-without-upstream", "layer-never-attached"]);
    let dir = project(BAD, &[("binary", "holdall"), ("fail-on", "never")]);
    let out = run(&runner, dir.path(), &[]);
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(report(dir.path()).len(), 2);
}

#[test]
fn a_release_is_used_only_with_the_checksum_that_it_should_have() {
    let test = "a_release_is_used_only_with_the_checksum_that_it_should_have";
    let Some(runner) = common::judge(test, "gitlab-ci-local") else {
        return;
    };
    if !cfg!(target_os = "linux") || !common::tool(test, "curl") {
        return;
    }
    let releases = common::releases::Releases::new();
    let url = releases.url();
    let wrong = "0".repeat(64);
    for (sum, passes) in [("", true), (&releases.sum, true), (&wrong, false)] {
        // Without quotes a sum of digits alone would be a number.
        let sum = &format!("'{sum}'");
        let inputs = [("version", "0.1.0"), ("releases", &url), ("sha256", sum)];
        let dir = project(GOOD, &inputs);
        let out = run(&runner, dir.path(), &[]);
        let said = said(&out);
        assert_eq!(out.status.success(), passes, "{said}");
        assert_eq!(said.contains(".tar.gz: FAILED"), !passes, "{said}");
    }
}
