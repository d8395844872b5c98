//! YAML text with its positions: one parse into an arena tree, and byte-range edits.
//! Nothing here knows what CircleCI is.

mod lines;
mod span;

pub use lines::{LineIndex, Position};
pub use span::{Location, Source, SourceId, Sources, Span};
