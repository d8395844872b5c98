//! A whole config, by every reader of the plan: an answer comes, it is the same twice, and what
//! it points at is in the text.

#![no_main]

use holdall::circleci::{Compiled, Facts, Inputs, compile, emit};
use holdall::finding::{Label, Look, Severity, concise, human, json};
use holdall::lint::{self, Options};
use holdall::plan::GitRef;
use holdall::transpile::circleci::{Options as Rewrite, Store};
use holdall::transpile::{self, TranspileError};
use holdall::yaml::{Source, SourceId, Sources};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Whatever orb is asked for, the text is its source too: an orb may come back to itself.
    let orbs = |_: &str| Some(Source::new("orb.yml", text).into());
    let facts = Facts {
        branch: Some("main".to_owned()),
        ..Facts::default()
    };
    for (decide, with_orbs) in [(false, false), (true, true)] {
        let mut inputs = Inputs {
            facts: facts.clone(),
            decide,
            ..Inputs::default()
        };
        if with_orbs {
            inputs.orbs = &orbs;
        }
        compiled(text, &inputs);
        linted(text, &inputs);
    }
});

fn fits(sources: &Sources, labels: &[Label]) {
    assert!(!labels.is_empty());
    for label in labels {
        let source = sources
            .get(label.at.source)
            .expect("a label's source is known");
        assert!(
            source.text().get(label.at.span.range()).is_some(),
            "{label:?} cuts its text"
        );
    }
}

fn compiled(text: &str, inputs: &Inputs<'_>) {
    let once = || {
        let mut sources = Sources::default();
        let id = sources.add(Source::new("config.yml", text));
        let compiled = compile(&mut sources, id, inputs);
        (sources, compiled)
    };
    let (sources, first) = once();
    let (_, second) = once();
    assert_eq!(first.problems, second.problems);
    assert_eq!(
        format!("{:?}", first.pipeline),
        format!("{:?}", second.pipeline)
    );
    for problem in &first.problems {
        fits(&sources, &problem.labels);
        assert!(
            lint::rule(problem.rule).is_some(),
            "no rule is named {}",
            problem.rule
        );
    }
    plan(&first);
    if inputs.decide {
        printed(&first);
    }
    transpile::shell::migrate(&first, "config.yml").expect("nothing is forgotten");
    if first.syntax.is_none() {
        let source = sources.get(SourceId(0)).expect("it was added");
        for store in [Store::Url("/mnt/ws".to_owned()), Store::Cache] {
            let options = Rewrite {
                store,
                runtime: transpile::Runtime::Sh,
                despite_unknown: true,
            };
            match transpile::circleci::rewrite(&first, source, SourceId(0), &options) {
                Ok(_) | Err(TranspileError::Unsupported(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// What a config without errors compiles to is a config without errors that compiles to itself.
fn printed(compiled: &Compiled) {
    let wrong = |of: &Compiled| {
        of.problems.iter().any(|p| {
            let severity = p.severity.or(lint::rule(p.rule).map(|r| r.severity));
            severity == Some(Severity::Error)
        })
    };
    let first = emit(&compiled.pipeline);
    let text = first.to_yaml();
    let _ = first.to_json();
    let mut sources = Sources::default();
    let id = sources.add(Source::new("compiled.yml", text.as_str()));
    let inputs = Inputs {
        decide: true,
        ..Inputs::default()
    };
    let second = self::compile(&mut sources, id, &inputs);
    assert!(second.syntax.is_none(), "{:?} in\n{text}", second.syntax);
    if wrong(compiled) || compiled.pipeline.workflows.is_empty() {
        return;
    }
    assert!(!wrong(&second), "{:#?} in\n{text}", second.problems);
    let again = emit(&second.pipeline);
    assert!(
        again.data == first.data,
        "compiling it again changes\n{text}\ninto\n{}",
        again.to_yaml()
    );
}

fn plan(compiled: &Compiled) {
    let mut names = std::collections::HashSet::new();
    for workflow in &compiled.pipeline.workflows {
        for (index, job) in workflow.jobs.iter().enumerate() {
            assert!(names.insert(&job.name), "two jobs are named {:?}", job.name);
            assert!(job.parallelism >= 1);
            for requirement in &job.requires {
                assert!(requirement.job < workflow.jobs.len() && requirement.job != index);
                assert!(!requirement.statuses.is_empty());
            }
        }
        for pushed in [
            GitRef::Branch("main".to_owned()),
            GitRef::Tag("v1".to_owned()),
        ] {
            if let Ok((runs, left)) = workflow.for_push(&pushed) {
                assert_eq!(runs.jobs.len() + left.len(), workflow.jobs.len());
                for job in &runs.jobs {
                    assert!(job.requires.iter().all(|r| r.job < runs.jobs.len()));
                }
            }
        }
    }
}

fn linted(text: &str, inputs: &Inputs<'_>) {
    let options = Options { least: Severity::Info, ..Options::default() };
    let once = || [lint::check_with(Source::new("config.yml", text), options, inputs).report];
    let first = once();
    for finding in &first[0].findings {
        fits(&first[0].sources, &finding.labels);
    }
    let report = json(&first);
    assert_eq!(report, json(&once()));
    assert!(!human(&first, Look::default()).is_empty());
    let _ = concise(&first);
}
