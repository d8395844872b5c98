//! Events by hand, with times that do not change.

use std::path::PathBuf;
use std::time::Duration;

use holdall::plan::JobStatus;
use holdall::run::{
    Chunk, Event, Isolation, JobEvent, JobReport, LayerReport, Skipped, StepReport, StepStatus,
    Summary, Tests,
};

pub(crate) fn inside(job: usize, node: u32, event: JobEvent) -> Event {
    Event::Job { job, node, event }
}

pub(crate) fn step_started(title: &str, script: &str) -> JobEvent {
    JobEvent::StepStarted {
        step: 0,
        title: title.to_owned(),
        script: Some(script.to_owned()),
    }
}

pub(crate) fn output(text: &[u8]) -> JobEvent {
    JobEvent::Output(Chunk::new(text.to_vec()))
}

pub(crate) fn step_finished(title: &str, message: Option<&str>) -> JobEvent {
    JobEvent::StepFinished(StepReport {
        step: 0,
        node: 0,
        title: title.to_owned(),
        status: match message {
            None => StepStatus::Success,
            Some(_) => StepStatus::Failed,
        },
        exit_code: None,
        message: message.map(str::to_owned),
        duration: Duration::from_millis(1250),
    })
}

pub(crate) fn run_started(jobs: &[&str]) -> Event {
    Event::RunStarted {
        run: "id".to_owned(),
        workflow: "main".to_owned(),
        jobs: jobs.iter().map(|&job| job.to_owned()).collect(),
        logs: PathBuf::from("runs/id"),
    }
}

pub(crate) fn layer() -> LayerReport {
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

pub(crate) fn report(name: &str, status: JobStatus, layers: Vec<LayerReport>) -> JobReport {
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

pub(crate) fn finished(job: usize, report: JobReport) -> Event {
    Event::JobFinished { job, report }
}

pub(crate) fn summary(jobs: Vec<JobReport>) -> Summary {
    Summary {
        version: 1,
        run: "id".to_owned(),
        workflow: "main".to_owned(),
        workspace: "id".to_owned(),
        attempt: 1,
        success: jobs.iter().all(|job| job.status == JobStatus::Success),
        canceled: false,
        jobs,
        duration: Duration::from_secs(65),
        logs: PathBuf::from("runs/id"),
    }
}

/// A run of four jobs: one makes a layer while another begins, two nodes of that one run at the
/// same time, one of them fails, and the rest cannot run.
pub(crate) fn story() -> (Vec<Event>, Summary) {
    let build = report("build", JobStatus::Success, vec![layer()]);
    let test = JobReport {
        nodes: 2,
        tests: Some(Tests {
            run: 12,
            failed: 1,
            skipped: 0,
        }),
        ..report("test", JobStatus::Failed, vec![])
    };
    let tree = format!("sha256:{}", "fedcba9876543210".repeat(4));
    let events = vec![
        run_started(&["build", "test", "deploy", "mail"]),
        Event::Isolation(Isolation::NamespacesAsUser),
        Event::Warning("test: the service container postgres is not started".to_owned()),
        Event::JobStarted { job: 0, nodes: 1 },
        inside(0, 0, step_started("Compile", "make all…")),
        inside(0, 0, output(b"one\ntw")),
        Event::JobStarted { job: 1, nodes: 2 },
        Event::NodeStarted { job: 1, node: 0 },
        Event::NodeStarted { job: 1, node: 1 },
        inside(1, 0, step_started("Unit tests", "cargo test…")),
        inside(1, 1, step_started("Unit tests", "cargo test…")),
        inside(1, 0, output(b"running\nhalf of")),
        inside(
            0,
            0,
            output(b"o\n 10%\r 50%\r100%\r\n\x1b[31mred\x1b[0m \x1b[2Jclear\nlast, without end"),
        ),
        inside(1, 1, output(b"running too\n")),
        inside(1, 0, output(b" a line\n")),
        inside(0, 0, step_finished("Compile", None)),
        inside(
            0,
            0,
            JobEvent::Persisted {
                layer: layer(),
                tree: tree.clone(),
            },
        ),
        finished(0, build.clone()),
        inside(
            1,
            0,
            JobEvent::Attached {
                at: "/tmp/ws".to_owned(),
                layers: vec![layer()],
                tree,
            },
        ),
        inside(1, 0, JobEvent::Warning("no layers upstream".to_owned())),
        inside(1, 1, output(b"assertion failed\n\xff\xfe\n")),
        inside(1, 0, step_finished("Unit tests", None)),
        inside(
            1,
            1,
            step_finished("Unit tests", Some("exited with code 101")),
        ),
        finished(1, test.clone()),
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
    let jobs = vec![
        build,
        test,
        report("deploy", JobStatus::NotRun, vec![]),
        report("mail", JobStatus::NotRun, vec![]),
    ];
    (events, summary(jobs))
}
