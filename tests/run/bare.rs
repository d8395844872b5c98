//! Order, steps, environment and logs, on the bare machine: isolation has its own tests.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use holdall::plan::{JobKind, JobStatus, RunStep, RunWhen, StepKind};
use holdall::run::{Event, JobEvent, RunError, Skipped, StepStatus};

use crate::support::*;

const SUCCESS: &[JobStatus] = &[JobStatus::Success];

#[test]
fn jobs_run_after_what_they_require_and_ties_by_declaration() {
    let world = World::bare();
    let done = world.run(vec![
        requires(
            job("last", vec![run("echo last")]),
            &[(1, SUCCESS), (2, SUCCESS)],
        ),
        job("b", vec![run("echo b")]),
        job("a", vec![run("echo a")]),
    ]);
    done.assert_success();
    let order: Vec<usize> = done
        .events
        .iter()
        .filter_map(|e| match e {
            Event::JobStarted { job, .. } => Some(*job),
            _ => None,
        })
        .collect();
    assert_eq!(order, [1, 2, 0]);
}

#[test]
fn circles_and_wrong_indexes_are_errors() {
    let world = World::bare();
    let circle = world.try_run(vec![
        requires(job("a", vec![]), &[(1, SUCCESS)]),
        requires(job("b", vec![]), &[(0, SUCCESS)]),
    ]);
    assert!(matches!(circle, Err(RunError::Cycle(names)) if names == ["a", "b"]));
    let wrong = world.try_run(vec![requires(job("a", vec![]), &[(7, SUCCESS)])]);
    assert!(matches!(wrong, Err(RunError::UnknownRequirement { job }) if job == "a"));
}

#[test]
fn a_failing_step_stops_its_job_and_everything_behind_it() {
    let world = World::bare();
    let done = world.run(vec![
        job(
            "build",
            vec![
                run("echo one; exit 3"),
                run("echo never"),
                run_when(RunWhen::Always, "echo always"),
                run_when(RunWhen::OnFail, "echo on-fail"),
            ],
        ),
        requires(job("test", vec![run("echo never")]), &[(0, SUCCESS)]),
        requires(job("deploy", vec![run("echo never")]), &[(1, SUCCESS)]),
        requires(
            job("mail", vec![run("echo mail")]),
            &[(0, &[JobStatus::Failed])],
        ),
        requires(
            job("clean", vec![run("echo clean")]),
            &[(2, &JobStatus::ALL)],
        ),
    ]);
    assert!(!done.summary.success);
    let build = done.job("build");
    assert_eq!(build.status, JobStatus::Failed);
    assert_eq!(build.steps[0].exit_code, Some(3));
    assert_eq!(build.steps.len(), 3);
    assert_eq!(done.output("build"), "one\nalways\non-fail\n");
    assert_eq!(done.job("test").status, JobStatus::NotRun);
    assert_eq!(done.job("deploy").stopped_by.as_deref(), Some("build"));
    assert_eq!(done.output("mail"), "mail\n");
    assert_eq!(done.output("clean"), "clean\n");
    assert!(done.events.iter().any(|e| matches!(
        e,
        Event::JobSkipped {
            job: 2,
            why: Skipped::Requirement {
                job: 1,
                status: JobStatus::NotRun,
                root: 0
            }
        }
    )));
}

#[test]
fn on_fail_steps_do_not_run_when_all_is_well() {
    let world = World::bare();
    let done = world.run(vec![job(
        "a",
        vec![
            run("echo x"),
            run_when(RunWhen::OnFail, "echo no"),
            run_when(RunWhen::Always, "echo y"),
        ],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "x\ny\n");
}

#[test]
fn everything_unsupported_is_said_at_once_and_nothing_starts() {
    let world = World::bare();
    let mut release = job("ship", vec![]);
    release.kind = JobKind::Release;
    let mut odd = run_step("true");
    odd.auto_rerun_delay = Some(text("soon"));
    let odd = step(StepKind::Run(odd));
    let other = job("other", vec![opaque("node/install"), odd]);
    let touched = world.path("touched");
    let script = format!("touch {}", touched.display());
    let result = world.try_run(vec![job("first", vec![run(&script)]), release, other]);
    let Err(RunError::Unsupported(refusals)) = result else {
        panic!("it was not refused");
    };
    let what: Vec<(&str, &str)> = refusals
        .iter()
        .map(|r| (r.job.as_str(), r.what.as_str()))
        .collect();
    assert_eq!(
        what,
        [
            ("ship", "release job"),
            ("other", "command node/install without source"),
            ("other", "auto_rerun_delay \"soon\""),
        ]
    );
    assert!(!touched.exists());
}

#[test]
fn no_op_jobs_pass_the_graph_on() {
    let world = World::bare();
    let mut gate = requires(job("gate", vec![]), &[(0, SUCCESS)]);
    gate.kind = JobKind::NoOp;
    let done = world.run(vec![
        job("a", vec![run("true")]),
        gate,
        requires(job("b", vec![run("echo b")]), &[(1, SUCCESS)]),
    ]);
    done.assert_success();
    assert_eq!(done.output("b"), "b\n");
}

#[test]
fn the_default_shell_stops_at_errors_and_broken_pipelines() {
    let world = World::bare();
    let done = world.run(vec![
        job("errexit", vec![run("false\necho after")]),
        job("pipefail", vec![run("false | cat\necho after")]),
        job("fine", vec![run("echo $0\nfalse || echo 'line two'")]),
    ]);
    assert_eq!(done.job("errexit").status, JobStatus::Failed);
    assert_eq!(done.job("pipefail").status, JobStatus::Failed);
    assert_eq!(done.output("fine"), "/bin/bash\nline two\n");
}

#[test]
fn the_shell_of_a_step_beats_that_of_its_job() {
    let world = World::bare();
    let mut it = job(
        "a",
        vec![
            run("false; echo $0"),
            step(StepKind::Run(RunStep {
                shell: Some("/bin/bash --login -eo pipefail".to_owned()),
                ..run_step("shopt -q login_shell && echo login; echo $-")
            })),
        ],
    );
    it.shell = Some(text("/bin/sh"));
    let done = world.run(vec![it]);
    done.assert_success();
    let output = done.output("a");
    assert!(output.starts_with("/bin/sh\nlogin\n"), "{output}");
    assert!(
        output
            .lines()
            .last()
            .is_some_and(|flags| flags.contains('e')),
        "{output}"
    );
}

#[test]
fn a_script_longer_than_an_argument_runs() {
    let world = World::bare();
    let script = format!("x='{}'\necho $0 ${{#x}}", "y".repeat(300_000));
    let done = world.run(vec![job("long", vec![run(&script)])]);
    done.assert_success();
    assert_eq!(done.output("long"), "/bin/bash 300000\n");
}

#[test]
fn the_environment_is_clean_literal_and_layered() {
    let mut world = World::bare();
    world
        .options
        .host_env
        .push(("SECRET_OF_HOST".into(), "leak".into()));
    world.options.host_env.push(("LC_TIME".into(), "C".into()));
    world
        .options
        .env
        .push(("FROM_CONTEXT".to_owned(), "context".to_owned()));
    world
        .options
        .env
        .push(("CI".to_owned(), "context".to_owned()));
    let mut it = job(
        "env job",
        vec![
            step(StepKind::Run(RunStep {
                environment: vec![env("A", "step"), env("SPACE", " a\nb \"'$x ")],
                ..run_step("env; echo \"<$SPACE>\"; echo 'export KEPT=yes' >> \"$BASH_ENV\"")
            })),
            run("echo $A $B $KEPT; test \"$PWD\" = \"$HOME/project\""),
        ],
    );
    it.environment = vec![
        env("A", "job"),
        env("B", "old"),
        env("B", "$A ~/x"),
        env("", "no name"),
        env("X=Y", "no name"),
        env("NUL", "a\0b"),
    ];
    let done = world.run(vec![it]);
    done.assert_success();
    let output = done.output("env job");
    for line in [
        "A=step",
        "B=$A ~/x",
        "CI=true",
        "CIRCLECI=true",
        "CIRCLE_JOB=env job",
        "CIRCLE_NODE_INDEX=0",
        "CIRCLE_NODE_TOTAL=1",
        "CIRCLE_WORKING_DIRECTORY=~/project",
        "FROM_CONTEXT=context",
        "LC_TIME=C",
        "TMPDIR=/tmp",
        "< a",
        "b \"'$x >",
        "job $A ~/x yes",
    ] {
        assert!(
            output.lines().any(|l| l == line),
            "{line} is missing in\n{output}"
        );
    }
    for name in ["SECRET_OF_HOST", "NUL=", "no name", "CARGO"] {
        assert!(!output.contains(name), "{name} is in\n{output}");
    }
    let id = format!("CIRCLE_WORKFLOW_ID={}", done.summary.run);
    assert!(output.contains(&id), "{id} is missing");
}

#[test]
fn git_facts_reach_the_jobs() {
    let world = World::bare();
    let project = world.path("project");
    let script = "git init -q -b trunk . && git remote add origin git@host:acme/widget.git && \
                  git -c user.name=x -c user.email=x@x commit -q --allow-empty -m x";
    let made = std::process::Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(&project)
        .status();
    assert!(made.expect("a shell").success());
    let done = world.run(vec![job(
        "a",
        vec![run("echo $CIRCLE_BRANCH $CIRCLE_PROJECT_USERNAME/$CIRCLE_PROJECT_REPONAME ${#CIRCLE_SHA1} ${CIRCLE_TAG-none}")],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "trunk acme/widget 40 none\n");
}

#[test]
fn both_outputs_arrive_in_the_order_of_writing_and_input_is_empty() {
    let world = World::bare();
    let done = world.run(vec![job(
        "a",
        vec![run(
            "echo 1; echo 2 >&2; echo 3; cat; printf 'no newline \\xff'",
        )],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "1\n2\n3\nno newline \u{fffd}");
}

#[test]
fn output_is_cut_between_characters() {
    let world = World::bare();
    let done = world.run(vec![job(
        "a",
        vec![run("printf '\\xe2\\x82'; sleep 0.2; printf '\\xac\\n'")],
    )]);
    let texts = done.events.iter().filter(|e| {
        matches!(e, Event::Job { event: JobEvent::Output(holdall::run::Chunk::Text(t)), .. } if t == "€\n")
    });
    assert_eq!(texts.count(), 1);
}

#[test]
fn a_silent_step_is_stopped() {
    let world = World::bare();
    let silent = step(StepKind::Run(RunStep {
        no_output_timeout: Some(text("300ms")),
        ..run_step("echo hello; sleep 60 & sleep 60")
    }));
    let started = Instant::now();
    let done = world.run(vec![job("a", vec![silent])]);
    assert!(started.elapsed() < Duration::from_secs(5));
    let report = &done.job("a").steps[0];
    assert_eq!(report.status, StepStatus::Failed);
    let message = report.message.as_deref().unwrap_or_default();
    assert!(
        message.contains("too long with no output (exceeded 300ms)"),
        "{message}"
    );
}

#[test]
fn a_step_that_goes_on_talking_is_left_alone() {
    let world = World::bare();
    let talking = step(StepKind::Run(RunStep {
        no_output_timeout: Some(text("1s")),
        ..run_step("for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done")
    }));
    world.run(vec![job("a", vec![talking])]).assert_success();
}

#[test]
fn a_step_that_ignores_the_request_to_end_is_killed() {
    let mut world = World::bare();
    world.options.grace = Duration::from_millis(300);
    let stubborn = step(StepKind::Run(RunStep {
        no_output_timeout: Some(text("200ms")),
        ..run_step("trap '' TERM; while :; do sleep 1; done")
    }));
    let started = Instant::now();
    let done = world.run(vec![job("a", vec![stubborn])]);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(done.job("a").status, JobStatus::Failed);
}

#[test]
fn a_step_ends_with_its_shell_even_if_a_daemon_holds_the_pipe() {
    let world = World::bare();
    let started = Instant::now();
    let done = world.run(vec![job(
        "a",
        vec![
            run("(sleep 0.4; echo late; sleep 60) & echo first"),
            run("sleep 1; echo second"),
        ],
    )]);
    done.assert_success();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(done.output("a"), "first\nlate\nsecond\n");
}

#[test]
fn cancel_stops_the_step_and_what_comes_after() {
    let world = World::bare();
    let cancel = world.options.cancel.clone();
    let mut summary = None;
    let flow = workflow(vec![
        job(
            "a",
            vec![
                run("echo go; sleep 60"),
                run_when(RunWhen::Always, "echo never"),
            ],
        ),
        job("b", vec![run("echo never")]),
    ]);
    let started = Instant::now();
    let mut output = String::new();
    summary.replace(
        holdall::run::execute(&flow, &world.options, &mut |event| {
            if let Event::Job {
                event: JobEvent::Output(chunk),
                ..
            } = event
            {
                output.push_str(&String::from_utf8_lossy(chunk.as_bytes()));
                cancel.store(true, Ordering::Relaxed);
            }
        })
        .expect("a summary"),
    );
    let summary = summary.expect("a summary");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(summary.canceled && !summary.success);
    assert_eq!(summary.jobs[0].status, JobStatus::Canceled);
    assert_eq!(summary.jobs[1].status, JobStatus::NotRun);
    assert_eq!(output, "go\n");
}

#[test]
fn groups_of_a_job_are_gone_when_it_has_ended() {
    let world = World::bare();
    let done = world.run(vec![job("a", vec![run("sleep 1000 & echo $!")])]);
    done.assert_success();
    let pid = done.output("a").trim().to_owned();
    let exe = std::path::Path::new("/proc").join(&pid).join("exe");
    // A signal is delivered after `kill` has returned: on a busy machine that takes a moment.
    let patience = Instant::now() + Duration::from_secs(10);
    while exe.exists() {
        assert!(Instant::now() < patience, "{pid} is alive");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn folders_that_were_missing_are_fresh_for_each_job() {
    let world = World::bare();
    let step = || vec![run("ls -A; touch here; mkdir -p deep/er")];
    let done = world.run(vec![
        job("a", step()),
        job("b", step()),
        in_dir(job("c", step()), "repo"),
        in_dir(job("d", step()), "."),
    ]);
    done.assert_success();
    for name in ["a", "b", "c", "d"] {
        assert_eq!(done.output(name), "", "{name}");
    }
    assert!(!world.path("home/project").exists());
}

#[test]
fn steps_work_in_folders_of_their_own() {
    let world = World::bare();
    let there = |dir: &str, command: &str| {
        step(StepKind::Run(RunStep {
            working_directory: Some(text(dir)),
            ..run_step(command)
        }))
    };
    let done = world.run(vec![
        job(
            "a",
            vec![
                run("mkdir sub"),
                there("sub", "pwd"),
                there("~", "pwd"),
                there("/", "pwd"),
            ],
        ),
        job("b", vec![there("gone", "pwd")]),
    ]);
    let home = world.path("home");
    let expected = format!("{0}/project/sub\n{0}\n/\n", home.display());
    assert_eq!(done.output("a"), expected);
    let message = done.job("b").steps[0].message.clone().unwrap_or_default();
    assert!(message.contains("does not exist"), "{message}");
}

#[test]
fn a_shell_that_is_not_there_fails_its_step_only() {
    let world = World::bare();
    let mut it = job("a", vec![run("echo x")]);
    it.shell = Some(text("/no/such/shell -e"));
    let done = world.run(vec![it, job("b", vec![run("echo x")])]);
    assert_eq!(done.job("a").status, JobStatus::Failed);
    let message = done.job("a").steps[0].message.clone().unwrap_or_default();
    assert!(message.contains("/no/such/shell"), "{message}");
    assert_eq!(done.job("b").status, JobStatus::Success);
}

#[test]
fn background_steps_go_on_while_others_run() {
    let world = World::bare();
    let server = step(StepKind::Run(RunStep {
        background: true,
        ..run_step("echo up; touch up; sleep 1000")
    }));
    let done = world.run(vec![job(
        "a",
        vec![
            server,
            run("until test -e up; do sleep 0.05; done; sleep 0.2; echo used"),
        ],
    )]);
    done.assert_success();
    assert_eq!(done.output("a"), "up\nused\n");
}

#[test]
fn logs_and_the_summary_lie_in_the_folder_of_the_run() {
    let world = World::bare();
    let done = world.run(vec![job("a/b ü", vec![run("echo hello"), run("exit 7")])]);
    let dir = world.path("runs").join(&done.summary.run);
    assert_eq!(done.summary.logs, dir);
    let log = std::fs::read_to_string(dir.join("a%2Fb%20%C3%BC.log")).expect("the log");
    assert!(
        log.contains("==> echo hello\nhello\n<== passed after "),
        "{log}"
    );
    assert!(log.contains("exited with code 7"), "{log}");
    let json = std::fs::read_to_string(dir.join("run.json")).expect("run.json");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["version"], 1);
    assert_eq!(json["jobs"][0]["status"], "failed");
    assert_eq!(json["jobs"][0]["steps"][1]["exit_code"], 7);
}

#[test]
fn checkout_copies_the_tracked_files_as_they_are() {
    let world = World::bare();
    let project = world.path("project");
    let script = "git init -q -b trunk . && mkdir d && echo old > d/f && echo '#!/bin/sh' > x && \
                  chmod +x x && ln -s d/f link && git add . && \
                  git -c user.name=x -c user.email=x@x commit -q -m first && \
                  echo new > d/f && echo no > untracked";
    let made = std::process::Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(&project)
        .status();
    assert!(made.expect("a shell").success());
    let before = picture(&project);
    let done = world.run(vec![
        job(
            "a",
            vec![
                checkout(),
                run("cat d/f link; test -x x; test -L link; test ! -e untracked; git log --format=%s; git status --short"),
                checkout(),
            ],
        ),
        job("full", vec![run("touch occupied"), checkout()]),
    ]);
    assert_eq!(done.output("a"), "new\nnew\nfirst\n M d/f\n");
    assert_eq!(
        done.job("a").status,
        JobStatus::Success,
        "{:?}",
        done.job("a")
    );
    let message = done.job("full").steps[1]
        .message
        .clone()
        .unwrap_or_default();
    assert!(
        message.contains("is not empty and not a git repository"),
        "{message}"
    );
    assert_eq!(before, picture(&project));
}
