//! Pipeline values from the command line: what they decide, what is refused, and what the linter
//! looks at where none are given.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::path::Path;

const CONFIG: &str = "version: 2.1
parameters:
  deploy: {type: boolean, default: false}
  replicas: {type: integer, default: 1}
  target: {type: enum, enum: [test, live], default: test}
jobs:
  one:
    docker: [{image: x}]
    steps: [run: 'touch app.zip', persist_to_workspace: {root: ., paths: [app.zip]}]
  two:
    docker: [{image: x}]
    steps:
      - run: touch app.zip
      - when:
          condition: {and: [<< pipeline.parameters.deploy >>, {equal: [live, << pipeline.parameters.target >>]}]}
          steps: [persist_to_workspace: {root: ., paths: [app.zip]}]
  use:
    docker: [{image: x}]
    steps: [attach_workspace: {at: .}]
workflows:
  main: {jobs: [one, two, use: {requires: [one, two]}]}
  release:
    when: {matches: {pattern: 'v\\d+', value: << pipeline.git.tag >>}}
    jobs: [publish]
";

/// Runs the binary beside the config, and returns its exit status, stdout and stderr. `main.yml`
/// holds the workflow without an error.
fn holdall(dir: &Path, args: &[&str]) -> (i32, String, String) {
    std::fs::write(dir.join("config.yml"), CONFIG).unwrap();
    let main = CONFIG.split("  release:\n").next().unwrap();
    std::fs::write(dir.join("main.yml"), main).unwrap();
    let out = common::holdall()
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        out.status.code().unwrap(),
        text(out.stdout),
        text(out.stderr),
    )
}

fn rules(args: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("values.yml"),
        "target: live\npipeline: {git: {branch: main}}\n",
    )
    .unwrap();
    let json = [
        "lint",
        "config.yml",
        "--format",
        "json",
        "--ignore",
        "security",
    ];
    let args = [&json[..], args].concat();
    let (code, out, said) = holdall(dir.path(), &args);
    assert!(code < 2, "{said}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|f| f["rule"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_linter_decides_by_what_is_given_and_leaves_the_rest_open() {
    let conflict = "concurrent-persist-conflict";
    let hidden = ["hidden-workflow-error", "undefined-job"];
    let all = [&[conflict][..], &hidden].concat();
    assert_eq!(rules(&[]), all);
    // The other condition is still taken both ways.
    assert_eq!(rules(&["--parameter", "deploy=yes"]), all);
    assert_eq!(rules(&["--values", "values.yml"]), all);
    assert_eq!(rules(&["--parameter", "deploy=off"]), hidden);
    assert_eq!(
        rules(&["--values", "values.yml", "--parameter", "target=test"]),
        hidden
    );
    // The tag lets the workflow run: the service sees the error.
    assert_eq!(
        rules(&["--tag", "v1", "--parameter", "deploy=false"]),
        ["undefined-job"]
    );
    let json = rules(&["--parameter", "pipeline.parameters.deploy=No"]);
    assert_eq!(json, hidden);
}

#[test]
fn a_finding_says_under_which_values_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (_, out, _) = holdall(dir.path(), &["lint", "config.yml"]);
    let note =
        "when `pipeline.parameters.deploy` is true and `pipeline.parameters.target` is `live`";
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(note), "{out}");
}

#[test]
fn values_that_the_config_does_not_take_are_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("list.yml"), "- deploy\n").unwrap();
    let mut all = String::new();
    for args in [
        &["--parameter", "deplyo=true"][..],
        &["--parameter", "deploy"],
        &["--parameter", "deploy=maybe"],
        &["--parameter", "replicas=3.5"],
        &["--parameter", "target=life"],
        &["--parameter", "pipeline.git.brnach=main"],
        &["--values", "list.yml"],
        &["--values", "none.yml"],
        &["--branch", "main", "--parameter", "pipeline.git.tag=v1"],
        &["--branch", "main", "--tag", "v1"],
    ] {
        for command in ["lint", "transpile"] {
            let extra: &[&str] = match command {
                "transpile" => &["--to", "shell", "--output", "out"],
                _ => &[],
            };
            let line = [&[command, "config.yml"], extra, args].concat();
            let (code, out, said) = holdall(dir.path(), &line);
            assert_eq!(out, "", "{line:?}");
            assert!(matches!(code, 2 | 3), "{line:?}: {code}: {said}");
            assert!(!dir.path().join("out").exists());
            if command == "lint" {
                all.push_str(&format!(
                    "$ holdall {}\nexit status {code}\n{said}\n",
                    line.join(" ")
                ));
            }
        }
    }
    snapshot!("values-refused", all);
}

#[test]
fn of_several_configs_one_has_to_declare_a_parameter() {
    let dir = tempfile::tempdir().unwrap();
    let setup =
        "version: 2.1\nsetup: true\njobs: {build: {docker: [{image: x}], steps: [checkout]}}\n";
    std::fs::write(dir.path().join("setup.yml"), setup).unwrap();
    let lint = ["lint", "setup.yml", "config.yml", "--fail-on", "never"];
    let (code, _, said) = holdall(
        dir.path(),
        &[&lint[..], &["--parameter", "deploy=true"]].concat(),
    );
    assert_eq!((code, said.as_str()), (0, ""));
    let (code, _, said) = holdall(
        dir.path(),
        &[&lint[..], &["--parameter", "deplyo=true"]].concat(),
    );
    assert_eq!(code, 2, "{said}");
    let (code, _, said) = holdall(
        dir.path(),
        &["lint", "setup.yml", "--parameter", "deploy=true"],
    );
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_script_is_made_for_the_given_values() {
    let dir = tempfile::tempdir().unwrap();
    let make = |values: &[&str]| {
        let args = [
            "transpile",
            "main.yml",
            "--to",
            "shell",
            "--force",
            "--output",
            "out",
        ];
        let (code, _, said) = holdall(dir.path(), &[&args, values].concat());
        assert_eq!(code, 0, "{said}");
        std::fs::read_to_string(dir.path().join("out/.holdall/shell/jobs/two.sh")).unwrap()
    };
    // What is not given is asked when the script runs.
    let open = make(&[]);
    assert!(
        open.contains("if { [ \"${PIPELINE_PARAMETER_DEPLOY}\" = true ] && "),
        "{open}"
    );
    assert!(open.contains("holdall_persist"), "{open}");
    let deployed = make(&["--parameter", "deploy=true", "--parameter", "target=live"]);
    assert!(
        deployed.contains("\nholdall_do on_success persist_to_workspace"),
        "{deployed}"
    );
    assert!(!deployed.contains("PIPELINE_PARAMETER"), "{deployed}");
    let kept = make(&["--parameter", "deploy=false"]);
    assert!(!kept.contains("holdall_persist"), "{kept}");
    let args = [
        "transpile",
        "main.yml",
        "--to",
        "circleci",
        "--store",
        "/s",
        "--branch",
        "main",
    ];
    let (code, _, said) = holdall(dir.path(), &args);
    assert_eq!(code, 2, "{said}");
}
