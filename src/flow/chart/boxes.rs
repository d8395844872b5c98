//! The boxes of a picture: what stands in each, how large it is, and which lines are left between
//! boxes of several jobs.

use std::collections::HashMap;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::groups::groups;
use super::layout::Size;
use super::{JobChart, Link, WorkflowChart};

/// The width of a character of the fixed-width font at its size, with some room: fonts differ.
const CHARACTER: f64 = 7.4;
/// The height of a line of text.
pub(super) const LINE: f64 = 17.0;
/// Around the text of a box.
pub(super) const PADDING: f64 = 12.0;
/// The longest line of a box, in columns of text.
const MOST: usize = 44;
/// The longest name in a box with several columns of them.
const MOST_OF_MANY: usize = 34;

/// One box.
pub(super) struct Card {
    pub(super) rows: Vec<Row>,
    pub(super) size: Size,
    /// Whether no machine runs it.
    pub(super) rounded: bool,
    pub(super) conflict: bool,
    /// All of its text, nothing cut.
    pub(super) title: String,
}

/// A line of text in a box.
pub(super) struct Row {
    pub(super) class: &'static str,
    /// The texts, each with how far it stands from the first.
    pub(super) cells: Vec<(String, f64)>,
}

/// A line between two boxes.
pub(super) struct Line {
    /// What it is; its ends are positions among the boxes.
    pub(super) link: Link,
    /// What stands at its end.
    pub(super) label: Option<String>,
    /// All that there is to say.
    pub(super) title: String,
}

/// Returns the boxes of a workflow, and the lines between them.
pub(super) fn cards(workflow: &WorkflowChart, links: &[Link]) -> (Vec<Card>, Vec<Line>) {
    let groups = groups(workflow, links);
    let mut place = vec![0; workflow.jobs.len()];
    for (at, group) in groups.iter().enumerate() {
        for job in group {
            place[*job] = at;
        }
    }
    let cards: Vec<Card> = groups.iter().map(|group| card(workflow, group)).collect();
    let name = |group: &[usize]| match group {
        [only] => workflow.jobs[*only].name.clone(),
        [first, rest @ ..] => format!("{} and {} more", workflow.jobs[*first].name, rest.len()),
        [] => String::new(),
    };
    let pair = |link: &Link| (place[link.from], place[link.to]);
    let mut counts: HashMap<(usize, usize), usize> = HashMap::new();
    for link in links {
        *counts.entry(pair(link)).or_default() += 1;
    }
    let mut lines = Vec::new();
    for link in links {
        let (from, to) = pair(link);
        let Some(count) = counts.remove(&(from, to)) else {
            continue;
        };
        let verb = match (link.required, link.layers) {
            (true, false) => "is required by",
            (true, true) => "is required by, and hands layers to,",
            (false, _) => "hands layers to",
        };
        let (before, after) = (&groups[from], &groups[to]);
        let one_each = count < before.len() * after.len();
        let (each, own) = match one_each {
            true => ("each of ", "its own of "),
            false => ("", ""),
        };
        let mut title = format!("{each}{} {verb} {own}{}", name(before), name(after));
        let statuses = link.statuses.join(", ");
        if !statuses.is_empty() {
            title.push_str(&format!(" ({statuses})"));
        }
        let said = [statuses.as_str(), if one_each { "one each" } else { "" }];
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        lines.push(Line {
            link: Link {
                from,
                to,
                ..link.clone()
            },
            label: (!said.is_empty()).then(|| said.join(", ")),
            title,
        });
    }
    (cards, lines)
}

fn card(workflow: &WorkflowChart, group: &[usize]) -> Card {
    let jobs: Vec<_> = group.iter().map(|at| &workflow.jobs[*at]).collect();
    let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    let mut rows = name_rows(&names);
    let (mut rounded, mut conflict, mut title) = (false, false, names.join("\n"));
    if let Some(first) = jobs.first() {
        rounded = first.kind != "build";
        conflict = !first.conflicts.is_empty();
        for line in first.details() {
            title.push('\n');
            title.push_str(&line);
            let class = match line.starts_with("persists ") {
                true => "persists",
                false => "detail",
            };
            let cells = vec![(fit(&line, MOST), 0.0)];
            rows.push(Row { class, cells });
        }
        for line in conflict_lines(&jobs) {
            let cells = vec![(fit(&line, MOST), 0.0)];
            rows.push(Row {
                class: "conflict",
                cells,
            });
        }
        for conflict in &first.conflicts {
            title.push_str(&format!(
                "\nconflicts with {}: {}",
                conflict.job, conflict.path
            ));
        }
    }
    let cells = rows.iter().flat_map(|row| &row.cells);
    let width = cells.map(|(text, indent)| indent + places(text.width()));
    Card {
        size: Size {
            width: width.fold(0.0, f64::max) + 2.0 * PADDING,
            height: places(rows.len()) / CHARACTER * LINE + 2.0 * PADDING - 6.0,
        },
        rows,
        rounded,
        conflict,
        title,
    }
}

/// Says with whom the jobs of a box are in conflict.
fn conflict_lines(jobs: &[&JobChart]) -> Vec<String> {
    match jobs {
        [only] => only.conflict_lines(),
        // Jobs that share a box meet each other at one path, and all of them the same others.
        [first, ..] => {
            let Some(conflict) = first.conflicts.first() else {
                return Vec::new();
            };
            let path = &conflict.path;
            let is_here = |name: &str| jobs.iter().any(|job| job.name == name);
            let mut others = first.conflicts.iter().filter(|c| !is_here(&c.job));
            vec![match (others.next(), others.count()) {
                (None, _) => format!("conflict with each other: {path}"),
                (Some(one), 0) => format!("conflict with each other and {}: {path}", one.job),
                (Some(_), more) => {
                    format!("conflict with each other and {} jobs: {path}", more + 1)
                }
            }]
        }
        [] => Vec::new(),
    }
}

/// Puts names into as many columns as keep a box from becoming a tower.
fn name_rows(names: &[&str]) -> Vec<Row> {
    let (columns, most) = match names.len() {
        0..=6 => (1, MOST),
        7..=24 => (2, MOST_OF_MANY),
        _ => (3, MOST_OF_MANY),
    };
    let names: Vec<String> = names.iter().map(|name| fit(name, most)).collect();
    let height = names.len().div_ceil(columns).max(1);
    let mut indents = Vec::new();
    let mut indent = 0.0;
    for column in names.chunks(height) {
        indents.push(indent);
        let widest = column.iter().map(|name| name.width()).max().unwrap_or(0);
        indent += places(widest + 3);
    }
    let row = |at: usize| {
        let cells = names.iter().skip(at).step_by(height).cloned();
        Row {
            class: "name",
            cells: cells.zip(indents.iter().copied()).collect(),
        }
    };
    (0..height).map(row).collect()
}

/// Returns the room that columns of text take.
fn places(columns: usize) -> f64 {
    u32::try_from(columns).map_or(0.0, f64::from) * CHARACTER
}

/// Cuts a text in its middle: names of one workflow often differ at their ends.
fn fit(text: &str, most: usize) -> String {
    // What takes no room of its own in a terminal takes some here, or breaks the line.
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.width() <= most {
        return text;
    }
    let take = |chars: &mut dyn Iterator<Item = char>, most: usize| {
        let mut left = most;
        let mut taken = Vec::new();
        for c in chars {
            let width = c.width().unwrap_or(1);
            if width > left {
                break;
            }
            left -= width;
            taken.push(c);
        }
        taken
    };
    let end: Vec<char> = take(&mut text.chars().rev(), most / 3);
    let mut out: String = take(&mut text.chars(), most - 1 - most / 3)
        .into_iter()
        .collect();
    out.push('…');
    out.extend(end.into_iter().rev());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_both_ends() {
        assert_eq!(fit("test-of-everything-15", 12), "test-of…g-15");
        assert_eq!(fit("short", 12), "short");
        assert!(fit(&"漢".repeat(40), 11).width() <= 11);
        assert_eq!(fit("a\nb", 11), "a\u{fffd}b");
    }

    #[test]
    fn names_stand_in_columns() {
        let names: Vec<String> = (0..7).map(|at| format!("job-{at}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows = name_rows(&names);
        assert_eq!(rows.len(), 4);
        let first: Vec<&str> = rows[0].cells.iter().map(|(text, _)| &**text).collect();
        assert_eq!(first, ["job-0", "job-4"]);
        assert_eq!(rows[3].cells.len(), 1);
    }
}
