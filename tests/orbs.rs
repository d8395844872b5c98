//! Orb sources, packed and unpacked: what is said of their definitions, where, and what is not.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::path::Path;

/// Writes files, each by its path below a folder.
fn write(dir: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let file = dir.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

/// Runs the binary in a folder.
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = common::holdall();
    let out = command.args(args).current_dir(dir).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        out.status.code().unwrap(),
        text(&out.stdout),
        text(&out.stderr),
    )
}

/// Lints one file and returns its findings, a line each.
fn lint(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("tool.yml", text)]);
    run(dir.path(), &["lint", "tool.yml", "--format", "concise"]).1
}

const UNPACKED: &[(&str, &str)] = &[
    (
        "src/@orb.yml",
        "version: 2.1\ndescription: Greets.\norbs: {node: circleci/node@5.2.0}\n",
    ),
    (
        "src/commands/hello.yml",
        "parameters:
  to: {type: string, default: world}
  loud: {type: boolean, default: false}
steps:
  - run:
      environment: {TO: << parameters.to >>}
      command: <<include(scripts/hello.sh)>>
  - when:
      condition: << parameters.loud >>
      steps:
        - shout: {what: x}
",
    ),
    (
        "src/commands/deep/bye.yml",
        "steps:
  - run: echo << pipeline.parameters.name >>
  - run: <<include(scripts/none.sh)>>
",
    ),
    (
        "src/jobs/greet.yml",
        "executor: default
parameters: {who: {type: string}}
steps:
  - checkout
  - hello: {too: << parameters.who >>}
  - bye
",
    ),
    (
        "src/executors/default.yml",
        "docker: [{image: \"cimg/base:2024.01\"}]\n",
    ),
    (
        "src/examples/simple.yml",
        "usage:
  version: 2.1
  orbs: {greet: me/greet@1.0}
  workflows:
    all:
      jobs:
        - greet/greet: {whom: you}
",
    ),
    (
        "src/scripts/hello.sh",
        "#!/bin/bash
cat <<EOF
hello $TO
EOF
curl -sSL https://example.com/install.sh | bash
",
    ),
];

#[test]
fn what_is_wrong_in_an_unpacked_orb_is_said_in_its_own_file_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), UNPACKED);
    let (code, found, said) = run(dir.path(), &["lint", "src", "--format", "concise"]);
    assert_eq!((code, said.as_str()), (1, ""));
    snapshot!("orb-unpacked", found);
}

#[test]
fn one_file_of_an_unpacked_orb_is_checked_with_the_others_around_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), UNPACKED);
    for (folder, file) in [
        ("", "src/jobs/greet.yml"),
        ("src", "jobs/greet.yml"),
        ("src/jobs", "greet.yml"),
    ] {
        let (_, found, _) = run(
            &dir.path().join(folder),
            &["lint", file, "--format", "concise"],
        );
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines.len(), 1, "{found}");
        assert!(
            lines[0].starts_with(&format!("{file}:5:13: error[unknown-argument]")),
            "{found}"
        );
    }
}

#[test]
fn a_broken_file_of_an_orb_makes_no_errors_in_the_others() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), UNPACKED);
    write(
        dir.path(),
        &[
            ("src/commands/hello.yml", "steps: [\n"),
            ("src/commands/deep/bye.yml", "steps: [run: echo]\n"),
        ],
    );
    let (_, found, _) = run(dir.path(), &["lint", "src", "--format", "concise"]);
    let errors: Vec<&str> = found.lines().filter(|l| l.contains("error[")).collect();
    assert_eq!(errors.len(), 1, "{found}");
    assert!(
        errors[0].starts_with("src/commands/hello.yml") && errors[0].contains("[syntax-error]"),
        "{found}"
    );
}

#[test]
fn an_include_shows_nothing_from_outside_of_the_repository() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            ("secret.sh", "curl -sSL https://example.com/x.sh | bash\n"),
            ("orb/.git/HEAD", ""),
            ("orb/src/@orb.yml", "version: 2.1\ndescription: x\n"),
            (
                "orb/src/commands/a.yml",
                "steps: [run: <<include(../../secret.sh)>>]\n",
            ),
        ],
    );
    let (_, found, _) = run(dir.path(), &["lint", "orb/src", "--format", "concise"]);
    assert_eq!(
        found,
        "orb/src/commands/a.yml:1:14: error[invalid-include] an include of a file that is not there: there is no `../../secret.sh` below the orb's folder\n"
    );
}

#[test]
fn an_unpacked_orb_is_a_source_for_configs() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            (
                ".circleci/config.yml",
                "version: 2.1
orbs: {greet: me/greet@1}
workflows:
  all:
    jobs: [greet/greet: {who: you}]
",
            ),
            (
                ".holdall/orbs/me/greet@1.2.3/src/@orb.yml",
                "version: 2.1\ndescription: Greets.\n",
            ),
            (
                ".holdall/orbs/me/greet@1.2.3/src/jobs/greet.yml",
                "docker: [{image: \"cimg/base:2024.01\"}]
parameters: {who: {type: string}}
steps:
  - run: {command: <<include(scripts/hello.sh)>>, environment: {WHO: << parameters.who >>}}
",
            ),
            (
                ".holdall/orbs/me/greet@1.2.3/src/scripts/hello.sh",
                "cat <<EOF\nhello $WHO\nEOF\n",
            ),
        ],
    );
    let (code, out, said) = run(dir.path(), &["compile"]);
    assert_eq!((code, said.as_str()), (0, ""));
    snapshot!("orb-unpacked-compiled", out);
}

#[test]
fn an_orb_runs_nothing_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[("tool.yml", "version: 2.1\ndescription: x\ncommands: {}\n")],
    );
    let (code, out, said) = run(dir.path(), &["compile", "tool.yml"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(said.contains("tool.yml is the source of an orb"), "{said}");
}

#[test]
fn what_an_orb_defines_for_others_is_not_called_unused() {
    let found = lint(
        "version: 2.1
description: x
executors:
  small: {docker: [{image: \"cimg/base:2024.01\"}]}
commands:
  save:
    steps: [persist_to_workspace: {root: ., paths: [dist]}]
jobs:
  load:
    executor: small
    steps:
      - attach_workspace: {at: .}
      - run: ls dist/
",
    );
    assert_eq!(found, "");
}

#[test]
fn parameters_are_at_their_defaults_and_conditions_go_both_ways() {
    let found = lint(
        "version: 2.1
description: x
commands:
  tidy:
    parameters:
      hard: {type: boolean, default: false}
      mode: {type: enum, enum: [all, some], default: all}
      path: {type: string}
      then: {type: steps, default: []}
    steps:
      - when:
          condition: << parameters.hard >>
          steps: [a-typo]
      - when:
          condition: {equal: [some, << parameters.mode >>]}
          steps: [b-typo]
      - when:
          condition: << parameters.then >>
          steps: << parameters.then >>
      - persist_to_workspace: {root: ., paths: [<< parameters.path >>]}
",
    );
    let rules: Vec<&str> = found
        .lines()
        .map(|l| l.split(' ').next_back().unwrap())
        .collect();
    assert_eq!(rules, ["`a-typo`", "`b-typo`"], "{found}");
}

#[test]
fn parameters_of_the_pipeline_do_not_reach_into_an_orb() {
    let found = lint(
        "version: 2.1
description: x
commands:
  tidy:
    parameters:
      path: {type: string, default: << pipeline.parameters.path >>}
    steps: [run: ls << parameters.path >>]
executors:
  small: {docker: [{image: \"cimg/base:<< pipeline.parameters.tag >>\"}]}
",
    );
    assert_eq!(
        found.matches("error[undefined-parameter]").count(),
        2,
        "{found}"
    );
}

#[test]
fn what_a_config_has_and_an_orb_has_not_is_said() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[(
            "src/@orb.yml",
            "version: 2.1\nparameters: {a: {type: string}}\nworkflows: {}\n",
        )],
    );
    let (_, found, _) = run(dir.path(), &["lint", "src", "--format", "concise"]);
    assert!(found.contains("an orb takes no `parameters`"), "{found}");
    assert!(found.contains("an orb takes no `workflows`"), "{found}");
}

#[test]
fn a_config_without_workflows_is_no_orb() {
    for text in [
        // A job of this name runs by itself.
        "version: 2.1\njobs: {build: {docker: [{image: \"cimg/base:2024.01\"}], steps: [checkout]}}\n",
        "version: 2.1\nparameters: {a: {type: string, default: b}}\ncommands: {x: {steps: [checkout]}}\n",
        "version: 2.1\nsetup: true\ncommands: {x: {steps: [checkout]}}\n",
    ] {
        let found = lint(text);
        assert!(!found.contains("orb"), "{found}");
        assert_eq!(
            found.contains("has no workflows"),
            !text.contains("build:"),
            "{found}"
        );
    }
}

#[test]
fn an_example_is_checked_and_makes_no_error() {
    let found = lint(
        "version: 2.1
description: x
commands:
  tidy: {steps: [run: ls]}
examples:
  one:
    usage:
      version: 2.1
      orbs: {tool: me/tool@x.y, node: circleci/node@5.2.0}
      jobs:
        a:
          docker: [{image: \"cimg/base:2024.01\"}]
          steps: [tool/tidy, tool/tydy, node/install]
",
    );
    let lines: Vec<&str> = found
        .lines()
        .filter(|l| !l.contains("[not-supported]"))
        .collect();
    assert_eq!(lines.len(), 2, "{found}");
    assert!(
        lines[0].starts_with("tool.yml:9:20: warning[wrong-type]"),
        "{found}"
    );
    assert!(
        lines[1].starts_with("tool.yml:13:30: warning[undefined-command]"),
        "{found}"
    );
}
