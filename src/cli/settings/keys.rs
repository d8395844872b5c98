//! The keys of the settings file: what is read, and what its published schema says, from one table.

/// A key.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it is for: the schema's description.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "the published schema is written of it")
    )]
    pub(super) says: &'static str,
}

/// What a key's value is.
pub(super) enum Kind {
    Text,
    Texts,
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Levels of rules, by their names, groups or tags.
    Rules,
    Table(
        #[cfg_attr(
            not(test),
            allow(dead_code, reason = "the published schema is written of it")
        )]
        &'static [Key],
    ),
}

const fn key(name: &'static str, kind: Kind, says: &'static str) -> Key {
    Key { name, kind, says }
}

/// The levels that a rule may be given.
pub(super) const LEVELS: &[&str] = &["off", "info", "warning", "error"];

/// The keys of a rule whose level has a reason.
pub(super) const RULE: &[Key] = &[
    key(
        "level",
        Kind::Word(LEVELS),
        "The level of its findings; `off` for none.",
    ),
    key("reason", Kind::Text, "Why it has another level here."),
];

/// The forms in which `holdall lint` prints findings.
const LINT_FORMATS: &[&str] = &[
    "human",
    "concise",
    "json",
    "jsonl",
    "sarif",
    "github",
    "gitlab",
    "junit",
    "checkstyle",
];

/// The keys below `[lint]`.
pub(super) const LINT: &[Key] = &[
    key(
        "level",
        Kind::Word(&["default", "pedantic"]),
        "Which findings are shown: `pedantic` adds those that are only worth knowing.",
    ),
    key(
        "fail-on",
        Kind::Word(&["error", "warning", "info", "never"]),
        "The least severity that makes the exit status 1.",
    ),
    key(
        "format",
        Kind::Word(LINT_FORMATS),
        "How findings are printed.",
    ),
    key("select", Kind::Texts, "Only these rules, groups or tags."),
    key("ignore", Kind::Texts, "Not these rules, groups or tags."),
    key(
        "exclude",
        Kind::Texts,
        "Configs that are not checked: patterns of their paths from this file.",
    ),
    key(
        "baseline",
        Kind::Text,
        "The file with the findings that are known, from this file.",
    ),
    key(
        "shellcheck",
        Kind::Truth,
        "Whether shellcheck is asked about the scripts of `run` steps, where it is installed.",
    ),
    key(
        "unsafe-fixes",
        Kind::Truth,
        "Whether `--fix` and `--diff` make unsafe fixes too.",
    ),
    key("rules", Kind::Rules, "Levels of rules, groups or tags."),
];

/// The keys below `[compile]`.
pub(super) const COMPILE: &[Key] = &[key(
    "format",
    Kind::Word(&["yaml", "json"]),
    "What `holdall compile` prints.",
)];

/// The keys below `[graph]`.
pub(super) const GRAPH: &[Key] = &[key(
    "format",
    Kind::Word(&["text", "mermaid", "dot", "svg", "json"]),
    "What `holdall graph` prints.",
)];

/// The keys of the file.
pub(super) const TOP: &[Key] = &[
    key(
        "platform",
        Kind::Word(&["cloud", "server"]),
        "What runs the pipelines: CircleCI's cloud, or a server of your own, whose limits differ.",
    ),
    key(
        "orb-dir",
        Kind::Text,
        "The folder with the sources of orbs, from this file.",
    ),
    key("lint", Kind::Table(LINT), "Defaults of `holdall lint`."),
    key(
        "compile",
        Kind::Table(COMPILE),
        "Defaults of `holdall compile`.",
    ),
    key("graph", Kind::Table(GRAPH), "Defaults of `holdall graph`."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    fn properties(keys: &[Key]) -> Value {
        let each = keys.iter().map(|k| {
            let mut schema = schema_of(&k.kind);
            schema["description"] = json!(k.says);
            (k.name.to_owned(), schema)
        });
        Value::Object(each.collect::<Map<_, _>>())
    }

    fn schema_of(kind: &Kind) -> Value {
        match kind {
            Kind::Text => json!({"type": "string"}),
            Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Kind::Truth => json!({"type": "boolean"}),
            Kind::Word(words) => json!({"enum": words}),
            Kind::Table(keys) => json!({
                "type": "object",
                "additionalProperties": false,
                "properties": properties(keys),
            }),
            Kind::Rules => json!({
                "type": "object",
                "propertyNames": {"enum": names()},
                "additionalProperties": {"oneOf": [
                    {"enum": LEVELS},
                    {
                        "type": "object",
                        "required": ["level"],
                        "additionalProperties": false,
                        "properties": properties(RULE),
                    },
                ]},
            }),
        }
    }

    /// Everything that rules go by.
    fn names() -> Vec<&'static str> {
        let rules = crate::lint::rules();
        let mut names: Vec<&str> = rules.iter().map(|r| r.name).collect();
        names.extend(rules.iter().map(|r| r.group.as_str()));
        names.extend(rules.iter().flat_map(|r| r.tags.iter().copied()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// `schemas/settings.schema.json` is written from the table: `HOLDALL_UPDATE_DOCS=1 cargo test
    /// --lib settings` writes it.
    #[test]
    fn the_published_schema_is_what_is_read() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "The settings of holdall: holdall.toml",
            "type": "object",
            "additionalProperties": false,
            "properties": properties(TOP),
        });
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/settings.schema.json");
        if std::env::var_os("HOLDALL_UPDATE_DOCS").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        let published = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            published == text,
            "schemas/settings.schema.json is not current: HOLDALL_UPDATE_DOCS=1 cargo test --lib settings"
        );
    }
}
