//! What can go wrong on the way to a store, in the words of no particular kind of store.

use crate::layer::LayerError;

/// What a failure means for who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::layer) enum FaultKind {
    /// A cut connection, an overloaded server: worth another try.
    Passing,
    /// The store said nothing for too long: worth one other try.
    Silent,
    /// The object is not there.
    Absent,
    /// The bucket or the repository is not there.
    NoStore,
    /// The credentials are missing, wrong or not enough.
    Denied,
    /// Anything else; another try would end the same.
    Final,
}

/// A failure on the way to a store.
#[derive(Debug, Clone)]
pub(in crate::layer) struct Fault {
    pub(in crate::layer) kind: FaultKind,
    pub(in crate::layer) message: String,
    pub(in crate::layer) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the error that tells of the failure and of the store.
    pub(super) fn of(self, store: &str) -> LayerError {
        LayerError::Remote {
            store: store.to_owned(),
            reason: self.message,
            hint: self.hint,
        }
    }
}
