//! A plan written down as a config again, with nothing left to resolve (circleci-semantics §9.1):
//! one definition for each job of each workflow, under the name that the service gives it.
//!
//! Such a config is of version 2, which knows no templates. Where the source of an orb is not at
//! hand the calls of that orb stay, and with them version 2.1, its orbs and escaped `<<`; a setup
//! config stays one of 2.1 too.

use std::collections::BTreeSet;

use crate::plan::{
    DockerImage, EnvVar, Executor, ExecutorKind, FilterKind, FilterRule, Filters, Invocation, Job,
    JobKind, JobStatus, Located, Pipeline, Requirement, RunStep, RunWhen, Schedule, Step, StepKind,
    Words, Workflow,
};
use crate::yaml::Data;

/// A compiled config.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// What it says.
    pub data: Data,
    /// What each orb was taken for: the reference as written, and the version that it is.
    pub orbs: Vec<(String, String)>,
    /// The orbs without source whose calls are still there: the alias, and the reference where the
    /// config has one.
    pub opaque: Vec<(String, Option<String>)>,
}

impl Emitted {
    /// Returns the config as text: a comment for each orb that was resolved, then the YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        for (reference, resolved) in &self.orbs {
            out.push_str(&format!("# Orb '{reference}' resolved to '{resolved}'\n"));
        }
        for (alias, reference) in &self.opaque {
            let orb = reference.as_ref().unwrap_or(alias);
            out.push_str(&format!(
                "# Orb '{orb}' has no source here: calls of `{alias}/…` stay as they are\n"
            ));
        }
        out.push_str(&self.data.to_yaml());
        out
    }

    /// Returns the config as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.data.to_json()
    }
}

/// Writes down what runs: workflows whose condition holds, and steps whose condition does.
#[must_use]
pub fn emit(pipeline: &Pipeline) -> Emitted {
    let runs: Vec<&Workflow> = pipeline
        .workflows
        .iter()
        .filter(|w| w.condition.is_none())
        .collect();
    let called = called_orbs(&runs);
    let mut orbs: Vec<(String, String)> = Vec::new();
    let mut opaque = Vec::new();
    for orb in &pipeline.orbs {
        match (&orb.reference, &orb.resolved) {
            (Some(reference), Some(resolved)) => {
                let pair = (reference.clone(), resolved.clone());
                if !orbs.contains(&pair) {
                    orbs.push(pair);
                }
            }
            _ if called.contains(orb.alias.as_str()) => {
                opaque.push((orb.alias.clone(), orb.reference.clone()));
            }
            _ => {}
        }
    }
    // Version 2 knows neither orbs nor setup configs.
    let partial = !opaque.is_empty() || pipeline.setup;
    let mut top = Map::default();
    top.put(
        "version",
        if partial {
            Data::Float(2.1)
        } else {
            Data::Int(2)
        },
    );
    if pipeline.setup {
        top.put("setup", Data::Bool(true));
    }
    if !opaque.is_empty() {
        let entries = opaque.iter();
        let entries = entries.map(|(alias, reference)| {
            let empty = || Data::Map(Vec::new());
            let orb = reference.as_deref().map_or_else(empty, text);
            (alias.clone(), orb)
        });
        top.put("orbs", Data::Map(entries.collect()));
    }
    let mut jobs = Map::default();
    let mut workflows = Map::default();
    if !partial {
        workflows.put("version", Data::Int(2));
    }
    for workflow in runs {
        for job in &workflow.jobs {
            if job.invokes.is_none() && job.kind != JobKind::Approval {
                jobs.put(&job.name, definition(job));
            }
        }
        workflows.put(&workflow.name, workflow_data(workflow));
    }
    top.put("jobs", jobs.done());
    top.put("workflows", workflows.done());
    let mut data = top.done();
    if partial {
        escape(&mut data);
        keep_executors(pipeline, &mut data);
    }
    Emitted { data, orbs, opaque }
}

/// Puts back the executors that arguments of the calls name: their own templates stay.
fn keep_executors(pipeline: &Pipeline, data: &mut Data) {
    if pipeline.executors.is_empty() {
        return;
    }
    if let Data::Map(entries) = data {
        let place = entries
            .iter()
            .position(|(key, _)| key == "jobs")
            .unwrap_or(entries.len());
        let executors = Data::Map(pipeline.executors.clone());
        entries.insert(place, ("executors".to_owned(), executors));
    }
}

/// Returns the aliases of the orbs that something is still called from.
fn called_orbs<'p>(workflows: &[&'p Workflow]) -> BTreeSet<&'p str> {
    let mut out = BTreeSet::new();
    let mut call = |name: &'p str| {
        if let Some((alias, _)) = name.split_once('/') {
            out.insert(alias);
        }
    };
    for job in workflows.iter().flat_map(|w| &w.jobs) {
        if let Some(invoked) = &job.invokes {
            call(&invoked.name);
        }
        if let Some(other) = &job.override_with {
            call(&other.value);
        }
        if let Some(Executor {
            kind: ExecutorKind::Unknown(invoked),
            ..
        }) = &job.executor
        {
            call(&invoked.name);
        }
        for step in &job.steps {
            if let StepKind::Opaque(invoked) = &step.kind {
                call(&invoked.name);
            }
        }
    }
    out
}

/// Entries in the order in which they are written.
#[derive(Default)]
struct Map(Vec<(String, Data)>);

impl Map {
    fn put(&mut self, key: &str, value: Data) {
        self.0.push((key.to_owned(), value));
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(key, text(value));
        }
    }

    fn located(&mut self, key: &str, value: Option<&Located<String>>) {
        self.text(key, value.map(|v| v.value.as_str()));
    }

    fn done(self) -> Data {
        Data::Map(self.0)
    }
}

fn text(text: &str) -> Data {
    Data::Str(text.to_owned())
}

fn texts(list: &[Located<String>]) -> Data {
    Data::List(list.iter().map(|t| text(&t.value)).collect())
}

fn count(number: u32) -> Data {
    Data::Int(i64::from(number))
}

/// Returns what stands under `jobs`.
fn definition(job: &Job) -> Data {
    let mut map = Map::default();
    if job.kind != JobKind::Build {
        map.put("type", text(job.kind.as_str()));
        map.0.extend(job.settings.iter().cloned());
        return map.done();
    }
    if let Some(executor) = &job.executor {
        executor_data(executor, &mut map);
    }
    if job.working_directory.value != crate::plan::DEFAULT_WORKING_DIRECTORY {
        map.located("working_directory", Some(&job.working_directory));
    }
    map.located("shell", job.shell.as_ref());
    if !job.environment.is_empty() {
        // The service writes a job's variables as a list (circleci-semantics §9.1).
        let list = last_of_each(&job.environment).into_iter();
        let list = list.map(|v| Data::Map(vec![(v.name.clone(), text(&v.value.value))]));
        map.put("environment", Data::List(list.collect()));
    }
    if job.parallelism != 1 {
        map.put("parallelism", count(job.parallelism));
    }
    map.0.extend(job.settings.iter().cloned());
    map.put("steps", steps(&job.steps));
    map.done()
}

/// Of variables with one name the last one counts.
fn last_of_each(environment: &[EnvVar]) -> Vec<&EnvVar> {
    let mut out: Vec<&EnvVar> = Vec::with_capacity(environment.len());
    for var in environment {
        match out.iter_mut().find(|v| v.name == var.name) {
            Some(first) => *first = var,
            None => out.push(var),
        }
    }
    out
}

fn variables(environment: &[EnvVar]) -> Data {
    let entries = last_of_each(environment).into_iter();
    Data::Map(
        entries
            .map(|v| (v.name.clone(), text(&v.value.value)))
            .collect(),
    )
}

fn executor_data(executor: &Executor, map: &mut Map) {
    match &executor.kind {
        ExecutorKind::Docker(images) => {
            map.put("docker", Data::List(images.iter().map(image).collect()));
        }
        ExecutorKind::Machine { settings, .. } => map.put("machine", settings.clone()),
        ExecutorKind::Macos { settings, .. } => map.put("macos", settings.clone()),
        ExecutorKind::Unknown(call) => {
            let mut named = Map::default();
            named.put("name", text(&call.name));
            named.0.extend(call.arguments.iter().cloned());
            map.put("executor", named.done());
        }
    }
    map.located("resource_class", executor.resource_class.as_ref());
}

fn image(image: &DockerImage) -> Data {
    let mut map = Map::default();
    map.located("image", Some(&image.image));
    map.located("name", image.name.as_ref());
    map.located("user", image.user.as_ref());
    let words = |words: &Words| match words {
        Words::Text(one) => text(one),
        Words::List(list) => Data::List(list.iter().map(|w| text(w)).collect()),
    };
    if let Some(entrypoint) = &image.entrypoint {
        map.put("entrypoint", words(&entrypoint.value));
    }
    if let Some(command) = &image.command {
        map.put("command", words(&command.value));
    }
    if !image.environment.is_empty() {
        map.put("environment", variables(&image.environment));
    }
    map.0.extend(image.settings.iter().cloned());
    map.done()
}

/// Steps under a condition that does not surely hold are not written.
pub(super) fn steps(steps: &[Step]) -> Data {
    let written = steps.iter().filter(|s| s.condition.is_none());
    Data::List(written.map(|s| step(&s.kind)).collect())
}

fn step(kind: &StepKind) -> Data {
    let mut map = Map::default();
    match kind {
        StepKind::Run(run) => run_keys(run, &mut map),
        StepKind::Checkout(s) => {
            map.text("name", s.name.as_deref());
            map.located("path", s.path.as_ref());
            map.located("method", s.method.as_ref());
            if let Some(depth) = &s.depth {
                map.put("depth", count(depth.value));
            }
        }
        StepKind::Persist(s) => {
            map.text("name", s.name.as_deref());
            map.located("root", Some(&s.root));
            map.put("paths", texts(&s.paths));
        }
        StepKind::Attach(s) => {
            map.text("name", s.name.as_deref());
            map.located("at", Some(&s.at));
        }
        StepKind::SaveCache(s) => {
            map.text("name", s.name.as_deref());
            map.located("key", Some(&s.key));
            map.put("paths", texts(&s.paths));
            when(s.when, &mut map);
        }
        StepKind::RestoreCache(s) => {
            map.text("name", s.name.as_deref());
            match s.keys.as_slice() {
                [one] => map.located("key", Some(one)),
                keys => map.put("keys", texts(keys)),
            }
        }
        StepKind::StoreArtifacts(s) => {
            map.text("name", s.name.as_deref());
            map.located("path", Some(&s.path));
            map.located("destination", s.destination.as_ref());
        }
        StepKind::StoreTestResults(s) => {
            map.text("name", s.name.as_deref());
            map.located("path", Some(&s.path));
        }
        StepKind::SetupRemoteDocker(s) => {
            map.text("name", s.name.as_deref());
            map.located("version", s.version.as_ref());
            if let Some(layers) = s.docker_layer_caching {
                map.put("docker_layer_caching", Data::Bool(layers));
            }
            if let Some(near) = s.prefer_same_region {
                map.put("prefer_same_region", Data::Bool(near));
            }
        }
        StepKind::AddSshKeys(s) => {
            map.text("name", s.name.as_deref());
            if let Some(keys) = &s.fingerprints {
                map.put("fingerprints", texts(keys));
            }
        }
        StepKind::InstallSigningBundle => {}
        StepKind::Opaque(call) => map.0.extend(call.arguments.iter().cloned()),
    }
    if map.0.is_empty() {
        return text(kind.key());
    }
    Data::Map(vec![(kind.key().to_owned(), map.done())])
}

fn run_keys(run: &RunStep, map: &mut Map) {
    map.text("name", run.name.as_deref());
    map.located("command", Some(&run.command));
    map.text("shell", run.shell.as_deref());
    map.located("working_directory", run.working_directory.as_ref());
    if !run.environment.is_empty() {
        map.put("environment", variables(&run.environment));
    }
    if run.background {
        map.put("background", Data::Bool(true));
    }
    when(run.when, map);
    map.located("no_output_timeout", run.no_output_timeout.as_ref());
    if let Some(reruns) = &run.max_auto_reruns {
        map.put("max_auto_reruns", count(reruns.value));
    }
    map.located("auto_rerun_delay", run.auto_rerun_delay.as_ref());
}

fn when(when: RunWhen, map: &mut Map) {
    if when != RunWhen::OnSuccess {
        map.put("when", text(when.as_str()));
    }
}

fn workflow_data(workflow: &Workflow) -> Data {
    let mut map = Map::default();
    if let Some(reruns) = &workflow.max_auto_reruns {
        map.put("max_auto_reruns", count(reruns.value));
    }
    if !workflow.schedules.is_empty() {
        let triggers = workflow.schedules.iter().map(schedule);
        map.put("triggers", Data::List(triggers.collect()));
    }
    let jobs = workflow.jobs.iter().map(|job| entry(workflow, job));
    map.put("jobs", Data::List(jobs.collect()));
    map.done()
}

fn schedule(schedule: &Schedule) -> Data {
    let mut map = Map::default();
    map.located("cron", Some(&schedule.cron));
    if let Some(filters) = &schedule.filters {
        map.put("filters", filters_data(filters));
    }
    Data::Map(vec![("schedule".to_owned(), map.done())])
}

/// Returns what stands in the workflow for a job.
fn entry(workflow: &Workflow, job: &Job) -> Data {
    let mut map = Map::default();
    if job.kind == JobKind::Approval {
        map.put("type", text("approval"));
    }
    let mut key = job.name.as_str();
    if let Some(Invocation { name, arguments }) = &job.invokes {
        key = name;
        if job.name != *name {
            map.put("name", text(&job.name));
        }
        map.0.extend(arguments.iter().cloned());
        let own = |s: &Step| matches!(&s.kind, StepKind::Opaque(call) if call.name == *name && s.origin == job.origin);
        let middle = job.steps.iter().position(own).unwrap_or(job.steps.len());
        let (before, after) = job.steps.split_at(middle);
        if !before.is_empty() {
            map.put("pre-steps", steps(before));
        }
        if after.len() > 1 {
            map.put("post-steps", steps(&after[1..]));
        }
    }
    if !job.requires.is_empty() || !job.unknown_requires.is_empty() {
        let known = job.requires.iter().map(|r| requirement(workflow, r));
        let unknown = job.unknown_requires.iter().map(|r| text(&r.value));
        map.put("requires", Data::List(known.chain(unknown).collect()));
    }
    match job.contexts.as_slice() {
        [] => {}
        contexts => map.put("context", texts(contexts)),
    }
    if let Some(filters) = &job.filters {
        map.put("filters", filters_data(filters));
    }
    map.located("serial-group", job.serial_group.as_ref());
    map.located("override-with", job.override_with.as_ref());
    if map.0.is_empty() {
        return text(key);
    }
    Data::Map(vec![(key.to_owned(), map.done())])
}

fn requirement(workflow: &Workflow, requirement: &Requirement) -> Data {
    let name = workflow
        .jobs
        .get(requirement.job)
        .map_or("", |j| j.name.as_str());
    match requirement.statuses.as_slice() {
        [JobStatus::Success] => text(name),
        all if all.len() == JobStatus::ALL.len() => {
            Data::Map(vec![(name.to_owned(), text("terminal"))])
        }
        [one] => Data::Map(vec![(name.to_owned(), text(one.as_str()))]),
        several => {
            let list = several.iter().map(|s| text(s.as_str()));
            Data::Map(vec![(name.to_owned(), Data::List(list.collect()))])
        }
    }
}

fn filters_data(filters: &Filters) -> Data {
    match &filters.kind {
        FilterKind::Expression { text: words, .. } => text(&words.value),
        FilterKind::Map { branches, tags } => {
            let mut map = Map::default();
            if let Some(rule) = branches {
                map.put("branches", rule_data(rule));
            }
            if let Some(rule) = tags {
                map.put("tags", rule_data(rule));
            }
            map.done()
        }
    }
}

fn rule_data(rule: &FilterRule) -> Data {
    let mut map = Map::default();
    for (key, list) in [("only", &rule.only), ("ignore", &rule.ignore)] {
        match list.as_slice() {
            [] => {}
            [one] => map.located(key, Some(one)),
            several => map.put(key, texts(several)),
        }
    }
    map.done()
}

/// Keeps `<<` from being read as a template.
fn escape(data: &mut Data) {
    let escaped = |text: &mut String| {
        if text.contains("<<") {
            *text = text.replace("<<", "\\<<");
        }
    };
    match data {
        Data::Str(text) => escaped(text),
        Data::List(items) => items.iter_mut().for_each(escape),
        Data::Map(entries) => {
            for (key, value) in entries {
                escaped(key);
                escape(value);
            }
        }
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {}
    }
}
