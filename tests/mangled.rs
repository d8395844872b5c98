//! Configs that somebody broke half-way: whatever stands in them, the linter answers.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;

use std::sync::LazyLock;

use holdall::finding::{Look, Severity, concise, human, json};
use holdall::lint::{self, Options};
use holdall::transpile;
use holdall::transpile::circleci::{Options as Rewrite, Store};
use holdall::yaml::{Source, SourceId};
use proptest::prelude::*;

/// How many configs are broken: `HOLDALL_MANGLED` of them, for a long run in release.
fn cases() -> u32 {
    let wanted = std::env::var("HOLDALL_MANGLED");
    wanted.map_or(1500, |n| n.parse().unwrap())
}

/// All fixtures and the example, as texts to break.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(texts);

fn texts() -> Vec<String> {
    let mut out = Vec::new();
    for rule in lint::rules() {
        for file in common::yaml_files(&common::root().join("tests/fixtures/rules").join(rule.name))
        {
            out.push(std::fs::read_to_string(file).unwrap());
        }
    }
    out.push(
        std::fs::read_to_string(common::root().join("examples/workspaces/.circleci/config.yml"))
            .unwrap(),
    );
    out
}

/// Pieces that mean something to YAML, to templates, or to paths.
const PIECES: [&str; 24] = [
    "\n", "  ", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "<<", ">>", "<<: *a", "|\n", "'",
    "\"", "#", "~", "..", "\\", "\t", "é", "\u{feff}", "null",
];

fn answer(text: &str) {
    let options = Options {
        least: Severity::Info,
        ..Options::default()
    };
    let checked = lint::check(Source::new("config.yml", text), options);
    let reports = [checked.report];
    let look = Look::default();
    assert!(!human(&reports, look).is_empty());
    let _ = concise(&reports);
    let value: serde_json::Value = serde_json::from_str(&json(&reports)).unwrap();
    assert_eq!(value["files"], 1);
    let source = reports[0].sources.get(SourceId(0)).unwrap();
    transpile::shell::migrate(&checked.compiled, "config.yml").unwrap();
    if checked.compiled.syntax.is_none() {
        for store in [Store::Url("/mnt/ws".to_owned()), Store::Cache] {
            let options = Rewrite {
                store,
                runtime: transpile::Runtime::Sh,
                despite_unknown: true,
            };
            match transpile::circleci::rewrite(&checked.compiled, source, SourceId(0), &options) {
                Ok(_) | Err(transpile::TranspileError::Unsupported(_)) => {}
                Err(other) => panic!("{other}\n{text}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_broken_config_gets_an_answer(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..30_usize, prop::sample::select(&PIECES[..])), 0..4),
    ) {
        let mut text: Vec<char> = TEXTS[which.index(TEXTS.len())].chars().collect();
        for (at, len, piece) in cuts {
            let start = at.index(text.len() + 1);
            let end = (start + len).min(text.len());
            text.splice(start..end, piece.chars());
        }
        answer(&text.into_iter().collect::<String>());
    }
}

#[test]
fn whole_fixtures_get_an_answer_too() {
    for text in TEXTS.iter() {
        answer(text);
    }
}
