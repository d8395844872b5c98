//! What every target has in common: the same config becomes the same bytes each time, and only
//! actions that were chosen, at the commits that were chosen, come into a workflow.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The configs that are tried: small ones for each trap and each target.
fn configs() -> Vec<PathBuf> {
    let tests = common::root().join("tests");
    let mut all = common::yaml_files(&tests.join("equivalence"));
    all.extend(common::yaml_files(&tests.join("transpile-gitlab")));
    all.extend(common::yaml_files(&tests.join("transpile-shell")));
    assert!(all.len() > 30, "{all:?}");
    all
}

/// Transpiles a config and returns what was written, by path.
fn written(config: &Path, target: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.yml");
    std::fs::copy(config, &file).unwrap();
    let mut command = common::holdall();
    command.args(["transpile", "--force", "--to"]).args(target);
    if target[0] != "circleci" {
        command.arg("--output").arg(dir.path().join("out"));
    }
    let out = command
        .arg("--report")
        .arg(dir.path().join("report.md"))
        .arg(&file)
        .output();
    let out = out.unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success(),
        "{} {target:?}: {said}",
        config.display()
    );
    let mut files = BTreeMap::new();
    let mut open = vec![dir.path().to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir.path()).unwrap().to_owned();
                let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
                // Reports name the folder.
                let text = text.replace(dir.path().to_str().unwrap(), "[DIR]");
                files.insert(name, text.into_bytes());
            }
        }
    }
    files
}

#[test]
fn the_same_config_becomes_the_same_bytes() {
    for config in configs() {
        for target in [
            &["github"][..],
            &["gitlab"],
            &["shell"],
            &["circleci", "--store", "cache"],
        ] {
            let (one, two) = (written(&config, target), written(&config, target));
            assert!(
                one.len() >= 3,
                "{} {target:?}: {:?}",
                config.display(),
                one.keys()
            );
            assert!(one == two, "{} {target:?}", config.display());
        }
    }
}

/// The actions, at commits that were read from their own repositories.
const PINS: [&str; 8] = [
    "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5",
    "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae # v5.0.5",
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "dorny/test-reporter@a43b3a5f7366b97d083190328d2c652e1a8b6aa2 # v3.0.0",
    "maxim-lobanov/setup-xcode@60606e260d2fc5762a71e64e74b2174e8ea3c8bd # v1.6.0",
    "webfactory/ssh-agent@a6f90b1f127823b31d4d4a8d96047790581349bd # v0.9.1",
];

#[test]
fn workflows_use_the_chosen_actions_and_no_others() {
    let mut seen = std::collections::BTreeSet::new();
    for config in configs() {
        for (path, text) in written(&config, &["github"]) {
            let text = String::from_utf8(text).unwrap();
            if !path.starts_with("out") {
                continue;
            }
            for line in text.lines() {
                let line = line.trim_start_matches(['-', ' ']);
                // They merge what they fetch, file by file, in any order.
                for way in ["pattern:", "merge-multiple:"] {
                    assert!(!line.starts_with(way), "{}: {line}", config.display());
                }
                if let Some(uses) = line.strip_prefix("uses: ") {
                    assert!(PINS.contains(&uses), "{}: {uses}", config.display());
                    seen.insert(uses.to_owned());
                }
            }
        }
    }
    assert!(seen.len() >= 5, "{seen:?}");
}
