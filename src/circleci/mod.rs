//! The configuration language: from a YAML tree to a compiled [`Pipeline`], with every problem
//! that is met on the way. Facts: the CircleCI documentation and what its compiler was seen to do.

mod builtin;
mod compile;
mod config;
mod continuation;
mod cron;
mod emit;
mod executor;
mod expr;
mod filters;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod given;
mod groups;
mod job;
mod library;
mod logic;
mod matrix;
mod memo;
mod names;
mod orb;
mod outcomes;
mod params;
mod pipeline;
mod problem;
mod read;
mod requires;
mod rule;
mod stand_in;
mod steps;
mod structure;
mod symbol;
mod template;
mod unpacked;
mod value;
mod variants;
mod workflow;

pub(crate) use builtin::STEP_NAMES;
pub use emit::{Emitted, emit};
pub use given::{Given, GivenError, GivenValue};
pub(crate) use outcomes::witness;
pub use outcomes::{Choice, Outcomes, Variant, when};
pub use pipeline::Facts;
pub(crate) use problem::labels;
pub use problem::{Problem, UNSUPPORTED};
pub use rule::expression_condition;
pub use stand_in::{TextPart, actual, marked, text_parts};
pub use unpacked::{Include, OrbPart, Unpacked};

use crate::plan::Pipeline;
use crate::yaml::{Location, Source, SourceId, Sources, Span, SyntaxError, Tree, parse, recover};

/// The source of an orb: one file, or the parts of an unpacked one.
pub struct OrbSource {
    /// The file, `@orb.yml` of an unpacked orb.
    pub main: Source,
    /// The other files of an unpacked orb.
    pub others: Vec<(OrbPart, Source)>,
    /// Its scripts.
    pub include: Box<Include<'static>>,
}

impl From<Source> for OrbSource {
    fn from(main: Source) -> Self {
        Self {
            main,
            others: Vec::new(),
            include: Box::new(|_| None),
        }
    }
}

/// Returns the source of an orb by its reference, `namespace/name@version`, where it is at hand.
pub type OrbSources<'a> = dyn Fn(&str) -> Option<OrbSource> + 'a;

/// What a config is compiled with.
#[derive(Clone)]
pub struct Inputs<'a> {
    /// The sources of orbs.
    pub orbs: &'a OrbSources<'a>,
    /// The unpacked orb that the file is a part of.
    pub unpacked: Option<Unpacked<'a>>,
    /// What is known about the repository.
    pub facts: Facts,
    /// What the user says about the pipeline: conditions over these values alone are decided.
    pub given: Given,
    /// Whether conditions over the pipeline's values are decided by the values at hand, for
    /// somebody who acts on the plan; a reader of the plan wants both outcomes.
    pub decide: bool,
    /// Whether values of the pipeline stay marked in texts ([`text_parts`]), for somebody who writes
    /// the plan down for other pipelines.
    pub stand_ins: bool,
    /// Whether the file may be a part of a config, for somebody who acts on nothing: what is left
    /// to the files that it is joined with is no error then.
    pub part: bool,
}

impl Default for Inputs<'_> {
    fn default() -> Self {
        Self {
            orbs: &|_| None,
            unpacked: None,
            facts: Facts::default(),
            given: Given::default(),
            decide: false,
            stand_ins: false,
            part: false,
        }
    }
}

/// A config, read and compiled as far as it goes.
#[derive(Debug)]
pub struct Compiled {
    /// The tree of the config's text.
    pub tree: Tree,
    /// What would run; of conditions that are not decided, both outcomes at once.
    pub pipeline: Pipeline,
    /// Every outcome of the conditions that are not decided.
    pub outcomes: Outcomes,
    /// Given values that cannot be used.
    pub refused: Vec<GivenError>,
    /// What is wrong, in the order in which it was met.
    pub problems: Vec<Problem>,
    /// Whether it is the source of an orb: the workflows stand for its definitions, and for what
    /// its examples show.
    pub orb: bool,
    /// The scripts that a part of an unpacked orb includes.
    pub scripts: Vec<SourceId>,
    /// Where the examples of an orb stand: the service reads none of them.
    pub examples: Vec<Location>,
    /// Whether the config speaks 2.1, in which `<<` means something.
    pub templates: bool,
    /// The first error of the text, where it is not all YAML.
    pub syntax: Option<SyntaxError>,
    /// The parts of the text that could not be read.
    pub lost: Vec<Span>,
}

/// Reads and compiles one of the sources.
///
/// The sources of orbs that are at hand are added to `sources`; the others stay opaque.
#[must_use]
pub fn compile(sources: &mut Sources, id: SourceId, inputs: &Inputs<'_>) -> Compiled {
    let text = sources
        .get(id)
        .map_or_else(|| "".into(), crate::yaml::Source::text_arc);
    let mut parsed = parse(text.clone());
    let mut problems = Vec::new();
    if let Some(error) = &parsed.error {
        problems.push(compile::syntax_problem(error, id));
    }
    if let Some(extra) = parsed.tree.extra_document() {
        problems.push(compile::extra_document(extra, id));
    }
    // What a broken text still says is compiled for the linter, which leaves out what may come of
    // the part that is lost.
    let recovered = parsed.error.as_ref().map(|error| recover(&text, error));
    let (readable, lost) = match recovered {
        None => (true, Vec::new()),
        Some(None) => (false, Vec::new()),
        Some(Some(recovered)) => {
            parsed.tree = recovered.tree;
            (true, recovered.lost)
        }
    };
    let made = match readable {
        true => compile::tree(&parsed.tree, id, sources, inputs, &mut problems),
        false => compile::Made::default(),
    };
    Compiled {
        tree: parsed.tree,
        pipeline: made.pipeline,
        outcomes: made.outcomes,
        refused: made.refused,
        problems,
        orb: made.orb,
        scripts: made.scripts,
        examples: made.examples,
        templates: !made.old,
        syntax: parsed.error,
        lost,
    }
}
