//! The YAML tree of any text: spans nest and are in order, every view ends, another reader reads
//! the same data, and an edit of one scalar changes that scalar only.

#![no_main]

use holdall::yaml::{
    Edit, LineIndex, Node, Position, Scalar, ScalarStyle, Schema, Shape, Span, Tree, apply, parse,
    same_except,
};
use libfuzzer_sys::fuzz_target;
use serde_yaml::Value;

/// Most values that a text may stand for to be compared with the other reader.
const BUDGET: usize = 20_000;

/// Deepest nesting, aliases followed, to be compared.
const DEPTH: usize = 300;

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    let tree = &parsed.tree;
    assert_eq!(tree.text(), text);
    spans(tree);
    views(tree);
    lines(text);
    if let Some(error) = &parsed.error {
        within(text, error.span);
        if let Some(opened) = error.opened {
            within(text, opened);
        }
    } else if tree.extra_document().is_none() {
        second_opinion(tree);
        edit(tree);
    }
});

fn within(text: &str, span: Span) {
    assert!(text.get(span.range()).is_some(), "{span:?} cuts the text");
}

fn children<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    match node.shape() {
        Shape::Sequence(items) => items.collect(),
        Shape::Mapping(entries) => entries.flat_map(|e| [e.key, e.value]).collect(),
        Shape::Scalar(_) | Shape::Alias(_) => Vec::new(),
    }
}

fn spans(tree: &Tree) {
    let text = tree.text();
    let mut begun = 0;
    for node in tree.nodes() {
        let span = node.span();
        within(text, span);
        within(text, node.outer_span());
        assert!(
            span.start >= begun,
            "{node:?} begins before the one before it"
        );
        begun = span.start;
        let mut last = span.start;
        for child in children(node) {
            let inner = child.span();
            assert!(
                inner.start >= last && inner.end <= span.end,
                "{child:?} lies outside of {node:?}"
            );
            last = inner.end;
        }
        if let Some(block) = node.block() {
            assert!(block.content.is_empty() || span.contains(block.content));
        }
        if let Some(anchor) = node.anchor() {
            assert!(tree.slice_of(anchor.span).starts_with('&'), "{anchor:?}");
        }
        if let Some(tag) = node.tag() {
            assert!(tree.slice_of(tag).starts_with('!'), "{tag:?}");
        }
        // A list that an error ended before its first item has no text.
        if let Some(first) = node.items().next().filter(|_| !node.is_flow()) {
            assert!(node.source().starts_with('-'), "{node:?}");
            assert!(first.span().start > span.start, "{node:?}");
        }
        if matches!(node.shape(), Shape::Alias(_)) {
            assert!(node.source().starts_with('*'), "{node:?}");
        }
        if node.style().is_some_and(ScalarStyle::is_block) {
            assert!(node.source().starts_with(['|', '>']), "{node:?}");
        }
    }
    let mut end = 0;
    for comment in tree.comments() {
        let said = text
            .get(comment.span.range())
            .expect("a comment fits the text");
        assert!(
            said.starts_with('#') && !said.contains(['\n', '\r']),
            "{said:?}"
        );
        assert!(
            comment.span.start >= end,
            "{said:?} begins in the one before it"
        );
        end = comment.span.end;
    }
}

fn views(tree: &Tree) {
    let length = u32::try_from(tree.text().len()).expect("inputs are small");
    for node in tree.nodes() {
        let _ = tree.path_to(node.span());
        let _ = node.resolve();
        let _ = node.merged(BUDGET);
        let _ = node.scalar(Schema::Yaml11);
        let start = node.span().start;
        let _ = tree.path_to(Span { start, end: length });
    }
    let _ = tree.path_to(Span {
        start: length,
        end: length.saturating_add(7),
    });
}

fn lines(text: &str) {
    let index = LineIndex::new(text);
    let mut before = Position { line: 1, column: 1 };
    for offset in 0..=u32::try_from(text.len()).expect("inputs are small") {
        let position = index.position(text, offset);
        assert!(position >= before, "{position:?} follows {before:?}");
        before = position;
    }
    assert_eq!(before.line as usize, index.count());
}

/// Compares with another reader where both have the same language: text without tags, without
/// names of anchors and ends of lines that YAML 1.1 and 1.2 disagree about.
fn second_opinion(tree: &Tree) {
    let text = tree.text();
    let plain = |c: char| c == '\n' || (' '..='~').contains(&c) || c.is_alphabetic();
    let old_name = |name: &str| {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        name.len() > 1 && name[1..].bytes().all(word)
    };
    // `00012` is a number here and a text there, as a key too.
    let nought = |n: Node<'_>| {
        let digits = n.source().trim_start_matches(['+', '-']).as_bytes();
        n.style() == Some(ScalarStyle::Plain)
            && matches!(digits, [b'0', second, ..] if second.is_ascii_digit())
    };
    let differs = |n: Node<'_>| {
        n.tag().is_some()
            || nought(n)
            || n.anchor().is_some_and(|a| !old_name(tree.slice_of(a.span)))
            || matches!(n.shape(), Shape::Alias(_)) && !old_name(n.source())
    };
    // `[?a]` and `{?}`: the older version sees a key wherever a `?` stands between brackets.
    let bare_key = text.contains('?') && tree.nodes().any(Node::is_flow);
    // `[:a]`: and an empty key, wherever a text between brackets begins with `:`.
    let colon = |n: Node<'_>| n.style() == Some(ScalarStyle::Plain) && n.source().starts_with(':');
    let bare_key = bare_key || tree.nodes().any(colon);
    // The other reader takes a wrong node for an anchor that is defined again.
    let mut names: Vec<&str> = tree
        .anchors()
        .iter()
        .map(|a| tree.slice_of(a.span))
        .collect();
    names.sort_unstable();
    let again = names.windows(2).any(|pair| pair[0] == pair[1]);
    // The other reader leaves the merge keys of a map that is a key itself.
    let map_key = |n: Node<'_>| n.entries().any(|e| e.key.style().is_none());
    let merged_key = text.contains("<<") && tree.nodes().any(map_key);
    // A block that is all of a text may stand at the first column in 1.2 only.
    let root = tree.root().and_then(Node::style);
    let unlike = bare_key || again || merged_key || root.is_some_and(ScalarStyle::is_block);
    if unlike || !text.chars().all(plain) || tree.nodes().any(differs) {
        return;
    }
    let mut budget = BUDGET;
    let Some(ours) = tree
        .root()
        .map_or(Some(Value::Null), |root| value(root, 0, &mut budget))
    else {
        return;
    };
    let Ok(mut theirs) = serde_yaml::from_str::<Value>(text) else {
        return;
    };
    // One call leaves the merge keys that a merged map brings along.
    loop {
        let before = theirs.clone();
        if theirs.apply_merge().is_err() {
            return;
        }
        if theirs == before {
            break;
        }
    }
    assert!(same(&ours, &theirs), "{ours:?} here, {theirs:?} there");
}

/// Our data as the other reader's type; none where an alias is undefined or the data too large.
fn value(node: Node<'_>, depth: usize, budget: &mut usize) -> Option<Value> {
    // A node may hold an alias of itself.
    if depth > DEPTH {
        return None;
    }
    *budget = budget.checked_sub(1)?;
    let node = node.resolve().node?;
    Some(match node.shape() {
        Shape::Scalar(_) => match node.scalar(Schema::Core12)? {
            Scalar::Null => Value::Null,
            Scalar::Bool(b) => Value::Bool(b),
            Scalar::Int(n) => Value::Number(n.into()),
            Scalar::Float(f) => Value::Number(f.into()),
            Scalar::Str(s) => Value::String(s.to_owned()),
        },
        Shape::Sequence(items) => Value::Sequence(
            items
                .map(|item| value(item, depth + 1, budget))
                .collect::<Option<_>>()?,
        ),
        Shape::Mapping(_) => {
            let mut map = serde_yaml::Mapping::new();
            for merged in node.merged(*budget) {
                let key = value(merged.entry.key, depth + 1, budget)?;
                // The other reader refuses a key that is given again.
                let _ = map.insert(key, value(merged.entry.value, depth + 1, budget)?);
            }
            Value::Mapping(map)
        }
        Shape::Alias(_) => return None,
    })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Sequence(a), Value::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y))
        }
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((k, v), (l, w))| same(k, l) && same(v, w))
                || a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        // Whole numbers beyond 64 bits are broken ones here.
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        // `012`, `-0x1f` and `1E999`: the two do not have the same numbers.
        (Value::Number(_), Value::String(text)) | (Value::String(text), Value::Number(_)) => {
            let digits = text.trim_start_matches(['+', '-', '.']);
            digits.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => a == b,
    }
}

/// Puts a text in the place of one scalar, and looks at everything else.
fn edit(tree: &Tree) {
    let scalars: Vec<Node<'_>> = tree
        .nodes()
        .filter(|n| n.style().is_some() && !n.span().is_empty())
        // A block's header may have a comment, which would go with it.
        .filter(|n| !tree.comments().iter().any(|c| n.span().contains(c.span)))
        .collect();
    let Some(chosen) = scalars.get(tree.text().len() % scalars.len().max(1)) else {
        return;
    };
    let edits = [Edit {
        span: chosen.span(),
        text: "\"put here\"".to_owned(),
    }];
    let text = apply(tree.text(), &edits).expect("a node's span fits its text");
    let new = parse(text.as_str());
    assert_eq!(new.error, None, "{text:?}, from {:?}", tree.text());
    if let Err(difference) = same_except(tree, &new.tree, &|n| n == *chosen) {
        panic!("{difference}: {text:?}, from {:?}", tree.text());
    }
    let put = new.tree.nodes().filter(|n| n.text() == Some("put here"));
    assert_eq!(
        put.count(),
        1 + scalars
            .iter()
            .filter(|n| n.text() == Some("put here") && n != &chosen)
            .count()
    );
}
