//! From a tree to the config's data: aliases followed, merge keys applied, scalars typed as the
//! service types them. What is shared in the text is read once.

use std::collections::hash_map::Entry as Slot;
use std::rc::Rc;

use super::problem::Problem;
use super::unpacked::Unpacked;
use super::value::{Data, Entry, Item, SMALL, Value};
use crate::hash::HashMap;
use crate::yaml::{self, Location, Node, NodeId, Scalar, Schema, Shape, SourceId, Tree};

/// Reads a tree, and says what is wrong with it as YAML of the service's kind.
pub(super) fn read(
    tree: &Tree,
    source: SourceId,
    unpacked: Option<Unpacked<'_>>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Value>, TooLarge> {
    let mut reader = Reader::new(tree, source);
    let root = reader.read().inspect_err(|too_large| {
        problems.push(
            Problem::new(
                "too-large",
                "the config stands for more values than are read",
                too_large.at,
                "aliases and merge keys multiply here",
            )
            .help("merge less: each use of an anchor counts with all that it holds"),
        );
    })?;
    // Anchors of an unpacked orb may stand in another of its files.
    let elsewhere = |at: &Location| {
        let name = tree.text().get(at.span.range()).unwrap_or("");
        let anchor = format!("&{}", name.trim_start_matches('*'));
        let others = unpacked.map_or(&[][..], |u| u.others);
        others
            .iter()
            .any(|(_, other)| other.text().contains(&anchor))
    };
    let undefined = std::mem::take(&mut reader.undefined).into_iter();
    for at in undefined.filter(|at| !elsewhere(at)) {
        problems.push(
            Problem::new(
                "undefined-alias",
                "an alias without its anchor",
                at,
                "no `&` of this name stands before it",
            )
            .help("define the anchor above its first use")
            .note("the service says: found undefined alias"),
        );
    }
    for at in std::mem::take(&mut reader.unmergeable) {
        problems.push(
            Problem::new(
                "wrong-type",
                "a merge key without a map",
                at,
                "`<<` merges a map, or a list of maps",
            )
            .help("a list cannot be merged: name its items one by one"),
        );
    }
    for (key, first, again) in std::mem::take(&mut reader.repeated) {
        problems.push(
            Problem::new(
                "duplicate-key",
                "a key is given twice",
                again,
                format!("`{key}` again: only this one counts"),
            )
            .label(first, "this is lost")
            .help("keep one of them, or join what they hold"),
        );
    }
    Ok(root)
}

/// The reading of one tree gave up: it stands for more values than are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooLarge {
    at: Location,
}

/// Reads a tree's data.
pub(super) struct Reader<'t> {
    tree: &'t Tree,
    source: SourceId,
    shared: HashMap<NodeId, Value>,
    /// Keys, each held once: a config has few and repeats them.
    keys: HashMap<&'t str, Rc<str>>,
    open: Vec<NodeId>,
    budget: usize,
    /// Aliases without an anchor before them.
    undefined: Vec<Location>,
    /// Values of merge keys that are neither maps nor lists of them.
    unmergeable: Vec<Location>,
    /// Keys that a map of the text gives again: the key, where it stood first, where again.
    repeated: Vec<(Rc<str>, Location, Location)>,
}

/// Most values that one config may stand for, merges and aliases counted where they are used.
const BUDGET: usize = 8_000_000;

impl<'t> Reader<'t> {
    pub(super) fn new(tree: &'t Tree, source: SourceId) -> Self {
        Self {
            tree,
            source,
            shared: HashMap::default(),
            keys: HashMap::default(),
            open: Vec::new(),
            budget: BUDGET,
            undefined: Vec::new(),
            unmergeable: Vec::new(),
            repeated: Vec::new(),
        }
    }

    pub(super) fn read(&mut self) -> Result<Option<Value>, TooLarge> {
        self.tree.root().map(|root| self.value(root)).transpose()
    }

    fn at(&self, node: Node<'_>) -> Location {
        Location::new(self.source, node.span())
    }

    fn spend(&mut self, node: Node<'_>, cost: usize) -> Result<(), TooLarge> {
        match self.budget.checked_sub(cost) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(TooLarge { at: self.at(node) }),
        }
    }

    /// Reads the value in a place, and says by which alias it got there; `again` where the place
    /// may be read for other values too.
    fn edge(&mut self, node: Node<'t>, again: bool) -> Result<(Value, Option<Location>), TooLarge> {
        let resolved = node.resolve();
        let through = resolved.via.first().map(|alias| self.at(*alias));
        let Some(target) = resolved.node else {
            self.undefined.push(self.at(node));
            return Ok((Value::null(self.at(node)), through));
        };
        if self.open.contains(&target.id()) {
            // A value cannot hold itself; the alias is named and read as nothing.
            self.undefined.push(self.at(node));
            return Ok((Value::null(self.at(node)), through));
        }
        if !again && target.anchor().is_none() {
            return Ok((self.value(target)?, through));
        }
        if let Some(known) = self.shared.get(&target.id()) {
            return Ok((known.clone(), through));
        }
        let value = self.value(target)?;
        self.shared.insert(target.id(), value.clone());
        Ok((value, through))
    }

    fn value(&mut self, node: Node<'t>) -> Result<Value, TooLarge> {
        self.spend(node, 1)?;
        let at = self.at(node);
        let data = match node.shape() {
            Shape::Scalar(_) => match node.scalar(Schema::Yaml11) {
                None | Some(Scalar::Null) => Data::Null,
                Some(Scalar::Bool(b)) => Data::Bool(b),
                Some(Scalar::Int(n)) => Data::Int(n),
                Some(Scalar::Float(f)) => Data::Float(f),
                Some(Scalar::Str(text)) => Data::Str(Rc::from(text)),
            },
            Shape::Sequence(nodes) => {
                self.open.push(node.id());
                let mut items = Vec::with_capacity(nodes.len());
                for item in nodes {
                    let (value, through) = self.edge(item, false)?;
                    items.push(Item { value, through });
                }
                self.open.pop();
                Data::List(items)
            }
            Shape::Mapping(_) => {
                self.open.push(node.id());
                let entries = self.map(node);
                self.open.pop();
                Data::Map(entries?)
            }
            Shape::Alias(_) => return Ok(self.edge(node, false)?.0),
        };
        Ok(Value::new(data, at))
    }

    fn map(&mut self, node: Node<'t>) -> Result<Vec<Entry>, TooLarge> {
        let mut places = Places::default();
        if !node.has_merge() {
            let entries = node.entries();
            let mut out = Vec::with_capacity(entries.len());
            for entry in entries {
                let entry = self.entry(entry, None)?;
                self.put(&mut out, &mut places, entry);
            }
            return Ok(out);
        }
        let merged = node.merged(self.budget);
        self.spend(node, merged.len())?;
        let mut out = Vec::with_capacity(merged.len());
        for m in &merged {
            // The innermost text is the entry's; the outermost merge key is how it got here.
            let through = m.merges.first().map(|merge| self.at(merge.value));
            let entry = self.entry(m.entry, through)?;
            self.put(&mut out, &mut places, entry);
        }
        for merge in node.entries().filter(|e| yaml::is_merge_key(e.key)) {
            match merge.value.resolve().node {
                None => self.undefined.push(self.at(merge.value)),
                Some(target) if !merges(target) => self.unmergeable.push(self.at(merge.value)),
                Some(_) => {}
            }
        }
        Ok(out)
    }

    /// Adds an entry to a map. Of a key that is given again the last value stays, unless the
    /// service refuses it (circleci-semantics §5.13); that it is given again is kept to be said.
    fn put(&mut self, out: &mut Vec<Entry>, places: &mut Places, entry: Entry) {
        match places.of(&entry.key, out).and_then(|i| out.get_mut(i)) {
            Some(first) => {
                self.repeated
                    .push((Rc::clone(&entry.key), first.key_at, entry.key_at));
                *first = entry;
            }
            None => out.push(entry),
        }
    }

    fn entry(
        &mut self,
        entry: yaml::Entry<'t>,
        through: Option<Location>,
    ) -> Result<Entry, TooLarge> {
        let key = entry.key.resolve().node.unwrap_or(entry.key);
        let text = key.text().unwrap_or_else(|| key.source());
        // What a merge brings is brought to other maps too, mostly.
        let (value, alias) = self.edge(entry.value, through.is_some())?;
        Ok(Entry {
            key: Rc::clone(self.keys.entry(text).or_insert_with(|| Rc::from(text))),
            key_at: self.at(entry.key),
            value,
            through: through.or(alias),
        })
    }
}

/// Says whether a merge key may have this value: a map, a list of maps, or nothing at all, which
/// configs that run have.
fn merges(target: Node<'_>) -> bool {
    let is_map = |item: Node<'_>| {
        // An undefined alias is reported as that.
        let resolved = item.resolve().node;
        resolved.is_none_or(|n| matches!(n.shape(), Shape::Mapping(_)))
    };
    match target.shape() {
        Shape::Sequence(mut items) => items.all(is_map),
        Shape::Scalar(_) => target.scalar(Schema::Yaml11) == Some(Scalar::Null),
        Shape::Mapping(_) | Shape::Alias(_) => true,
    }
}

/// Where the keys of a map that is being read stand; a small one is searched.
#[derive(Default)]
struct Places(HashMap<Rc<str>, usize>);

impl Places {
    /// Returns where a key stands already; it is taken to be added where it does not.
    fn of(&mut self, key: &Rc<str>, entries: &[Entry]) -> Option<usize> {
        if entries.len() < SMALL {
            return entries.iter().position(|e| e.key == *key);
        }
        if self.0.is_empty() {
            let keys = entries.iter().enumerate();
            self.0.extend(keys.map(|(i, e)| (Rc::clone(&e.key), i)));
        }
        match self.0.entry(Rc::clone(key)) {
            Slot::Occupied(slot) => Some(*slot.get()),
            Slot::Vacant(slot) => {
                slot.insert(entries.len());
                None
            }
        }
    }
}
