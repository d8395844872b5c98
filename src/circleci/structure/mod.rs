//! The structure of a config: its data against the schema in `schemas/`, every error turned into
//! a problem that names the key that is wrong, what is expected there, and the nearest name.
//!
//! The schema sees a config as it is written: jobs that no workflow runs and commands that nobody
//! calls are checked too, which the compiler does not reach.

mod explain;
mod fault;
mod fits;
mod instance;
mod place;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value as Json;

use super::builtin::STEP_NAMES;
use super::problem::{Problem, UNSUPPORTED};
use super::value::Value;
use crate::hash::{HashMap, HashSet};
use crate::yaml::Location;
use fault::FaultKind;
use fits::Parts;
use instance::Config;
use place::{Place, Segment};

/// The schema as text.
const TEXT: &str = include_str!("../../../schemas/circleci.schema.json");

/// Most values of a config whose structure is checked, those behind aliases and merge keys counted
/// at each use; real configs have some thousand.
const MOST_VALUES: u32 = 2_000_000;

/// Deepest nesting of a config whose structure is checked.
const DEEPEST: u16 = 220;

/// Most errors of one config that are looked at.
const MOST_ERRORS: usize = 5_000;

/// The schema. A test holds that it can be read and compiled: there is nothing to say to a user
/// whose binary carries a broken one.
static SCHEMA: LazyLock<Option<Json>> = LazyLock::new(|| serde_json::from_str(TEXT).ok());

/// The schema's parts, for the quick answer.
static PARTS: LazyLock<Option<Parts>> = LazyLock::new(|| Parts::read(SCHEMA.as_ref()?));

/// The schema compiled, for the first config that does not fit it.
static VALIDATOR: LazyLock<Option<Validator<Config>>> = LazyLock::new(|| {
    jsonschema::options_for::<Config>()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(SCHEMA.as_ref()?)
        .ok()
});

/// Reports what the schema does not allow and nothing else has reported yet.
pub(super) fn check(root: &Value, problems: &mut Vec<Problem>) {
    // The schema goes through shared values each time, and the validator down with its own stack.
    let readable = root.weight() <= MOST_VALUES && root.depth() <= DEEPEST;
    if !readable || PARTS.as_ref().is_some_and(|parts| parts.fit(root)) {
        return;
    }
    let (Some(schema), Some(validator)) = (SCHEMA.as_ref(), VALIDATOR.as_ref()) else {
        return;
    };
    let mut faults = Vec::new();
    for error in validator.iter_errors(root).take(MOST_ERRORS) {
        fault::faults(&error, &mut faults);
    }
    let shadowed = shadowed_steps(root);
    let torn: HashSet<String> = faults
        .iter()
        .filter(|f| matches!(f.kind, FaultKind::Several))
        .map(|f| f.at.clone())
        .collect();
    let mut said = Said::new(problems);
    for fault in &faults {
        // The version is read before anything else, with words of its own.
        if fault.at == "/version" || below(&fault.at, &torn) {
            continue;
        }
        let place = Place::find(root, &fault.at);
        if is_shadowed(&place, &shadowed) {
            continue;
        }
        for (problem, key) in explain::problems(fault, &place, schema) {
            if said.is_new(&problem, key.as_deref()) {
                problems.push(problem);
            }
        }
    }
}

/// Says whether a pointer leads below one of these.
fn below(at: &str, torn: &HashSet<String>) -> bool {
    !torn.is_empty()
        && at
            .char_indices()
            .filter(|(_, c)| *c == '/')
            .any(|(i, _)| torn.contains(&at[..i]))
}

/// Returns the commands of the config that have the name of a builtin step and stand in for it
/// (circleci-semantics §5.5).
fn shadowed_steps(root: &Value) -> Vec<String> {
    let commands = |of: &Value| -> Vec<String> {
        of.get("commands")
            .map_or(&[][..], |c| c.value.entries())
            .iter()
            .map(|e| e.key.to_string())
            .filter(|name| name == "deploy" || STEP_NAMES.contains(&name.as_str()))
            .collect()
    };
    let mut names = commands(root);
    for orb in root.get("orbs").map_or(&[][..], |o| o.value.entries()) {
        names.extend(commands(&orb.value));
    }
    names
}

/// Says whether a place is inside a call of a command that has a builtin step's name.
fn is_shadowed(place: &Place, shadowed: &[String]) -> bool {
    !shadowed.is_empty()
        && place.path.windows(2).any(|pair| match pair {
            [Segment::Index(_), Segment::Key(name)] => shadowed.contains(name),
            _ => false,
        })
}

/// What has been said about which place.
struct Said {
    /// By place: the rules, with what they said.
    at: HashMap<Location, Vec<(&'static str, String)>>,
}

impl Said {
    fn new(problems: &[Problem]) -> Self {
        let mut said = Self {
            at: HashMap::default(),
        };
        for problem in problems.iter().filter(|p| p.rule != UNSUPPORTED) {
            said.note(problem);
        }
        said
    }

    fn note(&mut self, problem: &Problem) {
        if let Some(label) = problem.labels.first() {
            let said = self.at.entry(label.at).or_default();
            said.push((problem.rule, label.text.clone()));
        }
    }

    /// Says whether a problem is news, and remembers it. `key` is the key that is missing: several
    /// may be missing at one place.
    fn is_new(&mut self, problem: &Problem, key: Option<&str>) -> bool {
        let Some(label) = problem.labels.first() else {
            return false;
        };
        let known = self.at.get(&label.at).is_some_and(|said| {
            said.iter().any(|(rule, text)| match key {
                Some(key) => *rule == problem.rule && text.contains(&format!("`{key}`")),
                // Whatever another rule has to say about a value, it is the same mistake; what
                // is missing beside it is not.
                None => *rule != "missing-key",
            })
        });
        if !known {
            self.note(problem);
        }
        !known
    }
}

#[cfg(test)]
mod tests;
