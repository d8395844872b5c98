//! `--to gitlab`: one `.gitlab-ci.yml` for all workflows.
//!
//! GitLab runs all lines of a script in one shell and knows a directory of its own; a small driver
//! gives each step the shell, the folder and the condition that the service gives it. Layers travel
//! as artifacts, one tar a layer, and a job needs every job whose layers it takes.

mod cache;
mod condition;
mod executor;
mod facts;
mod job;
mod names;
mod needs;
mod rules;
mod steps;
mod variables;
mod write;

use super::comments::Comments;
use super::driver;
use super::values::{self, Parameter};
use super::{Ledger, Migration, Node, OutputFile, Runtime, TranspileError};
use crate::circleci::{Compiled, actual};
use crate::flow::Graph;
use crate::layer::twin;
use crate::plan::{JobKind, Pipeline, Workflow};
use crate::yaml::Data;

const DRIVER: &str = include_str!("driver.sh");
const LAYERS: &str = include_str!("layers.sh");
const LAYERS_BINARY: &str = include_str!("layers-binary.sh");
const KEYS: &str = include_str!("ssh.sh");

/// Names that mean something else at the top of a file of GitLab.
const RESERVED: [&str; 17] = [
    "image",
    "services",
    "stages",
    "types",
    "before_script",
    "after_script",
    "variables",
    "cache",
    "include",
    "true",
    "false",
    "nil",
    "default",
    "workflow",
    "spec",
    "pages",
    "pages:deploy",
];

/// How the pipeline is written.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The name of what it is made from.
    pub config: String,
    /// What performs the layer operations.
    pub runtime: Runtime,
}

/// Writes the pipeline of GitLab.
///
/// # Errors
/// Items of the config that were forgotten: a defect.
pub fn migrate(compiled: &Compiled, options: &Options) -> Result<Migration, TranspileError> {
    let pipeline = &compiled.pipeline;
    let mut ledger = Ledger::new(pipeline);
    let comments = Comments::new(&compiled.tree);
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
        let (rule, note) = of_workflow(w, workflow, &mut ledger);
        let names = names(pipeline, workflow);
        let at = job::Context {
            w,
            workflow,
            graph: &graphs[w],
            runs: &runs[w],
            names: &names,
            groups: &groups,
            comments: &comments,
            runtime: options.runtime,
            tells_apart: tags || scheduled,
            rule: rule.clone(),
            scheduled,
        };
        let mut above = steps::owned(comments.workflow(workflow));
        for j in 0..names.len() {
            for mut written in job::job(&at, j, &mut ledger) {
                let needs = std::mem::take(&mut written.needs);
                all.persists |= needs.persists;
                all.attaches |= needs.attaches;
                all.keys |= needs.keys;
                all.program |= needs.program;
                all.caches.extend(needs.caches);
                written.about.splice(0..0, std::mem::take(&mut above));
                written.about.extend(note.clone());
                jobs.push(written);
            }
        }
    }
    ledger.manual(Node::Pipeline, "setup", "GitLab continues with a child pipeline: let a job write its file, and trigger it with `trigger: include: artifact`");
    let report = ledger
        .finish(pipeline, "gitlab")
        .map_err(TranspileError::Forgotten)?;

    let mut document = write::Document::default();
    document.comment(&format!("Written by holdall from {}.", options.config));
    document.top("workflow", workflow_rules(tags));
    let parameters = values::parameters(&compiled.tree);
    if !parameters.is_empty() {
        let list = parameters.iter().map(|p| {
            (
                values::variable(&format!("{}{}", values::PARAMETER, p.name)),
                parameter(p),
            )
        });
        document.top("variables", Data::Map(list.collect()));
    }
    for job in jobs {
        document.mapping(&job.name, &job.about, job.entries);
    }
    // What people read comes first: the functions are long.
    if pipeline
        .workflows
        .iter()
        .flat_map(|w| &w.jobs)
        .any(|j| j.kind == JobKind::Build)
    {
        let mut entries = write::Entries::default();
        entries.add(
            "before_script",
            Data::List(
                functions(&all, options.runtime)
                    .into_iter()
                    .map(Data::Str)
                    .collect(),
            ),
        );
        document.mapping(
            ".holdall",
            &["What gives each step of a job the shell that the service gives it".to_owned()],
            entries,
        );
    }
    Ok(Migration {
        files: vec![OutputFile {
            path: ".gitlab-ci.yml".into(),
            text: actual(&document.finish()),
            executable: false,
        }],
        report,
    })
}

/// Returns the functions that the jobs use.
fn functions(needs: &steps::Needs, runtime: Runtime) -> Vec<String> {
    let mut out = vec![DRIVER.to_owned()];
    let verb = twin::Verb::of(needs.persists, needs.attaches);
    if let Some(verb) = verb {
        out.push(match runtime {
            Runtime::Sh => format!(
                "{}{}{LAYERS}",
                twin::functions(verb),
                twin::carry_functions()
            ),
            Runtime::Binary => LAYERS_BINARY.to_owned(),
        });
    }
    if !needs.caches.is_empty() {
        out.push(driver::CACHES.to_owned());
    }
    if needs.program {
        out.push(driver::programs());
    }
    if needs.keys {
        out.push(KEYS.to_owned());
    }
    out
}

/// A parameter as a variable that a person may fill in.
fn parameter(parameter: &Parameter) -> Data {
    let default = parameter.default.clone().unwrap_or_default();
    let value = match (parameter.kind.as_str(), default.as_str()) {
        ("boolean", "yes" | "on" | "True" | "TRUE") => "true".to_owned(),
        ("boolean", "no" | "off" | "False" | "FALSE") => "false".to_owned(),
        _ => default.replace('$', "$$"),
    };
    let about = parameter.description.clone();
    let about = about.unwrap_or_else(|| format!("The pipeline parameter {}", parameter.name));
    let mut out = vec![
        ("value".to_owned(), Data::Str(value)),
        ("description".to_owned(), Data::Str(about)),
    ];
    if parameter.kind == "enum" {
        let options = parameter.options.iter().map(|o| o.as_str().into());
        out.push(("options".to_owned(), Data::List(options.collect())));
    }
    Data::Map(out)
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
fn of_workflow(
    w: usize,
    workflow: &Workflow,
    ledger: &mut Ledger,
) -> (Option<names::Rule>, Option<String>) {
    let node = Node::Workflow(w);
    ledger.converted(node, "workflow");
    let rule = workflow.rule.as_ref().map(|rule| names::rule(rule, true));
    let (rule, note) = match rule {
        Some(None) => {
            let what = "say in its rules when this workflow runs: its condition rests on what GitLab does not have, and it never runs until then";
            ledger.manual(node, "when", what);
            (
                Some(names::Rule::Holds(false)),
                Some(format!("To do: {what}")),
            )
        }
        known => {
            ledger.converted(node, "when");
            (known.flatten(), None)
        }
    };
    for (nth, schedule) in workflow.schedules.iter().enumerate() {
        let what = format!(
            "create a pipeline schedule with the description `{}` and the cron `{}` in UTC, for each branch that it is for",
            workflow.name, schedule.cron.value
        );
        ledger.settle_nth(node, "schedule", nth, super::Outcome::Manual(what));
    }
    ledger.approximated(
        node,
        "max_auto_reruns",
        "GitLab starts each failed job again, twice at most",
    );
    (rule, note)
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
