//! The rules of circleci-semantics §5.8 and §4.8, one statement each.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::read::Reader;
use super::*;
use crate::yaml::SourceId;

fn with(text: &str, place: Place, check: impl FnOnce(Truth, Vec<Problem>)) {
    let parsed = crate::yaml::parse(text);
    assert!(parsed.error.is_none(), "{text}");
    let value = Reader::new(&parsed.tree, SourceId::default())
        .read()
        .unwrap()
        .unwrap_or_else(|| Value::null(Location::default()));
    let lookup = |name: &str| {
        Lookup::Value(match name {
            "pipeline.git.branch" => Scalar::Str("main".into()),
            "pipeline.git.tag" => Scalar::Str(String::new()),
            "parameters.yes" => Scalar::Bool(true),
            "parameters.no" => Scalar::Bool(false),
            "parameters.n" => Scalar::Int(3),
            "parameters.null" => Scalar::Null,
            "parameters.open" => return Lookup::Unknown,
            _ => return Lookup::Missing,
        })
    };
    let mut problems = Vec::new();
    let truth = condition(&value, place, &lookup, &mut problems);
    check(truth, problems);
}

/// Judges without a problem.
fn judge(text: &str, place: Place) -> Truth {
    let mut out = Truth::Unknown;
    with(text, place, |truth, problems| {
        assert_eq!(problems, [], "{text}");
        out = truth;
    });
    out
}

fn holds(text: &str, expected: Truth) {
    for place in [Place::Step, Place::Workflow] {
        assert_eq!(judge(text, place), expected, "{place:?}: {text}");
    }
}

/// Judges with exactly one problem, and returns its rule.
fn reported(text: &str, place: Place) -> (Truth, &'static str, Option<String>) {
    let mut out = None;
    with(text, place, |truth, problems| match problems.as_slice() {
        [one] => out = Some((truth, one.rule, one.help.clone())),
        other => panic!("{text}: {other:?}"),
    });
    out.unwrap()
}

#[test]
fn literals_are_false_true_or_empty() {
    for falsy in [
        "false", "null", "~", "0", "0.0", ".nan", "\"\"", "{}", "no", "off",
    ] {
        holds(falsy, Truth::False);
    }
    for truthy in ["true", "1", "-1", "0.5", "yes", "on"] {
        holds(truthy, Truth::True);
    }
    assert_eq!(judge("\"false\"", Place::Step), Truth::True);
    assert_eq!(judge("some text", Place::Step), Truth::True);
}

#[test]
fn and_or_and_not_nest() {
    for (text, truth) in [
        ("and: [true, 1]", Truth::True),
        ("and: [true, 0]", Truth::False),
        ("or: [false, \"\"]", Truth::False),
        ("or: [false, {not: false}]", Truth::True),
        ("not: {and: [true, {or: [false, null]}]}", Truth::True),
        ("not: true", Truth::False),
        ("not: null", Truth::True),
        ("not: << parameters.null >>", Truth::True),
    ] {
        holds(text, truth);
    }
}

#[test]
fn a_statement_without_an_argument_is_false() {
    for operator in OPERATORS {
        holds(&format!("{operator}:"), Truth::False);
        holds(&format!("{{{operator}: }}"), Truth::False);
    }
}

#[test]
fn an_empty_list_is_an_error() {
    for operator in ["and", "or", "equal"] {
        let (truth, rule, _) = reported(&format!("{operator}: []"), Place::Step);
        assert_eq!((truth, rule), (Truth::False, INVALID));
    }
}

#[test]
fn equal_knows_types() {
    for (text, truth) in [
        ("equal: [main, << pipeline.git.branch >>]", Truth::True),
        ("equal: [dev, << pipeline.git.branch >>]", Truth::False),
        ("equal: [1, 1, 1]", Truth::True),
        ("equal: [1, 1, 2]", Truth::False),
        ("equal: [1, \"1\"]", Truth::False),
        ("equal: [true, \"true\"]", Truth::False),
        ("equal: [3, << parameters.n >>]", Truth::True),
        ("equal: [\"3\", \"<< parameters.n >>\"]", Truth::False),
        ("equal: [v3, \"v<< parameters.n >>\"]", Truth::True),
        ("equal: [x]", Truth::True),
        ("equal: [\"\", << pipeline.git.tag >>]", Truth::True),
        ("equal: [a, << parameters.open >>]", Truth::Unknown),
        ("equal: [a, b, << parameters.open >>]", Truth::False),
        ("equal: [<< parameters.open >>, a, b]", Truth::False),
    ] {
        holds(text, truth);
    }
}

#[test]
fn matches_is_about_the_whole_text() {
    for (text, truth) in [
        (
            "matches: {pattern: ma.*, value: << pipeline.git.branch >>}",
            Truth::True,
        ),
        (
            "matches: {pattern: ma, value: << pipeline.git.branch >>}",
            Truth::False,
        ),
        (
            "matches: {pattern: \"\\\\d\", value: << parameters.n >>}",
            Truth::True,
        ),
        (
            "matches: {pattern: a, value: << parameters.open >>}",
            Truth::Unknown,
        ),
        (
            "matches: {pattern: << parameters.open >>, value: a}",
            Truth::Unknown,
        ),
    ] {
        holds(text, truth);
    }
    for (text, rule) in [
        ("matches: {pattern: \"(?!main).*\", value: a}", REGEX),
        ("matches: {pattern: \"(\", value: a}", REGEX),
        ("matches: {value: a}", INVALID),
        ("matches: {pattern: a}", INVALID),
        ("matches: [a, b]", INVALID),
        ("matches: {pattern: a, value: [b]}", INVALID),
    ] {
        let (truth, found, _) = reported(text, Place::Step);
        assert_eq!((truth, found), (Truth::Unknown, rule), "{text}");
    }
    let extra = reported("matches: {pattern: a, value: a, flags: i}", Place::Step);
    assert_eq!((extra.0, extra.1), (Truth::True, INVALID));
}

#[test]
fn what_is_open_stays_open_unless_the_rest_decides() {
    for (text, truth) in [
        ("<< parameters.open >>", Truth::Unknown),
        ("not: << parameters.open >>", Truth::Unknown),
        ("and: [<< parameters.open >>, true]", Truth::Unknown),
        ("and: [<< parameters.open >>, false]", Truth::False),
        ("or: [<< parameters.open >>, true]", Truth::True),
        ("or: [<< parameters.open >>, false]", Truth::Unknown),
        ("and: << parameters.open >>", Truth::Unknown),
        ("{<< parameters.open >>: [a]}", Truth::Unknown),
    ] {
        holds(text, truth);
    }
}

#[test]
fn another_operator_always_holds_and_is_reported() {
    for (text, meant) in [
        ("equals: [a, b]", Some("equal")),
        ("eq: [a, b]", Some("equal")),
        ("match: {pattern: a, value: b}", Some("matches")),
        ("AND: [false]", Some("and")),
        ("any: [false]", Some("or")),
        ("nto: true", Some("not")),
        ("frobnicate: true", None),
    ] {
        let (truth, rule, help) = reported(text, Place::Step);
        assert_eq!((truth, rule), (Truth::True, UNKNOWN_OPERATOR), "{text}");
        assert_eq!(
            help,
            meant.map(|m| format!("did you mean `{m}`?")),
            "{text}"
        );
    }
    let (_, _, help) = reported("condition: true", Place::Workflow);
    assert!(help.is_some_and(|h| h.contains("leave the key out")));
}

#[test]
fn a_list_or_two_operators_are_no_condition() {
    for text in ["[true]", "{and: [true], or: [true]}", "and: true"] {
        let (truth, rule, _) = reported(text, Place::Step);
        assert_eq!((truth, rule), (Truth::Unknown, INVALID), "{text}");
    }
}

#[test]
fn a_workflow_takes_a_bare_expression() {
    for (text, truth) in [
        ("pipeline.git.branch == \"main\"", Truth::True),
        ("not parameters.yes", Truth::False),
        ("parameters.open and parameters.no", Truth::False),
        ("parameters.open or parameters.no", Truth::Unknown),
        ("\"pipeline.git.tag\"", Truth::False),
        ("\"  \"", Truth::True),
    ] {
        assert_eq!(judge(text, Place::Workflow), truth, "{text}");
    }
    for (text, rule) in [
        ("pipeline.git.branch = \"main\"", EXPRESSION),
        ("pipeline.git.branch > 3", EXPRESSION),
        ("pipeline.git.branch matches /(?=a)/", REGEX),
        ("parameters.nope", "undefined-parameter"),
        (
            "pipeline.git.brnach == \"main\"",
            "undefined-pipeline-value",
        ),
    ] {
        let (truth, found, _) = reported(text, Place::Workflow);
        assert_eq!((truth, found), (Truth::Unknown, rule), "{text}");
    }
    let (_, _, help) = reported("pipeline.git.brnach == \"main\"", Place::Workflow);
    assert_eq!(help.as_deref(), Some("did you mean `pipeline.git.branch`?"));
}

#[test]
fn one_template_around_the_whole_text_is_an_expression_too() {
    holds("<< pipeline.git.branch == \"main\" >>", Truth::True);
    holds("<<parameters.no>>", Truth::False);
    holds("<< parameters.n >>", Truth::True);
}

#[test]
fn text_around_a_template_always_holds_and_is_reported() {
    for text in [
        "<< parameters.no >> == \"main\"",
        "pipeline.git.branch == \"x\" and << parameters.no >>",
        "<< parameters.no >> << parameters.no >>",
    ] {
        for place in [Place::Workflow, Place::Step] {
            let (truth, rule, _) = reported(text, place);
            assert_eq!((truth, rule), (Truth::True, MIXED), "{text}");
        }
    }
}

#[test]
fn a_step_takes_no_bare_expression() {
    for text in [
        "pipeline.git.branch == \"x\"",
        "parameters.no",
        "not: matrix.a",
    ] {
        let (_, rule, _) = reported(text, Place::Step);
        assert_eq!(rule, MIXED, "{text}");
    }
    let nested = reported("and: [\"parameters.no == true\"]", Place::Workflow);
    assert_eq!((nested.0, nested.1), (Truth::True, MIXED));
}

#[test]
fn a_hundred_levels_are_read_and_no_more() {
    let nested = |levels: usize| format!("{}true{}", "{not: ".repeat(levels), "}".repeat(levels));
    holds(&nested(100), Truth::True);
    let (truth, rule, _) = reported(&nested(101), Place::Step);
    assert_eq!((truth, rule), (Truth::Unknown, INVALID));
}

#[test]
fn aliases_cannot_make_it_long() {
    let mut text = "or:\n  - equal: [1, 1, &a0 {and: [true]}]\n".to_owned();
    for i in 1..60 {
        text += &format!("  - &a{i} {{and: [*a{0}, *a{0}]}}\n", i - 1);
    }
    let start = Instant::now();
    with(&text, Place::Step, |_, problems| {
        assert_eq!(problems.len(), 1);
    });
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_megabyte_of_text_ends_quickly() {
    let start = Instant::now();
    let long = "a".repeat(1 << 20);
    holds(&format!("equal: [{long}, {long}]"), Truth::True);
    let (_, rule, _) = reported(&long, Place::Workflow);
    assert_eq!(rule, EXPRESSION);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_map_that_is_not_filled_in_is_compared_with_nothing() {
    let text = "equal: [{not: << parameters.open >>}, {not: text}]";
    assert_eq!(judge(text, Place::Step), Truth::Unknown);
}

/// A statement as YAML flow text, with its truth where `o` is open and its truth where it holds.
fn any_statement() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "true",
        "false",
        "0",
        "text",
        "\"\"",
        "<< parameters.open >>",
        "<< parameters.yes >>",
        "<< pipeline.git.tag >>",
        "null",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let items = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner.prop_map(|s| format!("{{not: {s}}}")),
            (prop::sample::select(vec!["and", "or", "equal"]), items)
                .prop_map(|(op, items)| format!("{{{op}: [{}]}}", items.join(", "))),
        ]
    })
}

proptest! {
    /// What is found with a name left open holds for every value of it.
    #[test]
    fn an_open_name_promises_nothing_wrong(
        text in any_statement(),
        given in prop::sample::select(vec!["true", "false", "0", "text", "\"\"", "null"]),
    ) {
        let text = format!("and: [{text}]");
        let open = judge(&text, Place::Step);
        let closed = judge(&text.replace("<< parameters.open >>", given), Place::Step);
        if open != Truth::Unknown {
            prop_assert_eq!(open, closed);
        }
    }

    /// Not is and's and or's mirror.
    #[test]
    fn de_morgan(a in any_statement(), b in any_statement()) {
        let left = judge(&format!("not: {{and: [{a}, {b}]}}"), Place::Step);
        let right = judge(&format!("or: [{{not: {a}}}, {{not: {b}}}]"), Place::Step);
        prop_assert_eq!(left, right);
    }
}
