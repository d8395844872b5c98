//! One job: its keys in GitLab, and what becomes of everything that it says.

use super::cache::Groups;
use super::condition::Runs;
use super::executor;
use super::names::Rule;
use super::needs::{made, needs, nodes, surely};
use super::rules::{common, rules};
use super::steps::{Item, Needs, Source, Writer, owned};
use super::variables::variables;
use super::write::{Entries, Value};
use crate::flow::Graph;
use crate::layer::encode_job;
use crate::plan::{Job, JobIndex, JobKind, JobStatus, StepKind, Workflow};
use crate::transpile::comments::Comments;
use crate::transpile::lower::upstream;
use crate::transpile::{Ledger, Node, Outcome, Runtime};
use crate::words::quoted;
use crate::yaml::Data;

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
    /// What the config says in comments.
    pub(super) comments: &'a Comments<'a>,
    /// What performs the layer operations.
    pub(super) runtime: Runtime,
    /// Whether rules have to tell branches, tags and schedules apart.
    pub(super) tells_apart: bool,
    /// What the workflow's own condition says.
    pub(super) rule: Option<Rule>,
    /// Whether schedules start workflows of the pipeline.
    pub(super) scheduled: bool,
}

/// A job of GitLab.
pub(super) struct Written {
    /// Its name.
    pub(super) name: String,
    /// What is said about it as a whole.
    pub(super) about: Vec<String>,
    /// Its keys.
    pub(super) entries: Entries,
    /// What its steps need.
    pub(super) needs: Needs,
}

/// Writes a job, behind those that gather what it needs.
pub(super) fn job(at: &Context<'_>, j: JobIndex, ledger: &mut Ledger) -> Vec<Written> {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let mut about = owned(at.comments.job(job));
    let mut out = Entries::default();
    match job.kind {
        JobKind::Build => build(at, j, ledger, about, out),
        kind => {
            stub(kind, node, ledger, &mut about);
            common(at, j, ledger, &mut out, &mut about);
            let mut written = needed(at, j, &[], ledger, &mut out, &mut about);
            out.add("variables", map(vec![("GIT_STRATEGY", "none".into())]));
            out.add("script", Data::List(vec!["true".into()]));
            ledger.needs_no_steps(node);
            settings(job, node, ledger);
            written.push(Written {
                name: at.names[j].clone(),
                about,
                entries: out,
                needs: Needs::default(),
            });
            written
        }
    }
}

/// Writes what a job needs, and returns the jobs that gather it where it is too much for one list.
fn needed(
    at: &Context<'_>,
    j: JobIndex,
    layers: &[JobIndex],
    ledger: &mut Ledger,
    out: &mut Entries,
    about: &mut Vec<String>,
) -> Vec<Written> {
    let plain = |r: &crate::plan::Requirement| r.statuses == [JobStatus::Success];
    let gathers = at.workflow.jobs[j].requires.iter().all(plain);
    let Some(wanted) = needs(at, j, layers, gathers) else {
        let what = "GitLab lets a job need 50 others, and this one needs more, not all of which have to succeed: split the workflow";
        about.push(format!("To do: {what}"));
        ledger.manual(Node::Job(at.w, j), "requires", what);
        out.add("needs", Data::List(Vec::new()));
        return Vec::new();
    };
    out.add("needs", wanted.list);
    let gather = wanted.gather.into_iter().map(|(name, list)| {
        let mut entries = Entries::default();
        rules(at, j, None, &mut entries);
        entries.add("needs", list);
        entries.add("variables", map(vec![("GIT_STRATEGY", "none".into())]));
        entries.add("script", Data::List(vec!["true".into()]));
        let paths = Data::List(vec![".holdall/layers/$CI_PIPELINE_ID/".into()]);
        entries.add(
            "artifacts",
            map(vec![("paths", paths), ("expire_in", "15 days".into())]),
        );
        let why = format!(
            "Hands on what {} needs: a job may need 50 others",
            at.names[j]
        );
        Written {
            name,
            about: vec![why],
            entries,
            needs: Needs::default(),
        }
    });
    gather.collect()
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

pub(super) fn map(entries: Vec<(&str, Data)>) -> Data {
    Data::Map(
        entries
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
    )
}

fn build(
    at: &Context<'_>,
    j: JobIndex,
    ledger: &mut Ledger,
    mut about: Vec<String>,
    mut out: Entries,
) -> Vec<Written> {
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
        comments: at.comments,
        runtime: at.runtime,
        ledger,
        needs: Needs::default(),
        layers: 0,
    };
    let mut items = writer.steps();
    let mut facts = writer.needs;
    if job.invokes.is_some() || job.opaque.is_some() {
        opaque(job, (at.w, j), ledger, &mut about, &mut items);
    }

    out.add("extends", ".holdall");
    facts.docker |= executor::is_machine(job);
    executor::executor(job, node, facts.docker, ledger, &mut out);
    common(at, j, ledger, &mut out, &mut about);
    let taken: &[JobIndex] = if attaches { &layers } else { &[] };
    let mut written = needed(at, j, taken, ledger, &mut out, &mut about);
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
            Value::Data(map(["CIRCLE_OIDC_TOKEN", "CIRCLE_OIDC_TOKEN_V2"]
                .map(|name| (name, map(vec![("aud", "$CI_SERVER_URL".into())])))
                .to_vec())),
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
    written.push(Written {
        name: at.names[j].clone(),
        about,
        entries: out,
        needs: facts,
    });
    written
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
    // In front of the end.
    let end = items.len().saturating_sub(1);
    items.insert(
        end,
        Item {
            comments: Vec::new(),
            text: format!(
                "holdall_run 'to do' <<'END'\nprintf '%s\\n' {} >&2\nexit 1\nEND\n",
                quoted(&what)
            ),
        },
    );
}

fn settings(job: &Job, node: Node, ledger: &mut Ledger) {
    for (nth, (key, _)) in job.settings.iter().enumerate() {
        let what = format!("GitLab has nothing like {key}: see to what it is for");
        ledger.settle_nth(node, "setting", nth, Outcome::Manual(what));
    }
}

/// Writes the caches of a job.
fn caches(facts: &Needs, out: &mut Entries) {
    let (saved, read): (Vec<_>, Vec<_>) = facts.caches.iter().partition(|(_, saves)| *saves);
    // Those that are saved come first: a runner that stops at one that is only read keeps them.
    let list = saved.into_iter().chain(read).map(|(group, saves)| {
        map(vec![
            ("key", Data::Str(format!("holdall-{group}"))),
            (
                "paths",
                Data::List(vec![Data::Str(format!(".holdall/cache/{group}/"))]),
            ),
            ("policy", if *saves { "pull-push" } else { "pull" }.into()),
            ("when", "always".into()),
        ])
    });
    let list: Vec<Data> = list.collect();
    if !list.is_empty() {
        out.add("cache", Data::List(list));
    }
}

fn script(exported: Vec<String>, items: Vec<Item>, out: &mut Entries) {
    let mut list: Vec<(Vec<String>, Data)> = Vec::new();
    if !exported.is_empty() {
        let comments =
            vec!["Set here: a variable of the project would win over one of the job".to_owned()];
        list.push((comments, Data::Str(exported.join("\n"))));
    }
    for item in items {
        list.push((item.comments, Data::Str(item.text)));
    }
    out.commented("script", Value::Commented(list), Vec::new());
}

fn artifacts(job: &Job, facts: &Needs, out: &mut Entries) {
    let name = encode_job(&job.name);
    let mut paths: Vec<Data> = Vec::new();
    if facts.persists {
        paths.push(Data::Str(format!(
            ".holdall/layers/$CI_PIPELINE_ID/{name}@*.tar"
        )));
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
