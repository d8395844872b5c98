//! `--to circleci`: the same config with its layers carried by a store or by the service's own cache.
//! All of the corpus keeps its plan and gets no new finding, and what is written is executed: its
//! steps hand on the same trees as the scripts of `--to shell` and as `holdall run` do.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdall::finding::Severity;
use holdall::lint::{self, Checked};
use holdall::plan::{Job, JobStatus, Pipeline, RunWhen, StepKind};
use holdall::transpile::circleci::{Options, Store, rewrite};
use holdall::transpile::{self, Node, Runtime, TranspileError};
use holdall::yaml::{Source, SourceId};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn checked(text: &str) -> Checked {
    let options = lint::Options {
        least: Severity::Info,
        ..lint::Options::default()
    };
    lint::check(Source::new("config.yml", text), options)
}

/// Rewrites a config; the places of what stands in the way, where something does.
fn rewritten(
    checked: &Checked,
    options: &Options,
) -> Result<transpile::circleci::Rewritten, Vec<String>> {
    let source = checked.report.sources.get(SourceId(0)).unwrap();
    match rewrite(&checked.compiled, source, SourceId(0), options) {
        Ok(rewritten) => Ok(rewritten),
        Err(TranspileError::Unsupported(refusals)) => {
            Err(refusals.into_iter().map(|r| r.what).collect())
        }
        Err(other) => panic!("{other}"),
    }
}

fn cache() -> Options {
    Options {
        store: Store::Cache,
        runtime: Runtime::Sh,
        despite_unknown: false,
    }
}

fn folder() -> Options {
    Options {
        store: Store::Url("/mnt/ws".to_owned()),
        runtime: Runtime::Sh,
        despite_unknown: false,
    }
}

fn bucket() -> Options {
    Options {
        store: Store::Url("s3://bucket/ws".to_owned()),
        runtime: Runtime::Binary,
        despite_unknown: false,
    }
}

/// Says whether a step carries layers, before or after a config was rewritten.
fn carries(kind: &StepKind) -> bool {
    match kind {
        StepKind::Persist(_) | StepKind::Attach(_) => true,
        StepKind::Run(run) => [
            "hl_persist",
            "hl_attach",
            "holdall persist --",
            "holdall attach --",
        ]
        .iter()
        .any(|call| run.command.value.contains(call)),
        StepKind::SaveCache(save) => save.key.value.starts_with("holdall/"),
        StepKind::RestoreCache(restore) => restore.keys[0].value.starts_with("holdall/"),
        _ => false,
    }
}

/// Returns all that a plan says but for the steps that carry layers, without places.
fn said(pipeline: &Pipeline) -> Vec<String> {
    let mut out = Vec::new();
    for item in transpile::items(pipeline) {
        let (w, j, s) = match item.node {
            Node::Pipeline => (None, None, None),
            Node::Workflow(w) => (Some(w), None, None),
            Node::Job(w, j) => (Some(w), Some(j), None),
            Node::Step(w, j, s) => (Some(w), Some(j), Some(s)),
        };
        let job = w.zip(j).map(|(w, j)| &pipeline.workflows[w].jobs[j]);
        let step = job.zip(s).map(|(job, s)| &job.steps[s]);
        if step.is_some_and(|s| carries(&s.kind)) {
            continue;
        }
        out.push(format!(
            "{} {} {}",
            job.map_or("", |j| &j.name),
            item.key,
            item.text
        ));
        if let Some(StepKind::Run(run)) = step.map(|s| &s.kind)
            && item.nth == 0
        {
            let environment: Vec<_> = run
                .environment
                .iter()
                .map(|v| (&v.name, &v.value.value))
                .collect();
            out.push(format!("{} {environment:?}", run.command.value));
        }
    }
    for job in pipeline.workflows.iter().flat_map(|w| &w.jobs) {
        let requires: Vec<_> = job.requires.iter().map(|r| (r.job, &r.statuses)).collect();
        let environment: Vec<_> = job
            .environment
            .iter()
            .map(|v| (&v.name, &v.value.value))
            .collect();
        out.push(format!(
            "{} {requires:?} {environment:?} {}",
            job.name, job.parallelism
        ));
    }
    out
}

fn findings(checked: &Checked) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    for finding in &checked.report.findings {
        *out.entry(finding.rule).or_default() += 1;
    }
    out
}

#[test]
fn the_corpus_keeps_its_plan_and_gets_no_new_finding() {
    let test = "the_corpus_keeps_its_plan_and_gets_no_new_finding";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let (mut written, mut steps) = (0, 0);
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    for config in common::yaml_files(&shared.join("corpus/configs")) {
        let before = std::fs::read_to_string(&config).unwrap();
        let old = checked(&before);
        for options in [folder(), bucket(), cache()] {
            // What is not known here stands in the way, unless one goes on in spite of it.
            let known = old.compiled.pipeline.workflows.iter().flat_map(|w| &w.jobs);
            let known = known.clone().all(|j| j.opaque.is_none());
            if !known {
                assert!(rewritten(&old, &options).is_err(), "{}", config.display());
            }
            let options = Options {
                despite_unknown: true,
                ..options
            };
            let new = match rewritten(&old, &options) {
                Ok(new) => new,
                Err(why) => {
                    *refused
                        .entry(why[0].split(['`', ':']).next().unwrap().to_owned())
                        .or_default() += 1;
                    continue;
                }
            };
            written += 1;
            steps += new.steps;
            let counts = new.report.counts();
            assert_eq!(
                counts.total(),
                transpile::items(&old.compiled.pipeline).len()
            );
            assert_eq!(counts.manual == 0, known, "{}", config.display());
            let after = checked(&new.text);
            assert_eq!(
                said(&after.compiled.pipeline),
                said(&old.compiled.pipeline),
                "{}",
                config.display()
            );
            let (known, now) = (findings(&old), findings(&after));
            for (rule, count) in now {
                // What a workspace step took from an anchor stands in its script; and of a longer
                // config the linter may look at fewer outcomes.
                if ["unused-anchor", "unchecked-outcomes"].contains(&rule) {
                    continue;
                }
                let before = known.get(rule).copied().unwrap_or_default();
                assert!(
                    count <= before,
                    "{}: {rule}: {count}, was {before}",
                    config.display()
                );
            }
            if new.steps == 0 {
                assert_eq!(new.text, before, "{}", config.display());
            }
        }
    }
    println!("{written} written with {steps} steps; refused: {refused:?}");
    assert!(written > 100, "{written}");
}

/// Runs the steps of a config one after the other, a folder in the place of the service's cache.
struct Player {
    dir: tempfile::TempDir,
    /// Keys with the folders that are kept under them, in the order in which they were kept.
    kept: Vec<(String, PathBuf)>,
}

/// What a job said on each of its nodes, and how it ended.
type Told = BTreeMap<String, (JobStatus, String)>;

impl Player {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            kept: Vec::new(),
        }
    }

    fn play(&mut self, pipeline: &Pipeline) -> Told {
        let mut told = Told::new();
        for workflow in &pipeline.workflows {
            for j in holdall::flow::Graph::new(workflow).order() {
                let job = &workflow.jobs[*j];
                let ready = job
                    .requires
                    .iter()
                    .all(|r| r.statuses.contains(&told[&workflow.jobs[r.job].name].0));
                let (mut status, mut said) = (JobStatus::NotRun, String::new());
                if ready {
                    status = JobStatus::Success;
                    for node in 0..job.parallelism.max(1) {
                        let (ok, text) = self.node(&workflow.name, job, node);
                        said.push_str(&text);
                        if !ok {
                            status = JobStatus::Failed;
                        }
                    }
                }
                told.insert(job.name.clone(), (status, said));
            }
        }
        told
    }

    fn node(&mut self, workflow: &str, job: &Job, node: u32) -> (bool, String) {
        let machine = self.dir.path().join(format!("{}@{node}", job.name));
        let project = machine.join("home/project");
        std::fs::create_dir_all(&project).unwrap();
        let env: BTreeMap<&str, String> = BTreeMap::from([
            ("HOME", machine.join("home").display().to_string()),
            ("PATH", path_with_the_binary()),
            ("CIRCLE_JOB", job.name.clone()),
            ("CIRCLE_NODE_INDEX", node.to_string()),
            ("CIRCLE_NODE_TOTAL", job.parallelism.to_string()),
            ("CIRCLE_WORKFLOW_JOB_ID", format!("{}@{node}", job.name)),
            ("CIRCLE_WORKFLOW_WORKSPACE_ID", format!("id-of-{workflow}")),
        ]);
        // What a container has for itself is a folder here.
        let own = format!("{}/holdall-", machine.display());
        let mut said = String::new();
        let mut failed = false;
        for step in &job.steps {
            match &step.kind {
                StepKind::Run(run)
                    if failed == (run.when == RunWhen::OnFail) || run.when == RunWhen::Always =>
                {
                    let out = Command::new("bash")
                        .args(["-eo", "pipefail", "-c"])
                        .arg(run.command.value.replace("/tmp/holdall-", &own))
                        .env_clear()
                        .envs(&env)
                        .current_dir(&project)
                        .output()
                        .unwrap();
                    said.push_str(&text(&out));
                    failed |= !out.status.success();
                }
                StepKind::SaveCache(save) if !failed => {
                    let key = filled(&save.key.value, &env, self.kept.len());
                    assert!(!self.kept.iter().any(|(k, _)| *k == key), "{key} twice");
                    let to = self.dir.path().join(format!("cache-{}", self.kept.len()));
                    copy(
                        Path::new(&save.paths[0].value.replace("/tmp/holdall-", &own)),
                        &to,
                    );
                    self.kept.push((key, to));
                }
                StepKind::RestoreCache(restore) if !failed => {
                    let key = filled(&restore.keys[0].value, &env, 0);
                    if let Some((key, from)) =
                        self.kept.iter().rev().find(|(k, _)| k.starts_with(&key))
                    {
                        // The path is a part of what is kept: the number behind the workspace.
                        let place = key.split('/').nth(2).unwrap();
                        copy(from, Path::new(&format!("{own}layers/{place}")));
                    }
                }
                _ => {}
            }
        }
        (!failed, said)
    }
}

fn path_with_the_binary() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_holdall")).parent().unwrap();
    format!("{}:{}", binary.display(), std::env::var("PATH").unwrap())
}

fn filled(key: &str, env: &BTreeMap<&str, String>, epoch: usize) -> String {
    let mut out = key.replace("{{ epoch }}", &epoch.to_string());
    for (name, value) in env {
        out = out.replace(&format!("{{{{ .Environment.{name} }}}}"), value);
    }
    assert!(!out.contains("{{"), "{out}");
    out
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    let out = Command::new("cp")
        .arg("-a")
        .arg(from.join("."))
        .arg(to)
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out));
}

/// Returns the digests of the trees that a job told, in its order.
fn trees(said: &str) -> Vec<&str> {
    let lines = said.lines().map(str::trim);
    let mut out: Vec<&str> = lines.filter(|l| l.starts_with("tree sha256:")).collect();
    // Nodes of a job may tell theirs in any order.
    out.sort_unstable();
    out
}

/// Runs a config another way, and returns what each job said.
fn logs(dir: &Path, below: &str) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    for run in std::fs::read_dir(dir.join(below)).unwrap() {
        let run = run.unwrap().path();
        // A file there says when old runs were last taken away.
        if !run.is_dir() {
            continue;
        }
        let folder = if run.join("logs").is_dir() {
            run.join("logs")
        } else {
            run
        };
        for log in std::fs::read_dir(folder).unwrap() {
            let log = log.unwrap().path();
            if log.extension().is_some_and(|e| e == "log") {
                let name = log.file_stem().unwrap().to_string_lossy().into_owned();
                let job = name.split('@').next().unwrap().to_owned();
                out.entry(job)
                    .or_default()
                    .push_str(&std::fs::read_to_string(&log).unwrap());
            }
        }
    }
    out
}

#[test]
fn layers_in_the_cache_are_those_that_the_scripts_and_a_run_here_hand_on() {
    // Those that need nothing but a shell and a cache, which is what plays them here.
    for name in [
        "conflict",
        "layers-in-order",
        "mid-job",
        "parallel-nodes",
        "root-and-paths",
        "what-files-are",
    ] {
        let config = common::root().join(format!("tests/equivalence/{name}.yml"));
        let original = std::fs::read_to_string(&config).unwrap();
        let name = config.display();
        let before = checked(&original);
        let new = rewritten(&before, &cache()).unwrap();
        let played = Player::new().play(&checked(&new.text).compiled.pipeline);
        // The binary over a store of its own makes the same of it.
        let store = tempfile::tempdir().unwrap();
        let binary = Options {
            store: Store::Url(store.path().display().to_string()),
            ..bucket()
        };
        let new = rewritten(&before, &binary).unwrap();
        let by_binary = Player::new().play(&checked(&new.text).compiled.pipeline);
        for (job, (status, said)) in &by_binary {
            assert_eq!(trees(said), trees(&played[job].1), "{name}: {job}: {said}");
            assert_eq!(*status, played[job].0, "{name}: {job}: {said}");
        }
        let project = tempfile::tempdir().unwrap();
        std::fs::create_dir(project.path().join(".circleci")).unwrap();
        std::fs::write(project.path().join(".circleci/config.yml"), &original).unwrap();
        let holdall = |args: &[&str]| {
            common::holdall()
                .args(args)
                .current_dir(project.path())
                .output()
                .unwrap()
        };
        let out = holdall(&["transpile", "--to", "shell", "--force"]);
        assert!(out.status.success(), "{}", text(&out));
        let out = Command::new("sh")
            .arg(".holdall/shell/main.sh")
            .arg("--approve-all")
            .current_dir(project.path())
            .output()
            .unwrap();
        let scripts = logs(project.path(), ".holdall/work");
        for (job, (status, said)) in &played {
            let there = scripts.get(job).map_or("", String::as_str);
            assert_eq!(trees(said), trees(there), "{name}: {job}: {said}{there}");
            let ended = format!("{:<12} {job}", status.as_str());
            assert!(
                text(&out).contains(&ended),
                "{name}: {ended}: {}{said}",
                text(&out)
            );
        }
        assert!(
            played.values().any(|(_, said)| !trees(said).is_empty()),
            "{name}"
        );
        // What a run here does not do yet it says, and runs nothing.
        if original.contains("parallelism") {
            continue;
        }
        holdall(&["run", "--force"]);
        let run = logs(project.path(), ".holdall/runs");
        for (job, said) in &run {
            assert_eq!(trees(said), trees(&played[job].1), "{name}: {job}: {said}");
        }
    }
}

const SHARED: &str = "version: 2.1
commands:
  hand-over:
    parameters: {what: {type: string}}
    steps:
      - run: mkdir -p out && echo << parameters.what >> >out/<< parameters.what >>
      - persist_to_workspace: {root: out, paths: [<< parameters.what >>]}
jobs:
  a:
    docker: [{image: cimg/base:2024.01}]
    steps: [hand-over: {what: one}, hand-over: {what: two}]
  b:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - attach_workspace: &in # here
          at: in
      - run: test -f in/one -a -f in/two
      - hand-over: {what: three}
  c:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - attach_workspace: *in
      - run: ls in | tr '\\n' ' '
workflows:
  main: {jobs: [a, b: {requires: [a]}, c: {requires: [b]}, c: {name: early, requires: [a]}]}
";

#[test]
fn definitions_that_several_jobs_share_serve_each_with_its_own_layers() {
    let before = checked(SHARED);
    let new = rewritten(&before, &cache()).unwrap();
    let played = Player::new().play(&checked(&new.text).compiled.pipeline);
    for (job, (status, said)) in &played {
        assert_eq!(*status, JobStatus::Success, "{job}: {said}");
    }
    assert!(
        played["c"].1.contains("one three two "),
        "{}",
        played["c"].1
    );
    assert!(
        played["early"].1.contains("one two "),
        "{}",
        played["early"].1
    );
}

#[test]
fn a_layer_that_the_cache_has_lost_is_an_error() {
    let before = checked(SHARED);
    let new = rewritten(&before, &cache()).unwrap();
    let pipeline = checked(&new.text).compiled.pipeline;
    let mut player = Player::new();
    player.play(&pipeline);
    player.kept.retain(|(key, _)| !key.contains("/b//"));
    let (ok, said) = player.node("main", &pipeline.workflows[0].jobs[2], 0);
    assert!(!ok, "{said}");
    assert!(
        said.contains("b should have made 1 layers and the cache has 0"),
        "{said}"
    );
}

#[test]
fn what_is_written_is_what_a_person_would_write() {
    let part = |options: &Options| {
        let new = rewritten(&checked(SHARED), options).unwrap();
        // The functions are looked at elsewhere.
        let own = |line: &&str| {
            let code = line.trim_start();
            let function = code.starts_with("hl_")
                && !code.starts_with("hl_persist /")
                && !code.starts_with("hl_attach /");
            line.len() - code.len() < 12
                || (!function
                    && [
                        "holdall",
                        "folder",
                        "hl_persist /",
                        "hl_attach /",
                        "case $CIRCLE",
                        "'early'",
                        "c)",
                        "early)",
                        "esac",
                    ]
                    .iter()
                    .any(|s| code.starts_with(s)))
        };
        let lines: Vec<String> = new
            .text
            .lines()
            .filter(own)
            .map(|l| l.chars().take(150).collect())
            .collect();
        lines.join("\n")
    };
    snapshot!("transpile_circleci_cache", part(&cache()));
    snapshot!("transpile_circleci_bucket", part(&bucket()));
}

#[test]
fn a_store_elsewhere_needs_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.yml"), SHARED).unwrap();
    let run = |args: &[&str]| {
        let out = common::holdall()
            .args([
                "transpile",
                "config.yml",
                "--to",
                "circleci",
                "--output",
                "-",
                "--store",
            ])
            .args(args)
            .current_dir(dir.path())
            .output()
            .unwrap();
        (out.status.code(), text(&out))
    };
    let (code, said) = run(&["s3://bucket/ws"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`--runtime binary`"), "{said}");
    let (code, said) = run(&["s3://bucket/ws", "--runtime", "binary"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("holdall persist --store s3://bucket/ws --workspace"),
        "{said}"
    );
    let (code, said) = run(&["cache", "--runtime", "binary"]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn the_report_says_that_all_of_it_stays() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.yml"), SHARED).unwrap();
    let out = common::holdall()
        .args([
            "transpile",
            "config.yml",
            "--to",
            "circleci",
            "--store",
            "cache",
            "--force",
        ])
        .args(["--output", "out", "--report", "report.md"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", text(&out));
    let json = std::fs::read_to_string(dir.path().join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["target"], "circleci");
    assert_eq!(json["summary"]["manual"], 0);
    let open: Vec<&str> = json["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| i["outcome"] == "approximated")
        .map(|i| i["key"].as_str().unwrap())
        .collect();
    assert_eq!(open, ["attach_workspace", "attach_workspace"], "{json}");
}

const ALIASES: &str = "version: 2.1
references:
  - &keep
    persist_to_workspace: {root: ., paths: [out]}
jobs:
  a:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - run: mkdir out && echo a >out/a
      - *keep # all of it
      - run: 'true'
  b:
    docker: [{image: cimg/base:2024.01}]
    steps:
      - run: 'true'
      - &take
        attach_workspace: {at: .}
      - run: test -f out/a && echo b >out/b
      - *keep
  c:
    docker: [{image: cimg/base:2024.01}]
    steps: [*take, run: test -f out/a -a -f out/b]
workflows:
  main: {jobs: [a, b: {requires: [a]}, c: {requires: [b]}]}
";

#[test]
fn a_step_that_aliases_stand_for_becomes_several_wherever_they_do() {
    for newline in ["\n", "\r\n"] {
        let before = checked(&ALIASES.replace('\n', newline));
        let new = rewritten(&before, &cache()).unwrap();
        assert_eq!(new.text.matches("*keep").count(), 2, "{}", new.text);
        assert_eq!(new.text.matches("save_cache:").count(), 3, "{}", new.text);
        assert_eq!(new.text.contains("\r\n"), newline == "\r\n");
        let played = Player::new().play(&checked(&new.text).compiled.pipeline);
        for (job, (status, said)) in &played {
            assert_eq!(*status, JobStatus::Success, "{job}: {said}");
        }
    }
}
