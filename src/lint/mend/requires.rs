//! Adding a requirement to a job's entry in a workflow, in the style in which the entry is written.

use super::{fix, indentation, insert, line_break, line_end, replace, written};
use crate::finding::Fix;
use crate::yaml::{Edit, Location, Node, SourceId, Touch, Tree};

/// Most entries of merged maps that are looked at.
const MOST_MERGED: usize = 1000;

/// Makes a job wait for another one: `entry` is where its entry stands in the workflow.
pub(in crate::lint) fn require(
    tree: &Tree,
    entry: Location,
    job: &str,
    other: &str,
) -> Option<Fix> {
    (entry.source == SourceId::default()).then_some(())?;
    let nodes = tree.around(entry.span);
    let (node, list) = (
        *nodes.last()?,
        nodes.iter().rposition(|n| n.items().len() > 0)?,
    );
    let item = *nodes.get(list + 1)?;
    let list = nodes[list];
    let (edits, touch) = if node == item && node.text().is_some() {
        (
            plain(tree, node, list.is_flow(), other)?,
            Touch::Value(node.span()),
        )
    } else {
        let entry = item
            .entries()
            .next()
            .filter(|_| item.entries().len() == 1)?;
        (entry.key == node || item == node).then_some(())?;
        below(tree, entry.key, entry.value, item.is_flow(), other)?
    };
    let title = format!("let `{job}` require `{other}`");
    Some(fix(title, false, edits, vec![touch]))
}

/// Turns a bare name into a map with the requirement.
fn plain(tree: &Tree, name: Node<'_>, flow: bool, other: &str) -> Option<Vec<Edit>> {
    let (text, end) = (tree.text(), name.span().end);
    let other = written(other);
    if name.anchor().is_some() || name.style()?.is_block() {
        return None;
    }
    if flow {
        return Some(vec![insert(end, format!(": {{requires: [{other}]}}"))]);
    }
    let eol = line_end(text, end as usize);
    let column = name.span().start as usize - super::line_start(text, name.span().start as usize);
    let line = line_below(text, eol, column, &other);
    Some(beside(end, ":", eol, line))
}

/// Returns the line with the requirement, below a name that begins at a column.
fn line_below(text: &str, after: usize, column: usize, other: &str) -> String {
    let width = column + 2;
    format!(
        "{}{:width$}requires: [{other}]",
        line_break(text, after),
        ""
    )
}

/// Returns two insertions, as one where they meet.
fn beside(first: u32, mark: &str, then: usize, line: String) -> Vec<Edit> {
    match first as usize == then {
        true => vec![insert(first, format!("{mark}{line}"))],
        false => vec![
            insert(first, mark),
            insert(u32::try_from(then).unwrap_or(u32::MAX), line),
        ],
    }
}

/// Adds the requirement to what stands below the job's name.
fn below(
    tree: &Tree,
    key: Node<'_>,
    value: Node<'_>,
    in_flow: bool,
    other: &str,
) -> Option<(Vec<Edit>, Touch)> {
    let text = tree.text();
    if value.text().is_some() {
        // Nothing stands there yet.
        if !value.source().is_empty() || value.anchor().is_some() || in_flow {
            return None;
        }
        let colon = text[key.span().end as usize..].find(':')? + key.span().end as usize;
        let eol = line_end(text, colon);
        let start = key.outer_span().start as usize;
        let column = start - super::line_start(text, start);
        let line = line_below(text, eol, column, &written(other));
        let at = u32::try_from(eol).ok()?;
        return Some((vec![insert(at, line)], Touch::Value(value.span())));
    }
    if let Some(requires) = value.get("requires") {
        return longer(tree, requires.value, other);
    }
    let merged = value.merged(MOST_MERGED);
    if merged
        .iter()
        .any(|e| e.entry.key.text() == Some("requires"))
    {
        return None;
    }
    let entry = format!("requires: [{}]", written(other));
    let touch = Touch::Grows(value.span());
    let edit = match (value.is_flow(), value.entries().next()) {
        (true, None) => replace(value.span(), format!("{{{entry}}}")),
        (true, Some(first)) => insert(first.key.outer_span().start, format!("{entry}, ")),
        (false, Some(first)) => {
            let start = first.key.outer_span().start;
            let blanks = indentation(text, start as usize)?;
            let line = format!("{entry}{}{blanks}", line_break(text, start as usize));
            insert(start, line)
        }
        (false, None) => return None,
    };
    Some((vec![edit], touch))
}

/// Adds an item to the requirements that are there.
fn longer(tree: &Tree, list: Node<'_>, other: &str) -> Option<(Vec<Edit>, Touch)> {
    let text = tree.text();
    let other = written(other);
    let touch = Touch::Grows(list.span());
    let last = list.items().last();
    let edit = match (list.is_flow(), last) {
        (true, None) if list.entries().len() == 0 && list.source().starts_with('[') => {
            replace(list.span(), format!("[{other}]"))
        }
        (true, Some(last)) => insert(last.outer_span().end, format!(", {other}")),
        (false, Some(last)) => {
            let start = last.outer_span().start as usize;
            let before = text[..start].strip_suffix("- ")?;
            let blanks = indentation(text, before.len())?;
            let end = line_end(text, last.outer_span().end as usize);
            let line = format!("{}{blanks}- {other}", line_break(text, end));
            insert(u32::try_from(end).ok()?, line)
        }
        _ => return None,
    };
    Some((vec![edit], touch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Span, apply, parse, same_but};

    fn required(text: &str) -> Option<String> {
        let tree = parse(text).tree;
        let start = text.rfind("deploy").unwrap();
        let at = Location::new(SourceId::default(), Span::new(start, start + 6));
        let fix = require(&tree, at, "deploy", "build")?;
        let edits: Vec<Edit> = fix.edits.iter().map(|(_, e)| e.clone()).collect();
        let after = apply(text, &edits).unwrap();
        let parsed = parse(after.as_str());
        assert_eq!(parsed.error, None, "{after}");
        same_but(&tree, &parsed.tree, &fix.touches).unwrap();
        Some(after)
    }

    #[test]
    fn a_requirement_is_written_as_its_entry_is() {
        let same = |text: &str, after: &str| assert_eq!(required(text).as_deref(), Some(after));
        same(
            "- build\n- deploy",
            "- build\n- deploy:\n    requires: [build]",
        );
        same(
            "- deploy # now\r\n",
            "- deploy: # now\r\n    requires: [build]\r\n",
        );
        same(
            "[build, deploy]\n",
            "[build, deploy: {requires: [build]}]\n",
        );
        same("- deploy:\n", "- deploy:\n    requires: [build]\n");
        same("- deploy: {}\n", "- deploy: {requires: [build]}\n");
        same(
            "- deploy: {context: x}\n",
            "- deploy: {requires: [build], context: x}\n",
        );
        same(
            "- deploy:\n    # who\n    context: x\n",
            "- deploy:\n    # who\n    requires: [build]\n    context: x\n",
        );
        same(
            "- deploy: {requires: [a]}\n",
            "- deploy: {requires: [a, build]}\n",
        );
        same(
            "- deploy: {requires: []}\n",
            "- deploy: {requires: [build]}\n",
        );
        same(
            "- deploy:\n    requires:\n      - a # one\n    context: x\n",
            "- deploy:\n    requires:\n      - a # one\n      - build\n    context: x\n",
        );
    }

    #[test]
    fn what_comes_from_elsewhere_is_left_alone() {
        assert_eq!(required("a: &a {requires: [x]}\nb:\n- deploy: *a\n"), None);
        assert_eq!(
            required("a: &a {requires: [x]}\nb:\n- deploy: {<<: *a}\n"),
            None
        );
    }
}
