//! Faults of workspaces that real commits have mended: the linter reports them in the config
//! before the commit and not in the one after it. `fix_pairs.toml` names each, or says why nobody
//! can know it from the text.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use std::path::Path;

use holdall::lint::{self, Options};
use holdall::yaml::Source;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pairs {
    pair: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    name: String,
    fault: String,
    /// The rule that reports it, the line that a label of the finding stands on, and its text.
    rule: Option<String>,
    line: Option<usize>,
    quote: Option<String>,
    cannot_know: Option<String>,
}

/// Returns the lines that the labels of a rule's findings stand on, with their texts.
fn lines(path: &Path, rule: &str) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let report = lint::check(Source::new(path, text.clone()), Options::default()).report;
    let findings = report.findings.iter().filter(|f| f.rule == rule);
    findings
        .flat_map(|f| &f.labels)
        .map(|label| {
            let before = &text[..label.at.span.start as usize];
            let line = before.matches('\n').count();
            let quote = text.lines().nth(line).unwrap_or_default().trim();
            (line + 1, quote.to_owned())
        })
        .collect()
}

#[test]
fn what_a_commit_mended_is_reported_before_it_and_not_after_it() {
    let pairs: Pairs = toml::from_str(include_str!("fix_pairs.toml")).unwrap();
    let (mut reported, mut unknown) = (0, 0);
    let Some(shared) =
        common::shared("what_a_commit_mended_is_reported_before_it_and_not_after_it")
    else {
        return;
    };
    let folder = shared.join("corpus/fixes");
    for pair in &pairs.pair {
        let Pair { name, fault, .. } = pair;
        if let Some(why) = &pair.cannot_know {
            assert!(pair.rule.is_none() && why.len() > 40, "{name}: {why}");
            println!("cannot know  {name}: {fault}");
            unknown += 1;
            continue;
        }
        let rule = pair.rule.as_deref().unwrap();
        let wanted = (pair.line.unwrap(), pair.quote.clone().unwrap());
        let before = lines(&folder.join(format!("{name}.before.yml")), rule);
        assert!(before.contains(&wanted), "{name}: {rule} in {before:?}");
        let after = lines(&folder.join(format!("{name}.after.yml")), rule);
        let again = after.iter().any(|(_, quote)| *quote == wanted.1);
        assert!(!again, "{name}: {rule} after the commit too, in {after:?}");
        println!("reported     {name}: {fault}: {rule}");
        reported += 1;
    }
    println!("{reported} reported, {unknown} that the text does not show");
    let names: Vec<&str> = pairs.pair.iter().map(|p| p.name.as_str()).collect();
    let notes = std::fs::read_to_string(folder.join("NOTES.md")).unwrap();
    let table = notes.split("| --- | --- |").nth(1).unwrap();
    // One row may name two pairs, the second by its commit; the last row holds no faults.
    let rows = table.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !row.contains("not plain faults")) {
        for base in row[2..].split(" | ").next().unwrap().split(", ") {
            let listed = names.iter().any(|n| n.ends_with(base.trim()));
            assert!(listed, "{base} is in NOTES.md and not in fix_pairs.toml");
        }
    }
}
