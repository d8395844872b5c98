//! Orb sources: what a file has to be to be one, and what its definitions come to when nobody
//! calls them (circleci-semantics §5.10).
//!
//! Each job, command and executor is compiled by itself, with its parameters at their defaults;
//! those that a condition may ask for are open, so that both outcomes are looked at.

use std::ffi::OsStr;
use std::path::Path;
use std::rc::Rc;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::given::Declared;
use super::library::{Kind, Library};
use super::logic::{to_scalar, to_value};
use super::outcomes::Variable;
use super::params::{checked, unresolved};
use super::problem::Problem;
use super::symbol::Symbol;
use super::template::Scope;
use super::value::{Entry, Value};
use crate::plan::{DefinitionKind, Job, JobKind, Origin, Workflow};
use crate::yaml::Location;

/// The sections of definitions, with what a definition of each is.
const SECTIONS: [(&str, Kind, DefinitionKind); 3] = [
    ("executors", Kind::Executor, DefinitionKind::Executor),
    ("commands", Kind::Command, DefinitionKind::Command),
    ("jobs", Kind::Job, DefinitionKind::Job),
];

/// Top-level keys that say that something runs, which an orb by itself does not.
const OF_CONFIGS: [&str; 4] = ["workflows", "setup", "parameters", "job-groups"];

/// Says whether a file is the source of an orb: by its name, or because it defines something for
/// others to use and says not what runs.
pub(super) fn is_source(path: &Path, root: &Value) -> bool {
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
    if matches!(stem, "@orb" | "orb") && root.get("workflows").is_none() {
        return true;
    }
    let old = root
        .get("version")
        .and_then(|v| v.value.as_text())
        .is_some_and(|v| v == "2" || v == "2.0");
    if old || OF_CONFIGS.iter().any(|key| root.get(key).is_some()) {
        return false;
    }
    let has = |key: &str| root.get(key).is_some_and(|e| e.value.is_map());
    if !["jobs", "commands", "executors"].into_iter().any(has) {
        return false;
    }
    if ["description", "display", "examples"]
        .into_iter()
        .any(|key| root.get(key).is_some())
    {
        return true;
    }
    // A job named `build` runs without a workflow, and part of a config is named as one.
    let named_as_config = stem.contains("config") || stem.contains("continue");
    let builds = root
        .get("jobs")
        .is_some_and(|jobs| jobs.value.get("build").is_some());
    !named_as_config && !builds && (has("commands") || has("executors"))
}

/// Reports the sections of configs that an orb does not have.
pub(super) fn sections(root: &Value, problems: &mut Vec<Problem>) {
    for entry in OF_CONFIGS.iter().filter_map(|key| root.get(key)) {
        let help = match &*entry.key {
            "parameters" => "declare parameters in the jobs, commands and executors that use them",
            _ => "keep it in the configs that use the orb",
        };
        problems.push(
            Problem::new(
                "unknown-key",
                "a key that does not belong here",
                entry.key_at,
                format!("an orb takes no `{}`", entry.key),
            )
            .help(help),
        );
    }
}

/// Returns the full name of a definition's parameter, by which conditions know it.
fn full_name(section: &str, definition: &str, parameter: &str) -> String {
    format!("{section}.{definition}.parameters.{parameter}")
}

/// Returns what is known of a definition's parameter by its full name.
pub(super) fn variable(library: &Library, name: &str) -> Option<Variable> {
    let (section, kind, _) = SECTIONS.iter().find(|(s, ..)| name.starts_with(s))?;
    let declared = library.list(*kind).iter().find_map(|definition| {
        let rest = name
            .strip_prefix(section)?
            .strip_prefix('.')?
            .strip_prefix(&*definition.key)?
            .strip_prefix(".parameters.")?;
        let declared = definition.value.get("parameters")?;
        declared.value.get(rest).cloned()
    })?;
    let default = declared.value.get("default");
    Some(Variable {
        declared: Declared::of(&declared.value),
        default: default.and_then(|d| to_scalar(&d.value)),
        own: true,
    })
}

impl Compiler<'_> {
    /// Compiles each definition of an orb as if it ran by itself.
    pub(super) fn definitions(&mut self, root: &Scope) -> Vec<Workflow> {
        let library = Rc::clone(&self.config.library);
        let mut out = Vec::new();
        for (section, kind, what) in SECTIONS {
            for entry in library.list(kind) {
                let job = match kind {
                    Kind::Executor => self.lone_executor(entry, root),
                    Kind::Command => self.lone_command(entry, root),
                    Kind::Job => Some(self.lone_job(entry, root)),
                };
                let Some(mut job) = job else { continue };
                job.opaque
                    .get_or_insert_with(|| "what its callers do around it is not known".to_owned());
                out.push(Workflow {
                    name: format!("{section}.{}", entry.key),
                    origin: Origin {
                        at: entry.key_at,
                        via: Vec::new(),
                    },
                    condition: None,
                    rule: None,
                    schedules: Vec::new(),
                    max_auto_reruns: None,
                    incomplete: true,
                    jobs: vec![job],
                    definition: Some(what),
                });
            }
        }
        out
    }

    fn lone_job(&mut self, entry: &Entry, root: &Scope) -> Job {
        let mut job = blank(entry);
        let scope = self.lone_scope("jobs", entry, root);
        let body = self.apply(&scope, &entry.value);
        let nothing = Value::null(entry.key_at);
        self.read_body(
            &mut job,
            &entry.key,
            entry,
            &body,
            &nothing,
            (&scope, &scope),
        );
        job
    }

    fn lone_command(&mut self, entry: &Entry, root: &Scope) -> Option<Job> {
        // A text is another command's name, which has its own turn.
        if entry.value.as_str().is_some() {
            return None;
        }
        if !entry.value.is_map() {
            let problem = wrong_type(
                "a command is a map with `steps`",
                &entry.value,
                entry.key_at,
            );
            self.problems.push(problem);
            return None;
        }
        let mut job = blank(entry);
        let scope = self.lone_scope("commands", entry, root);
        let Some(steps) = entry.value.get("steps") else {
            let of = format!("command `{}`", entry.key);
            self.problems.push(missing_key("steps", &of, entry.key_at));
            return None;
        };
        let body = self.apply(&scope, &steps.value);
        self.steps(&body, steps.key_at, &[], &scope, &mut job.steps);
        Some(job)
    }

    fn lone_executor(&mut self, entry: &Entry, root: &Scope) -> Option<Job> {
        if entry.value.as_str().is_some() {
            return None;
        }
        let mut job = blank(entry);
        let scope = self.lone_scope("executors", entry, root);
        let body = self.apply(&scope, &entry.value);
        let found = self.executor_body(&body);
        if found.executor.is_none() && found.opaque.is_none() {
            self.no_kind(&entry.key, entry.key_at);
        }
        job.executor = found.executor;
        job.environment = found.environment;
        job.shell = found.shell;
        if let Some(directory) = found.working_directory {
            job.working_directory = directory;
        }
        Some(job)
    }

    /// Returns the scope of a definition that nobody calls: its parameters at their defaults.
    fn lone_scope(&mut self, section: &str, entry: &Entry, root: &Scope) -> Scope {
        let declared = entry.value.get("parameters");
        let declared = declared.map_or(&[][..], |d| d.value.entries());
        let outside = Scope {
            values: Rc::clone(&root.values),
            pipeline: Rc::clone(&root.pipeline),
            library: Rc::clone(&root.library),
            ..Scope::default()
        };
        let mut parameters = Vec::with_capacity(declared.len());
        for declaration in declared {
            let name = full_name(section, &entry.key, &declaration.key);
            let default = declaration
                .value
                .get("default")
                .filter(|d| !d.value.is_null());
            let value = match (root.values.given(&name), default) {
                (Some(scalar), _) => to_value(scalar, declaration.key_at),
                (None, Some(default)) => {
                    let value = self.apply(&outside, &default.value);
                    let value = checked(declaration, &value, &mut self.problems);
                    open(declaration, &value, &name)
                }
                (None, None) => open(
                    declaration,
                    &unresolved(declaration, declaration.key_at),
                    &name,
                ),
            };
            parameters.push((Rc::clone(&declaration.key), value));
        }
        Scope {
            parameters,
            ..outside
        }
    }
}

/// Makes a value one that callers may replace, where a condition could ask for it.
fn open(declaration: &Entry, value: &Value, name: &str) -> Value {
    match Declared::of(&declaration.value) {
        Declared::Untyped => value.clone(),
        Declared::Typed(_) | Declared::Enum(_) => value.standing_for(Symbol::variable(name)),
    }
}

fn blank(entry: &Entry) -> Job {
    let name = entry.key.to_string();
    Job::new(name.clone(), name, JobKind::Build, entry.key_at)
}

/// Returns the name that an orb's file goes by: its own, or that of the folder it is unpacked in.
pub(super) fn name(path: &Path) -> &str {
    const FOLDERS: [&str; 5] = ["src", "commands", "jobs", "executors", "examples"];
    let own = path.file_stem();
    let above = path.ancestors().skip(1).filter_map(Path::file_name);
    let names: Vec<&str> = own
        .into_iter()
        .chain(above)
        .filter_map(OsStr::to_str)
        .map(|name| name.split('@').next().unwrap_or(name))
        .collect();
    // What is in a folder of an unpacked orb is named for what it defines.
    let inside = names.iter().skip(1).take(3);
    let behind = inside
        .enumerate()
        .filter(|(_, name)| FOLDERS.contains(name))
        .map(|(i, _)| i + 2)
        .next_back();
    let mut names = names.into_iter().skip(behind.unwrap_or(0));
    names
        .find(|name| !matches!(*name, "" | "orb"))
        .unwrap_or("")
}

/// One example of how the orb is used.
pub(super) struct Example {
    /// A config.
    pub(super) usage: Value,
    /// Where it stands.
    pub(super) at: Location,
    /// The reference by which it means the orb itself.
    pub(super) own: Option<String>,
}

/// Returns the examples of an orb. `stem` is the name of its file or folder.
pub(super) fn examples(root: &Value, stem: &str) -> Vec<Example> {
    let examples = root.get("examples");
    let each = examples.iter().flat_map(|e| e.value.entries());
    each.filter_map(|example| example.value.get("usage"))
        .filter(|usage| usage.value.is_map())
        .map(|usage| Example {
            own: own_reference(root, &usage.value, stem),
            at: usage.whole(),
            usage: usage.value.clone(),
        })
        .collect()
}

/// Returns the reference that means the orb itself: the one of its name, or the only one that is
/// none of the orbs that it uses.
fn own_reference(root: &Value, usage: &Value, stem: &str) -> Option<String> {
    let orbs = |of: &Value| -> Vec<String> {
        let orbs = of.get("orbs");
        let each = orbs.iter().flat_map(|o| o.value.entries());
        each.filter_map(|e| e.value.as_str().map(str::to_owned))
            .collect()
    };
    let name = |reference: &str| -> String {
        let orb = reference.split('@').next().unwrap_or("");
        orb.rsplit('/').next().unwrap_or("").to_owned()
    };
    let used = orbs(usage);
    if let Some(own) = used.iter().find(|r| name(r) == stem) {
        return Some(own.clone());
    }
    let others: Vec<String> = orbs(root).iter().map(|r| name(r)).collect();
    let mut left = used.into_iter().filter(|r| !others.contains(&name(r)));
    match (left.next(), left.next()) {
        (Some(own), None) => Some(own),
        _ => None,
    }
}
