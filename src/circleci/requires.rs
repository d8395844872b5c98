//! What jobs wait for: `requires` in its forms, pointed at the jobs that are meant
//! (circleci-semantics §4.2).

use std::collections::HashMap;

use super::compile::Compiler;
use super::config::wrong_type;
use super::problem::Problem;
use super::value::{Data, Entry, Value};
use crate::finding::{listed, nearest};
use crate::plan::{Job, JobStatus, Located, Requirement};
use crate::yaml::Location;

/// A requirement as written.
pub(super) struct Wanted {
    name: String,
    at: Location,
    statuses: Vec<JobStatus>,
}

impl Compiler<'_> {
    /// Reads `requires`: names, or names with the statuses that count.
    pub(super) fn wanted(&mut self, arguments: &Value) -> Vec<Wanted> {
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
    pub(super) fn resolve(
        &mut self,
        workflow: &str,
        jobs: &mut [Job],
        wanted: Vec<Vec<Wanted>>,
        incomplete: bool,
    ) {
        let written = by_name(jobs, |j| Some(&j.written_name));
        let effective = by_name(jobs, |j| Some(&j.name));
        let aliases = by_name(jobs, |j| j.matrix.as_ref().map(|m| &m.alias));
        for (i, list) in wanted.into_iter().enumerate() {
            for want in list {
                let others = |named: &HashMap<String, Vec<usize>>| -> Vec<usize> {
                    let all = named.get(&want.name).into_iter().flatten();
                    all.copied().filter(|j| *j != i).collect()
                };
                let mut found = others(&written);
                if found.is_empty() {
                    found = others(&effective);
                }
                if found.is_empty() {
                    // The alias of a matrix means all its arms (circleci-semantics §4.3).
                    let arms = others(&aliases);
                    if !arms.is_empty() {
                        for job in arms {
                            jobs[i].requires.push(Requirement {
                                job,
                                at: want.at,
                                statuses: want.statuses.clone(),
                            });
                        }
                        continue;
                    }
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
        let defined = self
            .config
            .library
            .jobs
            .iter()
            .find(|j| *j.key == *want.name);
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
}

/// Returns the jobs of each name, in the order of the text.
fn by_name(jobs: &[Job], name: fn(&Job) -> Option<&String>) -> HashMap<String, Vec<usize>> {
    let mut out: HashMap<String, Vec<usize>> = HashMap::new();
    for (i, job) in jobs.iter().enumerate() {
        if let Some(name) = name(job) {
            out.entry(name.clone()).or_default().push(i);
        }
    }
    out
}
