//! Every outcome of the conditions: which values of the pipeline a config is compiled with, so
//! that each condition is seen both ways (circleci-semantics §4.8, §5.8, §5.9).

mod candidates;
mod conditions;
mod cover;
mod questions;
mod witness;

pub(crate) use witness::witness;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) use candidates::{Candidate, Variable};
pub(crate) use conditions::Conditions;

use super::expr::{Lookup, Scalar, Truth};
use crate::hash::HashMap;
use crate::plan::Pipeline;
use crate::yaml::Location;
use conditions::Formula;
use cover::{Assignment, Space};

/// Most variants that a config is compiled in. Of the 28 among 246 real configs that leave
/// conditions open, one has more outcomes; the others have 2 to 21.
const MOST_VARIANTS: usize = 32;

/// Most steps and calls that all variants together may come to.
const MOST_STEPS: usize = 60_000;

/// The outcomes of a config's conditions.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// How many different conditions depend on the pipeline.
    pub conditions: usize,
    /// How many outcomes they have together; none where they are too many to be counted.
    pub possible: Option<usize>,
    /// The outcomes that were compiled, the usual one first; empty where nothing is open.
    pub variants: Vec<Variant>,
    /// Conditions that came out one way only: where they stand, and which way.
    pub one_sided: Vec<(Location, bool)>,
    /// Whether there are more conditions than were looked at.
    pub more: bool,
    /// Where the config begins.
    pub start: Location,
    /// Combinations of values, by their numbers, with the variant that they come to.
    pub(crate) classes: Vec<(Assignment, usize)>,
}

/// The pipeline under one outcome of its conditions.
#[derive(Debug)]
pub struct Variant {
    /// The values that the conditions ask for.
    pub choices: Vec<Choice>,
    /// What would run; workflows that no variant runs are in all of them.
    pub pipeline: Pipeline,
}

/// A value of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its full name, `pipeline.parameters.deploy`.
    pub name: String,
    /// What it is, to be put behind the name: "is true".
    pub said: String,
    /// Whether nothing in the config says that it is ever used.
    pub invented: bool,
}

impl Outcomes {
    /// Says whether some outcomes were not looked at.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.more || (self.conditions > 0 && self.possible != Some(self.variants.len()))
    }

    /// Returns the shortest description of some variants, by their numbers, out of those that are
    /// compared: choices of the first of them, such that everything that agrees with them is one
    /// of the described. Nothing where that takes more than a person would read.
    #[must_use]
    pub fn under(&self, described: &[usize], compared: &[usize]) -> Vec<Choice> {
        const MOST_NAMES: usize = 3;
        const MOST_CHOICES: usize = 40;
        let Some((number, one)) = described
            .first()
            .and_then(|i| Some((i, self.variants.get(*i)?)))
        else {
            return Vec::new();
        };
        let Some(values) = self.values_of(*number) else {
            return Vec::new();
        };
        let others: Vec<&Assignment> = self
            .classes
            .iter()
            .filter(|(_, variant)| compared.contains(variant) && !described.contains(variant))
            .map(|(values, _)| values)
            .collect();
        // Only what differs can tell them apart.
        let differing: Vec<usize> = (0..values.len())
            .filter(|n| others.iter().any(|o| o[*n] != values[*n]))
            .collect();
        if differing.len() > MOST_CHOICES {
            return Vec::new();
        }
        let told_apart = |names: &[usize]| {
            others
                .iter()
                .all(|o| names.iter().any(|n| o[*n] != values[*n]))
        };
        let chosen = |names: &[usize]| names.iter().map(|n| one.choices[*n].clone()).collect();
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..=MOST_NAMES {
            if let Some(names) = sets.iter().find(|names| told_apart(names)) {
                return chosen(names);
            }
            sets = sets
                .iter()
                .flat_map(|names| {
                    let last = names.last().copied();
                    let next = differing
                        .iter()
                        .filter(move |n| last.is_none_or(|l| **n > l));
                    next.map(|n| [names.as_slice(), &[*n]].concat())
                })
                .collect();
        }
        // Of too many names to be tried: whatever is needed, from the first on.
        let mut names = differing.clone();
        for n in differing {
            let without: Vec<usize> = names.iter().copied().filter(|m| *m != n).collect();
            if told_apart(&without) {
                names = without;
            }
        }
        chosen(&names)
    }

    /// Returns the values of a variant, by their numbers.
    fn values_of(&self, variant: usize) -> Option<&Assignment> {
        let found = self.classes.iter().find(|(_, number)| *number == variant);
        found.map(|(values, _)| values)
    }
}

/// Words choices: "when `pipeline.parameters.deploy` is true".
#[must_use]
pub fn when(choices: &[Choice]) -> String {
    let words: Vec<String> = choices
        .iter()
        .map(|choice| format!("`{}` {}", choice.name, choice.said))
        .collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => {
            format!("when {} and {last}", first.join(", "))
        }
        words => format!("when {}", words.concat()),
    }
}

/// The values to compile a config with.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What each variant settles, the usual one first.
    pub(crate) variants: Vec<Chosen>,
    pub(crate) possible: Option<usize>,
    pub(crate) classes: Vec<(Assignment, usize)>,
    pub(crate) one_sided: Vec<(Location, bool)>,
}

/// The values of one variant.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) settled: Vec<(Rc<str>, Scalar)>,
    pub(crate) choices: Vec<Choice>,
}

/// Chooses the values that show the conditions both ways; `steps` is what compiling
/// them once comes to. `closed` knows the values that are given.
pub(crate) fn plan(
    conditions: &Conditions,
    variable: &dyn Fn(&str) -> Option<Variable>,
    closed: &dyn Fn(&str) -> Lookup,
    steps: usize,
) -> Plan {
    if conditions.formulas.is_empty() {
        return Plan::default();
    }
    let tried = candidates::candidates(&conditions.formulas, variable);
    let names: Vec<Rc<str>> = tried.keys().cloned().collect();
    let values: Vec<&Vec<Candidate>> = tried.values().collect();
    let judge = Judge::new(&conditions.formulas, &names, &values, closed);
    let both = [
        place(&names, "pipeline.git.branch"),
        place(&names, "pipeline.git.tag"),
    ];
    let said = |name: usize, value: usize| match &values[name][value].value {
        Scalar::Str(text) => !text.is_empty(),
        _ => false,
    };
    let given =
        |name: &str| matches!(closed(name), Lookup::Value(Scalar::Str(text)) if !text.is_empty());
    let given = [given("pipeline.git.branch"), given("pipeline.git.tag")];
    // A pipeline has a branch or a tag, never both.
    let possible = |assignment: &Assignment| {
        let named = |i: usize| given[i] || both[i].is_some_and(|name| said(name, assignment[name]));
        !(named(0) && named(1))
    };
    let space = Space {
        sizes: values.iter().map(|list| list.len()).collect(),
        left: std::cell::Cell::new(cover::MOST_JUDGEMENTS),
        rests_on: judge.rests_on.clone(),
        instances: &conditions.instances,
        truth: &|formula, assignment| judge.truth(formula, assignment),
        possible: &possible,
    };
    let most = (MOST_STEPS / steps.max(1)).clamp(2, MOST_VARIANTS);
    let cover = space.cover(most);
    let one_sided = one_sided(&conditions.formulas, &cover.chosen, &judge);
    let variants = cover
        .chosen
        .iter()
        .map(|assignment| Chosen::new(assignment, &names, &values))
        .collect();
    Plan {
        variants,
        possible: cover.all,
        classes: cover.classes,
        one_sided,
    }
}

impl Chosen {
    fn new(assignment: &Assignment, names: &[Rc<str>], values: &[&Vec<Candidate>]) -> Self {
        let mut settled = Vec::new();
        let mut choices = Vec::new();
        for ((name, list), value) in names.iter().zip(values).zip(assignment) {
            let candidate = &list[*value];
            settled.push((Rc::clone(name), candidate.value.clone()));
            choices.push(Choice {
                name: name.to_string(),
                said: candidate.said.clone(),
                invented: candidate.invented,
            });
        }
        Self { settled, choices }
    }
}

fn place(names: &[Rc<str>], name: &str) -> Option<usize> {
    names.iter().position(|known| **known == *name)
}

/// Returns the conditions that came out one way only.
fn one_sided(
    formulas: &[Formula],
    chosen: &[Assignment],
    judge: &Judge<'_>,
) -> Vec<(Location, bool)> {
    let mut out = Vec::new();
    for (i, formula) in formulas.iter().enumerate() {
        let seen = |truth: Truth| chosen.iter().any(|values| judge.truth(i, values) == truth);
        match (seen(Truth::True), seen(Truth::False)) {
            (true, false) => out.push((formula.at, true)),
            (false, true) => out.push((formula.at, false)),
            _ => {}
        }
    }
    out
}

/// What the answers of one formula are kept under: the values of the names that it rests on.
type Asked = (usize, Vec<usize>);

/// Judges conditions, each once for each of the values that it asks for.
struct Judge<'j> {
    formulas: &'j [Formula],
    names: BTreeMap<&'j str, usize>,
    values: &'j [&'j Vec<Candidate>],
    closed: &'j dyn Fn(&str) -> Lookup,
    rests_on: Vec<Vec<usize>>,
    known: RefCell<HashMap<Asked, Truth>>,
}

impl<'j> Judge<'j> {
    fn new(
        formulas: &'j [Formula],
        names: &'j [Rc<str>],
        values: &'j [&'j Vec<Candidate>],
        closed: &'j dyn Fn(&str) -> Lookup,
    ) -> Self {
        let names: BTreeMap<&str, usize> =
            names.iter().enumerate().map(|(i, n)| (&**n, i)).collect();
        let rests_on = formulas
            .iter()
            .map(|formula| {
                let found = formula.variables.iter();
                found
                    .filter_map(|name| names.get(&**name).copied())
                    .collect()
            })
            .collect();
        Self {
            formulas,
            names,
            values,
            closed,
            rests_on,
            known: RefCell::default(),
        }
    }

    fn truth(&self, formula: usize, assignment: &Assignment) -> Truth {
        let asked: Vec<usize> = self.rests_on[formula]
            .iter()
            .map(|name| assignment[*name])
            .collect();
        if let Some(known) = self.known.borrow().get(&(formula, asked.clone())) {
            return *known;
        }
        let lookup = |name: &str| match self.names.get(name) {
            Some(i) => Lookup::Value(self.values[*i][assignment[*i]].value.clone()),
            None => (self.closed)(name),
        };
        let truth = self.formulas[formula].truth(&lookup);
        self.known.borrow_mut().insert((formula, asked), truth);
        truth
    }
}
