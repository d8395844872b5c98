//! What configs compile to, as a short text: jobs, what they wait for, where they run, their
//! steps. Each case is a small config with what the documentation says of it.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;

use holdall::circleci::{Compiled, Inputs, compile};
use holdall::plan::{ExecutorKind, FilterKind, JobKind, JobStatus, StepKind};
use holdall::yaml::{Source, Sources};

fn compiled(text: &str) -> Compiled {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("config.yml", text));
    compile(&mut sources, id, &Inputs::default())
}

/// The plan as lines; problems follow it.
fn plan(text: &str) -> String {
    let compiled = compiled(text);
    let mut out = String::new();
    for workflow in &compiled.pipeline.workflows {
        for job in &workflow.jobs {
            let kind = match job.kind {
                JobKind::Build => String::new(),
                other => format!(" {}", other.as_str()),
            };
            write!(out, "{}/{}{kind}", workflow.name, job.name).unwrap();
            for r in &job.requires {
                let statuses: Vec<_> = r.statuses.iter().map(|s| s.as_str()).collect();
                let required = &workflow.jobs[r.job].name;
                if r.statuses == [JobStatus::Success] {
                    write!(out, " <{required}").unwrap();
                } else {
                    write!(out, " <{required}:{}", statuses.join("+")).unwrap();
                }
            }
            if let Some(executor) = &job.executor {
                let what = match &executor.kind {
                    ExecutorKind::Docker(images) => images
                        .iter()
                        .map(|i| i.image.value.clone())
                        .collect::<Vec<_>>()
                        .join("+"),
                    ExecutorKind::Machine { image, .. } => {
                        format!("machine {}", image.clone().unwrap_or_default().value)
                    }
                    ExecutorKind::Unknown(call) => format!("executor {}", call.name),
                    ExecutorKind::Macos { xcode, .. } => {
                        format!("xcode {}", xcode.clone().unwrap_or_default().value)
                    }
                };
                write!(out, " on {what} in {}", job.working_directory.value).unwrap();
            }
            for var in &job.environment {
                write!(out, " {}={}", var.name, var.value.value).unwrap();
            }
            if let Some(why) = &job.opaque {
                write!(out, " opaque: {why}").unwrap();
            }
            out.push('\n');
            for step in &job.steps {
                let said = match &step.kind {
                    StepKind::Run(run) => format!("run {:?}", run.command.value),
                    StepKind::Checkout { .. } => "checkout".to_owned(),
                    StepKind::Persist(p) => format!(
                        "persist {} {:?}",
                        p.root.value,
                        p.paths.iter().map(|x| &x.value).collect::<Vec<_>>()
                    ),
                    StepKind::Attach(a) => format!("attach {}", a.at.value),
                    StepKind::Opaque(call) => format!("opaque {}", call.name),
                    other => other.key().to_owned(),
                };
                let via: Vec<_> = step.origin.via.iter().map(|c| &*c.what).collect();
                let via = if via.is_empty() {
                    String::new()
                } else {
                    format!("   ({})", via.join(", "))
                };
                writeln!(out, "  {said}{via}").unwrap();
            }
        }
    }
    for problem in &compiled.problems {
        writeln!(out, "! {}: {}", problem.rule, problem.labels[0].text).unwrap();
    }
    out
}

const JOBS: &str = "version: 2.1
jobs:
  a: {docker: [{image: x}], steps: [checkout]}
  b: {docker: [{image: x}], steps: [checkout]}
";

fn workflow(entries: &str) -> String {
    plan(&format!("{JOBS}workflows:\n  w:\n    jobs:\n{entries}"))
}

#[test]
fn executors_with_and_without_parameters() {
    let text = "version: 2.1
executors:
  plain:
    docker: [{image: img}]
    working_directory: /tmp
    environment: {A: executor, B: executor}
  chosen:
    parameters:
      tag: {type: string, default: latest}
    docker: [{image: 'img:<< parameters.tag >>'}, {image: db}]
jobs:
  one: {executor: plain, environment: {B: job}, steps: [checkout]}
  two: {executor: {name: chosen, tag: '3'}, steps: [checkout]}
  three: {executor: chosen, working_directory: ~/x, steps: [checkout]}
  four: {executor: {chosen: {tag: '4'}}, steps: [checkout]}
  five: {machine: {image: ubuntu-2204:current}, steps: [checkout]}
  six: {macos: {xcode: 15.4.0}, steps: [checkout]}
workflows:
  w: {jobs: [one, two, three, four, five, six]}
";
    assert_eq!(
        plan(text),
        "w/one on img in /tmp A=executor B=executor B=job
  checkout
w/two on img:3+db in ~/project
  checkout
w/three on img:latest+db in ~/x
  checkout
w/four on img:4+db in ~/project
  checkout
w/five on machine ubuntu-2204:current in ~/project
  checkout
w/six on xcode 15.4.0 in ~/project
  checkout
"
    );
}

#[test]
fn commands_are_expanded_with_the_way_to_them() {
    let text = "version: 2.1
commands:
  greet:
    parameters: {to: {type: string, default: you}, after: {type: steps, default: []}}
    steps:
      - run: echo << parameters.to >>
      - steps: << parameters.after >>
  both:
    steps:
      - greet
      - greet: {to: me, after: [checkout, {run: 'true'}]}
jobs:
  a:
    docker: [{image: x}]
    steps: [both, run: {name: n, command: make}]
workflows: {w: {jobs: [a]}}
";
    assert_eq!(
        plan(text),
        "w/a on x in ~/project
  run \"echo you\"   (command both, command greet)
  run \"echo me\"   (command both, command greet)
  checkout   (command both, command greet)
  run \"true\"   (command both, command greet)
  run \"make\"
"
    );
}

#[test]
fn pre_and_post_steps_stand_around_the_jobs_own() {
    assert_eq!(
        workflow("      - a: {pre-steps: [run: before], post-steps: [run: after]}\n"),
        "w/a on x in ~/project
  run \"before\"   (pre-steps)
  checkout
  run \"after\"   (post-steps)
"
    );
}

#[test]
fn requirements_in_every_form() {
    assert_eq!(
        workflow(
            "      - a
      - hold: {type: approval, requires: [a]}
      - b: {requires: [hold, a: failed, ]}
      - b: {name: c, requires: [b: [failed, success]]}
      - b: {name: d, requires: [c: terminal]}
"
        ),
        "w/a on x in ~/project
  checkout
w/hold approval <a
w/b <hold <a:failed on x in ~/project
  checkout
w/c <b:success+failed on x in ~/project
  checkout
w/d <c:success+failed+canceled+unauthorized+not_run on x in ~/project
  checkout
"
    );
}

#[test]
fn a_job_used_again_gets_a_suffix_over_all_workflows() {
    let text = format!(
        "{JOBS}workflows:\n  v: {{jobs: [a, b: {{requires: [a]}}]}}\n  w: {{jobs: [a, b: {{requires: [a]}}]}}\n"
    );
    let seen: Vec<String> = plan(&text)
        .lines()
        .filter(|l| l.contains('/'))
        .map(|l| l.split(" on ").next().unwrap().to_owned())
        .filter(|l| l.starts_with(['v', 'w']))
        .collect();
    assert_eq!(seen, ["v/a", "v/b <a", "w/a-1", "w/b-1 <a-1"]);
}

#[test]
fn a_matrix_is_a_job_for_each_combination() {
    let text = "version: 2.1
jobs:
  t:
    parameters: {os: {type: string}, node: {type: string}, flag: {type: boolean, default: false}}
    docker: [{image: '<< parameters.os >>:<< parameters.node >>'}]
    steps: [run: 'echo << parameters.flag >>']
  last: {docker: [{image: x}], steps: [checkout]}
workflows:
  w:
    jobs:
      - t:
          flag: true
          matrix:
            parameters: {os: [docker, macos], node: ['14', '16']}
            exclude: [{os: macos, node: '14'}]
      - last: {requires: [t]}
      - last: {name: one, requires: [t-16-docker]}
";
    // Values stand in the alphabetical order of their parameters (circleci-semantics §4.3).
    assert_eq!(
        plan(text),
        "w/t-14-docker on docker:14 in ~/project
  run \"echo true\"
w/t-16-docker on docker:16 in ~/project
  run \"echo true\"
w/t-16-macos on macos:16 in ~/project
  run \"echo true\"
w/last <t-14-docker <t-16-docker <t-16-macos on x in ~/project
  checkout
w/one <t-16-docker on x in ~/project
  checkout
"
    );
}

#[test]
fn a_matrix_may_name_its_jobs_and_itself() {
    let text = "version: 2.1
jobs:
  t:
    parameters: {v: {type: integer}}
    docker: [{image: x}]
    steps: [run: 'echo << parameters.v >>']
workflows:
  w:
    jobs:
      - t: {name: 'test << matrix.v >>', matrix: {alias: all, parameters: {v: [1, 2]}}}
      - t: {name: after, v: 3, requires: [all]}
";
    assert_eq!(
        plan(text),
        "w/test 1 on x in ~/project
  run \"echo 1\"
w/test 2 on x in ~/project
  run \"echo 2\"
w/after <test 1 <test 2 on x in ~/project
  run \"echo 3\"
"
    );
}

#[test]
fn a_matrix_of_millions_is_refused_at_once() {
    let values: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let list = values.join(", ");
    let text = format!(
        "version: 2.1
jobs: {{a: {{parameters: {{p: &n {{type: integer}}, q: *n, r: *n, s: *n}}, docker: [{{image: x}}], steps: [checkout]}}}}
workflows: {{w: {{jobs: [a: {{matrix: {{parameters: {{p: [{list}], q: [{list}], r: [{list}], s: [{list}]}}}}}}]}}}}
"
    );
    assert!(plan(&text).contains("! too-large: more than 2000 combinations"));
}

#[test]
fn filters_are_kept_with_their_places() {
    let text = format!(
        "{JOBS}workflows:\n  w:\n    jobs:\n      - a: {{filters: {{branches: {{only: [main, /v.*/]}}, tags: {{ignore: x}}}}}}\n      - b: {{filters: pipeline.git.branch == \"main\"}}\n"
    );
    let compiled = compiled(&text);
    let jobs = &compiled.pipeline.workflows[0].jobs;
    let FilterKind::Map { branches, tags } = &jobs[0].filters.as_ref().unwrap().kind else {
        panic!("a map");
    };
    let only: Vec<_> = branches
        .as_ref()
        .unwrap()
        .only
        .iter()
        .map(|l| l.value.as_str())
        .collect();
    assert_eq!(only, ["main", "/v.*/"]);
    assert_eq!(tags.as_ref().unwrap().ignore.len(), 1);
    assert!(
        matches!(&jobs[1].filters.as_ref().unwrap().kind, FilterKind::Expression { text, .. } if text.value.starts_with("pipeline.git"))
    );
}

#[test]
fn version_two_knows_no_templates() {
    let text = "version: 2
jobs:
  build:
    docker: [{image: x}]
    steps: [run: 'cat <<EOF']
";
    assert_eq!(
        plan(text),
        "workflow/build on x in ~/project\n  run \"cat <<EOF\"\n"
    );
}

#[test]
fn anchors_and_merges_are_followed() {
    let text = "version: 2.1
defaults: &defaults
  docker: [{image: x}]
  working_directory: ~/repo
steps: &one
  run: make
jobs:
  a:
    <<: *defaults
    steps: [*one, checkout]
workflows: {w: {jobs: [a]}}
";
    assert_eq!(
        plan(text),
        "w/a on x in ~/repo\n  run \"make\"   (alias)\n  checkout\n"
    );
}

#[test]
fn templates_keep_the_type_of_a_whole_reference() {
    let text = "version: 2.1
parameters: {n: {type: integer, default: 3}, img: {type: string, default: y}}
jobs:
  a:
    docker: [{image: << pipeline.parameters.img >>}]
    parallelism: << pipeline.parameters.n >>
    steps: [run: 'echo \\<< << pipeline.parameters.n >>']
workflows: {w: {jobs: [a]}}
";
    let compiled = compiled(text);
    assert_eq!(compiled.pipeline.workflows[0].jobs[0].parallelism, 3);
    assert_eq!(plan(text), "w/a on y in ~/project\n  run \"echo << 3\"\n");
}

#[test]
fn inline_orbs_have_names_of_their_own() {
    let text = "version: 2.1
parameters: {p: {type: string, default: out}}
orbs:
  my:
    orbs:
      inner:
        commands:
          deep: {steps: [run: deep]}
    executors:
      linux: {docker: [{image: orb-image}]}
    commands:
      local: {steps: [run: local, inner/deep]}
      give:
        parameters: {after: {type: steps}}
        steps: [local, steps: << parameters.after >>]
    jobs:
      work:
        parameters: {dir: {type: string}}
        executor: linux
        steps:
          - give: {after: [run: given]}
          - persist_to_workspace: {root: << parameters.dir >>, paths: [a]}
commands:
  mine: {steps: [run: mine]}
jobs:
  a:
    executor: my/linux
    steps:
      - my/give: {after: [mine]}
workflows:
  w:
    jobs:
      - my/work: {dir: << pipeline.parameters.p >>, post-steps: [mine]}
      - a: {requires: [my/work]}
";
    assert_eq!(
        plan(text),
        "w/my/work on orb-image in ~/project
  run \"local\"   (command give, command local)
  run \"deep\"   (command give, command local, command inner/deep)
  run \"given\"   (command give)
  persist out [\"a\"]
  run \"mine\"   (post-steps, command mine)
w/a <my/work on orb-image in ~/project
  run \"local\"   (command my/give, command local)
  run \"deep\"   (command my/give, command local, command inner/deep)
  run \"mine\"   (command my/give, command mine)
"
    );
}

#[test]
fn pipeline_parameters_are_out_of_scope_in_an_orb() {
    let text = "version: 2.1
parameters: {p: {type: string, default: out}}
orbs:
  my:
    commands:
      c:
        steps: [run: echo << pipeline.parameters.p >>]
jobs:
  a: {docker: [{image: x}], steps: [my/c, my/nothing, your/c]}
workflows: {w: {jobs: [a]}}
";
    let plan = plan(text);
    assert!(
        plan.contains("! undefined-parameter: `pipeline.parameters.p` is not declared here"),
        "{plan}"
    );
    assert!(
        plan.contains("! undefined-command: orb `my` has no `nothing`"),
        "{plan}"
    );
    assert!(
        plan.contains("! undefined-orb: there is no `your` in `orbs`"),
        "{plan}"
    );
}

#[test]
fn an_orb_without_source_stays_opaque() {
    let text = "version: 2.1
orbs: {node: circleci/node@5.2.0}
jobs:
  a: {executor: node/default, steps: [node/install, run: make]}
workflows: {w: {jobs: [a, node/test: {requires: [a]}]}}
";
    let plan = plan(text);
    assert!(plan.contains("w/a on executor node/default in ~/project opaque: what its step `node/install` does is not known\n  opaque node/install\n  run \"make\""), "{plan}");
    assert!(
        plan.contains("w/node/test <a opaque: it comes from an orb"),
        "{plan}"
    );
}

#[test]
fn a_command_that_is_given_its_own_call_ends_and_a_recursive_one_is_refused() {
    let given = "version: 2.1
commands:
  c:
    parameters: {after: {type: steps, default: []}}
    steps: [run: c, steps: << parameters.after >>]
jobs:
  a: {docker: [{image: x}], steps: [c: {after: [c]}]}
workflows: {w: {jobs: [a]}}
";
    assert!(!plan(given).contains('!'), "{}", plan(given));
    let nothing: String = (1..40)
        .map(|i| {
            format!(
                "  c{i}: {{steps: [{0}, {0}, {0}, {0}]}}\n",
                format!("c{}", i - 1)
            )
        })
        .collect();
    let many = format!(
        "version: 2.1\ncommands:\n  c0: {{steps: []}}\n{nothing}jobs:\n  a: {{docker: [{{image: x}}], steps: [c39]}}\nworkflows: {{w: {{jobs: [a]}}}}\n"
    );
    assert!(plan(&many).contains("! too-large: more than 100000 calls come of the config"));
}

#[test]
fn steps_under_a_condition_are_kept_and_say_so() {
    let text = "version: 2.1
parameters: {p: {type: boolean, default: false}, q: {type: string, default: x}}
jobs:
  a:
    docker: [{image: x}]
    steps:
      - when: {condition: << pipeline.parameters.p >>, steps: [checkout, unless: {condition: {equal: [x, << pipeline.parameters.q >>]}, steps: [run: deep]}]}
      - run: always
workflows: {w: {when: << pipeline.parameters.p >>, jobs: [a]}}
";
    assert_eq!(
        plan(text),
        "w/a on x in ~/project\n  checkout   (when)\n  run \"deep\"   (when, unless)\n  run \"always\"\n"
    );
    let compiled = compiled(text);
    let workflow = &compiled.pipeline.workflows[0];
    assert!(workflow.condition.is_some());
    let conditions: Vec<bool> = workflow.jobs[0]
        .steps
        .iter()
        .map(|s| s.condition.is_some())
        .collect();
    assert_eq!(conditions, [true, true, false]);
}

#[test]
fn a_condition_that_the_config_decides_is_decided() {
    let text = "version: 2.1
commands:
  c:
    parameters: {on: {type: boolean, default: true}}
    steps:
      - when: {condition: << parameters.on >>, steps: [run: yes]}
      - unless: {condition: << parameters.on >>, steps: [run: no]}
jobs:
  a: {docker: [{image: x}], steps: [c, c: {on: false}]}
workflows: {w: {when: true, jobs: [a]}}
";
    assert_eq!(
        plan(text),
        "w/a on x in ~/project\n  run \"true\"   (command c, when)\n  run \"false\"   (command c, unless)\n"
    );
    let compiled = compiled(text);
    let workflow = &compiled.pipeline.workflows[0];
    assert!(workflow.condition.is_none());
    assert!(workflow.jobs[0].steps.iter().all(|s| s.condition.is_none()));
}

#[test]
fn expressions_are_put_in_place() {
    let text = "version: 2.1
jobs:
  a:
    parameters: {n: {type: integer, default: 3}}
    docker: [{image: x}]
    parallelism: << parameters.n >= 3 and 2 or 1 >>
    steps: [run: 'echo << parameters.n == 3 >>']
workflows: {w: {jobs: [a]}}
";
    assert_eq!(compiled(text).pipeline.workflows[0].jobs[0].parallelism, 2);
    assert_eq!(plan(text), "w/a on x in ~/project\n  run \"echo true\"\n");
}
