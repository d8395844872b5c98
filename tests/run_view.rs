//! What a person sees of a run, with times that do not change.

#![allow(
    clippy::expect_used,
    reason = "a view that cannot write to memory is a failed test"
)]

use std::path::PathBuf;
use std::time::Duration;

use holdall::cli::run_view::{RunView, Style};
use holdall::plan::JobStatus;
use holdall::run::{
    Chunk, Event, Isolation, JobEvent, JobReport, LayerReport, Skipped, StepReport, StepStatus,
    Summary,
};

fn step(step: usize, title: &str, status: StepStatus, message: Option<&str>) -> StepReport {
    StepReport {
        step,
        node: 0,
        title: title.to_owned(),
        status,
        exit_code: None,
        message: message.map(str::to_owned),
        duration: Duration::from_millis(1250),
    }
}

fn layer() -> LayerReport {
    LayerReport {
        job: "build".to_owned(),
        attempt: 1,
        node: 0,
        seq: 0,
        digest: format!("sha256:{}", "0123456789abcdef".repeat(4)),
        size: 1_234_567,
        entries: 42,
    }
}

fn report(name: &str, status: JobStatus, layers: Vec<LayerReport>) -> JobReport {
    let ran = status != JobStatus::NotRun;
    JobReport {
        name: name.to_owned(),
        status,
        duration: Duration::from_millis(if ran { 2500 } else { 0 }),
        steps: Vec::new(),
        layers,
        nodes: 1,
        held: false,
        results: None,
        tests: None,
        stopped_by: (!ran).then(|| "test".to_owned()),
        reused: None,
        log: None,
    }
}

fn show(style: Style) -> String {
    let at = |job, event| Event::Job {
        job,
        node: 0,
        event,
    };
    let started = |title: &str, script: &str| JobEvent::StepStarted {
        step: 0,
        title: title.to_owned(),
        script: Some(script.to_owned()),
    };
    let output = |text: &[u8]| JobEvent::Output(Chunk::new(text.to_vec()));
    let build = report("build", JobStatus::Success, vec![layer()]);
    let test = report("test", JobStatus::Failed, vec![]);
    let events = [
        Event::RunStarted {
            run: "id".to_owned(),
            workflow: "main".to_owned(),
            jobs: vec![
                "build".to_owned(),
                "test".to_owned(),
                "deploy".to_owned(),
                "mail".to_owned(),
            ],
            logs: PathBuf::from("runs/id"),
        },
        Event::Isolation(Isolation::NamespacesAsUser),
        Event::Warning("test: the service container postgres is not started".to_owned()),
        Event::JobStarted { job: 0, nodes: 1 },
        at(0, started("Compile", "make all…")),
        at(0, output(b"one\ntw")),
        at(
            0,
            output(b"o\n 10%\r 50%\r100%\r\n\x1b[31mred\x1b[0m \x1b[2Jclear\nlast, without end"),
        ),
        at(
            0,
            JobEvent::StepFinished(step(0, "Compile", StepStatus::Success, None)),
        ),
        at(
            0,
            JobEvent::Persisted {
                layer: layer(),
                tree: format!("sha256:{}", "fedcba9876543210".repeat(4)),
            },
        ),
        Event::JobFinished {
            job: 0,
            report: build.clone(),
        },
        Event::JobStarted { job: 1, nodes: 1 },
        at(
            1,
            JobEvent::Attached {
                at: "/tmp/ws".to_owned(),
                layers: vec![layer()],
                tree: format!("sha256:{}", "fedcba9876543210".repeat(4)),
            },
        ),
        at(1, JobEvent::Warning("no layers upstream".to_owned())),
        at(1, started("Unit tests", "cargo test…")),
        at(1, output(b"assertion failed\n\xff\xfe\n")),
        at(
            1,
            JobEvent::StepFinished(step(
                0,
                "Unit tests",
                StepStatus::Failed,
                Some("exited with code 101"),
            )),
        ),
        Event::JobFinished {
            job: 1,
            report: test.clone(),
        },
        Event::JobSkipped {
            job: 2,
            why: Skipped::Requirement {
                job: 1,
                status: JobStatus::Failed,
                root: 1,
            },
        },
        Event::JobSkipped {
            job: 3,
            why: Skipped::Requirement {
                job: 2,
                status: JobStatus::NotRun,
                root: 1,
            },
        },
    ];
    let mut out = Vec::new();
    let mut view = RunView::new(&mut out, style);
    for event in &events {
        view.event(event).expect("a line");
    }
    view.summary(&Summary {
        version: 1,
        run: "id".to_owned(),
        workflow: "main".to_owned(),
        workspace: "id".to_owned(),
        attempt: 1,
        jobs: vec![
            build,
            test,
            report("deploy", JobStatus::NotRun, vec![]),
            report("mail", JobStatus::NotRun, vec![]),
        ],
        success: false,
        canceled: false,
        duration: Duration::from_secs(65),
        logs: PathBuf::from("runs/id"),
    })
    .expect("a summary");
    String::from_utf8(out).expect("text")
}

fn check(name: &str, style: Style) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, show(style)));
}

#[test]
fn plain_lines() {
    check(
        "run_view_plain",
        Style {
            color: false,
            unicode: false,
            width: 80,
        },
    );
}

#[test]
fn signs_without_colors() {
    check(
        "run_view_unicode",
        Style {
            color: false,
            unicode: true,
            width: 80,
        },
    );
}

#[test]
fn colors() {
    check(
        "run_view_color",
        Style {
            color: true,
            unicode: true,
            width: 80,
        },
    );
}

#[test]
fn a_line_without_end_is_cut() {
    let mut out = Vec::new();
    let mut view = RunView::new(
        &mut out,
        Style {
            color: false,
            unicode: false,
            width: 80,
        },
    );
    for _ in 0..100 {
        let chunk = Chunk::new(vec![b'x'; 10_000]);
        view.event(&Event::Job {
            job: 0,
            node: 0,
            event: JobEvent::Output(chunk),
        })
        .expect("a line");
    }
    assert!(out.split(|&b| b == b'\n').all(|line| line.len() < 20_000));
}
