//! `holdall transpile --verify`: what is the same is said to be, what is broken is found, what cannot
//! run here is named, and nothing of it touches the project.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

const CONFIG: &str = "version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - checkout
      - run: mkdir -p out/empty && cp tracked out/tool && chmod 750 out/tool && ln -s tool out/link
      - persist_to_workspace: {root: ., paths: [out]}
  use:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - attach_workspace: {at: in}
  secret:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - run: test -n \"$TOKEN\"
      - attach_workspace: {at: in}
workflows:
  main:
    jobs:
      - build
      - use: {requires: [build]}
      - secret: {requires: [build], context: production}
";

/// Puts a config into a repository, with a file that is tracked and one that is not.
fn repository(config: &str) -> tempfile::TempDir {
    let dir = common::repository(config);
    std::fs::write(dir.path().join("tracked"), "changed since").unwrap();
    std::fs::write(dir.path().join("untracked"), "mine").unwrap();
    dir
}

fn verify(dir: &Path, args: &[&str]) -> Output {
    let mut command = common::holdall();
    command
        .current_dir(dir)
        .args(["transpile", "--verify"])
        .args(args);
    command.output().unwrap()
}

/// Returns everything in a folder with what it holds, its repository's own files aside.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".git") {
                open.push(path.clone());
            }
            let text = if path.is_file() {
                std::fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            out.push((path.to_string_lossy().into_owned(), text));
        }
    }
    out.sort();
    out
}

/// Writes a program that runs GitLab's runner after a change to what was written.
fn runner(dir: &Path, change: &str, runner: &Path) -> String {
    let path = dir.join("broken-runner");
    let text = format!(
        "#!/bin/sh\nset -e\n{change}\nexec {} \"$@\"\n",
        runner.display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

#[test]
fn what_is_the_same_is_said_to_be_and_the_project_is_left_alone() {
    let dir = repository(CONFIG);
    let before = contents(dir.path());
    for args in [
        &["--to", "shell"][..],
        &["--to", "circleci", "--store", "/mnt/store"],
    ] {
        let out = verify(dir.path(), args);
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{said}");
        snapshot!("verify_same", String::from_utf8_lossy(&out.stdout));
    }
    assert_eq!(contents(dir.path()), before);
}

#[test]
fn what_waits_for_an_approval_is_compared_as_well() {
    let config = CONFIG.replace(
        "      - use: {requires: [build]}",
        "      - hold: {type: approval, requires: [build]}\n      - use: {requires: [hold]}",
    );
    let out = verify(repository(&config).path(), &["--to", "shell"]);
    let table = String::from_utf8_lossy(&out.stdout);
    let row = table.lines().find(|l| l.starts_with("use "));
    assert!(row.is_some_and(|r| r.contains("same")), "{out:?}");
}

#[test]
fn a_broken_pipeline_is_found_with_the_paths_that_differ() {
    let test = "a_broken_pipeline_is_found_with_the_paths_that_differ";
    let Some(judge) = common::judge(test, "gitlab-ci-local") else {
        return;
    };
    if !common::tool(test, "rsync") {
        return;
    }
    let dir = repository(CONFIG);
    // As a converter would that keeps no modes, and follows links.
    let change = "sed -i 's|holdall_do on_success persist_to_workspace|( cd ~/project; chmod 644 out/tool; rm out/link; cp out/tool out/link; rmdir out/empty; echo more >out/more ); &|' .gitlab-ci.yml
git -c user.name=t -c user.email=t@localhost commit -qam broken";
    let tools = tempfile::tempdir_in(common::root().join("target")).unwrap();
    let with = runner(tools.path(), change, &judge);
    let out = verify(dir.path(), &["--to", "gitlab", "--verify-with", &with]);
    let said = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}");
    snapshot!("verify_differs", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_runner_that_is_not_there_is_named() {
    let dir = repository(CONFIG);
    for (to, program) in [("github", "act"), ("gitlab", "gitlab-ci-local")] {
        let mut command = common::holdall();
        command.current_dir(dir.path()).env("PATH", "/nowhere");
        let out = command
            .args(["transpile", "--verify", "--to", to])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(3), "{said}");
        assert!(
            said.contains(&format!("`{program}` is not installed")),
            "{said}"
        );
        assert!(said.contains("--verify-with"), "{said}");
    }
    let out = verify(
        dir.path(),
        &["--to", "gitlab", "--verify-with", "no-such-runner x"],
    );
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        said.contains("there is no program `no-such-runner`"),
        "{said}"
    );
}

#[test]
fn what_run_does_not_do_is_left_out_with_what_waits_for_it() {
    let config = CONFIG.replace(
        "      - attach_workspace: {at: in}\n  secret",
        "      - attach_workspace: {at: in}\n      - node/install\n  secret",
    );
    let config = config.replace(
        "jobs:\n  build",
        "orbs: {node: circleci/node@5.1.0}\njobs:\n  build",
    );
    let dir = repository(&config);
    let out = verify(
        dir.path(),
        &["--to", "circleci", "--store", "/mnt/store", "--force"],
    );
    let table = String::from_utf8_lossy(&out.stdout);
    let row = table
        .lines()
        .find(|l| l.starts_with("use "))
        .unwrap_or_default();
    assert!(
        row.contains("not run") && row.contains("does not do"),
        "{out:?}"
    );
}

#[test]
fn a_push_to_another_branch_is_stood_for() {
    let filtered = CONFIG.replace(
        "- use: {requires: [build]}",
        "- use: {requires: [build], filters: {branches: {only: release}}}",
    );
    let dir = repository(&filtered);
    for (branch, expected) in [
        (
            &[][..],
            "use     not run  its filters leave it out for this branch",
        ),
        (&["--branch", "release"], "use     same     4 paths"),
    ] {
        let mut args = vec!["--to", "shell"];
        args.extend(branch);
        let out = verify(dir.path(), &args);
        let table = String::from_utf8_lossy(&out.stdout);
        assert!(table.contains(expected), "{expected}: {out:?}");
    }
}

#[test]
fn act_is_told_to_run_jobs_on_this_machine() {
    let test = "act_is_told_to_run_jobs_on_this_machine";
    let Some(judge) = common::judge(test, "github-run") else {
        return;
    };
    let dir = repository(CONFIG);
    // It stands for act: what it is told is checked, and another runner runs the file.
    let tools = tempfile::tempdir_in(common::root().join("target")).unwrap();
    let text = format!(
        "#!/bin/sh
[ \"$1 $2 $3 $4\" = 'push -P ubuntu-latest=-self-hosted -W' ] || {{ echo \"told: $*\"; exit 9; }}
! grep -q container: \"$5\" || {{ echo a container; exit 9; }}
exec {} --isolated-home \"$5\"
",
        judge.display()
    );
    let program = tools.path().join("act");
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let path = [tools.path().to_path_buf()]
        .into_iter()
        .chain(std::env::split_paths(&path));
    let mut command = common::holdall();
    command
        .current_dir(dir.path())
        .env("PATH", std::env::join_paths(path).unwrap());
    let out = command
        .args(["transpile", "--verify", "--to", "github"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    snapshot!("verify_same", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_binary_in_a_folder_that_jobs_have_of_their_own_is_found() {
    let dir = repository(CONFIG);
    // Jobs see an empty `/tmp`, and have to call the program that lies there.
    let elsewhere = tempfile::Builder::new()
        .prefix("holdall-")
        .tempdir_in("/tmp")
        .unwrap();
    let program = elsewhere.path().join("holdall");
    std::fs::copy(env!("CARGO_BIN_EXE_holdall"), &program).unwrap();
    for args in [
        &["--to", "circleci", "--store", "/mnt/store"][..],
        &["--to", "shell"],
    ] {
        let mut command = std::process::Command::new(&program);
        command.current_dir(dir.path()).env_remove("HOLDALL_STORE");
        command.args(["transpile", "--verify"]).args(args);
        let out = command.output().unwrap();
        assert!(out.status.success(), "{args:?}: {out:?}");
    }
}
