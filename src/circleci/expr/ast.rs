//! The tree of an expression, and its text again with no parenthesis more than it needs.
//!
//! Operators of one strength stand in one flat chain, read from the left: a thousand `or` make a
//! wide tree and not a deep one. Trees compare by what they say, not by where it stands.

use std::fmt;

use super::pattern::Pattern;
use super::value::Scalar;
use crate::yaml::Span;

/// An expression, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    /// What it says.
    pub(crate) kind: Kind,
    /// Its bytes in the expression's text, without parentheses around all of it.
    pub(crate) span: Span,
}

/// What an expression says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A number, a text, `true` or `false`.
    Literal(Scalar),
    /// A name, `pipeline.git.branch` for example.
    Name(String),
    /// `not x`, or `!x`.
    Not(Box<Expr>),
    /// An operand and operators of one strength, read from the left. The first operand is never
    /// a chain of the same strength, and there is at least one link.
    Chain(Box<Expr>, Vec<Link>),
}

/// An operator with its right side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Link {
    /// An operator between two expressions.
    Binary(Op, Expr),
    /// `matches /…/`; nothing but a pattern may stand to its right.
    Matches(Pattern),
}

/// An operator between two expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `starts-with`
    StartsWith,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
    /// `<=`
    LessOrEqual,
    /// `<`
    Less,
}

/// How tightly an operator binds, weakest first (circleci-semantics §5.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// `or`
    Or,
    /// `and`
    And,
    /// `==` and `!=`
    Equality,
    /// `starts-with` and `matches`
    Text,
    /// `>=`, `>`, `<=` and `<`
    Comparison,
    /// `not`, and everything that is one piece.
    Operand,
}

impl Level {
    /// Returns the next tighter level.
    pub(crate) fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Equality,
            Self::Equality => Self::Text,
            Self::Text => Self::Comparison,
            Self::Comparison | Self::Operand => Self::Operand,
        }
    }
}

impl Op {
    /// Returns how tightly the operator binds.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::Or => Level::Or,
            Self::And => Level::And,
            Self::Equal | Self::NotEqual => Level::Equality,
            Self::StartsWith => Level::Text,
            Self::GreaterOrEqual | Self::Greater | Self::LessOrEqual | Self::Less => {
                Level::Comparison
            }
        }
    }

    /// Returns the operator as it is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::StartsWith => "starts-with",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
            Self::LessOrEqual => "<=",
            Self::Less => "<",
        }
    }
}

impl Link {
    /// Returns how tightly the operator binds.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Binary(op, _) => op.level(),
            Self::Matches(_) => Level::Text,
        }
    }
}

impl Expr {
    /// Makes a chain; a first operand of the same strength is continued, as reading from the left
    /// means.
    pub(crate) fn chain(first: Self, links: Vec<Link>, span: Span) -> Self {
        let Some(level) = links.first().map(|link| link.level()) else {
            return first;
        };
        match first.kind {
            Kind::Chain(operand, mut before) if level_of(&before) == level => {
                before.extend(links);
                Self {
                    kind: Kind::Chain(operand, before),
                    span,
                }
            }
            kind => {
                let first = Self {
                    kind,
                    span: first.span,
                };
                Self {
                    kind: Kind::Chain(Box::new(first), links),
                    span,
                }
            }
        }
    }

    /// Returns how tightly the expression's outermost operator binds.
    fn level(&self) -> Level {
        match &self.kind {
            Kind::Chain(_, links) => level_of(links),
            _ => Level::Operand,
        }
    }

    /// Says whether an operator stands in the expression.
    pub(crate) fn has_operator(&self) -> bool {
        matches!(self.kind, Kind::Not(_) | Kind::Chain(..))
    }

    /// Calls a function with every part of the expression, from the left.
    pub(crate) fn visit<'e>(&'e self, see: &mut impl FnMut(&'e Self)) {
        see(self);
        match &self.kind {
            Kind::Literal(_) | Kind::Name(_) => {}
            Kind::Not(inner) => inner.visit(see),
            Kind::Chain(first, links) => {
                first.visit(see);
                for link in links {
                    if let Link::Binary(_, right) = link {
                        right.visit(see);
                    }
                }
            }
        }
    }
}

fn level_of(links: &[Link]) -> Level {
    links.first().map_or(Level::Operand, |link| link.level())
}

/// A name in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'e> {
    /// The name.
    pub(crate) text: &'e str,
    /// Its bytes in the expression's text.
    pub(crate) span: Span,
}

/// Returns all names of an expression, from the left, as often as they stand there.
pub(crate) fn names(expr: &Expr) -> Vec<Name<'_>> {
    let mut out = Vec::new();
    expr.visit(&mut |part| {
        if let Kind::Name(text) = &part.kind {
            out.push(Name {
                text,
                span: part.span,
            });
        }
    });
    out
}

/// Returns all patterns of an expression, from the left.
pub(crate) fn patterns(expr: &Expr) -> Vec<&Pattern> {
    let mut out = Vec::new();
    expr.visit(&mut |part| {
        if let Kind::Chain(_, links) = &part.kind {
            out.extend(links.iter().filter_map(|link| match link {
                Link::Matches(pattern) => Some(pattern),
                Link::Binary(..) => None,
            }));
        }
    });
    out
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Literal(value) => literal(value, f),
            Kind::Name(name) => f.write_str(name),
            Kind::Not(inner) => {
                f.write_str("not ")?;
                operand(inner, Level::Operand, f)
            }
            Kind::Chain(first, links) => {
                let inner = level_of(links).tighter();
                operand(first, inner, f)?;
                for link in links {
                    match link {
                        Link::Binary(op, right) => {
                            write!(f, " {} ", op.as_str())?;
                            operand(right, inner, f)?;
                        }
                        Link::Matches(pattern) => write!(f, " matches /{}/", pattern.source())?,
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes an operand, in parentheses where it binds less tightly than its place asks for.
fn operand(expr: &Expr, place: Level, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if expr.level() < place {
        write!(f, "({expr})")
    } else {
        write!(f, "{expr}")
    }
}

fn literal(value: &Scalar, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        // The language has no literal for these two; the parser makes none.
        Scalar::Null => f.write_str("null"),
        Scalar::Float(x) => write!(f, "{x:?}"),
        Scalar::Bool(b) => write!(f, "{b}"),
        Scalar::Int(n) => write!(f, "{n}"),
        Scalar::Str(text) => {
            f.write_str("\"")?;
            let mut rest = text.as_str();
            while let Some(i) = rest.find(['"', '\\']) {
                let (plain, special) = rest.split_at(i);
                write!(f, "{plain}\\{}", &special[..1])?;
                rest = &special[1..];
            }
            write!(f, "{rest}\"")
        }
    }
}
