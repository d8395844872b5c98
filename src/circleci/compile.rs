//! From the tree to the plan: the compiler's state, and the order of its work.

use std::rc::Rc;

use super::Inputs;
use super::config::Config;
use super::library::{Kind, Library, Loader, Orb};
use super::params::{check_pipeline_defaults, pipeline_defaults};
use super::pipeline::LocalValues;
use super::problem::Problem;
use super::template::Scope;
use super::value::{Reader, Value};
use crate::finding::nearest;
use crate::plan::{Located, Pipeline};
use crate::yaml::{Location, SourceId, Sources, Span, SyntaxError, Tree};

/// What is known while a config is compiled.
pub(crate) struct Compiler<'c> {
    pub(crate) config: &'c Config,
    pub(crate) problems: Vec<Problem>,
    /// Whether conditions over pipeline values are decided, not left open.
    pub(crate) decide: bool,
    /// The values of a pipeline that no service has started.
    values: Rc<LocalValues>,
    /// The conditions around the steps that are being expanded.
    pub(crate) conditions: Vec<Location>,
    /// How many commands have been expanded.
    pub(crate) expansions: usize,
    /// Orb aliases that were used and not declared, each reported once.
    undeclared: Vec<String>,
}

pub(super) fn syntax_problem(error: &SyntaxError, source: SourceId) -> Problem {
    let mut problem = Problem::new(
        "syntax-error",
        "the text is not YAML",
        Location::new(source, error.span),
        error.message.clone(),
    );
    if let Some(opened) = error.opened {
        problem = problem.label(Location::new(source, opened), "opened here");
    }
    problem.help.clone_from(&error.hint);
    problem
}

pub(super) fn extra_document(at: Span, source: SourceId) -> Problem {
    Problem::new(
        "syntax-error",
        "a second document in one config",
        Location::new(source, at),
        "the service reads a single document",
    )
    .help("remove the `---`, or move what follows into a file of its own")
}

/// Compiles a tree; says whether it speaks 2.1.
pub(super) fn tree(
    tree: &Tree,
    source: SourceId,
    sources: &mut Sources,
    inputs: &Inputs<'_>,
    problems: &mut Vec<Problem>,
) -> (Pipeline, bool) {
    let mut reader = Reader::new(tree, source);
    let root = match reader.read() {
        Ok(root) => root,
        Err(too_large) => {
            problems.push(
                Problem::new(
                    "too-large",
                    "the config stands for more values than are read",
                    too_large.at,
                    "aliases and merge keys multiply here",
                )
                .help("merge less: each use of an anchor counts with all that it holds"),
            );
            return (Pipeline::default(), true);
        }
    };
    for at in std::mem::take(&mut reader.undefined) {
        problems.push(
            Problem::new(
                "undefined-alias",
                "an alias without its anchor",
                at,
                "no `&` of this name stands before it",
            )
            .help("define the anchor above its first use")
            .note("the service says: found undefined alias"),
        );
    }
    for at in std::mem::take(&mut reader.unmergeable) {
        problems.push(
            Problem::new(
                "wrong-type",
                "a merge key without a map",
                at,
                "`<<` merges a map, or a list of maps",
            )
            .help("a list cannot be merged: name its items one by one"),
        );
    }
    for (key, first, again) in std::mem::take(&mut reader.repeated) {
        problems.push(
            Problem::new(
                "duplicate-key",
                "a key is given twice",
                again,
                format!("`{key}` again: only this one counts"),
            )
            .label(first, "this is lost")
            .help("keep one of them, or join what they hold"),
        );
    }
    let mut library = |root: &Value, problems: &mut Vec<Problem>| {
        let parameters = root.get("parameters").map(|p| &p.value);
        let scope = Scope {
            pipeline: Rc::new(pipeline_defaults(parameters)),
            ..Scope::default()
        };
        Loader::new(sources, inputs.orbs, problems).config(root, &scope)
    };
    let Some(config) = Config::read(root.as_ref(), source, &mut library, problems) else {
        return (Pipeline::default(), true);
    };
    let mut compiler = Compiler {
        config: &config,
        problems: std::mem::take(problems),
        decide: inputs.decide,
        values: Rc::new(LocalValues::new(inputs.facts.clone())),
        conditions: Vec::new(),
        expansions: 0,
        undeclared: Vec::new(),
    };
    let pipeline = compiler.pipeline();
    *problems = compiler.problems;
    // Version 2 mostly ignores what it does not know (circleci-semantics §6).
    if let Some(root) = root.as_ref().filter(|_| config.templates) {
        super::structure::check(root, problems);
    }
    fold_unsupported(problems);
    (pipeline, config.templates)
}

impl Compiler<'_> {
    fn pipeline(&mut self) -> Pipeline {
        let parameters = self.config.parameters.as_ref();
        if self.config.templates {
            check_pipeline_defaults(parameters, &self.values, &mut self.problems);
        }
        let scope = Scope {
            parameters: Vec::new(),
            matrix: Vec::new(),
            pipeline: Rc::new(pipeline_defaults(parameters)),
            values: Rc::clone(&self.values),
            library: Rc::clone(&self.config.library),
        };
        for group in &self.config.job_groups {
            self.problems
                .push(Problem::unsupported("job groups", group.key_at));
        }
        Pipeline {
            definitions: self
                .config
                .library
                .jobs
                .iter()
                .map(|j| Located::new(j.key.to_string(), j.key_at))
                .collect(),
            workflows: self.workflows(&scope),
        }
    }

    /// Puts a scope's values in place, where the config's version does that.
    pub(crate) fn apply(&mut self, scope: &Scope, value: &Value) -> Value {
        if self.config.templates {
            scope.apply(value, &mut self.problems)
        } else {
            value.clone()
        }
    }

    /// Reports an orb that is used and not declared.
    pub(crate) fn no_orb(&mut self, name: &str, at: Location, library: &Library) {
        let alias = name.split_once('/').map_or(name, |(alias, _)| alias);
        if self.undeclared.iter().any(|u| u == alias) {
            return;
        }
        self.undeclared.push(alias.to_owned());
        let mut problem = Problem::new(
            "undefined-orb",
            "an orb that is not declared",
            at,
            format!("there is no `{alias}` in `orbs`"),
        );
        let names = library.orbs.iter().map(|o| &*o.alias);
        problem = match nearest(alias, names) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!(
                "declare it: `orbs:` with `{alias}: NAMESPACE/NAME@VERSION`"
            )),
        };
        self.problems.push(problem);
    }

    /// Reports an element that its orb does not have.
    pub(crate) fn not_in_orb(
        &mut self,
        rule: &'static str,
        what: &str,
        kind: Kind,
        name: &str,
        at: Location,
        orb: &Orb,
    ) {
        let rest = name.split_once('/').map_or(name, |(_, rest)| rest);
        let mut problem = Problem::new(
            rule,
            format!("{what} that its orb does not have"),
            at,
            format!("orb `{}` has no `{rest}`", orb.alias),
        )
        .label(orb.at, "the orb");
        let library = orb.library.clone().unwrap_or_default();
        if let Some(near) = nearest(rest, library.names(kind)) {
            problem = problem.help(format!("did you mean `{}/{near}`?", orb.alias));
        }
        self.problems.push(problem);
    }
}

/// Says each unsupported thing once, with its first places.
fn fold_unsupported(problems: &mut Vec<Problem>) {
    const PLACES: usize = 3;
    let mut kept: Vec<Problem> = Vec::with_capacity(problems.len());
    let mut more: Vec<(usize, usize)> = Vec::new();
    for problem in problems.drain(..) {
        let same = (problem.rule == super::UNSUPPORTED)
            .then(|| {
                kept.iter()
                    .position(|k| k.rule == problem.rule && k.title == problem.title)
            })
            .flatten();
        let Some(i) = same else {
            kept.push(problem);
            continue;
        };
        if kept[i]
            .labels
            .iter()
            .any(|l| problem.labels.iter().any(|p| p.at == l.at))
        {
            continue;
        }
        if kept[i].labels.len() < PLACES {
            for mut label in problem.labels {
                label.primary = false;
                label.text = "nor behind this".to_owned();
                kept[i].labels.push(label);
            }
        } else {
            match more.iter_mut().find(|(k, _)| *k == i) {
                Some((_, n)) => *n += 1,
                None => more.push((i, 1)),
            }
        }
    }
    for (i, n) in more {
        let places = if n == 1 { "place" } else { "places" };
        kept[i].notes.push(format!("and in {n} more {places}"));
    }
    *problems = kept;
}
