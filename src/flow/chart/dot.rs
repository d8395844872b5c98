//! A chart in the language of Graphviz.

use std::fmt::Write as _;

use super::{Chart, WorkflowChart, shortened};

/// The longest line of a box, in characters.
const LINE: usize = 60;

/// Writes the chart as a directed graph: a thin edge is a requirement, a bold one hands layers on
/// as well, a dashed one hands on layers of a job further up.
#[must_use]
pub fn dot(chart: &Chart) -> String {
    let mut out = String::from(
        "digraph holdall {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n",
    );
    for (at, workflow) in chart.workflows.iter().enumerate() {
        write(at, workflow, &mut out);
    }
    out.push_str("}\n");
    out
}

fn write(at: usize, workflow: &WorkflowChart, out: &mut String) {
    let id = |job: usize| format!("w{at}j{job}");
    // Writing to a string does not fail.
    let _ = writeln!(out, "  subgraph cluster_{at} {{");
    let _ = writeln!(out, "    label={};", quoted(&workflow.name));
    for (index, job) in workflow.jobs.iter().enumerate() {
        let mut lines = vec![job.name.clone()];
        lines.extend(job.lines().iter().map(|line| shortened(line, LINE)));
        let style = match job.kind.as_str() {
            "build" => "",
            _ => ", style=rounded",
        };
        let _ = writeln!(
            out,
            "    {} [label={}{style}];",
            id(index),
            quoted(&lines.join("\n"))
        );
    }
    for link in workflow.links() {
        let mut style: Vec<String> = Vec::new();
        match (link.required, link.layers) {
            (true, false) => {}
            (true, true) => style.push("style=bold".to_owned()),
            (false, _) => style.push("style=dashed, constraint=false".to_owned()),
        }
        if !link.statuses.is_empty() {
            style.push(format!("label={}", quoted(&link.statuses.join(", "))));
        }
        let style = match style.is_empty() {
            true => String::new(),
            false => format!(" [{}]", style.join(", ")),
        };
        let _ = writeln!(out, "    {} -> {}{style};", id(link.from), id(link.to));
    }
    out.push_str("  }\n");
}

/// Writes a quoted string of the language: in labels `\` begins an escape, a line break is `\n`.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
