//! The ledger in which a target settles every item of a config. One that it forgets is a defect, and
//! found.

use super::item::{Item, Node, items};
use super::report::{Entry, Report};
use crate::hash::HashMap;
use crate::plan::Pipeline;

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
        Ok(Report::new(target, entries, pipeline))
    }
}

fn put(place: &mut Option<Outcome>, outcome: Outcome) {
    *place = Some(match place.take() {
        Some(before) => before.and(outcome),
        None => outcome,
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use super::*;
    use crate::circleci::{Inputs, compile};
    use crate::transpile::Counts;
    use crate::yaml::{Source, Sources};

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
