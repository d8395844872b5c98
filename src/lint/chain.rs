//! The way to a finding: text in a command or an orb is reached through calls, and what is wrong may
//! be what a call says. A note names the calls, from the workflow's job on.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::plan::{Call, Job, MERGE, Pipeline, Step, Workflow};
use crate::yaml::{Location, SourceId, Sources};

/// Longest chain that is written out.
const LONGEST: usize = 8;

/// One way to a piece of text: the calls from the workflow's job on.
struct Way<'p> {
    workflow: &'p Workflow,
    job: &'p Job,
    calls: Vec<&'p Call>,
    /// How many more there are.
    more: usize,
}

/// The first way to each piece of text that is reached through calls.
#[derive(Default)]
struct Ways<'p>(HashMap<Location, Way<'p>>);

/// The same, to be searched: sorted by where they begin, each with the one that it lies in.
struct Sorted<'p> {
    ways: Vec<(Location, Way<'p>)>,
    around: Vec<Option<usize>>,
}

impl<'p> Sorted<'p> {
    fn new(ways: Ways<'p>) -> Self {
        let mut ways: Vec<(Location, Way<'p>)> = ways.0.into_iter().collect();
        // Of two that begin together the larger one comes first.
        ways.sort_by_key(|(at, _)| (at.source, at.span.start, std::cmp::Reverse(at.span.end)));
        let mut around = Vec::with_capacity(ways.len());
        let mut open: Vec<usize> = Vec::new();
        for (i, (at, _)) in ways.iter().enumerate() {
            while let Some(last) = open.last() {
                let outer = ways[*last].0;
                if outer.source == at.source && outer.span.contains(at.span) {
                    break;
                }
                open.pop();
            }
            around.push(open.last().copied());
            open.push(i);
        }
        Self { ways, around }
    }

    /// Returns the way to the smallest piece of text around a place.
    fn to(&self, at: Location) -> Option<&Way<'p>> {
        let begun = |(place, _): &(Location, Way<'p>)| {
            (place.source, place.span.start) <= (at.source, at.span.start)
        };
        let mut next = self.ways.partition_point(begun).checked_sub(1);
        while let Some(i) = next {
            let (place, way) = &self.ways[i];
            if place.source == at.source && place.span.contains(at.span) {
                return Some(way);
            }
            next = self.around[i];
        }
        None
    }
}

impl<'p> Ways<'p> {
    fn new(pipeline: &'p Pipeline) -> Self {
        let mut ways = Self::default();
        for workflow in &pipeline.workflows {
            for job in &workflow.jobs {
                for step in &job.steps {
                    ways.step(workflow, job, step);
                }
                if let Some(executor) = &job.executor {
                    let calls: Vec<&Call> = executor.via.iter().collect();
                    if let Some(defined) = calls.last().and_then(|c| c.defined) {
                        ways.add(defined, workflow, job, calls);
                    }
                }
            }
        }
        ways
    }

    fn step(&mut self, workflow: &'p Workflow, job: &'p Job, step: &'p Step) {
        let all = || job.origin.via.iter().chain(&step.origin.via);
        // Conditions are no calls, and a merge brings a part of the step.
        let through = |c: &&Call| !matches!(c.what.as_str(), "when" | "unless" | MERGE);
        let calls: Vec<&Call> = all().filter(through).collect();
        // What stands in the job itself is plain to see.
        if !calls.is_empty() || step.origin.at.source != workflow.origin.at.source {
            self.add(step.origin.at, workflow, job, calls.clone());
        }
        for merge in all().filter(|c| c.what == MERGE) {
            if let Some(defined) = merge.defined {
                let calls = calls.iter().copied().chain([merge]).collect();
                self.add(defined, workflow, job, calls);
            }
        }
    }

    fn add(&mut self, place: Location, workflow: &'p Workflow, job: &'p Job, calls: Vec<&'p Call>) {
        match self.0.get_mut(&place) {
            Some(way) => way.more += 1,
            None => {
                let way = Way {
                    workflow,
                    job,
                    calls,
                    more: 0,
                };
                self.0.insert(place, way);
            }
        }
    }
}

/// Adds a note to each finding in a text that is reached through calls.
pub(super) fn name_calls(findings: &mut [Finding], pipeline: &Pipeline, sources: &Sources) {
    if findings.is_empty() {
        return;
    }
    let ways = Ways::new(pipeline);
    if ways.0.is_empty() {
        return;
    }
    let ways = Sorted::new(ways);
    for finding in findings {
        // The argument that is wrong stands outside, the template that it fills inside.
        let mut places = finding.labels.iter().filter(|l| l.primary || l.used);
        let way = places.find_map(|l| ways.to(l.at));
        if let Some(way) = way {
            finding.notes.push(way.note(sources));
        }
    }
}

impl Way<'_> {
    fn note(&self, sources: &Sources) -> String {
        let config = SourceId::default();
        let place = |at: Location| {
            let Some(source) = sources.get(at.source) else {
                return String::new();
            };
            let position = source.lines().position(source.text(), at.span.start);
            let line = format!("{}:{}", position.line, position.column);
            if at.source == config {
                line
            } else {
                format!("{}:{line}", source.name())
            }
        };
        let from = match self.workflow.definition {
            Some(kind) => format!("{} `{}`", kind.as_str(), self.job.name),
            None => format!(
                "job `{}` of workflow `{}`",
                self.job.name, self.workflow.name
            ),
        };
        let mut out = format!("reached from {from} ({})", place(self.job.origin.at));
        for (i, call) in self.calls.iter().enumerate() {
            if i == LONGEST {
                out.push_str(", …");
                break;
            }
            out.push_str(&format!(", {} ({})", call.what, place(call.at)));
        }
        match self.more {
            0 => {}
            1 => out.push_str("; one more way leads here"),
            more => out.push_str(&format!("; {more} more ways lead here")),
        }
        out
    }
}
