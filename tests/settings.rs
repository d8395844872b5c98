//! `holdall.toml`: what its published schema takes is what is read, and each key does what it says.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::path::Path;

const CONFIG: &str = "version: 2.1
jobs:
  build:
    machine: true
    steps:
      - checkout
      - persist_to_workspace: {root: ., paths: dist}
  load:
    docker: [{image: \"cimg/base:2024.01\"}]
    steps:
      - attach_workspace: {at: /tmp/ws}
      - run: ls /tmp/ws/dist/
workflows:
  main:
    jobs:
      - build: {context: [a, b]}
      - load
";

fn run(dir: &Path, settings: &str, args: &[&str]) -> (i32, String, String) {
    std::fs::create_dir_all(dir.join(".circleci")).unwrap();
    std::fs::write(dir.join(".circleci/config.yml"), CONFIG).unwrap();
    std::fs::write(dir.join("holdall.toml"), settings).unwrap();
    let mut command = common::holdall();
    let out = command.args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        out.status.code().unwrap(),
        text(&out.stdout),
        text(&out.stderr),
    )
}

/// The example of the documentation.
fn documented() -> String {
    let page = std::fs::read_to_string(common::root().join("docs/lint.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_schema_takes_what_is_read_and_refuses_what_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let out = common::holdall()
        .args(["schema", "settings"])
        .output()
        .unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let documented = documented();
    for (settings, right) in [
        ("", true),
        (documented.as_str(), true),
        ("platform = \"server\"\n", true),
        ("platform = \"elsewhere\"\n", false),
        ("[lint]\nlevle = \"pedantic\"\n", false),
        ("[lint]\nlevel = \"loud\"\n", false),
        ("[lint]\nshellcheck = \"yes\"\n", false),
        ("[lint]\nselect = \"graph\"\n", false),
        ("[lint.rules]\nno-such-rule = \"off\"\n", false),
        ("[lint.rules]\npath-globstar = {reason = \"x\"}\n", false),
        (
            "[lint.rules]\nnext-compiler = {level = \"off\", reason = \"x\"}\n",
            true,
        ),
        ("[graph]\nformat = \"yaml\"\n", false),
        ("[compile]\nformat = \"json\"\n", true),
        ("[run]\nengine = \"host\"\n", false),
    ] {
        let value: serde_json::Value = toml::from_str(settings).unwrap();
        assert_eq!(validator.is_valid(&value), right, "{settings}");
        let (code, _, said) = run(dir.path(), settings, &["lint"]);
        assert_eq!(code == 2, !right, "{settings}{said}");
    }
}

#[test]
fn commands_print_as_the_settings_say_unless_the_command_line_says_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        "[lint]\nformat = \"json\"\n[compile]\nformat = \"json\"\n[graph]\nformat = \"mermaid\"\n";
    let out = |args: &[&str]| run(dir.path(), settings, args).1;
    assert!(out(&["lint"]).starts_with('{'));
    assert!(out(&["compile"]).starts_with('{'));
    assert!(out(&["graph"]).contains("flowchart"), "{}", out(&["graph"]));
    assert!(out(&["lint", "--format", "concise"]).starts_with(".circleci"));
    assert!(out(&["compile", "--format", "yaml"]).starts_with("version: 2"));
    assert!(out(&["graph", "--format", "dot"]).starts_with("digraph"));
}

#[test]
fn a_server_has_its_own_limits() {
    let dir = tempfile::tempdir().unwrap();
    let rules = [
        "--select",
        "context-list,deprecated-executor",
        "--format",
        "concise",
    ];
    let args = [&["lint"][..], &rules].concat();
    let found = |settings: &str| run(dir.path(), settings, &args).1;
    assert_eq!(
        found(""),
        ".circleci/config.yml:4:5: warning[deprecated-executor] a machine without an image: no image is named\n"
    );
    assert_eq!(
        found("platform = \"server\"\n"),
        ".circleci/config.yml:16:30: warning[context-list] a second context on a server: a server takes one context a job\n"
    );
}

#[test]
fn unsafe_fixes_may_be_made_by_default() {
    let dir = tempfile::tempdir().unwrap();
    let diff = |settings: &str| run(dir.path(), settings, &["lint", "--diff"]).1;
    assert!(!diff("").contains("requires"));
    let all = diff("[lint]\nunsafe-fixes = true\n");
    assert!(all.contains("requires: [build]"), "{all}");
}

#[test]
fn every_command_reads_the_orbs_that_the_settings_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("orbs/me")).unwrap();
    std::fs::write(
        dir.path().join("orbs/me/tool@1.0.0.yml"),
        "version: 2.1\ndescription: x\njobs:\n  go: {docker: [{image: \"cimg/base:2024.01\"}], steps: [run: echo go]}\n",
    )
    .unwrap();
    let config =
        "version: 2.1\norbs: {tool: me/tool@1.0.0}\nworkflows: {main: {jobs: [tool/go]}}\n";
    let (_, _, said) = run(dir.path(), "orb-dir = \"orbs\"\n", &["lint"]);
    assert_eq!(said, "");
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    let mut command = common::holdall();
    let out = command.arg("compile").current_dir(dir.path());
    let text = String::from_utf8(out.output().unwrap().stdout).unwrap();
    assert!(text.contains("echo go"), "{text}");
}
