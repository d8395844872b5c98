//! `--to gitlab`: one `.gitlab-ci.yml` for all workflows.
//!
//! GitLab runs all lines of a script in one shell and knows a directory of its own; a small driver
//! gives each step the shell, the folder and the condition that the service gives it. Layers travel
//! as artifacts, one tar a layer, and a job needs every job whose layers it takes.

mod cache;
mod condition;
mod executor;
mod job;
mod steps;
mod write;

use super::{Ledger, Migration, Node, OutputFile, TranspileError};
use crate::flow::Graph;
use crate::layer::twin;
use crate::plan::{JobKind, Pipeline, Workflow};
use crate::yaml::Data;

const DRIVER: &str = include_str!("driver.sh");
const LAYERS: &str = include_str!("layers.sh");
const CACHES: &str = include_str!("caches.sh");
const KEYS: &str = include_str!("ssh.sh");

/// Names that mean something else at the top of a file of GitLab.
const RESERVED: [&str; 17] = [
    "image", "services", "stages", "types", "before_script", "after_script", "variables", "cache",
    "include", "true", "false", "nil", "default", "workflow", "spec", "pages", "pages:deploy",
];

/// Writes the pipeline of GitLab; `config` is the name of what it is made from.
///
/// # Errors
/// Items of the config that were forgotten: a defect.
pub fn migrate(pipeline: &Pipeline, config: &str) -> Result<Migration, TranspileError> {
    let mut ledger = Ledger::new(pipeline);
    let groups = cache::Groups::of(pipeline);
    let graphs: Vec<Graph> = pipeline.workflows.iter().map(Graph::new).collect();
    let runs: Vec<Vec<condition::Runs>> = pipeline
        .workflows
        .iter()
        .zip(&graphs)
        .map(|(workflow, graph)| condition::of_workflow(workflow, graph.order()))
        .collect();
    let tags = runs.iter().flatten().any(|r| !r.tag.is_never());
    let scheduled = pipeline.workflows.iter().any(|w| !w.schedules.is_empty());
    let mut jobs = Vec::new();
    let mut all = steps::Needs::default();
    for (w, workflow) in pipeline.workflows.iter().enumerate() {
        of_workflow(w, workflow, &mut ledger);
        let names = names(pipeline, workflow);
        let at = job::Context {
            w,
            workflow,
            graph: &graphs[w],
            runs: &runs[w],
            names: &names,
            groups: &groups,
            tells_apart: tags || scheduled,
            scheduled,
        };
        for (j, name) in names.iter().enumerate() {
            let (about, entries, needs) = job::job(&at, j, &mut ledger);
            all.persists |= needs.persists;
            all.attaches |= needs.attaches;
            all.keys |= needs.keys;
            all.caches.extend(needs.caches);
            jobs.push((name.clone(), about, entries));
        }
    }
    ledger.manual(Node::Pipeline, "setup", "GitLab continues with a child pipeline: let a job write its file, and trigger it with `trigger: include: artifact`");
    let report = ledger.finish(pipeline, "gitlab").map_err(TranspileError::Forgotten)?;

    let mut document = write::Document::default();
    document.comment(&format!("Written by holdall from {config}."));
    document.top("workflow", workflow_rules(tags));
    if pipeline.workflows.iter().flat_map(|w| &w.jobs).any(|j| j.kind == JobKind::Build) {
        let mut entries = write::Entries::default();
        entries.add("before_script", Data::List(driver(&all).into_iter().map(Data::Str).collect()));
        document.mapping(".holdall", &["What gives each step of a job the shell that the service gives it".to_owned()], entries);
    }
    for (name, about, entries) in jobs {
        document.mapping(&name, &about, entries);
    }
    Ok(Migration {
        files: vec![OutputFile {
            path: ".gitlab-ci.yml".into(),
            text: document.finish(),
            executable: false,
        }],
        report,
    })
}

/// Returns the functions that the jobs use.
fn driver(needs: &steps::Needs) -> Vec<String> {
    let mut out = vec![DRIVER.to_owned()];
    let verb = match (needs.persists, needs.attaches) {
        (true, true) => Some(twin::Verb::Both),
        (true, false) => Some(twin::Verb::Persist),
        (false, true) => Some(twin::Verb::Attach),
        (false, false) => None,
    };
    if let Some(verb) = verb {
        out.push(format!("{}{}{LAYERS}", twin::functions(verb), twin::carry_functions()));
    }
    if !needs.caches.is_empty() {
        out.push(CACHES.to_owned());
    }
    if needs.keys {
        out.push(KEYS.to_owned());
    }
    out
}

fn workflow_rules(tags: bool) -> Data {
    let rule = |text: &str| Data::Map(vec![("if".to_owned(), text.into())]);
    let mut rules = vec![rule("$CI_COMMIT_BRANCH")];
    if tags {
        rules.push(rule("$CI_COMMIT_TAG"));
    }
    Data::Map(vec![("rules".to_owned(), Data::List(rules))])
}

/// Settles what a workflow says itself.
fn of_workflow(w: usize, workflow: &Workflow, ledger: &mut Ledger) {
    let node = Node::Workflow(w);
    ledger.converted(node, "workflow");
    ledger.approximated(node, "when", "the condition was decided when this file was written");
    for (nth, schedule) in workflow.schedules.iter().enumerate() {
        let what = format!(
            "create a pipeline schedule with the description `{}` and the cron `{}` in UTC, for each branch that it is for",
            workflow.name, schedule.cron.value
        );
        ledger.settle_nth(node, "schedule", nth, super::Outcome::Manual(what));
    }
    ledger.approximated(node, "max_auto_reruns", "GitLab starts each failed job again, twice at most");
}

/// Returns the names of a workflow's jobs: with its own name in front where there are several.
fn names(pipeline: &Pipeline, workflow: &Workflow) -> Vec<String> {
    let several = pipeline.workflows.len() > 1;
    let name = |job: &crate::plan::Job| {
        let name = match several {
            true => format!("{}:{}", workflow.name, job.name),
            false => job.name.clone(),
        };
        // A dot in front hides a job, and some names are keys.
        match name.starts_with('.') || RESERVED.contains(&name.as_str()) {
            true => format!("job-{}", name.trim_start_matches('.')),
            false => name,
        }
    };
    workflow.jobs.iter().map(name).collect()
}
