//! Where names are looked up: the commands, executors and jobs of the config, and of each orb
//! whose source is here (circleci-semantics §5.10). Inside an orb its own names come first.

use std::rc::Rc;

use super::value::{Entry, Value};
use crate::yaml::Location;

/// Deepest nesting of inline orbs.
const DEPTH: usize = 20;

/// What a name may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Executor,
    Job,
}

/// The definitions of a config or an orb.
#[derive(Debug, Default)]
pub(crate) struct Library {
    pub(crate) commands: Vec<Entry>,
    pub(crate) executors: Vec<Entry>,
    pub(crate) jobs: Vec<Entry>,
    pub(crate) orbs: Vec<Orb>,
    /// Whether this is an orb: pipeline parameters are out of scope in it.
    pub(crate) is_orb: bool,
}

/// An orb under the name by which it is used.
#[derive(Debug, Clone)]
pub(crate) struct Orb {
    pub(crate) alias: Rc<str>,
    pub(crate) at: Location,
    /// Its definitions; none where its source is not known.
    pub(crate) library: Option<Rc<Library>>,
}

/// What a name was found to be.
pub(crate) enum Found {
    /// A definition, and the library that its own names are looked up in.
    Here(Rc<Library>, Entry),
    /// An element of an orb without source.
    Opaque,
    /// The orb is there and has no such element.
    NotInOrb(Orb),
    /// No orb of that alias is declared.
    NoOrb,
    /// Nothing has this name.
    Nowhere,
}

impl Library {
    /// Reads the sections of a config's or orb's root.
    pub(crate) fn read(root: &Value, is_orb: bool) -> Rc<Self> {
        Self::nested(root, is_orb, 0)
    }

    fn nested(root: &Value, is_orb: bool, depth: usize) -> Rc<Self> {
        let section = |name: &str| {
            root.get(name)
                .map_or(&[][..], |e| e.value.entries())
                .to_vec()
        };
        let orbs = section("orbs").into_iter().map(|entry| Orb {
            alias: Rc::clone(&entry.key),
            at: entry.key_at,
            // An empty map is a place that a setup job fills with the orb under test.
            library: (!entry.value.entries().is_empty() && depth < DEPTH)
                .then(|| Self::nested(&entry.value, true, depth + 1)),
        });
        Rc::new(Self {
            commands: section("commands"),
            executors: section("executors"),
            jobs: section("jobs"),
            orbs: orbs.collect(),
            is_orb,
        })
    }

    /// Returns the definitions of a kind.
    pub(crate) fn list(&self, kind: Kind) -> &[Entry] {
        match kind {
            Kind::Command => &self.commands,
            Kind::Executor => &self.executors,
            Kind::Job => &self.jobs,
        }
    }

    /// Looks a name up: among the own definitions, then in the orb that its prefix names.
    pub(crate) fn find(library: &Rc<Self>, kind: Kind, name: &str) -> Found {
        if let Some(entry) = library.list(kind).iter().rev().find(|e| *e.key == *name) {
            return Found::Here(Rc::clone(library), entry.clone());
        }
        let Some((alias, rest)) = name
            .split_once('/')
            .filter(|(a, r)| !a.is_empty() && !r.is_empty())
        else {
            return Found::Nowhere;
        };
        let Some(orb) = library.orbs.iter().rev().find(|o| *o.alias == *alias) else {
            return Found::NoOrb;
        };
        let Some(inner) = &orb.library else {
            return Found::Opaque;
        };
        match inner.list(kind).iter().rev().find(|e| *e.key == *rest) {
            Some(entry) => Found::Here(Rc::clone(inner), entry.clone()),
            None => Found::NotInOrb(orb.clone()),
        }
    }

    /// Returns the names of a kind.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.list(kind).iter().map(|e| &*e.key)
    }
}
