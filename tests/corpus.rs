//! The linter on configs that nobody here wrote: it ends, says something sensible, and what it
//! calls an error is on a reviewed list.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::collections::BTreeSet;

use holdall::circleci::{Inputs, compile};
use holdall::yaml::{Source, Sources};

/// Every error on the corpus, as `file: rule: text`, reviewed one by one: what the service would
/// refuse, or what only stands there because the file is a part of a larger config.
const REVIEWED: &str = include_str!("corpus-errors.txt");

/// The same for the sources of orbs.
const REVIEWED_ORBS: &str = include_str!("orb-errors.txt");

fn lint(args: &[&str], file: &std::path::Path) -> std::process::Output {
    common::holdall()
        .arg("lint")
        .args(args)
        .arg(file)
        .output()
        .unwrap()
}

#[test]
fn every_real_config_is_linted_without_a_panic_or_an_abort() {
    let Some(shared) = common::shared("every_real_config_is_linted_without_a_panic_or_an_abort")
    else {
        return;
    };
    let mut seen = 0;
    for folder in ["configs", "history", "orbs"] {
        for file in common::yaml_files(&shared.join("corpus").join(folder)) {
            let out = lint(&["--format", "json", "--level", "pedantic"], &file);
            let code = out.status.code();
            let said = String::from_utf8_lossy(&out.stderr);
            assert!(
                matches!(code, Some(0 | 1)),
                "{}: {code:?}: {said}",
                file.display()
            );
            assert_eq!(said, "", "{}", file.display());
            let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
            assert_eq!(report["files"], 1, "{}", file.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 154 + 92 + 71);
}

/// Holds that the errors in a folder of the corpus are those of a list.
fn are_reviewed(folder: &std::path::Path, reviewed: &str) {
    let mut found = BTreeSet::new();
    for file in common::yaml_files(folder) {
        let out = lint(&["--format", "json"], &file);
        let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            if finding["severity"] == "error" {
                let name = file.file_name().unwrap().to_string_lossy();
                let text = finding["labels"][0]["text"].as_str().unwrap();
                found.insert(format!(
                    "{name}: {}: {text}",
                    finding["rule"].as_str().unwrap()
                ));
            }
        }
    }
    let reviewed: BTreeSet<String> = reviewed
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let new: Vec<_> = found.difference(&reviewed).collect();
    let gone: Vec<_> = reviewed.difference(&found).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not reviewed: {new:#?}\nno longer found: {gone:#?}"
    );
}

#[test]
fn every_error_on_a_real_config_is_reviewed() {
    if let Some(shared) = common::shared("every_error_on_a_real_config_is_reviewed") {
        are_reviewed(&shared.join("corpus/configs"), REVIEWED);
    }
}

#[test]
fn every_error_on_a_real_orb_is_reviewed() {
    if let Some(shared) = common::shared("every_error_on_a_real_orb_is_reviewed") {
        are_reviewed(&shared.join("corpus/orbs"), REVIEWED_ORBS);
    }
}

#[test]
fn every_real_orb_is_checked_as_an_orb() {
    let Some(shared) = common::shared("every_real_orb_is_checked_as_an_orb") else {
        return;
    };
    for file in common::yaml_files(&shared.join("corpus/orbs")) {
        let mut sources = Sources::default();
        let text = std::fs::read_to_string(&file).unwrap();
        let id = sources.add(Source::new(file.clone(), text));
        let compiled = compile(&mut sources, id, &Inputs::default());
        assert!(compiled.orb, "{}", file.display());
        // Each has definitions, and all of them are looked at.
        let definitions = compiled.pipeline.workflows.iter();
        let definitions = definitions.filter(|w| w.definition.is_some()).count();
        assert!(definitions > 0, "{}", file.display());
    }
    for folder in ["configs", "history"] {
        for file in common::yaml_files(&shared.join("corpus").join(folder)) {
            let mut sources = Sources::default();
            let text = std::fs::read_to_string(&file).unwrap();
            let id = sources.add(Source::new(file.clone(), text));
            let compiled = compile(&mut sources, id, &Inputs::default());
            assert!(!compiled.orb, "{}", file.display());
        }
    }
}

#[test]
fn a_human_report_of_every_real_config_is_text() {
    let Some(shared) = common::shared("a_human_report_of_every_real_config_is_text") else {
        return;
    };
    let out = lint(&["--color", "never"], &shared.join("corpus/configs"));
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.ends_with('\n') && text.contains("154 files checked"),
        "{}",
        text.lines().last().unwrap()
    );
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn nearly_every_real_config_is_seen_under_every_outcome_of_its_conditions() {
    let Some(shared) =
        common::shared("nearly_every_real_config_is_seen_under_every_outcome_of_its_conditions")
    else {
        return;
    };
    let mut capped = Vec::new();
    let mut several = 0;
    for folder in ["configs", "history", "orbs"] {
        for file in common::yaml_files(&shared.join("corpus").join(folder)) {
            let mut sources = Sources::default();
            let text = std::fs::read_to_string(&file).unwrap();
            let id = sources.add(Source::new("config.yml", text));
            let outcomes = compile(&mut sources, id, &Inputs::default()).outcomes;
            several += usize::from(folder != "orbs" && outcomes.variants.len() > 1);
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            // Every condition that was met came out both ways.
            assert_eq!(outcomes.one_sided, [], "{name}");
            // The definitions of an orb are independent of each other: all their outcomes together
            // say no more than each one's.
            if folder != "orbs" && outcomes.is_capped() {
                capped.push(name);
            }
        }
    }
    assert_eq!(several, 28);
    assert_eq!(capped, ["ovotech__circleci-orbs__continue-config.yml"]);
}
