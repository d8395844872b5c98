//! What crates.io and the source distribution get: all that the program is built from, and nothing
//! that only tests read.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{cargo, common};

fn packed() -> BTreeSet<String> {
    let told = cargo(&["package", "--list", "--allow-dirty", "--package", "holdall"]);
    told.lines().map(str::to_owned).collect()
}

/// What git knows of a folder, or would take into it.
fn tracked(folder: &str) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let out = git.arg(folder).current_dir(common::root()).output();
    let listed = String::from_utf8(out.unwrap().stdout).unwrap();
    let there = |path: &&str| common::root().join(path).is_file();
    listed.lines().filter(there).map(str::to_owned).collect()
}

#[test]
fn the_package_holds_what_holdall_is_built_from() {
    let packed = packed();
    for folder in ["src", "schemas", "completions", "man"] {
        let tracked = tracked(folder);
        assert!(!tracked.is_empty(), "{folder}");
        for path in tracked {
            assert!(packed.contains(&path), "{path} is missing");
        }
    }
    for path in ["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
        assert!(packed.contains(path), "{path} is missing");
    }
}

#[test]
fn the_package_holds_nothing_else_and_is_small() {
    let own = [
        ".cargo_vcs_info.json",
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "Cargo.toml.orig",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
    ];
    // The benchmark is named in Cargo.toml.
    let folders = ["src/", "schemas/", "completions/", "man/", "benches/speed/"];
    let mut bytes = 0;
    for path in packed() {
        let known = own.contains(&path.as_str()) || folders.iter().any(|f| path.starts_with(f));
        assert!(known, "{path}: what is it for?");
        bytes += std::fs::metadata(common::root().join(&path)).map_or(0, |m| m.len());
    }
    // The registry takes 10 MB of an archive; this is before compression.
    assert!(bytes < 10_000_000, "{bytes} bytes");
}
