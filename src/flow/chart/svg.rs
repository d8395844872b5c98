//! A chart as a picture, drawn here without another program: one SVG with its own style, for
//! light and dark. Jobs that only their names tell apart share a box, so do those of a matrix that
//! go on side by side, and jobs without any line stand below the others.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use super::boxes::{Card, LINE, Line, PADDING, cards};
use super::layout::{Layout, Point, Size, layout};
use super::{Chart, Link, WorkflowChart};

/// Around everything.
const MARGIN: f64 = 20.0;
/// The height of a workflow's heading.
const HEADING: f64 = 34.0;
/// Between boxes that no line touches.
const GAP: f64 = 18.0;
/// How wide rows of such boxes may become.
const ROW: f64 = 1100.0;
/// The height of the explanation of lines, and the width of one of them.
const LEGEND: (f64, f64) = (24.0, 250.0);

/// What has the same look by day and by night.
const SHAPES: &str = "\
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace }
  .heading { font-size: 15px; font-weight: 600 }
  .name { font-weight: 600 }
  .box.conflict { stroke-width: 2 }
  .line { fill: none; stroke-width: 1.2 }
  .line.layers { stroke-width: 2.2 }
  .line.far { stroke-width: 1.4; stroke-dasharray: 5 4 }
  .line:hover { stroke-width: 4 }
  .status { font-size: 11px; text-anchor: end; paint-order: stroke; stroke-width: 4px }
";

/// The colours: back, ink, faint ink, boxes, edges, layers, other statuses, conflicts.
const LIGHT: [&str; 8] = [
    "#fff", "#1f2328", "#59636e", "#f6f8fa", "#818b98", "#1a7f37", "#9a6700", "#cf222e",
];
const DARK: [&str; 8] = [
    "#0d1117", "#f0f6fc", "#9198a1", "#151b23", "#656c76", "#3fb950", "#d29922", "#f85149",
];

/// Writes the style: not with variables, which not all that draws SVG knows.
fn style() -> String {
    let colors = |[back, ink, faint, fill, edge, layers, other, bad]: [&str; 8]| {
        format!(
            "  svg {{ background: {back} }}\n  text {{ fill: {ink} }}\n  .detail {{ fill: {faint} }}\n  .persists {{ fill: {layers} }}\n  text.conflict {{ fill: {bad} }}\n  .box {{ fill: {fill}; stroke: {edge} }}\n  .box.conflict {{ stroke: {bad} }}\n  .line {{ stroke: {edge} }}\n  .line.other {{ stroke: {other} }}\n  .line.layers {{ stroke: {layers} }}\n  .status {{ fill: {other}; stroke: {back} }}\n  .status.each {{ fill: {faint} }}\n  .head {{ fill: {edge} }}\n  .head.other {{ fill: {other} }}\n  .head.layers {{ fill: {layers} }}\n"
        )
    };
    format!(
        "{SHAPES}{}  @media (prefers-color-scheme: dark) {{\n{}  }}\n",
        colors(LIGHT),
        colors(DARK)
    )
}

/// Draws the chart: jobs from left to right in the order in which they can run. A grey line is a
/// requirement, a yellow one lets a job run after another status than success, a green one hands
/// layers on as well, a dashed one hands on layers of a job further up.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (2.0 * LEGEND.1, MARGIN);
    for workflow in &chart.workflows {
        let drawn = draw(workflow, y, &mut body);
        width = width.max(drawn.width);
        y += drawn.height + MARGIN;
    }
    let links: Vec<Link> = chart
        .workflows
        .iter()
        .flat_map(WorkflowChart::links)
        .collect();
    y += legend(&links, width, y, &mut body);
    let (width, height) = (width + 2.0 * MARGIN, y);
    let jobs: usize = chart.workflows.iter().map(|w| w.jobs.len()).sum();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-labelledby=\"title about\">\n\
         <title id=\"title\">Jobs and the layers that they hand on</title>\n\
         <desc id=\"about\">Workflows: {}; jobs: {jobs}. Each job stands right of those that it waits for.</desc>\n\
         <style>\n{}</style>\n{}{body}</svg>\n",
        chart.workflows.len(),
        style(),
        markers()
    )
}

/// How a line looks: its class, and the mark at its end.
fn look(link: &Link) -> (&'static str, &'static str) {
    match (link.required, link.layers, link.statuses.is_empty()) {
        (true, false, true) => ("line", "head"),
        (true, false, false) => ("line other", "head-other"),
        (true, true, _) => ("line layers", "head-layers"),
        (false, _, _) => ("line layers far", "head-layers"),
    }
}

fn markers() -> String {
    let marker = |id: &str, class: &str| {
        format!(
            "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" d=\"M0 0 8 4 0 8z\"/></marker>"
        )
    };
    format!(
        "<defs>{}{}{}</defs>\n",
        marker("head", "head"),
        marker("head-other", "head other"),
        marker("head-layers", "head layers")
    )
}

/// Explains the kinds of lines that there are, and returns how much room that takes.
fn legend(links: &[Link], width: f64, top: f64, body: &mut String) -> f64 {
    let kinds = [
        ("line", "runs after"),
        ("line other", "runs after another status"),
        ("line layers", "and gets its layers"),
        ("line layers far", "gets layers from further up"),
    ];
    let (mut x, mut y) = (0.0, 0.0);
    for (class, text) in kinds {
        let Some(link) = links.iter().find(|link| look(link).0 == class) else {
            continue;
        };
        if x + LEGEND.1 > width {
            (x, y) = (0.0, y + LEGEND.0);
        }
        let (left, middle) = (MARGIN + x, top + y + 8.0);
        // Writing to a string does not fail.
        let _ = writeln!(
            body,
            "<path class=\"{class}\" marker-end=\"url(#{})\" d=\"M{left:.1} {middle:.1}h36\"/><text class=\"detail\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
            look(link).1,
            left + 44.0,
            middle + 4.0
        );
        x += LEGEND.1;
    }
    match x > 0.0 || y > 0.0 {
        true => y + LEGEND.0 + MARGIN,
        false => 0.0,
    }
}

fn draw(workflow: &WorkflowChart, top: f64, body: &mut String) -> Size {
    let links = workflow.links();
    let (cards, lines) = cards(workflow, &links);
    let touched = |at: usize| {
        lines
            .iter()
            .any(|line| line.link.from == at || line.link.to == at)
    };
    let (bound, free): (Vec<usize>, Vec<usize>) = (0..cards.len()).partition(|at| touched(*at));
    let mut place = vec![0; cards.len()];
    for (at, card) in bound.iter().enumerate() {
        place[*card] = at;
    }
    let sizes: Vec<Size> = bound.iter().map(|at| cards[*at].size).collect();
    let ends: Vec<(usize, usize)> = lines
        .iter()
        .map(|line| (place[line.link.from], place[line.link.to]))
        .collect();
    let laid = layout(&sizes, &ends);
    // Writing to a string does not fail.
    let _ = writeln!(
        body,
        "<text class=\"heading\" xml:space=\"preserve\" x=\"{MARGIN}\" y=\"{:.1}\">{}</text>",
        top + 14.0,
        escaped(&workflow.name)
    );
    let _ = writeln!(
        body,
        "<g transform=\"translate({MARGIN} {:.1})\">",
        top + HEADING
    );
    write_lines(&lines, &laid, body);
    for (index, at) in bound.iter().enumerate() {
        write_card(&cards[*at], laid.boxes[index], laid.widths[index], body);
    }
    let below = if bound.is_empty() {
        0.0
    } else {
        laid.height + GAP
    };
    let rest = write_free(&cards, &free, below, laid.width.max(ROW), body);
    body.push_str("</g>\n");
    let heading = number(workflow.name.width()) * 9.5;
    Size {
        width: laid.width.max(rest.width).max(heading),
        height: HEADING
            + if free.is_empty() {
                laid.height
            } else {
                below + rest.height
            },
    }
}

/// Draws boxes that no line touches, in rows.
fn write_free(cards: &[Card], free: &[usize], top: f64, most: f64, body: &mut String) -> Size {
    let (mut x, mut y, mut row, mut width) = (0.0_f64, 0.0, 0.0_f64, 0.0_f64);
    for at in free {
        let card = &cards[*at];
        if x > 0.0 && x + card.size.width > most {
            (x, y, row) = (0.0, y + row + GAP, 0.0);
        }
        write_card(card, Point { x, y: top + y }, card.size.width, body);
        x += card.size.width + GAP;
        width = width.max(x - GAP);
        row = row.max(card.size.height);
    }
    Size {
        width,
        height: y + row,
    }
}

fn write_lines(lines: &[Line], laid: &Layout, body: &mut String) {
    let mut labels = String::new();
    for (line, points) in lines.iter().zip(&laid.lines) {
        let (class, head) = look(&line.link);
        let _ = writeln!(
            body,
            "<path class=\"{class}\" marker-end=\"url(#{head})\" d=\"{}\"><title>{}</title></path>",
            curve(points),
            escaped(&line.title)
        );
        if let (Some(end), Some(label)) = (points.last(), &line.label) {
            let class = match line.link.statuses.is_empty() {
                true => "status each",
                false => "status",
            };
            let _ = writeln!(
                labels,
                "<text class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                end.x - 10.0,
                end.y - 4.0,
                escaped(label)
            );
        }
    }
    // Above all lines.
    body.push_str(&labels);
}

/// A line that leaves and enters boxes level, and passes columns level.
fn curve(points: &[Point]) -> String {
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let _ = match at.checked_sub(1).and_then(|before| points.get(before)) {
            None => write!(path, "M{:.1} {:.1}", point.x, point.y),
            Some(last) if (last.y - point.y).abs() < 0.05 && last.x < point.x => {
                write!(path, " H{:.1}", point.x)
            }
            Some(last) => {
                let bend = ((point.x - last.x) / 2.0).max(24.0);
                write!(
                    path,
                    " C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
                    last.x + bend,
                    last.y,
                    point.x - bend,
                    point.y,
                    point.x,
                    point.y
                )
            }
        };
    }
    path
}

fn write_card(card: &Card, at: Point, width: f64, body: &mut String) {
    let radius = if card.rounded { 16.0 } else { 4.0 };
    let class = if card.conflict { "box conflict" } else { "box" };
    let _ = writeln!(
        body,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\"/>",
        escaped(&card.title),
        at.x,
        at.y,
        card.size.height
    );
    let mut y = at.y + PADDING + 10.0;
    for row in &card.rows {
        for (text, indent) in &row.cells {
            let _ = writeln!(
                body,
                "<text class=\"{}\" xml:space=\"preserve\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                row.class,
                at.x + PADDING + indent,
                escaped(text)
            );
        }
        y += LINE;
    }
    body.push_str("</g>\n");
}

fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Writes text for XML; characters that XML does not know are shown as what they are not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            // These turn the direction of what follows.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
