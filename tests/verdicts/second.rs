//! The thirty findings that a second reader judges: chosen by a hash, so that nobody picks them,
//! and told without a word of the first reader.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::data::{self, Reported};

const SEED: &str = "the second reader";
const ALL: usize = 30;
const WORKSPACE: usize = 12;
/// Most findings of one rule, so that frequent ones leave room.
const OF_ONE_RULE: usize = 3;

/// Chooses thirty, twelve of them of the workspace.
pub(crate) fn choose(all: &[(String, Vec<Reported>)]) -> Vec<Reported> {
    let mut findings: Vec<&Reported> = all.iter().flat_map(|(_, reported)| reported).collect();
    findings.sort_by_key(|f| {
        let text = format!("{SEED} {} {} {} {}", f.config, f.rule, f.line, f.quote);
        Sha256::digest(text).to_vec()
    });
    let mut chosen: Vec<Reported> = Vec::new();
    let mut of_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for (workspace, most) in [(true, WORKSPACE), (false, ALL)] {
        for finding in findings.iter().filter(|f| f.workspace == workspace) {
            let known = |c: &Reported| c.config == finding.config && c.key() == finding.key();
            let count = of_rule.entry(&finding.rule).or_default();
            if chosen.len() < most && *count < OF_ONE_RULE && !chosen.iter().any(known) {
                *count += 1;
                chosen.push((*finding).clone());
            }
        }
    }
    assert_eq!(chosen.len(), ALL, "the corpus has too few findings");
    chosen
}

/// Writes them down for the second reader.
pub(crate) fn sheet(chosen: &[Reported]) -> String {
    let mut out = String::from(
        "For each finding: read the config there, say what happens when the pipeline runs, and judge: is what\n\
         the finding says right, and does it deserve its level? Answer with one line for each: `7. false: why`.\n",
    );
    for (i, f) in chosen.iter().enumerate() {
        let Reported {
            config,
            rule,
            severity,
            title,
            quote,
            ..
        } = f;
        write!(
            out,
            "\n{}. {config}.yml: {severity} [{rule}] {title}\n",
            i + 1
        )
        .unwrap();
        for (n, (line, text)) in f.labels.iter().enumerate() {
            let mark = if n == 0 { "here" } else { "and" };
            writeln!(out, "   {mark}, line {line}: {text}").unwrap();
        }
        writeln!(out, "   the line: {quote}").unwrap();
        for note in &f.notes {
            writeln!(out, "   note: {note}").unwrap();
        }
    }
    out
}

/// Puts a second reader's answers into the verdict files.
pub(crate) fn take_in(chosen: &[Reported], answers: &str, all: &[(String, Vec<Reported>)]) {
    for line in answers.lines() {
        let Some((number, rest)) = line.trim().split_once(". ") else {
            continue;
        };
        let (Ok(number), Some((judgement, reason))) =
            (number.parse::<usize>(), rest.split_once(": "))
        else {
            continue;
        };
        let finding = &chosen[number - 1];
        let reported = all.iter().find(|(config, _)| *config == finding.config);
        let (config, reported) = reported.unwrap();
        data::second(config, reported, finding, judgement, reason);
    }
}
