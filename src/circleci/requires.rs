//! What jobs wait for: `requires` in its forms, pointed at the jobs that are meant
//! (circleci-semantics §4.2).

use super::compile::Compiler;
use super::config::wrong_type;
use super::groups::{Entries, misuse};
use super::problem::Problem;
use super::value::{Data, Entry, Value};
use crate::finding::{listed, nearest};
use crate::hash::HashMap;
use crate::plan::{Job, JobIndex, JobStatus, Located, Requirement};
use crate::yaml::Location;

/// A requirement as written.
pub(super) struct Wanted {
    name: String,
    at: Location,
    statuses: Vec<JobStatus>,
}

/// Most problems of a config before a name that no job has is still compared with all the others:
/// thousands of them are no typing mistakes.
const MOST_SUGGESTED: usize = 500;

/// The jobs of a workflow by the names that requirements use.
struct Names {
    /// By the name as written, by the effective name, by the alias of a matrix.
    written: HashMap<(Option<usize>, String), Vec<JobIndex>>,
    effective: HashMap<(Option<usize>, String), Vec<JobIndex>>,
    aliases: HashMap<(Option<usize>, String), Vec<JobIndex>>,
}

/// What answers to a name.
enum Answer {
    Nobody,
    One([JobIndex; 1]),
    /// All arms of a matrix.
    Arms(Vec<JobIndex>),
    /// More than one job, of which one should be meant.
    Several(Vec<JobIndex>),
}

impl Answer {
    fn jobs(&self) -> &[JobIndex] {
        match self {
            Self::Nobody => &[],
            Self::One(one) => one,
            Self::Arms(jobs) | Self::Several(jobs) => jobs,
        }
    }
}

impl Names {
    fn new(entries: &Entries) -> Self {
        let mut names = Self {
            written: HashMap::default(),
            effective: HashMap::default(),
            aliases: HashMap::default(),
        };
        let add = |map: &mut HashMap<_, Vec<JobIndex>>, inside, name: &str, i| {
            map.entry((inside, name.to_owned())).or_default().push(i);
        };
        for (i, (job, inside)) in entries.jobs.iter().zip(&entries.inside).enumerate() {
            add(&mut names.written, *inside, &job.written_name, i);
            add(&mut names.effective, *inside, &job.name, i);
            if let Some(matrix) = &job.matrix {
                add(&mut names.aliases, *inside, &matrix.alias, i);
            }
        }
        names
    }

    /// Returns what a name means to a job: the one *other* job of that name, or all other arms of
    /// the matrix of that alias (circleci-semantics §4.2, §4.3).
    fn find(&self, name: &str, but: JobIndex, inside: Option<usize>) -> Answer {
        let key = (inside, name.to_owned());
        let others = |map: &HashMap<_, Vec<JobIndex>>| -> Vec<JobIndex> {
            let all = map.get(&key).map_or(&[][..], Vec::as_slice);
            all.iter().copied().filter(|j| *j != but).collect()
        };
        let mut found = others(&self.written);
        if found.is_empty() {
            found = others(&self.effective);
        }
        match found.as_slice() {
            [one] => Answer::One([*one]),
            [] => {
                let arms = others(&self.aliases);
                if arms.is_empty() {
                    Answer::Nobody
                } else {
                    Answer::Arms(arms)
                }
            }
            _ => Answer::Several(found),
        }
    }
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
                    name: String::from(&**name),
                    at: item.value.at(),
                    statuses: vec![JobStatus::Success],
                }),
                Data::Map(entries) => {
                    for entry in entries {
                        let statuses = self.statuses(entry);
                        out.push(Wanted {
                            name: String::from(&*entry.key),
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
            // The word stands for all of them, and alone (circleci-semantics §4.2).
            if text == "terminal" && entry.value.is_list() {
                self.problems.push(
                    Problem::new(
                        "enum-value",
                        "a status that does not stand in a list",
                        value.at(),
                        "`terminal` means every status",
                    )
                    .help(format!("write `{}: terminal`", entry.key)),
                );
                out.extend(JobStatus::ALL);
            } else if text == "terminal" {
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
                    problem = problem.did_you_mean(&text, near);
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

    /// Points every requirement at the one other job of that name (circleci-semantics §4.2). Jobs of
    /// a group see each other, and nobody else sees them.
    pub(super) fn resolve(&mut self, workflow: &str, mut entries: Entries) -> (Vec<Job>, bool) {
        let names = Names::new(&entries);
        let wanted = std::mem::take(&mut entries.wanted);
        for (i, list) in wanted.into_iter().enumerate() {
            let inside = entries.inside[i];
            for want in list {
                match names.find(&want.name, i, inside) {
                    found @ (Answer::One(_) | Answer::Arms(_)) => {
                        let arms = found.jobs();
                        entries.jobs[i]
                            .requires
                            .extend(arms.iter().map(|job| Requirement {
                                job: *job,
                                at: want.at,
                                statuses: want.statuses.clone(),
                            }));
                    }
                    Answer::Nobody if entries.incomplete => entries.jobs[i]
                        .unknown_requires
                        .push(Located::new(want.name, want.at)),
                    Answer::Nobody => {
                        let problem = self.unknown_requirement(workflow, &entries, i, &want);
                        self.problems.push(problem);
                    }
                    Answer::Several(several) => {
                        let jobs = &entries.jobs;
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
        entries.tie();
        (entries.jobs, entries.incomplete)
    }

    fn unknown_requirement(
        &self,
        workflow: &str,
        entries: &Entries,
        i: usize,
        want: &Wanted,
    ) -> Problem {
        let jobs = &entries.jobs;
        let elsewhere = jobs
            .iter()
            .zip(&entries.inside)
            .find(|(j, inside)| j.written_name == want.name && **inside != entries.inside[i]);
        if let Some((job, inside)) = elsewhere {
            let text = match inside {
                Some(group) => format!(
                    "`{}` is inside the group `{}`, where only its other jobs see it",
                    want.name, entries.groups[*group].name
                ),
                None => format!("`{}` is outside the group", want.name),
            };
            let help = match inside {
                Some(group) => format!("require the group: `{}`", entries.groups[*group].name),
                None => "put the requirement on the call of the group".to_owned(),
            };
            return misuse(
                "a requirement across the border of a job group",
                want.at,
                text,
            )
            .label(job.origin.at, "the job")
            .help(help);
        }
        let arm = jobs.iter().find_map(|j| {
            let matrix = j.matrix.as_ref().filter(|m| m.base == want.name)?;
            Some((j, matrix))
        });
        if let Some((job, matrix)) = arm {
            let help = match matrix.alias == matrix.base {
                true => format!(
                    "give the matrix an `alias`, and require that: the jobs are named like `{}`",
                    job.written_name
                ),
                false => format!("require the alias, `{}`", matrix.alias),
            };
            return Problem::new(
                "requires-matrix-base-name",
                "a requirement of a matrix by the name of its definition",
                want.at,
                format!(
                    "no job of workflow `{workflow}` is named `{}` any more",
                    want.name
                ),
            )
            .label(job.origin.at, "the workflow gives its jobs other names")
            .help(help);
        }
        let here: Vec<&str> = (0..jobs.len())
            .filter(|j| *j != i && entries.inside[*j] == entries.inside[i])
            .map(|j| jobs[j].written_name.as_str())
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
        let near = if self.problems.len() < MOST_SUGGESTED {
            nearest(&want.name, here.iter().copied())
        } else {
            None
        };
        problem = match (near, defined) {
            (Some(near), _) if !itself => problem.did_you_mean(&want.name, near),
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
