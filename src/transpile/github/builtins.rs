//! CircleCI's built-in variables that the texts of a config read.

use std::collections::BTreeSet;

use crate::plan::{Job, StepKind};

/// Returns the built-in variables that a step names, in the order of the alphabet.
pub(super) fn used(kind: &StepKind) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    match kind {
        StepKind::Run(run) => {
            look(&run.command.value, &mut out);
            run.environment
                .iter()
                .for_each(|v| look(&v.value.value, &mut out));
            if run.command.value.contains("circleci tests") {
                look("CIRCLE_NODE_INDEX CIRCLE_NODE_TOTAL", &mut out);
            }
        }
        StepKind::SaveCache(save) => look(&save.key.value, &mut out),
        StepKind::RestoreCache(restore) => {
            restore.keys.iter().for_each(|k| look(&k.value, &mut out));
        }
        _ => {}
    }
    out
}

/// Returns those that a job's steps name, and those that tell its nodes apart.
pub(super) fn used_by(job: &Job) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = job.steps.iter().flat_map(|s| used(&s.kind)).collect();
    if job.parallelism > 1 {
        out.extend(["CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL"].map(str::to_owned));
    }
    out
}

fn look(text: &str, out: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices("CIRCLE") {
        let word: String = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let begins = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins && (word == "CIRCLECI" || word.starts_with("CIRCLE_")) {
            out.insert(word);
        }
    }
}
