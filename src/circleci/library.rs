//! Where names are looked up: the commands, executors and jobs of the config, and of each orb
//! whose source is here (circleci-semantics §5.10). Inside an orb its own names come first.

use std::rc::Rc;

use super::OrbSources;
use super::compile::syntax_problem;
use super::problem::Problem;
use super::read::Reader;
use super::template::Scope;
use super::unpacked::{OrbPart, Unpacked, pack};
use super::value::{Entry, Value};
use crate::hash::HashMap;
use crate::plan;
use crate::yaml::{Location, Source, Sources, parse};

/// Deepest nesting of orbs in orbs.
const DEPTH: usize = 20;

/// Most names that may stand for each other before a definition has to come.
const ALIASES: usize = 20;

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
    /// For each kind, where each name stands in its list.
    places: [HashMap<Rc<str>, usize>; 3],
}

/// An orb under the name by which it is used.
#[derive(Debug, Clone)]
pub(crate) struct Orb {
    pub(crate) alias: Rc<str>,
    pub(crate) at: Location,
    /// What the config says it is; none where it is written inline.
    pub(crate) reference: Option<String>,
    /// The version whose source stands for it.
    pub(crate) resolved: Option<String>,
    /// Its definitions; none where its source is not known.
    pub(crate) library: Option<Rc<Library>>,
}

impl Orb {
    /// Returns what the plan says of it.
    pub(crate) fn to_plan(&self) -> plan::Orb {
        plan::Orb {
            alias: self.alias.to_string(),
            at: self.at,
            reference: self.reference.clone(),
            resolved: self.resolved.clone(),
        }
    }
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

/// Reads libraries: the config's own sections, inline orbs, and orbs whose source is at hand.
pub(crate) struct Loader<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) orbs: &'a OrbSources<'a>,
    pub(crate) problems: &'a mut Vec<Problem>,
    /// What is known of each reference that was met; none where there is no source.
    known: HashMap<String, Option<(Rc<Library>, String)>>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        sources: &'a mut Sources,
        orbs: &'a OrbSources<'a>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self {
            sources,
            orbs,
            problems,
            known: HashMap::default(),
        }
    }

    /// Takes a library for the source of a reference.
    pub(crate) fn knowing(mut self, reference: String, library: Rc<Library>) -> Self {
        let resolved = reference.clone();
        self.known.insert(reference, Some((library, resolved)));
        self
    }

    /// Reads the sections of an orb's source.
    pub(crate) fn orb_source(&mut self, root: &Value) -> Rc<Library> {
        self.no_groups(root);
        self.library(root, true, &Scope::default(), 0)
    }

    /// Reads the sections of a config's root; `scope` fills in the versions of its orbs.
    pub(crate) fn config(&mut self, root: &Value, scope: &Scope) -> Rc<Library> {
        self.library(root, false, scope, 0)
    }

    fn library(&mut self, root: &Value, is_orb: bool, scope: &Scope, depth: usize) -> Rc<Library> {
        let section = |name: &str| {
            root.get(name)
                .map_or(&[][..], |e| e.value.entries())
                .to_vec()
        };
        let mut orbs = Vec::new();
        for entry in section("orbs") {
            // An empty map is a place that a setup job fills with the orb under test.
            let mut orb = Orb {
                alias: Rc::clone(&entry.key),
                at: entry.key_at,
                reference: None,
                resolved: None,
                library: None,
            };
            if entry.value.entries().is_empty() {
                let reference = scope.apply(&entry.value, self.problems);
                orb.reference = reference.as_str().map(str::to_owned);
                if let Some(reference) = &orb.reference
                    && depth < DEPTH
                    && let Some((library, resolved)) = self.orb(reference, depth)
                {
                    orb.library = Some(library);
                    orb.resolved = Some(resolved);
                }
            } else if depth < DEPTH {
                self.no_groups(&entry.value);
                let library = self.library(&entry.value, true, &Scope::default(), depth + 1);
                orb.library = Some(library);
            }
            orbs.push(orb);
        }
        let mut library = Library {
            commands: section("commands"),
            executors: section("executors"),
            jobs: section("jobs"),
            orbs,
            is_orb,
            places: Default::default(),
        };
        library.places = [Kind::Command, Kind::Executor, Kind::Job].map(|kind| {
            let names = library.list(kind).iter().enumerate();
            names.map(|(i, e)| (Rc::clone(&e.key), i)).collect()
        });
        Rc::new(library)
    }

    /// Orbs have no job groups (circleci-semantics §5.10).
    fn no_groups(&mut self, orb: &Value) {
        if let Some(groups) = orb.get("job-groups") {
            self.problems.push(
                Problem::new(
                    "unknown-key",
                    "a key that does not belong here",
                    groups.key_at,
                    "an orb takes no `job-groups`",
                )
                .help("define the group in the config itself"),
            );
        }
    }

    /// Reads an orb's source, `namespace/name@version`, once; returns the version that it is too.
    fn orb(&mut self, reference: &str, depth: usize) -> Option<(Rc<Library>, String)> {
        if let Some(known) = self.known.get(reference) {
            return known.clone();
        }
        // An orb that comes back to itself has no source the second time.
        self.known.insert(reference.to_owned(), None);
        let found = (self.orbs)(reference)?;
        let source = found.main;
        let parsed = parse(source.text_arc());
        let resolved = version(reference, &source);
        let id = self.sources.add(source);
        if let Some(error) = &parsed.error {
            self.problems.push(syntax_problem(error, id));
            return None;
        }
        let mut root = Reader::new(&parsed.tree, id).read().ok().flatten()?;
        if !found.others.is_empty() {
            let unpacked = Unpacked {
                part: &OrbPart::Root,
                others: &found.others,
                broken: false,
                include: &found.include,
            };
            root = pack(Some(&root), id, unpacked, self.sources, self.problems).root;
        }
        let library = self.library(&root, true, &Scope::default(), depth + 1);
        let known = (library, resolved);
        self.known.insert(reference.to_owned(), Some(known.clone()));
        Some(known)
    }
}

/// Returns the full reference of an orb whose source is named for its version, `name@1.2.3.yml`.
fn version(reference: &str, source: &Source) -> String {
    let found = || {
        let (orb, _) = reference.split_once('@')?;
        let (namespace, name) = orb.split_once('/')?;
        let stem = source.path().file_stem()?.to_str()?;
        // An unpacked orb is in a folder of that name.
        let above = source.path().ancestors().skip(1).take(2);
        let above = above.filter_map(|a| a.file_name()?.to_str());
        let version = std::iter::once(stem)
            .chain(above)
            .find_map(|n| n.strip_prefix(name)?.strip_prefix('@'))?;
        Some(format!("{namespace}/{name}@{version}"))
    };
    found().unwrap_or_else(|| reference.to_owned())
}

impl Library {
    /// Returns the definitions of a kind.
    pub(crate) fn list(&self, kind: Kind) -> &[Entry] {
        match kind {
            Kind::Command => &self.commands,
            Kind::Executor => &self.executors,
            Kind::Job => &self.jobs,
        }
    }

    /// Returns an own definition; of several with one name the last.
    fn own(&self, kind: Kind, name: &str) -> Option<&Entry> {
        let place = self.places[kind as usize].get(name)?;
        self.list(kind).get(*place)
    }

    /// Looks a name up: among the own definitions, then in the orb that its prefix names.
    pub(crate) fn find(library: &Rc<Self>, kind: Kind, name: &str) -> Found {
        Self::find_within(library, kind, name, ALIASES)
    }

    fn find_within(library: &Rc<Self>, kind: Kind, name: &str, left: usize) -> Found {
        if let Some(entry) = library.own(kind, name) {
            // A command or an executor may be a text, the name of another one (circleci-semantics
            // §5.5, §5.6).
            let other = entry.value.as_str().filter(|_| kind != Kind::Job);
            return match (other, left.checked_sub(1)) {
                (Some(other), Some(left)) => Self::find_within(library, kind, other, left),
                (Some(_), None) => Found::Nowhere,
                (None, _) => Found::Here(Rc::clone(library), entry.clone()),
            };
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
        match inner.own(kind, rest) {
            Some(entry) => Found::Here(Rc::clone(inner), entry.clone()),
            None => Found::NotInOrb(orb.clone()),
        }
    }

    /// Returns the names of a kind.
    pub(crate) fn names(&self, kind: Kind) -> impl Iterator<Item = &str> {
        self.list(kind).iter().map(|e| &*e.key)
    }
}
