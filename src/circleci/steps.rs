//! Lists of steps: strings, maps, commands of the config expanded in place
//! (circleci-semantics §5.5, §5.7).

use std::rc::Rc;

use super::builtin::{NotBuiltin, STEP_NAMES};
use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::expr::{Lookup, Truth};
use super::library::{Found, Kind, Library};
use super::logic;
use super::params::{Callee, bind};
use super::problem::{Problem, orb_without_source};
use super::rule;
use super::template::Scope;
use super::value::{Data, Entry, Item, Value};
use crate::finding::nearest;
use crate::plan::{Call, Condition, Invocation, Origin, Step, StepKind};
use crate::yaml::Location;

/// Deepest nesting of commands; the service refuses recursion, which this ends too.
const DEPTH: usize = 60;

/// Most calls of commands that one config may come to.
const MOST_EXPANSIONS: usize = 100_000;

/// Most steps that one job may come to.
const MOST_STEPS: usize = 20_000;

/// One call of a command.
struct CommandCall<'a> {
    /// The name as written, with its orb's.
    name: &'a str,
    at: Location,
    arguments: &'a Value,
}

impl Compiler<'_> {
    /// Expands a list of steps; `via` is how we got here.
    pub(crate) fn steps(
        &mut self,
        value: &Value,
        key_at: Location,
        via: &[Call],
        scope: &Scope,
        out: &mut Vec<Step>,
    ) {
        if value.is_null() {
            return;
        }
        if !value.is_list() {
            if !value.is_templated() {
                self.problems
                    .push(wrong_type("`steps` is a list", value, key_at));
            }
            return;
        }
        for item in value.items() {
            if out.len() >= MOST_STEPS {
                self.problems.push(Problem::new(
                    "too-large",
                    "a job of more steps than are read",
                    key_at,
                    format!("more than {MOST_STEPS} steps come of this"),
                ));
                return;
            }
            self.step(item, via, scope, out);
        }
    }

    fn step(&mut self, item: &Item, via: &[Call], scope: &Scope, out: &mut Vec<Step>) {
        let value = &item.value;
        let through = item.through.map(|alias| Call {
            what: "alias".into(),
            at: alias,
            defined: None,
            given: None,
        });
        let longer = through.map(|call| [via, &[call]].concat());
        let via = longer.as_deref().unwrap_or(via);
        let (name, name_at, body) = match value.data() {
            Data::Str(name) => (name, value.at(), None),
            Data::Map(entries) => {
                match entries.as_slice() {
                    [only] => (&only.key, only.key_at, Some(only)),
                    [] => return,
                    [first, second, ..] => {
                        self.problems.push(
                        Problem::new(
                            "misindented-step",
                            "a step with two keys",
                            second.key_at,
                            format!("`{}` stands beside `{}`, not below it", second.key, first.key),
                        )
                        .label(first.key_at, "the step")
                        .help(format!("indent `{}` so that it belongs to `{}`, or give it a `-` of its own", second.key, first.key)),
                    );
                        return;
                    }
                }
            }
            Data::List(_) => {
                self.problems.push(
                    Problem::new(
                        "steps-list-nested",
                        "a list stands where a step should",
                        item.through.unwrap_or_else(|| value.at()),
                        "lists of steps are not flattened",
                    )
                    .help("use `- steps: …`, a command, or write its steps here"),
                );
                return;
            }
            Data::Null => return,
            _ => {
                self.problems
                    .push(wrong_type("a step is a name or a map", value, value.at()));
                return;
            }
        };
        if name.contains("<<") {
            // What could not be resolved is reported where it stands.
            return;
        }
        self.named_step(name, name_at, body, value, via, scope, out);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step, with the place and the way to it"
    )]
    fn named_step(
        &mut self,
        name: &str,
        name_at: Location,
        body: Option<&Entry>,
        value: &Value,
        via: &[Call],
        scope: &Scope,
        out: &mut Vec<Step>,
    ) {
        let nothing = Value::null(name_at);
        let arguments = body.map_or(&nothing, |b| &b.value);
        let merged = arguments
            .entries()
            .iter()
            .filter_map(|e| e.reached(arguments));
        let merged = body
            .and_then(|b| b.reached(value))
            .into_iter()
            .chain(merged);
        let origin = Origin {
            at: value.at(),
            via: via.iter().cloned().chain(merged).collect(),
        };
        let mut found = Library::find(&scope.library, Kind::Command, name);
        if matches!(found, Found::Nowhere) && scope.library.is_orb {
            // Steps that an orb was given as an argument may name commands of the config.
            found = Library::find(&self.config.library, Kind::Command, name);
        }
        if let Found::Here(library, command) = &found {
            let call = CommandCall {
                name,
                at: name_at,
                arguments,
            };
            self.command(library, command, &call, via, scope, out);
            return;
        }
        match name {
            "steps" => {
                self.steps(arguments, name_at, via, scope, out);
                return;
            }
            // Version 2 has no steps under conditions (circleci-semantics §6).
            "when" | "unless" if self.config.templates => {
                self.conditional(name, name_at, arguments, via, scope, out);
                return;
            }
            _ => {}
        }
        let kind = match self.builtin(name, arguments, name_at) {
            Ok(kind) => kind,
            Err(NotBuiltin) => {
                match found {
                    Found::Opaque => self.problems.push(orb_without_source("commands", name_at)),
                    Found::NoOrb if self.config.templates => {
                        self.no_orb(name, name_at, &scope.library);
                    }
                    Found::NotInOrb(orb) => {
                        let rule = "undefined-command";
                        self.not_in_orb(rule, "a command", Kind::Command, name, name_at, &orb);
                    }
                    _ => {
                        self.undefined_command(name, name_at, &scope.library);
                    }
                }
                let call = self.invocation(name, arguments.entries().iter(), via, scope);
                Some(StepKind::Opaque(call))
            }
        };
        if let Some(kind) = kind {
            out.push(Step {
                origin,
                condition: self.conditions.last().copied(),
                rule: match self.rules.as_slice() {
                    [] => None,
                    [one] => Some(one.clone()),
                    all => Some(Condition::All(all.to_vec())),
                },
                kind,
            });
        }
    }

    /// Expands the steps under a condition; both outcomes are possible, so the steps are kept
    /// and say what they depend on.
    fn conditional(
        &mut self,
        name: &str,
        name_at: Location,
        arguments: &Value,
        via: &[Call],
        scope: &Scope,
        out: &mut Vec<Step>,
    ) {
        let step = format!("this `{name}` step");
        // Configs with further keys here were seen to run: they are dropped.
        let known = ["condition", "steps"];
        for entry in arguments
            .entries()
            .iter()
            .filter(|e| !known.contains(&&*e.key))
        {
            self.problems
                .push(unknown_key(entry, &known, &step).warning());
        }
        let condition = arguments.get("condition");
        let truth = condition.map_or(Truth::Unknown, |c| match steps_given(c, arguments) {
            Some(given) => Truth::from(given),
            None => self.step_condition(&c.value),
        });
        let truth = if name == "unless" {
            truth.negated()
        } else {
            truth
        };
        if truth == Truth::False {
            return;
        }
        if condition.is_none() {
            self.problems.push(missing_key("condition", &step, name_at));
        }
        let Some(steps) = arguments.get("steps") else {
            self.problems.push(missing_key("steps", &step, name_at));
            return;
        };
        let inside = Call {
            what: name.into(),
            at: name_at,
            defined: None,
            given: None,
        };
        let via = [via, &[inside]].concat();
        let open = truth == Truth::Unknown;
        let formula = condition
            .filter(|c| open && steps_given(c, arguments).is_none())
            .and_then(|c| self.asked.meet(&c.value, logic::Place::Step, c.key_at));
        if open {
            self.conditions
                .push(condition.map_or(name_at, |c| c.key_at));
            let rule = condition.map_or(Condition::Unknown, |c| {
                rule::condition(&c.value, logic::Place::Step)
            });
            self.rules.push(match name {
                "unless" => rule.negated(),
                _ => rule,
            });
        }
        if let Some(formula) = formula {
            self.asked.enter(formula, name == "when");
        }
        if steps.value.is_map() {
            // A map instead of a list was seen to run: each key is a step.
            for entry in steps.value.entries() {
                let one = Value::new(Data::Map(vec![entry.clone()]), entry.key_at);
                let item = Item {
                    value: one,
                    through: None,
                };
                self.step(&item, &via, scope, out);
            }
        } else {
            self.steps(&steps.value, steps.key_at, &via, scope, out);
        }
        if open {
            self.conditions.pop();
            self.rules.pop();
        }
        if formula.is_some() {
            self.asked.leave();
        }
    }

    /// Judges a step's condition, in which templates have been filled in.
    fn step_condition(&mut self, value: &Value) -> Truth {
        let lookup = |_: &str| Lookup::Unknown;
        let place = logic::Place::Step;
        if self.decide {
            logic::condition(value, place, &lookup, &mut self.problems)
        } else {
            logic::open_condition(value, place, &lookup, &mut self.problems)
        }
    }

    /// Keeps what is said to something whose source is not known here. Steps among the arguments
    /// are expanded: the commands that they call are known here only.
    pub(super) fn invocation<'v>(
        &mut self,
        name: &str,
        arguments: impl Iterator<Item = &'v Entry>,
        via: &[Call],
        scope: &Scope,
    ) -> Invocation {
        let mut out = Vec::new();
        for entry in arguments {
            let data = if self.are_steps(&entry.value, scope) {
                let mut steps = Vec::new();
                self.steps(&entry.value, entry.key_at, via, scope, &mut steps);
                super::emit::steps(&steps)
            } else {
                self.data(&entry.value)
            };
            out.push((String::from(&*entry.key), data));
        }
        Invocation {
            name: name.to_owned(),
            arguments: out,
        }
    }

    /// Says whether a value is a list of steps of which one is a command of the config.
    fn are_steps(&self, value: &Value, scope: &Scope) -> bool {
        let command = |name: &str| {
            matches!(
                Library::find(&scope.library, Kind::Command, name),
                Found::Here(..)
            ) || matches!(name, "when" | "unless" | "steps")
        };
        let mut commands = false;
        for item in value.items() {
            let name = match item.value.entries() {
                [only] => &*only.key,
                _ => match item.value.as_str() {
                    Some(name) => name,
                    None => return false,
                },
            };
            if command(name) {
                commands = true;
            } else if !STEP_NAMES.contains(&name) {
                return false;
            }
        }
        commands
    }

    fn undefined_command(&mut self, name: &str, at: Location, library: &Library) {
        let known = library.names(Kind::Command).chain(STEP_NAMES);
        let mut problem = Problem::new(
            "undefined-command",
            "a step that is neither builtin nor a command",
            at,
            format!("nothing is named `{name}`"),
        )
        .note(format!(
            "the service says: Cannot find a definition for command named {name}"
        ));
        if let Some(near) = nearest(name, known) {
            problem = problem.did_you_mean(name, near);
        }
        self.problems.push(problem);
    }

    fn command(
        &mut self,
        library: &Rc<Library>,
        command: &Entry,
        call: &CommandCall<'_>,
        via: &[Call],
        scope: &Scope,
        out: &mut Vec<Step>,
    ) {
        // The same call inside itself: a command that is only given steps with a call of its own
        // ends, since those stand elsewhere.
        let again = via
            .iter()
            .any(|c| c.at == call.at && c.defined == Some(command.key_at));
        if !self.expand(call.at) {
            return;
        }
        if again || via.len() > DEPTH {
            self.problems.push(
                Problem::new(
                    "recursive-command",
                    "a command that calls itself",
                    call.at,
                    format!("`{}` is already being expanded here", command.key),
                )
                .label(command.key_at, "defined here")
                .help("commands cannot be recursive"),
            );
            return;
        }
        let inside = Call {
            what: format!("command {}", call.name).into(),
            at: call.at,
            defined: Some(command.key_at),
            given: call.arguments.given(),
        };
        let via = [via, &[inside]].concat();
        let callee = Callee {
            kind: "command",
            name: call.name,
            at: command.key_at,
            library,
        };
        let inner = bind(
            callee,
            command.value.get("parameters").map(|e| &e.value),
            call.arguments.entries(),
            call.at,
            scope,
            &mut self.problems,
        );
        let Some(steps) = command.value.get("steps") else {
            self.problems.push(missing_key(
                "steps",
                &format!("command `{}`", command.key),
                command.key_at,
            ));
            return;
        };
        let body = self.apply(&inner, &steps.value);
        self.steps(&body, steps.key_at, &via, &inner, out);
    }

    /// Counts an expansion; says so once where there are too many.
    fn expand(&mut self, at: Location) -> bool {
        self.expansions += 1;
        if self.expansions == MOST_EXPANSIONS {
            self.problems.push(Problem::new(
                "too-large",
                "a config of more commands than are expanded",
                at,
                format!("more than {MOST_EXPANSIONS} calls come of the config"),
            ));
        }
        self.expansions < MOST_EXPANSIONS
    }
}

/// Says whether a parameter of type `steps` that a condition names got any: orbs that run ask in
/// this way. None where the condition is none of those; a list that is written there is a mistake.
fn steps_given(condition: &Entry, arguments: &Value) -> Option<bool> {
    let (here, around) = (condition.value.at(), arguments.at());
    let written = condition.through.is_some()
        || (here.source == around.source && around.span.contains(here.span));
    (condition.value.is_list() && !written).then(|| !condition.value.items().is_empty())
}

pub(super) fn unknown_key(entry: &Entry, known: &[&str], of: &str) -> Problem {
    let problem = Problem::new(
        "unknown-key",
        "a key that does not belong here",
        entry.key_at,
        format!("{of} takes no `{}`", entry.key),
    );
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => problem.did_you_mean(&entry.key, near),
        None => problem.help(format!("it takes {}", crate::finding::listed(known, 8))),
    }
}
