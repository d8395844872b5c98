//! What is wrong with a text that is not YAML, said so that a person can mend it.

use super::span::Span;

/// A place at which a text stops being YAML, or stops being read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// The bytes at which reading stopped.
    pub span: Span,
    /// Where the cause began, if that is elsewhere: an open bracket or quote.
    pub opened: Option<Span>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl SyntaxError {
    pub(super) fn too_large(len: usize, limit: usize) -> Self {
        Self {
            message: format!("the text has {len} bytes, more than the {limit} that are read"),
            span: Span::new(0, 0),
            opened: None,
            hint: Some("a config of this size is generated: check the generator".to_owned()),
        }
    }

    pub(super) fn too_many_nodes(span: Span, limit: usize) -> Self {
        Self {
            message: format!("the text holds more than {limit} values"),
            span,
            opened: None,
            hint: None,
        }
    }

    pub(super) fn too_deep(span: Span, limit: usize) -> Self {
        Self {
            message: format!("the text is nested more than {limit} levels deep"),
            span,
            opened: None,
            hint: None,
        }
    }
}
