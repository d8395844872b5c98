//! `--to gitlab`: all of the corpus is written without a panic and with nothing forgotten, the
//! judges take every file, and pipelines that a runner of GitLab's executes hand on the same trees
//! as `holdall run`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture(name: &str) -> PathBuf {
    common::root().join("tests/transpile-gitlab").join(name)
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Writes the pipeline of a config into a folder.
fn migrated(config: &Path, folder: &Path) -> Output {
    common::holdall()
        .args(["transpile", "--to", "gitlab", "--force", "--output"])
        .arg(folder)
        .arg(config)
        .output()
        .unwrap()
}

/// Returns what is written of a config without the functions that every job is given.
fn jobs(config: &Path) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = migrated(config, folder.path());
    assert!(out.status.success(), "{}", text(&out));
    let all = std::fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
    let driver = all.find("\n.holdall:\n").unwrap();
    let begin = all[driver + 1..].find("\n\n").unwrap();
    // Blocks hold empty lines: the next key at the left ends the functions.
    let rest = &all[driver + 1..];
    let next = rest
        .match_indices("\n\n")
        .find(|(at, _)| !rest[at + 2..].starts_with([' ', '\n']))
        .map_or(begin, |(at, _)| at);
    format!("{}\n[functions]{}", &all[..driver], &rest[next..])
}

#[test]
fn layers_travel_as_artifacts_of_every_job_that_makes_some() {
    snapshot!("transpile_gitlab_layers", jobs(&fixture("layers.yml")));
}

#[test]
fn filters_conditions_caches_and_services_are_written() {
    snapshot!("transpile_gitlab_rules", jobs(&fixture("rules.yml")));
}

#[test]
fn concurrent_jobs_are_needed_alike() {
    snapshot!("transpile_gitlab_conflict", jobs(&fixture("conflict.yml")));
}

#[test]
fn the_corpus_is_written_with_nothing_forgotten_and_most_of_it_converted() {
    let test = "the_corpus_is_written_with_nothing_forgotten_and_most_of_it_converted";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut all, mut converted) = (0, 0);
    let mut orbs = 0;
    for config in common::yaml_files(&shared.join("corpus/configs")) {
        let report = folder.path().join("report.md");
        let out = common::holdall()
            .args(["transpile", "--to", "gitlab", "--force", "--output"])
            .arg(folder.path())
            .arg("--report")
            .arg(&report)
            .arg(&config)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}: {}", config.display(), text(&out));
        let json = std::fs::read_to_string(report.with_extension("json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        for item in json["items"].as_array().unwrap() {
            let note = item["note"].as_str().unwrap_or_default();
            // What an orb does whose source is not at hand cannot be known.
            if note.contains("its source is not known here") {
                orbs += 1;
                continue;
            }
            all += 1;
            converted += usize::from(item["outcome"] == "converted");
        }
        let written = std::fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
        for mark in ['\u{F0001}', '\u{F0002}', '\u{F0003}'] {
            assert!(!written.contains(mark), "{}", config.display());
        }
    }
    println!("{converted} of {all} items are converted; {orbs} are of orbs without source");
    assert!(converted * 100 >= all * 75, "{converted} of {all}");
}

#[test]
fn the_judges_take_what_is_written() {
    let test = "the_judges_take_what_is_written";
    let Some(judge) = common::judge(test, "check-gitlab") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut configs: Vec<PathBuf> = ["layers.yml", "conflict.yml", "rules.yml"]
        .map(fixture)
        .to_vec();
    // All of the corpus takes the judges a quarter of an hour: it is asked for by name.
    if std::env::var_os("HOLDALL_JUDGE_CORPUS").is_some() {
        configs.extend(common::yaml_files(
            &common::shared(test).unwrap().join("corpus/configs"),
        ));
    }
    let mut files = Vec::new();
    for (i, config) in configs.iter().enumerate() {
        let to = folder.path().join(i.to_string());
        std::fs::create_dir(&to).unwrap();
        let out = migrated(config, &to);
        assert!(out.status.success(), "{}: {}", config.display(), text(&out));
        files.push(to.join(".gitlab-ci.yml"));
    }
    let out = Command::new(judge).args(&files).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
}

/// Makes a repository with a config and what is written of it.
fn repository(config: &Path, folder: &Path) {
    std::fs::create_dir_all(folder.join(".circleci")).unwrap();
    std::fs::copy(config, folder.join(".circleci/config.yml")).unwrap();
    let git = |args: &[&str]| {
        let out = Command::new("git")
            .current_dir(folder)
            .args(args)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", text(&out));
    };
    git(&["init", "-q", "-b", "main"]);
    git(&[
        "remote",
        "add",
        "origin",
        "git@gitlab.com:group/project.git",
    ]);
    let out = common::holdall()
        .current_dir(folder)
        .args(["transpile", "--to", "gitlab", "--force"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out));
    git(&["add", "-A"]);
    git(&[
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.invalid",
        "commit",
        "-qm",
        "t",
    ]);
}

/// Runs the pipeline of a config by a runner of GitLab's; nothing where there is none.
fn executed(test: &str, config: &str, folder: &Path) -> Option<Output> {
    let runner = common::judge(test, "gitlab-ci-local")?;
    if !common::tool(test, "rsync") {
        return None;
    }
    repository(&fixture(config), folder);
    Some(Command::new(runner).current_dir(folder).output().unwrap())
}

/// Returns what a step told of a tree.
fn tree(said: &str) -> Vec<&str> {
    let told = said.lines().filter_map(|l| l.split_once("TREE "));
    // The runner prints the lines of a script too.
    let told = told
        .map(|(_, line)| line.trim_end())
        .filter(|l| !l.contains('%') && !l.contains('\''));
    told.filter(|l| l.contains("./")).collect()
}

#[test]
fn an_executed_pipeline_hands_on_the_tree_that_a_run_here_does() {
    let test = "an_executed_pipeline_hands_on_the_tree_that_a_run_here_does";
    let folder = tempfile::tempdir().unwrap();
    let Some(there) = executed(test, "layers.yml", folder.path()) else {
        return;
    };
    let there = text(&there);
    let here = common::holdall()
        .current_dir(folder.path())
        .arg("run")
        .output()
        .unwrap();
    let here_said = text(&here);
    assert!(here.status.success(), "{here_said}");
    assert_eq!(tree(&there), tree(&here_said), "{there}{here_said}");
    for line in [
        "./a/f f 755",
        "./empty d 755",
        "./.hidden/g f 600",
        "./a/dangling l 777 nowhere",
    ] {
        assert!(tree(&there).contains(&line), "{line}: {there}");
    }
}

#[test]
fn nodes_persist_each_and_failed_jobs_hand_on_what_they_made() {
    let test = "nodes_persist_each_and_failed_jobs_hand_on_what_they_made";
    let folder = tempfile::tempdir().unwrap();
    let Some(out) = executed(test, "nodes.yml", folder.path()) else {
        return;
    };
    let said = text(&out);
    // One job fails, as it should.
    assert!(!out.status.success(), "{said}");
    for line in [
        "> all nodes are here",
        "> told of the failure",
        "> told anyway",
        "exit code 3 and runs again",
        "> the layer of the failed job is here",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("> never"), "{said}");
}

#[test]
fn the_program_of_the_service_and_values_of_the_pipeline_work() {
    let test = "the_program_of_the_service_and_values_of_the_pipeline_work";
    let folder = tempfile::tempdir().unwrap();
    let Some(out) = executed(test, "program.yml", folder.path()) else {
        return;
    };
    let said = text(&out);
    assert!(out.status.success(), "{said}");
    for line in [
        "> node 0 has a.txt c.txt",
        "> node 1 has b.txt",
        "> hello there, 'hello there' on main",
        "> quiet it is",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("> never run"), "{said}");
}

#[test]
fn a_conflict_fails_the_executed_job() {
    let test = "a_conflict_fails_the_executed_job";
    let folder = tempfile::tempdir().unwrap();
    let Some(out) = executed(test, "conflict.yml", folder.path()) else {
        return;
    };
    let said = text(&out);
    assert!(!out.status.success(), "{said}");
    assert!(
        said.contains("Concurrent upstream jobs persisted the same file(s)"),
        "{said}"
    );
}
