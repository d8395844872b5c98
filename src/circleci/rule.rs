//! What a condition says, for the plan: the three ways to write one (logic statements, templates,
//! bare expressions) become one form, with the pipeline's values by their full names.

use super::expr::{Expr, Kind, Link, Op, Scalar, parse};
use super::logic::{Place, is_bare_expression, to_scalar};
use super::symbol::{Part, Symbol, SymbolKind};
use super::template::{Piece, pieces};
use super::value::{Data, Value};
use crate::plan::{Condition, Operand};

/// Deepest nesting that is followed.
const DEPTH: usize = 100;

/// Reads an expression as it stands bare in filters and workflows.
#[must_use]
pub fn expression_condition(text: &str) -> Condition {
    match parse(text) {
        Ok(expr) => of_expr(&expr, &[], DEPTH),
        Err(_) => Condition::Unknown,
    }
}

/// Reads a condition.
pub(crate) fn condition(value: &Value, place: Place) -> Condition {
    match value.as_str() {
        Some(text) if value.symbol().is_none() && is_bare_expression(text, place) => {
            expression_condition(text)
        }
        _ => statement(value, DEPTH),
    }
}

fn statement(value: &Value, depth: usize) -> Condition {
    let Some(depth) = depth.checked_sub(1) else {
        return Condition::Unknown;
    };
    if let Some(symbol) = value.symbol() {
        return of_symbol(symbol, depth);
    }
    match value.data() {
        Data::List(_) => Condition::Unknown,
        Data::Map(entries) => match entries.as_slice() {
            [] => Condition::Holds(false),
            [entry] => operator(&entry.key, &entry.value, depth),
            _ => Condition::Unknown,
        },
        Data::Str(text) if text.contains("<<") => match pieces(text) {
            Ok(parts) => match parts.as_slice() {
                [Piece::Reference(inner)] => match parse(inner) {
                    Ok(expr) => of_expr(&expr, &[], depth),
                    Err(_) => Condition::Unknown,
                },
                // Text around a template is a text that is not empty.
                _ => Condition::Holds(true),
            },
            Err(_) => Condition::Unknown,
        },
        Data::Str(text) => Condition::Holds(!text.is_empty()),
        Data::Bool(b) => Condition::Holds(*b),
        Data::Null => Condition::Holds(false),
        Data::Int(n) => Condition::Holds(*n != 0),
        Data::Float(x) => Condition::Holds(*x != 0.0),
    }
}

fn operator(key: &str, argument: &Value, depth: usize) -> Condition {
    let all = || {
        let items = argument.items().iter();
        items
            .map(|i| statement(&i.value, depth))
            .collect::<Vec<_>>()
    };
    match key {
        "not" => statement(argument, depth).negated(),
        "and" if argument.is_list() => Condition::All(all()),
        "or" if argument.is_list() => Condition::Any(all()),
        "equal" if argument.is_list() => {
            let mut values = argument.items().iter().map(|i| operand(&i.value, depth));
            let Some(first) = values.next() else {
                return Condition::Holds(false);
            };
            let pairs: Option<Vec<Condition>> = values
                .map(|v| Some(Condition::Equal(first.clone()?, v?)))
                .collect();
            match (pairs, first.is_some()) {
                (Some(pairs), true) => Condition::All(pairs),
                _ => Condition::Unknown,
            }
        }
        "matches" => {
            let pattern = argument.get("pattern").and_then(|p| p.value.as_text());
            let value = argument.get("value").and_then(|v| operand(&v.value, depth));
            match (pattern, value) {
                (Some(pattern), Some(value)) if !pattern.contains("<<") => {
                    Condition::Matches(value, pattern)
                }
                _ => Condition::Unknown,
            }
        }
        _ => Condition::Unknown,
    }
}

fn of_symbol(symbol: &Symbol, depth: usize) -> Condition {
    match symbol.kind() {
        SymbolKind::Variable(name) => Condition::Is(Operand::Value(name.to_string())),
        SymbolKind::Text(_) => match symbol_operand(symbol, depth) {
            Some(operand) => Condition::Is(operand),
            None => Condition::Unknown,
        },
        SymbolKind::Expression(expr, bound) => of_expr(expr, bound, depth),
    }
}

fn symbol_operand(symbol: &Symbol, depth: usize) -> Option<Operand> {
    let depth = depth.checked_sub(1)?;
    match symbol.kind() {
        SymbolKind::Variable(name) => Some(Operand::Value(name.to_string())),
        SymbolKind::Text(parts) => {
            let parts = parts.iter().map(|part| match part {
                Part::Plain(text) => {
                    Some(Operand::Literal(crate::yaml::Data::Str(text.to_string())))
                }
                Part::Value(value) => operand(value, depth),
            });
            parts.collect::<Option<Vec<_>>>().map(Operand::Text)
        }
        SymbolKind::Expression(expr, bound) => expr_operand(expr, bound, depth),
    }
}

fn operand(value: &Value, depth: usize) -> Option<Operand> {
    if let Some(symbol) = value.symbol() {
        return symbol_operand(symbol, depth);
    }
    match value.as_str() {
        Some(text) if text.contains("<<") => {
            let parts = pieces(text).ok()?;
            let mut parts = parts.iter().map(|part| match part {
                Piece::Text(text) => {
                    Some(Operand::Literal(crate::yaml::Data::Str(text.to_string())))
                }
                Piece::Reference(inner) => expr_operand(&parse(inner).ok()?, &[], depth),
            });
            let all = parts.by_ref().collect::<Option<Vec<_>>>()?;
            match <[Operand; 1]>::try_from(all) {
                Ok([one]) => Some(one),
                Err(all) => Some(Operand::Text(all)),
            }
        }
        _ => to_scalar(value).map(|s| Operand::Literal(data(&s))),
    }
}

fn data(scalar: &Scalar) -> crate::yaml::Data {
    use crate::yaml::Data;
    match scalar {
        Scalar::Null => Data::Null,
        Scalar::Bool(b) => Data::Bool(*b),
        Scalar::Int(n) => Data::Int(*n),
        Scalar::Float(x) => Data::Float(*x),
        Scalar::Str(text) => Data::Str(text.clone()),
    }
}

type Bound = [(std::rc::Rc<str>, Value)];

fn expr_operand(expr: &Expr, bound: &Bound, depth: usize) -> Option<Operand> {
    let depth = depth.checked_sub(1)?;
    match &expr.kind {
        Kind::Literal(scalar) => Some(Operand::Literal(data(scalar))),
        Kind::Name(name) => match bound.iter().find(|(n, _)| **n == **name) {
            Some((_, value)) => operand(value, depth),
            None if name.starts_with("pipeline.") => Some(Operand::Value(name.clone())),
            None => None,
        },
        Kind::Not(_) | Kind::Chain(..) => {
            Some(Operand::Condition(Box::new(of_expr(expr, bound, depth))))
        }
    }
}

fn of_expr(expr: &Expr, bound: &Bound, depth: usize) -> Condition {
    let Some(depth) = depth.checked_sub(1) else {
        return Condition::Unknown;
    };
    match &expr.kind {
        Kind::Literal(scalar) => Condition::Holds(match scalar {
            Scalar::Null => false,
            Scalar::Bool(b) => *b,
            Scalar::Int(n) => *n != 0,
            Scalar::Float(x) => *x != 0.0,
            Scalar::Str(text) => !text.is_empty(),
        }),
        Kind::Name(_) => match expr_operand(expr, bound, depth) {
            Some(operand) => Condition::Is(operand),
            None => Condition::Unknown,
        },
        Kind::Not(inner) => of_expr(inner, bound, depth).negated(),
        Kind::Chain(first, links) => chain(first, links, bound, depth),
    }
}

/// Operators of one strength, read from the left.
fn chain(first: &Expr, links: &[Link], bound: &Bound, depth: usize) -> Condition {
    let mut left = None;
    for link in links {
        let before = |left: Option<Condition>| left.unwrap_or_else(|| of_expr(first, bound, depth));
        left = Some(match link {
            Link::Binary(Op::And, right) => {
                Condition::All(vec![before(left), of_expr(right, bound, depth)])
            }
            Link::Binary(Op::Or, right) => {
                Condition::Any(vec![before(left), of_expr(right, bound, depth)])
            }
            step => {
                let subject = match left {
                    None => expr_operand(first, bound, depth),
                    Some(condition) => Some(Operand::Condition(Box::new(condition))),
                };
                let Some(subject) = subject else {
                    return Condition::Unknown;
                };
                match step {
                    Link::Matches(pattern) => {
                        Condition::Matches(subject, pattern.source().to_owned())
                    }
                    Link::Binary(op, right) => {
                        let Some(right) = expr_operand(right, bound, depth) else {
                            return Condition::Unknown;
                        };
                        compared(*op, subject, right)
                    }
                }
            }
        });
    }
    left.unwrap_or(Condition::Unknown)
}

fn compared(op: Op, left: Operand, right: Operand) -> Condition {
    match op {
        Op::Equal => Condition::Equal(left, right),
        Op::NotEqual => Condition::Equal(left, right).negated(),
        Op::StartsWith => Condition::StartsWith(left, right),
        Op::Less => Condition::Less(left, right),
        Op::Greater => Condition::Less(right, left),
        Op::GreaterOrEqual => Condition::Less(left, right).negated(),
        Op::LessOrEqual => Condition::Less(right, left).negated(),
        Op::And | Op::Or => Condition::Unknown,
    }
}
