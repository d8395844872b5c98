//! Runs that have ended: what is known of them, and what of them a later run can take over.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use super::error::RunError;
use super::report::{JobReport, Summary};
use crate::flow::Graph;
use crate::plan::{JobIndex, JobStatus, Workflow};

/// Returns the runs below a folder that came to an end, the last one first. A run that was killed
/// has left no summary, and one that is under way has none yet.
///
/// # Errors
/// The folder, or a summary in it, cannot be read. A folder that is missing holds no run.
pub fn earlier(runs: &Path) -> Result<Vec<Summary>, RunError> {
    let entries = match std::fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", runs, error)),
    };
    let mut found: Vec<(SystemTime, Summary)> = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|e| RunError::io("read", runs, e))?
            .path()
            .join("run.json");
        let Ok(meta) = path.metadata() else { continue };
        let text = std::fs::read(&path).map_err(|e| RunError::io("read", &path, e))?;
        // A summary of another version of this program is no summary that can be taken over.
        let Ok(summary) = serde_json::from_slice::<Summary>(&text) else {
            continue;
        };
        let ended = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        found.push((ended, summary));
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.run.cmp(&a.1.run)));
    Ok(found.into_iter().map(|(_, summary)| summary).collect())
}

impl Summary {
    /// Returns the reports of the jobs that need not run again when the rest does, as a rerun from
    /// failed takes them: those that passed, and before which nothing runs again.
    #[must_use]
    pub fn passed(&self, workflow: &Workflow) -> Vec<JobReport> {
        let graph = Graph::new(workflow);
        let mut kept: BTreeMap<JobIndex, JobReport> = BTreeMap::new();
        for &job in graph.order() {
            let report = self.job(&workflow.jobs[job].name);
            let passed = report.filter(|r| r.status == JobStatus::Success);
            if let Some(report) = passed
                && graph.upstream(job).all(|before| kept.contains_key(&before))
            {
                kept.insert(job, self.taken_over(report));
            }
        }
        kept.into_values().collect()
    }

    /// Returns the report of a job.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&JobReport> {
        self.jobs.iter().find(|report| report.name == name)
    }

    /// Returns a report as a later run takes it over.
    #[must_use]
    pub fn taken_over(&self, report: &JobReport) -> JobReport {
        JobReport {
            reused: Some(report.reused.clone().unwrap_or_else(|| self.run.clone())),
            ..report.clone()
        }
    }
}
