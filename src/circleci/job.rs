//! One job of a workflow: its name, its parameters, where it runs, its steps with pre- and
//! post-steps (circleci-semantics §4.2, §4.4, §4.5).

use super::builtin::texts;
use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::library::{Found, Kind, Library};
use super::params::{Callee, bind};
use super::problem::{Problem, orb_without_source};
use super::template::Scope;
use super::value::{Data, Entry, Value};
use crate::finding::{listed, nearest};
use crate::hash::HashMap;
use crate::plan::{Call, Job, JobKind, Located, Step, StepKind};
use crate::yaml::Location;

/// Keys of a workflow's entry that are not arguments of its job (circleci-semantics §4.2).
pub(super) const ENTRY_KEYS: [&str; 10] = [
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

/// Keys of a job's definition that the plan has a place for; the others are carried.
const JOB_KEYS: [&str; 14] = [
    "type",
    "description",
    "parameters",
    "executor",
    "docker",
    "machine",
    "macos",
    "resource_class",
    "shell",
    "working_directory",
    "environment",
    "parallelism",
    "steps",
    "branches",
];

/// Returns a name that no other job of the pipeline has: the second and later ones of a name are
/// numbered, across all workflows (circleci-semantics §4.4).
pub(super) fn unique(written: &str, uses: &mut HashMap<String, usize>) -> String {
    let count = uses.entry(written.to_owned()).or_insert(0);
    let name = if *count == 0 {
        written.to_owned()
    } else {
        format!("{written}-{count}")
    };
    *count += 1;
    name
}

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
        let name = unique(&written_name, uses);
        let mut job = Job {
            filters: self.filters(&arguments, scope),
            contexts: arguments
                .get("context")
                .map_or_else(Vec::new, |c| texts(&c.value)),
            serial_group: self.serial_group(&arguments),
            ..Job::new(name, written_name, JobKind::Build, base_at)
        };
        if text_key(&arguments, "type").is_some_and(|t| t.value == "approval") {
            job.kind = JobKind::Approval;
            self.no_steps(&arguments);
            return job;
        }
        if self.skimming {
            return job;
        }
        let replaced = self.override_with(&arguments, &mut job, scope);
        let found = replaced.unwrap_or_else(|| Library::find(&scope.library, Kind::Job, base));
        let (library, definition) = match found {
            Found::Here(library, definition) => (library, definition),
            other => {
                job.opaque = Some(self.unknown_job(base, base_at, &other, scope));
                if matches!(other, Found::Opaque) {
                    self.opaque_job(&mut job, base, &arguments, scope);
                }
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
        let declared = declared.filter(|_| self.config.templates);
        let inner = bind(callee, declared, &own, base_at, scope, &mut self.problems);
        let body = self.apply(&inner, &definition.value);
        self.read_body(
            &mut job,
            base,
            &definition,
            &body,
            &arguments,
            (&inner, scope),
        );
        job
    }

    /// Reads a job's definition, whose templates are filled in: what is said about it outside
    /// stands in `arguments`.
    pub(super) fn read_body(
        &mut self,
        job: &mut Job,
        base: &str,
        definition: &Entry,
        body: &Value,
        arguments: &Value,
        scopes: (&Scope, &Scope),
    ) {
        if !body.is_map() {
            self.problems.push(wrong_type(
                "a job is a map of keys",
                body,
                definition.key_at,
            ));
            job.opaque = Some("it cannot be read".to_owned());
            return;
        }
        job.kind = self.kind(body);
        let read = |e: &&Entry| !JOB_KEYS.contains(&&*e.key);
        let carried = body.entries().iter().filter(read);
        job.settings = self.settings(carried);
        // Steps of other jobs are ignored (circleci-semantics §4.5).
        if job.kind == JobKind::Build {
            self.job_body(job, base, body, definition.key_at, arguments, scopes);
        }
    }

    /// An approval runs no steps (circleci-semantics §4.2).
    fn no_steps(&mut self, arguments: &Value) {
        for key in ["pre-steps", "post-steps"] {
            if let Some(entry) = arguments.get(key) {
                self.problems.push(Problem::new(
                    "unknown-key",
                    "a key that does not belong here",
                    entry.key_at,
                    format!("an approval takes no `{key}`"),
                ));
            }
        }
    }

    /// Reads the type of a job (circleci-semantics §4.5).
    fn kind(&mut self, body: &Value) -> JobKind {
        const KINDS: [JobKind; 6] = [
            JobKind::Build,
            JobKind::NoOp,
            JobKind::Approval,
            JobKind::Release,
            JobKind::Lock,
            JobKind::Unlock,
        ];
        let Some(written) = text_key(body, "type") else {
            return JobKind::Build;
        };
        let word = &written.value;
        if let Some(kind) = KINDS.into_iter().find(|k| k.as_str() == *word) {
            return kind;
        }
        if !word.contains("<<") {
            let words = KINDS.map(JobKind::as_str);
            let mut problem = Problem::new(
                "enum-value",
                "a type that jobs do not have",
                &written,
                format!("`{word}` is none of {}", listed(&words, 8)),
            );
            if let Some(near) = nearest(word, words) {
                problem = problem.did_you_mean(word, near);
            }
            self.problems.push(problem);
        }
        JobKind::NoOp
    }

    /// Reads the queue that a job waits in (circleci-semantics §4.2).
    pub(super) fn serial_group(&mut self, arguments: &Value) -> Option<Located<String>> {
        const LONGEST: usize = 512;
        let entry = arguments
            .get("serial-group")
            .filter(|e| !e.value.is_null())?;
        let name = text_key(arguments, "serial-group")?;
        let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-');
        let known = !entry.value.is_templated() && !entry.value.is_open();
        if known
            && (name.value.is_empty()
                || name.value.len() > LONGEST
                || !name.value.bytes().all(fine))
        {
            self.problems.push(
                Problem::new(
                    "serial-group-misuse",
                    "a serial group that the service does not take",
                    name.at,
                    format!("not 1 to {LONGEST} letters, digits, `.`, `_`, `/` and `-`"),
                )
                .help("name it after what is used by one job at a time: `deploy/production`"),
            );
        }
        Some(name)
    }

    /// Looks for the orb's job that takes a job's place: `override-with` (circleci-semantics
    /// §4.2). An orb without that job leaves the config's own.
    fn override_with(&mut self, arguments: &Value, job: &mut Job, scope: &Scope) -> Option<Found> {
        let other = text_key(arguments, "override-with")?;
        match Library::find(&scope.library, Kind::Job, &other.value) {
            found @ Found::Here(..) if other.value.contains('/') => return Some(found),
            Found::Opaque => {
                self.problems.push(orb_without_source("jobs", other.at));
                job.opaque = Some("a job of an orb may take its place".to_owned());
                job.override_with = Some(other);
            }
            Found::NoOrb => self.no_orb(&other.value, other.at, &scope.library),
            Found::NotInOrb(_) => {}
            Found::Here(..) | Found::Nowhere => self.problems.push(
                Problem::new(
                    "wrong-type",
                    "a job that cannot take another's place",
                    other.at,
                    "not the job of an orb",
                )
                .help("write `ORB/JOB`, with an orb that `orbs` declares"),
            ),
        }
        None
    }

    /// Keeps what is known of an orb's job without source: its arguments, and the steps that the
    /// workflow puts around it.
    fn opaque_job(&mut self, job: &mut Job, base: &str, arguments: &Value, scope: &Scope) {
        let own = arguments.entries().iter();
        let own = own.filter(|e| !ENTRY_KEYS.contains(&&*e.key));
        let call = self.invocation(base, own, &[], scope);
        let mut steps = Vec::new();
        self.around(arguments, "pre-steps", scope, &mut steps);
        steps.push(Step {
            origin: job.origin.clone(),
            condition: None,
            rule: None,
            kind: StepKind::Opaque(call.clone()),
        });
        self.around(arguments, "post-steps", scope, &mut steps);
        job.steps = steps;
        job.invokes = Some(call);
    }

    /// Expands the steps that a workflow puts before or behind a job's own.
    fn around(&mut self, arguments: &Value, key: &str, scope: &Scope, out: &mut Vec<Step>) {
        let Some(entry) = arguments.get(key) else {
            return;
        };
        let mut via = vec![Call {
            what: key.into(),
            at: entry.key_at,
            defined: None,
            given: None,
        }];
        via.extend(entry.reached(arguments));
        self.steps(&entry.value, entry.key_at, &via, scope, out);
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
        let opaque = env.opaque.is_some();
        job.executor = env.executor;
        if let Some(directory) = env.working_directory {
            job.working_directory = directory;
        }
        job.shell = env.shell;
        job.environment = env.environment;
        if let Some(entry) = body.get("parallelism") {
            job.varies
                .extend(entry.value.is_open().then_some("parallelism"));
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
        self.around(arguments, "pre-steps", outer, &mut steps);
        match body.get("steps") {
            Some(entry) => {
                let via: Vec<Call> = entry.reached(body).into_iter().collect();
                self.steps(&entry.value, entry.key_at, &via, scope, &mut steps);
            }
            None => self
                .problems
                .push(missing_key("steps", &format!("job `{base}`"), name_at)),
        }
        self.around(arguments, "post-steps", outer, &mut steps);
        if !opaque {
            self.check_places(job.executor.as_ref(), &steps);
        }
        let unknown = steps.iter().find_map(|s| match &s.kind {
            StepKind::Opaque(call) => {
                Some(format!("what its step `{}` does is not known", call.name))
            }
            _ => None,
        });
        job.opaque = job.opaque.take().or(unknown);
        job.steps = steps;
    }

    /// A job that is not defined here: an orb's, or nobody's.
    fn unknown_job(&mut self, name: &str, at: Location, found: &Found, scope: &Scope) -> String {
        if name.contains("<<") {
            return "its name is not known".to_owned();
        }
        match found {
            Found::Opaque => {
                self.problems.push(orb_without_source("jobs", at));
                return "it comes from an orb".to_owned();
            }
            Found::NoOrb if self.config.templates => self.no_orb(name, at, &scope.library),
            Found::NotInOrb(orb) => {
                self.not_in_orb("undefined-job", "a job", Kind::Job, name, at, orb);
            }
            _ => self.undefined_job(name, at, &scope.library),
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
            Some(near) => problem.did_you_mean(name, near),
            None if names.is_empty() && self.config.part => {
                // The part of a config that holds the workflows: one cause, told once.
                let told = |p: &Problem| p.rule == "undefined-job" && p.severity.is_some();
                if self.problems.iter().any(told) {
                    return;
                }
                problem
                    .help("the file has no `jobs`: check what comes of it and the files that it is joined with, `circleci config pack`")
                    .warning()
            }
            None if names.is_empty() => problem.help("the config has no `jobs`"),
            None => problem.help(format!("there are {}", listed(&names, 8))),
        };
        self.problems.push(problem);
    }
}
