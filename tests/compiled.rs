//! Compiled configs: what is printed, that printing it again changes nothing, and that the configs of
//! others compile.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use holdall::circleci::{Compiled, Emitted, Inputs, OrbSource, compile, emit};
use holdall::finding::Severity;
use holdall::lint;
use holdall::yaml::{Source, Sources};

/// Which real configs do not compile, and why that is right.
const REVIEWED: &str = include_str!("compile-failures.txt");

fn compiled(
    name: &str,
    text: &str,
    orbs: &dyn Fn(&str) -> Option<OrbSource>,
) -> (Sources, Compiled) {
    let mut sources = Sources::default();
    let id = sources.add(Source::new(name, text));
    let inputs = Inputs {
        orbs,
        decide: true,
        ..Inputs::default()
    };
    let compiled = compile(&mut sources, id, &inputs);
    (sources, compiled)
}

/// The errors of a config: the lines of their first labels.
fn errors(sources: &Sources, compiled: &Compiled) -> Vec<String> {
    let wrong = compiled.problems.iter().filter(|p| {
        let rule = lint::rule(p.rule).unwrap_or_else(|| panic!("no rule {}", p.rule));
        p.severity.unwrap_or(rule.severity) == Severity::Error
    });
    wrong
        .map(|p| {
            let at = p.labels[0].at;
            let source = sources.get(at.source).unwrap();
            let text = source.text();
            let start = at.span.start as usize;
            let from = text[..start].rfind('\n').map_or(0, |i| i + 1);
            let to = text[start..].find('\n').map_or(text.len(), |i| start + i);
            text[from..to].to_owned()
        })
        .collect()
}

/// Compiles what was printed; it has to come to the same.
fn again(name: &str, emitted: &Emitted) {
    let text = emitted.to_yaml();
    let (sources, second) = compiled(name, &text, &|_| None);
    let wrong = errors(&sources, &second);
    assert!(wrong.is_empty(), "{name}: {wrong:#?} in\n{text}");
    let second = emit(&second.pipeline);
    assert!(
        second.data == emitted.data,
        "{name}: compiling it again changes\n{text}\ninto\n{}",
        second.to_yaml()
    );
}

#[test]
fn every_real_config_compiles_or_fails_for_a_reviewed_reason() {
    let test = "every_real_config_compiles_or_fails_for_a_reviewed_reason";
    let Some(shared) = common::shared(test) else {
        return;
    };
    let mut reviewed: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lines = REVIEWED
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    while let Some(file) = lines.next() {
        let quoted = lines.next().and_then(|l| l.strip_prefix("> ")).expect(file);
        assert!(lines.next().is_some_and(|why| why.len() > 20), "{file}");
        reviewed.insert(file, quoted);
    }
    assert!(reviewed.len() <= 12);
    let mut seen = 0;
    for folder in ["configs", "history"] {
        for path in common::yaml_files(&shared.join("corpus").join(folder)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let (sources, compiled) = compiled(name, &text, &|_| None);
            let wrong = errors(&sources, &compiled);
            match reviewed.remove(name) {
                Some(quoted) => assert!(
                    wrong.iter().any(|line| line == quoted),
                    "{name}: not {quoted:?} but {wrong:#?}"
                ),
                None => {
                    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
                    again(name, &emit(&compiled.pipeline));
                }
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 154 + 92);
    assert!(reviewed.is_empty(), "they compile now: {reviewed:#?}");
}

/// Reads `tests/fixtures/compile/orbs/NAMESPACE/NAME@VERSION.yml`.
fn orb(reference: &str) -> Option<OrbSource> {
    let path = common::root().join(format!("tests/fixtures/compile/orbs/{reference}.yml"));
    let text = std::fs::read_to_string(&path).ok()?;
    Some(Source::new(path, text).into())
}

#[test]
fn what_is_compiled_reads_as_it_should_and_stays_as_it_is() {
    let folder = common::root().join("tests/fixtures/compile");
    for path in common::yaml_files(&folder) {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let (sources, compiled) = compiled(stem, &text, &orb);
        let wrong = errors(&sources, &compiled);
        assert!(wrong.is_empty(), "{stem}: {wrong:#?}");
        let emitted = emit(&compiled.pipeline);
        snapshot!(format!("compile-{stem}"), emitted.to_yaml());
        again(stem, &emitted);
    }
}

fn cli(args: &[&str], config: &Path) -> (String, String, Option<i32>) {
    let out = common::holdall()
        .arg("compile")
        .args(args)
        .arg(config)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code())
}

#[test]
fn the_command_prints_yaml_or_json_and_says_what_it_could_not_resolve() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    let text = "version: 2.1
orbs: {node: circleci/node@5.2.0, tool: me/tool@1}
jobs:
  build: {docker: [{image: cimg/base:2024.01}], steps: [tool/greet, run: \"cat \\\\<<EOF\\nx\\nEOF\\n\"]}
workflows: {w: {jobs: [build, node/test: {requires: [build], version: '20'}]}}
";
    std::fs::write(&config, text).unwrap();
    let orbs = dir.path().join(".holdall/orbs/me");
    std::fs::create_dir_all(&orbs).unwrap();
    let tool = "commands: {greet: {steps: [run: echo hello]}}\n";
    std::fs::write(orbs.join("tool@1.4.2.yml"), tool).unwrap();
    let (yaml, said, code) = cli(&[], &config);
    assert_eq!(code, Some(0), "{said}");
    snapshot!("compile-cli", format!("{yaml}\nstderr:\n{said}"));
    let (json, _, code) = cli(&["--format", "json", "--quiet"], &config);
    assert_eq!(code, Some(0));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let yaml: serde_yaml::Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(json, serde_json::to_value(yaml).unwrap());
}

#[test]
fn a_config_that_the_service_would_refuse_is_refused_with_all_its_errors() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.yml");
    let text = "version: 2.1
jobs:
  build: {docker: [{image: cimg/base:2024.01}], steps: [run: echo << parameters.x >>, instal]}
  other: {docker: [{image: cimg/base:2024.01}], steps: [attach_workspace: {at: .}]}
workflows: {w: {jobs: [build, other, gone]}}
";
    std::fs::write(&config, text).unwrap();
    let (out, said, code) = cli(&["--color", "never"], &config);
    assert_eq!((out.as_str(), code), ("", Some(1)), "{said}");
    for rule in ["undefined-parameter", "undefined-command", "undefined-job"] {
        assert!(said.contains(rule), "{rule}: {said}");
    }
    // What the workspaces do is no matter of the language.
    assert!(!said.contains("attach-without-upstream"), "{said}");
}

#[test]
fn with_the_orb_sources_of_others_it_stays_as_it_is() {
    let Some(shared) = common::shared("with_the_orb_sources_of_others_it_stays_as_it_is") else {
        return;
    };
    // Whatever version a config asks for: some calls do not fit then, and such a config is left out.
    let mut orbs: BTreeMap<String, Source> = BTreeMap::new();
    for path in common::yaml_files(&shared.join("corpus/orbs")) {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let stem = stem.trim_end_matches("__packed");
        let name = stem.rsplit("__").next().unwrap().trim_end_matches("-orb");
        let text = std::fs::read_to_string(&path).unwrap();
        orbs.insert(name.to_owned(), Source::new(path.clone(), text));
    }
    let find = |reference: &str| {
        let (orb, _) = reference.split_once('@')?;
        orbs.get(orb.rsplit('/').next()?)
            .cloned()
            .map(OrbSource::from)
    };
    let mut looked_into = 0;
    for folder in ["configs", "history"] {
        for path in common::yaml_files(&shared.join("corpus").join(folder)) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let (sources, compiled) = compiled(name, &text, &find);
            let emitted = emit(&compiled.pipeline);
            if emitted.orbs.is_empty() || !errors(&sources, &compiled).is_empty() {
                continue;
            }
            looked_into += 1;
            again(name, &emitted);
        }
    }
    assert!(looked_into >= 8, "{looked_into}");
    println!("{looked_into} configs with orbs whose source was there");
}
