//! What goes wrong around a run, for real: the program itself is started, and killed, interrupted,
//! flooded, and given disks and stores that do not work.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::processes_with;

/// A project with a config, and folders of its own for all that a run writes.
struct Project {
    dir: tempfile::TempDir,
    isolated: bool,
}

/// A workflow of one job with these steps.
fn one(steps: &str) -> String {
    let head = "version: 2.1\njobs:\n  a:\n    docker: [{image: cimg/base:current}]\n    working_directory: /tmp/faults\n    steps:\n";
    let steps: String = steps.lines().map(|l| format!("      {l}\n")).collect();
    format!("{head}{steps}workflows:\n  w:\n    jobs: [a]\n")
}

impl Project {
    fn new(isolated: bool, config: &str) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        for name in [".circleci", "home", "scratch"] {
            std::fs::create_dir(dir.path().join(name)).expect(name);
        }
        let project = Self { dir, isolated };
        project.config(config);
        project
    }

    fn config(&self, text: &str) {
        // Without isolation a working directory is one of the machine's: each project its own.
        let own = self.path("work").display().to_string();
        let text = text.replace("/tmp/faults", &own);
        std::fs::write(self.path(".circleci/config.yml"), text).expect("the config");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().expect("a path").join(name)
    }

    fn command(&self) -> Command {
        let mut command = crate::common::holdall();
        command.arg("run").current_dir(self.dir.path());
        if !self.isolated {
            command.arg("--no-isolation");
        }
        command.env("HOME", self.path("home")).stdin(Stdio::null());
        command
    }

    fn run(&self) -> Output {
        self.command().output().expect("a run")
    }

    /// Starts a run and waits until its steps have made a file.
    fn start(&self, sign: &str) -> Child {
        let mut command = self.command();
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a run");
        wait_until(sign, || processes_with(sign) > 0);
        child
    }

    /// Holds that the store is whole and that another run does well.
    fn assert_usable(&self) {
        for workspace in std::fs::read_dir(self.path(".holdall/store"))
            .into_iter()
            .flatten()
        {
            let name = workspace.expect("an entry").file_name();
            let out = Command::new(env!("CARGO_BIN_EXE_holdall"))
                .args(["layers", "verify", "--workspace"])
                .arg(&name)
                .current_dir(self.dir.path())
                .env_remove("HOLDALL_STORE")
                .output()
                .expect("a check");
            assert!(out.status.success(), "{name:?}: {}", said(&out));
        }
        self.config(&pipeline("true"));
        let out = self.run();
        assert!(out.status.success(), "{}", said(&out));
    }
}

/// A workflow that hands a file on, with more to do in between.
fn pipeline(between: &str) -> String {
    format!(
        "version: 2.1
jobs:
  make:
    docker: [{{image: cimg/base:current}}]
    working_directory: /tmp/faults/make
    steps:
      - run: mkdir -p out; for i in $(seq 200); do head -c 20000 /dev/urandom > out/$i; done
      - persist_to_workspace: {{root: ., paths: [out]}}
      - run: {between}
  take:
    docker: [{{image: cimg/base:current}}]
    working_directory: /tmp/faults/take
    steps:
      - attach_workspace: {{at: .}}
      - run: test $(ls out | wc -l) = 200
workflows:
  w:
    jobs:
      - make
      - take: {{requires: [make]}}
"
    )
}

fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "not in time: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("a signal");
}

/// Returns a number that no other process has among its arguments: how long somebody sleeps.
fn tag(number: u32) -> String {
    format!("{number}{}", std::process::id())
}

fn both(test: fn(bool)) {
    test(true);
    test(false);
}

fn kills() -> u32 {
    let asked = std::env::var("HOLDALL_TEST_KILLS").ok();
    asked
        .and_then(|n| n.parse::<u32>().ok())
        .map_or(4, |n| n / 10)
}

#[test]
fn a_run_that_is_killed_anywhere_leaves_a_store_for_the_next() {
    let tag = tag(57);
    // Something of every job is alive until the job is over.
    let project = Project::new(true, &pipeline(&format!("setsid -f sleep {tag}")));
    let started = Instant::now();
    let out = project.run();
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(processes_with(&tag), 0);
    let whole = started.elapsed();
    for n in 0..kills() {
        let mut command = project.command();
        command.env("TMPDIR", project.path("scratch"));
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a run");
        // Spread over the whole of a run, steps, persist and attach.
        std::thread::sleep(whole * (2 * n + 1) / (2 * kills()));
        let _ = child.kill();
        child.wait().expect("an end");
        wait_until("no process of the job", || processes_with(&tag) == 0);
    }
    project.assert_usable();
}

/// Four jobs at the same time that persist, and then go on for as long as they are let.
fn four(tag: &str) -> String {
    let mut text = "version: 2.1\njobs:\n".to_owned();
    for name in ["a", "b", "c", "d"] {
        text.push_str(&format!(
            "  {name}:
    docker: [{{image: cimg/base:current}}]
    working_directory: /tmp/faults/{name}
    steps:
      - run: mkdir {name}; for i in $(seq 100); do head -c 20000 /dev/urandom > {name}/$i; done
      - persist_to_workspace: {{root: ., paths: [{name}]}}
      - run: sleep {tag}
"
        ));
    }
    text + "workflows:\n  w:\n    jobs: [a, b, c, d]\n"
}

#[test]
fn four_jobs_at_once_end_with_the_run_that_is_killed_or_interrupted() {
    let tag = tag(58);
    let project = Project::new(true, &four(&tag));
    for how in [Signal::KILL, Signal::INT, Signal::TERM] {
        project.config(&four(&tag));
        let mut command = project.command();
        let child = command
            .args(["-j", "4"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a run");
        wait_until("four steps", || processes_with(&tag) >= 4);
        signal(&child, how);
        let out = child.wait_with_output().expect("an end");
        wait_until("no process of a job", || processes_with(&tag) == 0);
        if how != Signal::KILL {
            assert_eq!(out.status.code(), Some(1), "{}", said(&out));
            let canceled = said(&out)
                .lines()
                .filter(|line| line.contains("canceled in"))
                .count();
            assert!(canceled >= 4, "{}", said(&out));
        }
        project.assert_usable();
    }
}

#[test]
fn a_daemon_outlives_its_step_and_not_its_job() {
    let tag = tag(59);
    let steps = format!("- run: setsid -f sleep {tag}\n- run: pgrep -f \"slee[p] {tag}\"");
    let project = Project::new(true, &one(&steps));
    let out = project.run();
    assert!(out.status.success(), "{}", said(&out));
    assert_eq!(processes_with(&tag), 0);
}

#[test]
fn a_full_scratch_disk_fails_the_step_or_the_start_and_says_so() {
    let project = Project::new(
        true,
        &one("- run: head -c 60000000 /dev/zero > /tmp/big\n- run: echo never"),
    );
    let holdall = env!("CARGO_BIN_EXE_holdall");
    let taken = ["/tmp", "/var/tmp"];
    let own = [Path::new(holdall), &project.path("")];
    if taken
        .iter()
        .any(|dir| own.iter().any(|path| path.starts_with(dir)))
    {
        println!("skipped: it covers /tmp and /var/tmp, and is in there itself");
        return;
    }
    // All folders that what jobs write could go to, with little room; then, with none for a folder.
    for (room, code) in [("size=20m", 1), ("size=20m,nr_inodes=2", 3)] {
        let script = format!(
            "mount -t tmpfs -o {room} none /tmp && mount -t tmpfs -o {room} none /var/tmp || exit 77
             '{holdall}' run; code=$?; ls -d /tmp/holdall-run-* 2> /dev/null && echo LEFT; exit $code"
        );
        let mut command = Command::new("unshare");
        let out = command
            .args(["-m", "sh", "-c", &script])
            .current_dir(project.dir.path())
            .env("HOME", project.path("home"))
            .env_remove("HOLDALL_STORE")
            .stdin(Stdio::null())
            .output()
            .expect("unshare");
        let said = said(&out);
        if out.status.code() == Some(77) || said.contains("unshare failed") {
            println!("skipped: no disk can be mounted here");
            return;
        }
        assert!(said.contains("No space left on device"), "{said}");
        assert!(!said.contains("LEFT") && !said.contains("never"), "{said}");
        assert_eq!(out.status.code(), Some(code), "{said}");
    }
    project.assert_usable();
}

#[test]
fn a_store_that_may_not_be_written_is_said_with_its_path() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: it takes root to be somebody else");
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::new(false, &one("- run: echo never"));
    std::fs::create_dir_all(project.path(".holdall/store")).expect("a store");
    let open = |name: &str, mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(project.path(name), mode).expect("a mode");
    };
    open(".holdall/store", 0o700);
    for name in [".", ".holdall", "home"] {
        open(name, 0o777);
    }
    let out = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(env!("CARGO_BIN_EXE_holdall"))
        .args(["run", "--no-isolation"])
        .current_dir(project.dir.path())
        .env("HOME", project.path("home"))
        .env_remove("HOLDALL_STORE")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv");
    let said = said(&out);
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(said.contains(".holdall/store"), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert!(!said.contains("never"), "{said}");
}

#[test]
fn a_step_that_a_signal_ends_fails_its_job_and_says_so() {
    both(|isolated| {
        for (name, number) in [("KILL", 9), ("SEGV", 11)] {
            let project = Project::new(isolated, &one(&format!("- run: kill -{name} $$")));
            let out = project.run();
            assert_eq!(out.status.code(), Some(1), "{}", said(&out));
            let text = format!("ended by signal {number}");
            assert!(said(&out).contains(&text), "{}", said(&out));
        }
    });
}

#[test]
fn a_job_whose_own_process_is_killed_fails_and_the_others_go_on() {
    let tag = tag(51);
    let config = format!(
        "version: 2.1\njobs:\n  a: &job\n    docker: [{{image: cimg/base:current}}]\n    steps: [run: sleep {tag}]\n  b:\n    <<: *job\n    steps: [run: sleep 1; echo went on]\nworkflows:\n  w:\n    jobs: [a, b]\n"
    );
    let project = Project::new(true, &config);
    let mut command = project.command();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("a run");
    wait_until("the step", || processes_with(&tag) > 0);
    let sleeper = process_with(&tag).expect("the step");
    // The shell, or the process that runs the steps where the shell has become the program.
    let mut above = parent(sleeper);
    while !arguments(above).iter().any(|a| a == "__job") {
        above = parent(above);
    }
    kill_process(Pid::from_raw(above).expect("a process"), Signal::KILL).expect("a signal");
    let out = child.wait_with_output().expect("an end");
    let said = said(&out);
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(
        said.contains("signal 9 from outside ended the job"),
        "{said}"
    );
    assert!(said.contains("went on"), "{said}");
    assert_eq!(processes_with(&tag), 0);
}

fn arguments(pid: i32) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("a process");
    line.split(|&b| b == 0)
        .map(|a| String::from_utf8_lossy(a).into_owned())
        .collect()
}

fn parent(pid: i32) -> i32 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = text.lines().find_map(|l| l.strip_prefix("PPid:"));
    line.expect("a parent").trim().parse().expect("a number")
}

fn process_with(word: &str) -> Option<i32> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let mut pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.find(|pid| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|&b| b == 0).any(|a| a == word.as_bytes()))
    })
}

#[test]
fn ctrl_c_lets_steps_end_and_twice_does_not_wait_for_them() {
    both(|isolated| {
        let tag = tag(if isolated { 52 } else { 53 });
        let deaf = format!("- run: trap '' TERM; sleep {tag} & while true; do wait; done");
        let project = Project::new(isolated, &one(&deaf));
        let mut child = project.start(&tag);
        // A new session would have it: this is the run alone, as Ctrl-C is not the job's.
        signal(&child, Signal::INT);
        std::thread::sleep(Duration::from_millis(300));
        assert!(
            child.try_wait().expect("a state").is_none(),
            "it did not wait for its step"
        );
        signal(&child, Signal::INT);
        let code = child.wait().expect("an end");
        assert_eq!(code.code(), Some(1), "{:?}", code.signal());
        wait_until("no process", || processes_with(&tag) == 0);
        project.assert_usable();
    });
}

#[test]
fn a_request_to_end_and_a_terminal_that_goes_stop_a_run() {
    both(|isolated| {
        for (number, ending) in [(54, Signal::TERM), (55, Signal::HUP)] {
            let tag = tag(number + 10 * u32::from(isolated));
            let project = Project::new(isolated, &one(&format!("- run: sleep {tag}")));
            let mut child = project.start(&tag);
            signal(&child, ending);
            assert_eq!(child.wait().expect("an end").code(), Some(1));
            wait_until("no process", || processes_with(&tag) == 0);
            let runs = std::fs::read_dir(project.path(".holdall/runs"))
                .expect("runs")
                .flatten();
            let json = runs
                .map(|run| run.path().join("run.json"))
                .find(|p| p.exists());
            let text = std::fs::read_to_string(json.expect("a summary")).expect("a file");
            assert!(text.contains(r#""status": "canceled""#), "{text}");
            project.assert_usable();
        }
    });
}

#[test]
fn a_flood_stays_out_of_memory_and_mostly_out_of_the_log() {
    both(|isolated| {
        // Lines, or one line without an end.
        let command = match isolated {
            true => "yes 0123456789 || true",
            false => "tr '\\0' x < /dev/zero || true",
        };
        let steps = format!("- run: ({command}) | head -c 70000000\n- run: echo next step");
        let project = Project::new(isolated, &one(&steps));
        let mut command = project.command();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a run");
        let mut most = 0;
        while child.try_wait().expect("a state").is_none() {
            most = most.max(memory(child.id()));
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(child.wait().expect("an end").success());
        assert!(most < 200_000, "{most} KiB");
        // Not all of it: other tests in this process look at its memory.
        let mut log = std::fs::File::open(log(&project)).expect("a log");
        let size = log.seek(SeekFrom::End(-400)).expect("its end") + 400;
        assert!((64 << 20..66 << 20).contains(&size), "{size} bytes of log");
        let mut end = String::new();
        log.read_to_string(&mut end).expect("its end");
        assert!(
            end.contains("the log ends here: it keeps 64 MiB of a step's output"),
            "{end}"
        );
        assert!(end.contains("next step"), "{end}");
    });
}

fn memory(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let number = line.and_then(|l| l.trim().strip_suffix(" kB"));
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Returns where the log of job `a` is.
fn log(project: &Project) -> PathBuf {
    let runs = std::fs::read_dir(project.path(".holdall/runs"))
        .expect("runs")
        .flatten();
    let mut logs = runs.map(|run| run.path().join("a.log"));
    logs.find(|path| path.exists()).expect("a log")
}

#[test]
fn what_outlives_its_step_does_not_outlive_its_job() {
    both(|isolated| {
        let tag = tag(if isolated { 58 } else { 59 });
        let steps = format!(
            "- run: {{command: sleep {tag}, background: true}}\n- run: exec >&- 2>&-; sleep 0.1\n- run: echo still here"
        );
        let project = Project::new(isolated, &one(&steps));
        let out = project.run();
        assert!(out.status.success(), "{}", said(&out));
        assert!(said(&out).contains("still here"), "{}", said(&out));
        wait_until("no process", || processes_with(&tag) == 0);
    });
    // With a session of its own only the namespace knows whose it is.
    let tag = tag(60);
    let steps = format!("- run: (setsid sleep {tag} > /dev/null 2>&1 &); sleep 0.1");
    let project = Project::new(true, &one(&steps));
    assert!(project.run().status.success());
    assert_eq!(processes_with(&tag), 0);
}

#[test]
fn a_reader_that_has_had_enough_stops_no_job() {
    both(|isolated| {
        let project = Project::new(
            isolated,
            &one("- run: seq 100000\n- run: echo done > /dev/null"),
        );
        let mut command = project.command();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a run");
        drop(child.stdout.take());
        let out = child.wait_with_output().expect("an end");
        assert_eq!(out.status.code(), Some(0), "{}", said(&out));
        assert!(!said(&out).contains("panicked"), "{}", said(&out));
        let log = std::fs::read_to_string(log(&project)).expect("a log");
        assert!(log.contains("100000"));
    });
}

#[test]
fn two_runs_of_a_project_do_not_get_in_each_others_way() {
    let cached = "- run: mkdir -p kept; echo $CIRCLE_WORKFLOW_ID > kept/id\n- save_cache: {key: k, paths: [kept]}\n- restore_cache: {keys: [k]}\n- run: test -s kept/id\n- persist_to_workspace: {root: ., paths: [kept]}";
    let project = Project::new(true, &one(cached));
    let start = || {
        let mut command = project.command();
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a run")
    };
    let runs = [start(), start(), start()];
    for run in runs {
        let out = run.wait_with_output().expect("an end");
        assert!(out.status.success(), "{}", said(&out));
    }
    let workspaces = std::fs::read_dir(project.path(".holdall/store"))
        .expect("the store")
        .count();
    assert_eq!(workspaces, 3);
    project.assert_usable();
}

#[test]
fn a_store_that_is_none_is_said_before_anything_starts() {
    let project = Project::new(true, &one("- run: touch /tmp/faults-ran"));
    let file = project.path("file");
    std::fs::write(&file, "x").expect("a file");
    let out = project
        .command()
        .env("HOLDALL_STORE", &file)
        .output()
        .expect("a run");
    assert_eq!(out.status.code(), Some(3), "{}", said(&out));
    assert!(
        said(&out).contains(file.to_str().expect("a path")),
        "{}",
        said(&out)
    );
}

/// A small disk, for as long as the value lives; nothing where it cannot be mounted.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a folder");
        let size = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        let done = Command::new("mount").args(size).arg(at).output();
        if done.is_ok_and(|out| out.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped: a small disk cannot be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_named_and_nothing_half_written_counts() {
    both(|isolated| {
        let big = "- run: head -c 8000000 /dev/urandom > big\n- persist_to_workspace: {root: ., paths: [big]}";
        // The store.
        let project = Project::new(isolated, &one(big));
        let Some(disk) = SmallDisk::mount(&project.path(".holdall/store")) else {
            return;
        };
        let out = project.run();
        assert_eq!(out.status.code(), Some(1), "{}", said(&out));
        assert!(said(&out).contains("no space left"), "{}", said(&out));
        let refs = Command::new("find")
            .arg(&disk.0)
            .args(["-path", "*/refs/*", "-type", "f"])
            .output();
        assert_eq!(said(&refs.expect("a list")), "");
        drop(disk);
        project.assert_usable();
        // The logs.
        let project = Project::new(
            isolated,
            &one("- run: head -c 8000000 /dev/zero | tr '\\0' x"),
        );
        let Some(disk) = SmallDisk::mount(&project.path(".holdall/runs")) else {
            return;
        };
        let out = project
            .command()
            .stdout(Stdio::null())
            .output()
            .expect("a run");
        assert_eq!(out.status.code(), Some(3), "{}", said(&out));
        assert!(said(&out).contains("No space left"), "{}", said(&out));
        assert!(said(&out).contains("a.log"), "{}", said(&out));
        drop(disk);
        project.assert_usable();
    });
}
