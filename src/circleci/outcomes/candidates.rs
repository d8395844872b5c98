//! Which values of the pipeline make a difference to the conditions of a config: one for every side
//! of every comparison.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::conditions::Formula;
use super::questions::{Asked, Questions};
use super::witness::witness;
use crate::circleci::expr::{Pattern, Scalar, Truth};
use crate::circleci::given::Declared;
use crate::circleci::logic::to_value;
use crate::circleci::pipeline::ValueKind;
use crate::finding::listed;
use crate::yaml::{Location, Span};

/// Most values that are tried for one name.
const MOST: usize = 40;

/// Values that no config is likely to compare with.
const OTHERS: [&str; 4] = ["something-else", "0", "~", "Something Else"];

/// A value that is tried.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    /// The value.
    pub(crate) value: Scalar,
    /// What it is, to be put behind the name: "is true".
    pub(crate) said: String,
    /// Whether nothing in the config says that it is ever used.
    pub(crate) invented: bool,
}

/// What is known of a name: what it may be, and what it is where nobody says otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) declared: Declared,
    /// The default, or what is fabricated.
    pub(crate) default: Option<Scalar>,
    /// Whether the config declares the default itself.
    pub(crate) own: bool,
}

/// Returns the values that are tried for each name that the conditions rest on; the first is what
/// it is where nobody says otherwise. Names that nothing is known of are left out.
pub(crate) fn candidates(
    formulas: &[Formula],
    variable: &dyn Fn(&str) -> Option<Variable>,
) -> BTreeMap<Rc<str>, Vec<Candidate>> {
    let questions = Questions::of(formulas);
    let mut out = BTreeMap::new();
    for (name, asked) in &questions.asked {
        if let Some(variable) = variable(name) {
            let together = questions.together.iter().any(|set| set.contains(name));
            let found = tried(&variable, asked, together);
            if !found.is_empty() {
                out.insert(Rc::clone(name), found);
            }
        }
    }
    out
}

/// Returns the values that are tried for one name: one for each combination of answers.
fn tried(variable: &Variable, asked: &[Asked], together: bool) -> Vec<Candidate> {
    let mut values: Vec<(Scalar, bool)> = Vec::new();
    let mut add = |value: Scalar, invented: bool| {
        if !values.iter().any(|(known, _)| *known == value) {
            values.push((value, invented));
        }
    };
    match (&variable.default, &variable.declared) {
        (Some(default), _) => add(default.clone(), false),
        // What only the service knows is usually none of what it is compared with.
        (None, Declared::Typed(ValueKind::Text)) => add(Scalar::Str(OTHERS[0].to_owned()), true),
        (None, _) => {}
    }
    match &variable.declared {
        Declared::Typed(ValueKind::Boolean) => {
            add(Scalar::Bool(false), false);
            add(Scalar::Bool(true), false);
        }
        Declared::Enum(members) => {
            for member in members {
                add(member.clone(), false);
            }
        }
        Declared::Typed(ValueKind::Integer) => numbers(asked, &mut add),
        Declared::Typed(ValueKind::Text) | Declared::Untyped => texts(asked, &mut add),
    }
    let mut out: Vec<Candidate> = Vec::new();
    let mut answered: Vec<Vec<Truth>> = Vec::new();
    for (value, invented) in values {
        let answers: Vec<Truth> = asked.iter().map(|asked| answer(&value, asked)).collect();
        // Names that are compared with each other differ by more than what is asked of each.
        if !together && answered.contains(&answers) {
            continue;
        }
        if out.len() >= MOST {
            break;
        }
        let is_default = variable.default.as_ref() == Some(&value);
        let said = said(&value, asked, invented || (is_default && !variable.own));
        answered.push(answers);
        out.push(Candidate {
            value,
            said,
            invented,
        });
    }
    out
}

fn texts(asked: &[Asked], add: &mut dyn FnMut(Scalar, bool)) {
    let text = |text: &str| Scalar::Str(text.to_owned());
    for one in asked {
        if let Asked::Equal(value @ Scalar::Str(_)) = one {
            add(value.clone(), false);
        }
    }
    for one in asked {
        match one {
            Asked::Prefix(prefix) => add(Scalar::Str(format!("{prefix}x")), true),
            Asked::Pattern(source) => {
                let pattern = Pattern::new(source.clone(), Span::default());
                let found = pattern.common().and_then(|common| witness(&common));
                if let Some(found) = found
                    && pattern.matches(&found) == Truth::True
                {
                    add(Scalar::Str(found), true);
                }
            }
            Asked::Truth => add(text(""), false),
            Asked::Equal(_) | Asked::Number(_) => {}
        }
    }
    for other in OTHERS {
        add(text(other), true);
    }
    add(text(""), true);
}

fn numbers(asked: &[Asked], add: &mut dyn FnMut(Scalar, bool)) {
    let mut highest = 0_i64;
    for one in asked {
        if let Asked::Equal(Scalar::Int(n)) | Asked::Number(n) = one {
            highest = highest.max(*n);
            add(Scalar::Int(*n), false);
        }
    }
    for one in asked {
        match one {
            Asked::Number(n) => {
                add(Scalar::Int(n.saturating_sub(1)), true);
                add(Scalar::Int(n.saturating_add(1)), true);
            }
            Asked::Truth => add(Scalar::Int(0), false),
            _ => {}
        }
    }
    add(Scalar::Int(highest.saturating_add(1)), true);
}

/// Answers a question for a value.
fn answer(value: &Scalar, asked: &Asked) -> Truth {
    match asked {
        // Expressions and logic statements differ in what 0 counts as: both have to be the same.
        Asked::Truth => match value {
            Scalar::Int(0) => Truth::Unknown,
            other => (!other.is_falsy()).into(),
        },
        Asked::Equal(other) => value.equals(other).into(),
        Asked::Prefix(prefix) => {
            matches!(value, Scalar::Str(text) if text.starts_with(prefix)).into()
        }
        Asked::Pattern(source) => {
            let pattern = Pattern::new(source.clone(), Span::default());
            let text = to_value(value, Location::default()).as_text();
            pattern.matches(&text.unwrap_or_default())
        }
        Asked::Number(n) => match value.compare(&Scalar::Int(*n)) {
            Some(std::cmp::Ordering::Less) => Truth::False,
            Some(std::cmp::Ordering::Greater) => Truth::True,
            _ => Truth::Unknown,
        },
    }
}

/// Words what a value is; one that stands for many others is told by what it is not.
fn said(value: &Scalar, asked: &[Asked], for_others: bool) -> String {
    let text = |scalar: &Scalar| {
        to_value(scalar, Location::default())
            .as_text()
            .unwrap_or_default()
    };
    let compared: Vec<String> = asked
        .iter()
        .filter_map(|asked| match asked {
            Asked::Equal(other) => Some(text(other)),
            _ => None,
        })
        .collect();
    let equal = asked
        .iter()
        .any(|asked| matches!(asked, Asked::Equal(other) if value.equals(other)));
    let positive = asked.iter().any(|asked| {
        matches!(asked, Asked::Prefix(_) | Asked::Pattern(_)) && answer(value, asked) == Truth::True
    });
    match value {
        Scalar::Bool(b) => format!("is {b}"),
        _ if for_others && !equal && !positive && !compared.is_empty() => {
            match compared.as_slice() {
                [one] => format!("is not `{one}`"),
                many => format!("is none of {}", listed(many, 4)),
            }
        }
        Scalar::Str(text) if text.is_empty() => "is empty".to_owned(),
        Scalar::Str(_) if for_others && asked == [Asked::Truth] => "is not empty".to_owned(),
        _ if positive && for_others => format!("is `{}`, for one", text(value)),
        other => format!("is `{}`", text(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: ValueKind, default: Option<Scalar>) -> Variable {
        Variable {
            declared: Declared::Typed(kind),
            default,
            own: true,
        }
    }

    fn values(variable: &Variable, asked: &[Asked]) -> Vec<(String, bool)> {
        tried(variable, asked, false)
            .into_iter()
            .map(|c| (c.said, c.invented))
            .collect()
    }

    fn str(text: &str) -> Scalar {
        Scalar::Str(text.into())
    }

    #[test]
    fn a_boolean_is_tried_both_ways_its_default_first() {
        let variable = text(ValueKind::Boolean, Some(Scalar::Bool(true)));
        assert_eq!(
            values(&variable, &[Asked::Truth]),
            [
                ("is true".to_owned(), false),
                ("is false".to_owned(), false)
            ]
        );
    }

    #[test]
    fn a_text_is_tried_as_what_it_is_compared_with_and_as_something_else() {
        let variable = text(ValueKind::Text, Some(str("dev")));
        let asked = [Asked::Equal(str("prod")), Asked::Equal(str("test"))];
        assert_eq!(
            values(&variable, &asked),
            [
                ("is `dev`".to_owned(), false),
                ("is `prod`".to_owned(), false),
                ("is `test`".to_owned(), false),
            ]
        );
        let variable = text(ValueKind::Text, Some(str("prod")));
        assert_eq!(
            values(&variable, &asked[..1]),
            [
                ("is `prod`".to_owned(), false),
                ("is not `prod`".to_owned(), true)
            ]
        );
    }

    #[test]
    fn an_enum_is_tried_as_each_member_that_makes_a_difference() {
        let variable = Variable {
            declared: Declared::Enum(vec![str("a"), str("b"), str("c"), str("d")]),
            default: Some(str("c")),
            own: true,
        };
        assert_eq!(
            values(&variable, &[Asked::Equal(str("a"))]),
            [("is `c`".to_owned(), false), ("is `a`".to_owned(), false)]
        );
    }

    #[test]
    fn patterns_and_beginnings_have_a_text_on_each_side() {
        let variable = text(ValueKind::Text, Some(str("")));
        let asked = [
            Asked::Pattern(r"^v\d+$".into()),
            Asked::Prefix("release/".into()),
            Asked::Truth,
        ];
        assert_eq!(
            values(&variable, &asked),
            [
                ("is empty".to_owned(), false),
                ("is `v1`, for one".to_owned(), true),
                ("is `release/x`, for one".to_owned(), true),
                ("is `something-else`".to_owned(), true),
            ]
        );
    }

    #[test]
    fn a_number_is_tried_on_both_sides_of_a_limit_and_on_it() {
        let variable = text(ValueKind::Integer, Some(Scalar::Int(1)));
        let said: Vec<String> = values(&variable, &[Asked::Number(3)])
            .into_iter()
            .map(|(said, _)| said)
            .collect();
        assert_eq!(said, ["is `1`", "is `3`", "is `4`"]);
    }
}
