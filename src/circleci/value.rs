//! The config's data, each value still knowing its text. [`read`](super::read) makes it of a tree.
//!
//! Values are shared: an anchor that is used a thousand times is read once. The way by which a
//! value was reached (an alias, a merge key) is kept on the edge that leads to it.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use super::memo::MOST_NAMES;
use super::symbol::Symbol;
use super::template::{Piece, Unclosed, pieces, twice};
use crate::hash::HashMap;
use crate::plan::{Call, Filled, Located, MERGE, Spot};
use crate::yaml::{self, Location};

/// A value of the config.
#[derive(Debug, Clone)]
pub(crate) struct Value(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    data: Data,
    at: Location,
    /// What the templates in it or below it speak of; none where no `<<` stands there: what is free
    /// of templates is never copied.
    names: Option<Rc<Names>>,
    /// Whether it, or something below it, could be another one in another pipeline.
    open: bool,
    /// What it stands for, where it is open itself and that is known.
    symbol: Option<Rc<Symbol>>,
    /// What templates put in place to make it, from its own text outwards.
    filled: Option<Arc<[Filled]>>,
    /// How deep lists and maps are nested in it, itself counted.
    depth: u16,
    /// How many values it stands for, shared ones counted at each use.
    weight: u32,
    /// Where each key of a large map is, from the first time that one is looked up.
    places: OnceCell<Box<Index>>,
}

/// The names that templates speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Parameters of any kind, with what stands before their dot; the first few.
    pub(crate) parameters: Vec<Rc<str>>,
    /// Whether other values of the pipeline are among them.
    pub(crate) pipeline: bool,
    /// Whether there is more than that: more names, expressions, what is none of these.
    pub(crate) more: bool,
}

impl Names {
    /// Returns the names in a text with a `<<`.
    fn of(text: &str) -> Rc<Self> {
        let mut names = Self::default();
        match pieces(text) {
            Err(Unclosed) => names.more = true,
            Ok(pieces) => {
                for piece in pieces {
                    if let Piece::Reference(name) = piece {
                        names.add(name);
                    }
                }
            }
        }
        Rc::new(names)
    }

    fn add(&mut self, name: &str) {
        const KINDS: [&str; 3] = ["parameters.", "matrix.", "pipeline.parameters."];
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !name.bytes().all(word) {
            self.more = true;
        } else if KINDS.iter().any(|kind| name.starts_with(kind)) {
            if !self.parameters.iter().any(|known| **known == *name) {
                self.parameters.push(name.into());
            }
        } else if name.starts_with("pipeline.") {
            self.pipeline = true;
        } else {
            self.more = true;
        }
    }

    /// Joins the names of two values.
    fn join(one: &mut Option<Rc<Self>>, other: &Rc<Self>) {
        let Some(names) = one else {
            *one = Some(Rc::clone(other));
            return;
        };
        let has = |name: &Rc<str>| names.parameters.contains(name);
        if Rc::ptr_eq(names, other)
            || (names.pipeline || !other.pipeline)
                && (names.more || !other.more && other.parameters.iter().all(has))
        {
            return;
        }
        let names = Rc::make_mut(names);
        names.pipeline |= other.pipeline;
        names.more |= other.more;
        for name in &other.parameters {
            if names.parameters.len() > MOST_NAMES {
                names.more = true;
            } else if !names.parameters.contains(name) {
                names.parameters.push(Rc::clone(name));
            }
        }
    }
}

/// Says whether a text has a template.
fn has_template(text: &str) -> bool {
    twice(text, b'<').is_some()
}

/// Where each key of a map stands. Few maps have one, and every value has the room for it.
#[derive(Debug)]
struct Index(HashMap<Rc<str>, usize>);

/// Maps of more entries than this are looked up by an index.
pub(super) const SMALL: usize = 16;

/// What a value is.
#[derive(Debug)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    List(Vec<Item>),
    Map(Vec<Entry>),
}

/// An item of a list.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) value: Value,
    /// The alias that stands in the item's place.
    pub(crate) through: Option<Location>,
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Rc<str>,
    pub(crate) key_at: Location,
    pub(crate) value: Value,
    /// The alias or merge key by which the value got here.
    pub(crate) through: Option<Location>,
}

impl Entry {
    /// Returns the text of the entry: its key and its value, where they stand together.
    pub(crate) fn whole(&self) -> Location {
        let (key, value) = (self.key_at, self.value.at());
        // The value of an alias stands elsewhere.
        if key.source == value.source && key.span.end <= value.span.start {
            Location::new(key.source, key.span.to(value.span))
        } else {
            value
        }
    }

    /// Returns the way by which the entry got into a map or its value into the entry: a merge key
    /// or an alias; none where both stand there.
    pub(crate) fn reached(&self, map: &Value) -> Option<Call> {
        let at = self.through?;
        let here =
            map.at().source == self.key_at.source && map.at().span.contains(self.key_at.span);
        let (what, defined) = match here {
            true => ("alias", None),
            false => (MERGE, Some(self.whole())),
        };
        Some(Call {
            what: what.into(),
            at,
            defined,
            given: None,
        })
    }
}

impl Value {
    pub(crate) fn new(data: Data, at: Location) -> Self {
        let mut inner = Inner {
            names: match &data {
                Data::Str(text) if has_template(text) => Some(Names::of(text)),
                _ => None,
            },
            open: false,
            depth: 1,
            weight: 1,
            at,
            symbol: None,
            filled: None,
            places: OnceCell::new(),
            data: Data::Null,
        };
        match &data {
            Data::List(items) => items.iter().for_each(|i| inner.holds(&i.value)),
            Data::Map(entries) => {
                for entry in entries {
                    inner.holds(&entry.value);
                    if has_template(&entry.key) {
                        Names::join(&mut inner.names, &Names::of(&entry.key));
                    }
                }
            }
            _ => {}
        }
        inner.data = data;
        Self(Rc::new(inner))
    }

    /// Returns the same value as one that depends on the pipeline; `symbol` says how, where that
    /// is known.
    pub(crate) fn standing_for(&self, symbol: Option<Rc<Symbol>>) -> Self {
        Self(Rc::new(Inner {
            open: true,
            symbol,
            ..self.0.copied()
        }))
    }

    /// Returns the same scalar in the place of a template, with what was put in place there. A
    /// list or map keeps the places of its parts: they are the real text.
    pub(crate) fn filled_in(&self, at: Location, filled: Vec<Filled>) -> Self {
        if self.is_list() || self.is_map() {
            return self.clone();
        }
        Self(Rc::new(Inner {
            at,
            filled: (!filled.is_empty()).then(|| filled.into()),
            ..self.0.copied()
        }))
    }

    /// Returns what templates put in place to make the value, from its own text outwards.
    pub(crate) fn filled(&self) -> &[Filled] {
        self.0.filled.as_deref().unwrap_or_default()
    }

    /// Returns a place to point at: the real text of the value.
    pub(crate) fn spot(&self) -> Spot {
        Spot::new(self.at(), self.0.filled.as_deref())
    }

    /// Returns where the arguments of a call stand, where the value is the map of them.
    pub(crate) fn given(&self) -> Option<Location> {
        self.is_map().then(|| self.at())
    }

    /// Pairs what was read of the value with its place.
    pub(crate) fn located<T>(&self, read: T) -> Located<T> {
        Located {
            value: read,
            at: self.at(),
            filled: self.0.filled.clone(),
        }
    }

    /// Says whether the value could be another one in another pipeline.
    pub(crate) fn is_open(&self) -> bool {
        self.0.open
    }

    /// Returns what the value stands for, where it depends on the pipeline itself.
    pub(crate) fn symbol(&self) -> Option<&Rc<Symbol>> {
        self.0.symbol.as_ref()
    }

    pub(crate) fn null(at: Location) -> Self {
        Self::new(Data::Null, at)
    }

    pub(crate) fn data(&self) -> &Data {
        &self.0.data
    }

    pub(crate) fn at(&self) -> Location {
        self.0.at
    }

    pub(crate) fn is_templated(&self) -> bool {
        self.0.names.is_some()
    }

    /// Returns what the templates in it or below it speak of, if there are any.
    pub(crate) fn names(&self) -> Option<&Names> {
        self.0.names.as_deref()
    }

    /// Says whether nothing tells two scalars apart: neither what they are, nor where they stand and
    /// what was put in place to make them.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&*self.0, &*other.0);
        let same = match (&one.data, &two.data) {
            (Data::Null, Data::Null) => true,
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Int(a), Data::Int(b)) => a == b,
            (Data::Float(a), Data::Float(b)) => a.to_bits() == b.to_bits(),
            (Data::Str(a), Data::Str(b)) => a == b,
            _ => false,
        };
        Rc::ptr_eq(&self.0, &other.0)
            || same
                && one.at == two.at
                && one.open == two.open
                && one.symbol.is_none()
                && two.symbol.is_none()
                && one.filled == two.filled
    }

    /// Returns how deep lists and maps are nested in it, itself counted.
    pub(crate) fn depth(&self) -> u16 {
        self.0.depth
    }

    /// Returns how many values it stands for, shared ones counted at each use.
    pub(crate) fn weight(&self) -> u32 {
        self.0.weight
    }

    /// Returns what tells this value from every other one that is alive.
    pub(crate) fn address(&self) -> usize {
        Rc::as_ptr(&self.0).addr()
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0.data, Data::Null)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.0.data {
            Data::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a scalar as the text that the service would put in its place.
    pub(crate) fn as_text(&self) -> Option<String> {
        match &self.0.data {
            Data::Null => Some(String::new()),
            Data::Bool(b) => Some(b.to_string()),
            Data::Int(n) => Some(n.to_string()),
            Data::Float(f) => Some(float_text(*f)),
            // Written out: through its `Display` it would take ten times as long.
            Data::Str(text) => Some(String::from(&**text)),
            Data::List(_) | Data::Map(_) => None,
        }
    }

    /// Returns the value without its text, for the plan to carry; nothing where it holds more
    /// values than the budget, which counts down.
    pub(crate) fn to_data(&self, budget: &mut usize) -> Option<yaml::Data> {
        *budget = budget.checked_sub(1)?;
        Some(match &self.0.data {
            Data::Null => yaml::Data::Null,
            Data::Bool(b) => yaml::Data::Bool(*b),
            Data::Int(n) => yaml::Data::Int(*n),
            Data::Float(f) => yaml::Data::Float(*f),
            Data::Str(text) => yaml::Data::Str(String::from(&**text)),
            Data::List(items) => {
                let items = items.iter().map(|i| i.value.to_data(budget));
                yaml::Data::List(items.collect::<Option<_>>()?)
            }
            Data::Map(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|e| Some((String::from(&*e.key), e.value.to_data(budget)?)));
                yaml::Data::Map(entries.collect::<Option<_>>()?)
            }
        })
    }

    pub(crate) fn items(&self) -> &[Item] {
        match &self.0.data {
            Data::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.0.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.0.data, Data::Map(_))
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.0.data, Data::List(_))
    }

    /// Returns the entry with a key; the last one where a key is repeated, as the service does.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        let entries = self.entries();
        if entries.len() <= SMALL {
            return entries.iter().rev().find(|e| &*e.key == key);
        }
        let places = self.0.places.get_or_init(|| {
            let keys = entries.iter().enumerate();
            Box::new(Index(keys.map(|(i, e)| (Rc::clone(&e.key), i)).collect()))
        });
        places.0.get(key).and_then(|i| entries.get(*i))
    }

    /// Says whether two values are the same, whatever the order of a map's keys. None where the
    /// budget of comparisons is spent: aliases may make a short text stand for a lot.
    pub(crate) fn same_as(&self, other: &Self, budget: &mut usize) -> Option<bool> {
        *budget = budget.checked_sub(1)?;
        if Rc::ptr_eq(&self.0, &other.0) {
            return Some(true);
        }
        match (self.data(), other.data()) {
            (Data::List(a), Data::List(b)) if a.len() == b.len() => {
                for (x, y) in a.iter().zip(b) {
                    if !x.value.same_as(&y.value, budget)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            (Data::Map(a), Data::Map(b)) if a.len() == b.len() => {
                for entry in a {
                    let Some(found) = other.get(&entry.key) else {
                        return Some(false);
                    };
                    if !entry.value.same_as(&found.value, budget)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            (Data::List(_) | Data::Map(_), _) | (_, Data::List(_) | Data::Map(_)) => Some(false),
            _ => Some(self.kind() == other.kind() && self.as_text() == other.as_text()),
        }
    }

    /// Returns what a person calls this kind of value.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.0.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Int(_) | Data::Float(_) => "a number",
            Data::Str(_) => "text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }
}

impl Inner {
    /// Returns the same value again; what a large map is looked up by is not copied.
    fn copied(&self) -> Self {
        let data = match &self.data {
            Data::Null => Data::Null,
            Data::Bool(b) => Data::Bool(*b),
            Data::Int(n) => Data::Int(*n),
            Data::Float(f) => Data::Float(*f),
            Data::Str(s) => Data::Str(Rc::clone(s)),
            Data::List(items) => Data::List(items.clone()),
            Data::Map(entries) => Data::Map(entries.clone()),
        };
        Self {
            data,
            at: self.at,
            names: self.names.clone(),
            open: self.open,
            symbol: self.symbol.clone(),
            filled: self.filled.clone(),
            depth: self.depth,
            weight: self.weight,
            places: OnceCell::new(),
        }
    }

    /// Counts a value that this one holds.
    fn holds(&mut self, value: &Value) {
        let inner = &value.0;
        if let Some(names) = &inner.names {
            Names::join(&mut self.names, names);
        }
        self.open |= inner.open;
        self.depth = self.depth.max(inner.depth.saturating_add(1));
        self.weight = self.weight.saturating_add(inner.weight);
    }
}

fn float_text(f: f64) -> String {
    if f.is_nan() {
        ".nan".to_owned()
    } else if f.is_infinite() {
        if f > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else {
        // `{:?}` keeps the `.0` of a whole number, as the service's text does.
        format!("{f:?}")
    }
}
