//! The migration report: what became of every item of a config. A target settles each item in a
//! [`Ledger`]; one that it forgets is a defect, and found.

use std::fmt::Write as _;

use serde::Serialize;

use super::item::{Item, Node, items};
use crate::hash::HashMap;
use crate::plan::Pipeline;
use crate::yaml::Sources;

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It does the same in the target.
    Converted,
    /// It does something close: how that differs, and why.
    Approximated(String),
    /// A person has to do something: what.
    Manual(String),
}

impl Outcome {
    /// Returns the word of the report.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Converted => "converted",
            Self::Approximated(_) => "approximated",
            Self::Manual(_) => "manual",
        }
    }

    /// Returns what is to be said about it.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        match self {
            Self::Converted => None,
            Self::Approximated(note) | Self::Manual(note) => Some(note),
        }
    }

    /// Puts two outcomes of one item together: the worse one counts, and of two like ones both
    /// notes are kept.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Manual(a), Self::Manual(b)) => Self::Manual(both(a, &b)),
            (Self::Approximated(a), Self::Approximated(b)) => Self::Approximated(both(a, &b)),
            (a, b) => a.max(b),
        }
    }
}

fn both(a: String, b: &str) -> String {
    match a.contains(b) {
        true => a,
        false => format!("{a}; {b}"),
    }
}

/// The items of a pipeline, with what became of those that are settled.
#[derive(Debug)]
pub struct Ledger {
    items: Vec<Item>,
    outcomes: Vec<Option<Outcome>>,
    places: HashMap<(Node, &'static str), Vec<usize>>,
}

impl Ledger {
    /// Opens the ledger of a pipeline.
    #[must_use]
    pub fn new(pipeline: &Pipeline) -> Self {
        let items = items(pipeline);
        let mut places: HashMap<(Node, &'static str), Vec<usize>> = HashMap::default();
        for (i, item) in items.iter().enumerate() {
            places.entry((item.node, item.key)).or_default().push(i);
        }
        Self {
            outcomes: vec![None; items.len()],
            items,
            places,
        }
    }

    /// Says that a node's items with a key do the same in the target.
    pub fn converted(&mut self, node: Node, key: &'static str) {
        self.settle(node, key, &Outcome::Converted);
    }

    /// Says of a job that runs no steps that nothing is lost of what only jobs with steps need.
    pub(crate) fn needs_no_steps(&mut self, job: Node) {
        for key in [
            "working_directory",
            "shell",
            "environment",
            "parallelism",
            "resource_class",
            "image",
            "machine",
            "macos",
            "image.environment",
        ] {
            self.converted(job, key);
        }
    }

    /// Says that they do something close: how that differs, and why.
    pub fn approximated(&mut self, node: Node, key: &'static str, why: impl Into<String>) {
        self.settle(node, key, &Outcome::Approximated(why.into()));
    }

    /// Says what a person has to do about them.
    pub fn manual(&mut self, node: Node, key: &'static str, what: impl Into<String>) {
        self.settle(node, key, &Outcome::Manual(what.into()));
    }

    /// Says what became of all items of a node with a key; nothing where it has none.
    pub fn settle(&mut self, node: Node, key: &'static str, outcome: &Outcome) {
        for i in self.places.get(&(node, key)).into_iter().flatten() {
            put(&mut self.outcomes[*i], outcome.clone());
        }
    }

    /// Says what became of one of several items of a node with a key.
    pub fn settle_nth(&mut self, node: Node, key: &'static str, nth: usize, outcome: Outcome) {
        let places = self.places.get(&(node, key));
        if let Some(i) = places.and_then(|p| p.get(nth)) {
            put(&mut self.outcomes[*i], outcome);
        }
    }

    /// Says of everything that the same became of it.
    pub fn settle_all(&mut self, outcome: &Outcome) {
        for place in &mut self.outcomes {
            put(place, outcome.clone());
        }
    }

    /// Says of everything in a job that it is the same: it runs as a whole or not at all.
    pub fn settle_job(&mut self, workflow: usize, job: usize, outcome: &Outcome) {
        for (item, place) in self.items.iter().zip(&mut self.outcomes) {
            let own = match item.node {
                Node::Job(w, j) | Node::Step(w, j, _) => (w, j) == (workflow, job),
                Node::Pipeline | Node::Workflow(_) => false,
            };
            if own {
                put(place, outcome.clone());
            }
        }
    }

    /// Closes the ledger.
    ///
    /// # Errors
    /// The items that nobody settled: a defect of the target.
    pub fn finish(self, pipeline: &Pipeline, target: &'static str) -> Result<Report, Vec<Item>> {
        let mut entries = Vec::with_capacity(self.items.len());
        let mut forgotten = Vec::new();
        for (item, outcome) in self.items.into_iter().zip(self.outcomes) {
            match outcome {
                Some(outcome) => entries.push(Entry { item, outcome }),
                None => forgotten.push(item),
            }
        }
        if !forgotten.is_empty() {
            return Err(forgotten);
        }
        let workflows = pipeline.workflows.iter().map(|w| Names {
            name: w.name.clone(),
            jobs: w.jobs.iter().map(|j| j.name.clone()).collect(),
        });
        Ok(Report {
            target,
            entries,
            workflows: workflows.collect(),
        })
    }
}

fn put(place: &mut Option<Outcome>, outcome: Outcome) {
    *place = Some(match place.take() {
        Some(before) => before.and(outcome),
        None => outcome,
    });
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use super::*;
    use crate::circleci::{Inputs, compile};
    use crate::yaml::Source;

    const CONFIG: &str = "version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:2024.01}, {image: postgres:16}]
    environment: {A: 1, B: 2}
    steps:
      - checkout
      - run: {command: make, background: true}
workflows:
  main:
    jobs: [build]
";

    fn pipeline() -> (Sources, Pipeline) {
        let mut sources = Sources::default();
        let id = sources.add(Source::new("config.yml", CONFIG));
        let compiled = compile(&mut sources, id, &Inputs::default());
        (sources, compiled.pipeline)
    }

    #[test]
    fn what_nobody_settles_is_found() {
        let (_, pipeline) = pipeline();
        let mut ledger = Ledger::new(&pipeline);
        ledger.converted(Node::Workflow(0), "workflow");
        let forgotten = ledger.finish(&pipeline, "shell").unwrap_err();
        let keys: Vec<&str> = forgotten.iter().map(|i| i.key).collect();
        assert_eq!(
            keys,
            [
                "job",
                "image",
                "service.image",
                "environment",
                "environment",
                "checkout",
                "run",
                "background"
            ]
        );
    }

    #[test]
    fn the_worse_outcome_counts_and_like_notes_are_joined() {
        let (sources, pipeline) = pipeline();
        let mut ledger = Ledger::new(&pipeline);
        ledger.converted(Node::Workflow(0), "workflow");
        ledger.settle_job(0, 0, &Outcome::Converted);
        let job = Node::Job(0, 0);
        ledger.manual(job, "service.image", "start it | yourself");
        ledger.approximated(job, "service.image", "another host name");
        ledger.settle_nth(
            job,
            "environment",
            1,
            Outcome::Approximated("quoted".into()),
        );
        ledger.approximated(job, "environment", "late");
        let report = ledger.finish(&pipeline, "shell").unwrap();
        let counts = Counts {
            converted: 6,
            approximated: 2,
            manual: 1,
        };
        assert_eq!(report.counts(), counts);
        let notes: Vec<&str> = report
            .entries
            .iter()
            .filter_map(|e| e.outcome.note())
            .collect();
        assert_eq!(notes, ["start it | yourself", "late", "quoted; late"]);
        let markdown = report.markdown(&sources);
        assert!(
            markdown.contains("9 items: 6 converted, 2 approximated, 1 manual."),
            "{markdown}"
        );
        assert!(
            markdown
                .contains("| service postgres:16 | config.yml:4 | manual: start it \\| yourself |"),
            "{markdown}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&report.json(&sources).unwrap()).unwrap();
        assert_eq!(json["summary"]["manual"], 1);
        assert_eq!(json["items"][2]["job"], "build");
        assert_eq!(json["items"][2]["line"], 4);
    }
}
