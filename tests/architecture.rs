//! The direction of the house: which room of `src/` may know which, what stays behind one door, and
//! who keeps away from files and programs. Reads the text of the sources.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The rooms from the ground up, each with those that it may use. Only what stands above it in this
/// list can be among them, so that no two rooms can know each other.
const ROOMS: [(&str, &[&str]); 15] = [
    ("hash", &[]),
    ("words", &[]),
    ("shims", &[]),
    ("glob", &[]),
    ("yaml", &["hash"]),
    ("plan", &["hash", "yaml"]),
    ("finding", &["yaml"]),
    ("flow", &["glob", "plan"]),
    ("circleci", &["hash", "yaml", "plan", "finding"]),
    ("layer", &["glob"]),
    (
        "lint",
        &[
            "hash", "glob", "yaml", "plan", "finding", "flow", "circleci",
        ],
    ),
    (
        "transpile",
        &[
            "hash", "words", "shims", "yaml", "plan", "flow", "circleci", "layer",
        ],
    ),
    (
        "run",
        &[
            "words", "shims", "yaml", "plan", "flow", "circleci", "layer",
        ],
    ),
    ("verify", &["words", "yaml", "plan", "run"]),
    (
        "cli",
        &[
            "words",
            "glob",
            "yaml",
            "plan",
            "finding",
            "flow",
            "circleci",
            "layer",
            "lint",
            "transpile",
            "run",
            "verify",
        ],
    ),
];

/// Crates that only one place names, so that another one could take their part.
const DOORS: [(&str, &str); 14] = [
    ("granit_parser", "yaml/parse.rs"),
    ("jsonschema", "circleci/structure/"),
    ("strsim", "finding/nearest.rs"),
    ("tar", "layer/"),
    ("flate2", "layer/"),
    ("zstd", "layer/"),
    ("object_store", "layer/remote/object/"),
    ("oci_client", "layer/remote/oci/"),
    ("tokio", "layer/remote/"),
    ("rustls", "layer/remote/"),
    ("clap", "cli/"),
    ("anstream", "cli/"),
    ("similar", "cli/"),
    ("toml", "cli/settings/"),
];

/// Rooms that make values of values: they read no file, start no program and ask for no variable of
/// the environment.
const PURE: [&str; 10] = [
    "hash",
    "words",
    "shims",
    "yaml",
    "plan",
    "finding",
    "flow",
    "circleci",
    "lint",
    "transpile",
];

/// A file of `src/`, without its comments and its tests.
struct Source {
    /// Below `src/`, with `/`.
    path: String,
    code: String,
}

impl Source {
    /// Returns the room that it belongs to.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// Says whether the code names a crate or module as the beginning of a path.
    fn names(&self, root: &str) -> bool {
        let path = format!("{root}::");
        self.code.match_indices(&path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
        })
    }

    /// Returns the rooms that the code names: `crate::yaml::Tree`, `crate::{yaml, plan}`.
    fn uses(&self) -> BTreeSet<&str> {
        let word = |c: char| !c.is_alphanumeric() && c != '_';
        let mut out = BTreeSet::new();
        for rest in self.code.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                None => out.extend(rest.split(word).next()),
                Some(list) => {
                    let list = list.split("};").next().unwrap_or_default();
                    let items = list.split(',').map(str::trim);
                    out.extend(items.filter_map(|item| item.split(word).next()));
                }
            }
        }
        out.retain(|name| ROOMS.iter().any(|(room, _)| room == name));
        out
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|l| !l.trim_start().starts_with("//"));
        let below = file.strip_prefix(root().join("src")).unwrap();
        Source {
            path: below.to_str().unwrap().replace('\\', "/"),
            code: lines.collect::<Vec<_>>().join("\n"),
        }
    };
    let all: Vec<Source> = files.iter().map(read).collect();
    assert!(all.len() > 300, "{} files were found", all.len());
    all
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Returns the rooms that a room may use.
fn allowed(room: &str) -> &'static [&'static str] {
    let found = ROOMS.iter().find(|(name, _)| *name == room);
    found
        .unwrap_or_else(|| panic!("{room} has no place among the rooms"))
        .1
}

#[test]
fn no_room_reaches_back() {
    for (i, (room, uses)) in ROOMS.iter().enumerate() {
        for other in *uses {
            let below = ROOMS[..i].iter().any(|(name, _)| name == other);
            assert!(below, "{room} may use {other}, which stands above it");
        }
    }
    let mut wrong = Vec::new();
    for source in sources() {
        // The faces of the library and of the program.
        if matches!(source.path.as_str(), "lib.rs" | "main.rs") {
            continue;
        }
        let room = source.room();
        for used in source.uses() {
            if used != room && !allowed(room).contains(&used) {
                wrong.push(format!("{}: {room} knows nothing of {used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A permission that nobody needs would let somebody reach back unseen.
#[test]
fn what_a_room_may_use_it_uses() {
    let mut used = BTreeSet::new();
    let all = sources();
    for source in &all {
        used.extend(source.uses().into_iter().map(|u| (source.room(), u)));
    }
    for (room, uses) in ROOMS {
        for other in uses {
            assert!(used.contains(&(room, *other)), "{room} needs no {other}");
        }
    }
}

#[test]
fn a_crate_behind_a_door_is_named_behind_it_only() {
    let all = sources();
    for (name, door) in DOORS {
        let naming = all.iter().filter(|s| s.names(name));
        let places: Vec<&str> = naming.map(|s| s.path.as_str()).collect();
        assert!(!places.is_empty(), "nobody names {name}");
        let outside: Vec<&&str> = places.iter().filter(|p| !p.starts_with(door)).collect();
        assert!(outside.is_empty(), "{name} belongs to {door}: {outside:?}");
    }
}

#[test]
fn rooms_of_values_touch_nothing_outside() {
    let mut wrong = Vec::new();
    for source in sources() {
        if !PURE.contains(&source.room()) || source.path.ends_with("fuzzing.rs") {
            continue;
        }
        for outside in [
            "std::fs",
            "std::process",
            "std::env",
            "std::net",
            "std::io::std",
        ] {
            if source.code.contains(outside) {
                wrong.push(format!("{} names {outside}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who comes new to the tree finds every folder of it in one place.
#[test]
fn contributing_names_every_folder() {
    let text = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for parent in ["src", "tests"] {
        for entry in std::fs::read_dir(root().join(parent)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{parent}/{}", entry.file_name().to_str().unwrap());
            let named = text.contains(&format!("`{name}`"));
            assert!(
                named || !entry.file_type().unwrap().is_dir(),
                "CONTRIBUTING.md does not name {name}"
            );
        }
    }
}
