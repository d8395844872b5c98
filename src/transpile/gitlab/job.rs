//! One job: its keys in GitLab, and what becomes of everything that it says.

use super::cache::Groups;
use super::condition::{Runs, text};
use super::executor;
use super::names::{self, Rule, reference};
use super::steps::{Item, Needs, Source, Writer};
use super::write::{Entries, Value};
use crate::flow::Graph;
use crate::layer::encode_job;
use crate::plan::{EnvVar, ExecutorKind, Job, JobIndex, JobKind, JobStatus, StepKind, Workflow};
use crate::transpile::lower::{quoted, upstream};
use crate::transpile::{Ledger, Node, Outcome, values};
use crate::yaml::Data;

/// Most jobs that a job of GitLab may need.
const MOST_NEEDS: usize = 50;

/// What a job is written from.
pub(super) struct Context<'a> {
    /// The position of the workflow.
    pub(super) w: usize,
    /// The workflow.
    pub(super) workflow: &'a Workflow,
    /// Its graph.
    pub(super) graph: &'a Graph,
    /// When its jobs run.
    pub(super) runs: &'a [Runs],
    /// The names of its jobs in GitLab.
    pub(super) names: &'a [String],
    /// The caches of the pipeline.
    pub(super) groups: &'a Groups,
    /// Whether rules have to tell branches, tags and schedules apart.
    pub(super) tells_apart: bool,
    /// What the workflow's own condition says.
    pub(super) rule: Option<Rule>,
    /// Whether schedules start workflows of the pipeline.
    pub(super) scheduled: bool,
}

/// Writes a job; what is said about it as a whole comes first.
pub(super) fn job(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
) -> (Vec<String>, Entries, Needs) {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let mut about = Vec::new();
    let mut out = Entries::default();
    match job.kind {
        JobKind::Build => build(at, j, ledger, &mut about, out),
        kind => {
            stub(kind, node, ledger, &mut about);
            common(at, j, ledger, &mut out, &mut about);
            out.add("needs", needs(at, j, &[]));
            out.add("variables", map(vec![("GIT_STRATEGY", "none".into())]));
            out.add("script", Data::List(vec!["true".into()]));
            // What only jobs that run steps have is said of others in vain.
            for key in [
                "working_directory",
                "shell",
                "environment",
                "parallelism",
                "resource_class",
                "image",
                "machine",
                "macos",
                "image.environment",
            ] {
                ledger.converted(node, key);
            }
            settings(job, node, ledger);
            (about, out, Needs::default())
        }
    }
}

fn stub(kind: JobKind, node: Node, ledger: &mut Ledger, about: &mut Vec<String>) {
    match kind {
        JobKind::Build => {}
        JobKind::Approval => ledger.converted(node, "approval"),
        JobKind::NoOp => ledger.converted(node, "no-op"),
        other => {
            let what = format!(
                "GitLab has no {} jobs: do by hand what it stands for",
                other.as_str()
            );
            about.push(format!("To do: {what}"));
            ledger.manual(node, other.as_str(), what);
        }
    }
}

fn map(entries: Vec<(&str, Data)>) -> Data {
    Data::Map(
        entries
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
    )
}

/// Writes when a job runs, and settles what its entry in the workflow says.
fn common(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    out: &mut Entries,
    about: &mut Vec<String>,
) {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    match &at.runs[j].left {
        Some(why) => {
            about.push(format!("To do: {why}"));
            ledger.manual(node, "filters", why.clone());
        }
        None => ledger.converted(node, "filters"),
    }
    ledger.converted(node, "matrix");
    for (nth, context) in job.contexts.iter().enumerate() {
        let what = format!(
            "create the variables of the context {} as CI/CD variables of the group or project, masked and protected",
            context.value
        );
        ledger.settle_nth(node, "context", nth, Outcome::Manual(what));
    }
    if !job.contexts.is_empty() {
        let names: Vec<&str> = job.contexts.iter().map(|c| c.value.as_str()).collect();
        about.push(format!(
            "Needs the variables of these contexts as CI/CD variables: {}",
            names.join(", ")
        ));
    }
    ledger.manual(
        node,
        "unknown requires",
        "say which job it waits for: it is not known here",
    );
    ledger.manual(
        node,
        "override-with",
        "say whether the orb's job takes its place: its source is not known here",
    );
    let when = when(at, j, ledger, about);
    rules(at, j, when, out);
    if let Some(group) = &job.serial_group {
        out.add("resource_group", group.value.as_str());
        ledger.approximated(
            node,
            "serial-group",
            "the jobs of one project wait for each other, not those of the organisation",
        );
    }
}

/// Returns the `when` of a job: by the statuses that it waits for, or by hand.
fn when(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    about: &mut Vec<String>,
) -> Option<&'static str> {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let has = |statuses: &[JobStatus], s: JobStatus| statuses.contains(&s);
    let plain = |statuses: &[JobStatus]| statuses == [JobStatus::Success];
    if job.requires.iter().all(|r| plain(&r.statuses)) {
        ledger.converted(node, "requires");
        return (job.kind == JobKind::Approval).then_some("manual");
    }
    let failure_only = |s: &[JobStatus]| has(s, JobStatus::Failed) && !has(s, JobStatus::Success);
    let both = |s: &[JobStatus]| has(s, JobStatus::Failed) && has(s, JobStatus::Success);
    let (when, why) = if job.requires.iter().all(|r| both(&r.statuses)) {
        (
            "always",
            "it runs however the jobs that it needs have ended, a cancelled or skipped one included",
        )
    } else if job.requires.iter().all(|r| failure_only(&r.statuses)) {
        (
            "on_failure",
            "it runs when any of the jobs that it needs has failed",
        )
    } else {
        (
            "always",
            "GitLab has one condition for all jobs that a job needs: it runs however they have ended",
        )
    };
    for (nth, r) in job.requires.iter().enumerate() {
        // One failure that one job waits for is what GitLab says too.
        let exact =
            when == "on_failure" && job.requires.len() == 1 && r.statuses == [JobStatus::Failed];
        let outcome = match exact {
            true => Outcome::Converted,
            false => Outcome::Approximated(why.to_owned()),
        };
        ledger.settle_nth(node, "requires", nth, outcome);
    }
    about.push(format!("Statuses: {why}"));
    if job.kind == JobKind::Approval {
        Some("manual")
    } else {
        Some(when)
    }
}

fn rules(at: &Context<'_>, j: JobIndex, when: Option<&'static str>, out: &mut Entries) {
    let runs = &at.runs[j];
    let manual = when == Some("manual");
    let finish = |mut entries: Vec<(String, Data)>| {
        if let Some(when) = when {
            entries.push(("when".to_owned(), when.into()));
        }
        if manual {
            entries.push(("allow_failure".to_owned(), Data::Bool(false)));
        }
        Data::Map(entries)
    };
    if runs.branch.is_always()
        && runs.tag.is_never()
        && !at.tells_apart
        && matches!(at.rule, None | Some(Rule::Holds(true)))
    {
        if let Data::Map(entries) = finish(Vec::new()) {
            for (key, value) in entries {
                out.add(&key, value);
            }
        }
        return;
    }
    let mut list = Vec::new();
    let mut besides = Vec::new();
    if !at.workflow.schedules.is_empty() {
        besides.push("$CI_PIPELINE_SOURCE == \"schedule\"".to_owned());
        besides.push(format!(
            "$CI_PIPELINE_SCHEDULE_DESCRIPTION == {}",
            text(&at.workflow.name)
        ));
    } else if at.scheduled {
        besides.push("$CI_PIPELINE_SOURCE != \"schedule\"".to_owned());
    }
    let mut besides_tag = Vec::new();
    if let Some(Rule::Text(rule)) = &at.rule {
        besides.push(rule.clone());
        besides_tag.push(rule.clone());
    }
    let mut expressions = runs.branch.expressions("$CI_COMMIT_BRANCH", &besides);
    if at.workflow.schedules.is_empty() {
        expressions.extend(runs.tag.expressions("$CI_COMMIT_TAG", &besides_tag));
    }
    if at.rule == Some(Rule::Holds(false)) {
        expressions.clear();
    }
    for expression in expressions {
        list.push(finish(vec![("if".to_owned(), Data::Str(expression))]));
    }
    if list.is_empty() {
        list.push(map(vec![("when", "never".into())]));
    }
    out.add("rules", Data::List(list));
}

/// Writes the jobs that a job waits for: those that it names, then those whose layers it takes.
fn needs(at: &Context<'_>, j: JobIndex, layers: &[JobIndex]) -> Data {
    let job = &at.workflow.jobs[j];
    let mut list: Vec<(JobIndex, bool)> = Vec::new();
    for r in &job.requires {
        if !list.iter().any(|(known, _)| *known == r.job) {
            list.push((r.job, layers.contains(&r.job)));
        }
    }
    for layer in layers {
        if !list.iter().any(|(known, _)| known == layer) {
            list.push((*layer, true));
        }
    }
    list.truncate(MOST_NEEDS);
    let entry = |(need, artifacts): (JobIndex, bool)| {
        let mut entries = vec![("job", Data::Str(at.names[need].clone()))];
        if !artifacts {
            entries.push(("artifacts", Data::Bool(false)));
        }
        if !at.runs[j].implies(&at.runs[need]) {
            entries.push(("optional", Data::Bool(true)));
        }
        map(entries)
    };
    Data::List(list.into_iter().map(entry).collect())
}

/// Says whether a job makes all its layers wherever a job below it runs.
fn surely(at: &Context<'_>, maker: JobIndex, taker: JobIndex) -> bool {
    let job = &at.workflow.jobs[maker];
    let plain = job.steps.iter().all(|s| match &s.kind {
        StepKind::Run(run) => !run.command.value.contains("halt"),
        StepKind::Persist(_) => s.rule.is_none(),
        _ => true,
    });
    let between = at.graph.upstream(taker).chain([taker]);
    let mut passed = between.flat_map(|b| &at.workflow.jobs[b].requires);
    let succeeded = passed.all(|r| r.statuses == [JobStatus::Success]);
    plain && succeeded && at.runs[taker].implies(&at.runs[maker])
}

fn build(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    about: &mut Vec<String>,
    mut out: Entries,
) -> (Vec<String>, Entries, Needs) {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let layers: Vec<JobIndex> = at
        .graph
        .upstream(j)
        .filter(|u| made(&at.workflow.jobs[*u]) > 0)
        .collect();
    let attaches = job
        .steps
        .iter()
        .any(|s| matches!(s.kind, StepKind::Attach(_)));
    let sources: Vec<Source> = match attaches {
        true => upstream(at.workflow, at.graph, j)
            .into_iter()
            .zip(&layers)
            .map(|(upstream, maker)| {
                let maker_job = &at.workflow.jobs[*maker];
                let all = made(maker_job) * nodes(maker_job);
                let count = if surely(at, *maker, j) { all } else { 0 };
                Source { upstream, count }
            })
            .collect(),
        false => Vec::new(),
    };
    ledger.converted(node, "job");
    let mut writer = Writer {
        job,
        place: (at.w, j),
        sources: &sources,
        groups: at.groups,
        ledger,
        needs: Needs::default(),
        layers: 0,
    };
    let mut items = writer.steps();
    let mut facts = writer.needs;
    if job.invokes.is_some() || job.opaque.is_some() {
        opaque(job, (at.w, j), ledger, about, &mut items);
    }

    out.add("extends", ".holdall");
    facts.docker |= executor::is_machine(job);
    executor::executor(job, node, facts.docker, ledger, &mut out);
    common(at, j, ledger, &mut out, about);
    let taken: &[JobIndex] = if attaches { &layers } else { &[] };
    let wanted = needs(at, j, taken);
    let all = taken
        .iter()
        .filter(|t| !job.requires.iter().any(|r| r.job == **t))
        .count()
        + job.requires.len();
    if all > MOST_NEEDS {
        let what = format!(
            "GitLab lets a job need {MOST_NEEDS} others, this one needs {all}: split the workflow, or let a job between persist for several"
        );
        about.push(format!("To do: {what}"));
        ledger.manual(node, "requires", what);
    }
    out.add("needs", wanted);
    if job.parallelism > 1 {
        out.add("parallel", Data::Int(nodes(job) as i64));
        match job.parallelism > 200 {
            true => ledger.approximated(node, "parallelism", "GitLab starts 200 nodes at most"),
            false => ledger.converted(node, "parallelism"),
        }
    }
    let exported = variables(at, j, &mut facts, ledger, &mut out);
    if facts.slow {
        out.add("timeout", "5h");
    }
    if let Some(reruns) = &at.workflow.max_auto_reruns {
        out.add("retry", Data::Int(i64::from(reruns.value.min(2))));
    }
    if facts.token {
        out.commented(
            "id_tokens",
            Value::Data(map(vec![(
                "CIRCLE_OIDC_TOKEN",
                map(vec![("aud", "$CI_SERVER_URL".into())]),
            )])),
            vec![
                "To do: the token is GitLab's; the cloud that checks it has to trust it".to_owned(),
            ],
        );
    }
    caches(&facts, &mut out);
    script(exported, items, &mut out);
    artifacts(job, &facts, &mut out);
    ledger.converted(node, "working_directory");
    ledger.converted(node, "shell");
    settings(job, node, ledger);
    (std::mem::take(about), out, facts)
}

/// Returns how many layers a job makes on each node.
fn made(job: &Job) -> usize {
    job.steps
        .iter()
        .filter(|s| matches!(s.kind, StepKind::Persist(_)))
        .count()
}

fn nodes(job: &Job) -> usize {
    job.parallelism.clamp(1, 200) as usize
}

/// A job of which not all is known fails until a person has written it.
fn opaque(
    job: &Job,
    place: (usize, usize),
    ledger: &mut Ledger,
    about: &mut Vec<String>,
    items: &mut Vec<Item>,
) {
    let what = match &job.invokes {
        Some(call) => format!(
            "write what the job `{}` does: its source is not known here",
            call.name
        ),
        None => job.opaque.clone().unwrap_or_default(),
    };
    about.push(format!("To do: {what}"));
    if job.invokes.is_some() {
        ledger.settle_job(place.0, place.1, &Outcome::Manual(what.clone()));
    } else {
        ledger.manual(Node::Job(place.0, place.1), "unknown", what.clone());
    }
    // A step that is not known fails by itself.
    let step = |s: &crate::plan::Step| matches!(s.kind, StepKind::Opaque(_));
    if job.steps.iter().any(step) {
        return;
    }
    items.push(Item {
        comments: Vec::new(),
        text: format!(
            "holdall_run 'to do' <<'END'\nprintf '%s\\n' {} >&2\nexit 1\nEND\n",
            quoted(&what)
        ),
    });
}

fn settings(job: &Job, node: Node, ledger: &mut Ledger) {
    for (nth, (key, _)) in job.settings.iter().enumerate() {
        let what = format!("GitLab has nothing like {key}: see to what it is for");
        ledger.settle_nth(node, "setting", nth, Outcome::Manual(what));
    }
}

/// Writes the variables of a job, and returns those that its script has to set: GitLab would
/// expand what is in them.
fn variables(
    at: &Context<'_>,
    j: JobIndex,
    facts: &mut Needs,
    ledger: &mut Ledger,
    out: &mut Entries,
) -> Vec<String> {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let mut list: Vec<(String, Data)> = vec![
        (
            "CIRCLE_JOB".to_owned(),
            Data::Str(job.name.replace('$', "$$")),
        ),
        (
            "CIRCLE_WORKING_DIRECTORY".to_owned(),
            Data::Str(reference(&job.working_directory.value.replace('$', "$$"))),
        ),
    ];
    match facts.checkout {
        Some(depth) => list.push(("GIT_DEPTH".to_owned(), Data::Str(depth.to_string()))),
        None => list.push(("GIT_STRATEGY".to_owned(), "none".into())),
    }
    if facts.docker {
        for (name, value) in [
            ("DOCKER_HOST", "tcp://docker:2376"),
            ("DOCKER_TLS_CERTDIR", "/certs"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs/client"),
        ] {
            list.push((name.to_owned(), value.into()));
        }
    }
    let image: &[EnvVar] = match job.executor.as_ref().map(|e| &e.kind) {
        Some(ExecutorKind::Docker(images)) => images.first().map_or(&[], |i| &i.environment),
        _ => &[],
    };
    let mut exported: Vec<EnvVar> = Vec::new();
    let own = job
        .environment
        .iter()
        .enumerate()
        .map(|(n, v)| ("environment", n, v));
    let theirs = image
        .iter()
        .enumerate()
        .map(|(n, v)| ("image.environment", n, v));
    for (key, nth, var) in theirs.chain(own) {
        let fits = var
            .name
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && var
                .name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits {
            let what = format!(
                "GitLab has no variables with names like {}: rename it",
                var.name
            );
            ledger.settle_nth(node, key, nth, Outcome::Manual(what));
            continue;
        }
        ledger.settle_nth(node, key, nth, Outcome::Converted);
        list.retain(|(name, _)| *name != var.name);
        exported.retain(|v| v.name != var.name);
        let marked = crate::circleci::actual(&var.value.value) != var.value.value;
        if marked || var.value.value.contains('$') {
            exported.push(var.clone());
        } else {
            list.push((var.name.clone(), Data::Str(var.value.value.clone())));
        }
    }
    out.add("variables", Data::Map(list));
    let mut lines = Vec::new();
    for var in &exported {
        let word = values::word(&var.value.value);
        facts.values.extend(word.values);
        lines.push(format!("export {}={}", var.name, word.text));
    }
    // Parameters are variables of the whole file.
    let own = facts
        .values
        .iter()
        .filter(|v| !v.starts_with(values::PARAMETER));
    let first: Vec<String> = own
        .map(|name| {
            let variable = values::variable(name);
            match names::of_value(name) {
                Some(own) => format!("export {variable}=\"${{{own}:-}}\""),
                None => {
                    let why = format!("GitLab has nothing like {name}: it is empty");
                    ledger.approximated(node, "job", why);
                    format!("export {variable}=''")
                }
            }
        })
        .collect();
    first.into_iter().chain(lines).collect()
}

/// Writes the caches of a job; GitLab carries four at most.
fn caches(facts: &Needs, out: &mut Entries) {
    const MOST: usize = 4;
    let mut list: Vec<Data> = Vec::new();
    for (group, saves) in facts.caches.iter().take(MOST) {
        list.push(map(vec![
            ("key", Data::Str(format!("holdall-{group}"))),
            (
                "paths",
                Data::List(vec![Data::Str(format!(".holdall/cache/{group}/"))]),
            ),
            ("policy", if *saves { "pull-push" } else { "pull" }.into()),
            ("when", "always".into()),
        ]));
    }
    let comments = match facts.caches.len() > MOST {
        true => vec![format!(
            "GitLab carries {MOST} caches a job: the others are always empty"
        )],
        false => Vec::new(),
    };
    if !list.is_empty() {
        out.commented("cache", Value::Data(Data::List(list)), comments);
    }
}

fn script(exported: Vec<String>, items: Vec<Item>, out: &mut Entries) {
    let mut list: Vec<(Vec<String>, Data)> = Vec::new();
    if !exported.is_empty() {
        let comments = vec!["Set here: GitLab would expand what is in them".to_owned()];
        list.push((comments, Data::Str(exported.join("\n"))));
    }
    for item in items {
        list.push((item.comments, Data::Str(item.text)));
    }
    list.push((Vec::new(), "holdall_finish".into()));
    out.commented("script", Value::Commented(list), Vec::new());
}

fn artifacts(job: &Job, facts: &Needs, out: &mut Entries) {
    let name = encode_job(&job.name);
    let mut paths: Vec<Data> = Vec::new();
    if facts.persists {
        paths.push(Data::Str(format!(".holdall/layers/{name}@*.tar")));
    }
    if facts.artifacts {
        paths.push(Data::Str(format!(".holdall/artifacts/{name}/")));
    }
    if paths.is_empty() && !facts.reports {
        return;
    }
    let mut entries = vec![("when", Data::from("always"))];
    if !paths.is_empty() {
        entries.push(("paths", Data::List(paths)));
    }
    if facts.reports {
        let junit = Data::List(vec![Data::Str(format!(".holdall/tests/{name}/**/*.xml"))]);
        entries.push(("reports", map(vec![("junit", junit)])));
    }
    // As long as the service keeps artifacts, or layers where there are no others.
    let kept = if facts.artifacts {
        "30 days"
    } else {
        "15 days"
    };
    entries.push(("expire_in", kept.into()));
    out.add("artifacts", map(entries));
}
