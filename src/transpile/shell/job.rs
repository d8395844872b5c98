//! One job: its script, and what becomes of everything that it says.

use super::facts::Facts;
use super::steps::{Needs, Writer, missing};
use super::{capital, carried, comment};
use crate::circleci::actual;
use crate::flow::Graph;
use crate::layer::{encode_job, twin};
use crate::plan::{DockerImage, ExecutorKind, Job, JobIndex, JobKind, StepKind, Workflow};
use crate::transpile::comments::Comments;
use crate::transpile::lower::{upstream, upstream_words};
use crate::transpile::{Ledger, Node, Outcome, driver, values};
use crate::words::quoted;

const HEAD: &str = include_str!("job.sh");
const FACTS: &str = super::FACTS;
const BEGIN: &str = include_str!("begin.sh");
const STEPS: &str = include_str!("steps.sh");
const CONTEXT: &str = include_str!("context.sh");
const CHECKOUT: &str = include_str!("checkout.sh");
const STORE: &str = include_str!("store.sh");
const DOCKER: &str = include_str!("docker.sh");
const KEYS: &str = include_str!("keys.sh");
const LAYERS: &str = include_str!("layers.sh");

/// Where a job stands.
pub(super) struct Place<'a> {
    pub(super) w: usize,
    pub(super) workflow: &'a Workflow,
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a Facts,
    /// What the config says in comments.
    pub(super) comments: &'a Comments<'a>,
    /// The name of what the scripts are made from.
    pub(super) config: &'a str,
}

/// Settles a job that runs no steps.
pub(super) fn settle_stub(job: &Job, node: Node, ledger: &mut Ledger) -> Option<String> {
    let mut said = None;
    match job.kind {
        JobKind::Build => {}
        JobKind::Approval => ledger.converted(node, "approval"),
        JobKind::NoOp => ledger.converted(node, "no-op"),
        other => {
            let what = format!(
                "a shell has no {} jobs: do by hand what it stands for",
                other.as_str()
            );
            said = Some(format!("To do: {what}"));
            ledger.manual(node, other.as_str(), what);
        }
    }
    ledger.needs_no_steps(node);
    settings(job, node, ledger);
    said
}

/// Writes the script of a job.
pub(super) fn script(at: &Place<'_>, j: JobIndex, ledger: &mut Ledger) -> String {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let mut notes = Vec::new();
    ledger.converted(node, "job");
    ledger.converted(node, "working_directory");
    ledger.converted(node, "shell");
    executor(job, node, ledger, &mut notes);
    settings(job, node, ledger);
    if job.parallelism > 1 {
        let why = "the nodes run one after the other, the first one last";
        ledger.approximated(node, "parallelism", why);
    }
    let mut environment = Environment::default();
    environment.read(job, node, ledger);
    let words = upstream_words(&upstream(at.workflow, at.graph, j));
    let mut writer = Writer {
        job,
        place: (at.w, j),
        upstream: &words,
        facts: at.facts,
        comments: at.comments,
        odd: &environment.odd,
        ledger,
        needs: Needs::default(),
    };
    let mut steps = writer.steps();
    let mut needs = writer.needs;
    for text in &environment.texts {
        needs.values.see(text);
    }
    needs.values.see(&job.working_directory.value);
    if job.invokes.is_some() || job.opaque.is_some() {
        opaque(job, (at.w, j), ledger, &mut notes, &mut steps);
    }
    let mut values = String::new();
    for value in needs.values.carried(at.facts) {
        values.push_str(&value.line);
        if let Some(why) = value.why {
            notes.push(capital(&why));
            ledger.approximated(node, "job", why);
        }
    }
    let notes: String = notes
        .iter()
        .map(|n| format!("#\n# {}\n", comment(n)))
        .collect();
    // Steps of the service are called by the name of their function, and texts of the config may
    // hold anything. In the functions of layers splitting is meant, and `a && b || die` is meant to
    // die of either.
    let checks = match needs.persists || needs.attaches {
        true => "SC2012,SC2015,SC2016,SC2046,SC2086,SC2088,SC2100,SC2209,SC2317",
        false => "SC2016,SC2088,SC2100,SC2209,SC2317",
    };
    let mut out = filled(HEAD, at, job)
        .replace("@NOTES@", &notes)
        .replace("@CHECKS@", checks);
    out.push_str(FACTS);
    contexts(job, node, ledger, &mut out);
    out.push_str(&values);
    out.push_str(&filled(BEGIN, at, job));
    out.push_str(&environment.exports);
    out.push_str(STEPS);
    functions(&needs, &mut out);
    out.push_str("\n# The steps of the job.\n");
    out.push_str(&carried(&at.comments.job(job)));
    out.push_str(&steps);
    out.push_str("\nexit \"$holdall_code\"\n");
    out
}

/// Puts what a job is called into a part of its script.
fn filled(part: &str, at: &Place<'_>, job: &Job) -> String {
    part.replace("@JOB@", &comment(&job.name))
        .replace("@WORKFLOW@", &comment(&at.workflow.name))
        .replace("@CONFIG@", &comment(at.config))
        .replace("@NODES@", &job.parallelism.max(1).to_string())
        .replace("@FILE@", &quoted(&encode_job(&job.name)))
        .replace("@NAME@", &quoted(&job.name))
        .replace(
            "@DIRECTORY@",
            &values::word(&job.working_directory.value).text,
        )
}

/// Adds the functions that the steps use.
fn functions(needs: &Needs, out: &mut String) {
    let verb = twin::Verb::of(needs.persists, needs.attaches);
    for (wanted, part) in [
        (needs.checkout, CHECKOUT),
        (needs.stores, STORE),
        (needs.caches, driver::CACHES),
        (needs.docker, DOCKER),
        (needs.keys, KEYS),
        (needs.conditions, super::CONDITIONS),
    ] {
        if wanted {
            out.push_str(part);
        }
    }
    if needs.caches {
        out.push_str("holdall_caches=$HOLDALL_CACHE\n");
    }
    if needs.programs {
        out.push_str("# What scripts call by the names of the service's programs.\n");
        out.push_str(&driver::programs());
    }
    if let Some(verb) = verb {
        out.push_str(&twin::functions(verb));
        for line in LAYERS.lines() {
            if (line.starts_with("holdall_persist") && needs.persists)
                || (line.starts_with("holdall_attach") && needs.attaches)
            {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
}

/// The variables of a job.
#[derive(Default)]
struct Environment {
    /// The lines that export them.
    exports: String,
    /// `NAME=value` of those that a shell cannot export.
    odd: Vec<String>,
    /// Their values, for what is marked in them.
    texts: Vec<String>,
}

impl Environment {
    /// Takes the variables of the primary container, in which the steps run, and the job's own over
    /// them.
    fn read(&mut self, job: &Job, node: Node, ledger: &mut Ledger) {
        let image = match job.executor.as_ref().map(|e| &e.kind) {
            Some(ExecutorKind::Docker(images)) => images.first(),
            _ => None,
        };
        ledger.converted(node, "image.environment");
        ledger.converted(node, "environment");
        let image = image.map_or(&[][..], |i| &i.environment);
        for var in image.iter().chain(&job.environment) {
            let name = var.name.as_str();
            let word = values::word(&var.value.value).text;
            self.texts.push(var.value.value.clone());
            let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if fits {
                self.exports.push_str(&format!("export {name}={word}\n"));
            } else if !name.is_empty() {
                let word = values::word(&format!("{name}={}", var.value.value));
                self.odd.push(word.text);
            }
        }
    }
}

fn contexts(job: &Job, node: Node, ledger: &mut Ledger, out: &mut String) {
    if job.contexts.is_empty() {
        return;
    }
    out.push('\n');
    out.push_str(CONTEXT);
    for (nth, context) in job.contexts.iter().enumerate() {
        let name = actual(&context.value);
        let file = encode_job(&name);
        let what = format!(
            "write the variables of the context {name} into .holdall/contexts/{file}.env, a line NAME=VALUE each, or export them"
        );
        ledger.settle_nth(node, "context", nth, Outcome::Manual(what));
        out.push_str(&format!(
            "holdall_context {} {}\n",
            quoted(&name),
            quoted(&file)
        ));
    }
}

/// Settles what a job runs on: this machine stands in for all of it.
fn executor(job: &Job, node: Node, ledger: &mut Ledger, notes: &mut Vec<String>) {
    let Some(executor) = &job.executor else {
        return;
    };
    ledger.approximated(
        node,
        "resource_class",
        "the job has what this machine has of processors and memory",
    );
    match &executor.kind {
        ExecutorKind::Docker(images) => {
            for (i, image) in images.iter().enumerate() {
                match i {
                    0 => primary(image, node, ledger, notes),
                    _ => service(i - 1, image, node, ledger, notes),
                }
            }
        }
        ExecutorKind::Machine { image, .. } => {
            let image = image.as_ref().map_or("a virtual machine", |i| &i.value);
            let why = format!("the steps run on this machine, not on {}", actual(image));
            notes.push(capital(&why));
            ledger.approximated(node, "machine", why);
        }
        ExecutorKind::Macos { xcode, .. } => {
            let what = match xcode {
                Some(xcode) => format!("run the job on a Mac with Xcode {}", actual(&xcode.value)),
                None => "run the job on a Mac".to_owned(),
            };
            notes.push(format!("To do: {what}"));
            ledger.manual(node, "macos", what);
        }
        ExecutorKind::Unknown(call) => {
            let why = format!(
                "the steps run on this machine, not on the executor `{}`, whose source is not known here",
                call.name
            );
            notes.push(capital(&why));
            ledger.approximated(node, "orb executor", why);
        }
    }
}

fn primary(image: &DockerImage, node: Node, ledger: &mut Ledger, notes: &mut Vec<String>) {
    let why = format!(
        "the steps run on this machine, not in {}: what they call has to be here",
        actual(&image.image.value)
    );
    notes.push(capital(&why));
    ledger.approximated(node, "image", why);
    ledger.approximated(node, "name", "no container is started, so none has a name");
    ledger.approximated(node, "user", "the steps run as who starts the script");
    for key in ["entrypoint", "command"] {
        ledger.approximated(node, key, "no container is started, only the steps run");
    }
    ledger.approximated(node, "image.setting", "no image is fetched");
}

fn service(
    nth: usize,
    image: &DockerImage,
    node: Node,
    ledger: &mut Ledger,
    notes: &mut Vec<String>,
) {
    let name = image.name.as_ref().map_or("localhost", |n| &n.value);
    let what = format!(
        "start {} before the job, so that it answers at {}",
        actual(&image.image.value),
        actual(name)
    );
    notes.push(format!("To do: {what}"));
    ledger.settle_nth(node, "service.image", nth, Outcome::Manual(what));
    for key in [
        "service.name",
        "service.user",
        "service.entrypoint",
        "service.command",
        "service.environment",
        "service.setting",
    ] {
        ledger.manual(
            node,
            key,
            "start the service with it: the scripts start no containers",
        );
    }
}

/// A job of which not all is known fails until a person has written it.
fn opaque(
    job: &Job,
    place: (usize, usize),
    ledger: &mut Ledger,
    notes: &mut Vec<String>,
    steps: &mut String,
) {
    let what = match &job.invokes {
        Some(call) => format!(
            "write what the job `{}` does: its source is not known here",
            call.name
        ),
        None => job.opaque.clone().unwrap_or_default(),
    };
    if job.invokes.is_some() {
        ledger.settle_job(place.0, place.1, &Outcome::Manual(what.clone()));
    } else {
        ledger.manual(Node::Job(place.0, place.1), "unknown", what.clone());
    }
    // A step that is not known fails by itself.
    if job
        .steps
        .iter()
        .any(|s| matches!(s.kind, StepKind::Opaque(_)))
    {
        notes.push(format!("To do: {what}"));
        return;
    }
    let step = missing("to do", &what, notes);
    steps.push('\n');
    steps.push_str(&step);
}

fn settings(job: &Job, node: Node, ledger: &mut Ledger) {
    for (nth, (key, _)) in job.settings.iter().enumerate() {
        let what = format!("a shell has nothing like {key}: see to what it is for");
        ledger.settle_nth(node, "setting", nth, Outcome::Manual(what));
    }
}
