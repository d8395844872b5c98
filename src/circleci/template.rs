//! `<< … >>` in texts (circleci-semantics §5.4): found, looked up, put in place.

use std::rc::Rc;

use super::expr::{Error, Lookup, Outcome, evaluate, names, parse};
use super::library::Library;
use super::logic::{expression_problem, to_scalar, to_value};
use super::memo::{MOST_NAMES, Memo, Rests};
use super::pipeline::{LocalValues, suggestion};
use super::problem::Problem;
use super::symbol::{Part, Symbol, SymbolKind};
use super::value::{Data, Entry, Item, Names, Value};
use crate::finding::nearest;
use crate::plan::{Filled, stand_in};
use crate::yaml::Location;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Text as it is; `\<<` is already `<<`.
    Text(String),
    /// What stands between `<<` and `>>`, trimmed.
    Reference(&'a str),
}

/// A `<<` without its `>>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unclosed;

/// Returns where a sign first stands twice. Texts are searched so often that setting up a search for
/// words would cost more than the search.
pub(crate) fn twice(text: &str, sign: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(sign, bytes).find(|i| bytes.get(i + 1) == Some(&sign))
}

/// Cuts a text into pieces.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, Unclosed> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(i) = twice(rest, b'<') {
        if rest[..i].ends_with('\\') {
            plain.push_str(&rest[..i - 1]);
            plain.push_str("<<");
            rest = &rest[i + 2..];
            continue;
        }
        let after = &rest[i + 2..];
        let end = twice(after, b'>').ok_or(Unclosed)?;
        plain.push_str(&rest[..i]);
        if !plain.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut plain)));
        }
        out.push(Piece::Reference(after[..end].trim()));
        rest = &after[end + 2..];
    }
    plain.push_str(rest);
    if !plain.is_empty() || out.is_empty() {
        out.push(Piece::Text(plain));
    }
    Ok(out)
}

/// The names that a text may refer to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// `parameters.x` of the job, command or executor around it.
    pub(crate) parameters: Vec<(Rc<str>, Value)>,
    /// `matrix.x`, inside an entry with a matrix.
    pub(crate) matrix: Vec<(Rc<str>, Value)>,
    /// `pipeline.parameters.x`; nothing inside an orb, where they are out of scope.
    pub(crate) pipeline: Rc<Vec<(Rc<str>, Value)>>,
    /// The other values of the pipeline, `pipeline.number` and so on.
    pub(crate) values: Rc<LocalValues>,
    /// Where the names of commands, executors and jobs are looked up.
    pub(crate) library: Rc<Library>,
    /// The executors that were given as arguments, and where their names mean something: with who
    /// gave them.
    pub(crate) lent: Vec<(Rc<str>, Rc<Library>)>,
    /// What templates came to before, in this config.
    pub(crate) memo: Rc<Memo>,
}

impl Scope {
    /// Returns where the name of an executor is looked up.
    pub(crate) fn executors(&self, name: &str) -> &Rc<Library> {
        let lent = self.lent.iter().find(|(n, _)| **n == *name);
        lent.map_or(&self.library, |(_, library)| library)
    }
}

enum Found {
    Value(Value),
    /// Known to the service, unknown here.
    Unsupported(String),
    /// Unknown to the service too.
    Missing(Option<String>),
    /// Named like a value of the pipeline, and none.
    NoPipelineValue(Option<&'static str>),
    /// An expression that is wrong, with its problems.
    Wrong(Vec<Error>),
}

impl Scope {
    fn find(&self, name: &str) -> Found {
        let of = |list: &[(Rc<str>, Value)], prefix: &str, key: &str| match list
            .iter()
            .find(|(n, _)| &**n == key)
        {
            Some((_, value)) => Found::Value(value.clone()),
            None => Found::Missing(
                nearest(key, list.iter().map(|(n, _)| &**n)).map(|n| format!("{prefix}{n}")),
            ),
        };
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.starts_with(['#', '/', '^']) {
            // Sections of the previews of 2018 (circleci-semantics §5.4); configs that run have them.
            return Found::Unsupported("sections, <<# >> and <</ >>".to_owned());
        }
        if name.starts_with("include(") && self.library.is_orb {
            // The source of an orb before it is packed (circleci-semantics §5.4).
            return Found::Unsupported("<<include()>>, which packing fills in".to_owned());
        }
        if !name.bytes().all(word) {
            return self.expression(name);
        }
        if let Some(key) = name.strip_prefix("parameters.") {
            return of(&self.parameters, "parameters.", key);
        }
        if let Some(key) = name.strip_prefix("pipeline.parameters.") {
            return of(&self.pipeline, "pipeline.parameters.", key);
        }
        if let Some(key) = name.strip_prefix("matrix.") {
            return of(&self.matrix, "matrix.", key);
        }
        if name.starts_with("pipeline.") {
            return match self.values.get(name) {
                Lookup::Value(scalar) => {
                    let value = to_value(&scalar, Location::default());
                    // What is given is no other in another pipeline.
                    Found::Value(match self.values.is_given(name) {
                        true => value,
                        false => value.standing_for(Symbol::variable(name)),
                    })
                }
                Lookup::Unknown => Found::Unsupported(format!("the value of `{name}`")),
                Lookup::Missing => Found::NoPipelineValue(suggestion(name)),
            };
        }
        Found::Missing(None)
    }

    /// Returns a text that marks a value of the pipeline, where marks are wanted.
    fn mark(&self, value: &Value) -> Option<String> {
        let symbol = value.symbol().filter(|_| self.values.marks())?;
        let SymbolKind::Variable(name) = symbol.kind() else {
            return None;
        };
        Some(stand_in(name, &value.as_text()?))
    }

    /// Marks a value that is a text; others keep their type, and with it what they are here.
    fn marked(&self, value: Value) -> Value {
        let text = value.as_str().is_some() || value.is_null();
        match self.mark(&value).filter(|_| text) {
            Some(mark) => Value::new(Data::Str(mark.as_str().into()), value.at())
                .standing_for(value.symbol().cloned()),
            None => value,
        }
    }

    /// Keeps the mark of a value that keeps its type: who reads it as a text finds it there.
    fn remember(&self, value: &Value, at: Location, filled: &mut Vec<Filled>) {
        let text = value.as_str().is_some() || value.is_null();
        let Some(mark) = self.mark(value).filter(|_| !text) else {
            return;
        };
        if !filled.iter().any(|f| *f.name == *mark) {
            filled.push(Filled {
                at: filled.last().map_or(at, |f| f.at),
                name: mark.into(),
                whole: true,
            });
        }
    }

    /// Evaluates what is more than a name (circleci-semantics §5.9).
    fn expression(&self, text: &str) -> Found {
        let expr = match parse(text) {
            Ok(expr) => expr,
            Err(error) => return Found::Wrong(vec![error]),
        };
        let evaluation = evaluate(&expr, &|name| self.scalar(name));
        if !evaluation.errors.is_empty() {
            return Found::Wrong(evaluation.errors);
        }
        let Outcome::Known(scalar) = evaluation.outcome else {
            return Found::Unsupported(
                "expressions over values that only the service knows".to_owned(),
            );
        };
        let value = to_value(&scalar, Location::default());
        let mut bound: Vec<(Rc<str>, Value)> = Vec::new();
        for name in names(&expr) {
            if !bound.iter().any(|(n, _)| **n == *name.text)
                && let Found::Value(value) = self.find(name.text)
            {
                bound.push((Rc::from(name.text), value));
            }
        }
        let mut filled = Vec::new();
        for (name, value) in &bound {
            trace(name, value, false, &mut filled);
        }
        let value = value.filled_in(Location::default(), filled);
        Found::Value(if bound.iter().any(|(_, v)| v.is_open()) {
            value.standing_for(Symbol::expression(expr, bound))
        } else {
            value
        })
    }

    /// Returns what a name stands for in an expression.
    pub(crate) fn scalar(&self, name: &str) -> Lookup {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !name.bytes().all(plain) {
            return Lookup::Missing;
        }
        match self.find(name) {
            Found::Value(value) => to_scalar(&value).map_or(Lookup::Unknown, Lookup::Value),
            Found::Unsupported(_) | Found::Wrong(_) => Lookup::Unknown,
            Found::Missing(_) | Found::NoPipelineValue(_) => Lookup::Missing,
        }
    }

    /// Returns what a name stands for where that is the same in every pipeline.
    pub(crate) fn closed(&self, name: &str) -> Lookup {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        match name.bytes().all(plain).then(|| self.find(name)) {
            Some(Found::Value(value)) if value.is_open() => Lookup::Unknown,
            _ => self.scalar(name),
        }
    }

    /// Puts values in the place of references, in a value and everything below it.
    pub(crate) fn apply(&self, value: &Value, problems: &mut Vec<Problem>) -> Value {
        let Some(names) = value.names() else {
            return value.clone();
        };
        let Some(rests) = self.rests(names) else {
            return self.fill(value, problems);
        };
        if let Some(known) = self.memo.get(value, &rests) {
            return known;
        }
        let before = problems.len();
        let made = self.fill(value, problems);
        // What is wrong is said each time.
        if problems.len() == before {
            self.memo.keep(value, rests, &made);
        }
        made
    }

    /// Returns the values of some names, where they are few and all known.
    fn rests(&self, names: &Names) -> Option<Rests> {
        if names.more || names.parameters.len() > MOST_NAMES {
            return None;
        }
        let mut rests = Rests::default();
        for name in &names.parameters {
            let (list, key) = if let Some(key) = name.strip_prefix("parameters.") {
                (&self.parameters, key)
            } else if let Some(key) = name.strip_prefix("matrix.") {
                (&self.matrix, key)
            } else {
                (&*self.pipeline, name.strip_prefix("pipeline.parameters.")?)
            };
            let (_, value) = list.iter().find(|(n, _)| **n == *key)?;
            if !rests.on(value) {
                return None;
            }
        }
        if names.pipeline {
            rests.on_pipeline(&self.values);
        }
        Some(rests)
    }

    fn fill(&self, value: &Value, problems: &mut Vec<Problem>) -> Value {
        let data = match value.data() {
            Data::Str(text) => return self.text(text, value.at(), problems),
            Data::List(items) => Data::List(
                items
                    .iter()
                    .map(|item| Item {
                        value: self.apply(&item.value, problems),
                        through: item.through,
                    })
                    .collect(),
            ),
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        key: self.key(entry, problems),
                        key_at: entry.key_at,
                        value: self.apply(&entry.value, problems),
                        through: entry.through,
                    })
                    .collect(),
            ),
            _ => return value.clone(),
        };
        Value::new(data, value.at())
    }

    fn key(&self, entry: &Entry, problems: &mut Vec<Problem>) -> Rc<str> {
        if !entry.key.contains("<<") {
            return Rc::clone(&entry.key);
        }
        let value = self.text(&entry.key, entry.key_at, problems);
        value
            .as_text()
            .map_or_else(|| Rc::clone(&entry.key), Rc::from)
    }

    fn text(&self, text: &str, at: Location, problems: &mut Vec<Problem>) -> Value {
        let pieces = match pieces(text) {
            Ok(pieces) => pieces,
            Err(Unclosed) => {
                problems.push(
                    Problem::new(
                        "unclosed-template",
                        "`<<` without its `>>`",
                        at,
                        "in this text",
                    )
                    .help("write `\\<<` where `<<` is meant as it is, a heredoc for example")
                    .note("the service says: Unclosed '<<' tag in string"),
                );
                return Value::new(Data::Str(Rc::from(text)), at);
            }
        };
        if let [Piece::Reference(name)] = pieces.as_slice() {
            return match self.lookup(name, at, problems) {
                // A reference that is the whole text keeps the type of what it stands for.
                Some(value) => {
                    let value = self.marked(value);
                    let mut filled = Vec::new();
                    trace(name, &value, true, &mut filled);
                    self.remember(&value, at, &mut filled);
                    value.filled_in(at, filled)
                }
                None => Value::new(Data::Str(Rc::from(text)), at),
            };
        }
        let mut out = String::new();
        let mut open = false;
        let mut unfilled = false;
        let mut parts = Vec::with_capacity(pieces.len());
        let mut filled = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(plain) => {
                    out.push_str(&plain);
                    parts.push(Part::Plain(plain.into()));
                }
                Piece::Reference(name) => match self.lookup(name, at, problems) {
                    Some(value) => match self.mark(&value).or_else(|| value.as_text()) {
                        Some(text) => {
                            open |= value.is_open();
                            out.push_str(&text);
                            trace(name, &value, false, &mut filled);
                            parts.push(Part::Value(value));
                        }
                        None => problems.push(Problem::new(
                            "argument-type",
                            format!("{} cannot stand inside a text", value.kind()),
                            at,
                            format!("`{name}` is {}", value.kind()),
                        )),
                    },
                    None => {
                        out.push_str(&format!("<< {name} >>"));
                        unfilled = true;
                    }
                },
            }
        }
        // What is put in place is not read as a template again.
        let value = Value::new(Data::Str(Rc::from(out)), at).filled_in(at, filled);
        if open {
            let symbol = if unfilled { None } else { Symbol::text(parts) };
            value.standing_for(symbol)
        } else {
            value
        }
    }

    fn lookup(&self, name: &str, at: Location, problems: &mut Vec<Problem>) -> Option<Value> {
        match self.find(name) {
            Found::Value(value) => Some(value),
            Found::Unsupported(what) => {
                problems.push(Problem::unsupported(&what, at));
                None
            }
            Found::Wrong(errors) => {
                problems.extend(errors.iter().map(|e| expression_problem(e, name, at)));
                None
            }
            Found::NoPipelineValue(near) => {
                let mut problem = Problem::new(
                    "undefined-pipeline-value",
                    "a pipeline value that does not exist",
                    at,
                    format!("there is no `{name}`"),
                );
                if let Some(near) = near {
                    problem = problem.did_you_mean(name, near);
                }
                problems.push(problem);
                None
            }
            Found::Missing(near) => {
                let mut problem = Problem::new(
                    "undefined-parameter",
                    "a template refers to a parameter that does not exist",
                    at,
                    format!("`{name}` is not declared here"),
                )
                .note(format!(
                    "the service says: Referred to a variable \"{name}\" that does not exist"
                ));
                if let Some(near) = near {
                    problem = problem.did_you_mean(name, &near);
                }
                problems.push(problem);
                None
            }
        }
    }
}

/// Most places that are remembered for one value.
const MOST_FILLED: usize = 8;

/// Adds where a reference got its value, and where that got its own.
fn trace(name: &str, value: &Value, whole: bool, out: &mut Vec<Filled>) {
    if out.len() >= MOST_FILLED {
        return;
    }
    // What only the service knows is given nowhere.
    if value.at() != Location::default() {
        out.push(Filled {
            name: name.into(),
            at: value.at(),
            whole,
        });
    }
    let before = value.filled().iter().take(MOST_FILLED - out.len());
    out.extend(before.map(|f| Filled {
        whole: f.whole && whole,
        ..f.clone()
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_its_references() {
        assert_eq!(
            pieces("a-<<parameters.x>>-<< y >>"),
            Ok(vec![
                Piece::Text("a-".into()),
                Piece::Reference("parameters.x"),
                Piece::Text("-".into()),
                Piece::Reference("y"),
            ])
        );
        assert_eq!(pieces(""), Ok(vec![Piece::Text(String::new())]));
    }

    #[test]
    fn an_escaped_heredoc_is_text() {
        assert_eq!(
            pieces("cat \\<<EOF"),
            Ok(vec![Piece::Text("cat <<EOF".into())])
        );
        assert_eq!(pieces("cat <<EOF"), Err(Unclosed));
    }
}
