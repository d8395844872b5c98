//! The way to a finding: text in a command or an orb is reached through calls, and what is wrong may
//! be what a call says. A note names the calls, from the workflow's job on.

use std::collections::HashMap;

use crate::finding::Finding;
use crate::plan::{Call, Job, Pipeline, Step, Workflow};
use crate::yaml::{Location, Sources};

/// Longest chain that is written out.
const LONGEST: usize = 8;

/// One way to a step.
struct Way<'p> {
    workflow: &'p Workflow,
    job: &'p Job,
    step: &'p Step,
}

/// Adds a note to each finding in a text that is reached through calls.
pub(super) fn name_calls(findings: &mut [Finding], pipeline: &Pipeline, sources: &Sources) {
    if findings.is_empty() {
        return;
    }
    let mut ways: HashMap<Location, (Way<'_>, usize)> = HashMap::new();
    for workflow in &pipeline.workflows {
        for job in &workflow.jobs {
            for step in &job.steps {
                let way = Way {
                    workflow,
                    job,
                    step,
                };
                if !way.is_plain() {
                    ways.entry(step.origin.at).or_insert((way, 0)).1 += 1;
                }
            }
        }
    }
    if ways.is_empty() {
        return;
    }
    for finding in findings {
        let Some(at) = finding.primary().map(|l| l.at) else {
            continue;
        };
        let around = ways
            .iter()
            .filter(|(place, _)| place.source == at.source && place.span.contains(at.span));
        let Some((_, (way, count))) =
            around.min_by_key(|(place, _)| (place.span.len(), place.span.start))
        else {
            continue;
        };
        finding.notes.push(way.note(*count, sources));
    }
}

impl Way<'_> {
    fn calls(&self) -> impl Iterator<Item = &Call> {
        let all = self.job.origin.via.iter().chain(&self.step.origin.via);
        // Conditions are no calls.
        all.filter(|c| !matches!(c.what.as_str(), "when" | "unless"))
    }

    /// Says whether the step stands in the job itself, in the text of the workflow.
    fn is_plain(&self) -> bool {
        self.calls().next().is_none()
            && self.step.origin.at.source == self.workflow.origin.at.source
    }

    fn note(&self, count: usize, sources: &Sources) -> String {
        let config = self.workflow.origin.at.source;
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
        let mut out = format!(
            "reached from job `{}` of workflow `{}` ({})",
            self.job.name,
            self.workflow.name,
            place(self.job.origin.at)
        );
        for (i, call) in self.calls().enumerate() {
            if i == LONGEST {
                out.push_str(", …");
                break;
            }
            out.push_str(&format!(", {} ({})", call.what, place(call.at)));
        }
        match count - 1 {
            0 => {}
            1 => out.push_str("; one more way leads here"),
            more => out.push_str(&format!("; {more} more ways lead here")),
        }
        out
    }
}
