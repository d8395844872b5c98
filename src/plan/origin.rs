//! Where the parts of a plan came from: the text of a node, the calls that led to it, and what
//! templates put in place of their references.

use std::sync::Arc;

use crate::yaml::Location;

/// Where a node of the plan was written, and through which calls it got here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The text of the node itself.
    pub at: Location,
    /// The calls that led there, outermost first: a command in a job, a job in a workflow.
    pub via: Vec<Call>,
}

/// One link of an origin's chain: something was invoked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was invoked, as a person would say it: `command install`, `alias`, `merge key`.
    pub what: Arc<str>,
    /// Where the invocation stands.
    pub at: Location,
    /// Where what was invoked is defined, if it has a definition.
    pub defined: Option<Location>,
    /// Where its arguments stand, if it has any.
    pub given: Option<Location>,
}

/// What a call by `<<: *anchor` is called: it brings the entries of a map into another one.
pub const MERGE: &str = "merge key";

/// What a template put in place of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// The reference: `parameters.dir`.
    pub name: Arc<str>,
    /// Where it got its value: an argument, a default, a value of a matrix.
    pub at: Location,
    /// Whether the reference was all of the text, so that the value is the argument itself.
    pub whole: bool,
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands: the template, where one brought it.
    pub at: Location,
    /// What templates put in place on the way here, from `at` outwards: an argument may hold a
    /// reference itself.
    pub filled: Option<Arc<[Filled]>>,
}

impl<T> Located<T> {
    /// Pairs a value with its place.
    pub fn new(value: T, at: Location) -> Self {
        Self {
            value,
            at,
            filled: None,
        }
    }

    /// Returns where the real text of the value stands: the argument, where a template is nothing
    /// but its reference.
    #[must_use]
    pub fn written(&self) -> Location {
        Spot::from(self).at
    }
}

/// Most places that are named beside a value.
const MOST_NAMED: usize = 3;

/// A place to point at, with what else has to be seen to understand what stands there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spot {
    /// The real text.
    pub at: Location,
    /// The template that brings it to where it is read, with what is to be said about that.
    pub used: Option<(Location, String)>,
    /// What is put in place within it.
    pub also: Vec<(Location, String)>,
}

impl Spot {
    /// Finds the real text of what stands at a place after templates were filled in.
    #[must_use]
    pub fn new(at: Location, filled: Option<&[Filled]>) -> Self {
        let filled = filled.unwrap_or_default();
        let whole = filled.iter().take_while(|f| f.whole).count();
        let mut spot = Self {
            at: filled[..whole].last().map_or(at, |f| f.at),
            used: filled[..whole]
                .first()
                .map(|f| (at, format!("used here as `{}`", f.name))),
            also: Vec::new(),
        };
        for part in filled[whole..].iter().take(MOST_NAMED) {
            let known = part.at == spot.at || spot.also.iter().any(|(at, _)| *at == part.at);
            if !known {
                spot.also
                    .push((part.at, format!("`{}` is given here", part.name)));
            }
        }
        spot
    }

    /// Returns the spot with a part of its text in the place of all of it.
    #[must_use]
    pub fn narrowed(self, at: Location) -> Self {
        Self { at, ..self }
    }
}

impl From<Location> for Spot {
    fn from(at: Location) -> Self {
        Self {
            at,
            ..Self::default()
        }
    }
}

impl<T> From<&Located<T>> for Spot {
    fn from(located: &Located<T>) -> Self {
        Self::new(located.at, located.filled.as_deref())
    }
}
