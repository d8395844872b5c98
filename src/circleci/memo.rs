//! What templates came to before: a matrix of a hundred arms and a config that is compiled for each
//! outcome of its conditions put the same values into the same texts again and again.
//!
//! A text rests on the names that it speaks of and on nothing else, so the result is kept under the
//! text and the values of those names. Values are told apart by where they are held; equal ones that
//! come from one place are made one first.

use std::cell::RefCell;
use std::rc::Rc;

use super::pipeline::LocalValues;
use super::value::Value;
use crate::hash::HashMap;
use crate::yaml::Location;

/// Most names that a value may speak of for its result to be kept: what speaks of more is hardly
/// ever the same again, but its parts are.
pub(super) const MOST_NAMES: usize = 4;

/// Most results that are kept, and most values that are made one, at a time.
const MOST_KEPT: usize = 1 << 15;

/// What a value rests on: the values of the names that its templates speak of, in order.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    names: [Option<Value>; MOST_NAMES],
    /// The values of the pipeline, where it speaks of those.
    values: Option<Rc<LocalValues>>,
}

impl Rests {
    /// Adds the value of the next name; says whether there was room.
    pub(super) fn on(&mut self, value: &Value) -> bool {
        match self.names.iter_mut().find(|n| n.is_none()) {
            Some(free) => {
                *free = Some(value.clone());
                true
            }
            None => false,
        }
    }

    pub(super) fn on_pipeline(&mut self, values: &Rc<LocalValues>) {
        self.values = Some(Rc::clone(values));
    }

    fn key(&self, of: &Value) -> Key {
        let address = |v: &Option<Value>| v.as_ref().map_or(0, Value::address);
        Key {
            of: of.address(),
            names: self.names.each_ref().map(address),
            values: self.values.as_ref().map_or(0, |v| Rc::as_ptr(v).addr()),
        }
    }
}

/// Where a value and all that it rests on are held.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    of: usize,
    names: [usize; MOST_NAMES],
    values: usize,
}

/// A result. What its key names is held too: another value in its place would be taken for it.
#[derive(Debug)]
struct Kept {
    made: Value,
    _of: Value,
    _rests: Rests,
}

/// The results of one config.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    kept: RefCell<HashMap<Key, Kept>>,
    same: RefCell<HashMap<Location, Vec<Value>>>,
}

impl Memo {
    /// Returns what a value came to with the same values in place.
    pub(super) fn get(&self, of: &Value, rests: &Rests) -> Option<Value> {
        let kept = self.kept.borrow();
        kept.get(&rests.key(of)).map(|known| known.made.clone())
    }

    /// Keeps what a value came to.
    pub(super) fn keep(&self, of: &Value, rests: Rests, made: &Value) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        let known = Kept {
            made: made.clone(),
            _of: of.clone(),
            _rests: rests,
        };
        kept.insert(known._rests.key(of), known);
    }

    /// Returns the value that was seen in this place before and is equal in all that can be seen of
    /// it, or the value itself.
    pub(super) fn one_of(&self, value: Value) -> Value {
        let mut same = self.same.borrow_mut();
        if same.len() >= MOST_KEPT {
            same.clear();
        }
        let here = same.entry(value.at()).or_default();
        match here.iter().find(|known| known.is_same(&value)) {
            Some(known) => known.clone(),
            None => {
                here.push(value.clone());
                value
            }
        }
    }
}
