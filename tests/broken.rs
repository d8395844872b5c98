//! Configs with errors of syntax: what their readable part says is said, and nothing that the lost
//! part may have said otherwise.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use holdall::finding::concise;
use holdall::lint::{self, Options};
use holdall::yaml::Source;

/// A config with a mistake of its own in every corner: none of them is one of syntax.
const WHOLE: &str = "version: 2.1
orbs:
  node: circleci/node@5
executors:
  small:
    docker:
      - image: cimg/base:2024.01
        imagee: x
commands:
  greet:
    parameters:
      to: {type: string}
    steps:
      - run: echo << parameters.too >>
jobs:
  build:
    executor: small
    steps:
      - checkout
      - greet: {to: you}
      - persist_to_workspace:
          root: /tmp/ws
          paths: [/abs/x]
  test:
    executor: smal
    steps:
      - attach_workspace: {at: $HOME/ws}
      - run:
          command: make test
      - grete: {to: me}
workflows:
  main:
    jobs:
      - build
      - test:
          requires: [biuld]
          filters: {branches: {only: /release-*/}}
";

fn lint(text: &str) -> Vec<String> {
    let checked = lint::check(Source::new("c.yml", text), Options::default());
    let text = concise(&[checked.report]);
    text.lines().map(str::to_owned).collect()
}

/// The config with a piece of it written otherwise, once.
fn broken(from: &str, to: &str) -> String {
    assert_eq!(WHOLE.matches(from).count(), 1, "{from}");
    WHOLE.replace(from, to)
}

#[test]
fn ten_broken_configs_are_told_all_that_their_readable_part_says() {
    let whole = lint(WHOLE);
    let mut shown = format!("whole:\n{}\n", whole.join("\n"));
    for (name, text) in [
        ("an open list", broken("[/abs/x]", "[/abs/x")),
        ("an open map", broken("{to: you}", "{to: you")),
        (
            "an open quote",
            broken("command: make test", "command: \"make test"),
        ),
        (
            "a tab for blanks",
            broken("    executor: smal\n", "\texecutor: smal\n"),
        ),
        (
            "a line too far left",
            broken("        imagee: x", "     imagee: x"),
        ),
        (
            "two colons",
            broken("      - greet: {to: you}", "      - greet: to: you"),
        ),
        (
            "an item beside a key",
            broken("  main:\n", "  main:\n  - x\n"),
        ),
        ("a bracket too many", broken("[biuld]", "[biuld]]")),
        ("an unknown escape", broken("$HOME/ws", "\"$HOME\\ws\"")),
        (
            "a file that was cut off",
            WHOLE[..WHOLE.find("/tmp/ws").unwrap()].to_owned() + "\"/tmp",
        ),
    ] {
        let found = lint(&text);
        let syntax = found
            .iter()
            .filter(|l| l.contains("[syntax-error]"))
            .count();
        assert_eq!(syntax, 1, "{name}: {found:#?}");
        // Everything that is said is said of the whole config too, in its place: lines may have
        // moved by one.
        for line in found.iter().filter(|l| !l.contains("[syntax-error]")) {
            let what = line.split_once(' ').unwrap().1;
            assert!(whole.iter().any(|l| l.ends_with(what)), "{name}: {line}");
        }
        shown.push_str(&format!("\n{name}:\n{}\n", found.join("\n")));
    }
    snapshot!("broken-configs", shown);
}

#[test]
fn what_may_be_in_the_lost_lines_is_not_missed() {
    // The job, the command and the requirement's name are in the lines that cannot be read.
    let text = WHOLE
        .replace("  greet:\n", "  greet: [\n")
        .replace("biuld", "build")
        .replace("grete", "greet")
        .replace("  build:\n", "  build: \"\n");
    let found = lint(&text);
    for name in ["greet", "build"] {
        assert!(
            !found.iter().any(|l| l.contains(&format!("`{name}`"))),
            "{found:#?}"
        );
    }
    assert!(
        found.iter().any(|l| l.contains("[path-shell-variable]")),
        "{found:#?}"
    );
}
