//! How a finding is mended: the edits, whether they may be made unasked, and what they may change.

use crate::yaml::{Edit, SourceId, Touch};

/// The mending of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What is done, as a sentence without its full stop.
    pub title: String,
    /// The edits, each with the text that it is made in.
    pub edits: Vec<(SourceId, Edit)>,
    /// Whether what the config does stays what somebody meant it to be: the others are made only
    /// where they are asked for.
    pub safe: bool,
    /// What may differ afterwards; everything else is as it was.
    pub touches: Vec<Touch>,
}
