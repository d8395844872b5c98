//! Workflows: their entries, expanded and pointed at each other (circleci-semantics §4).

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::cron;
use super::executor::text_key;
use super::expr::{Lookup, Truth};
use super::groups::{Entries, GroupCall};
use super::logic;
use super::problem::Problem;
use super::rule;
use super::template::Scope;
use super::value::{Data, Entry, Item, Value};
use crate::finding::listed;
use crate::hash::HashMap;
use crate::plan::{Call, Job, Located, Origin, Schedule, Workflow};
use crate::yaml::Location;

impl Compiler<'_> {
    pub(crate) fn workflows(&mut self, scope: &Scope) -> Vec<Workflow> {
        let mut uses: HashMap<String, usize> = HashMap::default();
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
        // A compiled config of which nothing runs says so in this way.
        let compiled = !self.config.templates && self.config.library.jobs.is_empty();
        if out.is_empty() && self.problems.is_empty() && !compiled {
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
            if self.config.part && !names.is_empty() {
                problem = problem
                    .note("a file that others are joined with may leave it to them: check what comes of them together")
                    .warning();
            }
            self.problems.push(problem);
            return Vec::new();
        };
        let at = build.key_at;
        let mut job = self.job("build", at, Value::null(at), scope, uses);
        // Version 2 had filters for its one job here (circleci-semantics §6).
        if !self.config.templates && job.filters.is_none() {
            job.filters = self.job_branches(&build.value);
        }
        vec![Workflow {
            name: "workflow".to_owned(),
            origin: Origin {
                at,
                via: Vec::new(),
            },
            condition: None,
            rule: None,
            schedules: Vec::new(),
            max_auto_reruns: None,
            incomplete: job.opaque.is_some(),
            definition: None,
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
        let formula = self
            .condition_of(&body)
            .filter(|_| condition == Truth::Unknown)
            .and_then(|e| {
                let place = logic::Place::Workflow;
                let formula = self.asked.meet(&e.value, place, e.key_at)?;
                self.asked.enter(formula, &*e.key == "when");
                Some(formula)
            });
        let met = self.problems.len();
        // Jobs of a workflow that does not run take no name from those that do.
        let mut aside = (self.decide && condition != Truth::True).then(|| uses.clone());
        let uses = aside.as_mut().unwrap_or(uses);
        self.skimming = self.skim && condition == Truth::False;
        let workflow = self.workflow_jobs(entry, &body, scope, uses);
        if self.skimming {
            // What is wrong with it is wrong where it runs.
            self.problems.truncate(met);
            self.skimming = false;
        }
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
        workflow.condition = self
            .condition_of(&body)
            .filter(|_| condition != Truth::True)
            .map(|e| e.key_at);
        workflow.rule = self
            .condition_of(&body)
            .filter(|_| condition != Truth::True)
            .map(|e| {
                let rule = rule::condition(&e.value, logic::Place::Workflow);
                match &*e.key {
                    "unless" => rule.negated(),
                    _ => rule,
                }
            });
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
        let mut entries = Entries::default();
        for item in items.items() {
            self.workflow_entry(item, list.key_at, scope, uses, &mut entries);
        }
        self.twice_in_group(&entries.jobs);
        let (jobs, incomplete) = self.resolve(&entry.key, entries);
        let reruns = self.apply_key(scope, body, "max_auto_reruns");
        let reruns = self.reruns(&reruns);
        Some(Workflow {
            name: entry.key.to_string(),
            origin: Origin {
                at: entry.key_at,
                via: Vec::new(),
            },
            condition: None,
            rule: None,
            schedules: self.schedules(body, scope),
            max_auto_reruns: reruns,
            jobs,
            incomplete,
            definition: None,
        })
    }

    /// Adds what one item of a workflow's or a group's `jobs` stands for.
    pub(super) fn workflow_entry(
        &mut self,
        item: &Item,
        list_at: Location,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
        out: &mut Entries,
    ) {
        let Some((name, name_at, mut raw)) = self.entry(&item.value, list_at, scope) else {
            out.incomplete |= !item.value.is_null();
            return;
        };
        if !self.config.templates {
            raw = of_version_2(&raw);
        }
        if self.templated_filters(&raw) {
            raw = without(&raw, "filters");
        }
        let group = self.config.job_groups.iter().find(|g| *g.key == *name);
        if let Some(group) = group.cloned() {
            let call = GroupCall {
                at: name_at,
                raw: &raw,
            };
            self.job_group(&group, &call, scope, uses, out);
            return;
        }
        let Some(arms) = self.arms(&name, name_at, &raw, scope) else {
            out.incomplete = true;
            return;
        };
        for arm in arms {
            let wanted = self.wanted(&arm.arguments);
            let mut job = self.job(&name, name_at, arm.arguments, scope, uses);
            job.given = raw.given();
            job.matrix = arm.matrix;
            if let Some(alias) = item.through {
                job.origin.via.push(Call {
                    what: "alias".into(),
                    at: alias,
                    defined: None,
                    given: None,
                });
            }
            out.incomplete |= job.opaque.is_some() && job.invokes.is_none();
            out.push(job, wanted);
        }
    }

    /// Names jobs of one workflow that wait in the same queue, which is not supported
    /// (circleci-semantics §4.2).
    fn twice_in_group(&mut self, jobs: &[Job]) {
        let mut seen: HashMap<&str, &Located<String>> = HashMap::default();
        for job in jobs {
            let Some(group) = &job.serial_group else {
                continue;
            };
            match seen.get(group.value.as_str()) {
                Some(first) => self.problems.push(
                    Problem::new(
                        "serial-group-misuse",
                        "a serial group twice in one workflow",
                        group.at,
                        format!("`{}` again: one of the two is skipped", group.value),
                    )
                    .label(first.at, "the first one")
                    .help("put the jobs into a job group, and that into the serial group"),
                ),
                None => {
                    seen.insert(&group.value, group);
                }
            }
        }
    }

    /// Returns a map of one key of a workflow, with its templates filled in.
    fn apply_key(&mut self, scope: &Scope, body: &Value, key: &str) -> Value {
        let entries = body.get(key).cloned().into_iter().collect();
        self.apply(scope, &Value::new(Data::Map(entries), body.at()))
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
            Data::Str(name) => (String::from(&**name), value.at(), Value::null(value.at())),
            Data::Map(entries) => match entries.as_slice() {
                [only] => (String::from(&*only.key), only.key_at, only.value.clone()),
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
        if let (Some(when), Some(unless)) = (body.get("when"), body.get("unless")) {
            self.problems.push(
                Problem::new(
                    "invalid-condition",
                    "a workflow with `when` and `unless`",
                    unless.key_at,
                    "only one of the two may stand here",
                )
                .label(when.key_at, "the other one")
                .help("write one condition: `and` with a `not` in it"),
            );
        }
        let Some(entry) = self.condition_of(body) else {
            return (Truth::True, None);
        };
        let place = logic::Place::Workflow;
        let holds = |truth: Truth| match &*entry.key {
            "unless" => truth.negated(),
            _ => truth,
        };
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
        let truth = self.judge(&entry.value, scope);
        (holds(truth), asleep)
    }

    /// Returns a workflow's `when` or `unless`; version 2 has neither.
    fn condition_of<'v>(&self, body: &'v Value) -> Option<&'v Entry> {
        let entry = body.get("when").or_else(|| body.get("unless"));
        entry.filter(|_| self.config.templates)
    }

    /// Reports filters with templates: an expression stands bare there, what is put in place of a template would be read
    /// as an expression itself (circleci-semantics §4.2).
    fn templated_filters(&mut self, entry: &Value) -> bool {
        let Some(filters) = entry.get("filters") else {
            return false;
        };
        let templated = filters.value.as_str().is_some_and(|f| f.contains("<<"));
        if templated {
            self.problems.push(
                Problem::new(
                    "invalid-expression",
                    "a filter with `<< >>`",
                    filters.value.at(),
                    "expressions of filters stand bare",
                )
                .help("remove `<<` and `>>`: values of the pipeline are called by their names"),
            );
        }
        templated
    }

    /// Judges an expression over the pipeline's values.
    pub(super) fn judge(&mut self, value: &Value, scope: &Scope) -> Truth {
        let at_hand = |name: &str| scope.scalar(name);
        let closed = |name: &str| scope.closed(name);
        let lookup: &dyn Fn(&str) -> Lookup = if self.decide { &at_hand } else { &closed };
        logic::condition(value, logic::Place::Workflow, lookup, &mut self.problems)
    }

    /// Reads the schedules of a workflow (circleci-semantics §4.7).
    fn schedules(&mut self, body: &Value, scope: &Scope) -> Vec<Schedule> {
        let Some(triggers) = body.get("triggers") else {
            return Vec::new();
        };
        if self.config.setup {
            self.problems.push(
                Problem::new(
                    "setup-misuse",
                    "a schedule in a setup config",
                    triggers.key_at,
                    "setup workflows are not started by schedules",
                )
                .help("use a schedule trigger of the project, outside the config"),
            );
        }
        let list = self.apply(scope, &triggers.value);
        let mut out = Vec::new();
        for item in list.items() {
            let Some(schedule) = item.value.get("schedule") else {
                continue;
            };
            // What is missing is the structure's to say.
            let Some(cron) = text_key(&schedule.value, "cron") else {
                continue;
            };
            if !cron.value.contains("<<")
                && let Err(why) = cron::check(&cron.value)
            {
                self.problems.push(
                    Problem::new(
                        "invalid-cron",
                        "a schedule that the service does not read",
                        cron.at,
                        why.to_string(),
                    )
                    .help(why.hint()),
                );
            }
            let filters = self.filters(&schedule.value, scope);
            out.push(Schedule { cron, filters });
        }
        out
    }
}

/// Returns a map without one of its keys.
fn without(map: &Value, key: &str) -> Value {
    let rest = map.entries().iter().filter(|e| &*e.key != key).cloned();
    Value::new(Data::Map(rest.collect()), map.at())
}

/// Returns what version 2 reads of an entry; it ignores the rest (circleci-semantics §6).
fn of_version_2(entry: &Value) -> Value {
    const KNOWN: [&str; 5] = ["requires", "context", "type", "filters", "serial-group"];
    let known = entry.entries().iter();
    let known = known.filter(|e| KNOWN.contains(&&*e.key)).cloned();
    Value::new(Data::Map(known.collect()), entry.at())
}
