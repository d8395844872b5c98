//! How fixes are made: edits of the text that know its style. What cannot be done without touching
//! anything else, a comment or an anchor above all, is not done: then there is no fix.

mod list;
mod requires;

use crate::finding::Fix;
use crate::yaml::{
    Comment, Edit, Location, Node, Scalar, ScalarStyle, Schema, SourceId, Span, TextMap, Touch,
    Tree, quoted,
};

pub(super) use list::{remove_entry, remove_item};
pub(super) use requires::require;

/// Puts a fix together: edits of the config itself, and what they may change.
pub(super) fn fix(
    title: impl Into<String>,
    safe: bool,
    edits: Vec<Edit>,
    touches: Vec<Touch>,
) -> Fix {
    Fix {
        title: title.into(),
        edits: edits
            .into_iter()
            .map(|edit| (SourceId::default(), edit))
            .collect(),
        safe,
        touches,
    }
}

fn replace(span: Span, text: impl Into<String>) -> Edit {
    Edit {
        span,
        text: text.into(),
    }
}

fn insert(at: u32, text: impl Into<String>) -> Edit {
    replace(Span { start: at, end: at }, text)
}

/// Returns the scalar of the config that stands exactly there; nothing for one of an orb.
pub(super) fn scalar_at(tree: &Tree, at: Location) -> Option<Node<'_>> {
    (at.source == SourceId::default()).then_some(())?;
    tree.scalar_at(at.span)
}

/// Returns the scalar that a span lies in.
fn scalar_around(tree: &Tree, at: Location) -> Option<Node<'_>> {
    (at.source == SourceId::default()).then_some(())?;
    tree.around(at.span).pop().filter(|n| n.text().is_some())
}

/// Puts another text into the place of a scalar, quoted where it has to be.
pub(super) fn reword(node: Node<'_>, text: &str) -> (Edit, Touch) {
    let edit = replace(node.span(), written(text));
    (edit, Touch::Text(node.span(), text.to_owned()))
}

/// Puts quotes around a plain scalar.
pub(super) fn quote(node: Node<'_>, title: String, safe: bool) -> Option<Fix> {
    let text = node.text()?;
    let plain = node.style() == Some(ScalarStyle::Plain) && node.source() == text;
    plain.then(|| {
        let touch = Touch::Text(node.span(), text.to_owned());
        fix(
            title,
            safe,
            vec![replace(node.span(), quoted(text))],
            vec![touch],
        )
    })
}

/// Puts a right word into the place of a wrong one, which stands once in the text at a place.
pub(super) fn word(tree: &Tree, at: Location, wrong: &str, right: &str, safe: bool) -> Option<Fix> {
    let node = scalar_around(tree, at)?;
    let here = tree.slice_of(at.span);
    let mut found = here.match_indices(wrong);
    let (Some((i, _)), None) = (found.next(), found.next()) else {
        return None;
    };
    let start = at.span.start as usize + i;
    let span = Span::new(start, start + wrong.len());
    let value = node.text()?;
    let needs_quotes = node.style() == Some(ScalarStyle::Plain) && written(right) != right;
    if value == wrong && (needs_quotes || has_key(tree, node, right)) {
        return None;
    }
    // The word stands in the value as it stands in the text, and there alone.
    (value.matches(wrong).count() == node.source().matches(wrong).count()).then_some(())?;
    let before = node.source().get(..start - node.span().start as usize)?;
    let nth = before.matches(wrong).count();
    let (i, _) = value.match_indices(wrong).nth(nth)?;
    let after = format!("{}{right}{}", &value[..i], &value[i + wrong.len()..]);
    Some(fix(
        format!("write `{right}` for `{wrong}`"),
        safe,
        vec![replace(span, right)],
        vec![Touch::Text(node.span(), after)],
    ))
}

/// Says whether a node is the key of a map that has another key already.
fn has_key(tree: &Tree, key: Node<'_>, other: &str) -> bool {
    let around = tree.around(key.span());
    let map = around.iter().rev().nth(1);
    map.is_some_and(|map| map.entries().any(|e| e.key == key) && map.get(other).is_some())
}

/// Inserts text into a scalar's value at the places of it that are given, in their order.
pub(super) fn insert_into(
    node: Node<'_>,
    places: &[(usize, &str)],
    title: String,
    safe: bool,
) -> Option<Fix> {
    let value = node.text()?;
    let map = TextMap::of(node)?;
    let style = node.style()?;
    let mut after = String::with_capacity(value.len() + places.len());
    let mut edits: Vec<Edit> = Vec::new();
    let mut at = 0;
    for (place, text) in places {
        after.push_str(value.get(at..*place)?);
        after.push_str(text);
        at = *place;
        let escaped = match style {
            ScalarStyle::DoubleQuoted => text.replace('\\', "\\\\").replace('"', "\\\""),
            ScalarStyle::SingleQuoted => text.replace('\'', "''"),
            _ => (*text).to_owned(),
        };
        // A place at the end of a line is behind what stands before it.
        let offset = match place.checked_sub(1) {
            Some(before) => map.span(before..*place).end,
            None => map.span(0..1).start,
        };
        edits.push(insert(offset, escaped));
    }
    after.push_str(value.get(at..)?);
    (!edits.is_empty()).then(|| fix(title, safe, edits, vec![Touch::Text(node.span(), after)]))
}

/// Returns a text as a scalar that says it in every context, without quotes where that is sure.
pub(super) fn written(text: &str) -> String {
    let sign = |c: char| c.is_ascii_alphanumeric() || "_./\\*@^$+-~".contains(c);
    let first = |c: char| c.is_ascii_alphanumeric() || "_./\\^$~".contains(c);
    let plain = text.chars().all(sign)
        && text.starts_with(first)
        && text != "~"
        && [Schema::Yaml11, Schema::Core12].iter().all(|s| {
            matches!(
                Scalar::read(text, ScalarStyle::Plain, None, *s),
                Scalar::Str(_)
            )
        });
    match plain {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Returns the line break of the text around an offset: that of its line, or of the first line.
fn line_break(text: &str, at: usize) -> &'static str {
    let end = text[at..].find('\n').map(|i| at + i);
    let end = end.or_else(|| text.find('\n'));
    match end {
        Some(i) if i > 0 && text.as_bytes()[i - 1] == b'\r' => "\r\n",
        _ => "\n",
    }
}

/// Returns the offset at which the line of an offset begins.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |i| i + 1)
}

/// Returns the offset at which the line of an offset ends, in front of its break.
fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    match text[..end].ends_with('\r') && end > at {
        true => end - 1,
        false => end,
    }
}

/// Returns the blanks in front of an offset, where nothing else stands there on its line.
fn indentation(text: &str, at: usize) -> Option<&str> {
    let before = &text[line_start(text, at)..at];
    before.bytes().all(|b| b == b' ').then_some(before)
}

/// Returns the comment that a span lies in.
fn comment(tree: &Tree, span: Span) -> Option<&Comment> {
    let all = tree.comments();
    let i = all.partition_point(|c| c.span.end < span.end);
    all.get(i).filter(|c| c.span.contains(span))
}

/// Removes a comment: all of its line where it stands alone, else with the blanks before it.
pub(super) fn remove_comment(tree: &Tree, span: Span, title: &str) -> Option<Fix> {
    let comment = comment(tree, span)?;
    let text = tree.text();
    let (start, end) = (span.start as usize, span.end as usize);
    let gone = match comment.own_line {
        true => whole_lines(text, start, end),
        false => Span::new(text[..start].trim_end_matches([' ', '\t']).len(), end),
    };
    let touches = vec![Touch::Comment(span)];
    Some(fix(title, true, vec![replace(gone, "")], touches))
}

/// Puts another word into a comment.
pub(super) fn reword_comment(tree: &Tree, span: Span, right: &str) -> Option<Fix> {
    let comment = comment(tree, span)?;
    let touches = vec![Touch::Comment(comment.span)];
    let title = format!("write `{right}`");
    Some(fix(title, true, vec![replace(span, right)], touches))
}

/// Returns the lines that a range is in, with one line break: that behind them, or where the text
/// ends without one, that before them.
fn whole_lines(text: &str, start: usize, end: usize) -> Span {
    let start = line_start(text, start);
    let rest = &text[end..];
    match rest.find('\n') {
        Some(i) => Span::new(start, end + i + 1),
        None => {
            let before = text[..start].strip_suffix('\n').unwrap_or(&text[..start]);
            Span::new(
                before.strip_suffix('\r').unwrap_or(before).len(),
                text.len(),
            )
        }
    }
}

/// Indents the siblings of a map's first, empty entry so that they are below it.
pub(super) fn indent_siblings(tree: &Tree, second: Location) -> Option<Fix> {
    let around = match second.source == SourceId::default() {
        true => tree.around(second.span),
        false => return None,
    };
    let map = around.iter().rev().find(|n| n.entries().len() > 1)?;
    let entries: Vec<_> = map.entries().collect();
    let [first, siblings @ ..] = entries.as_slice() else {
        return None;
    };
    let text = tree.text();
    let (from, to) = (siblings.first()?, siblings.last()?);
    let empty = first.value.source().is_empty() && first.value.anchor().is_none();
    if map.is_flow() || !empty || from.key.span() != second.span {
        return None;
    }
    let start = from.key.outer_span().start as usize;
    indentation(text, start)?;
    let end = to.value.outer_span().to(to.key.span()).end as usize;
    let mut edits = Vec::new();
    let mut at = line_start(text, start);
    while at < end {
        if !text[at..line_end(text, at)].trim().is_empty() {
            edits.push(insert(u32::try_from(at).ok()?, "  "));
        }
        at = text[at..].find('\n').map_or(text.len(), |i| at + i + 1);
    }
    let title = format!("indent what belongs to `{}`", first.key.text()?);
    Some(fix(title, false, edits, vec![Touch::Value(map.span())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{apply, parse};

    fn applied(text: &str, fix: &Fix) -> String {
        let edits: Vec<Edit> = fix.edits.iter().map(|(_, e)| e.clone()).collect();
        apply(text, &edits).unwrap()
    }

    #[test]
    fn texts_are_quoted_where_they_would_be_something_else() {
        assert_eq!(written("dist/app"), "dist/app");
        assert_eq!(written("/v\\d+.*/"), "/v\\d+.*/");
        assert_eq!(written("3.10"), "\"3.10\"");
        assert_eq!(written("true"), "\"true\"");
        assert_eq!(written("on"), "\"on\"");
        assert_eq!(written("*x"), "\"*x\"");
        assert_eq!(written("a, b"), "\"a, b\"");
    }

    #[test]
    fn a_comment_goes_with_its_line_or_with_the_blanks_before_it() {
        let removed = |text: &str| {
            let tree = parse(text).tree;
            let span = tree.comments()[0].span;
            applied(text, &remove_comment(&tree, span, "x").unwrap())
        };
        assert_eq!(removed("a: 1  # c\nb: 2\n"), "a: 1\nb: 2\n");
        assert_eq!(removed("a: 1\r\n  # c\r\nb: 2\r\n"), "a: 1\r\nb: 2\r\n");
        assert_eq!(removed("a: 1\n# c"), "a: 1");
    }

    #[test]
    fn siblings_are_indented_with_their_blocks() {
        let text = "- run:\n  command: |\n    a\n\n    b\n  name: x\n- y\n";
        let tree = parse(text).tree;
        let second = tree.root().unwrap().items().next().unwrap();
        let second = second.get("command").unwrap().key.span();
        let fix = indent_siblings(&tree, Location::new(SourceId::default(), second)).unwrap();
        let expected = "- run:\n    command: |\n      a\n\n      b\n    name: x\n- y\n";
        assert_eq!(applied(text, &fix), expected);
    }
}
