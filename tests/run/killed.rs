//! What happens when the runner itself is interrupted or killed. Each test starts a runner of its
//! own: this test program again, asked to run the `driver` only.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holdall::run::{Event, JobEvent};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::*;

const DRIVER: &str = "HOLDALL_TEST_DRIVER";

/// Runs a job that stays, below the folder that the variable names, and obeys SIGINT.
#[test]
fn driver() {
    let Some(base) = std::env::var_os(DRIVER) else {
        return;
    };
    let base = Path::new(&base);
    let mut world = World::new();
    world.options.scratch = Some(base.join("scratch"));
    world.options.grace = Duration::from_millis(500);
    let cancel = world.options.cancel.clone();
    signal_hook::flag::register(signal_hook::consts::SIGINT, cancel).expect("a handler");
    let tag = std::env::var("HOLDALL_TEST_TAG").expect("a tag");
    let script =
        format!("setsid sleep {tag} & sleep {tag} & echo up; trap 'echo told; exit 1' TERM; wait");
    let flow = workflow(vec![
        job("a", vec![run(&script)]),
        job("b", vec![run("true")]),
    ]);
    let summary = holdall::run::execute(&flow, &world.options, &mut |event| {
        if let Event::Job {
            event: JobEvent::Output(chunk),
            ..
        } = event
        {
            println!("{}", String::from_utf8_lossy(chunk.as_bytes()).trim());
        }
    });
    match summary {
        Ok(summary) => println!("canceled={}", summary.canceled),
        Err(error) => println!("refused: {error}"),
    }
}

struct Runner {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
    base: tempfile::TempDir,
    tag: String,
}

impl Runner {
    /// Starts a runner and waits for its job; nothing where the machine forbids isolation.
    fn start(number: u32) -> Option<Self> {
        let base = tempfile::tempdir().expect("a folder");
        for name in ["scratch", "tmp"] {
            std::fs::create_dir(base.path().join(name)).expect(name);
        }
        let tag = format!("{number}{}", std::process::id());
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "killed::driver", "--nocapture"])
            .env(DRIVER, base.path())
            .env("TMPDIR", base.path().join("tmp"))
            .env("HOLDALL_TEST_TAG", &tag)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a runner");
        let mut runner = Self {
            output: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            base,
            tag,
        };
        match runner.wait_for(&["up", "refused"]) {
            Some(line) if line.contains("up") => Some(runner),
            other => {
                assert!(
                    std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(),
                    "namespaces are required: {other:?}"
                );
                println!("skipped: {other:?}");
                let _ = runner.child.wait();
                None
            }
        }
    }

    fn wait_for(&mut self, words: &[&str]) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if words.iter().any(|word| line.contains(word)) {
                return Some(line);
            }
        }
    }

    fn scratch(&self) -> std::path::PathBuf {
        self.base.path().join("scratch")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a signal");
    }

    #[track_caller]
    fn assert_nobody_left(&self) {
        let started = Instant::now();
        while processes_with(&self.tag) > 0 {
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "a process of the job is alive"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn nothing_survives_a_killed_runner() {
    let Some(mut runner) = Runner::start(30) else {
        return;
    };
    let started = Instant::now();
    while processes_with(&runner.tag) < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(5),
            "the job has no processes"
        );
    }
    runner.signal(Signal::KILL);
    runner.child.wait().expect("an end");
    runner.assert_nobody_left();
    // Its files are still there, and go with the next run.
    let left = || {
        std::fs::read_dir(runner.scratch())
            .expect("a folder")
            .count()
    };
    assert_eq!(left(), 1);
    let mut world = World::new();
    world.options.scratch = Some(runner.scratch());
    world
        .run(vec![job("a", vec![run("true")])])
        .assert_success();
    assert_eq!(left(), 0);
}

#[test]
fn ctrl_c_tells_the_step_and_cleans_up() {
    let Some(mut runner) = Runner::start(40) else {
        return;
    };
    let started = Instant::now();
    runner.signal(Signal::INT);
    assert!(
        runner.wait_for(&["told"]).is_some(),
        "the step was not told"
    );
    let line = runner.wait_for(&["canceled="]);
    assert!(line.is_some_and(|l| l.contains("canceled=true")));
    assert!(runner.child.wait().expect("an end").success());
    assert!(started.elapsed() < Duration::from_secs(4));
    runner.assert_nobody_left();
    assert_eq!(
        std::fs::read_dir(runner.scratch())
            .expect("a folder")
            .count(),
        0
    );
}

/// Everything about isolation once more, as somebody without any privilege.
#[test]
fn all_of_it_holds_for_an_ordinary_user() {
    if !rustix::process::geteuid().is_root() {
        // Then all other tests are that test.
        return;
    }
    let required = std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_some();
    if Command::new("setpriv").arg("--version").output().is_err() {
        assert!(!required, "setpriv is required");
        println!("skipped: no setpriv");
        return;
    }
    // The build folder may be closed to others.
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a folder");
    let tests = std::env::current_exe().expect("this program");
    for (from, to) in [
        (tests.as_path(), "tests"),
        (Path::new(env!("CARGO_BIN_EXE_holdall")), "holdall"),
    ] {
        std::fs::copy(from, dir.path().join(to)).expect("a copy");
    }
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(dir.path().join("tests"))
        .args(["isolated::", "killed::", "layers::"])
        .env("HOLDALL_TEST_AGENT", dir.path().join("holdall"))
        .output()
        .expect("the tests");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}
