//! The YAML tree: spans, views and limits; and the same data as another reader sees.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops at what it did not expect, and says what it skips"
)]

mod common;

use holdall::yaml::{
    Limits, Node, Scalar, ScalarStyle, Schema, Shape, Span, TextMap, Tree, is_merge_key, parse,
    parse_with,
};
use serde_yaml::Value;

/// Our data as the second reader's type, under the schema that it uses.
fn value(node: Node<'_>) -> Value {
    let node = node.resolve().node.expect("every alias is defined");
    match node.shape() {
        Shape::Scalar(_) => match node.scalar(Schema::Core12).unwrap() {
            Scalar::Null => Value::Null,
            Scalar::Bool(b) => Value::Bool(b),
            Scalar::Int(n) => Value::Number(n.into()),
            Scalar::Float(f) => Value::Number(f.into()),
            Scalar::Str(s) => Value::String(s.to_owned()),
        },
        Shape::Sequence(items) => Value::Sequence(items.map(value).collect()),
        Shape::Mapping(_) => {
            let mut map = serde_yaml::Mapping::new();
            for merged in node.merged(1_000_000) {
                map.insert(value(merged.entry.key), value(merged.entry.value));
            }
            Value::Mapping(map)
        }
        Shape::Alias(_) => unreachable!("resolved above"),
    }
}

fn tree(text: &str) -> Tree {
    let parsed = parse(text);
    assert_eq!(parsed.error, None, "{text}");
    parsed.tree
}

fn at<'t>(tree: &'t Tree, path: &[&str]) -> Node<'t> {
    let mut node = tree.root().unwrap();
    for key in path {
        node = match key.parse::<usize>() {
            Ok(i) => node.items().nth(i).unwrap(),
            Err(_) => node.get(key).unwrap().value,
        };
    }
    node
}

#[test]
fn every_span_is_what_a_person_would_mark() {
    let t = tree(
        "a: &x !!str foo # c\nlist:\n  # first\n  - 1\n  - {k: [v, w]} \n\n# end\nscript: |-\n\n  hi\n   there\n\n\nlast: >+ # folded\n  x\n\n",
    );
    assert_eq!(at(&t, &["a"]).source(), "foo");
    assert_eq!(t.slice_of(at(&t, &["a"]).outer_span()), "&x !!str foo");
    assert_eq!(at(&t, &["list"]).source(), "- 1\n  - {k: [v, w]}");
    assert_eq!(at(&t, &["list", "1"]).source(), "{k: [v, w]}");
    assert_eq!(at(&t, &["script"]).source(), "|-\n\n  hi\n   there");
    assert_eq!(at(&t, &["script"]).text(), Some("\nhi\n there"));
    assert_eq!(at(&t, &["last"]).source(), ">+ # folded\n  x");
    assert_eq!(at(&t, &["last"]).text(), Some("x\n\n"));
    let comments: Vec<_> = t
        .comments()
        .iter()
        .map(|c| (t.slice_of(c.span), c.own_line))
        .collect();
    assert_eq!(
        comments,
        [
            ("# c", false),
            ("# first", true),
            ("# end", true),
            ("# folded", false)
        ]
    );
}

#[test]
fn a_block_header_is_found_behind_anchors_comments_and_on_its_own_line() {
    let t = tree("a: &b|c |\n  x\nd: !<tag:x>\n  # why |\n  >2\n    y\ne: |\nf: 1\n");
    assert_eq!(at(&t, &["a"]).source(), "|\n  x");
    assert_eq!(at(&t, &["d"]).source(), ">2\n    y");
    assert_eq!(at(&t, &["d"]).text(), Some("  y\n"));
    assert_eq!(at(&t, &["e"]).source(), "|");
    assert_eq!(at(&t, &["e"]).text(), Some(""));
    assert_eq!(at(&t, &["f"]).source(), "1");
}

#[test]
fn a_text_that_is_one_block_begins_with_its_header() {
    for text in [
        "|\n a",
        " |\na",
        "# c\n>-\n  a\n",
        "--- |\na\n",
        "---\n|2\n   a",
    ] {
        let t = tree(text);
        let root = t.root().unwrap();
        assert!(root.source().starts_with(['|', '>']), "{text:?}: {root:?}");
        assert!(root.source().ends_with('a'), "{text:?}: {root:?}");
    }
}

#[test]
fn a_list_in_a_list_begins_at_its_own_dash() {
    let t = tree("- - a\n  - b\n- ? - c\n  : - - d\n");
    assert_eq!(at(&t, &["0"]).source(), "- a\n  - b");
    let map = at(&t, &["1"]).entries().next().unwrap();
    assert_eq!(map.key.source(), "- c");
    assert_eq!(map.value.source(), "- - d");
    assert_eq!(map.value.items().next().unwrap().source(), "- d");
    let t = tree("a:\n- - x\n- b\n- # why - not\n  - y\nc: &d-\n- - z\n");
    assert_eq!(at(&t, &["a"]).source(), "- - x\n- b\n- # why - not\n  - y");
    assert_eq!(at(&t, &["a", "0"]).source(), "- x");
    assert_eq!(at(&t, &["a", "2"]).source(), "- y");
    assert_eq!(at(&t, &["c"]).source(), "- - z");
    assert_eq!(at(&t, &["c", "0"]).source(), "- z");
}

#[test]
fn a_header_at_the_end_of_a_text_does_not_take_its_comment() {
    for text in [
        "a: >+ # c",
        "a: | # c\n",
        "a: |2 # c\n\n",
        "a: &x !y >- # c ",
    ] {
        let t = tree(text);
        let source = at(&t, &["a"]).source();
        assert!(!source.contains(['#', ' ']), "{text:?}: {source:?}");
        assert_eq!(at(&t, &["a"]).text().map(str::trim), Some(""), "{text:?}");
    }
}

#[test]
fn an_empty_value_has_no_width_and_means_nothing() {
    let t = tree("a:\nb: ~\n");
    assert!(at(&t, &["a"]).span().is_empty());
    assert_eq!(at(&t, &["a"]).scalar(Schema::Yaml11), Some(Scalar::Null));
    assert_eq!(at(&t, &["b"]).source(), "~");
}

#[test]
fn aliases_are_views_with_the_way_they_took() {
    let t = tree("a: &one 1\nb: &two\n  x: *one\nc: *two\n");
    let resolved = at(&t, &["c"]).resolve();
    assert_eq!(resolved.node, Some(at(&t, &["b"])));
    assert_eq!(resolved.via.len(), 1);
    assert_eq!(resolved.via[0].source(), "*two");
    assert_eq!(
        at(&t, &["a"]).anchor().map(|a| t.slice_of(a.span)),
        Some("&one")
    );
}

#[test]
fn merges_that_double_at_each_step_end() {
    let mut text = "x0: &x0 {a: 0}\n".to_owned();
    for i in 1..90 {
        let before = i - 1;
        text.push_str(&format!(
            "x{i}: &x{i}\n  <<: [*x{before}, *x{before}]\n  k{i}: {i}\n"
        ));
    }
    let t = tree(&text);
    let merged = at(&t, &["x89"]).merged(1_000_000);
    assert_eq!(merged.len(), 90);
    assert_eq!(merged[89].entry.key.text(), Some("a"));
    assert_eq!(merged[89].merges.len(), 89);
}

#[test]
fn an_undefined_alias_and_a_circle_end() {
    let t = tree("a: *nowhere\nb: &self\n  c: *self\n");
    assert_eq!(at(&t, &["a"]).resolve().node, None);
    let inner = at(&t, &["b", "c"]).resolve();
    assert_eq!(inner.node, Some(at(&t, &["b"])));
    let t = tree("a: &m\n  <<: *m\n  k: v\n");
    assert_eq!(at(&t, &["a"]).merged(100).len(), 1);
}

#[test]
fn merge_keys_add_what_is_missing_and_say_where_it_comes_from() {
    let t = tree("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 0\n");
    let merged = at(&t, &["z"]).merged(100);
    let seen: Vec<_> = merged
        .iter()
        .map(|m| {
            (
                m.entry.key.text().unwrap(),
                m.entry.value.text().unwrap(),
                m.merges.len(),
            )
        })
        .collect();
    assert_eq!(seen, [("a", "0", 0), ("b", "1", 1), ("c", "2", 1)]);
    assert!(is_merge_key(merged[1].merges[0].key));
}

#[test]
fn a_redefined_anchor_counts_from_there_on() {
    let t = tree("a: &x 1\nb: *x\nc: &x 2\nd: *x\n");
    assert_eq!(at(&t, &["b"]).resolve().node.unwrap().text(), Some("1"));
    assert_eq!(at(&t, &["d"]).resolve().node.unwrap().text(), Some("2"));
}

#[test]
fn a_syntax_error_keeps_what_was_read_before_it() {
    let parsed = parse("jobs:\n  a: 1\n  b: x: y\n");
    let error = parsed.error.unwrap();
    assert_eq!(error.message, "mapping values are not allowed here");
    assert_eq!(error.span, Span::new(19, 20));
    assert!(error.hint.is_some());
    assert_eq!(at(&parsed.tree, &["jobs", "a"]).text(), Some("1"));
}

#[test]
fn an_open_bracket_is_shown_where_it_was_opened() {
    let error = parse("a: [1, 2\nb: 3\n").error.unwrap();
    assert_eq!(error.opened, Some(Span::new(3, 4)));
}

#[test]
fn a_second_document_is_noticed_and_not_read() {
    let t = tree("a: 1\n---\nb: 2\n");
    assert_eq!(t.extra_document(), Some(Span::new(5, 8)));
    assert!(t.root().unwrap().get("b").is_none());
}

#[test]
fn texts_without_data_have_no_root() {
    for text in ["", "# only a comment\n", "\u{feff}"] {
        assert!(tree(text).root().is_none(), "{text:?}");
    }
}

#[test]
fn hostile_texts_are_refused_or_read_in_their_own_size() {
    let limits = Limits {
        bytes: 100_000_000,
        ..Limits::default()
    };
    for text in [
        "[".repeat(200_000),
        "- ".repeat(50_000),
        "{a: ".repeat(100_000),
    ] {
        assert!(parse_with(text, &limits).error.is_some());
    }
    let mut deep = String::new();
    for i in 0..10_000 {
        deep.push_str(&" ".repeat(i));
        deep.push_str("a:\n");
    }
    assert!(parse_with(deep, &limits).error.is_some());
    // Twelve levels of nine aliases each: 282 thousand million nodes if expanded.
    let mut laughs = "l0: &l0 ha\n".to_owned();
    for i in 1..13 {
        let prev = format!("*l{}", i - 1);
        laughs.push_str(&format!("l{i}: &l{i} [{}]\n", vec![prev; 9].join(", ")));
    }
    assert!(tree(&laughs).len() < 200);
    let few = Limits {
        nodes: 3,
        ..Limits::default()
    };
    assert!(
        parse_with("[a, b, c, d]", &few)
            .error
            .unwrap()
            .message
            .contains("more than 3 values")
    );
    let small = Limits {
        bytes: 10,
        ..Limits::default()
    };
    assert!(
        parse_with("a: 123456789", &small)
            .error
            .unwrap()
            .message
            .contains("12 bytes")
    );
}

#[test]
fn a_long_run_of_comments_is_no_attack() {
    let text = format!("a:\n{}  - 1\n", "  # line\n".repeat(5_000));
    assert_eq!(tree(&text).comments().len(), 5_000);
}

#[test]
fn scalars_keep_their_style_and_say_what_they_mean() {
    let t = tree("[a, 'it''s', \"t\\tx\", true]");
    let root = t.root().unwrap();
    let seen: Vec<_> = root
        .items()
        .map(|n| (n.style().unwrap(), n.text().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [
            (ScalarStyle::Plain, "a"),
            (ScalarStyle::SingleQuoted, "it's"),
            (ScalarStyle::DoubleQuoted, "t\tx"),
            (ScalarStyle::Plain, "true"),
        ]
    );
}

/// The first place at which two values differ.
fn difference(a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Mapping(a), Value::Mapping(b)) if a.len() == b.len() => {
            a.iter().find_map(|(k, v)| {
                let key = k.as_str().unwrap_or("?");
                match b.get(k) {
                    Some(w) => difference(v, w).map(|rest| format!("{key}.{rest}")),
                    None => Some(format!("{key} is missing there")),
                }
            })
        }
        (Value::Sequence(a), Value::Sequence(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (v, w))| difference(v, w).map(|rest| format!("{i}.{rest}"))),
        _ => (a != b).then(|| {
            format!(" {a:?} here, {b:?} there")
                .chars()
                .take(400)
                .collect()
        }),
    }
}

/// Laws that hold for every tree: children inside parents, in order, spans on characters.
fn check_laws(t: &Tree) {
    for node in t.nodes() {
        let span = node.span();
        assert!(
            t.text().get(span.range()).is_some(),
            "{node:?} does not fit the text"
        );
        let mut last = span.start;
        let children: Vec<Node<'_>> = match node.shape() {
            Shape::Sequence(items) => items.collect(),
            Shape::Mapping(entries) => entries.flat_map(|e| [e.key, e.value]).collect(),
            _ => Vec::new(),
        };
        for child in children {
            let c = child.span();
            assert!(
                c.start >= last && c.end <= span.end,
                "{child:?} lies outside {node:?}"
            );
            last = c.end;
        }
        if let Some(block) = node.block() {
            assert!(span.contains(block.content) || block.content.is_empty());
        }
    }
}

/// What the second reader refuses, and why: it takes no second `<<` in one map, and stops at 128
/// levels of aliases. Both are fine for the service.
const UNREAD: [(&str, &str); 8] = [
    ("ethereum__solidity.yml", "duplicate entry with key \"<<\""),
    (
        "ethereum__solidity__2019-66b254.yml",
        "recursion limit exceeded",
    ),
    (
        "ethereum__solidity__2023-8a2361.yml",
        "duplicate entry with key \"<<\"",
    ),
    (
        "ovotech__circleci-orbs__gcp-rotate-keys.yml",
        "duplicate entry with key \"<<\"",
    ),
    (
        "ovotech__circleci-orbs__jaws-journey-deploy.yml",
        "duplicate entry with key \"<<\"",
    ),
    (
        "ovotech__circleci-orbs__terraform-v2.yml",
        "duplicate entry with key \"<<\"",
    ),
    (
        "ovotech__circleci-orbs__terraform.yml",
        "duplicate entry with key \"<<\"",
    ),
    (
        "wordpress-mobile__circleci-orbs__ios.yml",
        "duplicate entry with key \"<<\"",
    ),
];

#[test]
fn real_configs_read_as_the_second_reader_reads_them() {
    let Some(shared) = common::shared("real_configs_read_as_the_second_reader_reads_them") else {
        return;
    };
    let mut unread = Vec::new();
    let mut compared = 0;
    for folder in ["configs", "history", "orbs"] {
        for file in common::yaml_files(&shared.join("corpus").join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let parsed = parse(text.as_str());
            check_laws(&parsed.tree);
            if let Some(error) = &parsed.error {
                panic!("{}: {error} at {:?}", file.display(), error.span);
            }
            let theirs = serde_yaml::from_str::<Value>(&text).and_then(|mut v| {
                // One call leaves the merge keys that a merged map brings along.
                loop {
                    let before = v.clone();
                    v.apply_merge()?;
                    if v == before {
                        return Ok(v);
                    }
                }
            });
            match theirs {
                Ok(theirs) => {
                    let ours = value(parsed.tree.root().unwrap());
                    if let Some(path) = difference(&ours, &theirs) {
                        panic!("{}: {path}", file.display());
                    }
                    compared += 1;
                }
                Err(e) => {
                    let name = file.file_name().unwrap().to_string_lossy().into_owned();
                    let known = UNREAD
                        .iter()
                        .any(|(n, why)| *n == name && e.to_string().contains(why));
                    assert!(known, "{name} is not read by the second reader: {e}");
                    unread.push(name);
                }
            }
        }
    }
    assert_eq!(unread.len(), UNREAD.len(), "{unread:?}");
    assert_eq!(compared + unread.len(), 317);
}

proptest::proptest! {
    /// Whatever bytes come in, a tree comes out, and its spans hold.
    #[test]
    fn no_text_breaks_the_laws(text in "([a-c:#&*|>'\"{}\\[\\], \n\t-]|<<|!!|é){0,60}") {
        check_laws(&parse(text.as_str()).tree);
    }
}

/// Every word of every scalar of the real configs stands where the map of its text says.
#[test]
fn each_word_of_a_real_config_is_found_in_its_source() {
    let Some(shared) = common::shared("each_word_of_a_real_config_is_found_in_its_source") else {
        return;
    };
    let mut words = 0;
    for folder in ["configs", "history", "orbs"] {
        for file in common::yaml_files(&shared.join("corpus").join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let parsed = parse(text.as_str());
            for node in parsed.tree.nodes() {
                let (Some(value), Some(map)) = (node.text(), TextMap::of(node)) else {
                    continue;
                };
                // What is escaped is written otherwise; it is looked at by the map's own tests.
                let written = node.source();
                if written.starts_with('"') && written.contains('\\') {
                    continue;
                }
                let mut from = 0;
                for word in value.split_whitespace() {
                    let start = from + value[from..].find(word).unwrap();
                    from = start + word.len();
                    let span = map.span(start..from);
                    let source = text[span.range()].replace("''", "'");
                    assert_eq!(
                        source,
                        word.replace("''", "'"),
                        "{}: {written}",
                        file.display()
                    );
                    words += 1;
                }
            }
        }
    }
    assert!(words > 100_000, "{words}");
}
