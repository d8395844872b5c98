//! From a pointer into the JSON instance back to the text: the config's values know where they
//! stand, so the pointer is walked again, through aliases and merge keys.

use crate::circleci::value::{Data, Value};
use crate::yaml::Location;

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

/// A value of the config, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) path: Vec<Segment>,
    pub(super) value: Value,
    /// The nearest key above the value; the config's start where there is none.
    pub(super) key_at: Location,
    /// The alias that stands in the value's place.
    pub(super) through: Option<Location>,
}

impl Place {
    /// Walks a JSON pointer as far as the config goes.
    pub(super) fn find(root: &Value, pointer: &str) -> Self {
        let mut place = Self {
            path: Vec::new(),
            value: root.clone(),
            key_at: root.entries().first().map_or(root.at(), |e| e.key_at),
            through: None,
        };
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let Some(next) = place.child(&part) else {
                break;
            };
            place = next;
        }
        place
    }

    fn child(&self, part: &str) -> Option<Self> {
        let (segment, value, key_at, through) = match self.value.data() {
            Data::Map(_) => {
                let entry = self.value.get(part)?;
                (
                    Segment::Key(part.to_owned()),
                    entry.value.clone(),
                    entry.key_at,
                    entry.through,
                )
            }
            Data::List(items) => {
                let index = part.parse().ok()?;
                let item = items.get(index)?;
                (
                    Segment::Index(index),
                    item.value.clone(),
                    self.key_at,
                    item.through,
                )
            }
            _ => return None,
        };
        let mut path = self.path.clone();
        path.push(segment);
        Some(Self {
            path,
            value,
            key_at,
            through,
        })
    }

    /// Returns the key that the value stands behind; none for items and the config itself.
    pub(super) fn key(&self) -> Option<&str> {
        match self.path.last() {
            Some(Segment::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// Returns where the value's name stands; the value itself where it is an item.
    pub(super) fn name_at(&self) -> Location {
        match self.path.last() {
            Some(Segment::Index(_)) => self.value.at(),
            _ => self.key_at,
        }
    }

    /// Says what the value is, for a sentence.
    pub(super) fn what(&self) -> String {
        let mut path = self.path.as_slice();
        while let [Segment::Key(orbs), Segment::Key(_), rest @ ..] = path
            && orbs == "orbs"
            && !rest.is_empty()
        {
            path = rest;
        }
        let named = |kind: &str, name: &str| format!("{kind} `{name}`");
        match path {
            [] => "the config".to_owned(),
            [Segment::Key(section), Segment::Key(name)] => match section.as_str() {
                "jobs" => named("job", name),
                "commands" => named("command", name),
                "executors" => named("executor", name),
                "parameters" => named("pipeline parameter", name),
                "workflows" => named("workflow", name),
                "job-groups" => named("job group", name),
                "orbs" => named("orb", name),
                _ => format!("`{name}`"),
            },
            [
                ..,
                Segment::Key(matrix),
                Segment::Key(section),
                Segment::Key(name),
            ] if matrix == "matrix" && section == "parameters" => {
                format!("`{name}` of the matrix")
            }
            [.., Segment::Key(section), Segment::Key(name)] if section == "parameters" => {
                named("parameter", name)
            }
            [
                ..,
                Segment::Key(list),
                Segment::Index(_),
                Segment::Key(name),
            ] => match list.as_str() {
                "steps" | "pre-steps" | "post-steps" | "default" => format!("this `{name}` step"),
                "jobs" => named("the entry", name),
                _ => format!("`{name}`"),
            },
            [.., Segment::Key(list), Segment::Index(_)] => match list.as_str() {
                "docker" => "this container".to_owned(),
                "steps" | "pre-steps" | "post-steps" => "a step".to_owned(),
                _ => format!("an item of `{list}`"),
            },
            [.., Segment::Key(name)] => format!("`{name}`"),
            [.., Segment::Index(_)] => "an item".to_owned(),
        }
    }
}
