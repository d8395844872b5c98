//! The migration report: what became of every item of a config, for a person and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use super::item::{Item, Node};
use super::ledger::Outcome;
use crate::plan::Pipeline;
use crate::yaml::Sources;

/// An item with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the config says.
    pub item: Item,
    /// What became of it.
    pub outcome: Outcome,
}

/// The names of a workflow and its jobs.
#[derive(Debug, Clone)]
struct Names {
    name: String,
    jobs: Vec<String>,
}

/// What became of a config.
#[derive(Debug, Clone)]
pub struct Report {
    /// The target's name, as `--to` takes it.
    pub target: &'static str,
    /// Every item, in the order of the plan.
    pub entries: Vec<Entry>,
    workflows: Vec<Names>,
}

/// How many items ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Those that do the same.
    pub converted: usize,
    /// Those that do something close.
    pub approximated: usize,
    /// Those that a person has to see to.
    pub manual: usize,
}

impl Counts {
    /// Returns how many there are.
    #[must_use]
    pub fn total(self) -> usize {
        self.converted + self.approximated + self.manual
    }
}

impl Report {
    pub(super) fn new(target: &'static str, entries: Vec<Entry>, pipeline: &Pipeline) -> Self {
        let workflows = pipeline.workflows.iter().map(|w| Names {
            name: w.name.clone(),
            jobs: w.jobs.iter().map(|j| j.name.clone()).collect(),
        });
        Self {
            target,
            entries,
            workflows: workflows.collect(),
        }
    }

    /// Counts the items.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.entries {
            match entry.outcome {
                Outcome::Converted => counts.converted += 1,
                Outcome::Approximated(_) => counts.approximated += 1,
                Outcome::Manual(_) => counts.manual += 1,
            }
        }
        counts
    }

    /// Returns the names of what a node belongs to: workflow, job, and the number of the step.
    fn names(&self, node: Node) -> (Option<&str>, Option<&str>, Option<usize>) {
        let (w, j, s) = match node {
            Node::Pipeline => (None, None, None),
            Node::Workflow(w) => (Some(w), None, None),
            Node::Job(w, j) => (Some(w), Some(j), None),
            Node::Step(w, j, s) => (Some(w), Some(j), Some(s + 1)),
        };
        let workflow = w.and_then(|w| self.workflows.get(w));
        let job = workflow.and_then(|w| w.jobs.get(j?));
        (
            workflow.map(|w| w.name.as_str()),
            job.map(String::as_str),
            s,
        )
    }

    /// Writes the report as JSON; its schema is `holdall schema migration-report`.
    ///
    /// # Errors
    /// None that is known: the report holds nothing that JSON cannot.
    pub fn json(&self, sources: &Sources) -> serde_json::Result<String> {
        let items = self.entries.iter().map(|entry| {
            let (workflow, job, step) = self.names(entry.item.node);
            JsonItem {
                workflow,
                job,
                step,
                key: entry.item.key,
                text: &entry.item.text,
                place: place(entry, sources),
                outcome: entry.outcome.as_str(),
                note: entry.outcome.note(),
            }
        });
        let report = JsonReport {
            version: 1,
            tool: JsonTool {
                name: "holdall",
                version: env!("CARGO_PKG_VERSION"),
            },
            target: self.target,
            summary: self.counts(),
            items: items.collect(),
        };
        serde_json::to_string_pretty(&report).map(|text| text + "\n")
    }

    /// Writes the report as Markdown: what a person must do first, then what differs, then every
    /// item by its job.
    #[must_use]
    pub fn markdown(&self, sources: &Sources) -> String {
        let counts = self.counts();
        let mut out = format!(
            "# Migration to {}\n\n{} items: {} converted, {} approximated, {} manual.\n",
            self.target,
            counts.total(),
            counts.converted,
            counts.approximated,
            counts.manual
        );
        let manual = |o: &Outcome| matches!(o, Outcome::Manual(_));
        let close = |o: &Outcome| matches!(o, Outcome::Approximated(_));
        self.grouped(&mut out, "What is left to do", manual, sources);
        self.grouped(&mut out, "What differs", close, sources);
        out.push_str("\n## Every item\n");
        let mut last = None;
        for entry in &self.entries {
            let (workflow, job, _) = self.names(entry.item.node);
            if last != Some((workflow, job)) {
                last = Some((workflow, job));
                let title = match (workflow, job) {
                    (Some(workflow), Some(job)) => format!("{workflow} / {job}"),
                    (Some(workflow), None) => workflow.to_owned(),
                    _ => "pipeline".to_owned(),
                };
                let _ = write!(
                    out,
                    "\n### {}\n\n| item | place | outcome |\n|---|---|---|\n",
                    cell(&title)
                );
            }
            let outcome = match entry.outcome.note() {
                Some(note) => format!("{}: {note}", entry.outcome.as_str()),
                None => entry.outcome.as_str().to_owned(),
            };
            let place = place(entry, sources);
            let _ = writeln!(
                out,
                "| {} | {}:{} | {} |",
                cell(&entry.item.text),
                cell(&place.file),
                place.line,
                cell(&outcome)
            );
        }
        out
    }

    /// Writes each note once, with the places that it is about.
    fn grouped(
        &self,
        out: &mut String,
        title: &str,
        of: impl Fn(&Outcome) -> bool,
        sources: &Sources,
    ) {
        let mut notes: Vec<(&str, Vec<&Entry>)> = Vec::new();
        for entry in self.entries.iter().filter(|e| of(&e.outcome)) {
            let note = entry.outcome.note().unwrap_or_default();
            match notes.iter_mut().find(|(n, _)| *n == note) {
                Some((_, entries)) => entries.push(entry),
                None => notes.push((note, vec![entry])),
            }
        }
        if notes.is_empty() {
            return;
        }
        let _ = write!(out, "\n## {title}\n\n");
        for (note, entries) in notes {
            let mut places: Vec<String> = Vec::new();
            for entry in &entries {
                let place = place(entry, sources);
                let text = format!("{} ({}:{})", entry.item.text, place.file, place.line);
                if !places.contains(&text) {
                    places.push(text);
                }
            }
            let more = places.len().saturating_sub(MOST_PLACES);
            places.truncate(MOST_PLACES);
            let mut list = places.join(", ");
            if more > 0 {
                let _ = write!(list, ", and {more} more");
            }
            let _ = writeln!(out, "- {} — {}", cell(note), cell(&list));
        }
    }
}

/// Most places that are named beside one note.
const MOST_PLACES: usize = 6;

/// A text inside a cell of a table, or behind a bullet.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}

fn place(entry: &Entry, sources: &Sources) -> JsonPlace {
    let at = entry.item.at;
    let Some(source) = sources.get(at.source) else {
        return JsonPlace::default();
    };
    let position = source.lines().position(source.text(), at.span.start);
    JsonPlace {
        file: source.name(),
        line: position.line,
        column: position.column,
    }
}

#[derive(Serialize)]
struct JsonReport<'a> {
    version: u32,
    tool: JsonTool,
    target: &'a str,
    summary: Counts,
    items: Vec<JsonItem<'a>>,
}

#[derive(Serialize)]
struct JsonTool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    workflow: Option<&'a str>,
    job: Option<&'a str>,
    step: Option<usize>,
    key: &'a str,
    text: &'a str,
    #[serde(flatten)]
    place: JsonPlace,
    outcome: &'a str,
    note: Option<&'a str>,
}

#[derive(Serialize, Default)]
struct JsonPlace {
    file: String,
    line: u32,
    column: u32,
}
