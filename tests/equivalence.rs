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

use std::collections::BTreeMap;
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

fn verify(
    repository: &Path,
    path: Option<&OsStr>,
    engine: Option<&common::engine::Engine>,
    args: &[&str],
) -> Output {
    let mut command = common::holdall();
    if let Some(engine) = engine {
        engine.set(&mut command);
    }
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
    all_of(None, None, args);
}

/// The same with another search path for programs.
fn all_on(path: Option<&OsStr>, args: &[&str]) {
    all_of(path, None, args);
}

/// The same in containers.
fn all_with(engine: &common::engine::Engine, args: &[&str]) {
    all_of(None, Some(engine), args);
}

fn all_of(path: Option<&OsStr>, engine: Option<&common::engine::Engine>, args: &[&str]) {
    let configs = configs();
    let wrong = configs.iter().filter_map(|c| one(c, path, engine, args));
    let wrong: Vec<String> = wrong.collect();
    let (count, target) = (configs.len(), args.join(" "));
    assert!(wrong.is_empty(), "{target}:\n{}", wrong.join("\n"));
    println!("{count} configs are the same under {target}");
}

/// Verifies a config under a target; what is wrong comes back.
fn one(
    config: &Config,
    path: Option<&OsStr>,
    engine: Option<&common::engine::Engine>,
    args: &[&str],
) -> Option<String> {
    let dir = common::repository(&config.text);
    let out = verify(dir.path(), path, engine, args);
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

/// The image that every config of the folder names.
const IMAGE: &str = "cimg/base";

/// Both runs of a config that was rewritten in place go through containers.
#[test]
fn a_rewritten_config_brings_the_same_trees_in_containers() {
    let test = "a_rewritten_config_brings_the_same_trees_in_containers";
    let Some(engine) = common::engine::engine(test) else {
        return;
    };
    let image = format!("{IMAGE}={}", engine.small());
    let store = ["--to", "circleci", "--store", "/var/tmp/holdall-store"];
    let within = ["--engine", &engine.name, "--image", &image];
    all_with(&engine, &[&store[..], &within[..]].concat());
}

/// What a job persists and attaches is the same on this machine and in containers.
#[test]
fn containers_bring_the_trees_that_the_host_brings() {
    let test = "containers_bring_the_trees_that_the_host_brings";
    let Some(engine) = common::engine::engine(test) else {
        return;
    };
    let image = format!("{IMAGE}={}", engine.small());
    let mut wrong = Vec::new();
    let mut compared = 0;
    for config in configs() {
        let dir = common::repository(&config.text);
        let host = trees(dir.path(), &engine, &["--engine", "host"]);
        let within = ["--engine", &engine.name, "--image", &image];
        let there = trees(dir.path(), &engine, &within);
        if host != there {
            wrong.push(format!("{}: {host:#?} {there:#?}", config.name));
        }
        compared += host.values().map(Vec::len).sum::<usize>();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 100, "only {compared} trees are compared");
    println!("{compared} trees are the same");
}

/// Runs a config, and returns what each job's log says of the trees that it persisted and attached,
/// and how the job ended.
fn trees(
    repository: &Path,
    engine: &common::engine::Engine,
    args: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let runs = repository.join(".holdall/runs");
    let _ = std::fs::remove_dir_all(repository.join(".holdall"));
    let mut command = common::holdall();
    engine.set(&mut command);
    command.current_dir(repository);
    command.args(["run", "--force", "--approve-all"]).args(args);
    let out = command.output().unwrap();
    let mut all = BTreeMap::new();
    let folders = std::fs::read_dir(&runs).into_iter().flatten().flatten();
    for folder in folders.map(|f| f.path()).filter(|f| f.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if let Some(job) = name.strip_suffix(".log") {
                let text = std::fs::read(file.path()).unwrap();
                let text = String::from_utf8_lossy(&text).into_owned();
                let lines = text.lines().filter(|l| l.starts_with("tree sha256:"));
                all.insert(job.to_owned(), lines.map(str::to_owned).collect());
            }
        }
        let summary = std::fs::read(folder.join("run.json")).unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&summary).unwrap();
        for job in summary["jobs"].as_array().unwrap() {
            let (name, status) = (&job["name"], &job["status"]);
            all.insert(format!("{name} ended"), vec![status.to_string()]);
        }
    }
    assert!(!all.is_empty(), "{}", said(&out));
    all
}
