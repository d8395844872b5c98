//! Conditions: the logic statements of `when` and `unless` (circleci-semantics §5.8), and the
//! expressions that a workflow's may be instead (§4.8, §5.9).
//!
//! A condition is judged as far as it is known: a name without a value leaves both outcomes open.
//! Every part is looked at, also where another one decides, so that each mistake is found.

use super::expr::{
    Error, ErrorKind, Evaluation, Kind, Lookup, Outcome, Pattern, Scalar, Truth, evaluate, names,
    parse,
};
use super::pipeline;
use super::problem::Problem;
use super::symbol;
use super::template::{Piece, pieces};
use super::value::{Data, Entry, Item, Value};
use crate::finding::nearest;
use crate::yaml::{Location, Span};

#[cfg(test)]
mod tests;

/// The rule for a logic statement whose arguments are of the wrong shape.
const INVALID: &str = "invalid-condition";
/// The rule for an expression that cannot be read or has the wrong types.
const EXPRESSION: &str = "invalid-expression";
/// The rule for an operator that the service does not have.
const UNKNOWN_OPERATOR: &str = "condition-unknown-operator";
/// The rule for text that is taken for an expression by its writer only.
const MIXED: &str = "condition-mixes-expression";
/// The rule for patterns that the new compiler refuses.
const REGEX: &str = "regex-unsupported";

/// Deepest nesting of logic statements (circleci-semantics §5.8).
const MAX_DEPTH: usize = 100;

/// Most statements of one condition. Aliases may make a short text stand for more than could ever
/// be judged.
const BUDGET: usize = 100_000;

const OPERATORS: [&str; 5] = ["and", "or", "not", "equal", "matches"];

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A workflow's `when` or `unless`: a text is an expression. The value must come here as it
    /// is written: once a template in it has been filled in, a text that was mixed from both can
    /// no longer be told from an expression.
    Workflow,
    /// A step's `condition`: logic statements only, templates filled in or not.
    Step,
}

/// Judges a condition, and reports what is wrong with it.
///
/// `lookup` is asked for every name; it answers [`Lookup::Unknown`] for a missing name that has
/// been reported already.
pub(crate) fn condition(
    value: &Value,
    place: Place,
    lookup: &dyn Fn(&str) -> Lookup,
    problems: &mut Vec<Problem>,
) -> Truth {
    Judge {
        place,
        lookup,
        problems,
        budget: BUDGET,
        open: false,
    }
    .condition(value)
}

/// Judges a condition as it would be with other values of the pipeline: a part that stands for
/// one of them is what `lookup` says, whatever was put in its place.
pub(crate) fn open_condition(
    value: &Value,
    place: Place,
    lookup: &dyn Fn(&str) -> Lookup,
    problems: &mut Vec<Problem>,
) -> Truth {
    Judge {
        place,
        lookup,
        problems,
        budget: BUDGET,
        open: true,
    }
    .condition(value)
}

/// Says whether a text is read as an expression in this place.
pub(crate) fn is_bare_expression(text: &str, place: Place) -> bool {
    place == Place::Workflow && !text.contains("<<") && !text.trim().is_empty()
}

/// Returns a value as expressions know it; none for a list or a map.
pub(crate) fn to_scalar(value: &Value) -> Option<Scalar> {
    Some(match value.data() {
        Data::Null => Scalar::Null,
        Data::Bool(b) => Scalar::Bool(*b),
        Data::Int(n) => Scalar::Int(*n),
        Data::Float(x) => Scalar::Float(*x),
        Data::Str(text) => Scalar::Str(String::from(&**text)),
        Data::List(_) | Data::Map(_) => return None,
    })
}

/// Returns what an expression came to as a value of the config, standing where the expression
/// stood.
pub(crate) fn to_value(scalar: &Scalar, at: Location) -> Value {
    let data = match scalar {
        Scalar::Null => Data::Null,
        Scalar::Bool(b) => Data::Bool(*b),
        Scalar::Int(n) => Data::Int(*n),
        Scalar::Float(x) => Data::Float(*x),
        Scalar::Str(text) => Data::Str(text.as_str().into()),
    };
    Value::new(data, at)
}

/// Words an expression's error; `text` is the expression's, `at` where it stands in the config.
pub(crate) fn expression_problem(error: &Error, text: &str, at: Location) -> Problem {
    let piece = text.get(error.span.range()).unwrap_or_default();
    let label = if piece.is_empty() {
        "at the end of this expression".to_owned()
    } else {
        format!("at `{}`, byte {} of it", shortened(piece), error.span.start)
    };
    let problem = match &error.kind {
        ErrorKind::MissingName(name) => return missing_name(name, at),
        kind if kind.is_about_pattern() => Problem::new(REGEX, kind.to_string(), at, label),
        kind => Problem::new(EXPRESSION, kind.to_string(), at, label),
    };
    match error.kind.hint() {
        Some(hint) => problem.help(hint),
        None => problem,
    }
}

fn missing_name(name: &str, at: Location) -> Problem {
    let note = format!("the service says: Referred to a variable \"{name}\" that does not exist");
    if name.starts_with("pipeline.") && !name.starts_with("pipeline.parameters.") {
        let problem = Problem::new(
            "undefined-pipeline-value",
            "an expression refers to a pipeline value that does not exist",
            at,
            format!("there is no `{name}`"),
        )
        .note(note);
        return match pipeline::suggestion(name) {
            Some(near) => problem.did_you_mean(name, near),
            None => problem,
        };
    }
    Problem::new(
        "undefined-parameter",
        "an expression refers to a parameter that does not exist",
        at,
        format!("`{name}` is not declared here"),
    )
    .note(note)
}

/// Cuts a piece of text to what fits into a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((i, _)) => format!("{}…", &text[..i]),
        None => text.to_owned(),
    }
}

/// Says whether a value counts as true in a logic statement: false, null, 0, NaN and "" do not
/// (circleci-semantics §5.8). An expression takes 0 for true.
fn truth_in_statement(outcome: &Outcome) -> Truth {
    match outcome {
        Outcome::Known(value) => match value {
            Scalar::Null => Truth::False,
            Scalar::Bool(b) => (*b).into(),
            Scalar::Int(n) => (*n != 0).into(),
            Scalar::Float(x) => (*x != 0.0 && !x.is_nan()).into(),
            Scalar::Str(text) => (!text.is_empty()).into(),
        },
        Outcome::Either(false) => Truth::False,
        Outcome::Either(true) | Outcome::Unknown => Truth::Unknown,
    }
}

struct Judge<'a> {
    place: Place,
    lookup: &'a dyn Fn(&str) -> Lookup,
    problems: &'a mut Vec<Problem>,
    budget: usize,
    /// Whether what stands for a value of the pipeline is looked up again.
    open: bool,
}

impl Judge<'_> {
    fn condition(&mut self, value: &Value) -> Truth {
        match value.as_str() {
            Some(text) if is_bare_expression(text, self.place) => self
                .expression(text, value.at())
                .map_or(Truth::Unknown, |evaluation| evaluation.truth()),
            _ => self.statement(value, 0),
        }
    }

    /// Returns what a value comes to that stands for one of the pipeline's.
    fn standing_for(&self, value: &Value) -> Option<Outcome> {
        let is_leaf = !value.is_list() && !value.is_map();
        (self.open && value.is_open() && is_leaf).then(|| symbol::outcome(value, self.lookup))
    }

    fn report(&mut self, rule: &'static str, title: &str, at: Location, text: &str) {
        self.problems.push(Problem::new(rule, title, at, text));
    }

    fn statement(&mut self, value: &Value, depth: usize) -> Truth {
        match self.budget.checked_sub(1) {
            Some(rest) => self.budget = rest,
            None => return Truth::Unknown,
        }
        if self.budget == 0 {
            self.report(
                INVALID,
                "a condition that stands for too many statements",
                value.at(),
                "the rest is not looked at",
            );
        }
        if let Some(outcome) = self.standing_for(value) {
            return truth_in_statement(&outcome);
        }
        match value.data() {
            Data::List(_) => {
                self.problems.push(
                    Problem::new(
                        INVALID,
                        "a list is no condition",
                        value.at(),
                        "say how its items count",
                    )
                    .help("put the list under `and:` or `or:`"),
                );
                Truth::Unknown
            }
            Data::Map(entries) => match entries.as_slice() {
                [] => Truth::False,
                [entry] => self.operator(entry, depth),
                [_, second, ..] => {
                    self.problems.push(
                        Problem::new(
                            INVALID,
                            "a logic statement with more than one operator",
                            second.key_at,
                            "one is all it may have",
                        )
                        .help("put the statements as items under one `and:` or `or:`"),
                    );
                    Truth::Unknown
                }
            },
            Data::Str(text) => self.text(text, value.at()),
            _ => truth_in_statement(&self.leaf(value)),
        }
    }

    /// A text in the place of a statement.
    fn text(&mut self, text: &str, at: Location) -> Truth {
        if !text.contains("<<") {
            if is_expression(text) {
                let help = match self.place {
                    Place::Workflow => "write the expression alone, as the value of `when`",
                    Place::Step => "write it as a logic statement, `equal: [a, << b >>]` for one",
                };
                self.problems.push(
                    Problem::new(
                        MIXED,
                        "an expression where none is read",
                        at,
                        "this is plain text, which always holds",
                    )
                    .help(help),
                );
            }
            return (!text.is_empty()).into();
        }
        let outcome = self.template(text, at);
        let plain = |piece: &Piece<'_>| matches!(piece, Piece::Text(_));
        match pieces(text) {
            Ok(parts) if parts.len() > 1 && parts.iter().any(plain) => {
                self.problems.push(
                    Problem::new(
                        MIXED,
                        "a condition that always holds: text around `<< >>`",
                        at,
                        "this becomes a text that is not empty",
                    )
                    .help(match self.place {
                        Place::Workflow => {
                            "write one expression without `<< >>`, or put all of it between them"
                        }
                        Place::Step => {
                            "write it as a logic statement, `equal: [a, << b >>]` for one"
                        }
                    }),
                );
                Truth::True
            }
            _ => truth_in_statement(&outcome),
        }
    }

    /// Fills in a text's templates.
    fn template(&mut self, text: &str, at: Location) -> Outcome {
        // An unclosed `<<` is reported where templates are read.
        let Ok(parts) = pieces(text) else {
            return Outcome::Unknown;
        };
        if let [Piece::Reference(inner)] = parts.as_slice() {
            return self
                .expression(inner, at)
                .map_or(Outcome::Unknown, |evaluation| evaluation.outcome);
        }
        let mut out = Some(String::new());
        for part in &parts {
            let filled = match part {
                Piece::Text(plain) => Some(plain.clone()),
                Piece::Reference(inner) => match self.expression(inner, at) {
                    Some(Evaluation {
                        outcome: Outcome::Known(scalar),
                        ..
                    }) => to_value(&scalar, at).as_text(),
                    _ => None,
                },
            };
            out = out.zip(filled).map(|(out, filled)| out + &filled);
        }
        out.map_or(Outcome::Unknown, |text| Outcome::Known(Scalar::Str(text)))
    }

    /// Evaluates an expression and reports its errors; none where it cannot be read.
    fn expression(&mut self, text: &str, at: Location) -> Option<Evaluation> {
        match parse(text) {
            Ok(expr) => {
                let evaluation = evaluate(&expr, self.lookup);
                let words = |e: &Error| expression_problem(e, text, at);
                self.problems.extend(evaluation.errors.iter().map(words));
                Some(evaluation)
            }
            Err(error) => {
                self.problems.push(expression_problem(&error, text, at));
                None
            }
        }
    }

    /// A value that is compared, not judged.
    fn leaf(&mut self, value: &Value) -> Outcome {
        if let Some(outcome) = self.standing_for(value) {
            return outcome;
        }
        match value.as_str() {
            Some(text) if text.contains("<<") => self.template(text, value.at()),
            _ => to_scalar(value).map_or(Outcome::Unknown, Outcome::Known),
        }
    }

    fn operator(&mut self, entry: &Entry, depth: usize) -> Truth {
        if depth >= MAX_DEPTH {
            self.report(
                INVALID,
                "a condition that is nested deeper than 100 levels",
                entry.key_at,
                "the service reads no deeper",
            );
            return Truth::Unknown;
        }
        let argument = &entry.value;
        // `and:` with nothing behind it. A null that was put there, or a template that came to
        // nothing, has bytes of its own.
        if OPERATORS.contains(&&*entry.key)
            && argument.is_null()
            && (&*entry.key != "not" || argument.at().span.is_empty())
        {
            return Truth::False;
        }
        match &*entry.key {
            "not" => self.statement(argument, depth + 1).negated(),
            "and" => self.all(entry, Truth::False, depth),
            "or" => self.all(entry, Truth::True, depth),
            "equal" => self.equal(entry),
            "matches" => self.matches(argument),
            key if key.contains("<<") => Truth::Unknown,
            _ => self.unknown_operator(entry),
        }
    }

    /// Returns the items that an operator takes.
    fn items<'v>(&mut self, entry: &'v Entry) -> Result<&'v [Item], Truth> {
        let argument = &entry.value;
        if argument.as_str().is_some_and(|text| text.contains("<<")) {
            return Err(Truth::Unknown);
        }
        if !argument.is_list() {
            let title = format!("`{}` takes a list", entry.key);
            let text = format!("this is {}", argument.kind());
            self.report(INVALID, &title, argument.at(), &text);
            return Err(Truth::Unknown);
        }
        if argument.items().is_empty() {
            let title = format!("`{}` with an empty list", entry.key);
            self.report(INVALID, &title, argument.at(), "it needs an item at least");
            return Err(Truth::False);
        }
        Ok(argument.items())
    }

    /// `and` and `or`: one item that is `decided` decides.
    fn all(&mut self, entry: &Entry, decided: Truth, depth: usize) -> Truth {
        let items = match self.items(entry) {
            Ok(items) => items,
            Err(truth) => return truth,
        };
        let mut so_far = decided.negated();
        for item in items {
            let truth = self.statement(&item.value, depth + 1);
            if truth == decided || so_far == decided {
                so_far = decided;
            } else if truth == Truth::Unknown {
                so_far = Truth::Unknown;
            }
        }
        so_far
    }

    fn equal(&mut self, entry: &Entry) -> Truth {
        let items = match self.items(entry) {
            Ok(items) => items,
            Err(truth) => return truth,
        };
        let mut first: Option<&Value> = None;
        let mut known: Option<Scalar> = None;
        let mut truth = Truth::True;
        for item in items {
            let value = &item.value;
            if value.is_list() || value.is_map() {
                // An executor may be given as a map, and is compared as one (circleci-semantics §5.6).
                let same = if value.is_templated() {
                    None
                } else if known.is_some() {
                    Some(false)
                } else {
                    first.map_or(Some(true), |first| value.same_as(first, &mut self.budget))
                };
                // What is not filled in yet is no measure for the others.
                first = first.or(Some(value).filter(|v| !v.is_templated()));
                match same {
                    Some(true) => {}
                    Some(false) => truth = Truth::False,
                    None if truth == Truth::True => truth = Truth::Unknown,
                    None => {}
                }
                continue;
            }
            match (self.leaf(value), &known) {
                (Outcome::Known(_), None) if first.is_some() => truth = Truth::False,
                (Outcome::Known(value), Some(known)) => {
                    if !value.equals(known) {
                        truth = Truth::False;
                    }
                }
                (Outcome::Known(value), None) => known = Some(value),
                (Outcome::Either(_) | Outcome::Unknown, _) => {
                    if truth == Truth::True {
                        truth = Truth::Unknown;
                    }
                }
            }
        }
        truth
    }

    fn matches(&mut self, argument: &Value) -> Truth {
        if !argument.is_map() {
            if argument.is_templated() {
                return Truth::Unknown;
            }
            self.problems.push(
                Problem::new(
                    INVALID,
                    "`matches` takes a map",
                    argument.at(),
                    format!("this is {}", argument.kind()),
                )
                .help("write `matches: {pattern: …, value: …}`"),
            );
            return Truth::Unknown;
        }
        for entry in argument.entries() {
            if !matches!(&*entry.key, "pattern" | "value") && !entry.key.contains("<<") {
                self.report(
                    INVALID,
                    "an argument that `matches` does not take",
                    entry.key_at,
                    "it takes `pattern` and `value`",
                );
            }
        }
        let pattern = self.text_of(argument, "pattern");
        let value = self.text_of(argument, "value");
        let Some((at, source)) = pattern else {
            return Truth::Unknown;
        };
        let pattern = Pattern::new(source, Span::default());
        if let Some(kind) = pattern.problem() {
            let problem = Problem::new(REGEX, kind.to_string(), at, "this pattern");
            self.problems.push(match kind.hint() {
                Some(hint) => problem.help(hint),
                None => problem,
            });
        }
        value.map_or(Truth::Unknown, |(_, text)| pattern.matches(&text))
    }

    /// Returns an argument of `matches` as text, where it is known.
    fn text_of(&mut self, argument: &Value, key: &str) -> Option<(Location, String)> {
        let Some(entry) = argument.get(key) else {
            let title = format!("`matches` without its `{key}`");
            self.report(
                INVALID,
                &title,
                argument.at(),
                "it takes `pattern` and `value`",
            );
            return None;
        };
        let at = entry.value.at();
        if entry.value.is_list() || entry.value.is_map() {
            let text = format!("this is {}", entry.value.kind());
            self.report(INVALID, "`matches` takes text", at, &text);
            return None;
        }
        match self.leaf(&entry.value) {
            Outcome::Known(scalar) => to_value(&scalar, at).as_text().map(|text| (at, text)),
            Outcome::Either(_) | Outcome::Unknown => None,
        }
    }

    /// A map with another key is a literal, and holds (circleci-semantics §5.8).
    fn unknown_operator(&mut self, entry: &Entry) -> Truth {
        let mut problem = Problem::new(
            UNKNOWN_OPERATOR,
            format!("`{}` is no logic operator", entry.key),
            entry.key_at,
            "a condition that always holds",
        )
        .note("operators are and, or, not, equal and matches; any other map is a plain value");
        if &*entry.key == "condition" && self.place == Place::Workflow {
            problem =
                problem.help("a workflow's `when` holds the condition itself: leave the key out");
        } else if let Some(meant) = meant(&entry.key) {
            problem = problem.did_you_mean(&entry.key, meant);
        }
        self.problems.push(problem);
        Truth::True
    }
}

/// Returns the operator that is meant by a word that is none.
fn meant(key: &str) -> Option<&'static str> {
    match key.to_ascii_lowercase().as_str() {
        "equals" | "eq" | "==" | "is" => Some("equal"),
        "match" | "regex" | "regexp" | "=~" => Some("matches"),
        "all" | "&&" => Some("and"),
        "any" | "||" => Some("or"),
        "!" | "none" | "unless" => Some("not"),
        lower => OPERATORS
            .into_iter()
            .find(|operator| *operator == lower)
            .or_else(|| nearest(key, OPERATORS)),
    }
}

/// Says whether a text without `<< >>` is meant as an expression: it reads as one, and it speaks
/// of a name that only an expression can mean.
fn is_expression(text: &str) -> bool {
    let meant = |name: &str| {
        ["pipeline.", "parameters.", "matrix."]
            .iter()
            .any(|scope| name.starts_with(scope))
    };
    parse(text).is_ok_and(|expr| {
        (expr.has_operator() || matches!(expr.kind, Kind::Name(_)))
            && names(&expr).iter().any(|name| meant(name.text))
    })
}
