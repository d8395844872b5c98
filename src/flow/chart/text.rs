//! A chart for people who read it in a terminal: each job behind those that it waits for.

use std::fmt::Write as _;

use super::{Chart, JobChart, WorkflowChart};

/// Writes the chart as indented text.
#[must_use]
pub fn text(chart: &Chart) -> String {
    let workflows = chart.workflows.iter().map(workflow);
    workflows.collect::<Vec<_>>().join("\n")
}

fn workflow(workflow: &WorkflowChart) -> String {
    let mut out = format!("workflow {}\n", workflow.name);
    for job in in_order(workflow) {
        write(job, &mut out);
    }
    out
}

/// Puts each job behind its upstream; ties stay in the order of the text.
fn in_order(workflow: &WorkflowChart) -> Vec<&JobChart> {
    let mut jobs: Vec<&JobChart> = workflow.jobs.iter().collect();
    jobs.sort_by_key(|job| job.upstream.len());
    jobs
}

fn write(job: &JobChart, out: &mut String) {
    let mut notes = Vec::new();
    if job.kind != "build" {
        notes.push(job.kind.clone());
    }
    if job.parallelism > 1 {
        notes.push(format!("{} nodes", job.parallelism));
    }
    if !job.requires.is_empty() {
        let requires: Vec<String> = job
            .requires
            .iter()
            .map(|edge| match edge.statuses.as_slice() {
                [only] if only == "success" => edge.job.clone(),
                some => format!("{} ({})", edge.job, some.join(", ")),
            })
            .collect();
        notes.push(format!("requires {}", requires.join(", ")));
    }
    let notes = match notes.is_empty() {
        true => String::new(),
        false => format!("  [{}]", notes.join("; ")),
    };
    let perhaps = |conditional: bool| if conditional { "  (conditional)" } else { "" };
    // Writing to a string does not fail.
    let _ = writeln!(out, "  {}{notes}", job.name);
    for attach in &job.attaches {
        let _ = writeln!(
            out,
            "    attaches at {}{}",
            attach.at,
            perhaps(attach.conditional)
        );
    }
    if !job.attaches.is_empty() {
        let sees: Vec<String> = job
            .sees
            .iter()
            .map(|layer| format!("{}/{}", layer.job, layer.seq))
            .collect();
        let _ = match sees.is_empty() {
            true => writeln!(out, "    sees no layer"),
            false => writeln!(out, "    sees {}", sees.join(", ")),
        };
        if job.may_see_more {
            let _ = writeln!(
                out,
                "    may see more: a part of what is upstream is not known"
            );
        }
    }
    for persist in &job.persists {
        let _ = writeln!(
            out,
            "    persists {}  {}{}",
            persist.seq,
            persist.what(),
            perhaps(persist.conditional)
        );
    }
    for line in job.conflict_lines() {
        let _ = writeln!(out, "    {line}");
    }
}
