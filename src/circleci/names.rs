//! What definitions may be called (circleci-semantics §5.2): the form of names, and names that
//! stand in each other's way.

use super::compile::Compiler;
use super::job::ENTRY_KEYS;
use super::library::Library;
use super::problem::Problem;
use super::value::Entry;
use crate::finding::listed;
use crate::hash::HashMap;
use crate::plan::{JobKind, Workflow};
use crate::yaml::Location;

impl Compiler<'_> {
    /// Checks the names of the config and of the orbs that are written in it.
    pub(super) fn check_names(&mut self) {
        let mut libraries: Vec<&Library> = vec![&self.config.library];
        while let Some(library) = libraries.pop() {
            let inline = library.orbs.iter().filter(|o| o.reference.is_none());
            libraries.extend(inline.filter_map(|o| o.library.as_deref()));
            check_library(library, &mut self.problems);
        }
    }

    /// An approval has no definition: one that is named like a job hides it, and never runs it
    /// (circleci-semantics §4.2).
    pub(super) fn check_approvals(&mut self, workflows: &[Workflow]) {
        let jobs = &self.config.library.jobs;
        let approvals = workflows.iter().flat_map(|w| &w.jobs);
        for job in approvals.filter(|j| j.kind == JobKind::Approval && j.definition == j.origin.at)
        {
            if let Some(defined) = jobs.iter().find(|d| *d.key == *job.written_name) {
                self.problems.push(
                    collision(
                        job.origin.at,
                        format!("`{}` is the name of a job too", defined.key),
                    )
                    .label(defined.key_at, "this job does not run here")
                    .help("give the approval a name of its own"),
                );
            }
        }
    }
}

fn check_library(library: &Library, problems: &mut Vec<Problem>) {
    for (kind, entries) in [
        ("command", &library.commands),
        ("executor", &library.executors),
    ] {
        for entry in entries.iter().filter(|e| !e.key.contains("<<")) {
            let lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
            if !entry.key.starts_with(|c: char| c.is_ascii_lowercase())
                || !entry.key.bytes().all(lower)
            {
                problems.push(wrong_form(kind, entry).help(
                    "begin with a small letter, and go on with small letters, digits, `_` and `-`",
                ));
            }
        }
    }
    for entry in library.jobs.iter().filter(|e| !e.key.contains("<<")) {
        // Names beyond ASCII were seen to run.
        if entry
            .key
            .starts_with(|c: char| c.is_ascii() && !c.is_ascii_alphabetic())
        {
            problems.push(wrong_form("job", entry).help("begin with a letter"));
        }
        reserved(entry, problems);
    }
    only_case(&library.jobs, problems);
}

/// What does not have the form of names of its kind.
fn wrong_form(kind: &str, entry: &Entry) -> Problem {
    Problem::new(
        "wrong-type",
        "a name that the service does not take",
        entry.key_at,
        format!(
            "`{}` cannot be the name of {} {kind}",
            entry.key,
            article(kind)
        ),
    )
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with('e') { "an" } else { "a" }
}

/// Arguments of a job stand beside the keys of its entry in the workflow: a parameter with the
/// name of one of these never gets its value (circleci-semantics §5.3).
fn reserved(job: &Entry, problems: &mut Vec<Problem>) {
    let parameters = job.value.get("parameters");
    for parameter in parameters.iter().flat_map(|p| p.value.entries()) {
        if ENTRY_KEYS.contains(&&*parameter.key) {
            problems.push(
                collision(
                    parameter.key_at,
                    format!(
                        "`{}` is a key of a job's entry in a workflow",
                        parameter.key
                    ),
                )
                .help("give the parameter another name")
                .note(format!(
                    "reserved are {}",
                    listed(&ENTRY_KEYS, ENTRY_KEYS.len())
                )),
            );
        }
    }
}

/// Names of jobs are unique whatever their case (circleci-semantics §5.2).
fn only_case(jobs: &[Entry], problems: &mut Vec<Problem>) {
    let mut seen: HashMap<String, (&str, Location)> = HashMap::default();
    for job in jobs {
        let folded = job.key.to_lowercase();
        match seen.get(&folded) {
            // The same name again is a key given twice.
            Some((first, _)) if **first == *job.key => {}
            Some((first, at)) => problems.push(
                collision(
                    job.key_at,
                    format!("`{}` and `{first}` differ by their case only", job.key),
                )
                .label(*at, "the other one")
                .help("give one of them another name"),
            ),
            None => {
                seen.insert(folded, (&job.key, job.key_at));
            }
        }
    }
}

fn collision(at: Location, text: String) -> Problem {
    Problem::new("name-collision", "a name that is taken", at, text)
}
