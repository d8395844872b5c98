//! The rules of circleci-semantics §5.9, one statement each, and the laws behind them.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::ast::{Link, Op};
use super::*;
use crate::yaml::Span;

/// `t` and `f` are booleans, `n` is 10, `s` is "main", `e` is "", `z` is nothing, `u…` is not
/// known; everything else does not exist.
fn names_of_the_tests(name: &str) -> Lookup {
    Lookup::Value(match name {
        "t" => Scalar::Bool(true),
        "f" => Scalar::Bool(false),
        "n" => Scalar::Int(10),
        "x.y" => Scalar::Float(1.5),
        "s" | "pipeline.git.branch" => Scalar::Str("main".into()),
        "e" => Scalar::Str(String::new()),
        "z" => Scalar::Null,
        "u" | "u2" => return Lookup::Unknown,
        _ => return Lookup::Missing,
    })
}

fn tree(text: &str) -> Expr {
    parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn run(text: &str) -> Evaluation {
    evaluate(&tree(text), &names_of_the_tests)
}

/// Returns an outcome without errors.
fn value(text: &str) -> Outcome {
    let evaluation = run(text);
    assert_eq!(evaluation.errors, [], "{text}");
    evaluation.outcome
}

fn is(text: &str, expected: bool) {
    assert_eq!(
        value(text),
        Outcome::Known(Scalar::Bool(expected)),
        "{text}"
    );
}

fn parse_error(text: &str) -> (ErrorKind, String) {
    match parse(text) {
        Ok(expr) => panic!("{text} was read as {expr}"),
        Err(e) => (e.kind, text[e.span.range()].to_owned()),
    }
}

fn eval_error(text: &str) -> (ErrorKind, String) {
    let evaluation = run(text);
    assert_eq!(evaluation.outcome, Outcome::Unknown, "{text}");
    match evaluation.errors.as_slice() {
        [e] => (e.kind.clone(), text[e.span.range()].to_owned()),
        other => panic!("{text}: {other:?}"),
    }
}

/// Writes a tree with all its parentheses.
fn shape(expr: &Expr) -> String {
    match &expr.kind {
        Kind::Not(inner) => format!("[not {}]", shape(inner)),
        Kind::Chain(first, links) => links.iter().fold(shape(first), |left, link| match link {
            Link::Binary(op, right) => format!("[{left} {} {}]", op.as_str(), shape(right)),
            Link::Matches(p) => format!("[{left} matches {}]", p.source()),
        }),
        _ => expr.to_string(),
    }
}

#[test]
fn operators_bind_from_or_to_not() {
    for (text, expected) in [
        ("a or b and c", "[a or [b and c]]"),
        ("a and b or c", "[[a and b] or c]"),
        ("a and b == c", "[a and [b == c]]"),
        ("a == b starts-with c", "[a == [b starts-with c]]"),
        ("a != b matches /c/ and d", "[[a != [b matches c]] and d]"),
        ("a starts-with b > c", "[a starts-with [b > c]]"),
        ("a > not b", "[a > [not b]]"),
        ("not a == b", "[[not a] == b]"),
        ("!a and b", "[[not a] and b]"),
        ("not not a", "[not [not a]]"),
        ("not (a and b)", "[not [a and b]]"),
        ("(a or b) and c", "[[a or b] and c]"),
    ] {
        assert_eq!(shape(&tree(text)), expected, "{text}");
    }
}

#[test]
fn operators_of_one_strength_are_read_from_the_left() {
    for (text, expected) in [
        ("a or b or c", "[[a or b] or c]"),
        ("a == b != c", "[[a == b] != c]"),
        ("a == (b != c)", "[a == [b != c]]"),
        ("a < b >= c", "[[a < b] >= c]"),
        (
            "a starts-with b matches /c/",
            "[[a starts-with b] matches c]",
        ),
    ] {
        assert_eq!(shape(&tree(text)), expected, "{text}");
    }
}

#[test]
fn the_documented_samples_of_negation() {
    is("not t and f", false);
    is("not (t and f)", true);
}

#[test]
fn literals_are_whole_numbers_texts_and_booleans() {
    assert_eq!(value("42"), Outcome::Known(Scalar::Int(42)));
    assert_eq!(value("-7"), Outcome::Known(Scalar::Int(-7)));
    assert_eq!(
        value(r#""a \"b\" \\ c""#),
        Outcome::Known(Scalar::Str(r#"a "b" \ c"#.into()))
    );
    is("true", true);
    is("false", false);
    assert_eq!(
        parse_error("1.5"),
        (ErrorKind::MalformedNumber("1.5".into()), "1.5".into())
    );
    assert_eq!(
        parse_error("99999999999999999999").0,
        ErrorKind::NumberTooLarge("99999999999999999999".into())
    );
    assert_eq!(
        parse_error(r#"s == "a"#),
        (ErrorKind::UnclosedText, "\"a".into())
    );
    assert_eq!(
        parse_error(r#""a\n""#),
        (ErrorKind::UnknownEscape('n'), "\\n".into())
    );
    assert_eq!(parse_error("s matches /a").0, ErrorKind::UnclosedPattern);
}

#[test]
fn names_start_with_a_letter_and_hold_no_two_dots() {
    let expr = tree("pipeline.git.branch == parameters.a-b_2 or matrix.x");
    let found: Vec<_> = names(&expr).iter().map(|n| n.text).collect();
    assert_eq!(
        found,
        ["pipeline.git.branch", "parameters.a-b_2", "matrix.x"]
    );
    assert_eq!(
        parse_error("t or a..b"),
        (ErrorKind::MalformedName("a..b".into()), "a..b".into())
    );
    assert_eq!(parse_error("_a").0, ErrorKind::UnknownCharacter('_'));
}

#[test]
fn names_know_their_bytes() {
    let text = "not  s == (u or s)";
    let expr = tree(text);
    let found: Vec<_> = names(&expr)
        .iter()
        .map(|n| (n.text, n.span.start))
        .collect();
    assert_eq!(found, [("s", 5), ("u", 11), ("s", 16)]);
    assert_eq!(&text[expr.span.range()], text);
}

#[test]
fn values_of_different_types_are_not_equal() {
    is("1 == \"1\"", false);
    is("1 != \"1\"", true);
    is("t == \"true\"", false);
    is("z == f", false);
    is("z == e", false);
    is("s == \"main\"", true);
    is("n == 10", true);
    is("t == t", true);
    is("s != \"dev\"", true);
}

#[test]
fn comparisons_take_numbers() {
    is("n > 9", true);
    is("n >= 10", true);
    is("n < 10", false);
    is("n <= 9", false);
    is("x.y > 1", true);
    let not_number = |operator, found| ErrorKind::NotNumber { operator, found };
    assert_eq!(
        eval_error("n > \"9\""),
        (not_number(">", "text"), "\"9\"".into())
    );
    assert_eq!(
        eval_error("t <= 1"),
        (not_number("<=", "a boolean"), "t".into())
    );
    assert_eq!(eval_error("z < 1").0, not_number("<", "nothing"));
    assert_eq!(eval_error("u > s").0, not_number(">", "text"));
    assert_eq!(run("s > t").errors.len(), 2);
}

#[test]
fn starts_with_and_matches_take_text() {
    is("\"hello world\" starts-with \"hello\"", true);
    is("s starts-with \"dev\"", false);
    is("s matches /ma.*/", true);
    is("s matches /ma/", false);
    is("\"a/b\" matches /a\\/.*/", true);
    let not_text = |operator, found| ErrorKind::NotText { operator, found };
    assert_eq!(
        eval_error("n starts-with \"1\""),
        (not_text("starts-with", "a number"), "n".into())
    );
    assert_eq!(
        eval_error("s starts-with 1"),
        (not_text("starts-with", "a number"), "1".into())
    );
    // Absent text may be asked for its beginning; it is no beginning that could be asked for.
    assert_eq!(
        eval_error("s starts-with z"),
        (not_text("starts-with", "nothing"), "z".into())
    );
    assert_eq!(
        eval_error("t matches /a/").0,
        not_text("matches", "a boolean")
    );
    assert_eq!(
        eval_error("s starts-with \"m\" matches /a/"),
        (
            not_text("matches", "a boolean"),
            "s starts-with \"m\"".into()
        )
    );
}

#[test]
fn an_absent_branch_or_tag_begins_with_nothing() {
    is("z starts-with \"v\"", false);
    is("z matches /.*/", false);
    is("s == \"main\" or z starts-with \"v\"", true);
}

#[test]
fn only_a_pattern_stands_after_matches() {
    assert_eq!(
        parse_error("s matches \"main\""),
        (
            ErrorKind::ExpectedPattern("a text".into()),
            "\"main\"".into()
        )
    );
    assert_eq!(
        parse_error("s matches").0,
        ErrorKind::ExpectedPattern("the end".into())
    );
    assert_eq!(parse_error("s == /a/").0, ErrorKind::UnknownCharacter('/'));
}

#[test]
fn a_refused_pattern_is_an_error_of_its_own_and_unknown() {
    assert_eq!(
        eval_error("s matches /(?!main).*/"),
        (
            ErrorKind::PatternFeature("look-ahead"),
            "/(?!main).*/".into()
        )
    );
    let long = format!("s matches /{}/", "a".repeat(129));
    assert_eq!(eval_error(&long).0, ErrorKind::PatternTooLong(129));
    assert!(matches!(
        eval_error("s matches /(/").0,
        ErrorKind::InvalidPattern(_)
    ));
    // The new compiler refuses the config, whether the pattern is reached or not.
    assert_eq!(run("f and s matches /(?!a)/").errors.len(), 1);
}

#[test]
fn and_and_or_return_an_operand() {
    assert_eq!(value("t and 10 or 1"), Outcome::Known(Scalar::Int(10)));
    assert_eq!(value("f and 10 or 1"), Outcome::Known(Scalar::Int(1)));
    assert_eq!(
        value("z or \"unknown branch\""),
        value("\"unknown branch\"")
    );
    assert_eq!(value("s or f"), value("s"));
    assert_eq!(value("z and t"), Outcome::Known(Scalar::Null));
    is("not z", true);
    is("not 0", false);
}

#[test]
fn and_and_or_stop_where_they_know() {
    is("f and missing", false);
    is("t or missing > 1", true);
    assert_eq!(
        eval_error("t and missing"),
        (ErrorKind::MissingName("missing".into()), "missing".into())
    );
}

#[test]
fn what_is_not_known_stays_open_unless_the_rest_decides() {
    assert_eq!(value("u"), Outcome::Unknown);
    assert_eq!(value("u == 1"), Outcome::Unknown);
    assert_eq!(value("not u"), Outcome::Unknown);
    assert_eq!(value("u > 1"), Outcome::Unknown);
    assert_eq!(value("u starts-with s"), Outcome::Unknown);
    assert_eq!(value("u matches /a/"), Outcome::Unknown);
    assert_eq!(value("u and t"), Outcome::Unknown);
    assert_eq!(value("u or f"), Outcome::Unknown);
    is("f and u", false);
    is("t or u", true);
    for (text, truth) in [
        ("u and f", Truth::False),
        ("u or t", Truth::True),
        ("u and u2 and f", Truth::False),
        ("(u or t) and f", Truth::False),
        ("(u or t) and u", Truth::Unknown),
        ("not (u and f)", Truth::True),
        ("(u or t) == f", Truth::False),
        ("(u or t) == t", Truth::Unknown),
    ] {
        assert_eq!(run(text).truth(), truth, "{text}");
    }
}

#[test]
fn the_empty_text_is_false() {
    assert_eq!(run("e").truth(), Truth::False);
    assert_eq!(value("e or \"x\""), value("\"x\""));
}

#[test]
fn errors_point_at_what_is_wrong() {
    for (text, kind, at) in [
        ("", ErrorKind::Empty, ""),
        ("  \n", ErrorKind::Empty, ""),
        ("(t", ErrorKind::UnclosedParenthesis, "("),
        ("t)", ErrorKind::UnopenedParenthesis, ")"),
        ("t == ", ErrorKind::ExpectedOperand("the end".into()), ""),
        ("== t", ErrorKind::ExpectedOperand("`==`".into()), "=="),
        ("()", ErrorKind::ExpectedOperand("`)`".into()), ")"),
        ("t f", ErrorKind::ExpectedOperator("`f`".into()), "f"),
        ("(t f)", ErrorKind::ExpectedOperator("`f`".into()), "f"),
        (
            "t AND f",
            ErrorKind::ExpectedOperator("`AND`".into()),
            "AND",
        ),
        ("s == 'main'", ErrorKind::UnknownCharacter('\''), "'"),
        ("s = t", ErrorKind::UnknownCharacter('='), "="),
        ("s && t", ErrorKind::UnknownCharacter('&'), "&"),
        ("é", ErrorKind::UnknownCharacter('é'), "é"),
        ("<< t >>", ErrorKind::ExpectedOperand("`<`".into()), "<"),
    ] {
        assert_eq!(parse_error(text), (kind, at.to_owned()), "{text}");
    }
}

#[test]
fn common_slips_have_a_hint() {
    for (text, hint) in [
        ("s == 'main'", "write texts between double quotes: \"main\""),
        ("t AND f", "write `and`"),
        ("t && f", "write `and`"),
        ("t || f", "write `or`"),
        ("s startsWith \"a\"", "write `starts-with`"),
        (
            "s = \"a\"",
            "write `==` to compare, `matches /…/` for a pattern",
        ),
        (
            "$CIRCLE_BRANCH",
            "environment variables have no value yet when a config is compiled",
        ),
        (
            "<< t >>",
            "a bare expression takes no `<< >>`: write the name alone",
        ),
    ] {
        assert_eq!(parse_error(text).0.hint(), Some(hint), "{text}");
    }
}

#[test]
fn a_tree_is_written_with_the_parentheses_it_needs() {
    for (text, expected) in [
        ("((a) or ((b)))", "a or b"),
        ("(a and b) or c", "a and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("(a == b) == c", "a == b == c"),
        ("a == (b == c)", "a == (b == c)"),
        ("!(a)", "not a"),
        ("!(a or b)", "not (a or b)"),
        ("(not a) == b", "not a == b"),
        ("not (a == b)", "not (a == b)"),
        ("a matches /x\\/y/", "a matches /x\\/y/"),
        (r#""\"\\""#, r#""\"\\""#),
    ] {
        assert_eq!(tree(text).to_string(), expected, "{text}");
    }
}

#[test]
fn hostile_texts_end_quickly() {
    let start = Instant::now();
    let many = 10_000;
    for (text, kind) in [
        ("(".repeat(many), ErrorKind::TooDeep(100)),
        (
            "(".repeat(many / 2) + "t" + &")".repeat(many / 2),
            ErrorKind::TooDeep(100),
        ),
        ("!".repeat(many) + "t", ErrorKind::TooDeep(100)),
        ("not ".repeat(4_000) + "t", ErrorKind::TooDeep(100)),
        (
            "\"".to_owned() + &"a".repeat(1 << 20),
            ErrorKind::TooLong(16 * 1024),
        ),
        ("t or ".repeat(1 << 18), ErrorKind::TooLong(16 * 1024)),
        (
            "\"".to_owned() + &"\\\\".repeat(8_000),
            ErrorKind::UnclosedText,
        ),
    ] {
        assert_eq!(parse(&text).unwrap_err().kind, kind);
    }
    let wide = "u or ".repeat(3_000) + "t";
    assert_eq!(run(&wide).truth(), Truth::True);
    let patterns = "s matches /(\\w{99}){99}/ or ".repeat(500) + "t";
    assert_eq!(run(&patterns).errors.len(), 500);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_hundred_levels_are_read() {
    let text = "(".repeat(100) + "t" + &")".repeat(100);
    assert_eq!(run(&text).truth(), Truth::True);
    assert_eq!(tree(&text).to_string(), "t");
}

fn any_tree() -> impl Strategy<Value = Expr> {
    let at = Span::default();
    let leaf = prop_oneof![
        any::<i64>().prop_map(Scalar::Int),
        any::<bool>().prop_map(Scalar::Bool),
        "\\PC{0,6}".prop_map(Scalar::Str),
        "[\"\\\\a\n]{0,4}".prop_map(Scalar::Str),
    ]
    .prop_map(Kind::Literal);
    let names = prop::sample::select(vec![
        "t", "f", "n", "s", "e", "z", "u", "x.y", "nope", "a-b_1",
    ]);
    let name = names.prop_map(|n| Kind::Name(n.to_owned()));
    let start = prop_oneof![leaf, name].prop_map(move |kind| Expr { kind, span: at });
    start.prop_recursive(6, 40, 4, move |inner| {
        let level = |ops: Vec<Op>| {
            let step = (prop::sample::select(ops), inner.clone())
                .prop_map(|(op, right)| Link::Binary(op, right));
            (inner.clone(), prop::collection::vec(step, 1..4)).boxed()
        };
        let matches =
            "(a|[.*+?x]|\\\\/){0,5}".prop_map(move |p| Link::Matches(Pattern::new(p, at)));
        let text = prop_oneof![
            matches,
            inner
                .clone()
                .prop_map(|right| Link::Binary(Op::StartsWith, right)),
        ];
        let chain = prop_oneof![
            level(vec![Op::Or]),
            level(vec![Op::And]),
            level(vec![Op::Equal, Op::NotEqual]),
            level(vec![
                Op::Greater,
                Op::GreaterOrEqual,
                Op::Less,
                Op::LessOrEqual
            ]),
            (inner.clone(), prop::collection::vec(text, 1..4)),
        ]
        .prop_map(move |(first, links)| Expr::chain(first, links, at));
        let not = inner.prop_map(move |e| Expr {
            kind: Kind::Not(Box::new(e)),
            span: at,
        });
        prop_oneof![3 => chain, 1 => not]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(expr in any_tree()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text), Ok(expr), "{}", text);
    }

    #[test]
    fn no_parenthesis_can_be_spared(expr in any_tree()) {
        // Taking one pair away, wherever it stands, changes the tree.
        let text = expr.to_string();
        let quoted = text.contains(['"', '/']);
        prop_assume!(!quoted);
        for (open, _) in text.match_indices('(') {
            let mut depth = 0;
            let close = text[open..].find(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0
            });
            let close = open + close.unwrap_or_default();
            let without = format!("{}{}{}", &text[..open], &text[open + 1..close], &text[close + 1..]);
            prop_assert_ne!(parse(&without), Ok(expr.clone()), "{}", text);
        }
    }

    #[test]
    fn spans_are_the_text_of_their_names(expr in any_tree()) {
        let text = expr.to_string();
        for name in names(&tree(&text)) {
            prop_assert_eq!(&text[name.span.range()], name.text);
        }
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,40}") {
        if let Ok(expr) = parse(&text) {
            let _ = run(&expr.to_string()).truth();
        }
    }

    #[test]
    fn no_words_break_it(words in prop::collection::vec(prop::sample::select(vec![
        "(", ")", "not", "!", "or", "and", "==", "!=", "<", ">=", "starts-with", "matches",
        "/a*/", "/(?=/", "\"m\"", "1", "true", "s", "u", "nope", "e", "z", "\\", "\"", "/",
    ]), 0..16)) {
        let text = words.join(" ");
        match parse(&text) {
            Ok(expr) => {
                let evaluation = evaluate(&expr, &names_of_the_tests);
                for error in &evaluation.errors {
                    prop_assert!(text.get(error.span.range()).is_some());
                }
            }
            Err(error) => prop_assert!(text.get(error.span.range()).is_some()),
        }
    }

    /// What is found with a name left open holds for every value of it that makes no error.
    #[test]
    fn an_open_name_promises_nothing_wrong(expr in any_tree(), pick in 0_usize..6) {
        let values = [
            Scalar::Bool(true), Scalar::Bool(false), Scalar::Null, Scalar::Int(10),
            Scalar::Str("main".into()), Scalar::Str(String::new()),
        ];
        let open = evaluate(&expr, &names_of_the_tests);
        let closed = evaluate(&expr, &|name| match name {
            "u" => Lookup::Value(values[pick].clone()),
            other => names_of_the_tests(other),
        });
        prop_assume!(closed.errors.is_empty());
        match open.outcome {
            Outcome::Known(value) => prop_assert_eq!(Outcome::Known(value), closed.outcome),
            Outcome::Either(holds) => prop_assert_eq!(Truth::from(holds), closed.truth()),
            Outcome::Unknown => {}
        }
    }
}
