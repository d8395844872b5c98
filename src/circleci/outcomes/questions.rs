//! What the conditions of a config ask of the pipeline's values: whether one counts as true, whether
//! it is this text, begins with that one or matches a pattern.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::conditions::Formula;
use crate::circleci::expr::{
    Evaluation, Expr, Kind, Link, Lookup, Op, Outcome, Scalar, evaluate, parse,
};
use crate::circleci::logic::{self, to_scalar};
use crate::circleci::symbol::{Part, Symbol, SymbolKind};
use crate::circleci::template::{Piece, pieces};
use crate::circleci::value::{Data, Entry, Value};

/// What a value is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// Whether it counts as true.
    Truth,
    /// Whether it is this.
    Equal(Scalar),
    /// Whether it begins with this.
    Prefix(String),
    /// Whether it matches this.
    Pattern(String),
    /// On which side of this it is.
    Number(i64),
}

/// What all conditions ask.
#[derive(Debug, Default)]
pub(super) struct Questions {
    pub(super) asked: BTreeMap<Rc<str>, Vec<Asked>>,
    /// Names that are compared with each other.
    pub(super) together: Vec<BTreeSet<Rc<str>>>,
}

impl Questions {
    /// Asks what the conditions ask.
    pub(super) fn of(formulas: &[Formula]) -> Self {
        let mut questions = Self::default();
        for formula in formulas {
            questions.condition(&formula.value, formula.place);
            for name in &formula.variables {
                questions.asked.entry(Rc::clone(name)).or_default();
            }
        }
        questions.share();
        questions
    }

    fn ask(&mut self, name: &Rc<str>, asked: Asked) {
        let list = self.asked.entry(Rc::clone(name)).or_default();
        if !list.contains(&asked) {
            list.push(asked);
        }
    }

    fn condition(&mut self, value: &Value, place: logic::Place) {
        match value.as_str() {
            Some(text) if logic::is_bare_expression(text, place) => {
                if let Ok(expr) = parse(text) {
                    self.expr(&expr, &[], &Asked::Truth);
                }
            }
            _ => self.statement(value),
        }
    }

    fn statement(&mut self, value: &Value) {
        if let Data::Map(entries) = value.data() {
            if let [entry] = entries.as_slice() {
                self.operator(entry);
            }
            return;
        }
        self.leaf(value, &Asked::Truth);
    }

    fn operator(&mut self, entry: &Entry) {
        let argument = &entry.value;
        match &*entry.key {
            "not" => self.statement(argument),
            "and" | "or" => {
                for item in argument.items() {
                    self.statement(&item.value);
                }
            }
            "equal" => {
                let values = argument.items().iter().map(|item| &item.value);
                let (open, closed): (Vec<&Value>, Vec<&Value>) = values.partition(|v| is_open(v));
                for value in &open {
                    for scalar in closed.iter().filter_map(|c| to_scalar(c)) {
                        self.leaf(value, &Asked::Equal(scalar));
                    }
                }
                self.compare(&open);
            }
            "matches" => {
                let pattern = argument.get("pattern").and_then(|p| p.value.as_text());
                if let (Some(pattern), Some(value)) = (pattern, argument.get("value")) {
                    self.leaf(&value.value, &Asked::Pattern(pattern));
                }
            }
            _ => {}
        }
    }

    /// Notes values that are compared with each other.
    fn compare(&mut self, values: &[&Value]) {
        if values.len() < 2 {
            return;
        }
        let mut names = BTreeSet::new();
        for value in values {
            if let Some(symbol) = value.symbol() {
                symbol.variables(&mut names);
            }
            for name in references(value) {
                names.insert(Rc::from(name));
            }
        }
        if names.len() > 1 {
            self.together.push(names);
        }
    }

    fn leaf(&mut self, value: &Value, asked: &Asked) {
        if let Some(symbol) = value.symbol() {
            self.symbol(symbol, asked);
        } else if let Some(text) = value.as_str()
            && let Ok(parts) = pieces(text)
            && let [Piece::Reference(inner)] = parts.as_slice()
            && let Ok(expr) = parse(inner)
        {
            self.expr(&expr, &[], asked);
        }
    }

    fn symbol(&mut self, symbol: &Symbol, asked: &Asked) {
        match symbol.kind() {
            SymbolKind::Variable(name) => self.ask(name, asked.clone()),
            SymbolKind::Expression(expr, bound) => self.expr(expr, bound, asked),
            SymbolKind::Text(parts) => {
                let mut open = parts.iter().enumerate().filter_map(|(i, part)| match part {
                    Part::Value(value) => value.symbol().map(|symbol| (i, symbol)),
                    Part::Plain(_) => None,
                });
                if let (Some((i, inner)), None) = (open.next(), open.next())
                    && let Asked::Equal(Scalar::Str(whole)) = asked
                    && let Some(rest) = whole.strip_prefix(&*plain(&parts[..i]))
                    && let Some(piece) = rest.strip_suffix(&*plain(&parts[i + 1..]))
                {
                    self.symbol(inner, &Asked::Equal(Scalar::Str(piece.to_owned())));
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr, bound: &[(Rc<str>, Value)], asked: &Asked) {
        match &expr.kind {
            Kind::Literal(_) => {}
            Kind::Name(name) => match bound.iter().find(|(n, _)| **n == **name) {
                Some((_, value)) => self.leaf(value, asked),
                None if name.starts_with("pipeline.") => {
                    self.ask(&Rc::from(name.as_str()), asked.clone());
                }
                None => {}
            },
            Kind::Not(inner) => self.expr(inner, bound, &Asked::Truth),
            Kind::Chain(first, links) => {
                let mut before: Vec<&Expr> = vec![first];
                for link in links {
                    match link {
                        Link::Matches(pattern) => {
                            let asked = Asked::Pattern(pattern.source().to_owned());
                            for left in &before {
                                self.expr(left, bound, &asked);
                            }
                        }
                        Link::Binary(Op::And | Op::Or, right) => {
                            // An operand may be the outcome itself.
                            for side in [first, right] {
                                self.expr(side, bound, &Asked::Truth);
                                self.expr(side, bound, asked);
                            }
                        }
                        Link::Binary(op, right) => {
                            for left in &before {
                                self.sides(*op, left, right, bound);
                            }
                            before.push(right);
                        }
                    }
                }
            }
        }
    }

    /// Two sides of a comparison.
    fn sides(&mut self, op: Op, left: &Expr, right: &Expr, bound: &[(Rc<str>, Value)]) {
        let asked = |value: Scalar| match (op, value) {
            (Op::StartsWith, Scalar::Str(text)) => Some(Asked::Prefix(text)),
            (Op::Equal | Op::NotEqual, value) => Some(Asked::Equal(value)),
            (_, Scalar::Int(n)) => Some(Asked::Number(n)),
            _ => None,
        };
        match (known(left, bound), known(right, bound)) {
            (None, Some(value)) => {
                if let Some(asked) = asked(value) {
                    self.expr(left, bound, &asked);
                }
            }
            (Some(value), None) => {
                if let Some(asked) = asked(value) {
                    self.expr(right, bound, &asked);
                }
            }
            (None, None) => {
                let mut names = BTreeSet::new();
                for side in [left, right] {
                    self.expr(side, bound, &Asked::Truth);
                    variables(side, bound, &mut names);
                }
                if names.len() > 1 {
                    self.together.push(names);
                }
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// Lets names that are compared with each other be asked for the same.
    fn share(&mut self) {
        let sets = std::mem::take(&mut self.together);
        let mut joined: Vec<BTreeSet<Rc<str>>> = Vec::new();
        for mut set in sets {
            joined.retain(|other| {
                let meet = !other.is_disjoint(&set);
                if meet {
                    set.extend(other.iter().cloned());
                }
                !meet
            });
            joined.push(set);
        }
        for set in &joined {
            let all: Vec<Asked> = set
                .iter()
                .flat_map(|name| self.asked.get(name).cloned().unwrap_or_default())
                .collect();
            for name in set {
                for asked in &all {
                    self.ask(name, asked.clone());
                }
            }
        }
        self.together = joined;
    }
}

fn is_open(value: &Value) -> bool {
    value.is_open() || !references(value).is_empty()
}

/// Returns the pipeline values in the templates of a text that were not filled in.
fn references(value: &Value) -> Vec<String> {
    let text = value.as_str().unwrap_or_default();
    let mut out = Vec::new();
    for piece in pieces(text).unwrap_or_default() {
        if let Piece::Reference(inner) = piece
            && let Ok(expr) = parse(inner)
        {
            let mut names = BTreeSet::new();
            variables(&expr, &[], &mut names);
            out.extend(names.iter().map(|name| name.to_string()));
        }
    }
    out
}

fn variables(expr: &Expr, bound: &[(Rc<str>, Value)], out: &mut BTreeSet<Rc<str>>) {
    expr.visit(&mut |part| {
        if let Kind::Name(name) = &part.kind {
            match bound.iter().find(|(n, _)| **n == **name) {
                Some((_, value)) => {
                    if let Some(symbol) = value.symbol() {
                        symbol.variables(out);
                    }
                }
                None if name.starts_with("pipeline.") => {
                    out.insert(Rc::from(name.as_str()));
                }
                None => {}
            }
        }
    });
}

/// Returns the value of an expression that rests on nothing open.
fn known(expr: &Expr, bound: &[(Rc<str>, Value)]) -> Option<Scalar> {
    let lookup = |name: &str| {
        let found = bound.iter().find(|(n, _)| **n == *name);
        let closed = found.filter(|(_, value)| !value.is_open());
        let scalar = closed.and_then(|(_, value)| to_scalar(value));
        scalar.map_or(Lookup::Unknown, Lookup::Value)
    };
    match evaluate(expr, &lookup) {
        Evaluation {
            outcome: Outcome::Known(value),
            ..
        } => Some(value),
        _ => None,
    }
}

fn plain(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Plain(text) => out.push_str(text),
            Part::Value(value) => out.push_str(&value.as_text().unwrap_or_default()),
        }
    }
    out
}
