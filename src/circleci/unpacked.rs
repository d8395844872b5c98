//! Orbs before they are packed: `@orb.yml` beside folders of `commands`, `jobs`, `executors` and
//! `examples`, each file one definition that is named after its file, and scripts that are put in
//! place of `<<include(path)>>` (circleci-semantics §5.4, §9). The parts are put together here as
//! packing does it, and every value still knows the file that it comes from.

use std::path::Path;
use std::rc::Rc;

use super::problem::Problem;
use super::read::Reader;
use super::value::{Data, Entry, Item, Value};
use crate::yaml::{Location, Source, SourceId, Sources, Span, parse};

/// The folders of an unpacked orb that hold definitions.
const SECTIONS: [&str; 4] = ["commands", "jobs", "executors", "examples"];

/// Most values of an orb in which includes are looked for.
const MOST_VALUES: u32 = 2_000_000;

/// What a file of an unpacked orb holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrbPart {
    /// Top-level sections: `@orb.yml`.
    Root,
    /// Definitions of a section, by their names: a file with `@` inside of its folder.
    Section(&'static str),
    /// One definition of a section.
    Definition(&'static str, String),
}

impl OrbPart {
    /// Says what a file is by its path below the folder of `@orb.yml`.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let stem = path.file_stem()?.to_str()?;
        path.extension()
            .filter(|e| *e == "yml" || *e == "yaml")
            .map(|_| ())?;
        let folder = path.parent()?.iter().next();
        let Some(folder) = folder else {
            return stem.starts_with('@').then_some(Self::Root);
        };
        let section = SECTIONS.into_iter().find(|s| folder == *s)?;
        Some(match stem.starts_with('@') {
            true => Self::Section(section),
            // Folders inside of a section do not count.
            false => Self::Definition(section, stem.to_owned()),
        })
    }
}

/// Returns the text of a file that an orb includes, by its path below the orb's folder.
pub type Include<'a> = dyn Fn(&str) -> Option<Source> + 'a;

/// The other parts of the unpacked orb that a file belongs to.
#[derive(Clone, Copy)]
pub struct Unpacked<'a> {
    /// What the file itself is.
    pub part: &'a OrbPart,
    /// The other files.
    pub others: &'a [(OrbPart, Source)],
    /// Whether some of them could not be read.
    pub broken: bool,
    /// The scripts.
    pub include: &'a Include<'a>,
}

/// An orb put together.
pub(super) struct Packed {
    pub(super) root: Value,
    /// Whether a part is missing, so that names may be.
    pub(super) broken: bool,
    /// The scripts that the first part includes.
    pub(super) scripts: Vec<SourceId>,
}

/// Puts an orb together; `main` is the value of the part that is asked for.
pub(super) fn pack(
    main: Option<&Value>,
    source: SourceId,
    unpacked: Unpacked<'_>,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Packed {
    let mut included = Included {
        include: unpacked.include,
        sources,
        problems,
        scripts: Vec::new(),
    };
    let nothing = Value::null(Location::new(source, Span::new(0, 0)));
    let main = included.put(main.unwrap_or(&nothing));
    let scripts = std::mem::take(&mut included.scripts);
    let mut parts = vec![(unpacked.part, main)];
    let mut broken = unpacked.broken;
    for (part, other) in unpacked.others {
        let parsed = parse(other.text_arc());
        let id = included.sources.add(other.clone());
        let read = Reader::new(&parsed.tree, id).read();
        match read {
            Ok(Some(value)) if parsed.error.is_none() => {
                // What is wrong with its includes is said where it is checked itself.
                let said = included.problems.len();
                parts.push((part, included.put(&value)));
                included.problems.truncate(said);
            }
            _ => broken = true,
        }
    }
    Packed {
        root: joined(&parts),
        broken,
        scripts,
    }
}

/// Joins parts in the order of their kinds and names.
fn joined(parts: &[(&OrbPart, Value)]) -> Value {
    let mut root: Vec<Entry> = Vec::new();
    let mut at = Location::default();
    for (_, value) in parts.iter().filter(|(part, _)| **part == OrbPart::Root) {
        at = value.at();
        root.extend(value.entries().iter().cloned());
    }
    for section in SECTIONS {
        let mut all: Vec<Entry> = Vec::new();
        for (part, value) in parts {
            match part {
                OrbPart::Section(s) if *s == section => {
                    all.extend(value.entries().iter().cloned());
                }
                OrbPart::Definition(s, name) if *s == section => all.push(Entry {
                    key: Rc::from(name.as_str()),
                    key_at: first(value),
                    value: value.clone(),
                    through: None,
                }),
                _ => {}
            }
        }
        if all.is_empty() {
            continue;
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        let at = all.first().map_or(at, |e| e.key_at);
        match root.iter_mut().find(|e| &*e.key == section) {
            Some(entry) => {
                let own = entry.value.entries().iter().cloned();
                let whole = own.chain(all).collect();
                entry.value = Value::new(Data::Map(whole), entry.value.at());
            }
            None => root.push(Entry {
                key: Rc::from(section),
                key_at: at,
                value: Value::new(Data::Map(all), at),
                through: None,
            }),
        }
    }
    Value::new(Data::Map(root), at)
}

/// A definition's name stands in no text: its first key is what points at it.
fn first(value: &Value) -> Location {
    value.entries().first().map_or(value.at(), |e| e.key_at)
}

struct Included<'a> {
    include: &'a Include<'a>,
    sources: &'a mut Sources,
    problems: &'a mut Vec<Problem>,
    scripts: Vec<SourceId>,
}

impl Included<'_> {
    /// Puts scripts in the place of includes, in a value and all that is below it.
    fn put(&mut self, value: &Value) -> Value {
        match value.weight() <= MOST_VALUES {
            true => self.put_below(value),
            false => value.clone(),
        }
    }

    fn put_below(&mut self, value: &Value) -> Value {
        if !value.is_templated() {
            return value.clone();
        }
        let data = match value.data() {
            Data::Str(text) => return self.text(text, value),
            Data::List(items) => Data::List(
                items
                    .iter()
                    .map(|item| Item {
                        value: self.put_below(&item.value),
                        through: item.through,
                    })
                    .collect(),
            ),
            Data::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|entry| Entry {
                        value: self.put_below(&entry.value),
                        ..entry.clone()
                    })
                    .collect(),
            ),
            _ => return value.clone(),
        };
        Value::new(data, value.at())
    }

    fn text(&mut self, text: &str, value: &Value) -> Value {
        let Some(path) = included(text) else {
            return value.clone();
        };
        let Some(script) = (self.include)(path) else {
            self.problems.push(
                Problem::new(
                    "invalid-include",
                    "an include of a file that is not there",
                    value.at(),
                    format!("there is no `{path}` below the orb's folder"),
                )
                .help("paths count from the folder of `@orb.yml`"),
            );
            // What it would do is not known, and nothing else is to be said about it.
            return Value::new(Data::Str(":".into()), value.at());
        };
        let text = script.text().replace("<<", "\\<<");
        let end = script.text().len();
        let id = self.sources.add(script);
        self.scripts.push(id);
        let at = Location::new(id, Span::new(0, end));
        Value::new(Data::Str(text.into()), at)
    }
}

/// Returns the path that a text includes, where it is an include and nothing else.
pub(super) fn included(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("<<")?.strip_suffix(">>")?.trim();
    let path = inner.strip_prefix("include(")?.strip_suffix(')')?;
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/' | b'.');
    (!path.is_empty() && path.bytes().all(fine)).then_some(path)
}

/// Reports includes that are a part of a text: packing refuses them.
pub(super) fn check_includes(root: &Value, problems: &mut Vec<Problem>) {
    if root.weight() > MOST_VALUES {
        return;
    }
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        if !value.is_templated() {
            continue;
        }
        match value.data() {
            Data::List(items) => open.extend(items.iter().map(|i| &i.value)),
            Data::Map(entries) => open.extend(entries.iter().map(|e| &e.value)),
            Data::Str(text) => {
                let mut rest = text.split("<<").skip(1).map(str::trim_start);
                let has = rest.any(|t| t.starts_with("include(") && t.contains(">>"));
                if has && included(text).is_none() {
                    problems.push(
                        Problem::new(
                            "invalid-include",
                            "an include that is a part of a text",
                            value.at(),
                            "more than the include stands here",
                        )
                        .help("make the include all of the text, and put the rest into its file"),
                    );
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_told_by_its_path() {
        let of = |path: &str| OrbPart::of(Path::new(path));
        assert_eq!(of("@orb.yml"), Some(OrbPart::Root));
        assert_eq!(
            of("commands/install.yml"),
            Some(OrbPart::Definition("commands", "install".to_owned()))
        );
        assert_eq!(
            of("jobs/linux/test.yaml"),
            Some(OrbPart::Definition("jobs", "test".to_owned()))
        );
        assert_eq!(
            of("executors/@all.yml"),
            Some(OrbPart::Section("executors"))
        );
        for other in ["scripts/x.sh", "scripts/x.yml", "orb.yml", "commands/x.md"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn an_include_is_all_of_its_text() {
        assert_eq!(included("<<include(scripts/a.sh)>>"), Some("scripts/a.sh"));
        assert_eq!(included("<< include(a.sh) >>\n"), Some("a.sh"));
        assert_eq!(included("x <<include(a.sh)>>"), None);
        assert_eq!(included("<<include(a b)>>"), None);
    }
}
