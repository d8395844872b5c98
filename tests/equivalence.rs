//! What is proven of every config in `tests/equivalence`: under each target, each attach of each
//! job brings the same files, modes, links and empty folders as under `holdall run`, or fails under
//! both. `holdall transpile --verify` does the work.
//!
//! A new file there is enough. Its leading comment says what it is about and, in parentheses, of
//! which traps (`(traps 4, 5)`). Where it says that attaching `is an error`, that is expected; where
//! it says that something `fails`, a job may end so behind what it attaches, and what waits for it
//! may not run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A config with what its leading comment says.
struct Config {
    name: String,
    text: String,
    is_error: bool,
    fails: bool,
}

fn configs() -> Vec<Config> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let comment = text.lines().take_while(|l| l.starts_with('#'));
        let comment = comment.map(|l| l.trim_start_matches('#').trim());
        let comment = comment.collect::<Vec<_>>().join(" ");
        let named = comment.contains("(trap ") || comment.contains("(traps ");
        assert!(named, "{} names no trap", path.display());
        Config {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            is_error: comment.contains("is an error"),
            fails: comment.contains("fails"),
            text,
        }
    };
    let files = common::yaml_files(&common::root().join("tests/equivalence"));
    files.into_iter().map(read).collect()
}

fn said(out: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&out.stdout) + &text(&out.stderr)
}

fn verify(repository: &Path, path: Option<&OsStr>, args: &[&str]) -> Output {
    let mut command = common::holdall();
    command.current_dir(repository);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command
        .args(["transpile", "--force", "--verify"])
        .args(args);
    command.output().unwrap()
}

/// Verifies every config under a target, and says all that is wrong.
fn all(args: &[&str]) {
    all_on(None, args);
}

/// The same with another search path for programs.
fn all_on(path: Option<&OsStr>, args: &[&str]) {
    let configs = configs();
    let wrong = configs.iter().filter_map(|c| one(c, path, args));
    let wrong: Vec<String> = wrong.collect();
    let (count, target) = (configs.len(), args.join(" "));
    assert!(wrong.is_empty(), "{target}:\n{}", wrong.join("\n"));
    println!("{count} configs are the same under {target}");
}

/// Verifies a config under a target; what is wrong comes back.
fn one(config: &Config, path: Option<&OsStr>, args: &[&str]) -> Option<String> {
    let dir = common::repository(&config.text);
    let out = verify(dir.path(), path, args);
    let name = &config.name;
    if !out.status.success() {
        return Some(format!("{name}: {}", said(&out)));
    }
    let table = String::from_utf8_lossy(&out.stdout).into_owned();
    let wrong = |why: &str| Some(format!("{name}: {why}\n{table}"));
    let mut compared = 0;
    for row in table.lines().skip(1) {
        let waits = row.contains("it did not run, because of") && (config.fails || config.is_error);
        if row.contains("not run") && !waits {
            return wrong("what could not be run is not proven");
        }
        if row.contains("behind that") && !config.fails {
            return wrong("a step that fails found something wrong");
        }
        compared += usize::from(row.contains("  same  "));
    }
    if compared == 0 {
        return wrong("nothing is compared");
    }
    (table.contains("refused by both") != config.is_error)
        .then(|| wrong("its comment says otherwise of attaching"))
        .flatten()
}

#[test]
fn github_brings_the_same_trees() {
    if let Some(runner) = common::judge("github_brings_the_same_trees", "github-run") {
        let with = format!("{} --isolated-home", runner.display());
        all(&["--to", "github", "--verify-with", &with]);
    }
}

#[test]
fn gitlab_brings_the_same_trees() {
    let test = "gitlab_brings_the_same_trees";
    let Some(runner) = common::judge(test, "gitlab-ci-local") else {
        return;
    };
    if common::tool(test, "rsync") {
        let with = runner.display().to_string();
        all(&["--to", "gitlab", "--verify-with", &with]);
    }
}

#[test]
fn shell_brings_the_same_trees() {
    for shell in common::SHELLS {
        if let Some(path) = common::path_with_sh("shell_brings_the_same_trees", shell) {
            all_on(Some(&path), &["--to", "shell"]);
        }
    }
}

#[test]
fn a_rewritten_config_brings_the_same_trees() {
    all(&["--to", "circleci", "--store", "/var/tmp/holdall-store"]);
}
