//! The verdict files: `tests/verdicts/CONFIG.toml`, an entry for each error and warning on a config
//! of the corpus, and how they are read and written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use holdall::finding::{Group, Severity};
use holdall::lint::{self, Options};
use holdall::yaml::Source;
use serde::Deserialize;

use crate::common;

/// A finding, and what its readers make of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) rule: String,
    /// `error` or `warning`.
    pub(crate) severity: String,
    pub(crate) line: usize,
    /// The line that the finding rests on, without its indentation.
    pub(crate) quote: String,
    /// What happens when the pipeline runs.
    #[serde(default)]
    pub(crate) outcome: String,
    /// `true` or `false`: whether the finding is right, and its level deserved.
    #[serde(default)]
    pub(crate) judgement: String,
    /// Why a false one is reported all the same.
    #[serde(default)]
    pub(crate) why_it_stays: String,
    /// The judgement of a second reader, who has not seen the first's words.
    #[serde(default)]
    pub(crate) second: String,
    #[serde(default)]
    pub(crate) second_reason: String,
    /// Where the two differ: how it was settled.
    #[serde(default)]
    pub(crate) settled: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    finding: Vec<Entry>,
}

/// A finding as the linter reports it.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) config: String,
    pub(crate) rule: String,
    pub(crate) severity: String,
    pub(crate) line: usize,
    pub(crate) quote: String,
    pub(crate) workspace: bool,
    pub(crate) title: String,
    /// The labels, the primary one first: line and text.
    pub(crate) labels: Vec<(usize, String)>,
    pub(crate) notes: Vec<String>,
}

/// What a finding is known by.
pub(crate) type Key = (String, String, usize, String);

impl Entry {
    pub(crate) fn key(&self) -> Key {
        let Self {
            rule,
            severity,
            line,
            quote,
            ..
        } = self.clone();
        (rule, severity, line, quote)
    }
}

impl Reported {
    pub(crate) fn key(&self) -> Key {
        let Self {
            rule,
            severity,
            line,
            quote,
            ..
        } = self.clone();
        (rule, severity, line, quote)
    }

    fn unjudged(&self) -> Entry {
        Entry {
            rule: self.rule.clone(),
            severity: self.severity.clone(),
            line: self.line,
            quote: self.quote.clone(),
            outcome: String::new(),
            judgement: String::new(),
            why_it_stays: String::new(),
            second: String::new(),
            second_reason: String::new(),
            settled: String::new(),
        }
    }
}

/// Lints a config as the command line does: its errors and warnings.
pub(crate) fn report(path: &Path) -> Vec<Reported> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let line = |byte: u32| text[..byte as usize].matches('\n').count() + 1;
    let checked = lint::check(Source::new(path, text.clone()), Options::default());
    let findings = checked.report.findings.iter();
    let findings = findings.filter(|f| f.severity >= Severity::Warning);
    findings
        .map(|f| {
            let labels: Vec<(usize, String)> = f
                .labels
                .iter()
                .map(|l| (line(l.at.span.start), l.text.clone()))
                .collect();
            let first = labels.first().map_or(1, |l| l.0);
            Reported {
                config: config_name(path),
                rule: f.rule.to_owned(),
                severity: if f.severity == Severity::Error {
                    "error"
                } else {
                    "warning"
                }
                .to_owned(),
                line: first,
                quote: lines.get(first - 1).map_or("", |l| l.trim()).to_owned(),
                workspace: f.group == Group::Workspace,
                title: f.title.clone(),
                labels,
                notes: f.notes.clone(),
            }
        })
        .collect()
}

pub(crate) fn config_name(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn folder() -> PathBuf {
    common::root().join("tests/verdicts")
}

/// Returns the configs that have a verdict file.
pub(crate) fn judged() -> Vec<String> {
    let files = std::fs::read_dir(folder()).unwrap();
    let paths = files.map(|e| e.unwrap().path());
    let mut names: Vec<String> = paths
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|p| config_name(&p))
        .collect();
    names.sort();
    names
}

/// Reads the verdicts on a config; none where it has no file.
pub(crate) fn verdicts(config: &str) -> Vec<Entry> {
    let path = folder().join(format!("{config}.toml"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        return Vec::new();
    };
    let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    file.finding
}

/// Writes the verdicts on what is reported: those that are known, moved to where the finding
/// stands today, and an empty one for what is new.
pub(crate) fn write(config: &str, reported: &[Reported]) {
    let path = folder().join(format!("{config}.toml"));
    if reported.is_empty() {
        if path.exists() {
            std::fs::remove_file(&path).unwrap();
        }
        return;
    }
    std::fs::write(path, file(&in_line(config, reported))).unwrap();
}

/// Puts a second reader's judgement of a finding into its file.
pub(crate) fn second(
    config: &str,
    reported: &[Reported],
    finding: &Reported,
    judgement: &str,
    reason: &str,
) {
    let mut entries = in_line(config, reported);
    let entry = entries.iter_mut().find(|e| e.key() == finding.key());
    let entry = entry.expect("what was chosen is reported");
    judgement.clone_into(&mut entry.second);
    reason.clone_into(&mut entry.second_reason);
    std::fs::write(folder().join(format!("{config}.toml")), file(&entries)).unwrap();
}

fn in_line(config: &str, reported: &[Reported]) -> Vec<Entry> {
    let mut known = verdicts(config);
    let mut take = |same: &dyn Fn(&Entry) -> bool| {
        let at = known.iter().position(same)?;
        Some(known.remove(at))
    };
    let mut entries: Vec<Option<Entry>> = reported
        .iter()
        .map(|r| take(&|e| e.key() == r.key()))
        .collect();
    for (entry, r) in entries.iter_mut().zip(reported) {
        if entry.is_none() {
            *entry = take(&|e| (&e.rule, &e.quote) == (&r.rule, &r.quote));
        }
    }
    let both = entries.into_iter().zip(reported);
    both.map(|(entry, r)| Entry {
        severity: r.severity.clone(),
        line: r.line,
        ..entry.unwrap_or_else(|| r.unjudged())
    })
    .collect()
}

fn file(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries {
        if !text.is_empty() {
            text.push('\n');
        }
        write!(
            text,
            "[[finding]]\nrule = {}\nseverity = {}\nline = {}\nquote = {}\noutcome = {}\njudgement = {}\n",
            quoted(&entry.rule),
            quoted(&entry.severity),
            entry.line,
            quoted(&entry.quote),
            quoted(&entry.outcome),
            quoted(&entry.judgement),
        )
        .unwrap();
        for (key, value) in [
            ("why_it_stays", &entry.why_it_stays),
            ("second", &entry.second),
            ("second_reason", &entry.second_reason),
            ("settled", &entry.settled),
        ] {
            if !value.is_empty() {
                writeln!(text, "{key} = {}", quoted(value)).unwrap();
            }
        }
    }
    text
}

/// A string of JSON is one of TOML.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}
