//! What an expression comes to, as far as it is known (circleci-semantics §5.9).
//!
//! Names may have no value yet. What follows from the rest is found all the same: `false and x`
//! is false, `x or true` holds. Errors are collected, and what they touch is unknown. A side that
//! is not reached, because the other one decides, is not judged; whether its names exist is a
//! question for [`names`](super::names).

use super::ast::{Expr, Kind, Link, Op, patterns};
use super::error::{Error, ErrorKind};
use super::pattern::Pattern;
use super::value::{Lookup, Scalar, Truth};
use crate::yaml::Span;

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// This value.
    Known(Scalar),
    /// A value that counts as true, or one that counts as false; which one is not known.
    Either(bool),
    /// Every value is possible.
    Unknown,
}

/// An expression's outcome, with what is wrong in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Evaluation {
    /// What the expression comes to.
    pub(crate) outcome: Outcome,
    /// What is wrong: every pattern that is refused, and every error of types or names in the
    /// parts that are reached.
    pub(crate) errors: Vec<Error>,
}

impl Evaluation {
    /// Returns whether the expression holds as a condition.
    pub(crate) fn truth(&self) -> Truth {
        truth(&self.outcome)
    }
}

/// Evaluates an expression with what its names stand for.
pub(crate) fn evaluate(expr: &Expr, lookup: &dyn Fn(&str) -> Lookup) -> Evaluation {
    let refused = |pattern: &Pattern| {
        pattern.problem().map(|kind| Error {
            kind: kind.clone(),
            span: pattern.span(),
        })
    };
    let mut evaluator = Evaluator {
        lookup,
        errors: patterns(expr).into_iter().filter_map(refused).collect(),
    };
    let outcome = evaluator.expr(expr);
    Evaluation {
        outcome,
        errors: evaluator.errors,
    }
}

struct Evaluator<'l> {
    lookup: &'l dyn Fn(&str) -> Lookup,
    errors: Vec<Error>,
}

impl Evaluator<'_> {
    fn expr(&mut self, expr: &Expr) -> Outcome {
        match &expr.kind {
            Kind::Literal(value) => Outcome::Known(value.clone()),
            Kind::Name(name) => match (self.lookup)(name) {
                Lookup::Value(value) => Outcome::Known(value),
                Lookup::Unknown => Outcome::Unknown,
                Lookup::Missing => self.fail(ErrorKind::MissingName(name.clone()), expr.span),
            },
            Kind::Not(inner) => {
                let inner = self.expr(inner);
                from_truth(truth(&inner).negated())
            }
            Kind::Chain(first, links) => self.chain(first, links),
        }
    }

    fn fail(&mut self, kind: ErrorKind, span: Span) -> Outcome {
        self.errors.push(Error { kind, span });
        Outcome::Unknown
    }

    fn chain(&mut self, first: &Expr, links: &[Link]) -> Outcome {
        let mut left = self.expr(first);
        let mut left_at = first.span;
        for link in links {
            left = match link {
                Link::Binary(Op::And, right) => self.logic(left, right, Truth::False),
                Link::Binary(Op::Or, right) => self.logic(left, right, Truth::True),
                Link::Binary(op, right) => {
                    let value = self.expr(right);
                    self.binary(*op, (&left, left_at), (&value, right.span))
                }
                Link::Matches(pattern) => match self.text("matches", (&left, left_at)) {
                    Some(text) => from_truth(pattern.matches(text)),
                    None => absent_or_unknown(&left),
                },
            };
            left_at = first.span.to(match link {
                Link::Binary(_, right) => right.span,
                Link::Matches(pattern) => pattern.span(),
            });
        }
        left
    }

    /// `and` and `or`: the left side where it decides, else the right one.
    fn logic(&mut self, left: Outcome, right: &Expr, decided: Truth) -> Outcome {
        match truth(&left) {
            known if known == decided => left,
            Truth::Unknown => {
                let right = self.expr(right);
                // The operand that is returned is not known, but both of them say the same.
                if truth(&right) == decided {
                    Outcome::Either(decided == Truth::True)
                } else {
                    Outcome::Unknown
                }
            }
            _ => self.expr(right),
        }
    }

    fn binary(&mut self, op: Op, left: (&Outcome, Span), right: (&Outcome, Span)) -> Outcome {
        let known = |holds: bool| Outcome::Known(Scalar::Bool(holds));
        match op {
            Op::Equal | Op::NotEqual => match (left.0, right.0) {
                (Outcome::Known(a), Outcome::Known(b)) => known(a.equals(b) == (op == Op::Equal)),
                // A value that counts as true is no `false` and no nothing, whatever it is.
                (Outcome::Either(true), Outcome::Known(value))
                | (Outcome::Known(value), Outcome::Either(true))
                    if matches!(value, Scalar::Null | Scalar::Bool(false)) =>
                {
                    known(op == Op::NotEqual)
                }
                _ => Outcome::Unknown,
            },
            Op::StartsWith => {
                // Both sides are judged, so that both errors are seen.
                let text = self.text("starts-with", left);
                let prefix = self.prefix(right);
                match (text, prefix) {
                    (Some(text), Some(prefix)) => known(text.starts_with(prefix)),
                    _ => absent_or_unknown(left.0),
                }
            }
            Op::GreaterOrEqual | Op::Greater | Op::LessOrEqual | Op::Less => {
                let a = self.number(op, left);
                let b = self.number(op, right);
                let (Some(a), Some(b)) = (a, b) else {
                    return Outcome::Unknown;
                };
                let order = a.compare(b);
                known(match op {
                    Op::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
                    Op::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
                    Op::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
                    _ => order.is_some_and(std::cmp::Ordering::is_lt),
                })
            }
            // Taken by `logic`, which does not ask for the right side's value first.
            Op::And | Op::Or => Outcome::Unknown,
        }
    }

    fn text<'o>(&mut self, operator: &'static str, side: (&'o Outcome, Span)) -> Option<&'o str> {
        match side.0 {
            Outcome::Known(Scalar::Str(text)) => Some(text),
            // An absent branch or tag: the documentation's own samples ask it for its beginning.
            Outcome::Known(Scalar::Null) | Outcome::Either(_) | Outcome::Unknown => None,
            Outcome::Known(other) => {
                let found = other.kind();
                self.fail(ErrorKind::NotText { operator, found }, side.1);
                None
            }
        }
    }

    /// What `starts-with` looks for. An absent branch may be asked for its beginning; to look for
    /// nothing is an error as any other that is no text.
    fn prefix<'o>(&mut self, side: (&'o Outcome, Span)) -> Option<&'o str> {
        if let Outcome::Known(Scalar::Null) = side.0 {
            let kind = ErrorKind::NotText {
                operator: "starts-with",
                found: Scalar::Null.kind(),
            };
            self.fail(kind, side.1);
            return None;
        }
        self.text("starts-with", side)
    }

    fn number<'o>(&mut self, op: Op, side: (&'o Outcome, Span)) -> Option<&'o Scalar> {
        match side.0 {
            Outcome::Known(value) if value.is_number() => Some(value),
            Outcome::Known(other) => {
                let kind = ErrorKind::NotNumber {
                    operator: op.as_str(),
                    found: other.kind(),
                };
                self.fail(kind, side.1);
                None
            }
            Outcome::Either(_) | Outcome::Unknown => None,
        }
    }
}

/// `starts-with` and `matches` on nothing are false, and on everything else that is no text open.
fn absent_or_unknown(left: &Outcome) -> Outcome {
    match left {
        Outcome::Known(Scalar::Null) => Outcome::Known(Scalar::Bool(false)),
        _ => Outcome::Unknown,
    }
}

fn truth(outcome: &Outcome) -> Truth {
    match outcome {
        Outcome::Known(value) => (!value.is_falsy()).into(),
        Outcome::Either(holds) => (*holds).into(),
        Outcome::Unknown => Truth::Unknown,
    }
}

fn from_truth(truth: Truth) -> Outcome {
    match truth {
        Truth::True => Outcome::Known(Scalar::Bool(true)),
        Truth::False => Outcome::Known(Scalar::Bool(false)),
        Truth::Unknown => Outcome::Unknown,
    }
}
