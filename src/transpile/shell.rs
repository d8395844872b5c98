//! `--to shell`: a POSIX script for each job, and one for each workflow that runs them in order.
//!
//! The scripts need sh, tar, gzip and sha256sum or shasum, whatever the steps themselves call, and
//! nothing of holdall. Each job gets a home folder of its own, so that `~/project` is a fresh
//! folder; absolute paths are what they are, so the scripts belong into a container or onto a
//! machine that may be written to.

use std::path::PathBuf;

use super::lower::{first_line, quoted, upstream, upstream_words};
use super::{OutputFile, Refusal, TranspileError};
use crate::flow::Graph;
use crate::layer::{encode_job, twin};
use crate::plan::{
    EnvVar, ExecutorKind, Job, JobIndex, JobKind, JobStatus, Origin, Pipeline, RunStep, RunWhen,
    StepKind, Workflow,
};

/// Writes the scripts of all workflows.
///
/// # Errors
/// Everything that the scripts could not do, with its place.
pub fn scripts(pipeline: &Pipeline, config: &str) -> Result<Vec<OutputFile>, TranspileError> {
    let refusals = refusals(pipeline);
    if !refusals.is_empty() {
        return Err(TranspileError::Unsupported(refusals));
    }
    let mut out = Vec::new();
    for workflow in &pipeline.workflows {
        let graph = Graph::new(workflow);
        for (index, job) in workflow.jobs.iter().enumerate() {
            if job.kind == JobKind::Build {
                out.push(OutputFile {
                    path: job_path(job),
                    text: job_script(workflow, &graph, index, config),
                    executable: true,
                });
            }
        }
        out.push(OutputFile {
            path: PathBuf::from(format!(".holdall/shell/{}.sh", encode_job(&workflow.name))),
            text: workflow_script(workflow, &graph, config),
            executable: true,
        });
    }
    Ok(out)
}

fn job_path(job: &Job) -> PathBuf {
    PathBuf::from(format!(".holdall/shell/jobs/{}.sh", encode_job(&job.name)))
}

fn refusals(pipeline: &Pipeline) -> Vec<Refusal> {
    let mut out = Vec::new();
    for job in pipeline.workflows.iter().flat_map(|w| &w.jobs) {
        let mut refuse = |what: String, origin: &Origin| {
            out.push(Refusal {
                what,
                at: origin.at,
            })
        };
        if let Some(why) = &job.opaque {
            refuse(format!("job `{}`: {why}", job.name), &job.origin);
        }
        if let Some(filters) = &job.filters {
            out.push(Refusal {
                what: "filters".to_owned(),
                at: filters.at,
            });
        }
        let mut refuse = |what: String, origin: &Origin| {
            out.push(Refusal {
                what,
                at: origin.at,
            });
        };
        match job.kind {
            JobKind::Approval => refuse("an approval".to_owned(), &job.origin),
            JobKind::Release => refuse("a release".to_owned(), &job.origin),
            _ => {}
        }
        if job.parallelism > 1 {
            refuse("parallelism".to_owned(), &job.origin);
        }
        for step in &job.steps {
            if step.condition.is_some() {
                refuse("a step under a condition".to_owned(), &step.origin);
            }
            match &step.kind {
                StepKind::Run(run) if run.background => {
                    refuse("a step in the background".to_owned(), &step.origin)
                }
                StepKind::Run(run) if run.max_auto_reruns.is_some() => {
                    refuse("automatic reruns".to_owned(), &step.origin)
                }
                StepKind::Run(_)
                | StepKind::Checkout(_)
                | StepKind::Persist(_)
                | StepKind::Attach(_) => {}
                StepKind::Opaque(call) => {
                    let what = format!("`{}`, whose source is not known", call.name);
                    refuse(what, &step.origin)
                }
                other => refuse(format!("`{}`", other.key()), &step.origin),
            }
        }
    }
    out
}

/// What every job script begins with; `@…@` is filled in.
const JOB_HEAD: &str = include_str!("shell/job.sh");

/// What every workflow script begins with.
const WORKFLOW_HEAD: &str = include_str!("shell/workflow.sh");

fn job_script(workflow: &Workflow, graph: &Graph, index: JobIndex, config: &str) -> String {
    let job = &workflow.jobs[index];
    let mut out = JOB_HEAD
        .replace("@JOB@", &comment(&job.name))
        .replace("@WORKFLOW@", &comment(&workflow.name))
        .replace("@CONFIG@", &comment(config))
        .replace("@NAME@", &quoted(&job.name))
        .replace("@FILE@", &quoted(&encode_job(&job.name)))
        .replace("@DIRECTORY@", &quoted(&job.working_directory.value));
    let persists = job
        .steps
        .iter()
        .any(|s| matches!(s.kind, StepKind::Persist(_)));
    let attaches = job
        .steps
        .iter()
        .any(|s| matches!(s.kind, StepKind::Attach(_)));
    match (persists, attaches) {
        (true, true) => out.push_str(&twin::functions(twin::Verb::Both)),
        (true, false) => out.push_str(&twin::functions(twin::Verb::Persist)),
        (false, true) => out.push_str(&twin::functions(twin::Verb::Attach)),
        (false, false) => {}
    }
    out.push('\n');
    for var in image_environment(job).iter().chain(&job.environment) {
        out.push_str(&export(var));
    }
    let words = upstream_words(&upstream(workflow, graph, index));
    for step in &job.steps {
        out.push('\n');
        match &step.kind {
            StepKind::Run(run) => run_step(job, run, &mut out),
            StepKind::Checkout(checkout) => {
                let path = checkout.path.as_ref().map_or(".", |p| p.value.as_str());
                call(
                    &mut out,
                    "checkout",
                    &format!("holdall_checkout {}", quoted(path)),
                );
            }
            StepKind::Persist(p) => {
                let paths: Vec<String> = p.paths.iter().map(|i| quoted(&i.value)).collect();
                let line = format!(
                    "hl_persist \"$HOLDALL_STORE\" {} {} {}",
                    quoted(&job.name),
                    quoted(&p.root.value),
                    paths.join(" ")
                );
                call(
                    &mut out,
                    p.name.as_deref().unwrap_or("persist_to_workspace"),
                    &line,
                );
            }
            StepKind::Attach(a) => {
                let line = format!(
                    "hl_attach \"$HOLDALL_STORE\" {} {}",
                    quoted(&a.at.value),
                    words.join(" ")
                );
                call(
                    &mut out,
                    a.name.as_deref().unwrap_or("attach_workspace"),
                    line.trim_end(),
                );
            }
            // Refused before anything is written.
            _ => {}
        }
    }
    out.push_str("\nexit \"$holdall_code\"\n");
    out
}

/// A step of our own functions, in the job's folder.
fn call(out: &mut String, title: &str, line: &str) {
    out.push_str(&format!(
        "if holdall_begin on_success {}; then\n",
        quoted(title)
    ));
    // Not behind `||`: there the shell would not stop the functions at their first failure.
    out.push_str(&format!(
        "  set +e\n  (set -e; cd \"$holdall_directory\"; {line}) </dev/null\n  holdall_end $?\nfi\n"
    ));
}

fn run_step(job: &Job, run: &RunStep, out: &mut String) {
    let when = match run.when {
        RunWhen::OnSuccess => "on_success",
        RunWhen::OnFail => "on_fail",
        RunWhen::Always => "always",
    };
    let script = run.command.value.as_str();
    let title = run.name.clone().unwrap_or_else(|| first_line(script));
    let shell = run.shell.as_ref().or(job.shell.as_ref().map(|s| &s.value));
    // The shell is a command line: its words are the config's, cut as a shell cuts them.
    let shell = shell.map_or("$holdall_shell", String::as_str);
    let directory = run
        .working_directory
        .as_ref()
        .map_or(".", |d| d.value.as_str());
    let mut end = String::from("HOLDALL_STEP");
    while script.lines().any(|l| l == end) {
        end.push('_');
    }
    out.push_str(&format!(
        "if holdall_begin {when} {}; then\n",
        quoted(&title)
    ));
    out.push_str(&format!(
        "cat >\"$holdall_private/step\" <<'{end}'\n{script}"
    ));
    if !script.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(&format!("{end}\n  set +e\n  (\n"));
    for var in &run.environment {
        // A line each: what cannot be exported becomes a comment, which ends with its line.
        out.push_str(&export(var));
    }
    let go = if directory == "." {
        "set -e; cd \"$holdall_directory\"".to_owned()
    } else {
        format!(
            "set -e; cd \"$holdall_directory\"; cd \"$(holdall_home {})\"",
            quoted(directory)
        )
    };
    out.push_str(&format!(
        "{go}; exec {shell} \"$holdall_private/step\") </dev/null\n  holdall_end $?\nfi\n"
    ));
}

/// The variables of the primary container, in which the steps run; the job's own come over them.
fn image_environment(job: &Job) -> &[EnvVar] {
    match job.executor.as_ref().map(|e| &e.kind) {
        Some(ExecutorKind::Docker(images)) => images.first().map_or(&[], |i| &i.environment),
        _ => &[],
    }
}

fn export(var: &EnvVar) -> String {
    let name = var.name.as_str();
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        format!("export {name}={}\n", quoted(&var.value.value))
    } else {
        format!("# {} is no name that a shell can export\n", comment(name))
    }
}

/// A text inside a comment: one line.
fn comment(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn workflow_script(workflow: &Workflow, graph: &Graph, config: &str) -> String {
    let mut out = WORKFLOW_HEAD
        .replace("@WORKFLOW@", &comment(&workflow.name))
        .replace("@CONFIG@", &comment(config));
    out.push('\n');
    for index in graph.order() {
        let job = &workflow.jobs[*index];
        let file = match job.kind {
            JobKind::Build => format!("jobs/{}.sh", encode_job(&job.name)),
            _ => "-".to_owned(),
        };
        let mut line = format!(
            "holdall_job {} {}",
            quoted(&encode_job(&job.name)),
            quoted(&file)
        );
        for r in &job.requires {
            let statuses: Vec<&str> = r.statuses.iter().copied().map(JobStatus::as_str).collect();
            let word = format!(
                "{}:{}",
                encode_job(&workflow.jobs[r.job].name),
                statuses.join(",")
            );
            line.push(' ');
            line.push_str(&quoted(&word));
        }
        out.push_str(&line);
        out.push('\n');
    }
    out.push_str("\nholdall_summary\n");
    out
}
