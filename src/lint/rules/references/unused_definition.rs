//! `unused-definition`: a job, command, executor, parameter or orb that nothing uses.

use crate::finding::{Finding, Severity};
use crate::hash::HashSet;
use crate::lint::Context;
use crate::lint::rule::declare_rule;
use crate::yaml::{Location, Node, Shape, SourceId};

declare_rule! {
    /// # What it does
    /// A job, command, executor, parameter or orb that nothing uses.
    ///
    /// # Why is this bad
    /// It is read, kept in step with the rest, and does nothing; or its use has a typing mistake
    /// in it.
    ///
    /// # Example
    /// ```yaml
    /// commands:
    ///   greet:
    ///     steps: [run: echo hello]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout]
    /// ```
    ///
    /// # Use instead
    /// ```yaml
    /// commands:
    ///   greet:
    ///     steps: [run: echo hello]
    /// jobs:
    ///   build:
    ///     docker: [{image: "cimg/base:2024.01"}]
    ///     steps: [checkout, greet]
    /// ```
    ///
    /// # What holdall cannot know
    /// Whether another config that is joined with this one uses it, or a trigger that passes the
    /// parameter.
    ///
    /// # References
    /// - https://circleci.com/docs/reusing-config/
    UNUSED_DEFINITION: "unused-definition", References, Warning, check
}

/// Longest text that is taken for a name, in bytes.
const LONGEST_NAME: usize = 200;

/// What the names of the pipeline's parameters stand behind.
const PARAMETERS: &str = "pipeline.parameters.";

/// What a config says, by the words in it.
#[derive(Default)]
struct Words<'t> {
    /// Texts and keys outside the definitions' own names, each with its place.
    all: HashSet<&'t str>,
    /// The texts with parameters of the pipeline.
    templated: Vec<&'t str>,
    /// The texts with templates that may come to a name.
    open: HashSet<&'t str>,
}

fn check(context: &Context<'_>, out: &mut Vec<Finding>) {
    let tree = &context.compiled.tree;
    let Some(root) = tree
        .root()
        .filter(|r| context.compiled.templates && r.get("workflows").is_some())
    else {
        return;
    };
    let mut words = Words::default();
    for entry in root.entries() {
        let section = entry.key.text().unwrap_or_default();
        let defines = matches!(
            section,
            "jobs" | "commands" | "executors" | "orbs" | "parameters" | "job-groups"
        );
        match entry.value.shape() {
            Shape::Mapping(entries) if defines => {
                for definition in entries {
                    words.read(definition.value);
                }
            }
            _ => words.read(entry.value),
        }
    }
    for (section, what) in [
        ("jobs", "job"),
        ("commands", "command"),
        ("executors", "executor"),
        ("orbs", "orb"),
        ("parameters", "parameter"),
    ] {
        let Some(defined) = root.get(section) else {
            continue;
        };
        for definition in defined.value.entries() {
            let Some(name) = definition.key.text().filter(|n| *n != "<<") else {
                continue;
            };
            let used = match section {
                "parameters" => words
                    .templated
                    .iter()
                    .any(|t| names(t, &format!("{PARAMETERS}{name}"))),
                "orbs" => words
                    .all
                    .iter()
                    .any(|w| w.strip_prefix(name).is_some_and(|r| r.starts_with('/'))),
                _ => words.all.contains(name),
            };
            // A definition by an anchor is used by its aliases; a template may stand for any name;
            // `default` is a name that orbs without source take by convention.
            let default = section == "executors" && name == "default";
            if used
                || definition.value.anchor().is_some()
                || default
                || (section != "parameters" && words.stand_for(name))
            {
                continue;
            }
            // What starts a pipeline may pass a parameter, and a setup config hands its own on.
            let passed = section == "parameters";
            if passed && context.compiled.pipeline.setup {
                continue;
            }
            let severity = if passed {
                Severity::Info
            } else {
                Severity::Warning
            };
            out.push(
                UNUSED_DEFINITION
                    .finding(
                        "a definition that nothing uses",
                        Location::new(SourceId::default(), definition.key.span()),
                        format!("no one uses the {what} `{name}`"),
                    )
                    .severity(severity)
                    .help("remove it, or use it")
                    .done(),
            );
        }
    }
}

/// Says whether a text names a value, as a whole.
fn names(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(i, _)| {
        let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        !text
            .as_bytes()
            .get(i + value.len())
            .copied()
            .is_some_and(part)
    })
}

impl<'t> Words<'t> {
    fn read(&mut self, node: Node<'t>) {
        match node.shape() {
            Shape::Scalar(_) => self.word(node.text().unwrap_or_default()),
            Shape::Sequence(items) => items.for_each(|item| self.read(item)),
            Shape::Mapping(entries) => {
                for entry in entries {
                    self.word(entry.key.text().unwrap_or_default());
                    self.read(entry.value);
                }
            }
            Shape::Alias(_) => {}
        }
    }

    /// Says whether a text with templates in it may come to a name: `build-<< parameters.os >>`.
    fn stand_for(&self, name: &str) -> bool {
        self.open.iter().any(|word| {
            let mut rest = name;
            let mut said = 0;
            let mut pieces = word.split("<<").enumerate().map(|(i, piece)| match i {
                0 => piece,
                _ => piece.split_once(">>").map_or("", |(_, after)| after),
            });
            let first = pieces.next().unwrap_or("");
            let Some(after) = rest.strip_prefix(first) else {
                return false;
            };
            rest = after;
            said += first.len();
            for piece in pieces {
                let Some(at) = rest.find(piece) else {
                    return false;
                };
                rest = &rest[at + piece.len()..];
                said += piece.len();
            }
            said > 0
        })
    }

    fn word(&mut self, text: &'t str) {
        // Most texts are told apart by their length, or by one character.
        if text.len() > PARAMETERS.len() && text.contains(PARAMETERS) {
            self.templated.push(text);
        }
        let templated = text.contains('<') && text.contains("<<");
        if templated && text.len() <= LONGEST_NAME && !text.contains('\n') {
            self.open.insert(text);
        }
        self.all.insert(text);
    }
}
