//! The `filepath.Match` dialect of Go, unix flavour: what a pattern means, which names it
//! matches, and which files of a folder it selects. Knows nothing of layers or configs.
//!
//! The dialect (Go's documentation of `path/filepath`): `*` is any run of characters but `/`,
//! `?` is one character but `/`, `[a-z]` and `[^a-z]` are classes, `\` takes the next character
//! as it is. There is no `**`, no `{a,b}`, no `[!a]`, and a leading dot is nothing special.

mod expand;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod intersect;
mod pattern;

pub use expand::{ExpandError, expand};
pub use intersect::intersect_segment;
pub use pattern::{Pattern, PatternError, PatternErrorKind, Token, matches};
