//! `--to shell`: a POSIX script for each job, and one for each workflow that runs them in order.
//!
//! The scripts need sh, tar, gzip and sha256sum or shasum, whatever the steps themselves call, and
//! nothing of holdall. Each job gets a home folder of its own, so that `~/project` is a fresh
//! folder; absolute paths are what they are, so the scripts belong into a container or onto a
//! machine that may be written to. What was pushed and what the parameters are is asked when a
//! script runs; only what a job runs on cannot be kept.

mod condition;
mod facts;
mod job;
mod steps;
mod workflow;

use std::path::PathBuf;

use super::comments::Comments;
use super::{Ledger, Migration, Node, OutputFile, TranspileError, values};
use crate::circleci::Compiled;
use crate::flow::Graph;
use crate::layer::encode_job;
use crate::plan::{JobKind, actual};
use facts::Facts;
use job::Place;

const FACTS: &str = include_str!("facts.sh");
const CONDITIONS: &str = include_str!("conditions.sh");

/// Writes the scripts of all workflows; `config` is the name of what they are made from.
///
/// # Errors
/// Items of the config that were forgotten: a defect.
pub fn migrate(compiled: &Compiled, config: &str) -> Result<Migration, TranspileError> {
    let pipeline = &compiled.pipeline;
    let mut ledger = Ledger::new(pipeline);
    let facts = Facts {
        parameters: values::parameters(&compiled.tree),
    };
    let comments = Comments::new(&compiled.tree);
    let mut files = Vec::new();
    ledger.manual(
        Node::Pipeline,
        "setup",
        "transpile the config that the setup workflow writes, and run its scripts behind it",
    );
    for (w, workflow) in pipeline.workflows.iter().enumerate() {
        let graph = Graph::new(workflow);
        let place = Place {
            w,
            workflow,
            graph: &graph,
            facts: &facts,
            comments: &comments,
            config,
        };
        for (j, job) in workflow.jobs.iter().enumerate() {
            if job.kind == JobKind::Build {
                files.push(script(
                    format!("jobs/{}.sh", encode_job(&job.name)),
                    &job::script(&place, j, &mut ledger),
                ));
            }
        }
        files.push(script(
            format!("{}.sh", encode_job(&workflow.name)),
            &workflow::script(&place, &mut ledger),
        ));
    }
    let report = ledger
        .finish(pipeline, "shell")
        .map_err(TranspileError::Forgotten)?;
    Ok(Migration { files, report })
}

fn script(name: String, text: &str) -> OutputFile {
    OutputFile {
        path: PathBuf::from(".holdall/shell").join(name),
        // Values that are no variables are what they are here.
        text: actual(text),
        executable: true,
    }
}

/// A text inside a comment: one line.
fn comment(text: &str) -> String {
    actual(text).replace(['\n', '\r'], " ")
}

/// Returns comments of the config as lines of a script.
fn carried(comments: &[&str]) -> String {
    comments
        .iter()
        .map(|c| format!("{}\n", comment(c)))
        .collect()
}
