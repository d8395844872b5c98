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
    // They stand at the end.
    format!("{}\n[functions]\n", &all[..driver])
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
fn comments_stand_where_what_they_are_about_stands() {
    snapshot!("transpile_gitlab_comments", jobs(&fixture("comments.yml")));
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

/// Largest file, in bytes, that the judges read unless all are asked for: its expansion takes as
/// long as that of all others together.
const MOST_JUDGED: u64 = 500_000;

#[test]
fn the_judges_take_what_is_written() {
    let test = "the_judges_take_what_is_written";
    let Some(judge) = common::judge(test, "check-gitlab") else {
        return;
    };
    let all = std::env::var_os("HOLDALL_JUDGE_CORPUS").is_some();
    let folder = tempfile::tempdir().unwrap();
    let mut configs = common::yaml_files(&common::root().join("tests/transpile-gitlab"));
    let shared = common::shared(test).unwrap();
    configs.extend(common::yaml_files(&shared.join("corpus/configs")));
    let mut files = Vec::new();
    for (i, config) in configs.iter().enumerate() {
        let to = folder.path().join(i.to_string());
        std::fs::create_dir(&to).unwrap();
        let out = migrated(config, &to);
        assert!(out.status.success(), "{}: {}", config.display(), text(&out));
        let file = to.join(".gitlab-ci.yml");
        let size = file.metadata().unwrap().len();
        match all || size <= MOST_JUDGED {
            true => files.push(file),
            false => println!("not judged: {} gives {size} bytes", config.display()),
        }
    }
    // A judge starts a program for each file: several at once keep the machine busy.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for part in files.chunks(files.len().div_ceil(threads)) {
            let mut judge = Command::new(&judge);
            scope.spawn(move || {
                let out = judge.args(part).output().unwrap();
                assert!(out.status.success(), "{}", text(&out));
            });
        }
    });
    println!("{} of {} files are judged", files.len(), configs.len());
}

#[test]
fn shellcheck_takes_the_scripts_of_every_job() {
    let test = "shellcheck_takes_the_scripts_of_every_job";
    if !common::tool(test, "shellcheck") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut scripts = Vec::new();
    for config in common::yaml_files(&common::root().join("tests/transpile-gitlab")) {
        for runtime in RUNTIMES {
            let out = common::holdall()
                .args(["transpile", "--to", "gitlab", "--force", "--output"])
                .arg(folder.path())
                .args(runtime)
                .arg(&config)
                .output()
                .unwrap();
            assert!(out.status.success(), "{}", text(&out));
            let all = std::fs::read_to_string(folder.path().join(".gitlab-ci.yml")).unwrap();
            let all: serde_yaml::Value = serde_yaml::from_str(&all).unwrap();
            let lines = |job: &serde_yaml::Value, key: &str| {
                let list = job.get(key).and_then(|l| l.as_sequence());
                let list = list.into_iter().flatten().filter_map(|l| l.as_str());
                list.map(|l| format!("{l}\n")).collect::<String>()
            };
            let mut script = format!("#!/bin/sh\nset -eu\n# {}\n", config.display());
            script.push_str(&lines(&all[".holdall"], "before_script"));
            for (name, job) in all.as_mapping().unwrap() {
                if job.get("extends").is_some() {
                    let (name, lines) = (name.as_str().unwrap(), lines(job, "script"));
                    script.push_str(&format!("# {name}\n(\n{lines})\n"));
                }
            }
            let path = folder.path().join(format!("{}.sh", scripts.len()));
            std::fs::write(&path, script).unwrap();
            scripts.push(path);
        }
    }
    // What is only used where a job needs it, words that are meant to be split, and a tilde that is
    // looked for and not expanded; each job is a shell of its own here as there.
    let out = Command::new("shellcheck")
        .args([
            "--severity=warning",
            "--exclude=SC2034,SC2046,SC2086,SC2088",
        ])
        .args(&scripts)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out));
}

/// Makes a repository with a config and what is written of it.
fn repository(config: &str, folder: &Path, options: &[&str]) {
    std::fs::create_dir_all(folder.join(".circleci")).unwrap();
    std::fs::write(folder.join(".circleci/config.yml"), config).unwrap();
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
        .args(options)
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

/// A runner of GitLab's pipelines.
struct Runner(PathBuf);

impl Runner {
    /// Returns the runner; nothing where there is none.
    fn of(test: &str) -> Option<Self> {
        let runner = common::judge(test, "gitlab-ci-local")?;
        common::tool(test, "rsync").then_some(Self(runner))
    }

    /// Runs the pipeline of a repository.
    fn run(&self, folder: &Path, args: &[&str]) -> (bool, String) {
        // Where the binary does the layers, it has to be on the runner.
        let own = Path::new(env!("CARGO_BIN_EXE_holdall")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths(
            [own.to_path_buf()]
                .into_iter()
                .chain(std::env::split_paths(&path)),
        );
        let out = Command::new(&self.0)
            .current_dir(folder)
            .args(args)
            .env("PATH", path.unwrap())
            .output()
            .unwrap();
        (out.status.success(), text(&out))
    }
}

/// Runs the pipeline of a config; nothing where there is no runner.
fn executed(test: &str, config: &str, folder: &Path, options: &[&str]) -> Option<(bool, String)> {
    let runner = Runner::of(test)?;
    let config = std::fs::read_to_string(fixture(config)).unwrap();
    repository(&config, folder, options);
    Some(runner.run(folder, &[]))
}

/// Both ways in which layers are made and applied.
const RUNTIMES: [&[&str]; 2] = [&[], &["--runtime", "binary"]];

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
    for options in RUNTIMES {
        let folder = tempfile::tempdir().unwrap();
        let Some((_, there)) = executed(test, "layers.yml", folder.path(), options) else {
            return;
        };
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
}

#[test]
fn nodes_persist_each_and_failed_jobs_hand_on_what_they_made() {
    let test = "nodes_persist_each_and_failed_jobs_hand_on_what_they_made";
    for options in RUNTIMES {
        let folder = tempfile::tempdir().unwrap();
        let Some((success, said)) = executed(test, "nodes.yml", folder.path(), options) else {
            return;
        };
        // Two jobs fail, as they should.
        assert!(!success, "{said}");
        for line in [
            "> all nodes are here",
            "> told of the failure",
            "> told anyway",
            "exit code 3 and runs again",
            "> the layer of the failed job is here",
            "> both halves are here",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
        assert!(!said.contains("> never"), "{said}");
    }
}

#[test]
fn the_program_of_the_service_and_values_of_the_pipeline_work() {
    let test = "the_program_of_the_service_and_values_of_the_pipeline_work";
    let folder = tempfile::tempdir().unwrap();
    let Some(runner) = Runner::of(test) else {
        return;
    };
    let config = std::fs::read_to_string(fixture("program.yml")).unwrap();
    repository(&config, folder.path(), &[]);
    let requests = "CI_OPEN_MERGE_REQUESTS=group/project!7,group/project!8";
    let (success, said) = runner.run(folder.path(), &["--variable", requests]);
    assert!(success, "{said}");
    for line in [
        "> node 0 has a.txt c.txt",
        "> node 1 has b.txt",
        "> hello there, 'hello there' on main",
        "> quiet it is",
        "> true gitlab push webhook",
        "/group/project/-/merge_requests/7,",
        "/group/project/-/merge_requests/8",
        "> served",
        "> substituted world and world!",
        "> on the default branch",
        "> it matches",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("> never run"), "{said}");
}

#[test]
fn a_conflict_fails_the_executed_job() {
    let test = "a_conflict_fails_the_executed_job";
    for options in RUNTIMES {
        let folder = tempfile::tempdir().unwrap();
        let Some((success, said)) = executed(test, "conflict.yml", folder.path(), options) else {
            return;
        };
        assert!(!success, "{said}");
        let why = "Concurrent upstream jobs persisted the same file(s)";
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn the_config_s_own_variables_win_over_those_of_the_project() {
    let Some(runner) = Runner::of("the_config_s_own_variables_win_over_those_of_the_project")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = "version: 2.1
jobs:
  say:
    docker: [{image: cimg/base:current, environment: {FROM_IMAGE: image}}]
    environment: {FROM_JOB: job}
    steps:
      - run:
          command: echo \"it is $FROM_IMAGE, $FROM_JOB, $FROM_STEP, $CIRCLE_BRANCH and $OTHER\"
          environment: {FROM_STEP: step}
workflows: {main: {jobs: [say]}}
";
    repository(config, folder.path(), &[]);
    let project = [
        "FROM_IMAGE",
        "FROM_JOB",
        "FROM_STEP",
        "CIRCLE_BRANCH",
        "OTHER",
    ];
    let words: Vec<String> = project.iter().map(|n| format!("{n}=project")).collect();
    let args = words.iter().flat_map(|w| ["--variable", w.as_str()]);
    let (success, said) = runner.run(folder.path(), &args.collect::<Vec<_>>());
    assert!(success, "{said}");
    let line = "> it is image, job, step, main and project";
    assert!(said.contains(line), "{said}");
}

#[test]
fn caches_are_found_again_by_the_next_pipeline() {
    let test = "caches_are_found_again_by_the_next_pipeline";
    let folder = tempfile::tempdir().unwrap();
    let Some((success, said)) = executed(test, "caches.yml", folder.path(), &[]) else {
        return;
    };
    assert!(!success, "{said}");
    for cache in ["a", "b", "c", "d", "e", "f"] {
        let line = format!("> cache {cache} is missing");
        assert!(said.contains(&line), "{line}: {said}");
    }
    let (_, said) = Runner::of(test).unwrap().run(folder.path(), &[]);
    for cache in ["a", "b", "c", "d", "e"] {
        let line = format!("> cache {cache} is of {cache}");
        assert!(said.contains(&line), "{line}: {said}");
    }
    // Its step stands behind the one that fails.
    assert!(said.contains("> cache f is missing"), "{said}");
}

#[test]
fn arms_approvals_filters_and_several_workflows_are_kept_apart() {
    let test = "arms_approvals_filters_and_several_workflows_are_kept_apart";
    let folder = tempfile::tempdir().unwrap();
    let Some(runner) = Runner::of(test) else {
        return;
    };
    let config = std::fs::read_to_string(fixture("graph.yml")).unwrap();
    repository(&config, folder.path(), &[]);
    // The runner starts nothing while a job that others need waits for a person.
    let (success, said) = runner.run(folder.path(), &[]);
    assert!(!success && said.contains("hold is when:manual"), "{said}");
    let approved = ["--manual", "first:hold"];
    let (success, said) = runner.run(folder.path(), &approved);
    assert!(success, "{said}");
    for line in ["> told main", "> met ann bob", "> met second"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for line in ["> told release", "> told tag"] {
        assert!(!said.contains(line), "{line}: {said}");
    }
    let branch = [&approved[..], &["--variable", "CI_COMMIT_BRANCH=release/1"]].concat();
    let (_, said) = runner.run(folder.path(), &branch);
    assert!(said.contains("> told release"), "{said}");
    assert!(!said.contains("> told main"), "{said}");
    let tag = [
        "--unset-variable",
        "CI_COMMIT_BRANCH",
        "--variable",
        "CI_COMMIT_TAG=v12",
    ];
    let (_, said) = runner.run(folder.path(), &tag);
    assert!(said.contains("> told tag"), "{said}");
    for line in ["> told main", "> told release", "> met"] {
        assert!(!said.contains(line), "{line}: {said}");
    }
}

#[test]
fn a_job_takes_more_layers_than_it_may_need_jobs() {
    let Some(runner) = Runner::of("a_job_takes_more_layers_than_it_may_need_jobs") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..52).map(|n| format!("n{n}")).collect();
    let jobs = names
        .iter()
        .map(|n| format!("      - one: {{name: {n}}}\n"));
    let config = format!(
        "version: 2.1
jobs:
  one:
    docker: [{{image: cimg/base:current}}]
    steps:
      - run: echo $CIRCLE_JOB >$CIRCLE_JOB
      - persist_to_workspace: {{root: ., paths: ['n*']}}
  all:
    docker: [{{image: cimg/base:current}}]
    steps:
      - attach_workspace: {{at: in}}
      - run: echo \"there are $(ls in | wc -l)\"
workflows:
  main:
    jobs:
{}      - all: {{requires: [{}]}}
",
        jobs.collect::<String>(),
        names.join(", ")
    );
    repository(&config, folder.path(), &[]);
    let (success, said) = runner.run(folder.path(), &[]);
    assert!(success && said.contains("> there are 52"), "{said}");
}
