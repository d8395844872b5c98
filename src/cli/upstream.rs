//! Which jobs are upstream of an attach, and in what order: as the command line lists them, or as
//! a graph says that `holdall graph` printed.

use std::path::Path;

use super::{CliError, Ui, input};
use crate::flow::chart::{self, Chart, JobChart, WorkflowChart};
use crate::layer::Upstream;

/// Reads the jobs upstream of a job from a graph.
pub(super) fn from_graph(
    path: &Path,
    workflow: Option<&str>,
    job: &str,
    ui: &Ui,
) -> Result<Vec<Upstream>, CliError> {
    let chart = read(path)?;
    let (workflow, job) = find(&chart, workflow, job)?;
    if job.may_see_more {
        ui.note(&format!(
            "{} may see layers that the graph does not list: a part of what is upstream is not known",
            job.name
        ));
    }
    let upstream = job.upstream.iter().map(|name| Upstream {
        job: name.clone(),
        after: workflow
            .job(name)
            .map(|giver| giver.upstream.clone())
            .unwrap_or_default(),
    });
    Ok(upstream.collect())
}

fn read(path: &Path) -> Result<Chart, CliError> {
    let source = input::read(path).map_err(|mut error| {
        error.hints = vec!["`--graph` names what `holdall graph --format json` printed".to_owned()];
        error
    })?;
    let name = path.display();
    let wrong = |what: String| {
        CliError::usage(format!("{name} is no graph: {what}"))
            .hint("write one with `holdall graph --format json`")
    };
    let value: serde_json::Value =
        serde_json::from_str(source.text()).map_err(|error| wrong(error.to_string()))?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(chart::VERSION) => {}
        Some(version) => {
            return Err(wrong(format!(
                "it has version {version}, and this program knows {}",
                chart::VERSION
            )));
        }
        None => return Err(wrong("it has no version".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
}

fn find<'c>(
    chart: &'c Chart,
    workflow: Option<&str>,
    job: &str,
) -> Result<(&'c WorkflowChart, &'c JobChart), CliError> {
    if let Some(name) = workflow
        && !chart.workflows.iter().any(|w| w.name == name)
    {
        return Err(
            CliError::usage(format!("the graph has no workflow `{name}`"))
                .hint_name(name, chart.workflows.iter().map(|w| w.name.as_str())),
        );
    }
    let meant = chart
        .workflows
        .iter()
        .filter(|w| workflow.is_none_or(|name| w.name == name));
    let found: Vec<(&WorkflowChart, &JobChart)> = meant
        .clone()
        .filter_map(|workflow| Some((workflow, workflow.job(job)?)))
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let names = meant.flat_map(|w| &w.jobs).map(|j| j.name.as_str());
            Err(CliError::usage(format!("the graph has no job `{job}`")).hint_name(job, names))
        }
        many => {
            let names: Vec<&str> = many.iter().map(|(w, _)| w.name.as_str()).collect();
            Err(CliError::usage(format!(
                "several workflows have a job `{job}`: {}",
                names.join(", ")
            ))
            .hint("say which one: --workflow NAME"))
        }
    }
}

/// Each job comes after all that are listed before it, but for those it is concurrent with.
pub(super) fn listed(jobs: &[String], concurrent: &[String]) -> Result<Vec<Upstream>, CliError> {
    let groups: Vec<Vec<&str>> = concurrent
        .iter()
        .map(|group| group.split(',').map(str::trim).collect())
        .collect();
    for name in groups.iter().flatten() {
        if !jobs.iter().any(|job| job == name) {
            return Err(CliError::usage(format!(
                "`{name}` is said to be concurrent and is no --upstream"
            )));
        }
    }
    let unordered = |a: &str, b: &str| {
        groups
            .iter()
            .any(|group| group.contains(&a) && group.contains(&b))
    };
    let mut upstream = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        for (first, earlier) in jobs[..at].iter().enumerate() {
            let between = jobs[first + 1..at]
                .iter()
                .find(|middle| !unordered(earlier, middle) && !unordered(middle, job));
            if let Some(middle) = between.filter(|_| unordered(earlier, job)) {
                return Err(CliError::usage(format!(
                    "{earlier} and {job} cannot be concurrent: {middle} comes after the one and before the other"
                ))
                .hint("list concurrent jobs next to each other"));
            }
        }
        let after = jobs[..at].iter().filter(|earlier| !unordered(earlier, job));
        upstream.push(Upstream {
            job: job.clone(),
            after: after.cloned().collect(),
        });
    }
    Ok(upstream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(jobs: &[&str], concurrent: &[&str]) -> Result<Vec<Vec<String>>, CliError> {
        let own = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        Ok(listed(&own(jobs), &own(concurrent))?
            .into_iter()
            .map(|entry| entry.after)
            .collect())
    }

    #[test]
    fn jobs_are_ordered_as_listed_but_for_those_that_are_concurrent() {
        assert_eq!(
            after(&["a", "b"], &[]).unwrap(),
            [vec![], vec!["a".to_owned()]]
        );
        let fan = after(&["s", "a", "b", "t"], &["a,b"]).unwrap();
        assert_eq!(fan[2], ["s"]);
        assert_eq!(fan[3], ["s", "a", "b"]);
        assert!(after(&["a", "b", "c"], &["a,c"]).is_err());
        assert!(after(&["a"], &["a,x"]).is_err());
    }
}
