//! From the tree to the plan: the compiler's state, and the order of its work.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::Inputs;
use super::config::Config;
use super::expr::Scalar;
use super::given::{GivenError, Settled};
use super::library::{Kind, Library, Loader, Orb};
use super::memo::Memo;
use super::orb::{self, Example};
use super::outcomes::{Conditions, Outcomes};
use super::params::{check_pipeline_defaults, pipeline_parameters};
use super::pipeline::LocalValues;
use super::problem::{Problem, fold_unsupported};
use super::read::read;
use super::template::Scope;
use super::unpacked::{check_includes, pack};
use super::value::{Entry, Value};
use crate::finding::nearest;
use crate::plan::{Condition, ExecutorKind, Pipeline, StepKind, Workflow};
use crate::yaml::{Data, Location, Source, SourceId, Sources, Span, SyntaxError, Tree};

/// Most values that the plan carries as they are: arguments of orbs, settings of executors.
const MOST_CARRIED: usize = 1_000_000;

/// What is known while a config is compiled.
pub(crate) struct Compiler<'c> {
    pub(crate) config: &'c Config,
    pub(crate) problems: Vec<Problem>,
    /// Whether conditions over pipeline values are decided, not left open.
    pub(crate) decide: bool,
    /// The pipeline's values, its parameters among them.
    pub(super) root: Scope,
    /// The conditions around the steps that are being expanded.
    pub(crate) conditions: Vec<Location>,
    /// What those say.
    pub(crate) rules: Vec<Condition>,
    /// How many more values the plan may carry as they are.
    carried: usize,
    /// What the conditions are that were left open.
    pub(crate) asked: Conditions,
    /// The workflows, by their place, whose condition does not hold.
    pub(crate) never: Vec<Location>,
    /// Whether jobs of a workflow whose condition does not hold are read no further than their names,
    /// which count for the others.
    pub(crate) skim: bool,
    /// Whether they are read so now.
    pub(crate) skimming: bool,
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

/// What a tree comes to.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) pipeline: Pipeline,
    /// Whether it speaks version 2, which knows no templates.
    pub(super) old: bool,
    pub(super) orb: bool,
    pub(super) scripts: Vec<SourceId>,
    pub(super) examples: Vec<Location>,
    pub(super) outcomes: Outcomes,
    pub(super) refused: Vec<GivenError>,
}

/// Compiles a tree.
pub(super) fn tree(
    tree: &Tree,
    source: SourceId,
    sources: &mut Sources,
    inputs: &Inputs<'_>,
    problems: &mut Vec<Problem>,
) -> Made {
    let Ok(mut root) = read(tree, source, inputs.unpacked, problems) else {
        return Made::default();
    };
    let mut broken = false;
    let mut scripts = Vec::new();
    if let Some(unpacked) = inputs.unpacked {
        let packed = pack(root.as_ref(), source, unpacked, sources, problems);
        root = Some(packed.root);
        (broken, scripts) = (packed.broken, packed.scripts);
    }
    let declared = root.as_ref().and_then(|r| r.get("parameters"));
    let (settled, refused) = inputs.given.settle(declared.map(|d| &d.value));
    let memo = Rc::new(Memo::default());
    let base = |declared: Option<&Value>, settled: &Settled| Scope {
        memo: Rc::clone(&memo),
        pipeline: Rc::new(pipeline_parameters(declared, settled)),
        values: Rc::new(
            LocalValues::new(inputs.facts.clone())
                .with(settled.clone())
                .absent(inputs.decide || inputs.stand_ins)
                .marking(inputs.stand_ins),
        ),
        ..Scope::default()
    };
    let part = inputs.part && sources.get(source).is_some_and(may_be_part);
    let path = sources.get(source).map(|s| s.path().to_owned());
    let path = path.unwrap_or_default();
    let is_orb = inputs.unpacked.is_some()
        || root
            .as_ref()
            .is_some_and(|root| orb::is_source(&path, root));
    let mut library = |root: &Value, problems: &mut Vec<Problem>| {
        let declared = root.get("parameters").map(|p| &p.value);
        let mut loader = Loader::new(sources, inputs.orbs, problems);
        match is_orb {
            true => loader.orb_source(root),
            false => loader.config(root, &base(declared, &settled)),
        }
    };
    let Some(mut config) = Config::read(root.as_ref(), source, is_orb, &mut library, problems)
    else {
        return Made {
            refused,
            ..Made::default()
        };
    };
    config.part = part;
    config.under_test = inputs.part;
    let config = config;
    let scope = |settled: &Settled| Scope {
        library: Rc::clone(&config.library),
        ..base(config.parameters.as_ref().filter(|_| !config.orb), settled)
    };
    let mut compiler = Compiler::new(&config, scope(&settled), inputs.decide);
    compiler.problems = std::mem::take(problems);
    let mut pipeline = compiler.pipeline();
    let mut outcomes = Outcomes {
        start: config.start,
        ..Outcomes::default()
    };
    if !inputs.decide {
        let compile = |more: &[(Rc<str>, Scalar)]| {
            let mut settled = settled.clone();
            for (name, value) in more {
                settled.set(name, value.clone());
            }
            let mut variant = Compiler::new(&config, scope(&settled), false);
            // What does not run under this outcome is not part of it.
            variant.skim = true;
            let pipeline = variant.pipeline();
            (pipeline, variant.never, variant.problems)
        };
        compiler.outcomes(&pipeline, inputs.facts.clone(), &compile, &mut outcomes);
    }
    *problems = compiler.problems;
    // Version 2 mostly ignores what it does not know (circleci-semantics §6).
    if let Some(root) = root.as_ref().filter(|_| config.templates) {
        super::structure::check(root, problems);
    }
    let mut examples = Vec::new();
    if let Some(root) = root.as_ref().filter(|_| config.orb) {
        orb::sections(root, problems);
        check_includes(root, problems);
        for example in orb::examples(root, orb::name(&path)) {
            examples.push(example.at);
            let shown = usage(&example, &config.library, sources, inputs, problems);
            for variant in &mut outcomes.variants {
                variant.pipeline.workflows.extend(shown.iter().cloned());
            }
            pipeline.workflows.extend(shown);
        }
    }
    if broken {
        // What the missing part of an orb defines is not known.
        let named = ["undefined-command", "undefined-job", "undefined-executor"];
        problems.retain(|p| !named.contains(&p.rule));
    }
    fold_unsupported(problems);
    Made {
        pipeline,
        old: !config.templates,
        orb: config.orb,
        scripts,
        examples,
        outcomes,
        refused,
    }
}

/// Compiles the config that an orb's example shows, and returns its workflows.
fn usage(
    example: &Example,
    own: &Rc<Library>,
    sources: &mut Sources,
    inputs: &Inputs<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Workflow> {
    let (settled, _) = inputs.given.settle(None);
    let values = LocalValues::new(inputs.facts.clone()).with(settled.clone());
    let declared = example.usage.get("parameters");
    let base = Scope {
        pipeline: Rc::new(pipeline_parameters(declared.map(|d| &d.value), &settled)),
        values: Rc::new(values),
        ..Scope::default()
    };
    let mut library = |root: &Value, problems: &mut Vec<Problem>| {
        let mut loader = Loader::new(sources, inputs.orbs, problems);
        if let Some(reference) = &example.own {
            loader = loader.knowing(reference.clone(), Rc::clone(own));
        }
        loader.config(root, &base)
    };
    let mut met = Vec::new();
    let source = example.at.source;
    let config = Config::read(Some(&example.usage), source, false, &mut library, &mut met);
    let Some(config) = config else {
        return Vec::new();
    };
    let scope = Scope {
        library: Rc::clone(&config.library),
        ..base.clone()
    };
    let root = scope.clone();
    let mut compiler = Compiler::new(&config, scope, false);
    compiler.problems = met;
    // An example may show a job alone.
    let workflows = match config.workflows {
        Some(_) => compiler.pipeline().workflows,
        None => compiler.definitions(&root),
    };
    let mut met = compiler.problems;
    if config.templates {
        super::structure::check(&example.usage, &mut met);
    }
    problems.extend(met);
    workflows
}

impl<'c> Compiler<'c> {
    fn new(config: &'c Config, root: Scope, decide: bool) -> Self {
        Self {
            config,
            problems: Vec::new(),
            decide,
            root,
            conditions: Vec::new(),
            rules: Vec::new(),
            asked: Conditions::default(),
            never: Vec::new(),
            skim: false,
            skimming: false,
            carried: MOST_CARRIED,
            expansions: 0,
            undeclared: Vec::new(),
        }
    }
}

impl Compiler<'_> {
    fn pipeline(&mut self) -> Pipeline {
        let scope = self.root.clone();
        if self.config.templates {
            let parameters = self.config.parameters.as_ref();
            check_pipeline_defaults(parameters, &scope.values, &mut self.problems);
        }
        self.check_groups();
        if self.config.templates {
            self.check_names();
        }
        let workflows = match self.config.orb {
            true => self.definitions(&scope),
            false => self.workflows(&scope),
        };
        self.check_approvals(&workflows);
        self.check_setup(&workflows);
        self.check_continuation(&workflows);
        let executors = self.named_executors(&workflows);
        Pipeline {
            workflows,
            setup: self.config.setup,
            executors,
            orbs: self.config.library.orbs.iter().map(Orb::to_plan).collect(),
        }
    }

    /// Returns the executors that arguments of calls without source name, with the pipeline's
    /// values in place and their own templates as they are.
    fn named_executors(&mut self, workflows: &[Workflow]) -> Vec<(String, Data)> {
        let mut named = BTreeSet::new();
        for job in workflows.iter().flat_map(|w| &w.jobs) {
            let executor = job.executor.iter().filter_map(|e| match &e.kind {
                ExecutorKind::Unknown(call) => Some(call),
                _ => None,
            });
            let steps = job.steps.iter().filter_map(|s| match &s.kind {
                StepKind::Opaque(call) => Some(call),
                _ => None,
            });
            for call in job.invokes.iter().chain(executor).chain(steps) {
                for (_, argument) in &call.arguments {
                    words(argument, &mut named);
                }
            }
        }
        if named.is_empty() {
            return Vec::new();
        }
        let executors = self.config.library.executors.iter();
        let mut out = Vec::new();
        for executor in executors.filter(|e| named.contains(&*e.key)) {
            let declared = executor.value.get("parameters");
            let scope = Scope {
                parameters: declared
                    .iter()
                    .flat_map(|d| d.value.entries())
                    .map(|d| {
                        let itself = format!("<< parameters.{} >>", d.key);
                        let itself = Value::new(super::value::Data::Str(itself.into()), d.key_at);
                        (Rc::clone(&d.key), itself)
                    })
                    .collect(),
                ..self.root.clone()
            };
            let body = self.apply(&scope, &executor.value);
            out.push((executor.key.to_string(), self.data(&body)));
        }
        out
    }

    /// Copies a value for the plan to carry; says so once where the config comes to too much.
    pub(crate) fn data(&mut self, value: &Value) -> Data {
        if let Some(data) = value.to_data(&mut self.carried) {
            return data;
        }
        if self.carried > 0 {
            self.carried = 0;
            self.problems.push(
                Problem::new(
                    "too-large",
                    "a config that carries more values than are read",
                    value.at(),
                    format!("more than {MOST_CARRIED} values come of the config"),
                )
                .help("merge less: each use of an anchor counts with all that it holds"),
            );
        }
        Data::Null
    }

    /// Copies entries for the plan to carry.
    pub(crate) fn settings<'v>(
        &mut self,
        entries: impl IntoIterator<Item = &'v Entry>,
    ) -> Vec<(String, Data)> {
        let copied = entries.into_iter();
        copied
            .map(|e| (String::from(&*e.key), self.data(&e.value)))
            .collect()
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
            Some(near) => problem.did_you_mean(alias, near),
            None => problem.help(format!(
                "declare it: `orbs:` with `{alias}: NAMESPACE/NAME@VERSION`"
            )),
        };
        // The setup job of an orb's own pipeline writes the orb under test into the config that
        // it continues with.
        let kit = |orb: &Orb| {
            let reference = orb.reference.as_deref();
            reference.is_some_and(|r| r.starts_with("circleci/orb-tools@"))
        };
        if self.config.under_test && !library.is_orb && library.orbs.iter().any(kit) {
            problem = problem
                .note("`orb-tools/continue` puts the orb under test in; any other one has to be declared")
                .info();
        }
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
            problem = problem.did_you_mean(name, &format!("{}/{near}", orb.alias));
        }
        self.problems.push(problem);
    }
}

/// Says whether a file is YAML by its name and no `config.yml`.
fn may_be_part(source: &Source) -> bool {
    let path = source.path();
    let yaml = path.extension().is_some_and(|e| e == "yml" || e == "yaml");
    yaml && path.file_stem().is_some_and(|stem| stem != "config")
}

/// Collects the texts that could be a name: an argument, or the `name` of an executor's call.
fn words<'d>(data: &'d Data, out: &mut BTreeSet<&'d str>) {
    match data {
        Data::Str(text) => {
            out.insert(text);
        }
        Data::List(items) => items.iter().for_each(|i| words(i, out)),
        Data::Map(entries) => entries.iter().for_each(|(_, v)| words(v, out)),
        Data::Null | Data::Bool(_) | Data::Int(_) | Data::Float(_) => {}
    }
}
