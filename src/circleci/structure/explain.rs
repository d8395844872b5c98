//! Faults in words: which key is wrong, what is expected there, and what was probably meant.

use serde_json::Value as Json;

use super::fault::{Fault, FaultKind};
use super::place::{Place, Segment};
use crate::circleci::builtin::STEP_NAMES;
use crate::circleci::config::{missing_key, wrong_type};
use crate::circleci::problem::Problem;
use crate::finding::{listed, nearest};

/// Keys that belong to a job's entry in a workflow and are often written into the job
/// (circleci-semantics §4.2).
const ENTRY_ONLY: [&str; 7] = [
    "requires",
    "filters",
    "context",
    "matrix",
    "pre-steps",
    "post-steps",
    "serial-group",
];

/// Explains a fault; with each problem the key that is missing, where one is.
pub(super) fn problems(
    fault: &Fault,
    place: &Place,
    schema: &Json,
) -> Vec<(Problem, Option<String>)> {
    let node = Node::new(schema, &fault.schema);
    match &fault.kind {
        FaultKind::Unknown(keys) => keys
            .iter()
            .filter_map(|key| unknown(key, place, &node))
            .map(|problem| (problem, None))
            .collect(),
        FaultKind::Missing(keys) => vec![missing(keys, place)],
        FaultKind::Type | FaultKind::Form if place.value.is_null() => {
            let needed = node.needed();
            if needed.is_empty() {
                return required_but_empty(place).map_or_else(
                    || vec![(of_type(place, &node), None)],
                    |missing| vec![missing],
                );
            }
            needed.iter().map(|keys| missing(keys, place)).collect()
        }
        FaultKind::Type if is_nested_list(place) => vec![(nested_list(place), None)],
        FaultKind::Type => vec![(of_type(place, &node), None)],
        FaultKind::Form => vec![(form(place, &node), None)],
        FaultKind::Choice(choices) => vec![(choice(choices, place), None)],
        FaultKind::Range => vec![(range(place, &node), None)],
        FaultKind::Empty => {
            let what = format!("{} needs at least one item", place.what());
            let problem = Problem::new("wrong-type", "a list of nothing", place.value.at(), what);
            vec![(with_example(problem, place, &node), None)]
        }
        FaultKind::Several => several(place).map(|p| (p, None)).into_iter().collect(),
    }
}

/// The part of the schema that a value does not fit.
struct Node<'s> {
    schema: Option<&'s Json>,
}

impl<'s> Node<'s> {
    fn new(schema: &'s Json, pointer: &str) -> Self {
        Self {
            schema: schema.pointer(pointer),
        }
    }

    fn get(&self, keyword: &str) -> Option<&'s Json> {
        self.schema?.get(keyword)
    }

    /// Returns the keys that a map may have here.
    fn known(&self) -> Vec<&'s str> {
        self.get("properties")
            .and_then(Json::as_object)
            .map(|p| p.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// Returns the keys that have to be there, each with those that would do in its place.
    fn needed(&self) -> Vec<Vec<String>> {
        let names = |of: &Json| -> Vec<String> {
            of.get("required")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect()
        };
        let Some(schema) = self.schema else {
            return Vec::new();
        };
        let mut needed: Vec<Vec<String>> = names(schema).into_iter().map(|k| vec![k]).collect();
        let either: Vec<String> = self
            .get("anyOf")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .flat_map(names)
            .collect();
        if !either.is_empty() {
            needed.push(either);
        }
        needed
    }

    /// Returns the types that fit, as words.
    fn types(&self) -> String {
        let types: Vec<&str> = match self.get("type") {
            Some(Json::Array(types)) => types.iter().filter_map(Json::as_str).collect(),
            Some(Json::String(one)) => vec![one],
            _ => Vec::new(),
        };
        // Text of a certain form only stands for the other types: a template, `"true"`.
        let stands_in = self.get("pattern").is_some() && types.len() > 1;
        let text = types.contains(&"string") && !stands_in;
        let mut words = Vec::new();
        for (name, word) in [
            ("object", "a map"),
            ("array", "a list"),
            ("integer", "a whole number"),
            ("boolean", "`true` or `false`"),
            ("number", "a number"),
        ] {
            // What takes text takes numbers and booleans as text.
            if types.contains(&name) && !(text && matches!(name, "boolean" | "number")) {
                words.push(word);
            }
        }
        if text {
            words.push("text");
        }
        match words.split_last() {
            None => "something else".to_owned(),
            Some((last, [])) => (*last).to_owned(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
        }
    }

    fn example(&self) -> Option<&'s Json> {
        self.get("examples")?.get(0)
    }
}

/// Explains a key that the schema does not know; nothing where the service would let it through.
fn unknown(key: &str, place: &Place, node: &Node<'_>) -> Option<Problem> {
    let at = place.value.get(key).map_or(place.key_at, |e| e.key_at);
    let known = node.known();
    let near = nearest(key, known.iter().copied());
    let problem = Problem::new(
        "unknown-key",
        "a key that does not belong here",
        at,
        format!("{} takes no `{key}`", place.what()),
    );
    if is_lenient_step(place) {
        // Configs that run have such keys in their steps; one that is nearly right is still
        // never what was meant.
        return Some(problem.did_you_mean(key, near?));
    }
    let problem = problem.note(format!(
        "the service says: extraneous key [{key}] is not permitted"
    ));
    Some(if is_job(place) && ENTRY_ONLY.contains(&key) {
        let text = format!("`{key}` belongs to the job's entry in a workflow");
        Problem {
            rule: "misplaced-key",
            ..problem
        }
        .says(text)
        .help("move it to the job's entry below `workflows`")
    } else if let Some(near) = near {
        problem.did_you_mean(key, near)
    } else if known.contains(&"steps") && STEP_NAMES.contains(&key) {
        problem.help(format!("`{key}` is a step: write it as an item of `steps`"))
    } else {
        problem.help(format!("it takes {}", listed(&known, 8)))
    })
}

/// Says whether a place is a builtin step other than those of workspaces, whose keys are all the
/// compiler's business.
fn is_lenient_step(place: &Place) -> bool {
    match place.path.as_slice() {
        [
            ..,
            Segment::Key(list),
            Segment::Index(_),
            Segment::Key(step),
        ] => {
            matches!(
                list.as_str(),
                "steps" | "pre-steps" | "post-steps" | "default"
            ) && !matches!(step.as_str(), "persist_to_workspace" | "attach_workspace")
        }
        _ => false,
    }
}

fn is_job(place: &Place) -> bool {
    match place.path.as_slice() {
        [.., Segment::Key(section), Segment::Key(_)] => section == "jobs",
        _ => false,
    }
}

fn missing(keys: &[String], place: &Place) -> (Problem, Option<String>) {
    let first = keys.first().map_or("", String::as_str);
    let problem = missing_key(first, &place.what(), place.name_at());
    if keys.len() < 2 {
        return (problem, Some(first.to_owned()));
    }
    let text = format!("{} has none of {}", place.what(), listed(keys, 4));
    let problem = Problem::new(
        "missing-key",
        "a required key is missing",
        place.name_at(),
        text,
    )
    .help(format!("add `{first}: …`"));
    (problem, Some(first.to_owned()))
}

/// A key that is there with nothing behind it, where its map cannot do without.
fn required_but_empty(place: &Place) -> Option<(Problem, Option<String>)> {
    let key = place.key()?;
    let steps = ["steps", "pre-steps", "post-steps"];
    let [
        ..,
        Segment::Key(list),
        Segment::Index(_),
        Segment::Key(step),
        _,
    ] = place.path.as_slice()
    else {
        return None;
    };
    if !steps.contains(&list.as_str()) {
        return None;
    }
    let problem = Problem::new(
        "missing-key",
        "a required key is missing",
        place.key_at,
        format!("nothing stands behind the `{key}` of this `{step}` step"),
    )
    .help(format!("write `{key}: …`"));
    Some((problem, Some(key.to_owned())))
}

fn of_type(place: &Place, node: &Node<'_>) -> Problem {
    let expected = format!("{} is {}", place.what(), node.types());
    with_example(
        wrong_type(&expected, &place.value, place.key_at),
        place,
        node,
    )
}

fn form(place: &Place, node: &Node<'_>) -> Problem {
    match node.example() {
        Some(Json::String(example)) => {
            let text = format!("{} is not written like `{example}`", place.what());
            let at = place.value.at();
            let problem = Problem::new("wrong-type", "text of the wrong form", at, text);
            described(problem, node)
        }
        _ => of_type(place, node),
    }
}

fn choice(choices: &[String], place: &Place) -> Problem {
    let Some(text) = place.value.as_text() else {
        let expected = format!("{} is one of {}", place.what(), listed(choices, 8));
        return wrong_type(&expected, &place.value, place.key_at);
    };
    let at = if place.value.is_null() {
        place.key_at
    } else {
        place.value.at()
    };
    let label = match choices {
        [only] => format!(
            "`{text}` is not `{only}`, the only value of {}",
            place.what()
        ),
        _ => format!("`{text}` is none of {}", listed(choices, 8)),
    };
    let problem = Problem::new(
        "enum-value",
        format!("a value that {} does not know", place.what()),
        at,
        label,
    );
    match nearest(&text, choices.iter().map(String::as_str)) {
        Some(near) => problem.did_you_mean(&text, near),
        None => problem,
    }
}

fn range(place: &Place, node: &Node<'_>) -> Problem {
    let bound = |keyword: &str| node.get(keyword).map(Json::to_string);
    let allowed = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, most) => format!("at most {}", most.unwrap_or_else(|| "…".to_owned())),
    };
    Problem::new(
        "enum-value",
        "a number out of its range",
        place.value.at(),
        format!(
            "{} is {allowed}, this is {}",
            place.what(),
            place.value.as_text().unwrap_or_default()
        ),
    )
}

fn is_nested_list(place: &Place) -> bool {
    let steps = ["steps", "pre-steps", "post-steps"];
    match place.path.as_slice() {
        [.., Segment::Key(list), Segment::Index(_)] => {
            place.value.is_list() && steps.contains(&list.as_str())
        }
        _ => false,
    }
}

fn nested_list(place: &Place) -> Problem {
    Problem::new(
        "steps-list-nested",
        "a list stands where a step should",
        place.through.unwrap_or_else(|| place.value.at()),
        "lists of steps are not flattened",
    )
    .help("use `- steps: …`, a command, or write its steps here")
}

/// A step or a workflow's entry with a key beside its name: mostly one that is not indented enough
/// (circleci-semantics §4.2, §6).
fn several(place: &Place) -> Option<Problem> {
    let [first, second, ..] = place.value.entries() else {
        return None;
    };
    let entry = place.path.first() == Some(&Segment::Key("workflows".to_owned()))
        || place.path.first() == Some(&Segment::Key("job-groups".to_owned()));
    let (title, label) = if entry && place.path.len() == 4 {
        ("a workflow's entry with two keys", "the job")
    } else {
        ("a step with two keys", "the step")
    };
    Some(
        Problem::new(
            "misindented-step",
            title,
            second.key_at,
            format!(
                "`{}` stands beside `{}`, not below it",
                second.key, first.key
            ),
        )
        .label(first.key_at, label)
        .help(format!(
            "indent `{}` so that it belongs to `{}`",
            second.key, first.key
        )),
    )
}

/// Adds how it is written, or else what it is for.
fn with_example(problem: Problem, place: &Place, node: &Node<'_>) -> Problem {
    let Some(example) = node.example() else {
        return described(problem, node);
    };
    let written = flow(example);
    match place.key() {
        Some(key) => problem.help(format!("write `{key}: {written}`")),
        None => problem.help(format!("write `- {written}`")),
    }
}

/// Adds the schema's description.
fn described(problem: Problem, node: &Node<'_>) -> Problem {
    match node.get("description").and_then(Json::as_str) {
        Some(text) => problem.note(text),
        None => problem,
    }
}

/// Writes an example as YAML in flow style.
fn flow(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Json::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Says whether a text of the schema's examples needs no quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')
        && !text.contains(": ")
        && !text.contains(" #")
}
