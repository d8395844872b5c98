//! A job: its place, its conditions, its environment, and its steps in order.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::executor::{Place, local_services};
use super::expr::Bool;
use super::filters::GATE;
use super::write::{Block, JobBlock};
use super::{Context, names};
use crate::circleci::actual;
use crate::plan::{EnvVar, ExecutorKind, Job, JobIndex, JobKind, JobStatus, RunStep, StepKind};
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
    head.carried = super::owned(context.comments.job(job));
    let mut block = JobBlock {
        id,
        head,
        steps: Vec::new(),
        behind: Vec::new(),
    };
    match job.kind {
        // Steps whose source is not known are steps that fail; the others are what they are.
        JobKind::Build if !job.steps.is_empty() => build(context, j, &mut block, ledger),
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
            ("group".to_owned(), context.text(&group.value).into()),
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
    let text = format!(
        "echo {} >&2\nexit 1\n",
        crate::transpile::lower::quoted(what)
    );
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

fn build(context: &Context<'_>, j: JobIndex, block: &mut JobBlock, ledger: &mut Ledger) {
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
    block.head.put("timeout-minutes", Data::Int(MOST_MINUTES));
    environment(context, j, &mut block.head, ledger);
    shell(context, job, node, &mut block.head, ledger);
    contexts(job, node, &mut block.head, ledger);
    let prepare = prepare(job, node, place, &mut block.head, ledger);
    block.steps.push(prepare);
    block.steps.extend(first);
    context.steps(j, place, &mut block.steps, ledger);
    if let Some(last) = job.steps.last() {
        block.behind = super::owned(context.comments.behind(last));
    }
}

fn shell(context: &Context<'_>, job: &Job, node: Node, head: &mut Block, ledger: &mut Ledger) {
    ledger.converted(node, "shell");
    let Some(shell) = &job.shell else {
        return;
    };
    if let Some(text) = super::steps::shell(&context.text(&shell.value)) {
        let run = Data::Map(vec![("shell".into(), text.into())]);
        head.put("defaults", Data::Map(vec![("run".into(), run)]));
    }
}

fn contexts(job: &Job, node: Node, head: &mut Block, ledger: &mut Ledger) {
    for (nth, name) in job.contexts.iter().enumerate() {
        let name = actual(&name.value);
        let what = format!(
            "create the variables of the context `{name}` as secrets, and hand those that the job uses to it under `env:`, as `NAME: ${{{{ secrets.NAME }}}}`"
        );
        head.note(format!(
            "To do: hand the secrets of the context `{name}` to this job under `env:`."
        ));
        ledger.settle_nth(node, "context", nth, Outcome::Manual(what));
    }
}

/// Writes the variables of a job: those of its container, its own, and CircleCI's that it uses.
fn environment(context: &Context<'_>, j: JobIndex, head: &mut Block, ledger: &mut Ledger) {
    let job = &context.workflow.jobs[j];
    let node = Node::Job(context.index, j);
    let mut all: Vec<EnvVar> = Vec::new();
    if let Some(ExecutorKind::Docker(images)) = job.executor.as_ref().map(|e| &e.kind)
        && let Some(primary) = images.first()
    {
        all.extend(primary.environment.iter().cloned());
    }
    all.extend(job.environment.iter().cloned());
    let Data::Map(mut env) = context.env(&all) else {
        return;
    };
    ledger.converted(node, "environment");
    env.retain(|(name, _)| is_name(name));
    for (nth, variable) in job.environment.iter().enumerate() {
        if !is_name(&variable.name) {
            let why = Outcome::Approximated(
                "it is no name that a shell can hold, and left out".to_owned(),
            );
            ledger.settle_nth(node, "environment", nth, why);
        }
    }
    let services = local_services(job);
    if let [service] = services.as_slice() {
        for (name, value) in &mut env {
            let host = name.ends_with("HOST") || name.ends_with("HOSTNAME");
            if host && matches!(value, Data::Str(v) if v == "localhost" || v == "127.0.0.1") {
                *value = service.as_str().into();
            }
        }
    }
    let directory = actual(&job.working_directory.value);
    for name in used(job) {
        if env.iter().any(|(known, _)| *known == name) {
            continue;
        }
        if let Some(builtin) = names::builtin(&name, &job.name, &directory, job.parallelism) {
            if let Some(differs) = builtin.differs {
                head.note(format!("Differs: {differs}."));
                ledger.approximated(node, "job", differs);
            }
            env.push((name, builtin.value.into()));
        }
    }
    if !env.is_empty() {
        head.put("env", Data::Map(env));
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Returns CircleCI's own variables that the texts of a job name, in the order of the alphabet.
fn used(job: &Job) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    if job.parallelism > 1 {
        out.extend([
            "CIRCLE_NODE_INDEX".to_owned(),
            "CIRCLE_NODE_TOTAL".to_owned(),
        ]);
    }
    let mut look = |text: &str| {
        for (at, _) in text.match_indices("CIRCLE") {
            let word: String = text[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let begins = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if !begins && (word == "CIRCLECI" || word.starts_with("CIRCLE_")) {
                out.insert(word);
            }
        }
    };
    for step in &job.steps {
        match &step.kind {
            StepKind::Run(RunStep {
                command,
                environment,
                ..
            }) => {
                look(&command.value);
                environment.iter().for_each(|v| look(&v.value.value));
                if command.value.contains("circleci tests") {
                    look("CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL");
                }
            }
            StepKind::SaveCache(save) => look(&save.key.value),
            StepKind::RestoreCache(restore) => restore.keys.iter().for_each(|k| look(&k.value)),
            _ => {}
        }
    }
    out
}

/// Writes the first step: the working directory where CircleCI has it, and the file that each
/// shell reads first.
fn prepare(job: &Job, node: Node, place: Place, head: &mut Block, ledger: &mut Ledger) -> Block {
    let directory = actual(&job.working_directory.value);
    let mut step = Block::default();
    step.put("name", "Prepare the job as CircleCI does");
    let mut text = String::new();
    let fresh = !matches!(
        directory.as_str(),
        "~" | "/" | "." | "" | "/tmp" | "/root" | "~/"
    ) && !directory.contains('$')
        && place == Place::Unix;
    if fresh {
        let word = |path: &str| crate::transpile::lower::quoted(path);
        let target = match (directory.strip_prefix("~/"), directory.starts_with('/')) {
            (Some(rest), _) => format!("\"$HOME\"/{}", word(rest)),
            (None, true) => word(&directory),
            (None, false) => format!("\"$HOME\"/{}", word(&directory)),
        };
        let _ = write!(
            text,
            "# The working directory, and GitHub's name for it\ndirectory={target}\nmkdir -p \"$directory\" 2>/dev/null || {{\n  sudo mkdir -p \"$directory\"\n  sudo chown \"$(id -u):$(id -g)\" \"$directory\"\n}}\nif [ ! -L \"$GITHUB_WORKSPACE\" ]; then\n  cd \"$directory\"\n  rmdir \"$GITHUB_WORKSPACE\"\n  ln -s \"$directory\" \"$GITHUB_WORKSPACE\"\nfi\n"
        );
        ledger.converted(node, "working_directory");
    } else {
        let why = format!("the job works in GitHub's workspace, not in `{directory}`");
        ledger.approximated(node, "working_directory", why.clone());
        head.note(format!("Differs: {why}."));
    }
    text.push_str("# The file that each shell reads first\n: >>\"$RUNNER_TEMP/bash_env\"\necho \"BASH_ENV=$RUNNER_TEMP/bash_env\" >>\"$GITHUB_ENV\"\n");
    text.push_str(&super::steps::shims(job));
    step.put(
        "shell",
        if place == Place::Windows {
            "bash"
        } else {
            "sh"
        },
    );
    step.put("run", text);
    step
}

/// Writes the job that matches patterns, where any has to be.
pub(super) fn gate(checks: &[(String, String)]) -> Option<JobBlock> {
    if checks.is_empty() {
        return None;
    }
    let mut head = Block::default();
    head.note("Patterns of CircleCI's filters, which GitHub's expressions cannot match.");
    head.put("runs-on", "ubuntu-latest");
    let outputs = (1..=checks.len()).map(|n| {
        (
            format!("match-{n}"),
            Data::Str(format!("${{{{ steps.match.outputs.match-{n} }}}}")),
        )
    });
    head.put("outputs", Data::Map(outputs.collect()));
    head.put("timeout-minutes", Data::Int(5));
    let mut step = Block::default();
    step.put("name", "Match").put("id", "match");
    let mut env = Vec::new();
    let mut text = "match() {\n  if printf '%s' \"$2\" | grep -qP \"^(?:$3)\\$\"; then echo \"$1=true\"; else echo \"$1=false\"; fi >>\"$GITHUB_OUTPUT\"\n}\n".to_owned();
    for (i, (value, pattern)) in checks.iter().enumerate() {
        let n = i + 1;
        env.push((
            format!("VALUE_{n}"),
            Data::Str(format!("${{{{ {value} }}}}")),
        ));
        env.push((
            format!("PATTERN_{n}"),
            Data::Str(super::text::escaped(pattern)),
        ));
        let _ = writeln!(text, "match match-{n} \"$VALUE_{n}\" \"$PATTERN_{n}\"");
    }
    step.put("env", Data::Map(env));
    step.put("run", text);
    Some(JobBlock {
        id: GATE.to_owned(),
        head,
        steps: vec![step],
        behind: Vec::new(),
    })
}
