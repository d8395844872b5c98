//! The conditions that a config leaves open, as they are met while it is compiled: what each one
//! says, and which others have to hold for it to be reached.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::circleci::expr::{Lookup, Truth, names, parse};
use crate::circleci::logic::{self, Place};
use crate::circleci::symbol::{Part, Symbol, SymbolKind};
use crate::circleci::template::{Piece, pieces};
use crate::circleci::value::{Data, Value};
use crate::hash::{HashMap, HashSet};
use crate::yaml::Location;

/// Most different conditions that are kept.
const MOST_FORMULAS: usize = 500;

/// Most bytes that a condition may come to when it is written down: aliases may make a short text
/// stand for more than anybody could want to see both ways.
const MOST_BYTES: usize = 20_000;

/// Most ways to a condition that are kept.
const MOST_INSTANCES: usize = 1_000;

/// The conditions of a config.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    /// What they say, each once.
    pub(crate) formulas: Vec<Formula>,
    /// Where they are asked.
    pub(crate) instances: Vec<Instance>,
    /// Whether there were more than are kept.
    pub(crate) more: bool,
    known: HashMap<String, usize>,
    met: HashSet<(Vec<Guard>, usize)>,
    /// What has to hold for what is compiled now.
    around: Vec<Guard>,
}

/// What a condition says, apart from where it stands.
#[derive(Debug)]
pub(crate) struct Formula {
    /// The condition.
    pub(crate) value: Value,
    /// Which language it is written in.
    pub(crate) place: Place,
    /// Where it stands first.
    pub(crate) at: Location,
    /// The values of the pipeline that it rests on.
    pub(crate) variables: BTreeSet<Rc<str>>,
}

/// A condition that is asked where other conditions have led.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// What has to hold for it to be asked.
    pub(crate) guards: Vec<Guard>,
    /// What it says.
    pub(crate) formula: usize,
}

/// A condition with the outcome that leads on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guard {
    /// The condition.
    pub(crate) formula: usize,
    /// Whether it has to hold.
    pub(crate) holds: bool,
}

impl Conditions {
    /// Notes an open condition; returns it where it rests on values of the pipeline.
    pub(crate) fn meet(&mut self, value: &Value, place: Place, at: Location) -> Option<usize> {
        let mut said = String::new();
        let mut variables = BTreeSet::new();
        describe(value, place, &mut said, &mut variables);
        if said.len() > MOST_BYTES {
            self.more = true;
            return None;
        }
        if variables.is_empty() {
            return None;
        }
        let formula = match self.known.get(&said) {
            Some(known) => *known,
            None if self.formulas.len() >= MOST_FORMULAS => {
                self.more = true;
                return None;
            }
            None => {
                self.formulas.push(Formula {
                    value: value.clone(),
                    place,
                    at,
                    variables,
                });
                self.known.insert(said, self.formulas.len() - 1);
                self.formulas.len() - 1
            }
        };
        if self.instances.len() >= MOST_INSTANCES {
            self.more = true;
        } else if self.met.insert((self.around.clone(), formula)) {
            self.instances.push(Instance {
                guards: self.around.clone(),
                formula,
            });
        }
        Some(formula)
    }

    /// Enters what a condition leads to.
    pub(crate) fn enter(&mut self, formula: usize, holds: bool) {
        self.around.push(Guard { formula, holds });
    }

    /// Leaves it again.
    pub(crate) fn leave(&mut self) {
        self.around.pop();
    }
}

impl Formula {
    /// Judges the condition with these values of the pipeline.
    pub(crate) fn truth(&self, lookup: &dyn Fn(&str) -> Lookup) -> Truth {
        // What is wrong with it has been reported.
        logic::open_condition(&self.value, self.place, lookup, &mut Vec::new())
    }
}

/// Writes down what a condition says, the same for the same, and gathers what it rests on.
fn describe(value: &Value, place: Place, said: &mut String, variables: &mut BTreeSet<Rc<str>>) {
    match value.as_str() {
        Some(text) if logic::is_bare_expression(text, place) => {
            if let Ok(expr) = parse(text) {
                let found = names(&expr).into_iter().map(|name| name.text);
                variables.extend(
                    found
                        .filter(|name| name.starts_with("pipeline."))
                        .map(Rc::from),
                );
            }
            said.push_str("expression ");
            said.push_str(text.trim());
        }
        _ => statement(value, said, variables),
    }
}

fn statement(value: &Value, said: &mut String, variables: &mut BTreeSet<Rc<str>>) {
    if said.len() > MOST_BYTES {
        return;
    }
    if let Some(symbol) = value.symbol() {
        symbol.variables(variables);
        write_symbol(symbol, said);
        return;
    }
    match value.data() {
        Data::List(items) => {
            said.push('[');
            for item in items {
                statement(&item.value, said, variables);
                said.push(',');
            }
            said.push(']');
        }
        Data::Map(entries) => {
            said.push('{');
            for entry in entries {
                said.push_str(&format!("{:?}:", entry.key));
                statement(&entry.value, said, variables);
                said.push(',');
            }
            said.push('}');
        }
        Data::Str(text) => {
            said.push_str(&format!("{text:?}"));
            for piece in pieces(text).unwrap_or_default() {
                if let Piece::Reference(inner) = piece
                    && let Ok(expr) = parse(inner)
                {
                    let found = names(&expr).into_iter().map(|name| name.text);
                    variables.extend(
                        found
                            .filter(|name| name.starts_with("pipeline."))
                            .map(Rc::from),
                    );
                }
            }
        }
        other => said.push_str(&format!("{other:?}")),
    }
}

fn write_symbol(symbol: &Symbol, said: &mut String) {
    match symbol.kind() {
        SymbolKind::Variable(name) => {
            said.push('$');
            said.push_str(name);
        }
        SymbolKind::Text(parts) => {
            said.push_str("text(");
            for part in parts {
                match part {
                    Part::Plain(text) => said.push_str(&format!("{text:?}")),
                    Part::Value(value) => write_value(value, said),
                }
                said.push(',');
            }
            said.push(')');
        }
        SymbolKind::Expression(expr, bound) => {
            said.push_str(&format!("({expr}|"));
            for (name, value) in bound {
                said.push_str(name);
                said.push('=');
                write_value(value, said);
                said.push(',');
            }
            said.push(')');
        }
    }
}

fn write_value(value: &Value, said: &mut String) {
    match value.symbol() {
        Some(symbol) => write_symbol(symbol, said),
        None => said.push_str(&format!("{:?}", value.as_text())),
    }
}
