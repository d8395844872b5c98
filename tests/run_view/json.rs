//! The view for programs, against the schema that the binary prints.

use std::time::{Duration, SystemTime};

use holdall::cli::run_view::{Json, Stop, View as _};
use holdall::plan::JobStatus;
use holdall::run::{Event, JobEvent, Skipped};
use serde_json::Value;

use crate::fed::{inside, output, report, story};
use crate::{common, snapshot};

fn schema() -> Value {
    let out = common::holdall()
        .args(["schema", "run-events"])
        .output()
        .unwrap();
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Reads lines, each of which has to be as the schema says, with nothing that it does not say.
pub(crate) fn described(text: &str) -> Vec<Value> {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    for line in &lines {
        let errors: Vec<String> = validator.iter_errors(line).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{line}\n{errors:?}");
        let event = line["event"].as_str().unwrap();
        let own = &schema["$defs"]["events"][event]["properties"];
        for key in line.as_object().unwrap().keys() {
            let known = own.get(key).or_else(|| schema["properties"].get(key));
            assert!(known.is_some(), "{event}: {key}");
        }
    }
    lines
}

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_312_000_123)
}

#[test]
fn every_event_has_its_line() {
    let (mut events, summary) = story();
    let progress = JobEvent::Progress {
        bytes: 1 << 30,
        entries: 7,
    };
    events.extend([
        Event::JobQueued { job: 3 },
        Event::Asking { job: 2 },
        Event::Answered { job: 2, yes: false },
        Event::JobSkipped {
            job: 2,
            why: Skipped::Held,
        },
        Event::JobSkipped {
            job: 3,
            why: Skipped::Canceled,
        },
        Event::JobReused {
            job: 0,
            report: report("build", JobStatus::Success, vec![]),
        },
        inside(0, 0, progress),
        inside(0, 0, output("\u{2028}\"\\".as_bytes())),
        Event::Tick,
    ]);
    let mut out = Vec::new();
    let mut view = Json::new(&mut out, noon);
    for event in &events {
        view.event(event).unwrap();
    }
    view.stopping(Stop::Asked).unwrap();
    view.stopping(Stop::Killed).unwrap();
    view.summary(&summary).unwrap();
    let text = String::from_utf8(out).unwrap();
    // Time that passes is no line; two that stop and one that ends are.
    assert_eq!(described(&text).len(), events.len() - 1 + 3);
    snapshot!("run_view_json", text);
}

#[test]
fn the_schema_refuses_what_is_no_event() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let time = "2026-01-02T03:04:05.678Z";
    let fits = |value: Value| validator.is_valid(&value);
    let line = serde_json::json!({"version": 1, "time": time, "event": "job_queued", "job": "a"});
    assert!(fits(line.clone()));
    for (key, value) in [
        ("version", serde_json::json!(2)),
        ("time", serde_json::json!("yesterday")),
        ("event", serde_json::json!("job_quoted")),
        ("job", serde_json::json!(1)),
    ] {
        let mut bad = line.clone();
        bad[key] = value;
        assert!(!fits(bad.clone()), "{bad}");
        bad.as_object_mut().unwrap().remove(key);
        assert!(!fits(bad.clone()), "{bad}");
    }
}
