//! The variables of a job.

use super::facts::{lacks, word};
use super::job::Context;
use super::names::reference;
use super::steps::Needs;
use super::write::Entries;
use crate::plan::{EnvVar, ExecutorKind, JobIndex};
use crate::transpile::{Ledger, Node, Outcome, values};
use crate::yaml::Data;

/// Names that a shell keeps for itself: setting one ends its script.
const READ_ONLY: [&str; 6] = [
    "BASHOPTS",
    "BASH_VERSINFO",
    "EUID",
    "PPID",
    "SHELLOPTS",
    "UID",
];

/// Writes the variables that GitLab and the driver read, and returns those that the job's script
/// sets: the config's own. GitLab would expand what is in them, show them to services too, and let
/// a variable of the project win over one of a job; on the service the job's wins.
pub(super) fn variables(
    at: &Context<'_>,
    j: JobIndex,
    facts: &mut Needs,
    ledger: &mut Ledger,
    out: &mut Entries,
) -> Vec<String> {
    let job = &at.workflow.jobs[j];
    let node = Node::Job(at.w, j);
    let mut list: Vec<(String, Data)> = vec![
        (
            "CIRCLE_JOB".to_owned(),
            Data::Str(job.name.replace('$', "$$")),
        ),
        (
            "CIRCLE_WORKING_DIRECTORY".to_owned(),
            Data::Str(reference(&job.working_directory.value.replace('$', "$$"))),
        ),
    ];
    match facts.checkout {
        Some(depth) => list.push(("GIT_DEPTH".to_owned(), Data::Str(depth.to_string()))),
        None => list.push(("GIT_STRATEGY".to_owned(), "none".into())),
    }
    if facts.docker {
        for (name, value) in [
            ("DOCKER_HOST", "tcp://docker:2376"),
            ("DOCKER_TLS_CERTDIR", "/certs"),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", "/certs/client"),
        ] {
            list.push((name.to_owned(), value.into()));
        }
    }
    let image: &[EnvVar] = match job.executor.as_ref().map(|e| &e.kind) {
        Some(ExecutorKind::Docker(images)) => images.first().map_or(&[], |i| &i.environment),
        _ => &[],
    };
    let mut exported: Vec<EnvVar> = Vec::new();
    let own = job
        .environment
        .iter()
        .enumerate()
        .map(|(n, v)| ("environment", n, v));
    let theirs = image
        .iter()
        .enumerate()
        .map(|(n, v)| ("image.environment", n, v));
    for (key, nth, var) in theirs.chain(own) {
        let fits = var
            .name
            .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && var
                .name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !fits || READ_ONLY.contains(&var.name.as_str()) {
            let what = format!("a shell cannot set a variable {}: rename it", var.name);
            ledger.settle_nth(node, key, nth, Outcome::Manual(what));
            continue;
        }
        let lacking = values::word(&var.value.value).values;
        let lacking = lacking.iter().find_map(|name| lacks(name));
        let outcome = lacking.map_or(Outcome::Converted, Outcome::Approximated);
        ledger.settle_nth(node, key, nth, outcome);
        exported.retain(|v| v.name != var.name);
        exported.push(var.clone());
    }
    out.add("variables", Data::Map(list));
    let mut lines = Vec::new();
    for var in &exported {
        let word = values::word(&var.value.value);
        facts.values.extend(word.values);
        lines.push(format!("export {}={}", var.name, word.text));
    }
    // Parameters are variables of the whole file.
    let own = facts
        .values
        .iter()
        .filter(|v| !v.starts_with(values::PARAMETER));
    let first: Vec<String> = own
        .map(|name| {
            let variable = values::variable(name);
            match word(name) {
                // What a command says is not exported at once: that would hide its failure.
                Some(word) if word.contains("$(") => {
                    format!("{variable}={word}\nexport {variable}")
                }
                Some(word) => format!("export {variable}={word}"),
                // Where it is read that is said.
                None => format!("export {variable}=''"),
            }
        })
        .collect();
    first.into_iter().chain(lines).collect()
}
