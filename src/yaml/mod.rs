//! YAML text with its positions: one parse into an arena tree, and byte-range edits.
//! Nothing here knows what CircleCI is.

mod edit;
mod error;
mod lines;
mod parse;
mod recover;
mod same;
mod scalar;
mod span;
mod textmap;
mod tree;
mod view;
mod write;

pub use edit::{Edit, EditError, apply};
pub use error::SyntaxError;
pub use lines::{LineIndex, Position};
pub use parse::{Limits, Parsed, parse, parse_with};
pub use recover::{Recovered, recover};
pub use same::{Difference, Touch, same_but, same_except};
pub use scalar::{Scalar, Schema};
pub use span::{Location, Source, SourceId, Sources, Span};
pub use textmap::TextMap;
pub use tree::{Anchor, BlockText, Comment, NodeId, ScalarStyle, Tree};
pub use view::{Entries, Entry, Items, MergedEntry, Node, Resolved, Shape, is_merge_key};
pub use write::Data;
pub(crate) use write::{is_printable, quoted};
