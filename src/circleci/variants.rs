//! The config once more under each outcome of the conditions that were left open: what would run
//! then, and what is wrong only then.

use std::rc::Rc;

use super::Facts;
use super::UNSUPPORTED;
use super::compile::Compiler;
use super::config::Config;
use super::expr::{Lookup, Scalar};
use super::given::{Declared, PARAMETER};
use super::logic::to_scalar;
use super::orb;
use super::outcomes::{self, Outcomes, Variable, Variant};
use super::pipeline::{self, LocalValues};
use super::problem::Problem;
use super::template::Scope;
use crate::hash::{HashMap, HashSet};
use crate::plan::Pipeline;
use crate::yaml::Location;

/// Compiles a config with more of the pipeline's values settled: what would run, the workflows
/// whose condition does not hold, and what is wrong.
pub(super) type Compile<'c> =
    dyn Fn(&[(Rc<str>, Scalar)]) -> (Pipeline, Vec<Location>, Vec<Problem>) + 'c;

impl Compiler<'_> {
    /// Compiles the config again for each outcome of the conditions that were left open.
    pub(super) fn outcomes(
        &mut self,
        open: &Pipeline,
        facts: Facts,
        compile: &Compile<'_>,
        out: &mut Outcomes,
    ) {
        let steps = open
            .workflows
            .iter()
            .flat_map(|w| &w.jobs)
            .map(|job| 1 + job.steps.len())
            .sum::<usize>();
        let steps = steps + self.expansions;
        let root = &self.root;
        let values = LocalValues::new(facts);
        let variable = |name: &str| variable(self.config, root, &values, name);
        // A name that is not defined has been reported.
        let closed = |name: &str| match root.closed(name) {
            Lookup::Missing => Lookup::Unknown,
            found => found,
        };
        let plan = outcomes::plan(&self.asked, &variable, &closed, steps);
        out.conditions = self.asked.formulas.len();
        out.more = self.asked.more;
        out.possible = plan.possible;
        out.one_sided = plan.one_sided;
        let mut runs = Vec::new();
        let mut made = Vec::new();
        for chosen in plan.variants {
            let (mut pipeline, never, problems) = compile(&chosen.settled);
            pipeline.workflows.retain(|w| !never.contains(&w.origin.at));
            runs.extend(pipeline.workflows.iter().map(|w| w.origin.at));
            // Values that nothing in the config speaks of prove nothing about names.
            if !chosen.choices.iter().any(|choice| choice.invented) {
                made.push((out.variants.len(), problems));
            }
            out.variants.push(Variant {
                choices: chosen.choices,
                pipeline,
            });
        }
        // What runs under none of the outcomes is looked at all the same.
        for (i, workflow) in open.workflows.iter().enumerate() {
            if runs.contains(&workflow.origin.at) {
                continue;
            }
            for variant in &mut out.variants {
                let workflows = &mut variant.pipeline.workflows;
                workflows.insert(i.min(workflows.len()), workflow.clone());
            }
        }
        out.classes = plan.classes;
        self.add_problems(made, out);
    }

    /// Adds what is wrong under some outcomes only, and says under which.
    fn add_problems(&mut self, made: Vec<(usize, Vec<Problem>)>, out: &Outcomes) {
        let all: Vec<usize> = made.iter().map(|(i, _)| *i).collect();
        let known: HashSet<Said> = self.problems.iter().map(said).collect();
        let mut places: HashMap<Said, usize> = HashMap::default();
        let mut new: Vec<(Problem, Vec<usize>)> = Vec::new();
        for (i, problems) in made {
            for problem in problems {
                let said = said(&problem);
                // What is not supported is so under every outcome.
                if problem.rule == UNSUPPORTED || known.contains(&said) {
                    continue;
                }
                let place = *places.entry(said).or_insert(new.len());
                match new.get_mut(place) {
                    Some((_, under)) if under.last() == Some(&i) => {}
                    Some((_, under)) => under.push(i),
                    None => new.push((problem, vec![i])),
                }
            }
        }
        for (problem, under) in new {
            let choices = out.under(&under, &all);
            self.problems.push(match choices.as_slice() {
                [] => problem,
                choices => problem.note(outcomes::when(choices)),
            });
        }
    }
}

/// What tells problems apart that are met on different ways.
type Said = (&'static str, Option<(Location, String)>);

fn said(problem: &Problem) -> Said {
    let label = problem.labels.first();
    (problem.rule, label.map(|l| (l.at, l.text.clone())))
}

/// Returns what is known of a pipeline value that is not given.
fn variable(config: &Config, root: &Scope, values: &LocalValues, name: &str) -> Option<Variable> {
    if root.values.is_given(name) {
        return None;
    }
    if config.orb
        && let Some(variable) = orb::variable(&config.library, name)
    {
        return Some(variable);
    }
    if let Some(key) = name.strip_prefix(PARAMETER) {
        let declaration = config.parameters.as_ref()?.get(key)?;
        let default = declaration.value.get("default");
        return Some(Variable {
            declared: Declared::of(&declaration.value),
            default: default.and_then(|d| to_scalar(&d.value)),
            own: true,
        });
    }
    Some(Variable {
        declared: Declared::Typed(pipeline::find(name)?.kind),
        default: match values.get(name) {
            Lookup::Value(scalar) => Some(scalar),
            Lookup::Unknown | Lookup::Missing => None,
        },
        own: false,
    })
}
