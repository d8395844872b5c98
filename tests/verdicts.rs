//! What the linter reports on configs that nobody here wrote is judged, finding by finding:
//! `tests/verdicts/CONFIG.toml` holds each error and warning with the line that it rests on, what
//! happens when the pipeline runs, and whether the finding is right.
//!
//! `HOLDALL_WRITE_VERDICTS=1` brings the files in line with what is reported: new findings get an
//! entry without a judgement, which fails until somebody has read the config there.
//! `HOLDALL_SECOND_READER=FILE` writes thirty findings without the first reader's words to a file,
//! and `HOLDALL_SECOND_READINGS=FILE`, lines such as `7. false: why`, puts a second reader's
//! judgements of these thirty into the verdict files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;
#[path = "verdicts/data.rs"]
mod data;
#[path = "verdicts/second.rs"]
mod second;

use std::collections::BTreeMap;

use data::{Entry, Reported, verdicts};

/// The shortest text that says what happens.
const SHORTEST: usize = 30;

fn everything(test: &str) -> Option<Vec<(String, Vec<Reported>)>> {
    let shared = common::shared(test)?;
    let files = common::yaml_files(&shared.join("corpus/configs"));
    Some(
        files
            .iter()
            .map(|path| (data::config_name(path), data::report(path)))
            .collect(),
    )
}

fn asked(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

#[test]
fn every_error_and_warning_on_a_real_config_has_a_verdict() {
    let Some(all) = everything("every_error_and_warning_on_a_real_config_has_a_verdict") else {
        return;
    };
    if asked("HOLDALL_WRITE_VERDICTS") {
        all.iter()
            .for_each(|(config, reported)| data::write(config, reported));
    }
    let mut wrong = Vec::new();
    for (config, reported) in &all {
        let mut said: Vec<_> = verdicts(config).iter().map(Entry::key).collect();
        for finding in reported {
            match said.iter().position(|key| *key == finding.key()) {
                Some(at) => {
                    said.remove(at);
                }
                None => wrong.push(format!("{config}: no verdict on {:?}", finding.key())),
            }
        }
        wrong.extend(
            said.iter()
                .map(|key| format!("{config}: not reported any more: {key:?}")),
        );
    }
    for config in data::judged() {
        if !all.iter().any(|(name, _)| *name == config) {
            wrong.push(format!("{config}: there is no such config"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_error_is_judged_false_and_few_warnings_are() {
    let mut counts: BTreeMap<(String, String), [usize; 2]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for config in data::judged() {
        for entry in verdicts(&config) {
            let place = format!("{config}:{}: {}", entry.line, entry.rule);
            if entry.outcome.len() < SHORTEST {
                wrong.push(format!("{place}: nobody says what happens"));
            }
            let is_false = entry.judgement == "false";
            match entry.judgement.as_str() {
                "true" if entry.why_it_stays.is_empty() => {}
                "true" => wrong.push(format!("{place}: a true one needs no reason to stay")),
                "false" if entry.severity == "error" => {
                    wrong.push(format!("{place}: an error that is false"));
                }
                "false" if entry.why_it_stays.len() >= SHORTEST => {}
                "false" => wrong.push(format!("{place}: nobody says why it stays")),
                other => wrong.push(format!("{place}: judged {other:?}")),
            }
            let key = (entry.severity, entry.rule);
            counts.entry(key).or_default()[usize::from(is_false)] += 1;
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    let (mut warnings, mut unfounded) = (0, 0);
    for ((severity, rule), [right, not]) in &counts {
        println!("{severity:8} {rule:28} true {right:4}  false {not:3}");
        if severity == "warning" {
            warnings += right + not;
            unfounded += not;
        }
    }
    println!("{unfounded} of {warnings} warnings are judged false");
    assert!(
        unfounded * 10 < warnings,
        "{unfounded} of {warnings} warnings are judged false: one in ten or more"
    );
}

#[test]
fn a_second_reader_judges_thirty_again() {
    if let Some(all) = everything("a_second_reader_judges_thirty_again") {
        let chosen = second::choose(&all);
        if let Some(file) = std::env::var_os("HOLDALL_SECOND_READER") {
            std::fs::write(file, second::sheet(&chosen)).unwrap();
        }
        if let Some(file) = std::env::var_os("HOLDALL_SECOND_READINGS") {
            second::take_in(&chosen, &std::fs::read_to_string(file).unwrap(), &all);
        }
    }
    let workspace: Vec<&str> = holdall::lint::rules()
        .iter()
        .filter(|r| r.group == holdall::finding::Group::Workspace)
        .map(|r| r.name)
        .collect();
    let (mut read, mut flows, mut agree) = (0, 0, 0);
    let mut wrong = Vec::new();
    for config in data::judged() {
        for entry in verdicts(&config).iter().filter(|e| !e.second.is_empty()) {
            let place = format!("{config}:{}: {}", entry.line, entry.rule);
            read += 1;
            flows += usize::from(workspace.contains(&entry.rule.as_str()));
            if !matches!(entry.second.as_str(), "true" | "false") {
                wrong.push(format!("{place}: judged {:?}", entry.second));
            }
            if entry.second_reason.is_empty() {
                wrong.push(format!("{place}: the second reader says no reason"));
            }
            if entry.second == entry.judgement {
                agree += 1;
            } else if entry.settled.len() < SHORTEST {
                wrong.push(format!(
                    "{place}: the readers differ, and nobody says how that was settled"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if read == 0 {
        println!("no second reader has judged anything yet");
        return;
    }
    println!("the readers agree on {agree} of {read}, {flows} of them of the workspace");
    assert!(
        read >= 30 && flows >= 10,
        "{read} read again, {flows} of the workspace"
    );
}
