//! Job groups: jobs that a workflow runs under one name (circleci-semantics §4.6). A call of a group
//! becomes its members between two jobs that run nothing: one that waits for what the call
//! requires, and one that stands for the group to whoever requires it. In a serial group these two
//! take and give back a lock.

use super::compile::Compiler;
use super::config::{missing_key, wrong_type};
use super::executor::text_key;
use super::job::unique;
use super::problem::Problem;
use super::requires::Wanted;
use super::template::Scope;
use super::value::{Entry, Value};
use crate::hash::HashMap;
use crate::plan::{Call, Job, JobIndex, JobKind, JobStatus, Requirement};
use crate::yaml::{Data, Location};

/// The jobs of a workflow before their requirements are pointed at each other.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) jobs: Vec<Job>,
    /// What each of them requires, as written.
    pub(super) wanted: Vec<Vec<Wanted>>,
    /// The call of a group that each is inside of.
    pub(super) inside: Vec<Option<usize>>,
    /// The calls of groups.
    pub(super) groups: Vec<Group>,
    /// Whether something could not be compiled.
    pub(super) incomplete: bool,
}

/// One call of a group.
pub(super) struct Group {
    /// The name of the call.
    pub(super) name: String,
    at: Location,
    start: JobIndex,
    end: JobIndex,
    /// Whether the end gives back a lock, which it does however the members end.
    serial: bool,
}

/// How a workflow calls a group.
pub(super) struct GroupCall<'a> {
    pub(super) at: Location,
    pub(super) raw: &'a Value,
}

/// What a call of a group may say.
const CALL_KEYS: [&str; 4] = ["name", "requires", "filters", "serial-group"];

impl Entries {
    pub(super) fn push(&mut self, job: Job, wanted: Vec<Wanted>) {
        self.jobs.push(job);
        self.wanted.push(wanted);
        self.inside.push(None);
    }

    /// Ties the members of each group to its two ends; for after the requirements are resolved.
    pub(super) fn tie(&mut self) {
        for (number, group) in self.groups.iter().enumerate() {
            let members: Vec<JobIndex> = (0..self.jobs.len())
                .filter(|j| self.inside[*j] == Some(number))
                .collect();
            for member in &members {
                let job = &mut self.jobs[*member];
                if job.requires.is_empty() && job.unknown_requires.is_empty() {
                    job.requires.push(Requirement {
                        job: group.start,
                        at: group.at,
                        statuses: vec![JobStatus::Success],
                    });
                }
            }
            let statuses = if group.serial {
                JobStatus::ALL.to_vec()
            } else {
                vec![JobStatus::Success]
            };
            self.jobs[group.end].requires = members
                .into_iter()
                .map(|job| Requirement {
                    job,
                    at: group.at,
                    statuses: statuses.clone(),
                })
                .collect();
        }
    }
}

impl Compiler<'_> {
    /// Reports groups that cannot be told from jobs, or that are defined with what groups lack.
    pub(super) fn check_groups(&mut self) {
        let config = self.config;
        for group in &config.job_groups {
            if let Some(job) = config.library.jobs.iter().find(|j| j.key == group.key) {
                let problem = misuse(
                    "a job group with the name of a job",
                    group.key_at,
                    format!("`{}` is in `jobs` too", group.key),
                );
                self.problems.push(
                    problem
                        .label(job.key_at, "the job")
                        .help("rename one of them"),
                );
            }
            if let Some(parameters) = group.value.get("parameters") {
                self.problems.push(misuse(
                    "a job group with parameters",
                    parameters.key_at,
                    "groups take no parameters",
                ));
            }
        }
    }

    /// Adds what a call of a group stands for.
    pub(super) fn job_group(
        &mut self,
        group: &Entry,
        call: &GroupCall<'_>,
        scope: &Scope,
        uses: &mut HashMap<String, usize>,
        out: &mut Entries,
    ) {
        for entry in call.raw.entries() {
            if !CALL_KEYS.contains(&&*entry.key) {
                let problem = misuse(
                    "a call of a job group with what groups do not take",
                    entry.key_at,
                    format!("`{}` has no `{}`", group.key, entry.key),
                );
                self.problems
                    .push(problem.label(group.key_at, "the group").help(
                        "a call of a group takes `name`, `requires`, `filters` and `serial-group`",
                    ));
            }
        }
        let arguments = self.apply(scope, call.raw);
        let written =
            text_key(&arguments, "name").map_or_else(|| group.key.to_string(), |n| n.value);
        if let Some(first) = out.groups.iter().find(|g| g.name == written) {
            let problem = misuse(
                "a job group twice under one name",
                call.at,
                format!("`{written}` again"),
            );
            self.problems.push(
                problem
                    .label(first.at, "the first call")
                    .help("give one of the calls a `name` of its own"),
            );
        }
        let Some(list) = group.value.get("jobs") else {
            let of = format!("job group `{}`", group.key);
            self.problems.push(missing_key("jobs", &of, group.key_at));
            out.incomplete = true;
            return;
        };
        if list.value.items().is_empty() {
            self.problems.push(wrong_type(
                "`jobs` of a group is a list of at least one job",
                &list.value,
                list.key_at,
            ));
            out.incomplete = true;
            return;
        }
        let serial = self.serial_group(&arguments);
        let filters = self.filters(&arguments, scope);
        let wanted = self.wanted(&arguments);
        let name = unique(&written, uses);
        let (first, last) = if serial.is_some() {
            (JobKind::Lock, JobKind::Unlock)
        } else {
            (JobKind::NoOp, JobKind::NoOp)
        };
        let settings: Vec<(String, Data)> = serial
            .iter()
            .map(|key| ("key".to_owned(), Data::Str(key.value.clone())))
            .collect();
        let end = |suffix: &str, written: String, kind: JobKind| Job {
            filters: filters.clone(),
            settings: settings.clone(),
            definition: group.key_at,
            ..Job::new(format!("{name}/{suffix}"), written, kind, call.at)
        };
        let start = out.jobs.len();
        out.push(
            end("group-start", format!("{name}/group-start"), first),
            wanted,
        );
        let number = out.groups.len();
        out.groups.push(Group {
            name: written.clone(),
            at: call.at,
            start,
            end: start,
            serial: serial.is_some(),
        });
        let from = out.jobs.len();
        for item in list.value.items() {
            if let Some(inner) = self.nested_group(&item.value) {
                let problem = misuse(
                    "a job group inside a job group",
                    item.value.at(),
                    format!("`{inner}` is a group too"),
                );
                self.problems
                    .push(problem.help("write the jobs of both groups into one"));
                out.incomplete = true;
                continue;
            }
            self.workflow_entry(item, list.key_at, scope, uses, out);
        }
        let way = Call {
            what: format!("job group {}", group.key).into(),
            at: call.at,
            defined: Some(group.key_at),
            given: None,
        };
        for member in from..out.jobs.len() {
            out.inside[member] = Some(number);
            let job = &mut out.jobs[member];
            job.origin.via.insert(0, way.clone());
            if job.filters.is_none() {
                job.filters.clone_from(&filters);
            }
            if let Some(serial) = &job.serial_group {
                self.problems.push(misuse(
                    "a serial group inside a job group",
                    serial.at,
                    "members of a group have none of their own",
                ));
            }
        }
        out.groups[number].end = out.jobs.len();
        out.push(end("group-end", written, last), Vec::new());
    }

    /// Returns the name of the group that a member calls.
    fn nested_group(&self, member: &Value) -> Option<String> {
        let name = match member.entries() {
            [only] => &*only.key,
            _ => member.as_str()?,
        };
        let group = self.config.job_groups.iter().any(|g| *g.key == *name);
        group.then(|| name.to_owned())
    }
}

/// What job groups do not allow.
pub(super) fn misuse(title: &str, at: Location, text: impl Into<String>) -> Problem {
    Problem::new("job-group-misuse", title, at, text)
}
