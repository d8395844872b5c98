//! The orb of `orb/`: packed as `circleci orb pack` does it, checked by holdall itself, its scripts
//! by ShellCheck, and used by a config that is run here, in both forms.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::Path;
use std::process::Output;

use serde_yaml::{Mapping, Value};

const PAGE: &str = include_str!("../docs/lint-in-ci.md");

/// A config that persists with the orb, attaches with it, and checks itself with its job.
const USES: &str = r#"version: 2.1
orbs:
  holdall: owner/holdall@0.1.0
jobs:
  build:
    docker: [{image: "cimg/base:2024.01"}]
    steps:
      - checkout
      - holdall/install: {binary: holdall}
      - run: mkdir -p dist reports && echo "made here" >dist/app && echo yes >"reports/a b.txt"
      - holdall/persist:
          paths: |
            dist/app
            reports/*.txt
  test:
    docker: [{image: "cimg/base:2024.01"}]
    steps:
      - holdall/install: {binary: holdall}
      - holdall/attach: {at: in, upstream: build}
      - run: echo "checked $(cat in/dist/app)" >in/checked
      - holdall/persist: {root: in, paths: checked, requires: build}
  deploy:
    docker: [{image: "cimg/base:2024.01"}]
    steps:
      - holdall/install: {binary: holdall}
      - holdall/attach: {at: all}
      - run: echo "found:" $(cat all/checked all/reports/*)
workflows:
  main:
    jobs:
      - holdall/lint: {binary: holdall, fail-on: warning}
      - build
      - test: {requires: [build]}
      - deploy: {requires: [test]}
"#;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Puts scripts in the place of `<<include(path)>>`, in all of a value.
fn include(value: &mut Value, src: &Path) {
    match value {
        Value::String(text) => {
            let path = text.strip_prefix("<<include(");
            if let Some(path) = path.and_then(|p| p.strip_suffix(")>>")) {
                *text = read(&src.join(path));
            }
        }
        Value::Mapping(map) => map.values_mut().for_each(|v| include(v, src)),
        Value::Sequence(all) => all.iter_mut().for_each(|v| include(v, src)),
        _ => {}
    }
}

/// Packs the orb: each file below a section becomes the definition that it is named after.
fn packed() -> String {
    let src = common::root().join("orb/src");
    let mut orb: Mapping = serde_yaml::from_str(&read(&src.join("@orb.yml"))).unwrap();
    for section in ["commands", "examples", "executors", "jobs"] {
        let mut definitions = Mapping::new();
        for file in common::yaml_files(&src.join(section)) {
            let mut value: Value = serde_yaml::from_str(&read(&file)).unwrap();
            include(&mut value, &src);
            let name = file.file_stem().unwrap().to_str().unwrap();
            definitions.insert(name.into(), value);
        }
        orb.insert(section.into(), definitions.into());
    }
    serde_yaml::to_string(&orb).unwrap()
}

/// Makes a project whose config uses the orb, packed or as it stands in its folder.
fn project(config: &str, packed_orb: bool) -> tempfile::TempDir {
    let dir = common::repository(config);
    for name in ["home", "bin"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    // Jobs see their project, wherever it lies; of the folder for temporary files they have one of
    // their own, and the binary under test may lie there.
    let (binary, own) = (
        env!("CARGO_BIN_EXE_holdall"),
        dir.path().join("bin/holdall"),
    );
    if std::fs::hard_link(binary, &own).is_err() {
        std::fs::copy(binary, &own).unwrap();
    }
    let folder = dir.path().join(".holdall/orbs/owner");
    std::fs::create_dir_all(&folder).unwrap();
    if packed_orb {
        std::fs::write(folder.join("holdall@0.1.0.yml"), packed()).unwrap();
    } else {
        let from = common::root().join("orb");
        std::os::unix::fs::symlink(from, folder.join("holdall@0.1.0")).unwrap();
    }
    dir
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// Runs holdall in a folder, as a program that jobs find too.
fn holdall(dir: &Path, args: &[&str]) -> Output {
    let mut command = common::holdall();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::iter::once(dir.join("bin")).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(dirs).unwrap());
    // On the bare machine jobs install into it.
    command.env("HOME", dir.join("home"));
    command.args(args).current_dir(dir).output().unwrap()
}

/// Runs the project's workflow and returns what is said; the run passes.
fn passes(dir: &Path, more: &[&str]) -> String {
    let out = holdall(dir, &[&["run", "--verbose"][..], more].concat());
    let said = said(&out);
    assert!(out.status.success(), "{said}");
    said
}

/// Runs the project's workflow, and looks at what its jobs found.
fn run(dir: &Path, more: &[&str]) {
    let said = passes(dir, more);
    assert!(said.contains("found: checked made here yes"), "{said}");
    let runs = std::fs::read_dir(dir.join(".holdall/runs")).unwrap();
    let mut results = runs.map(|run| run.unwrap().path().join("results"));
    assert!(results.any(|dir| dir.is_dir()), "no test results are kept");
}

#[test]
fn holdall_has_nothing_to_say_about_the_orb() {
    let words = [
        "lint",
        "orb/src",
        "--format",
        "concise",
        "--fail-on",
        "info",
    ];
    let out = holdall(common::root(), &words);
    assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("orb.yml"), packed()).unwrap();
    let out = holdall(dir.path(), &["lint", "orb.yml", "--format", "concise"]);
    assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
}

#[test]
fn shellcheck_has_nothing_to_say_about_its_scripts() {
    let test = "shellcheck_has_nothing_to_say_about_its_scripts";
    if !common::tool(test, "shellcheck") {
        return;
    }
    let words = ["lint", "orb/src", "--shellcheck", "--format", "concise"];
    let out = holdall(common::root(), &words);
    assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
    let scripts = std::fs::read_dir(common::root().join("orb/src/scripts")).unwrap();
    let mut command = std::process::Command::new("shellcheck");
    command.args(scripts.map(|file| file.unwrap().path()));
    let out = command.output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
}

#[test]
fn a_script_opens_no_template() {
    // Where an orb is published, `<<` begins a template that ends at the next `>>`.
    for file in std::fs::read_dir(common::root().join("orb/src/scripts")).unwrap() {
        let file = file.unwrap().path();
        assert!(!read(&file).contains("<<"), "{}", file.display());
    }
}

#[test]
fn a_config_that_uses_it_has_no_findings() {
    for packed in [true, false] {
        let dir = project(USES, packed);
        let out = holdall(dir.path(), &["lint", "--format", "concise"]);
        assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
    }
}

#[test]
fn the_steps_of_the_page_have_no_findings() {
    let steps = &PAGE[PAGE.find("- holdall/persist:").unwrap()..];
    let steps = &steps[..steps.find("```").unwrap()];
    let mut config = "version: 2.1
orbs: {holdall: owner/holdall@0.1.0}
jobs:
  build:
    docker: [{image: 'cimg/base:2024.01'}]
    steps:
"
    .to_owned();
    for step in steps.lines() {
        config += &format!("      {step}\n");
    }
    config += "workflows: {main: {jobs: [build]}}\n";
    let dir = project(&config, true);
    let out = holdall(dir.path(), &["lint", "--format", "concise"]);
    assert_eq!((out.status.code(), said(&out)), (Some(0), String::new()));
}

#[test]
fn a_workspace_goes_through_the_orb_on_the_bare_machine() {
    run(project(USES, true).path(), &["--no-isolation"]);
}

#[test]
fn a_workspace_goes_through_the_orb_in_isolation() {
    run(project(USES, false).path(), &[]);
}

#[test]
fn the_job_fails_with_the_findings() {
    let dir = project(USES, true);
    let bad = include_str!("places/bad.yml");
    std::fs::write(dir.path().join(".circleci/second.yml"), bad).unwrap();
    common::commit(dir.path());
    let out = holdall(
        dir.path(),
        &[
            "run",
            "--verbose",
            "--no-isolation",
            "--job",
            "holdall/lint",
        ],
    );
    let said = said(&out);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("attach-without-upstream"), "{said}");
}

#[test]
fn the_config_of_the_page_installs_a_release_and_checks_itself() {
    let test = "the_config_of_the_page_installs_a_release_and_checks_itself";
    if !cfg!(target_os = "linux") || !common::tool(test, "curl") {
        return;
    }
    let text = &PAGE[PAGE.find("# .circleci/config.yml").unwrap()..];
    let text = &text[..text.find("```").unwrap()];
    let url = "https://github.com/OWNER/holdall/releases/download";
    assert!(text.contains(url), "{text}");
    let releases = common::releases::Releases::new();
    let dir = project(&text.replace(url, &releases.url()), true);
    let said = passes(dir.path(), &["--no-isolation"]);
    assert!(said.contains("holdall 0.1.0"), "{said}");
    assert!(said.contains("1 file checked"), "{said}");
    assert!(dir.path().join("home/.holdall/bin/holdall").is_file());
}
