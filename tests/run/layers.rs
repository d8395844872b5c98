//! Workspaces in runs: what one job persists, the jobs behind it find.

use std::path::Path;

use holdall::plan::JobStatus;
use holdall::run::{Event, JobEvent};

use crate::support::*;

const SUCCESS: &[JobStatus] = &[JobStatus::Success];

pub(crate) fn worlds() -> Vec<World> {
    let isolated = World::new();
    match isolated.try_run(vec![job("probe", vec![])]) {
        Ok(_) => vec![World::bare(), isolated],
        Err(error) => {
            assert!(
                std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(),
                "{error}"
            );
            println!("isolation is skipped: {error}");
            vec![World::bare()]
        }
    }
}

/// The documentation's own example: `flow` persists, `downstream` attaches elsewhere.
#[test]
fn files_flow_downstream() {
    for world in worlds() {
        let base = world.path("elsewhere");
        let at = base.display().to_string();
        let flow = job(
            "flow",
            vec![
                run(
                    "mkdir -p workspace; echo \"hello\" > workspace/echo-output; chmod 755 workspace/echo-output",
                ),
                persist("workspace", &["echo-output"]),
            ],
        );
        let script = format!(
            "test \"$(cat {at}/echo-output)\" = hello && test -x {at}/echo-output && echo \"It worked!\""
        );
        let downstream = requires(
            job("downstream", vec![attach(&at), run(&script)]),
            &[(0, SUCCESS)],
        );
        let done = world.run(vec![flow, downstream]);
        done.assert_success();
        assert_eq!(done.output("downstream"), "It worked!\n");
        let layer = &done.job("flow").layers[0];
        assert!(
            layer.digest.starts_with("sha256:") && layer.digest.len() == 71,
            "{layer:?}"
        );
        assert!(layer.size > 0 && layer.entries >= 1, "{layer:?}");
        let attached: Vec<_> = done
            .events
            .iter()
            .filter_map(|e| match e {
                Event::Job {
                    event: JobEvent::Attached { layers, .. },
                    ..
                } => Some(layers.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(attached, [vec![layer.clone()]]);
        if world.options.isolation {
            assert!(!base.exists(), "the layer is on the machine");
        }
    }
}

#[test]
fn absolute_places_in_tmp_work() {
    let world = World::new();
    if let Err(error) = world.try_run(vec![job("probe", vec![])]) {
        let required = std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_some();
        assert!(!required, "namespaces are required: {error}");
        println!("skipped: {error}");
        return;
    }
    let flow = in_dir(
        job(
            "flow",
            vec![
                run("mkdir -p workspace && echo 1 > workspace/x"),
                persist("workspace", &["x"]),
            ],
        ),
        "/tmp",
    );
    let downstream = in_dir(
        job(
            "downstream",
            vec![attach("/tmp/workspace"), run("cat /tmp/workspace/x")],
        ),
        "/tmp",
    );
    let done = world.run(vec![flow, requires(downstream, &[(0, SUCCESS)])]);
    done.assert_success();
    assert_eq!(done.output("downstream"), "1\n");
    assert!(!Path::new("/tmp/workspace/x").exists());
}

#[test]
fn layers_arrive_from_all_transitive_requirements_and_later_ones_win() {
    for world in worlds() {
        let made = |name: &str, script: &str| job(name, vec![run(script), persist(".", &["*"])]);
        let done = world.run(vec![
            made("a", "echo a > common; echo a > only-a"),
            requires(made("b", "echo b > common"), &[(0, SUCCESS)]),
            requires(job("gate", vec![run("true")]), &[(1, SUCCESS)]),
            made("sibling", "echo s > sibling"),
            requires(
                job("end", vec![attach("."), run("cat *; ls; ls -A ~")]),
                &[(2, SUCCESS)],
            ),
        ]);
        done.assert_success();
        assert_eq!(done.output("end"), "b\na\ncommon\nonly-a\nproject\n");
    }
}

#[test]
fn an_attach_without_layers_warns() {
    for world in worlds() {
        let done = world.run(vec![
            job("a", vec![attach("."), run("true")]),
            requires(job("b", vec![attach(".")]), &[(0, SUCCESS)]),
        ]);
        done.assert_success();
        assert!(
            done.warnings()
                .contains("no layers upstream: the job requires no other job"),
            "{}",
            done.warnings()
        );
        assert!(
            done.warnings()
                .contains("no layers upstream: none of a persisted anything"),
            "{}",
            done.warnings()
        );
    }
}

#[test]
fn a_persist_without_match_fails_its_step() {
    for world in worlds() {
        let done = world.run(vec![job(
            "a",
            vec![persist(".", &["nothing-*"]), run("echo never")],
        )]);
        let report = done.job("a");
        assert_eq!(report.status, JobStatus::Failed);
        assert_eq!(report.steps.len(), 1);
        let message = report.steps[0].message.as_deref().unwrap_or_default();
        assert!(message.contains("match"), "{message}");
    }
}

#[test]
fn concurrent_writers_of_one_file_fail_the_attach() {
    for world in worlds() {
        let made = |name: &str| job(name, vec![run("echo x > same"), persist(".", &["same"])]);
        let done = world.run(vec![
            made("a"),
            made("b"),
            requires(job("end", vec![attach(".")]), &[(0, SUCCESS), (1, SUCCESS)]),
        ]);
        assert_eq!(done.job("end").status, JobStatus::Failed);
        let message = done.job("end").steps[0].message.clone().unwrap_or_default();
        assert!(
            message.contains("same") && message.contains('a') && message.contains('b'),
            "{message}"
        );
    }
}

#[test]
fn persists_of_one_job_are_layers_in_order() {
    for world in worlds() {
        let flow = job(
            "flow",
            vec![
                run("echo 1 > x"),
                persist(".", &["x"]),
                run("echo 2 > x"),
                persist("~/project", &["x"]),
            ],
        );
        let end = requires(
            job("end", vec![attach("~/there"), run("cat ~/there/x")]),
            &[(0, SUCCESS)],
        );
        let done = world.run(vec![flow, end]);
        done.assert_success();
        assert_eq!(done.output("end"), "2\n");
        let seqs: Vec<u32> = done.job("flow").layers.iter().map(|l| l.seq).collect();
        assert_eq!(seqs, [0, 1]);
    }
}

#[test]
fn a_second_attempt_in_the_same_workspace_replaces_the_first() {
    for mut world in worlds() {
        world.options.workspace = Some("shared".to_owned());
        let jobs = |text: &str| {
            let flow = job(
                "flow",
                vec![run(&format!("echo {text} > x")), persist(".", &["x"])],
            );
            vec![
                flow,
                requires(job("end", vec![attach("."), run("cat x")]), &[(0, SUCCESS)]),
            ]
        };
        world.run(jobs("one")).assert_success();
        world.options.attempt = 2;
        let done = world.run(jobs("two"));
        done.assert_success();
        assert_eq!(done.output("end"), "two\n");
    }
}
