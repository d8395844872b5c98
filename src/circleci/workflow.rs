//! Workflows: their entries, expanded and pointed at each other (circleci-semantics §4).

use std::collections::HashMap;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::expr::{Lookup, Truth};
use super::logic;
use super::problem::Problem;
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::listed;
use crate::plan::{Located, Origin, Workflow};
use crate::yaml::Location;

impl Compiler<'_> {
    pub(crate) fn workflows(&mut self, scope: &Scope) -> Vec<Workflow> {
        let mut uses: HashMap<String, usize> = HashMap::new();
        let Some(section) = &self.config.workflows else {
            return self.implicit_workflow(scope, &mut uses);
        };
        if !section.value.is_map() {
            self.problems.push(wrong_type(
                "`workflows` is a map of names",
                &section.value,
                section.key_at,
            ));
            return Vec::new();
        }
        let mut out = Vec::new();
        for entry in section.value.entries() {
            if &*entry.key == "version" {
                continue;
            }
            if let Some(workflow) = self.workflow(entry, scope, &mut uses) {
                out.push(workflow);
            }
        }
        if out.is_empty() && self.problems.is_empty() {
            self.problems.push(
                Problem::new(
                    "missing-key",
                    "the config has no workflow",
                    section.key_at,
                    "nothing below this key would run",
                )
                .help("add a workflow: a name, and below it `jobs:`"),
            );
        }
        out
    }

    /// Without workflows, a job named `build` runs alone (circleci-semantics §4.1).
    fn implicit_workflow(
        &mut self,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
    ) -> Vec<Workflow> {
        let Some(build) = self
            .config
            .library
            .jobs
            .iter()
            .find(|j| &*j.key == "build")
            .cloned()
        else {
            let mut problem = Problem::new(
                "missing-key",
                "the config has no workflows",
                self.config.start,
                "neither `workflows` nor a job named `build`: nothing would run",
            )
            .note("the service says: Cannot find a job named `build` to run in the `jobs:` section of your configuration file.");
            let names: Vec<&str> = self.config.library.jobs.iter().map(|j| &*j.key).collect();
            problem = if names.is_empty() {
                problem.help("add `jobs:` and `workflows:`")
            } else {
                problem.help(format!("add `workflows:` that runs {}", listed(&names, 5)))
            };
            self.problems.push(problem);
            return Vec::new();
        };
        let at = build.key_at;
        let job = self.job("build", at, Value::null(at), scope, uses);
        vec![Workflow {
            name: "workflow".to_owned(),
            origin: Origin {
                at,
                via: Vec::new(),
            },
            condition: None,
            incomplete: job.opaque.is_some(),
            jobs: vec![job],
        }]
    }

    fn workflow(
        &mut self,
        entry: &Entry,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
    ) -> Option<Workflow> {
        // Entries are put in place one by one: a matrix brings names of its own.
        let body = entry.value.clone();
        if !body.is_map() {
            self.problems.push(wrong_type(
                "a workflow is a map with `jobs`",
                &body,
                entry.key_at,
            ));
            return None;
        }
        let (condition, asleep) = self.runs_under(&body, scope);
        let formula = body
            .get("when")
            .or_else(|| body.get("unless"))
            .filter(|_| condition == Truth::Unknown)
            .and_then(|e| {
                let place = logic::Place::Workflow;
                let formula = self.asked.meet(&e.value, place, e.key_at)?;
                self.asked.enter(formula, &*e.key == "when");
                Some(formula)
            });
        let met = self.problems.len();
        let workflow = self.workflow_jobs(entry, &body, scope, uses);
        if formula.is_some() {
            self.asked.leave();
        }
        if let Some(at) = asleep {
            let by = Located::new(entry.key.to_string(), at);
            for problem in self.problems.iter_mut().skip(met) {
                problem.asleep.get_or_insert_with(|| by.clone());
            }
        }
        let mut workflow = workflow?;
        workflow.condition = body
            .get("when")
            .or_else(|| body.get("unless"))
            .filter(|_| condition != Truth::True)
            .map(|e| e.key_at);
        if condition == Truth::False {
            self.never.push(workflow.origin.at);
        }
        Some(workflow)
    }

    fn workflow_jobs(
        &mut self,
        entry: &Entry,
        body: &Value,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
    ) -> Option<Workflow> {
        let Some(list) = body.get("jobs") else {
            self.problems.push(missing_key(
                "jobs",
                &format!("workflow `{}`", entry.key),
                entry.key_at,
            ));
            return None;
        };
        let items = if list.value.is_list() {
            list.value.clone()
        } else {
            self.apply(scope, &list.value)
        };
        if items.items().is_empty() {
            self.problems.push(wrong_type(
                "`jobs` of a workflow is a list of at least one job",
                &items,
                list.key_at,
            ));
            return None;
        }
        let mut jobs = Vec::new();
        let mut wanted = Vec::new();
        let mut incomplete = false;
        for item in items.items() {
            let Some((name, name_at, raw)) = self.entry(&item.value, list.key_at, scope) else {
                incomplete |= !item.value.is_null();
                continue;
            };
            let Some(arms) = self.arms(&name, name_at, &raw, scope) else {
                incomplete = true;
                continue;
            };
            if let Some(other) = raw.get("override-with") {
                self.problems
                    .push(Problem::unsupported("override-with", other.key_at));
            }
            for arm in arms {
                wanted.push(self.wanted(&arm.arguments));
                let mut job = self.job(&name, name_at, arm.arguments, scope, uses);
                job.matrix = arm.matrix;
                incomplete |= job.opaque.is_some();
                jobs.push(job);
            }
        }
        self.resolve(&entry.key, &mut jobs, wanted, incomplete);
        Some(Workflow {
            name: entry.key.to_string(),
            origin: Origin {
                at: entry.key_at,
                via: Vec::new(),
            },
            condition: None,
            jobs,
            incomplete,
        })
    }

    /// Reads an entry of a workflow: the job's name, and what is said about it, not yet put in
    /// place.
    fn entry(
        &mut self,
        value: &Value,
        list_at: Location,
        scope: &Scope,
    ) -> Option<(String, Location, Value)> {
        let (name, at, arguments) = match value.data() {
            Data::Str(name) => (name.to_string(), value.at(), Value::null(value.at())),
            Data::Map(entries) => match entries.as_slice() {
                [only] => (only.key.to_string(), only.key_at, only.value.clone()),
                [first, second, ..] => {
                    self.problems.push(
                        Problem::new(
                            "misindented-step",
                            "a workflow's entry with two keys",
                            second.key_at,
                            format!(
                                "`{}` stands beside `{}`, not below it",
                                second.key, first.key
                            ),
                        )
                        .label(first.key_at, "the job")
                        .help(format!(
                            "indent `{}` so that it belongs to `{}`",
                            second.key, first.key
                        )),
                    );
                    return None;
                }
                [] => return None,
            },
            Data::Null => return None,
            _ => {
                self.problems.push(wrong_type(
                    "an entry of a workflow is a job's name, or a map with one",
                    value,
                    list_at,
                ));
                return None;
            }
        };
        let named = self.apply(scope, &Value::new(Data::Str(name.as_str().into()), at));
        Some((named.as_text().unwrap_or(name), at, arguments))
    }

    /// Judges a workflow's `when` or `unless`. Where it does not hold unless somebody says more
    /// than which branch was pushed, its place comes along.
    fn runs_under(&mut self, body: &Value, scope: &Scope) -> (Truth, Option<Location>) {
        let Some(entry) = body.get("when").or_else(|| body.get("unless")) else {
            return (Truth::True, None);
        };
        let place = logic::Place::Workflow;
        let holds = |truth: Truth| match &*entry.key {
            "unless" => truth.negated(),
            _ => truth,
        };
        let at_hand = |name: &str| scope.scalar(name);
        // Every push has a branch: none is the one that nobody would speak of.
        let by_default = |name: &str| match name.starts_with("pipeline.git.branch") {
            true => scope.closed(name),
            false => scope.scalar(name),
        };
        let usual = holds(logic::condition(
            &entry.value,
            place,
            &by_default,
            &mut Vec::new(),
        ));
        let asleep = (usual == Truth::False).then_some(entry.key_at);
        let closed = |name: &str| scope.closed(name);
        let lookup: &dyn Fn(&str) -> Lookup = if self.decide { &at_hand } else { &closed };
        let truth = logic::condition(&entry.value, place, lookup, &mut self.problems);
        (holds(truth), asleep)
    }
}
