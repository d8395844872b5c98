//! A chart as a picture, drawn here without another program: one SVG with its own style, for
//! light and dark.

use std::fmt::Write as _;

use super::layout::{Layout, Point, Size, layout};
use super::{Chart, WorkflowChart, shortened};

/// The width of a character of the fixed-width font at its size, with some room: fonts differ.
const CHARACTER: f64 = 7.4;
/// The height of a line of text.
const LINE: f64 = 17.0;
/// Around the text of a box.
const PADDING: f64 = 10.0;
/// Around everything.
const MARGIN: f64 = 20.0;
/// The longest line of a box, in characters.
const MOST: usize = 44;
/// The height of a workflow's heading.
const HEADING: f64 = 34.0;

const STYLE: &str = "\
  svg { background: #fff; color: #1f2328 }
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: currentColor }
  .heading { font-size: 15px; font-weight: 600 }
  .name { font-weight: 600 }
  .detail { fill: #59636e }
  .box { fill: #f6f8fa; stroke: #818b98 }
  .line { fill: none; stroke: #818b98; stroke-width: 1.2 }
  .layers { stroke: #1a7f37; stroke-width: 2.4 }
  .far { stroke-width: 1.4; stroke-dasharray: 5 4 }
  .head { fill: #818b98 }
  .head.layers { fill: #1a7f37; stroke: none }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #f0f6fc }
    .detail { fill: #9198a1 }
    .box { fill: #151b23; stroke: #656c76 }
    .line { stroke: #656c76 }
    .layers { stroke: #3fb950 }
    .head { fill: #656c76 }
    .head.layers { fill: #3fb950 }
  }
";

/// Draws the chart: jobs from left to right in the order in which they can run. A grey line is a
/// requirement, a green one hands layers on as well, a dashed one hands on layers of a job
/// further up.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    let mut body = String::new();
    let (mut width, mut y) = (0.0_f64, MARGIN);
    for workflow in &chart.workflows {
        let drawn = draw(workflow, y, &mut body);
        width = width.max(drawn.width);
        y += drawn.height + MARGIN;
    }
    let (width, height) = (width + 2.0 * MARGIN, y);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>Jobs and the layers that they hand on</title>\n\
         <style>\n{STYLE}</style>\n{}{body}</svg>\n",
        markers()
    )
}

fn markers() -> String {
    let marker = |id: &str, class: &str| {
        format!(
            "<marker id=\"{id}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" d=\"M0 0 8 4 0 8z\"/></marker>"
        )
    };
    format!(
        "<defs>{}{}</defs>\n",
        marker("head", "head"),
        marker("head-layers", "head layers")
    )
}

fn draw(workflow: &WorkflowChart, top: f64, body: &mut String) -> Size {
    let texts: Vec<Vec<String>> = workflow
        .jobs
        .iter()
        .map(|job| {
            std::iter::once(job.name.clone())
                .chain(job.details())
                .map(|line| shortened(&line, MOST))
                .collect()
        })
        .collect();
    let sizes: Vec<Size> = texts.iter().map(|lines| size(lines)).collect();
    let links = workflow.links();
    let ends: Vec<(usize, usize)> = links.iter().map(|link| (link.from, link.to)).collect();
    let laid = layout(&sizes, &ends);
    // Writing to a string does not fail.
    let _ = writeln!(
        body,
        "<text class=\"heading\" x=\"{MARGIN}\" y=\"{:.1}\">{}</text>",
        top + 14.0,
        escaped(&workflow.name)
    );
    let _ = writeln!(
        body,
        "<g transform=\"translate({MARGIN} {:.1})\">",
        top + HEADING
    );
    lines(workflow, &links, &laid, body);
    for (index, text) in texts.iter().enumerate() {
        let rounded = workflow.jobs[index].kind != "build";
        write_box(text, laid.boxes[index], sizes[index], rounded, body);
    }
    body.push_str("</g>\n");
    Size {
        width: laid.width.max(width_of(&workflow.name) * 1.3),
        height: laid.height + HEADING,
    }
}

fn lines(workflow: &WorkflowChart, links: &[super::Link], laid: &Layout, body: &mut String) {
    for (link, points) in links.iter().zip(&laid.lines) {
        let (class, head) = match (link.required, link.layers) {
            (true, false) => ("line", "head"),
            (true, true) => ("line layers", "head-layers"),
            (false, _) => ("line layers far", "head-layers"),
        };
        let name = |job: usize| escaped(&workflow.jobs[job].name);
        let verb = match link.layers {
            true => "hands layers to",
            false => "is required by",
        };
        let _ = writeln!(
            body,
            "<path class=\"{class}\" marker-end=\"url(#{head})\" d=\"{}\"><title>{} {verb} {}</title></path>",
            curve(points),
            name(link.from),
            name(link.to)
        );
    }
}

/// A line that leaves and enters boxes level, and passes columns level.
fn curve(points: &[Point]) -> String {
    let mut path = String::new();
    for (at, point) in points.iter().enumerate() {
        let _ = match at.checked_sub(1).and_then(|before| points.get(before)) {
            None => write!(path, "M{:.1} {:.1}", point.x, point.y),
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

fn write_box(text: &[String], at: Point, size: Size, rounded: bool, body: &mut String) {
    let radius = if rounded { size.height / 2.0 } else { 4.0 };
    let _ = writeln!(
        body,
        "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\"/>",
        at.x, at.y, size.width, size.height
    );
    let mut y = at.y + PADDING + 10.0;
    for (index, line) in text.iter().enumerate() {
        let class = if index == 0 { "name" } else { "detail" };
        let _ = writeln!(
            body,
            "<text class=\"{class}\" xml:space=\"preserve\" x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
            at.x + PADDING + if rounded { 6.0 } else { 0.0 },
            escaped(line)
        );
        y += LINE;
    }
}

fn size(lines: &[String]) -> Size {
    let width = lines.iter().map(|line| width_of(line)).fold(0.0, f64::max);
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    Size {
        width: width + 2.0 * PADDING + 12.0,
        height: f64::from(count) * LINE + 2.0 * PADDING - 4.0,
    }
}

/// Characters of East Asian scripts and pictures take two places in such a font.
fn width_of(text: &str) -> f64 {
    let places: u32 = text
        .chars()
        .map(|c| match u32::from(c) {
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 => 2,
            0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0x1f300.. => 2,
            _ => 1,
        })
        .sum();
    f64::from(places) * CHARACTER
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
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
