//! Which jobs of a workflow run, and what they take over from an earlier run.

use std::collections::BTreeSet;
use std::path::Path;

use super::Args;
use crate::cli::CliError;
use crate::finding;
use crate::flow::Graph;
use crate::layer::Workspace;
use crate::plan::{Job, JobIndex, JobStatus, Workflow};
use crate::run::{self, JobReport, Options, Summary};

/// The word for the last run, where a run is named.
const LAST: &str = "last";

/// The earlier runs of a project, the last one first.
pub(super) struct Earlier {
    runs: Vec<Summary>,
}

impl Earlier {
    /// Reads them where the arguments speak of one.
    pub(super) fn read(args: &Args, runs: &Path) -> Result<Self, CliError> {
        let asked = args.only || args.rerun_from_failed.is_some();
        let runs = if asked {
            run::earlier(runs).map_err(|e| CliError::input(e.to_string()))?
        } else {
            Vec::new()
        };
        Ok(Self { runs })
    }

    /// Returns the run that a rerun begins from, whose workflow is then the one that is meant.
    pub(super) fn rerun(&self, args: &Args) -> Result<Option<&Summary>, CliError> {
        let Some(name) = &args.rerun_from_failed else {
            return Ok(None);
        };
        let run = self.named(name, args.workflow.as_deref())?;
        match &args.workflow {
            Some(workflow) if *workflow != run.workflow => Err(CliError::usage(format!(
                "run {} was one of workflow `{}`",
                run.run, run.workflow
            ))
            .hint("leave the workflow out: it is that of the run")),
            _ => Ok(Some(run)),
        }
    }

    /// Finds a run by its id, the beginning of it, or `last`.
    fn named(&self, name: &str, workflow: Option<&str>) -> Result<&Summary, CliError> {
        if self.runs.is_empty() {
            return Err(
                CliError::usage("no earlier run of this project came to an end")
                    .hint("their summaries are kept in .holdall/runs for 30 days"),
            );
        }
        if name == LAST {
            let of = |run: &&Summary| workflow.is_none_or(|name| run.workflow == name);
            return self.runs.iter().find(of).ok_or_else(|| {
                CliError::usage(format!(
                    "no earlier run of workflow `{}` came to an end",
                    workflow.unwrap_or_default()
                ))
            });
        }
        let fits: Vec<&Summary> = self
            .runs
            .iter()
            .filter(|run| !name.is_empty() && run.run.starts_with(name))
            .collect();
        match fits.as_slice() {
            [one] => Ok(one),
            [] => Err(CliError::usage(format!("no run `{name}` came to an end"))
                .hint(format!("the last one was {} (`last`)", self.runs[0].run))),
            several => {
                let ids: Vec<&str> = several.iter().map(|run| run.run.as_str()).collect();
                Err(CliError::usage(format!(
                    "several runs begin with `{name}`: {}",
                    finding::listed(&ids, 5)
                )))
            }
        }
    }

    /// Returns the last attempt in a workspace.
    fn attempts(&self, workspace: &str) -> u32 {
        let of = self.runs.iter().filter(|run| run.workspace == workspace);
        of.map(|run| run.attempt).max().unwrap_or(0)
    }
}

/// Leaves of the workflow what is to run, with what it needs, and puts what an earlier run did
/// into the options.
pub(super) fn narrow(
    args: &Args,
    workflow: Workflow,
    earlier: &Earlier,
    options: &mut Options,
) -> Result<Workflow, CliError> {
    if let Some(run) = earlier.rerun(args)? {
        // What was no part of the run, for `--job` or a filter, is no part of its rerun.
        let jobs = workflow.jobs.iter();
        let keep: Vec<bool> = jobs.map(|job| run.job(&job.name).is_some()).collect();
        let workflow = workflow.part(&keep);
        options.reused = run.passed(&workflow);
        if options.reused.len() == workflow.jobs.len() {
            return Err(CliError::usage(format!(
                "every job of run {} passed: there is nothing to run again",
                run.run
            )));
        }
        take_over(run, earlier, options)?;
        return Ok(workflow);
    }
    if args.job.is_empty() {
        return Ok(workflow);
    }
    let graph = Graph::new(&workflow);
    let mut chosen = BTreeSet::new();
    for name in &args.job {
        chosen.extend(named(&workflow, name)?);
    }
    let mut keep: Vec<bool> = (0..workflow.jobs.len())
        .map(|j| chosen.contains(&j))
        .collect();
    for &job in &chosen {
        for before in graph.upstream(job) {
            keep[before] = true;
        }
    }
    if args.only {
        let name = args.from_run.as_deref();
        let run = source(&workflow, &graph, &chosen, &keep, name, earlier)?;
        options.reused = before(&workflow, &chosen, &keep)
            .filter_map(|job| run.job(&job.name))
            .map(|report| run.taken_over(report))
            .collect();
        take_over(run, earlier, options)?;
    }
    Ok(workflow.part(&keep))
}

/// Returns the jobs that are kept without being asked for.
fn before<'w>(
    workflow: &'w Workflow,
    chosen: &'w BTreeSet<JobIndex>,
    keep: &'w [bool],
) -> impl Iterator<Item = &'w Job> {
    let jobs = workflow.jobs.iter().enumerate();
    jobs.filter(|(j, _)| keep[*j] && !chosen.contains(j))
        .map(|(_, job)| job)
}

/// Finds the run whose layers `--only` uses.
fn source<'e>(
    workflow: &Workflow,
    graph: &Graph,
    chosen: &BTreeSet<JobIndex>,
    keep: &[bool],
    name: Option<&str>,
    earlier: &'e Earlier,
) -> Result<&'e Summary, CliError> {
    // Every requirement of the jobs must have ended as it is asked for, in that run.
    let unmet = |run: &Summary| {
        let mut jobs = (0..workflow.jobs.len()).filter(|j| keep[*j]);
        jobs.find_map(|job| {
            let ready = chosen.contains(&job) || run.job(&workflow.jobs[job].name).is_some();
            if !ready {
                return Some(workflow.jobs[job].name.clone());
            }
            let mut requires = workflow.jobs[job].requires.iter();
            requires.find_map(|r| {
                let before = &workflow.jobs[r.job];
                let met = chosen.contains(&r.job)
                    || run
                        .job(&before.name)
                        .is_some_and(|report| match r.statuses.as_slice() {
                            [] => report.status == JobStatus::Success,
                            accepted => accepted.contains(&report.status),
                        });
                (!met
                    && chosen
                        .iter()
                        .any(|c| *c == job || graph.is_upstream(job, *c)))
                .then(|| before.name.clone())
            })
        })
    };
    if let Some(name) = name {
        let run = earlier.named(name, Some(&workflow.name))?;
        return match unmet(run) {
            None => Ok(run),
            Some(job) => Err(CliError::usage(format!(
                "job `{job}` has not ended as it must in run {}",
                run.run
            ))
            .hint("leave out --only to run it as well")),
        };
    }
    let mut runs = earlier
        .runs
        .iter()
        .filter(|run| run.workflow == workflow.name);
    runs.find(|run| unmet(run).is_none()).ok_or_else(|| {
        CliError::usage(format!(
            "no earlier run of workflow `{}` has done what comes before",
            workflow.name
        ))
        .hint("leave out --only to run that as well")
    })
}

/// Goes on in the workspace of an earlier run.
fn take_over(run: &Summary, earlier: &Earlier, options: &mut Options) -> Result<(), CliError> {
    let workspace = Workspace::in_dir(&options.store, &run.workspace);
    let there: BTreeSet<String> = workspace
        .layers()
        .map_err(|e| CliError::input(format!("the layers of run {}: {e}", run.run)))?
        .into_iter()
        .map(|info| info.record.layer.to_string())
        .collect();
    let lost = |report: &&JobReport| report.layers.iter().any(|l| !there.contains(&l.digest));
    if let Some(report) = options.reused.iter().find(lost) {
        return Err(CliError::found(format!(
            "the layers of `{}` of run {} are gone",
            report.name, run.run
        ))
        .hint("workspaces are kept for 15 days; run the whole workflow again"));
    }
    options.workspace = Some(run.workspace.clone());
    options.attempt = earlier.attempts(&run.workspace) + 1;
    Ok(())
}

/// Finds jobs by the name of one, or by the one that all arms of a matrix share.
fn named(workflow: &Workflow, name: &str) -> Result<Vec<JobIndex>, CliError> {
    let by = |fits: &dyn Fn(&Job) -> bool| -> Vec<JobIndex> {
        let jobs = workflow.jobs.iter().enumerate();
        jobs.filter(|(_, job)| fits(job)).map(|(j, _)| j).collect()
    };
    let exact = by(&|job| job.name == name);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let arms = by(&|job| {
        job.matrix
            .as_ref()
            .is_some_and(|m| m.alias == name || m.base == name)
    });
    if !arms.is_empty() {
        return Ok(arms);
    }
    let error = CliError::usage(format!("workflow `{}` has no job `{name}`", workflow.name));
    Err(error.hint_name(name, workflow.jobs.iter().map(|j| j.name.as_str())))
}
