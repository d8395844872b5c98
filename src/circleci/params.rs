//! Declared parameters and the arguments that meet them (circleci-semantics §5.3).

use std::rc::Rc;

use super::given::{PARAMETER, Settled};
use super::library::Library;
use super::logic::to_value;
use super::pipeline::LocalValues;
use super::problem::Problem;
use super::symbol::Symbol;
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::nearest;
use crate::yaml::Location;

/// Who takes the parameters, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Callee<'a> {
    /// `command`, `job` or `executor`.
    pub(crate) kind: &'static str,
    pub(crate) name: &'a str,
    /// Where it is defined.
    pub(crate) at: Location,
    /// The library that it belongs to.
    pub(crate) library: &'a Rc<Library>,
}

/// Meets the arguments of a call with the declarations of its callee: a scope for its body.
pub(crate) fn bind(
    callee: Callee<'_>,
    declared: Option<&Value>,
    arguments: &[Entry],
    call_at: Location,
    outer: &Scope,
    problems: &mut Vec<Problem>,
) -> Scope {
    let declared = declared.map_or(&[][..], Value::entries);
    // Pipeline parameters are out of scope in the body of any orb (circleci-semantics §5.4).
    let pipeline = if callee.library.is_orb {
        Rc::default()
    } else {
        Rc::clone(&outer.pipeline)
    };
    for argument in arguments {
        if !declared.iter().any(|d| d.key == argument.key) {
            let mut problem = Problem::new(
                "unknown-argument",
                "an argument that nothing takes",
                argument.key_at,
                format!("{} `{}` has no such parameter", callee.kind, callee.name),
            )
            .label(callee.at, "defined here")
            .note(format!(
                "the service says: Unexpected argument(s): {}",
                argument.key
            ));
            if let Some(near) = nearest(&argument.key, declared.iter().map(|d| &*d.key)) {
                problem = problem.did_you_mean(&argument.key, near);
            }
            problems.push(problem);
        }
    }
    let mut parameters = Vec::with_capacity(declared.len());
    let mut lend = Vec::new();
    for declaration in declared {
        let given = arguments.iter().rev().find(|a| a.key == declaration.key);
        // `default:` without a value is no default (circleci-semantics §5.3).
        let default = declaration
            .value
            .get("default")
            .filter(|d| !d.value.is_null());
        let value = match (given, default) {
            (Some(argument), _) => checked(declaration, &argument.value, problems),
            (None, Some(default)) => {
                // A default may speak of pipeline parameters.
                let value = Scope {
                    pipeline: Rc::clone(&pipeline),
                    values: Rc::clone(&outer.values),
                    memo: Rc::clone(&outer.memo),
                    ..Scope::default()
                }
                .apply(&default.value, problems);
                checked(declaration, &value, problems)
            }
            (None, None) => {
                problems.push(
                    Problem::new(
                        "missing-argument",
                        "a required argument is missing",
                        call_at,
                        format!("`{}` is not given", declaration.key),
                    )
                    .label(declaration.key_at, "declared here, without a default")
                    .help(format!(
                        "add `{}: …` to the call, or a default to the declaration",
                        declaration.key
                    ))
                    .note(format!(
                        "the service says: Missing required argument(s): {}",
                        declaration.key
                    )),
                );
                unresolved(declaration, call_at)
            }
        };
        // What was itself an argument of the caller belongs to whoever gave it first.
        if given.is_some()
            && let Some(name) = lent(declaration, &value)
        {
            lend.push((Rc::from(name), Rc::clone(outer.executors(name))));
        }
        parameters.push((Rc::clone(&declaration.key), outer.memo.one_of(value)));
    }
    Scope {
        memo: Rc::clone(&outer.memo),
        lent: lend,
        parameters,
        matrix: Vec::new(),
        values: Rc::clone(&outer.values),
        pipeline,
        library: Rc::clone(callee.library),
    }
}

/// Returns the name of the executor that a parameter of that type got.
fn lent<'v>(declaration: &Entry, value: &'v Value) -> Option<&'v str> {
    if declaration.value.get("type")?.value.as_str() != Some("executor") {
        return None;
    }
    match value.get("name") {
        Some(name) => name.value.as_str(),
        None => value.as_str().or_else(|| match value.entries() {
            [only] => Some(&*only.key),
            _ => None,
        }),
    }
}

/// Stands for a value that is not known, which has been reported: what depends on it is not
/// reported again.
pub(super) fn unresolved(declaration: &Entry, at: Location) -> Value {
    let text = format!("<< parameters.{} >>", declaration.key);
    Value::new(Data::Str(text.into()), at)
}

/// Returns a value as its parameter's, after a look at its type.
pub(super) fn checked(declaration: &Entry, value: &Value, problems: &mut Vec<Problem>) -> Value {
    let before = problems.len();
    check(declaration, value, problems);
    // A text is of use in the place of a number; in the place of steps nothing else is.
    let steps = declaration.value.get("type").and_then(|t| t.value.as_str()) == Some("steps");
    if steps && problems.len() > before {
        return unresolved(declaration, value.at());
    }
    value.clone()
}

/// Checks that a value fits the type of a declaration.
fn check(declaration: &Entry, value: &Value, problems: &mut Vec<Problem>) {
    // A reference that could not be resolved has been reported already.
    if value.is_templated() {
        return;
    }
    let Some(kind) = declaration
        .value
        .get("type")
        .and_then(|t| t.value.as_str().map(str::to_owned))
    else {
        return;
    };
    let data = value.data();
    let fits = match kind.as_str() {
        "string" => !matches!(data, Data::List(_) | Data::Map(_)),
        "boolean" => matches!(data, Data::Bool(_)),
        "integer" => matches!(data, Data::Int(_)),
        "enum" => {
            let allowed = declaration.value.get("enum");
            let options: Vec<String> = allowed
                .iter()
                .flat_map(|e| e.value.items())
                .filter_map(|i| i.value.as_text())
                .collect();
            let text = value.as_text().map(|t| crate::plan::actual(&t));
            if !options.is_empty() && !text.as_ref().is_some_and(|t| options.contains(t)) {
                let said = text.unwrap_or_else(|| value.kind().to_owned());
                let mut problem = Problem::new(
                    "enum-value",
                    "a value that the enum does not list",
                    value.spot(),
                    format!(
                        "`{said}` is none of {}",
                        crate::finding::listed(&options, 6)
                    ),
                )
                .label(declaration.key_at, "declared here");
                if let Some(near) = nearest(&said, options.iter().map(String::as_str)) {
                    problem = problem.did_you_mean(&said, near);
                }
                problems.push(problem);
            }
            return;
        }
        "executor" => matches!(data, Data::Str(_) | Data::Map(_)),
        "steps" => matches!(data, Data::List(_)),
        "env_var_name" => value.as_str().is_some_and(is_env_name),
        _ => return,
    };
    if !fits
        && kind == "env_var_name"
        && let Some(name) = value.as_str().and_then(|t| t.strip_prefix('$'))
    {
        let name = name.trim_matches(['{', '}']);
        problems.push(
            Problem::new(
                "env-var-name-sigil",
                "a variable where its name belongs",
                value.spot(),
                format!("`{}` takes the name, without `$`", declaration.key),
            )
            .label(declaration.key_at, "declared here")
            .help(format!("write `{name}`"))
            .meant(value.as_str().unwrap_or_default(), name),
        );
        return;
    }
    if !fits {
        problems.push(
            Problem::new(
                "argument-type",
                "an argument of the wrong type",
                value.spot(),
                format!(
                    "this is {}, `{}` is of type {kind}",
                    value.kind(),
                    declaration.key
                ),
            )
            .label(declaration.key_at, "declared here")
            .note(format!("the service says: expected type: {kind}")),
        );
    }
}

fn is_env_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reports references to parameters in the defaults of the pipeline's own: those are read before
/// any of them has a value (circleci-semantics §5.4).
pub(crate) fn check_pipeline_defaults(
    declared: Option<&Value>,
    values: &Rc<LocalValues>,
    problems: &mut Vec<Problem>,
) {
    let scope = Scope {
        values: Rc::clone(values),
        ..Scope::default()
    };
    for declaration in declared.map_or(&[][..], Value::entries) {
        if let Some(default) = declaration.value.get("default") {
            let _ = scope.apply(&default.value, problems);
        }
    }
}

/// Returns the pipeline parameters: what is given, and the defaults of the others, which could be
/// something else in another pipeline.
pub(crate) fn pipeline_parameters(
    declared: Option<&Value>,
    given: &Settled,
) -> Vec<(Rc<str>, Value)> {
    declared
        .map_or(&[][..], Value::entries)
        .iter()
        .map(|d| {
            let name = format!("{PARAMETER}{}", d.key);
            let value = match given.get(&name) {
                Some(scalar) => to_value(scalar, d.key_at),
                None => d
                    .value
                    .get("default")
                    .map_or_else(|| Value::null(d.key_at), |default| default.value.clone())
                    .standing_for(Symbol::variable(name)),
            };
            (Rc::clone(&d.key), value)
        })
        .collect()
}
