//! Laws of templates and expressions, for the fuzz targets, which cannot reach what is private,
//! and for tests of what they found. A broken law panics.

#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a law that does not hold stops whoever asked"
)]

use std::rc::Rc;

use super::expr::{Expr, Kind, Link, Lookup, Outcome, Scalar, Truth, evaluate, parse};
use super::template::{Piece, Scope, pieces};
use super::value::{Data, Entry, Item, Value};
use crate::yaml::{Location, SourceId, Span};

fn here() -> Location {
    Location::new(SourceId(0), Span::new(0, 0))
}

fn string(text: &str) -> Value {
    Value::new(Data::Str(text.into()), here())
}

/// Checks the laws of templates on one text.
///
/// The pieces join to the text again; an escaped text has no reference; known names leave nothing
/// to report; and a second application changes nothing where the first left no `<<`.
pub fn templates(text: &str) {
    if let Ok(pieces) = pieces(text) {
        joins(text, &pieces);
    }
    let escaped = text.replace("<<", "\\<<");
    assert_eq!(
        pieces(&escaped),
        Ok(vec![Piece::Text(text.to_owned())]),
        "an escaped text stands for itself"
    );
    let scope = scope();
    let value = string(text);
    let mut problems = Vec::new();
    let once = scope.apply(&value, &mut problems);
    match pieces(text) {
        Err(_) => assert!(!problems.is_empty(), "an open `<<` is reported"),
        Ok(pieces) => {
            if let Some(expected) = replaced(&scope, &pieces) {
                assert_eq!(
                    once.as_text(),
                    Some(expected),
                    "known names are put in place"
                );
                assert!(problems.is_empty(), "{problems:?}");
            }
        }
    }
    if !once.is_templated() {
        let again = scope.apply(&once, &mut Vec::new());
        assert_eq!(format!("{once:?}"), format!("{again:?}"));
    }
    // The same text as a key, and deep inside.
    let entry = Entry {
        key: text.into(),
        key_at: here(),
        value: Value::new(
            Data::List(vec![Item {
                value,
                through: None,
            }]),
            here(),
        ),
        through: None,
    };
    let map = Value::new(Data::Map(vec![entry]), here());
    let inside = scope.apply(&map, &mut Vec::new());
    let found = inside.entries().first().map(|e| e.value.items());
    let found = found
        .and_then(|items| items.first())
        .expect("the map keeps its shape");
    assert_eq!(format!("{:?}", found.value), format!("{once:?}"));
}

/// Walks the text beside its pieces: nothing is lost and nothing is new.
fn joins(text: &str, pieces: &[Piece<'_>]) {
    let mut rest = text;
    for piece in pieces {
        match piece {
            Piece::Text(plain) => {
                let mut plain = plain.as_str();
                while let Some(c) = plain.chars().next() {
                    let len = if rest.starts_with("\\<<") && plain.starts_with("<<") {
                        rest = &rest[1..];
                        2
                    } else {
                        c.len_utf8()
                    };
                    assert_eq!(rest.get(..len), plain.get(..len), "of {text:?}");
                    rest = &rest[len..];
                    plain = &plain[len..];
                }
            }
            Piece::Reference(name) => {
                let inner = rest
                    .strip_prefix("<<")
                    .expect("a reference begins with `<<`");
                let end = inner.find(">>").expect("a reference ends with `>>`");
                assert_eq!(inner[..end].trim(), *name, "of {text:?}");
                rest = &inner[end + 2..];
            }
        }
    }
    assert_eq!(rest, "", "the pieces of {text:?} end before it");
}

fn scope() -> Scope {
    let named = |name: &str, data: Data| (Rc::from(name), Value::new(data, here()));
    Scope {
        parameters: vec![
            named("s", Data::Str("text".into())),
            named("angles", Data::Str("a << b >> \\<< c".into())),
            named("e", Data::Str("".into())),
            named("n", Data::Int(-3)),
            named("b", Data::Bool(true)),
            named("f", Data::Float(1.5)),
            named("l", Data::List(Vec::new())),
            named("m", Data::Map(Vec::new())),
        ],
        matrix: vec![named("x", Data::Str("arm".into()))],
        pipeline: Rc::new(vec![named("p", Data::Str("given".into()))]),
        ..Scope::default()
    }
}

/// The text with scalars in the place of plain names; none where there is anything else.
fn replaced(scope: &Scope, pieces: &[Piece<'_>]) -> Option<String> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(plain) => out.push_str(plain),
            Piece::Reference(name) => {
                let (list, key) = if let Some(key) = name.strip_prefix("parameters.") {
                    (&scope.parameters, key)
                } else if let Some(key) = name.strip_prefix("pipeline.parameters.") {
                    (&*scope.pipeline, key)
                } else {
                    (&scope.matrix, name.strip_prefix("matrix.")?)
                };
                let (_, value) = list.iter().find(|(n, _)| **n == *key)?;
                out.push_str(&value.as_text()?);
            }
        }
    }
    Some(out)
}

/// Checks the laws of expressions on one text; `seed` chooses the values of its names.
///
/// What is read can be written and read again; parts lie within their whole; what is said without
/// knowing every name stays true once they are known; and with all names known nothing is open.
pub fn expressions(text: &str, seed: u8) {
    let expr = match parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(text.get(error.span.range()).is_some(), "{error:?}");
            let _ = (error.kind.to_string(), error.kind.hint());
            return;
        }
    };
    nested(&expr, text);
    let written = expr.to_string();
    match parse(&written) {
        Ok(again) => assert_eq!(again, expr, "{text:?} was written as {written:?}"),
        // Written words may be longer than the signs that they were read from.
        Err(error) => assert!(written.len() > text.len(), "{written:?}: {error:?}"),
    }
    let known = evaluate(&expr, &|name| Lookup::Value(given(name, seed)));
    if known.errors.is_empty() {
        assert!(
            matches!(known.outcome, Outcome::Known(_)),
            "{text:?}: {known:?}"
        );
    }
    let hidden = evaluate(&expr, &|name| {
        if hash(name, seed) & 0x100 == 0 {
            Lookup::Unknown
        } else {
            Lookup::Value(given(name, seed))
        }
    });
    // A part that is not reached once all is known may be wrong: then the two differ.
    if known.errors.is_empty() && hidden.errors.is_empty() {
        if hidden.truth() != Truth::Unknown {
            assert_eq!(hidden.truth(), known.truth(), "{text:?}");
        }
        if let Outcome::Known(value) = &hidden.outcome {
            assert_eq!(Outcome::Known(value.clone()), known.outcome, "{text:?}");
        }
    }
    let missing = evaluate(&expr, &|_| Lookup::Missing);
    for error in known.errors.iter().chain(&missing.errors) {
        assert!(text.get(error.span.range()).is_some(), "{error:?}");
    }
}

fn nested(expr: &Expr, text: &str) {
    assert!(text.get(expr.span.range()).is_some(), "{expr:?}");
    let inside = |part: &Expr| {
        assert!(expr.span.contains(part.span), "{part:?} of {expr:?}");
        nested(part, text);
    };
    match &expr.kind {
        Kind::Literal(_) | Kind::Name(_) => {}
        Kind::Not(inner) => inside(inner),
        Kind::Chain(first, links) => {
            inside(first);
            assert!(!links.is_empty());
            for link in links {
                match link {
                    Link::Binary(_, right) => inside(right),
                    Link::Matches(pattern) => assert!(expr.span.contains(pattern.span())),
                }
            }
        }
    }
}

fn hash(name: &str, seed: u8) -> u32 {
    name.bytes().fold(0x811c_9dc5 ^ u32::from(seed), |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}

/// The value that a name has under a seed.
fn given(name: &str, seed: u8) -> Scalar {
    match hash(name, seed) % 7 {
        0 => Scalar::Null,
        1 => Scalar::Bool(hash(name, seed) & 0x1000 == 0),
        2 => Scalar::Int(i64::from(hash(name, seed) >> 8) - 100),
        3 => Scalar::Float(2.5),
        4 => Scalar::Str(String::new()),
        5 => Scalar::Str(name.to_owned()),
        _ => Scalar::Str("main".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{expressions, templates};

    #[test]
    fn templates_keep_their_laws_on_hard_texts() {
        for text in [
            "",
            "<<",
            "\\<<",
            "\\\\<<",
            "<\\<<",
            "<<<",
            "\\<<<",
            "<<<<x>>>>",
            "<< >>",
            "<<>>",
            "<< parameters.s >>-<<parameters.n>>",
            "\\<<<< parameters.angles >>",
            "<<é>>",
            "<< parameters.l >>",
            "a << parameters.m >> b",
            "<< not parameters.b >>",
        ] {
            templates(text);
        }
    }

    #[test]
    fn expressions_keep_their_laws_on_hard_texts() {
        for text in [
            "",
            "a",
            "not not a",
            "!(a or b)",
            "a or b and c == d starts-with \"x\" >= 1",
            "(a == b) == (c == d)",
            "a matches /x\\/y/ and b",
            "\"\\\"\\\\\" == a",
            "-1 < 0",
            "a starts-with b",
            "(((a)))",
            "a or true",
            "false and a",
        ] {
            for seed in 0..=255 {
                expressions(text, seed);
            }
        }
    }
}
