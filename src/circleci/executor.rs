//! What a job runs on: executors named, called with arguments, or written in the job itself
//! (circleci-semantics §5.6).

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::library::{Found, Kind, Library};
use super::params::{Callee, bind};
use super::problem::{Problem, orb_without_source};
use super::template::Scope;
use super::value::{Entry, Value};
use crate::finding::{listed, nearest};
use crate::plan::{
    Call, DockerImage, EnvVar, Executor, ExecutorKind, Invocation, Located, Step, StepKind, Words,
};
use crate::yaml::Location;

/// What an executor or a job says about where it runs.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) executor: Option<Executor>,
    pub(crate) working_directory: Option<Located<String>>,
    pub(crate) shell: Option<Located<String>>,
    pub(crate) environment: Vec<EnvVar>,
    /// Why the rest is not known: an orb's executor.
    pub(crate) opaque: Option<String>,
}

/// The keys of a container that the plan has a place for; the others are carried.
const CONTAINER_KEYS: [&str; 6] = [
    "image",
    "name",
    "user",
    "entrypoint",
    "command",
    "environment",
];

/// The keys by which a body says what it runs on.
const KINDS: [&str; 3] = ["docker", "machine", "macos"];

impl Compiler<'_> {
    /// Reads where a job runs: its executor, then its own keys over it.
    pub(crate) fn environment(
        &mut self,
        name: &str,
        body: &Value,
        name_at: Location,
        scope: &Scope,
    ) -> Environment {
        // Version 2 has no executors (circleci-semantics §6).
        let named = body.get("executor").filter(|_| self.config.templates);
        let mut env = match named {
            Some(entry) => self.executor_use(&entry.value, entry.key_at, scope),
            None => Environment::default(),
        };
        let own = self.executor_body(body);
        if own.executor.is_some() {
            env.executor = own.executor;
        }
        if own.working_directory.is_some() {
            env.working_directory = own.working_directory;
        }
        if own.shell.is_some() {
            env.shell = own.shell;
        }
        env.environment.extend(own.environment);
        if let (Some(class), Some(executor)) = (text_key(body, "resource_class"), &mut env.executor)
        {
            executor.resource_class = Some(class);
        }
        if env.executor.is_none() && env.opaque.is_none() && named.is_none() {
            self.problems.push(
                Problem::new(
                    "no-executor",
                    "a job that says not what it runs on",
                    name_at,
                    format!("`{name}` has none of `docker`, `machine`, `macos` and `executor`"),
                )
                .help("add `docker: [{image: …}]`, or `executor: NAME` with a name from `executors`")
                .note("the service says: A job must have one of `docker`, `machine`, `macos` or `executor`"),
            );
        }
        env
    }

    /// Resolves `executor: name`, `executor: {name: n, …}` and `executor: {name: {…}}`.
    fn executor_use(&mut self, value: &Value, key_at: Location, scope: &Scope) -> Environment {
        let arguments_at = value.given();
        let (name, name_at, arguments): (String, Location, Vec<Entry>) =
            if let Some(name) = value.as_str() {
                (name.to_owned(), value.at(), Vec::new())
            } else if let Some(named) = value.get("name") {
                let Some(name) = named.value.as_str() else {
                    self.problems.push(wrong_type(
                        "an executor's name is text",
                        &named.value,
                        named.key_at,
                    ));
                    return Environment::unknown("an executor without a name");
                };
                let rest = value
                    .entries()
                    .iter()
                    .filter(|e| &*e.key != "name")
                    .cloned();
                (name.to_owned(), named.value.at(), rest.collect())
            } else if let [only] = value.entries() {
                (
                    String::from(&*only.key),
                    only.key_at,
                    only.value.entries().to_vec(),
                )
            } else {
                self.problems.push(
                    wrong_type("an executor is a name, or a map with `name`", value, key_at)
                        .note("the service says: Unexpected executor invocation format"),
                );
                return Environment::unknown("an executor that cannot be read");
            };
        let name = crate::plan::actual(&name);
        if name.contains("<<") {
            // The reference that could not be resolved is reported where it stands.
            return Environment::unknown("an executor whose name is not known");
        }
        let (library, definition) =
            match Library::find(scope.executors(&name), Kind::Executor, &name) {
                Found::Here(library, definition) => (library, definition),
                Found::Opaque => {
                    self.problems.push(orb_without_source("executors", name_at));
                    let arguments = self.settings(&arguments);
                    let kind = ExecutorKind::Unknown(Invocation { name, arguments });
                    return Environment {
                        executor: Some(Executor {
                            kind,
                            at: name_at,
                            via: Vec::new(),
                            resource_class: None,
                        }),
                        ..Environment::unknown("an executor from an orb")
                    };
                }
                Found::NoOrb => {
                    self.no_orb(&name, name_at, &scope.library);
                    return Environment::unknown("an executor of an orb that is not declared");
                }
                Found::NotInOrb(orb) => {
                    let rule = "undefined-executor";
                    self.not_in_orb(rule, "an executor", Kind::Executor, &name, name_at, &orb);
                    return Environment::unknown("an executor that is not defined");
                }
                Found::Nowhere => {
                    self.undefined_executor(&name, name_at, &scope.library);
                    return Environment::unknown("an executor that is not defined");
                }
            };
        let callee = Callee {
            kind: "executor",
            name: &name,
            at: definition.key_at,
            library: &library,
        };
        let inner = bind(
            callee,
            definition.value.get("parameters").map(|e| &e.value),
            &arguments,
            name_at,
            scope,
            &mut self.problems,
        );
        let body = self.apply(&inner, &definition.value);
        let mut env = self.executor_body(&body);
        if let Some(executor) = &mut env.executor {
            let call = Call {
                what: format!("executor {name}").into(),
                at: name_at,
                defined: Some(definition.whole()),
                given: arguments_at,
            };
            executor.via.insert(0, call);
        }
        if env.executor.is_none() {
            self.no_kind(&name, definition.key_at);
        }
        env
    }

    /// Reports an executor that runs on nothing.
    pub(super) fn no_kind(&mut self, name: &str, at: Location) {
        self.problems.push(
            Problem::new(
                "no-executor",
                "an executor that says not what it is",
                at,
                format!("`{name}` has none of `docker`, `machine` and `macos`"),
            )
            .help("add `docker: [{image: …}]`"),
        );
    }

    fn undefined_executor(&mut self, name: &str, at: Location, library: &Library) {
        let names: Vec<&str> = library.names(Kind::Executor).collect();
        let mut problem = Problem::new(
            "undefined-executor",
            "an executor that is not defined",
            at,
            format!("there is no `{name}` in `executors`"),
        );
        problem = match nearest(name, names.iter().copied()) {
            Some(near) => problem.did_you_mean(name, near),
            None if names.is_empty() => problem.help("the config has no `executors`"),
            None => problem.help(format!("there are {}", listed(&names, 8))),
        };
        self.problems.push(problem);
    }

    /// Reads the keys that executors and jobs share.
    pub(super) fn executor_body(&mut self, body: &Value) -> Environment {
        let mut env = Environment {
            working_directory: text_key(body, "working_directory"),
            shell: text_key(body, "shell"),
            ..Environment::default()
        };
        if let Some(entry) = body.get("environment") {
            env.environment = self.env_vars(&entry.value, entry.key_at);
        }
        let mut kinds = KINDS.iter().filter_map(|k| body.get(k));
        let Some(kind) = kinds.next() else {
            return env;
        };
        if let Some(second) = kinds.next() {
            self.problems.push(
                Problem::new(
                    "executor-combination",
                    "two kinds of executor at once",
                    second.key_at,
                    format!("`{}` beside `{}`", second.key, kind.key),
                )
                .label(kind.key_at, "the other one")
                .help("keep one of them"),
            );
        }
        let at = kind.key_at;
        let merged = kind.reached(body).into_iter().collect();
        let kind = match &*kind.key {
            "docker" => ExecutorKind::Docker(self.docker(kind)),
            "machine" => {
                self.check_machine(kind, body);
                ExecutorKind::Machine {
                    image: named_key(&kind.value, "image"),
                    settings: self.data(&kind.value),
                }
            }
            _ => ExecutorKind::Macos {
                xcode: named_key(&kind.value, "xcode"),
                settings: self.data(&kind.value),
            },
        };
        env.executor = Some(Executor {
            kind,
            at,
            via: merged,
            resource_class: text_key(body, "resource_class"),
        });
        env
    }

    /// A machine in the cloud is made of an image; a self-hosted runner is what it is
    /// (circleci-semantics §5.6).
    fn check_machine(&mut self, machine: &Entry, body: &Value) {
        let class = body
            .get("resource_class")
            .or_else(|| machine.value.get("resource_class"));
        let hosted = class.is_some_and(|c| {
            c.value.is_templated() || c.value.as_text().is_some_and(|c| c.contains('/'))
        });
        // With `enabled` it is the old way to write `machine: true`: deprecated-executor says so.
        let old = machine.value.get("enabled").is_some();
        if machine.value.is_map() && machine.value.get("image").is_none() && !hosted && !old {
            self.problems.push(
                missing_key("image", "this machine", machine.key_at)
                    .help("add `image: …`, one of the machine images of the service")
                    .note("the service documents it as required; configs of earlier years ran without")
                    .warning(),
            );
        }
    }

    /// Names steps that do not work where the job runs (circleci-semantics §5.7).
    pub(super) fn check_places(&mut self, executor: Option<&Executor>, steps: &[Step]) {
        let Some(executor) = executor else {
            return;
        };
        for step in steps {
            let (text, help) = match (&step.kind, &executor.kind) {
                (StepKind::SetupRemoteDocker(_), ExecutorKind::Machine { .. }) => (
                    "`setup_remote_docker` does not work on a machine",
                    "remove the step: a machine has a docker engine of its own",
                ),
                (
                    StepKind::InstallSigningBundle,
                    ExecutorKind::Machine { .. } | ExecutorKind::Docker(_),
                ) => (
                    "`install_signing_bundle` works on macOS only",
                    "run the job on `macos`, with `code_signing` there",
                ),
                _ => continue,
            };
            let title = "a step that does not work on this executor";
            self.problems.push(
                Problem::new("executor-combination", title, step.origin.at, text)
                    .label(executor.at, "the job runs on this")
                    .help(help),
            );
        }
    }

    fn docker(&mut self, entry: &Entry) -> Vec<DockerImage> {
        if !entry.value.is_list() {
            self.problems.push(
                wrong_type("`docker` is a list of images", &entry.value, entry.key_at)
                    .help("write `docker:` and below it `- image: …`"),
            );
            return Vec::new();
        }
        let mut images = Vec::new();
        for item in entry.value.items() {
            let Some(image) = item.value.get("image") else {
                if !item.value.is_templated() {
                    self.problems
                        .push(missing_key("image", "this container", item.value.at()));
                }
                continue;
            };
            let environment = match item.value.get("environment") {
                Some(e) => self.env_vars(&e.value, e.key_at),
                None => Vec::new(),
            };
            let carried = item.value.entries().iter();
            let carried = carried.filter(|e| !CONTAINER_KEYS.contains(&&*e.key));
            let settings = self.settings(carried);
            images.push(DockerImage {
                image: image
                    .value
                    .located(image.value.as_text().unwrap_or_default()),
                name: text_key(&item.value, "name"),
                user: text_key(&item.value, "user"),
                entrypoint: words(&item.value, "entrypoint"),
                command: words(&item.value, "command"),
                environment,
                settings,
            });
        }
        images
    }

    /// Reads `environment`: a map, or a list of one-key maps (circleci-semantics §5.13); a bare
    /// `NAME=value` is not documented, but configs that run have it.
    pub(crate) fn env_vars(&mut self, value: &Value, key_at: Location) -> Vec<EnvVar> {
        let mut out = Vec::new();
        let bare: Vec<&Value> = if value.is_list() {
            value
                .items()
                .iter()
                .map(|i| &i.value)
                .filter(|v| v.as_str().is_some())
                .collect()
        } else {
            value.as_str().map(|_| value).into_iter().collect()
        };
        for text in &bare {
            if let Some((name, content)) = text.as_str().and_then(|t| t.split_once('=')) {
                out.push(EnvVar {
                    name: name.to_owned(),
                    at: text.at(),
                    value: text.located(content.to_owned()),
                });
            } else {
                self.problems.push(wrong_type(
                    "`environment` is a map of names and values",
                    text,
                    key_at,
                ));
            }
        }
        let maps: Vec<&Value> = if value.is_list() {
            value.items().iter().map(|i| &i.value).collect()
        } else if value.is_map() || value.is_null() || !bare.is_empty() {
            vec![value]
        } else {
            self.problems.push(wrong_type(
                "`environment` is a map of names and values",
                value,
                key_at,
            ));
            return out;
        };
        for entry in maps.into_iter().flat_map(Value::entries) {
            // An absent pipeline value is written as the service writes it (circleci-semantics §5.4).
            let nil = entry.value.is_null() && entry.value.is_open();
            let text = if nil {
                Some("<nil>".to_owned())
            } else {
                entry.value.as_text()
            };
            match text {
                Some(text) => out.push(EnvVar {
                    name: String::from(&*entry.key),
                    at: entry.key_at,
                    value: entry.value.located(text),
                }),
                None => self.problems.push(wrong_type(
                    "the value of an environment variable is text",
                    &entry.value,
                    entry.key_at,
                )),
            }
        }
        out
    }
}

impl Environment {
    fn unknown(why: &str) -> Self {
        Self {
            opaque: Some(why.to_owned()),
            ..Self::default()
        }
    }
}

/// Returns a key's value as text, where it is a scalar with something in it.
pub(crate) fn text_key(map: &Value, key: &str) -> Option<Located<String>> {
    let entry = map.get(key)?;
    if entry.value.is_null() {
        return None;
    }
    Some(entry.value.located(entry.value.as_text()?))
}

/// Returns a key's value as text, where it is a scalar, an empty one too.
fn named_key(map: &Value, key: &str) -> Option<Located<String>> {
    let value = &map.get(key)?.value;
    Some(value.located(value.as_text()?))
}

fn words(map: &Value, key: &str) -> Option<Located<Words>> {
    let value = &map.get(key)?.value;
    let words = if value.is_list() {
        let words = value.items().iter().filter_map(|i| i.value.as_text());
        Words::List(words.collect())
    } else if value.is_null() {
        return None;
    } else {
        Words::Text(value.as_text()?)
    };
    Some(value.located(words))
}
