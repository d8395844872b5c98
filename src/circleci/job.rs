//! One job of a workflow: its name, its parameters, where it runs, its steps with pre- and
//! post-steps (circleci-semantics §4.2, §4.4, §4.5).

use std::collections::HashMap;

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::library::{Found, Kind, Library};
use super::params::{Callee, bind};
use super::problem::{Problem, orb_without_source};
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::{listed, nearest};
use crate::plan::{Call, Job, JobKind, Located, Origin, Step};
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

impl Compiler<'_> {
    /// Compiles one entry of a workflow.
    pub(super) fn job(
        &mut self,
        base: &str,
        base_at: Location,
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
                at: base_at,
                via: Vec::new(),
            },
            definition: base_at,
            kind: JobKind::Build,
            requires: Vec::new(),
            unknown_requires: Vec::new(),
            filters: self.filters(&arguments),
            matrix: None,
            executor: None,
            working_directory: Located::new(DEFAULT_WORKING_DIRECTORY.to_owned(), base_at),
            shell: None,
            environment: Vec::new(),
            parallelism: 1,
            steps: Vec::new(),
            opaque: None,
        };
        if text_key(&arguments, "type").is_some_and(|t| t.value == "approval") {
            job.kind = JobKind::Approval;
            return job;
        }
        let (library, definition) = match Library::find(&scope.library, Kind::Job, base) {
            Found::Here(library, definition) => (library, definition),
            other => {
                job.opaque = Some(self.unknown_job(base, base_at, &other, scope));
                return job;
            }
        };
        job.definition = definition.key_at;
        let known = |e: &&Entry| !ENTRY_KEYS.contains(&&*e.key);
        let own: Vec<Entry> = arguments.entries().iter().filter(known).cloned().collect();
        let callee = Callee {
            kind: "job",
            name: base,
            at: definition.key_at,
            library: &library,
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
        self.job_body(
            &mut job,
            base,
            &body,
            definition.key_at,
            &arguments,
            (&inner, scope),
        );
        job
    }

    fn job_body(
        &mut self,
        job: &mut Job,
        base: &str,
        body: &Value,
        name_at: Location,
        arguments: &Value,
        (scope, outer): (&Scope, &Scope),
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
                defined: None,
            }]
        };
        if let Some(pre) = arguments.get("pre-steps") {
            self.steps(
                &pre.value,
                pre.key_at,
                &way("pre-steps", pre.key_at),
                outer,
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
                outer,
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
    fn unknown_job(&mut self, name: &str, at: Location, found: &Found, scope: &Scope) -> String {
        if name.contains("<<") {
            return "its name is not known".to_owned();
        }
        if self.config.job_groups.iter().any(|g| *g.key == *name) {
            return "it is a group of jobs".to_owned();
        }
        match found {
            Found::Opaque => {
                self.problems.push(orb_without_source("jobs", at));
                return "it comes from an orb".to_owned();
            }
            Found::NoOrb => self.no_orb(name, at, &scope.library),
            Found::NotInOrb(orb) => {
                self.not_in_orb("undefined-job", "a job", Kind::Job, name, at, orb);
            }
            Found::Here(..) | Found::Nowhere => self.undefined_job(name, at, &scope.library),
        }
        "it is not defined".to_owned()
    }

    fn undefined_job(&mut self, name: &str, at: Location, library: &Library) {
        let names: Vec<&str> = library.names(Kind::Job).collect();
        let mut problem = Problem::new(
            "undefined-job",
            "a job that is not defined",
            at,
            format!("there is no `{name}` in `jobs`"),
        );
        problem = match nearest(name, names.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => problem.help("the config has no `jobs`"),
            None => problem.help(format!("there are {}", listed(&names, 8))),
        };
        self.problems.push(problem);
    }
}
