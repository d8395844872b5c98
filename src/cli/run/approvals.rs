//! Approvals: those that are given ahead, and the question to a person.

use crate::cli::CliError;
use crate::plan::{JobKind, Workflow};

/// Refuses approvals of what is no approval job of the workflow.
pub(super) fn known(approved: &[String], workflow: &Workflow) -> Result<(), CliError> {
    let approvals = workflow
        .jobs
        .iter()
        .filter(|job| job.kind == JobKind::Approval);
    let names: Vec<&str> = approvals.map(|job| job.name.as_str()).collect();
    match approved.iter().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let error = CliError::usage(format!(
                "workflow `{}` has no approval job `{name}`",
                workflow.name
            ));
            Err(match names.is_empty() {
                true => error.hint("it has none at all: leave out --approve"),
                false => error.hint_name(name, names),
            })
        }
    }
}

/// Says whether somebody is there to be asked.
pub(super) fn asks() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks whether a job is approved; anything but yes is no.
pub(super) fn ask(job: &str) -> bool {
    use std::io::Write as _;
    let mut out = std::io::stderr();
    let asked = write!(out, "approve `{job}`? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    if !answer.ends_with('\n') {
        // The end of the input leaves the cursor behind the question.
        let _ = writeln!(out);
    }
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
