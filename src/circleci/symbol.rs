//! What a value that depends on the pipeline stands for, so that it can be asked what it would be
//! in another pipeline (circleci-semantics §5.4, §5.9, §5.12).
//!
//! Templates are filled in when a value is compiled, and what stood there is gone: this is the
//! memory of it, kept beside the value. It names pipeline values in full, `pipeline.parameters.x`,
//! whatever the parameters on the way were called.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::expr::{Expr, Lookup, Outcome, Scalar, evaluate, names};
use super::logic::{to_scalar, to_value};
use super::value::Value;
use crate::yaml::Location;

/// Most parts that one symbol may have. Parameters of parameters may double with each call; what
/// is larger than any person writes is only known to be open.
const MOST_PARTS: usize = 2_000;

/// What an open value stands for.
#[derive(Debug)]
pub(crate) struct Symbol {
    kind: SymbolKind,
    size: usize,
}

/// The kinds of symbols.
#[derive(Debug)]
pub(crate) enum SymbolKind {
    /// A value of the pipeline, by its full name.
    Variable(Rc<str>),
    /// A text with values in it.
    Text(Vec<Part>),
    /// An expression, with what its names stand for.
    Expression(Rc<Expr>, Vec<(Rc<str>, Value)>),
}

/// A part of a text.
#[derive(Debug)]
pub(crate) enum Part {
    /// Text as it is.
    Plain(Rc<str>),
    /// A value, put in place.
    Value(Value),
}

impl Symbol {
    /// Names a value of the pipeline.
    pub(crate) fn variable(name: impl Into<Rc<str>>) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            kind: SymbolKind::Variable(name.into()),
            size: 1,
        }))
    }

    /// Makes a text of parts; none where it is too large.
    pub(crate) fn text(parts: Vec<Part>) -> Option<Rc<Self>> {
        let size = Self::sum(parts.iter().map(|part| match part {
            Part::Plain(_) => 1,
            Part::Value(value) => size(value),
        }))?;
        Some(Rc::new(Self {
            kind: SymbolKind::Text(parts),
            size,
        }))
    }

    /// Makes an expression; none where it is too large.
    pub(crate) fn expression(expr: Expr, bound: Vec<(Rc<str>, Value)>) -> Option<Rc<Self>> {
        // A name is evaluated as often as it stands in the expression.
        let size = Self::sum(names(&expr).iter().map(|name| {
            let value = bound.iter().find(|(n, _)| **n == *name.text);
            value.map_or(1, |(_, value)| size(value))
        }))?;
        Some(Rc::new(Self {
            kind: SymbolKind::Expression(Rc::new(expr), bound),
            size,
        }))
    }

    fn sum(sizes: impl Iterator<Item = usize>) -> Option<usize> {
        let total = sizes.fold(1_usize, usize::saturating_add);
        (total <= MOST_PARTS).then_some(total)
    }

    /// Returns what kind of symbol it is.
    pub(crate) fn kind(&self) -> &SymbolKind {
        &self.kind
    }

    /// Returns what the value would be, as far as it is known, with these values of the pipeline.
    pub(crate) fn outcome(&self, lookup: &dyn Fn(&str) -> Lookup) -> Outcome {
        match &self.kind {
            SymbolKind::Variable(name) => match lookup(name) {
                Lookup::Value(scalar) => Outcome::Known(scalar),
                Lookup::Unknown | Lookup::Missing => Outcome::Unknown,
            },
            SymbolKind::Text(parts) => text(parts, lookup),
            SymbolKind::Expression(expr, bound) => {
                let named = |name: &str| match bound.iter().find(|(n, _)| **n == *name) {
                    Some((_, value)) => match outcome(value, lookup) {
                        Outcome::Known(scalar) => Lookup::Value(scalar),
                        Outcome::Either(_) | Outcome::Unknown => Lookup::Unknown,
                    },
                    None => match lookup(name) {
                        Lookup::Missing => Lookup::Unknown,
                        found => found,
                    },
                };
                evaluate(expr, &named).outcome
            }
        }
    }

    /// Adds the names of the values that this rests on.
    pub(crate) fn variables(&self, out: &mut BTreeSet<Rc<str>>) {
        let mut of = |value: &Value| {
            if let Some(symbol) = value.symbol() {
                symbol.variables(out);
            }
        };
        match &self.kind {
            SymbolKind::Variable(name) => {
                out.insert(Rc::clone(name));
            }
            SymbolKind::Text(parts) => {
                for part in parts {
                    if let Part::Value(value) = part {
                        of(value);
                    }
                }
            }
            SymbolKind::Expression(expr, bound) => {
                for (_, value) in bound {
                    of(value);
                }
                // What has no value on this machine is not bound, and named in full.
                out.extend(unbound(expr, bound));
            }
        }
    }
}

/// Returns the pipeline values of an expression that nothing was bound to.
pub(crate) fn unbound(expr: &Expr, bound: &[(Rc<str>, Value)]) -> Vec<Rc<str>> {
    names(expr)
        .iter()
        .map(|name| name.text)
        .filter(|name| name.starts_with("pipeline."))
        .filter(|name| !bound.iter().any(|(n, _)| **n == **name))
        .map(Rc::from)
        .collect()
}

/// Returns what a value would be with these values of the pipeline.
pub(crate) fn outcome(value: &Value, lookup: &dyn Fn(&str) -> Lookup) -> Outcome {
    match value.symbol() {
        Some(symbol) => symbol.outcome(lookup),
        // Open, and too large to say why.
        None if value.is_open() => Outcome::Unknown,
        None => to_scalar(value).map_or(Outcome::Unknown, Outcome::Known),
    }
}

fn size(value: &Value) -> usize {
    value.symbol().map_or(1, |symbol| symbol.size)
}

fn text(parts: &[Part], lookup: &dyn Fn(&str) -> Lookup) -> Outcome {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Plain(plain) => out.push_str(plain),
            Part::Value(value) => {
                let Outcome::Known(scalar) = outcome(value, lookup) else {
                    return Outcome::Unknown;
                };
                let value = to_value(&scalar, Location::default());
                out.push_str(&value.as_text().unwrap_or_default());
            }
        }
    }
    Outcome::Known(Scalar::Str(out))
}
