//! A job: its place, its conditions, its environment, and its steps in order.

use super::environment::{contexts, environment};
use super::executor::Place;
use super::expr::Bool;
use super::filters::GATE;
use super::prepare::prepare;
use super::write::{Block, JobBlock};
use super::{Context, services};
use crate::circleci::actual;
use crate::plan::{Job, JobIndex, JobKind, JobStatus};
use crate::transpile::{Ledger, Node, Outcome};
use crate::yaml::Data;

/// Longest time that CircleCI lets a job run, in minutes.
const MOST_MINUTES: i64 = 300;

/// Writes a job.
pub(super) fn job(context: &Context<'_>, j: JobIndex, ledger: &mut Ledger) -> JobBlock {
    let job = &context.workflow.jobs[j];
    let node = Node::Job(context.index, j);
    let mut head = Block::default();
    let id = context.graph.ids[j].clone();
    let name = actual(&job.name);
    if name != id {
        head.put("name", super::text::escaped(&name));
    }
    edges(context, j, &mut head, ledger);
    // Jobs of one definition have the same comments, arms of a matrix for example: the first is
    // enough.
    let told = !context.told.borrow_mut().insert(job.definition);
    head.carried = super::owned(match told {
        true => context.comments.job_again(job),
        false => context.comments.job(job),
    });
    let mut block = JobBlock {
        id,
        head,
        steps: Vec::new(),
        behind: Vec::new(),
    };
    match job.kind {
        // Steps whose source is not known are steps that fail; the others are what they are.
        JobKind::Build if !job.steps.is_empty() => build(context, j, told, &mut block, ledger),
        JobKind::Build => unknown(context, j, &mut block, ledger),
        JobKind::Approval => {
            let what = format!(
                "create the environment `{name}` in the repository's settings and name those who approve under \"Required reviewers\": without them it passes at once"
            );
            block.head.note(format!("To do: {what}."));
            ledger.manual(node, "approval", what);
            block.head.put("runs-on", "ubuntu-latest");
            block.head.put("environment", super::text::escaped(&name));
            nothing(&mut block, "Approved");
        }
        JobKind::NoOp => {
            ledger.converted(node, "no-op");
            block.head.put("runs-on", "ubuntu-latest");
            nothing(&mut block, "Nothing to do");
        }
        JobKind::Release | JobKind::Lock | JobKind::Unlock => {
            let kind = job.kind.as_str();
            let what =
                format!("GitHub has no job of the type `{kind}`: write what takes its place");
            ledger.manual(node, kind, what.clone());
            block.head.put("runs-on", "ubuntu-latest");
            missing(&mut block, &what);
        }
    }
    rest(job, node, &mut block, ledger);
    let kind = match job.kind {
        JobKind::Build => "job",
        kind => kind.as_str(),
    };
    for note in context.unknown_values(node, kind, ledger) {
        block.head.note(note);
    }
    block
}

/// Settles what only some kinds of jobs have a use for, and what has none here.
fn rest(job: &Job, node: Node, block: &mut JobBlock, ledger: &mut Ledger) {
    for (nth, (key, _)) in job.settings.iter().enumerate() {
        let what = match key.as_str() {
            "circleci_ip_ranges" => "GitHub's machines have no fixed addresses: use larger runners with static addresses, or runners of your own".to_owned(),
            _ => format!("GitHub has no `{key}`"),
        };
        block.head.note(format!("To do: {key}: {what}."));
        ledger.settle_nth(node, "setting", nth, Outcome::Manual(what));
    }
    if job.override_with.is_some() {
        let what = "the orb that may replace this job is not known here: see that this is the job that is meant";
        ledger.manual(node, "override-with", what);
    }
    if job.kind != JobKind::Build {
        for key in [
            "context",
            "environment",
            "shell",
            "working_directory",
            "parallelism",
        ] {
            ledger.converted(node, key);
        }
    }
}

/// Writes what a job waits for and when it runs.
fn edges(context: &Context<'_>, j: JobIndex, head: &mut Block, ledger: &mut Ledger) {
    let job = &context.workflow.jobs[j];
    let node = Node::Job(context.index, j);
    let shape = &context.graph;
    let condition = shape.condition(context.workflow, j);
    let mut needs: Vec<String> = Vec::new();
    let mut need = |id: &str| {
        if !needs.iter().any(|n| n == id) {
            needs.push(id.to_owned());
        }
    };
    let asks = |text: &str| text.contains(&format!("needs.{GATE}."));
    let rules = job
        .steps
        .iter()
        .filter_map(|s| context.filterer.condition(s.rule.as_ref()?));
    if asks(&condition.to_string()) || rules.into_iter().any(|r| asks(&r.to_string())) {
        need(GATE);
    }
    for (nth, requirement) in job.requires.iter().enumerate() {
        need(&shape.ids[requirement.job]);
        let outcome = match requirement.statuses.contains(&JobStatus::Unauthorized)
            && requirement.statuses.len() < JobStatus::ALL.len()
        {
            true => Outcome::Approximated("GitHub knows no job that a context refused".to_owned()),
            false => Outcome::Converted,
        };
        ledger.settle_nth(node, "requires", nth, outcome);
    }
    for maker in context.asked(j) {
        need(&shape.ids[maker]);
    }
    for requirement in &job.unknown_requires {
        let name = actual(&requirement.value);
        head.note(format!(
            "To do: it waits for `{name}`, which is not known here."
        ));
    }
    ledger.manual(
        node,
        "unknown requires",
        "add the job to `needs`: its name is not known here",
    );
    match (&job.filters, &shape.own[j]) {
        (Some(_), None) => {
            let what =
                "the filter rests on values that GitHub does not have: write the `if:` of the job";
            head.note(format!("To do: {what}."));
            ledger.manual(node, "filters", what);
        }
        (Some(filters), _) if context.filterer.ignores_case(filters) => {
            ledger.approximated(node, "filters", super::expr::IGNORES_CASE);
            context.differs_once(super::expr::IGNORES_CASE);
        }
        _ => ledger.converted(node, "filters"),
    }
    ledger.converted(node, "matrix");
    if !needs.is_empty() {
        head.put(
            "needs",
            Data::List(needs.into_iter().map(Data::Str).collect()),
        );
    }
    match (&job.filters, &shape.own[j]) {
        (Some(_), None) => {
            head.put("if", "${{ false }}");
        }
        _ if condition != Bool::Const(true) => {
            head.put("if", format!("${{{{ {condition} }}}}"));
        }
        _ => {}
    }
    if let Some(group) = &job.serial_group {
        let why = "GitHub keeps one waiting run and cancels older ones; the group holds in this repository only";
        ledger.approximated(node, "serial-group", why);
        head.note(format!("Differs: {why}."));
        let entries = vec![
            ("group".to_owned(), context.located(group).into()),
            ("cancel-in-progress".to_owned(), Data::Bool(false)),
        ];
        head.put("concurrency", Data::Map(entries));
    }
}

fn nothing(block: &mut JobBlock, title: &str) {
    let mut step = Block::default();
    step.put("name", title).put("run", "true");
    block.steps.push(step);
}

/// A step that fails and says what is missing: what is left out must not pass for done.
pub(super) fn missing(block: &mut JobBlock, what: &str) {
    block.steps.push(missing_step(what));
}

pub(super) fn missing_step(what: &str) -> Block {
    let mut step = Block::default();
    step.note(format!("To do: {what}."));
    step.put("name", "To do");
    let text = format!("echo {} >&2\nexit 1\n", crate::words::quoted(what));
    step.put("run", super::text::escaped(&text));
    step
}

/// A job of which not all is known.
fn unknown(context: &Context<'_>, j: JobIndex, block: &mut JobBlock, ledger: &mut Ledger) {
    let job = &context.workflow.jobs[j];
    let what = match &job.invokes {
        Some(call) => format!(
            "the source of the job `{}` is not known here: give it with --orb, or write what it does",
            call.name
        ),
        None => format!(
            "not all of this job is known: {}",
            job.opaque.as_deref().unwrap_or_default()
        ),
    };
    ledger.settle_job(context.index, j, &Outcome::Manual(what.clone()));
    block.head.put("runs-on", "ubuntu-latest");
    missing(block, &what);
}

fn build(
    context: &Context<'_>,
    j: JobIndex,
    told: bool,
    block: &mut JobBlock,
    ledger: &mut Ledger,
) {
    let job = &context.workflow.jobs[j];
    let node = Node::Job(context.index, j);
    ledger.converted(node, "job");
    if let Some(call) = &job.invokes {
        let what = format!(
            "the source of the job `{}` is not known here: give it with --orb, or write what it does",
            call.name
        );
        ledger.manual(node, "orb job", what);
    } else if let Some(why) = &job.opaque {
        ledger.manual(
            node,
            "unknown",
            format!("not all of this job is known: {why}"),
        );
    }
    let mut first = Vec::new();
    let place = context.executor(node, job, &mut block.head, &mut first, ledger);
    if let Some(outputs) = context.layer_outputs(j) {
        block.head.put("outputs", outputs);
    }
    if job.parallelism > 1 {
        let nodes = (0..i64::from(job.parallelism)).map(Data::Int).collect();
        let matrix = Data::Map(vec![("node".into(), Data::List(nodes))]);
        let strategy = vec![
            ("fail-fast".to_owned(), Data::Bool(false)),
            ("matrix".to_owned(), matrix),
        ];
        block.head.put("strategy", Data::Map(strategy));
    }
    ledger.converted(node, "parallelism");
    if job.varies.contains(&"parallelism") {
        let why =
            "the number of nodes is written as it is here: it depends on the pipeline's values";
        block.head.note(format!("Differs: {why}."));
        let key = match job.parallelism > 1 {
            true => "parallelism",
            false => "job",
        };
        ledger.approximated(node, key, why);
    }
    block.head.put("timeout-minutes", Data::Int(MOST_MINUTES));
    environment(context, j, &mut block.head, ledger);
    shell(context, job, node, &mut block.head, ledger);
    contexts(job, node, &mut block.head, ledger);
    let prepare = prepare(context, job, node, place, &mut block.head, ledger);
    block.steps.push(prepare);
    if place == Place::Unix {
        block.steps.extend(services::forward(context, job));
    }
    block.steps.extend(first);
    // What the head could not say is the job's, what a step could not is that step's.
    let notes = context.unknown_values(node, "job", ledger);
    notes.into_iter().for_each(|note| block.head.note(note));
    let comments = (!told).then_some(context.comments);
    context.steps(j, (place, comments), &mut block.steps, ledger);
    if let Some(last) = job.steps.last().filter(|_| !told) {
        block.behind = super::owned(context.comments.behind(last));
    }
}

fn shell(context: &Context<'_>, job: &Job, node: Node, head: &mut Block, ledger: &mut Ledger) {
    ledger.converted(node, "shell");
    let text = match &job.shell {
        Some(shell) => super::steps::shell(&context.located(shell)),
        None => context.default_shell(job).map(|sure| {
            if !sure {
                let why = "it is taken for an image without bash, in which steps run in sh: if it has one, remove `defaults`";
                head.note(format!("Differs: {why}."));
                ledger.approximated(node, "image", why);
            }
            "sh -eo pipefail {0}".to_owned()
        }),
    };
    if let Some(text) = text {
        let run = Data::Map(vec![("shell".into(), text.into())]);
        head.put("defaults", Data::Map(vec![("run".into(), run)]));
    }
}
