//! A chart as a Mermaid flowchart, which forges draw where it stands in Markdown.

use std::fmt::Write as _;

use super::{Chart, WorkflowChart, shortened};

/// The longest line of a box, in characters.
const LINE: usize = 60;

/// The longest text, in characters, that Mermaid draws where its setting `maxTextSize` is as it
/// comes (mermaid 11).
const MAX_TEXT: usize = 50_000;

/// The most arrows in one picture, by its setting `maxEdges`.
const MAX_EDGES: usize = 500;

/// Says what keeps Mermaid from drawing a chart that [`mermaid`] wrote, where it has the settings
/// that it comes with: forges let nobody change them.
#[must_use]
pub fn too_much_for_mermaid(chart: &Chart, text: &str) -> Option<String> {
    let length = text.chars().count();
    if length > MAX_TEXT {
        return Some(format!(
            "its text has {length} characters, and {MAX_TEXT} are the most"
        ));
    }
    let edges: usize = chart.workflows.iter().map(|w| w.links().len()).sum();
    (edges > MAX_EDGES).then(|| format!("it has {edges} arrows, and {MAX_EDGES} are the most"))
}

/// Writes the chart as a Mermaid flowchart: a thin arrow is a requirement, a thick one hands
/// layers on as well, a dotted one hands on layers of a job further up.
#[must_use]
pub fn mermaid(chart: &Chart) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, workflow) in chart.workflows.iter().enumerate() {
        write(at, workflow, &mut out);
    }
    out
}

fn write(at: usize, workflow: &WorkflowChart, out: &mut String) {
    let id = |job: usize| format!("w{at}j{job}");
    // Writing to a string does not fail.
    let _ = writeln!(out, "  subgraph w{at}[\"{}\"]", quoted(&workflow.name));
    for (index, job) in workflow.jobs.iter().enumerate() {
        let mut lines = vec![format!("<b>{}</b>", quoted(&job.name))];
        lines.extend(job.lines().iter().map(|l| quoted(&shortened(l, LINE))));
        let (open, close) = match job.kind.as_str() {
            "build" => ("[", "]"),
            _ => ("([", "])"),
        };
        let _ = writeln!(
            out,
            "    {}{open}\"{}\"{close}",
            id(index),
            lines.join("<br/>")
        );
    }
    for link in workflow.links() {
        let arrow = match (link.required, link.layers) {
            (true, false) => "-->",
            (true, true) => "==>",
            (false, _) => "-.->",
        };
        let label = match link.statuses.as_slice() {
            [] => String::new(),
            some => format!("|\"{}\"|", quoted(&some.join(", "))),
        };
        let _ = writeln!(out, "    {} {arrow}{label} {}", id(link.from), id(link.to));
    }
    out.push_str("  end\n");
}

/// Writes a text so that it stands for itself between double quotes: Mermaid takes character
/// codes of the form `#35;`, and reads HTML and Markdown in labels.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '#' | '"' | '<' | '>' | '&' | '`' | '*' | '_' | '\\' | '~' | ';'
        ) || c.is_control()
        {
            let _ = write!(out, "#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
