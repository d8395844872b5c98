//! Workflows: their entries, the names that jobs get, what they require, and the jobs themselves
//! with pre- and post-steps (circleci-semantics §4).

use std::collections::HashMap;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::params::{Callee, bind};
use super::problem::Problem;
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::{listed, nearest};
use crate::plan::{Call, Job, JobKind, JobStatus, Located, Origin, Requirement, Step, Workflow};
use crate::yaml::Location;

/// Keys of a workflow's entry that are not arguments of its job (circleci-semantics §4.2).
const ENTRY_KEYS: [&str; 10] = [
    "requires",
    "name",
    "context",
    "type",
    "filters",
    "matrix",
    "pre-steps",
    "post-steps",
    "serial-group",
    "override-with",
];

/// The working directory where nothing is said (circleci-semantics §3).
pub(crate) const DEFAULT_WORKING_DIRECTORY: &str = "~/project";

/// A requirement as written.
struct Wanted {
    name: String,
    at: Location,
    statuses: Vec<JobStatus>,
}

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
            let names: Vec<&str> = self.config.jobs.iter().map(|j| &*j.key).collect();
            problem = if names.is_empty() {
                problem.help("add `jobs:` and `workflows:`")
            } else {
                problem.help(format!("add `workflows:` that runs {}", listed(&names, 5)))
            };
            self.problems.push(problem);
            return Vec::new();
        };
        let at = build.key_at;
        let job = self.job("build", at, None, Value::null(at), scope, uses);
        vec![Workflow {
            name: "workflow".to_owned(),
            origin: Origin {
                at,
                via: Vec::new(),
            },
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
        let body = self.apply(scope, &entry.value);
        if !body.is_map() {
            self.problems.push(wrong_type(
                "a workflow is a map with `jobs`",
                &body,
                entry.key_at,
            ));
            return None;
        }
        for key in ["when", "unless"] {
            if let Some(condition) = body.get(key) {
                self.problems.push(Problem::unsupported(
                    "conditions of workflows",
                    condition.key_at,
                ));
            }
        }
        let Some(list) = body.get("jobs") else {
            self.problems.push(missing_key(
                "jobs",
                &format!("workflow `{}`", entry.key),
                entry.key_at,
            ));
            return None;
        };
        if !list.value.is_list() || list.value.items().is_empty() {
            self.problems.push(wrong_type(
                "`jobs` of a workflow is a list of at least one job",
                &list.value,
                list.key_at,
            ));
            return None;
        }
        let mut jobs = Vec::new();
        let mut wanted = Vec::new();
        let mut incomplete = false;
        for item in list.value.items() {
            let (name, name_at, arguments) = match item.value.data() {
                Data::Str(name) => (
                    name.to_string(),
                    item.value.at(),
                    Value::null(item.value.at()),
                ),
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
                        incomplete = true;
                        continue;
                    }
                    [] => continue,
                },
                _ => {
                    self.problems.push(wrong_type(
                        "an entry of a workflow is a job's name, or a map with one",
                        &item.value,
                        list.key_at,
                    ));
                    incomplete = true;
                    continue;
                }
            };
            if let Some(matrix) = arguments.get("matrix") {
                self.problems
                    .push(Problem::unsupported("matrix", matrix.key_at));
                incomplete = true;
            }
            if let Some(filters) = arguments.get("filters") {
                self.problems
                    .push(Problem::unsupported("filters", filters.key_at));
            }
            wanted.push(self.wanted(&arguments));
            let at = item.through.unwrap_or_else(|| item.value.at());
            let job = self.job(&name, name_at, Some(at), arguments, scope, uses);
            incomplete |= job.opaque.is_some();
            jobs.push(job);
        }
        self.resolve(&entry.key, &mut jobs, wanted, incomplete);
        Some(Workflow {
            name: entry.key.to_string(),
            origin: Origin {
                at: entry.key_at,
                via: Vec::new(),
            },
            jobs,
            incomplete,
        })
    }

    /// Reads `requires`: names, or names with the statuses that count.
    fn wanted(&mut self, arguments: &Value) -> Vec<Wanted> {
        let Some(requires) = arguments.get("requires") else {
            return Vec::new();
        };
        if requires.value.is_null() {
            return Vec::new();
        }
        if !requires.value.is_list() {
            self.problems.push(wrong_type(
                "`requires` is a list of jobs",
                &requires.value,
                requires.key_at,
            ));
            return Vec::new();
        }
        let mut out = Vec::new();
        for item in requires.value.items() {
            match item.value.data() {
                Data::Str(name) => out.push(Wanted {
                    name: name.to_string(),
                    at: item.value.at(),
                    statuses: vec![JobStatus::Success],
                }),
                Data::Map(entries) => {
                    for entry in entries {
                        let statuses = self.statuses(entry);
                        out.push(Wanted {
                            name: entry.key.to_string(),
                            at: entry.key_at,
                            statuses,
                        });
                    }
                }
                _ => match item.value.as_text().filter(|t| !t.is_empty()) {
                    Some(name) => out.push(Wanted {
                        name,
                        at: item.value.at(),
                        statuses: vec![JobStatus::Success],
                    }),
                    None => self.problems.push(wrong_type(
                        "a requirement is a job's name",
                        &item.value,
                        requires.key_at,
                    )),
                },
            }
        }
        out
    }

    fn statuses(&mut self, entry: &Entry) -> Vec<JobStatus> {
        let values: Vec<&Value> = if entry.value.is_list() {
            entry.value.items().iter().map(|i| &i.value).collect()
        } else {
            vec![&entry.value]
        };
        let mut out = Vec::new();
        for value in values {
            let text = value.as_text().unwrap_or_default();
            if text == "terminal" {
                out.extend(JobStatus::ALL);
            } else if let Some(status) = JobStatus::ALL.into_iter().find(|s| s.as_str() == text) {
                out.push(status);
            } else {
                let words: Vec<&str> = JobStatus::ALL
                    .iter()
                    .map(|s| s.as_str())
                    .chain(["terminal"])
                    .collect();
                let mut problem = Problem::new(
                    "enum-value",
                    "a status that jobs do not have",
                    if value.is_null() {
                        entry.key_at
                    } else {
                        value.at()
                    },
                    format!("`{text}` is none of {}", listed(&words, 8)),
                );
                if let Some(near) = nearest(&text, words) {
                    problem = problem.help(format!("did you mean `{near}`?"));
                }
                self.problems.push(problem);
            }
        }
        if out.is_empty() {
            out.push(JobStatus::Success);
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Points every requirement at the one other job of that name (circleci-semantics §4.2).
    fn resolve(
        &mut self,
        workflow: &str,
        jobs: &mut [Job],
        wanted: Vec<Vec<Wanted>>,
        incomplete: bool,
    ) {
        for (i, list) in wanted.into_iter().enumerate() {
            for want in list {
                let matching = |of: fn(&Job) -> &str| -> Vec<usize> {
                    (0..jobs.len())
                        .filter(|j| *j != i && of(&jobs[*j]) == want.name)
                        .collect()
                };
                let mut found = matching(|j| &j.written_name);
                if found.is_empty() {
                    found = matching(|j| &j.name);
                }
                match found.as_slice() {
                    [one] => {
                        let job = *one;
                        jobs[i].requires.push(Requirement {
                            job,
                            at: want.at,
                            statuses: want.statuses,
                        });
                    }
                    [] if incomplete => jobs[i]
                        .unknown_requires
                        .push(Located::new(want.name, want.at)),
                    [] => {
                        let problem = self.unknown_requirement(workflow, jobs, i, &want);
                        self.problems.push(problem);
                    }
                    several => {
                        let mut problem = Problem::new(
                            "requires-ambiguous-job",
                            "a requirement that several jobs answer to",
                            want.at,
                            format!("{} other jobs are named `{}`", several.len(), want.name),
                        )
                        .help("give each of them a `name` of its own and require that")
                        .note(format!(
                            "the service says: Job '{}' requires '{}', which is the name of {} other jobs in workflow '{workflow}'",
                            jobs[i].written_name, want.name, several.len()
                        ));
                        for j in several.iter().take(3) {
                            problem = problem.label(jobs[*j].origin.at, "one of them");
                        }
                        self.problems.push(problem);
                    }
                }
            }
        }
    }

    fn unknown_requirement(
        &self,
        workflow: &str,
        jobs: &[Job],
        i: usize,
        want: &Wanted,
    ) -> Problem {
        let here: Vec<&str> = jobs
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .map(|(_, j)| j.written_name.as_str())
            .collect();
        let itself = jobs[i].written_name == want.name;
        let text = if itself {
            format!("`{}` cannot wait for itself", want.name)
        } else {
            format!(
                "no other job of workflow `{workflow}` is named `{}`",
                want.name
            )
        };
        let mut problem = Problem::new("requires-unknown-job", "a requirement that no job answers to", want.at, text)
            .note(format!(
                "the service says: Job '{}' requires '{}', which is the name of 0 other jobs in workflow '{workflow}'",
                jobs[i].written_name, want.name
            ));
        let defined = self.config.jobs.iter().find(|j| *j.key == *want.name);
        problem = match (nearest(&want.name, here.iter().copied()), defined) {
            (Some(near), _) if !itself => problem.help(format!("did you mean `{near}`?")),
            (_, Some(job)) if !itself => problem
                .label(
                    job.key_at,
                    "this job is defined, but the workflow does not run it",
                )
                .help(format!(
                    "add `- {}` to the workflow's jobs, or remove the requirement",
                    want.name
                )),
            _ if here.is_empty() => {
                problem.help("remove the requirement: the workflow has no other job")
            }
            _ => problem.help(format!(
                "the workflow's other jobs are {}",
                listed(&here, 8)
            )),
        };
        problem
    }

    /// Compiles one entry of a workflow.
    fn job(
        &mut self,
        base: &str,
        base_at: Location,
        entry_at: Option<Location>,
        arguments: Value,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
    ) -> Job {
        let written = text_key(&arguments, "name");
        let written_name = written.map_or_else(|| base.to_owned(), |n| n.value);
        let count = uses.entry(written_name.clone()).or_insert(0);
        let name = if *count == 0 {
            written_name.clone()
        } else {
            format!("{written_name}-{count}")
        };
        *count += 1;
        let mut job = Job {
            name,
            written_name,
            origin: Origin {
                at: entry_at.unwrap_or(base_at),
                via: Vec::new(),
            },
            definition: base_at,
            kind: JobKind::Build,
            requires: Vec::new(),
            unknown_requires: Vec::new(),
            filters: arguments.get("filters").map(|f| f.key_at),
            executor: None,
            working_directory: Located::new(DEFAULT_WORKING_DIRECTORY.to_owned(), base_at),
            shell: None,
            environment: Vec::new(),
            parallelism: 1,
            steps: Vec::new(),
            opaque: None,
        };
        // The entry's own name is what findings about the job point at.
        job.origin.at = base_at;
        if text_key(&arguments, "type").is_some_and(|t| t.value == "approval") {
            job.kind = JobKind::Approval;
            return job;
        }
        if let Some(other) = arguments.get("override-with") {
            self.problems
                .push(Problem::unsupported("`override-with`", other.key_at));
        }
        if arguments.get("matrix").is_some() {
            job.opaque = Some("its matrix is not expanded".to_owned());
            return job;
        }
        let Some(definition) = self.config.jobs.iter().find(|j| *j.key == *base).cloned() else {
            job.opaque = Some(self.unknown_job(base, base_at));
            return job;
        };
        job.definition = definition.key_at;
        let known = |e: &&Entry| !ENTRY_KEYS.contains(&&*e.key);
        let own: Vec<Entry> = arguments.entries().iter().filter(known).cloned().collect();
        let callee = Callee {
            kind: "job",
            name: base,
            at: definition.key_at,
        };
        let declared = definition.value.get("parameters").map(|e| &e.value);
        let inner = bind(callee, declared, &own, base_at, scope, &mut self.problems);
        let body = self.apply(&inner, &definition.value);
        if !body.is_map() {
            self.problems.push(wrong_type(
                "a job is a map of keys",
                &body,
                definition.key_at,
            ));
            job.opaque = Some("it cannot be read".to_owned());
            return job;
        }
        match text_key(&body, "type").map(|t| (t.value, t.at)) {
            None => {}
            Some((t, _)) if t == "build" => {}
            Some((t, _)) if t == "no-op" => {
                job.kind = JobKind::NoOp;
                return job;
            }
            Some((t, at)) => {
                self.problems
                    .push(Problem::unsupported(&format!("jobs of type {t}"), at));
                job.kind = JobKind::NoOp;
                return job;
            }
        }
        self.job_body(&mut job, base, &body, definition.key_at, &arguments, &inner);
        job
    }

    fn job_body(
        &mut self,
        job: &mut Job,
        base: &str,
        body: &Value,
        name_at: Location,
        arguments: &Value,
        scope: &Scope,
    ) {
        let env = self.environment(base, body, name_at, scope);
        job.executor = env.executor;
        if let Some(directory) = env.working_directory {
            job.working_directory = directory;
        }
        job.shell = env.shell;
        job.environment = env.environment;
        if let Some(entry) = body.get("parallelism") {
            match entry.value.data() {
                Data::Int(n) if *n >= 1 => job.parallelism = u32::try_from(*n).unwrap_or(u32::MAX),
                _ if entry.value.is_templated() => {}
                _ => self.problems.push(wrong_type(
                    "`parallelism` is a whole number of at least 1",
                    &entry.value,
                    entry.key_at,
                )),
            }
        }
        let mut steps: Vec<Step> = Vec::new();
        let way = |what: &str, at: Location| {
            vec![Call {
                what: what.to_owned(),
                at,
            }]
        };
        if let Some(pre) = arguments.get("pre-steps") {
            self.steps(
                &pre.value,
                pre.key_at,
                &way("pre-steps", pre.key_at),
                scope,
                &mut steps,
            );
        }
        match body.get("steps") {
            Some(entry) => self.steps(&entry.value, entry.key_at, &[], scope, &mut steps),
            None => self
                .problems
                .push(missing_key("steps", &format!("job `{base}`"), name_at)),
        }
        if let Some(post) = arguments.get("post-steps") {
            self.steps(
                &post.value,
                post.key_at,
                &way("post-steps", post.key_at),
                scope,
                &mut steps,
            );
        }
        let unknown = steps.iter().find_map(|s| match &s.kind {
            crate::plan::StepKind::Opaque { name } => {
                Some(format!("what its step `{name}` does is not known"))
            }
            _ => None,
        });
        job.opaque = unknown.or_else(|| {
            env.opaque
                .filter(|_| job.executor.is_none() && steps.is_empty())
        });
        job.steps = steps;
    }

    /// A job that is not defined here: an orb's, or nobody's.
    fn unknown_job(&mut self, name: &str, at: Location) -> String {
        if name.contains("<<") {
            return "its name is not known".to_owned();
        }
        if self.config.job_groups.iter().any(|g| *g.key == *name) {
            return "it is a group of jobs".to_owned();
        }
        if self.is_orb_element(name) {
            self.check_orb(name, at);
            self.problems
                .push(Problem::unsupported("jobs from orbs", at));
            return "it comes from an orb".to_owned();
        }
        let names: Vec<String> = self.config.jobs.iter().map(|j| j.key.to_string()).collect();
        let mut problem = Problem::new(
            "undefined-job",
            "a job that is not defined",
            at,
            format!("there is no `{name}` in `jobs`"),
        );
        problem = match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => problem.help("the config has no `jobs`"),
            None => problem.help(format!("there are {}", listed(&names, 8))),
        };
        self.problems.push(problem);
        "it is not defined".to_owned()
    }
}
