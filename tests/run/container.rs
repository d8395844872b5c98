//! Workflows in containers of a real engine. Everything goes through the command line, because
//! what an engine is told depends on the environment of the process.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common;
use crate::common::engine::{Engine, engine};

/// A project, and the engine that runs its jobs.
struct Project {
    dir: tempfile::TempDir,
    engine: Engine,
}

impl Project {
    fn new(engine: &Engine, config: &str) -> Self {
        Self {
            dir: common::repository(config),
            engine: engine.clone(),
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = common::holdall();
        self.engine.set(&mut command);
        command.current_dir(self.dir.path());
        command.args(["run", "--engine", &self.engine.name]);
        command.args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        let out = self.command(args).output().unwrap();
        Run { out }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the only folder of a run.
    fn of_the_run(&self) -> PathBuf {
        let mut runs: Vec<PathBuf> = entries(&self.path(".holdall/runs"));
        // What says when the last pruning was is no run.
        runs.retain(|run| !run.file_name().unwrap().to_string_lossy().starts_with('.'));
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs.remove(0)
    }

    /// Sees that neither containers nor files of exchange are left.
    #[track_caller]
    fn assert_nothing_left(&self) {
        for run in entries(&self.path(".holdall/runs")) {
            let id = run.file_name().unwrap().to_string_lossy().into_owned();
            assert_eq!(self.containers(&id), "", "containers of {id}");
        }
        let left: Vec<PathBuf> = entries(&self.path(".holdall"))
            .into_iter()
            .filter(|p| p.to_string_lossy().contains("holdall-run-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// Lists the containers of a run.
    fn containers(&self, run: &str) -> String {
        let filter = format!("label=holdall.run={run}");
        let ids = self
            .engine
            .say(&["ps", "--all", "--quiet", "--filter", &filter]);
        ids.trim().to_owned()
    }

    fn artifact(&self, job: &str, name: &str) -> String {
        let path = self.of_the_run().join("results").join(job);
        let path = path.join("0/artifacts").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }
}

struct Run {
    out: Output,
}

impl Run {
    fn text(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&self.out.stdout) + &text(&self.out.stderr)
    }

    #[track_caller]
    fn succeeds(self) -> Self {
        assert!(self.out.status.success(), "{}", self.text());
        self
    }

    #[track_caller]
    fn fails_with(self, code: i32) -> Self {
        assert_eq!(self.out.status.code(), Some(code), "{}", self.text());
        self
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        let text = self.text();
        for word in words {
            assert!(text.contains(word), "{word:?} is not in\n{text}");
        }
        self
    }

    #[track_caller]
    fn never_says(self, words: &[&str]) -> Self {
        let text = self.text();
        for word in words {
            assert!(!text.contains(word), "{word:?} is in\n{text}");
        }
        self
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(dir).into_iter().flatten().flatten();
    found.map(|entry| entry.path()).collect()
}

/// A config of one job with these steps.
fn one_job(image: &str, steps: &str) -> String {
    format!(
        "version: 2.1\njobs:\n  a:\n    docker: [{{image: \"{image}\"}}]\n    steps:\n{steps}\n\
         workflows: {{w: {{jobs: [a]}}}}\n"
    )
}

#[test]
fn layers_pass_from_one_container_to_another() {
    let Some(engine) = engine("layers_pass_from_one_container_to_another") else {
        return;
    };
    let image = engine.busybox("plain", &[]);
    let config = format!(
        "version: 2.1
jobs:
  make:
    docker: [{{image: '{image}'}}]
    parallelism: 2
    steps:
      - run: mkdir -p out && echo from $CIRCLE_NODE_INDEX of $CIRCLE_NODE_TOTAL > out/$CIRCLE_NODE_INDEX
      - run: mkdir -p out/sub && touch out/sub/tool.$CIRCLE_NODE_INDEX && chmod 755 out/sub/tool.*
      - persist_to_workspace: {{root: ., paths: [out]}}
  use:
    docker: [{{image: '{image}'}}]
    steps:
      - attach_workspace: {{at: /deep/er}}
      - run: cat /deep/er/out/0 /deep/er/out/1 && test -x /deep/er/out/sub/tool.1
      - run: echo more > /deep/er/more
      - persist_to_workspace: {{root: /deep/er, paths: [more]}}
  last:
    docker: [{{image: '{image}'}}]
    steps:
      - attach_workspace: {{at: ~/w}}
      - run: cat ~/w/out/1 /root/w/more
workflows:
  w: {{jobs: [make, {{use: {{requires: [make]}}}}, {{last: {{requires: [use]}}}}]}}
"
    );
    let project = Project::new(&engine, &config);
    let run = project.run(&[]).succeeds();
    run.says(&["from 0 of 2", "from 1 of 2", "more", "in containers of"]);
    project.assert_nothing_left();
    // What was brought home is a store like any other.
    let mut verify = common::holdall();
    verify.current_dir(project.dir.path());
    let workspace = project.of_the_run();
    let workspace = workspace.file_name().unwrap().to_str().unwrap();
    let out = verify
        .args(["layers", "verify", "--workspace", workspace])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", Run { out }.text());
}

#[test]
fn an_images_user_environment_and_home_are_those_of_the_steps() {
    let test = "an_images_user_environment_and_home_are_those_of_the_steps";
    let Some(engine) = engine(test) else { return };
    let changes = [
        "USER app",
        "ENV PATH=/opt/tools:/bin",
        "ENV FLAVOUR=image",
        "ENV COLOUR=image",
    ];
    let image = engine.busybox("user", &changes);
    let config = format!(
        "version: 2.1
jobs:
  a:
    docker: [{{image: '{image}', environment: {{COLOUR: config}}}}]
    steps:
      - run: echo user $(id -un) home $HOME in $(pwd)
      - run: echo path $PATH; echo flavour $FLAVOUR colour $COLOUR
      - run: echo made > made && mkdir ~/kept && echo kept > ~/kept/f
      - save_cache: {{key: one, paths: [~/kept]}}
      - persist_to_workspace: {{root: ., paths: [made]}}
      - store_artifacts: {{path: made}}
  b:
    docker: [{{image: '{image}', user: '0'}}]
    steps:
      - attach_workspace: {{at: .}}
      - run: echo user $(id -un) home $HOME; cat made
workflows: {{w: {{jobs: [a, {{b: {{requires: [a]}}}}]}}}}
"
    );
    let project = Project::new(&engine, &config);
    let run = project.run(&[]).succeeds();
    run.says(&[
        "user app home /home/app in /home/app/project",
        "path /.holdall/x/own/bin:/opt/tools:/bin",
        "flavour image colour config",
        "user root home /root",
    ]);
    assert_eq!(project.artifact("a", "made"), "made\n");
    // Whoever owns the project owns what came home.
    let own = std::os::unix::fs::MetadataExt::uid(&project.dir.path().metadata().unwrap());
    let mut open = vec![project.path(".holdall")];
    while let Some(dir) = open.pop() {
        for path in entries(&dir) {
            let meta = path.symlink_metadata().unwrap();
            assert_eq!(std::os::unix::fs::MetadataExt::uid(&meta), own, "{path:?}");
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    project.assert_nothing_left();
    let again = project.run(&[]).succeeds();
    again.says(&["a cache with the key one is there already"]);
}

#[test]
fn caches_artifacts_and_test_results_come_home() {
    let Some(engine) = engine("caches_artifacts_and_test_results_come_home") else {
        return;
    };
    let image = engine.busybox("plain", &[]);
    let config = one_job(
        &image,
        "      - checkout
      - restore_cache: {keys: ['v1-{{ checksum \"tracked\" }}']}
      - run: if test -f deps/x; then cat deps/x; else echo cold; mkdir deps; echo warm > deps/x; fi
      - save_cache: {key: 'v1-{{ checksum \"tracked\" }}', paths: [deps]}
      - restore_cache: {keys: [v1]}
      - run: mkdir r && echo '<testsuite><testcase/><testcase><failure/></testcase></testsuite>' > r/j.xml
      - store_test_results: {path: r}
      - store_artifacts: {path: deps, destination: d}",
    );
    let project = Project::new(&engine, &config);
    let first = project.run(&[]).succeeds();
    first.says(&["│ cold\n", "kept under the key v1-", "2 tests, 1 failed"]);
    assert_eq!(project.artifact("a", "d/x"), "warm\n");
    let second = project.run(&[]).succeeds();
    second
        .says(&["found the cache with the key v1-", "│ warm\n"])
        .never_says(&["│ cold\n"]);
    project.assert_nothing_left();
}

#[test]
fn a_checkout_has_the_files_and_the_history() {
    let Some(engine) = engine("a_checkout_has_the_files_and_the_history") else {
        return;
    };
    let (with_git, bare) = (&engine.image, engine.busybox("user", &["USER app"]));
    let config = format!(
        "version: 2.1
jobs:
  git:
    docker: [{{image: '{with_git}'}}]
    steps:
      - checkout
      - run: git log --format=%s && git status --short && cat tracked && git branch
  bare:
    docker: [{{image: '{bare}'}}]
    steps: [checkout, {{run: 'echo; cat tracked; ls -a'}}]
workflows: {{w: {{jobs: [git, bare]}}}}
"
    );
    let project = Project::new(&engine, &config);
    let main = project.dir.path();
    // A worktree borrows everything from another folder, and only its owner can read this one.
    let other = tempfile::tempdir().unwrap();
    let tree = other.path().join("tree");
    let mut git = Command::new("git");
    let made = git
        .current_dir(main)
        .args(["worktree", "add", "-q", "-b", "side"]);
    assert!(made.arg(&tree).status().unwrap().success());
    let only_owner = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(tree.join("tracked"), only_owner).unwrap();
    let dir = tree.to_str().unwrap();
    let run = project.run(&["--dir", dir]).succeeds();
    run.says(&[
        "* side",
        "the files are there without a repository",
        "tracked",
    ]);
}

#[test]
fn services_answer_on_localhost_and_by_name() {
    let Some(engine) = engine("services_answer_on_localhost_and_by_name") else {
        return;
    };
    let image = engine.busybox("plain", &[]);
    let serve = "echo $GREETING > /www/index.html; exec httpd -f -p 18723 -h /www";
    let config = format!(
        "version: 2.1
jobs:
  a:
    docker:
      - image: '{image}'
      - image: '{image}'
        name: db
        user: app
        environment: {{GREETING: 'hello, you'}}
        entrypoint: [sh, -c]
        command: [\"{serve}\"]
      - image: '{image}'
        command: [sh, -c, 'echo I give up; exit 3']
    steps:
      - run: |
          n=0
          until wget -qO- http://localhost:18723/index.html; do
            n=$((n + 1)); test $n -lt 100; sleep 0.1
          done
      - run: wget -qO- http://db:18723/index.html
      - run: sleep 2
workflows: {{w: {{jobs: [a]}}}}
"
    );
    let project = Project::new(&engine, &config);
    let run = project.run(&[]).succeeds();
    let text = run.text();
    assert_eq!(text.matches("hello, you\n").count(), 2, "{text}");
    run.says(&["exited with code 3 while the job was running"]);
    let log = project.of_the_run().join("a.service-2.log");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "I give up\n");
    project.assert_nothing_left();
}

#[test]
fn an_entrypoint_runs_beside_the_steps_only_where_it_is_asked_for() {
    let test = "an_entrypoint_runs_beside_the_steps_only_where_it_is_asked_for";
    let Some(engine) = engine(test) else { return };
    let entry = r#"ENTRYPOINT ["sh","-c","echo entered $0; touch /tmp/entered; sleep 1000"]"#;
    let quiet = engine.busybox("entry", &[entry, r#"CMD ["cmd"]"#]);
    let loud = engine.busybox(
        "entry-kept",
        &[
            entry,
            r#"CMD ["cmd"]"#,
            "LABEL com.circleci.preserve-entrypoint=true",
        ],
    );
    let config = format!(
        "version: 2.1
jobs:
  ignored:
    docker: [{{image: '{quiet}'}}]
    steps: [{{run: 'sleep 1; if test -f /tmp/entered; then echo it ran; exit 1; fi'}}]
  kept:
    docker: [{{image: '{loud}'}}]
    steps: [{{run: 'while ! test -f /tmp/entered; do sleep 0.1; done'}}]
  given:
    docker: [{{image: '{quiet}', command: other}}]
    steps: [{{run: 'while ! test -f /tmp/entered; do sleep 0.1; done'}}]
workflows: {{w: {{jobs: [ignored, kept, given]}}}}
"
    );
    let project = Project::new(&engine, &config);
    project.run(&[]).succeeds();
    let log = |job: &str| {
        let path = project.of_the_run().join(format!("{job}.entrypoint.log"));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    assert_eq!(log("ignored"), "");
    assert_eq!(log("kept"), "entered cmd\n");
    assert_eq!(log("given"), "entered other\n");
    project.assert_nothing_left();
}

#[test]
fn steps_do_what_they_do_on_the_host() {
    let Some(engine) = engine("steps_do_what_they_do_on_the_host") else {
        return;
    };
    let image = &engine.image;
    let config = format!(
        "version: 2.1
jobs:
  halted:
    docker: [{{image: '{image}'}}]
    steps:
      - run: echo 'export SAID=remembered' >> $BASH_ENV
      - run: echo $SAID
      - run: {{background: true, command: 'sleep 1000'}}
      - run: circleci-agent step halt
      - run: echo never; exit 1
  silent:
    docker: [{{image: '{image}'}}]
    steps:
      - run: {{no_output_timeout: 1s, command: 'sleep 1000'}}
      - run: {{when: on_fail, command: 'echo after the failure'}}
  remote:
    docker: [{{image: '{image}', auth: {{username: u, password: p}}}}]
    steps:
      - setup_remote_docker
      - run: exit 7
workflows: {{w: {{jobs: [halted, silent, remote]}}}}
"
    );
    let project = Project::new(&engine, &config);
    let run = project.run(&["--force"]).fails_with(1);
    run.says(&[
        "remembered",
        "too long with no output",
        "after the failure",
        "a container sees no docker",
        "the engine logs in with what it knows",
        "exited with code 7",
    ])
    .never_says(&["never"]);
    project.assert_nothing_left();
}

#[test]
fn images_can_be_mapped_and_what_is_missing_is_named() {
    let Some(engine) = engine("images_can_be_mapped_and_what_is_missing_is_named") else {
        return;
    };
    let image = engine.busybox("plain", &[]);
    let nowhere = "localhost:1/nowhere/at-all";
    let config = one_job(&format!("{nowhere}:1.2"), "      - run: echo ran");
    let project = Project::new(&engine, &config);
    let missing = project.run(&[]).fails_with(1);
    missing.says(&["Spin up environment", nowhere, "job a", "--image"]);
    project.assert_nothing_left();
    let mapped = format!("{nowhere}={image}");
    let run = project.run(&["--image", &mapped, "--image", "cimg/none=x"]);
    run.succeeds()
        .says(&["ran", "no job wants an image cimg/none"]);
    let other_tag = format!("{nowhere}:1.3={image}");
    project.run(&["--image", &other_tag]).fails_with(1);
    project
        .run(&["--image", "nonsense"])
        .fails_with(2)
        .says(&["FROM=TO"]);
}

#[test]
fn an_unknown_user_is_told_before_the_first_step() {
    let Some(engine) = engine("an_unknown_user_is_told_before_the_first_step") else {
        return;
    };
    let image = engine.busybox("plain", &[]);
    let config = format!(
        "version: 2.1\njobs:\n  a:\n    docker: [{{image: '{image}', user: nobody-here}}]\n    \
         steps: [{{run: echo ran}}]\nworkflows: {{w: {{jobs: [a]}}}}\n"
    );
    let project = Project::new(&engine, &config);
    let run = project.run(&[]).fails_with(1);
    run.says(&["cannot be started", "nobody-here"])
        .never_says(&["ran\n"]);
    project.assert_nothing_left();
}

#[test]
fn machines_fall_to_the_host() {
    let Some(engine) = engine("machines_fall_to_the_host") else {
        return;
    };
    let config = "version: 2.1
jobs:
  a:
    machine: {image: 'ubuntu-2204:current'}
    steps: [{run: 'if test -e /.holdall; then echo inside; else echo outside; fi'}]
workflows: {w: {jobs: [a]}}
";
    let project = Project::new(&engine, config);
    let run = project.run(&["--no-isolation"]).succeeds();
    run.says(&[
        "a: wants a virtual machine and runs on this machine",
        "outside",
    ]);
}

#[test]
fn an_engine_that_does_not_answer_is_told_before_the_first_job() {
    let project = tempfile::tempdir().unwrap();
    std::fs::create_dir(project.path().join(".circleci")).unwrap();
    let config = one_job("any", "      - run: echo ran");
    std::fs::write(project.path().join(".circleci/config.yml"), config).unwrap();
    let bin = project.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let script = bin.join("docker");
    std::fs::write(
        &script,
        "#!/bin/sh\necho 'Cannot connect to the daemon' >&2\nexit 1\n",
    )
    .unwrap();
    let all = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&script, all).unwrap();
    for (engine, why) in [
        ("docker", "Cannot connect to the daemon"),
        ("podman", "no program"),
    ] {
        let mut command = common::holdall();
        command.current_dir(project.path()).env("PATH", &bin);
        let out = command.args(["run", "--engine", engine]).output().unwrap();
        let run = Run { out }.fails_with(2);
        run.says(&[engine, "cannot be used", why, "--engine host"]);
    }
    let mut command = common::holdall();
    command.current_dir(project.path());
    let out = command.args(["run", "--image", "a=b"]).output().unwrap();
    Run { out }
        .fails_with(2)
        .says(&["the host engine takes no images"]);
}

/// A runner whose job and service stay until they are stopped.
struct Staying {
    project: Project,
    child: Child,
    run: String,
}

impl Staying {
    fn start(engine: &Engine) -> Self {
        let image = engine.busybox("plain", &[]);
        let config = format!(
            "version: 2.1
jobs:
  a:
    docker: [{{image: '{image}'}}, {{image: '{image}', command: [sleep, '1000']}}]
    steps:
      - run: echo up > /.holdall/x/up; sleep 1000
workflows: {{w: {{jobs: [a]}}}}
"
        );
        let project = Project::new(engine, &config);
        let child = project
            .command(&[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut staying = Self {
            project,
            child,
            run: String::new(),
        };
        staying.wait_for("the job to run", |staying| {
            let run = staying.project.path(".holdall");
            let up = entries(&run).into_iter().flat_map(|dir| entries(&dir));
            up.into_iter().any(|job| job.join("x/up").exists())
        });
        let run = staying.project.of_the_run();
        staying.run = run.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(staying.project.containers(&staying.run).lines().count(), 2);
        staying
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(
                since.elapsed() < Duration::from_secs(120),
                "waited for {what}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Finds the process that waits for the end of the run.
    fn watch(&self) -> rustix::process::Pid {
        let processes = entries(Path::new("/proc"));
        let found = processes.iter().find_map(|dir| {
            let line = std::fs::read(dir.join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let is_it = line.contains("\0watch\0") && line.contains(&self.run);
            let pid = dir.file_name()?.to_str()?.parse().ok()?;
            is_it.then(|| rustix::process::Pid::from_raw(pid)).flatten()
        });
        found.unwrap()
    }

    fn send(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_canceled_run_leaves_no_container() {
    let Some(engine) = engine("a_canceled_run_leaves_no_container") else {
        return;
    };
    let mut staying = Staying::start(&engine);
    staying.send(rustix::process::Signal::INT);
    let status = staying.child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    staying.project.assert_nothing_left();
}

#[test]
fn what_a_killed_run_leaves_is_removed_by_the_next_one() {
    let Some(engine) = engine("what_a_killed_run_leaves_is_removed_by_the_next_one") else {
        return;
    };
    let mut staying = Staying::start(&engine);
    // Nor is anybody left who would remove them at once.
    let watch = staying.watch();
    rustix::process::kill_process(watch, rustix::process::Signal::KILL).unwrap();
    staying.send(rustix::process::Signal::KILL);
    staying.child.wait().unwrap();
    let config = one_job(&engine.busybox("plain", &[]), "      - run: echo ran");
    let config_file = staying.project.path(".circleci/config.yml");
    std::fs::write(config_file, config).unwrap();
    staying.project.run(&[]).succeeds().says(&["ran"]);
    staying.project.assert_nothing_left();
}

#[test]
fn a_killed_run_takes_its_containers_along() {
    let Some(engine) = engine("a_killed_run_takes_its_containers_along") else {
        return;
    };
    let mut staying = Staying::start(&engine);
    staying.send(rustix::process::Signal::KILL);
    staying.child.wait().unwrap();
    staying.wait_for("the containers to go", |staying| {
        staying.project.containers(&staying.run).is_empty()
    });
}
