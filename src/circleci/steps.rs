//! Lists of steps: strings, maps, commands of the config expanded in place
//! (circleci-semantics §5.5, §5.7).

use std::rc::Rc;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::expr::{Lookup, Truth};
use super::library::{Found, Kind, Library};
use super::logic;
use super::params::{Callee, bind};
use super::problem::{Problem, orb_without_source};
use super::template::Scope;
use super::value::{Data, Entry, Item, Value};
use crate::finding::nearest;
use crate::plan::{
    AttachStep, BuiltinStep, Call, Located, Origin, PersistStep, RunStep, RunWhen, Step, StepKind,
};
use crate::yaml::Location;

/// Steps of the service that need no more than their name here.
const BUILTIN: [&str; 8] = [
    "setup_remote_docker",
    "save_cache",
    "restore_cache",
    "store_artifacts",
    "store_test_results",
    "add_ssh_keys",
    "install_signing_bundle",
    "deploy",
];

/// Every step that the service knows.
pub(crate) const STEP_NAMES: [&str; 14] = [
    "run",
    "checkout",
    "persist_to_workspace",
    "attach_workspace",
    "setup_remote_docker",
    "save_cache",
    "restore_cache",
    "store_artifacts",
    "store_test_results",
    "add_ssh_keys",
    "install_signing_bundle",
    "when",
    "unless",
    "steps",
];

/// What a `run` step may say (circleci-semantics §5.7).
const RUN_KEYS: [&str; 11] = [
    // Not documented; configs that run have it.
    "description",
    "command",
    "name",
    "shell",
    "environment",
    "background",
    "working_directory",
    "no_output_timeout",
    "when",
    "max_auto_reruns",
    "auto_rerun_delay",
];

/// Deepest nesting of commands; the service refuses recursion, which this ends too.
const DEPTH: usize = 60;

/// Most calls of commands that one config may come to.
const MOST_EXPANSIONS: usize = 100_000;

/// Most steps that one job may come to.
const MOST_STEPS: usize = 20_000;

/// One call of a command.
struct Invocation<'a> {
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
        let mut via = via.to_vec();
        if let Some(alias) = item.through {
            via.push(Call {
                what: "alias".to_owned(),
                at: alias,
                defined: None,
            });
        }
        let (name, name_at, body) = match value.data() {
            Data::Str(name) => (name.to_string(), value.at(), None),
            Data::Map(entries) => {
                match entries.as_slice() {
                    [only] => (only.key.to_string(), only.key_at, Some(only)),
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
        self.named_step(&name, name_at, body, value, via, scope, out);
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
        via: Vec<Call>,
        scope: &Scope,
        out: &mut Vec<Step>,
    ) {
        let origin = Origin {
            at: value.at(),
            via: via.clone(),
        };
        let nothing = Value::null(name_at);
        let arguments = body.map_or(&nothing, |b| &b.value);
        let mut found = Library::find(&scope.library, Kind::Command, name);
        if matches!(found, Found::Nowhere) && scope.library.is_orb {
            // Steps that an orb was given as an argument may name commands of the config.
            found = Library::find(&self.config.library, Kind::Command, name);
        }
        if let Found::Here(library, command) = &found {
            let call = Invocation {
                name,
                at: name_at,
                arguments,
            };
            self.command(library, command, &call, via, scope, out);
            return;
        }
        let kind = match name {
            "run" => self.run_step(arguments, name_at),
            "checkout" => Some(StepKind::Checkout {
                path: text_key(arguments, "path"),
            }),
            "persist_to_workspace" => self.persist_step(arguments, name_at),
            "attach_workspace" => self.attach_step(arguments, name_at),
            "steps" => {
                self.steps(arguments, name_at, &via, scope, out);
                return;
            }
            "when" | "unless" => {
                self.conditional(name, name_at, arguments, via, scope, out);
                return;
            }
            _ if BUILTIN.contains(&name) => Some(StepKind::Builtin(BuiltinStep {
                name: name.to_owned(),
            })),
            // Version 2 took these spellings too; configs that ran for years have them.
            "save-cache" | "restore-cache" | "store-artifacts" if !self.config.templates => {
                Some(StepKind::Builtin(BuiltinStep {
                    name: name.replace('-', "_"),
                }))
            }
            _ => {
                match found {
                    Found::Opaque => self.problems.push(orb_without_source("commands", name_at)),
                    Found::NoOrb => self.no_orb(name, name_at, &scope.library),
                    Found::NotInOrb(orb) => {
                        let rule = "undefined-command";
                        self.not_in_orb(rule, "a command", Kind::Command, name, name_at, &orb);
                    }
                    Found::Here(..) | Found::Nowhere => {
                        self.undefined_command(name, name_at, &scope.library);
                    }
                }
                Some(StepKind::Opaque {
                    name: name.to_owned(),
                })
            }
        };
        if let Some(kind) = kind {
            out.push(Step {
                origin,
                condition: self.conditions.last().copied(),
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
        mut via: Vec<Call>,
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
        let truth = condition.map_or(Truth::Unknown, |c| self.step_condition(&c.value));
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
        via.push(Call {
            what: name.to_owned(),
            at: name_at,
            defined: None,
        });
        let open = truth == Truth::Unknown;
        let formula = condition
            .filter(|_| open)
            .and_then(|c| self.asked.meet(&c.value, logic::Place::Step, c.key_at));
        if open {
            self.conditions
                .push(condition.map_or(name_at, |c| c.key_at));
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
            problem = problem.help(format!("did you mean `{near}`?"));
        }
        self.problems.push(problem);
    }

    fn command(
        &mut self,
        library: &Rc<Library>,
        command: &Entry,
        call: &Invocation<'_>,
        mut via: Vec<Call>,
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
        via.push(Call {
            what: format!("command {}", call.name),
            at: call.at,
            defined: Some(command.key_at),
        });
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

    fn run_step(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        if let Some(command) = value.as_text().filter(|_| !value.is_null()) {
            return Some(StepKind::Run(RunStep {
                command: Located::new(command, value.at()),
                ..RunStep::default()
            }));
        }
        self.run_keys(value);
        let command = text_key(value, "command");
        let Some(command) = command else {
            self.problems
                .push(missing_key("command", "this `run` step", name_at));
            return None;
        };
        let when = match text_key(value, "when").map(|w| (w.value, w.at)) {
            None => RunWhen::OnSuccess,
            Some((w, at)) => match w.as_str() {
                "on_success" => RunWhen::OnSuccess,
                "on_fail" => RunWhen::OnFail,
                "always" => RunWhen::Always,
                _ => {
                    self.problems.push(Problem::new(
                        "enum-value",
                        "a value that `when` does not know",
                        at,
                        format!("`{w}` is none of `on_success`, `on_fail` and `always`"),
                    ));
                    RunWhen::OnSuccess
                }
            },
        };
        let environment = match value.get("environment") {
            Some(e) => self.env_vars(&e.value, e.key_at),
            None => Vec::new(),
        };
        Some(StepKind::Run(RunStep {
            name: text_key(value, "name").map(|n| n.value),
            command,
            shell: text_key(value, "shell").map(|s| s.value),
            working_directory: text_key(value, "working_directory"),
            environment,
            background: value
                .get("background")
                .is_some_and(|b| matches!(b.value.data(), Data::Bool(true))),
            when,
            no_output_timeout: text_key(value, "no_output_timeout"),
        }))
    }

    fn persist_step(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let step = "this `persist_to_workspace` step";
        self.unknown_keys(value, &["root", "paths", "name"], step);
        let root = self.required_text(value, "root", step, name_at);
        let Some(paths) = value.get("paths").filter(|p| !p.value.is_null()) else {
            self.problems.push(missing_key("paths", step, name_at));
            return None;
        };
        let mut list = Vec::new();
        let is_string = !paths.value.is_list();
        if is_string {
            match paths.value.as_text() {
                Some(text) => list.push(Located::new(text, paths.value.at())),
                None => self.problems.push(wrong_type(
                    "`paths` is a list of paths",
                    &paths.value,
                    paths.key_at,
                )),
            }
        }
        for item in paths.value.items() {
            match item.value.as_text() {
                Some(text) => list.push(Located::new(text, item.value.at())),
                None => self
                    .problems
                    .push(wrong_type("a path is text", &item.value, paths.key_at)),
            }
        }
        Some(StepKind::Persist(PersistStep {
            name: text_key(value, "name").map(|n| n.value),
            root: root?,
            paths: list,
            paths_at: paths.value.at(),
            paths_is_string: is_string,
            varies: value.is_open(),
        }))
    }

    fn attach_step(&mut self, value: &Value, name_at: Location) -> Option<StepKind> {
        let step = "this `attach_workspace` step";
        self.unknown_keys(value, &["at", "name"], step);
        let at = self.required_text(value, "at", step, name_at)?;
        Some(StepKind::Attach(AttachStep {
            name: text_key(value, "name").map(|n| n.value),
            at,
            varies: value.is_open(),
        }))
    }

    fn required_text(
        &mut self,
        value: &Value,
        key: &str,
        of: &str,
        at: Location,
    ) -> Option<Located<String>> {
        let entry = value.get(key).filter(|e| !e.value.is_null());
        let Some(entry) = entry else {
            self.problems.push(missing_key(key, of, at));
            return None;
        };
        let text = entry.value.as_text();
        if text.is_none() {
            self.problems.push(wrong_type(
                &format!("`{key}` is text"),
                &entry.value,
                entry.key_at,
            ));
        }
        Some(Located::new(text?, entry.value.at()))
    }

    /// Names the keys of a workspace step that it does not take; the service refuses them.
    fn unknown_keys(&mut self, value: &Value, known: &[&str], of: &str) {
        for entry in value.entries().iter().filter(|e| !known.contains(&&*e.key)) {
            // Whether `when` works on every builtin step is not documented (circleci-semantics §11.8).
            if &*entry.key == "when" {
                if entry.value.as_str() != Some("on_success") {
                    let what = "`when` of a workspace step";
                    self.problems.push(Problem::unsupported(what, entry.key_at));
                }
                continue;
            }
            let problem = unknown_key(entry, known, of).note(format!(
                "the service says: extraneous key [{}] is not permitted",
                entry.key
            ));
            self.problems.push(problem);
        }
    }

    /// Names the keys of a `run` step that nothing reads. Configs that have them were seen to run,
    /// so this is no error; a misspelt `environment` is still lost.
    fn run_keys(&mut self, value: &Value) {
        // Version 2 ignores keys that it does not know (circleci-semantics §6).
        if self.config.templates {
            let unknown = |e: &&Entry| !RUN_KEYS.contains(&&*e.key);
            for entry in value.entries().iter().filter(unknown) {
                self.problems
                    .push(unknown_key(entry, &RUN_KEYS, "a `run` step").warning());
            }
        }
        if let Some(reruns) = value.get("max_auto_reruns") {
            self.problems
                .push(Problem::unsupported("automatic reruns", reruns.key_at));
        }
    }
}

fn unknown_key(entry: &Entry, known: &[&str], of: &str) -> Problem {
    let problem = Problem::new(
        "unknown-key",
        "a key that does not belong here",
        entry.key_at,
        format!("{of} takes no `{}`", entry.key),
    );
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("it takes {}", crate::finding::listed(known, 8))),
    }
}
