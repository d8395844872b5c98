//! Taking an item out of a list, or an entry out of a map, in block and in flow style.

use super::{fix, indentation, line_end, replace, whole_lines};
use crate::finding::Fix;
use crate::yaml::{Location, Node, SourceId, Span, Touch, Tree};

/// What is taken out, with its neighbours.
struct Part {
    whole: Span,
    before: Option<Span>,
    after: Option<Span>,
    flow: bool,
    item: bool,
    touch: Touch,
}

/// Removes the item of a list that stands at a place, or that holds it. The last one that is left
/// is not removed, nor one with a comment or an anchor in it.
pub(in crate::lint) fn remove_item(
    tree: &Tree,
    at: Location,
    title: &str,
    safe: bool,
) -> Option<Fix> {
    (at.source == SourceId::default()).then_some(())?;
    let around = tree.around(at.span);
    let i = around.iter().rposition(|n| n.items().len() > 0)?;
    let list = around[i];
    let item = *around.get(i + 1)?;
    let all: Vec<Node<'_>> = list.items().collect();
    let n = all.iter().position(|other| *other == item)?;
    let neighbour = |n: Option<usize>| n.and_then(|n| all.get(n)).map(|item| item.outer_span());
    let part = Part {
        whole: item.outer_span(),
        before: neighbour(n.checked_sub(1)),
        after: neighbour(Some(n + 1)),
        flow: list.is_flow(),
        item: true,
        touch: Touch::Gone(item.span()),
    };
    remove(tree, part, title, safe)
}

/// Removes the entry of a map that has this key.
pub(in crate::lint) fn remove_entry(
    tree: &Tree,
    key: Span,
    title: &str,
    safe: bool,
) -> Option<Fix> {
    let around = tree.around(key);
    let map = *around.iter().rev().find(|n| n.entries().len() > 0)?;
    let all: Vec<_> = map.entries().collect();
    let n = all.iter().position(|entry| entry.key.span() == key)?;
    let whole =
        |entry: &crate::yaml::Entry<'_>| entry.key.outer_span().to(entry.value.outer_span());
    let neighbour = |n: Option<usize>| n.and_then(|n| all.get(n)).map(whole);
    let part = Part {
        whole: whole(&all[n]),
        before: neighbour(n.checked_sub(1)),
        after: neighbour(Some(n + 1)),
        flow: map.is_flow(),
        item: false,
        touch: Touch::Gone(key),
    };
    remove(tree, part, title, safe)
}

fn remove(tree: &Tree, part: Part, title: &str, safe: bool) -> Option<Fix> {
    if part.before.is_none() && part.after.is_none() {
        return None;
    }
    let gone = match part.flow {
        true => flow(&part)?,
        false => block(tree.text(), &part)?,
    };
    let inside = |span: Span| span.start < gone.end && gone.start < span.end;
    let comment = tree.comments().iter().any(|c| inside(c.span));
    let anchor = tree.anchors().iter().any(|a| inside(a.span));
    (!comment && !anchor).then(|| fix(title, safe, vec![replace(gone, "")], vec![part.touch]))
}

/// Returns what goes in flow style: up to the next one, or the last one from the one before it.
fn flow(part: &Part) -> Option<Span> {
    let whole = part.whole;
    match (part.before, part.after) {
        (_, Some(after)) => Some(Span {
            start: whole.start,
            end: after.start,
        }),
        (Some(before), None) => Some(Span {
            start: before.end,
            end: whole.end,
        }),
        (None, None) => None,
    }
}

/// Returns what goes in block style: whole lines, where nothing else stands on them.
fn block(text: &str, part: &Part) -> Option<Span> {
    let (mut start, end) = (part.whole.start as usize, part.whole.end as usize);
    if part.item {
        let before = text[..start].trim_end_matches([' ', '\n', '\r']);
        start = before.strip_suffix('-')?.len();
    }
    indentation(text, start)?;
    let rest = text.get(end..line_end(text, end))?;
    rest.trim()
        .is_empty()
        .then(|| whole_lines(text, start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Edit, apply, parse, same_but};

    fn without(text: &str, item: &str) -> Option<String> {
        let tree = parse(text).tree;
        let start = text.find(item).unwrap();
        let span = Span::new(start, start + item.len());
        let fix = remove_item(&tree, Location::new(SourceId::default(), span), "x", true)?;
        let edits: Vec<Edit> = fix.edits.iter().map(|(_, e)| e.clone()).collect();
        let after = apply(text, &edits).unwrap();
        same_but(&tree, &parse(after.as_str()).tree, &fix.touches).unwrap();
        Some(after)
    }

    #[test]
    fn an_item_leaves_the_others_as_they_are() {
        let flow = "a: [xx, yy,  zz]\n";
        assert_eq!(without(flow, "xx").unwrap(), "a: [yy,  zz]\n");
        assert_eq!(without(flow, "yy").unwrap(), "a: [xx, zz]\n");
        assert_eq!(without(flow, "zz").unwrap(), "a: [xx, yy]\n");
        assert_eq!(without("a: [xx]\n", "xx"), None);
        let block = "a:\n  - xx\n  - yy # why\n  -\n    zz";
        assert_eq!(
            without(block, "xx").unwrap(),
            "a:\n  - yy # why\n  -\n    zz"
        );
        assert_eq!(without(block, "yy"), None);
        assert_eq!(without(block, "zz").unwrap(), "a:\n  - xx\n  - yy # why");
        let crlf = "a:\r\n  - xx\r\n  - k: 1\r\n    l: yy\r\n";
        assert_eq!(without(crlf, "k: 1").unwrap(), "a:\r\n  - xx\r\n");
        assert_eq!(without("a: [xx, # c\n  yy]\n", "xx"), None);
        assert_eq!(without("a: [&n xx, yy, *n]\n", "xx"), None);
    }

    #[test]
    fn an_entry_goes_with_its_line() {
        let text = "w:\n  version: 2\n  main: {a: 1, b: 2}\n";
        let tree = parse(text).tree;
        let w = tree.root().unwrap().get("w").unwrap().value;
        let apply_to = |key: Span| {
            let fix = remove_entry(&tree, key, "x", true).unwrap();
            let edits: Vec<Edit> = fix.edits.iter().map(|(_, e)| e.clone()).collect();
            apply(text, &edits).unwrap()
        };
        let version = w.get("version").unwrap().key.span();
        assert_eq!(apply_to(version), "w:\n  main: {a: 1, b: 2}\n");
        let b = w.get("main").unwrap().value.get("b").unwrap().key.span();
        assert_eq!(apply_to(b), "w:\n  version: 2\n  main: {a: 1}\n");
    }
}
