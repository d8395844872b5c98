//! From the tree to the plan: the compiler's state, and the order of its work.

use std::rc::Rc;

use super::config::Config;
use super::params::pipeline_defaults;
use super::problem::Problem;
use super::template::Scope;
use super::value::{Reader, Value};
use crate::plan::{Located, Pipeline};
use crate::yaml::{Location, SourceId, Span, SyntaxError, Tree};

/// What is known while a config is compiled.
pub(crate) struct Compiler<'c> {
    pub(crate) config: &'c Config,
    pub(crate) problems: Vec<Problem>,
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
pub(super) fn tree(tree: &Tree, source: SourceId, problems: &mut Vec<Problem>) -> (Pipeline, bool) {
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
    let Some(config) = Config::read(root.as_ref(), source, problems) else {
        return (Pipeline::default(), true);
    };
    let mut compiler = Compiler {
        config: &config,
        problems: std::mem::take(problems),
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
        let scope = Scope {
            parameters: Vec::new(),
            pipeline: Rc::new(pipeline_defaults(parameters)),
        };
        for group in &self.config.job_groups {
            self.problems
                .push(Problem::unsupported("job groups", group.key_at));
        }
        Pipeline {
            definitions: self
                .config
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

    /// Says whether a name is an orb's element, `alias/name`; an alias that is not declared is
    /// reported.
    pub(crate) fn is_orb_element(&self, name: &str) -> bool {
        name.split_once('/')
            .is_some_and(|(alias, rest)| !alias.is_empty() && !rest.is_empty())
    }

    /// Reports an orb that is used and not declared.
    pub(crate) fn check_orb(&mut self, name: &str, at: Location) {
        let Some((alias, _)) = name.split_once('/') else {
            return;
        };
        if self.config.orbs.iter().any(|o| &*o.key == alias)
            || self.undeclared.iter().any(|u| u == alias)
        {
            return;
        }
        self.undeclared.push(alias.to_owned());
        let mut problem = Problem::new(
            "undefined-orb",
            "an orb that is not declared",
            at,
            format!("there is no `{alias}` in `orbs`"),
        );
        let names = self.config.orbs.iter().map(|o| &*o.key);
        problem = match crate::finding::nearest(alias, names) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!(
                "declare it: `orbs:` with `{alias}: NAMESPACE/NAME@VERSION`"
            )),
        };
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
