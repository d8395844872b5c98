//! The way to a finding: text in a command or an orb is reached through calls, and what is wrong may
//! be what a call says. A note names the calls, from the workflow's job on.

use crate::finding::Finding;
use crate::hash::HashMap;
use crate::plan::{Call, Job, MERGE, Pipeline, Step, Workflow};
use crate::yaml::{Location, SourceId, Sources};

/// Longest chain that is written out.
const LONGEST: usize = 8;

/// One way to a piece of text: the calls from the workflow's job on.
struct Way<'p> {
    workflow: &'p Workflow,
    job: &'p Job,
    calls: Vec<&'p Call>,
}

/// The ways to one piece of text, in the plan's order.
struct Ways<'p> {
    first: Way<'p>,
    /// Some of the others: the argument that a finding points at may belong to one of them.
    others: Vec<Way<'p>>,
    /// How many others there are.
    more: usize,
}

/// Most ways to one piece of text that are told apart by their arguments.
const TOLD_APART: usize = 256;

/// The ways to each piece of text that is reached through calls.
#[derive(Default)]
struct Places<'p>(HashMap<Location, Ways<'p>>);

/// The same, to be searched: sorted by where they begin, each with the one that it lies in.
struct Sorted<'p> {
    ways: Vec<(Location, Ways<'p>)>,
    around: Vec<Option<usize>>,
}

impl<'p> Sorted<'p> {
    fn new(ways: Places<'p>) -> Self {
        let mut ways: Vec<(Location, Ways<'p>)> = ways.0.into_iter().collect();
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

    /// Returns the ways to the smallest piece of text around a place.
    fn to(&self, at: Location) -> Option<&Ways<'p>> {
        let begun = |(place, _): &(Location, Ways<'p>)| {
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

impl<'p> Places<'p> {
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
        let through = |c: &&Call| !matches!(&*c.what, "when" | "unless" | MERGE);
        let calls: Vec<&Call> = all().filter(through).collect();
        // What stands in the job itself is plain to see.
        if !calls.is_empty() || step.origin.at.source != workflow.origin.at.source {
            self.add(step.origin.at, workflow, job, calls.clone());
        }
        for merge in all().filter(|c| *c.what == *MERGE) {
            if let Some(defined) = merge.defined {
                let calls = calls.iter().copied().chain([merge]).collect();
                self.add(defined, workflow, job, calls);
            }
        }
    }

    fn add(&mut self, place: Location, workflow: &'p Workflow, job: &'p Job, calls: Vec<&'p Call>) {
        let way = Way {
            workflow,
            job,
            calls,
        };
        match self.0.get_mut(&place) {
            Some(ways) => {
                ways.more += 1;
                if ways.others.len() < TOLD_APART {
                    ways.others.push(way);
                }
            }
            None => {
                let ways = Ways {
                    first: way,
                    others: Vec::new(),
                    more: 0,
                };
                self.0.insert(place, ways);
            }
        }
    }
}

impl<'p> Ways<'p> {
    /// Returns the way by which a finding came about: the first one of those with the most of the
    /// arguments that it points at.
    fn of(&self, finding: &Finding) -> &Way<'p> {
        let mut best = (&self.first, self.first.gives(finding));
        for way in &self.others {
            let gives = way.gives(finding);
            if gives > best.1 {
                best = (way, gives);
            }
        }
        best.0
    }
}

impl Way<'_> {
    /// Counts the labels of a finding that stand at an argument of this way.
    fn gives(&self, finding: &Finding) -> usize {
        let labels = finding.labels.iter().map(|l| l.at);
        labels.filter(|at| self.holds(*at)).count()
    }

    /// Says whether a place is at an argument of this way: in a call, in the entry of the
    /// workflow, in the values of the matrix that make this arm.
    fn holds(&self, at: Location) -> bool {
        let within = |around: Location| around.source == at.source && around.span.contains(at.span);
        if self.calls.iter().filter_map(|c| c.given).any(within) {
            return true;
        }
        match &self.job.matrix {
            Some(arm) => arm.values.iter().any(|(_, value)| within(value.written())),
            None => self.job.given.is_some_and(within),
        }
    }
}

/// Adds a note to each finding in a text that is reached through calls.
pub(super) fn name_calls(findings: &mut [Finding], pipeline: &Pipeline, sources: &Sources) {
    if findings.is_empty() {
        return;
    }
    let ways = Places::new(pipeline);
    if ways.0.is_empty() {
        return;
    }
    let ways = Sorted::new(ways);
    for finding in findings {
        // The argument that is wrong stands outside, the template that it fills inside.
        let mut places = finding.labels.iter().filter(|l| l.primary || l.used);
        let way = places.find_map(|l| ways.to(l.at));
        if let Some(ways) = way {
            let note = ways.of(finding).note(ways.more, sources);
            finding.notes.push(note);
        }
    }
}

impl Way<'_> {
    fn note(&self, more: usize, sources: &Sources) -> String {
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
        match more {
            0 => {}
            1 => out.push_str("; one more way leads here"),
            more => out.push_str(&format!("; {more} more ways lead here")),
        }
        out
    }
}
