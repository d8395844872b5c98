//! Every outcome of a config's conditions: which there are, what would run under each, and that a
//! config of very many ends soon.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::fmt::Write as _;

use holdall::circleci::{Compiled, Given, GivenValue, Inputs, compile, when};
use holdall::lint::{self, Options};
use holdall::plan::StepKind;
use holdall::yaml::{Source, Sources};

fn compiled(text: &str, inputs: &Inputs<'_>) -> Compiled {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("config.yml", text));
    compile(&mut sources, id, inputs)
}

/// A line for each variant: its values, and the scripts that would run in its workflows.
fn variants(text: &str, inputs: &Inputs<'_>) -> String {
    let compiled = compiled(text, inputs);
    assert_eq!(compiled.problems, []);
    let mut out = String::new();
    for variant in &compiled.outcomes.variants {
        write!(out, "{}:", when(&variant.choices)).unwrap();
        for workflow in &variant.pipeline.workflows {
            write!(out, " {}(", workflow.name).unwrap();
            let steps = workflow.jobs.iter().flat_map(|job| &job.steps);
            let scripts: Vec<&str> = steps
                .filter_map(|step| match &step.kind {
                    StepKind::Run(run) => Some(run.command.value.as_str()),
                    _ => None,
                })
                .collect();
            write!(out, "{})", scripts.join(" ")).unwrap();
        }
        out.push('\n');
    }
    out.replace("pipeline.parameters.", "")
}

const CONFIG: &str = "version: 2.1
parameters:
  deploy: {type: boolean, default: false}
  target: {type: string, default: test}
commands:
  to:
    parameters: {where: {type: string}, live: {type: boolean}}
    steps:
      - when: {condition: << parameters.live >>, steps: [run: live]}
      - unless: {condition: {equal: [<< parameters.where >>, eu-test]}, steps: [run: other]}
jobs:
  a:
    docker: [{image: x}]
    steps:
      - run: a
      - when:
          condition: << pipeline.parameters.deploy >>
          steps:
            - to: {where: eu-<< pipeline.parameters.target >>, live: << pipeline.parameters.target == \"live\" >>}
workflows: {w: {jobs: [a]}}
";

#[test]
fn conditions_are_followed_through_parameters_texts_and_expressions() {
    assert_eq!(
        variants(CONFIG, &Inputs::default()),
        "when `deploy` is false and `target` is `test`: w(a)
when `deploy` is true and `target` is `test`: w(a)
when `deploy` is true and `target` is `live`: w(a live other)
when `deploy` is true and `target` is none of `live` and `test`: w(a other)
"
    );
}

#[test]
fn what_is_given_is_left_as_it_is() {
    let mut given = Given::default();
    given.set("deploy", GivenValue::Boolean(true));
    let mut inputs = Inputs {
        given: given.clone(),
        ..Inputs::default()
    };
    assert_eq!(
        variants(CONFIG, &inputs),
        "when `target` is `test`: w(a)
when `target` is `live`: w(a live other)
when `target` is none of `live` and `test`: w(a other)
"
    );
    given.set("target", GivenValue::Text("live".to_owned()));
    inputs.given = given;
    assert_eq!(variants(CONFIG, &inputs), "");
    let steps = compiled(CONFIG, &inputs).pipeline.workflows[0].jobs[0]
        .steps
        .len();
    assert_eq!(steps, 3);
}

#[test]
fn a_pipeline_has_a_branch_or_a_tag() {
    let text = "version: 2.1
jobs: {a: {docker: [{image: x}], steps: [run: a]}}
workflows:
  branch: {when: pipeline.git.branch matches /release-.*/, jobs: [a]}
  tag: {when: << pipeline.git.tag >>, jobs: [a]}
  both: {when: pipeline.git.tag and pipeline.git.branch, jobs: [a]}
  never: {when: false, jobs: [a]}
";
    // What holds under no outcome is in all of them.
    assert_eq!(
        variants(text, &Inputs::default()),
        "when `pipeline.git.branch` is empty and `pipeline.git.tag` is empty: both(a) never(a)
when `pipeline.git.branch` is `release-a`, for one and `pipeline.git.tag` is empty: branch(a) both(a) never(a)
when `pipeline.git.branch` is empty and `pipeline.git.tag` is not empty: tag(a) both(a) never(a)
"
    );
}

#[test]
fn a_config_without_open_conditions_has_no_variants() {
    let text = "version: 2.1
parameters: {n: {type: integer, default: 1}}
jobs: {a: {docker: [{image: x}], parallelism: << pipeline.parameters.n >>, steps: [when: {condition: true, steps: [run: a]}]}}
workflows: {w: {jobs: [a]}}
";
    assert!(
        compiled(text, &Inputs::default())
            .outcomes
            .variants
            .is_empty()
    );
}

#[test]
fn very_many_conditions_end_soon() {
    let many = 600;
    let mut text = "version: 2.1\nparameters:\n".to_owned();
    for i in 0..many {
        writeln!(text, "  p{i}: {{type: string, default: x{i}}}").unwrap();
    }
    text.push_str("jobs:\n");
    for job in 0..20 {
        writeln!(text, "  j{job}:\n    docker: [{{image: x}}]\n    steps:").unwrap();
        for i in 0..many {
            let condition = format!(
                "{{and: [<< pipeline.parameters.p{i} >>, {{or: [{{equal: [y{i}, << pipeline.parameters.p{} >>]}}, {{matches: {{pattern: '^v.*{}$', value: << pipeline.parameters.p{} >>}}}}]}}]}}",
                (i * 7 + job) % many,
                i % 100,
                (i * 11 + job) % many
            );
            writeln!(
                text,
                "      - when: {{condition: {condition}, steps: [run: a]}}"
            )
            .unwrap();
        }
    }
    text.push_str("workflows:\n  w:\n    jobs:\n");
    for job in 0..20 {
        writeln!(text, "      - j{job}").unwrap();
    }
    let checked = lint::check(Source::new("config.yml", text), Options::default());
    let outcomes = checked.compiled.outcomes;
    assert!(outcomes.is_capped());
    assert!((2..=32).contains(&outcomes.variants.len()));
}
