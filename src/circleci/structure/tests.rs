//! The schema itself, and what a hostile config costs.

use serde_json::Value as Json;

use super::*;
use crate::circleci::compile;
use crate::circleci::read::Reader;
use crate::circleci::value::{Data, Entry, Item};
use crate::yaml::{Source, Sources};

fn problems(text: impl Into<String>) -> Vec<Problem> {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("config.yml", text.into()));
    compile(&mut sources, id, &crate::circleci::Inputs::default()).problems
}

fn shapes(text: &str) -> Vec<String> {
    let ours = ["unknown-key", "missing-key", "wrong-type", "enum-value"];
    problems(text)
        .iter()
        .filter(|p| ours.contains(&p.rule))
        .map(|p| format!("{}: {}", p.rule, p.labels[0].text))
        .collect()
}

/// A config with one job whose steps these are.
fn with_steps(steps: &str) -> String {
    format!(
        "version: 2.1\njobs:\n  build:\n    docker: [{{image: a}}]\n    steps:\n{steps}\nworkflows:\n  main:\n    jobs: [build]\n"
    )
}

#[test]
fn the_schema_is_valid_and_compiles() {
    let json: Json = serde_json::from_str(TEXT).unwrap();
    assert!(jsonschema::draft202012::meta::is_valid(&json));
    assert!(VALIDATOR.is_some());
}

#[test]
fn the_quick_answer_knows_every_keyword_of_the_schema() {
    assert!(PARTS.is_some());
}

/// Counts a value down and replaces it.
fn replaced(value: &Value, place: &mut usize, by: &Value) -> Value {
    if *place == 0 {
        *place = usize::MAX;
        return by.clone();
    }
    *place -= 1;
    let data = match value.data() {
        Data::List(items) => Data::List(
            items
                .iter()
                .map(|item| Item {
                    value: replaced(&item.value, place, by),
                    through: None,
                })
                .collect(),
        ),
        Data::Map(entries) => Data::Map(
            entries
                .iter()
                .map(|entry| Entry {
                    value: replaced(&entry.value, place, by),
                    ..entry.clone()
                })
                .collect(),
        ),
        _ => return value.clone(),
    };
    Value::new(data, value.at())
}

#[test]
fn the_quick_answer_is_the_validators() {
    let texts = "version: 2.1\nsetup: yes\norbs: {a: b/c@1, d: {jobs: {e: {parameters: {x: {type: enum, enum: [1], default: 1}}, machine: true, steps: [checkout]}}}}\nparameters: {p: {type: integer, default: 1}}\ncommands: {c: {parameters: {s: {type: steps, default: []}}, steps: [{when: {condition: {and: [a, {not: b}, {equal: [1, 2]}]}, steps: [run: x]}}]}}\nexecutors: {e: {docker: [{image: a, auth: {username: u, password: p}}], environment: [{A: b}, C=d]}}\njobs:\n  j:\n    executor: {name: e}\n    parallelism: 4\n    steps:\n      - run: {command: a, background: true, when: always, environment: {A: 1}}\n      - save_cache: {key: k, paths: [a], when: on_fail}\n      - persist_to_workspace: {root: ., paths: [a]}\n      - attach_workspace: {at: .}\n      - store_artifacts: {path: a}\n      - restore_cache: {keys: [a, b]}\n      - c: {s: [checkout]}\nworkflows:\n  w:\n    when: << pipeline.parameters.p >>\n    triggers: [{schedule: {cron: \"0 0 * * *\", filters: {branches: {only: main}}}}]\n    jobs: [j, {j: {name: k, requires: [j, {j: [failed, success]}], context: [a], filters: {tags: {only: /a/}}, matrix: {parameters: {x: [1, 2]}, exclude: [{x: 1}]}}}, {hold: {type: approval}}]\n";
    let tree = crate::yaml::parse(texts).tree;
    let root = Reader::new(&tree, crate::yaml::SourceId(0)).read();
    let root = root.unwrap().unwrap();
    let at = root.at();
    let (parts, validator) = (PARTS.as_ref().unwrap(), VALIDATOR.as_ref().unwrap());
    assert!(parts.fit(&root) && validator.is_valid(&root));
    let text = |text: &str| Value::new(Data::Str(text.into()), at);
    let list = |value: Value| {
        let item = Item {
            value,
            through: None,
        };
        Value::new(Data::List(vec![item]), at)
    };
    let map = |key: &str, value: Value| {
        let entry = Entry {
            key: key.into(),
            key_at: at,
            value,
            through: None,
        };
        Value::new(Data::Map(vec![entry]), at)
    };
    let others = [
        Value::null(at),
        Value::new(Data::Bool(true), at),
        Value::new(Data::Int(0), at),
        Value::new(Data::Int(7), at),
        Value::new(Data::Float(2.0), at),
        Value::new(Data::Float(2.5), at),
        Value::new(Data::Float(f64::INFINITY), at),
        text("x"),
        text("<< parameters.x >>"),
        text("2"),
        text("on_fail"),
        text("A=b"),
        text("a/b@1"),
        Value::new(Data::List(Vec::new()), at),
        list(text("checkout")),
        list(map("run", text("x"))),
        list(list(Value::null(at))),
        Value::new(Data::Map(Vec::new()), at),
        map("run", text("x")),
        map("type", text("enum")),
        map("image", text("x")),
        map("zz", list(text("x"))),
        map("not", map("or", list(text("x")))),
    ];
    let (mut fit, mut unfit) = (0, 0);
    for place in 0..root.weight() as usize {
        for other in &others {
            let changed = replaced(&root, &mut place.clone(), other);
            let valid = validator.is_valid(&changed);
            assert_eq!(parts.fit(&changed), valid, "{place}: {other:?}");
            *(if valid { &mut fit } else { &mut unfit }) += 1;
        }
    }
    assert!(fit > 500 && unfit > 500, "{fit} fit, {unfit} do not");
}

#[test]
fn everything_that_the_schema_names_is_described() {
    fn described(schema: &Json, root: &Json) -> bool {
        schema.get("description").is_some_and(Json::is_string)
            || schema
                .get("$ref")
                .and_then(Json::as_str)
                .and_then(|r| root.pointer(r.trim_start_matches('#')))
                .is_some_and(|target| described(target, root))
    }
    fn walk(schema: &Json, root: &Json, way: &str, missing: &mut Vec<String>) {
        match schema {
            Json::Object(map) => {
                for (keyword, value) in map {
                    if keyword == "examples" {
                        continue;
                    }
                    let way = format!("{way}/{keyword}");
                    if matches!(keyword.as_str(), "properties" | "$defs") {
                        for (name, part) in value.as_object().unwrap() {
                            if !described(part, root) {
                                missing.push(format!("{way}/{name}"));
                            }
                            walk(part, root, &format!("{way}/{name}"), missing);
                        }
                    } else {
                        walk(value, root, &way, missing);
                    }
                }
            }
            Json::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    walk(item, root, &format!("{way}/{i}"), missing);
                }
            }
            _ => {}
        }
    }
    let json: Json = serde_json::from_str(TEXT).unwrap();
    let mut missing = Vec::new();
    walk(&json, &json, "", &mut missing);
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let json: Json = serde_json::from_str(TEXT).unwrap();
    let mut seen = 0;
    for part in TEXT.split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(json.pointer(pointer).is_some(), "{pointer}");
        seen += 1;
    }
    assert!(seen > 100);
}

#[test]
fn the_schema_knows_the_builtin_steps() {
    let json: Json = serde_json::from_str(TEXT).unwrap();
    let known = json["$defs"]["step"]["properties"].as_object().unwrap();
    for name in STEP_NAMES {
        assert!(known.contains_key(name), "{name}");
    }
}

#[test]
fn a_command_with_a_builtin_name_takes_its_own_arguments() {
    let text = "commands:\n  store_artifacts:\n    parameters: {file: {type: string}}\n    steps: [checkout]\n";
    let call = with_steps("      - store_artifacts: {file: a}");
    assert_eq!(shapes(&format!("{call}{text}")), Vec::<String>::new());
    assert_eq!(
        shapes(&call),
        ["missing-key: this `store_artifacts` step has no `path`"]
    );
}

#[test]
fn a_mistake_behind_an_alias_is_reported_once_and_where_it_stands() {
    let text = "version: 2.1\nx: &x\n  steps:\n    - run: {comand: a}\njobs:\n  a: *x\n  b: *x\n  c: {<<: *x}\n";
    let found = problems(text);
    let unknown: Vec<_> = found.iter().filter(|p| p.rule == "unknown-key").collect();
    assert_eq!(unknown.len(), 1);
    let span = unknown[0].labels[0].at.span;
    assert_eq!(&text[span.range()], "comand");
}

#[test]
fn keys_with_odd_names_are_found_again() {
    let text = "version: 2.1\njobs:\n  \"\": {steps: [], a/b~c: 1}\n  \"0\": {steps: [], zz: 1}\n";
    let found: Vec<_> = problems(text)
        .into_iter()
        .filter(|p| p.rule == "unknown-key")
        .map(|p| text[p.labels[0].at.span.range()].to_owned())
        .collect();
    assert_eq!(found, ["a/b~c", "zz"]);
}

#[test]
fn version_2_is_let_through() {
    let text = "version: 2\njobs:\n  build:\n    branches: {}\n    zz: 1\n    docker: [{image: a, zz: 1}]\n    steps: [{run: {command: a, zz: 1}}]\n";
    assert_eq!(shapes(text), Vec::<String>::new());
}

#[test]
fn a_config_that_stands_for_too_much_ends() {
    let mut text = "version: 2.1\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n".to_owned();
    for i in 1..9 {
        let items = vec![format!("*x{}", i - 1); 10].join(", ");
        text.push_str(&format!("x{i}: &x{i} [{items}]\n"));
    }
    text.push_str("jobs:\n  build: {zz: *x8}\n");
    let _ = problems(text);
}

#[test]
fn deep_steps_end() {
    let mut text = String::new();
    for depth in 0..80 {
        let indent = "  ".repeat(3 + depth);
        text.push_str(&format!("{indent}- when: {{condition: true, steps: ["));
        text.push('\n');
    }
    text.push_str(&" ".repeat(400));
    text.push_str(&"]}".repeat(80));
    let _ = problems(with_steps(&text));
    let mut text = "      - when: {condition: ".to_owned();
    text.push_str(&"{not: ".repeat(180));
    text.push_str("[1]");
    text.push_str(&"}".repeat(180));
    text.push_str(", steps: []}");
    assert!(
        shapes(&with_steps(&text))
            .iter()
            .any(|s| s.starts_with("wrong-type: `not` is a map or text"))
    );
}

#[test]
fn ten_thousand_mistakes_end() {
    let steps = "      - run: {comand: a, when: b, background: c}\n".repeat(10_000);
    assert!(!shapes(&with_steps(&steps)).is_empty());
}
