//! Which values of the pipeline make a difference to the conditions of a config: what each one is
//! compared with, and from that a value for every side of every comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::conditions::Formula;
use super::witness::witness;
use crate::circleci::expr::{
    Evaluation, Expr, Kind, Link, Lookup, Op, Outcome, Pattern, Scalar, Truth, evaluate, parse,
};
use crate::circleci::given::Declared;
use crate::circleci::logic::{self, to_scalar, to_value};
use crate::circleci::pipeline::ValueKind;
use crate::circleci::symbol::{Part, Symbol, SymbolKind};
use crate::circleci::template::{Piece, pieces};
use crate::circleci::value::{Data, Entry, Value};
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

/// What a value is asked for.
#[derive(Debug, Clone, PartialEq)]
enum Asked {
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
struct Questions {
    asked: BTreeMap<Rc<str>, Vec<Asked>>,
    /// Names that are compared with each other.
    together: Vec<BTreeSet<Rc<str>>>,
}

/// Returns the values that are tried for each name that the conditions rest on; the first is what
/// it is where nobody says otherwise. Names that nothing is known of are left out.
pub(crate) fn candidates(
    formulas: &[Formula],
    variable: &dyn Fn(&str) -> Option<Variable>,
) -> BTreeMap<Rc<str>, Vec<Candidate>> {
    let mut questions = Questions::default();
    for formula in formulas {
        questions.condition(&formula.value, formula.place);
        for name in &formula.variables {
            questions.asked.entry(Rc::clone(name)).or_default();
        }
    }
    questions.share();
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

impl Questions {
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
