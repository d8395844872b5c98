//! The example of the README, executed three ways: by `holdall run`, by the scripts of
//! `--to shell`, and by `holdall run` on the config that `--to circleci` rewrites. Each prints the
//! tree digest of what it attached; they must be the same.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The example in a folder of its own.
struct Example {
    dir: tempfile::TempDir,
}

impl Example {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".circleci")).unwrap();
        let from = common::root().join("examples/workspaces/.circleci/config.yml");
        std::fs::copy(from, dir.path().join(".circleci/config.yml")).unwrap();
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn config(&self) -> PathBuf {
        self.path().join(".circleci/config.yml")
    }

    fn holdall(&self, args: &[&str]) -> (bool, String) {
        let out = common::holdall()
            .args(args)
            .current_dir(self.path())
            .output()
            .unwrap();
        let text = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8(text).unwrap())
    }

    /// Runs the workflow and returns what a person sees, and the logs.
    fn run(&self) -> (String, String) {
        let (ok, seen) = self.holdall(&["run"]);
        assert!(ok, "{seen}");
        let mut logs = String::new();
        for run in std::fs::read_dir(self.path().join(".holdall/runs")).unwrap() {
            let run = run.unwrap().path();
            // A file there says when old runs were last taken away.
            if !run.is_dir() {
                continue;
            }
            for file in ["flow.log", "downstream.log"] {
                logs.push_str(&std::fs::read_to_string(run.join(file)).unwrap());
            }
        }
        (seen, logs)
    }
}

/// The tree digests that a text names, the last one for each of the two jobs.
fn trees(text: &str) -> Vec<String> {
    let digests = text.lines().filter_map(|l| l.trim().strip_prefix("tree "));
    digests.map(str::to_owned).collect()
}

/// Runs a script where `/tmp` is a folder that nobody else sees; says so where that cannot be.
fn in_private_tmp(dir: &Path, script: &Path) -> Option<String> {
    let inner = format!(
        "mount -t tmpfs tmpfs /mnt && mkdir /mnt/p && mount --rbind '{dir}' /mnt/p && mount -t tmpfs tmpfs /tmp && \
         mkdir -p '{dir}' && mount --rbind /mnt/p '{dir}' && cd '{dir}' && exec sh '{script}'",
        dir = dir.display(),
        script = script.display()
    );
    let out = Command::new("unshare")
        .args(["-Urm", "sh", "-c", &inner])
        .output();
    let refused = match &out {
        Err(e) => Some(e.to_string()),
        Ok(out) => {
            let said = String::from_utf8_lossy(&out.stderr);
            (said.contains("unshare:") || said.contains("mount:")).then(|| said.into_owned())
        }
    };
    if let Some(why) = refused {
        assert!(std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(), "{why}");
        println!("skipped: a private /tmp cannot be had here: {why}");
        return None;
    }
    let out = out.unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(out.status.success(), "{text}");
    Some(text)
}

#[test]
fn three_ways_attach_the_same_tree() {
    let direct = Example::new();
    let (seen, logs) = direct.run();
    assert!(seen.contains("It worked!"), "{seen}");
    let first = trees(&logs);
    assert_eq!(
        first.len(),
        2,
        "one of the persist, one of the attach: {logs}"
    );
    assert_eq!(first[0], first[1]);

    let rewritten = Example::new();
    let before = std::fs::read_to_string(rewritten.config()).unwrap();
    let (ok, said) = rewritten.holdall(&[
        "transpile",
        "--to",
        "circleci",
        "--store",
        "/mnt/workspaces",
    ]);
    assert!(ok, "{said}");
    let after = std::fs::read_to_string(rewritten.config()).unwrap();
    assert!(!after.contains("persist_to_workspace") && !after.contains("attach_workspace"));
    // Every line that is not part of the two steps is still there, in its order.
    let mut lines = after.lines();
    for line in before.lines().filter(|l| {
        !l.contains("_workspace")
            && !l.contains("root: ")
            && !l.contains("paths:")
            && !l.contains("- echo-output")
            && !l.contains("at: /tmp")
            && !l.trim_start().starts_with('#')
    }) {
        assert!(lines.any(|l| l == line), "lost or moved: {line}");
    }
    let (seen, logs) = rewritten.run();
    assert!(seen.contains("It worked!"), "{seen}");
    assert_eq!(trees(&logs), first, "{logs}");

    let scripts = Example::new();
    let (ok, said) = scripts.holdall(&["transpile", "--to", "shell"]);
    assert!(ok, "{said}");
    let dir = scripts.path();
    if let Some(text) = in_private_tmp(&dir, &dir.join(".holdall/shell/btd.sh")) {
        assert!(text.contains("It worked!"), "{text}");
        assert_eq!(trees(&text), first, "{text}");
    }
}

#[test]
fn nothing_of_the_run_is_left_in_tmp() {
    let marker = Path::new("/tmp/workspace");
    if marker.exists() {
        println!("skipped: {} is there already", marker.display());
        return;
    }
    Example::new().run();
    assert!(!marker.exists());
}

#[test]
fn a_machine_that_forbids_namespaces_is_named_before_anything_runs() {
    let example = Example::new();
    let inner = format!(
        "echo 0 > /proc/sys/user/max_user_namespaces || exit 77; exec '{}' run",
        env!("CARGO_BIN_EXE_holdall")
    );
    let out = Command::new("unshare")
        .args(["-Urm", "sh", "-c", &inner])
        .current_dir(example.path())
        .output();
    let Some(out) = out
        .ok()
        .filter(|o| !matches!(o.status.code(), Some(1 | 77)))
    else {
        assert!(std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none());
        println!("skipped: namespaces cannot be forbidden here");
        return;
    };
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(
        said.contains("jobs cannot be isolated on this machine"),
        "{said}"
    );
    assert!(said.contains("user.max_user_namespaces"), "{said}");
    assert!(said.contains("--no-isolation"), "{said}");
    assert!(!String::from_utf8_lossy(&out.stdout).contains("started"));
}

#[test]
fn rewriting_twice_changes_nothing_more() {
    let example = Example::new();
    let args = [
        "transpile",
        "--to",
        "circleci",
        "--store",
        "/mnt/workspaces",
    ];
    assert!(example.holdall(&args).0);
    let once = std::fs::read_to_string(example.config()).unwrap();
    assert!(example.holdall(&args).0);
    assert_eq!(std::fs::read_to_string(example.config()).unwrap(), once);
    snapshot!(
        "example-rewritten-head",
        once.lines().take(36).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn existing_scripts_are_replaced_only_when_asked() {
    let example = Example::new();
    assert!(example.holdall(&["transpile", "--to", "shell"]).0);
    let (ok, said) = example.holdall(&["transpile", "--to", "shell"]);
    assert!(!ok && said.contains("exists already"), "{said}");
    assert!(
        example
            .holdall(&["transpile", "--to", "shell", "--force"])
            .0
    );
}

#[test]
fn a_config_with_errors_is_neither_run_nor_rewritten() {
    let example = Example::new();
    let text = std::fs::read_to_string(example.config()).unwrap();
    let broken = text.replace("            - flow\n", "            - flw\n");
    assert_ne!(text, broken);
    std::fs::write(example.config(), &broken).unwrap();
    for args in [
        &["run"][..],
        &["transpile", "--to", "shell"],
        &["transpile", "--to", "circleci", "--store", "/mnt/ws"],
    ] {
        let (ok, said) = example.holdall(args);
        assert!(
            !ok && said.contains("requires-unknown-job") && said.contains("the config has errors"),
            "{said}"
        );
    }
    assert_eq!(std::fs::read_to_string(example.config()).unwrap(), broken);
    assert!(!example.path().join(".holdall").exists());
}

#[test]
fn a_missing_root_and_paths_that_match_nothing_fail_in_the_services_words() {
    for (from, to, words) in [
        (
            "root: workspace",
            "root: nowhere",
            "Error locating workspace root directory: stat /tmp/nowhere: no such file or directory",
        ),
        (
            "- echo-output",
            "- other",
            "The specified paths did not match any files in /tmp/workspace",
        ),
    ] {
        let example = Example::new();
        let text = std::fs::read_to_string(example.config())
            .unwrap()
            .replace(from, to);
        std::fs::write(example.config(), text).unwrap();
        let (ok, said) = example.holdall(&["run"]);
        assert!(!ok && said.contains(words), "{said}");
        assert!(
            said.contains("downstream") && said.contains("not run"),
            "{said}"
        );
    }
}
