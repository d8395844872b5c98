//! Workflows of real projects, run: the graphs, the workspaces, the caches and the checkouts are
//! theirs, the commands are ones that make what their persists take. Each attach must bring exactly
//! what a simple model of workspaces says. `graphs.toml` names the workflows and what each shows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod model;
mod plan;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use holdall::circleci::{Facts, Inputs, compile};
use holdall::plan::{GitRef, JobKind, JobStatus, StepKind, Workflow};
use holdall::run::{JobReport, Options, RunError, StepStatus, Summary, execute};
use holdall::yaml::{Source, Sources};
use serde::Deserialize;

use model::{Expected, Failure, Files, REPOSITORY};
use plan::Prepared;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graphs {
    graph: Vec<Graph>,
}

/// A workflow of a real config.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Graph {
    config: String,
    workflow: String,
    #[serde(default)]
    branch: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    /// Jobs that are made to fail at their end.
    #[serde(default)]
    fails: Vec<String>,
    /// Whether it takes minutes: it runs where `HOLDALL_TEST_LARGE` is set.
    #[serde(default)]
    large: bool,
    /// How many jobs run, or would.
    jobs: usize,
    /// What it is an example of: all that the test can tell, and nothing else.
    shows: BTreeSet<String>,
    /// The jobs whose attach must fail, with the jobs that wrote a path at the same time.
    #[serde(default)]
    conflict: Vec<Conflict>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conflict {
    job: String,
    between: [String; 2],
    path: String,
}

impl Graph {
    fn pushed(&self) -> GitRef {
        match (&self.branch, &self.tag) {
            (_, Some(tag)) => GitRef::Tag(tag.clone()),
            (Some(branch), None) => GitRef::Branch(branch.clone()),
            (None, None) => GitRef::Branch("main".to_owned()),
        }
    }
}

/// Compiles a config as `holdall run` does, and returns its workflow as the push leaves it.
fn compiled(path: &Path, graph: &Graph) -> (Workflow, usize) {
    let mut sources = Sources::default();
    let id = sources.add(Source::new(path, std::fs::read_to_string(path).unwrap()));
    let inputs = Inputs {
        facts: Facts {
            branch: graph.branch.clone(),
            tag: graph.tag.clone(),
            ..Facts::default()
        },
        decide: true,
        ..Inputs::default()
    };
    let compiled = compile(&mut sources, id, &inputs);
    let mut workflows = compiled.pipeline.workflows.into_iter();
    let workflow = workflows.find(|w| w.name == graph.workflow);
    let workflow = workflow.unwrap_or_else(|| panic!("no workflow {}", graph.workflow));
    let all = workflow.jobs.len();
    let (kept, _) = workflow.for_push(&graph.pushed()).unwrap();
    (kept, all)
}

/// A project, a home, a store: what a run needs.
struct Place {
    dir: tempfile::TempDir,
    options: Options,
}

impl Place {
    fn new(prepared: &Prepared, graph: &Graph) -> Self {
        // Jobs have a /tmp of their own, and attach to it.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["project", "home", "store", "runs", "scratch"] {
            std::fs::create_dir(base.join(name)).unwrap();
        }
        let project = base.join("project");
        for path in &prepared.tracked {
            let file = project.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, model::tracked_content(path) + "\n").unwrap();
        }
        let branch = graph.branch.as_deref().unwrap_or("main");
        let who = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
        for words in [
            &["init", "-q", "-b", branch][..],
            &["add", "-A"],
            &["commit", "-qm", "test"],
        ] {
            let mut git = Command::new("git");
            let status = git.current_dir(&project).args(who).args(words).status();
            assert!(status.unwrap().success(), "git {words:?}");
        }
        let mut options = Options::new(&project);
        options.store = base.join("store");
        options.runs = base.join("runs");
        options.caches = base.join("caches");
        options.agent = Some(env!("CARGO_BIN_EXE_holdall").into());
        options.host_env.retain(|(name, _)| name != "HOME");
        options
            .host_env
            .push(("HOME".into(), base.join("home").into()));
        options.approvals.all = true;
        options.pushed = Some(graph.pushed());
        Self { dir, options }
    }

    fn home(&self) -> String {
        let home = self.dir.path().canonicalize().unwrap().join("home");
        home.to_str().unwrap().to_owned()
    }
}

/// Returns what the looks of a node saw, from its log.
fn looks(report: &JobReport, node: u32) -> Vec<Files> {
    let log = report.log.as_ref().expect("a log");
    let log = match report.nodes {
        0 | 1 => log.clone(),
        _ => {
            let first = log.to_str().unwrap().strip_suffix("-0.log").unwrap();
            format!("{first}-{node}.log").into()
        }
    };
    let text = std::fs::read_to_string(log).unwrap();
    let mut all = Vec::new();
    let mut lines = text.lines();
    while lines.find(|line| line.starts_with("hd-look ")).is_some() {
        let seen = lines.by_ref().take_while(|line| *line != "hd-end");
        let seen = seen.map(|line| {
            let (path, content) = line.split_once(":hd ").unwrap_or_else(|| panic!("{line}"));
            let path = path.strip_prefix("./").unwrap();
            (path.to_owned(), format!("hd {content}"))
        });
        all.push(seen.collect());
    }
    all
}

/// Returns what is wrong with a run.
fn differences(summary: &Summary, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    for report in &summary.jobs {
        let name = &report.name;
        let status = expected.status[name];
        if report.status != status {
            wrong.push(format!(
                "{name}: {:?} and not {status:?}: {:?}",
                report.status,
                messages(report)
            ));
            continue;
        }
        let layers = expected.layers.get(name).copied().unwrap_or(0);
        if report.layers.len() != layers {
            wrong.push(format!(
                "{name}: {} layers and not {layers}",
                report.layers.len()
            ));
        }
        if report.status == JobStatus::NotRun || report.log.is_none() {
            continue;
        }
        for node in 0..report.nodes.max(1) {
            let key = (name.clone(), node);
            let none = Vec::new();
            let want = expected.looks.get(&key).unwrap_or(&none);
            let seen = looks(report, node);
            if seen != *want {
                wrong.push(format!("{name} {node}: saw {seen:#?} and not {want:#?}"));
            }
            let said = failure(report, node);
            if !fits(expected.failures.get(&key), said.as_deref()) {
                let want = expected.failures.get(&key);
                wrong.push(format!("{name} {node}: {said:?} and not {want:?}"));
            }
        }
    }
    wrong
}

fn messages(report: &JobReport) -> Vec<&str> {
    report
        .steps
        .iter()
        .filter_map(|s| s.message.as_deref())
        .collect()
}

fn failure(report: &JobReport, node: u32) -> Option<String> {
    let mut steps = report.steps.iter();
    let failed = steps.find(|s| s.node == node && s.status == StepStatus::Failed)?;
    failed.message.clone()
}

/// Says whether the message of a failed step tells what the model expects.
fn fits(want: Option<&Failure>, said: Option<&str>) -> bool {
    match (want, said) {
        (None, None) => true,
        (Some(Failure::NoMatch), Some(said)) => said.contains("did not match any files"),
        (Some(Failure::NotEmpty), Some(said)) => {
            said.contains("is not empty and not a git repository")
        }
        (Some(Failure::Asked), Some(said)) => said == "exited with code 1",
        (Some(Failure::Conflict(pairs)), Some(said)) => {
            said.contains("Concurrent upstream jobs persisted the same file(s)")
                && pairs.iter().any(|(a, b, path)| {
                    let inside = path.strip_suffix(REPOSITORY).map(|p| format!("`{p}.git/"));
                    said.contains(&format!("{a}/"))
                        && said.contains(&format!("{b}/"))
                        && said.contains(&inside.unwrap_or_else(|| format!("`{path}`")))
                })
        }
        _ => false,
    }
}

/// Tells what a workflow is an example of, beside what the model saw.
fn shows(workflow: &Workflow, left_out: usize, expected: &Expected) -> BTreeSet<String> {
    let mut shows: BTreeSet<&str> = expected.shows.clone();
    if left_out > 0 {
        shows.insert("filters");
    }
    if expected
        .failures
        .values()
        .any(|f| matches!(f, Failure::Conflict(_)))
    {
        shows.insert("conflict");
    }
    for job in &workflow.jobs {
        let build = job.kind == JobKind::Build;
        let mut requires = job.requires.iter();
        let persists = job
            .steps
            .iter()
            .filter(|s| matches!(s.kind, StepKind::Persist(_)))
            .count();
        let named = [
            ("matrix", job.matrix.is_some()),
            ("parallelism", job.parallelism > 1),
            ("approval", job.kind == JobKind::Approval),
            ("no-op", job.kind == JobKind::NoOp),
            (
                "serial group",
                job.kind == JobKind::Lock || job.serial_group.is_some(),
            ),
            (
                "statuses",
                requires.any(|r| !matches!(r.statuses.as_slice(), [] | [JobStatus::Success])),
            ),
            ("orb's job", build && job.invokes.is_some()),
            ("several persists", persists > 1),
        ];
        shows.extend(named.iter().filter(|(_, is)| *is).map(|(name, _)| *name));
        for step in &job.steps {
            let paths: Vec<&str> = match &step.kind {
                StepKind::Persist(p) => {
                    if p.paths.iter().any(|p| p.value.contains(['*', '?', '['])) {
                        shows.insert("glob");
                    }
                    if p.paths.iter().any(|p| plan::segments(&p.value).is_empty()) {
                        shows.insert("whole root");
                    }
                    vec![&p.root.value]
                }
                StepKind::Attach(a) => vec![&a.at.value],
                StepKind::SaveCache(_) => {
                    shows.insert("cache");
                    continue;
                }
                StepKind::Checkout(_) => {
                    shows.insert("checkout");
                    continue;
                }
                _ => continue,
            };
            for path in paths {
                shows.insert(match path.chars().next() {
                    Some('/') => "absolute path",
                    Some('~') => "home path",
                    _ => "relative path",
                });
            }
        }
    }
    shows.into_iter().map(str::to_owned).collect()
}

/// Runs one graph; returns what is wrong, and what was looked at.
fn one(path: &Path, graph: &Graph) -> Result<(Vec<String>, [usize; 3]), RunError> {
    let (workflow, all) = compiled(path, graph);
    let left_out = all - workflow.jobs.len();
    for name in &graph.fails {
        assert!(
            workflow.jobs.iter().any(|job| job.name == *name),
            "no job {name}"
        );
    }
    let prepared = plan::prepare(workflow, &graph.fails);
    let place = Place::new(&prepared, graph);
    let expected = model::expect(&prepared, &place.home());
    let summary = execute(&prepared.workflow, &place.options, &mut |_| {})?;
    let mut wrong = differences(&summary, &expected);
    let shown = shows(&prepared.workflow, left_out, &expected);
    if shown != graph.shows {
        wrong.push(format!("shows = {shown:?}"));
    }
    let count = prepared.workflow.jobs.len();
    if count != graph.jobs {
        wrong.push(format!("jobs = {count}"));
    }
    for (name, failure) in &expected.failures {
        let listed = graph.conflict.iter().any(|c| match failure {
            Failure::Conflict(pairs) => {
                let [a, b] = c.between.clone();
                c.job == name.0 && pairs.contains(&(a, b, c.path.clone()))
            }
            _ => false,
        });
        let asked = *failure == Failure::Asked && graph.fails.contains(&name.0);
        if !listed && !asked {
            wrong.push(format!(
                "not in the table: {} fails with {failure:?}",
                name.0
            ));
        }
    }
    let looked: Vec<&Files> = expected.looks.values().flatten().collect();
    let files = looked.iter().map(|files| files.len()).sum();
    let layers = expected.layers.values().sum();
    Ok((wrong, [layers, looked.len(), files]))
}

#[test]
fn workflows_of_real_projects_run_with_the_workspaces_that_they_should_have() {
    let name = "workflows_of_real_projects_run_with_the_workspaces_that_they_should_have";
    let Some(shared) = common::shared(name) else {
        return;
    };
    let graphs: Graphs = toml::from_str(include_str!("graphs.toml")).unwrap();
    let mut all = Vec::new();
    let mut sums = [0; 4];
    let large = std::env::var_os("HOLDALL_TEST_LARGE").is_some();
    let mut count = 0;
    for graph in &graphs.graph {
        if graph.large && !large {
            println!(
                "skipped: {} {} needs HOLDALL_TEST_LARGE: it takes minutes",
                graph.config, graph.workflow
            );
            continue;
        }
        count += 1;
        let path = shared.join("corpus/configs").join(&graph.config);
        let title = format!("{} {}", graph.config, graph.workflow);
        match one(&path, graph) {
            Err(RunError::Isolation { what, reason }) => {
                assert!(
                    std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_none(),
                    "{what}: {reason}"
                );
                println!("skipped: no isolation here: {what}: {reason}");
                return;
            }
            Err(error) => all.push(format!("{title}: {error}")),
            Ok((wrong, [layers, looks, files])) => {
                println!(
                    "{title}: {} jobs, {layers} layers, {looks} attaches, {files} files",
                    graph.jobs
                );
                all.extend(wrong.into_iter().map(|text| format!("{title}: {text}")));
                for (sum, n) in sums.iter_mut().zip([graph.jobs, layers, looks, files]) {
                    *sum += n;
                }
            }
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    let [jobs, layers, looks, files] = sums;
    println!("{count} graphs: {jobs} jobs, {layers} layers, {looks} attaches, {files} files");
    assert!(
        count >= 20 && looks > 100,
        "{count} graphs, {looks} attaches"
    );
}

/// Prints a row for every workflow of the corpus with workspaces: what could be in the table.
#[test]
#[ignore = "a tool for whoever adds to the table"]
fn candidates() {
    let Some(shared) = common::shared("candidates") else {
        return;
    };
    for path in common::yaml_files(&shared.join("corpus/configs")) {
        let config = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut sources = Sources::default();
        let id = sources.add(Source::new(&path, std::fs::read_to_string(&path).unwrap()));
        let inputs = Inputs {
            decide: true,
            ..Inputs::default()
        };
        let names: Vec<String> = compile(&mut sources, id, &inputs)
            .pipeline
            .workflows
            .into_iter()
            .map(|w| w.name)
            .collect();
        for workflow in names {
            let graph = Graph {
                config: config.clone(),
                workflow: workflow.clone(),
                branch: Some("main".to_owned()),
                tag: None,
                fails: Vec::new(),
                large: false,
                jobs: 0,
                shows: BTreeSet::new(),
                conflict: Vec::new(),
            };
            let outcome = std::panic::catch_unwind(|| {
                let (kept, all) = compiled(&path, &graph);
                let left_out = all - kept.jobs.len();
                let prepared = plan::prepare(kept, &[]);
                let expected = model::expect(&prepared, "/home/x");
                let shown = shows(&prepared.workflow, left_out, &expected);
                (
                    prepared.workflow.jobs.len(),
                    expected.looks.len(),
                    shown,
                    expected.failures,
                )
            });
            match outcome {
                Ok((_, 0, ..)) => {}
                Ok((jobs, attaches, shows, failures)) => {
                    println!("\n[[graph]] # {attaches} nodes attach");
                    println!("config = {config:?}\nworkflow = {workflow:?}\njobs = {jobs}");
                    println!("shows = {:?}", shows.into_iter().collect::<Vec<_>>());
                    for ((job, _), failure) in failures {
                        if let Failure::Conflict(pairs) = failure {
                            let (a, b, path) = pairs.first().unwrap();
                            println!(
                                "conflict = [{{ job = {job:?}, between = [{a:?}, {b:?}], path = {path:?} }}]"
                            );
                        } else {
                            println!("# {job}: {failure:?}");
                        }
                    }
                }
                Err(_) => println!("# {config} {workflow}: cannot be told"),
            }
        }
    }
}
