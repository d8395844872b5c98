//! The top level of a config: its version and its sections, each a list of named definitions.

use std::rc::Rc;

use super::library::Library;
use super::problem::Problem;
use super::value::{Entry, Value};
use crate::finding::nearest;
use crate::yaml::{Location, SourceId, Span};

/// The sections that the service knows (circleci-semantics §5.1); others are dropped silently.
const KNOWN: [&str; 13] = [
    "version",
    "setup",
    "orbs",
    "commands",
    "parameters",
    "executors",
    "jobs",
    "job-groups",
    "workflows",
    "description",
    "display",
    "examples",
    "experimental",
];

/// The parts of a config.
#[derive(Debug)]
pub(crate) struct Config {
    /// Whether `<< >>`, commands, executors and parameters mean something: version 2.1.
    pub(crate) templates: bool,
    pub(crate) parameters: Option<Value>,
    /// Its definitions, and those of its orbs.
    pub(crate) library: Rc<Library>,
    pub(crate) job_groups: Vec<Entry>,
    pub(crate) workflows: Option<Entry>,
    /// Whether it is the source of an orb.
    pub(crate) orb: bool,
    /// Whether its one workflow decides what the pipeline goes on with.
    pub(crate) setup: bool,
    /// Whether it is one for some values of the pipeline.
    pub(crate) may_be_setup: bool,
    /// Whether it may be a part of a config: the service reads `config.yml` alone by itself, what
    /// other files hold is joined first (`config pack`, a setup job).
    pub(crate) part: bool,
    /// Whether an orb that is not declared may be the one under test, which a setup job puts in.
    pub(crate) under_test: bool,
    /// Where the config begins: what speaks of a missing key points here.
    pub(crate) start: Location,
}

impl Config {
    /// Reads the sections of a config's root.
    pub(crate) fn read(
        root: Option<&Value>,
        source: SourceId,
        orb: bool,
        library: &mut dyn FnMut(&Value, &mut Vec<Problem>) -> Rc<Library>,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let Some(root) = root.filter(|r| !r.is_null()) else {
            problems.push(
                Problem::new(
                    "missing-key",
                    "the config is empty",
                    Location::new(source, Span::new(0, 0)),
                    "nothing to read here",
                )
                .help("a config begins with `version: 2.1`, followed by `jobs:` and `workflows:`"),
            );
            return None;
        };
        let start = root.at();
        if !root.is_map() {
            problems.push(
                Problem::new(
                    "wrong-type",
                    format!("a config is a map of keys, this is {}", root.kind()),
                    start,
                    "expected `version: 2.1` and the like",
                )
                .help("a config begins with `version: 2.1`, followed by `jobs:` and `workflows:`"),
            );
            return None;
        }
        let first = root.entries().first().map_or(start, |e| e.key_at);
        let templates = version(root, first, problems);
        unknown_sections(root, problems);
        for name in ["orbs", "commands", "executors", "jobs", "job-groups"] {
            if let Some(entry) = root.get(name)
                && !entry.value.is_map()
                && !entry.value.is_null()
            {
                problems.push(wrong_type(
                    &format!("`{name}` is a map of names"),
                    &entry.value,
                    entry.key_at,
                ));
            }
        }
        if !templates {
            return Some(Self::old(root, library, first, problems));
        }
        let groups = root.get("job-groups");
        Some(Self {
            templates,
            parameters: root.get("parameters").map(|e| e.value.clone()),
            library: library(root, problems),
            job_groups: groups.map_or_else(Vec::new, |g| g.value.entries().to_vec()),
            workflows: root.get("workflows").cloned(),
            orb,
            setup: is_setup(root),
            may_be_setup: is_setup(root)
                || root.get("setup").is_some_and(|s| s.value.is_templated()),
            part: false,
            under_test: false,
            start: first,
        })
    }
}

impl Config {
    /// Reads a config of version 2: jobs and workflows, nothing else (circleci-semantics §6).
    fn old(
        root: &Value,
        library: &mut dyn FnMut(&Value, &mut Vec<Problem>) -> Rc<Library>,
        start: Location,
        problems: &mut Vec<Problem>,
    ) -> Self {
        if let Some(setup) = root.get("setup").filter(|_| is_setup(root)) {
            problems.push(
                Problem::new(
                    "setup-misuse",
                    "a setup config of version 2",
                    setup.key_at,
                    "setup configs need version 2.1",
                )
                .help("write `version: 2.1`")
                .error(),
            );
        }
        let jobs = root.get("jobs").cloned();
        let known = Value::new(
            super::value::Data::Map(jobs.into_iter().collect()),
            root.at(),
        );
        let workflows = root.get("workflows").cloned();
        if let Some(section) = workflows
            .as_ref()
            .filter(|w| w.value.is_map() && w.value.get("version").is_none())
        {
            problems.push(
                missing_key("version", "`workflows`", section.key_at)
                    .help("add `version: 2` below `workflows`, or make the config one of 2.1"),
            );
        }
        Self {
            templates: false,
            parameters: None,
            library: library(&known, problems),
            job_groups: Vec::new(),
            workflows,
            orb: false,
            setup: false,
            may_be_setup: true,
            part: false,
            under_test: false,
            start,
        }
    }
}

/// Says whether a config is surely a setup config; a template may make it one or not.
fn is_setup(root: &Value) -> bool {
    root.get("setup")
        .is_some_and(|s| matches!(s.value.data(), super::value::Data::Bool(true)))
}

/// Reads the version: does the config speak 2.1?
fn version(root: &Value, first: Location, problems: &mut Vec<Problem>) -> bool {
    let Some(entry) = root.get("version") else {
        problems.push(
            Problem::new(
                "missing-version",
                "the config says no version",
                first,
                "`version: 2.1` belongs above this",
            )
            .help("add `version: 2.1` as the first line"),
        );
        return true;
    };
    match entry.value.as_text().as_deref() {
        Some("2.1") => true,
        Some("2" | "2.0") => false,
        _ => {
            problems.push(
                Problem::new(
                    "wrong-type",
                    "a version that does not exist",
                    entry.value.at(),
                    "not `2.1`, `2.0` or `2`",
                )
                .help("write `version: 2.1`"),
            );
            true
        }
    }
}

fn unknown_sections(root: &Value, problems: &mut Vec<Problem>) {
    for entry in root.entries() {
        // `_jobs`, `.jobs` and `x-jobs` are names that are meant to be skipped.
        let aside = ["x-", "_", "."].iter().any(|p| entry.key.starts_with(p));
        if aside || KNOWN.contains(&&*entry.key) {
            continue;
        }
        // Free sections hold anchors and are fine; a near miss drops a whole section in silence.
        let near = nearest(&entry.key, KNOWN).filter(|n| root.get(n).is_none());
        if let Some(near) = near {
            problems.push(
                Problem::new(
                    "unknown-section",
                    "a top-level key that the service drops",
                    entry.key_at,
                    format!("`{}` is not read; `{near}` would be", entry.key),
                )
                .did_you_mean(&entry.key, near)
                .note("unknown top-level keys are ignored without a word"),
            );
        }
    }
}

/// A value that is not of the kind that its place needs.
pub(crate) fn wrong_type(expected: &str, value: &Value, key_at: Location) -> Problem {
    let problem = Problem::new(
        "wrong-type",
        "a value of the wrong type",
        value.spot(),
        format!("{expected}, this is {}", value.kind()),
    );
    if value.at().span.is_empty() {
        // An empty value has no text of its own to point at.
        return Problem::new(
            "wrong-type",
            "a value of the wrong type",
            key_at,
            format!("{expected}, nothing is given"),
        );
    }
    problem
}

/// A key that has to be there.
pub(crate) fn missing_key(key: &str, of: &str, at: Location) -> Problem {
    Problem::new(
        "missing-key",
        "a required key is missing",
        at,
        format!("{of} has no `{key}`"),
    )
    .help(format!("add `{key}: …`"))
    .note(format!("the service says: required key [{key}] not found"))
}
