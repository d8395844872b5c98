//! The GitHub Action of `action.yml`: judged by its schema, run in a workflow as its page shows it,
//! and its scripts run as the runner would, with what nobody should write into an input.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::releases::Releases;

const GOOD: &str = include_str!("places/good.yml");
const BAD: &str = include_str!("places/bad.yml");
const PAGE: &str = include_str!("../docs/lint-in-ci.md");

/// Returns the workflow that the page shows, with the action of this checkout in it.
fn workflow(with: &str) -> String {
    let start = PAGE.find("# .github/workflows/").unwrap();
    let text = &PAGE[start..];
    let text = &text[..text.find("```").unwrap()];
    let uses = "uses: OWNER/holdall@REVISION";
    assert!(text.contains(uses), "{text}");
    text.replace(uses, &format!("uses: ./\n        with: {{{with}}}"))
}

/// Makes a repository that holds the action, a config, and the workflow of the page.
fn project(config: &str, with: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let file = dir.path().join("repo").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    put(".circleci/config.yml", config);
    put(".github/workflows/circleci.yml", &workflow(with));
    for path in ["action.yml", "action/lint.sh", "orb/src/scripts/install.sh"] {
        put(path, "");
        let to = dir.path().join("repo").join(path);
        std::fs::copy(common::root().join(path), to).unwrap();
    }
    common::commit(&dir.path().join("repo"));
    dir
}

/// What became of a run of the workflow.
struct Ran {
    code: i32,
    said: String,
    job: PathBuf,
    _dir: tempfile::TempDir,
}

impl Ran {
    fn summary(&self) -> String {
        std::fs::read_to_string(self.job.join("summary.md")).unwrap()
    }
}

/// Runs the workflow of a project as GitHub would.
fn run(runner: &Path, dir: tempfile::TempDir) -> Ran {
    let work = dir.path().join("work");
    let mut command = Command::new(runner);
    command.current_dir(dir.path().join("repo"));
    command.env("PATH", common::path_with_holdall());
    command
        .args(["--isolated-home", "--keep", "--work"])
        .arg(&work);
    let out = command.arg(".github/workflows/circleci.yml").output();
    let out = out.unwrap();
    Ran {
        code: out.status.code().unwrap(),
        said: said(&out),
        job: work.join("jobs/lint"),
        _dir: dir,
    }
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Returns a program that is installed beside the judges.
fn beside_the_judges(test: &str, name: &str) -> Option<PathBuf> {
    common::judge(test, "check-github")?;
    let home = std::env::var_os("ORACLES").map(PathBuf::from);
    let home = home
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/oracles"));
    Some(home.join("venv/bin").join(name))
}

#[test]
fn the_action_is_what_its_schema_and_an_auditor_allow() {
    let test = "the_action_is_what_its_schema_and_an_auditor_allow";
    for (judge, words) in [
        (
            "check-jsonschema",
            &["--builtin-schema", "vendor.github-actions"][..],
        ),
        ("zizmor", &["--quiet", "--offline", "--no-progress"]),
    ] {
        let Some(program) = beside_the_judges(test, judge) else {
            return;
        };
        let mut command = Command::new(program);
        command.args(words).arg(common::root().join("action.yml"));
        let out = command.output().unwrap();
        assert!(out.status.success(), "{judge}: {}", said(&out));
    }
}

#[test]
fn the_scripts_are_sound() {
    if !common::tool("the_scripts_are_sound", "shellcheck") {
        return;
    }
    let mut command = Command::new("shellcheck");
    command.args(["action/lint.sh", "orb/src/scripts/install.sh"]);
    let out = command.current_dir(common::root()).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn the_workflow_of_the_page_passes_the_judges() {
    let test = "the_workflow_of_the_page_passes_the_judges";
    let Some(judge) = common::judge(test, "check-github") else {
        return;
    };
    let dir = project(GOOD, "binary: holdall");
    let file = dir.path().join("repo/.github/workflows/circleci.yml");
    let out = Command::new(judge).arg(file).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn a_good_config_passes_with_an_empty_report() {
    let test = "a_good_config_passes_with_an_empty_report";
    let Some(runner) = common::judge(test, "github-run") else {
        return;
    };
    let ran = run(&runner, project(GOOD, "binary: holdall"));
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert_eq!(ran.summary(), "### holdall\n\nNothing to say.\n");
    assert!(
        ran.said.contains("Artifact holdall has been"),
        "{}",
        ran.said
    );
}

#[test]
fn a_bad_config_fails_with_annotations_sarif_and_a_summary() {
    let test = "a_bad_config_fails_with_annotations_sarif_and_a_summary";
    let Some(runner) = common::judge(test, "github-run") else {
        return;
    };
    let ran = run(&runner, project(BAD, "binary: holdall"));
    assert_eq!(ran.code, 1, "{}", ran.said);
    for text in [
        "error: attached without a layer to attach",
        "warning: a layer that no job attaches",
        "Artifact holdall has been",
    ] {
        assert!(ran.said.contains(text), "{text}: {}", ran.said);
    }
    snapshot!("action-summary", ran.summary());
    let sarif = ran.job.join("repo/holdall.sarif");
    let sarif: serde_json::Value = serde_json::from_slice(&std::fs::read(sarif).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2, "{sarif}");
}

#[test]
fn the_inputs_decide_what_is_checked_and_what_fails() {
    let test = "the_inputs_decide_what_is_checked_and_what_fails";
    let Some(runner) = common::judge(test, "github-run") else {
        return;
    };
    let ran = run(&runner, project(BAD, "binary: holdall, fail-on: never"));
    assert_eq!(ran.code, 0, "{}", ran.said);
    let with = "binary: holdall, sarif: out/x.sarif, paths: \"none.yml\\n.circleci/config.yml\"";
    let ran = run(&runner, project(GOOD, with));
    assert_eq!(ran.code, 1, "{}", ran.said);
    assert!(ran.said.contains("none.yml"), "{}", ran.said);
}

/// Runs the script that installs, with variables that the action would set.
fn install(releases: &Releases, variables: &[(&str, &str)]) -> (bool, String) {
    let dir = releases.dir.path();
    let mut command = Command::new(common::root().join("orb/src/scripts/install.sh"));
    command.current_dir(dir);
    command.env("HOLDALL_INTO", dir.join("into/bin"));
    command.env("HOLDALL_RELEASES", releases.url());
    command.env("GITHUB_PATH", dir.join("path"));
    command.env("GITHUB_OUTPUT", dir.join("output"));
    let out = command.envs(variables.iter().copied()).output().unwrap();
    (out.status.success(), said(&out))
}

#[test]
fn a_release_is_installed_only_with_the_checksum_that_it_should_have() {
    let test = "a_release_is_installed_only_with_the_checksum_that_it_should_have";
    if !cfg!(target_os = "linux") || !common::tool(test, "curl") {
        return;
    }
    let releases = Releases::new();
    let version = ("HOLDALL_VERSION", "0.1.0");
    let installed = releases.dir.path().join("into/bin/holdall");
    let wrong = "0".repeat(64);
    let (done, text) = install(&releases, &[version, ("HOLDALL_SHA256", &wrong)]);
    assert!(!done && text.contains("is not what it should be"), "{text}");
    assert!(!installed.exists());
    for more in [&[][..], &[("HOLDALL_SHA256", releases.sum.as_str())]] {
        let variables: Vec<_> = std::iter::once(version)
            .chain(more.iter().copied())
            .collect();
        let (done, text) = install(&releases, &variables);
        assert!(done && text.contains("holdall 0.1.0"), "{text}");
        assert!(installed.is_file());
        std::fs::remove_file(&installed).unwrap();
    }
    let sums = releases.dir.path().join("releases/v0.1.0/SHA256SUMS");
    let text = std::fs::read_to_string(&sums).unwrap();
    std::fs::write(&sums, text.replace(&releases.sum, &wrong)).unwrap();
    let (done, text) = install(&releases, &[version]);
    assert!(!done && text.contains("is not what it should be"), "{text}");
    for (version, says) in [
        ("0.2.0", "cannot fetch"),
        ("../0.1.0", "is no version"),
        ("$(touch pwned)", "is no version"),
    ] {
        let (done, text) = install(&releases, &[("HOLDALL_VERSION", version)]);
        assert!(!done && text.contains(says), "{text}");
    }
    assert!(!installed.exists() && !releases.dir.path().join("pwned").exists());
}

#[test]
fn without_a_binary_and_a_version_the_source_is_built() {
    if !common::slow("without_a_binary_and_a_version_the_source_is_built") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(common::root().join("orb/src/scripts/install.sh"));
    common::cheap_build(&mut command);
    command.env("HOLDALL_SOURCE", common::root());
    command.env("HOLDALL_INTO", dir.path().join("into/bin"));
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    assert!(dir.path().join("into/bin/holdall").is_file());
}

#[test]
fn a_workflow_installs_a_release() {
    let Some(runner) = common::judge("a_workflow_installs_a_release", "github-run") else {
        return;
    };
    let releases = Releases::new();
    let with = format!("version: 0.1.0, releases: '{}'", releases.url());
    let ran = run(&runner, project(GOOD, &with));
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(ran.said.contains("holdall 0.1.0"), "{}", ran.said);
}

#[test]
fn nothing_in_an_input_or_a_config_is_run_or_becomes_markdown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    let config = BAD.replace("deploy", "'<b>|`x`[y](z) &amp; ::error::'");
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    let run = |name: &str, value: &str| {
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("summary"), "").unwrap();
        std::fs::write(file("output"), "").unwrap();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]);
        command.arg("\"$GITHUB_ACTION_PATH/action/lint.sh\"");
        command.current_dir(dir.path());
        command.env("GITHUB_ACTION_PATH", common::root());
        command.env("HOLDALL", env!("CARGO_BIN_EXE_holdall"));
        command.env("GITHUB_STEP_SUMMARY", file("summary"));
        command.env("GITHUB_OUTPUT", file("output"));
        let out = command.env(name, value).output().unwrap();
        let summary = std::fs::read_to_string(file("summary")).unwrap();
        let output = std::fs::read_to_string(file("output")).unwrap();
        (out.status.code().unwrap(), said(&out), summary, output)
    };
    let (code, text, summary, output) = run("HOLDALL_LEVEL", "default");
    assert_eq!(code, 1, "{text}");
    let rows: Vec<&str> = summary.lines().skip(4).collect();
    assert!(rows.len() >= 2, "{summary}");
    for row in rows {
        assert_eq!(row.matches('|').count(), 5, "{summary}");
    }
    for text in ["<b>", "`x`", "[y]"] {
        assert!(!summary.contains(text), "{text}: {summary}");
    }
    assert!(output.starts_with("findings="), "{output}");
    // Each is taken as the text that it is, and refused or looked for as such.
    for (name, value) in [
        ("HOLDALL_LEVEL", "default; touch pwned"),
        ("HOLDALL_FAIL_ON", "$(touch pwned)"),
        ("HOLDALL_PATHS", "--fix\n`touch pwned`\n$(touch pwned)"),
    ] {
        let (code, text, ..) = run(name, value);
        assert!(code > 1, "{name}: {text}");
    }
    let (_, _, _, output) = run("HOLDALL_SARIF", "x\nfindings=0");
    assert_eq!(output.matches("\nfindings=").count(), 0, "{output}");
    assert!(!dir.path().join("pwned").exists());
}
