//! `--to github`: a workflow file for each workflow.
//!
//! A job becomes a job, a step a step or a few. Layers of the workspace travel as artifacts, one
//! tar each, under names that no two share; they are downloaded by name and applied in order.
//! Everything that a config says is settled in the ledger: what is forgotten is a defect.

mod actions;
mod builtins;
mod cache;
mod environment;
mod executor;
mod expr;
mod filters;
mod gate;
mod graph;
mod job;
mod names;
mod prepare;
mod services;
mod steps;
mod text;
mod workspace;
mod write;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use super::comments::{Comments, owned};
use super::values::{self, Parameter};
use super::{Ledger, Migration, Node, OutputFile, Runtime, TranspileError};
use crate::circleci::Compiled;
use crate::layer::encode_job;
use crate::plan::{Condition, JobKind, Pipeline, Workflow};
use crate::yaml::{Data, Location};
use expr::Bool;
use filters::Filterer;

/// How a migration is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The config's name, for the comment at the top.
    pub config: String,
    /// What performs the layer operations.
    pub runtime: Runtime,
}

/// What a workflow's parts are written with.
struct Context<'a> {
    pipeline: &'a Pipeline,
    workflow: &'a Workflow,
    index: usize,
    parameters: &'a [Parameter],
    filterer: &'a Filterer<'a>,
    graph: graph::Shape,
    runtime: Runtime,
    comments: &'a Comments<'a>,
    /// Where the definitions stand whose comments are told in this file.
    told: RefCell<HashSet<Location>>,
    /// The scripts that stand once in the file for the steps that share them, by the variables
    /// that hold them.
    scripts: RefCell<BTreeMap<&'static str, String>>,
    /// The values that texts hold and GitHub does not have, until somebody says so.
    unknown: RefCell<BTreeSet<String>>,
    /// What is to be said once at the top of the file.
    once: RefCell<Vec<String>>,
}

impl Context<'_> {
    /// Says of the values that the texts of a node hold and GitHub does not have what became of
    /// them, and returns the lines that say so in the file.
    fn unknown_values(&self, node: Node, key: &'static str, ledger: &mut Ledger) -> Vec<String> {
        let names = std::mem::take(&mut *self.unknown.borrow_mut());
        let mut notes = Vec::new();
        for name in names {
            let why = format!("`{name}` is not known at GitHub: it is written as it is here");
            notes.push(format!("Differs: {why}."));
            ledger.approximated(node, key, why);
        }
        notes
    }

    /// Returns what a step says to run a script that others of the file run too.
    fn shared(&self, name: &'static str, script: &str) -> String {
        let jobs = self.workflow.jobs.iter();
        if jobs.filter(|j| j.kind == JobKind::Build).count() < 2 {
            return script.to_owned();
        }
        self.scripts.borrow_mut().insert(name, script.to_owned());
        format!("eval \"${name}\"\n")
    }

    /// Says once in the file what differs.
    fn differs_once(&self, why: &str) {
        let line = format!("Differs: {why}.");
        let mut once = self.once.borrow_mut();
        if !once.contains(&line) {
            once.push(line);
        }
    }
}

/// Writes the workflow files of a config that was compiled with marks in its texts.
///
/// # Errors
/// What was forgotten: a defect.
pub fn migrate(compiled: &Compiled, options: &Options) -> Result<Migration, TranspileError> {
    let pipeline = &named(&compiled.pipeline);
    let parameters = values::parameters(&compiled.tree);
    let mut ledger = Ledger::new(pipeline);
    if pipeline.setup {
        ledger.manual(
            Node::Pipeline,
            "setup",
            "GitHub has no workflow that makes the next one: write the generated config as workflows of their own, or start them with `gh workflow run`",
        );
    }
    let comments = Comments::new(&compiled.tree);
    let config = Config {
        pipeline,
        parameters: &parameters,
        comments: &comments,
        options,
    };
    let mut files = Vec::new();
    for (index, workflow) in pipeline.workflows.iter().enumerate() {
        if workflow.jobs.is_empty() {
            let what =
                "it has no job, and GitHub takes no workflow without one: nothing is written";
            for key in ["workflow", "when", "schedule", "max_auto_reruns"] {
                ledger.approximated(Node::Workflow(index), key, what);
            }
            continue;
        }
        let text = workflow_file(&config, index, workflow, &mut ledger);
        files.push(OutputFile {
            path: PathBuf::from(format!(
                ".github/workflows/{}.yml",
                encode_job(&workflow.name)
            )),
            text,
            executable: false,
        });
    }
    let report = ledger
        .finish(pipeline, "github")
        .map_err(TranspileError::Forgotten)?;
    Ok(Migration { files, report })
}

/// What the files of all workflows are written with.
struct Config<'a> {
    pipeline: &'a Pipeline,
    parameters: &'a [Parameter],
    comments: &'a Comments<'a>,
    options: &'a Options,
}

fn workflow_file(
    config: &Config<'_>,
    index: usize,
    workflow: &Workflow,
    ledger: &mut Ledger,
) -> String {
    let (parameters, options) = (config.parameters, config.options);
    let node = Node::Workflow(index);
    ledger.converted(node, "workflow");
    let filterer = Filterer::new(parameters);
    let mut file = write::File {
        name: workflow.name.clone(),
        carried: owned(config.comments.workflow(workflow)),
        ..write::File::default()
    };
    file.comments
        .push(format!("Made by holdall from {}.", options.config));
    let (condition, by_hand) = condition(workflow, &filterer, node, ledger, &mut file.comments);
    let shape = graph::Shape::new(workflow, &filterer, condition);
    let context = Context {
        pipeline: config.pipeline,
        workflow,
        index,
        parameters,
        filterer: &filterer,
        graph: shape,
        runtime: options.runtime,
        comments: config.comments,
        told: RefCell::default(),
        scripts: RefCell::default(),
        unknown: RefCell::default(),
        once: RefCell::default(),
    };
    file.on = triggers(&context, by_hand, ledger, &mut file.comments);
    if workflow.max_auto_reruns.is_some() {
        let what = "GitHub runs nothing again by itself: start a failed run again by hand, or with `gh run rerun --failed` in a workflow of its own";
        ledger.manual(node, "max_auto_reruns", what);
        file.comments
            .push("Differs: max_auto_reruns has no equal here.".to_owned());
    }
    for (j, _) in workflow.jobs.iter().enumerate() {
        file.jobs.push(job::job(&context, j, ledger));
    }
    file.comments.extend(context.once.take());
    let scripts = context.scripts.take();
    if !scripts.is_empty() {
        file.env.note("What several steps do stands here once.");
    }
    for (name, script) in scripts {
        file.env.put(name, script);
    }
    if let Some(gate) = gate::gate(&filterer.checks()) {
        file.jobs.insert(0, gate);
    }
    file.text()
}

/// Returns the pipeline with names that are what they are here: one job at GitHub has one name.
fn named(pipeline: &Pipeline) -> Pipeline {
    let mut pipeline = pipeline.clone();
    for job in pipeline.workflows.iter_mut().flat_map(|w| &mut w.jobs) {
        job.name = crate::plan::actual(&job.name);
    }
    pipeline
}

/// Returns the condition of a workflow, and whether only a person may start it.
fn condition(
    workflow: &Workflow,
    filterer: &Filterer<'_>,
    node: Node,
    ledger: &mut Ledger,
    comments: &mut Vec<String>,
) -> (Bool, bool) {
    let Some(rule) = &workflow.rule else {
        ledger.converted(node, "when");
        return (Bool::Const(true), false);
    };
    let written = match rule {
        Condition::Unknown => None,
        rule => filterer.condition(rule),
    };
    match written {
        Some(Bool::Const(false)) => {
            ledger.approximated(
                node,
                "when",
                "its condition never holds: the workflow starts by hand only",
            );
            comments.push(
                "Differs: the condition never holds; the workflow starts by hand only.".to_owned(),
            );
            (Bool::Const(true), true)
        }
        Some(condition) => {
            ledger.converted(node, "when");
            (condition, false)
        }
        None => {
            ledger.manual(
                node,
                "when",
                "the condition rests on values that GitHub does not have: the workflow starts by hand only, until `on:` and `if:` say when it should run",
            );
            comments.push("To do: the condition of this workflow rests on values that GitHub does not have; say under `on:` when it runs.".to_owned());
            (Bool::Const(true), true)
        }
    }
}

fn triggers(
    context: &Context<'_>,
    by_hand: bool,
    ledger: &mut Ledger,
    comments: &mut Vec<String>,
) -> Vec<(String, Data)> {
    let node = Node::Workflow(context.index);
    let mut on = Vec::new();
    let all = || Data::List(vec!["**".into()]);
    let map = |key: &str, value: Data| Data::Map(vec![(key.to_owned(), value)]);
    let schedules = &context.workflow.schedules;
    if schedules.is_empty() && !by_hand {
        let mut push = vec![("branches".to_owned(), all())];
        if context.graph.has_tags {
            push.push(("tags".to_owned(), all()));
        }
        on.push(("push".to_owned(), Data::Map(push)));
    }
    if !schedules.is_empty() {
        let crons = schedules
            .iter()
            .map(|s| map("cron", cron(&s.cron.value).into()));
        on.push(("schedule".to_owned(), Data::List(crons.collect())));
        ledger.approximated(
            node,
            "schedule",
            "GitHub runs schedules on the default branch only",
        );
        comments.push("Differs: schedules run on the default branch only.".to_owned());
    }
    let inputs: Vec<(String, Data)> = context
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), input(parameter)))
        .collect();
    match inputs.is_empty() {
        false => on.push((
            "workflow_dispatch".to_owned(),
            map("inputs", Data::Map(inputs)),
        )),
        true if by_hand => on.push(("workflow_dispatch".to_owned(), Data::Map(Vec::new()))),
        true => {}
    }
    on
}

/// CircleCI has no `@daily`; what it has, GitHub reads the same.
fn cron(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn input(parameter: &Parameter) -> Data {
    let kind = match parameter.kind.as_str() {
        "boolean" => "boolean",
        "enum" => "choice",
        _ => "string",
    };
    let mut out = vec![("type".to_owned(), kind.into())];
    if let Some(text) = &parameter.description {
        out.insert(0, ("description".to_owned(), text::escaped(text).into()));
    }
    if let Some(default) = &parameter.default {
        let value = match kind {
            "boolean" => Data::Bool(names::is_true(default)),
            _ => text::escaped(default).into(),
        };
        out.push(("default".to_owned(), value));
    }
    if kind == "choice" {
        let options = parameter.options.iter().map(|o| o.as_str().into());
        out.push(("options".to_owned(), Data::List(options.collect())));
    }
    Data::Map(out)
}
