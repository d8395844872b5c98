//! What the service's own steps and jobs do here: parallel nodes, approvals, caches, results, tries.

use holdall::circleci::{Inputs, compile};
use holdall::plan::{JobStatus, Workflow};
use holdall::run::{Skipped, execute};
use holdall::yaml::{Source, Sources};

use crate::support::*;

/// Compiles a config and returns its only workflow.
fn config(text: &str) -> Workflow {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("config.yml", text));
    let compiled = compile(&mut sources, id, &Inputs::default());
    assert!(compiled.problems.is_empty(), "{:#?}", compiled.problems);
    compiled
        .pipeline
        .workflows
        .into_iter()
        .next()
        .expect("a workflow")
}

/// Runs a config on the bare machine and, where that is possible, isolated.
fn everywhere(text: &str, look: impl Fn(&World, Outcome)) {
    for world in crate::layers::worlds() {
        look(&world, run_in(&world, text));
    }
}

fn run_in(world: &World, text: &str) -> Outcome {
    let workflow = config(text);
    let mut events = Vec::new();
    let summary = execute(&workflow, &world.options, &mut |e| events.push(e));
    Outcome {
        summary: summary.expect("a run"),
        events,
    }
}

const HEAD: &str = "version: 2.1\njobs:\n";

#[test]
fn each_parallel_node_has_its_number_and_its_layers() {
    let text = HEAD.to_owned()
        + r#"
  make:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    parallelism: 3
    steps:
      - run: mkdir -p out && echo "$CIRCLE_NODE_INDEX of $CIRCLE_NODE_TOTAL" > out/$CIRCLE_NODE_INDEX
      - run: printf 'a\nb\nc\nd\n' | circleci tests split > out/part-$CIRCLE_NODE_INDEX
      - persist_to_workspace: {root: ., paths: [out]}
  look:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps:
      - attach_workspace: {at: in}
      - run: cat in/out/0 in/out/1 in/out/2 in/out/part-*
workflows: {main: {jobs: [make, look: {requires: [make]}]}}
"#;
    everywhere(&text, |_, done| {
        done.assert_success();
        assert_eq!(done.job("make").nodes, 3);
        assert_eq!(done.job("make").layers.len(), 3);
        assert_eq!(done.output("look"), "0 of 3\n1 of 3\n2 of 3\na\nd\nb\nc\n");
    });
}

#[test]
fn nodes_that_persist_one_file_meet_where_it_is_attached() {
    let text = HEAD.to_owned()
        + r#"
  make:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    parallelism: 2
    steps:
      - run: echo "$CIRCLE_NODE_INDEX" > one
      - persist_to_workspace: {root: ., paths: [one]}
  look:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps: [attach_workspace: {at: in}]
workflows: {main: {jobs: [make, look: {requires: [make]}]}}
"#;
    everywhere(&text, |_, done| {
        assert_eq!(done.job("look").status, JobStatus::Failed);
        let message = done.job("look").steps[0]
            .message
            .clone()
            .unwrap_or_default();
        assert!(
            message.contains("one") && message.contains("make"),
            "{message}"
        );
    });
}

#[test]
fn a_node_that_fails_fails_the_job_and_stops_no_other() {
    let text = HEAD.to_owned()
        + r#"
  make:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    parallelism: 3
    steps: [run: 'echo "$CIRCLE_NODE_INDEX"; test $CIRCLE_NODE_INDEX != 1']
workflows: {main: {jobs: [make]}}
"#;
    everywhere(&text, |_, done| {
        assert_eq!(done.job("make").status, JobStatus::Failed);
        let output = done.output("make");
        // Nodes run at the same time.
        let mut lines: Vec<&str> = output.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["0", "1", "2"]);
    });
}

const APPROVAL: &str = r#"
  work:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps: [run: echo done]
workflows:
  main:
    jobs:
      - hold: {type: approval}
      - work: {requires: [hold]}
"#;

#[test]
fn an_approval_holds_what_waits_for_it_until_it_is_given() {
    let text = HEAD.to_owned() + APPROVAL;
    let mut world = World::bare();
    let held = run_in(&world, &text);
    assert!(!held.summary.success && held.job("hold").held);
    assert_eq!(held.job("work").status, JobStatus::NotRun);
    assert!(held.events.iter().any(|e| matches!(
        e,
        holdall::run::Event::JobSkipped {
            why: Skipped::Held,
            ..
        }
    )));
    world.options.approvals.jobs = vec!["hold".to_owned()];
    run_in(&world, &text).assert_success();
    world.options.approvals.jobs = Vec::new();
    world.options.approvals.ask = Some(std::sync::Arc::new(|job| job == "hold"));
    let asked = run_in(&world, &text);
    asked.assert_success();
    assert_eq!(asked.output("work"), "done\n");
}

#[test]
fn a_cache_is_found_by_the_newest_key_that_begins_alike() {
    let text = HEAD.to_owned()
        + r#"
  first:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: ~/work
    environment: {KIND: debug}
    steps:
      - run: mkdir -p deps/empty && echo lock > lock && echo one > 'deps/a*b' && chmod 750 deps/empty
      - restore_cache: {keys: ["v1-{{ .Environment.KIND }}-"]}
      - save_cache: {key: 'v1-{{ .Environment.KIND }}-{{ checksum "lock" }}', paths: [deps, missing]}
      - run: echo two > 'deps/a*b'
      - save_cache: {key: 'v1-{{ .Environment.KIND }}-{{ checksum "lock" }}', paths: [deps]}
      - save_cache: {key: 'v1-{{ .Environment.KIND }}-newer', paths: [deps]}
  second:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: ~/work
    steps:
      - run: rm -rf deps && echo lock > lock
      - restore_cache: {keys: ['v1-debug-{{ checksum "lock" }}', v1-debug-]}
      - run: cat 'deps/a*b' && stat -c %a deps/empty && rm -r deps
      - restore_cache: {keys: [v2-, v1-debug-]}
      - run: cat 'deps/a*b'
      - restore_cache: {key: 'x-{{ checksum "nothing" }}'}
workflows: {main: {jobs: [first, second: {requires: [first]}]}}
"#;
    everywhere(&text, |_, done| {
        assert_eq!(
            done.job("first").status,
            JobStatus::Success,
            "{}",
            done.output("first")
        );
        let said = done.output("first");
        assert!(
            said.contains("no cache has a key that begins with v1-debug-"),
            "{said}"
        );
        assert!(said.contains("is there already"), "{said}");
        assert!(done.warnings().contains("missing"), "{}", done.warnings());
        let second = done.output("second");
        let values: Vec<&str> = second.lines().filter(|l| !l.contains("cache")).collect();
        assert_eq!(values, ["one", "750", "two"], "{second}");
        // A key over a file that is not there fails its step.
        assert_eq!(done.job("second").status, JobStatus::Failed);
        let last = done
            .job("second")
            .steps
            .last()
            .and_then(|s| s.message.clone());
        assert!(last.unwrap_or_default().contains("nothing"));
    });
}

#[test]
fn artifacts_and_reports_are_collected_after_a_failure_too() {
    let text = HEAD.to_owned()
        + r#"
  test:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps:
      - run: mkdir -p logs/deep reports && echo log > logs/deep/a && ln -s a logs/deep/link
      - run: echo '<testsuite><testcase/><testcase><failure/></testcase></testsuite>' > reports/r.xml
      - run: exit 1
      - store_artifacts: {path: logs, destination: ../all logs}
      - store_artifacts: {path: nowhere}
      - store_artifacts: {path: reports}
      - store_test_results: {path: reports}
workflows: {main: {jobs: [test]}}
"#;
    everywhere(&text, |world, done| {
        let job = done.job("test");
        assert_eq!(job.status, JobStatus::Failed);
        let tests = job.tests.expect("tests");
        assert_eq!((tests.run, tests.failed), (2, 1));
        let results = job.results.clone().expect("results");
        assert!(results.starts_with(world.path("runs")), "{results:?}");
        let read = |name: &str| std::fs::read_to_string(results.join("0").join(name)).expect(name);
        assert_eq!(read("artifacts/all logs/deep/a"), "log\n");
        assert_eq!(read("artifacts/all logs/deep/link"), "log\n");
        assert!(read("test-results/reports/r.xml").contains("testcase"));
        assert!(done.warnings().contains("nowhere"));
    });
}

#[test]
fn a_job_that_halts_ends_well_where_it_stands() {
    let text = HEAD.to_owned()
        + r#"
  job:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps:
      - run: echo first; circleci-agent step halt; echo still this step
      - run: {command: echo never, when: always}
workflows: {main: {jobs: [job]}}
"#;
    everywhere(&text, |_, done| {
        done.assert_success();
        assert_eq!(done.output("job"), "first\nstill this step\n");
    });
}

#[test]
fn a_step_runs_again_as_often_as_it_may() {
    let text = HEAD.to_owned()
        + r#"
  job:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps:
      - run: {command: 'echo x >> tries; test $(wc -l < tries) = 3', max_auto_reruns: 2}
      - run: {command: 'echo y >> more; test $(wc -l < more) = 3', max_auto_reruns: 1}
workflows: {main: {jobs: [job]}}
"#;
    everywhere(&text, |_, done| {
        let steps = &done.job("job").steps;
        assert_eq!(steps.len(), 2);
        assert_eq!(done.job("job").status, JobStatus::Failed);
        assert_eq!(done.warnings().matches("it runs again").count(), 3);
    });
}

#[test]
fn a_context_reaches_the_jobs_that_name_it_and_its_values_are_never_shown() {
    let text = HEAD.to_owned()
        + r#"
  deploy:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    environment: {KIND: job}
    steps:
      - run: echo "token $TOKEN kind $KIND"; printf '%s' "${TOKEN%?}"; printf '%s\n' "${TOKEN#????????}"
      - run: exit "$TOKEN"
  other:
    docker: [{image: "cimg/base:2024.01"}]
    working_directory: work
    steps: [run: 'echo "other ${TOKEN-unset}"']
workflows:
  main:
    jobs: [deploy: {context: [shared, secrets]}, other]
"#;
    for mut world in crate::layers::worlds() {
        let variables = [("TOKEN", "hunter222"), ("KIND", "context")];
        let variables = variables.map(|(n, v)| (n.to_owned(), v.to_owned()));
        world.options.contexts = vec![holdall::run::Context {
            name: "secrets".to_owned(),
            variables: variables.into(),
        }];
        let done = run_in(&world, &text);
        let said = done.output("deploy");
        // A part of the value that stands alone is not known to be one.
        assert!(said.starts_with("token **** kind job\n"), "{said}");
        assert!(!said.contains("hunter222"), "{said}");
        assert_eq!(done.output("other"), "other unset\n");
        let warned = done.warnings();
        assert!(warned.contains("context shared"), "{warned}");
        assert!(!warned.contains("context secrets"), "{warned}");
        let log = done.job("deploy").log.clone().expect("a log");
        let log = std::fs::read_to_string(log).expect("the log");
        assert!(
            log.contains("token ****") && !log.contains("hunter222"),
            "{log}"
        );
        assert!(!format!("{:?}", world.options).contains("hunter222"));
    }
}

#[test]
fn a_cache_whose_keeping_was_cut_off_is_kept_again() {
    let text = |word: &str| {
        format!(
            "{HEAD}
  keep:
    docker: [{{image: \"cimg/base:2024.01\"}}]
    working_directory: ~/work
    steps:
      - run: mkdir -p deps && echo {word} > deps/a
      - save_cache: {{key: v1, paths: [deps]}}
      - run: rm -r deps
      - restore_cache: {{key: v1}}
      - run: cat deps/a
workflows: {{main: {{jobs: [keep]}}}}
"
        )
    };
    let world = World::bare();
    run_in(&world, &text("one")).assert_success();
    // What is written last is missing, as after a kill.
    for entry in std::fs::read_dir(world.path("caches")).expect("the caches") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            std::fs::remove_file(path).expect("an index");
        }
    }
    let done = run_in(&world, &text("two"));
    done.assert_success();
    assert!(
        done.output("keep").ends_with("two\n"),
        "{}",
        done.output("keep")
    );
}
