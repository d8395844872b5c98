//! What isolation promises: nothing that a job does reaches the machine, and nothing that it
//! needs of the machine is missing.

use std::path::Path;
use std::time::{Duration, Instant};

use holdall::plan::{JobStatus, RunStep, StepKind};
use holdall::run::{Event, Isolation};

use crate::support::*;

/// Says that a test cannot say anything here, or fails where that is not acceptable.
macro_rules! need_namespaces {
    ($world:expr) => {
        if !can_isolate(&$world) {
            return;
        }
    };
}

fn can_isolate(world: &World) -> bool {
    match world.try_run(vec![job("probe", vec![])]) {
        Ok(_) => true,
        Err(error) => {
            assert!(
                std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(),
                "namespaces are required: {error}"
            );
            println!("skipped: {error}");
            false
        }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The temporary folders of runs that still exist.
fn leftovers(scratch: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(scratch).expect("the scratch folder");
    let names = entries
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned());
    names.collect()
}

fn world_with_scratch() -> World {
    let mut world = World::new();
    std::fs::create_dir(world.path("scratch")).expect("a folder");
    world.options.scratch = Some(world.path("scratch"));
    world
}

#[test]
fn writes_reach_nothing_of_the_machine() {
    let world = world_with_scratch();
    need_namespaces!(world);
    for (name, text) in [
        ("home/keep", "home"),
        ("project/keep", "project"),
        ("home/.bashrc", "x"),
    ] {
        std::fs::write(world.path(name), text).expect(name);
    }
    let project = world.path("project");
    let marker = format!("holdall-test-{}", std::process::id());
    let before = (picture(&world.path("home")), picture(&project));
    let mut script = format!(
        "touch /tmp/{marker} /var/tmp/{marker} /dev/shm/{marker} ~/new
         cat ~/keep {0}/keep; echo changed > {0}/keep; rm ~/keep; cat {0}/keep
         test ! -e ~/keep; mkdir -p ~/a/b; echo more >> ~/.bashrc; rm -rf {0}/keep\n",
        project.display()
    );
    if is_root() {
        script += &format!(
            "touch /etc/{marker} /{marker} /usr/bin/{marker} /root/{marker}; rm /etc/passwd
             mkdir -p /var/lib/{marker}/x; chown 1:1 /etc/hostname; test -e /etc/{marker}\n"
        );
    }
    let done = world.run(vec![job("a", vec![run(&script)])]);
    done.assert_success();
    assert_eq!(done.output("a"), "homeprojectchanged\n");
    assert_eq!(before, (picture(&world.path("home")), picture(&project)));
    for dir in [
        "/tmp", "/var/tmp", "/dev/shm", "/etc", "/", "/usr/bin", "/root", "/var/lib",
    ] {
        assert!(
            !Path::new(dir).join(&marker).exists(),
            "{marker} is in {dir}"
        );
    }
    assert!(Path::new("/etc/passwd").exists());
    assert_eq!(leftovers(&world.path("scratch")), Vec::<String>::new());
}

#[test]
fn a_job_that_removes_its_home_leaves_yours_alone() {
    let world = World::new();
    need_namespaces!(world);
    std::fs::create_dir_all(world.path("home/deep/er")).expect("folders");
    std::fs::write(world.path("home/deep/er/file"), "x").expect("a file");
    let before = picture(&world.path("home"));
    let done = world.run(vec![
        in_dir(
            job("a", vec![run("rm -rf ~/* ~/.[!.]*; ls -A ~")]),
            "/tmp/elsewhere",
        ),
        in_dir(job("b", vec![run("cat ~/deep/er/file")]), "/tmp/elsewhere"),
    ]);
    done.assert_success();
    assert_eq!(done.output("a"), "");
    assert_eq!(done.output("b"), "x");
    assert_eq!(before, picture(&world.path("home")));
}

#[test]
fn jobs_in_tmp_do_not_see_each_other() {
    let world = World::new();
    need_namespaces!(world);
    let steps = || {
        vec![run(
            "pwd; test ! -e mine; touch mine; mkdir -p /tmp/workspace; ls -d mine workspace",
        )]
    };
    let done = world.run(vec![
        in_dir(job("a", steps()), "/tmp"),
        in_dir(job("b", steps()), "/tmp"),
    ]);
    done.assert_success();
    for name in ["a", "b"] {
        assert_eq!(done.output(name), "/tmp\nmine\nworkspace\n", "{name}");
    }
}

#[test]
fn jobs_that_follow_each_other_see_the_machine_as_it_is_when_they_begin() {
    let world = world_with_scratch();
    need_namespaces!(world);
    let later = world.path("home/later");
    let jobs = vec![
        job("a", vec![run("test ! -e ~/later; echo x > ~/of-a")]),
        requires(
            job("b", vec![run("cat ~/later; test ! -e ~/of-a")]),
            &[(0, &[JobStatus::Success])],
        ),
    ];
    let mut output = Vec::new();
    let summary =
        holdall::run::execute(&workflow(jobs), &world.options, &mut |event| match event {
            Event::JobFinished { job: 0, .. } => std::fs::write(&later, "later").expect("a file"),
            Event::Job {
                job: 1,
                event: holdall::run::JobEvent::Output(chunk),
                ..
            } => output.extend_from_slice(chunk.as_bytes()),
            _ => {}
        });
    assert!(summary.expect("a run").success);
    assert_eq!(String::from_utf8_lossy(&output), "later");
}

#[test]
fn a_view_that_no_job_wants_leaves_nothing_behind() {
    let world = world_with_scratch();
    need_namespaces!(world);
    let here = "pwd; touch here";
    let done = world.run(vec![
        in_dir(job("a", vec![run(here)]), "/tmp/a"),
        requires(
            in_dir(job("b", vec![run(here), run("false")]), "~/b"),
            &[(0, &[JobStatus::Success])],
        ),
        requires(
            in_dir(job("c", vec![run(here)]), "~/b"),
            &[(1, &[JobStatus::Failed])],
        ),
        requires(job("d", vec![run(here)]), &[(1, &[JobStatus::Success])]),
        requires(job("e", vec![run(here)]), &[(3, &[JobStatus::Success])]),
    ]);
    let statuses = |name| done.job(name).status;
    assert_eq!(
        ["a", "b", "c", "d", "e"].map(statuses),
        [
            JobStatus::Success,
            JobStatus::Failed,
            JobStatus::Success,
            JobStatus::NotRun,
            JobStatus::NotRun
        ]
    );
    let home = world.path("home");
    assert_eq!(done.output("a"), "/tmp/a\n");
    for name in ["b", "c"] {
        assert_eq!(done.output(name), format!("{}/b\n", home.display()));
    }
    assert_eq!(leftovers(&world.path("scratch")), Vec::<String>::new());
}

/// The folders of jobs in the scratch folder of a run that goes on.
fn folders_of_jobs(scratch: &Path) -> Vec<std::path::PathBuf> {
    let runs = std::fs::read_dir(scratch).expect("the scratch folder");
    let all = runs.flatten().flat_map(|run| {
        let entries = std::fs::read_dir(run.path()).into_iter().flatten();
        entries.flatten().map(|entry| entry.path())
    });
    all.filter(|path| {
        path.file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("job-"))
    })
    .collect()
}

#[test]
fn what_a_job_wrote_goes_before_the_run_ends() {
    let mut world = world_with_scratch();
    need_namespaces!(world);
    world.options.jobs = std::num::NonZeroUsize::new(4);
    let scratch = world.path("scratch");
    let names: Vec<String> = (0..16).map(|n| format!("j{n}")).collect();
    let mut jobs: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            in_dir(
                job(name, vec![run("touch here")]),
                &format!("/tmp/{}", n % 3),
            )
        })
        .collect();
    let all: Vec<(usize, &[JobStatus])> = (0..16).map(|n| (n, &[JobStatus::Success][..])).collect();
    jobs.push(requires(job("last", vec![run("true")]), &all));
    let mut left = None;
    let summary = holdall::run::execute(&workflow(jobs), &world.options, &mut |event| {
        if let Event::JobStarted { job: 16, .. } = event {
            // They go while others run: that of the last may be on its way.
            let end = Instant::now() + Duration::from_secs(30);
            while folders_of_jobs(&scratch).len() > 2 && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(20));
            }
            left = Some(folders_of_jobs(&scratch).len());
        }
    });
    assert!(summary.expect("a run").success);
    assert!(left.is_some_and(|left| left <= 2), "{left:?}");
    assert_eq!(leftovers(&scratch), Vec::<String>::new());
}

#[test]
fn a_view_whose_process_was_killed_is_given_to_no_job() {
    let world = world_with_scratch();
    need_namespaces!(world);
    let scratch = world.path("scratch").display().to_string();
    let jobs = vec![
        job("a", vec![run("sleep 1")]),
        requires(
            job("b", vec![run("echo ran")]),
            &[(0, &[JobStatus::Success])],
        ),
    ];
    // The process of a view has its overlay's writing side among its mounts: that of `a` is the
    // first one's, that of `b` waits in another.
    let waiting = || {
        let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
        processes.map(|entry| entry.path()).find(|path| {
            let mounts = std::fs::read_to_string(path.join("mountinfo")).unwrap_or_default();
            mounts.contains(&scratch) && mounts.contains("/job-2/")
        })
    };
    let mut killed = false;
    let summary = holdall::run::execute(&workflow(jobs), &world.options, &mut |event| {
        let is_started = matches!(
            event,
            Event::Job {
                job: 0,
                event: holdall::run::JobEvent::StepStarted { .. },
                ..
            }
        );
        if !is_started {
            return;
        }
        let end = Instant::now() + Duration::from_secs(20);
        while !killed && Instant::now() < end {
            if let Some(path) = waiting() {
                let name = path.file_name().expect("a number").to_string_lossy();
                let pid = rustix::process::Pid::from_raw(name.parse().expect("a number"));
                let signal = rustix::process::Signal::KILL;
                rustix::process::kill_process(pid.expect("a process"), signal).expect("a kill");
                killed = true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert!(killed, "the view of `b` was not made while `a` ran");
    assert!(summary.expect("a run").success);
}

#[test]
fn working_directories_are_where_the_config_says() {
    let world = World::new();
    need_namespaces!(world);
    let home = world.path("home");
    let there = home.join("project").display().to_string();
    let relative = home.join("repo").display().to_string();
    let cases = [
        ("~/project", there.as_str()),
        ("repo", &relative),
        ("/tmp/a/b", "/tmp/a/b"),
        ("/holdall-test/src/x", "/holdall-test/src/x"),
        ("/usr/local/holdall-test/x", "/usr/local/holdall-test/x"),
        ("/home/circleci/project", "/home/circleci/project"),
        ("/var/tmp/x", "/var/tmp/x"),
        ("/etc", "/etc"),
    ];
    for (written, real) in cases {
        let it = in_dir(
            job(
                "a",
                vec![run("pwd; touch x; mkdir y; echo $CIRCLE_WORKING_DIRECTORY")],
            ),
            written,
        );
        let done = world.run(vec![it]);
        done.assert_success();
        assert_eq!(done.output("a"), format!("{real}\n{written}\n"));
    }
    for gone in ["/holdall-test", "/usr/local/holdall-test", "/etc/y"] {
        assert!(!Path::new(gone).exists(), "{gone}");
    }
}

#[test]
fn people_are_who_they_are_and_tools_work() {
    let world = World::new();
    need_namespaces!(world);
    let done = world.run(vec![job(
        "a",
        vec![run(
            "id -u; test -r /etc/passwd; echo x | tee /dev/null; head -c 3 /dev/urandom | wc -c
             cat <(echo substitution); test -e /proc/self/status; ls /sys > /dev/null
             test \"$(cat /proc/1/comm)\" != systemd; mkfifo f; echo hi > f & cat f; exec 3>/dev/stderr",
        )],
    )]);
    done.assert_success();
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(done.output("a"), format!("{uid}\nx\n3\nsubstitution\nhi\n"));
    let expected = if is_root() {
        Isolation::NamespacesAsRoot
    } else {
        Isolation::NamespacesAsUser
    };
    assert!(
        done.events
            .iter()
            .any(|e| matches!(e, Event::Isolation(i) if *i == expected))
    );
}

#[test]
fn root_can_be_others_but_not_touch_the_machine() {
    let world = World::new();
    need_namespaces!(world);
    if !is_root() {
        println!("skipped: only for root");
        return;
    }
    let before = std::fs::read_to_string("/proc/sys/vm/swappiness").expect("a setting");
    let done = world.run(vec![job(
        "a",
        vec![run(
            "touch f; chown 65534:65534 f; stat -c %u:%g f; setpriv --reuid 65534 --regid 65534 --clear-groups id -u
             for it in 'echo 1 > /proc/sys/vm/swappiness' 'echo 1 > /proc/sysrq-trigger' 'umount /etc' \
                'mount -o remount,rw /sys' 'umount -l /' 'mount -t tmpfs x /mnt' 'echo x > /sys/power/state' \
                'mknod d b 254 0 && dd if=d count=1' 'chroot /proc/1/root/.. test -e /etc/holdall-host'; do
               if (eval \"$it\") 2> /dev/null > /dev/null; then echo \"allowed: $it\"; fi
             done; ls /dev | grep -E 'sd|vd|nvme|mem|loop' || true",
        )],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "65534:65534\n65534\n");
    let after = std::fs::read_to_string("/proc/sys/vm/swappiness").expect("a setting");
    assert_eq!(before, after);
}

#[test]
fn daemons_end_with_their_job() {
    let world = World::new();
    need_namespaces!(world);
    let tag = format!("10{}", std::process::id());
    let script = format!(
        "setsid sleep {tag} & setsid nohup sleep {tag} > /dev/null 2>&1 & sleep 0.2; pgrep -c sleep || true"
    );
    let done = world.run(vec![
        job("a", vec![run(&script)]),
        requires(job("b", vec![run("pgrep sleep || echo none")]), &[(0, &[])]),
    ]);
    done.assert_success();
    assert_eq!(done.output("b"), "none\n");
    assert_eq!(processes_with(&tag), 0);
}

#[test]
fn dead_orphans_are_buried() {
    let world = World::new();
    need_namespaces!(world);
    let script = "pid=$( (setsid sleep 0.2 > /dev/null & echo $!) )
                  for i in $(seq 100); do kill -0 $pid 2> /dev/null || { echo buried; exit 0; }; sleep 0.05; done; exit 1";
    let done = world.run(vec![job("a", vec![run(script)])]);
    done.assert_success();
    assert_eq!(done.output("a"), "buried\n");
}

#[test]
fn a_store_below_tmp_or_inside_the_project_is_shared() {
    for place in ["store", "project/.holdall/store", "home/store"] {
        let mut world = World::new();
        world.options.store = world.path(place);
        need_namespaces!(world);
        let done = world.run(vec![
            job("a", vec![run("echo x > \"$HOLDALL_STORE/made-by-a\"")]),
            requires(
                job(
                    "b",
                    vec![run(
                        "cat \"$HOLDALL_STORE/made-by-a\"; test -n \"$HOLDALL_WORKSPACE\"",
                    )],
                ),
                &[(0, &[])],
            ),
        ]);
        done.assert_success();
        assert_eq!(done.output("b"), "x\n");
        assert!(world.path(place).join("made-by-a").exists(), "{place}");
    }
}

#[test]
fn a_scratch_folder_inside_home_is_taken_out_of_it() {
    let mut world = World::new();
    std::fs::create_dir_all(world.path("home/some/scratch")).expect("folders");
    std::fs::write(world.path("home/some/file"), "x").expect("a file");
    std::fs::create_dir_all(world.path("home/other")).expect("folders");
    std::fs::write(world.path("home/other/file"), "y").expect("a file");
    world.options.scratch = Some(world.path("home/some/scratch"));
    need_namespaces!(world);
    let done = world.run(vec![job(
        "a",
        vec![run("cat ~/some/file ~/other/file; echo new > ~/other/file; echo new > ~/some/file; touch ~/made")],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "xy");
    assert_eq!(
        std::fs::read_to_string(world.path("home/other/file"))
            .ok()
            .as_deref(),
        Some("y")
    );
    assert_eq!(
        std::fs::read_to_string(world.path("home/some/file"))
            .ok()
            .as_deref(),
        Some("x")
    );
    assert!(!world.path("home/made").exists());
    assert_eq!(
        leftovers(&world.path("home/some/scratch")),
        Vec::<String>::new()
    );
}

#[test]
fn odd_names_of_folders_do_not_confuse_the_mounts() {
    let mut world = World::new();
    let odd = world.path("home/a,b:c\\d =e");
    std::fs::create_dir_all(odd.join("scratch")).expect("folders");
    std::fs::create_dir_all(odd.join("project")).expect("folders");
    std::fs::write(odd.join("project/file"), "x").expect("a file");
    world.options.project = odd.join("project");
    world.options.scratch = Some(odd.join("scratch"));
    need_namespaces!(world);
    let script = format!(
        "cat '{0}/file'; echo y > '{0}/file'; cat '{0}/file'",
        odd.join("project").display()
    );
    let done = world.run(vec![job("a", vec![run(&script)])]);
    done.assert_success();
    assert_eq!(done.output("a"), "xy\n");
    assert_eq!(
        std::fs::read_to_string(odd.join("project/file"))
            .ok()
            .as_deref(),
        Some("x")
    );
}

#[test]
fn folders_without_permissions_and_deep_ones_are_cleaned_up() {
    let world = world_with_scratch();
    need_namespaces!(world);
    let done = world.run(vec![job(
        "a",
        vec![run(
            "mkdir -p shut/in /tmp/x; touch shut/in/f; chmod 0 shut/in shut; ln -s / /tmp/x/link
             cd /tmp; for i in $(seq 300); do mkdir d; cd d; done; touch f",
        )],
    )]);
    done.assert_success();
    assert_eq!(done.warnings(), "");
    assert_eq!(leftovers(&world.path("scratch")), Vec::<String>::new());
}

#[test]
fn leftovers_of_killed_runs_are_swept() {
    let world = world_with_scratch();
    need_namespaces!(world);
    let dead = world.path("scratch/holdall-run-dead");
    std::fs::create_dir_all(dead.join("job-1/work-1/work")).expect("folders");
    std::fs::write(dead.join("lock"), "").expect("a lock");
    let other = world.path("scratch/somebody-elses");
    std::fs::create_dir(&other).expect("a folder");
    world
        .run(vec![job("a", vec![run("true")])])
        .assert_success();
    assert_eq!(leftovers(&world.path("scratch")), ["somebody-elses"]);
}

#[test]
fn a_flood_of_output_does_not_stay_in_memory() {
    let world = World::new();
    need_namespaces!(world);
    let mut bytes = 0_u64;
    let flow = workflow(vec![job(
        "a",
        vec![run(
            "(yes 0123456789 || true) | head -c 100000000; head -c 1000000 /dev/zero",
        )],
    )]);
    let before = peak_memory();
    let summary = holdall::run::execute(&flow, &world.options, &mut |event| {
        if let Event::Job {
            event: holdall::run::JobEvent::Output(chunk),
            ..
        } = event
        {
            bytes += chunk.as_bytes().len() as u64;
        }
    });
    assert!(summary.expect("a summary").success);
    assert_eq!(bytes, 101_000_000);
    // Other tests run meanwhile; what must not happen is that all of it is kept.
    assert!(
        peak_memory() - before < 60_000,
        "{} KiB",
        peak_memory() - before
    );
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .expect("VmHWM");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number")
}

#[test]
fn cancel_ends_the_job_and_its_daemons() {
    let mut world = World::new();
    need_namespaces!(world);
    world.options.grace = Duration::from_millis(300);
    let tag = format!("20{}", std::process::id());
    let script =
        format!("trap '' TERM; setsid sleep {tag} & echo go; while :; do sleep {tag}; done");
    let cancel = world.options.cancel.clone();
    let flow = workflow(vec![
        job("a", vec![run(&script)]),
        requires(job("b", vec![run("true")]), &[(0, &[])]),
    ]);
    let started = Instant::now();
    let summary = holdall::run::execute(&flow, &world.options, &mut |event| {
        if let Event::Job {
            event: holdall::run::JobEvent::Output(_),
            ..
        } = event
        {
            cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let summary = summary.expect("a summary");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(summary.canceled);
    assert_eq!(summary.jobs[0].status, JobStatus::Canceled);
    assert_eq!(summary.jobs[1].status, JobStatus::NotRun);
    assert_eq!(processes_with(&tag), 0);
}

#[test]
fn timeouts_hold_inside_as_well() {
    let world = World::new();
    need_namespaces!(world);
    let silent = step(StepKind::Run(RunStep {
        no_output_timeout: Some(text("300ms")),
        ..run_step("sleep 60")
    }));
    let done = world.run(vec![job("a", vec![silent])]);
    let message = done.job("a").steps[0].message.clone().unwrap_or_default();
    assert!(message.contains("too long with no output"), "{message}");
}

#[test]
fn checkout_works_on_what_cannot_be_written() {
    let world = World::new();
    need_namespaces!(world);
    let script = "git init -q . && echo x > f && git add . && git -c user.name=x -c user.email=x@x commit -q -m x";
    let made = std::process::Command::new("sh")
        .args(["-c", script])
        .current_dir(world.path("project"))
        .status();
    assert!(made.expect("a shell").success());
    let before = picture(&world.path("project"));
    let done = world.run(vec![job(
        "a",
        vec![
            checkout(),
            run("cat f; echo y > f; git commit -qam y --author 'a <a@a>' || git status --short"),
        ],
    )]);
    done.assert_success();
    assert!(done.output("a").starts_with("x\n"), "{}", done.output("a"));
    assert_eq!(before, picture(&world.path("project")));
}

#[test]
fn an_agent_that_is_no_agent_is_an_error() {
    let mut world = World::new();
    world.options.agent = Some("/bin/true".into());
    let error = world
        .try_run(vec![job("a", vec![])])
        .err()
        .map(|e| e.to_string());
    assert!(
        error
            .as_deref()
            .is_some_and(|e| e.contains("ended unexpectedly")),
        "{error:?}"
    );
}

/// Measures what isolation costs a job: `cargo test --release --test run cost -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_isolation() {
    const JOBS: u32 = 100;
    let jobs = || {
        (0..JOBS)
            .map(|i| job(&format!("j{i}"), vec![run("true")]))
            .collect()
    };
    let time = |world: &World| {
        let done = world.run(jobs());
        done.assert_success();
        done.summary.duration / JOBS
    };
    let (bare, mut isolated) = (World::bare(), World::new());
    isolated.options.scratch = std::env::var_os("HOLDALL_TEST_SCRATCH").map(Into::into);
    need_namespaces!(isolated);
    for _ in 0..3 {
        println!(
            "a job: bare {:?}, isolated {:?}",
            time(&bare),
            time(&isolated)
        );
    }
}
