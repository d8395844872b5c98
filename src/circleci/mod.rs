//! The configuration language: from a YAML tree to a compiled [`Pipeline`], with every problem
//! that is met on the way. Facts: the CircleCI documentation and what its compiler was seen to do.

mod compile;
mod config;
mod executor;
mod params;
mod problem;
mod steps;
mod structure;
mod template;
mod value;
mod workflow;

pub use problem::{Problem, UNSUPPORTED};

use crate::plan::Pipeline;
use crate::yaml::{SourceId, Sources, SyntaxError, Tree, parse};

/// A config, read and compiled as far as it goes.
#[derive(Debug)]
pub struct Compiled {
    /// The tree of the config's text.
    pub tree: Tree,
    /// What would run.
    pub pipeline: Pipeline,
    /// What is wrong, in the order in which it was met.
    pub problems: Vec<Problem>,
    /// Whether the config speaks 2.1, in which `<<` means something.
    pub templates: bool,
    /// The error that ended the reading of the text early.
    pub syntax: Option<SyntaxError>,
}

/// Reads and compiles one of the sources.
#[must_use]
pub fn compile(sources: &Sources, id: SourceId) -> Compiled {
    let text = sources
        .get(id)
        .map_or_else(|| "".into(), crate::yaml::Source::text_arc);
    let parsed = parse(text);
    let mut problems = Vec::new();
    if let Some(error) = &parsed.error {
        problems.push(compile::syntax_problem(error, id));
    }
    if let Some(extra) = parsed.tree.extra_document() {
        problems.push(compile::extra_document(extra, id));
    }
    // What a broken text still says is compiled for the linter; what its missing part would have
    // said is not known, so only problems of the readable part that cannot come from that stay.
    let (pipeline, templates) = if parsed.error.is_some() {
        (Pipeline::default(), true)
    } else {
        compile::tree(&parsed.tree, id, &mut problems)
    };
    Compiled {
        tree: parsed.tree,
        pipeline,
        problems,
        templates,
        syntax: parsed.error,
    }
}
