//! How a step gives way to others in the text: in the style of what is around it, with every comment
//! and every other byte where it was.

use super::steps::{WorkspaceStep, value};
use crate::transpile::Refusal;
use crate::yaml::{Edit, Location, Node, Shape, SourceId, Span, Tree, is_printable};

/// A step that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// A `run` step with this script, under the name of the step whose place it takes.
    Run(String),
    /// A `save_cache` step.
    Save { key: String, path: String },
    /// A `restore_cache` step.
    Restore { name: String, key: String },
}

/// Returns the edits that put steps in the place of one, in the style of what is around it. Where the
/// step has an anchor the one that it stands for becomes the `run` step, and the others go around it
/// and around each alias.
pub(super) fn edits(
    tree: &Tree,
    step: &WorkspaceStep<'_>,
    written: &[Written],
    newline: &str,
) -> Result<Vec<Edit>, String> {
    if written.len() == 1 || step.node.anchor().is_none() {
        return Ok(vec![replacement(tree, step, written, newline)?]);
    }
    let is_run = |w: &Written| matches!(w, Written::Run(_));
    let at = written.iter().position(is_run).unwrap_or_default();
    let own = replacement(tree, step, &written[at..=at], newline)?;
    let (before, after) = (&written[..at], &written[at + 1..]);
    let mut out = Vec::new();
    let mut sites = 0;
    for list in tree.nodes().filter(|n| n.items().next().is_some()) {
        for item in list.items().filter(|i| stands_for(*i, step.node)) {
            sites += usize::from(item != step.node);
            let start = item.anchor().map_or(item.span().start, |a| a.span.start);
            let end = match item == step.node {
                true => own.span.end,
                false if list.is_flow() => item.span().end,
                false => end_of_line(tree, item.span().end),
            };
            if list.is_flow() {
                let braces = |w: &Written| in_braces(w, "");
                let first = before.iter().map(|w| braces(w) + ", ");
                let last = after.iter().map(|w| format!(", {}", braces(w)));
                out.push(insert(start, first.collect()));
                out.push(insert(end, last.collect()));
                continue;
            }
            let dash = dash_before(tree, start)
                .ok_or("an alias of a workspace step on a line of its own")?;
            let (indent, gap) = (" ".repeat(dash), dash + 2);
            let block = |w: &Written| in_lines(w, "", &[], gap, newline);
            let first = before
                .iter()
                .map(|w| format!("- {}{newline}{indent}", block(w)));
            let last = after
                .iter()
                .map(|w| format!("{newline}{indent}- {}", block(w)));
            out.push(insert(dash_offset(tree, start), first.collect()));
            out.push(insert(end, last.collect()));
        }
    }
    let aliases = tree
        .nodes()
        .filter(|n| *n != step.node && stands_for(*n, step.node));
    if aliases.count() > sites {
        return Err(
            "a workspace step whose alias is no item of a list: it becomes several".to_owned(),
        );
    }
    out.push(own);
    out.retain(|edit| !(edit.span.is_empty() && edit.text.is_empty()));
    Ok(out)
}

/// Says whether a node is a step or an alias of it.
pub(super) fn stands_for(node: Node<'_>, step: Node<'_>) -> bool {
    node == step || matches!(node.shape(), Shape::Alias(_)) && node.resolve().node == Some(step)
}

fn insert(at: u32, text: String) -> Edit {
    Edit {
        span: Span { start: at, end: at },
        text,
    }
}

/// Returns where the line ends that an offset is on.
fn end_of_line(tree: &Tree, offset: u32) -> u32 {
    let rest = &tree.text()[offset as usize..];
    let line = rest.find('\n').map_or(rest, |n| &rest[..n]);
    let length = line.trim_end_matches('\r').len();
    offset + u32::try_from(length).unwrap_or_default()
}

/// Returns where the dash is that stands before an offset on its line.
fn dash_offset(tree: &Tree, offset: u32) -> u32 {
    let before = &tree.text()[..offset as usize];
    let dash = before.rfind('-').unwrap_or(before.len());
    u32::try_from(dash).unwrap_or(offset)
}

/// Returns the edit that puts steps in the place of one, in the style of what is around it.
fn replacement(
    tree: &Tree,
    step: &WorkspaceStep<'_>,
    written: &[Written],
    newline: &str,
) -> Result<Edit, String> {
    let title = match value(step, "name").and_then(Node::text) {
        Some(name) => name.to_owned(),
        None if step.persist => "Persist to workspace".to_owned(),
        None => "Attach workspace".to_owned(),
    };
    let column = column_of(tree, step.node.span().start);
    let flow = in_flow(tree, step.node);
    let span = match flow {
        true => step.node.span(),
        false => with_comments_behind(tree, step.node.span(), column),
    };
    let inside = tree.comments().iter().filter(|c| span.contains(c.span));
    let comments: Vec<&str> = inside.map(|c| tree.slice_of(c.span)).collect();
    if flow {
        if !comments.is_empty() {
            return Err("a comment inside a step in flow style".to_owned());
        }
        let steps: Vec<String> = written.iter().map(|w| in_braces(w, &title)).collect();
        return Ok(Edit {
            span,
            text: steps.join(", "),
        });
    }
    let between = match written.len() {
        1 => String::new(),
        _ => {
            let dash = dash_before(tree, step.node.span().start)
                .ok_or("a step that is no item of a list: it becomes several")?;
            let gap = column.saturating_sub(dash + 1).max(1);
            format!("{newline}{}-{}", " ".repeat(dash), " ".repeat(gap))
        }
    };
    // What is behind the dash decides where the keys of a step stand.
    let indent = match written.len() {
        1 => column,
        _ => dash_before(tree, step.node.span().start).map_or(column, |dash| {
            dash + 1 + column.saturating_sub(dash + 1).max(1)
        }),
    };
    let mut steps = Vec::new();
    let mut left = Some(comments.as_slice());
    for step in written {
        let own = match step {
            Written::Run(_) => left.take().unwrap_or_default(),
            _ => &[],
        };
        steps.push(in_lines(step, &title, own, indent, newline));
    }
    Ok(Edit {
        span,
        text: steps.join(&between),
    })
}

/// A step in braces: in double quotes, the only form that fits every text.
fn in_braces(step: &Written, title: &str) -> String {
    let scalar = crate::yaml::quoted;
    match step {
        Written::Run(script) => format!(
            "{{run: {{name: {}, command: {}}}}}",
            scalar(title),
            scalar(script)
        ),
        Written::Save { key, path } => format!(
            "{{save_cache: {{name: {}, key: {}, paths: [{}]}}}}",
            scalar(KEEP),
            scalar(key),
            scalar(path)
        ),
        Written::Restore { name, key } => format!(
            "{{restore_cache: {{name: {}, key: {}}}}}",
            scalar(name),
            scalar(key)
        ),
    }
}

/// What the step that keeps a layer is called.
const KEEP: &str = "Keep the layer for later jobs";

/// A step as a block; the line break behind it is not its own.
fn in_lines(
    step: &Written,
    title: &str,
    comments: &[&str],
    column: usize,
    newline: &str,
) -> String {
    let scalar = crate::yaml::quoted;
    let (keys, lines) = (" ".repeat(column + 2), " ".repeat(column + 4));
    let script = match step {
        Written::Save { key, path } => {
            return format!(
                "save_cache:{newline}{keys}name: {}{newline}{keys}key: {}{newline}{keys}paths: [{}]",
                plain(KEEP),
                scalar(key),
                plain(path)
            );
        }
        Written::Restore { name, key } => {
            return format!(
                "restore_cache:{newline}{keys}name: {}{newline}{keys}key: {}",
                plain(name),
                scalar(key)
            );
        }
        Written::Run(script) => script,
    };
    let mut out = format!("run:{newline}{keys}name: {}{newline}", plain(title));
    for comment in comments {
        out.push_str(&format!("{keys}{}{newline}", comment.trim_end()));
    }
    if !script.chars().all(is_printable) {
        out.push_str(&format!("{keys}command: {}", scalar(script)));
        return out;
    }
    out.push_str(&format!("{keys}command: |{newline}"));
    for text in script.lines() {
        if !text.is_empty() {
            out.push_str(&lines);
            out.push_str(text);
        }
        out.push_str(newline);
    }
    // The step's own line break stays where it is.
    out.truncate(out.len() - newline.len());
    out
}

/// A text as YAML writes it on one line.
fn plain(text: &str) -> String {
    let written = serde_yaml::to_string(text).map(|y| y.trim_end().to_owned());
    match written {
        Ok(one) if !one.contains('\n') => one,
        _ => crate::yaml::quoted(text),
    }
}

/// Returns the column of the dash that an item of a list stands behind, where both are on one line.
fn dash_before(tree: &Tree, offset: u32) -> Option<usize> {
    let before = &tree.text()[..offset as usize];
    let line = before.rfind('\n').map_or(0, |n| n + 1);
    let before = &before[line..];
    let dash = before.trim_end_matches([' ', '\t']);
    dash.strip_suffix('-').map(|head| head.chars().count())
}

/// An anchor inside a rewritten step goes away with it; who uses it from elsewhere would be left
/// with an alias of nothing.
pub(super) fn lost_anchors(tree: &Tree, id: SourceId, edits: &[Edit]) -> Vec<Refusal> {
    let edit_of = |node: Node<'_>| edits.iter().position(|e| e.span.contains(node.span()));
    let mut out: Vec<Refusal> = Vec::new();
    for alias in tree.nodes() {
        let Shape::Alias(_) = alias.shape() else {
            continue;
        };
        let Some(anchor) = alias.resolve().node.and_then(Node::anchor) else {
            continue;
        };
        let inside = edits.iter().any(|e| e.span.contains(anchor.span));
        let at = Location::new(id, anchor.span);
        if inside && edit_of(alias).is_none() && !out.iter().any(|r| r.at == at) {
            out.push(Refusal {
                what: format!(
                    "`{}` inside a workspace step, used outside of it",
                    tree.slice_of(anchor.span)
                ),
                at,
            });
        }
    }
    out
}

/// Returns the bytes that a step in block style gives way with: its own, and the comments behind
/// it that a block scalar in its place would swallow, those on its last line and those below it
/// that are indented further than it.
fn with_comments_behind(tree: &Tree, step: Span, column: usize) -> Span {
    let mut end = step.end;
    for comment in tree.comments().iter().filter(|c| c.span.start >= step.end) {
        let between = tree.slice_of(Span {
            start: end,
            end: comment.span.start,
        });
        if !between.chars().all(char::is_whitespace) {
            break;
        }
        if comment.own_line && column_of(tree, comment.span.start) <= column {
            break;
        }
        end = comment.span.end;
    }
    Span { end, ..step }
}

/// Returns how many characters stand before an offset on its line.
fn column_of(tree: &Tree, offset: u32) -> usize {
    let before = &tree.text()[..offset as usize];
    let line = before.rfind('\n').map_or(0, |n| n + 1);
    before[line..].chars().count()
}

/// Says whether a node stands inside `[…]` or `{…}`.
fn in_flow(tree: &Tree, node: Node<'_>) -> bool {
    let mut at = tree.root();
    while let Some(outer) = at {
        if outer == node {
            return false;
        }
        if outer.is_flow() {
            return true;
        }
        let children = outer
            .items()
            .chain(outer.entries().flat_map(|e| [e.key, e.value]));
        at = children
            .into_iter()
            .find(|c| c.span().contains(node.span()));
    }
    false
}
