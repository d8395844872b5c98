//! What `act` is told so that it runs the jobs of a workflow on this machine and in no container,
//! where the program that looks at what is attached would be missing.

use std::path::Path;

use serde_yaml::{Mapping, Value};

use super::cannot;
use crate::cli::CliError;

/// Takes the containers out of a workflow in the copy, and returns the options that name this
/// machine for every label that its jobs ask for.
pub(super) fn on_this_machine(file: &Path) -> Result<Vec<String>, CliError> {
    let text = std::fs::read_to_string(file).map_err(|e| cannot("read", file, &e))?;
    let wrong =
        |e: serde_yaml::Error| CliError::input(format!("cannot read {}: {e}", file.display()));
    let mut workflow: Value = serde_yaml::from_str(&text).map_err(wrong)?;
    let mut labels: Vec<String> = Vec::new();
    if let Some(Value::Mapping(jobs)) = workflow.get_mut("jobs") {
        for job in jobs.values_mut().filter_map(Value::as_mapping_mut) {
            bare(job);
            for label in words(job.get("runs-on")) {
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
        }
    }
    let text = serde_yaml::to_string(&workflow).map_err(wrong)?;
    std::fs::write(file, text).map_err(|e| cannot("write", file, &e))?;
    let options = labels
        .into_iter()
        .flat_map(|l| ["-P".to_owned(), format!("{l}=-self-hosted")]);
    Ok(options.collect())
}

/// Takes the containers of a job out; the variables of the first one are the job's then.
fn bare(job: &mut Mapping) {
    job.remove("services");
    let Some(container) = job.remove("container") else {
        return;
    };
    let Some(Value::Mapping(own)) = container.get("env").cloned() else {
        return;
    };
    let mut all = own;
    if let Some(Value::Mapping(of_job)) = job.get("env").cloned() {
        all.extend(of_job);
    }
    job.insert("env".into(), Value::Mapping(all));
}

/// Returns a label, or several.
fn words(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Sequence(list)) => {
            let list = list.iter().filter_map(|l| l.as_str());
            list.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
