//! `transpile --to github`: real configs become workflows that GitHub's own tools take, with
//! nothing forgotten, and workflows hand the same files on as `holdall run` does.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Largest file, in bytes, that the judges read: the linter of actions in them runs out of memory.
const MOST_JUDGED: u64 = 1_000_000;

/// Least share of all items that are converted.
const LEAST_CONVERTED: f64 = 0.85;

fn transpile(config: &Path, output: &Path, more: &[&str]) -> Output {
    let mut command = common::holdall();
    command
        .arg("transpile")
        .arg(config)
        .args(["--to", "github", "--output"]);
    command.arg(output).args(more).output().unwrap()
}

/// Returns the workflow files below a folder, sorted.
fn workflows(output: &Path) -> Vec<PathBuf> {
    common::yaml_files(&output.join(".github/workflows"))
}

#[test]
fn every_real_config_becomes_workflows_with_nothing_forgotten() {
    let test = "every_real_config_becomes_workflows_with_nothing_forgotten";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../schemas/migration-report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (mut counts, mut judged) = ([0_u64; 3], Vec::new());
    let named = dir.path().join("all");
    std::fs::create_dir(&named).unwrap();
    for config in common::yaml_files(&shared.join("corpus/configs")) {
        let name = config.file_stem().unwrap().to_string_lossy().into_owned();
        let output = dir.path().join(&name);
        let report = output.join("report.md");
        let more = ["--force", "--report", report.to_str().unwrap()];
        let out = transpile(&config, &output, &more);
        let said = String::from_utf8_lossy(&out.stderr);
        // With --force nothing but a defect stops it.
        assert_eq!(out.status.code(), Some(0), "{name}: {said}");
        let json = std::fs::read(report.with_extension("json")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert!(schema.is_valid(&json), "{name}");
        for (count, key) in counts
            .iter_mut()
            .zip(["converted", "approximated", "manual"])
        {
            *count += json["summary"][key].as_u64().unwrap();
        }
        if !output.join(".github").exists() {
            continue;
        }
        for file in workflows(&output) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(
                !text.contains(['\u{F0001}', '\u{F0002}', '\u{F0003}']),
                "{}",
                file.display()
            );
            let size = text.len() as u64;
            let to = named.join(format!(
                "{name}--{}",
                file.file_name().unwrap().to_string_lossy()
            ));
            std::fs::write(&to, &text).unwrap();
            match size <= MOST_JUDGED {
                true => judged.push(to),
                false => {
                    println!("not judged: {} has {size} bytes", to.display());
                }
            }
            let _: serde_yaml::Value =
                serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        }
    }
    let total: u64 = counts.iter().sum();
    #[allow(clippy::cast_precision_loss, reason = "counts of items are small")]
    let share = counts[0] as f64 / total as f64;
    println!(
        "{total} items: {} converted ({:.1} %), {} approximated, {} manual",
        counts[0],
        share * 100.0,
        counts[1],
        counts[2]
    );
    assert!(share >= LEAST_CONVERTED, "{share}");
    if let Some(check) = common::judge(test, "check-github") {
        // Images that a config names without a version are the config's own: lint tells of them.
        let settings = dir.path().join("zizmor.yml");
        std::fs::write(&settings, "rules: {unpinned-images: {disable: true}}\n").unwrap();
        let mut check = Command::new(check);
        check.args(&judged).env("ZIZMOR_CONFIG", settings);
        let out = check.output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        println!("{} files judged", judged.len());
    }
}

/// Puts a config into a repository of its own, with a commit.
fn repository(config: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("repo/.circleci")).unwrap();
    std::fs::write(dir.path().join("repo/.circleci/config.yml"), config).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    dir
}

fn git(dir: &tempfile::TempDir, args: &[&str]) {
    let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    let mut command = Command::new("git");
    command
        .current_dir(dir.path().join("repo"))
        .args(who)
        .args(args);
    assert!(command.status().unwrap().success(), "git {args:?}");
}

/// Returns the digests of the trees that were persisted and attached, of all that was said.
fn trees(said: &str) -> BTreeSet<String> {
    let after = said.split("tree sha256:").skip(1);
    after.map(|rest| rest.chars().take(64).collect()).collect()
}

/// Returns everything that the logs of `holdall run` say.
fn logs(runs: &Path) -> String {
    let mut out = String::new();
    for run in std::fs::read_dir(runs).unwrap() {
        for file in std::fs::read_dir(run.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|e| e == "log") {
                out += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    out
}

/// Runs a workflow of a repository as GitHub would.
fn run_at_github(runner: &Path, dir: &tempfile::TempDir, name: &str) -> (Option<i32>, String) {
    let out = Command::new(runner)
        .current_dir(dir.path().join("repo"))
        .arg("--isolated-home")
        .arg("--work")
        .arg(dir.path().join("work"))
        .arg(format!(".github/workflows/{name}.yml"))
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code(), said)
}

#[test]
fn workflows_hand_on_the_same_trees_as_run_does() {
    let Some(runner) = common::judge("workflows_hand_on_the_same_trees_as_run_does", "github-run")
    else {
        return;
    };
    for config in common::yaml_files(&common::root().join("tests/equivalence")) {
        let name = config.file_stem().unwrap().to_string_lossy().into_owned();
        let dir = repository(&std::fs::read_to_string(&config).unwrap());
        let repo = dir.path().join("repo");
        let out = transpile(&repo.join(".circleci/config.yml"), &repo, &["--force"]);
        assert!(out.status.success(), "{name}: {out:?}");
        git(&dir, &["add", "-A"]);
        git(&dir, &["commit", "-q", "-m", "all"]);
        let (code, said) = run_at_github(&runner, &dir, "main");
        if name == "conflict" {
            assert_eq!(code, Some(1), "{name}: {said}");
            assert!(
                said.contains("Concurrent upstream jobs persisted the same file(s)"),
                "{said}"
            );
        } else if name == "mid-job" {
            // Its first job fails at the end, and its second one looks at the layers.
            assert_eq!(code, Some(1), "{name}: {said}");
            assert!(said.contains("b: success"), "{name}: {said}");
        } else {
            assert_eq!(code, Some(0), "{name}: {said}");
        }
        if matches!(name.as_str(), "conflict" | "parallel-nodes") {
            // The local runner refuses the one, and does not do the other.
            continue;
        }
        let run = common::holdall()
            .arg("run")
            .current_dir(&repo)
            .output()
            .unwrap();
        assert!(matches!(run.status.code(), Some(0 | 1)), "{name}: {run:?}");
        let (here, there) = (trees(&logs(&repo.join(".holdall/runs"))), trees(&said));
        assert!(!here.is_empty(), "{name}: {run:?}");
        assert_eq!(here, there, "{name}: {said}");
    }
}

/// Returns the workflow of a small config.
fn small(config: &str) -> String {
    let dir = repository(config);
    let repo = dir.path().join("repo");
    let out = transpile(&repo.join(".circleci/config.yml"), &repo, &[]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let files = workflows(&repo);
    let texts = files.iter().map(|f| std::fs::read_to_string(f).unwrap());
    texts.collect::<Vec<_>>().join("---\n")
}

#[test]
fn a_job_with_caches_and_artifacts_reads_well() {
    snapshot!(
        "github-caches",
        small(
            r#"version: 2.1
jobs:
  test:
    docker:
      - image: cimg/node:22.1
        environment: {NODE_ENV: test}
      - image: cimg/postgres:16.2
        environment: {POSTGRES_USER: app}
    environment: {PGHOST: localhost}
    steps:
      - checkout
      - restore_cache:
          keys: ['npm-{{ checksum "package-lock.json" }}', npm-]
      - run: npm ci
      - save_cache:
          key: npm-{{ checksum "package-lock.json" }}
          paths: [~/.npm]
      - run:
          name: Test
          command: |
            npm test -- --reporter junit
            echo "$CIRCLE_BRANCH ${{ x }}"
          no_output_timeout: 20m
      - run: {name: Logs, command: cat log, when: on_fail}
      - store_artifacts: {path: coverage, destination: cov}
      - store_test_results: {path: reports}
workflows:
  main:
    jobs: [test]
"#
        )
    );
}

#[test]
fn filters_statuses_and_approvals_become_conditions() {
    snapshot!(
        "github-filters",
        small(
            r"version: 2.1
executors:
  base: {docker: [{image: cimg/base:2024.01}]}
jobs:
  say: {executor: base, steps: [run: 'true']}
workflows:
  main:
    jobs:
      - say: {name: test, filters: {tags: {only: /.*/}}}
      - say: {name: nightly, filters: {branches: {only: [main, /release\/.*/]}}}
      - hold: {type: approval, requires: [test, nightly]}
      - say: {name: clean, requires: [{test: [failed]}]}
      - say: {name: publish, requires: [test], filters: {branches: {ignore: /.*/}, tags: {only: '/v\d+\.\d+/'}}}
"
        )
    );
}

#[test]
fn values_of_the_pipeline_reach_scripts_as_variables() {
    snapshot!(
        "github-values",
        small(
            r"version: 2.1
parameters:
  deploy: {type: boolean, default: false}
  target: {type: string, default: staging}
jobs:
  ship:
    docker: [{image: 'cimg/base:2024.01'}]
    environment: {BRANCH: << pipeline.git.branch >>}
    steps:
      - run: echo 'to << pipeline.parameters.target >>' << pipeline.number >>
      - when:
          condition: {equal: [main, << pipeline.git.branch >>]}
          steps: [run: echo main]
workflows:
  ship:
    when: << pipeline.parameters.deploy >>
    jobs: [ship]
"
        )
    );
}

#[test]
fn comments_go_with_what_they_are_about() {
    snapshot!(
        "github-comments",
        small(
            r"version: 2.1
# Not about any job
commands:
  prepare:
    steps:
      # Tools come first
      - run: apt-get update # each time
jobs:
  # Builds it
  build:
    docker:
      - image: cimg/base:2024.01 # small enough
    steps:
      # holdall: ignore[attach-before-checkout] only a linter reads this
      - checkout # the sources
      # Once
      - prepare
      - run:
          name: Make
          # In one go
          command: |
            # stays in the script
            make
      # - run: make install
workflows:
  # On every push
  main:
    jobs:
      - build # and no other
"
        )
    );
}
