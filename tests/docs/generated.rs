//! What is made by programs: the reference of the command line, manual pages, completions, the
//! picture of the flow, the list of the rules in the book.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{common, current};

/// Runs holdall in an environment that nothing of this machine shines through.
fn said(words: &[&str]) -> String {
    let mut holdall = common::holdall();
    let path = std::env::var_os("PATH").unwrap_or_default();
    holdall.env_clear().env("PATH", path).env("NO_COLOR", "1");
    holdall.stdin(Stdio::null()).current_dir(common::root());
    let out = holdall.args(words).output().unwrap();
    assert!(
        out.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

/// The manual pages, with their file names, in the order of these.
fn pages() -> Vec<(String, String)> {
    let dir = tempfile::tempdir().unwrap();
    said(&["man", "--output", dir.path().to_str().unwrap()]);
    let files = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().path());
    let named = files.map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    });
    let mut pages: Vec<_> = named.collect();
    pages.sort();
    pages
}

const SHELLS: [(&str, &str); 3] = [
    ("bash", "completions/holdall.bash"),
    ("zsh", "completions/_holdall"),
    ("fish", "completions/holdall.fish"),
];

/// Holds a folder against the files that are made for it.
fn nothing_else_in(folder: &str, made: usize) {
    let there = std::fs::read_dir(common::root().join(folder))
        .unwrap()
        .count();
    assert_eq!(there, made, "{folder} holds files that nothing makes");
}

#[test]
fn manual_pages_are_current_and_well_formed() {
    let pages = pages();
    assert!(pages.len() > 20, "{}", pages.len());
    for (name, text) in &pages {
        current(&format!("man/{name}"), text);
    }
    nothing_else_in("man", pages.len());
    assert_eq!(
        said(&["man"]),
        pages.iter().find(|(n, _)| n == "holdall.1").unwrap().1
    );
    if !common::tool("manual pages", "mandoc") {
        return;
    }
    for (name, _) in &pages {
        let path = common::root().join("man").join(name);
        let lint = Command::new("mandoc")
            .args(["-T", "lint", "-W", "warning"])
            .arg(path)
            .output();
        let lint = lint.unwrap();
        // There is no date, so that the same program makes the same page.
        let said = String::from_utf8_lossy(&lint.stdout);
        let wrong: Vec<&str> = said
            .lines()
            .filter(|l| !l.contains("missing date"))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }
}

#[test]
fn completions_are_current_and_the_shells_can_read_them() {
    for (shell, file) in SHELLS {
        current(file, &said(&["completions", shell]));
        if common::tool("completions", shell) {
            let check = Command::new(shell)
                .arg("-n")
                .arg(common::root().join(file))
                .output();
            let check = check.unwrap();
            let words = String::from_utf8_lossy(&check.stderr).into_owned();
            assert!(
                check.status.success() && words.is_empty(),
                "{shell}: {words}"
            );
        }
    }
    nothing_else_in("completions", SHELLS.len());
}

#[test]
fn bash_completes_a_command_and_an_option() {
    if !common::tool("completions", "bash") {
        return;
    }
    for (words, expected) in [
        ("holdall transp", "transpile"),
        ("holdall run --rerun-f", "--rerun-from-failed"),
    ] {
        let script = format!(
            "source completions/holdall.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _holdall holdall \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let out = Command::new("bash")
            .args(["-c", &script])
            .current_dir(common::root())
            .output();
        assert_eq!(
            String::from_utf8_lossy(&out.unwrap().stdout).trim(),
            expected
        );
    }
}

#[test]
fn the_reference_of_the_command_line_is_current() {
    let mut text = String::from(
        "# The command line\n\nWhat `--help` says of each command; `holdall man` has the same as manual pages.\n",
    );
    for (name, _) in pages() {
        let words: Vec<&str> = name.trim_end_matches(".1").split('-').collect();
        let help: Vec<&str> = words[1..].iter().copied().chain(["--help"]).collect();
        text.push_str(&format!("\n## {}\n\n```text\n", words.join(" ")));
        for line in said(&help).trim_end().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text.push_str("```\n");
    }
    current("docs/cli.md", &text);
}

#[test]
fn the_picture_of_the_flow_is_current() {
    let config = "examples/site/.circleci/config.yml";
    current(
        "docs/images/flow.svg",
        &said(&["graph", "--format", "svg", config]),
    );
}

#[test]
fn the_book_lists_the_rules_that_there_are() {
    let path = common::root().join("docs/SUMMARY.md");
    let there = std::fs::read_to_string(path).unwrap();
    let is_rule = |line: &&str| line.starts_with("  - [") && line.contains("](rules/");
    let mut text = String::new();
    for line in there.lines().filter(|l| !is_rule(l)) {
        text.push_str(&format!("{line}\n"));
        if line.contains("](rules/README.md)") {
            let mut names: Vec<&str> = holdall::lint::rules().iter().map(|r| r.name).collect();
            names.sort_unstable();
            for name in names {
                assert!(
                    Path::new(common::root())
                        .join(format!("docs/rules/{name}.md"))
                        .exists()
                );
                text.push_str(&format!("  - [{name}](rules/{name}.md)\n"));
            }
        }
    }
    current("docs/SUMMARY.md", &text);
}
