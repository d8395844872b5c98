//! When jobs and steps run: filters and conditions as GitHub's expressions. Patterns that its
//! expressions cannot match are matched by a job in front of the others.

use std::cell::RefCell;

use regex_syntax::hir::{Dot, Hir, HirKind, Look};

use super::expr::{Bool, quoted};
use super::names;
use crate::circleci::expression_condition;
use crate::plan::{Condition, FilterKind, FilterRule, Filters, Operand};
use crate::transpile::values::Parameter;
use crate::yaml::Data;

/// The id of the job that matches patterns.
pub(super) const GATE: &str = "circleci-filters";

/// Most ways through one pattern that become a comparison each.
const MOST_WAYS: usize = 12;

/// What expressions of one workflow are written with.
pub(super) struct Filterer<'a> {
    pub(super) parameters: &'a [Parameter],
    /// What the job in front matches: a value's expression and a pattern.
    checks: RefCell<Vec<(String, String)>>,
}

impl<'a> Filterer<'a> {
    pub(super) fn new(parameters: &'a [Parameter]) -> Self {
        Self {
            parameters,
            checks: RefCell::default(),
        }
    }

    /// Returns what the job in front has to match.
    pub(super) fn checks(&self) -> Vec<(String, String)> {
        self.checks.borrow().clone()
    }

    /// Returns when filters let a push through: of branches, and of tags.
    pub(super) fn filters(&self, filters: &Filters) -> (Option<Bool>, Option<Bool>) {
        match &filters.kind {
            FilterKind::Map { branches, tags } => (
                branches
                    .as_ref()
                    .map_or(Some(Bool::Const(true)), |r| Some(self.rule(r))),
                tags.as_ref()
                    .map_or(Some(Bool::Const(false)), |r| Some(self.rule(r))),
            ),
            FilterKind::Expression { text, .. } => {
                let condition = self.condition(&expression_condition(&text.value));
                (condition.clone(), condition)
            }
        }
    }

    /// Says whether filters let something through that CircleCI's keep out for the case of a letter.
    pub(super) fn ignores_case(&self, filters: &Filters) -> bool {
        let (branches, tags) = self.filters(filters);
        [branches, tags].iter().flatten().any(Bool::ignores_case)
    }

    fn rule(&self, rule: &FilterRule) -> Bool {
        let any = |items: &[crate::plan::Located<String>]| {
            Bool::any(items.iter().map(|item| self.name(&item.value)))
        };
        match rule.only.is_empty() {
            false => any(&rule.only),
            true => any(&rule.ignore).not(),
        }
    }

    fn name(&self, item: &str) -> Bool {
        let pattern = item
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        match pattern {
            Some(pattern) => self.matches("github.ref_name", pattern),
            None => Bool::comparison(format!("github.ref_name == {}", quoted(item)), item),
        }
    }

    /// Returns a condition; nothing where GitHub has no such value.
    pub(super) fn condition(&self, condition: &Condition) -> Option<Bool> {
        Some(match condition {
            Condition::Holds(b) => Bool::Const(*b),
            Condition::Not(inner) => self.condition(inner)?.not(),
            Condition::All(items) => {
                let items = items.iter().map(|i| self.condition(i));
                Bool::all(items.collect::<Option<Vec<_>>>()?)
            }
            Condition::Any(items) => {
                let items = items.iter().map(|i| self.condition(i));
                Bool::any(items.collect::<Option<Vec<_>>>()?)
            }
            Condition::Is(Operand::Condition(inner)) => self.condition(inner)?,
            Condition::Is(operand) => Bool::Atom(self.operand(operand)?),
            Condition::Equal(a, b) => {
                // A comparison that begins with the value reads better.
                let (a, b) = match a {
                    Operand::Literal(_) => (b, a),
                    _ => (a, b),
                };
                match (a, b) {
                    (Operand::Literal(a), Operand::Literal(b)) => Bool::Const(a == b),
                    (a, Operand::Literal(Data::Bool(b))) if self.is_boolean(a) => {
                        let holds = Bool::Atom(self.operand(a)?);
                        match b {
                            true => holds,
                            false => holds.not(),
                        }
                    }
                    (a, b) => {
                        let text = format!("{} == {}", self.operand(a)?, self.operand(b)?);
                        self.compared(text, a, b)
                    }
                }
            }
            Condition::StartsWith(a, b) => {
                let text = format!("startsWith({}, {})", self.operand(a)?, self.operand(b)?);
                self.compared(text, a, b)
            }
            Condition::Less(a, b) => {
                Bool::Atom(format!("{} < {}", self.operand(a)?, self.operand(b)?))
            }
            Condition::Matches(value, pattern) => self.matches(&self.operand(value)?, pattern),
            Condition::Unknown => return None,
        })
    }

    /// Returns a comparison of two operands, loose where letters of a free text are compared.
    fn compared(&self, text: String, a: &Operand, b: &Operand) -> Bool {
        let with = match b {
            Operand::Literal(Data::Str(with)) => with.as_str(),
            Operand::Literal(_) | Operand::Condition(_) => "",
            Operand::Value(_) | Operand::Text(_) => "any",
        };
        match self.is_of_a_list(a) {
            true => Bool::Atom(text),
            false => Bool::comparison(text, with),
        }
    }

    /// Says whether a value is one of a list in which no two differ in case alone.
    fn is_of_a_list(&self, operand: &Operand) -> bool {
        let Operand::Value(name) = operand else {
            return false;
        };
        let Some(parameter) = name.strip_prefix(crate::transpile::values::PARAMETER) else {
            return matches!(
                name.as_str(),
                "pipeline.trigger_source"
                    | "pipeline.trigger.type"
                    | "pipeline.event.name"
                    | "pipeline.event.action"
                    | "pipeline.project.type"
                    | "pipeline.git.revision"
            );
        };
        let found = self.parameters.iter().find(|p| p.name == parameter);
        found.is_some_and(|p| {
            let mut options: Vec<String> = p.options.iter().map(|o| o.to_lowercase()).collect();
            options.sort_unstable();
            options.dedup();
            p.kind != "string" && options.len() == p.options.len()
        })
    }

    fn is_boolean(&self, operand: &Operand) -> bool {
        let Operand::Value(name) = operand else {
            return matches!(operand, Operand::Condition(_));
        };
        let parameter = name.strip_prefix(crate::transpile::values::PARAMETER);
        match parameter {
            Some(name) => self
                .parameters
                .iter()
                .any(|p| p.name == name && p.kind == "boolean"),
            None => name == "pipeline.git.branch.is_default",
        }
    }

    fn operand(&self, operand: &Operand) -> Option<String> {
        Some(match operand {
            Operand::Literal(Data::Str(text)) => quoted(text),
            Operand::Literal(Data::Bool(b)) => b.to_string(),
            Operand::Literal(Data::Int(n)) => n.to_string(),
            Operand::Literal(Data::Float(x)) => x.to_string(),
            Operand::Literal(_) => "''".to_owned(),
            Operand::Value(name) => {
                let text = names::pipeline_value(name, self.parameters)?;
                match text.contains(" || ") || text.contains(" == ") {
                    true => format!("({text})"),
                    false => text,
                }
            }
            Operand::Text(parts) => {
                let parts = parts.iter().map(|p| self.operand(p));
                let parts = parts.collect::<Option<Vec<_>>>()?;
                let places: String = (0..parts.len()).map(|i| format!("{{{i}}}")).collect();
                format!("format({}, {})", quoted(&places), parts.join(", "))
            }
            Operand::Condition(inner) => format!("({})", self.condition(inner)?),
        })
    }

    /// Returns whether a pattern matches all of a value.
    fn matches(&self, value: &str, pattern: &str) -> Bool {
        let ways = regex_syntax::parse(pattern).ok().and_then(|hir| ways(&hir));
        let plain = ways.and_then(|ways| {
            let ways = ways.iter().map(|way| comparison(value, way));
            ways.collect::<Option<Vec<_>>>()
        });
        if let Some(ways) = plain {
            return Bool::any(ways);
        }
        let check = (value.to_owned(), pattern.to_owned());
        let mut checks = self.checks.borrow_mut();
        let at = checks.iter().position(|c| *c == check).unwrap_or_else(|| {
            checks.push(check);
            checks.len() - 1
        });
        Bool::Atom(format!("needs.{GATE}.outputs.match-{} == 'true'", at + 1))
    }
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `.*`
    Any,
    /// `.+`
    Some,
}

/// Returns the ways through a pattern of literals, `.*` and `.+`; nothing for any other.
fn ways(hir: &Hir) -> Option<Vec<Vec<Piece>>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::End) => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => {
            let text = String::from_utf8(literal.0.to_vec()).ok()?;
            Some(vec![vec![Piece::Literal(text)]])
        }
        HirKind::Capture(capture) => ways(&capture.sub),
        HirKind::Repetition(r) if *r.sub == Hir::dot(Dot::AnyCharExceptLF) && r.max.is_none() => {
            match r.min {
                0 => Some(vec![vec![Piece::Any]]),
                1 => Some(vec![vec![Piece::Some]]),
                _ => None,
            }
        }
        HirKind::Repetition(r) if r.min == 0 && r.max == Some(1) => {
            let mut out = ways(&r.sub)?;
            out.push(Vec::new());
            Some(out)
        }
        HirKind::Alternation(items) => {
            let mut out = Vec::new();
            for item in items {
                out.extend(ways(item)?);
            }
            (out.len() <= MOST_WAYS).then_some(out)
        }
        HirKind::Concat(items) => {
            let mut out: Vec<Vec<Piece>> = vec![Vec::new()];
            for item in items {
                let next = ways(item)?;
                if out.len() * next.len() > MOST_WAYS {
                    return None;
                }
                out = out
                    .iter()
                    .flat_map(|before| next.iter().map(move |after| joined(before, after)))
                    .collect();
            }
            Some(out)
        }
        _ => None,
    }
}

fn joined(before: &[Piece], after: &[Piece]) -> Vec<Piece> {
    let mut out = before.to_vec();
    for piece in after {
        match (out.last_mut(), piece) {
            (Some(Piece::Literal(a)), Piece::Literal(b)) => a.push_str(b),
            (Some(Piece::Any), Piece::Any) => {}
            _ => out.push(piece.clone()),
        }
    }
    out
}

fn comparison(value: &str, way: &[Piece]) -> Option<Bool> {
    use Piece::{Any, Literal, Some as Plus};
    let starts =
        |text: &str| Bool::comparison(format!("startsWith({value}, {})", quoted(text)), text);
    let ends = |text: &str| Bool::comparison(format!("endsWith({value}, {})", quoted(text)), text);
    let same = |text: &str| Bool::comparison(format!("{value} == {}", quoted(text)), text);
    Some(match way {
        [] => same(""),
        [Any] => Bool::Const(true),
        [Plus] => same("").not(),
        [Literal(a)] => same(a),
        [Literal(a), Any] => starts(a),
        [Literal(a), Plus] => Bool::all([starts(a), same(a).not()]),
        [Any, Literal(a)] => ends(a),
        [Plus, Literal(a)] => Bool::all([ends(a), same(a).not()]),
        [Any, Literal(a), Any] => Bool::comparison(format!("contains({value}, {})", quoted(a)), a),
        // Where the two could share characters, a shorter text would pass.
        [Literal(a), Any, Literal(b)]
            if !(1..=a.len().min(b.len())).any(|n| a.as_bytes().ends_with(&b.as_bytes()[..n])) =>
        {
            Bool::all([starts(a), ends(b)])
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pattern: &str) -> String {
        Filterer::new(&[]).matches("x", pattern).to_string()
    }

    #[test]
    fn patterns_of_literals_become_comparisons() {
        assert_eq!(written("main"), "x == 'main'");
        assert_eq!(written("^release/.*$"), "startsWith(x, 'release/')");
        assert_eq!(written(".*-rc"), "endsWith(x, '-rc')");
        assert_eq!(
            written("main|dev-.+"),
            "x == 'main' || (startsWith(x, 'dev-') && !(x == 'dev-'))"
        );
        assert_eq!(written(".*"), "true");
        assert_eq!(written("v.*-x"), "startsWith(x, 'v') && endsWith(x, '-x')");
    }

    #[test]
    fn other_patterns_are_matched_by_the_job_in_front() {
        assert_eq!(
            written(r"v\d+"),
            "needs.circleci-filters.outputs.match-1 == 'true'"
        );
        assert_eq!(
            written("ab.*ba"),
            "needs.circleci-filters.outputs.match-1 == 'true'"
        );
    }
}
