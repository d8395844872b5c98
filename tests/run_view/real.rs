//! Real runs: what a program reads, and what a terminal shows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::json::described;
use crate::{cells, common};

const CONFIG: &str = r#"version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:current}]
    steps:
      - run: {name: Build, command: "mkdir -p out; printf 'one\\ntwo\\377\\n'; echo hi > out/file"}
      - persist_to_workspace: {root: out, paths: [file]}
  test:
    docker: [{image: cimg/base:current}]
    parallelism: 2
    steps:
      - attach_workspace: {at: ws}
      - run: {name: Test, command: "cat ws/file; printf '\\033[2Jgone\\n'; exit $CIRCLE_NODE_INDEX"}
  deploy:
    docker: [{image: cimg/base:current}]
    steps: [{run: "true"}]
  after:
    docker: [{image: cimg/base:current}]
    steps:
      - attach_workspace: {at: .}
      - run: "true"
workflows:
  main:
    jobs:
      - build
      - test: {requires: [build]}
      - deploy: {requires: [test]}
      - hold: {type: approval}
      - go: {type: approval}
      - after: {requires: [test: [failed]]}
"#;

/// Makes a home for the jobs of one test: their working directories lie there.
fn home(dir: &Path) -> PathBuf {
    let home = dir.join("home");
    std::fs::create_dir_all(&home).unwrap();
    home
}

/// Runs the workflow on the bare machine: namespaces may be forbidden here.
fn run(dir: &Path, args: &[&str]) -> std::process::Output {
    common::holdall()
        .args(["run", "--no-isolation", "--force", "--approve", "go"])
        .args(args)
        .env("HOME", home(dir))
        .current_dir(dir)
        .output()
        .unwrap()
}

#[test]
fn every_line_is_an_event_of_the_schema() {
    let dir = common::repository(CONFIG);
    let out = run(dir.path(), &["--format", "json"]);
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    let text = String::from_utf8(out.stdout).unwrap();
    let lines = described(&text);
    let seen: BTreeSet<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    let all = [
        "attached",
        "isolation",
        "job_finished",
        "job_queued",
        "job_skipped",
        "job_started",
        "node_started",
        "output",
        "persisted",
        "run_finished",
        "run_started",
        "step_finished",
        "step_started",
    ];
    for event in all {
        assert!(seen.contains(event), "{event} is not among {seen:?}");
    }
    assert_eq!(lines[0]["event"], "run_started");
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "run_finished");
    let statuses: Vec<&str> = last["summary"]["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "success", "failed", "not_run", "not_run", "success", "success"
        ]
    );
    // The summary is what the folder of the logs holds.
    let logs = Path::new(last["summary"]["logs"].as_str().unwrap());
    let kept = std::fs::read_to_string(logs.join("run.json")).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&kept).unwrap(),
        last["summary"]
    );
    let told = |job: &str| -> String {
        let of = lines
            .iter()
            .filter(|l| l["event"] == "output" && l["job"] == job);
        of.map(|l| l["text"].as_str().unwrap()).collect()
    };
    assert_eq!(told("build"), "one\ntwo\u{fffd}\n");
    let held = lines
        .iter()
        .find(|l| l["job"] == "hold" && l["event"] == "job_skipped");
    assert_eq!(held.unwrap()["why"]["reason"], "held");
}

#[test]
fn a_log_has_no_escape_sequences() {
    let dir = common::repository(CONFIG);
    let out = run(dir.path(), &[]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains("test/1 │ gone\n"), "{text}");
    assert!(text.contains("build  │ one\n"), "{text}");
}

/// Runs `script`, which gives a program a terminal; what the terminal got comes back.
fn under_a_terminal(dir: &Path, more: &str, environment: &[(&str, &str)]) -> Option<Vec<u8>> {
    if !common::tool("under_a_terminal", "script") {
        return None;
    }
    let program = common::holdall();
    let command = format!(
        "stty rows 24 cols 80; '{}' run --no-isolation --force {more} < /dev/null",
        Path::new(program.get_program()).display()
    );
    let mut script = Command::new("script");
    script
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .current_dir(dir)
        .env("HOME", home(dir))
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .env_remove("CI")
        .env_remove("HOLDALL_STORE")
        .env_remove("HOLDALL_WORKSPACE")
        .envs(environment.iter().copied());
    let out = script.output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{out:?}");
    Some(out.stdout)
}

fn screen(bytes: &[u8]) -> String {
    let mut terminal = vt100::Parser::new(cells(60), cells(80), 0);
    terminal.process(bytes);
    assert!(!terminal.screen().hide_cursor());
    terminal.screen().contents()
}

#[test]
fn a_terminal_shows_what_has_ended_and_nothing_of_what_was_drawn_below() {
    let dir = common::repository(CONFIG);
    let Some(bytes) = under_a_terminal(dir.path(), "", &[]) else {
        return;
    };
    let text = String::from_utf8_lossy(&bytes);
    // It was drawn, and what a job writes moved nothing.
    assert!(text.contains("\u{1b}[?2026h"), "{text:?}");
    assert!(!text.contains("\u{1b}[2J"), "{text:?}");
    let shown = screen(&bytes);
    assert!(shown.contains("✓ build "), "{shown}");
    assert!(shown.contains("✗ test/1: Test\n"), "{shown}");
    assert!(shown.contains("  gone\n"), "{shown}");
    assert!(!shown.contains("running,"), "{shown}");
    assert!(!shown.contains("│"), "{shown}");
}

#[test]
fn lines_come_where_a_terminal_cannot_draw_or_nobody_looks() {
    let dir = common::repository(CONFIG);
    for (more, environment) in [
        ("", &[("TERM", "dumb")][..]),
        ("", &[("CI", "true")]),
        ("--verbose", &[]),
    ] {
        let Some(bytes) = under_a_terminal(dir.path(), more, environment) else {
            return;
        };
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("\u{1b}[?2026h"), "{text:?}");
        assert!(screen(&bytes).contains("test/1 │ gone"), "{text:?}");
    }
}
