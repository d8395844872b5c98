//! `holdall lint --shellcheck`: what the real program says, at its place in the config; and what
//! happens where it is not there, or does not answer.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::Path;

/// Lints files and returns the exit status, the report and what was said.
fn lint(dir: &Path, args: &[&str]) -> (i32, serde_json::Value, String) {
    let mut command = common::holdall();
    command.args(["lint", "--format", "json", "--level", "pedantic"]);
    command.args(["--select", "shellcheck"]);
    let out = command.args(args).current_dir(dir).output().unwrap();
    (
        out.status.code().unwrap(),
        serde_json::from_slice(&out.stdout).unwrap_or_default(),
        String::from_utf8(out.stderr).unwrap(),
    )
}

/// Returns code and text of each finding.
fn found(report: &serde_json::Value, text: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|f| {
            let span = &f["labels"][0]["span"];
            let byte = |end: &str| usize::try_from(span[end]["byte"].as_u64().unwrap()).unwrap();
            let title = f["title"].as_str().unwrap();
            let code = title.split(' ').next().unwrap().to_owned();
            (code, text[byte("start")..byte("end")].to_owned())
        })
        .collect()
}

/// A config whose steps are these.
fn config(steps: &str) -> String {
    format!(
        "version: 2.1
jobs:
  build:
    parameters: {{p: {{type: string, default: x}}}}
    docker: [{{image: \"cimg/base:2024.01\"}}]
    environment: {{lower: x}}
    steps:
{steps}workflows:
  main: {{jobs: [build]}}
"
    )
}

fn said(steps: &str) -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    let text = config(steps);
    std::fs::write(dir.path().join("c.yml"), &text).unwrap();
    let (_, report, said) = lint(dir.path(), &["--shellcheck", "c.yml"]);
    assert_eq!(said, "");
    found(&report, &text)
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let each = all.iter();
    each.map(|(code, text)| ((*code).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn each_remark_stands_at_its_own_characters_in_every_style_of_yaml() {
    if !common::tool("each_remark_stands_at_its_own_characters", "shellcheck") {
        return;
    }
    let blocks = "      - run: |
          echo \"ä🔃\"; rm  $A  x

          \trm ${B}
      - run: >
          rm
          $C


          rm $D
           rm $E
      - run: |2-
            rm $F
";
    let expected = ["$A", "${B}", "$C", "$D", "$E", "$F"].map(|v| ("SC2086", v));
    assert_eq!(said(blocks), pairs(&expected));
    let quoted = "      - run: \"rm \\\"a\\\" \\u0024G $H \\
           $I\"
      - run: 'echo ''x'' $J'
      - run: rm
          $K
          x
      - run: {name: x, command: rm $L}
      - &again
        run: {command: rm $M}
      - *again
";
    let expected = ["\\u0024G", "$H", "$I", "$J", "$K", "$L", "$M"].map(|v| ("SC2086", v));
    assert_eq!(said(quoted), pairs(&expected));
}

#[test]
fn a_remark_that_rests_on_a_template_is_left_out_and_others_stay() {
    if !common::tool("a_remark_that_rests_on_a_template", "shellcheck") {
        return;
    }
    let steps = "      - run: |
          if [ \"<< parameters.p >>\" = x ]; then rm $A; fi
          for x in << parameters.p >>; do echo \"$x\"; done
          cat \\<<EOF
          $plain
          EOF
          docker ps --format {{.Names}} $B
          echo \"$lower\" \"$unset\"
          cd somewhere
      - run: cd somewhere; [ x = y ]; echo \"$lower\"
";
    assert_eq!(
        said(steps),
        pairs(&[("SC2086", "$A"), ("SC2086", "$B"), ("SC2050", "=")])
    );
}

#[test]
fn the_shell_of_the_step_decides_what_is_wrong() {
    if !common::tool("the_shell_of_the_step_decides_what_is_wrong", "shellcheck") {
        return;
    }
    let steps = "      - run: {shell: /bin/sh, command: 'cd x; [[ -n $A ]]'}
      - run: {shell: /bin/bash, command: 'cd y; [[ -n $A ]]'}
      - run: {shell: /bin/bash -e, command: 'cd y; [[ -n $A ]]'}
      - run: {shell: python3, command: '[[ -n $A ]]; rm $B'}
      - run: |
          #!/bin/sh
          [[ -n $A ]] # x
      - run: |
          # shellcheck disable=SC2086
          rm $A
";
    assert_eq!(
        said(steps),
        pairs(&[
            ("SC2164", "cd x"),
            ("SC3010", "[[ -n $A ]]"),
            ("SC2164", "cd y"),
            ("SC3010", "[[ -n $A ]]"),
        ])
    );
}

#[test]
fn remarks_are_silenced_like_other_findings() {
    if !common::tool("remarks_are_silenced_like_other_findings", "shellcheck") {
        return;
    }
    let steps = "      - run: rm $A # holdall: ignore[shellcheck] it is one word
      - run: rm $B
";
    assert_eq!(said(steps), pairs(&[("SC2086", "$B")]));
}

#[test]
fn remarks_on_real_configs_stand_where_they_belong() {
    let test = "remarks_on_real_configs_stand_where_they_belong";
    if !common::tool(test, "shellcheck") {
        return;
    }
    let Some(shared) = common::shared(test) else {
        return;
    };
    let mut seen = 0;
    for folder in ["configs", "orbs"] {
        let folder = shared.join("corpus").join(folder);
        let (_, report, said) = lint(&folder, &["--shellcheck", "."]);
        assert_eq!(said, "");
        for finding in report["findings"].as_array().unwrap() {
            // This remark is on one expansion, whose text is sure to begin with its sign.
            if finding["title"] != "SC2086 of shellcheck" {
                continue;
            }
            let label = &finding["labels"][0];
            let text = std::fs::read_to_string(folder.join(label["file"].as_str().unwrap()));
            let text = text.unwrap();
            let byte =
                |end: &str| usize::try_from(label["span"][end]["byte"].as_u64().unwrap()).unwrap();
            let here = &text[byte("start")..byte("end")];
            assert!(here.starts_with('$'), "{label}: {here:?}");
            seen += 1;
        }
    }
    println!("{seen} remarks on unquoted expansions");
    assert!(seen > 500, "{seen}");
}

#[test]
fn without_the_program_there_is_an_error_where_it_was_asked_for_and_else_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = config("      - run: rm $A\n");
    std::fs::write(dir.path().join("c.yml"), text).unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let see = |args: &[&str]| {
        let mut command = common::holdall();
        command.arg("lint").args(args).arg("c.yml");
        let out = command.env("PATH", &empty).current_dir(dir.path());
        let out = out.output().unwrap();
        let text = String::from_utf8(out.stderr).unwrap();
        (out.status.code().unwrap(), text)
    };
    assert_eq!(see(&[]), (0, String::new()));
    let (code, said) = see(&["--shellcheck"]);
    assert_eq!(code, 3);
    snapshot!("shellcheck-missing", said);
    // Settings are everybody's: who does not have it goes on.
    std::fs::write(
        dir.path().join("holdall.toml"),
        "[lint]\nshellcheck = true\n",
    )
    .unwrap();
    let (code, said) = see(&[]);
    assert_eq!(code, 0);
    assert!(said.contains("scripts are not checked"), "{said}");
}

#[cfg(unix)]
mod with_another_program {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// Puts a program of that name into a folder.
    fn program(dir: &Path, script: &str) {
        let file = dir.join("shellcheck");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn lint_with(dir: &Path, script: &str) -> (i32, String) {
        program(dir, script);
        let path = std::env::var("PATH").unwrap();
        let mut command = common::holdall();
        command.args(["lint", "--shellcheck", "a.yml", "b.yml"]);
        command.env("PATH", format!("{}:{path}", dir.display()));
        let out = command.current_dir(dir).output().unwrap();
        let said = String::from_utf8(out.stderr).unwrap();
        (out.status.code().unwrap(), said)
    }

    fn two_configs(dir: &Path) {
        let steps: String = (0..5).map(|i| format!("      - run: rm $A{i}\n")).collect();
        for name in ["a.yml", "b.yml"] {
            let text = config(&format!("{steps}      - run: rm $A0\n"));
            std::fs::write(dir.join(name), text).unwrap();
        }
    }

    #[test]
    fn one_process_checks_the_scripts_of_a_config() {
        let dir = tempfile::tempdir().unwrap();
        two_configs(dir.path());
        let log = dir.path().join("log");
        let script = format!(
            "echo \"$@\" >> {}; echo '{{\"comments\": []}}'",
            log.display()
        );
        assert_eq!(lint_with(dir.path(), &script), (0, String::new()));
        let log = std::fs::read_to_string(log).unwrap();
        let calls: Vec<&str> = log.lines().collect();
        // Both configs at once may ask for the same.
        assert!((1..=2).contains(&calls.len()), "{log}");
        assert!(calls[0].ends_with(" 0 1 2 3 4"), "{log}");
    }

    #[test]
    fn what_is_not_checked_is_said_and_stops_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        two_configs(dir.path());
        // It fails on one of the scripts, alone or with others.
        let script = "grep -q A3 [0-9]* && exit 2\necho '{\"comments\": []}'";
        let (code, said) = lint_with(dir.path(), script);
        assert_eq!(code, 3, "{said}");
        assert!(
            said.contains("shellcheck did not check a script of 1 lines: it ended with"),
            "{said}"
        );
        assert!(!said.contains("panicked"), "{said}");
    }
}
