//! `holdall graph`: every form says the same, and what it prints as JSON decides an attach.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Two workflows; names and paths that every form has to escape; a job whose orb is not known.
const CONFIG: &str = r#"version: 2.1
orbs: {unseen: acme/unseen@1.0.0}
jobs:
  setup: &job
    docker: [{image: cimg/base:current}]
    steps:
      - persist_to_workspace: {root: ., paths: [deps, "a \"b\" <c> & #d; \\e"]}
  build:
    docker: [{image: cimg/base:current}]
    parallelism: 4
    steps:
      - attach_workspace: {at: /tmp/ws}
      - persist_to_workspace: {root: out, paths: [bin, "lib/*.so"]}
      - persist_to_workspace: {root: out, paths: [doc]}
  lint:
    docker: [{image: cimg/base:current}]
    steps: [{run: lint}]
  test:
    docker: [{image: cimg/base:current}]
    steps:
      - attach_workspace: {at: .}
      - persist_to_workspace: {root: ., paths: [report.xml]}
  deploy:
    docker: [{image: cimg/base:current}]
    steps:
      - attach_workspace: {at: ~/dist}
workflows:
  main:
    jobs:
      - setup
      - lint
      - build: {requires: [setup]}
      - test: {requires: [build: [success, failed]]}
      - hold: {type: approval, requires: [test, lint]}
      - deploy: {requires: [hold]}
  nightly:
    jobs:
      - setup
      - unseen/scan: {requires: [setup]}
      - test: {requires: [unseen/scan]}
"#;

fn project() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), CONFIG).unwrap();
    dir
}

fn holdall(dir: &Path, args: &[&str]) -> Output {
    common::holdall()
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn graph(dir: &Path, format: &str) -> String {
    let out = holdall(dir, &["graph", "--format", format]);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn a_person_sees_each_job_with_its_layers() {
    let dir = project();
    snapshot!("graph-text", graph(dir.path(), "text"));
}

#[test]
fn a_forge_draws_it() {
    let dir = project();
    snapshot!("graph-mermaid", graph(dir.path(), "mermaid"));
}

#[test]
fn graphviz_reads_it() {
    let dir = project();
    let text = graph(dir.path(), "dot");
    snapshot!("graph-dot", text);
    if !common::tool("graphviz_reads_it", "dot") {
        return;
    }
    let mut dot = Command::new("dot")
        .arg("-Tplain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    dot.stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let out = dot.wait_with_output().unwrap();
    assert!(out.status.success());
    let plain = String::from_utf8(out.stdout).unwrap();
    let count = |word: &str| plain.lines().filter(|l| l.starts_with(word)).count();
    assert_eq!((count("node "), count("edge ")), (9, 12), "{plain}");
}

#[test]
fn the_picture_is_xml_with_a_box_for_each_job() {
    let dir = project();
    let text = graph(dir.path(), "svg");
    snapshot!("graph-svg", text);
    assert_eq!(text.matches("<rect ").count(), 9);
    if !common::tool("the_picture_is_xml_with_a_box_for_each_job", "python3") {
        return;
    }
    let mut python = Command::new("python3")
        .args(["-c", "import sys, xml.dom.minidom as d; d.parse(sys.stdin)"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(python.wait().unwrap().success());
}

/// Jobs that only their names tell apart; two that persist the same file at the same time; one
/// that runs after a failure.
const CROWD: &str = r#"version: 2.1
jobs:
  make: &make
    docker: [{image: cimg/base:current}]
    steps:
      - persist_to_workspace: {root: ., paths: [same, own]}
  make-too: *make
  check:
    docker: [{image: cimg/base:current}]
    parameters: {n: {type: integer}}
    steps: [{attach_workspace: {at: .}}]
  tell:
    docker: [{image: cimg/base:current}]
    steps: [{run: tell}]
workflows:
  main:
    jobs:
      - make
      - make-too
      - check: {matrix: {parameters: {n: [1, 2, 3, 4, 5, 6, 7, 8]}}, requires: [make, make-too]}
      - tell: {requires: [make: [failed, canceled]]}
"#;

#[test]
fn a_crowd_shares_a_box_and_a_conflict_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), CROWD).unwrap();
    let picture = graph(dir.path(), "svg");
    // Two that make, one that tells, and the crowd.
    assert_eq!(picture.matches("<rect ").count(), 4, "{picture}");
    for n in 1..=8 {
        assert!(picture.contains(&format!(">check-{n}</text>")), "{picture}");
    }
    assert_eq!(picture.matches("class=\"box conflict\"").count(), 2);
    assert!(picture.contains("failed, canceled</text>"), "{picture}");
    for form in ["text", "dot", "mermaid"] {
        snapshot!(format!("graph-crowd-{form}"), graph(dir.path(), form));
    }
    let json: serde_json::Value = serde_json::from_str(&graph(dir.path(), "json")).unwrap();
    assert_eq!(
        json["workflows"][0]["jobs"][0]["conflicts"],
        serde_json::json!([{"job": "make-too", "path": "same"}])
    );
}

#[test]
fn jobs_that_meet_at_one_path_are_counted_in_every_form() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    let config = CROWD
        .replace(
            "      - make-too\n",
            "      - make-too\n      - make: {name: third}\n      - make: {name: fourth}\n",
        )
        .replace(
            "requires: [make, make-too]",
            "requires: [make, make-too, third, fourth]",
        );
    std::fs::write(dir.path().join(".circleci/config.yml"), config).unwrap();
    for form in ["text", "dot", "mermaid", "svg"] {
        let drawn = graph(dir.path(), form);
        assert!(
            drawn.contains("conflicts with 3 jobs: same"),
            "{form}: {drawn}"
        );
    }
}

/// Names with what Mermaid has a meaning for.
const ODD_NAMES: &str = r#"version: 2.1
jobs:
  end: &make
    docker: [{image: cimg/base:current}]
    steps:
      - persist_to_workspace: {root: /tmp/a;b, paths: ["**/*.[jt]s", 'a"b', "<x>", "`y`"]}
  "1. first": *make
  "- [ ] {x} (y) %% z --> w": *make
  "graph subgraph style": *make
workflows:
  "quoted \"name\" #1; <b>":
    jobs:
      - end
      - "1. first": {requires: [end]}
      - "- [ ] {x} (y) %% z --> w": {requires: ["1. first": [failed, success]]}
      - "graph subgraph style": {requires: ["- [ ] {x} (y) %% z --> w"]}
"#;

/// Returns the folder in which `.ci/run` installs Mermaid.
fn mermaid(test: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/mermaid"));
    let given = std::env::var_os("MERMAID_ROOT").map(PathBuf::from);
    let folder = given.or(home)?;
    let found = folder.join("node_modules/mermaid").is_dir();
    let required = std::env::var("HOLDALL_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(found || !required, "{test} needs {}", folder.display());
    if !found {
        println!("skipped: {test} needs mermaid in {}", folder.display());
    }
    found.then_some(folder)
}

#[test]
fn mermaids_own_parser_reads_what_is_written_for_it() {
    let test = "mermaids_own_parser_reads_what_is_written_for_it";
    let Some(folder) = mermaid(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut configs = Vec::new();
    for (name, text) in [
        ("own", CONFIG),
        ("crowd", CROWD),
        ("odd", ODD_NAMES),
        ("meeting", MEETING),
    ] {
        configs.push(dir.path().join(format!("{name}.yml")));
        std::fs::write(&configs[configs.len() - 1], text).unwrap();
    }
    if let Some(shared) = common::shared(test) {
        configs.extend(common::real_configs(&shared));
    }
    let mut files = Vec::new();
    for config in &configs {
        let out = common::holdall()
            .args(["graph", "--force", "--format", "mermaid"])
            .arg(config)
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}: {out:?}", config.display());
        files.push(dir.path().join(format!("{}.mmd", files.len())));
        std::fs::write(&files[files.len() - 1], out.stdout).unwrap();
    }
    let script = common::root().join("tests/graph_judge/mermaid.mjs");
    let judged = Command::new("node")
        .arg(&script)
        .arg(&folder)
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "{said}{judged:?}");
    assert!(
        said.contains(&format!("{0} of {0} read", files.len())),
        "{said}"
    );
    // And it is a judge: what is no flowchart, it refuses.
    std::fs::write(&files[0], "flowchart LR\n  a[\"open] --> b\n").unwrap();
    let judged = Command::new("node")
        .args([&script, &folder, &files[0]])
        .output()
        .unwrap();
    assert!(!judged.status.success(), "{judged:?}");
}

#[test]
fn what_mermaid_would_not_draw_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::from(
        "version: 2.1\njobs:\n  a: &a\n    docker: [{image: cimg/base:current}]\n    \
         steps: [{run: x}]\n",
    );
    let mut jobs = String::from("workflows:\n  w:\n    jobs:\n");
    let all: Vec<String> = (0..25).map(|n| format!("first{n}")).collect();
    for n in 0..25 {
        text += &format!("  first{n}: *a\n  then{n}: *a\n");
        jobs += &format!(
            "      - first{n}\n      - then{n}: {{requires: [{}]}}\n",
            all.join(", ")
        );
    }
    std::fs::write(dir.path().join("config.yml"), text + &jobs + "      - a\n").unwrap();
    let out = holdall(dir.path(), &["graph", "--format", "mermaid", "config.yml"]);
    assert!(out.status.success());
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains("625 arrows, and 500 are the most"), "{said}");
    let dot = holdall(dir.path(), &["graph", "--format", "dot", "config.yml"]);
    assert!(dot.stderr.is_empty(), "{dot:?}");
}

/// Four jobs that meet at one path with a fifth that has more to say; two that meet elsewhere too.
const MEETING: &str = r#"version: 2.1
jobs:
  make: &make
    docker: [{image: cimg/base:current}]
    parameters: {n: {type: integer}}
    steps:
      - persist_to_workspace: {root: ., paths: [same]}
  odd:
    docker: [{image: cimg/base:current}]
    parallelism: 2
    steps:
      - persist_to_workspace: {root: ., paths: [same]}
  two:
    docker: [{image: cimg/base:current}]
    steps:
      - persist_to_workspace: {root: ., paths: [x, y]}
  check:
    docker: [{image: cimg/base:current}]
    steps: [{attach_workspace: {at: .}}]
workflows:
  main:
    jobs:
      - make: {matrix: {parameters: {n: [1, 2, 3, 4]}}}
      - odd
      - check: {requires: [make, odd]}
  other:
    jobs:
      - two: {name: first}
      - two: {name: second}
      - check: {requires: [first, second]}
"#;

#[test]
fn jobs_that_meet_at_one_path_share_a_box_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), MEETING).unwrap();
    let out = holdall(dir.path(), &["graph", "--force", "--format", "svg"]);
    let picture = String::from_utf8(out.stdout).unwrap();
    let shown: Vec<&str> = picture
        .lines()
        .filter(|line| line.contains("</text>") && line.contains("conflict"))
        .filter_map(|line| line.split('>').rev().nth(1)?.strip_suffix("</text"))
        .collect();
    assert_eq!(
        shown,
        [
            "conflict with each other and odd: same",
            "conflicts with 4 jobs: same",
            "conflict with each other: x",
        ],
        "{picture}"
    );
    // What is counted in the box is told in full where the pointer rests.
    for name in ["make-1", "make-2", "make-3", "make-4"] {
        assert!(
            picture.contains(&format!("conflicts with {name}: same")),
            "{picture}"
        );
    }
    assert!(picture.contains("conflicts with make-2: same"));
    for form in ["dot", "mermaid"] {
        let out = holdall(dir.path(), &["graph", "--force", "--format", form]);
        let text = String::from_utf8(out.stdout).unwrap();
        assert!(text.contains("conflicts with 4 jobs: same"), "{text}");
    }
}

#[test]
fn the_json_fits_its_schema() {
    let dir = project();
    let schema = holdall(dir.path(), &["schema", "graph"]).stdout;
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = graph(dir.path(), "json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(&value)
        .map(|e| e.to_string())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
    let job = |workflow: usize, name: &str| {
        let jobs = value["workflows"][workflow]["jobs"].as_array().unwrap();
        jobs.iter().find(|j| j["name"] == name).unwrap().clone()
    };
    let deploy = job(0, "deploy");
    assert_eq!(
        deploy["upstream"],
        serde_json::json!(["setup", "lint", "build", "test", "hold"])
    );
    assert_eq!(
        deploy["sees"],
        serde_json::json!([
            {"job": "setup", "seq": 0}, {"job": "build", "seq": 0},
            {"job": "build", "seq": 1}, {"job": "test", "seq": 0}
        ])
    );
    assert_eq!(job(1, "test-1")["may_see_more"], true);
    assert!(!validator.is_valid(&serde_json::json!({"version": 2, "workflows": []})));
    assert!(!validator.is_valid(&serde_json::json!({"version": 1})));
}

#[test]
fn one_workflow_may_be_asked_for() {
    let dir = project();
    let out = holdall(dir.path(), &["graph", "--workflow", "nightly"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.starts_with("workflow nightly\n") && !text.contains("deploy"));
    let out = holdall(dir.path(), &["graph", "--workflow", "nightli"]);
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("did you mean `nightly`?"), "{said}");
}

/// Makes the layers of the jobs, each with one file that says whose it is.
fn persist(dir: &Path, jobs: &[&str]) {
    for job in jobs {
        let root = dir.join("roots").join(job);
        std::fs::create_dir_all(&root).unwrap();
        std::fs::write(root.join(job), job).unwrap();
        std::fs::write(root.join("latest"), job).unwrap();
        let out = holdall(
            dir,
            &[
                "persist",
                "--job",
                job,
                "--root",
                root.to_str().unwrap(),
                ".",
            ],
        );
        assert!(out.status.success());
    }
}

#[test]
fn an_attach_follows_the_graph() {
    let dir = project();
    let json = graph(dir.path(), "json");
    std::fs::write(dir.path().join("graph.json"), json).unwrap();
    persist(dir.path(), &["setup", "build", "test", "setup-1"]);
    let out = holdall(
        dir.path(),
        &[
            "attach",
            "--at",
            "out",
            "--job",
            "test",
            "--graph",
            "graph.json",
        ],
    );
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{out:?}");
    let applied: Vec<&str> = text
        .lines()
        .filter_map(|l| l.strip_prefix("applied "))
        .filter_map(|l| l.split(' ').next())
        .collect();
    assert_eq!(applied, ["setup/1.0.0", "build/1.0.0"]);
    let latest = std::fs::read_to_string(dir.path().join("out/latest")).unwrap();
    assert_eq!(latest, "build");
    // Not all that is upstream of this one is known.
    let out = holdall(
        dir.path(),
        &[
            "attach",
            "--at",
            "out2",
            "--job",
            "test-1",
            "--graph",
            "graph.json",
        ],
    );
    assert!(out.status.success());
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("may see layers that the graph does not list"));
}

#[test]
fn jobs_that_the_graph_does_not_order_conflict() {
    let dir = project();
    let mut chart: serde_json::Value = serde_json::from_str(&graph(dir.path(), "json")).unwrap();
    // As if nothing ordered the two.
    let jobs = chart["workflows"][0]["jobs"].as_array_mut().unwrap();
    let build = jobs.iter_mut().find(|j| j["name"] == "build").unwrap();
    build["upstream"] = serde_json::json!([]);
    std::fs::write(dir.path().join("graph.json"), chart.to_string()).unwrap();
    persist(dir.path(), &["setup", "build"]);
    let out = holdall(
        dir.path(),
        &[
            "attach",
            "--at",
            "out",
            "--job",
            "test",
            "--graph",
            "graph.json",
        ],
    );
    assert_eq!(out.status.code(), Some(1));
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(said.contains("Concurrent upstream jobs persisted the same file(s)"));
    assert!(!dir.path().join("out").exists());
}

#[test]
fn graphs_and_jobs_that_are_none_are_told() {
    let dir = project();
    let json = graph(dir.path(), "json");
    let path = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
    };
    path("graph.json", &json);
    path(
        "new.json",
        &json.replace("\"version\": 1", "\"version\": 7"),
    );
    path("other.json", "{}");
    path("words.json", "no JSON");
    path("cut.json", "{\"version\": 1}");
    path("twice.json", &json.replace("-1\"", "\""));
    let mut seen = String::new();
    for args in [
        "--job tset --graph graph.json",
        "--job test --graph graph.json --workflow mian",
        "--job test --graph twice.json",
        "--job test --graph new.json",
        "--job test --graph other.json",
        "--job test --graph words.json",
        "--job test --graph cut.json",
        "--job test --graph nowhere.json",
        "--job test",
        "--graph graph.json",
        "--job test --graph graph.json --upstream setup",
    ] {
        let mut all = vec!["attach", "--at", "out"];
        all.extend(args.split(' '));
        let out = holdall(dir.path(), &all);
        seen.push_str(&format!(
            "$ holdall attach --at out {args}\nexit status {}\n{}\n",
            out.status.code().unwrap(),
            String::from_utf8(out.stderr).unwrap()
        ));
    }
    snapshot!("graph-attach-errors", seen);
}

/// A matrix of builds, each with a test of its own.
const SIDE_BY_SIDE: &str = r#"version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:current}]
    parameters: {on: {type: string}}
    steps: [{persist_to_workspace: {root: ., paths: [out]}}]
  test:
    docker: [{image: cimg/base:current}]
    parameters: {on: {type: string}}
    steps: [{attach_workspace: {at: .}}]
  done:
    docker: [{image: cimg/base:current}]
    steps: [{run: tell}]
workflows:
  main:
    jobs:
      - build:
          name: build << matrix.on >>
          matrix: {parameters: {on: &on [a, b, c, d, e]}}
      - test:
          name: test << matrix.on >>
          matrix: {parameters: {on: *on}}
          requires: [build << matrix.on >>]
      - done: {requires: [test a, test b, test c, test d, test e]}
"#;

#[test]
fn a_matrix_that_goes_on_side_by_side_shares_a_box_a_step() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join(".circleci")).unwrap();
    std::fs::write(dir.path().join(".circleci/config.yml"), SIDE_BY_SIDE).unwrap();
    let picture = graph(dir.path(), "svg");
    assert_eq!(picture.matches("<rect ").count(), 3, "{picture}");
    let lines = picture
        .lines()
        .filter(|line| line.contains("marker-end") && line.contains("<title>"));
    let titles: Vec<&str> = lines
        .filter_map(|line| line.split("<title>").nth(1)?.split("</title>").next())
        .collect();
    assert_eq!(
        titles,
        [
            "each of build a and 4 more is required by, and hands layers to, its own of test a and 4 more",
            "test a and 4 more is required by done",
        ]
    );
    assert_eq!(picture.matches(">one each</text>").count(), 1, "{picture}");
}

#[test]
fn a_job_that_is_required_twice_is_drawn_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = "version: 2.1\njobs:\n  a: &a\n    docker: [{image: cimg/base:current}]\n    \
                  steps: [{run: x}]\n  b: *a\nworkflows:\n  w:\n    jobs:\n      - a\n      \
                  - b: {requires: [a, {a: [failed]}]}\n";
    std::fs::write(dir.path().join("config.yml"), config).unwrap();
    for (form, line) in [
        ("svg", ">success, failed</text>"),
        ("mermaid", "|\"success, failed\"|"),
    ] {
        let out = holdall(dir.path(), &["graph", "--format", form, "config.yml"]);
        let text = String::from_utf8(out.stdout).unwrap();
        assert_eq!(text.matches(line).count(), 1, "{text}");
    }
}
